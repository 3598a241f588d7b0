"""One objective for many networks of the same graph: arrays with a leading axis of networks, the lanes.

What one small network costs is not arithmetic but calls; here a call is for all lanes. With Δ = ∂outputs/∂net of a
layer, (lanes, outputs, units, samples), and z what it takes in, (lanes, fan-in, samples), the Jacobian is written out,

    J[lane, (h, i), (m, s)] = Δ[lane, m, h, s] z[lane, i, s],    gradient = J ρ′,    normal = J (w ρ″ ∘ J)ᵀ

with ρ′ and ρ″ the loss's slope and curvature, sample weights included. Lanes are taken in chunks whose Jacobians fit
the cache. A first layer sees the same inputs in all lanes: its nets are one product. The derivatives of a chunk are
taken right after its loss, and only where this is below a bar: what a rejected trial does not need is not computed,
and what an accepted one needs is still in the cache.

The compiled kernel, where it covers network and loss, does the same a lane at a time. The twin of both is
`Objective.at`, lane by lane; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from marquardt.arrays import AnyArray, Array, ArrayLike
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.losses import Loss
from marquardt.networks import LayerGraph
from marquardt.numerics import hold_blas, is_held
from marquardt.objective.local import LocalSums
from marquardt.objective.objective import Objective
from marquardt.objective.passes import _ALL_INPUTS

__all__ = ["BatchedObjective"]

CHUNK_BYTES = 2 << 20
"""What the Jacobians of a chunk may take: with less, calls cost more than the cache saves."""
SMALL_PRODUCT = 40
"""Weights up to which BLAS is faster with a general product than with a symmetric one: 21 µs against 25 for 31
weights and 200 samples, 250 against 134 for 61 weights and 500."""


class _Forward(NamedTuple):
    """What a forward pass leaves: W, values and, where slopes need them, nets; (lanes, size, fan-in or samples)."""

    matrices: list[Array]
    values: list[Array]
    nets: list[Array]

    def of(self, lanes: AnyArray) -> _Forward:
        """The same for some of the lanes."""
        matrices, values = ([array[lanes] for array in arrays] for arrays in (self.matrices, self.values))
        pairs = zip(self.nets, self.values, values, strict=True)
        return _Forward(matrices, values, [some if net is value else net[lanes] for net, value, some in pairs])


class BatchedObjective(Objective):
    """Loss, gradient and normal equations of many networks of one graph over the same data."""

    def __init__(
        self, graph: LayerGraph, inputs: ArrayLike, targets: ArrayLike, loss: Loss | None = None, **options: Any
    ) -> None:
        n_samples = max(1, len(np.asarray(inputs)))
        super().__init__(graph, inputs, targets, loss, form="explicit", block_size=n_samples, threads=1, **options)
        sums = self._sums
        assert isinstance(sums, LocalSums)  # of arrays
        self._wiring, self._is_plain_squares = sums.wiring, sums.passes.is_plain_squares
        probe = np.zeros((self.n_outputs, 1))
        if not self._wiring.activations[-1].elementwise or self.loss.curvature(probe, probe).ndim > 2:
            raise ConfigurationError(
                f"Networks are trained side by side where each output has a unit and a loss of its own, got a "
                f"{graph.output.activation} output with the loss {self.loss.name!r}. Train them one after the other."
            )
        block = sums.passes.blocks.only
        assert block is not None  # the block size is the number of samples
        self._inputs, self._answers, self._sample_weight = block.inputs, block.targets, block.weight
        per_lane = 8 * graph.n_connections * self.n_outputs * self.n_samples
        self.lanes_each = max(1, CHUNK_BYTES // per_lane)
        self._jacobian = np.zeros((0, 0, 0, 0))

    def losses(self, weights: Array) -> Array:
        """Return the loss of every lane."""
        return self.losses_from(weights, self.sums(weights))

    def losses_from(self, weights: Array, sums: Array) -> Array:
        """Return the loss of every lane from the sums of its outputs."""
        with np.errstate(over="ignore", invalid="ignore"):
            losses: Array = sums.sum(axis=1)
            if self._diagonal is not None:
                losses = losses + 0.5 * ((weights * weights) @ self._diagonal)
        return np.where(np.isfinite(losses), losses, np.inf)

    def sums(self, weights: Array) -> Array:
        """Return each output's part of the loss, lane by lane, without the penalty."""
        sums, _ = self.equations(weights, np.full(len(weights), -np.inf), weights[:0], weights[:0])
        return sums

    def equations(self, weights: Array, bar: Array, gradient: Array, normal: Array) -> tuple[Array, Array]:
        """Evaluate all lanes, and write gradient and normal matrix of those whose loss is below the bar."""
        if weights.ndim != 2 or weights.shape[1] != self.n_weights:
            raise ShapeError(f"weights must be of shape (n_lanes, {self.n_weights}), got {weights.shape}.")
        if not is_held():
            with hold_blas():
                return self.equations(weights, bar, gradient, normal)
        sums = np.empty((len(weights), self.n_outputs))
        losses = np.empty(len(weights))
        if self._sums.compiled is not None:
            weights, bar = np.ascontiguousarray(weights), np.ascontiguousarray(bar)
            self._sums.compiled.lanes(weights, bar, self._diagonal, sums, losses, gradient, normal)
            return sums, losses
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for first in range(0, len(weights), self.lanes_each):
                some = slice(first, first + self.lanes_each)
                here = weights[some]
                done = self._forward_lanes(here)
                sums[some] = self._sums_of(done.values[-1])
                losses[some] = self.losses_from(here, sums[some])
                is_below = losses[some] < bar[some]
                if is_below.all():
                    self._derive(here, done, gradient[some], normal[some])
                elif is_below.any():
                    lanes = np.flatnonzero(is_below)
                    count = len(lanes)
                    new_gradient = np.empty((count, self.n_weights))
                    new_normal = np.empty((count, self.n_weights, self.n_weights))
                    self._derive(here[lanes], done.of(lanes), new_gradient, new_normal)
                    gradient[first + lanes], normal[first + lanes] = new_gradient, new_normal
        return sums, losses

    def performances(self, sums: Array) -> Array:
        """Return the performance of every lane, as `performance` does."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = sums @ self._unit
        return np.where(np.isfinite(values), values, np.inf)

    def mean_losses(self, sums: Array) -> Array:
        """Return the mean loss of every lane, as `mean_loss` does."""
        values = sums.sum(axis=1) * self._mean
        return np.where(np.isfinite(values), values, np.inf)

    def gradient_norms(self, gradient: Array) -> Array:
        """Return the norm of the gradient of the mean loss of every lane, as `gradient_norm` does."""
        norms: Array = np.sqrt(np.einsum("lw,lw->l", gradient, gradient)) * self._mean
        return norms

    # ---------------------------------------------------------------- one chunk of lanes

    def _sources(self, layer: int, values: list[Array]) -> Iterator[tuple[int, int, Array]]:
        """First and last column of every source of a layer, and its values; those of the inputs are without lanes."""
        span = self._wiring.spans[layer]
        for source, (_, first, last) in zip(self._wiring.sources[layer], span.columns, strict=True):
            yield first, last, self._inputs[:-1] if source == _ALL_INPUTS else values[source]

    def _net(self, layer: int, matrix: Array, values: list[Array]) -> Array:
        """W z of a layer, (lanes, size, samples)."""
        wiring = self._wiring
        n_lanes, size, _ = matrix.shape
        has_bias = wiring.spans[layer].layer.bias
        if wiring.sources[layer] == (_ALL_INPUTS,):
            # All lanes see the same: one product.
            z = self._inputs if has_bias else self._inputs[:-1]
            return (matrix.reshape(n_lanes * size, -1) @ z).reshape(n_lanes, size, -1)
        net: Array | None = None
        for first, last, z in self._sources(layer, values):
            part = matrix[:, :, first:last] @ z
            net = part if net is None else np.add(net, part, out=net)
        assert net is not None  # every layer has a source
        if has_bias:
            net += matrix[:, :, -1:]
        return net

    def _forward_lanes(self, weights: Array) -> _Forward:
        done = _Forward([], [], [])
        weight_map = self._wiring.weight_map
        if weight_map is not None:
            weights = weight_map.expand(weights)
        for k, span in enumerate(self._wiring.spans):
            activation, is_linear = self._wiring.activations[k], self._wiring.is_linear[k]
            matrix = weights[:, span.start : span.stop].reshape(len(weights), span.layer.size, span.fan_in)
            net = self._net(k, matrix, done.values)
            flat, function = net.reshape(-1, net.shape[2]), activation.value
            if is_linear:
                value = net
            elif isinstance(function, np.ufunc) and not activation.uses_net:
                function(flat, out=flat)
                value = net
            else:
                value = function(flat).reshape(net.shape)
            done.matrices.append(matrix)
            done.values.append(value)
            done.nets.append(net)
        return done

    def _by_outputs(self, outputs: Array) -> tuple[Array, Array]:
        """Outputs and targets as losses take them: (n_outputs, lanes · samples)."""
        n_lanes = len(outputs)
        columns = outputs.transpose(1, 0, 2).reshape(self.n_outputs, -1)
        return columns, np.tile(self._answers, (1, n_lanes))

    def _by_lanes(self, columns: Array, n_lanes: int) -> Array:
        """(n_outputs, lanes · samples) as (lanes, n_outputs, samples)."""
        return columns.reshape(self.n_outputs, n_lanes, -1).transpose(1, 0, 2)

    def _sums_of(self, outputs: Array) -> Array:
        if self._is_plain_squares:
            residual = outputs - self._answers
            weighted = residual if self._sample_weight is None else residual * self._sample_weight
            halves: Array = 0.5 * np.einsum("lks,lks->lk", residual, weighted)
            return halves
        value = self._by_lanes(self.loss.value(*self._by_outputs(outputs)), len(outputs))
        weight = self._sample_weight
        if weight is not None and weight.ndim == 2:
            value = value * weight
        sums: Array = value @ weight if weight is not None and weight.ndim == 1 else value.sum(axis=2)
        return sums

    def _slope_and_curvature(self, outputs: Array) -> tuple[Array, Array | None]:
        """wρ′ of shape (lanes, n_outputs, samples), and wρ″ that broadcasts to it; None where it is 1."""
        weight = self._sample_weight
        if self._is_plain_squares:
            slope = outputs - self._answers
            curvature = None if weight is None else np.atleast_2d(weight)[None]
        else:
            columns = self._by_outputs(outputs)
            slope = self._by_lanes(self.loss.slope(*columns), len(outputs))
            bend = self.loss.curvature(*columns)
            curvature = bend[None, :, None] if bend.ndim == 1 else self._by_lanes(bend, len(outputs))
            if weight is not None:
                curvature = curvature * weight
        return slope if weight is None else slope * weight, curvature

    def _derive(self, weights: Array, done: _Forward, gradient: Array, normal: Array) -> None:
        """Write gradient and normal matrix of every lane of the chunk."""
        n_lanes = len(weights)
        jacobian = self._write_jacobian(done)
        slope, curvature = self._slope_and_curvature(done.values[-1])
        flat = jacobian.reshape(n_lanes, self.n_weights, -1)
        np.matmul(flat, slope.reshape(n_lanes, -1, 1), out=gradient[:, :, None])
        if self.n_weights <= SMALL_PRODUCT:
            other = jacobian.copy() if curvature is None else jacobian * curvature[:, None]
            np.matmul(other.reshape(flat.shape), flat.transpose(0, 2, 1), out=normal)
        else:
            if curvature is not None:
                jacobian *= np.sqrt(curvature)[:, None]
            np.matmul(flat, flat.transpose(0, 2, 1), out=normal)
        if self._diagonal is not None:
            gradient += self._diagonal * weights
            normal.reshape(n_lanes, -1)[:, :: self.n_weights + 1] += self._diagonal

    def _write_jacobian(self, done: _Forward) -> Array:
        """J as (lanes, n_weights, n_outputs, samples), in memory that the next chunk takes again."""
        wiring, n_outputs, n_lanes = self._wiring, self.n_outputs, len(done.values[-1])
        n_samples = self._inputs.shape[1]
        if len(self._jacobian) < n_lanes:
            self._jacobian = np.zeros((n_lanes, self.graph.n_connections, n_outputs, n_samples))
        jacobian = self._jacobian[:n_lanes]
        last = len(wiring.spans) - 1
        top = None if wiring.is_linear[last] else self._slope(last, done)  # None where it is 1
        deltas = done.values[:]
        for k in range(last, -1, -1):
            span = wiring.spans[k]
            size = span.layer.size
            part = jacobian[:, span.start : span.stop].reshape(n_lanes, size, span.fan_in, n_outputs, n_samples)
            if k == last:
                for m in range(n_outputs):
                    # The weights of one output move no other: the rest of J is 0, and stays so.
                    self._fill(part[:, m, :, m], k, done.values, None if top is None else top[:, m, None])
                continue
            delta: Array | None = None
            for consumer, start, stop in wiring.consumers[k]:
                matrix = done.matrices[consumer][:, :, start:stop]
                if consumer == last:
                    piece = matrix[..., None] if top is None else matrix[..., None] * top[:, :, None]
                else:
                    piece = matrix.transpose(0, 2, 1)[:, None] @ deltas[consumer]
                delta = piece if delta is None else delta + piece
            assert delta is not None  # the graph refuses layers that nobody uses
            if not wiring.is_linear[k]:
                delta = delta * self._slope(k, done)[:, None]
            deltas[k] = delta = np.broadcast_to(delta, (n_lanes, n_outputs, size, n_samples))
            for m in range(n_outputs):
                self._fill(part[:, :, :, m], k, done.values, delta[:, m, :, None])
        return jacobian if wiring.weight_map is None else wiring.weight_map.contract(jacobian, axis=1)

    def _fill(self, part: Array, layer: int, values: list[Array], delta: Array | None) -> None:
        """Write Δ z into (lanes, …, fan-in, samples); Δ is 1 where it is None."""
        for first, last, z in self._sources(layer, values):
            there = part[..., first:last, :]
            # Lanes × units × fan-in × samples; of the output layer there is one unit, and no axis for it.
            rows = z if z.ndim == 2 or part.ndim == 3 else z[:, None]
            if delta is None:
                there[...] = rows
            else:
                np.multiply(delta, rows, out=there)
        if self._wiring.spans[layer].layer.bias:
            part[..., -1:, :] = 1.0 if delta is None else delta

    def _slope(self, layer: int, done: _Forward) -> Array:
        """f′ of a layer, asked for with the units of all lanes below each other."""
        net, value = done.nets[layer], done.values[layer]
        flat = (-1, net.shape[2])
        return self._wiring.activations[layer].slope(net.reshape(flat), value.reshape(flat)).reshape(net.shape)
