"""Starts: where the units are active, how large the weights are, and that chance can be repeated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from marquardt.errors import ConfigurationError, ShapeError
from marquardt.networks import (
    ACTIVATIONS,
    INITIALIZATIONS,
    Layer,
    LayerGraph,
    cascade_forward,
    feed_forward,
    initial_weights,
)

BOUNDED = [a.name for a in ACTIVATIONS.values() if np.isfinite(a.active).all()]
ranges = st.tuples(st.floats(-50, 50), st.floats(0.01, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def hidden_layer(n_inputs, size, input_range=None, activation="tanh", seed=0):
    """Weights (size, n_inputs) and biases (size,) of the first layer of a Nguyen–Widrow start."""
    graph = feed_forward(n_inputs, size, 1, activation=activation)
    views = graph.views(initial_weights(graph, "nguyen_widrow", seed, input_range=input_range))
    return views["hidden1"]["inputs"], views["hidden1"]["bias"]


@pytest.mark.parametrize("activation", BOUNDED)
@settings(max_examples=20)
@given(n_inputs=st.integers(1, 4), size=st.integers(1, 20), data=st.data(), seed=st.integers(0, 999))
def test_every_unit_is_active_somewhere_in_the_range_of_its_inputs(activation, n_inputs, size, data, seed):
    input_range = np.array([data.draw(ranges) for _ in range(n_inputs)])
    weights, bias = hidden_layer(n_inputs, size, input_range, activation, seed)
    middle, half = input_range.mean(axis=1), np.ptp(input_range, axis=1) / 2
    low, high = ACTIVATIONS[activation].active
    # The net over the box runs from its middle value as far as each |weight| · half range takes it.
    at_middle, reach = weights @ middle + bias, np.abs(weights) @ half
    tolerance = 1e-9 * (high - low) * (1 + np.abs(middle / half).max())
    assert (at_middle - reach < high + tolerance).all()
    assert (at_middle + reach > low - tolerance).all()
    # The slab's own middle is inside too: |b| <= |w| in the units of the paper, and |w|₂ <= |w|₁.
    assert (np.abs(at_middle - 0.5 * (low + high)) <= reach + tolerance).all()


@pytest.mark.parametrize("activation", BOUNDED)
@pytest.mark.parametrize(("n_inputs", "size"), [(1, 10), (2, 10), (5, 7)])
def test_weights_have_the_length_of_nguyen_and_widrow(activation, n_inputs, size):
    weights, bias = hidden_layer(n_inputs, size, None, activation)
    low, high = ACTIVATIONS[activation].active
    length = 0.7 * size ** (1 / n_inputs) * (high - low) / 2
    assert_allclose(np.linalg.norm(weights, axis=1), length, rtol=1e-13)
    # Biases are spread evenly over (−length, length) around the middle of the active interval.
    spread = np.abs(bias - (low + high) / 2)
    assert_allclose(np.sort(spread), np.sort(np.abs(np.linspace(-length, length, size))), rtol=1e-12, atol=1e-12)


def test_slabs_of_one_input_are_spread_over_it():
    for seed in range(5):
        weights, bias = hidden_layer(1, 10, seed=seed)
        assert_allclose(np.sort(-bias / weights[:, 0]), np.linspace(-1, 1, 10), atol=1e-13)


def test_a_single_unit_is_centered():
    weights, bias = hidden_layer(1, 1, np.array([[2.0, 6.0]]))
    assert weights[0, 0] * 4.0 + bias[0] == pytest.approx(0.0, abs=1e-14)


def test_other_ranges_give_the_same_nets_at_the_same_places():
    here, there = np.array([[-1.0, 1.0], [-1.0, 1.0]]), np.array([[10.0, 30.0], [0.0, 0.001]])
    x = np.random.default_rng(0).uniform(-1, 1, (2, 9))
    moved = there.mean(axis=1)[:, None] + x * np.ptp(there, axis=1)[:, None] / 2
    nets = [w @ z + b[:, None] for (w, b), z in ((hidden_layer(2, 5, here), x), (hidden_layer(2, 5, there), moved))]
    assert_allclose(nets[0], nets[1], rtol=0, atol=1e-12)


def test_an_input_that_does_not_vary_gets_weight_zero_and_is_not_counted():
    input_range = np.array([[-1.0, 1.0], [3.0, 3.0], [0.0, 5.0]])
    weights, _ = hidden_layer(3, 8, input_range)
    assert not weights[:, 1].any()
    assert weights[:, [0, 2]].all()
    in_paper_units = weights[:, [0, 2]] * np.ptp(input_range[[0, 2]], axis=1) / 2
    # tanh is active in (−2, 2): twice the paper's length, for two inputs that vary.
    assert_allclose(np.linalg.norm(in_paper_units, axis=1), 2 * 0.7 * 8 ** (1 / 2), rtol=1e-13)


def test_one_constant_input_does_not_change_the_directions_of_the_others():
    free, _ = hidden_layer(3, 4, np.array([[-1.0, 1.0]] * 3))
    held, _ = hidden_layer(3, 4, np.array([[-1.0, 1.0], [0.0, 0.0], [-1.0, 1.0]]))
    assert_allclose(free[:, 0] / free[:, 2], held[:, 0] / held[:, 2], rtol=1e-12)


def test_inputs_that_are_all_constant_give_finite_weights():
    graph = feed_forward(2, (3,), 1)
    assert np.isfinite(initial_weights(graph, rng=0, input_range=np.zeros((2, 2)))).all()


GRAPHS = {
    "feed-forward": feed_forward(3, (4, 5), 2),
    "cascade": cascade_forward(3, (4, 5), 2),
    "mixed activations": LayerGraph(
        2,
        (
            Layer(3, "relu", name="a"),
            Layer(3, "softplus", ("a",), bias=False, name="b"),
            Layer(2, "tanh", ("a", "b", "inputs"), name="c"),
            Layer(1, "identity", ("c", "a"), name="output"),
        ),
    ),
}


@pytest.mark.parametrize("kind", INITIALIZATIONS)
@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_a_start_is_finite_and_repeatable(kind, graph):
    first, again, other = (initial_weights(graph, kind, seed) for seed in (3, np.random.default_rng(3), 4))
    assert first.shape == (graph.n_weights,)
    assert np.isfinite(first).all()
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_uniform_is_in_its_range_and_fills_it():
    weights = initial_weights(feed_forward(50, (50,), 1), "uniform", 0, spread=0.3)
    assert np.abs(weights).max() < 0.3
    assert np.abs(weights).max() > 0.29
    assert weights.std() == pytest.approx(0.3 / np.sqrt(3), rel=0.03)


def test_glorot_has_its_variance_and_biases_of_zero():
    graph = feed_forward(60, (80,), 40)
    views = graph.views(initial_weights(graph, "glorot", 0))
    for (layer, source), (fan_in, size) in {("hidden1", "inputs"): (61, 80), ("output", "hidden1"): (81, 40)}.items():
        assert not views[layer]["bias"].any()
        # The standard error of the variance of 3200 uniform numbers is below 2 %.
        assert views[layer][source].var() == pytest.approx(2 / (fan_in + size), rel=0.06)


def test_what_cannot_be_is_refused():
    graph = feed_forward(2, (3,), 1)
    with pytest.raises(ConfigurationError, match="Did you mean 'nguyen_widrow'"):
        initial_weights(graph, "nguyen-widrow")
    with pytest.raises(ConfigurationError, match="spread must be a number above 0"):
        initial_weights(graph, "uniform", spread=0)
    with pytest.raises(ShapeError, match=r"input_range must be of shape \(2, 2\), got \(1, 2\)"):
        initial_weights(graph, input_range=np.zeros((1, 2)))
