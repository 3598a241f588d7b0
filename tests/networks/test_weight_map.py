"""Fixed and shared weights: what is trained, what the connections are, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.problems import mapped
from hypothesis import given
from hypothesis import strategies as st

from marquardt.errors import ConfigurationError, ShapeError
from marquardt.losses import WeightDecay
from marquardt.networks import LayerGraph, Network, WeightMap, cascade_forward, feed_forward, initial_weights
from marquardt.training import Limits, train

NAN = np.nan
GRAPH = feed_forward(2, (3,), 1)


@st.composite
def maps(draw):
    return draw(mapped(cascade_forward(2, (3, 1), 2)))


@given(graph=maps(), seed=st.integers(0, 999))
def test_expanding_is_the_affine_map_and_contracting_its_transpose(graph, seed):
    """E written out from unit vectors: gradients, directions, matrices and connections all agree with it."""
    rng = np.random.default_rng(seed)
    if graph.weight_map is None:
        return
    map_, n = graph.weight_map, graph.n_weights
    dense = np.stack([map_.expand(row) - map_.values for row in np.eye(n)], axis=1)
    assert set(np.unique(dense)) <= {0.0, 1.0}
    assert (dense.sum(axis=0) >= 1).all()
    assert (dense.sum(axis=1) <= 1).all()
    vector, matrix = rng.normal(size=n), rng.normal(size=(len(dense), len(dense)))
    np.testing.assert_allclose(map_.expand(vector), dense @ vector + map_.values, rtol=1e-15)
    np.testing.assert_allclose(map_.directions(vector), dense @ vector, rtol=1e-15)
    symmetric = matrix + matrix.T
    here = map_.contract_matrix(symmetric)
    np.testing.assert_allclose(here, dense.T @ symmetric @ dense, rtol=1e-13, atol=1e-13)
    assert np.array_equal(here, here.T)
    assert here.flags.c_contiguous
    np.testing.assert_allclose(map_.contract(matrix, axis=1), matrix @ dense, rtol=1e-13, atol=1e-13)
    assert np.array_equal(map_.weights_of(map_.expand(vector)), vector)
    assert LayerGraph.from_dict(json.loads(json.dumps(graph.to_dict()))) == graph
    assert hash(LayerGraph.from_dict(graph.to_dict())) == hash(graph)


def test_fixed_weights_are_left_out_and_keep_their_value():
    graph = GRAPH.with_fixed({("hidden1", "inputs"): [[NAN, 0.0], [NAN, NAN], [2.5, NAN]], ("hidden1", "bias"): -1})
    assert (graph.n_connections, graph.n_weights) == (13, 8)
    views = graph.views(np.arange(8.0))
    assert views["hidden1"]["inputs"].tolist() == [[0, 0], [1, 2], [2.5, 3]]
    assert views["hidden1"]["bias"].tolist() == [-1, -1, -1]
    assert views["output"]["hidden1"].tolist() == [[4, 5, 6]]
    with pytest.raises(ValueError, match="read-only"):
        views["hidden1"]["bias"][:] = 0.0


def test_shared_weights_are_one():
    graph = GRAPH.with_shared({("hidden1", "inputs"): [[7, 3], [3, 7], [-1, -1]], ("output", "hidden1"): [[-1, 3, -1]]})
    assert graph.n_weights == 10
    views = graph.views(np.arange(10.0))
    assert views["hidden1"]["inputs"].tolist() == [[0, 1], [1, 0], [4, 5]]
    assert views["output"]["hidden1"].tolist() == [[7, 1, 8]]


def test_sharing_and_fixing_go_on_from_what_is_there():
    shared = GRAPH.with_shared({("hidden1", "bias"): [0, 0, -1]})
    assert shared.with_shared({("hidden1", "bias"): [-1, 5, 5]}).n_weights == 11
    fixed = shared.with_fixed({("hidden1", "bias"): [NAN, 2.0, NAN]})
    assert fixed.views(np.zeros(11))["hidden1"]["bias"].tolist() == [2, 2, 0]
    assert fixed.with_fixed({("hidden1", "bias"): [2.0, NAN, 3.0]}).n_weights == 10


REFUSALS = {
    "no such layer": (lambda: GRAPH.with_fixed({("hiden1", "bias"): 0}), r"no weights \('hiden1', 'bias'\).*hidden1"),
    "no such source": (lambda: GRAPH.with_shared({("output", "inputs"): [0]}), r"no weights \('output', 'inputs'\)"),
    "a shape": (
        lambda: GRAPH.with_fixed({("hidden1", "bias"): [0, 0]}),
        r"of shape \(3,\), got values of shape \(2,\)",
    ),
    "a label's shape": (lambda: GRAPH.with_shared({("hidden1", "bias"): [0]}), r"\(3,\), got labels of shape \(1,\)"),
    "labels that are none": (lambda: GRAPH.with_shared({("hidden1", "bias"): [0.0, 1, 1]}), "whole numbers"),
    "two values": (
        lambda: GRAPH.with_fixed({("hidden1", "bias"): 1}).with_fixed({("hidden1", "bias"): 2}),
        "fixed at 1 already, got 2",
    ),
    "two values for one weight": (
        lambda: GRAPH.with_shared({("hidden1", "bias"): [0, 0, 0]}).with_fixed({("hidden1", "bias"): [1, 2, 1]}),
        "already, got",
    ),
    "sharing what is fixed": (
        lambda: GRAPH.with_fixed({("hidden1", "bias"): 1}).with_shared({("hidden1", "bias"): [0, 0, 0]}),
        "is fixed, so it cannot be shared. Label it -1",
    ),
    "an infinite value": (lambda: GRAPH.with_fixed({("hidden1", "bias"): np.inf}), "finite"),
    "nothing to train": (
        lambda: feed_forward(1, (), 1).with_fixed({("output", "inputs"): 1, ("output", "bias"): 0}),
        "nothing to train",
    ),
    "a map of another graph": (lambda: LayerGraph(2, GRAPH.layers, WeightMap([0, -1], [0, 0])), "13 connections"),
    "vectors of two lengths": (lambda: WeightMap([0, 1], [0]), "one length"),
    "a number left out": (lambda: WeightMap([0, 2], [0, 0]), "numbered from 0"),
    "another order": (lambda: WeightMap([1, 0], [0, 0]), "order of their first connections"),
    "words in a file": (lambda: WeightMap.from_dict({"index": ["0"], "values": []}), "whole numbers"),
    "values that are missing": (
        lambda: WeightMap.from_dict({"index": [0, -1], "values": []}),
        "1 connections are fixed",
    ),
    "connections that differ": (
        lambda: WeightMap([0, 0, -1], [0, 0, 5]).weights_of(np.array([1.0, 2.0, 5.0])),
        "shares a weight with another value",
    ),
    "a fixed one that differs": (
        lambda: WeightMap([0, 0, -1], [0, 0, 5]).weights_of(np.array([1.0, 1.0, 4.0])),
        "fixed at another value",
    ),
    "connections of another number": (lambda: WeightMap([0], [0]).weights_of(np.zeros(2)), "1 connections"),
    "freezing what is not there": (
        lambda: Network(GRAPH, np.zeros(13)).freeze("hidden2"),
        "no layer 'hidden2'.*'hidden1'",
    ),
    "freezing a source that is none": (
        lambda: Network(GRAPH, np.zeros(13)).freeze(("output", "inputs")),
        r"no weights \('output', 'inputs'\)",
    ),
    "another graph": (
        lambda: Network(GRAPH, np.zeros(13)).with_graph(feed_forward(2, (4,), 1)),
        "must be those of this network, 2-3-1",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_is(case):
    attempt, message = REFUSALS[case]
    with pytest.raises((ConfigurationError, ShapeError), match=message):
        attempt()


def test_a_decay_acts_on_free_weights_only_and_on_shared_ones_once():
    graph = GRAPH.with_fixed({("hidden1", "inputs"): [[0.0, NAN], [NAN, NAN], [NAN, NAN]]})
    graph = graph.with_shared(
        {("hidden1", "inputs"): [[-1, 0], [0, -1], [-1, -1]], ("output", "hidden1"): [[0, -1, -1]]}
    )
    assert WeightDecay((1.0, 5.0)).diagonal(graph).tolist() == [1, 0, 1, 0, 1, 1, 0, 5, 5, 0]


def test_a_unit_that_sees_one_input_begins_as_if_there_were_no_other():
    graph = GRAPH.with_fixed({("hidden1", "inputs"): [[NAN, 0.0], [NAN, 0.0], [NAN, 0.0]]})
    views = graph.views(initial_weights(graph, rng=0))
    alone = feed_forward(1, (3,), 1)
    assert np.abs(views["hidden1"]["inputs"][:, 0]) == pytest.approx(
        np.abs(alone.views(initial_weights(alone, rng=0))["hidden1"]["inputs"][:, 0])
    )


def test_a_frozen_layer_is_left_alone_and_the_others_are_tuned():
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (50, 2))
    targets = inputs[:, :1] * inputs[:, 1:]
    network = Network(GRAPH, initial_weights(GRAPH, rng=0))
    frozen = network.freeze("hidden1")
    assert frozen.n_weights == 4
    assert np.array_equal(frozen.outputs(inputs), network.outputs(inputs))
    tuned = train(frozen, inputs, targets, limits=Limits(max_epochs=20)).network
    # With the hidden layer as it is, the output is a linear regression.
    hidden = np.tanh(inputs @ network.views()["hidden1"]["inputs"].T + network.views()["hidden1"]["bias"])
    table = np.column_stack([hidden, np.ones(50)])
    best = np.linalg.lstsq(table, targets[:, 0], rcond=None)[0]
    np.testing.assert_allclose(tuned.weights, best, rtol=1e-5)
    assert np.array_equal(tuned.views()["hidden1"]["inputs"], network.views()["hidden1"]["inputs"])
    again = tuned.with_graph(GRAPH)
    assert again.n_weights == 13
    assert np.array_equal(again.outputs(inputs), tuned.outputs(inputs))
    assert network.freeze(("hidden1", "bias"), "output").n_weights == 6
