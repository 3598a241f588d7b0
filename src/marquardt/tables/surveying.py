"""What is known of the columns of a table: of one in memory all values, of one that went by only what matters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from marquardt.errors import ConfigurationError
from marquardt.tables.checking import MAX_LEVELS, constant, kept_rows, refuse_no_row, refuse_no_target, with_targets
from marquardt.tables.columns import Column
from marquardt.tables.row_numbers import RowNumbers
from marquardt.tables.written import Written
from marquardt.wording import by_door

MAX_CLASSES = 1000
"""Different values of a target that are told apart where the table goes by."""
SURVEY_ROWS = 65_536
SAMPLE_ROWS = 10_000


class Rows(Protocol):
    """A table that goes by."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def n_bytes(self) -> int:
        """About what all of it takes in memory."""

    @property
    def column_names(self) -> Sequence[str]:
        """Names of all columns, in their order."""

    @property
    def n_rows(self) -> int:
        """How many rows it has."""

    def batches(self, names: Sequence[str], n_rows: int) -> Iterator[pa.Table]:
        """Read some columns of all rows."""

    def no_rows(self, names: Sequence[str]) -> pa.Table:
        """Return some columns without a row, for their types."""


@dataclass(frozen=True)
class Settled:
    """The columns that are left to train on, on the rows that are left."""

    targets: list[Column]
    inputs: list[Column]
    constants: dict[str, str]  # Inputs that do not vary, and why
    n_rows: int  # Rows of the table, and how many of them are left out for a missing value
    n_left_out: int
    n_without_target: int  # How many of these miss a target


def _read(table: pa.Table, name: str, keep_words: Collection[str] | None, first_row: int | None = None) -> Column:
    """Return a column; of a file, where words to keep are given, as a file of text would be read."""
    column = Column.of(table, name, first_row)
    return column if keep_words is None else column.without_words(keep_words)


class WholeTable:
    """A table in memory."""

    def __init__(self, arrow: pa.Table, keep_words: Collection[str] | None = None) -> None:
        self._arrow, self._keep_words = arrow, keep_words
        self.column_names: Sequence[str] = arrow.column_names
        self.notes = Written.of(arrow.schema).notes
        """What there is to say about how its file is written."""

    def columns(self, names: Sequence[str], targets: Sequence[str]) -> list[Column]:
        """Return the columns of these names, with all rows."""
        return [_read(self._arrow, name, self._keep_words) for name in names]

    def taught(self, columns: Sequence[Column], targets: Sequence[Column]) -> list[Column]:
        """Return columns with the rows that have all targets only."""
        keep = with_targets(targets)
        return [column.kept(keep) for column in columns]

    def refuse_filling(self, missing: str) -> None:
        """Refuse to fill missing values in a way that cannot be; there is none."""

    def settled(self, targets: Sequence[Column], inputs: Sequence[Column], missing: str) -> Settled:
        """Leave out constant columns and, where they are dropped, rows with missing values."""
        keep, left, constants = kept_rows(targets, list(inputs), missing)
        n_rows, n_taught = self._arrow.num_rows, targets[0].n_rows
        n_left = n_taught if keep is None else int(keep.sum())
        return Settled(
            [column.kept(keep) for column in targets],
            [column.kept(keep) for column in left],
            constants,
            n_rows,
            n_rows - n_left,
            n_rows - n_taught,
        )


@dataclass(frozen=True)
class Sketch(Column):
    """What is known of a column that went by: its different values as far as they matter, how often and where first."""

    # (n_values,): how often each of the `values` occurs; they stand in the order in which they appear
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    total: int = 0  # Values, missing ones among them, and where the first of these stands, -1 for none
    absent: int = 0
    first_absent: int = -1
    mean: float = 0.0  # Of the numbers
    is_cut: bool = False  # Whether there are more different values than were kept
    sample: Column | None = None  # The first values, where there are many different ones
    as_row_numbers: RowNumbers = field(default_factory=RowNumbers)

    @property
    def n_rows(self) -> int:
        """How many values went by."""
        return self.total

    @property
    def n_missing(self) -> int:
        """How many of them were missing."""
        return self.absent

    @property
    def missing_place(self) -> str:
        """Where the first is missing."""
        return f"data row {self.first_absent + 1}"

    def count(self, mask: Any) -> int:
        """Return how many values a mask of the different ones stands for."""
        return int(self.counts[np.asarray(pc.fill_null(mask, False))].sum())

    def level_counts(self) -> dict[Any, int]:
        """Return how often each value occurs."""
        return dict(zip(self.values.to_pylist(), self.counts.tolist(), strict=True))

    def middle(self, kind: str) -> float:
        """Return the mean."""
        return self.mean

    def row_numbers(self) -> RowNumbers:
        """Return what was seen as they went by."""
        return self.as_row_numbers

    def refuse_number_words(self) -> None:
        """Judge by the first values where there are too many different ones."""
        if self.sample is not None:
            self.sample.refuse_number_words()
        else:
            super().refuse_number_words()


