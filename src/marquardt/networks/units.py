"""Networks of single units, each with sources of its own, made into layers.

A unit's level is one more than the highest level of its sources, inputs having 0. Units of a level do not depend on
each other, so that those with the same activation can be evaluated together, as one layer. Its sources are all inputs,
if any unit takes one, and every layer of which any unit takes one; a connection that a unit has not is a weight that is
fixed at 0 (see `WeightMap`). Where all units of a level take the same, nothing needs to be fixed: a fully connected
cascade is a layer a unit, and the same graph that its builder makes.

Outputs are the last layer. Units that are outputs and sources of others, or outputs of different activations, are
gathered by a layer of identities whose weights are fixed at 1 and 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import nearest, whole
from marquardt.errors import ConfigurationError
from marquardt.networks.activations import activation_named
from marquardt.networks.graph import INPUTS, TARGETS, Layer, LayerGraph

__all__ = ["Unit", "unit_graph", "units_of"]

GATHERED = "outputs"
"""The layer that gathers outputs which are no layer of their own."""


@dataclass(frozen=True)
class Unit:
    """A unit with sources of its own.

    Parameters
    ----------
    name : str
        Unique in its network.
    sources : sequence of int or str
        Numbers of inputs, from 0, and names of units, each once. In any order: weights are in the order of the graph.
    activation : str
        One of `ACTIVATIONS`, alone or with a gain: ``"tanh(gain=0.5)"``.
    bias : bool
        Whether it has a bias.

    Raises
    ------
    ConfigurationError
        If it has no source, names one twice or itself, or has an unknown activation.

    Examples
    --------
    >>> Unit("a", (0, 1), "tanh(0.5)").activation
    'tanh(gain=0.5)'
    """

    name: str
    sources: tuple[int | str, ...]
    activation: str = "tanh"
    bias: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ConfigurationError(f"The name of a unit must be a text, got {self.name!r}.")
        if self.name in (INPUTS, TARGETS, "bias", GATHERED):
            raise ConfigurationError(f"The name {self.name!r} is taken. Give the unit another one.")
        given: Any = self.sources
        if isinstance(given, str) or not hasattr(given, "__iter__"):
            raise ConfigurationError(f"The sources of unit {self.name!r} must be a sequence, got {given!r}.")
        sources = tuple(
            source if isinstance(source, str) else whole(source, f"an input that unit {self.name!r} takes")
            for source in given
        )
        if not sources:
            raise ConfigurationError(f"Unit {self.name!r} has no source. Give it an input or another unit.")
        for source in sources:
            if sources.count(source) > 1:
                raise ConfigurationError(f"Unit {self.name!r} takes {_said(source)} twice. Name every source once.")
        if self.name in sources:
            raise ConfigurationError(
                f"Unit {self.name!r} takes itself. Without a delay that cannot be; with one, build a LayerGraph with "
                f"Layer(delays=…)."
            )
        object.__setattr__(self, "sources", sources)
        object.__setattr__(self, "activation", activation_named(self.activation).name)
        object.__setattr__(self, "bias", bool(self.bias))


def unit_graph(n_inputs: int, units: Iterable[Unit], outputs: Sequence[str] | None = None) -> LayerGraph:
    """Build the layer graph of single units.

    Parameters
    ----------
    n_inputs : int
        Number of network inputs.
    units : sequence of Unit
        In any order; each may take inputs and any units, as long as there is no cycle.
    outputs : sequence of str, optional
        Names of the units that are outputs, in order; inner units may be. When not given, those that no unit takes.

    Returns
    -------
    LayerGraph
        Units of a level and of equal activation are one layer. A layer of one unit has its name.

    Raises
    ------
    ConfigurationError
        For no units, a name given twice, a source that is not there, an input or a unit that nothing uses, a cycle, or
        outputs that are none.

    Examples
    --------
    Parity-3 by two units, one after the other:

    >>> units = [Unit("a", (0, 1, 2)), Unit("b", (0, 1, 2, "a"))]
    >>> graph = unit_graph(3, units)
    >>> [layer.name for layer in graph.layers], graph.n_weights
    (['a', 'b'], 9)

    The first unit sees two of the inputs only:

    >>> unit_graph(3, [Unit("a", (0, 1)), Unit("b", (2, "a"))]).n_weights
    6
    """
    n_inputs = whole(n_inputs, "the number of inputs", minimum=1)
    by_name: dict[str, Unit] = {}
    for unit in units:
        if unit.name in by_name:
            raise ConfigurationError(f"There are two units {unit.name!r}. Give every unit a name of its own.")
        by_name[unit.name] = unit
    if not by_name:
        raise ConfigurationError("A network needs at least one unit.")
    _check_sources(n_inputs, by_name)
    taken = {source for unit in by_name.values() for source in unit.sources if isinstance(source, str)}
    chosen = [name for name in by_name if name not in taken] if outputs is None else _checked_outputs(outputs, by_name)
    levels = _levels(by_name)
    _refuse_unused(n_inputs, by_name, chosen)
    kinds = {(by_name[name].activation, by_name[name].bias) for name in chosen}
    is_layer = len(kinds) == 1 and not taken & set(chosen)
    groups: dict[tuple[int, str, bool], list[str]] = {}
    for name in sorted(by_name, key=lambda name: levels[name]):
        if not (is_layer and name in chosen):
            unit = by_name[name]
            groups.setdefault((levels[name], unit.activation, unit.bias), []).append(name)
    members = [*groups.values(), *([chosen] if is_layer else [])]
    layers, fixed = _layers(n_inputs, by_name, members)
    if not is_layer:
        _gather(layers, fixed, members, chosen)
    graph = LayerGraph(n_inputs, tuple(layers))
    return graph.with_fixed(fixed) if fixed else graph


def units_of(graph: LayerGraph) -> tuple[list[Unit], list[str]]:
    """Return the units of a graph, and which are its outputs: the way back from `unit_graph`."""
    graph.require_static("A list of units")
    absent, ones = _absent_and_ones(graph)
    names: dict[str, list[str]] = {}
    for layer in graph.layers:
        several = [f"{layer.name}:{number + 1}" for number in range(layer.size)]
        names[layer.name] = _named_units(layer) or (several if layer.size > 1 else [layer.name])
    units: list[Unit] = []
    outputs = names[graph.output.name]
    for span in graph.spans:
        layer = span.layer
        signals: list[int | str] = []
        for source in layer.sources:
            signals += list(range(graph.n_inputs)) if source == INPUTS else names[source]
        missing = span.matrix(absent)
        if ones is not None and layer is graph.output:
            # A row with a single 1 and no bias hands a unit on.
            outputs = [str(signals[int(np.argmax(row))]) for row in span.matrix(ones)]
            continue
        for number, name in enumerate(names[layer.name]):
            sources = [signal for signal, is_missing in zip(signals, missing[number], strict=False) if not is_missing]
            has_bias = layer.bias and not missing[number, -1]
            units.append(Unit(name, tuple(sources), layer.activation, bool(has_bias)))
    return units, outputs


def _said(source: int | str) -> str:
    return f"unit {source!r}" if isinstance(source, str) else f"input {source}"


def _check_sources(n_inputs: int, by_name: Mapping[str, Unit]) -> None:
    """Refuse sources that are not there."""
    for unit in by_name.values():
        for source in unit.sources:
            if isinstance(source, str) and source not in by_name:
                raise ConfigurationError(
                    f"Unit {unit.name!r} takes {source!r}, and there is no such unit.{nearest(source, by_name)} "
                    f"Inputs are given by their numbers, from 0."
                )
            if not isinstance(source, str) and source >= n_inputs:
                raise ConfigurationError(
                    f"Unit {unit.name!r} takes input {source}, and there are {n_inputs}, numbered from 0."
                )


def _checked_outputs(outputs: Sequence[str], by_name: Mapping[str, Unit]) -> list[str]:
    given: Any = outputs
    chosen = [given] if isinstance(given, str) else list(given)
    for name in chosen:
        if name not in by_name:
            raise ConfigurationError(f"There is no unit {name!r} to be an output.{nearest(name, by_name)}")
        if chosen.count(name) > 1:
            raise ConfigurationError(f"Unit {name!r} is an output twice. Name every output once.")
    if not chosen:
        raise ConfigurationError("A network needs at least one output.")
    return chosen


def _levels(by_name: Mapping[str, Unit]) -> dict[str, int]:
    """One more than the highest level of the sources; a cycle is named."""
    levels: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    for first in by_name:
        todo = [(first, False)]
        while todo:
            name, is_left = todo.pop()
            if is_left:
                above = [levels[source] for source in by_name[name].sources if isinstance(source, str)]
                levels[name] = 1 + max(above, default=0)
                on_path.discard(path.pop())
                continue
            if name in levels:
                continue
            if name in on_path:
                cycle = [*path[path.index(name) :], name]
                raise ConfigurationError(
                    f"The units {' ← '.join(map(repr, cycle))} form a cycle. Take a connection out, or give it a delay "
                    f"with Layer(delays=…) in a LayerGraph."
                )
            path.append(name)
            on_path.add(name)
            todo.append((name, True))
            todo += [(source, False) for source in reversed(by_name[name].sources) if isinstance(source, str)]
    return levels


def _refuse_unused(n_inputs: int, by_name: Mapping[str, Unit], outputs: Sequence[str]) -> None:
    """Refuse units that reach no output, and inputs that reach none."""
    reached: set[int | str] = set(outputs)
    todo = list(outputs)
    while todo:
        for source in by_name[todo.pop()].sources:
            if source not in reached:
                reached.add(source)
                if isinstance(source, str):
                    todo.append(source)
    unused = [_said(name) for name in by_name if name not in reached]
    unused += [_said(number) for number in range(n_inputs) if number not in reached]
    if unused:
        raise ConfigurationError(
            f"No output depends on {', '.join(unused[:8])}{' and others' if len(unused) > 8 else ''}. "
            f"Connect what is missing, name it an output, or leave it out."
        )


def _layers(
    n_inputs: int, by_name: Mapping[str, Unit], members: Sequence[Sequence[str]]
) -> tuple[list[Layer], dict[tuple[str, str], Array]]:
    """A layer for every group of units, and 0 where a unit has no connection, NaN elsewhere."""
    layer_of = {name: _layer_name(group) for group in members for name in group}
    place = {name: number for group in members for number, name in enumerate(group)}
    sizes = {INPUTS: n_inputs} | {_layer_name(group): len(group) for group in members}
    layers: list[Layer] = []
    fixed: dict[tuple[str, str], Array] = {}
    for group in members:
        own = _layer_name(group)
        used = {layer_of[s] if isinstance(s, str) else INPUTS for name in group for s in by_name[name].sources}
        sources = tuple(source for source in (INPUTS, *(layer.name for layer in layers)) if source in used)
        values = {source: np.zeros((len(group), sizes[source])) for source in sources}
        for number, name in enumerate(group):
            for s in by_name[name].sources:
                where = (layer_of[s], place[s]) if isinstance(s, str) else (INPUTS, s)
                values[where[0]][number, where[1]] = np.nan
        layers.append(Layer(len(group), by_name[group[0]].activation, sources, by_name[group[0]].bias, own))
        fixed.update({(own, source): array for source, array in values.items() if not np.isnan(array).all()})
    return layers, fixed


def _layer_name(group: Sequence[str]) -> str:
    return "+".join(group)


def _named_units(layer: Layer) -> list[str] | None:
    """The units that a layer's name is made of, if it is."""
    names = layer.name.split("+")
    return names if len(names) == layer.size and len(set(names)) == layer.size and all(names) else None


