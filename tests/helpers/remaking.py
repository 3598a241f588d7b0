"""Network files altered on purpose, with checksums that fit, as a stranger could make them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import numpy as np

VALUES = (None, True, 0, -1, 2.5, 1e300, 10**30, "", "x", [], [1], ["a"], [[]], {}, {"a": 1}, {"$float": "nan"})
"""What stands in the place of something else."""


def remade(written, change=lambda description, members: None, *, compression=zipfile.ZIP_STORED):
    """Return a file with altered content and right checksums."""
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(members["network.json"])
    change(description, members)
    for name, array in description["arrays"].items() if isinstance(description.get("arrays"), dict) else ():
        if f"{name}.npy" in members:
            array["sha256"] = hashlib.sha256(members[f"{name}.npy"]).hexdigest()
    members["network.json"] = json.dumps(description).encode()
    members["network.json.sha256"] = (hashlib.sha256(members["network.json"]).hexdigest() + "  network.json\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def setting(*keys, to):
    """Return a change that sets what is at the end of some keys."""

    def change(description, members):
        place = description
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to

    return change


def npy(array):
    """Return an array as a member has it."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def replacing(name, array):
    """Return a change that puts another array in the place of one."""

    def change(description, members):
        members[f"{name}.npy"] = npy(array)
        description["arrays"][name].update(type=array.dtype.str, shape=list(array.shape))

    return change


def places(value, *before):
    """Yield the keys that lead to everything in a description, of long lists to the first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:6]) if isinstance(value, list) else ()
    for key, part in inside:
        yield (*before, key)
        yield from places(part, *before, key)


def at_random(rng, *sections):
    """Return a change of something in some sections: set, taken out, added, doubled, or an array of another shape."""

    def change(description, members):
        if rng.random() < 0.15:
            name = rng.choice(list(description["arrays"]))
            shape = rng.choice([(0,), (1,), (3, 3), (5, 0), tuple(description["arrays"][name]["shape"])])
            replacing(name, np.full(shape, rng.choice([0, -1, 7, 2.5, np.nan])))(description, members)
            return
        section = rng.choice([name for name in sections if description[name] is not None])
        *before, key = rng.choice(list(places(description[section], section)) or [(section,)])
        place = description
        for each in before:
            place = place[each]
        how = rng.choice(["set", "set", "take out", "add"])
        if how == "set":
            place[key] = rng.choice(VALUES)
        elif how == "take out":
            del place[key]
        elif isinstance(place, dict):
            place["odd"] = rng.choice(VALUES)
        else:
            place.append(place[key])

    return change
