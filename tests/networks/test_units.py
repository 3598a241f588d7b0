"""Networks of single units: what they compute, the layers they become, what is refused, and the way back."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from helpers.problems import unit_lists
from helpers.reference import activated
from hypothesis import given, settings
from hypothesis import strategies as st

from marquardt.errors import ConfigurationError, ShapeError
from marquardt.networks import (
    LayerGraph,
    Network,
    Unit,
    build,
    cascade_forward,
    fully_connected_cascade,
    initial_weights,
    unit_graph,
    units_of,
)


def by_hand(n_inputs, units, outputs, weight_of, inputs):
    """The outputs, unit by unit, with a dict of the weights: (unit, source or "bias") ↦ weight."""
    values = {number: inputs[:, number] for number in range(n_inputs)}
    todo = list(units)
    while todo:
        unit = next(unit for unit in todo if all(source in values for source in unit.sources))
        net = weight_of.get((unit.name, "bias"), 0.0) + sum(weight_of[unit.name, s] * values[s] for s in unit.sources)
        values[unit.name] = activated(unit.activation, anp.array(net))
        todo.remove(unit)
    return np.stack([values[name] for name in outputs], axis=1)


def weights_of(network, units):
    """The weight of every connection, read from the views by the units' names."""
    graph, views = network.graph, network.views()
    place = {name: (layer.name, k) for layer in graph.layers for k, name in enumerate(layer.name.split("+"))}
    found = {}
    for unit in units:
        layer, row = place[unit.name]
        for source in unit.sources:
            where, column = place[source] if isinstance(source, str) else ("inputs", source)
            found[unit.name, source] = views[layer][where][row, column]
        if unit.bias:
            found[unit.name, "bias"] = views[layer]["bias"][row]
    return found


@settings(max_examples=60)
@given(given_units=unit_lists(), seed=st.integers(0, 999))
def test_layers_compute_what_the_units_do(given_units, seed):
    n_inputs, units, outputs = given_units
    graph = unit_graph(n_inputs, units, outputs)
    # A weight a connection, and one a bias: nothing is lost and nothing is added.
    assert graph.n_weights == sum(len(unit.sources) + unit.bias for unit in units)
    rng = np.random.default_rng(seed)
    network = Network(graph, rng.normal(size=graph.n_weights))
    inputs = rng.uniform(-1, 1, (5, n_inputs))
    expected = by_hand(n_inputs, units, outputs, weights_of(network, units), inputs)
    np.testing.assert_allclose(network.outputs(inputs), expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=60)
@given(given_units=unit_lists())
def test_the_units_of_a_graph_build_it_again(given_units):
    n_inputs, units, outputs = given_units
    graph = unit_graph(n_inputs, units, outputs)
    back, their_outputs = units_of(graph)
    assert their_outputs == outputs
    assert {unit.name: (set(unit.sources), unit.activation, unit.bias) for unit in back} == {
        unit.name: (set(unit.sources), unit.activation, unit.bias) for unit in units
    }
    again = unit_graph(n_inputs, back, their_outputs)
    rng = np.random.default_rng(0)
    network = Network(graph, rng.normal(size=graph.n_weights))
    other = Network(again, rng.normal(size=graph.n_weights))
    assert again.n_weights == graph.n_weights
    assert weights_of(other, units).keys() == weights_of(network, units).keys()


