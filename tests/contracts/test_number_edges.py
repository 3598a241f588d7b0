"""Numbers at the edges: tiny units, complex numbers, very wide networks."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest

from marquardt import NetworkClassifier, NetworkForecaster, NetworkRegressor
from marquardt.algorithms import ALGORITHMS, algorithm_named
from marquardt.errors import MarquardtError
from marquardt.networks import Network, Scaling, feed_forward, initial_weights
from marquardt.objective import Derivatives, Objective
from marquardt.training import Fitting, Limits, Settings, Training, train, train_many
from marquardt.training.stops import GoalStop, Status

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (40, 2))
Y = np.sin(2 * X[:, :1]) + X[:, 1:]
GRAPH = feed_forward(2, 3, 1)
SMALL, LARGE = 2.0**-660, 2.0**660
"""Powers of two near 1e-199 and 1e199: they change no digit, and their squares are 0 and infinity."""


@pytest.mark.parametrize("factor", [SMALL, LARGE])
@pytest.mark.parametrize("of", ["inputs", "targets"])
def test_units_of_the_data_change_no_bit_of_the_training(of, factor):
    def weights(x, y):
        fitting = Fitting(x, y, Settings(3, seed=0, limits=Limits(max_epochs=15)), "regression")
        list(fitting)
        return fitting.network.weights, fitting.record

    before, record = weights(X, Y)
    after, other = weights(factor * X, Y) if of == "inputs" else weights(X, factor * Y)
    assert record.num_epochs == other.num_epochs == 15
    assert before.tobytes() == after.tobytes()


def test_networks_side_by_side_do_not_see_the_unit_of_the_targets():
    starts = [initial_weights(GRAPH, rng=seed) for seed in range(3)]
    ends = []
    for factor in (1.0, SMALL):
        network = Network(GRAPH, starts[0], target_scaling=Scaling.fit("minmax", factor * Y))
        ends.append(train_many(network, starts, X, factor * Y, limits=Limits(max_epochs=8)))
    assert [ends[1][lane].record.num_epochs for lane in range(3)] == [8, 8, 8]
    assert ends[0].weights.tobytes() == ends[1].weights.tobytes()


@pytest.mark.parametrize("metric", ["mse", "sse", "rmse"])
def test_goal_is_not_met_by_a_square_that_is_too_small_for_a_number(metric):
    goal = GoalStop(1e-250 if metric == "rmse" else 0.0, metric)
    assert goal(Status(loss=0.5, mse=0.0, sse=0.0)) is None
    assert goal(Status(loss=0.0, mse=0.0, sse=0.0)).code == "goal"


@pytest.mark.parametrize(
    "door",
    [
        lambda x, y: NetworkRegressor().fit(x, y.ravel()),
        lambda x, y: NetworkClassifier().fit(x, Y.ravel() > 0) if np.iscomplexobj(x) else NetworkRegressor().fit(x, y),
        lambda x, y: NetworkForecaster(range(1, 3)).fit(y.ravel(), X=x),
        lambda x, y: Fitting(x, y, Settings(), "regression"),
        lambda x, y: Training(Network(GRAPH, initial_weights(GRAPH, rng=0)), x, y),
        lambda x, y: train(GRAPH, x, y),
    ],
)
@pytest.mark.parametrize("which", ["inputs", "targets"])
@pytest.mark.filterwarnings("error")
def test_complex_numbers_are_refused_at_every_door(door, which):
    with pytest.raises(MarquardtError, match=r"Complex data not supported: .* must hold real numbers"):
        door(X + 1j * X, Y) if which == "inputs" else door(X, Y * (1 + 1j))


@pytest.mark.filterwarnings("error")
def test_complex_columns_of_frames_and_inputs_of_networks_are_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": Y.ravel() + 1j, "b": Y.ravel()})
    with pytest.raises(MarquardtError, match=r"'a'.* real numbers"):
        NetworkForecaster(range(1, 3)).fit(frame)
    with pytest.raises(MarquardtError, match="real numbers"):
        Network(GRAPH, initial_weights(GRAPH, rng=0)).outputs(X * 1j)


def test_wide_network_is_evaluated_within_a_bound():
    graph = feed_forward(1, 40_000, 1)
    network = Network(graph, np.full(graph.n_weights, 1e-3))
    assert network.block_rows < 100
    tracemalloc.start()
    outputs = network.outputs(np.linspace(-1, 1, 5 * network.block_rows)[:, None])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    assert outputs.shape == (5 * network.block_rows, 1)
    assert Network(GRAPH, initial_weights(GRAPH, rng=0)).block_rows == 4096


def test_the_norm_of_a_gradient_is_there_where_its_square_is_not():
    objective = Objective(feed_forward(1, (), 1), [[1e200], [1.0]], [[0.0], [0.0]])
    current = objective.at(np.array([1e-200, 0.0]), Derivatives.GRADIENT)
    # The mean of two squares has twice the slope of half of one.
    assert objective.gradient_norm(current) == pytest.approx(1e200)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_the_steepest_units_there_may_be_train_without_a_hang_or_a_warning(algorithm):
    graph = feed_forward(2, 3, 1, "tanh(gain=1e100)")
    network = Network(graph, initial_weights(graph, rng=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = Training(network, X, Y, rule=algorithm_named(algorithm), limits=Limits(max_epochs=30))
        list(run)
    assert run.record.stop is not None


@pytest.mark.parametrize("factor", [1e-310, SMALL, LARGE])
def test_r2_is_that_of_any_other_unit(factor):
    y = factor * Y.ravel()
    model = NetworkRegressor(3, random_state=0, n_restarts=1, max_iter=100, min_grad=1e-4).fit(X, y)
    assert 0.9 < model.score(X, y) < 1.0
    assert model.score(X, y, np.arange(1.0, 41.0)) > 0.9


def test_targets_of_subnormal_numbers_are_not_taken_for_constant():
    scaling = Scaling.fit("minmax", 1e-310 * Y)
    assert np.ptp(scaling.apply(1e-310 * Y)) > 1e-3
    np.testing.assert_allclose(scaling.invert(scaling.apply(1e-310 * Y)), 1e-310 * Y, rtol=0, atol=5e-324)
