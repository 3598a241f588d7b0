"""Simulation through time: against the definition step by step, from any states, to be continued; loops and delays."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.problems import ELEMENTWISE
from helpers.sequences import dynamic_graphs, step_by_step
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.networks import (
    DelayStates,
    Layer,
    LayerGraph,
    Network,
    Scaling,
    close_loop,
    delays_of,
    distributed_delay,
    feed_forward,
    initial_weights,
    layer_recurrent,
    nar,
    narx,
    open_loop,
    remove_delay,
    simulate,
    time_delay,
)
from marquardt.training import train_sequences

BUILT = {
    "time_delay": time_delay(2, 4, 1, (0, 1, 5)),
    "distributed_delay": distributed_delay(1, (3, 2), 2, [(0, 2), (1, 3), (0, 1)]),
    "narx, open": narx(1, 4, 1, (0, 1, 4), (1, 2)),
    "narx, closed": narx(2, 3, 2, (1,), (1, 2, 6), closed=True),
    "nar": nar((3, 2), 1, (1, 2)),
    "layer_recurrent": layer_recurrent(2, (4, 3), 1, (1, 3)),
}


def scaled_network(graph, seed=0):
    """A network with weights and scalings that are not the plain ones."""
    rng = np.random.default_rng(seed)
    return Network(
        graph,
        0.5 * rng.normal(size=graph.n_weights),
        Scaling(rng.normal(size=graph.n_inputs), rng.uniform(0.5, 2.0, graph.n_inputs)),
        Scaling(rng.normal(size=graph.n_outputs), rng.uniform(0.5, 2.0, graph.n_outputs)),
    )


def data_for(graph, n_steps, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_steps, graph.n_inputs)), rng.normal(size=(n_steps, graph.n_outputs))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_it_is_what_the_definition_says(data):
    graph = data.draw(dynamic_graphs(2, data.draw(st.sampled_from(["identity", "tanh", "softmax"])), ELEMENTWISE))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    network = Network(graph, 0.6 * rng.normal(size=graph.n_weights))
    inputs, targets = rng.normal(size=(7, graph.n_inputs)), rng.normal(size=(7, 2))
    before = {source: rng.normal(size=(delay, size_of(graph, source))) for source, delay in delays_of(graph).items()}
    expected = step_by_step(graph, network.weights, inputs, targets, before)
    got = simulate(network, inputs, targets, states=DelayStates(before)).outputs
    # Seven steps of a few small layers: each step passes an error on at most 10 times as large.
    assert_allclose(got, expected, rtol=1e-7, atol=1e-9)


def size_of(graph, source):
    return {"inputs": graph.n_inputs, "targets": graph.n_outputs}.get(source) or next(
        layer.size for layer in graph.layers if layer.name == source
    )


@pytest.mark.parametrize("name", BUILT)
def test_a_simulation_that_is_continued_is_the_whole_one(name):
    network = scaled_network(BUILT[name])
    inputs, targets = data_for(network.graph, 30)
    whole = simulate(network, inputs, targets)
    cut = network.graph.history + 9
    first = simulate(network, inputs[:cut], targets[:cut])
    second = simulate(network, inputs[cut:], targets[cut:], states=first.states)
    # Products over other numbers of rows may be summed in another order.
    assert_allclose(np.concatenate([first.outputs, second.outputs]), whole.outputs, rtol=1e-12, atol=1e-12)
    for source, rows in whole.states.histories.items():
        assert_allclose(second.states.histories[source], rows, rtol=1e-12, atol=1e-12)
    assert len(whole.outputs) == 30 - network.graph.history


@pytest.mark.parametrize("name", BUILT)
def test_many_sequences_are_each_by_itself(name):
    network = scaled_network(BUILT[name])
    pairs = [data_for(network.graph, n_steps, seed=n_steps) for n_steps in (12, 30, 9)]
    together = simulate(network, [x for x, _ in pairs], [y for _, y in pairs])
    for (x, y), outputs in zip(pairs, together.outputs, strict=True):
        assert_array_equal(simulate(network, x, y).outputs, outputs)


def test_the_history_from_data_is_the_states_after_it():
    network = scaled_network(BUILT["narx, closed"])
    inputs, targets = data_for(network.graph, 20)
    states = DelayStates.of(network, inputs[:6], targets[:6])
    by_hand = simulate(network, inputs[6:], states=states)
    assert_array_equal(simulate(network, inputs, targets).outputs, by_hand.outputs)
    # Of the targets only the history is looked at.
    assert_array_equal(simulate(network, inputs, targets[:6]).outputs, by_hand.outputs)


def test_a_closed_loop_narx_is_the_recursion_written_by_hand():
    graph = narx(1, 2, 1, (0, 2), (1, 3), closed=True)
    rng = np.random.default_rng(0)
    network = Network(
        graph, rng.normal(size=graph.n_weights), Scaling(np.array([0.3]), np.array([2.0])), Scaling([1.0], [0.5])
    )
    inputs, targets = data_for(graph, 25)
    hidden, out = network.weights[:10].reshape(2, 5), network.weights[10:]
    x, y = (inputs[:, 0] - 0.3) * 2.0, (targets[:, 0] - 1.0) * 0.5
    past = list(y[:3])
    for t in range(3, 25):
        h = np.tanh(hidden @ [x[t], x[t - 2], past[t - 1], past[t - 3], 1.0])
        past.append(out[:2] @ h + out[2])
    assert_allclose(simulate(network, inputs, targets).outputs[:, 0], np.array(past[3:]) / 0.5 + 1.0, rtol=1e-10)


def test_an_open_loop_takes_what_was_measured():
    network = scaled_network(BUILT["narx, open"])
    inputs, targets = data_for(network.graph, 20)
    outputs = simulate(network, inputs, targets).outputs
    changed = targets.copy()
    changed[10] += 1.0
    differs = (simulate(network, inputs, changed).outputs != outputs)[:, 0]
    # Row 10 is looked at one and two steps later; outputs begin at row 4.
    assert np.flatnonzero(differs).tolist() == [11 - 4, 12 - 4]


@pytest.mark.parametrize("name", ["narx, open", "nar"])
def test_closing_and_opening_a_loop_keeps_every_weight(name):
    network = scaled_network(BUILT[name])
    closed = close_loop(network)
    assert closed.weights.tolist() == network.weights.tolist()
    again = open_loop(closed)
    assert again.graph == network.graph
    inputs, targets = data_for(network.graph, 20)
    # One step ahead the two are the same: the history is all that either has seen.
    first = simulate(closed, inputs[: closed.graph.history + 1], targets[: closed.graph.history])
    assert_allclose(first.outputs[0], simulate(network, inputs, targets).outputs[0], rtol=1e-12)


def test_an_open_loop_on_its_own_outputs_is_the_closed_one():
    network = scaled_network(BUILT["narx, open"])
    inputs, targets = data_for(network.graph, 30)
    closed = simulate(close_loop(network), inputs, targets).outputs
    assert_allclose(simulate(network, inputs, np.concatenate([targets[:4], closed])).outputs, closed, rtol=1e-9)


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize(
    "graph",
    [
        narx(2, 3, 1, (2, 4), (2, 3)),
        time_delay(1, 3, 2, (2, 3)),
        narx(1, 3, 1, (2, 3), (1, 2), closed=True),
        LayerGraph(1, (Layer(2, "tanh", ("inputs", "layer"), delays={"inputs": (2,), "layer": (1, 2)}),)),
    ],
    ids=lambda graph: graph.describe(),
)
def test_without_a_delay_the_same_outputs_come_earlier(graph, steps):
    network, removed = scaled_network(graph), remove_delay(scaled_network(graph), steps)
    inputs, targets = data_for(graph, 20)
    later = simulate(network, inputs, targets, states="zero").outputs
    # Layers that remember have gone round `steps` times before.
    before = simulate(network, inputs[:steps], targets[:steps], states="zero").states.histories
    start = DelayStates.zero(removed.graph).histories | {
        source: rows for source, rows in before.items() if source not in ("inputs", "targets")
    }
    earlier = simulate(removed, inputs, targets, states=DelayStates(start)).outputs
    assert_allclose(earlier[:-steps], later[steps:], rtol=1e-10, atol=1e-12)


def test_a_static_network_has_one_output_a_row():
    network = scaled_network(feed_forward(2, 3, 1))
    inputs, _ = data_for(network.graph, 10)
    assert_allclose(simulate(network, inputs).outputs, network.outputs(inputs), rtol=1e-12)


def test_a_network_without_inputs_takes_a_number_of_steps():
    network = scaled_network(nar(3, feedback_delays=(1, 2), closed=True))
    states = DelayStates.of(network, targets=[[0.1], [0.2], [0.3]])
    assert simulate(network, 5, states=states).outputs.shape == (5, 1)
    many = simulate(network, [5, 2], states=[states, states])
    assert_array_equal(many.outputs[1], many.outputs[0][:2])
    assert simulate(network, targets=[[0.1], [0.2], [0.3]]).outputs.shape == (1, 1)


def test_hidden_states_can_be_given():
    network = scaled_network(layer_recurrent(1, 2, 1))
    states = DelayStates.of(network, layers={"hidden1": [[0.5, -0.5]]})
    zero = simulate(network, [[1.0]], states="zero").outputs
    assert simulate(network, [[1.0]], states=states).outputs != zero
    assert DelayStates.zero(network.graph).histories["hidden1"].tolist() == [[0.0, 0.0]]


def test_an_unstable_loop_ends_in_infinity_not_in_an_error():
    doubling = Network(nar((), feedback_delays=(1,), closed=True), [4.0, 0.0])
    outputs = simulate(doubling, 2000, states=DelayStates.of(doubling, targets=[[1.0]])).outputs
    assert outputs[-1] == np.inf


OPEN, CLOSED = (Network(narx(1, (), closed=closed), np.zeros(5)) for closed in (False, True))
ROWS = np.zeros((5, 1))
REFUSALS = {
    "no targets": (lambda: simulate(OPEN, ROWS), ConfigurationError, "takes measured targets, and none are given"),
    "no history": (lambda: simulate(CLOSED, ROWS), ConfigurationError, "history of a closed loop"),
    "too short": (lambda: simulate(OPEN, ROWS[:2], ROWS[:2]), DataError, "2 rows has no output: 2 rows are history"),
    "too few targets": (lambda: simulate(OPEN, ROWS, ROWS[:4]), ShapeError, "as many rows, got 5 and 4"),
    "too wide": (lambda: simulate(OPEN, np.zeros((5, 2)), ROWS), ShapeError, r"of shape \(n_steps, 1\), got \(5, 2\)"),
    "other sequences": (lambda: simulate(OPEN, [ROWS], [ROWS, ROWS]), ShapeError, "as many sequences, got 1 and 2"),
    "a word for states": (lambda: simulate(OPEN, ROWS, ROWS, states="none"), ConfigurationError, "'data' or 'zero'"),
    "states of another": (
        lambda: simulate(OPEN, ROWS, ROWS, states=DelayStates.zero(CLOSED.graph)),
        ShapeError,
        "delay states of .* are of the shapes",
    ),
    "states of another number": (
        lambda: simulate(OPEN, [ROWS], [ROWS], states=[DelayStates.zero(OPEN.graph)] * 2),
        ShapeError,
        "1 sequences and 2 states",
    ),
    "states of nothing": (
        lambda: DelayStates.of(OPEN, layers={"output": ROWS}),
        ConfigurationError,
        "No layer takes 'output' with delays; these are: inputs, targets",
    ),
    "too short a history": (lambda: DelayStates.of(OPEN, ROWS[:1]), ShapeError, "2 rows are needed, got 1"),
    "steps without states": (
        lambda: simulate(Network(nar((), closed=True), np.zeros(3)), 5, ROWS),
        ConfigurationError,
        "A number of steps has no history",
    ),
    "no loop to close": (lambda: close_loop(CLOSED), ConfigurationError, "no loop to close"),
    "no loop to open": (lambda: open_loop(OPEN), ConfigurationError, "no loop to open"),
    "a loop without delay": (lambda: close_loop(by_hand()), ConfigurationError, "'targets' with the delay 0"),
    "a loop that is ahead of what is measured": (
        lambda: open_loop(remove_delay(close_loop(scaled_network(narx(1, 2, 1, (2,), (1,)))), 2)),
        ConfigurationError,
        "of a time that is not measured yet",
    ),
    "too many delays": (lambda: remove_delay(OPEN, 2), ConfigurationError, "taken with the delay 1"),
    "no delay at all": (
        lambda: remove_delay(Network(nar((), closed=True), np.zeros(3))),
        ConfigurationError,
        "takes nothing from outside",
    ),
    "a loop twice": (
        lambda: close_loop(
            Network(
                LayerGraph(0, (Layer(1, sources=("targets", "layer"), delays={"targets": (1,), "layer": (1,)}),)),
                np.zeros(3),
            )
        ),
        ConfigurationError,
        "takes both 'targets' and 'layer'",
    ),
    "too few lists": (lambda: distributed_delay(1, 3, 1, [(0, 1)]), ConfigurationError, "one list for each of the 2"),
    "nothing to remember": (lambda: layer_recurrent(1, (), 1), ConfigurationError, "needs a hidden layer"),
    "its own present": (lambda: nar(3, feedback_delays=(0, 1)), ConfigurationError, "feedback_delays .* got 0"),
    "no external input": (lambda: narx(0, 3), ConfigurationError, r"external inputs of a NARX network \(nar"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_is(case):
    attempt, error, message = REFUSALS[case]
    with pytest.raises(error, match=message):
        attempt()


@pytest.mark.parametrize("name", BUILT)
def test_every_builder_starts(name):
    graph = BUILT[name]
    network = Network(graph, initial_weights(graph, rng=0))
    assert np.isfinite(simulate(network, *data_for(graph, 30)).outputs).all()


def law_cases():
    return [
        narx(1, 3, 1, (1, 2), (1, 2)),
        narx(2, (3,), 1, (2, 4), (2, 3)),
        narx(1, (), 2, (1, 2, 3), (1,)),
        LayerGraph(
            1,
            (
                Layer(2, "tanh", ("inputs", "targets", "h"), name="h", delays=((1,), (1, 2), (1,))),
                Layer(1, sources=("h",), name="output"),
            ),
        ),
    ]


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("graph", law_cases(), ids=lambda graph: graph.describe())
def test_closed_network_without_a_delay_goes_on_from_data_one_step_later(graph, steps):
    if steps > min(delays[0] for layer in graph.layers for s, delays in layer.taps if s in ("inputs", "targets")):
        return
    closed = close_loop(scaled_network(graph))
    removed = remove_delay(closed, steps)
    inputs, targets = data_for(graph, 40)
    later = simulate(closed, inputs[30:], states=DelayStates.of(closed, inputs[:30], targets[:30])).outputs
    earlier = simulate(removed, inputs[30:], states=DelayStates.of(removed, inputs[:30], targets[:30])).outputs
    assert_allclose(earlier[:-steps], later[steps:], rtol=1e-10, atol=1e-12)
    first = removed.graph.history
    whole = simulate(removed, inputs, targets).outputs
    own = DelayStates.of(removed, inputs[:first], targets[:first])
    assert_array_equal(whole, simulate(removed, inputs[first:], states=own).outputs)


@pytest.mark.parametrize("graph", law_cases(), ids=lambda graph: graph.describe())
def test_a_loop_may_be_closed_before_or_after_a_delay_is_removed(graph):
    network = scaled_network(graph)
    closed = close_loop(remove_delay(network))
    assert closed.graph == remove_delay(close_loop(network)).graph
    assert open_loop(closed).graph == remove_delay(network).graph
    assert LayerGraph.from_dict(closed.graph.to_dict()) == closed.graph


@pytest.mark.parametrize("graph", law_cases(), ids=lambda graph: graph.describe())
def test_a_network_without_its_delay_is_not_trained_on_what_it_has_seen(graph):
    network = remove_delay(scaled_network(graph))
    inputs, targets = data_for(graph, 40)
    for one in (network, close_loop(network)):
        with pytest.raises(ConfigurationError, match="Train the network with its delays"):
            train_sequences(one, inputs, targets)
    with pytest.raises(ConfigurationError, match="takes its own targets"):
        train_sequences(by_hand(), inputs[:, :1], targets[:, :1])


def by_hand():
    """A layer that takes what it is to give."""
    return Network(LayerGraph(1, (Layer(1, sources=("inputs", "targets"), name="output"),)), np.zeros(3))
