"""Evaluating a network."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.closeness import assert_to_rounding
from helpers.problems import ELEMENTWISE, graphs
from helpers.reference import outputs_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from marquardt.errors import DataError, ShapeError
from marquardt.networks import Network, Scaling, feed_forward


@settings(max_examples=60)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_outputs_equal_those_of_an_independent_evaluation(data, seed):
    graph = data.draw(graphs(2, data.draw(st.sampled_from([*ELEMENTWISE, "softmax"]))))
    rng = np.random.default_rng(seed)
    weights, inputs = rng.normal(size=graph.n_weights), rng.normal(size=(6, graph.n_inputs))
    expected = outputs_of(graph, weights, inputs)
    ours = Network(graph, weights).outputs(inputs)
    # Rounding grows by the weights of every layer that it passes.
    assert_to_rounding(ours, expected, scale=10 + 10 * np.abs(expected).max(), summands=graph.n_weights)


def test_scalings_are_in_between():
    network = Network(
        feed_forward(1, (), 1), [2.0, 1.0], Scaling([5.0], [0.1], "minmax"), Scaling([100.0], [0.5], "none")
    )
    # (7 − 5) · 0.1 = 0.2; 2 · 0.2 + 1 = 1.4; 1.4 / 0.5 + 100.
    assert_allclose(network.outputs([[7.0]]), [[102.8]], rtol=1e-15)


def test_blocks_leave_no_seams():
    graph = feed_forward(2, (3,), 2)
    network = Network(graph, np.random.default_rng(0).normal(size=graph.n_weights))
    inputs = np.random.default_rng(1).normal(size=(10_000, 2))
    one_by_one = np.concatenate([network.outputs(part) for part in np.array_split(inputs, 37)])
    assert_to_rounding(network.outputs(inputs), one_by_one)
    assert network.outputs(np.empty((0, 2))).shape == (0, 2)


def test_inputs_of_another_width_are_refused_with_a_way_out():
    network = Network(feed_forward(2, (), 1), np.zeros(3))
    with pytest.raises(ShapeError, match=r"inputs of shape \(n_samples, 2\), got \(4, 3\)"):
        network.outputs(np.zeros((4, 3)))
    with pytest.raises(ShapeError, match="single sample"):
        network.outputs([1.0, 2.0])


def test_weights_that_do_not_fit_are_refused():
    graph = feed_forward(2, (), 1)
    with pytest.raises(ShapeError, match="has 3 weights"):
        Network(graph, np.zeros(4))
    with pytest.raises(DataError, match="1 of 3 weights are not finite"):
        Network(graph, [1.0, np.nan, 0.0])
    with pytest.raises(ShapeError, match="input_scaling must have 2 columns, got 1"):
        Network(graph, np.zeros(3), Scaling.none(1))
    with pytest.raises(ShapeError, match="target_scaling must have 1 columns, got 2"):
        Network(graph, np.zeros(3), None, Scaling.none(2))


def test_a_network_never_changes():
    weights = np.zeros(3)
    network = Network(feed_forward(2, (), 1), weights)
    weights[:] = 7.0
    assert not network.weights.any()
    other = network.with_weights(weights)
    assert not network.weights.any()
    assert (other.weights == 7.0).all()
    assert other.graph is network.graph


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("activation", ELEMENTWISE)
def test_samples_that_are_not_finite_warn_of_nothing_and_spoil_no_others(activation):
    graph = feed_forward(2, (3,), 2, activation=activation)
    network = Network(graph, np.random.default_rng(0).normal(size=graph.n_weights))
    inputs = np.array([[0.1, 0.2], [np.nan, 0.2], [np.inf, 0.2], [1e200, -1e200], [0.3, 0.4]])
    outputs = network.outputs(inputs)
    assert np.isnan(outputs[1]).all()
    assert_to_rounding(outputs[[0, 4]], network.outputs(inputs[[0, 4]]))
