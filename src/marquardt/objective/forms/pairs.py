"""Normal equations without a Jacobian: products of pairs, one matrix multiplication a pair of layers.

A sample's rows of R J for layer ℓ are Δ_ℓ ⊗ z_ℓ, so for two layers

    normal[(ℓ,h,i), (ℓ′,h′,j)] = Σ_samples C[h,h′] z_ℓ[i] z_ℓ′[j],    C[h,h′] = Σ_k Δ_ℓ[k,h] Δ_ℓ′[k,h′]     (1)

Written as (pairs of units) × samples and (pairs of inputs) × samples, (1) is one product over the samples. The
rows k, one an output, are summed in C, before it: the cost does not grow with the number of outputs.

Where both layers' Δ are factored, Δ[k,h] = U[k,h] S[h], the constant part comes out of the sum over samples:

    normal[(ℓ,h,i), (ℓ′,h′,j)] = G[h,h′] Σ_samples S_ℓ[h] z_ℓ[i] S_ℓ′[h′] z_ℓ′[j],    G = U_ℓᵀ U_ℓ′           (2)

Within a layer only h <= h′ and i <= j are summed, a quarter of the products. Between two layers the four
indices are grouped as ((h,i), (h′,j)), because there S z has the fewest rows.

Every kind of layer pair below is an *accumulator*: `add` folds one block in, `merge` another accumulator of its
kind, `write` spreads the sum over the normal matrix. Accumulators hold sums over samples only, so blocks may come
in any order, from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from marquardt.arrays import Array, Indices
from marquardt.networks import INPUTS, LayerSpan
from marquardt.numerics import Rows, add_pair_products, native_kernel
from marquardt.objective.block_passes import BlockPasses
from marquardt.objective.blocks import Block
from marquardt.objective.cost import CostModel, Work
from marquardt.objective.evaluation import Derivatives
from marquardt.objective.forms.form import NormalPass, SampleForm
from marquardt.objective.forms.pair_counts import kept_input_pairs, pair_counts, pairs_work
from marquardt.objective.passes import Scratch, Wiring
from marquardt.objective.plan import PASSES, Job, Plan
from marquardt.objective.sensitivities import Diagonal, Factored, Form, Sensitivity
from marquardt.objective.sums import Normal, running_total, total_each

__all__ = ["PairSums", "Pairs"]


class _Accumulator(Protocol):
    sum: Array

    # Each kind takes the forms of Δ that it was chosen for.
    def add(self, work: Scratch, left: Any, z_left: Array, right: Any, z_right: Array, is_single: bool) -> None: ...

    def write(self, normal: Array, left: Any, right: Any) -> None: ...


def _pair_table(size: int) -> Indices:
    """Index (a, b) ↦ row of the pair in `Rows` within, symmetric, of shape (size, size)."""
    table = np.empty((size, size), dtype=np.intp)
    upper = np.triu_indices(size)
    table[upper] = np.arange(len(upper[0]))
    table.T[upper] = table[upper]
    return table


def _constant(left: Factored, right: Factored) -> Array | None:
    """G = UᵀU′ of eq. (2); None where it is 1."""
    if left.per_unit is None and right.per_unit is None:
        return None
    ones = np.ones((1, left.size)), np.ones((1, right.size))
    first = ones[0] if left.per_unit is None else left.per_unit
    second = ones[1] if right.per_unit is None else right.per_unit
    return first.T @ second


class _SharedSquare:
    """Eq. (2) within a layer whose S is the same for all units: Σ S² z zᵀ, a symmetric product."""

    def __init__(self, span: LayerSpan) -> None:
        self.span = span
        self.sum = np.zeros((span.fan_in, span.fan_in))

    def add(
        self, work: Scratch, left: Factored, z_left: Array, right: Factored, z_right: Array, is_single: bool
    ) -> None:
        if left.is_plain:
            self.sum += z_left @ z_left.T
        else:
            scaled = work.take("shared", *z_left.shape)
            np.multiply(z_left, left.per_sample, out=scaled)
            self.sum += scaled @ scaled.T

    def write(self, normal: Array, left: Factored, right: Factored) -> None:
        constant = _constant(left, right)
        if constant is None:
            constant = np.ones((self.span.layer.size,) * 2)
        current = slice(self.span.start, self.span.stop)
        normal[current, current] = np.kron(constant, self.sum)


class _Within:
    """Eq. (1) or (2) within a layer: pairs of inputs × pairs of units.

    `kept` holds the input pairs of every block of a layer that sees nothing but the inputs: they never change. It is
    None where they are built anew, because z changes or because they would take too much memory.
    """

    def __init__(self, span: LayerSpan, is_diagonal: bool, keeps_pairs: bool) -> None:
        self.span = span
        self.kept: dict[int, Array] | None = {} if keeps_pairs else None
        self.is_diagonal = is_diagonal
        size, fan_in = span.layer.size, span.fan_in
        self.unit_rows = size if is_diagonal else size * (size + 1) // 2
        self.input_table = _pair_table(fan_in)
        self.sum = np.zeros((fan_in * (fan_in + 1) // 2, self.unit_rows))

    def add(
        self, work: Scratch, left: Sensitivity, z_left: Array, right: Sensitivity, z_right: Array, is_single: bool
    ) -> None:
        if isinstance(left, Diagonal):
            units = Rows(np.multiply(left.entries, left.entries, out=work.take("units", *left.entries.shape)))
        else:
            factors = left.per_sample if isinstance(left, Factored) else left.entries
            units = Rows(factors, is_within=True)
        add_pair_products(self.sum, self._inputs(z_left), units, work.take, is_single)

    def _inputs(self, z: Array) -> Rows:
        pairs = Rows(z, is_within=True)
        if self.kept is None:
            return pairs
        written = self.kept.get(id(z))  # the block's own inputs, alive as long as the blocks
        if written is None:
            written = self.kept[id(z)] = pairs.written(np.empty((len(pairs), z.shape[1])))
        return Rows(written)

    def write(self, normal: Array, left: Sensitivity, right: Sensitivity) -> None:
        span = self.span
        size, fan_in = span.layer.size, span.fan_in
        current = slice(span.start, span.stop)
        target = normal[current, current]
        if self.is_diagonal:
            target[:] = 0.0
            for h in range(size):
                block = slice(h * fan_in, (h + 1) * fan_in)
                target[block, block] = self.sum[self.input_table, h]
            return
        constant = _constant(left, right) if isinstance(left, Factored) and isinstance(right, Factored) else None
        kernel = native_kernel()
        if kernel is not None:
            kernel.spread_pairs(normal, span.start, size, fan_in, self.sum, constant)
            return
        by_unit = np.ascontiguousarray(self.sum.T)
        row = 0
        for h in range(size):
            count = size - h
            # Axes (h′, i, j) for h′ >= h; symmetric in i and j, so the mirror image is the same numbers.
            part = np.take(by_unit[row : row + count], self.input_table, axis=1, mode="clip")
            if constant is not None:
                part *= constant[h, h:, None, None]
            rows = slice(h * fan_in, (h + 1) * fan_in)
            target[rows, h * fan_in :].reshape(fan_in, count, fan_in)[:] = part.transpose(1, 0, 2)
            target[h * fan_in :, rows] = part.reshape(-1, fan_in)
            row += count


class _FactoredBetween:
    """Eq. (2) between two layers: rows S z of the later one times rows S z of the earlier."""

    def __init__(self, left: LayerSpan, right: LayerSpan, shared_left: bool, shared_right: bool) -> None:
        self.left, self.right = left, right
        self.left_rows = left.fan_in * (1 if shared_left else left.layer.size)
        self.right_rows = right.fan_in * (1 if shared_right else right.layer.size)
        # The output layer has few rows, and BLAS is a quarter faster with the long side as columns.
        self.sum = np.zeros((self.right_rows, self.left_rows))

    def add(
        self, work: Scratch, left: Factored, z_left: Array, right: Factored, z_right: Array, is_single: bool
    ) -> None:
        rows_left = Rows(z_left) if left.is_plain else Rows(left.per_sample, z_left)
        rows_right = Rows(z_right) if right.is_plain else Rows(right.per_sample, z_right)
        add_pair_products(self.sum, rows_right, rows_left, work.take, is_single)

    def write(self, normal: Array, left: Factored, right: Factored) -> None:
        a, b = self.left, self.right
        # Axes (h, i, h′, j); an axis of length 1 stands for all units.
        part = self.sum.T.reshape(-1, a.fan_in, self.right_rows // b.fan_in, b.fan_in)
        constant = _constant(left, right)
        if constant is not None:
            part = part * constant[:, None, :, None]
        shape = (a.layer.size, a.fan_in, b.layer.size, b.fan_in)
        _write_block(normal, a, b, np.broadcast_to(part, shape))


class _Between:
    """Eq. (1) between two layers: pairs of units × pairs of inputs."""

    def __init__(self, left: LayerSpan, right: LayerSpan) -> None:
        self.left, self.right = left, right
        self.unit_rows = left.layer.size * right.layer.size
        self.sum = np.zeros((left.fan_in * right.fan_in, self.unit_rows))

    def add(
        self, work: Scratch, left: Sensitivity, z_left: Array, right: Sensitivity, z_right: Array, is_single: bool
    ) -> None:
        if isinstance(right, Diagonal):
            written = work.take("units", self.unit_rows, z_left.shape[1])
            cube = written.reshape(self.left.layer.size, self.right.layer.size, -1)
            np.multiply(left.full().transpose(1, 0, 2), right.entries, out=cube)
            units = Rows(written)
        else:
            units = Rows(left.full(), right.full())
        add_pair_products(self.sum, Rows(z_left, z_right), units, work.take, is_single)

    def write(self, normal: Array, left: Sensitivity, right: Sensitivity) -> None:
        a, b = self.left, self.right
        part = self.sum.reshape(a.fan_in, b.fan_in, a.layer.size, b.layer.size).transpose(2, 0, 3, 1)
        _write_block(normal, a, b, part)


def _write_block(normal: Array, left: LayerSpan, right: LayerSpan, part: Array) -> None:
    """Write axes (h, i, h′, j) into a block of the normal matrix and its mirror image."""
    rows, columns = slice(left.start, left.stop), slice(right.start, right.stop)
    block = part.reshape(left.stop - left.start, right.stop - right.start)
    normal[rows, columns] = block
    normal[columns, rows] = block.T


class PairSums:
    """The normal equations of one thread's blocks, as sums of pair products."""

    def __init__(self, wiring: Wiring, layout: list[Form], scratch: Scratch, keeps_pairs: bool = False) -> None:
        spans = wiring.spans
        last = len(spans) - 1
        kinds = [form.kind for form in layout]
        shared = [form.is_shared for form in layout]
        self._scratch = scratch
        self._weight_map = wiring.weight_map
        self._last: list[Sensitivity] = []
        self.accumulators: dict[tuple[int, int], _Accumulator] = {}
        for a in range(last + 1):
            for b in range(a, last + 1):
                accumulator: _Accumulator
                if a == b and shared[a]:
                    accumulator = _SharedSquare(spans[a])
                elif a == b:
                    # Only then z is the very array of the block.
                    sees_inputs = spans[a].layer.sources == (INPUTS,) and spans[a].layer.bias
                    accumulator = _Within(spans[a], kinds[a] is Diagonal, keeps_pairs and sees_inputs)
                elif kinds[a] is Factored and kinds[b] is Factored:
                    accumulator = _FactoredBetween(spans[a], spans[b], shared[a], shared[b])
                else:
                    accumulator = _Between(spans[a], spans[b])
                self.accumulators[a, b] = accumulator

    def add(self, deltas: list[Sensitivity], stacked: list[Array], is_single: bool = False) -> None:
        """Fold one block in."""
        self._last = deltas
        for (a, b), accumulator in self.accumulators.items():
            accumulator.add(self._scratch, deltas[a], stacked[a], deltas[b], stacked[b], is_single)

    def clear(self) -> None:
        """Set all sums to zero, for the next pass."""
        for accumulator in self.accumulators.values():
            accumulator.sum[:] = 0.0

    def merge(self, other: PairSums) -> None:
        """Add another thread's sums to these."""
        for key, accumulator in self.accumulators.items():
            accumulator.sum += other.accumulators[key].sum

    def write(self, normal: Array) -> None:
        """Spread the sums over the normal matrix."""
        weight_map = self._weight_map
        everything = normal if weight_map is None else np.empty((weight_map.n_connections,) * 2)
        # Of the last block's Δ only the constant factors U are read, which are the same in every block.
        for (a, b), accumulator in self.accumulators.items():
            accumulator.write(everything, self._last[a], self._last[b])
        if weight_map is not None:
            normal[:] = weight_map.contract_matrix(everything)