class PassingTable:
    """A table that goes by, looked through as often as it takes."""

    def __init__(self, rows: Rows, keep_words: Collection[str] | None = None) -> None:
        self._rows, self._keep_words = rows, keep_words
        self.column_names = rows.column_names
        self.notes = Written.of(rows.no_rows(()).schema).notes
        self._targets: Sequence[str] = ()
        self._required: list[str] = []

    def columns(self, names: Sequence[str], targets: Sequence[str]) -> list[Column]:
        """Look through columns, after a look at their types."""
        types = self._rows.no_rows(names)
        for name in names:
            column = Column.of(types, name)
            if column.kind != "empty":  # which takes a look
                replace(column, is_target=name in targets).refuse_unusable()
        self._targets = targets
        return list(self._look(names))

    def taught(self, columns: Sequence[Column], targets: Sequence[Column]) -> list[Column]:
        """Return columns as they are in the rows that have all targets, after another look where some have not."""
        self._required = [column.name for column in targets if column.n_missing]
        if not self._required:
            return list(columns)
        found: list[Column] = list(self._look([column.name for column in columns], self._required))
        refuse_no_target(found[0].n_rows, targets)
        return found

    def refuse_filling(self, missing: str) -> None:
        """Refuse to fill missing values with the median."""
        if missing == "median":
            other = by_door("--missing mean or drop", "missing='mean' or 'drop'")
            whole = by_door("--no-stream", "read_table and TableCoding.fit")
            raise ConfigurationError(
                f"A median needs all values at once, and {self._rows.name} is read batch by batch. Take {other}, or "
                f"read it as a whole with {whole}."
            )

    def settled(self, targets: Sequence[Column], inputs: Sequence[Column], missing: str) -> Settled:
        """Leave out constant columns and, where they are dropped, rows with missing values.

        As in memory: a column that is left out must not cost rows, and rows left out may make a column constant.
        """
        names = [column.name for column in targets]
        constants: dict[str, str] = {}
        n_taught = targets[0].n_rows
        required: list[str] | None = None
        columns = {column.name: column for column in (*targets, *inputs)}
        left = list(inputs)
        gaps = {column.name for column in columns.values() if column.n_missing}
        while True:
            found = {column.name: constant(columns[column.name]) for column in left}
            constants |= {name: reason for name, reason in found.items() if reason}
            left = [column for column in left if not found[column.name]]
            used = [*names, *(column.name for column in left)]
            before = required
            required = [name for name in used if name in gaps] if missing == "drop" else []
            if required == (before or []):
                break
            columns = {column.name: column for column in self._look(used, [*self._required, *required])}
            left = [columns[column.name] for column in left]
            refuse_no_row(columns[names[0]].n_rows, self._rows.n_rows)
        n_left_out = self._rows.n_rows - columns[names[0]].n_rows
        n_rows = self._rows.n_rows
        return Settled([columns[name] for name in names], left, constants, n_rows, n_left_out, n_rows - n_taught)

    def _look(self, names: Sequence[str], required: Sequence[str] = ()) -> list[Sketch]:
        """Look through columns once, at the rows that have all required values."""
        caps = {name: MAX_CLASSES if name in self._targets else MAX_LEVELS for name in names}
        growing = [Growing(name, caps[name], is_target=name in self._targets) for name in names]
        first = 0
        for table in self._rows.batches(names, SURVEY_ROWS):
            columns = {name: _read(table, name, self._keep_words, first) for name in names}
            keep = None
            if any(columns[name].n_missing for name in required):
                keep = ~np.logical_or.reduce([columns[name].is_missing() for name in required])
            for each in growing:
                each.add(columns[each.name].kept(keep))
            first += table.num_rows
        return [each.sketch() for each in growing]


