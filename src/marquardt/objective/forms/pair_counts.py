"""What pair products cost: for the pair form, and for the exact Hessian, which is made of them, too."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from marquardt.networks import INPUTS
from marquardt.numerics import CHUNK_ROWS, native_kernel
from marquardt.objective.cost import CostModel, Work, in_blocks
from marquardt.objective.sensitivities import Diagonal, Factored

__all__ = ["PairCounts", "hessian_work", "kept_input_pairs", "pair_counts", "pairs_work"]


class PairCounts(NamedTuple):
    """Pairs from Δ and z, and their products; a block adds to sums as large as half of the matrix."""

    sample: Work
    block: Work
    rows: int  # Numbers a sample that are written, which is what blocks have to have room for

    @property
    def sums(self) -> int:
        """Numbers that the sums hold."""
        return int(self.block.touched)


class _Pair(NamedTuple):
    """The pairs of one layer with another, or with itself."""

    rows: float
    columns: float
    chunks: float  # How often pairs of units are read
    full: float  # Rows of Δ that are there before any pair is
    written: float  # Rows of pairs
    calls: float


def pairs_work(costs: CostModel, n_samples: int, block_size: int, keeps: bool = False) -> Work:
    """Return the work of loss, gradient and normal equations by pairs."""
    counts = pair_counts(costs)
    parts = costs.forward, costs.slopes, costs.sensitivities, costs.slope_back, (counts.sample, counts.block)
    total = in_blocks(n_samples, block_size, *parts) + _writing(costs)
    if keeps and native_kernel() is None:
        return total + Work(paired=-_unmade(costs) * n_samples)
    return total


def hessian_work(costs: CostModel, n_samples: int, block_size: int = 512) -> Work:
    """Return the work of loss, gradient and exact Hessian: about that of two passes for the normal equations."""
    return 2 * pairs_work(costs, n_samples, block_size)


def kept_input_pairs(costs: CostModel) -> int:
    """Return the numbers a sample of the pairs of inputs that may be kept from pass to pass."""
    return sum(
        span.fan_in * (span.fan_in + 1) // 2
        for span in costs.graph.spans
        if span.layer.sources == (INPUTS,) and span.layer.bias
    )


def _unmade(costs: CostModel) -> int:
    """Numbers a sample that are not made anew where the pairs of inputs are kept."""
    return sum(
        span.fan_in * (span.fan_in + 1) // 2
        for k, span in enumerate(costs.graph.spans)
        if costs.wiring.sources[k] == (-1,) and span.layer.bias and not costs.layout[k].is_shared
    )


@lru_cache(maxsize=256)
def pair_counts(costs: CostModel) -> PairCounts:
    """Return the counts of a network; the same again while they are remembered."""
    products = symmetric = touched = scratch = held = calls = 0.0
    is_compiled = native_kernel() is not None
    for a, left in enumerate(costs.graph.spans):
        for b in range(a, len(costs.graph.spans)):
            if a == b and costs.layout[a].is_shared:
                rows, columns = left.fan_in, (left.fan_in + 1) / 2
                symmetric += rows * columns
                held += rows * columns
                touched += 2 * left.fan_in
                calls += 2
                continue
            pair = _within(costs, a) if a == b else _between(costs, a, b)
            products += pair.rows * pair.columns
            held += pair.rows * pair.columns
            if is_compiled:
                # Pairs are made where they are read, those of the right a panel at a time.
                touched += pair.full + pair.rows * costs.n_rows / 4
                scratch += pair.full
                calls += 3
            else:
                touched += pair.chunks * pair.rows + pair.columns
                scratch += pair.written
                calls += pair.calls
    if is_compiled:
        done = Work(symmetric, touched, compiled=products)
    else:
        done = Work(products + symmetric, paired=touched + scratch)
    return PairCounts(done, Work(touched=held, calls=calls), int(scratch))


def _within(costs: CostModel, a: int) -> _Pair:
    span, kind = costs.graph.spans[a], costs.layout[a].kind
    size, has_one_row = span.layer.size, kind is Factored or kind is Diagonal
    rows = size if kind is Diagonal else size * (size + 1) // 2
    columns = span.fan_in * (span.fan_in + 1) // 2
    chunks = -(-columns // CHUNK_ROWS)
    written = rows * (1 if has_one_row else costs.n_rows) + columns
    calls = (1 if kind is Diagonal else size) + span.fan_in + 2 * chunks
    return _Pair(rows, columns, chunks, 0 if has_one_row else costs.n_rows * size, written, calls)


def _between(costs: CostModel, a: int, b: int) -> _Pair:
    (left, right), (of_left, of_right) = (costs.graph.spans[k] for k in (a, b)), (costs.layout[k] for k in (a, b))
    if of_left.kind is Factored and of_right.kind is Factored:
        rows = left.fan_in * (1 if of_left.is_shared else left.layer.size)
        columns = right.fan_in * (1 if of_right.is_shared else right.layer.size)
        written = rows * (not of_left.is_shared) + columns * (not of_right.is_shared)
        return _Pair(rows, columns, 1, 0, written, 4)
    rows, columns = left.layer.size * right.layer.size, left.fan_in * right.fan_in
    chunks = -(-left.fan_in // max(1, CHUNK_ROWS // right.fan_in))
    full = costs.n_rows * left.layer.size if of_left.kind is Factored else 0
    written = rows * (1 if of_right.kind is Diagonal else costs.n_rows) + columns + full
    return _Pair(rows, columns, chunks, full, written, 3 * chunks + 4)


def _writing(costs: CostModel) -> Work:
    """The sums, cleared and written to the normal matrix; once a pass."""
    graph = costs.graph
    mapped = 0 if graph.weight_map is None else 2 * costs.n_connections**2
    n_layers = len(graph.layers)
    # A Kronecker product of a layer's own, a loop over its units, and a transposed copy for every two layers.
    calls = 6 * n_layers * (n_layers - 1) // 2
    for span, form in zip(graph.spans, costs.layout, strict=True):
        calls += 25 if form.is_shared else 5 * span.layer.size
    return Work(touched=costs.n_connections**2 + mapped, fresh=2 * graph.n_weights**2, calls=calls)
