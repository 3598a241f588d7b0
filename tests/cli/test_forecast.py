"""`marquardt forecast` from end to end."""

from __future__ import annotations

import csv
import json
import re
import sys

import numpy as np
import pandas as pd
import pytest

from marquardt import DataError, NetworkForecaster, walk_forward
from marquardt.problems import series_named
from marquardt.storage import load

from .made import write

QUICK = ("--hidden", "2", "--restarts", "1", "--epochs", "20", "--splits", "2")


@pytest.fixture
def air_csv(tmp_path):
    air = series_named("air_passengers")
    return write(tmp_path / "air.csv", [["month", "passengers", "note"], *([m, f"{v:g}", "x"] for m, v in rows(air))])


def rows(series):
    return zip(series.times, series.y, strict=True)


def furnace(tmp_path, n_known=260, n_rows=296, name="furnace.csv"):
    """A driven series whose last rows have no target."""
    series = series_named("gas_furnace")
    table = [["gas", "co2"]]
    for number in range(n_rows):
        table.append([f"{series.X[number, 0]:g}", f"{series.y[number]:g}" if number < n_known else ""])
    return write(tmp_path / name, table)


DRIVEN = ("--target", "co2", "--exog", "gas", "--lags", "1-3", "--lags-exog", "0-3", *QUICK)


