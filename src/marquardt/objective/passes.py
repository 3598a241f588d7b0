"""Forward and backward passes over one block of samples.

With z the stacked sources of a layer and a 1, net = W z and a = f(net). The backward pass is written once,
for any array whose last two axes are (units, samples): the gradient's deltas have those two, the unit
sensitivities ∂(R output)_k/∂net have a leading axis k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marquardt.arrays import Array
from marquardt.networks import INPUTS, LayerGraph, LayerSpan, activation_named

__all__ = ["Pass", "Wiring"]

_ALL_INPUTS = -1


@dataclass(eq=False, slots=True)
class Pass:
    """What a forward pass leaves for the backward one.

    Parameters
    ----------
    stacked : list of ndarray of shape (fan_in, n_samples)
        z of every layer.
    nets, values : list of ndarray of shape (size, n_samples)
        net and f(net) of every layer.
    outputs : ndarray of shape (n_outputs, n_samples)
        What the loss sees: the output layer's value, or its net if the loss is fused with its activation.
    """

    stacked: list[Array]
    nets: list[Array]
    values: list[Array]
    outputs: Array


class Wiring:
    """A layer graph made ready for passes: indices instead of names.

    Parameters
    ----------
    graph : LayerGraph
        The description.
    is_fused : bool
        Whether the loss acts on the net of the output layer.
    """

    def __init__(self, graph: LayerGraph, is_fused: bool) -> None:
        self.graph = graph
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

    def forward(self, weights: Array, inputs: Array) -> Pass:
        """Evaluate one block.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.
        inputs : ndarray of shape (n_inputs + 1, n_samples)
            Scaled, the last row 1.

        Returns
        -------
        Pass
            All that is needed to go back.
        """
        augmented: list[Array] = []
        stacked: list[Array] = []
        nets: list[Array] = []
        values: list[Array] = []
        last = len(self.spans) - 1
        for k, span in enumerate(self.spans):
            sources = [inputs if s == _ALL_INPUTS else augmented[s] for s in self.sources[k]]
            if len(sources) == 1:
                z = sources[0] if span.layer.bias else sources[0][:-1]
            else:
                # Every augmented array ends in a row of ones; only the last one's is kept, as the bias.
                parts = [source[:-1] for source in sources[:-1]]
                z = np.concatenate([*parts, sources[-1] if span.layer.bias else sources[-1][:-1]])
            net = span.matrix(weights) @ z
            stacked.append(z)
            nets.append(net)
            if k == last:
                value = net if self.is_linear[k] else self.activations[k].value(net)
            else:
                ones = np.empty((len(net) + 1, net.shape[1]))
                value = ones[:-1]
                value[:] = net if self.is_linear[k] else self.activations[k].value(net)
                ones[-1] = 1.0
                augmented.append(ones)
            values.append(value)
        return Pass(stacked, nets, values, values[-1])

    def slopes(self, done: Pass) -> list[Array | None]:
        """Return f′ of every layer; None where it is 1, and for a softmax output.

        Parameters
        ----------
        done : Pass
            A forward pass.

        Returns
        -------
        list of ndarray of shape (size, n_samples) or None
            One entry a layer.
        """
        return [
            None if is_linear or not activation.elementwise else activation.slope(net, value)
            for is_linear, activation, net, value in zip(
                self.is_linear, self.activations, done.nets, done.values, strict=True
            )
        ]

    def through_output(self, done: Pass, slopes: list[Array | None], rows: Array) -> Array:
        """Take derivatives with respect to the outputs back to the net of the output layer.

        Parameters
        ----------
        done : Pass
            A forward pass.
        slopes : list
            From `slopes`.
        rows : ndarray of shape (…, n_outputs, n_samples)
            Derivatives with respect to the outputs.

        Returns
        -------
        ndarray of shape (…, n_outputs, n_samples)
            Derivatives with respect to the net.
        """
        if self.is_linear[-1]:
            return rows
        slope = slopes[-1]
        if slope is not None:
            return rows * slope
        # Softmax: (diag(q) − q qᵀ) applied to every row.
        q = done.values[-1]
        mixed: Array = q * (rows - (rows * q).sum(axis=-2, keepdims=True))
        return mixed

    def backward(self, weights: Array, slopes: list[Array | None], at_output: Array) -> list[Array]:
        """Take derivatives with respect to the output layer's net back to every layer's net.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.
        slopes : list
            From `slopes`.
        at_output : ndarray of shape (…, n_outputs, n_samples)
            Derivatives with respect to the output layer's net.

        Returns
        -------
        list of ndarray of shape (…, size, n_samples)
            One entry a layer.
        """
        deltas: list[Array] = [at_output] * len(self.spans)
        for k in range(len(self.spans) - 2, -1, -1):
            delta: Array | None = None
            for consumer, first, last in self.consumers[k]:
                part = self.spans[consumer].matrix(weights)[:, first:last].T @ deltas[consumer]
                delta = part if delta is None else delta + part
            assert delta is not None  # the graph refuses layers that nobody uses
            slope = slopes[k]
            if slope is not None:
                delta *= slope
            deltas[k] = delta
        return deltas

    def gradient(self, weights: Array, done: Pass, slopes: list[Array | None], slope: Array) -> Array:
        """Return ∂loss/∂weights of one block.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.
        done : Pass
            A forward pass.
        slopes : list
            From `slopes`.
        slope : ndarray of shape (n_outputs, n_samples)
            ∂loss/∂output, sample weights included.

        Returns
        -------
        ndarray of shape (n_weights,)
            The sum over the block.
        """
        gradient = np.empty(self.graph.n_weights)
        deltas = self.backward(weights, slopes, self.through_output(done, slopes, slope))
        for span, delta, z in zip(self.spans, deltas, done.stacked, strict=True):
            np.matmul(delta, z.T, out=span.matrix(gradient))
        return gradient
