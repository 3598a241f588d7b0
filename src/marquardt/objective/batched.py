"""One objective for many networks of the same graph: arrays with a leading axis of networks.

What one small network costs is not arithmetic but calls; where the compiled kernel covers network and loss, one call
evaluates all. Elsewhere, and as the twin that a test compares it with, they are evaluated one by one.
"""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array
from marquardt.errors import ShapeError
from marquardt.objective.evaluation import Derivatives
from marquardt.objective.objective import Objective

__all__ = ["BatchedObjective"]

_NOTHING = np.empty(0)


class BatchedObjective(Objective):
    """Loss, gradient and normal equations of many networks of one graph over the same data."""

    def losses(self, weights: Array) -> Array:
        """Return the loss of every network."""
        return self._evaluated(weights, _NOTHING, _NOTHING)[1]

    def sums(self, weights: Array) -> Array:
        """Return each output's part of the loss, network by network, without the penalty."""
        return self._evaluated(weights, _NOTHING, _NOTHING)[0]

    def equations(self, weights: Array) -> tuple[Array, Array, Array, Array]:
        """Return sums and losses, gradients and normal matrices."""
        shape = weights.shape
        gradient, normal = np.full(shape, np.nan), np.full((*shape, *shape[1:]), np.nan)
        return *self._evaluated(weights, gradient, normal), gradient, normal

    def _evaluated(self, weights: Array, gradient: Array, normal: Array) -> tuple[Array, Array]:
        """Sums and losses; gradient and normal matrix of all whose loss is finite are written, if they have room."""
        if weights.ndim != 2 or weights.shape[1] != self.n_weights:
            raise ShapeError(f"weights must be of shape (n_networks, {self.n_weights}), got {weights.shape}.")
        sums, losses = np.empty((len(weights), self.n_outputs)), np.empty(len(weights))
        if self._sums.compiled is not None:
            bar = np.full(len(weights), np.inf if gradient.size else -np.inf)
            weights = np.ascontiguousarray(weights)
            self._sums.compiled.batch(weights, bar, self._points.decay, sums, losses, gradient, normal)
            return sums, losses
        need = Derivatives.NORMAL if gradient.size else Derivatives.VALUE
        for k, point in enumerate(weights):
            current = self.at(point.copy(), need)
            sums[k], losses[k] = current.sums, current.loss
            if current.gradient is not None and current.normal is not None:
                gradient[k], normal[k] = current.gradient, current.normal
        return sums, losses

    def performances(self, sums: Array) -> Array:
        """Return the performance of every network, as `performance` does."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = sums @ self._unit
        return np.where(np.isfinite(values), values, np.inf)

    def mean_losses(self, sums: Array) -> Array:
        """Return the mean loss of every network, as `mean_loss` does."""
        values = sums.sum(axis=1) * self._mean
        return np.where(np.isfinite(values), values, np.inf)

    def gradient_norms(self, gradient: Array) -> Array:
        """Return the norm of the gradient of the mean loss of every network, as `gradient_norm` does."""
        norms: Array = np.sqrt(np.einsum("lw,lw->l", gradient, gradient)) * self._mean
        return norms
