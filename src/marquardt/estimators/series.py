"""Series as they come (arrays, pandas, polars, one or several) become arrays, and forecasts go back the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marquardt.arrays import Array, refuse_times, unmasked
from marquardt.checks import require_extra
from marquardt.errors import DataError, ShapeError, first_line
from marquardt.estimators.timeline import Timeline

__all__ = ["Series", "read_many", "read_series"]


TIMES = ("date", "time", "duration", "interval", "period", "month_day")
"""How the types of dates, times and their differences begin in NumPy, pandas, polars and Arrow, in small letters."""


@dataclass(frozen=True, eq=False)
class Series:
    """One series as an array, and what it was."""

    values: Array  # (n_rows, n_columns)
    container: str = "numpy"  # ``"numpy"``, ``"pandas"`` or ``"polars"``
    labels: tuple[Any, ...] | None = None  # Of the columns, as they came: texts, or whatever else pandas takes
    is_flat: bool = True  # Whether it had one dimension
    timeline: Timeline | None = None  # Its times, for pandas
    index: Any = None  # The index itself
    levels: tuple[Any, ...] | None = None  # What pandas calls the axis of the columns, a name a level of its labels
    times: str = ""  # What a message calls its times, where they are no index

    def __len__(self) -> int:
        return len(self.values)

    @property
    def names(self) -> tuple[str, ...] | None:
        """The labels as texts."""
        return None if self.labels is None else tuple(map(str, self.labels))

    def like(self, values: Array, index: Any = None) -> Any:
        """Return other values in the same kind of container."""
        flat = values[:, 0] if self.is_flat else values
        if self.container == "pandas":
            pandas: Any = require_extra("pandas", "pandas")
            if self.is_flat:
                return pandas.Series(flat, index=index, name=self.labels[0] if self.labels else None)
            labels = list(self.labels or ())
            columns = (
                pandas.MultiIndex.from_tuples(labels, names=self.levels)
                if self.levels is not None and len(self.levels) > 1
                else pandas.Index(labels, name=None if self.levels is None else self.levels[0], tupleize_cols=False)
            )
            return pandas.DataFrame(flat, index=index, columns=columns)
        if self.container == "polars":
            polars: Any = require_extra("polars", "polars")
            if self.is_flat:
                return polars.Series(self.names[0] if self.names else "", flat)
            return polars.DataFrame(flat, schema=list(self.names or ()))
        return flat


def is_many(given: Any) -> bool:
    """Return whether these are several series: a list or tuple of arrays, series or frames.

    >>> is_many([np.zeros(3), np.zeros(5)]), is_many([1.0, 2.0]), is_many([[1.0, 2.0], [3.0, 4.0]])
    (True, False, False)
    """
    return (
        isinstance(given, list | tuple)
        and len(given) > 0
        and all(getattr(one, "ndim", 0) or hasattr(one, "columns") or _is_polars(one) for one in given)
    )


def _is_polars(given: Any) -> bool:
    return type(given).__module__.partition(".")[0] == "polars"


def read_many(given: Any, what: str, *, may_miss: bool = False) -> list[Series]:
    """Read one series or several."""
    if not is_many(given):
        return [read_series(given, what, may_miss=may_miss)]
    found = [read_series(one, f"{what}[{number}]", may_miss=may_miss) for number, one in enumerate(given)]
    for number, one in enumerate(found):
        n_columns = one.values.shape[1]
        if n_columns != found[0].values.shape[1] or (n_columns > 1 and one.names != found[0].names):
            raise ShapeError(
                f"All series must have the same columns, but {what}[0] has {_columns(found[0])} and {what}[{number}] "
                f"has {_columns(one)}."
            )
    return found


def _columns(series: Series) -> str:
    return str(list(series.names)) if series.names else f"{series.values.shape[1]} columns"


def read_series(given: Any, what: str, *, may_miss: bool = False) -> Series:
    """Read one series."""
    if isinstance(given, Series):
        if not may_miss:
            require_finite_rows(given.values, what, given.index, None if given.is_flat else given.names)
        return given
    library = type(given).__module__.partition(".")[0]
    container = library if library in ("pandas", "polars") else "numpy"
    labels, levels = (None, None) if container == "numpy" else _labels_of(given, container)
    index = timeline = None
    _refuse_times(given, library, what)
    try:
        values = _numbers(given, container)
    except (TypeError, ValueError) as error:
        reason = first_line(error)
        raise DataError(f"{what} must hold numbers: {reason}. Code words and dates as numbers first.") from error
    is_flat = values.ndim == 1
    if is_flat:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] == 0:
        raise ShapeError(f"{what} must be of shape (n_rows,) or (n_rows, n_columns), got {values.shape}.")
    if len(values) == 0:
        raise ShapeError(f"{what} has no row.")
    if container == "pandas":
        index = given.index
        timeline = Timeline.of(index, what)
    if not may_miss:
        require_finite_rows(values, what, index, None if is_flat else labels or range(values.shape[1]))
    return Series(values, container, labels, is_flat, timeline, index, levels)


def _labels_of(given: Any, container: str) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]:
    """The labels of the columns, and what pandas calls them."""
    if hasattr(given, "columns"):
        return tuple(given.columns), tuple(given.columns.names) if container == "pandas" else None
    return ((given.name,) if given.name is not None and str(given.name) else None), None


def require_finite_rows(values: Array, what: str, index: Any, names: Sequence[Any] | None) -> None:
    """Refuse NaN and infinity by their place."""
    wrong = np.argwhere(~np.isfinite(values))
    if not len(wrong):
        return
    row, column = wrong[0]
    place = f"row {row}" if index is None else f"row {row} ({index[row]})"
    which = "" if names is None else f", column {names[column]!r}"
    raise DataError(
        f"{what} must be finite, got {values[row, column]} in {place}{which}. Fill the gap (interpolate), or give the "
        f"parts before and after it as a list of two series."
    )


def _numbers(given: Any, container: str) -> Array:
    if container == "pandas":
        return np.array(given.to_numpy(dtype=np.float64, na_value=np.nan))
    if container == "polars":
        # A null becomes NaN, which is refused by its place.
        return np.array(given.to_numpy(), dtype=np.float64)
    return np.array(unmasked(given, "a series"), dtype=np.float64)


def _refuse_times(given: Any, library: str, what: str) -> None:
    """Refuse dates, times and time differences: NumPy makes counts of nanoseconds or days of them."""
    is_table = hasattr(given, "columns") and library in ("pandas", "polars", "pyarrow")
    names = list(getattr(given, "column_names", given.columns)) if is_table else [None]
    for place, name in enumerate(names):
        column = given if not is_table else given.iloc[:, place] if library == "pandas" else given[name]
        type_ = _type_of(column)
        if type_.lower().startswith("complex"):
            refuse_times(np.empty(0, dtype=complex), what if name is None else f"Column {name!r} of {what}")
        if not type_.lower().startswith(TIMES):
            continue
        holder = "they are" if name is None else f"column {name!r} holds"
        way_out = "Leave out the column that tells the times of the rows."
        if library == "pandas":
            way_out = (
                f"The times of the rows are taken from the index{'' if name is None else f': set_index({name!r})'}."
            )
        raise DataError(
            f"{what} must hold numbers, but {holder} dates or times ({type_}). Code words and dates as numbers first, "
            f"such as days since a start. {way_out}"
        )


def _type_of(column: Any) -> str:
    """The type of a column's values in the words of its library."""
    type_ = str(getattr(column, "dtype", getattr(column, "type", "object")))
    if type_ == "category":
        return str(column.cat.categories.dtype)
    if type_ != "object":
        return type_
    try:
        kinds = {type(value) for value in np.ravel(np.asarray(column, dtype=object))}
    except ValueError:  # rows of different lengths, which are refused where numbers are made
        return type_
    return next((each.__name__ for each in kinds if issubclass(each, np.datetime64 | np.timedelta64 | complex)), type_)


