"""Digits on the linear sets of NIST's Statistical Reference Datasets, beside those of `numpy.linalg.lstsq`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.certified import CERTIFIED, digits, linear_coefficients

from marquardt.algorithms import GaussNewton, GeodesicLevenbergMarquardt, LevenbergMarquardt
from marquardt.algorithms.loop import finished
from marquardt.losses import Huber, Squares, WeightDecay
from marquardt.networks import Layer, LayerGraph, Network, Scaling, feed_forward, initial_weights
from marquardt.numerics import SequentialRows, native, native_kernel
from marquardt.objective import Derivatives, Evaluation, Objective
from marquardt.training import Limits, Parts, Training, train_many

SCALINGS = ("standard", "minmax", "none")
LIMITS = Limits(max_epochs=3000, min_gradient=0.0)
RULES = [LevenbergMarquardt(), GeodesicLevenbergMarquardt()]


def start_of(name: str, scaling: str) -> Network:
    certified = CERTIFIED[name]
    graph = feed_forward(certified.inputs.shape[1], (), 1)
    return Network(
        graph,
        np.zeros(graph.n_weights),
        Scaling.fit(scaling, certified.inputs),
        Scaling.fit(scaling, certified.targets),
    )


def trained(name: str, scaling: str, **options) -> Training:
    run = Training(start_of(name, scaling), CERTIFIED[name].inputs, CERTIFIED[name].targets, **options)
    for _ in run:
        pass
    return run


def digits_of(network: Network, name: str) -> float:
    return digits(linear_coefficients(network), CERTIFIED[name].coefficients)


def reach(name: str) -> float:
    """A digit less than numpy has."""
    certified = CERTIFIED[name]
    found = np.linalg.lstsq(certified.matrix, certified.targets[:, 0], rcond=None)[0]
    return digits(found, certified.coefficients) - 1.0


@pytest.mark.parametrize("rule", RULES, ids=["factors", "geodesic"])
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("name", [name for name in CERTIFIED if name != "Filip"])
def test_levenberg_marquardt_has_the_digits_of_least_squares(name, scaling, rule):
    run = trained(name, scaling, rule=rule, limits=LIMITS)
    assert run.record.stop.code == "mu"
    assert run.record.best_epoch == run.record.num_epochs
    assert digits_of(run.network, name) >= reach(name)


@pytest.mark.parametrize("rule", [*RULES, GaussNewton()], ids=["factors", "geodesic", "gauss_newton"])
@pytest.mark.parametrize("scaling", ["standard", "minmax"])
@pytest.mark.parametrize("name", list(CERTIFIED))
def test_a_gradient_that_has_vanished_leaves_the_digits_of_least_squares(name, scaling, rule):
    # As everything is by default. On Filip, of which lstsq has no digit, by an orthogonal factorization there are some.
    run = trained(name, scaling, rule=rule)
    assert run.record.stop.code == "gradient"
    assert run.record.best_epoch == run.record.num_epochs
    assert digits_of(run.network, name) >= max(reach(name), 6.0 if name == "Filip" else 0.0)


@pytest.mark.parametrize(
    ("x", "y", "slope"),
    [(np.arange(60.0, 71.0), np.arange(130.0, 141.0), 2.07438016528926), ([4, 5, 6], [3, 4, 4], 0.727272727272727)],
    ids=["NoInt1", "NoInt2"],
)
def test_lines_through_the_origin(x, y, slope):
    graph = LayerGraph(1, (Layer(1, "identity", ("inputs",), bias=False, name="output"),))
    run = Training(Network(graph, [0.0]), np.array(x)[:, None], np.array(y)[:, None])
    list(run)
    # The certified value has 15 digits.
    np.testing.assert_allclose(run.network.weights, slope, rtol=2e-15)


def test_what_validates_is_not_solved_outright_nor_is_what_is_not_linear():
    certified = CERTIFIED["Wampler4"]
    parts = Parts(np.arange(0, 18), np.arange(18, 21), np.arange(0))
    run = trained("Wampler4", "minmax", parts=parts, limits=Limits(max_fail=0))
    plain = Objective(start_of("Wampler4", "minmax").graph, certified.inputs[:18], certified.targets[:18])
    assert plain.info.is_linear
    assert digits_of(run.network, "Wampler4") < reach("Wampler4")
    for graph in (feed_forward(5, 2, 1), feed_forward(5, (), 1, output_activation="tanh")):
        assert not Objective(graph, certified.inputs, 0.0 * certified.targets).info.is_linear
    assert not Objective(feed_forward(5, (), 1), certified.inputs, certified.targets, Huber()).info.is_linear


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("name", ["Longley", "Wampler3", "Wampler4", "Wampler5"])
def test_without_the_kernel_there_are_as_many(monkeypatch, name, scaling):
    monkeypatch.setattr(native, "_MODULE", None)
    assert digits_of(trained(name, scaling, limits=LIMITS).network, name) >= reach(name)


@pytest.mark.skipif(native_kernel() is None, reason="By NumPy's rounding it takes more than 6,000 epochs.")
def test_the_end_of_a_run_on_filip_has_digits_that_the_normal_equations_have_not():
    # lstsq calls the matrix singular, and has none.
    run = trained("Filip", "none", limits=LIMITS, rule=LevenbergMarquardt(mu_max=1e-6, mu_init=1e-8))
    assert run.record.stop.code == "mu"
    assert digits_of(run.network, "Filip") >= 6.0


@pytest.mark.parametrize("scaling", ["minmax", "none"])
def test_gauss_newton_does_not_diverge_on_filip(scaling):
    run = trained("Filip", scaling, rule=GaussNewton(), limits=Limits(max_epochs=20, min_gradient=0.0))
    assert run.record.stop.code != "diverged"
    assert digits_of(run.network, "Filip") >= 6.0


@pytest.mark.parametrize(("limits", "code"), [(LIMITS, "mu"), (Limits(), "gradient")], ids=["mu", "gradient"])
@pytest.mark.parametrize("name", ["Longley", "Wampler4", "Wampler5"])
def test_lanes_are_finished_as_runs_are(name, limits, code):
    certified = CERTIFIED[name]
    start = start_of(name, "minmax")
    starts = np.stack([start.weights, start.weights + 0.1])
    together = train_many(start, starts, certified.inputs, certified.targets, limits=limits)
    for lane in together:
        assert lane.record.stop.code == code
        assert lane.record.best_epoch == lane.record.num_epochs
        assert digits_of(lane.network, name) >= reach(name)


def test_equal_to_weights_as_copies():
    certified = CERTIFIED["Wampler5"]
    rows = np.repeat(np.arange(21), np.arange(21) % 3 + 1)
    weighted = trained("Wampler5", "minmax", limits=LIMITS, sample_weight=np.arange(21) % 3 + 1)
    copies = Training(start_of("Wampler5", "minmax"), certified.inputs[rows], certified.targets[rows], limits=LIMITS)
    for _ in copies:
        pass
    np.testing.assert_allclose(weighted.network.weights, copies.network.weights, rtol=1e-9)


@pytest.mark.parametrize("options", [{}, {"block_size": 7}, {"sample_weight": np.linspace(0, 2, 40)}])
@pytest.mark.parametrize("loss", [Squares(), Squares((1.0, 3.0)), Huber()])
@pytest.mark.parametrize("penalty", [None, WeightDecay(0.1)])
def test_the_orthogonal_step_is_that_of_the_normal_equations(options, loss, penalty):
    rng = np.random.default_rng(0)
    graph = feed_forward(2, 2, 2)
    x, y = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    objective = Objective(graph, x, y, loss, penalty=penalty, **options)
    weights = initial_weights(graph, rng=1)
    current = objective.at(weights, Derivatives.NORMAL)
    step = objective.orthogonal_step(weights)
    np.testing.assert_allclose(step.delta, -np.linalg.solve(current.normal, current.gradient), rtol=1e-8)
    assert step.distance == pytest.approx(math.sqrt(-current.gradient @ step.delta), rel=1e-8)
    np.testing.assert_allclose(step.lengths, np.sqrt(current.diagonal), rtol=1e-10)


def test_there_is_no_orthogonal_step_where_the_jacobian_has_not_full_rank():
    graph = feed_forward(1, 3, 1)
    few = Objective(graph, [[0.0], [1.0]], [[1.0], [2.0]])
    assert few.orthogonal_step(np.ones(10)) is None
    alike = Objective(graph, np.linspace(0, 1, 30)[:, None], np.ones((30, 1)))
    assert alike.orthogonal_step(np.ones(10)) is None  # three units that do the same


def test_rows_may_come_in_any_parts():
    rng = np.random.default_rng(0)
    jacobian, fitted = rng.normal(size=(200, 5)), rng.normal(size=200)
    expected = np.linalg.lstsq(jacobian, -fitted, rcond=None)[0]
    for size in (1, 7, 200):
        rows = SequentialRows(5)
        for first in range(0, 200, size):
            rows.add(jacobian[first : first + size], fitted[first : first + size])
        np.testing.assert_allclose(rows.solve(np.zeros(5)).delta, expected, rtol=1e-12)


def test_no_rows_or_a_column_of_zeros_are_no_system():
    assert SequentialRows(2).solve(np.zeros(2)) is None
    rows = SequentialRows(2)
    rows.add(np.array([[1.0, 0.0], [2.0, 0.0], [1.0, 0.0]]), np.ones(3))
    assert rows.solve(np.zeros(2)) is None


def test_a_step_that_raises_the_loss_is_not_taken():
    x = np.linspace(-3, 3, 30)[:, None]
    graph = feed_forward(1, (1,), 1)
    objective = Objective(graph, x, np.sin(3 * x))
    weights = np.array([0.2, 1.0, 2.0, 0.5])
    current = objective.at(weights, Derivatives.NORMAL)
    trial = objective.at(weights + current.orthogonal().delta, Derivatives.NORMAL)
    assert trial.loss > current.loss  # the full step overshoots
    last, trials = finished(objective, current)
    assert last is current
    assert trials == 1
    bare = Evaluation(weights, current.loss, current.sums)
    assert finished(objective, bare)[0] is bare
