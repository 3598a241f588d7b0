"""The times of a table's rows: which column they are in, how they are spelled, their order, and which follow."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from marquardt.arrays import AnyArray
from marquardt.checks import require_extra
from marquardt.errors import DataError
from marquardt.estimators.timeline import Timeline
from marquardt.tables.columns import Column, listed

ADVICE = "Lags count rows: insert the missing ones, or leave the column out of the table."
NAMED_MONTH = r"(?:jan|feb|m[aä]r|apr|ma[yi]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]*\.?"
DATE_LIKE = (
    r"(?i)^(?:\d{4}[./-]\d{1,2}|\d{1,2}[./-]\d{4}|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:[ T,].*)?|\d{4}[-/ ]?[qm]\d{1,2}"
    rf"|q[1-4][-/ ]?\d{{4}}|\d{{1,2}}:\d{{2}}.*|(?:[a-z]+,? )?(?:\d{{1,4}}\.?[-/ ]*)?{NAMED_MONTH}[-/, ]*\d{{1,4}}.*)$"
)
"""What is meant as a date, whether it can be read or not."""
OFFSET = r"(Z|[+-]\d{2}:?\d{2})$"
QUARTERS = (r"^(?P<year>\d{4})[-/ ]?[Qq](?P<quarter>[1-4])$", r"^[Qq](?P<quarter>[1-4])[-/ ]?(?P<year>\d{4})$")
MONTHS = (
    *("%Y-%m", "%Y/%m", "%Y.%m", "%m/%Y", "%m.%Y", "%m-%Y", "%YM%m", "%Ym%m"),
    *(form for month in ("%b", "%B") for form in (f"{month}-%Y", f"{month} %Y", f"%Y-{month}", f"%Y {month}")),
    *("%b-%y", "%b %y"),
)
DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y"),
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y"),
    *(form for month in ("%b", "%B") for form in (f"%d {month} %Y", f"%d-{month}-%Y", f"%d. {month} %Y")),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%y", "%d %b %y"),
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
DAY_FIRST, MONTH_FIRST = r"^%d[./-]%m", r"^%m[./-]%d"
"""What the forms with both as numbers, and the year last, begin with."""
WORDS = {"%d": "day", "%m": "month", "%Y": "year", "%y": "year"}
SEASONS_OF_SECONDS = {3600: 24, 86400: 7}
"""Rows a season, by the step."""
WEEK = 5
"""Business days a week."""


@dataclass(frozen=True, eq=False)
class Times:
    """The times of a table, from old to new.

    `order` are the rows of the table in the order of time, None where they are; `notes` what is to be said.
    """

    name: str
    index: Any
    timeline: Timeline | None
    order: AnyArray | None = None
    in_days: bool = False
    notes: tuple[str, ...] = ()

    def after(self, known: int, count: int) -> Any:
        """Return the index of the times that follow the known ones."""
        assert self.timeline is not None
        return self.timeline.ending(self.index[known - 1]).after(count)

    def written(self, index: Any) -> AnyArray:
        """Return times as they are shown and written: days, instants with their offset, months, quarters, numbers."""
        if hasattr(index, "qyear"):
            return np.array([str(period) for period in index])
        if not hasattr(index, "tz"):
            return np.asarray(index)
        if index.tz is not None:
            return np.array([time.isoformat() for time in index])
        return np.asarray(index.to_numpy().astype("M8[D]") if self.in_days else index.to_numpy())

    @property
    def season(self) -> int | None:
        """Rows a season, where the step tells."""
        if self.timeline is None or self.timeline.kind == "numbers":
            return None
        pandas: Any = require_extra("pandas", "dates")
        step = self.timeline.step
        if self.timeline.kind == "dates":
            if isinstance(step, pandas.offsets.Day | pandas.tseries.offsets.Tick):
                return SEASONS_OF_SECONDS.get(_seconds(pandas, step))
            if isinstance(step, pandas.offsets.BusinessDay):
                return WEEK if step.n == 1 else None
        ahead = self.timeline.after(13)
        starts = ahead.start_time if self.timeline.kind == "periods" else ahead
        return {30: 12, 91: 4}.get(int((starts[12] - starts[0]).days / 12))


def _seconds(pandas: Any, step: Any) -> int:
    start = pandas.Timestamp(2000, 1, 1)
    return int((start + step - start).total_seconds())


def drawn(index: Any) -> AnyArray:
    """Return times as a picture has them on its axis: local, periods by their start."""
    if hasattr(index, "qyear"):
        index = index.to_timestamp()
    return np.asarray(index.tz_localize(None) if getattr(index, "tz", None) is not None else index)


# ---------------------------------------------------------------- the column


def times_of(
    table: pa.Table,
    name: str | None,
    taken: set[str],
    as_text: Callable[[str], Any] | None = None,
    dayfirst: bool | None = None,
) -> Times | None:
    """Return the times in the column that is named, or in the only one that holds dates.

    `as_text` reads a column again as the text that it is in the file, None where the file has types of its own;
    `dayfirst` says whether the day stands before the month where both are numbers and the year is last.
    """
    if name is None:
        free = [each for each in table.column_names if each not in taken]
        found = [each for each in free if _are_dates(Column.of(table, each))]
        found = found or [each for each in free if _compact(Column.of(table, each)) is not None]
        if len(found) > 1:
            raise DataError(f"The columns {listed(found)} hold dates. Say by --date which the rows are ordered by.")
        if not found:
            return None
        name = found[0]
        is_named = False
    else:
        is_named = True
    column = Column.of(table, name)
    if column.values.null_count:
        place = column.first(column.values.is_null())[1]
        raise DataError(f"The date is missing in {place} of column {name!r}. Complete it, the future rows' as well.")
    index, in_days, notes = _index(column, is_named, as_text, dayfirst)
    if index is None:
        return None
    if len(index) < 2:
        raise DataError(f"Column {name!r} has one row: it tells no step.")
    order = None
    if not index.is_monotonic_increasing:
        order = np.asarray(index.argsort(kind="stable"))
        index = index[order]
        notes.append(
            f"The rows are not in the order of time: they are sorted by column {name!r}, {_shown(index[0])} first."
        )
    _refuse_repeated(column, index, order)
    timeline = Timeline.of(index, f"column {name!r}", ADVICE)
    if timeline is None:
        notes.append(f"Two rows of column {name!r} tell no step: the forecast has row numbers.")
    return Times(name, index, timeline, order, in_days, tuple(notes))


def unread(table: pa.Table, names: tuple[str, ...]) -> str | None:
    """Return a warning about an unused column that seems to say when the rows are, and was not read."""
    for name in names:
        column = Column.of(table, name)
        is_text = column.kind == "text" and 2 * _count(column, DATE_LIKE) > column.n_rows - column.n_missing
        if is_text or column.kind == "time":
            value, place = column.first(column.values.is_valid())
            return (
                f"Column {name!r} looks like dates that cannot be read, such as {str(value)[:40]!r} in {place}: order "
                f"and gaps of the rows are unchecked, and the first row is taken for the oldest. Write them like "
                f"2024-01-31."
            )
        if column.kind == "number" and not column.n_missing and column.n_rows > 2:
            apart = np.diff(column.numbers())
            if apart[0] < 0 and np.allclose(apart, apart[0]):
                return (
                    f"Column {name!r} goes down in equal steps: where the newest row is first, name it by --date "
                    f"{name}. The first row is taken for the oldest."
                )
    return None


def _are_dates(column: Column) -> bool:
    type_ = column.values.type
    if column.kind == "time":
        return bool(pa.types.is_date(type_) or pa.types.is_timestamp(type_))
    if column.kind != "text" or _count(column, DATE_LIKE) < column.n_rows - column.n_missing:
        return False
    return bool(_readings(column.values.drop_null().to_pylist(), column.name))


def _count(column: Column, pattern: str) -> int:
    return column.count(pc.match_substring_regex(pc.utf8_trim_whitespace(column.values), pattern))


def _index(
    column: Column, is_named: bool, as_text: Callable[[str], Any] | None, dayfirst: bool | None
) -> tuple[Any, bool, list[str]]:
    """The pandas index of a column, whether it is days without a clock, and what is to be said."""
    pandas: Any = require_extra("pandas", "dates")
    type_ = column.values.type
    if column.kind == "time" and pa.types.is_date(type_):
        return pandas.DatetimeIndex(column.values.cast(pa.date32()).to_numpy().astype("M8[s]")), True, []
    if column.kind == "time" and pa.types.is_timestamp(type_):
        if type_.tz is not None and as_text is not None:
            return _with_offsets(as_text(column.name).to_pylist())
        plain = pandas.DatetimeIndex(column.values.cast(pa.timestamp(type_.unit)).to_numpy())
        return (plain if type_.tz is None else plain.tz_localize("UTC").tz_convert(type_.tz)), False, []
    if column.kind == "number" and pa.types.is_integer(type_):
        found = _compact(column)
        if found is not None:
            return found, True, []
        return pandas.Index(np.asarray(column.values.to_numpy(), dtype=np.int64)), False, []
    if column.kind == "text":
        texts = [text.strip() for text in column.values.to_pylist()]
        if all(re.search(rf"\d:\d\d.*{OFFSET}", text) for text in texts):
            return _with_offsets(texts)
        readings = _readings(texts, column.name)
        if readings:
            index = _settled(readings, column, dayfirst)
            return index, bool(hasattr(index, "tz") and (index == index.normalize()).all()), []
    value, place = column.first(column.values.is_valid())
    raise DataError(
        f"Column {column.name!r} must hold dates such as 2024-01-31, months such as 2024-01, or whole numbers; got "
        f"{str(value)[:40]!r} in {place}. Leave --date out to count rows."
    )


def _shown(time: Any) -> str:
    return str(time).removesuffix(" 00:00:00")


def _refuse_repeated(column: Column, index: Any, order: AnyArray | None) -> None:
    repeated = np.flatnonzero(index.duplicated())
    if len(repeated):
        row = int(repeated[0])
        one, other = (row - 1, row) if order is None else (int(order[row - 1]), int(order[row]))
        raise DataError(
            f"The rows must go forward in time, but {column.place(other)} is of {_shown(index[row])} and so is "
            f"{column.place(one)} (column {column.name!r}). Leave repeated times out."
        )


# ---------------------------------------------------------------- spellings


def _compact(column: Column) -> Any:
    """Months as 202012 or days as 20201231, where all of a column are, in equal steps; None otherwise."""
    if column.kind != "number" or not pa.types.is_integer(column.values.type) or column.n_missing:
        return None
    numbers = np.asarray(column.values.to_numpy(), dtype=np.int64)
    if len(numbers) < 3:
        return None
    is_day = bool(numbers.min() >= 10_000_000)
    months, days = (numbers // 100, numbers % 100) if is_day else (numbers, np.ones(len(numbers), dtype=np.int64))
    months_fit = (months >= 170_001) & (months <= 229_912) & (months % 100 >= 1) & (months % 100 <= 12)
    if not (months_fit & (days >= 1) & (days <= 31)).all():
        return None
    pandas: Any = require_extra("pandas", "dates")
    try:
        found = pandas.to_datetime([str(number) for number in numbers], format="%Y%m%d" if is_day else "%Y%m")
    except ValueError:
        return None
    found = found if is_day else found.to_period("M")
    return found if _is_regular(found) else None


def _readings(texts: list[str], name: str) -> dict[str, Any]:
    """All ways to read texts, and the index of each."""
    pandas: Any = require_extra("pandas", "dates")
    texts = [text.strip() for text in texts]
    for pattern in QUARTERS:
        matches = [re.match(pattern, text) for text in texts]
        if all(matches):
            quarters = [f"{match['year']}Q{match['quarter']}" for match in matches if match]
            return {"quarters": pandas.PeriodIndex(quarters, freq="Q")}
    found: dict[str, Any] = {}
    forms = [(form, True) for form in MONTHS] + [(form + clock, False) for form in DAYS for clock in CLOCKS]
    for form, is_month in forms:
        if not all(_fits(text, form) for text in (texts[0], texts[-1], texts[len(texts) // 2])):
            continue
        try:
            index = pandas.to_datetime(texts, format=form)
        except (ValueError, OverflowError):
            continue
        index = index.to_period("M") if is_month else index
        if not any(type(index) is type(other) and index.equals(other) for other in found.values()):
            found[form] = index
    return found


def _fits(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _settled(readings: dict[str, Any], column: Column, dayfirst: bool | None) -> Any:
    """The only reading in the order that was asked for, or the only one in equal steps."""
    if dayfirst is not None:
        other = MONTH_FIRST if dayfirst else DAY_FIRST
        asked = {form: index for form, index in readings.items() if not re.match(other, form)}
        if not asked:
            raise DataError(
                f"The dates of column {column.name!r}, such as {column.values[0].as_py()!r} in {column.place(0)}, can "
                f"be read as {_words(next(iter(readings)))} only, which --{'' if dayfirst else 'no-'}dayfirst "
                f"excludes. Leave the option out."
            )
        readings = asked
    if len(readings) > 1:
        regular = {form: index for form, index in readings.items() if _is_regular(index)}
        if len(regular) != 1:
            one, other, *_ = readings.values()
            row = int(np.flatnonzero(np.asarray(one != other))[0])
            ways = " or ".join(f"{_words(form)} ({_shown(index[row])})" for form, index in readings.items())
            raise DataError(
                f"The dates of column {column.name!r}, such as {column.values[row].as_py()!r} in {column.place(row)}, "
                f"can be read as {ways}, and equal steps do not tell which. Say so by --dayfirst or "
                f"--no-dayfirst, or write them like 2024-01-31."
            )
        readings = regular
    return next(iter(readings.values()))


def _words(form: str) -> str:
    return re.sub(r"%[dmYy]", lambda match: WORDS[match[0]], re.split(r"[ T]%[HI]", form)[0])


def _is_regular(index: Any) -> bool:
    try:
        Timeline.of(index.sort_values(), "these dates")
    except DataError:
        return False
    return True


def _with_offsets(texts: list[str]) -> tuple[Any, bool, list[str]]:
    """Times with an offset from UTC: one offset is a zone of its own, several are those of clocks that change."""
    pandas: Any = require_extra("pandas", "dates")
    texts = [text.strip() for text in texts]
    offsets = [match[1] if (match := re.search(OFFSET, text)) else "Z" for text in texts]
    instants = pandas.to_datetime(texts, utc=True, format="ISO8601")
    last = offsets[int(np.argmax(instants))]
    there = instants.tz_convert("UTC" if last == "Z" else datetime.strptime(last, "%z").tzinfo)
    if len(set(offsets)) == 1 or _is_regular(there):
        return there, False, []
    walls = pandas.to_datetime([re.sub(OFFSET, "", text) for text in texts], format="ISO8601")
    usual = np.median(np.diff(np.sort(walls.to_numpy())).astype("m8[s]").astype(np.int64)) if len(walls) > 1 else 0
    if usual < 86400:
        return there, False, []
    return (
        walls,
        bool((walls == walls.normalize()).all()),
        [
            "The offsets from UTC change with the clocks: a day is a day of the local calendar, and the forecast is "
            "written in local time without an offset."
        ],
    )
