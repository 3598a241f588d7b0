"""What a user is told of a table that predictions are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow.compute as pc

from marquardt.tables.coding import TableCoding
from marquardt.tables.columns import as_table, listed
from marquardt.tables.encoding import seen
from marquardt.tables.notes import filled
from marquardt.tables.units import unit_notes

__all__ = ["Remarks"]


class Remarks:
    """What of a table to predict is not used, filled, left out or unknown, counted as its rows go by."""

    def __init__(self, coding: TableCoding, column_names: Sequence[str], unknown: str = "refuse") -> None:
        self._coding, self._unknown = coding, unknown
        known = {column.name for column in coding.input_columns} | {*coding.target_columns, *coding.dropped}
        self._extra = [name for name in column_names if name not in known]
        self._n_rows = self._n_incomplete = 0
        self._n_missing = dict.fromkeys((column.name for column in coding.input_columns), 0)
        self._n_unseen, self._n_unlearned = dict(self._n_missing), dict(self._n_missing)
        self._units: dict[str, str] = {}
        self._first_unseen: dict[str, tuple[Any, str]] = {}

    def add(self, table: Any, first_row: int | None = None) -> None:
        """Look at some rows."""
        arrow, coding = as_table(table), self._coding
        self._n_rows += arrow.num_rows
        self._n_incomplete += int((~coding.complete_rows(arrow)).sum())
        for column, found in zip(coding.input_columns, coding.found_inputs(arrow, first_row), strict=True):
            if found.unit:
                self._units[column.name] = found.unit
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
        remarks = unit_notes(self._units)
        if self._extra:
            which = "it was" if len(self._extra) == 1 else "they were"
            remarks.append(f"Not used, as {which} not used in training: {listed(self._extra)}.")
        if self._n_incomplete:
            of = f"{self._n_incomplete} of {self._n_rows} rows"
            how = ", as in training" if self._coding.missing == "drop" else ""
            remarks.append(f"{of} have missing values and get no prediction{how}.")
        for column in self._coding.input_columns:
            if self._n_missing[column.name]:
                remarks.append(filled(column, self._n_missing[column.name], self._coding.missing))
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
