"""A table's coding comes back from JSON, or is refused as damaged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from marquardt.errors import FileError
from marquardt.tables.input_columns import InputColumn

KINDS = ("number", "boolean", "category")


def checked_parts(description: Any, tasks: Sequence[str], ways: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a coding that a file describes, each of its own type."""
    parts = _with_keys(description, ("task", "missing", "inputs", "targets", "classes", "dropped", "notes"), "it")
    _ensure(parts["task"] in tasks, f"task {parts['task']!r}")
    _ensure(parts["missing"] in ways, f"missing {parts['missing']!r}")
    _ensure(isinstance(parts["inputs"], list) and len(parts["inputs"]) > 0, "no inputs")
    columns = tuple(_column_from_dict(part, parts["missing"]) for part in parts["inputs"])
    targets = _strings(parts["targets"], "targets")
    names = [column.name for column in columns] + list(targets)
    _ensure(len(targets) > 0 and len(set(names)) == len(names), "columns named twice or no targets")
    classes = parts["classes"]
    _ensure(isinstance(classes, list) and _are_labels(classes), "classes")
    _ensure(
        (parts["task"] == "classification") == bool(classes) and (not classes or len(targets) == 1),
        "classes that do not fit the task",
    )
    dropped = parts["dropped"]
    _ensure(isinstance(dropped, Mapping), "dropped")
    _strings([*dropped.keys(), *dropped.values()], "dropped")
    notes = _strings(parts["notes"], "notes")
    return {
        "task": parts["task"],
        "missing": parts["missing"],
        "input_columns": columns,
        "target_columns": targets,
        "classes": tuple(classes),
        "dropped": dict(dropped),
        "notes": notes,
    }


def _ensure(is_right: bool, what: str) -> None:
    if not is_right:
        raise FileError(f"The table coding is damaged: {what}.")


def _with_keys(description: Any, keys: tuple[str, ...], what: str) -> Mapping[str, Any]:
    is_right = isinstance(description, Mapping) and set(description) == set(keys)
    _ensure(is_right, f"{what} must have the keys {', '.join(map(repr, keys))} and no others")
    return cast("Mapping[str, Any]", description)


def _strings(values: Any, what: str) -> tuple[str, ...]:
    is_right = isinstance(values, list) and all(isinstance(value, str) for value in values)
    _ensure(is_right, f"{what} must be words")
    return tuple(values)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _are_labels(classes: list[Any]) -> bool:
    """Return whether these are two or more different classes of one type, or none at all."""
    if not classes:
        return True
    kind = type(classes[0])
    is_one_kind = kind in (str, int, float, bool) and all(type(label) is kind for label in classes)
    return (
        is_one_kind and len(set(classes)) == len(classes) > 1 and (kind is not float or all(map(_is_number, classes)))
    )


def _column_from_dict(description: Any, missing: str) -> InputColumn:
    if isinstance(description, Mapping):  # of an older version
        description = {"shares": [], "unit": "", **description}
    parts = _with_keys(description, ("name", "kind", "levels", "fill", "shares", "unit"), "an input")
    name, kind, fill = parts["name"], parts["kind"], parts["fill"]
    _ensure(isinstance(name, str) and kind in KINDS, f"the input {name!r} of kind {kind!r}")
    levels = _strings(parts["levels"], f"the levels of {name!r}")
    _ensure((kind == "category") == bool(levels) and len(set(levels)) == len(levels), f"the levels of {name!r}")
    if missing in ("mean", "median"):
        is_right = fill in levels if kind == "category" else _is_number(fill)
    else:
        is_right = fill is None
    _ensure(is_right, f"the fill {fill!r} of {name!r}")
    shares = parts["shares"]
    is_right = isinstance(shares, list) and all(_is_number(share) and 0 <= share <= 1 for share in shares)
    _ensure(is_right and len(shares) in (0, len(levels)), f"the shares of the levels of {name!r}")
    _ensure(isinstance(parts["unit"], str), f"the unit of {name!r}")
    return InputColumn(name, kind, levels, fill, tuple(shares), parts["unit"])
