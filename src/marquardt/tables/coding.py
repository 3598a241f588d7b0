"""How a table becomes the arrays that a network is trained on, remembered for the tables that come later."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from marquardt.checks import nearest, one_of
from marquardt.errors import DataError, FileError
from marquardt.networks import Network
from marquardt.tables.averaging import outputs_over_levels
from marquardt.tables.checking import (
    chosen_inputs,
    classes_of,
    decided_task,
    named_columns,
    refuse_missing,
    refuse_too_many_levels,
    rows_with_all,
)
from marquardt.tables.columns import Column, Label, as_table, listed
from marquardt.tables.encoding import class_codes, coded_numbers, seen, write_levels
from marquardt.tables.numerals import MISSING_WORDS
from marquardt.tables.surveying import PassingTable, Rows, Settled, WholeTable
from marquardt.wording import by_door

__all__ = ["CodedTable", "InputColumn", "Remarks", "TableCoding"]

TASKS = ("regression", "classification")
MISSING = ("refuse", "drop", "mean", "median")
KINDS = ("number", "boolean", "category")
FEW_VALUES = 10


@dataclass(frozen=True)
class InputColumn:
    """A column of the table that the network sees."""

    name: str
    kind: str  # A number or a boolean (as 0 or 1) is one input, a category is one input a level
    levels: tuple[str, ...] = ()  # The levels of a category, sorted; empty for the other kinds
    fill: float | str | None = None  # What stands in for a missing value; None where missing values are not filled
    # Of the rows that train, the share of each level: the mean of their codes, which marks a level that none of
    # them has
    shares: tuple[float, ...] = ()

    @property
    def unlearned(self) -> tuple[str, ...]:
        """The levels that no row has that trains."""
        return tuple(level for level, share in zip(self.levels, self.shares, strict=False) if share == 0)

    @property
    def codes(self) -> NDArray[np.float64]:
        """The code of every level, a row each, and in the last row that of a level that no row has that trains."""
        n_levels = len(self.levels)
        mean = np.array(self.shares) if self.shares else np.full(n_levels, 1.0 / n_levels)
        codes = np.vstack([np.eye(n_levels), mean])
        codes[:-1][[level in self.unlearned for level in self.levels]] = mean
        return codes

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs that the column becomes."""
        if self.kind == "category":
            return tuple(f"{self.name}={level}" for level in self.levels)
        return (self.name,)


@dataclass(frozen=True)
class CodedTable:
    """A table as arrays, without the rows that were left out."""

    inputs: NDArray[np.float64]  # (n_rows, n_inputs)
    # (n_rows, n_outputs): float64 for regression, int64 positions in `TableCoding.classes` for classification
    targets: NDArray[np.float64] | NDArray[np.int64]
    rows: NDArray[np.intp]  # (n_rows,): where each row stands in the table, ascending, counted from 0


