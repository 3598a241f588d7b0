"""The plain twin: the Jacobian of a block, written out.

The fastest form for tiny networks, the reference that tests compare the pair form with, and what users get
who ask for a Jacobian.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from marquardt.arrays import Array
from marquardt.objective.block_passes import BlockPasses
from marquardt.objective.blocks import Block
from marquardt.objective.compiled import Compiled, has_kernel
from marquardt.objective.cost import CostModel, Work, in_blocks
from marquardt.objective.forms.compiled import COMPILED
from marquardt.objective.forms.form import NormalPass, SampleForm
from marquardt.objective.passes import Scratch, Wiring
from marquardt.objective.plan import Job, Plan
from marquardt.objective.sensitivities import Factored, Sensitivity
from marquardt.objective.sums import Normal, total_each

__all__ = ["Explicit", "explicit_jacobian"]


def explicit_jacobian(
    wiring: Wiring, deltas: list[Sensitivity], stacked: list[Array], scratch: Scratch | None = None
) -> Array:
    """Write out (R J)ᵀ of one block."""
    n_samples = stacked[0].shape[1]
    n_rows, weight_map = wiring.graph.n_outputs, wiring.weight_map
    if scratch is None:
        scratch = Scratch()
    transposed = scratch.take("jacobian", wiring.graph.n_connections, n_rows * n_samples)
    for span, delta, z in zip(wiring.spans, deltas, stacked, strict=True):
        size = span.layer.size
        current = transposed[span.start : span.stop]
        if n_rows > 1:
            part = current.reshape(size, span.fan_in, n_rows, n_samples)
            np.multiply(delta.full().transpose(1, 0, 2)[:, None], z[None, :, None], out=part)
        elif size == 1 and isinstance(delta, Factored) and delta.is_plain and delta.per_unit is not None:
            np.multiply(z, delta.per_unit[0, 0], out=current)
        else:
            if isinstance(delta, Factored) and delta.per_unit is not None:
                row = scratch.take("sensitivity", size, n_samples)
                np.multiply(delta.per_unit.T, delta.per_sample, out=row)
            else:
                row = delta.full()[0]
            np.multiply(row[:, None], z, out=current.reshape(size, span.fan_in, n_samples))
    if weight_map is not None:
        transposed = weight_map.contract(transposed)
    return transposed.reshape(-1, n_rows, n_samples)


class Explicit(SampleForm):
    """The Jacobian of a block and its symmetric product; in the compiled kernel where that covers all samples."""

    name = "explicit"
    is_usual = True

    def called(self, plan: Plan) -> str:
        return "compiled" if plan.is_compiled else plan.form

    def equations(self, passes: BlockPasses, plan: Plan) -> NormalPass:
        def normal(weights: Array, is_single: bool) -> Normal:
            parts = passes.threads.each(lambda number, blocks: _summed(passes, weights, number, blocks))
            sums, gradient, matrix = total_each(parts)
            return sums, gradient, matrix

        return normal

    def whole(self, passes: BlockPasses, plan: Plan) -> Compiled | None:
        return passes.compiled(has_matrix=not plan.matrix_block) if plan.is_compiled else None

    def normal(
        self, costs: CostModel, n_samples: int, block_size: int = 512, *, n_decays: int = 1, keeps: bool = False
    ) -> Work:
        done = costs.forward, costs.slopes, costs.sensitivities, _written(costs)
        return in_blocks(n_samples, block_size, *done)

    def of_thread(self, job: Job, size: int) -> int:
        # Of all connections, contracted to the weights that are trained.
        mapped = 0 if job.graph.weight_map is None else size * job.graph.n_weights * job.graph.n_outputs
        return super().of_thread(job, size) + mapped

    def plan(self, job: Job) -> Plan:
        return COMPILED.plan(job) if COMPILED.suits(job) else super().plan(job)

    def made(
        self, job: Job, size: int, threads: int, memory: int, *, keeps: bool = False, is_compiled: bool = False
    ) -> Plan:
        # A single block is the kernel's wherever it can be.
        if job.n_blocks(size) == 1 and has_kernel(job):
            return COMPILED.made(job, size, threads, memory)
        return super().made(job, size, threads, memory, is_compiled=is_compiled)


def _summed(passes: BlockPasses, weights: Array, number: int, blocks: Iterable[Block]) -> Normal:
    """Sums, gradient and normal matrix of one share of the blocks, by way of the Jacobian."""
    added: Normal | None = None
    for block in blocks:
        done, sums = passes.forward(weights, number, block)
        slopes, curvature, deltas = passes.deltas(done, block)
        cube = explicit_jacobian(passes.wiring, deltas, done.stacked, passes.scratch[number])
        transposed = cube.reshape(len(weights), -1)
        if curvature.ndim == 1:
            # Λ is constant: the whitened slope √(w/λ) ∂loss/∂output is the residual that J belongs to.
            slope = passes.loss.slope(done.outputs, block.targets)
            if not passes.is_plain_squares:
                slope /= np.sqrt(curvature)[:, None]
            if block.weight is not None:
                slope *= np.sqrt(block.weight)
            gradient = transposed @ slope.ravel()
        else:
            gradient = passes.gradient(done, slopes, block)
        normal = transposed @ transposed.T
        added = (
            (sums, gradient, normal)
            if added is None
            else (added[0] + sums, added[1] + gradient, np.add(added[2], normal, out=normal))
        )
    assert added is not None  # every share has a block
    return added


def _written(costs: CostModel) -> tuple[Work, Work]:
    """J written out from Δ, and its products; of a sample, and of a block."""
    graph, n_rows = costs.graph, costs.n_rows
    n_weights = graph.n_weights
    rows = costs.n_connections * n_rows * (1 if graph.weight_map is None else 2)
    # The symmetric product computes one triangle, and writes both.
    products = n_weights * (n_weights + 3) / 2 * n_rows
    of_units = sum(
        n_rows * span.layer.size
        for span, form in zip(graph.spans, costs.layout, strict=True)
        if form.kind is not Factored or form.at_top
    )
    done = Work(products, 3 * n_weights * n_rows + rows + of_units)
    return done, Work(fresh=n_weights**2, calls=4 * len(costs.layout) + 6)
