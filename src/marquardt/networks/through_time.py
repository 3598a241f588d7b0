"""Evaluation of a network through time: many sequences at once, and as few steps in Python as its loops ask for.

The arrays have the axes (step, sequence, unit). A layer takes what a source was `delay` steps ago, so with the steps
of history in front the taps of a layer are slices of its sources. Layers that are in no loop are evaluated for all
steps at once, one product a layer. Layers in a loop, directly or by way of each other, are a *strongly connected* part
of the graph: what they take from outside the loop is one product for all steps too, and only what goes round is taken
step by step.

Sequences of different lengths lie side by side, the longest first: at every step the sequences that still go on are the
first ones. What comes after the end of a sequence is zero and takes part in nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from marquardt.arrays import AnyArray, Array, Indices
from marquardt.networks.activations import activation_named
from marquardt.networks.graph import INPUTS, TARGETS, LayerGraph, LayerSpan

__all__ = ["TimeWiring", "Trajectory"]


class Trajectory(NamedTuple):
    """What an evaluation through time leaves."""

    matrices: list[Array]  # (size, fan_in): W of every layer, views of the weights of all connections
    values: dict[str, Array]  # (max_delay + n_steps, n_sequences, size): what every source was, the history first
    nets: list[Array]  # (n_steps, n_sequences, size): net of every layer
    stacked: list[Array | None]  # (n_steps, n_sequences, fan_in): z of every layer, as far as it was needed
    # (n_steps, n_sequences, n_outputs): what the loss sees: the output layer's value, or its net if the loss is
    # fused with its activation
    outputs: Array
    counts: Indices | None  # (n_steps,): how many sequences go on at every step; None where it is all of them


class _InLoop(NamedTuple):
    """A layer of a loop, made ready for the steps."""

    net: Array
    value: Array
    taps: list[tuple[Array, int, int, Array]]
    activation: str


class TimeWiring:
    """A graph made ready for evaluation through time."""

    def __init__(self, graph: LayerGraph, is_fused: bool = False) -> None:
        self.graph = graph
        self.is_fused = is_fused
        self.spans: tuple[LayerSpan, ...] = graph.spans
        self.names = [layer.name for layer in graph.layers]
        self.number = {name: k for k, name in enumerate(self.names)}
        self.sizes = {INPUTS: graph.n_inputs, TARGETS: graph.n_outputs}
        self.sizes |= {layer.name: layer.size for layer in graph.layers}
        self.depth = graph.max_delay
        self.activations = [activation_named(layer.activation) for layer in graph.layers]
        last = len(self.spans) - 1
        self.is_linear = [
            layer.activation == "identity" or (is_fused and k == last) for k, layer in enumerate(graph.layers)
        ]
        self.parts, self.is_loop = self._ordered_parts()
        self.part_of = {k: part for part in self.parts for k in part}

    def _ordered_parts(self) -> tuple[list[tuple[int, ...]], list[bool]]:
        """The strongly connected parts, sources first."""
        n_layers = len(self.names)
        reaches = np.zeros((n_layers, n_layers), dtype=bool)
        for k, layer in enumerate(self.graph.layers):
            for source in layer.sources:
                if source in self.number:
                    reaches[self.number[source], k] = True
        direct = reaches.copy()
        for middle in range(n_layers):
            reaches |= reaches[:, middle : middle + 1] & reaches[middle]
        todo = list(range(n_layers))
        parts: list[tuple[int, ...]] = []
        done: set[int] = set()
        while todo:
            for k in todo:
                part = tuple(m for m in todo if m == k or (reaches[k, m] and reaches[m, k]))
                outside = {int(s) for m in part for s in np.flatnonzero(direct[:, m])} - set(part)
                if outside <= done:
                    break
            parts.append(part)
            done.update(part)
            todo = [m for m in todo if m not in part]
        return parts, [bool(reaches[part[0], part[0]]) for part in parts]

    def stacked(self, k: int, values: Mapping[str, Array], first: int, n_steps: int) -> Array:
        """Return z of a layer over a run of steps."""
        span = self.spans[k]
        n_sequences = next(iter(values.values())).shape[1]
        z = np.empty((n_steps, n_sequences, span.fan_in))
        for source, delay, start, stop in span.taps:
            begin = self.depth - delay + first
            z[..., start:stop] = values[source][begin : begin + n_steps]
        if span.layer.bias:
            z[..., -1] = 1.0
        return z

    def forward(
        self,
        weights: Array,
        data: Mapping[str, Array],
        histories: Mapping[str, Array] | None = None,
        counts: Indices | None = None,
        kept: Sequence[Array | None] | None = None,
    ) -> Trajectory:
        """Evaluate."""
        graph, depth = self.graph, self.depth
        some = next(iter(data.values()))
        n_steps, n_sequences = len(some) - depth, some.shape[1]
        connections = graph.connections(weights)
        matrices = [span.matrix(connections) for span in self.spans]
        values: dict[str, Array] = dict(data)
        for layer in graph.layers:
            value = np.zeros((depth + n_steps, n_sequences, layer.size))
            if histories is not None and layer.name in histories:
                value[:depth] = histories[layer.name]
            values[layer.name] = value
        nets: list[Array] = [some] * len(self.spans)
        stacked: list[Array | None] = [None] * len(self.spans) if kept is None else list(kept)
        for part, is_loop in zip(self.parts, self.is_loop, strict=True):
            if is_loop:
                self._go_round(part, matrices, values, nets, n_steps, counts)
                continue
            (k,) = part
            z = stacked[k]
            if z is None:
                z = stacked[k] = self.stacked(k, values, 0, n_steps)
            net = nets[k] = z @ matrices[k].T
            values[self.names[k]][depth:] = net if self.spans[k].layer.activation == "identity" else self.value(k, net)
        last = graph.output
        outputs = nets[-1] if self.is_fused else values[last.name][depth:]
        return Trajectory(matrices, values, nets, stacked, outputs, counts)

    def value(self, k: int, net: Array) -> Array:
        """Return f(net) of a layer."""
        activation = self.activations[k]
        if activation.elementwise:
            return activation.value(net)
        return activation.value(net.reshape(-1, net.shape[-1]).T).T.reshape(net.shape)

    def _go_round(
        self,
        part: tuple[int, ...],
        matrices: list[Array],
        values: dict[str, Array],
        nets: list[Array],
        n_steps: int,
        counts: Indices | None,
    ) -> None:
        """Evaluate the layers of one loop, step by step."""
        inside = {self.names[k] for k in part}
        depth = self.depth
        n_sequences = next(iter(values.values())).shape[1]
        layers = []
        for k in part:
            span, matrix = self.spans[k], matrices[k]
            bias = matrix[:, -1] if span.layer.bias else np.zeros(span.layer.size)
            net = np.empty((n_steps, n_sequences, span.layer.size))
            net[:] = bias
            taps: list[tuple[Array, int, int, Array]] = []
            for source, delay, first, last in span.taps:
                begin = depth - delay
                if source not in inside:
                    net += values[source][begin : begin + n_steps] @ matrix[:, first:last].T
                    continue
                block = matrix[:, first:last].T
                before = taps[-1] if taps else None
                if n_sequences == 1 and before is not None and before[0] is values[source] and before[1] == begin + 1:
                    # One sequence: the taps of successive delays lie one behind the other, and are one product.
                    taps[-1] = (before[0], begin, before[2], np.concatenate([block, before[3]]))
                else:
                    taps.append((values[source], begin, begin + 1, np.ascontiguousarray(block)))
            nets[k] = net
            layers.append(_InLoop(net, values[self.names[k]], taps, span.layer.activation))
        if n_sequences == 1:
            _steps_of_one(layers, n_steps, depth)
        else:
            _steps_of_many(layers, n_steps, depth, counts)

    def slopes(self, course: Trajectory) -> list[Array | None]:
        """Return f′ of every layer; None where it is 1, and for a softmax output."""
        return [
            None
            if is_linear or not activation.elementwise
            else activation.slope(course.nets[k], course.values[self.names[k]][self.depth :])
            for k, (is_linear, activation) in enumerate(zip(self.is_linear, self.activations, strict=True))
        ]


def _steps_of_one(layers: list[_InLoop], n_steps: int, depth: int) -> None:
    """All steps of a single sequence: vectors."""
    ready = []
    for layer in layers:
        activation = activation_named(layer.activation)
        function = None if layer.activation == "identity" else activation.value
        taps = [(array.reshape(len(array), -1), a, b, matrix) for array, a, b, matrix in layer.taps]
        ready.append(
            (layer.net[:, 0], layer.value[:, 0], taps, function, isinstance(function, np.ufunc)),
        )
    for t in range(n_steps):
        for net, value, taps, function, is_ufunc in ready:
            row: AnyArray = net[t]
            for array, a, b, matrix in taps:
                row += array[t + a : t + b].ravel() @ matrix
            if function is None:
                value[t + depth] = row
            elif is_ufunc:
                function(row, value[t + depth])  # type: ignore[call-arg]
            else:
                value[t + depth] = function(row)


def _steps_of_many(layers: list[_InLoop], n_steps: int, depth: int, counts: Indices | None) -> None:
    """All steps of several sequences: at every step the first ones, which still go on."""
    ready = []
    for layer in layers:
        activation = activation_named(layer.activation)
        function = None if layer.activation == "identity" else activation.value
        ready.append((layer.net, layer.value, layer.taps, function, activation.elementwise))
    n_all = layers[0].net.shape[1]
    for t in range(n_steps):
        n = n_all if counts is None else int(counts[t])
        for net, value, taps, function, is_elementwise in ready:
            rows = net[t, :n]
            for array, a, _, matrix in taps:
                rows += array[t + a, :n] @ matrix
            if function is None:
                value[t + depth, :n] = rows
            elif is_elementwise:
                value[t + depth, :n] = function(rows)
            else:
                value[t + depth, :n] = function(rows.T).T