@dataclass(frozen=True)
class TableCoding:
    """How the columns of a table become inputs and targets; made by `fit`, kept in the network file.

    A number column is one input as it is, a boolean column one input of 0 and 1, and a text column one input a
    level, 1 where the row has that level and 0 elsewhere, also when there are only two levels. A level that no row
    has that trains is coded as the mean of their codes, and its output is the mean over the levels: see `outputs`.
    """

    task: str
    missing: str
    input_columns: tuple[InputColumn, ...]  # In order of appearance
    target_columns: tuple[str, ...]
    classes: tuple[Label, ...] = ()  # Sorted; empty for regression
    dropped: dict[str, str] = field(default_factory=dict)  # The constant columns that were left out, and why
    notes: tuple[str, ...] = ()  # Sentences for the user

    @classmethod
    def fit(
        cls,
        table: Any,
        targets: str | Iterable[str],
        inputs: Iterable[str] | None = None,
        task: str = "auto",
        missing: str = "refuse",
        drop: Iterable[str] = (),
    ) -> TableCoding:
        """Check every column of a table and decide how it is coded."""
        arrow = as_table(table)
        if arrow.num_rows == 0:
            raise DataError("The table has no rows.")
        return cls._decided(WholeTable(arrow), targets, inputs, task, missing, drop)

    @classmethod
    def fit_rows(
        cls,
        rows: Rows,
        targets: str | Iterable[str],
        inputs: Iterable[str] | None = None,
        task: str = "auto",
        missing: str = "refuse",
        drop: Iterable[str] = (),
    ) -> TableCoding:
        """Do what `fit` does with a table that goes by batch by batch: in one pass, and some more to drop rows.

        Of a column no more is kept than its ends, its mean and its different values, as far as these matter.
        """
        return cls._decided(PassingTable(rows), targets, inputs, task, missing, drop)

    @classmethod
    def _decided(
        cls,
        table: WholeTable | PassingTable,
        targets: str | Iterable[str],
        inputs: Iterable[str] | None,
        task: str,
        missing: str,
        drop: Iterable[str],
    ) -> TableCoding:
        one_of(task, ("auto", *TASKS), "task")
        one_of(missing, MISSING, "missing")
        table.refuse_filling(missing)
        present = table.column_names
        target_names = named_columns([targets] if isinstance(targets, str) else list(targets), present, "target")
        if not target_names:
            raise DataError(f"Name at least one target column. The columns are {listed(present)}.")
        input_names = chosen_inputs(present, target_names, inputs, drop)

        found = {column.name: column for column in table.columns([*target_names, *input_names], target_names)}
        target_list, input_list = [found[name] for name in target_names], [found[name] for name in input_names]
        for column in found.values():
            column.refuse_unusable()
            column.refuse_infinity()
        decided = decided_task(target_list, task)
        for column in input_list:
            column.refuse_number_words()
        taught = table.taught([*target_list, *input_list], target_list)
        target_list, input_list = taught[: len(target_list)], taught[len(target_list) :]
        refuse_missing([], input_list, missing)

        settled = table.settled(target_list, input_list, missing)
        if not settled.inputs:
            reason = f": {listed(list(settled.constants))} are constant" if settled.constants else ""
            raise DataError(f"No column is left to predict from{reason}. Name inputs that vary.")
        for column in settled.inputs:
            refuse_too_many_levels(column)
        classes = classes_of(settled.targets[0]) if decided == "classification" else ()
        columns = tuple(_input_column(column, missing) for column in settled.inputs)
        notes = [
            *_constant_notes(settled.constants),
            *_missing_notes(settled, columns, missing),
            *_word_notes(settled),
            *(_target_notes(settled.targets, task) if decided == "regression" else ()),
        ]
        return cls(decided, missing, columns, tuple(target_names), classes, settled.constants, tuple(notes))

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, one for each column of `inputs`: "age", "color=red", …"""
        return tuple(name for column in self.input_columns for name in column.input_names)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns to read as text whatever they hold: see `read_table`."""
        names = [column.name for column in self.input_columns if column.kind == "category"]
        if self.classes and isinstance(self.classes[0], str):
            names.extend(self.target_columns)
        return tuple(names)

    @property
    def known_words(self) -> tuple[str, ...]:
        """The levels and classes that would be read as missing from a text file: see `read_table`."""
        words = {level for column in self.input_columns for level in column.levels} | set(self.classes)
        return tuple(word for word in MISSING_WORDS if word in words)

    def code(self, table: Any) -> CodedTable:
        """Code inputs and targets together, without the rows that training leaves out."""
        arrow = as_table(table)
        keep = self._rows_that_teach(arrow)
        rows = np.arange(arrow.num_rows) if keep is None else np.flatnonzero(keep)
        inputs = np.empty((len(rows), len(self.input_names)))
        self._write_inputs(inputs, [column.kept(keep) for column in self._input_list(arrow)], "refuse")
        targets = self._coded_targets([column.kept(keep) for column in self._target_list(arrow)], "refuse")
        return CodedTable(inputs, targets, rows)

    def inputs(
        self, table: Any, unknown: str = "refuse", *, missing: str = "refuse", first_row: int | None = None
    ) -> NDArray[np.float64]:
        """Code the inputs of a table, found by name: their order and further columns do not matter."""
        one_of(unknown, ("refuse", "ignore"), "unknown")
        one_of(missing, ("refuse", "keep"), "missing")
        arrow = as_table(table)
        inputs = np.empty((arrow.num_rows, len(self.input_names)))
        self._write_inputs(inputs, self._input_list(arrow, first_row), unknown, missing)
        return inputs

    def outputs(self, network: Network, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what a network says of coded inputs.

        Of a row with a level that no row had that trained it is the mean of the outputs for the levels that they had,
        weighted by how many had them; for a classification that of the probabilities. Where several columns of a row
        are unknown, the mean is over their combinations, at most 64 of them.
        """
        return outputs_over_levels(network, self.input_columns, inputs)

    def targets(
        self, table: Any, missing: str | None = None, *, first_row: int | None = None
    ) -> NDArray[np.float64] | NDArray[np.int64]:
        """Code the targets of a table, at training or to score predictions."""
        if missing is None:
            missing = "keep" if self.missing == "drop" else "refuse"
        one_of(missing, ("refuse", "keep"), "missing")
        return self._coded_targets(self._target_list(as_table(table), first_row), missing)

    @property
    def network_target_names(self) -> tuple[str, ...]:
        """The names of what a network is trained on: the targets, or for three classes and more a name a class."""
        if len(self.classes) <= 2:
            return self.target_columns
        return tuple(f"{self.target_columns[0]}={label}" for label in self.classes)

    def trained_on(self, shares: NDArray[np.float64]) -> TableCoding:
        """Return the coding with the shares of levels among the rows that train, and a note of levels without one."""
        columns, notes, start = [], list(self.notes), 0
        for given in self.input_columns:
            stop, column = start + len(given.input_names), given
            if given.kind == "category":
                column = replace(given, shares=tuple(np.clip(shares[start:stop], 0.0, 1.0).tolist()))
                if column.unlearned:
                    notes.append(
                        f"Column {column.name!r}: no row that trains has {listed(column.unlearned)}, which "
                        f"{'is' if len(column.unlearned) == 1 else 'are'} predicted as the mean over their levels."
                    )
            columns.append(column)
            start = stop
        return replace(self, input_columns=tuple(columns), notes=tuple(notes))

    def recode(self, columns: NDArray[np.float64]) -> None:
        """Write the mean of the codes that train over those of levels that none of them has, in place."""
        start = 0
        for column in self.input_columns:
            stop = start + len(column.input_names)
            for level in column.unlearned:
                is_here = columns[start + column.levels.index(level)] == 1
                columns[start:stop, is_here] = column.codes[-1][:, None]
            start = stop

    def training_columns(self, table: Any, first_row: int | None = None) -> NDArray[np.float64]:
        """Code a piece of a longer table for training, a column of the table a row."""
        arrow = as_table(table)
        n_inputs = len(self.input_names)
        columns = np.empty((n_inputs + len(self.network_target_names), arrow.num_rows))
        keep = self._rows_that_teach(arrow)
        found = self._input_list(arrow, first_row)
        if keep is None:
            self._write_inputs(columns[:n_inputs].T, found, "refuse")
        else:
            columns[:n_inputs] = np.nan
            taught = np.empty((int(keep.sum()), n_inputs))
            self._write_inputs(taught, [column.kept(keep) for column in found], "refuse")
            columns[:n_inputs, keep] = taught.T
        targets = self._coded_targets(self._target_list(arrow, first_row), "keep")
        if not self.classes:
            columns[n_inputs:] = targets.T
            return columns
        for row, code in zip(
            columns[n_inputs:], range(len(self.classes)) if len(self.classes) > 2 else (1,), strict=True
        ):
            row[:] = targets == code
        columns[n_inputs:, targets < 0] = np.nan
        return columns

    def has_targets(self, table: Any) -> bool:
        """Return whether a table has all target columns, none of them without any value.

        >>> coding = TableCoding.fit(pa.table({"age": [28, 7], "strength": [41.5, 12.0]}), "strength")
        >>> coding.has_targets(pa.table({"age": [1, 3]}))
        False
        """
        arrow = as_table(table)
        present = set(arrow.column_names)
        return all(name in present and Column.of(arrow, name).kind != "empty" for name in self.target_columns)

    def complete_rows(self, table: Any) -> NDArray[np.bool_]:
        """Return the mask of the rows that can get a prediction: those without a missing input that is not filled."""
        arrow = as_table(table)
        complete = np.ones(arrow.num_rows, dtype=np.bool_)
        for column, found in zip(self.input_columns, self._input_list(arrow), strict=True):
            if column.fill is None:
                complete &= ~found.is_missing()
        return complete

    def remarks(self, table: Any, unknown: str = "refuse") -> tuple[str, ...]:
        """Say what of a table to predict is not used, filled, left out or unknown."""
        arrow = as_table(table)
        remarks = Remarks(self, arrow.column_names, unknown=unknown)
        remarks.add(arrow)
        return remarks.sentences()

    def require_inputs(self, column_names: Sequence[str]) -> None:
        """Refuse a table that lacks input columns."""
        _refuse_absent([column.name for column in self.input_columns], column_names, "input")

    def to_dict(self) -> dict[str, Any]:
        """Return the coding as plain JSON values.

        >>> coding = TableCoding.fit(pa.table({"age": [28, 7], "strength": [41.5, 12.0]}), "strength")
        >>> TableCoding.from_dict(coding.to_dict()) == coding
        True
        """
        return {
            "task": self.task,
            "missing": self.missing,
            "inputs": [
                asdict(column) | {"levels": list(column.levels), "shares": list(column.shares)}
                for column in self.input_columns
            ],
            "targets": list(self.target_columns),
            "classes": list(self.classes),
            "dropped": dict(self.dropped),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> TableCoding:
        """Return the coding that `to_dict` described."""
        parts = _with_keys(description, ("task", "missing", "inputs", "targets", "classes", "dropped", "notes"), "it")
        _ensure(parts["task"] in TASKS, f"task {parts['task']!r}")
        _ensure(parts["missing"] in MISSING, f"missing {parts['missing']!r}")
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
        return cls(parts["task"], parts["missing"], columns, targets, tuple(classes), dict(dropped), notes)

    def _input_list(self, arrow: pa.Table, first_row: int | None = None) -> list[Column]:
        """Find the input columns in a table, by name."""
        self.require_inputs(arrow.column_names)
        return [
            found.known(column.levels) if column.kind == "category" else found
            for column in self.input_columns
            for found in [Column.of(arrow, column.name, first_row)]
        ]

    def _target_list(self, arrow: pa.Table, first_row: int | None = None) -> list[Column]:
        _refuse_absent(self.target_columns, arrow.column_names, "target")
        found = [Column.of(arrow, name, first_row) for name in self.target_columns]
        return [found[0].known(self.classes)] if self.classes and isinstance(self.classes[0], str) else found

    def _rows_that_teach(self, arrow: pa.Table) -> NDArray[np.bool_] | None:
        """Return the rows that are not left out of training, None for all."""
        keep = rows_with_all(self._target_list(arrow))
        if self.missing == "drop":
            complete = self.complete_rows(arrow)
            keep = complete if keep is None else keep & complete
        return None if keep is None or keep.all() else keep

    def _write_inputs(
        self, inputs: NDArray[np.float64], found: Sequence[Column], unknown: str, missing: str = "refuse"
    ) -> None:
        """Write the inputs into an array of rows × inputs."""
        for values in found:
            values.refuse_infinity()
        if self.missing == "refuse" and missing == "refuse":
            refuse_missing([], found, "refuse")
        start = 0
        for column, values in zip(self.input_columns, found, strict=True):
            stop = start + len(column.input_names)
            if column.kind == "category":
                write_levels(inputs[:, start:stop], values, column.levels, column.codes, column.fill, unknown)
            else:
                inputs[:, start] = coded_numbers(column.kind, column.fill, values)
            start = stop

    def _coded_targets(self, found: Sequence[Column], missing: str) -> NDArray[np.float64] | NDArray[np.int64]:
        for column in found:
            column.refuse_infinity()
        if missing == "refuse":
            refuse_missing(found, [], "refuse")
        if self.classes:
            return class_codes(found[0], self.classes)
        return np.column_stack([coded_numbers("number", None, column, allow_boolean=True) for column in found])


class Remarks:
    """What of a table to predict is not used, filled, left out or unknown, counted as its rows go by."""

    def __init__(self, coding: TableCoding, column_names: Sequence[str], unknown: str = "refuse") -> None:
        self._coding, self._unknown = coding, unknown
        known = {column.name for column in coding.input_columns} | {*coding.target_columns, *coding.dropped}
        self._extra = [name for name in column_names if name not in known]
        self._n_rows = self._n_incomplete = 0
        self._n_missing = dict.fromkeys((column.name for column in coding.input_columns), 0)
        self._n_unseen, self._n_unlearned = dict(self._n_missing), dict(self._n_missing)
        self._first_unseen: dict[str, tuple[Any, str]] = {}

    def add(self, table: Any, first_row: int | None = None) -> None:
        """Look at some rows."""
        arrow, coding = as_table(table), self._coding
        self._n_rows += arrow.num_rows
        self._n_incomplete += int((~coding.complete_rows(arrow)).sum())
        for column, found in zip(coding.input_columns, coding._input_list(arrow, first_row), strict=True):
            if column.fill is not None:
                self._n_missing[column.name] += found.n_missing
            if column.unlearned:
                self._n_unlearned[column.name] += found.count(seen(found, column.unlearned))
            if self._unknown == "ignore" and column.kind == "category":
                unseen = pc.and_(pc.invert(seen(found, column.levels)), found.values.is_valid())
                n_unseen = found.count(unseen)
                self._n_unseen[column.name] += n_unseen
                if n_unseen and column.name not in self._first_unseen:
                    self._first_unseen[column.name] = found.first(unseen)

    def sentences(self) -> tuple[str, ...]:
        """Return sentences for the user; none where all is as at training."""
        remarks = []
        if self._extra:
            which = "it was" if len(self._extra) == 1 else "they were"
            remarks.append(f"Not used, as {which} not used in training: {listed(self._extra)}.")
        if self._n_incomplete:
            of = f"{self._n_incomplete} of {self._n_rows} rows"
            how = ", as in training" if self._coding.missing == "drop" else ""
            remarks.append(f"{of} have missing values and get no prediction{how}.")
        for column in self._coding.input_columns:
            if self._n_missing[column.name]:
                remarks.append(_filled(column, self._n_missing[column.name], self._coding.missing))
            if self._n_unseen[column.name]:
                count, (level, place) = self._n_unseen[column.name], self._first_unseen[column.name]
                values = "1 value is" if count == 1 else f"{count} values are"
                remarks.append(
                    f"Column {column.name!r}: {values} not among the levels of training, first {level!r} in "
                    f"{place}: such rows are predicted as the mean over the levels of the training rows."
                )
            if self._n_unlearned[column.name]:
                count = self._n_unlearned[column.name]
                values = "1 value is" if count == 1 else f"{count} values are"
                remarks.append(
                    f"Column {column.name!r}: {values} of a level that no training row had ({listed(column.unlearned)})"
                    f": such rows are predicted as the mean over the levels of the training rows."
                )
        return tuple(remarks)


def _refuse_absent(names: Sequence[str], present: Sequence[str], what: str) -> None:
    absent = [name for name in names if name not in present]
    if not absent:
        return
    free = [name for name in present if name not in names]
    words = []
    for name in absent[:12]:
        hint = nearest(name, free).strip()
        words.append(f"{name!r} ({hint[0].lower()}{hint[1:]})" if hint else repr(name))
    more = f" and {len(absent) - 12} more" if len(absent) > 12 else ""
    raise DataError(
        f"The table lacks {len(absent)} of the {len(names)} {what} columns that the network was trained with: "
        f"{', '.join(words)}{more}. Its columns are {listed(present)}."
    )


def _input_column(column: Column, missing: str) -> InputColumn:
    is_filled = missing in ("mean", "median")
    if column.kind == "text":
        counts = column.level_counts()
        levels = tuple(sorted(counts))
        fill = max(levels, key=counts.__getitem__) if is_filled else None
        if fill is not None:
            counts[fill] += column.n_missing
        total = sum(counts.values())
        return InputColumn(column.name, "category", levels, fill, tuple(counts[level] / total for level in levels))
    return InputColumn(column.name, column.kind, (), column.middle(missing) if is_filled else None)


def _constant_notes(constants: Mapping[str, str]) -> list[str]:
    if not constants:
        return []
    if len(constants) == 1:
        ((name, reason),) = constants.items()
        return [f"Column {name!r} is left out: {reason}."]
    return [f"{len(constants)} constant columns are left out: {listed(list(constants))}."]


def _missing_notes(settled: Settled, columns: Sequence[InputColumn], missing: str) -> list[str]:
    notes = []
    if settled.n_without_target and missing != "drop":
        which = "1 row is" if settled.n_without_target == 1 else f"{settled.n_without_target} rows are"
        notes.append(f"{which} left out, of {settled.n_rows}: no target is there.")
    elif settled.n_left_out:
        notes.append(f"{settled.n_left_out} of {settled.n_rows} rows are left out: they have missing values.")
    for column, values in zip(columns, settled.inputs, strict=True):
        if values.n_missing and column.fill is not None:
            notes.append(_filled(column, values.n_missing, missing))
    return notes


def _word_notes(settled: Settled) -> list[str]:
    """Say which words of text are no levels, though they might be, and which are, though they might not."""
    notes = []
    for column in settled.inputs:
        if column.kind != "text":
            continue
        if column.missing_word:
            notes.append(f"Column {column.name!r}: {column.keeping_words}")
        kept = [word for word in MISSING_WORDS if word in column.level_counts()]
        if kept:
            notes.append(f"Column {column.name!r}: {listed(kept)} {'is a level' if len(kept) == 1 else 'are levels'}.")
    return notes


def _filled(column: InputColumn, count: int, missing: str) -> str:
    what = f"its most frequent level {column.fill!r}"
    if column.kind != "category":
        what = f"the {missing} {column.fill:.6g}"
    values = "1 missing value is" if count == 1 else f"{count} missing values are"
    return f"Column {column.name!r}: {values} filled with {what}."


def _target_notes(targets: Sequence[Column], task: str) -> list[str]:
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
    if isinstance(description, Mapping) and "shares" not in description:  # of an older version
        description = {**description, "shares": []}
    parts = _with_keys(description, ("name", "kind", "levels", "fill", "shares"), "an input")
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
    return InputColumn(name, kind, levels, fill, tuple(shares))
