"""Derivatives through time: against finite differences of the definition, and both ways against each other."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.problems import losses, random_targets
from helpers.sequences import dynamic_graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from marquardt.errors import ConfigurationError
from marquardt.losses import SoftL1, WeightDecay
from marquardt.networks import Network, close_loop, layer_recurrent, narx, simulate
from marquardt.objective import Derivatives, sequence_objective

SMOOTH = ("tanh", "logistic", "softplus", "radial_basis", "sine")


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_gradient_and_normal_matrix_of_any_network_and_loss(data):
    loss = data.draw(losses(2))
    loss = SoftL1(loss.scale) if loss.name == "huber" else loss
    graph = data.draw(dynamic_graphs(2, loss.link or "identity", SMOOTH))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights = 0.4 * rng.normal(size=graph.n_weights)
    lengths = [graph.history + n for n in (3, 7, 6)]
    inputs = [rng.normal(size=(n, graph.n_inputs)) for n in lengths]
    targets = [random_targets(loss, rng, n, 2) for n in lengths]
    options = {"sample_weight": [1.0, rng.uniform(0, 1, lengths[1]), 2.0], "penalty": WeightDecay(0.1)}
    network = Network(graph, weights)
    forward, backward = (
        sequence_objective(network, inputs, targets, loss, form=form, block_size=2, **options)
        for form in ("forward", "backward")
    )
    current, trial = forward.at(weights, Derivatives.NORMAL), backward.at(weights, Derivatives.NORMAL)
    size = 1.0 + np.abs(current.normal).max()
    assert_allclose(trial.normal, current.normal, rtol=0, atol=1e-10 * size)
    assert_allclose(forward.at(weights, Derivatives.GRADIENT).gradient, current.gradient, rtol=0, atol=1e-11 * size)
    numeric = [
        (forward.at(weights + step, Derivatives.VALUE).loss - forward.at(weights - step, Derivatives.VALUE).loss) / 2e-6
        for step in 1e-6 * np.eye(len(weights))
    ]
    assert_allclose(current.gradient, numeric, rtol=0, atol=1e-6 * (size + current.loss))
    jacobian = backward.jacobian(weights)
    assert_allclose(
        jacobian.T @ jacobian + np.diag(options["penalty"].diagonal(graph)), current.normal, rtol=0, atol=1e-10 * size
    )


def test_an_open_loop_is_the_static_network_on_lagged_rows():
    graph = narx(2, 4, 1, (0, 2), (1, 3))
    rng = np.random.default_rng(0)
    network = Network(graph, 0.5 * rng.normal(size=graph.n_weights))
    inputs, targets = [rng.normal(size=(n, 2)) for n in (12, 9)], [rng.normal(size=(n, 1)) for n in (12, 9)]
    expected = sequence_objective(network, inputs, targets, form="forward").at(network.weights, Derivatives.NORMAL)
    for form in ("auto", "pairs", "explicit", "neuron_by_neuron"):
        got = sequence_objective(network, inputs, targets, form=form).at(network.weights, Derivatives.NORMAL)
        assert_allclose(got.normal, expected.normal, rtol=1e-10, atol=1e-10)
        assert_allclose(got.gradient, expected.gradient, rtol=1e-10, atol=1e-10)


def test_the_loss_is_that_of_the_simulation():
    graph = close_loop(Network(narx(1, 3), np.full(19, 0.1)))
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(20, 1)), rng.normal(size=(20, 1))
    objective = sequence_objective(graph, inputs, targets)
    residual = simulate(graph, inputs, targets).outputs - targets[2:]
    assert_allclose(objective.at(graph.weights, Derivatives.VALUE).loss, 0.5 * np.sum(residual**2), rtol=1e-12)


def test_truncation_is_exact_where_it_reaches_all_steps_and_says_so_where_not():
    graph = layer_recurrent(1, 3, 1)
    rng = np.random.default_rng(0)
    network = Network(graph, 0.5 * rng.normal(size=graph.n_weights))
    inputs, targets = rng.normal(size=(15, 1)), rng.normal(size=(15, 1))
    exact = sequence_objective(network, inputs, targets).at(network.weights, Derivatives.NORMAL)
    for steps, agrees in ((14, True), (3, False)):
        objective = sequence_objective(network, inputs, targets, truncate=steps)
        assert (objective.plan.form, objective.plan.truncate) == ("backward", steps)
        current = objective.at(network.weights, Derivatives.NORMAL)
        assert np.allclose(current.gradient, exact.gradient, rtol=1e-10) == agrees
        assert np.allclose(current.normal, exact.normal, rtol=1e-10) == agrees
    with pytest.raises(ConfigurationError, match=r"truncate=3.*form='forward' has none"):
        sequence_objective(network, inputs, targets, truncate=3, form="forward")


def test_a_loop_that_explodes_has_infinite_loss():
    network = Network(narx(1, (), closed=True), np.array([0.0, 0.0, 5.0, 0.0, 1.0]))
    data = np.ones((1000, 1))
    assert sequence_objective(network, data, data).at(network.weights, Derivatives.NORMAL).loss == np.inf


def test_second_derivatives_are_refused_by_name():
    network = Network(layer_recurrent(1, 2, 1), np.full(11, 0.1))
    objective = sequence_objective(network, np.ones((4, 1)), np.ones((4, 1)))
    with pytest.raises(ConfigurationError, match="exact Hessian through time is not there"):
        objective.at(network.weights, Derivatives.HESSIAN)
