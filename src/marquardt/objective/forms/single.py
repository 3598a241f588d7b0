"""The shortest way for the smallest problems: one output, squares, one block.

What a pass over a few hundred samples costs is not arithmetic but the number of NumPy calls and of new arrays. Here
every array is made once: weights are copied into a vector whose matrices are views made beforehand, activations are
written to where the next layer reads them, the Jacobian to where its product reads it.

With δ = ∂output/∂net of a layer and v the loss's curvature, a sample's row of J is √(w v) δ ⊗ z, and

    δ_output = f′(net),    δ_ℓ = f′(net_ℓ) Σ_consumers W_cᵀ δ_c.

Its twin is the general explicit form; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from marquardt.arrays import Array
from marquardt.objective.blocks import Block
from marquardt.objective.passes import Wiring

__all__ = ["SingleOutput"]


class SingleOutput:
    """Loss, gradient and normal matrix of a network with one output on one block, for squares."""

    has_matrix = True

    def __init__(self, wiring: Wiring, block: Block, curvature: float) -> None:
        spans = wiring.spans
        n_samples = block.inputs.shape[1]
        self._connections = np.zeros(wiring.graph.n_connections)
        self._key = b""
        self._half_sum = 0.0
        self._targets = block.targets
        self._output = np.empty((1, n_samples))
        self._residual = np.empty((1, n_samples))
        # √(w v), or None where it is 1.
        root = None if block.weight is None else np.sqrt(block.weight)[None]
        scale = np.full((1, 1), np.sqrt(curvature))
        self._row: Array | None = root if curvature == 1.0 else scale if root is None else scale * root
        self._transposed = np.empty((wiring.graph.n_connections, n_samples))
        last = len(spans) - 1
        augmented: list[Array] = []
        stacked: list[Array] = []
        # Sources to copy together before a layer is evaluated: (where, what).
        self._copies: list[list[tuple[Array, Array]]] = []
        self._jacobian_holds_output = False
        for k, span in enumerate(spans):
            sources = [block.inputs if s < 0 else augmented[s] for s in wiring.sources[k]]
            copies: list[tuple[Array, Array]] = []
            if len(sources) == 1:
                z = sources[0] if span.layer.bias else sources[0][:-1]
            else:
                z = np.empty((span.fan_in, n_samples))
                if span.layer.bias:
                    z[-1] = 1.0
                copies = [(z[a:b], source[:-1]) for (_, a, b), source in zip(span.columns, sources, strict=True)]
            stacked.append(z)
            self._copies.append(copies)
            ones = np.ones((span.layer.size + 1, n_samples))
            if (
                k == last - 1
                and self._row is None
                and wiring.is_linear[last]
                and wiring.sources[last] == (k,)
                and spans[last].layer.bias
            ):
                # The output layer's part of J is its z: the hidden layer writes there.
                ones = self._transposed[spans[last].start : spans[last].stop]
                ones[-1] = 1.0
                self._jacobian_holds_output = True
            augmented.append(ones)
        self._layers: list[tuple[Array, Array, Array, Array, Callable[..., Array] | None, bool]] = []
        for k, span in enumerate(spans):
            value = self._output if k == last else augmented[k][:-1]
            activation = wiring.activations[k]
            function = None if wiring.is_linear[k] else activation.value
            in_place = function is None or (isinstance(function, np.ufunc) and not activation.uses_net)
            net = value if in_place else np.empty(value.shape)
            self._layers.append((span.matrix(self._connections), stacked[k], net, value, function, in_place))
        self._wiring = wiring
        self._parts = [
            (self._transposed[span.start : span.stop].reshape(span.layer.size, span.fan_in, n_samples), stacked[k])
            for k, span in enumerate(spans)
        ]

    def sums(self, weights: Array) -> Array:
        """Return ½ Σ w v r²."""
        return np.array([self._passed(weights)])

    def _passed(self, weights: Array) -> float:
        """Go forward, unless the last pass was at the same point."""
        key = weights.tobytes()
        if key == self._key:
            return self._half_sum
        self._key = b""  # nothing is kept until the pass is whole: an interrupt may come in between
        weight_map = self._wiring.weight_map
        np.copyto(self._connections, weights if weight_map is None else weight_map.expand(weights))
        for copies, (matrix, z, net, value, function, in_place) in zip(self._copies, self._layers, strict=True):
            for where, what in copies:
                np.copyto(where, what)
            np.dot(matrix, z, out=net)
            if function is not None:
                if in_place:
                    function(net, out=value)
                else:
                    np.copyto(value, function(net))
        residual = np.subtract(self._output, self._targets, out=self._residual)
        if self._row is not None:
            residual *= self._row
        self._half_sum = 0.5 * float(np.vdot(residual, residual))
        self._key = key
        return self._half_sum

    def equations(self, weights: Array, is_single: bool = False) -> tuple[Array, Array, Array]:
        """Return sums, gradient and normal matrix."""
        half_sum = self._passed(weights)
        wiring = self._wiring
        last = len(self._layers) - 1
        above: list[Array | None] = [None] * (last + 1)
        row = self._row
        if not wiring.is_linear[last]:
            _, _, net, value, _, _ = self._layers[last]
            slope = wiring.activations[last].slope(net, value)
            row = slope if row is None else slope * row
        above[last] = row
        if not self._jacobian_holds_output:
            part, z = self._parts[last]
            if row is None:
                np.copyto(part[0], z)
            else:
                np.multiply(row, z, out=part[0])
        for k in range(last - 1, -1, -1):
            delta: Array | None = None
            for consumer, first, stop in wiring.consumers[k]:
                matrix, over = self._layers[consumer][0][:, first:stop].T, above[consumer]
                # None is a row of ones; a product over one unit is no sum.
                piece = matrix if over is None else matrix * over if len(over) == 1 else matrix @ over
                delta = piece if delta is None else delta + piece
            assert delta is not None  # the graph refuses layers that nobody uses
            part, z = self._parts[k]
            if not wiring.is_linear[k]:
                _, _, net, value, _, _ = self._layers[k]
                # Not in place: a slope may hand back an array that is not its own.
                delta = wiring.activations[k].slope(net, value) * delta
            elif delta.shape[1] == 1:
                delta = np.broadcast_to(delta, (len(delta), part.shape[2]))
            above[k] = delta
            np.multiply(delta[:, None], z, out=part)
        transposed = self._transposed
        if wiring.weight_map is not None:
            transposed = wiring.weight_map.contract(transposed)
        normal = transposed @ transposed.T
        return np.array([half_sum]), transposed @ self._residual[0], normal
