"""The times of a table's rows: which column they are in, whether they go in equal steps, and which follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from marquardt.arrays import AnyArray
from marquardt.errors import DataError
from marquardt.tables.columns import Column, listed

MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
SEASONS_OF_MONTHS = {1: 12, 3: 4}
SEASONS_OF_SECONDS = {3600: 24, 86400: 7}
"""Rows a season, by the step."""


@dataclass(frozen=True, eq=False)
class Times:
    """Times in equal steps.

    `values` are integers or datetime64; a step of months keeps the day, or the last day of the month.
    """

    name: str
    values: AnyArray
    step: int
    in_months: bool = False
    at_month_ends: bool = False

    def after(self, count: int) -> AnyArray:
        """Return the times that follow."""
        ahead = self.step * np.arange(1, count + 1)
        if not self.in_months:
            return np.asarray(
                self.values[-1] + ahead.astype(f"m8[{_unit(self.values)}]" if _unit(self.values) else int)
            )
        last = self.values[-1]
        months = last.astype("M8[M]") + ahead
        if self.values.dtype == np.dtype("M8[M]"):
            return np.asarray(months)
        if self.at_month_ends:
            found = (months + 1).astype("M8[D]") - 1
            return np.asarray(found.astype(self.values.dtype))
        return np.asarray(months.astype(self.values.dtype) + (last - last.astype("M8[M]").astype(self.values.dtype)))

    @property
    def season(self) -> int | None:
        """Rows a season, where the step tells."""
        if self.in_months:
            return SEASONS_OF_MONTHS.get(self.step)
        unit = _unit(self.values)
        if unit is None:
            return None
        seconds = np.timedelta64(self.step, unit) / np.timedelta64(1, "s")
        return SEASONS_OF_SECONDS.get(int(seconds))

    def first(self, count: int) -> Times:
        """Return the first of them."""
        return Times(self.name, self.values[:count], self.step, self.in_months, self.at_month_ends)


def _unit(values: AnyArray) -> Any:
    return np.datetime_data(values.dtype)[0] if values.dtype.kind == "M" else None


def times_of(table: pa.Table, name: str | None, taken: set[str]) -> Times | None:
    """Return the times in the column that is named, or in the only one that holds dates.

    Raises
    ------
    DataError
        If they are no times, or do not go forward in equal steps.
    """
    if name is None:
        found = [each for each in table.column_names if each not in taken and _are_dates(table, each)]
        if len(found) > 1:
            raise DataError(f"The columns {listed(found)} hold dates. Say by --date which the rows are ordered by.")
        if not found:
            return None
        name = found[0]
    values = _values(table, name)
    if len(values) < 2:
        raise DataError(f"Column {name!r} has one row: it tells no step.")
    return _regular(name, values)


def _are_dates(table: pa.Table, name: str) -> bool:
    column = Column.of(table, name)
    return column.kind == "time" or (column.kind == "text" and _are_months(column))


def _are_months(column: Column) -> bool:
    return bool(pc.all(pc.match_substring_regex(column.values, MONTH)).as_py())


def _values(table: pa.Table, name: str) -> AnyArray:
    column = Column.of(table, name)
    if column.values.null_count:
        place = column.first(column.values.is_null())[1]
        raise DataError(f"The date is missing in {place} of column {name!r}. Complete it, the future rows' as well.")
    if column.kind == "text" and _are_months(column):
        return np.asarray(column.values.to_pylist(), dtype="M8[M]")
    type_ = column.values.type
    if column.kind == "time" and (pa.types.is_date(type_) or pa.types.is_timestamp(type_)):
        if pa.types.is_date(type_):
            return np.asarray(column.values.cast(pa.date32()).to_numpy(), dtype="M8[D]")
        return np.asarray(column.values.cast(pa.timestamp(type_.unit)).to_numpy())
    if column.kind == "number" and pa.types.is_integer(type_):
        return np.asarray(column.values.to_numpy(), dtype=np.int64)
    value, place = column.first(column.values.is_valid())
    raise DataError(
        f"Column {name!r} must hold dates such as 2024-01-31, months such as 2024-01, or whole numbers; got {value!r} "
        f"in {place}. Leave --date out to count rows."
    )


def _regular(name: str, values: AnyArray) -> Times:
    """Times in equal steps: of their own unit, or of months."""
    apart = np.diff(values).astype(np.int64)
    wrong = np.flatnonzero(apart <= 0)
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"The rows must go forward in time, but data row {row + 2} is of {values[row + 1]} and the row before of "
            f"{values[row]} (column {name!r}). Sort the table, and leave repeated times out."
        )
    is_months = values.dtype == np.dtype("M8[M]")
    if (apart == apart[0]).all():
        return Times(name, values, int(apart[0]), in_months=bool(is_months))
    if values.dtype.kind == "M" and not is_months:
        months = values.astype("M8[M]")
        steps = np.diff(months).astype(np.int64)
        within = values - months.astype(values.dtype)
        days = values.astype("M8[D]")
        at_ends = bool(((days + 1).astype("M8[M]") == months + 1).all())
        if (steps == steps[0]).all() and (at_ends or (within == within[0]).all()):
            return Times(name, values, int(steps[0]), in_months=True, at_month_ends=at_ends)
    counts = np.unique(apart, return_counts=True)
    usual = counts[0][counts[1].argmax()]
    row = int(np.flatnonzero(apart != usual)[0])
    raise DataError(
        f"The times in column {name!r} do not go in equal steps: {values[row]} in data row {row + 1} is followed by "
        f"{values[row + 1]}. Lags count rows: insert the missing ones, or leave the column out of the table."
    )
