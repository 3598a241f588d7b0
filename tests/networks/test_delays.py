"""Delays in the layer graph: their order in the weights, what is refused, names, starts, the way out and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.problems import ELEMENTWISE
from helpers.sequences import dynamic_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from marquardt.errors import ConfigurationError
from marquardt.networks import INPUTS, TARGETS, Layer, LayerGraph, Network, feed_forward, forward, initial_weights
from marquardt.objective import Objective
from marquardt.storage import NetworkFile, load, save

NARX = LayerGraph(
    2,
    (
        Layer(3, "tanh", (INPUTS, "output"), name="hidden1", delays={"output": (5, 1), INPUTS: [2, 0]}),
        Layer(1, "identity", ("hidden1",), name="output"),
    ),
)


def test_weights_run_by_source_then_delay_then_unit():
    places = NARX.views(np.arange(NARX.n_weights, dtype=float))
    assert {name: part[0].tolist() for name, part in places["hidden1"].items()} == {
        "inputs(t)": [0, 1],
        "inputs(t-2)": [2, 3],
        "output(t-1)": [4],
        "output(t-5)": [5],
        "bias": 6,
    }
    assert list(places["output"]) == ["hidden1", "bias"]


def test_what_a_graph_says_of_itself():
    assert NARX.describe() == "2-3-1 tanh, identity, hidden1 takes inputs 0,2 and output 1,5"
    assert (NARX.is_dynamic, NARX.max_delay, NARX.history) == (True, 5, 5)
    static = feed_forward(2, 3, 1)
    assert (static.is_dynamic, static.max_delay, static.history) == (False, 0, 0)
    # What a hidden layer remembers of itself is not in the data.
    elman = LayerGraph(1, (Layer(2, "tanh", (INPUTS, "layer"), delays={"layer": (1, 2, 3, 7)}),))
    assert elman.history == 7
    hidden = LayerGraph(
        1, (Layer(2, "tanh", (INPUTS, "a"), name="a", delays={"a": (4,)}), Layer(1, "identity", ("a",), name="b"))
    )
    assert (hidden.max_delay, hidden.history) == (4, 0)
    assert hidden.describe().endswith("a takes a 4")


def test_delay_zero_alone_is_no_delay():
    assert Layer(1, delays={INPUTS: (0,)}) == Layer(1)
    assert not LayerGraph(1, (Layer(1, delays={INPUTS: (0,)}),)).is_dynamic


REFUSALS = {
    "a delay below 0": (lambda: Layer(1, delays={INPUTS: (-1,)}), "each delay of 'inputs' in layer 'layer'.*got -1"),
    "half a step": (lambda: Layer(1, delays={INPUTS: (0.5,)}), "whole number from 0 up, got 0.5"),
    "no delay": (lambda: Layer(1, delays={INPUTS: ()}), "different whole numbers, at least one"),
    "a delay twice": (lambda: Layer(1, delays={INPUTS: (1, 1)}), r"different whole numbers.*got \(1, 1\)"),
    "a number for delays": (lambda: Layer(1, delays={INPUTS: 2}), r"list of whole numbers, got 2. Example: \(0, 1, 2"),
    "delays of no source": (
        lambda: Layer(1, delays={"input": (1,)}),
        "'input', which is none of its sources",
    ),
    "delays without names": (lambda: Layer(1, delays=((1,), (1,))), "must be given by source"),
    "itself at once": (
        lambda: LayerGraph(1, (Layer(1, sources=(INPUTS, "a"), name="a", delays={"a": (0, 1)}),)),
        "'a' takes 'a' with the delay 0, before it is there",
    ),
    "a later layer without delay": (
        lambda: LayerGraph(1, (Layer(1, sources=("b",), name="a"), Layer(1, sources=("a",), name="b"))),
        r"With delays of at least 1 it may be a source: delays=\{'b': \(1,\)\}",
    ),
    "a loop that nobody reads": (
        lambda: LayerGraph(1, (Layer(1, sources=(INPUTS, "a"), name="a", delays={"a": (1,)}), Layer(1, name="b"))),
        "No layer takes 'a'",
    ),
    "no inputs, but taken": (lambda: LayerGraph(0, (Layer(1),)), "number of inputs .* from 1 up, got 0"),
    "a layer called targets": (lambda: LayerGraph(1, (Layer(1, name=TARGETS),)), "name 'targets' is taken"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_is(case):
    attempt, message = REFUSALS[case]
    with pytest.raises(ConfigurationError, match=message):
        attempt()


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_out_to_json_and_back_is_the_identity(data):
    graph = data.draw(dynamic_graphs(2, "identity", ELEMENTWISE))
    again = LayerGraph.from_dict(json.loads(json.dumps(graph.to_dict())))
    assert again == graph
    assert again.n_weights == graph.n_weights
    seen = [part.ravel() for parts in graph.views(np.arange(graph.n_weights)).values() for part in parts.values()]
    assert sorted(np.concatenate(seen)) == list(range(graph.n_weights))


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_every_start_is_finite(data):
    graph = data.draw(dynamic_graphs(1, "identity", ELEMENTWISE))
    for kind in ("nguyen_widrow", "uniform", "glorot"):
        assert np.isfinite(initial_weights(graph, kind, rng=0)).all()


def test_a_network_file_keeps_delays(tmp_path):
    network = Network(NARX, initial_weights(NARX, rng=0))
    save(tmp_path / "narx.marquardt", NetworkFile(network, "regression"))
    again = load(tmp_path / "narx.marquardt").network
    assert again.graph == NARX
    assert again.weights.tolist() == network.weights.tolist()


def test_rows_that_depend_on_each_other_are_not_taken_for_samples():
    network = Network(NARX, initial_weights(NARX, rng=0))
    inputs, targets = np.zeros((4, 2)), np.zeros((4, 1))
    for attempt in (
        lambda: network.outputs(inputs),
        lambda: forward(NARX, network.weights, inputs.T),
        lambda: Objective(NARX, inputs, targets),
    ):
        with pytest.raises(ConfigurationError, match=r"rows depend on earlier ones. Use simulate .* train_sequences"):
            attempt()