class Growing:
    """A sketch that grows batch by batch."""

    def __init__(self, name: str, cap: int, *, is_target: bool) -> None:
        self.name = name
        self._cap, self._is_target = cap, is_target
        self._kind, self._is_categorical, self._type = "empty", False, pa.null()
        self._missing_word: str | None = None
        self._unit = ""
        self._total = self._absent = 0
        self._first_absent = -1
        self._levels: dict[Any, list[int]] = {}
        self._is_cut = False
        self._sample: Column | None = None
        self._ends: list[tuple[Any, int]] = []
        self._mean = 0.0
        self._row_numbers = RowNumbers()

    def add(self, column: Column) -> None:
        """Take a batch in."""
        column.refuse_infinity()
        self._missing_word = self._missing_word or column.missing_word
        n_missing = column.n_missing
        if n_missing and self._first_absent < 0:
            self._first_absent = column.row(int(np.flatnonzero(column.is_missing())[0]))
        self._absent += n_missing
        self._total += column.n_rows
        n_present = column.n_rows - n_missing
        if not n_present:
            return
        self._kind, self._is_categorical, self._type = column.kind, column.is_categorical, column.values.type
        self._unit = column.unit
        if column.kind in ("number", "boolean"):
            self._mean += (column.middle("mean") - self._mean) * (n_present / (self._total - self._absent))
        if column.kind == "number":
            self._add_ends(column)
            self._row_numbers.add(column.values, column.all_rows())
        if self._is_target or column.kind != "number":
            self._add_levels(column)

    def _add_ends(self, column: Column) -> None:
        """Keep the smallest and the largest number, each with the row where it stands first."""
        found = pc.min_max(column.values).as_py()
        ends = []
        for number, sign in enumerate((1, -1)):
            end = found["min" if sign == 1 else "max"]
            before = self._ends[number] if self._ends else None
            if before is not None and sign * before[0] <= sign * end:
                ends.append(before)
            else:
                index = pc.index(column.values, pa.scalar(end, column.values.type)).as_py()
                ends.append((end, column.row(index)))
        self._ends = ends

    def _add_levels(self, column: Column) -> None:
        if self._is_cut:
            return
        if self._sample is None and column.kind == "text":
            rows = np.array([column.row(k) for k in np.flatnonzero(~column.is_missing())[:SAMPLE_ROWS]])
            sample = column.values.drop_null().slice(0, SAMPLE_ROWS)
            self._sample = Column(column.name, "text", sample, column.is_categorical, rows)
        counts = pc.value_counts(column.values.drop_null())
        for entry in counts.slice(0, 2 * self._cap + 1).to_pylist():
            level = self._levels.get(entry["values"])
            if level is not None:
                level[0] += entry["counts"]
            elif len(self._levels) == self._cap:
                self._is_cut = True
                return
            else:
                index = pc.index(column.values, pa.scalar(entry["values"], column.values.type)).as_py()
                self._levels[entry["values"]] = [entry["counts"], column.row(index)]

    def sketch(self) -> Sketch:
        """Return what there is to know."""
        values = list(self._levels)
        counts = [count for count, _ in self._levels.values()]
        rows = [row for _, row in self._levels.values()]
        if not self._is_target or self._is_cut:
            # Where not every number is kept, its ends are.
            values += [end for end, _ in self._ends]
            counts += [0] * len(self._ends)
            rows += [row for _, row in self._ends]
        return Sketch(
            self.name,
            self._kind,
            pa.chunked_array([pa.array(values, self._type)]),
            self._is_categorical,
            np.array(rows, dtype=np.intp),
            missing_word=self._missing_word,
            unit=self._unit,
            counts=np.array(counts, dtype=np.int64),
            total=self._total,
            absent=self._absent,
            first_absent=self._first_absent,
            mean=self._mean,
            is_cut=self._is_cut,
            sample=self._sample if self._is_cut else None,
            as_row_numbers=self._row_numbers,
        )
