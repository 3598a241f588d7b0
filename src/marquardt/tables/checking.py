"""What a table must be before anything is trained on it, and which of its rows and columns are used."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from marquardt.checks import nearest
from marquardt.errors import DataError
from marquardt.tables.columns import NUMBER, Column, Label, listed, way_out
from marquardt.tables.units import first_units
from marquardt.wording import by_door

MAX_LEVELS = 50
SHOWN_CELLS = 1000
"""Cells that are looked at to say what is wrong with a column."""


def named_columns(names: Sequence[Any], present: Sequence[str], what: str) -> list[str]:
    """Return the names if each is a column that is present and none comes twice."""
    for name in names:
        if name not in present:
            raise DataError(
                f"There is no {what} column {name!r}.{nearest(name, present)} The columns are {listed(present)}."
                f"{_without_header(present)}"
            )
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise DataError(f"The {what} column {doubled[0]!r} is named twice. Name it once.")
    return list(names)


def _without_header(names: Sequence[str]) -> str:
    """A hint where the first row of the data may have been taken for the header."""
    numbers = sum(re.fullmatch(NUMBER, name) is not None for name in names)
    return (
        " If that is a row of the data, put a line with the column names above it." if 2 * numbers > len(names) else ""
    )


def chosen_inputs(
    present: Sequence[str], targets: Collection[str], inputs: Iterable[str] | None, drop: Iterable[str]
) -> list[str]:
    ignored = named_columns([drop] if isinstance(drop, str) else list(drop), present, "ignored")
    for name in ignored:
        if name in targets:
            raise DataError(f"Column {name!r} is both a target and ignored. Choose one.")
    if inputs is None:
        names = [name for name in present if name not in targets and name not in ignored]
    else:
        asked = named_columns([inputs] if isinstance(inputs, str) else list(inputs), present, "input")
        for name in asked:
            if name in targets:
                raise DataError(f"Column {name!r} is both an input and a target. Choose one.")
            if name in ignored:
                raise DataError(f"Column {name!r} is both an input and ignored. Choose one.")
        names = [name for name in present if name in asked]
    if not names:
        raise DataError("No column is left to predict from: the table has only the target and ignored columns.")
    return names


def decided_task(targets: Sequence[Column], task: str) -> str:
    """Return the task that the targets allow and the caller asked for."""
    if task == "classification":
        if len(targets) > 1:
            raise DataError(
                f"A classification has one target, got {listed([column.name for column in targets])}. Train one "
                f"network for each."
            )
        return task
    if task == "auto" and len(targets) == 1 and targets[0].kind != "number":
        targets[0].refuse_number_words()
        return "classification"
    for column in targets:
        if column.kind == "text":
            column.refuse_number_words()
            value, place = column.first(column.values.is_valid())
            several = " of several targets" if len(targets) > 1 else ""
            one = "it alone as the target" if several else by_door("--task classification", "task='classification'")
            raise DataError(
                f"Target {column.name!r} must be numbers for a regression{several}, "
                f"got {value!r} in {place}. To predict classes, ask for {one}."
            )
    return "regression"


def refuse_missing_targets(targets: Sequence[Column]) -> None:
    """Refuse missing values where every target is asked for."""
    for column in targets:
        if column.n_missing:
            count = f"{column.n_missing} of {column.n_rows} rows, first in " if column.first_row is None else ""
            way = by_door(
                "leave such rows out", "have what is missing as NaN, or as -1 among classes, with missing='keep'"
            )
            raise DataError(
                f"Target {column.name!r} is missing in {count}{column.missing_place}. {_words([column])}Complete "
                f"them, or {way}."
            )


def refuse_missing(inputs: Sequence[Column], missing: str) -> None:
    """Refuse missing values where they are neither dropped nor filled."""
    gaps = [column for column in inputs if column.n_missing] if missing == "refuse" else []
    if gaps:
        places = ", ".join(
            f"{column.name!r} ({f'{column.n_missing}, ' if column.first_row is None else ''}first in "
            f"{column.missing_place})"
            for column in gaps[:12]
        )
        more = f" and {len(gaps) - 12} more columns" if len(gaps) > 12 else ""
        how = by_door("--missing drop, mean or median", "missing='drop', 'mean' or 'median'")
        raise DataError(
            f"Values are missing in {places}{more}. {_words(gaps)}Train with {how}, or leave columns out, for example "
            f"with {way_out(gaps[0].name)}."
        )


def _words(columns: Sequence[Column]) -> str:
    """Say of the first column whose words were read as missing how to keep them."""
    for column in columns:
        if column.kind == "text" and column.keeping_words:
            return f"In column {column.name!r} {column.keeping_words} "
    return ""


def kept_rows(
    targets: Sequence[Column], inputs: list[Column], missing: str
) -> tuple[NDArray[np.bool_] | None, list[Column], dict[str, str]]:
    """Return the rows to train on (None for all), the inputs that vary on them, and why the others do not.

    A column that is left out must not cost rows, and rows left out may make a column constant: so this goes
    round until nothing more changes.
    """
    keep: NDArray[np.bool_] | None = None
    constants: dict[str, str] = {}
    while True:
        found = {column.name: constant(column.kept(keep)) for column in inputs}
        constants |= {name: reason for name, reason in found.items() if reason}
        inputs = [column for column in inputs if not found[column.name]]
        before = keep
        if missing == "drop":
            masks = [column.is_missing() for column in (*targets, *inputs) if column.n_missing]
            keep = ~np.logical_or.reduce(masks) if masks else None
        if keep is not None:
            refuse_no_row(int(keep.sum()), len(keep))
        if keep is before or (keep is not None and before is not None and np.array_equal(keep, before)):
            return keep, inputs, constants


def with_targets(targets: Sequence[Column]) -> NDArray[np.bool_] | None:
    """Return the rows that have all targets, None for all: the others teach nothing, whatever is done about inputs."""
    keep = rows_with_all(targets)
    if keep is not None:
        refuse_no_target(int(keep.sum()), targets)
    return keep


def rows_with_all(columns: Sequence[Column]) -> NDArray[np.bool_] | None:
    """Return the rows in which no column has a missing value, None for all."""
    masks = [column.is_missing() for column in columns if column.n_missing]
    if not masks:
        return None
    keep: NDArray[np.bool_] = ~np.logical_or.reduce(masks)
    return keep


def refuse_no_target(n_left: int, targets: Sequence[Column]) -> None:
    if n_left == 0:
        way = by_door("naming it alone by --target", "naming it alone in targets")
        raise DataError(
            f"No row has all of the targets {listed([column.name for column in targets])}, and a network of several is "
            f"trained on rows that have them all. Train one network for each, {way}."
        )


def refuse_no_row(n_left: int, n_rows: int) -> None:
    if n_left == 0:
        way = by_door("--missing mean or median", "missing='mean' or 'median'")
        raise DataError(
            f"No row is left: each of the {n_rows} rows has a missing value. Leave out the columns that "
            f"miss most, or fill them with {way}."
        )


def constant(column: Column) -> str:
    """Return why a column cannot tell rows apart, or nothing if it can."""
    if column.kind == "text":
        distinct: list[Any] = pc.unique(column.values.drop_null()).slice(0, 2).to_pylist()
    else:
        numbers = column.numbers()
        numbers = numbers[~np.isnan(numbers)]
        distinct = [] if numbers.size == 0 else sorted({float(numbers.min()), float(numbers.max())})
    if len(distinct) > 1:
        return ""
    if not distinct:
        return "missing in every row that is left"
    value = bool(distinct[0]) if column.kind == "boolean" else distinct[0]
    return f"{value!r} in every row"


def refuse_too_many_levels(column: Column) -> None:
    if column.kind != "text":
        return
    n_levels, count = column.n_levels, column.n_rows - column.n_missing
    if n_levels > MAX_LEVELS or column.is_cut or n_levels == count:
        _refuse_several_units(column)
        more = "more than " if column.is_cut else ""
        most = "it only names the rows" if n_levels == count else f"at most {MAX_LEVELS} are used"
        raise DataError(
            f"Text column {column.name!r} has {more}{n_levels} different values in {count} rows; {most}. Leave it out "
            f"with {way_out(column.name)}, or merge its rare values."
        )


def _refuse_several_units(column: Column) -> None:
    """Refuse text that is numbers with units, with that as the reason."""
    present = np.flatnonzero(np.asarray(column.values.is_valid()))[:SHOWN_CELLS]
    cells = column.values.take(pa.array(present)).to_pylist()
    first = first_units(cells)
    if not first:
        return
    shown = [f"{cells[place]!r} in {column.place(int(present[place]))}" for place in list(first.values())[:2]]
    what = "numbers with a unit that are stored as text"
    if len(first) > 1:
        what = "numbers with a unit, but not in all cells" if "" in first else "numbers in several units"
    raise DataError(
        f"Column {column.name!r} holds {what}, such as {' and '.join(shown)}. Write all of them alike, in one unit or "
        f"as plain numbers, or leave the column out with {way_out(column.name)}."
    )


def _as_numbers(target: Column) -> str:
    """What helps where a target is no class."""
    if target.kind != "number":
        return "choose another target"
    return "ask for " + by_door("--task regression", "task='regression'")


def classes_of(target: Column) -> tuple[Label, ...]:
    classes = tuple(target.distinct())
    count = target.n_rows
    if target.is_cut:
        way = _as_numbers(target)
        raise DataError(f"Target {target.name!r} has too many classes to be told apart in {count} rows; {way}.")
    if len(classes) == 1:
        raise DataError(
            f"Target {target.name!r} has a single class, {classes[0]!r} in all {count} rows. A classification needs "
            f"rows of at least two."
        )
    if len(classes) == count and count > 2:
        way = _as_numbers(target)
        raise DataError(
            f"Target {target.name!r} has a class of its own in each of the {count} rows, so nothing can be "
            f"learned; {way}."
        )
    return classes
