"""How a table becomes the arrays that a network is trained on, remembered for the tables that come later."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from marquardt.checks import nearest, one_of
from marquardt.errors import DataError
from marquardt.networks import Network
from marquardt.tables.averaging import outputs_over_levels
from marquardt.tables.checking import (
    chosen_inputs,
    classes_of,
    decided_task,
    named_columns,
    refuse_missing,
    refuse_missing_targets,
    refuse_too_many_levels,
    rows_with_all,
)
from marquardt.tables.columns import Column, Label, as_table, listed
from marquardt.tables.encoding import class_codes, coded_numbers, write_levels
from marquardt.tables.input_columns import InputColumn, input_column
from marquardt.tables.json_coding import checked_parts
from marquardt.tables.notes import constant_notes, missing_notes, row_number_notes, target_notes, word_notes
from marquardt.tables.numerals import MISSING_WORDS
from marquardt.tables.surveying import PassingTable, Rows, WholeTable
from marquardt.tables.units import unit_notes

__all__ = ["CodedTable", "TableCoding"]

TASKS = ("regression", "classification")
MISSING = ("refuse", "drop", "mean", "median")


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
        keep_words: Collection[str] | None = None,
    ) -> TableCoding:
        """Check every column of a table and decide how it is coded.

        Of a file, words such as NA are missing values but for those to keep; without words to keep they are words.
        """
        arrow = as_table(table)
        if arrow.num_rows == 0:
            raise DataError("The table has no rows.")
        return cls._decided(WholeTable(arrow, keep_words), targets, inputs, task, missing, drop)

    @classmethod
    def fit_rows(
        cls,
        rows: Rows,
        targets: str | Iterable[str],
        inputs: Iterable[str] | None = None,
        task: str = "auto",
        missing: str = "refuse",
        drop: Iterable[str] = (),
        keep_words: Collection[str] | None = None,
    ) -> TableCoding:
        """Do what `fit` does with a table that goes by batch by batch: in one pass, and some more to drop rows.

        Of a column no more is kept than its ends, its mean and its different values, as far as these matter.
        """
        return cls._decided(PassingTable(rows, keep_words), targets, inputs, task, missing, drop)

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
        target_list = [replace(found[name], is_target=True) for name in target_names]
        input_list = [found[name] for name in input_names]
        for column in (*target_list, *input_list):
            column.refuse_unusable()
            column.refuse_infinity()
        decided = decided_task(target_list, task)
        for column in input_list:
            column.refuse_number_words()
        taught = table.taught([*target_list, *input_list], target_list)
        target_list, input_list = taught[: len(target_list)], taught[len(target_list) :]
        refuse_missing(input_list, missing)

        settled = table.settled(target_list, input_list, missing)
        if not settled.inputs:
            reason = f": {listed(list(settled.constants))} are constant" if settled.constants else ""
            raise DataError(f"No column is left to predict from{reason}. Name inputs that vary.")
        for column in settled.inputs:
            refuse_too_many_levels(column)
        classes = classes_of(settled.targets[0]) if decided == "classification" else ()
        columns = tuple(input_column(column, missing) for column in settled.inputs)
        notes = [
            *table.notes,
            *unit_notes({each.name: each.unit for each in (*settled.targets, *settled.inputs) if each.unit}),
            *constant_notes(settled.constants),
            *missing_notes(settled, columns, missing),
            *word_notes(settled),
            *row_number_notes(settled.inputs),
            *(target_notes(settled.targets, task) if decided == "regression" else ()),
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
    def number_columns(self) -> tuple[str, ...]:
        """The columns that are no codes, whatever zeros their numbers begin with: see `read_table`."""
        names = [column.name for column in self.input_columns if column.kind != "category"]
        return tuple(names if self.classes and isinstance(self.classes[0], str) else [*names, *self.target_columns])

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
        self._write_inputs(inputs, [column.kept(keep) for column in self.found_inputs(arrow)], "refuse")
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
        self._write_inputs(inputs, self.found_inputs(arrow, first_row), unknown, missing)
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
        """Return the coding with the shares of levels among the training rows, and a note of levels without one."""
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
        found = self.found_inputs(arrow, first_row)
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

    def complete_rows(self, table: Any) -> NDArray[np.bool_]:
        """Return the mask of the rows that can get a prediction: those without a missing input that is not filled."""
        arrow = as_table(table)
        complete = np.ones(arrow.num_rows, dtype=np.bool_)
        for column, found in zip(self.input_columns, self.found_inputs(arrow), strict=True):
            if column.fill is None:
                complete &= ~found.is_missing()
        return complete

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
                {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(column).items()}
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
        parts = checked_parts(description, TASKS, MISSING)
        return cls(**parts)

    def found_inputs(self, arrow: pa.Table, first_row: int | None = None) -> list[Column]:
        """Find the input columns in a table, by name."""
        self.require_inputs(arrow.column_names)
        found = [Column.of(arrow, column.name, first_row) for column in self.input_columns]
        for column, values in zip(self.input_columns, found, strict=True):
            if column.unit and values.unit not in ("", column.unit):
                raise DataError(
                    f"Column {column.name!r} is in {values.unit}, and was in {column.unit} at training. Convert it."
                )
        return [
            values.known(column.levels) if column.kind == "category" else values
            for column, values in zip(self.input_columns, found, strict=True)
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
            refuse_missing(found, "refuse")
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
            refuse_missing_targets(found)
        if self.classes:
            return class_codes(found[0], self.classes)
        return np.column_stack([coded_numbers("number", None, column, allow_boolean=True) for column in found])


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