def require_same_rows(targets: Sequence[Series], exog: Sequence[Series]) -> None:
    """Refuse exogenous series that are not of the same number."""
    if len(targets) != len(exog):
        raise ShapeError(f"X must be as many series as y: got {len(exog)} for {len(targets)}.")


def rows_beside(exog: Series, target: Series, n_more: int, what: str, needed: slice) -> Array:
    """Return the exogenous rows of the target's times and of some that follow.

    With a pandas index on both sides rows are found by it, else by their number.
    """
    if exog.index is not None and target.index is not None and (n_more == 0 or target.timeline is not None):
        wanted = target.index if n_more == 0 or target.timeline is None else None
        if wanted is None:
            assert target.timeline is not None
            wanted = target.index.append(target.timeline.after(n_more))
        return _found(exog, wanted, target.timeline, what, needed)
    n_wanted = len(target) + n_more
    if len(exog) < n_wanted or (n_more == 0 and len(exog) > n_wanted):
        more = f" and {n_more} of the future" if n_more else ""
        raise ShapeError(
            f"{what} must have a row for each of the {len(target)} rows of y{more}: {n_wanted} rows, got {len(exog)}."
        )
    rows = exog.values[:n_wanted]
    _require_rows(exog, rows, what, needed, None)
    return rows


def rows_after(exog: Series, timeline: Timeline | None, count: int, what: str) -> Array:
    """Return the exogenous rows of the times that follow a timeline."""
    if exog.index is not None and timeline is not None:
        return _found(exog, timeline.after(count), timeline, what, slice(None))
    if len(exog) < count:
        raise ShapeError(
            f"{what} must have a row for each future time that the lags need: {count} rows, got "
            f"{len(exog)}. Give more rows, or a shorter horizon."
        )
    rows = exog.values[:count]
    _require_rows(exog, rows, what, slice(None), None)
    return rows


def _found(exog: Series, wanted: Any, timeline: Timeline | None, what: str, needed: slice) -> Array:
    """Rows by their times; NaN for those that are not there."""
    places = np.asarray(exog.index.get_indexer(wanted)) if timeline is None else timeline.places(exog.index, wanted)
    asked = wanted[needed]
    missing = np.flatnonzero(places[needed] < 0)
    if len(missing):
        raise DataError(
            f"{what} has no row of {asked[missing[0]]}: {len(asked)} rows are needed, from {asked[0]} to {asked[-1]}, "
            f"and it has {exog.index[0]} to {exog.index[-1]}. Rows without times are given as an array: X.to_numpy()."
        )
    rows: Array = np.where((places < 0)[:, None], np.nan, exog.values[places])
    _require_rows(exog, rows, what, needed, wanted)
    return rows


def _require_rows(exog: Series, rows: Array, what: str, needed: slice, index: Any) -> None:
    """Refuse a missing value among the rows that are needed, by its place; the others are nobody's."""
    given = rows.copy()
    outside = np.ones(len(rows), dtype=bool)
    outside[needed] = False
    given[outside] = 0.0
    require_finite_rows(given, what, index, None if exog.is_flat else exog.labels or range(rows.shape[1]))
