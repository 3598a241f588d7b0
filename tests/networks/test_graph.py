"""The layer graph: what it refuses, the order of its weights, its way out of Python and back."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from helpers.problems import ELEMENTWISE, graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from marquardt.errors import ConfigurationError, ShapeError
from marquardt.networks import INPUTS, Layer, LayerGraph, Network, build, cascade_forward, feed_forward, hidden_sizes

TWO_LAYERS = (
    Layer(2, "relu", ("inputs",), name="hidden"),
    Layer(1, "identity", ("hidden", "inputs"), bias=False, name="output"),
)


def test_weights_run_by_layer_then_unit_then_source_then_bias():
    graph = LayerGraph(2, TWO_LAYERS)
    # hidden: unit 1 (x1, x2, bias), unit 2 (x1, x2, bias); output: (hidden1, hidden2, x1, x2), no bias.
    weights = [1, 2, 3, -1, 1, 5, 10, 20, 30, 40]
    # hidden1 = 1·7 + 2·8 + 3 = 26, hidden2 = −7 + 8 + 5 = 6; output = 10·26 + 20·6 + 30·7 + 40·8.
    assert Network(graph, weights).outputs([[7, 8]]).tolist() == [[910.0]]
    views = graph.views(np.array(weights, dtype=float))
    assert {layer: list(parts) for layer, parts in views.items()} == {
        "hidden": ["inputs", "bias"],
        "output": ["hidden", "inputs"],
    }
    assert views["hidden"]["inputs"].tolist() == [[1, 2], [-1, 1]]
    assert views["hidden"]["bias"].tolist() == [3, 5]
    assert views["output"]["hidden"].tolist() == [[10, 20]]
    assert views["output"]["inputs"].tolist() == [[30, 40]]


def test_views_share_memory_and_a_networks_are_read_only():
    graph = feed_forward(2, (3,), 1)
    weights = np.zeros(graph.n_weights)
    graph.views(weights)["hidden1"]["bias"][:] = 7.0
    assert np.count_nonzero(weights) == 3
    network = Network(graph, weights)
    for parts in network.views().values():
        for view in parts.values():
            assert np.shares_memory(view, network.weights)
            with pytest.raises(ValueError, match="read-only"):
                view[:] = 0.0


def test_every_weight_is_in_one_view():
    graph = cascade_forward(2, (3, 2), 2)
    places = graph.views(np.arange(graph.n_weights))
    seen = np.concatenate([view.ravel() for parts in places.values() for view in parts.values()])
    assert sorted(seen) == list(range(graph.n_weights))


def test_views_of_a_vector_of_another_length_are_refused():
    with pytest.raises(ShapeError, match=r"has 13 weights, got an array of shape \(12,\)"):
        feed_forward(2, (3,), 1).views(np.zeros(12))


@given(data=st.data())
@settings(max_examples=50)
def test_out_to_json_and_back_is_the_identity(data):
    graph = data.draw(graphs(2, data.draw(st.sampled_from([*ELEMENTWISE, "softmax"]))))
    again = LayerGraph.from_dict(json.loads(json.dumps(graph.to_dict())))
    assert again == graph
    assert again.n_weights == graph.n_weights


def test_numbers_of_numpy_go_out_to_json_too():
    graph = LayerGraph(np.int64(2), (Layer(np.int32(1), bias=np.bool_(False)),))
    assert LayerGraph.from_dict(json.loads(json.dumps(graph.to_dict()))) == graph
    assert graph.n_weights == 2


LAYER_REFUSALS = {
    "no unit": (lambda: Layer(0, name="a"), "size of layer 'a' must be a whole number from 1 up, got 0"),
    "half a unit": (lambda: Layer(1.5), "whole number from 1 up, got 1.5"),
    "a truth value for a size": (lambda: Layer(True), "whole number"),
    "an unknown activation": (lambda: Layer(1, "thanh"), "got 'thanh'. Did you mean 'tanh'"),
    "no source": (lambda: Layer(1, sources=(), name="a"), "Layer 'a' has no source. Give it 'inputs'"),
    "a source twice": (lambda: Layer(1, sources=("b", "b"), name="a"), "'a' names a source twice: b, b"),
    "a text for sources": (lambda: Layer(1, sources="inputs", name="a"), r"must be a tuple of names.*\('inputs',\)"),
    "a number for a source": (lambda: Layer(1, sources=(1,), name="a"), "tuple of names"),
    "a number for a name": (lambda: Layer(1, name=1), "name of a layer must be a text, got 1"),
    "an empty name": (lambda: Layer(1, name=""), "name of a layer"),
}
GRAPH_REFUSALS = {
    "no layer": (lambda: LayerGraph(1, ()), "at least one layer"),
    "no input": (lambda: LayerGraph(0, (Layer(1),)), "number of inputs must be a whole number from 1 up, got 0"),
    "a name twice": (lambda: LayerGraph(1, (Layer(1), Layer(1, sources=("layer",)))), "name 'layer' is taken"),
    "the inputs' name": (lambda: LayerGraph(1, (Layer(1, name=INPUTS),)), "name 'inputs' is taken"),
    "the biases' name": (lambda: LayerGraph(1, (Layer(1, name="bias"),)), "name 'bias' is taken"),
    "an unknown source": (
        lambda: LayerGraph(1, (Layer(1, name="hidden1"), Layer(1, sources=("hiden1",), name="b"))),
        "'b' takes 'hiden1', which is neither 'inputs' nor an earlier layer. Did you mean 'hidden1'",
    ),
    "a later source": (
        lambda: LayerGraph(1, (Layer(1, sources=("b",), name="a"), Layer(1, name="b"))),
        "'a' takes 'b', which is neither",
    ),
    "itself for a source": (lambda: LayerGraph(1, (Layer(1, sources=("a",), name="a"),)), "'a' takes 'a'"),
    "a layer nobody takes": (
        lambda: LayerGraph(1, (Layer(1, name="a"), Layer(1, name="b"))),
        "No layer takes 'a' as a source. Connect it or leave it out",
    ),
    "softmax below the output": (
        lambda: LayerGraph(1, (Layer(2, "softmax", name="a"), Layer(1, sources=("a",), name="b"))),
        "'a' is softmax, which only the output layer may be",
    ),
}
BUILDER_REFUSALS = {
    "a size that is none": (lambda: feed_forward(1, (3, 0), 1), "hidden_layer_sizes must be .* from 1 up, got 0"),
    "a text for sizes": (lambda: feed_forward(1, "10", 1), r"got '10'. Example: \(20, 10\)"),
    "a float for sizes": (lambda: feed_forward(1, 10.0, 1), "hidden_layer_sizes must be .*got 10.0"),
    "no output": (lambda: feed_forward(1, (), 0), "size of layer 'output'"),
    "an unknown topology": (lambda: build("cascade", 1, (), 1), "Did you mean 'cascade_forward'"),
    "softmax in hidden layers": (lambda: feed_forward(1, (2,), 1, activation="softmax"), "only the output layer"),
}
REFUSALS = LAYER_REFUSALS | GRAPH_REFUSALS | BUILDER_REFUSALS


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_is(case):
    attempt, message = REFUSALS[case]
    with pytest.raises(ConfigurationError, match=message):
        attempt()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("layers"),
        lambda d: d.pop("n_inputs"),
        lambda d: d.update(n_inputs="2"),
        lambda d: d.update(layers=None),
        lambda d: d["layers"][0].pop("size"),
        lambda d: d["layers"][0].update(size="3"),
        lambda d: d["layers"][0].update(activation=["tanh"]),
        lambda d: d["layers"][0].update(sources=None),
        lambda d: d["layers"][0].update(sources=[["inputs"]]),
        lambda d: d["layers"][0].update(sources="inputs"),
        lambda d: d["layers"][0].update(name=None),
        lambda d: d["layers"].append("output"),
    ],
)
def test_a_description_that_is_none_is_refused(spoil):
    description = feed_forward(2, (3,), 1).to_dict()
    spoil(description)
    with pytest.raises(ConfigurationError):
        LayerGraph.from_dict(description)


@pytest.mark.parametrize("builder", [feed_forward, cascade_forward])
def test_builders_name_and_connect_their_layers(builder):
    graph = builder(3, (4, 5), 2, activation="relu", output_activation="logistic")
    assert [layer.name for layer in graph.layers] == ["hidden1", "hidden2", "output"]
    assert [layer.size for layer in graph.layers] == [4, 5, 2]
    assert [layer.activation for layer in graph.layers] == ["relu", "relu", "logistic"]
    earlier = [INPUTS, "hidden1", "hidden2"]
    for k, layer in enumerate(graph.layers):
        assert layer.sources == (tuple(earlier[: k + 1]) if builder is cascade_forward else (earlier[k],))
    fan_in = (3, 7, 12) if builder is cascade_forward else (3, 4, 5)
    assert graph.n_weights == sum(size * (n + 1) for size, n in zip((4, 5, 2), fan_in, strict=True))


def test_sizes_may_be_a_number_or_any_sequence():
    assert hidden_sizes(np.int64(3)) == (3,)
    assert hidden_sizes(np.array([3, 2])) == (3, 2)
    assert hidden_sizes([]) == ()


def test_description_is_short():
    assert feed_forward(8, (10,), 1).describe() == "8-10-1 tanh, identity"


def test_comparisons_of_names_in_a_chain_of_layers_do_not_grow_with_its_square():
    counts = Counter()

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            counts["comparisons"] += 1
            return str.__eq__(self, other)

    def comparisons(n_layers):
        names = ["inputs", *(Name(f"layer {number}") for number in range(n_layers))]
        layers = tuple(Layer(1, "tanh", (before,), name=name) for before, name in pairwise(names))
        counts.clear()
        LayerGraph(1, layers)
        return counts["comparisons"]

    # Looked for in a list, names of 400 layers are compared some 80,000 times.
    assert comparisons(400) < 20 * 400
