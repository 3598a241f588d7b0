"""A forecaster as a network with delays, and training in closed loop."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt import ConfigurationError, DelayStates, NetworkForecaster, open_loop, simulate

QUICK = {"hidden_layer_sizes": (3,), "n_restarts": 1, "max_iter": 30, "alpha": 1e-4, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def plant(n_rows=130, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    u, y = rng.uniform(-1, 1, (n_rows, 2)), np.zeros((n_rows, 2))
    for t in range(2, n_rows):
        y[t, 0] = 0.6 * y[t - 1, 0] - 0.2 * y[t - 2, 1] + np.tanh(u[t - 1, 0]) + 0.3 * u[t, 1]
        y[t, 1] = 0.5 * np.tanh(y[t - 1, 1] + u[t - 2, 1])
    return 50 * (y + noise * rng.normal(size=y.shape)) + [200, -30], 10 * u + [3, 4]


@pytest.mark.parametrize("closed_loop", [False, True])
@pytest.mark.parametrize("topology", ["feed_forward", "cascade_forward"])
@pytest.mark.parametrize("scaling", ["standard", "minmax"])
@pytest.mark.parametrize("exog_lags", [None, (0,), (0, 2), (1, 2, 5)])
def test_the_network_with_delays_makes_the_same_forecasts(closed_loop, topology, scaling, exog_lags):
    y, u = plant()
    options = QUICK | {"max_iter": 5, "topology": topology, "input_scaling": scaling, "target_scaling": scaling}
    model = NetworkForecaster((1, 3), exog_lags or (0,), closed_loop=closed_loop, **options)
    known, future = (None, None) if exog_lags is None else (u[:100], u[100:])
    model.fit(y[:100], known)
    expected = model.predict(20, future)
    network = model.dynamic_network()
    states = DelayStates.of(network, known, y[:100])
    got = simulate(network, 20 if future is None else future[:20], states=states).outputs
    size = np.abs(expected).max()
    assert_allclose(got, expected, rtol=0, atol=1e-9 * size)
    opened = simulate(open_loop(network), None if known is None else u, y).outputs
    one_step = model.one_step(y, None if known is None else u)
    assert_allclose(opened, one_step, rtol=0, atol=1e-9 * size)


def test_training_in_closed_loop_lowers_the_error_of_the_whole_path():
    y, u = plant(noise=0.1)
    opened, closed = (
        NetworkForecaster((1, 2), (0, 1, 2), closed_loop=each, **QUICK).fit(y[:100], u[:100]) for each in (False, True)
    )

    def error(model):
        return np.mean((simulate(model.dynamic_network(), u[:100], y[:100]).outputs - y[2:100]) ** 2)

    assert opened.closed_loop_record_ is None
    assert error(closed) < 0.95 * error(opened)
    assert closed.closed_loop_record_.best_perf < closed.closed_loop_record_.perf[0]
    assert_allclose(error(closed), closed.closed_loop_record_.best_perf, rtol=1e-9)


def test_the_last_rows_of_every_series_stop_the_closed_loop_too(tmp_path):
    (y, u), (z, v) = plant(noise=0.1), plant(80, seed=1, noise=0.1)
    model = NetworkForecaster((1, 2), (0, 1), closed_loop=True, early_stopping=True, **QUICK).fit([y, z], [u, v])
    parts = model.closed_loop_record_.parts
    assert len(parts.validation) == round(0.15 * 128) + round(0.15 * 78)
    assert (parts.validation[[0, -1]] == [130 - 19, 209]).all()
    model.save(tmp_path / "m.marquardt")
    again = NetworkForecaster.from_file(tmp_path / "m.marquardt")
    future = [np.ones((3, 2))] * 2
    assert all((a == b).all() for a, b in zip(again.predict(3, future), model.predict(3, future), strict=True))
    assert again.closed_loop


def test_columns_that_are_not_looked_at_do_not_disturb():
    y, u = plant()
    model = NetworkForecaster((1,), (), closed_loop=True, **QUICK).fit(y, u)
    assert model.dynamic_network().graph.n_inputs == 0
    assert model.closed_loop_record_.num_epochs > 0


def test_what_cannot_be_closed_is_refused_by_name():
    y, u = plant()
    with pytest.raises(ConfigurationError, match=r"closed_loop=True.*difference=\[1\].*difference=\(\)"):
        NetworkForecaster((1,), difference=(1,), closed_loop=True, **QUICK).fit(y)
    with pytest.raises(ConfigurationError, match="no lags"):
        NetworkForecaster((), (0, 1), closed_loop=True, **QUICK).fit(y, u)
    with pytest.raises(ConfigurationError, match=r"takes no differences, got difference=\[1\]"):
        NetworkForecaster((1,), difference=(1,), **QUICK).fit(y).dynamic_network()
