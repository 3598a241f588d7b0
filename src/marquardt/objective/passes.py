"""Forward and backward passes over one block of samples.

With z the stacked sources of a layer and a 1, net = W z and a = f(net). The backward pass is written once,
for any array whose last two axes are (units, samples): the gradient's deltas have those two, the unit
sensitivities ∂(R output)_k/∂net have a leading axis k.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marquardt.arrays import Array
from marquardt.networks import INPUTS, LayerGraph, LayerSpan, activation_named

__all__ = ["Pass", "Scratch", "Wiring"]

_ALL_INPUTS = -1


class Pass(NamedTuple):
    """What a forward pass leaves for the backward one."""

    matrices: list[Array]  # (size, fan_in): W of every layer, views of the connections
    stacked: list[Array]  # (fan_in, n_samples): z of every layer
    # (size, n_samples): net and f(net) of every layer. Where the slope needs only the value, as of tanh, both are
    # the value
    nets: list[Array]
    values: list[Array]  # (size, n_samples)
    # (n_outputs, n_samples): what the loss sees: the output layer's value, or its net if the loss is fused with
    # its activation
    outputs: Array


class Scratch:
    """Arrays of one thread, allocated once and used for every block.

    A fresh array of this size costs more in page faults than the arithmetic that fills it.
    """

    def __init__(self) -> None:
        self._arrays: dict[object, Array] = {}

    def take(self, name: object, rows: int, columns: int) -> Array:
        """Return an uninitialized array; the same memory for the same name."""
        array = self._arrays.get(name)
        if array is not None and array.shape == (rows, columns):
            return array
        if array is None or array.base is None or array.base.size < rows * columns:
            base = np.empty(rows * columns)
        else:
            base = array.base
        array = self._arrays[name] = base[: rows * columns].reshape(rows, columns)
        return array


class Wiring:
    """A layer graph made ready for passes: indices instead of names.

    Weights go in and derivatives come out as they are trained; inside, a pass has all connections, so that what is
    fixed or shared needs no thought in between.
    """

    def __init__(self, graph: LayerGraph, is_fused: bool) -> None:
        graph.require_static("An objective of samples")
        self.graph = graph
        self.weight_map = graph.weight_map
        self.is_fused = is_fused
        self.spans: tuple[LayerSpan, ...] = graph.spans
        self.activations = [activation_named(layer.activation) for layer in graph.layers]
        number = {INPUTS: _ALL_INPUTS} | {layer.name: k for k, layer in enumerate(graph.layers)}
        self.sources = [tuple(number[source] for source in layer.sources) for layer in graph.layers]
        # Where each layer goes: (consumer, first column, last column + 1).
        self.consumers: list[list[tuple[int, int, int]]] = [[] for _ in graph.layers]
        for consumer, span in enumerate(self.spans):
            for source, first, last in span.columns:
                if source != INPUTS:
                    self.consumers[number[source]].append((consumer, first, last))
        # No slope to multiply with: identity layers, and the output layer under a fused loss.
        last = len(self.spans) - 1
        self.is_linear = [
            span.layer.activation == "identity" or (is_fused and k == last) for k, span in enumerate(self.spans)
        ]
        self._ones: dict[int, Array] = {}
        self._steps = [
            (
                (span.start, span.stop, span.layer.size, span.fan_in),
                self.sources[k],
                span.layer.bias,
                None if self.is_linear[k] else activation.value,
                # A ufunc whose slope needs only the value may write it over the net.
                isinstance(activation.value, np.ufunc) and not activation.uses_net,
            )
            for k, (span, activation) in enumerate(zip(self.spans, self.activations, strict=True))
        ]

    def ones(self, n_samples: int) -> Array:
        """Return a row of ones, of shape (1, n_samples); read-only, made once."""
        row = self._ones.get(n_samples)
        if row is None:
            row = self._ones[n_samples] = np.ones((1, n_samples))
            row.setflags(write=False)
        return row

    def forward(self, weights: Array, inputs: Array, scratch: Scratch | None = None) -> Pass:
        """Evaluate one block."""
        n_samples = inputs.shape[1]
        if self.weight_map is not None:
            weights = self.weight_map.expand(weights)
        augmented: list[Array] = []
        matrices: list[Array] = []
        stacked: list[Array] = []
        nets: list[Array] = []
        values: list[Array] = []
        last = len(self._steps) - 1
        for k, ((start, stop, size, fan_in), sources, has_bias, function, in_place) in enumerate(self._steps):
            if len(sources) == 1:
                source = sources[0]
                z = inputs if source == _ALL_INPUTS else augmented[source]
                if not has_bias:
                    z = z[:-1]
            else:
                # Every augmented array ends in a row of ones; only the last one's is kept, as the bias.
                parts = [inputs if source == _ALL_INPUTS else augmented[source] for source in sources]
                z = np.concatenate([*(part[:-1] for part in parts[:-1]), parts[-1] if has_bias else parts[-1][:-1]])
            matrix = weights[start:stop].reshape(size, fan_in)
            if k == last:
                net = matrix @ z
                value = net if function is None else function(net)
            else:
                ones = np.empty((size + 1, n_samples)) if scratch is None else scratch.take(k, size + 1, n_samples)
                ones[size] = 1.0
                value = ones[:size]
                if function is None or in_place:
                    net = np.matmul(matrix, z, out=value)
                    if isinstance(function, np.ufunc):
                        function(net, out=value)
                else:
                    net = matrix @ z
                    value[:] = function(net)
                augmented.append(ones)
            matrices.append(matrix)
            stacked.append(z)
            nets.append(net)
            values.append(value)
        return Pass(matrices, stacked, nets, values, value)

    def slopes(self, done: Pass) -> list[Array | None]:
        """Return f′ of every layer; None where it is 1, and for a softmax output."""
        return [
            None if is_linear or not activation.elementwise else activation.slope(net, value)
            for is_linear, activation, net, value in zip(
                self.is_linear, self.activations, done.nets, done.values, strict=True
            )
        ]

    def through_output(self, done: Pass, slopes: list[Array | None], rows: Array) -> Array:
        """Take derivatives with respect to the outputs back to the net of the output layer."""
        if self.is_linear[-1]:
            return rows
        slope = slopes[-1]
        if slope is not None:
            return rows * slope
        # Softmax: (diag(q) − q qᵀ) applied to every row.
        q = done.values[-1]
        mixed: Array = q * (rows - (rows * q).sum(axis=-2, keepdims=True))
        return mixed

    def backward(self, done: Pass, slopes: list[Array | None], at_output: Array) -> list[Array]:
        """Take derivatives with respect to the output layer's net back to every layer's net."""
        deltas: list[Array] = [at_output] * len(self.spans)
        for k in range(len(self.spans) - 2, -1, -1):
            delta: Array | None = None
            for consumer, first, last in self.consumers[k]:
                transposed = done.matrices[consumer][:, first:last].T
                above = deltas[consumer]
                # A product over one unit is no sum: written elementwise it is many times faster.
                part = transposed * above if above.shape[-2] == 1 else transposed @ above
                delta = part if delta is None else delta + part
            assert delta is not None  # the graph refuses layers that nobody uses
            slope = slopes[k]
            if slope is not None:
                delta *= slope
            deltas[k] = delta
        return deltas

    def gradient(self, done: Pass, slopes: list[Array | None], slope: Array) -> Array:
        """Return ∂loss/∂weights of one block."""
        deltas = self.backward(done, slopes, self.through_output(done, slopes, slope))
        return self.gradient_of(deltas, done.stacked)

    def gradient_of(self, deltas: list[Array], stacked: list[Array]) -> Array:
        """Return Σ_samples δ zᵀ of all layers, as weights are trained."""
        gradient = np.empty(self.graph.n_connections)
        for span, delta, z in zip(self.spans, deltas, stacked, strict=True):
            np.matmul(delta, z.T, out=span.matrix(gradient))
        return gradient if self.weight_map is None else self.weight_map.contract(gradient)

    def direction(self, vector: Array) -> Array:
        """Return how all connections move along a direction of the weights."""
        if self.weight_map is None:
            return vector
        return self.weight_map.directions(vector.T).T
