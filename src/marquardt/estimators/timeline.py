"""The times of a series: steps of pandas' own offsets and periods, checked to rebuild the index that they came from."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marquardt.arrays import AnyArray
from marquardt.checks import require_extra, shown
from marquardt.errors import DataError, first_line
from marquardt.estimators.offsets import offset_of, plain_offset, plain_zone, zone_of

__all__ = ["Timeline"]

PYTHON = (
    "Lags count rows: insert the missing ones (asfreq), or leave the index out with reset_index(drop=True). Where a "
    "calendar leaves them out, give it to the index: index.freq = pandas.offsets.CustomBusinessDay(holidays=…)."
)
TOLERANCE = 1e-6
"""How far a number may be from where the steps lead, in steps."""
FEW = 24
"""Rows on which a step is tried first."""
MOST_DECIMALS = 6
"""Decimals up to which numbers count as rounded: 1949.083 is a month after 1949."""

SAME_STEP = 0.06
"""How much steps of one length may differ: holidays take 4 % of the business days; four weeks are 8 % below a month."""
MANY_STEPS = 480
MOST = 2**63
"""Beyond it a number of a file is no time that was ever counted."""
UNITS = (
    ("year", 365.25 * 86400),
    ("month", 365.25 * 86400 / 12),
    ("day", 86400.0),
    ("hour", 3600.0),
    ("minute", 60.0),
    ("second", 1.0),
)


@dataclass(frozen=True)
class Timeline:
    """The regular times of a pandas index, without the index."""

    kind: str  # ``"dates"``, ``"periods"`` or ``"numbers"``
    last: Any  # The last of them
    step: Any  # The offset from one to the next, of periods their number, of numbers their distance
    name: Any = None  # Of the index
    tolerance: float = 0.0  # How far numbers may be from where the steps lead

    @classmethod
    def of(cls, index: Any, what: str, advice: str = PYTHON) -> Timeline | None:
        """Read an index and check that it goes forward in equal steps."""
        pandas: Any = require_extra("pandas", "dates")
        is_dates = isinstance(index, pandas.DatetimeIndex)
        is_periods = isinstance(index, pandas.PeriodIndex)
        if not (is_dates or is_periods or index.dtype.kind in "iuf"):
            raise DataError(
                f"The index of {what} must be dates, periods or numbers, got values of type {index.dtype}. Make it "
                f"dates with pandas.to_datetime, or leave it out with reset_index(drop=True)."
            )
        if index.hasnans:
            raise DataError(f"The index of {what} has a missing value. Complete it, or leave it out.")
        _refuse_backward(index, what)
        if is_dates:
            step = index.freq if index.freq is not None else _step_of_dates(index, what, advice)
            if step is None:
                return None
            # What leads from one row to the next is all that is kept: it must lead to every row that there is.
            few = index if index.freq is None else index[-100:]
            found = cls("dates", few[0], step, index.name).after(len(few) - 1)
            if not _same(found, few[1:]):
                row = _first_other(found, few[1:])
                raise DataError(
                    f"The dates of {what} do not go in the steps of their index, {step!r}: {few[row]} is followed by "
                    f"{few[row + 1]}, not by {found[row] if len(found) > row else 'no date'}. Give the index another "
                    f"freq, or leave it out with reset_index(drop=True)."
                )
            return cls("dates", index[-1], step, index.name)
        if is_periods:
            numbers = np.asarray(index.astype("int64"))
            step = _step_of(numbers, lambda row: index[row], what, "periods", advice, index.freq.n)
            if step % index.freq.n:
                raise DataError(
                    f"The periods of {what} overlap: {index[0]} is {index.freq.n} times as long as the step to "
                    f"{index[1]}. Give the index periods as long as its steps (asfreq)."
                )
            return cls("periods", index[-1], step // index.freq.n, index.name)
        if len(index) < 2:
            return None
        values = index.to_numpy()
        step, tolerance = _step_of_numbers(values, what, advice)
        return cls("numbers", values[-1].item(), step, index.name, tolerance)

    def after(self, count: int) -> Any:
        """Return the index of the times that follow."""
        pandas: Any = require_extra("pandas", "dates")
        if self.kind == "numbers":
            if isinstance(self.last, int) and isinstance(self.step, int):
                first = self.last + self.step
                return pandas.RangeIndex(first, first + count * self.step, self.step, name=self.name)
            return pandas.Index(self.last + self.step * np.arange(1, count + 1), name=self.name)
        try:
            if self.kind == "periods":
                ahead = [self.last + k * self.step for k in range(1, count + 1)]
                return pandas.PeriodIndex(ahead, freq=self.last.freq, name=self.name)
            return _dates_after(pandas, self.last, self.step, count).rename(self.name)
        except (ValueError, OverflowError) as error:
            raise DataError(
                f"{count} times after {self.last} are more than there are dates: {first_line(error)}. Take a shorter "
                f"horizon, or an index of numbers."
            ) from error

    def moved(self, count: int) -> Timeline:
        """Return the timeline that ends `count` steps later."""
        if count == 0:
            return self
        last = self.after(count)[-1]
        return replace(self, last=np.asarray(last).item() if self.kind == "numbers" else last)

    def ending(self, last: Any) -> Timeline:
        """Return the timeline that ends at another of its times."""
        return replace(self, last=np.asarray(last).item() if self.kind == "numbers" else last)

    def places(self, index: Any, wanted: Any) -> AnyArray:
        """Return where times are in an index."""
        if self.kind != "numbers" or not self.tolerance or index.dtype.kind not in "iuf" or not index.is_unique:
            return np.asarray(index.get_indexer(wanted))
        return np.asarray(index.get_indexer(wanted, method="nearest", tolerance=self.tolerance))

    def continues(self, index: Any) -> bool:
        """Return whether an index holds the times that follow."""
        follows = self.after(len(index))
        if self.kind == "numbers" and index.dtype.kind in "iuf":
            off = np.abs(np.asarray(follows, dtype=np.float64) - np.asarray(index, dtype=np.float64))
            return bool((off <= self.tolerance).all())
        return _same(follows, index)

    def goes_like(self, other: Timeline) -> bool:
        """Return whether another timeline goes in steps as long as these, on average.

        So do months by their first and by their last day, and business days with and without holidays. Where one has
        dates and the other numbers, nothing tells.
        """
        if (self.kind == "numbers") != (other.kind == "numbers"):
            return True
        one, another = self._step_length(), other._step_length()
        return one is None or another is None or abs(one - another) <= SAME_STEP * max(abs(one), abs(another))

    def _step_length(self) -> float | None:
        """The mean length of a step in seconds, of numbers their distance; None where dates end before."""
        if self.kind == "numbers":
            return float(self.step)
        for count in (MANY_STEPS // 10, MANY_STEPS):
            try:
                ahead = self.after(count)
            except (ValueError, OverflowError):
                return None
            starts = ahead.start_time if self.kind == "periods" else ahead
            length = float((starts[-1] - starts[0]).total_seconds()) / (count - 1)
            if length > 20 * 86400:
                break
        return length

    @property
    def step_in_words(self) -> str:
        """Such as "1 hour", "1.4 days" of business days, or "3 months"; of numbers their distance."""
        length = self._step_length()
        if length is None:
            return f"{self.step!r}"
        if self.kind == "numbers":
            return f"{length:.6g}"
        unit, seconds = next(pair for pair in UNITS if length >= 0.95 * pair[1] or pair == UNITS[-1])
        count = f"{length / seconds:.2g}"
        return f"{count} {unit}" if count == "1" else f"{count} {unit}s"

    def to_keep(self) -> dict[str, Any]:
        """Return plain values from which `kept` makes the timeline again."""
        name = self.name if self.name is None or isinstance(self.name, str | int | float) else str(self.name)
        if self.kind == "numbers":
            return {
                "kind": self.kind, "last": self.last, "step": self.step, "name": name, "tolerance": self.tolerance,
            }  # fmt: skip
        offset = self.step if self.kind == "dates" else self.last.freq
        plain = plain_offset(offset)
        zone = None
        way_out = (
            "Give the series an index in steps of one of pandas' own offsets and in a named time zone "
            "(tz_convert('Europe/Berlin')), or without times: reset_index(drop=True)."
        )
        if plain is None:
            raise DataError(f"A network file cannot keep times in steps of {offset!r}. {way_out}")
        if self.kind == "periods":
            last = self.last.start_time.isoformat()
            return {"kind": self.kind, "last": last, "step": plain, "every": self.step, "name": name}
        if self.last.tz is not None:
            zone = plain_zone(self.last.tz)
            if zone is None:
                raise DataError(f"A network file cannot keep times in the time zone {self.last.tz!r}. {way_out}")
        return {
            "kind": self.kind, "last": self.last.isoformat(), "step": plain, "name": name, "zone": zone,
            "unit": self.last.unit,
        }  # fmt: skip

    @classmethod
    def kept(cls, values: dict[str, Any]) -> Timeline:
        """Return the timeline of `to_keep`."""
        kind, name = values["kind"], values.get("name")
        if not isinstance(name, str | int | float | None):
            raise DataError(f"the name of the times is {shown(name)}")
        if kind == "numbers":
            last, step = values["last"], values["step"]
            tolerance = values.get("tolerance", TOLERANCE * abs(step))
            if not all(type(each) in (int, float) and abs(each) < MOST for each in (last, step, tolerance)) or not step:
                raise DataError(f"the last time {shown(last)}, or the step {shown(step)}, is no number")
            return cls(kind, last, step, name, tolerance)
        pandas: Any = require_extra("pandas", "dates")
        # Older files have the text of a step, and what pandas calls periods is no offset to it.
        is_text = kind == "periods" and isinstance(values["step"], str)
        offset = values["step"] if is_text else offset_of(values["step"])
        if kind == "periods":
            every = values.get("every", 1)
            if type(every) is not int or not 0 < every < MOST:
                raise DataError(f"every {shown(every)} periods are no step")
            return cls(kind, pandas.Period(values["last"], freq=offset), every, name)
        if kind != "dates":
            raise DataError(f"times are dates, periods or numbers, and these are {shown(kind)}")
        last = pandas.Timestamp(values["last"])
        if values.get("zone") is not None:
            last = last.tz_convert(zone_of(values["zone"]))
        return cls(kind, last.as_unit(values["unit"]) if "unit" in values else last, offset, name)


def _refuse_backward(index: Any, what: str) -> None:
    if index.is_monotonic_increasing and index.is_unique:
        return
    for row in range(1, len(index)):
        if not index[row] > index[row - 1]:
            raise DataError(
                f"The index of {what} must go forward, but row {row} is of {index[row]} and the row before of "
                f"{index[row - 1]}. Sort it with sort_index(), and leave repeated times out."
            )


def _same(found: Any, wanted: Any) -> bool:
    try:
        return len(found) == len(wanted) and bool(np.asarray(found == wanted).all())
    except TypeError:  # times with and without a zone
        return False


def _first_other(found: Any, wanted: Any) -> int:
    return next(
        (row for row, (one, other) in enumerate(zip(found, wanted, strict=False)) if one != other), len(wanted) - 1
    )


# ---------------------------------------------------------------- steps


def _is_clock(pandas: Any, step: Any) -> bool:
    """Whether a step is a span of time; all others are of the calendar on the wall, days among them."""
    return isinstance(step, pandas.tseries.offsets.Tick) and not isinstance(step, pandas.offsets.Day)


def _dates_after(pandas: Any, last: Any, step: Any, count: int) -> Any:
    """Dates that follow; steps of the calendar keep the time of day across a change of the clocks."""
    if _is_clock(pandas, step):
        return pandas.date_range(last, periods=count + 1, freq=step)[1:]
    zone = last.tz
    wall = last.tz_localize(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # offsets that pandas does one by one
        found = pandas.date_range(wall, periods=count + 1, freq=step)
        if len(found) != count + 1 or found[0] != wall:
            found = [wall]
            for _ in range(count):
                found.append(found[-1] + step)
            found = pandas.DatetimeIndex(found)
    found = found[1:].as_unit(last.unit)
    if zone is None:
        return found
    return found.tz_localize(zone, ambiguous=np.ones(count, dtype=bool), nonexistent="shift_forward")


def _step_of(numbers: AnyArray, shown: Any, what: str, kind: str, advice: str, least: int = 1) -> int:
    """The step between whole numbers, of periods or of rulers; refuses what does not go in the step of most."""
    if len(numbers) < 2:
        return least
    apart = np.diff(numbers)
    steps, counts = np.unique(apart, return_counts=True)
    usual = int(steps[counts.argmax()])
    if len(steps) > 1:
        row = int(np.flatnonzero(apart != usual)[0])
        fault = "have a gap" if kind == "periods" else "do not go in equal steps"
        raise DataError(f"The {kind} of {what} {fault}: {shown(row)} is followed by {shown(row + 1)}. {advice}")
    return usual


def _step_of_numbers(values: AnyArray, what: str, advice: str) -> tuple[int | float, float]:
    """The distance of numbers, and how far from it they may be: decimals are rounded."""
    if values.dtype.kind in "iu":
        values = values.astype(np.int64)
        return _step_of(values, lambda row: values[row], what, "index values", advice), 0.0
    step = float(values[-1] - values[0]) / (len(values) - 1)
    # Rounded to some decimals: as far off as those allow, but never so far as to pass over a gap.
    decimals = next((k for k in range(MOST_DECIMALS + 1) if (np.round(values, k) == values).all()), None)
    rounding = 0.0 if decimals is None else 10.0**-decimals
    tolerance = max(TOLERANCE * abs(step), rounding if rounding < 0.2 * abs(step) else 0.0)
    tolerance = max(tolerance, 4 * float(np.spacing(np.abs(values).max())))
    is_off = np.abs(values - (values[0] + step * np.arange(len(values)))) > tolerance
    if is_off.any():
        apart = np.diff(values)
        usual = float(np.median(apart))
        row = int(np.argmax(np.abs(apart - usual)))
        raise DataError(
            f"The index of {what} does not go in equal steps: {values[row]} is followed by {values[row + 1]}, and most "
            f"steps are {usual:.6g}. {advice}"
        )
    return step, tolerance


def _step_of_dates(index: Any, what: str, advice: str) -> Any:
    """The offset that leads from each date to the next; where there is none, the gap is named."""
    pandas: Any = require_extra("pandas", "dates")
    if len(index) < 3:
        return None
    for candidate in _candidates(index, pandas):
        # The first rows tell most candidates apart, and far ahead there may be no date.
        if all(_leads(pandas, candidate, index[:count]) for count in (FEW, len(index))):
            return candidate
    row, missing = _gap(index, pandas)
    raise DataError(
        f"The dates of {what} do not go in equal steps: {index[row]} is followed by {index[row + 1]}{missing}. {advice}"
    )


def _leads(pandas: Any, step: Any, index: Any) -> bool:
    """Whether an offset leads from the first date to each that follows."""
    try:
        return _same(_dates_after(pandas, index[0], step, len(index) - 1), index[1:])
    except (OverflowError, ValueError):
        return False


def _candidates(index: Any, pandas: Any) -> Any:
    """Offsets that may lead from each date to the next, of the first dates where that tells."""
    with warnings.catch_warnings():
        # Some versions return a text and warn that others return an offset.
        warnings.simplefilter("ignore")
        found = pandas.infer_freq(index)
        if found is not None:
            yield pandas.tseries.frequencies.to_offset(found)
    wall = index.tz_localize(None)
    months = _months(wall)
    step = int(months[1] - months[0])
    if step > 0:
        yield pandas.offsets.MonthEnd(step)
        yield _months_ahead(pandas, wall, step)
    yield pandas.tseries.frequencies.to_offset(pandas.Timedelta(index[1] - index[0]))
    yield pandas.offsets.BusinessDay()


def _months_ahead(pandas: Any, wall: Any, step: int) -> Any:
    """Months on one day; short months have their last for it, and the next has the day again."""
    day = int(wall.day.max())
    return pandas.DateOffset(months=step, day=day) if day > 28 else pandas.DateOffset(months=step)


def _nanoseconds(wall: Any) -> AnyArray:
    return np.asarray(wall.to_numpy().astype("M8[ns]").astype(np.int64))


def _months(wall: Any) -> AnyArray:
    months: AnyArray = np.asarray(wall.year, dtype=np.int64) * 12 + np.asarray(wall.month)
    return months


def _gap(index: Any, pandas: Any) -> tuple[int, str]:
    """Where the steps are broken, by the ruler that most of them are equal on, and what is missing there."""
    wall = index.tz_localize(None)
    days = wall.to_numpy().astype("M8[D]")
    rulers: list[tuple[AnyArray, str]] = [(_months(wall), "months"), (_nanoseconds(wall), "ns")]
    if np.is_busday(days).all():
        rulers.append((np.busday_count(days[0], days), "B"))
    if index.tz is not None:
        rulers.append((_nanoseconds(index.tz_convert("UTC").tz_localize(None)), "ns"))
    best: tuple[float, int, int, Any] | None = None
    for numbers, kind in rulers:
        apart = np.diff(numbers)
        steps, counts = np.unique(apart, return_counts=True)
        usual = int(steps[counts.argmax()])
        if usual <= 0 or counts.max() == len(apart):
            continue  # equal on a ruler that is too coarse
        if best is None or counts.max() > best[0]:
            best = (counts.max(), int(np.flatnonzero(apart != usual)[0]), usual, kind)
    if best is None or best[0] <= len(index) // 3:
        # No ruler: the first step that is not the commonest.
        apart = np.diff(wall.to_numpy())
        steps, counts = np.unique(apart, return_counts=True)
        return int(np.flatnonzero(apart != steps[counts.argmax()])[0]), ""
    _, row, usual, kind = best
    if kind == "ns":
        wanted = index[row] + pandas.Timedelta(usual, unit="ns")
    elif kind == "B":
        wanted = index[row] + pandas.offsets.BusinessDay(usual)
    else:
        offset = pandas.offsets.MonthEnd(usual) if wall.is_month_end.all() else _months_ahead(pandas, wall, usual)
        wanted = index[row] + offset
    return row, f", and {wanted} is missing" if wanted < index[row + 1] else ""
