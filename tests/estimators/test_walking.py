"""Walking forward: nothing is known before its time, and every forecast is the one that the forecaster makes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import KFold, TimeSeriesSplit

from marquardt import ConfigurationError, DataError, NetworkForecaster, walk_forward
from marquardt.algorithms import LevenbergMarquardt
from marquardt.numerics import native

from .test_forecaster import QUICK, plant

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_every_forecast_is_the_forecasters_own():
    y, u = plant()
    model = NetworkForecaster((1, 2), (0, 3), **QUICK, difference=(1,))
    found = walk_forward(model, y, u, horizon=[1, 4], cv=TimeSeriesSplit(2, test_size=10), season=7)
    assert found.steps == (1, 4)
    assert found.n_fits == 2
    assert_array_equal(found.origins, [*range(100, 107), *range(110, 117)])
    wanted = {name: [] for name in ("network", "last value", "same season")}
    for first in (100, 110):
        fitted = NetworkForecaster((1, 2), (0, 3), **QUICK, difference=(1,)).fit(y[:first], u[:first])
        for start in range(first, first + 7):
            truth = y[[start, start + 3]]
            wanted["network"].append(fitted.predict([1, 4], u, y=y[:start]) - truth)
            wanted["last value"].append(y[start - 1] - truth)
            wanted["same season"].append(y[[start - 7, start - 4]] - truth)
    for name, errors in wanted.items():
        # One row instead of many may be summed in another order.
        assert_allclose(found.errors[name][..., 0], errors, rtol=0, atol=1e-12)
    assert_allclose(found.rmse()["network"][:, 0], np.sqrt(np.mean(np.square(wanted["network"]), axis=0)))
    assert_allclose(found.mae()["network"][:, 0], np.mean(np.abs(wanted["network"]), axis=0))
    assert not hasattr(model, "network_")


def test_the_season_repeats_over_a_longer_horizon():
    y = np.tile([1.0, 5.0, 2.0], 30)
    found = walk_forward(NetworkForecaster((1, 2, 3), **QUICK), y, horizon=8, cv=2, season=3)
    assert not found.errors["same season"].any()
    assert found.errors["last value"].any()


def test_the_future_has_no_say():
    y, _ = plant()
    spoiled = y.copy()
    spoiled[110:] += 100
    model, split = NetworkForecaster((1, 2), **QUICK), TimeSeriesSplit(2, test_size=10, gap=3, max_train_size=60)
    first, second = (walk_forward(model, series, horizon=1, cv=split).errors["network"] for series in (y, spoiled))
    assert_array_equal(first[:10], second[:10])
    assert (first[10:] != second[10:]).all()


def test_frames_and_a_single_split_are_taken():
    y, u = plant()
    index = pd.period_range("2000-01", periods=120, freq="M")
    frame = pd.DataFrame({"level": y, "other": y**2}, index=index)
    found = walk_forward(NetworkForecaster((1,), **QUICK), frame, pd.Series(u, index), horizon=2, cv=1)
    assert found.errors["network"].shape == (59, 2, 2)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cv": KFold(3)}, DataError, "end before its test part begins"),
        ({"cv": KFold(3, shuffle=True, random_state=0)}, DataError, "rows in a row"),
        ({"cv": TimeSeriesSplit(3, test_size=4), "horizon": 5}, DataError, "4 rows, fewer than the horizon of 5"),
        ({"cv": 0}, ConfigurationError, "cv, if it is no splitter, must be a whole number from 1 up"),
        ({"cv": 4, "horizon": 40}, DataError, "120 rows are too few for 4 splits"),
        ({"horizon": 0}, ConfigurationError, "horizon must be"),
        ({"season": 0}, ConfigurationError, "season must be"),
        ({"season": 100}, DataError, "before a season of 100 rows is over"),
    ],
)
def test_splits_that_cannot_be_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        walk_forward(NetworkForecaster((1,), **QUICK), plant()[0], **options)


def test_several_series_are_refused():
    with pytest.raises(DataError, match="one series at a time"):
        walk_forward(NetworkForecaster((1,), **QUICK), [plant()[0], plant()[0]])


def test_an_interrupted_training_gives_no_errors(monkeypatch):
    judge, calls = LevenbergMarquardt.judge, []

    def interrupted(self, *arguments):
        calls.append(None)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return judge(self, *arguments)

    monkeypatch.setattr(LevenbergMarquardt, "judge", interrupted)
    monkeypatch.setattr(native, "_MODULE", None)  # compiled trials have no judge
    y, u = plant(100)
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        walk_forward(NetworkForecaster((1, 2), (0, 3), **QUICK, algorithm="lm"), y, u, cv=3)
