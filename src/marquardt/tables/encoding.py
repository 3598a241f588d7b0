"""Columns become numbers, if they hold what they held at training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from marquardt.checks import nearest
from marquardt.errors import DataError
from marquardt.tables.columns import NUMBER, Column, Label, listed
from marquardt.wording import by_door

NEEDED = {"number": "numbers", "boolean": "true or false", "either": "numbers or true/false"}


def coded_numbers(
    kind: str, fill: float | str | None, column: Column, *, allow_boolean: bool = False
) -> NDArray[np.float64]:
    """Return a column as numbers if it holds what it held at training."""
    name = column.name
    if column.kind == "text":
        mask = pc.invert(pc.match_substring_regex(column.values, NUMBER))
        n_words = pc.sum(mask).as_py() or 0
        value, place = column.first(mask if n_words else column.values.is_valid())
        stored = "" if n_words else ", a number stored as text"
        needed = NEEDED[kind]
        raise DataError(
            f"Column {name!r} must hold {needed}, as in training, got {value!r} in {place}{stored}. Correct it."
        )
    if column.kind not in ("number", "boolean", "empty"):
        raise DataError(
            f"Column {name!r} must hold {NEEDED[kind]}, as in training, got values of type {column.values.type}."
        )
    if column.kind == "boolean" and kind == "number" and not allow_boolean:
        raise DataError(f"Column {name!r} must hold numbers, as in training, got true/false. Write 1 and 0.")
    numbers = column.numbers()
    if kind == "boolean" and column.kind == "number":
        other = ~((numbers == 0) | (numbers == 1) | np.isnan(numbers))
        if other.any():
            value, place = column.first(pa.array(other))
            raise DataError(
                f"Column {name!r} must hold true or false (or 1 and 0), as in training, got {value!r} in {place}."
            )
    if isinstance(fill, float):
        numbers = np.where(np.isnan(numbers), fill, numbers)
    return numbers


def seen(column: Column, levels: Sequence[str]) -> Any:
    return pc.is_in(level_texts(column), value_set=pa.array(levels, pa.large_string()))


def level_texts(column: Column) -> Any:
    """Return the values of a category column as text, whatever type a reader gave them."""
    if column.kind not in ("text", "number", "boolean", "empty"):
        raise DataError(
            f"Column {column.name!r} must hold text, as in training, got values of type {column.values.type}."
        )
    return column.texts()


def write_levels(
    inputs: NDArray[np.float64],
    found: Column,
    levels: tuple[str, ...],
    level_codes: NDArray[np.float64],
    fill: object,
    unknown: str,
) -> None:
    """Write the code of each value's level, in place; the last of the codes is that of a level that is not known."""
    texts = level_texts(found)
    if isinstance(fill, str):
        texts = pc.fill_null(texts, fill)
    codes = pc.index_in(texts, value_set=pa.array(levels, pa.large_string()))
    codes = np.asarray(pc.fill_null(codes, -1).to_numpy())
    if unknown == "refuse" and (codes < 0).any():
        unseen = (codes < 0) & np.asarray(texts.is_valid().to_numpy(), dtype=np.bool_)
        if unseen.any():
            level, place = found.first(pa.array(unseen))
            count = f" ({int(unseen.sum())} such values)" if found.first_row is None else ""
            way = by_door(
                "--unknown ignore",
                "unknown='ignore' of TableCoding.inputs",
                "`marquardt predict … --unknown ignore`, as an estimator has no such option",
            )
            raise DataError(
                f"Column {found.name!r} has the level {str(level)!r} in {place}, which was not there in "
                f"training{count}.{nearest(level, levels)} Known are {listed(levels)}. "
                f"Correct it, or have such rows predicted as the mean over these with {way}."
            )
    for position in range(len(levels)):
        inputs[:, position] = level_codes[codes, position]
    is_missing = np.asarray(texts.is_null().to_numpy(), dtype=np.bool_)
    if is_missing.any():
        inputs[is_missing] = np.nan


def class_codes(column: Column, classes: tuple[Label, ...]) -> NDArray[np.int64]:
    """Return the position of each value among the classes, -1 where it is missing."""
    values, labels = _comparable(column, classes)
    codes = np.asarray(pc.fill_null(pc.index_in(values, value_set=labels), -1).to_numpy(), dtype=np.int64)
    unseen = (codes < 0) & ~column.is_missing()
    if unseen.any():
        value, place = column.first(pa.array(unseen))
        raise DataError(
            f"Target {column.name!r} has the class {value!r} in {place}, which was not there in training. Known are "
            f"{listed(classes)}."
        )
    return codes


def _comparable(column: Column, classes: tuple[Label, ...]) -> tuple[Any, Any]:
    """Return the values of a column and the classes in one Arrow type."""
    first = classes[0]
    if isinstance(first, str):
        return level_texts(column), pa.array(classes, pa.large_string())
    wanted = ("number", "boolean", "empty") if isinstance(first, bool) else ("number", "empty")
    if column.kind not in wanted:
        needed = "true or false" if isinstance(first, bool) else "numbers"
        got, place = column.first(column.values.is_valid())
        raise DataError(f"Target {column.name!r} must hold {needed}, as in training, got {got!r} in {place}.")
    if not isinstance(first, bool | float) and pa.types.is_integer(column.values.type):
        # As digits, because two integers above 2⁵³ may be one float.
        return column.texts(), pa.array([str(label) for label in classes], pa.large_string())
    return pa.chunked_array([column.numbers()]), pa.array([float(label) for label in classes])
