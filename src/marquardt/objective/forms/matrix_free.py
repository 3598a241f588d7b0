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

from collections.abc import Callable, Iterable

import numpy as np

from marquardt.arrays import Array
from marquardt.numerics import truncated_solution
from marquardt.objective.block_passes import BlockPasses
from marquardt.objective.blocks import Block
from marquardt.objective.cost import CG_PRODUCTS, CostModel, Work, in_blocks
from marquardt.objective.directional import first_derivative
from marquardt.objective.evaluation import Solve
from marquardt.objective.forms.form import Equations, SampleForm
from marquardt.objective.passes import Scratch, Wiring
from marquardt.objective.plan import PASSES, Job
from marquardt.objective.quiet import quietly
from marquardt.objective.sensitivities import Diagonal, Factored, Sensitivity
from marquardt.objective.sums import Normal, Sums, running_total, total, total_each

__all__ = ["MatrixFree", "ProductSystem", "diagonal_pass", "product_pass"]

TRUNCATION = 0.5
"""Nash and Sofer's τ, at their value."""
MOST_PRODUCTS = 100
"""Products for one step: more have not been worth their time where the network is large enough for this form."""
CG_VECTORS = 12
"""Vectors of n_weights that a step by conjugate gradients and its point hold."""


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


class MatrixFree(SampleForm):
    """Products by a forward and a backward pass, and truncated conjugate gradients: where no matrix has room."""

    name = "matrix_free"
    has_matrix = False
    is_last_resort = True

    def at(self, sums: Sums, weights: Array, decay: Array | None, is_single: bool = False) -> Equations:
        added, gradient, diagonal = sums.diagonal(weights)
        whole = gradient if decay is None else gradient + decay * weights

        def times(vector: Array) -> Array:
            product = quietly(sums.times, weights, vector)
            return product if decay is None else product + decay * vector

        system = ProductSystem(times, whole, diagonal if decay is None else diagonal + decay)
        return added, gradient, None, system

    def normal(
        self, costs: CostModel, n_samples: int, block_size: int = 512, *, n_decays: int = 1, keeps: bool = False
    ) -> Work:
        graph = costs.graph
        squares = Work(costs.n_connections, (costs.n_rows + 1) * costs.units + 2 * costs.fan_ins)
        of_block = Work(touched=2 * costs.n_connections, calls=4 * len(graph.layers))
        more = in_blocks(n_samples, block_size, costs.sensitivities, (squares, of_block))
        return costs.gradient(n_samples, block_size) + more

    def solution(self, costs: CostModel, n_samples: int = 0, block_size: int = 1024, *, n_decays: int = 1) -> Work:
        return costs.product(n_samples, block_size) * CG_PRODUCTS

    def block(self, job: Job) -> tuple[int, int]:
        # The gradient's arrays, twice for the rates, and the rows of R.
        return (2 * PASSES + job.graph.n_outputs) * job.costs.units, job.graph.n_connections

    def of_rule(self, job: Job) -> int:
        return CG_VECTORS * job.graph.n_weights


def diagonal_pass(passes: BlockPasses, weights: Array) -> Normal:
    """Return sums, gradient and the diagonal of JᵀΛJ."""

    def work(number: int, blocks: Iterable[Block]) -> Normal:
        diagonal = np.zeros(len(weights))

        def part(block: Block) -> tuple[Array, Array]:
            done, sums = passes.forward(weights, number, block)
            slopes, _, deltas = passes.deltas(done, block)
            add_diagonal(passes.wiring, deltas, done.stacked, diagonal)
            return sums, passes.gradient(done, slopes, block)

        return (*running_total(map(part, blocks)), diagonal)

    sums, gradient, diagonal = total_each(passes.threads.each(work))
    return sums, gradient, diagonal


def product_pass(passes: BlockPasses, scratch: list[Scratch], weights: Array, vector: Array) -> Array:
    """Return JᵀΛJ v; the scratch arrays leave those of other points alone."""
    wiring = passes.wiring

    def work(number: int, blocks: Iterable[Block]) -> Array:
        added = np.zeros(len(weights))
        for block in blocks:
            done = wiring.forward(weights, block.inputs, scratch[number])
            slopes = wiring.slopes(done)
            added += passes.pulled(done, slopes, block, first_derivative(wiring, done, slopes, vector))
        return added

    return total(passes.threads.each(work))
