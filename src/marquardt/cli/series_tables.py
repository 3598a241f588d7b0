"""A table becomes series for `marquardt forecast`: known rows, exogenous rows of the future, and their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marquardt.arrays import AnyArray, Array
from marquardt.cli.dates import Times, times_of, unread
from marquardt.cli.taking import Given
from marquardt.errors import DataError
from marquardt.estimators import NetworkForecaster
from marquardt.estimators.lagging import Lags
from marquardt.estimators.series import Series
from marquardt.estimators.timeline import Timeline
from marquardt.streams import is_arrow_data, is_pattern
from marquardt.tables import Written, read_table
from marquardt.tables.checking import named_columns
from marquardt.tables.columns import Column, listed
from marquardt.tables.units import unit_notes


@dataclass(frozen=True, eq=False)
class Data:
    """A table as series: the known rows, the exogenous rows of the future, and their times."""

    targets: Series
    exog: Series | None
    n_known: int
    n_future: int
    times: Times | None
    unused: tuple[str, ...]
    notes: tuple[str, ...]
    written: Written

    def row(self, index: int) -> int:
        """Return where a row in the order of time stands in the table, from 0."""
        return index if self.times is None or self.times.order is None else int(self.times.order[index])

    @property
    def known_exog(self) -> Series | None:
        """The exogenous rows of the known times."""
        return None if self.exog is None else replace(self.exog, values=self.exog.values[: self.n_known])

    @property
    def future_exog(self) -> Series | None:
        """The exogenous rows that follow the known times; None where there are none."""
        if self.exog is None or len(self.exog) == self.n_known:
            return None
        return replace(self.exog, values=self.exog.values[self.n_known :])


def data_of(given: Given, read: Any, targets: Sequence[str], exog: Sequence[str]) -> Data:
    """Return the series of a table; its last rows without any target are the future."""
    date = given.date
    if date is not None:
        named_columns([date], read.column_names, "date")
        if date in (*targets, *exog):
            raise DataError(f"Column {date!r} is the date and {'a target' if date in targets else 'exogenous'}, too.")

    def as_text(name: str) -> Any:
        return read_table(given.data, text=[name], dialect=given.dialect()).column(name)

    is_typed = given.data.is_dir() or is_pattern(given.data) or is_arrow_data(given.data)
    times = times_of(read, date, {*targets, *exog}, None if is_typed else as_text, given.dayfirst)
    order = np.arange(read.num_rows) if times is None or times.order is None else times.order
    wanted = np.column_stack([_numbers(read, name, "Target") for name in targets])[order]
    is_known = ~np.isnan(wanted).all(axis=1)
    if not is_known.any():
        raise DataError(f"The target {listed(targets)} has no value in any row.")
    n_known = int(np.flatnonzero(is_known)[-1]) + 1
    _refuse_gaps(wanted[:n_known], targets, "Target", order)
    beside = None
    if exog:
        beside = np.column_stack([_numbers(read, name, "Exogenous column") for name in exog])[order]
        # The future may end early: what the horizon needs is asked for later.
        ends = np.flatnonzero(~np.isnan(beside).all(axis=1))
        n_beside = max(n_known, int(ends[-1]) + 1 if len(ends) else 0)
        beside = beside[:n_beside]
    used = {*targets, *exog, *([] if times is None else [times.name])}
    unused = tuple(name for name in read.column_names if name not in used)
    warning = unread(read, unused) if times is None else None
    written = Written.of(read.schema)
    units = {name: unit for name in (*targets, *exog) if (unit := Column.of(read, name).unit)}
    return Data(
        Series(
            wanted[:n_known],
            labels=tuple(targets),
            is_flat=False,
            timeline=_kept_timeline(times, n_known),
            times="" if times is None else f"{given.data}: column {times.name!r}",
        ),
        None if beside is None else Series(beside, "numpy", tuple(exog), False),
        n_known,
        len(wanted) - n_known,
        times,
        unused,
        (
            *written.notes,
            *unit_notes(units),
            *(() if times is None else times.notes),
            *(() if warning is None else (warning,)),
        ),
        written,
    )


def _kept_timeline(times: Times | None, n_known: int) -> Timeline | None:
    """The times of the known rows, where a file can keep them."""
    if times is None or times.timeline is None:
        return None
    timeline = times.timeline.ending(times.index[n_known - 1])
    try:
        timeline.to_keep()
    except DataError:
        return None
    return timeline


def _numbers(read: Any, name: str, what: str) -> Array:
    column = Column.of(read, name)
    if column.kind not in ("number", "boolean", "empty"):
        shown, place = column.first(column.values.is_valid())
        raise DataError(
            f"{what} {name!r} must hold numbers, got {shown!r} in {place}. Code it as numbers, such as 0 and 1."
        )
    column.refuse_infinity()
    return column.numbers()


def _refuse_gaps(values: Array, names: Sequence[str], what: str, order: AnyArray) -> None:
    gaps = np.argwhere(np.isnan(values))
    if len(gaps):
        row, column = gaps[0]
        raise DataError(
            f"{what} {names[column]!r} is missing in data row {order[row] + 1}, before the last known row. Lags need "
            f"every row: fill the gap, or begin the table after it."
        )


def refuse_unreachable(given: Given, forecaster: NetworkForecaster, data: Data) -> None:
    """Refuse a table with no row behind which all lags are."""
    exog_lags = () if data.exog is None else forecaster.exog_lags
    n_history = Lags(forecaster.lags, exog_lags, forecaster.difference).n_history
    if data.n_known <= n_history:
        raise DataError(
            f"{given.data} has {data.n_known} known rows, and the first that can be forecast needs {n_history} "
            f"before it: the largest lag{' and all differences' if forecaster.difference else ''}. Give at least "
            f"{n_history + 1} rows, or smaller --lags{' or --difference' if forecaster.difference else ''}."
        )


def checked_horizon(given: Given, data: Data, lags: Lags, first: int) -> int:
    """Return the horizon; refuse one that the future rows do not cover, and gaps that lags meet, from a row on."""
    horizon = given.horizon if given.horizon is not None else (data.n_future or 12)
    if data.exog is not None and lags.exog:
        needed = lags.n_future(horizon)
        asked = lags.exog_of(first, data.n_known + horizon)
        names = data.exog.names or ()
        gaps = np.argwhere(np.isnan(data.exog.values[asked.start : min(asked.stop, data.n_known)]))
        if len(gaps):
            row, column = gaps[0]
            raise DataError(
                f"Exogenous column {names[column]!r} is missing in data row {data.row(asked.start + row) + 1}, which "
                f"the lags need. Fill the gap, or begin the table after it."
            )
        is_there = ~np.isnan(data.exog.values[data.n_known :]).any(axis=1)
        there = int(np.logical_and.accumulate(is_there).sum())
        if there < needed:
            raise DataError(
                f"--horizon {horizon} needs {needed} rows of the future of {listed(data.exog.names or ())}, and the "
                f"table has {there} with all of them: rows at its end with an empty target. Add rows, or take a "
                f"shorter horizon."
            )
    return horizon