def test_a_series_is_forecast_evaluated_and_saved(call, air_csv, tmp_path):
    options = ("--target", "passengers", "--lags", "1,2,12", "--difference", "1,12", "--horizon", 6, *QUICK)
    answer = call("forecast", air_csv, *options, "-o", "f.csv", "--record", "r.json")
    assert answer.code == 0, answer.err
    assert answer.err == ""
    assert "144 known rows, 1949-01 to 1960-12" in answer.out
    assert "Forecasts 'passengers' from its lags 1, 2, 12, after differences 1, 12." in answer.out
    assert "Note: Not used: 'note'." in answer.out
    assert "Network 3-2-1 tanh, identity: 11 weights on 119 rows" in answer.out
    assert "RMSE of 86 forecasts of the past, from 2 trainings" in answer.out
    assert "same season" in answer.out
    with open(tmp_path / "f.csv", encoding="utf-8") as file:
        heading, *written = csv.reader(file)
    assert heading == ["month", "passengers"]
    assert [month for month, _ in written] == [f"1961-{month:02}" for month in range(1, 7)]
    content = load(tmp_path / "air.marquardt")
    errors = content.report["rmse"]
    assert errors["network"]["passengers"][0] < errors["last value"]["passengers"][0]
    forecaster = NetworkForecaster.from_file(tmp_path / "air.marquardt")
    assert np.array_equal(forecaster.predict(6).ravel(), [float(value) for _, value in written])
    assert json.loads((tmp_path / "r.json").read_text())["epochs"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_it_is_what_the_estimator_does(call, air_csv, tmp_path):
    options = ("--target", "passengers", "--lags", "1-3", "--horizon", 2, *QUICK, "--seed", 3, "--validation", 0.2)
    answer = call("forecast", air_csv, *options, "--json")
    model = NetworkForecaster(
        (1, 2, 3),
        hidden_layer_sizes=(2,),
        n_restarts=1,
        max_iter=20,
        random_state=3,
        early_stopping=True,
        validation_fraction=0.2,
    )
    y = series_named("air_passengers").y
    assert answer.json["forecast"]["passengers"] == model.fit(y).predict(2).tolist()
    found = walk_forward(model, y, horizon=2, cv=2, season=12)
    assert answer.json["errors"]["rmse"]["network"]["passengers"] == found.rmse()["network"][:, 0].tolist()
    assert answer.json["times"] == ["1961-01", "1961-02"]


def test_rows_without_a_target_are_the_future(call, tmp_path):
    data = furnace(tmp_path)
    answer = call("forecast", data, *DRIVEN, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["rows"] == 260
    assert len(answer.json["forecast"]["co2"]) == 36
    assert answer.json["times"][0] == "261"
    assert "260 known rows and 36 of the future" in answer.err
    shorter = call("forecast", data, *DRIVEN, "--horizon", 5, "--json", "--network", "other.marquardt").json
    assert shorter["forecast"]["co2"] == answer.json["forecast"]["co2"][:5]


def test_a_trained_forecaster_goes_on_with_newer_rows(call, tmp_path):
    assert call("forecast", furnace(tmp_path), *DRIVEN).code == 0
    newer = furnace(tmp_path, n_known=280, name="newer.csv")
    answer = call("forecast", newer, "--model", "furnace.marquardt", "--horizon", 9, "--json")
    assert answer.code == 0, answer.err
    series = series_named("gas_furnace")
    forecaster = NetworkForecaster.from_file(tmp_path / "furnace.marquardt")
    wanted = forecaster.predict(9, series.X, y=series.y[:280])
    assert answer.json["forecast"]["co2"] == wanted.ravel().tolist()
    assert answer.json["times"] == [str(row) for row in range(281, 290)]


def test_inspect_says_what_it_looks_back_at(call, tmp_path):
    call("forecast", furnace(tmp_path), *DRIVEN, "--difference", "1")
    answer = call("inspect", "furnace.marquardt")
    assert answer.code == 0
    assert "furnace.marquardt: a forecaster" in answer.out
    assert "Forecasts 'co2' from its lags 1-3 and 'gas' at lags 0-3, after differences 1." in answer.out
    assert "forecasts of the past" in answer.out
    assert call("inspect", "furnace.marquardt", "--json").json["about"]["fitted"]["lags"] == [1, 2, 3]


def test_closed_loop_trains_on_and_says_what_it_came_to(call, tmp_path):
    answer = call("forecast", furnace(tmp_path), *DRIVEN, "--closed-loop", "--splits", 0)
    assert answer.code == 0, answer.err
    assert re.search(r"In closed loop, mse fell from [\d.]+ to [\d.]+ in \d+ epochs\.", answer.out)
    assert NetworkForecaster.from_file(tmp_path / "furnace.marquardt").closed_loop
    refused = call("forecast", furnace(tmp_path), *DRIVEN, "--closed-loop", "--difference", "1", "--force")
    assert refused.code != 0
    assert "--closed-loop feeds the network's outputs back as they are, and --difference makes them" in refused.err


def test_several_targets_and_a_picture(call, tmp_path):
    rng = np.random.default_rng(0)
    data = write(tmp_path / "two.csv", [["a", "b"], *np.cumsum(rng.normal(size=(60, 2)), axis=0).tolist()])
    answer = call("forecast", data, "-t", "a,b", "--lags", "1-2", *QUICK, "--horizon", 3, "--plot", "p.png")
    assert answer.code == 0, answer.err
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert load(tmp_path / "two.marquardt").network.graph.n_outputs == 2


def test_quiet_is_silent_and_short_series_are_only_not_evaluated(call, tmp_path):
    data = write(tmp_path / "short.csv", [["y"], *([value % 5] for value in range(24))])
    options = ("-t", "y", "--lags", "1-5", "--hidden", "1", "--restarts", "1", "--horizon", 10)
    assert call("forecast", data, *options, "-q").out == ""
    assert "too short to evaluate" in call("forecast", data, *options, "--force").out
    answer = call("forecast", data, *options, "--force", "--splits", 0)
    assert "too short" not in answer.out
    assert "RMSE" not in answer.out


# ---------------------------------------------------------------- times


def dated(tmp_path, dates):
    return write(tmp_path / "dated.csv", [["when", "y"], *([date, number % 7] for number, date in enumerate(dates))])


def strings(start, stop=None, step=1, count=30):
    return [str(date) for date in np.arange(start, np.datetime64(start) + step * count, step, dtype="M8[D]")]


@pytest.mark.parametrize(
    ("dates", "following"),
    [
        (strings("2024-01-01"), ["2024-01-31", "2024-02-01"]),
        (strings("2024-01-01", step=7), ["2024-07-29", "2024-08-05"]),
        ([f"{2020 + m // 12}-{m % 12 + 1:02}-15" for m in range(30)], ["2022-07-15", "2022-08-15"]),
        ([str(np.datetime64("2020-02") + m - np.timedelta64(1, "D")) for m in np.arange(30)], None),
        ([f"{2000 + m // 4}-{m % 4 * 3 + 1:02}-01" for m in range(30)], ["2007-07-01", "2007-10-01"]),
        ([f"2024-01-{1 + h // 24:02} {h % 24:02}:00:00" for h in range(30)], ["2024-01-02T06:00:00"]),
        ([f"{1990 + m // 12}-{m % 12 + 1:02}" for m in range(30)], ["1992-07", "1992-08"]),
    ],
)
def test_dates_go_on_in_their_steps(call, tmp_path, dates, following):
    if following is None:
        dates = [str((np.datetime64("2020-02") + m).astype("M8[D]") - 1) for m in range(30)]
        following = ["2022-07-31", "2022-08-31"]
    data = dated(tmp_path, dates)
    options = ("-t", "y", "--lags", "1-2", *QUICK[:6], "--splits", 0, "--horizon", len(following), "--json")
    answer = call("forecast", data, *options)
    assert answer.code == 0, answer.err
    assert answer.json["times"] == following


def test_numbers_are_times_where_they_are_named(call, tmp_path):
    spots = series_named("sunspots")
    data = write(tmp_path / "spots.csv", [["year", "spots"], *rows(spots)])
    answer = call("forecast", data, "-t", "spots", "--lags", "1-3", *QUICK, "--date", "year", "--horizon", 2, "--json")
    assert answer.json["times"] == ["2009", "2010"]


NAMED = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHLY = [(2015 + m // 12, m % 12 + 1) for m in range(30)]
PLAIN = ("-t", "y", "--lags", "1-4", "--hidden", "none", "--splits", 0, "--restarts", 1, "--horizon", 2, "--json")
GO_ON = ["2017-07", "2017-08"]


@pytest.mark.parametrize(
    ("spelled", "following"),
    [
        (lambda y, m: f"{m:02}/01/{y}", [f"{month}-01" for month in GO_ON]),
        (lambda y, m: f"{m}/1/{y}", [f"{month}-01" for month in GO_ON]),
        (lambda y, m: f"01/{m:02}/{y}", [f"{month}-01" for month in GO_ON]),
        (lambda y, m: f"01.{m:02}.{y}", [f"{month}-01" for month in GO_ON]),
        (lambda y, m: f"01-{NAMED[m - 1]}-{y % 100}", [f"{month}-01" for month in GO_ON]),
        (lambda y, m: f"{NAMED[m - 1]} 1, {y}", [f"{month}-01" for month in GO_ON]),
        (lambda y, m: f"{y}{m:02}01", [f"{month}-01" for month in GO_ON]),
        (lambda y, m: f"{NAMED[m - 1]}-{y}", GO_ON),
        (lambda y, m: f"{NAMED[m - 1]} {y % 100}", GO_ON),
        (lambda y, m: f"{y}M{m:02}", GO_ON),
        (lambda y, m: f"{m:02}/{y}", GO_ON),
        (lambda y, m: f"{y}{m:02}", GO_ON),
        (None, ["2007Q3", "2007Q4"]),
    ],
)
def test_the_newest_row_may_be_first_and_dates_be_spelled_in_many_ways(call, tmp_path, spelled, following):
    if spelled:
        dates = [spelled(*month) for month in MONTHLY]
    else:
        dates = [f"{2000 + q // 4}Q{q % 4 + 1}" for q in range(30)]
    values = [10 + number * 0.2 + number % 7 for number in range(30)]
    table = [[date, value] for date, value in zip(dates, values, strict=True)]
    forward = call("forecast", write(tmp_path / "forward.csv", [["when", "y"], *table]), *PLAIN)
    backward = call("forecast", write(tmp_path / "backward.csv", [["when", "y"], *table[::-1]]), *PLAIN)
    assert backward.code == 0, backward.err
    assert backward.json["times"] == forward.json["times"] == following
    assert backward.json["forecast"] == forward.json["forecast"]
    assert "The rows are not in the order of time: they are sorted by column 'when'" in backward.err
    assert "sorted" not in forward.err


def test_a_message_names_the_row_of_the_file_after_sorting(refused, tmp_path):
    table = [[f"2024-01-{30 - d:02}", "" if d == 3 else d % 7] for d in range(30)]
    data = write(tmp_path / "t.csv", [["d", "y"], *table])
    assert "'y' is missing in data row 4" in refused("forecast", data, "-t", "y", "--lags", "1")
    table = [[f"2024-01-{30 - d:02}", "" if d == 3 else d % 7, d % 7] for d in range(30)]
    data = write(tmp_path / "u.csv", [["d", "u", "y"], *table])
    options = ("-t", "y", "--lags", "1", "--exog", "u", "--lags-exog", "1", "--horizon", 1)
    assert "'u' is missing in data row 4" in refused("forecast", data, *options)


def test_two_readings_in_equal_steps_are_refused_with_both(refused, tmp_path):
    data = write(tmp_path / "t.csv", [["d", "y"], *([f"01/{m:02}/2024", m % 5] for m in range(1, 13))])
    answer = " ".join(refused("forecast", data, "-t", "y", "--lags", "1").split())
    assert "such as '01/02/2024' in data row 2, can be read as day/month/year (2024-02-01)" in answer
    assert "or month/day/year (2024-01-02), and equal steps do not tell which. Say so by --dayfirst" in answer


@pytest.mark.parametrize(("option", "following"), [("--dayfirst", "2025-01-01"), ("--no-dayfirst", "2024-01-13")])
@pytest.mark.parametrize("mark", "/-")
def test_an_option_settles_which_of_two_readings_holds(call, tmp_path, option, following, mark):
    dates = [f"01{mark}{m:02}{mark}2024" for m in range(1, 13)]
    data = write(tmp_path / "t.csv", [["d", "y"], *([date, m % 5] for m, date in enumerate(dates))])
    plain = ("-t", "y", "--lags", "1", "--hidden", "none", "--splits", 0, "--horizon", 1, "--json")
    answer = call("forecast", data, *plain, option)
    assert answer.code == 0, answer.err
    assert answer.json["times"] == [following]


def test_an_order_that_the_dates_contradict_is_refused_and_other_spellings_have_none(call, refused, tmp_path):
    american = dated(tmp_path, [f"01/{d:02}/2024" for d in range(1, 31)])
    told = " ".join(refused("forecast", american, "-t", "y", "--dayfirst").split())
    assert "such as '01/01/2024' in data row 1, can be read as month/day/year only, which --dayfirst excludes" in told
    iso = dated(tmp_path, strings("2024-01-01"))
    assert call("forecast", iso, *PLAIN, "--dayfirst").json["times"] == ["2024-01-31", "2024-02-01"]


def test_a_forecaster_goes_on_in_the_steps_of_its_training_only(call, refused, tmp_path):
    daily = dated(tmp_path, strings("2024-01-01"))
    assert call("forecast", daily, *PLAIN, "--network", "daily.m").code == 0
    again = call("forecast", dated(tmp_path, strings("2025-03-01")), "--model", "daily.m", "--horizon", 1, "--json")
    assert again.json["times"] == ["2025-03-31"]
    monthly = dated(tmp_path, [f"{y}-{m:02}-01" for y, m in MONTHLY])
    told = " ".join(refused("forecast", monthly, "--model", "daily.m").split())
    assert "column 'when' goes in steps of 1 month, and the training went in steps of 1 day" in told
    assert "leave that column out of the table" in told
    undated = write(tmp_path / "undated.csv", [["y"], *([n % 7] for n in range(30))])
    assert call("forecast", undated, "--model", "daily.m", "--horizon", 1).code == 0


def test_steps_are_kept_between_the_command_line_and_python(call, refused, tmp_path):
    daily = dated(tmp_path, strings("2024-01-01"))
    assert call("forecast", daily, *PLAIN, "--network", "daily.m").code == 0
    values = np.arange(30.0) % 7
    months = pd.Series(values, pd.period_range("2015-01", periods=30, freq="M"))
    with pytest.raises(
        DataError, match="The index of y goes in steps of 1 month, and the training went in steps of 1 day"
    ):
        NetworkForecaster.from_file(tmp_path / "daily.m").predict(2, y=months.to_frame("y"))
    of_months = NetworkForecaster((1, 2), hidden_layer_sizes=(), random_state=0).fit(months)
    of_months.save(tmp_path / "monthly.m")
    assert "goes in steps of 1 day, and the training went in steps of 1 month" in " ".join(
        refused("forecast", daily, "--model", "monthly.m").split()
    )


@pytest.mark.parametrize(
    ("spelled", "words"),
    [
        (lambda n: f"{n % 28 + 1} Dez 2020 Mo", "looks like dates that cannot be read, such as '1 Dez 2020 Mo'"),
        (lambda n: 2020 - n, "goes down in equal steps: where the newest row is first, name it by --date when"),
    ],
)
def test_what_seems_to_say_when_and_is_not_read_is_said(call, tmp_path, spelled, words):
    answer = call("forecast", dated(tmp_path, [spelled(number) for number in range(30)]), *PLAIN)
    assert answer.code == 0, answer.err
    assert words in " ".join(answer.err.split())


def test_words_are_no_dates(call, tmp_path):
    answer = call("forecast", dated(tmp_path, [f"site {number}-{number + 9}" for number in range(30)]), *PLAIN)
    assert "looks like dates" not in answer.err


def test_business_days_go_on_on_monday(call, tmp_path):
    days = [day for day in strings("2024-01-01", count=46) if np.is_busday(day)]
    assert days[-1] == "2024-02-15"
    assert call("forecast", dated(tmp_path, days), *PLAIN).json["times"] == ["2024-02-16", "2024-02-19"]


@pytest.mark.parametrize("spelled", ["{}", "{}Q", "iso"])
def test_a_gap_is_named_where_it_is(refused, tmp_path, spelled):
    months = [(y, m) for y, m in [(2015 + m // 12, m % 12 + 1) for m in range(60)] if (y, m) != (2018, 5)]
    dates, words = [f"{y}-{m:02}-01" for y, m in months], "2018-04-01 00:00:00 is followed by 2018-06-01"
    if spelled == "{}":
        dates, words = [f"{y}-{m:02}" for y, m in months], "2018-04 is followed by 2018-06"
    elif spelled == "{}Q":
        dates = [f"{2000 + q // 4}Q{q % 4 + 1}" for q in range(40) if q != 17]
        words = "2004Q1 is followed by 2004Q3"
    assert words in " ".join(refused("forecast", dated(tmp_path, dates), "-t", "y", "--lags", "1").split())


def hours(start, count):
    """Times of Berlin across the change to summer time."""
    pandas = pytest.importorskip("pandas")
    return pandas.date_range(start, periods=count, freq="h", tz="Europe/Berlin")


def test_hours_with_an_offset_go_on_with_it(call, tmp_path):
    times = [time.isoformat() for time in hours("2024-03-25", 201)]
    assert times[-1] == "2024-04-02T09:00:00+02:00"
    answer = call("forecast", dated(tmp_path, times), *PLAIN)
    assert answer.code == 0, answer.err
    assert answer.json["times"] == ["2024-04-02T10:00:00+02:00", "2024-04-02T11:00:00+02:00"]
    fixed = call("forecast", dated(tmp_path, times[-60:]), *PLAIN, "--force", "-o", "f.csv")
    assert fixed.json["times"] == answer.json["times"]
    assert "2024-04-02T10:00:00+02:00," in (tmp_path / "f.csv").read_text()


def test_a_local_midnight_is_a_day_when_the_clocks_change(call, tmp_path):
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2024-02-01", periods=90, tz="Europe/Berlin")
    answer = call("forecast", dated(tmp_path, [day.isoformat() for day in days]), *PLAIN)
    assert answer.code == 0, answer.err
    assert answer.json["times"] == ["2024-05-01", "2024-05-02"]
    assert "written in local time without an offset" in " ".join(answer.err.split())
    same = call("forecast", dated(tmp_path, [day.isoformat() for day in days[:40]]), *PLAIN, "--force")
    assert same.json["times"] == ["2024-03-12T00:00:00+01:00", "2024-03-13T00:00:00+01:00"]


def test_a_named_zone_of_parquet_is_kept(call, tmp_path):
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2024-02-01", periods=90, tz="Europe/Berlin")
    pandas.DataFrame({"when": days, "y": np.arange(90) % 7}).to_parquet(tmp_path / "days.parquet")
    answer = call("forecast", tmp_path / "days.parquet", *PLAIN)
    assert answer.json["times"] == ["2024-05-01T00:00:00+02:00", "2024-05-02T00:00:00+02:00"]


def test_dates_without_pandas_name_the_extra(refused, air_csv, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert "pip install 'marquardt[dates]'" in refused("forecast", air_csv, "-t", "passengers", "--lags", "1")


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Which column is to be forecast? Name it with --target"),
        (("-t", "passengrs"), "There is no target column 'passengrs'. Did you mean 'passengers'?"),
        (("-t", "note"), "Target 'note' must hold numbers, got 'x' in data row 1"),
        (("-t", "passengers", "--lags", "0-3"), "--lags must be whole numbers from 1 up such as 1-12"),
        (("-t", "passengers", "--lags", "a"), "got 'a'"),
        (("-t", "passengers", "--lags", "12-1"), "--lags 12-1 goes backward. Write 1-12."),
        (("-t", "passengers", "--lags", "1-3,2"), "--lags has 2 twice"),
        (("-t", "passengers", "--exog", "pressure"), "There is no exogenous column 'pressure'"),
        (("-t", "passengers", "--exog", "passengers"), "both a target and exogenous"),
        (("-t", "passengers", "--exog", "note"), "Exogenous column 'note' must hold numbers"),
        (("-t", "passengers", "--lags-exog", "0-3"), "Name them by --exog"),
        (("-t", "passengers", "--exog", "month", "--lags-exog", "-1"), "--lags-exog must be whole numbers from 0 up"),
        (("-t", "passengers", "--difference", "0"), "--difference must be whole numbers from 1 up"),
        (("-t", "passengers", "--date", "day"), "There is no date column 'day'"),
        (("-t", "passengers", "--date", "note"), "Column 'note' must hold dates"),
        (("-t", "passengers", "--date", "passengers"), "is the date and a target, too"),
        (("-t", "passengers", "--horizon", "0"), "--horizon must be a whole number from 1 up"),
        (("-t", "passengers", "--lags", "none"), "--lags none leaves nothing to forecast from"),
        (("-t", "passengers", "--lags", "none", "--closed-loop"), "--closed-loop feeds outputs back at their lags"),
        (("-t", "passengers", "--lags", "1-9999999999"), "--lags 1-9999999999 is 9,999,999,999 lags"),
        (
            ("-t", "passengers", "--lags", "200"),
            "air.csv has 144 known rows, and the first that can be forecast needs 200",
        ),
        (("-t", "passengers", "--difference", "140"), "needs 152 before it: the largest lag and all differences"),
        (("-t", "passengers", "--horizon", "x"), "Invalid value for '--horizon': it must be a whole number, got 'x'"),
        (("-t", "passengers", "--mu", "x"), "Invalid value for '--mu': it must be a number, got 'x'"),
        (("-t", "passengers", "--splits", "-1"), "--splits must be a whole number from 0 up"),
        (("-t", "passengers", "--splits", "9", "--horizon", "20"), "--splits 9 with --horizon 20 leaves 0 of 144"),
        (("-t", "passengers", "--season", "0"), "--season must be a whole number from 1 up"),
        (("-t", "passengers", "--validation", "1"), "--validation must be a fraction"),
        (("-t", "passengers", "--validation", "0.2", "--algorithm", "trainbr"), "needs no --validation"),
        (("-t", "passengers", "--hidden", "x"), "--hidden must be whole numbers"),
        (("-t", "passengers", "--activation", "tahn"), "Did you mean 'tanh'?"),
        (("-t", "passengers", "--topology", "recurrent"), "--topology must be one of"),
        (("-t", "passengers", "--init", "zero"), "--init must be one of"),
        (("-t", "passengers", "--scaling", "max"), "--scaling must be one of"),
        (("-t", "passengers", "--target-scaling", "max"), "--target-scaling must be one of"),
        (("-t", "passengers", "--loss", "cross_entropy"), "--loss cross_entropy is for classes"),
        (("-t", "passengers", "--loss", "sqares"), "Did you mean 'squares'?"),
        (("-t", "passengers", "--loss-scale", "2"), "--loss-scale belongs to"),
        (("-t", "passengers", "--alpha", "-1"), "--alpha must be a number from 0 up"),
        (("-t", "passengers", "--restarts", "0"), "--restarts must be a whole number from 1 up"),
        (("-t", "passengers", "--seed", "-1"), "--seed must be a whole number from 0 up"),
        (("-t", "passengers", "--algorithm", "ml"), "--algorithm ml"),
        (("-t", "passengers", "--mu", "0"), "--mu must be a number above 0"),
        (("-t", "passengers", "--mu-inc", "1"), "--mu-inc must be above 1"),
        (("-t", "passengers", "--mu-dec", "2"), "--mu-dec must be below 1"),
        (("-t", "passengers", "--mu-max", "1e-9"), "--mu-max must be finite and not below --mu"),
        (("-t", "passengers", "--threads", "0"), "--threads must be a whole number from 1 up"),
        (("-t", "passengers", "--epochs", "-1"), "--epochs must be a whole number from 0 up"),
        (("-t", "passengers", "--time", "-1"), "--time must be a number from 0 up"),
        (("-t", "passengers", "--goal", "-1"), "--goal must be a number from 0 up"),
        (("-t", "passengers", "--goal-metric", "rmse"), "Give the goal, too"),
        (("-t", "passengers", "--max-fail", "-1"), "--max-fail must be a whole number from 0 up"),
        (("-t", "passengers", "--min-grad", "-1"), "--min-grad must be a number from 0 up"),
        (("-t", "passengers", "--record", "r.txt"), "The name of --record must end in .json or .csv"),
        (("-t", "passengers", "-o", "f.xlsx"), "must end in .csv, .tsv, .parquet"),
        (("-t", "passengers", "--plot", "p.gif"), "The name of --plot must end in .png, .svg or .pdf"),
        (("-t", "passengers", "-o", "air.csv", "--force"), "--output would write over DATA"),
        (("-t", "passengers", "--network", "air.csv", "--force"), "--network would write over DATA"),
        (("-t", "passengers", "--model", "m.marquardt"), "--target is about a training"),
        (("--hidden", "3", "--model", "m.marquardt"), "--hidden is about a training"),
        (("--epochs", "3", "--model", "m.marquardt"), "--epochs is about a training"),
        (("--model", "m.marquardt"), "There is no file m.marquardt"),
    ],
)
def test_mistakes_are_refused_by_name(refused, air_csv, options, message):
    assert message in refused("forecast", air_csv, *options)


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (
            [["y"], *([""] if row == 4 else [row] for row in range(30))],
            (),
            "'y' is missing in data row 5, before the last",
        ),
        ([["y"], *([""] for _ in range(9))], (), "has no value in any row"),
        ([["u", "y"], *([row, row] for row in range(30))], ("--exog", "u"), "--horizon 12 needs 12 rows of the future"),
        (
            [["u", "y"], *(["" if row == 3 else row, row] for row in range(30))],
            ("--exog", "u"),
            "Exogenous column 'u' is missing in data row 4",
        ),
        (
            [["d", "y"], *([f"2024-01-{30 - d + (d == 9):02}", d] for d in range(30))],
            (),
            "but data row 10 is of 2024-01-22 and so is data row 9",
        ),
        ([["d", "y"], *([f"2024-01-{1 + d + (d > 9):02}", d] for d in range(30))], (), "is followed by 2024-01-12"),
        (
            [["d", "y"], *(["" if d == 9 else f"2024-01-{1 + d:02}", d] for d in range(30))],
            (),
            "The date is missing in",
        ),
        (
            [["d", "e", "y"], *([f"2024-01-{1 + d:02}", f"2025-01-{1 + d:02}", d] for d in range(30))],
            (),
            "'d', 'e' hold dates. Say by --date",
        ),
    ],
)
def test_tables_that_cannot_be_are_refused(refused, tmp_path, table, options, message):
    data = write(tmp_path / "t.csv", table)
    assert message in refused("forecast", data, "-t", "y", "--lags", "1", *options)


def test_a_picture_without_matplotlib_is_refused_before_the_training(call, air_csv, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    answer = call("forecast", air_csv, "-t", "passengers", *QUICK, "--plot", "p.png")
    assert answer.code == 2
    assert "This needs matplotlib, which is not installed" in answer.err
    assert answer.out == ""


def test_splits_without_room_are_refused_before_the_training(call, air_csv):
    answer = call("forecast", air_csv, "-t", "passengers", *QUICK[:-2], "--splits", 5, "--season", 100, "--horizon", 3)
    assert answer.code == 2
    assert "and 100 are needed. Take fewer splits, smaller lags, a shorter --season or" in answer.err
    assert answer.out == ""


def test_other_files_are_refused_on_both_sides(call, refused, air_csv, concrete_csv):
    call("train", concrete_csv, "--target", "strength", "--epochs", "2")
    answer = refused("forecast", air_csv, "--model", "concrete.marquardt")
    assert "concrete.marquardt holds a network and no forecaster" in answer
    assert f"Use: marquardt predict concrete.marquardt {air_csv}" in answer
    call("forecast", air_csv, "-t", "passengers", "--lags", "1", *QUICK)
    call("forecast", air_csv, "-t", "passengers", "--lags", "1-3", *QUICK, "--network", "long.marquardt")
    short = write(air_csv.with_name("short.csv"), [["passengers"], ["1"], ["2"]])
    answer = refused("forecast", short, "--model", "long.marquardt")
    assert "short.csv has 2 known rows, and a forecast needs 3: the largest lag. Give more rows." in answer
    assert "is a forecaster. Use: marquardt forecast" in refused("predict", "air.marquardt", air_csv)
    assert "exists already" in refused("forecast", air_csv, "-t", "passengers", "--lags", "1", *QUICK)


def driven_by_two(tmp_path, ends):
    """60 known rows, and drivers that are known for different times."""
    table = [["a", "b", "y"]]
    for row in range(72):
        drivers = [(row * k) % 7 if ends[k][0] <= row < ends[k][1] else "" for k in (5, 3)]
        table.append([*drivers, f"{np.sin(row) + 0.1 * (row * 3 % 7):.6f}" if row < 60 else ""])
    return write(tmp_path / "two.csv", table)


def test_drivers_known_for_different_times_are_enough_where_the_lags_reach(call, refused, tmp_path):
    options = ("-t", "y", "--exog", "a,b", "--lags", "1-4", "--lags-exog", "0,1", *QUICK, "--force", "-o", "o.csv")

    def forecast_of(ends):
        answer = call("forecast", driven_by_two(tmp_path, ends), *options, "--horizon", "6")
        assert answer.code == 0, answer.err
        return (tmp_path / "o.csv").read_text()

    whole = forecast_of({5: (0, 72), 3: (0, 72)})
    assert forecast_of({5: (0, 72), 3: (3, 66)}) == whole  # lag 4 of y begins at row 4, which needs row 3 of b
    ragged = driven_by_two(tmp_path, {5: (0, 72), 3: (0, 66)})
    message = refused("forecast", ragged, *options, "--horizon", "7")
    assert "--horizon 7 needs 7 rows of the future of 'a', 'b', and the table has 6 with all of them" in message
    late = driven_by_two(tmp_path, {5: (0, 72), 3: (4, 72)})
    assert "'b' is missing in data row 4, which the lags need" in refused("forecast", late, *options, "--horizon", "6")


@pytest.mark.usefixtures("stuck")
def test_who_learned_nothing_is_told_even_quietly(call, air_csv, tmp_path):
    options = (
        "--target",
        "passengers",
        "--lags",
        "1-3",
        "--horizon",
        2,
        *QUICK,
        "--alpha",
        0,
        "--splits",
        0,
        "--quiet",
    )
    answer = call("forecast", air_csv, *options, "--algorithm", "lm(scaling='marquardt')")
    assert answer.code == 0
    assert answer.err.startswith(
        "Warning: nothing was learned, the starting weights are saved. No step lowers the loss"
    )
