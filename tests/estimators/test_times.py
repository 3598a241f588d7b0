"""Times beside series: where they are no numbers, and that a calendar comes back as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from marquardt import DataError, NetworkForecaster, NetworkRegressor
from marquardt.estimators.timeline import Timeline
from marquardt.training import Fitting, Settings

QUICK = {"hidden_layer_sizes": (3,), "n_restarts": 1, "max_iter": 30, "alpha": 1e-3, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fit(y, X=None):
    return NetworkForecaster((1, 2), (0,), **QUICK).fit(y, X)


# ---------------------------------------------------------------- dates among numbers


DAY_VALUES = pd.date_range("2024-01-01", periods=20)
COLUMNS_OF_TIMES = {
    "datetime64": DAY_VALUES.to_numpy,
    "timedelta64": lambda: DAY_VALUES.to_numpy() - DAY_VALUES.to_numpy()[0],
    "list of datetime64": lambda: list(DAY_VALUES.to_numpy()),
    "pandas": lambda: pd.Series(DAY_VALUES),
    "pandas, zone": lambda: pd.Series(DAY_VALUES.tz_localize("UTC")),
    "pandas, differences": lambda: pd.Series(DAY_VALUES - DAY_VALUES[0]),
    "pandas, periods": lambda: pd.Series(DAY_VALUES.to_period("D")),
    "pandas, categories": lambda: pd.Series(DAY_VALUES).astype("category"),
    "pandas on Arrow": lambda: pd.Series(DAY_VALUES).astype("timestamp[us][pyarrow]"),
    "frame": lambda: pd.DataFrame({"ds": DAY_VALUES, "y": np.arange(20.0)}),
    "polars": lambda: pl.Series("ds", DAY_VALUES.to_list()),
    "polars, differences": lambda: pl.Series("ds", DAY_VALUES.to_list()).diff().drop_nulls(),
    "polars frame": lambda: pl.DataFrame({"ds": DAY_VALUES.to_list(), "y": np.arange(20.0)}),
    "Arrow": lambda: pa.chunked_array([DAY_VALUES.to_list()]),
    "Arrow table": lambda: pa.table({"ds": DAY_VALUES.to_list(), "y": np.arange(20.0)}),
}


@pytest.mark.parametrize("kind", COLUMNS_OF_TIMES)
def test_dates_are_no_numbers_whatever_holds_them(kind):
    given = COLUMNS_OF_TIMES[kind]()
    with pytest.raises(DataError, match=r"y must hold numbers, but .*dates or times.*Code words and dates as numbers"):
        fit(given)
    with pytest.raises(DataError, match=r"X must hold numbers, but .*dates or times"):
        fit(np.arange(float(len(given))), given)


def test_a_frame_with_dates_says_where_they_belong():
    with pytest.raises(DataError, match=r"column 'ds' holds dates.*set_index\('ds'\)"):
        fit(COLUMNS_OF_TIMES["frame"]())


@pytest.mark.parametrize("kind", ["datetime64", "timedelta64"])
def test_arrays_of_dates_are_no_numbers_to_any_estimator(kind):
    given, numbers = COLUMNS_OF_TIMES[kind](), np.arange(20.0)
    for attempt in (
        lambda: NetworkRegressor((2,), max_iter=2).fit(given[:, None], numbers),
        lambda: NetworkRegressor((2,), max_iter=2).fit(numbers[:, None], given),
        lambda: NetworkRegressor((2,), max_iter=2).fit(numbers[:, None], numbers, sample_weight=given),
        lambda: Fitting(given[:, None], numbers, Settings(), "regression"),
        lambda: Fitting(numbers[:, None], given, Settings(), "regression"),
        lambda: NetworkForecaster((1,), **QUICK).fit(numbers, sample_weight=given),
    ):
        with pytest.raises(DataError, match="must hold numbers, but holds dates or times"):
            attempt()


# ---------------------------------------------------------------- calendars


O = pd.offsets
CALENDARS = {
    "holidays": pd.date_range("2024-01-02", periods=60, freq=O.CustomBusinessDay(holidays=["2024-02-07"])),
    "other weekend": pd.date_range("2024-01-02", periods=60, freq=O.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu")),
    "week from any day": pd.date_range("2024-01-02", periods=60, freq=O.Week()),
    "hours of business": pd.date_range("2024-01-02 09:00", periods=60, freq=O.BusinessHour(start="08:00", end="12:30")),
    "months from the 15th": pd.date_range("2020-01-15", periods=60, freq=O.DateOffset(months=1)),
    "months on the 30th": pd.date_range("2020-03-30", periods=60, freq=O.DateOffset(months=1, day=30)),
    "last Fridays": pd.date_range("2020-01-01", periods=60, freq=O.LastWeekOfMonth(weekday=4)),
    "Easter": pd.date_range("1950-01-01", periods=60, freq=O.Easter()),
    "half months": pd.date_range("2020-01-01", periods=60, freq=O.SemiMonthEnd(day_of_month=10)),
    "quarters from February": pd.date_range("2000-01-01", periods=60, freq=O.QuarterBegin(startingMonth=2)),
    "fixed zone": pd.date_range("2024-03-30 12:00+02:00", periods=60, freq="h"),
    "hours across a change": pd.date_range("2024-03-30 12:00", periods=60, freq="h", tz="Europe/Berlin"),
    "days across a change": pd.date_range("2024-02-15", periods=60, freq="D", tz="Europe/Berlin"),
    "months across changes": pd.date_range("2020-01-01", periods=60, freq="MS", tz="America/New_York"),
    "every second month": pd.date_range("2001-01-31", periods=60, freq="2ME"),
    "weeks as periods": pd.period_range("2020-01-06", periods=60, freq="W-WED"),
    "quarters": pd.period_range("2000Q1", periods=60, freq="Q-NOV"),
    "months, every third": pd.period_range("2000-01", periods=180, freq="M")[::3],
    "fractional years": pd.Index(1949 + np.arange(60) / 12),
    "rounded years": pd.Index(np.round(1949 + np.arange(60) / 12, 3)),
    "seconds": pd.Index(np.arange(60) * 0.1),
}
HAS_NO_STEP = ("holidays", "other weekend", "hours of business", "Easter", "half months", "last Fridays")
"""Calendars that dates alone do not tell."""


def is_near(found, wanted):
    if wanted.dtype.kind == "f":
        return bool((np.abs(found - wanted) < 2e-3).all())
    return bool((found == wanted).all()) and found.dtype == wanted.dtype


@pytest.mark.parametrize("name", CALENDARS)
@pytest.mark.parametrize("way", ["in memory", "from a file", "without its frequency"])
def test_a_calendar_goes_on_as_it_began(name, way, tmp_path):
    index = CALENDARS[name]
    if way == "without its frequency":
        if name in HAS_NO_STEP or isinstance(index, pd.PeriodIndex):
            pytest.skip("its dates do not tell it")
        index = pd.Index(index.to_numpy()) if index.dtype.kind == "f" else pd.DatetimeIndex(list(index))
    numbers = np.sin(np.arange(60.0))
    beside = pd.DataFrame({"u": np.arange(60.0)}, index=index)
    y = pd.Series(numbers, index=index)
    model = fit(y[:50], beside)
    if way == "from a file":
        model.save(tmp_path / "a.marquardt")
        model = NetworkForecaster.from_file(tmp_path / "a.marquardt")
    forecast = model.predict(5, beside)
    assert is_near(forecast.index, index[50:55])
    np.testing.assert_array_equal(forecast, fit(numbers[:50], np.arange(50.0)).predict(5, np.arange(50.0, 55.0)))
    model.update(y[50:53], beside)
    assert is_near(model.predict(5, beside).index, index[53:58])


@pytest.mark.parametrize("tell", ["MS", "QS", "YS", "ME", "B", "D", "h", "W-TUE", "2MS"])
def test_a_gap_is_named_where_it_is(tell):
    dates = pd.date_range("2000-01-03", periods=41, freq=tell)
    with pytest.raises(DataError) as refused:
        fit(pd.Series(np.zeros(40), index=dates.delete(20)))
    assert f"{dates[19]} is followed by {dates[21]}, and {dates[20]} is missing" in str(refused.value)


def test_a_number_that_is_missing_is_no_rounding():
    for index in (np.arange(60) * 0.1, np.round(1949 + np.arange(60) / 12, 3), np.arange(60.0)):
        kept = np.delete(index, 20)
        with pytest.raises(DataError, match="does not go in equal steps"):
            fit(pd.Series(np.zeros(59), index=kept))
    with pytest.raises(DataError, match="do not go in equal steps: 19 is followed by 21"):
        fit(pd.Series(np.zeros(59), index=np.delete(np.arange(60), 20)))


def test_a_step_that_drifts_is_followed_as_pandas_adds_it():
    index = pd.date_range("2024-01-02", periods=30, freq=O.BusinessDay(offset=pd.Timedelta("1h")))
    forecast = fit(pd.Series(np.arange(float(len(index))), index=index)).predict(2)
    assert list(forecast.index) == [index[-1] + index.freq, index[-1] + index.freq + index.freq]


def test_a_step_of_ones_own_is_not_written():
    class Fortnight(O.Week):
        pass

    index = pd.date_range("2024-01-02", periods=30, freq=Fortnight(2))
    model = fit(pd.Series(np.arange(30.0), index=index))
    assert model.predict(1).index[0] == index[-1] + Fortnight(2)
    with pytest.raises(DataError, match=r"cannot keep times in steps of .*reset_index"):
        model.save("never.marquardt")


def test_steps_of_a_file_are_of_a_closed_list():
    for step in ({"kind": "eval", "n": 1}, {"kind": "Week", "n": 1, "weekday": "x"}, {"n": 1}, 3, "no step"):
        with pytest.raises(DataError, match="The file's times go in steps"):
            Timeline.kept({"kind": "dates", "last": "2024-01-01T00:00:00", "step": step})


def test_older_files_are_read():
    zone = Timeline.kept(
        {"kind": "dates", "last": "2024-01-01T12:00:00+02:00", "step": "h", "name": None, "zone": "UTC+02:00"}
    )
    assert zone.after(1)[0].isoformat() == "2024-01-01T13:00:00+02:00"
    months = Timeline.kept({"kind": "periods", "last": "2020-12", "step": "M", "name": None, "zone": None})
    assert str(months.after(1)[0]) == "2021-01"


# ---------------------------------------------------------------- steps of one length

STEPS = {
    "days": pd.date_range("2024-01-01", periods=40),
    "24 hours": pd.date_range("2024-01-01", periods=40, freq="24h"),
    "days as periods": pd.period_range("2024-01-01", periods=40, freq="D"),
    "business days": pd.bdate_range("2024-01-01", periods=40),
    "business days of a calendar": pd.date_range(
        "2024-01-01", periods=40, freq=pd.offsets.CustomBusinessDay(holidays=["2024-01-15", "2024-02-19"])
    ),
    "weeks": pd.date_range("2024-01-01", periods=40, freq="W-WED"),
    "four weeks": pd.date_range("2024-01-01", periods=40, freq="28D"),
    "first of a month": pd.date_range("2024-01-01", periods=40, freq="MS"),
    "last of a month": pd.date_range("2024-01-01", periods=40, freq="ME"),
    "months as periods": pd.period_range("2024-01", periods=40, freq="M"),
    "quarters": pd.date_range("2024-01-01", periods=40, freq="QS"),
    "three months": pd.date_range("2024-01-15", periods=40, freq=pd.DateOffset(months=3)),
    "years": pd.period_range("1960", periods=40, freq="Y"),
    "hours": pd.date_range("2024-01-01", periods=40, freq="h"),
    "row numbers": pd.RangeIndex(40),
    "every second row": pd.RangeIndex(0, 80, 2),
    "years as numbers": pd.Index(np.arange(1960, 2000)),
}
ALIKE = [
    {"days", "24 hours", "days as periods"},
    {"business days", "business days of a calendar"},
    {"first of a month", "last of a month", "months as periods"},
    {"quarters", "three months"},
    {"row numbers", "years as numbers"},
]
WORDS = {
    "days": "1 day", "business days": "1.4 days", "weeks": "7 days", "four weeks": "28 days",
    "first of a month": "1 month",
    "quarters": "3 months", "years": "1 year", "hours": "1 hour", "every second row": "2",
}  # fmt: skip


@pytest.mark.parametrize("one", STEPS)
def test_a_forecaster_tells_steps_of_another_length(one):
    first = Timeline.of(STEPS[one], "y")
    for other, index in STEPS.items():
        second = Timeline.of(index, "y")
        is_same = one == other or any({one, other} <= group for group in ALIKE)
        nothing_tells = (first.kind == "numbers") != (second.kind == "numbers")
        assert first.goes_like(second) == second.goes_like(first) == (is_same or nothing_tells), other
    if one in WORDS:
        assert first.step_in_words == WORDS[one]


@pytest.mark.parametrize("method", ["predict", "one_step", "score", "update"])
def test_a_series_in_other_steps_is_refused_by_every_method(method):
    values = np.sin(np.arange(40.0))
    model = fit(pd.Series(values, STEPS["days"]))
    other = pd.Series(values, STEPS["first of a month"])
    call = {
        "predict": lambda y: model.predict(2, y=y),
        "one_step": model.one_step,
        "score": model.score,
        "update": model.update,
    }[method]
    with pytest.raises(DataError, match=r"in steps of 1 month, and the training went in steps of 1 day.*reset_index"):
        call(other)
    if method != "update":
        call(other.reset_index(drop=True))
        call(pd.Series(values, STEPS["days as periods"]))