def _gather(
    layers: list[Layer], fixed: dict[tuple[str, str], Array], members: Sequence[Sequence[str]], outputs: Sequence[str]
) -> None:
    """Add the layer that hands the outputs on as they are."""
    groups = {_layer_name(group): group for group in members if set(group) & set(outputs)}
    layers.append(Layer(len(outputs), "identity", tuple(groups), False, GATHERED))
    for source, group in groups.items():
        fixed[GATHERED, source] = np.array([[float(name == output) for name in group] for output in outputs])


def _absent_and_ones(graph: LayerGraph) -> tuple[Array, Array | None]:
    """Where connections are absent, and, where the last layer gathers outputs, where it has 1."""
    weight_map = graph.weight_map
    if weight_map is None:
        return np.zeros(graph.n_connections), None
    if weight_map.is_shared:
        raise ConfigurationError("Units in a list share no weights, and those of this graph do.")
    is_fixed = weight_map.index < 0
    last = graph.spans[-1]
    matrix, ones = last.matrix(weight_map.values), None
    if (
        is_fixed[last.start :].all()
        and last.layer.activation == "identity"
        and not last.layer.bias
        and ((matrix == 1).sum(axis=1) == 1).all()
        and ((matrix == 0) | (matrix == 1)).all()
        and last.layer.sources != (INPUTS,)
    ):
        ones = weight_map.values
        is_fixed = is_fixed & (np.arange(graph.n_connections) < last.start)
    if weight_map.values[is_fixed].any():
        value = weight_map.values[is_fixed & (weight_map.values != 0)][0]
        raise ConfigurationError(
            f"A list of units has connections or has none, and a weight of this graph is fixed at {value:g}."
        )
    return is_fixed.astype(np.float64), ones
