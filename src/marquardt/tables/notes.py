"""What a user is told of the columns of a table that a network is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from marquardt.tables.columns import Column, listed, way_out
from marquardt.tables.input_columns import InputColumn
from marquardt.tables.numerals import MISSING_WORDS, Codes
from marquardt.tables.surveying import Settled
from marquardt.wording import by_door

FEW_VALUES = 10


def constant_notes(constants: Mapping[str, str]) -> list[str]:
    if not constants:
        return []
    if len(constants) == 1:
        ((name, reason),) = constants.items()
        return [f"Column {name!r} is left out: {reason}."]
    return [f"{len(constants)} constant columns are left out: {listed(list(constants))}."]


def missing_notes(settled: Settled, columns: Sequence[InputColumn], missing: str) -> list[str]:
    notes = []
    if settled.n_without_target and missing != "drop":
        which = "1 row is" if settled.n_without_target == 1 else f"{settled.n_without_target} rows are"
        notes.append(f"{which} left out, of {settled.n_rows}: no target is there.")
    elif settled.n_left_out:
        notes.append(f"{settled.n_left_out} of {settled.n_rows} rows are left out: they have missing values.")
    for column, values in zip(columns, settled.inputs, strict=True):
        if values.n_missing and column.fill is not None:
            notes.append(filled(column, values.n_missing, missing))
    return notes


def word_notes(settled: Settled) -> list[str]:
    """Say which words of text are no levels, though they might be, which are, though they might not, and codes."""
    notes = []
    for column in settled.inputs:
        if column.kind != "text":
            continue
        if column.keeping_words:
            notes.append(f"Column {column.name!r}: {column.keeping_words}")
        codes = Codes()
        if not column.is_categorical and codes.add(column.values) and codes.has_zero:
            notes.append(
                f"Column {column.name!r}: values such as {min(codes.seen)!r} are codes, each of which is a level. "
                f"Write them without zeros in front where they are numbers."
            )
        kept = [word for word in MISSING_WORDS if word in column.level_counts()]
        if kept:
            notes.append(f"Column {column.name!r}: {listed(kept)} {'is a level' if len(kept) == 1 else 'are levels'}.")
    return notes


def row_number_notes(inputs: Sequence[Column]) -> list[str]:
    """Name columns that count the rows; one that is the only input is what there is."""
    if len(inputs) < 2:
        return []
    said = {column.name: column.row_numbers().said_of(column.name) for column in inputs}
    return [
        f"Column {name!r} looks like a row number: {why}. What a network learns from it, new rows do not have; leave "
        f"it out with {way_out(name)}."
        for name, why in said.items()
        if why
    ]


def filled(column: InputColumn, count: int, missing: str) -> str:
    what = f"its most frequent level {column.fill!r}"
    if column.kind != "category":
        what = f"the {missing} {column.fill:.6g}"
    values = "1 missing value is" if count == 1 else f"{count} missing values are"
    return f"Column {column.name!r}: {values} filled with {what}."


def target_notes(targets: Sequence[Column], task: str) -> list[str]:
    notes = []
    for column in targets:
        numbers = column.numbers()
        low, high = float(numbers.min()), float(numbers.max())
        if low == high:
            notes.append(
                f"Target {column.name!r} is constant ({low:g} in every row): the network can only learn that number."
            )
        elif task == "auto" and len(targets) == 1 and high - low <= 2**53 and (numbers == np.rint(numbers)).all():
            n_values = len(np.unique(numbers))
            way = by_door("--task classification", "task='classification'")
            if n_values <= FEW_VALUES and column.n_rows >= 3 * n_values:
                notes.append(
                    f"Target {column.name!r} has only {n_values} different whole numbers and is taken as a number; if "
                    f"they stand for classes, ask for {way}."
                )
    return notes
