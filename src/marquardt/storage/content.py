"""What a network file holds, apart from how it is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from marquardt.checks import one_of
from marquardt.errors import DataError, ShapeError
from marquardt.networks import Network
from marquardt.training import Record

__all__ = ["INPUT_NAMES", "NetworkFile"]

INPUT_NAMES = "feature_names_in"
"""The key of `NetworkFile.about` for the names of inputs that are columns as they are."""

TASKS = ("regression", "classification")
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


def plain(value: Any, what: str) -> Any:
    """Return a value as plain ones; raise if it is not made of texts, numbers, booleans, None, lists and dicts."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int | float):
        # A subclass, such as an IntEnum, is kept as the number it is.
        for kind in (str, bool, int, float):
            if isinstance(value, kind):
                return kind(value)
        return None
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), what)
    if isinstance(value, list | tuple):
        return [plain(part, f"{what}[{position}]") for position, part in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or key == FLOAT:
                raise DataError(f"The keys of {what} must be texts other than {FLOAT!r}, got {key!r}.")
        return {str(key): plain(part, f"{what}[{key!r}]") for key, part in value.items()}
    raise DataError(f"{what} cannot be kept in a network file: {type(value).__name__} is not a plain value.")


def marked(value: Any) -> Any:
    """Return plain values as JSON has them: infinities and NaN become dicts."""
    if isinstance(value, float) and not math.isfinite(value):
        return {FLOAT: str(value)}
    if isinstance(value, list | tuple):
        return [marked(part) for part in value]
    if isinstance(value, dict):
        return {key: marked(part) for key, part in value.items()}
    return value


def restored(value: Any) -> Any:
    """Return what `marked` was given."""
    if isinstance(value, dict):
        if set(value) == {FLOAT}:
            if value[FLOAT] not in ("nan", "inf", "-inf"):
                raise DataError(f"{value[FLOAT]!r} is no number.")
            return float(value[FLOAT])
        return {key: restored(part) for key, part in value.items()}
    if isinstance(value, list):
        return [restored(part) for part in value]
    return value
