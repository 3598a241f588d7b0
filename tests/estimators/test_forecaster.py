"""The forecaster from the user's side: series as they come, closed loop, history, what is refused."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from marquardt import (
    ConfigurationError,
    DataError,
    FileError,
    NetworkForecaster,
    NetworkRegressor,
    ShapeError,
    walk_forward,
)
from marquardt.training import Record

SAVED = Path(__file__).with_name("saved")
"""Files that the version before arrays of last rows wrote."""

QUICK = {"hidden_layer_sizes": (3,), "n_restarts": 1, "max_iter": 30, "alpha": 1e-3, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def plant(n_rows=120, seed=0):
    """A nonlinear system with one input."""
    rng = np.random.default_rng(seed)
    u, y = rng.uniform(-1, 1, n_rows), np.zeros(n_rows)
    for t in range(2, n_rows):
        y[t] = 0.6 * y[t - 1] - 0.2 * y[t - 2] + np.tanh(u[t - 1]) + 0.3 * u[t]
    return y + 2, u


@pytest.fixture(scope="module")
def driven():
    """Forecaster with an input, and its data."""
    y, u = plant()
    return NetworkForecaster((1, 2), (0, 1), **QUICK).fit(y[:90], u[:90]), y, u


# ---------------------------------------------------------------- the model


def test_a_linear_system_is_found_exactly():
    y, u = [0.0, 0.0], np.random.default_rng(0).normal(size=100)
    for t in range(2, 100):
        y.append(0.5 * y[t - 1] - 0.3 * y[t - 2] + 2 * u[t] + 1)
    model = NetworkForecaster((1, 2), (0,), (), alpha=0.0, random_state=0).fit(y[:60], u[:60])
    # Training ends where the gradient is below 1e-7; the system is stable and keeps the error that small.
    assert_allclose(model.predict(40, u[60:]), y[60:], rtol=0, atol=1e-7)


def test_closed_loop_equals_a_loop_of_one_step_predictions(driven):
    model, y, u = driven
    path = list(y[:90])
    for t in range(90, 110):
        # The last entry only stands for the time that is predicted.
        path.append(model.one_step(np.array([*path, 0.0]), u[: t + 1])[-1])
    # The same sums, for one row instead of many.
    assert_allclose(model.predict(20, u[90:]), path[90:], rtol=1e-12)


def test_network_takes_the_columns_that_it_names(driven):
    model, y, u = driven
    assert model.lag_names_ == ["y(t-1)", "y(t-2)", "x(t)", "x(t-1)"]
    assert model.n_features_in_ == 4
    row = [[y[89], y[88], u[90], u[89]]]
    assert_array_equal(model.predict(1, u[90:]), model.network_.outputs(row)[0])


def test_steps_may_be_chosen(driven):
    model, _, u = driven
    whole = model.predict(12, u[90:])
    assert_array_equal(model.predict([1, 3, 12], u[90:]), whole[[0, 2, 11]])
    assert_array_equal(model.predict(np.array([12]), u[90:]), whole[11:])


def test_trend_and_season_are_followed_by_differences():
    t = np.arange(60)
    y = 3.0 * t + np.array([0, 5, -2, 1])[t % 4]
    model = NetworkForecaster((1,), hidden_layer_sizes=(), difference=(1, 4), random_state=0).fit(y[:40])
    assert_allclose(model.predict(20), y[40:], rtol=0, atol=1e-9)
    assert_allclose(model.one_step(y), y[6:], rtol=0, atol=1e-9)


def test_several_targets_are_predicted_from_the_past_of_all():
    angle = 0.4 * np.arange(80)
    both = np.column_stack([np.sin(angle), 10 + np.cos(angle)])
    # One lag of one of them would not do: the pair is a rotation.
    model = NetworkForecaster((1,), hidden_layer_sizes=(), alpha=0.0, random_state=0).fit(both[:40])
    assert_allclose(model.predict(40), both[40:], rtol=0, atol=1e-7)  # forty steps of 1e-9 at most
    assert model.lag_names_ == ["y1(t-1)", "y2(t-1)"]


def test_past_of_the_inputs_alone_is_a_time_delay_network():
    u = np.random.default_rng(0).normal(size=80)
    y = np.zeros(80)
    y[3:] = u[:-3] - 2 * u[3:]
    model = NetworkForecaster((), (0, 3), (), alpha=0.0, random_state=0).fit(y[:60], u[:60])
    assert_allclose(model.predict(20, u[60:]), y[60:], rtol=0, atol=1e-7)


# ---------------------------------------------------------------- several series


def test_separate_series_share_no_lags():
    y, _ = plant()
    apart = NetworkForecaster((1, 2), **QUICK).fit([y[:60], y[60:]])
    joined = NetworkForecaster((1, 2), **QUICK).fit(y)
    assert len(apart.record_.parts.train) == 58 + 58
    assert len(joined.record_.parts.train) == 118
    first, second = apart.predict(5)
    assert_array_equal(first, apart.predict(5, y=y[:60]))
    assert_array_equal(second, apart.predict(5, y=y[60:]))


def test_a_list_of_one_series_is_the_series():
    y, u = plant()
    one = NetworkForecaster((1, 2), **QUICK).fit(y, u)
    many = NetworkForecaster((1, 2), **QUICK).fit([y], [u])
    assert_array_equal(many.network_.weights, one.network_.weights)
    assert_array_equal(many.predict(3, [u[:3]])[0], one.predict(3, u[:3]))


# ---------------------------------------------------------------- history


def test_update_equals_a_longer_past(driven):
    model, y, u = driven
    moved = pickle.loads(pickle.dumps(model)).update(y[90:100], u[90:100])
    assert_array_equal(moved.predict(5, u[100:]), model.predict(5, u[:105], y=y[:100]))
    one_by_one = pickle.loads(pickle.dumps(model))
    for t in range(90, 100):
        one_by_one.update(y[t : t + 1], u[t : t + 1])
    assert_array_equal(one_by_one.predict(5, u[100:]), moved.predict(5, u[100:]))


def test_prediction_does_not_change_the_forecaster(driven):
    model, y, u = driven
    before = model.predict(4, u[90:])
    model.predict(3, u, y=y[:50])
    assert_array_equal(model.predict(4, u[90:]), before)


# ---------------------------------------------------------------- containers


INDEXES = {
    "dates": pd.date_range("2020-01-31", periods=120, freq="ME", name="when"),
    "dates with a zone": pd.date_range("2020-03-28 12:00", periods=120, freq="h", tz="Europe/Berlin"),
    "dates without a frequency": pd.DatetimeIndex(pd.date_range("2020-01-01", periods=120).to_numpy()),
    "periods": pd.period_range("2020-01", periods=120, freq="M"),
    "numbers": pd.RangeIndex(1700, 1820, name="year"),
    "decimals": pd.Index(0.5 * np.arange(120)),
}


@pytest.mark.parametrize("name", INDEXES)
def test_index_goes_on(name):
    index = INDEXES[name]
    y, u = plant()
    series, beside = pd.Series(y, index=index, name="level"), pd.DataFrame({"valve": u}, index=index)
    model = NetworkForecaster((1, 2), (0, 1), **QUICK).fit(series[:90], beside)
    forecast = model.predict(10, beside)
    assert forecast.name == "level"
    assert (forecast.index == index[90:100]).all()
    assert forecast.index.name == index.name
    plain = NetworkForecaster((1, 2), (0, 1), **QUICK).fit(y[:90], u[:90])
    assert_array_equal(forecast, plain.predict(10, u[90:]))
    assert (model.one_step(series, beside).index == index[2:]).all()
    assert (model.predict([2, 5], beside).index == index[[91, 94]]).all()
    assert_array_equal(model.predict(10, beside, y=series[:95]), plain.predict(10, u, y=y[:95]))
    model.update(series[90:95], beside)
    assert (model.predict(3, beside).index == index[95:98]).all()
    with pytest.raises(DataError, match="must go on at"):
        model.update(series[100:], beside)


def test_frames_of_pandas_and_polars_bring_their_names():
    y, u = plant()
    for library in (pd, pl):
        frame = library.DataFrame({"level": y, "flow": 2 * y + u})
        beside = library.DataFrame({"valve": u, "wind": u**2})
        model = NetworkForecaster((1, 2), (0,), **QUICK).fit(frame, beside)
        assert model.target_names_ == ["level", "flow"]
        assert model.exog_names_ == ["valve", "wind"]
        forecast = model.predict(3, beside, y=frame[:100])
        assert isinstance(forecast, library.DataFrame)
        assert list(forecast.columns) == ["level", "flow"]
        swapped = library.DataFrame({"wind": u**2, "valve": u})
        assert_array_equal(model.predict(3, swapped, y=frame[:100]), forecast)
        with pytest.raises(DataError, match="has no column 'wind'"):
            model.predict(3, library.DataFrame({"valve": u, "wnd": u}), y=frame[:100])
    series = NetworkForecaster((1,), **QUICK).fit(pl.Series("level", y)).predict(2)
    assert isinstance(series, pl.Series)
    assert series.name == "level"


# ---------------------------------------------------------------- options


def test_the_last_block_validates_and_nothing_is_shuffled():
    y, _ = plant()
    model = NetworkForecaster((1, 2), **QUICK, early_stopping=True, validation_fraction=0.2).fit([y[:52], y[50:]])
    parts = model.record_.parts
    assert_array_equal(parts.train, [*range(40), *range(50, 50 + 54)])
    assert_array_equal(parts.validation, [*range(40, 50), *range(104, 118)])
    assert model.validation_loss_curve_ is not None


def test_weight_zero_leaves_a_row_out_as_a_target_only():
    y, _ = plant()
    weight = np.ones(120)
    weight[60:] = 0
    weighted = NetworkForecaster((1, 2), **QUICK).fit(y, sample_weight=weight)
    shorter = NetworkForecaster((1, 2), **QUICK).fit(y[:60])
    assert_array_equal(weighted.network_.weights, shorter.network_.weights)
    assert_array_equal(weighted.predict(3), shorter.predict(3, y=y))


def test_the_evidence_reads_weights_of_rows_by_their_ratios():
    y, _ = plant()
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 120)
    fits = [
        NetworkForecaster((1, 2), **QUICK | {"alpha": "auto"}).fit(y, sample_weight=each)
        for each in (weight, 2.0**-60 * weight)
    ]
    assert_array_equal(fits[0].network_.weights, fits[1].network_.weights)  # a power of two divides without rounding


def test_clone_and_parameters_follow_scikit_learn():
    model = NetworkForecaster(range(1, 4), difference=(1,), early_stopping=True)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(lags=(1, 12), hidden_layer_sizes=(5,)).lags == (1, 12)
    assert repr(model) == "NetworkForecaster(difference=(1,), early_stopping=True, hidden_layer_sizes=(5,),\n" + (
        " " * 18 + "lags=(1, 12))"
    )
    with pytest.raises(NotFittedError):
        model.predict(3)
    with pytest.raises(NotFittedError):
        model.save("never.marquardt")


def test_same_random_state_same_network():
    y, _ = plant()
    first, second = (NetworkForecaster((1, 2), **QUICK).fit(y) for _ in range(2))
    assert_array_equal(first.network_.weights, second.network_.weights)


def test_warm_start_goes_on():
    y, _ = plant()
    model = NetworkForecaster((1, 2), **{**QUICK, "max_iter": 3}, warm_start=True).fit(y)
    before = model.best_loss_
    assert model.fit(y).best_loss_ < before
    with pytest.raises(ConfigurationError, match=r"warm_start goes on with a network of 2 inputs.*make 3"):
        model.set_params(lags=(1, 2, 3)).fit(y)


def test_grid_search_over_lags_runs_with_splits_in_time():
    y, _ = plant()
    search = GridSearchCV(NetworkForecaster(**QUICK), {"lags": [(1,), (1, 2)]}, cv=TimeSeriesSplit(3))
    search.fit(y)
    assert search.best_params_["lags"] in ((1,), (1, 2))


def test_score_is_r2_of_one_step(driven):
    model, y, u = driven
    error = model.one_step(y, u) - y[2:]
    assert_allclose(model.score(y, u), 1 - np.sum(error**2) / np.sum((y[2:] - y[2:].mean()) ** 2))
    assert model.score(y, u) > 0.99


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("name", ["dates with a zone", "periods", "numbers", None])
def test_file_brings_the_forecaster_back(tmp_path, name):
    y, u = plant()
    if name is not None:
        y, u = pd.Series(y, index=INDEXES[name]), pd.DataFrame({"u": u}, index=INDEXES[name])
    model = NetworkForecaster((1, 3), (0, 1), **QUICK, difference=(1,)).fit(y[:90], u[:90])
    model.save(tmp_path / "a.marquardt")
    again = NetworkForecaster.from_file(tmp_path / "a.marquardt")
    forecast, wanted = again.predict(5, u[90:]), model.predict(5, u[90:])
    assert_array_equal(forecast, wanted)
    if name is not None:
        assert (forecast.index == wanted.index).all()
        again.update(y[90:], u[90:])
    assert again.lag_names_ == model.lag_names_
    assert again.lags == (1, 3)
    assert again.n_iter_ == model.n_iter_
    (tmp_path / "b.marquardt").unlink(missing_ok=True)
    again.save(tmp_path / "b.marquardt")


def test_file_of_a_regressor_is_no_forecaster(tmp_path):
    NetworkRegressor((2,), max_iter=5).fit(np.arange(20.0)[:, None], np.arange(20.0)).save(tmp_path / "a.marquardt")
    with pytest.raises(DataError, match="no forecaster"):
        NetworkForecaster.from_file(tmp_path / "a.marquardt")
    with pytest.raises(FileError, match="There is no file"):
        NetworkForecaster.from_file(tmp_path / "b.marquardt")


# ---------------------------------------------------------------- refusals


def fit(y=None, X=None, lags=(1, 2), exog_lags=(0,), **options):
    return NetworkForecaster(lags, exog_lags, **{**QUICK, **options}).fit(plant()[0] if y is None else y, X)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: fit(lags=3), r"write range\(1, 4\)"),
        (lambda: fit(lags=()), "nothing to predict from"),
        (lambda: fit(plant()[0], plant()[1], exog_lags=[-1]), "exog_lags must be whole numbers from 0 up"),
        (lambda: fit(difference="1"), r"difference must be periods.*such as 1 or \(1, 12\)"),
        (lambda: fit(difference=[0]), "periods from 1 up"),
        (lambda: fit(activation="tahn"), "Did you mean 'tanh'"),
        (lambda: fit(early_stopping=True, validation_fraction=0), "above 0"),
        (lambda: fit(loss="cross_entropy"), "for classification"),
    ],
)
def test_options_that_cannot_be_are_refused(attempt, message):
    with pytest.raises(ConfigurationError, match=message):
        attempt()


@pytest.mark.parametrize(
    ("y", "X", "options", "message"),
    [
        ([1.0, 2.0], None, {}, r"y has 2 rows.*needs 2 before it \(largest lag 2\): give at least 3"),
        (np.arange(14.0), None, {"difference": (1, 12)}, r"needs 15 before it.*difference \[1, 12\]"),
        (np.arange(5.0), np.arange(5.0), {"exog_lags": (7,)}, "largest exogenous lag 7"),
        ([1.0, np.nan, 3.0, 4.0], None, {}, "y must be finite, got nan in row 1"),
        (np.array([[1, 2], [3, np.inf], [1, 1]]), None, {}, "got inf in row 1, column 1"),
        (np.arange(9.0), [*range(8), np.nan], {}, "X must be finite, got nan in row 8"),
        (np.arange(9.0), np.arange(8.0), {}, "X must have a row for each of the 9 rows of y"),
        (["a", "b", "c", "d"], None, {}, "y must hold numbers"),
        (np.zeros((2, 2, 2)), None, {}, "must be of shape"),
        ([], None, {}, "y has no row"),
        ([np.zeros(9), np.zeros((9, 2))], None, {}, "must have the same columns"),
        ([np.zeros(9), np.zeros(9)], np.zeros(9), {}, "X must be as many series as y: got 1 for 2"),
        (np.arange(4.0)[:3], None, {"early_stopping": True}, "there is one row that has all its lags"),
    ],
)
def test_data_that_cannot_be_are_refused(y, X, options, message):
    with pytest.raises(DataError, match=message):
        fit(y, X, **options)


def series(index, n_rows=20):
    return pd.Series(np.arange(float(n_rows)), index=index)


DAYS = pd.date_range("2024-01-01", periods=22)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (DAYS[:20][::-1], "must go forward, but row 1 is of 2024-01-19"),
        (DAYS[[0, *range(19)]], "must go forward, but row 1"),
        (DAYS[[*range(5), *range(7, 22)]], "2024-01-05 00:00:00 is followed by 2024-01-08"),
        (DAYS.to_period()[[*range(5), *range(7, 22)]], "have a gap: 2024-01-05 is followed by 2024-01-08"),
        (pd.Index([*range(5), *range(6, 21)]), "4 is followed by 6"),
        (pd.Index(list("abcdefghijklmnopqrst")), "must be dates, periods or numbers"),
        (pd.DatetimeIndex([pd.NaT, *DAYS[:19]]), "has a missing value"),
    ],
)
def test_index_that_cannot_be_is_refused(index, message):
    with pytest.raises(DataError, match=message):
        fit(series(index))


def test_beside_another_index_is_refused():
    with pytest.raises(DataError, match=r"X has no row of 2024-01-03 00:00:00.*it has 2024-01-04"):
        fit(series(DAYS[:20]), pd.DataFrame({"u": np.zeros(19)}, index=DAYS[3:]))


@pytest.mark.parametrize("horizon", [0, -1, 1.5, True, [], [0, 1], [1.5], "3", None])
def test_horizon_that_cannot_be_is_refused(driven, horizon):
    with pytest.raises(ConfigurationError, match="horizon must be a whole number from 1 up"):
        driven[0].predict(horizon, driven[2])


def test_future_that_is_missing_is_refused(driven):
    model, y, u = driven
    with pytest.raises(DataError, match="needs X, for 5 future rows"):
        model.predict(5)
    with pytest.raises(ShapeError, match="5 rows, got 4"):
        model.predict(5, u[90:94])
    with pytest.raises(ShapeError, match="X has 2 columns"):
        model.predict(5, np.zeros((5, 2)))
    with pytest.raises(DataError, match="it needs X, from the first row of y on"):
        model.predict(5, y=y)
    with pytest.raises(ShapeError, match="120 rows of y and 5 of the future: 125 rows, got 120"):
        model.predict(5, u, y=y)
    with pytest.raises(DataError, match="y has 1 rows, and a forecast needs at least 2"):
        model.predict(5, u, y=y[:1])
    with pytest.raises(ShapeError, match="y has 2 columns, and the forecaster 1"):
        model.one_step(np.zeros((9, 2)), np.zeros(9))
    with pytest.raises(DataError, match="at least 3 are needed"):
        model.one_step(y[:2], u[:2])
    with pytest.raises(DataError, match="it needs X, at the times of y"):
        model.update(y[90:])
    with pytest.raises(ShapeError, match="as many series as fit had, 1, got 2"):
        model.update([y[:3], y[:3]], [u[:3], u[:3]])


def test_future_that_nobody_asked_for_is_refused():
    y, u = plant()
    with pytest.raises(DataError, match="without exogenous columns"):
        NetworkForecaster((1,), **QUICK).fit(y).predict(3, u)


def test_lags_beyond_the_horizon_need_no_future():
    y, u = plant()
    model = NetworkForecaster((1,), (3, 4), **QUICK).fit(y[:90], u[:90])
    assert_array_equal(model.predict(3), model.predict(3, u[:90], y=y[:90]))
    assert_array_equal(model.predict(4, u[90:91])[:3], model.predict(3))


# ---------------------------------------------------------------- labels and names


def labelled(columns, n_rows=60):
    values = np.cumsum(np.random.default_rng(0).normal(size=(n_rows, 2)), axis=0)
    return pd.DataFrame(values, index=pd.date_range("2020", periods=n_rows, freq="MS"), columns=columns)


@pytest.mark.parametrize(
    "columns",
    [
        pd.RangeIndex(2),
        pd.Index([10, 20], name="sensor"),
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["site", "sensor"]),
        pd.Index(["a", "b"]),
        pd.DatetimeIndex(["2020-01-01", "2021-01-01"]),
    ],
    ids=["range", "numbers", "levels", "texts", "dates"],
)
@pytest.mark.parametrize("is_loaded", [False, True])
def test_labels_of_a_forecast_are_those_of_the_series(tmp_path, columns, is_loaded):
    y = labelled(columns)
    model = NetworkForecaster((1, 2), **QUICK).fit(y[:50])
    if is_loaded:
        model.save(tmp_path / "a.marquardt")
        model = NetworkForecaster.from_file(tmp_path / "a.marquardt")
    forecast = model.predict(10)
    pd.testing.assert_index_equal(forecast.columns, y.columns, exact=False)
    assert forecast.columns.names == y.columns.names
    assert np.isfinite((forecast - y[50:]).to_numpy()).all()
    for label in columns:
        alone = NetworkForecaster((1, 2), **QUICK).fit(y[label][:50]).predict(2)
        assert alone.name == label


def test_columns_of_one_name_are_taken_in_their_order():
    rng = np.random.default_rng(0)
    u, y = rng.normal(size=(80, 2)), np.zeros(80)
    for row in range(1, 80):
        y[row] = 0.5 * y[row - 1] + u[row, 0] - 3 * u[row, 1]
    frame = pd.DataFrame(np.column_stack([u, u[:, 0]]), columns=["a", "a", "b"])
    wanted = NetworkForecaster((1,), **QUICK).fit(y[:60], frame[:60].to_numpy()).predict(3, frame[60:].to_numpy())
    model = NetworkForecaster((1,), **QUICK).fit(y[:60], frame[:60])
    assert_array_equal(model.predict(3, frame[60:]), wanted)
    assert_allclose(wanted, y[60:63], atol=0.05)  # three tanh units and a decay beside a line
    assert_array_equal(model.predict(3, frame[60:].iloc[:, [2, 0, 1]]), wanted)
    with pytest.raises(DataError, match=r"X has 1 columns of the name 'a', and the training had 2"):
        model.predict(3, frame[60:].iloc[:, 1:])


def test_exogenous_series_of_another_name_is_refused_as_a_frame_is(driven):
    y, u = plant()
    model = NetworkForecaster((1,), **QUICK).fit(y[:90], pd.Series(u[:90], name="valve"))
    model.predict(3, pd.Series(u[90:], name="valve"))
    model.predict(3, pd.Series(u[90:]))
    for other in (pd.Series(u[90:], name="wind"), pd.DataFrame({"wind": u[90:]}), pl.Series("wind", u[90:])):
        with pytest.raises(DataError, match="X has no column 'valve'"):
            model.predict(3, other)
    driven[0].predict(3, pd.Series(u[90:], name="wind"))  # fitted to arrays, which have no names


def test_single_columns_of_a_list_may_have_any_names():
    frame = labelled(["a", "b"])
    model = NetworkForecaster((1, 2), **QUICK).fit([frame[name] for name in frame])
    assert [one.name for one in model.predict(2)] == ["a", "b"]
    assert model.target_names_ == ["y"]
    unnamed = NetworkForecaster((1, 2), **QUICK).fit([frame[name].to_numpy() for name in frame])
    assert_array_equal(model.predict(2), unnamed.predict(2))
    assert NetworkForecaster((1,), **QUICK).fit([frame[["a"]], frame[["b"]]]).predict(1)[1].columns.tolist() == ["b"]


def test_a_single_number_is_taken_where_it_means_one_thing():
    y, u = plant()
    one = NetworkForecaster(1, 0, **QUICK, difference=1).fit(y, u)
    many = NetworkForecaster((1,), (0,), **QUICK, difference=(1,)).fit(y, u)
    assert_array_equal(one.predict(1, u), many.predict(1, u))


# ---------------------------------------------------------------- several series, each in its own units


def waves(*scales, n_rows=90):
    k = np.arange(n_rows + 10.0)
    return [scale * (5 + np.sin(0.5 * k + phase)) for phase, scale in enumerate(scales)]


@pytest.mark.parametrize(
    "options", [{}, {"difference": 1}, {"target_scaling": "minmax"}, {"closed_loop": True}], ids=str
)
def test_forecasts_of_series_do_not_depend_on_their_units(options):
    """A series times anything plus anything is forecast as that, whatever is beside it."""
    ones = waves(1.0, 1.0)
    options = {**QUICK, "alpha": 1e-6, "max_iter": 100, **options}
    alike = NetworkForecaster((1, 2), **options).fit([one[:90] for one in ones])
    others = [1e3 * ones[0] - 7.0, 1e-6 * ones[1]]
    model = NetworkForecaster((1, 2), **options).fit([one[:90] for one in others])
    wanted = alike.predict(10)
    big, small = model.predict(10)
    assert_allclose((big + 7.0) / 1e3, wanted[0], rtol=1e-5)
    assert_allclose(small * 1e6, wanted[1], rtol=1e-5)
    assert_allclose(model.series_rmse_ / [[1e3], [1e-6]], alike.series_rmse_, rtol=0.05)
    assert np.abs(small * 1e6 - ones[1][90:]).max() < 0.05


def test_a_small_series_is_forecast_as_well_beside_a_large_one():
    big, small = waves(1000.0, 1.0)
    options = {"hidden_layer_sizes": (4,), "random_state": 0}
    model = NetworkForecaster((1, 2), **options).fit([big[:90], small[:90]])
    # The means of 90 rows differ a little from the middle of the waves, each in its way: what two have in common is not
    # quite the recurrence of either.
    assert np.abs(model.predict(10)[1] - small[90:]).max() < 0.02
    assert np.abs(model.predict(10)[0] - big[90:]).max() < 20
    alike = NetworkForecaster((1, 2), **options, scale_each=False).fit([big[:90], small[:90]])
    assert np.abs(alike.predict(10)[1] - small[90:]).max() > 0.1
    assert_allclose(
        model.series_rmse_[:, 0],
        [np.sqrt(np.mean((model.one_step(one[:90]) - one[2:90]) ** 2)) for one in (big, small)],
        rtol=1e-6,
    )


@pytest.mark.parametrize("difference", [(), (1,)])
def test_scalings_of_series_go_with_file_update_and_the_past_that_is_given(tmp_path, difference):
    known = [one[:90] for one in waves(1000.0, 1.0)]
    model = NetworkForecaster((1, 3), **QUICK, difference=difference).fit(known)
    model.save(tmp_path / "a.marquardt")
    again = NetworkForecaster.from_file(tmp_path / "a.marquardt")
    for one, other in zip(model.predict(5), again.predict(5), strict=True):
        assert_array_equal(one, other)
    assert_array_equal(model.series_rmse_, again.series_rmse_)
    for number, one in enumerate(known):
        assert_allclose(model.predict(5, y=one), model.predict(5)[number], rtol=1e-12)
        # A new series: another unit of the same is the same.
        assert_allclose(model.predict(5, y=3.5 * one + 2), 3.5 * model.predict(5, y=one) + 2, rtol=1e-9)
        assert_allclose(model.one_step(1e-9 * one), 1e-9 * model.one_step(one), rtol=1e-9)
    forecast = model.predict(5)
    again.update([one[:2] for one in forecast])
    for one, other in zip(forecast, again.predict(3), strict=True):
        assert_allclose(one[2:], other, rtol=1e-9)
    constant = model.predict(2, y=np.full(20, 4000.0))
    assert np.isfinite(constant).all()


def test_network_with_delays_is_of_the_series_that_is_named():
    from marquardt.networks import DelayStates, simulate

    known = [one[:90] for one in waves(1000.0, 1.0)]
    model = NetworkForecaster((1, 2), **QUICK).fit(known)
    for number, one in enumerate(known):
        narx = model.dynamic_network(number)
        path = simulate(narx, 5, states=DelayStates.of(narx, targets=one[:, None])).outputs
        assert_allclose(path[:, 0], model.predict(5)[number], rtol=1e-9)
    with pytest.raises(ConfigurationError, match="knows 2 series"):
        model.dynamic_network(2)


# ---------------------------------------------------------------- exogenous rows that nobody needs


MONTHS = pd.date_range("2015", periods=72, freq="MS")


def ragged():
    """Two drivers, of which the second is known for a shorter time at both ends."""
    X = pd.DataFrame({"a": np.arange(72) * 5 % 7, "b": np.arange(72) * 3.0 % 7}, index=MONTHS)
    y = pd.Series(np.sin(np.arange(60.0)) + 0.1 * X["b"].to_numpy()[:60], index=MONTHS[:60])
    holes = X.copy()
    holes.iloc[66:, 1] = np.nan
    holes.iloc[:3] = np.nan
    return y, X, holes


@pytest.mark.parametrize("exog_lags", [(0,), (1, 2), (3,), (0, 4)], ids=str)
@pytest.mark.parametrize("has_index", [True, False])
def test_what_no_lag_needs_may_be_missing(exog_lags, has_index):
    y, X, _ = ragged()
    lags = NetworkForecaster((1, 6), exog_lags, **QUICK)
    first, until = 6 - max(exog_lags), 60 - min(exog_lags)
    known = X[:60].astype(float).copy()
    known.iloc[:first] = np.nan
    known.iloc[until:] = np.nan
    past = X[:60].astype(float).copy()
    past.iloc[:first] = np.inf
    n_future = max(0, 4 - min(exog_lags))
    future = X[60:].astype(float).copy()
    future.iloc[n_future:] = np.nan
    if not has_index:
        y, X, known, past, future = (each.to_numpy() for each in (y, X, known, past, future))
    wanted = lags.fit(y, X[:60]).predict(4, X[60:])
    assert_array_equal(clone(lags).fit(y, past).predict(4, future), wanted)
    assert_array_equal(clone(lags).fit(y, known).one_step(y, known), lags.one_step(y, X[:60]))
    walked = walk_forward(lags, y, known, horizon=2, cv=2).rmse()["network"]
    assert_array_equal(walked, walk_forward(lags, y, X[:60], horizon=2, cv=2).rmse()["network"])
    if has_index and first:
        assert_array_equal(clone(lags).fit(y, X[first:]).predict(4, X[60:]), wanted)
    if min(exog_lags):
        late = X[:60].astype(float).copy() if has_index else np.array(X[:60], dtype=float)
        (late.iloc if has_index else late)[until + 1 :] = np.nan
        assert_array_equal(clone(lags).fit(y, late).predict(1), lags.predict(1))
        with pytest.raises(DataError, match="rows before the first, where it is missing"):
            clone(lags).fit(y, known).predict(1)
    for row in {first, until - 1}:
        hole = X[:60].astype(float).copy() if has_index else np.array(X[:60], dtype=float)
        (hole.iloc if has_index else hole)[row] = np.nan
        with pytest.raises(DataError, match=rf"X must be finite, got nan in row {row}"):
            clone(lags).fit(y, hole)


def test_ragged_drivers_are_enough_for_a_horizon_that_they_cover():
    y, X, holes = ragged()
    model = NetworkForecaster((1,), (0,), **QUICK).fit(y[10:], holes[:60])
    whole = NetworkForecaster((1,), (0,), **QUICK).fit(y[10:], X[:60])
    assert_array_equal(model.predict(6, holes[60:]), whole.predict(6, X[60:]))
    assert_array_equal(model.predict(6, holes, y=y[20:]), whole.predict(6, X, y=y[20:]))
    with pytest.raises(DataError, match=r"X must be finite, got nan in row 6 \(2020-07-01.*column 'b'"):
        model.predict(7, holes[60:])
    with pytest.raises(DataError, match=r"column 'b'|where it is missing"):
        model.predict(7, holes, y=y[20:])


@pytest.mark.parametrize("closed_loop", [False, True])
def test_a_loaded_forecaster_has_all_that_fit_sets(closed_loop, tmp_path):
    y = np.sin(0.4 * np.arange(60)) + 0.05 * np.random.default_rng(0).normal(size=60)
    model = NetworkForecaster((1, 2), hidden_layer_sizes=(2,), closed_loop=closed_loop, max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(y)
    model.save(tmp_path / "model.marquardt")
    back = NetworkForecaster.from_file(tmp_path / "model.marquardt")
    assert (model.closed_loop_record_ is not None) == closed_loop
    for name in (name for name in vars(model) if name.endswith("_")):
        found, wanted = getattr(back, name), getattr(model, name)
        if isinstance(wanted, Record):
            assert found.to_dict() == wanted.to_dict()
        elif name != "network_":
            assert repr(found) == repr(wanted), name


# ---------------------------------------------------------------- series that are too short


@pytest.mark.parametrize("closed_loop", [False, True])
def test_a_series_too_short_for_the_lags_is_left_out_and_the_others_train(closed_loop, tmp_path):
    long = [np.sin(0.3 * np.arange(60)), 2 + np.cos(0.3 * np.arange(50))]

    def model():
        return NetworkForecaster((1, 2, 3), hidden_layer_sizes=(), random_state=0, closed_loop=closed_loop)

    with pytest.warns(UserWarning, match=r"y\[1\] \(2 rows\) left out of the training: .* at least 4 rows"):
        found = model().fit([long[0], long[1][:2], long[1]])
    alone = model().fit(long)
    assert_array_equal(found.network_.weights, alone.network_.weights)
    first, short, last = found.predict(4)
    assert_array_equal([first, last], alone.predict(4))
    assert_array_equal(short, np.full(4, np.nan))
    assert_array_equal(found.series_rmse_[[0, 2]], alone.series_rmse_)
    assert np.isnan(found.series_rmse_[1]).all()
    found.save(tmp_path / "f.m")
    again = NetworkForecaster.from_file(tmp_path / "f.m")
    for one in (found, again):
        one.update([long[0][:1], long[1][2:], long[1][:1]])
        assert np.isfinite(one.predict(4)[1]).all()


def test_series_that_are_all_too_short_are_refused_by_the_longest():
    with pytest.raises(DataError, match=r"The longest of y has 3 rows, .* give at least 4"):
        NetworkForecaster((1, 2, 3), hidden_layer_sizes=()).fit([np.arange(2.0), np.arange(3.0)])


@pytest.mark.parametrize("where", ["simulate", "train_sequences"])
def test_an_interrupt_before_training_in_closed_loop_keeps_the_open_loop(monkeypatch, where):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    y, u = plant(100)
    usual = NetworkForecaster((1, 2), (0, 3), **QUICK).fit(y, u)
    monkeypatch.setattr(f"marquardt.estimators.closing.{where}", interrupted)
    with pytest.warns(UserWarning, match="It was not trained in closed loop"):
        model = NetworkForecaster((1, 2), (0, 3), **QUICK, closed_loop=True).fit(y, u)
    assert_array_equal(model.network_.weights, usual.network_.weights)
    assert model.closed_loop_record_ is None


# ---------------------------------------------------------------- a training under one's own control


def test_begun_pulled_and_finished_by_hand_is_fitted():
    y, u = plant()
    options = {**QUICK, "n_restarts": 3}
    fitted = NetworkForecaster((1, 2), (0, 1), **options).fit([y, 100 * y], [u, u])
    model = NetworkForecaster((1, 2), (0, 1), **options)
    fitting = model.begin([y, 100 * y], [u, u])
    for epoch in fitting:
        if epoch.epoch == 5 and fitting.restart == 0:
            best = model.snapshot(fitting)
            assert not hasattr(model, "network_")
    assert model.finish(fitting) is model
    assert_array_equal(model.network_.weights, fitted.network_.weights)
    assert_array_equal(model.series_rmse_, fitted.series_rmse_)
    assert model.kept_ == fitted.kept_ == min(fitted.attempts_, key=lambda each: each.merit).restart
    assert best.record_.num_epochs == best.n_iter_ == 5
    assert np.isfinite(best.predict(3, [u, u])[1]).all()
    assert (best.series_rmse_ > model.series_rmse_).any()


def test_what_has_not_begun_cannot_be_finished():
    y, _ = plant()
    model = NetworkForecaster((1, 2), **QUICK)
    fitting = model.begin(y)
    for _ in fitting:
        pass
    model.finish(fitting)
    with pytest.raises(ConfigurationError, match=r"begin\(y\) returns one"):
        model.finish(fitting)


def test_a_training_that_is_refused_leaves_the_forecaster_as_it_was():
    y, u = plant()
    model = NetworkForecaster((1, 2), warm_start=True, **QUICK).fit(y)
    before = model.predict(3)
    model.lags = (1, 2, 3)
    with pytest.raises(ConfigurationError, match="a network of 2 inputs, and lags and columns now make 4"):
        model.fit(y, u)
    assert_array_equal(model.predict(3), before)


# ---------------------------------------------------------------- files of before


DATED = [
    [0.27545676869871005, 0.4579953259793472],
    [0.36167546174043275, 0.5609746868677163],
    [0.23399122128965874, 0.41554187413572474],
]
SEVERAL = [
    [-0.5528890403896717, -0.30865331193643974, -0.04430313655367487],
    [-295.8551924693977, -580.0673385143796, -808.6703691711627],
    [2.774510792918422, 3.0334590242599937, 2.891825359760647],
]


def test_files_of_before_forecast_as_they_did():
    dated = NetworkForecaster.from_file(SAVED / "dated.marquardt")
    times = pd.date_range("2020-03-01", periods=3, freq="D", tz="Europe/Berlin", name="day")
    future = pd.DataFrame({"wind": [0.0, 0.1, 0.2], "gas": [1.0, 0.5, 0.0]}, index=times)
    found = dated.predict(3, future)
    assert found.index.equals(times)
    assert (found.columns.names, list(found.columns)) == (["plant", "unit"], [("a", 1), ("b", 2)])
    assert dated.lag_names_[-1] == "wind(t-1)"
    assert_allclose(found, DATED, rtol=0, atol=1e-12)
    several = NetworkForecaster.from_file(SAVED / "several.marquardt")
    assert_allclose(several.predict(3), SEVERAL, rtol=1e-12)
    assert several.closed_loop_record_.num_epochs == 30
    assert np.isnan(several.series_rmse_[2, 0])
