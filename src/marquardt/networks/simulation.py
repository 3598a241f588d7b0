"""Simulation: the outputs of a network with delays and feedback over sequences, and how to go on from their end.

What a network remembers between two steps are its *delay states*: of every source that is taken with delays, its last
values. Before the first step they are zero, given, or taken from the data: then the first `LayerGraph.history` rows of
a sequence are history only, and outputs begin after them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple, overload

import numpy as np

from marquardt.arrays import Array, ArrayLike, as_array
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.networks.graph import INPUTS, TARGETS, LayerGraph
from marquardt.networks.network import Network
from marquardt.networks.through_time import TimeWiring

__all__ = ["DelayStates", "Simulation", "delays_of", "simulate"]

STATES = ("data", "zero")


def delays_of(graph: LayerGraph) -> dict[str, int]:
    """Return the longest delay of every source that has one."""
    longest: dict[str, int] = {}
    for layer in graph.layers:
        for source, delays in layer.taps:
            if delays[-1]:
                longest[source] = max(longest.get(source, 0), delays[-1])
    return longest


@dataclass(frozen=True, eq=False)
class DelayStates:
    """What a network remembers: the last values of every source that is taken with delays.

    They are kept in scaled units, as the layers see them, so that nothing is rounded where a simulation is continued.

    Parameters
    ----------
    histories : mapping of str to ndarray of shape (longest delay, size)
        By the source's name; the oldest value first.

    Examples
    --------
    >>> from marquardt.networks import nar
    >>> graph = nar((), feedback_delays=(1, 2), closed=True)
    >>> doubling = Network(graph, [2.0, 0.0, 0.0])
    >>> simulate(doubling, 3, states=DelayStates.of(doubling, targets=[[1.0], [4.0]])).outputs.ravel()
    array([ 8., 16., 32.])
    """

    histories: Mapping[str, Array]

    @classmethod
    def zero(cls, graph: LayerGraph) -> DelayStates:
        """Return states that are zero in scaled units, the middle or mean of the data.

        Parameters
        ----------
        graph : LayerGraph
            The network.
        """
        sizes = _sizes(graph)
        return cls({source: np.zeros((delay, sizes[source])) for source, delay in delays_of(graph).items()})

    @classmethod
    def of(
        cls,
        network: Network,
        inputs: ArrayLike | None = None,
        targets: ArrayLike | None = None,
        layers: Mapping[str, ArrayLike] | None = None,
    ) -> DelayStates:
        """Return the states after the last row of data.

        Parameters
        ----------
        network : Network
            Whose.
        inputs : array-like of shape (n_steps, n_inputs), optional
            In the user's units; the last rows are taken, as many as the longest delay.
        targets : array-like of shape (n_steps, n_outputs), optional
            What the outputs were; for measured targets and for the network's own outputs alike. Outputs that come
            early (`remove_delay`) are of later steps than the last row: those are made by the network itself.
        layers : mapping of str to array-like of shape (n_steps, size), optional
            What hidden layers were, as they are.

        Returns
        -------
        DelayStates
            Zero for what is not given.

        Raises
        ------
        ShapeError
            If an array is not of this shape or has too few rows.
        ConfigurationError
            If a layer is named that the network does not take with delays.
        """
        graph = network.graph
        given: dict[str, Array] = {}
        if inputs is not None:
            given[INPUTS] = network.input_scaling.apply(_table(inputs, graph.n_inputs, "inputs"))
        if targets is not None:
            scaled = network.target_scaling.apply(_table(targets, graph.n_outputs, "targets"))
            given[TARGETS] = given[graph.output.name] = scaled
        longest, sizes = delays_of(graph), _sizes(graph)
        if graph.steps_ahead and any(source not in (INPUTS, TARGETS) for source in longest):
            given |= _gone_through(network, given, longest, sizes)
        for name, remembered in (layers or {}).items():
            if name not in longest or name in (INPUTS, TARGETS):
                raise ConfigurationError(
                    f"No layer takes {name!r} with delays; these are: {', '.join(longest) or 'none'}."
                )
            given[name] = _table(remembered, sizes[name], f"the states of {name!r}")
        histories = {}
        for source, delay in longest.items():
            rows = given.get(source)
            if rows is not None and len(rows) < delay:
                raise ShapeError(f"{source!r} is taken {delay} steps back: {delay} rows are needed, got {len(rows)}.")
            histories[source] = np.zeros((delay, sizes[source])) if rows is None else rows[len(rows) - delay :].copy()
        return cls(histories)

    def checked_for(self, graph: LayerGraph) -> DelayStates:
        """Return these states, or refuse them for a network that they are not of.

        Parameters
        ----------
        graph : LayerGraph
            The network.

        Raises
        ------
        ShapeError
            If a source is missing, too many, or of another shape.
        """
        sizes = _sizes(graph)
        expected = {source: (delay, sizes[source]) for source, delay in delays_of(graph).items()}
        got = {source: np.shape(rows) for source, rows in self.histories.items()}
        if expected != got:
            raise ShapeError(f"The delay states of {graph.describe()} are of the shapes {expected}, got {got}.")
        return self


class Simulation(NamedTuple):
    """What `simulate` returns."""

    outputs: Any  # (n_steps, n_outputs): in the target's units
    states: Any  # After the last step: with them the next steps go on as if there had been no break


@overload
def simulate(
    network: Network,
    inputs: ArrayLike | int | None = None,
    targets: ArrayLike | None = None,
    *,
    states: str | DelayStates = "data",
) -> Simulation: ...
@overload
def simulate(
    network: Network,
    inputs: Sequence[ArrayLike | int] | None = None,
    targets: Sequence[ArrayLike] | None = None,
    *,
    states: str | Sequence[DelayStates] = "data",
) -> Simulation: ...
def simulate(network: Network, inputs: Any = None, targets: Any = None, *, states: Any = "data") -> Simulation:
    """Evaluate a network through time.

    Parameters
    ----------
    network : Network
        With delays or feedback, or without.
    inputs : array-like of shape (n_steps, n_inputs), or a list of them, one a sequence
        In the user's units. For a network without inputs: the number of steps, or nothing where targets are given.
    targets : array-like of shape (n_steps, n_outputs), or a list of them, optional
        What was measured: needed by a network with an open loop, and for the history of one with a closed loop.
    states : {"data", "zero"}, DelayStates or a list of them
        What was before the first step. ``"data"``: the first `LayerGraph.history` rows are history only, of inputs and
        of targets, and hidden layers remember zero. ``"zero"``: zero in scaled units. Or states from elsewhere, one a
        sequence.

    Returns
    -------
    Simulation
        Outputs and final states; lists where lists were given. With ``"data"`` the first output belongs to the first
        row after the history.

    Raises
    ------
    ShapeError
        If arrays or states do not fit the network or each other.
    DataError
        If a sequence has not more rows than its history.
    ConfigurationError
        If targets that are needed are not given.

    Examples
    --------
    >>> from marquardt.networks import narx
    >>> graph = narx(1, (), 1, (0,), (1,), closed=True)
    >>> integrator = Network(graph, [1.0, 1.0, 0.0])
    >>> simulate(integrator, [[1.0], [2.0], [3.0]], states="zero").outputs.ravel()
    array([1., 3., 6.])
    """
    sequences = Sequences.of(network, inputs, targets, states)
    wiring = TimeWiring(network.graph)
    outputs: list[Array] = []
    finals: list[DelayStates] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for one in sequences.each():
            course = wiring.forward(network.weights, one.data, one.histories)
            outputs.append(network.target_scaling.invert(course.outputs[:, 0]))
            finals.append(
                DelayStates(
                    {source: course.values[source][-delay:, 0] for source, delay in delays_of(network.graph).items()}
                )
            )
    if sequences.is_single:
        return Simulation(outputs[0], finals[0])
    return Simulation(outputs, finals)


class Prepared(NamedTuple):
    """One sequence as the engine takes it: scaled, with `max_delay` steps of history in front."""

    data: dict[str, Array]  # (max_delay + n_steps, 1, size): inputs and, where given, targets
    histories: dict[str, Array]  # (max_delay, 1, size)
    n_steps: int  # Steps with an output
    first: int  # The row of the first of them


class Sequences:
    """Sequences that were checked against a network."""

    def __init__(
        self,
        network: Network,
        inputs: list[Array],
        targets: list[Array] | None,
        states: list[DelayStates] | None,
        is_single: bool,
    ) -> None:
        self.network, self.inputs, self.targets, self.states = network, inputs, targets, states
        self.is_single = is_single

    @classmethod
    def of(cls, network: Network, inputs: Any, targets: Any, states: Any) -> Sequences:
        """Check what `simulate` was given."""
        graph = network.graph
        is_single = not any(_is_list(given) for given in (inputs, targets))
        given_inputs = [inputs] if is_single else inputs
        given_targets = None if targets is None else [targets] if is_single else targets
        count = _count_sequences(given_inputs, given_targets)
        answers = None
        if given_targets is not None:
            answers = [_table(rows, graph.n_outputs, "targets") for rows in given_targets]
        is_from_data = isinstance(states, str) and states == "data"
        tables = []
        for number in range(count):
            rows = None if given_inputs is None else given_inputs[number]
            if graph.n_inputs == 0 and (rows is None or isinstance(rows, Integral)):
                answer = None if answers is None else answers[number]
                tables.append(np.empty((_count_steps(rows, answer, is_from_data), 0)))
            else:
                tables.append(_table(rows, graph.n_inputs, "inputs"))
        _require_targets(graph, tables, answers, is_from_data)
        known = _known_states(graph, states, count, is_single)
        sequences = cls(network, tables, answers, known, is_single)
        for table in tables:
            if len(table) <= sequences.n_history:
                raise DataError(
                    f"A sequence of {len(table)} rows has no output: {sequences.n_history} rows are history "
                    f"of {graph.describe()}. Give longer sequences, or states."
                )
        return sequences

    @property
    def n_history(self) -> int:
        """Rows of every sequence that are history only."""
        return self.network.graph.history if self.states is None else 0

    def each(self) -> list[Prepared]:
        """Return every sequence as the engine takes it."""
        return [self._prepared(number) for number in range(len(self.inputs))]

    def _prepared(self, number: int) -> Prepared:
        network, depth, first = self.network, self.network.graph.max_delay, self.n_history
        states = None if self.states is None else self.states[number].histories
        sizes = _sizes(network.graph)
        tables = {INPUTS: network.input_scaling.apply(self.inputs[number])}
        n_steps = len(self.inputs[number]) - first
        if self.targets is not None:
            tables[TARGETS] = network.target_scaling.apply(self.targets[number][: first + n_steps])
        data: dict[str, Array] = {}
        for source, table in tables.items():
            rows = np.zeros((depth + n_steps, 1, sizes[source]))
            before = table[:first] if states is None else states.get(source, np.empty((0, sizes[source])))
            _put_last(rows[:depth, 0], before)
            now = table[first:]
            rows[depth : depth + len(now), 0] = now
            data[source] = rows
        histories: dict[str, Array] = {}
        before_layers = {k: v for k, v in (states or {}).items() if k not in (INPUTS, TARGETS)}
        if states is None and TARGETS in tables:
            before_layers[network.graph.output.name] = tables[TARGETS][:first]
        if states is None and network.graph.steps_ahead:
            # What is fed back before the first step is of later steps than the rows before it.
            targets = None if self.targets is None else self.targets[number][:first]
            made = DelayStates.of(network, self.inputs[number][:first], targets).histories
            before_layers = {k: v for k, v in made.items() if k not in (INPUTS, TARGETS)}
        for name, before in before_layers.items():
            rows = np.zeros((depth, 1, sizes[name]))
            _put_last(rows[:, 0], before)
            histories[name] = rows
        return Prepared(data, histories, n_steps, first)


def _gone_through(
    network: Network, given: Mapping[str, Array], longest: Mapping[str, int], sizes: Mapping[str, int]
) -> dict[str, Array]:
    """What layers remember after the last row of data, of a network whose outputs come some steps early.

    Its output at step t is of t + s. So before the last s rows its outputs are the targets up to the last one, and it
    goes through these s rows itself.
    """
    graph, steps, depth = network.graph, network.graph.steps_ahead, network.graph.max_delay
    data: dict[str, Array] = {}
    for source in (INPUTS, TARGETS):
        rows, need = given.get(source), steps + longest.get(source, 0)
        if rows is not None and len(rows) < need:
            raise ShapeError(
                f"{source!r} is taken {need - steps} steps back, and the outputs come {steps} early: {need} rows are "
                f"needed, got {len(rows)}."
            )
        data[source] = np.zeros((depth + steps, 1, sizes[source]))
        if rows is not None:
            _put_last(data[source][:, 0], rows)
    histories: dict[str, Array] = {}
    name = graph.output.name
    if name in longest and name in given:
        histories[name] = np.zeros((depth, 1, sizes[name]))
        _put_last(histories[name][:, 0], given[name])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        course = TimeWiring(graph).forward(network.weights, data, histories)
    return {source: course.values[source][:, 0] for source in longest if source not in (INPUTS, TARGETS)}


def _put_last(rows: Array, before: Array) -> None:
    """Write what is there of a history to its end."""
    count = min(len(rows), len(before))
    if count:
        rows[len(rows) - count :] = before[len(before) - count :]


def _count_sequences(inputs: Any, targets: Any) -> int:
    """How many sequences there are; refuses what are not as many, or none."""
    for what, given in (("inputs", inputs), ("targets", targets)):
        if given is not None and not isinstance(given, list | tuple):
            raise ShapeError(f"{what} must be a list of arrays, one a sequence, as the others are.")
    if inputs is not None and targets is not None and len(inputs) != len(targets):
        raise ShapeError(f"inputs and targets must be of as many sequences, got {len(inputs)} and {len(targets)}.")
    count = len(inputs if inputs is not None else targets or [])
    if count == 0:
        raise DataError("There is no sequence.")
    return count


def _count_steps(rows: Any, answer: Array | None, is_from_data: bool) -> int:
    """The steps of a network without inputs: as many as are said, or as there are targets."""
    if rows is not None and is_from_data:
        raise ConfigurationError(
            "A number of steps has no history. Give states: DelayStates.of(network, targets=…), or 'zero'."
        )
    if rows is not None:
        return int(rows)
    if answer is None:
        raise ConfigurationError("A network without inputs takes the number of steps instead, got None.")
    return len(answer)


def _require_targets(graph: LayerGraph, tables: list[Array], answers: list[Array] | None, is_from_data: bool) -> None:
    """Refuse targets that are not there, or too few of them, where the network takes them."""
    takes_targets = any(TARGETS in layer.sources for layer in graph.layers)
    takes_output = any(graph.output.name in layer.sources for layer in graph.layers)
    if answers is None and takes_targets:
        raise ConfigurationError(
            "This network takes measured targets, and none are given: pass targets, or close the loop."
        )
    if answers is None and takes_output and is_from_data:
        raise ConfigurationError(
            "The history of a closed loop are measured targets, and none are given: pass targets, or states."
        )
    for table, answer in zip(tables, answers or (), strict=answers is not None):
        # A closed loop takes no more of the targets than its history.
        if len(answer) < (len(table) if takes_targets else min(len(table), graph.history)):
            raise ShapeError(f"inputs and targets must have as many rows, got {len(table)} and {len(answer)}.")


def _known_states(graph: LayerGraph, states: Any, count: int, is_single: bool) -> list[DelayStates] | None:
    """States a sequence, or None where they come from the data."""
    if isinstance(states, str) and states == "data":
        return None
    if isinstance(states, str) and states == "zero":
        return [DelayStates.zero(graph)] * count
    given = [states] if is_single and isinstance(states, DelayStates) else states
    if not isinstance(given, list | tuple) or not all(isinstance(each, DelayStates) for each in given):
        raise ConfigurationError(
            f"states must be {' or '.join(map(repr, STATES))}, DelayStates, or a list of them, one a sequence, "
            f"got {states!r}."
        )
    if len(given) != count:
        raise ShapeError(f"There are {count} sequences and {len(given)} states: give one a sequence.")
    return [each.checked_for(graph) for each in given]


def _sizes(graph: LayerGraph) -> dict[str, int]:
    return {INPUTS: graph.n_inputs, TARGETS: graph.n_outputs} | {layer.name: layer.size for layer in graph.layers}


def _is_list(given: Any) -> bool:
    """Whether several sequences are given: a list of tables, not a table written as a list."""
    return (
        isinstance(given, list | tuple)
        and len(given) > 0
        and all(np.ndim(each) in (0, 2) for each in given)
        and (any(np.ndim(each) == 2 for each in given) or all(isinstance(each, Integral) for each in given))
    )


def _table(rows: Any, width: int, what: str) -> Array:
    table = as_array(rows, what)
    if table.ndim != 2 or table.shape[1] != width:
        raise ShapeError(f"{what} of a sequence must be of shape (n_steps, {width}), got {table.shape}.")
    return table