class Pairs(SampleForm):
    """Pair products: one matrix multiplication a pair of layers, whatever the number of outputs."""

    name = "pairs"
    is_usual = True

    def equations(self, passes: BlockPasses, plan: Plan) -> NormalPass:
        made: list[PairSums] = []

        def normal(weights: Array, is_single: bool) -> Normal:
            if not made:
                made.extend(PairSums(passes.wiring, passes.layout, each, plan.keeps_pairs) for each in passes.scratch)
            return _paired(passes, made, weights, is_single)

        return normal

    def normal(
        self, costs: CostModel, n_samples: int, block_size: int = 512, *, n_decays: int = 1, keeps: bool = False
    ) -> Work:
        return pairs_work(costs, n_samples, block_size, keeps)

    def block(self, job: Job) -> tuple[int, int]:
        counts, costs = pair_counts(job.costs), job.costs
        # Where the kernel makes pairs as they are read, a pass is what there is.
        scratch = counts.rows + PASSES * costs.units * (native_kernel() is not None)
        # The matrix of all connections beside that of the weights.
        return scratch, counts.sums + (job.graph.weight_map is not None) * costs.n_connections**2

    def kept(self, job: Job) -> int | None:
        pairs = kept_input_pairs(job.costs) * job.n_samples
        # The kernel makes them again in less than reading them takes.
        is_asked = job.most is Derivatives.NORMAL and job.matrices > 0 and native_kernel() is None
        return pairs if is_asked and job.held_bytes is None and job.keeps(pairs) else super().kept(job)


def _paired(passes: BlockPasses, pair_sums: list[PairSums], weights: Array, is_single: bool) -> Normal:
    """Sums, gradient and normal matrix; sums of pairs for every share of the blocks."""

    def work(number: int, blocks: Iterable[Block]) -> tuple[Array, Array]:
        pair_sums[number].clear()

        def part(block: Block) -> tuple[Array, Array]:
            done, sums = passes.forward(weights, number, block)
            slopes, _, deltas = passes.deltas(done, block)
            pair_sums[number].add(deltas, done.stacked, is_single)
            return sums, passes.gradient(done, slopes, block)

        return running_total(map(part, blocks))

    parts = passes.threads.each(work)
    merged = pair_sums[0]
    for other in pair_sums[1:]:
        merged.merge(other)
    normal = np.empty((len(weights), len(weights)))
    merged.write(normal)
    sums, gradient = total_each(parts)
    return sums, gradient, normal
