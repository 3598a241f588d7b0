"""One objective for many networks of the same graph: arrays with a leading axis of networks, the lanes.

What one small network costs is not arithmetic but calls; here a call is for all lanes. With Δ = ∂outputs/∂net of a
layer, (lanes, outputs, units, samples), and z what it takes in, (lanes, fan-in, samples), the Jacobian is written out,

    J[lane, (h, i), (m, s)] = Δ[lane, m, h, s] z[lane, i, s],    gradient = J ρ′,    normal = J (w ρ″ ∘ J)ᵀ

with ρ′ and ρ″ the loss's slope and curvature, sample weights included. Lanes are taken in chunks whose Jacobians fit
the cache. A first layer sees the same inputs in all lanes: its nets are one product. The derivatives of a chunk are
taken right after its loss, and only where this is below a bar: what a rejected trial does not need is not computed,
and what an accepted one needs is still in the cache.

Its twin is `Objective.at`, lane by lane; a test holds them together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from marquardt.arrays import AnyArray, Array, ArrayLike
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.losses import Loss
from marquardt.networks import LayerGraph
from marquardt.numerics import hold_blas, is_held
from marquardt.objective.objective import Objective
from marquardt.objective.passes import _ALL_INPUTS

__all__ = ["BatchedObjective"]

CHUNK_BYTES = 1 << 20
"""What the Jacobians of a chunk may take: a share of a core's own cache."""
SMALL_PRODUCT = 40
"""Weights up to which BLAS is faster with a general product than with a symmetric one: 21 µs against 25 for 31
weights and 200 samples, 250 against 134 for 61 weights and 500."""


class _Forward(NamedTuple):
    """What a forward pass leaves: W, the values with a row of ones below, nets where slopes need them, and outputs."""

    matrices: list[Array]
    augmented: list[Array]
    nets: list[Array]
    outputs: Array

    def of(self, lanes: AnyArray) -> _Forward:
        """The same for some of the lanes."""
        matrices, augmented, nets = ([a[lanes] for a in arrays] for arrays in self[:3])
        return _Forward(matrices, augmented, nets, self.outputs[lanes])


