"""The normal equations by products alone, where neither weights nor residuals leave room for a matrix.

The product of A = JᵀΛJ + penalty with a vector v needs no matrix: with the weights moving along v, whose part for a
layer is V, the outputs move by

    net′ = V z + W z′,        a′ = f′ net′,        J v = outputs′,                                       (1)

sources read upward (Pearlmutter 1994; Schraudolph 2002, "Fast curvature matrix-vector products for second-order
gradient descent"); and Jᵀu is the backward pass of a gradient whose derivative at the outputs is u. So A v costs
about as much as two gradients, block by block, whatever the number of outputs: memory is that of a block and of a few
vectors.

The damped step solves (A + M) p = −g by conjugate gradients, truncated, with the diagonal of A + M as preconditioner:

    A[(ℓ,h,i),(ℓ,h,i)] = Σ_samples (Σ_k Δ_ℓ[k,h]²) z_ℓ[i]²                                                (2)

is a product of squares, summed once a point.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from marquardt.arrays import Array
from marquardt.numerics import truncated_solution
from marquardt.objective.evaluation import Solve
from marquardt.objective.passes import Pass, Wiring
from marquardt.objective.sensitivities import Diagonal, Factored, Sensitivity

__all__ = ["ProductSystem", "add_diagonal", "moved_outputs"]

TRUNCATION = 0.5
"""Nash and Sofer's τ, at their value."""
MOST_PRODUCTS = 100
"""Products for one step: more have not been worth their time where the network is large enough for this form."""


def moved_outputs(wiring: Wiring, done: Pass, slopes: list[Array | None], direction: Array) -> Array:
    """Return J v of one block, before R, by eq. (1)."""
    direction = wiring.direction(direction)
    moves: list[Array] = []
    for k, span in enumerate(wiring.spans):
        moved = span.matrix(direction) @ done.stacked[k]
        for source, (_, first, stop) in zip(wiring.sources[k], span.columns, strict=True):
            if source >= 0:
                moved += done.matrices[k][:, first:stop] @ moves[source]
        slope = slopes[k]
        if slope is not None:
            moved *= slope
        elif not wiring.is_linear[k]:
            q = done.values[k]  # softmax
            moved = q * (moved - (q * moved).sum(axis=0))
        moves.append(moved)
    return moves[-1]


def add_diagonal(wiring: Wiring, deltas: list[Sensitivity], stacked: list[Array], total: Array) -> None:
    """Add one block's part of eq. (2)."""
    weight_map = wiring.weight_map
    if weight_map is None:
        _add_squares(wiring, deltas, stacked, total)
        return
    squares = np.zeros(weight_map.n_connections)
    _add_squares(wiring, deltas, stacked, squares)
    added = weight_map.contract(squares)
    # The square of a sum, not the sum of the squares.
    cubes = [delta.full() for delta in deltas] if weight_map.is_shared else []
    for weight, connections in weight_map.shared():
        row: Array | None = None
        for connection in connections:
            layer = next(k for k, span in enumerate(wiring.spans) if connection < span.stop)
            unit, column = divmod(connection - wiring.spans[layer].start, wiring.spans[layer].fan_in)
            cube = cubes[layer]
            part = cube[:, unit if cube.shape[1] > 1 else 0] * stacked[layer][column]
            row = part if row is None else row + part
        assert row is not None  # a shared weight has connections
        added[weight] = float(np.vdot(row, row))
    total += added


def _add_squares(wiring: Wiring, deltas: list[Sensitivity], stacked: list[Array], total: Array) -> None:
    """Eq. (2), of all connections."""
    for span, delta, z in zip(wiring.spans, deltas, stacked, strict=True):
        if isinstance(delta, Diagonal):
            units = delta.entries * delta.entries
        elif isinstance(delta, Factored):
            units = delta.per_sample * delta.per_sample
            if delta.per_unit is not None:
                units = (delta.per_unit * delta.per_unit).sum(axis=0)[:, None] * units
        else:
            units = np.einsum("khs,khs->hs", delta.entries, delta.entries)
        span.matrix(total)[:] += units @ (z * z).T


class ProductSystem:
    """The normal equations of one point, solved by conjugate gradients."""

    def __init__(
        self,
        times: Callable[[Array], Array],
        gradient: Array,
        diagonal: Array,
        tolerance: float = TRUNCATION,
        limit: int = MOST_PRODUCTS,
    ) -> None:
        self.times = times
        self._gradient = gradient
        self._diagonal = diagonal
        self._tolerance = tolerance
        self._limit = limit

    @property
    def diagonal(self) -> Array:
        """The diagonal of A, of shape (n_weights,)."""
        return self._diagonal

    def damped_step(self, added: float | Array) -> tuple[Array | None, Solve]:
        """Solve (A + M) p = −gradient, as far as it is worth."""

        def damped(vector: Array) -> Array:
            return self.times(vector) + added * vector

        def solve(right: Array) -> Array | None:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                return truncated_solution(damped, right, self._diagonal + added, self._tolerance, self._limit)[0]

        return solve(-self._gradient), solve