@pytest.mark.parametrize("topology", ["feed_forward", "cascade_forward", "fully_connected_cascade"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_graph_of_a_builder_and_its_units_compute_the_same(topology, bias):
    graph = build(topology, 3, (2, 3), 2, "tanh(0.5)", "identity", bias)
    again = unit_graph(3, *units_of(graph))
    assert [layer.size for layer in again.layers] == [layer.size for layer in graph.layers]
    weights = initial_weights(graph, rng=0)
    inputs = np.random.default_rng(0).normal(size=(6, 3))
    assert np.array_equal(Network(again, weights).outputs(inputs), Network(graph, weights).outputs(inputs))


def test_a_cascade_of_units_is_the_graph_of_its_builder():
    names = ["hidden1", "hidden2", "output"]
    units = [Unit(name, (2, *names[:k], 0, 1), "tanh") for k, name in enumerate(names)]
    assert unit_graph(3, units) == fully_connected_cascade(3, 2, 1, output_activation="tanh")
    assert fully_connected_cascade(3, (1, 2), 2) == cascade_forward(3, (1, 1, 1), 2)


def test_units_of_a_level_are_one_layer_and_the_rest_is_fixed_at_zero():
    units = [Unit("a", (0,)), Unit("b", (1, 2)), Unit("c", ("a", 2)), Unit("d", ("a", "b")), Unit("e", ("c", "d"))]
    graph = unit_graph(3, units)
    assert [(layer.name, layer.sources) for layer in graph.layers] == [
        ("a+b", ("inputs",)),
        ("c+d", ("inputs", "a+b")),
        ("e", ("c+d",)),
    ]
    views = graph.views(np.arange(1.0, 15.0))
    assert views["a+b"]["inputs"].tolist() == [[1, 0, 0], [0, 3, 4]]
    assert views["c+d"]["inputs"].tolist() == [[0, 0, 6], [0, 0, 0]]
    assert views["c+d"]["a+b"].tolist() == [[7, 0], [9, 10]]


def test_outputs_may_be_inner_units_and_of_several_kinds():
    units = [Unit("a", (0, 1)), Unit("b", (0, "a"), "identity")]
    graph = unit_graph(2, units, ["b", "a"])
    assert graph.layers[-1].name == "outputs"
    assert graph.n_weights == 6
    network = Network(graph, np.array([0.5, -0.5, 0.1, 2.0, 3.0, -1.0]))
    a = np.tanh(0.5 * 0.7 - 0.5 * 0.2 + 0.1)
    np.testing.assert_allclose(network.outputs([[0.7, 0.2]]), [[2 * 0.7 + 3 * a - 1, a]])
    # Outputs of one kind that nobody takes are the last layer, on whatever levels they are.
    flat = unit_graph(1, [Unit("a", (0,)), Unit("y", (0,), "identity"), Unit("z", ("a",), "identity")])
    assert [layer.name for layer in flat.layers] == ["a", "y+z"]


REFUSALS = {
    "no source": (lambda: Unit("a", ()), "'a' has no source"),
    "a source twice": (lambda: Unit("a", (0, "b", 0)), "'a' takes input 0 twice"),
    "a unit twice": (lambda: Unit("a", ("b", "b")), "takes unit 'b' twice"),
    "itself": (lambda: Unit("a", (0, "a")), "'a' takes itself.*delay"),
    "a negative input": (lambda: Unit("a", (-1,)), "input that unit 'a' takes must be .* from 0 up, got -1"),
    "a text for sources": (lambda: Unit("a", "b"), "must be a sequence, got 'b'"),
    "a name that is taken": (lambda: Unit("inputs", (0,)), "'inputs' is taken"),
    "no name": (lambda: Unit("", (0,)), "must be a text"),
    "an activation": (lambda: Unit("a", (0,), "thanh"), "Did you mean 'tanh'"),
    "no unit": (lambda: unit_graph(1, []), "at least one unit"),
    "no input": (lambda: unit_graph(0, [Unit("a", (0,))]), "number of inputs must be"),
    "a name twice": (lambda: unit_graph(1, [Unit("a", (0,)), Unit("a", (0,))]), "two units 'a'"),
    "an unknown source": (
        lambda: unit_graph(1, [Unit("hidden", (0,)), Unit("b", ("hiden",))]),
        "'b' takes 'hiden', and there is no such unit. Did you mean 'hidden'",
    ),
    "an input beyond": (lambda: unit_graph(1, [Unit("a", (1,))]), "takes input 1, and there are 1, numbered from 0"),
    "a cycle": (
        lambda: unit_graph(1, [Unit("a", (0, "c")), Unit("b", ("a",)), Unit("c", ("b",)), Unit("d", ("c",))]),
        "'a' ← 'c' ← 'b' ← 'a' form a cycle",
    ),
    "everything in a cycle": (
        lambda: unit_graph(1, [Unit("a", (0, "b")), Unit("b", ("a",))]),
        "form a cycle",
    ),
    "an input nobody takes": (lambda: unit_graph(2, [Unit("a", (0,))]), "No output depends on input 1"),
    "a unit nobody takes": (
        lambda: unit_graph(1, [Unit("a", (0,)), Unit("b", (0,))], ["b"]),
        "No output depends on unit 'a'",
    ),
    "an output that is none": (lambda: unit_graph(1, [Unit("ab", (0,))], ["aa"]), "no unit 'aa' .* Did you mean 'ab'"),
    "an output twice": (lambda: unit_graph(1, [Unit("a", (0,))], ["a", "a"]), "'a' is an output twice"),
    "no output": (lambda: unit_graph(1, [Unit("a", (0,))], []), "at least one output"),
    "softmax inside": (
        lambda: unit_graph(1, [Unit("a", (0,), "softmax"), Unit("b", ("a",))]),
        "only the output layer may be",
    ),
    "units of shared weights": (
        lambda: units_of(cascade_forward(2, 1, 1).with_shared({("hidden1", "inputs"): [[0, 0]]})),
        "share no weights",
    ),
    "units of fixed weights": (
        lambda: units_of(cascade_forward(2, 1, 1).with_fixed({("hidden1", "inputs"): 3.0})),
        "fixed at 3",
    ),
    "a graph for other data": (
        lambda: build(cascade_forward(2, 1, 1), 3, (), 1),
        "2-1-1 .* has 2 inputs and 1 outputs, and the data need 3 and 1",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_is(case):
    attempt, message = REFUSALS[case]
    with pytest.raises((ConfigurationError, ShapeError), match=message):
        attempt()


def test_out_to_json_and_back():
    graph = unit_graph(2, [Unit("a", (0,)), Unit("b", (1, "a"), "identity", bias=False)], ["a", "b"])
    assert LayerGraph.from_dict(graph.to_dict()) == graph


def test_many_units_of_one_level_are_one_layer_with_a_short_way_through():
    """A long chain and a wide level: neither recursion nor a quadratic walk."""
    chain = [Unit("u0", (0,)), *(Unit(f"u{k}", (f"u{k - 1}",)) for k in range(1, 1500))]
    assert len(unit_graph(1, chain).layers) == 1500
    wide = [*(Unit(f"u{k}", (k,)) for k in range(200)), Unit("sum", tuple(f"u{k}" for k in range(200)))]
    assert [layer.size for layer in unit_graph(200, wide).layers] == [200, 1]
