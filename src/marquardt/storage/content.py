"""What a network file holds, apart from how it is written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from marquardt.arrays import AnyArray
from marquardt.checks import one_of, shown
from marquardt.errors import DataError, ShapeError
from marquardt.networks import Network
from marquardt.training import Record

__all__ = ["INPUT_NAMES", "NetworkFile"]

INPUT_NAMES = "feature_names_in"
"""The key of `NetworkFile.about` for the names of inputs that are columns as they are."""

TASKS = ("regression", "classification")
SIMPLE = {str, bool, int, float, type(None)}
ARRAY_NAME = r"[a-z][a-z_]{0,39}"
FLOAT = "$float"
"""The key that marks a number JSON has no word for: ``{"$float": "nan"}``."""


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """A network and all that is kept with it.

    `coding`, `classes`, `report` and `about` are kept as plain values: texts, numbers, booleans, None, and lists
    and dicts of them. NumPy numbers become Python's, tuples become lists (but for `classes`, a tuple).

    Parameters
    ----------
    network : Network
        Description, weights and scalings.
    task : str
        ``"regression"`` or ``"classification"``.
    coding : dict or object with ``to_dict()``, optional
        How the columns of a table become inputs and targets: a `TableCoding` or its dict, kept as the dict.
    classes : sequence of str, int, float or bool, optional
        The labels, in the order of the outputs; for one output the label of 0 comes first.
    record : Record, optional
        How it was trained.
    report : dict, optional
        The errors on the parts.
    about : dict
        Whatever else is worth keeping: the date, the version, the source, the seed, the settings.
    arrays : dict of str to ndarray
        What of that is many numbers, by names of small letters and underscores: one or two dimensions, kept as float64
        or int64.

    Raises
    ------
    ConfigurationError
        If the task is another word.
    ShapeError
        If there are not as many classes as the outputs tell apart.
    DataError
        If something cannot be kept as plain values.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> content = NetworkFile(Network(feed_forward(1, (), 1), [2.0, 1.0]), "regression", about={"seed": 0})
    >>> content.network.n_weights, content.about
    (2, {'seed': 0})
    """

    network: Network
    task: str
    coding: dict[str, Any] | None = None
    classes: tuple[Any, ...] | None = None
    record: Record | None = None
    report: dict[str, Any] | None = None
    about: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, AnyArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of(self.task, TASKS, "task")
        coding: Any = self.coding
        if hasattr(coding, "to_dict"):
            coding = coding.to_dict()
        object.__setattr__(self, "coding", plain(coding, "coding"))
        object.__setattr__(self, "report", plain(self.report, "report"))
        object.__setattr__(self, "about", plain(self.about, "about"))
        for name in ("coding", "report", "about"):
            value = getattr(self, name)
            if not isinstance(value, dict) and (value is not None or name == "about"):
                raise DataError(f"{name} must be a dict, got {type(value).__name__}.")
        object.__setattr__(self, "arrays", {name: _kept_array(name, each) for name, each in self.arrays.items()})
        if self.classes is not None:
            classes = tuple(plain(list(self.classes), "classes"))
            for label in classes:
                if not isinstance(label, str | int | float):
                    raise DataError(f"A class must be a text, a number or a boolean, got {label!r}.")
            object.__setattr__(self, "classes", classes)
            n_outputs = self.network.graph.n_outputs
            allowed = {1, 2} if n_outputs == 1 else {n_outputs}
            if len(classes) not in allowed:
                raise ShapeError(f"{n_outputs} outputs cannot tell {len(classes)} classes apart.")

    @property
    def input_names(self) -> tuple[str, ...] | None:
        """The names of the columns that are the inputs as they are, where the file has no coding; None if unknown."""
        # The second is what was read before there was one key.
        names = self.about.get(INPUT_NAMES, self.about.get("feature_names"))
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return None
        is_right = len(names) == self.network.graph.n_inputs == len(set(names))
        return tuple(names) if is_right else None


def _kept_array(name: str, values: Any) -> AnyArray:
    """Numbers as a file keeps them."""
    array = np.asarray(values)
    if not re.fullmatch(ARRAY_NAME, name) or array.dtype.kind not in "iuf" or array.ndim not in (1, 2):
        raise DataError(
            f"arrays must have names of small letters and underscores, and one or two dimensions of numbers; got "
            f"{shown(name)}, {array.ndim} dimensions of {array.dtype}."
        )
    return array.astype(np.int64 if array.dtype.kind in "iu" else np.float64)


def _check_keys(value: Mapping[Any, Any], place: tuple[Any, ...]) -> None:
    for key in value:
        if not isinstance(key, str) or key == FLOAT:
            raise DataError(f"The keys of {_named(place)} must be texts other than {FLOAT!r}, got {key!r}.")


def plain(value: Any, *place: Any) -> Any:
    """Return a value as plain ones; raise if it is not made of texts, numbers, booleans, None, lists and dicts.

    `place` is what it is called, and the keys and numbers that lead to it.
    """
    if type(value) in SIMPLE:
        return value
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        if _are_simple(value):
            return list(value)
        return [plain(part, *place, position) for position, part in enumerate(value)]
    if isinstance(value, Mapping):
        _check_keys(value, place)
        return {str(key): plain(part, *place, key) for key, part in value.items()}
    # A subclass, such as an IntEnum, is kept as the number it is.
    kind = next((kind for kind in (str, bool, int, float) if isinstance(value, kind)), None)
    if value is None or kind is not None:
        return None if kind is None else kind(value)
    raise DataError(f"{_named(place)} cannot be kept in a network file: {type(value).__name__} is not a plain value.")


def _named(place: tuple[Any, ...]) -> str:
    return "".join([str(place[0]), *(f"[{key!r}]" for key in place[1:])])


def _are_simple(values: list[Any] | tuple[Any, ...]) -> bool:
    """Whether a list holds no lists or dicts, so that a long one of numbers takes no time."""
    return set(map(type, values)) <= SIMPLE


def marked(value: Any) -> Any:
    """Return plain values as JSON has them: infinities and NaN become dicts."""
    if isinstance(value, float) and not math.isfinite(value):
        return {FLOAT: str(value)}
    if isinstance(value, list | tuple):
        is_finite = _are_simple(value) and all(map(math.isfinite, (part for part in value if type(part) is float)))
        return list(value) if is_finite else [marked(part) for part in value]
    if isinstance(value, dict):
        return {key: marked(part) for key, part in value.items()}
    return value


def restored(value: Any) -> Any:
    """Return what `marked` was given."""
    if isinstance(value, dict):
        if set(value) == {FLOAT}:
            if value[FLOAT] not in ("nan", "inf", "-inf"):
                raise DataError(f"{shown(value[FLOAT])} is no number.")
            return float(value[FLOAT])
        return {key: restored(part) for key, part in value.items()}
    if isinstance(value, list):
        return value if _are_simple(value) else [restored(part) for part in value]
    return value
