"""The text form of single units: read, written, round trip, data, and refusals with the line."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.problems import unit_lists
from hypothesis import given, settings

from marquardt.errors import ConfigurationError, FileError
from marquardt.networks import (
    Network,
    Unit,
    cascade_forward,
    fully_connected_cascade,
    initial_weights,
    read_patterns,
    read_topology,
    unit_graph,
    units_of,
    write_topology,
)
from marquardt.objective import Derivatives, Objective

PARITY = """// Parity of three bits by a cascade
* a comment as in SPICE
N 4 mBip 1 2 3      % hidden
n 5 mbip 1, 2, 3, 4 # output

.MODEL mbip FUN=bip, gain = 0.5, der=0.001
DataFile='Parity3.dat'
"""
PATTERNS = "-1 -1 -1 -1\n-1,-1,1,1\n-1\t1 -1 1 // a comment\n\n-1 1 1 -1\n1 -1 -1 1\n1 -1 1 -1\n1 1 -1 -1\n1 1 1 1\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "parity3.txt"


def test_text_units_and_builder_are_one_network(path):
    """The same outputs and normal equations, of the list, of the builder and of the text."""
    path.write_text(PARITY)
    (path.parent / "Parity3.dat").write_text(PATTERNS)
    read = read_topology(path)
    listed = unit_graph(3, [Unit("4", (0, 1, 2), "tanh(0.5)"), Unit("5", (0, 1, 2, "4"), "tanh(0.5)")])
    built = fully_connected_cascade(3, 1, 1, "tanh(0.5)", "tanh(0.5)")
    assert read.graph == listed
    inputs, targets = read.patterns()
    assert inputs.shape == (8, 3)
    assert np.array_equal(targets[:, 0], np.prod(inputs, axis=1))
    weights = initial_weights(built, rng=0)
    points = [
        Objective(graph, inputs, targets).at(weights, Derivatives.NORMAL) for graph in (read.graph, listed, built)
    ]
    for point in points[:2]:
        assert np.array_equal(point.normal, points[2].normal)
        assert np.array_equal(point.gradient, points[2].gradient)
    networks = [Network(graph, weights).outputs(inputs) for graph in (read.graph, listed, built)]
    assert np.array_equal(networks[0], networks[2])
    assert np.array_equal(networks[1], networks[2])


@settings(max_examples=50)
@given(given_units=unit_lists())
def test_written_and_read_is_the_same_network(tmp_path_factory, given_units):
    path = tmp_path_factory.mktemp("round") / "units.txt"
    graph = unit_graph(*given_units)
    write_topology(path, graph, data="none.dat")
    again = read_topology(path)
    assert again.data == path.parent / "none.dat"
    here, there = units_of(graph)[0], units_of(again.graph)[0]
    number = {unit.name: str(graph.n_inputs + 1 + k) for k, unit in enumerate(here)}
    assert [number[name] for name in units_of(graph)[1]] == units_of(again.graph)[1]
    assert {
        (number[unit.name], frozenset(number.get(s, s) for s in unit.sources), unit.activation, unit.bias)
        for unit in here
    } == {(unit.name, frozenset(unit.sources), unit.activation, unit.bias) for unit in there}


def test_outputs_are_the_last_neurons_if_the_data_say_how_many(path):
    path.write_text("n 2 m 1\nn 3 m 1 2\n.model m fun=lin\ndatafile=two.dat")
    assert read_topology(path).graph.n_outputs == 1
    (path.parent / "two.dat").write_text("0 1 2\n")
    graph = read_topology(path).graph
    assert graph.n_outputs == 2
    # 2 = 3·x + 1, 3 = 2·x + 5·(2) − 1
    assert Network(graph, np.array([3.0, 1.0, 2.0, 5.0, -1.0])).outputs([[1.0]]).tolist() == [[4.0, 21.0]]


def test_functions_gains_and_missing_biases_are_read(path):
    path.write_text(
        "n 3 a 1\nn 4 b 2\nn 5 c 3 4\n.model a fun=uni, gain=2\n.model b fun=softplus\n.model c fun=lin bias=0\n"
    )
    units, _ = units_of(read_topology(path).graph)
    assert [(unit.activation, unit.bias) for unit in units] == [
        ("logistic(gain=2.0)", True),
        ("softplus", True),
        ("identity", False),
    ]


TOPOLOGY_REFUSALS = {
    "nothing": ("// nothing\n", "has no neuron"),
    "an unknown line": ("n 2 m 1\nw 0.5\n", "line 2: 'w 0.5' means nothing"),
    "a neuron without sources": ("n 2 m\n", "line 1: a neuron is 'n', its number"),
    "a number that is none": ("n 2 m 1 x\n", "line 1: a number of a neuron .* got 'x'"),
    "a number of zero": ("n 2 m 0\n", "line 1: .* from 1 up, got '0'"),
    "a source twice": ("n 3 m 1 2 1\n", "line 1: neuron 3 takes 1 twice"),
    "itself": ("n 2 m 1 2\n", "line 1: neuron 2 takes itself"),
    "a neuron twice": ("n 2 m 1\n\nn 2 m 1\n", "line 3: neuron 2 is there already, on line 1"),
    "a missing model": (
        "n 2 mx 1\n.model my fun=bip",
        "line 1: there is no model 'mx'; there are my. Add a line: .model mx",
    ),
    "a missing neuron": (
        "n 3 m 1 2\nn 5 m 3 4\n.model m fun=bip",
        "line 2: neuron 5 takes 4, which is no neuron; inputs come before all neurons, from 1 to 2",
    ),
    "no input": ("n 1 m 2\nn 2 m 1\n.model m fun=bip", "has no input"),
    "too many inputs": ("n 999999 m 1\n.model m fun=bip", "999998 inputs, going by its numbers; 100000 are the most"),
    "a model without a name": (".model fun=bip", "line 1: a model is '.model', its name"),
    "a model without a function": (".model m gain=1", "line 1: model m has no fun, one of bip, uni, lin"),
    "an unknown function": (".model m fun=bop", "line 1: activation must be one of .* fun may also be bip"),
    "an unknown setting": (".model m fun=bip slope=1", "line 1: a model has the settings .* got 'slope=1'"),
    "a gain that is none": (".model m fun=bip gain=x", "line 1: gain must be a number, got 'x'"),
    "a gain of nothing": (".model m fun=bip gain=0", "line 1: the gain of .* above 0"),
    "a bias that is none": (".model m fun=bip bias=2", "line 1: bias must be 0 or 1, got '2'"),
    "an output that is none": ("n 2 m 1\n.model m fun=bip\noutputs=3", "names output 3"),
    "no outputs": ("n 2 m 1\noutputs=", "line 2: numbers are missing"),
}


@pytest.mark.parametrize("case", TOPOLOGY_REFUSALS)
def test_what_means_nothing_is_refused_with_its_line(case, path):
    text, message = TOPOLOGY_REFUSALS[case]
    path.write_text(text)
    with pytest.raises(FileError, match=message):
        read_topology(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n 2 m 1 3\nn 3 m 2\n.model m fun=bip", "form a cycle"),
        ("n 3 m 1\n.model m fun=bip", "No output depends on input 1"),
        ("n 2 m 1\nn 3 m 1\n.model m fun=bip\noutputs=3", "No output depends on unit '2'"),
    ],
)
def test_what_is_no_network_is_refused(text, message, path):
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_topology(path)


def test_files_that_cannot_be_read_are_refused(path):
    with pytest.raises(FileError, match=r"Cannot read .*parity3.txt"):
        read_topology(path)
    path.write_bytes(b"\xff\xfe\x00n")
    with pytest.raises(FileError, match="is no text file"):
        read_topology(path)
    path.write_text(PARITY)
    with pytest.raises(FileError, match=r"Cannot read .*Parity3.dat"):
        read_topology(path).patterns()
    (path.parent / "Parity3.dat").write_text("1 2 3\n")
    with pytest.raises(FileError, match=r"has 3 columns, and .* 3 inputs and 2 neurons"):
        read_topology(path)
    path.write_text("n 2 m 1\n.model m fun=bip\n")
    with pytest.raises(FileError, match="names no data file"):
        read_topology(path).patterns()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no pattern"),
        ("1 2 3\n1 2\n", "line 2: there are 2 numbers, and 3 before"),
        ("1 2 x\n", "line 1: could not convert .*'x'"),
        ("1 2 nan\n", "line 1: a number is not finite"),
        ("1 2\n", "has 2 columns. There must be 2 for the inputs, and 1 more"),
        ("1 2 3 4\n", "has 4 columns"),
    ],
)
def test_patterns_that_are_none_are_refused(text, message, path):
    path.write_text(text)
    with pytest.raises(FileError, match=message):
        read_patterns(path, 2, 1)


def test_what_the_text_form_has_not_is_not_written(path):
    with pytest.raises(ConfigurationError, match="fixed at 2"):
        write_topology(path, cascade_forward(1, 1, 1).with_fixed({("hidden1", "bias"): 2.0}))
    assert not path.exists()
    write_topology(path, cascade_forward(1, 1, 1))
    with pytest.raises(FileError, match="exists"):
        write_topology(path, cascade_forward(1, 1, 1))
    write_topology(path, cascade_forward(1, 2, 1), force=True)