class BatchedObjective(Objective):
    """Loss, gradient and normal equations of many networks of one graph over the same data.

    Parameters
    ----------
    graph : LayerGraph
        The networks; their output activation is elementwise.
    inputs : array-like of shape (n_samples, n_inputs)
        A row is a sample.
    targets : array-like of shape (n_samples, n_outputs)
        A row is a sample.
    loss : Loss
        Squares when not given; one whose curvature is diagonal.
    **options
        As for `Objective`, but the form is explicit, in one block and one thread.

    Raises
    ------
    ConfigurationError
        If the outputs of a network depend on each other, as those of softmax do.
    MarquardtError
        Whatever `Objective` refuses.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> both = BatchedObjective(feed_forward(1, (), 1), [[0.0], [1.0]], [[1.0], [3.0]])
    >>> both.losses(np.array([[0.0, 0.0], [2.0, 1.0]]))
    array([5., 0.])
    """

    def __init__(
        self, graph: LayerGraph, inputs: ArrayLike, targets: ArrayLike, loss: Loss | None = None, **options: Any
    ) -> None:
        n_samples = max(1, len(np.asarray(inputs)))
        super().__init__(graph, inputs, targets, loss, form="explicit", block_size=n_samples, threads=1, **options)
        probe = np.zeros((self.n_outputs, 1))
        if not self._wiring.activations[-1].elementwise or self.loss.curvature(probe, probe).ndim > 2:
            raise ConfigurationError(
                f"Networks are trained side by side where each output has a unit and a loss of its own, got a "
                f"{graph.output.activation} output with the loss {self.loss.name!r}. Train them one after the other."
            )
        block = self._blocks[0]
        self._inputs, self._answers, self._sample_weight = block.inputs, block.targets, block.weight
        per_lane = 8 * self.n_weights * self.n_outputs * self.n_samples
        self.lanes_each = max(1, CHUNK_BYTES // per_lane)
        self._jacobian = np.zeros((0, 0, 0, 0))

    def losses(self, weights: Array) -> Array:
        """Return the loss of every lane.

        Parameters
        ----------
        weights : ndarray of shape (n_lanes, n_weights)
            A row is a network.

        Returns
        -------
        ndarray of shape (n_lanes,)
            Penalty included; inf where anything overflows.
        """
        return self.losses_from(weights, self.sums(weights))

    def losses_from(self, weights: Array, sums: Array) -> Array:
        """Return the loss of every lane from the sums of its outputs.

        Parameters
        ----------
        weights : ndarray of shape (n_lanes, n_weights)
            A row is a network.
        sums : ndarray of shape (n_lanes, n_outputs)
            As `sums` returns them for these weights.

        Returns
        -------
        ndarray of shape (n_lanes,)
            Penalty included; inf where anything overflows.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            losses: Array = sums.sum(axis=1)
            if self._diagonal is not None:
                losses = losses + 0.5 * ((weights * weights) @ self._diagonal)
        return np.where(np.isfinite(losses), losses, np.inf)

    def sums(self, weights: Array) -> Array:
        """Return each output's part of the loss, lane by lane, without the penalty.

        Parameters
        ----------
        weights : ndarray of shape (n_lanes, n_weights)
            A row is a network.

        Returns
        -------
        ndarray of shape (n_lanes, n_outputs)
            Sums over the samples.
        """
        sums, _ = self.equations(weights, np.full(len(weights), -np.inf), weights[:0], weights[:0])
        return sums

    def equations(self, weights: Array, bar: Array, gradient: Array, normal: Array) -> tuple[Array, Array]:
        """Evaluate all lanes, and write gradient and normal matrix of those whose loss is below the bar.

        Parameters
        ----------
        weights : ndarray of shape (n_lanes, n_weights)
            A row is a network.
        bar : ndarray of shape (n_lanes,)
            inf for derivatives wherever the loss is finite, −inf for none.
        gradient : ndarray of shape (n_lanes, n_weights)
            Where the gradients are written; the other lanes stay as they are.
        normal : ndarray of shape (n_lanes, n_weights, n_weights)
            Where the normal matrices are written, of which the lower triangle counts.

        Returns
        -------
        sums : ndarray of shape (n_lanes, n_outputs)
            Each output's part of the loss, without the penalty.
        losses : ndarray of shape (n_lanes,)
            Penalty included; inf where anything overflows.

        Raises
        ------
        ShapeError
            If the weights are not of that shape.
        """
        if weights.ndim != 2 or weights.shape[1] != self.n_weights:
            raise ShapeError(f"weights must be of shape (n_lanes, {self.n_weights}), got {weights.shape}.")
        if not is_held():
            with hold_blas():
                return self.equations(weights, bar, gradient, normal)
        sums = np.empty((len(weights), self.n_outputs))
        losses = np.empty(len(weights))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for first in range(0, len(weights), self.lanes_each):
                some = slice(first, first + self.lanes_each)
                here = weights[some]
                done = self._forward_lanes(here)
                sums[some] = self._sums_of(done.outputs)
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
        """Return the performance of every lane, as `performance` does.

        Parameters
        ----------
        sums : ndarray of shape (n_lanes, n_outputs)
            As `sums` returns them.

        Returns
        -------
        ndarray of shape (n_lanes,)
            inf where anything overflows.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            values = sums @ self._unit
        return np.where(np.isfinite(values), values, np.inf)

    def mean_losses(self, sums: Array) -> Array:
        """Return the mean loss of every lane, as `mean_loss` does.

        Parameters
        ----------
        sums : ndarray of shape (n_lanes, n_outputs)
            As `sums` returns them.

        Returns
        -------
        ndarray of shape (n_lanes,)
            inf where anything overflows.
        """
        values = sums.sum(axis=1) * self._mean
        return np.where(np.isfinite(values), values, np.inf)

    def gradient_norms(self, gradient: Array) -> Array:
        """Return the norm of the gradient of the mean loss of every lane, as `gradient_norm` does.

        Parameters
        ----------
        gradient : ndarray of shape (n_lanes, n_weights)
            As `equations` writes it.

        Returns
        -------
        ndarray of shape (n_lanes,)
            In scaled units.
        """
        norms: Array = np.sqrt(np.einsum("lw,lw->l", gradient, gradient)) * self._mean
        return norms

    # ---------------------------------------------------------------- one chunk of lanes

    def _stacked(self, layer: int, augmented: list[Array], n_lanes: int) -> Array:
        """z of a layer: (fan-in, samples) where it sees the inputs alone, otherwise with a leading axis of lanes."""
        sources, has_bias = self._wiring.sources[layer], self._wiring.spans[layer].layer.bias
        parts = [self._inputs if source == _ALL_INPUTS else augmented[source] for source in sources]
        if len(parts) == 1:
            return parts[0] if has_bias else parts[0][..., :-1, :]
        parts = [*(part[..., :-1, :] for part in parts[:-1]), parts[-1] if has_bias else parts[-1][..., :-1, :]]
        return np.concatenate([np.broadcast_to(part, (n_lanes, *part.shape[-2:])) for part in parts], axis=1)

    def _forward_lanes(self, weights: Array) -> _Forward:
        n_lanes, n_samples = len(weights), self._inputs.shape[1]
        matrices: list[Array] = []
        augmented: list[Array] = []
        nets: list[Array] = []
        last = len(self._wiring.spans) - 1
        for k, span in enumerate(self._wiring.spans):
            size = span.layer.size
            activation, is_linear = self._wiring.activations[k], self._wiring.is_linear[k]
            matrix = weights[:, span.start : span.stop].reshape(n_lanes, size, span.fan_in)
            z = self._stacked(k, augmented, n_lanes)
            # One product for all lanes where they see the same.
            net = matrix.reshape(n_lanes * size, -1) @ z if z.ndim == 2 else matrix @ z
            flat = net.reshape(n_lanes * size, n_samples)
            function = activation.value
            if is_linear:
                below = flat
            elif isinstance(function, np.ufunc) and not activation.uses_net:
                below = function(flat, out=flat)
            else:
                below = function(flat)
            matrices.append(matrix)
            nets.append(flat.reshape(n_lanes, size, n_samples))
            value = below.reshape(n_lanes, size, n_samples)
            if k < last:
                ones = np.empty((n_lanes, size + 1, n_samples))
                ones[:, :-1] = value
                ones[:, -1] = 1.0
                augmented.append(ones)
        return _Forward(matrices, augmented, nets, value)

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
        sums: Array = value.sum(axis=2) if self._sample_weight is None else value @ self._sample_weight
        return sums

    def _slope_and_curvature(self, outputs: Array) -> tuple[Array, Array | None]:
        """wρ′ of shape (lanes, n_outputs, samples), and wρ″ that broadcasts to it; None where it is 1."""
        weight = self._sample_weight
        if self._is_plain_squares:
            slope = outputs - self._answers
            curvature = None if weight is None else weight[None, None]
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
        jacobian = self._write_jacobian(done, n_lanes)
        slope, curvature = self._slope_and_curvature(done.outputs)
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

    def _write_jacobian(self, done: _Forward, n_lanes: int) -> Array:
        """J as (lanes, n_weights, n_outputs, samples), in memory that the next chunk takes again."""
        wiring, n_outputs, n_samples = self._wiring, self.n_outputs, self._inputs.shape[1]
        spans = wiring.spans
        if len(self._jacobian) < n_lanes:
            self._jacobian = np.zeros((min(self.lanes_each, max(n_lanes, 1)), self.n_weights, n_outputs, n_samples))
        jacobian = self._jacobian[:n_lanes]
        last = len(spans) - 1
        deltas: list[Array] = [done.outputs] * last
        top: Array | None = None  # ∂output/∂net of the output layer; None where it is 1
        if not wiring.is_linear[last]:
            top = self._slope(last, done.nets[last], done.outputs)
        z = self._stacked(last, done.augmented, n_lanes)
        part = jacobian[:, spans[last].start : spans[last].stop]
        part = part.reshape(n_lanes, n_outputs, spans[last].fan_in, n_outputs, n_samples)
        for m in range(n_outputs):
            # The weights of one output move no other: the rest of J is 0, and stays so.
            part[:, m, :, m] = z if top is None else z * top[:, m, None]
        for k in range(last - 1, -1, -1):
            size = spans[k].layer.size
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
                delta = delta * self._slope(k, done.nets[k], done.augmented[k][:, :-1])[:, None]
            deltas[k] = delta = np.broadcast_to(delta, (n_lanes, n_outputs, size, n_samples))
            z = self._stacked(k, done.augmented, n_lanes)
            part = jacobian[:, spans[k].start : spans[k].stop]
            part = part.reshape(n_lanes, size, spans[k].fan_in, n_outputs, n_samples)
            np.multiply(delta.transpose(0, 2, 1, 3)[:, :, None], z[..., None, :, None, :], out=part)
        return jacobian

    def _slope(self, layer: int, net: Array, value: Array) -> Array:
        """f′ of a layer, handed to it with units of all lanes below each other."""
        shape = net.shape
        flat = value.reshape(-1, shape[2])
        return self._wiring.activations[layer].slope(net.reshape(-1, shape[2]), flat).reshape(shape)
