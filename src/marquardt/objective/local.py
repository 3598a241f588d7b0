"""Sums over samples here: blocks of arrays, or blocks that are read, shared by threads or given to the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Unpack

import numpy as np

from marquardt.arrays import Array
from marquardt.errors import ConfigurationError
from marquardt.losses import Loss
from marquardt.networks import LayerGraph, Scaling
from marquardt.objective.block_passes import BlockPasses
from marquardt.objective.blocks import Block, Blocks, KeptBlocks, Source, random_part, relative_blocks
from marquardt.objective.compiled import Compiled, is_compiled
from marquardt.objective.cost import cost_model
from marquardt.objective.directional import second_derivative
from marquardt.objective.evaluation import Costs, System
from marquardt.objective.forms import sample_form_of
from marquardt.objective.forms.explicit import explicit_jacobian
from marquardt.objective.forms.matrix_free import diagonal_pass, product_pass
from marquardt.objective.forms.sample_space import fitted_part, sample_pass
from marquardt.objective.hessian import HessianSums
from marquardt.objective.passes import Scratch, Wiring
from marquardt.objective.plan import Plan
from marquardt.objective.planning import PlanOptions, costs_of, layout_of, make_plan
from marquardt.objective.relative import Relative, check_probabilities
from marquardt.objective.second_order import Curved, gradient_of, hessian_times
from marquardt.objective.sensitivities import Form
from marquardt.objective.sums import Normal, Part, running_total, total, total_each

__all__ = ["LocalSums"]


class LocalSums:
    """The sums over blocks of samples, by the form of the plan.

    It is for one thread of the caller at a time: its scratch arrays are its own.
    """

    def __init__(
        self,
        wiring: Wiring,
        loss: Loss,
        blocks: Blocks,
        plan: Plan,
        layout: list[Form],
        n_samples: int,
        total_weight: float,
    ) -> None:
        self.wiring, self.plan = wiring, plan
        self.n_samples, self.total_weight = n_samples, total_weight
        self.lacking = _without_second(wiring, loss)
        self._layout, self._n_weights = layout, wiring.graph.n_weights
        n_shares = min(plan.threads, plan.n_blocks)
        self.passes = BlockPasses(wiring, loss, layout, blocks, n_shares)
        # The passes of products, which must leave those of other points alone.
        self._product_scratch = [Scratch() for _ in range(n_shares)]
        self._part: tuple[float, LocalSums] | None = None
        form = sample_form_of(plan)
        self._equations = form.equations(self.passes, plan)
        self.compiled: Compiled | None = form.whole(self.passes, plan)

    @property
    def loss(self) -> Loss:
        """What is summed."""
        return self.passes.loss

    @classmethod
    def of(
        cls,
        graph: LayerGraph,
        source: Source,
        relative: Relative,
        input_scaling: Scaling | None = None,
        target_scaling: Scaling | None = None,
        **options: Unpack[PlanOptions],
    ) -> LocalSums:
        """Return the sums over the scaled samples of a source, as planned; options are those of `make_plan`."""
        loss, penalty = relative.loss, relative.penalty
        wiring = Wiring(graph, loss.link is not None)
        layout = layout_of(wiring, loss, source.weighs_outputs)
        plan = make_plan(
            graph,
            layout,
            source.n_samples,
            n_decays=1 if penalty is None else len({alpha for both in penalty.by_layer(graph) for alpha in both}),
            held_bytes=source.held_bytes,
            is_compiled=is_compiled(graph, loss, source.weighs_outputs),
            **options,
        )
        target_scaling = target_scaling or Scaling.none(graph.n_outputs)
        input_scaling = input_scaling or Scaling.none(graph.n_inputs)
        blocks = relative_blocks(source.blocks(input_scaling, target_scaling, plan.block_size), relative.sample_unit)
        if loss.link is not None:
            check_probabilities(loss, target_scaling, (block.targets for block in blocks))
        total_weight = source.total_weight / relative.sample_unit
        return cls(wiring, loss, blocks, plan, layout, source.n_samples, total_weight)

    def costs(self) -> Costs:
        """Return what passes and steps are estimated to take."""
        return costs_of(self.plan, cost_model(self.wiring.graph, tuple(self._layout)), self.n_samples)

    def require_second(self) -> None:
        """Refuse second derivatives where an activation or the loss has none."""
        if self.lacking is not None:
            raise ConfigurationError(
                f"The exact Hessian needs second derivatives, and {self.lacking} has none: give it a function "
                f"'second', or ask for Derivatives.NORMAL."
            )

    def rescale(self, loss: Loss) -> None:
        """Go on with a loss of another scale."""
        self.passes.rescale(loss)
        self._part = None

    def close(self) -> None:
        """End the threads and the reading, if any were started."""
        self.passes.close()
        if self._part is not None:
            self._part[1].close()

    # ---------------------------------------------------------------- values and gradients

    def value(self, weights: Array) -> Array:
        """Return each output's sum of the loss."""
        if self.compiled is not None:
            return self.compiled.sums(weights)

        def work(number: int, blocks: Iterable[Block]) -> Array:
            added: Array | None = None
            for block in blocks:
                sums = self.passes.forward(weights, number, block)[1]
                added = sums if added is None else added + sums
            assert added is not None  # every share has a block
            return added

        return total(self.passes.threads.each(work))

    def gradient(self, weights: Array) -> tuple[Array, Array]:
        """Return sums and gradient."""
        if self.compiled is not None:
            return self.compiled.slope(weights)

        def work(number: int, blocks: Iterable[Block]) -> tuple[Array, Array]:
            def part(block: Block) -> tuple[Array, Array]:
                done, sums = self.passes.forward(weights, number, block)
                return sums, self.passes.gradient(done, self.wiring.slopes(done), block)

            return running_total(map(part, blocks))

        sums, gradient = total_each(self.passes.threads.each(work))
        return sums, gradient

    def parts(self, weights: Array) -> Iterator[Part]:
        """Yield outputs, targets and weights of all samples, a block at a time."""
        for block in self.passes.blocks:
            yield self.wiring.forward(weights, block.inputs).outputs, block.targets, block.weight

    # ---------------------------------------------------------------- the normal equations

    def normal(self, weights: Array, is_single: bool = False) -> Normal:
        """Return sums, gradient and JᵀΛJ; by pairs where the form has no matrix."""
        if self.compiled is not None and self.compiled.has_matrix:
            return self.compiled.equations(weights, is_single)
        return self._equations(weights, is_single)

    def normal_of(self, weights: Array, share: float) -> Array:
        """Return JᵀΛJ of a random part of the samples, scaled to all of them."""
        part = self if share >= 1.0 and not self.plan.matrix_block else self._part_of(min(share, 1.0))
        normal = part.normal(weights)[2]
        if part is not self:
            normal *= self.total_weight / part.total_weight
        return normal

    def _part_of(self, share: float) -> LocalSums:
        """The sums of a random part of the samples; the last one is kept."""
        if self._part is not None and self._part[0] == share:
            return self._part[1]
        if self._part is not None:
            self._part[1].close()
            self._part = None
        block_size = self.plan.matrix_block or self.plan.block_size
        blocks = random_part(self.passes.blocks, self.n_samples, share, block_size)
        weight = sum(block.total_weight for block in blocks or ())
        if blocks is None or weight == 0.0:
            return self  # blocks that come and go, or nothing but weights of zero
        n_samples = sum(block.targets.shape[1] for block in blocks)
        plan = replace(
            self.plan,
            block_size=block_size,
            n_blocks=len(blocks),
            threads=min(self.plan.threads, len(blocks)),
            matrix_block=block_size,
            is_compiled=False,
        )
        part = LocalSums(self.wiring, self.loss, KeptBlocks(blocks), plan, self._layout, n_samples, float(weight))
        self._part = share, part
        return part

    # ---------------------------------------------------------------- the normal equations without their matrix

    def in_sample_space(self, weights: Array, decay: Array) -> tuple[Array, Array, System]:
        """Return sums, gradient and the system of the residuals' dimension."""
        return sample_pass(self.passes, weights, decay)

    def diagonal(self, weights: Array) -> Normal:
        """Return sums, gradient and the diagonal of JᵀΛJ."""
        return diagonal_pass(self.passes, weights)

    def times(self, weights: Array, vector: Array) -> Array:
        """Return JᵀΛJ v."""
        return product_pass(self.passes, self._product_scratch, weights, vector)

    def bend(self, weights: Array, direction: Array) -> Array:
        """Return JᵀΛ ∂²outputs/∂direction²."""
        added = np.zeros(self._n_weights)
        for block in self.passes.blocks:
            done = self.wiring.forward(weights, block.inputs)
            slopes = self.wiring.slopes(done)
            added += self.passes.pulled(done, slopes, block, second_derivative(self.wiring, done, slopes, direction))
        return added

    # ---------------------------------------------------------------- the Jacobian itself

    def jacobian(self, weights: Array) -> Iterator[Array]:
        """Yield the rows of R ∂outputs/∂weights, a block at a time: sample by sample, within a sample the rows of R."""
        for block in self.passes.blocks:
            done = self.wiring.forward(weights, block.inputs)
            _, _, deltas = self.passes.deltas(done, block)
            transposed = explicit_jacobian(self.wiring, deltas, done.stacked)
            yield transposed.transpose(2, 1, 0).reshape(-1, self._n_weights)

    def whitened(self, weights: Array) -> Iterator[tuple[Array, Array, Array | None]]:
        """Yield as many rows as there are weights at a time, their residuals, and the rest of the gradient."""
        size = max(self._n_weights // self.wiring.graph.n_outputs, 1)
        for block in self.passes.blocks:
            for first in range(0, block.targets.shape[1], size):
                taken = slice(first, first + size)
                weight = None if block.weight is None else block.weight[..., taken]
                part = Block(np.ascontiguousarray(block.inputs[:, taken]), block.targets[:, taken], weight)
                done = self.wiring.forward(weights, part.inputs)
                slopes, curvature, deltas = self.passes.deltas(done, part)
                fitted, left = fitted_part(self.loss.slope(done.outputs, part.targets), curvature)
                if weight is not None:
                    fitted = fitted * np.sqrt(weight)
                if left is not None:
                    left = self.wiring.gradient(done, slopes, left if weight is None else left * weight)
                transposed = explicit_jacobian(self.wiring, deltas, done.stacked)
                yield transposed.reshape(self._n_weights, -1).T, fitted.ravel(), left

    def whitened_bytes(self) -> float:
        """What the rows at work take: those to be folded in, their copies, and the part of the Jacobian to be added."""
        return 8.0 * 20 * min(self._n_weights, self.n_samples * self.wiring.graph.n_outputs) * self._n_weights

    # ---------------------------------------------------------------- second derivatives

    def hessian(self, weights: Array) -> Normal:
        """Return sums, gradient and Hessian."""
        added = HessianSums(self.wiring)
        parts = []
        for block in self.passes.blocks:
            done, sums = self.passes.forward(weights, 0, block)
            curved = self.passes.curved(done, block)
            parts.append((sums, gradient_of(self.wiring, curved)))
            added.add(curved)
        sums, gradient = total_each(parts)
        hessian = np.empty((self._n_weights, self._n_weights))
        added.write(hessian)
        return sums, gradient, hessian

    def hessian_times(self, weights: Array) -> tuple[Array, Array, Callable[[Array], Array]]:
        """Return sums, gradient and products with the Hessian; the passes are kept where they take little memory."""

        def curved_of(block: Block) -> tuple[Curved, Array]:
            # Arrays of its own: the products are asked for after other points have been looked at.
            done = self.wiring.forward(weights, block.inputs)
            return self.passes.curved(done, block), self.passes.sums(done, block)

        is_kept = self.plan.keeps_passes
        kept: list[Curved] = []
        parts = []
        for block in self.passes.blocks:
            curved, sums = curved_of(block)
            parts.append((sums, gradient_of(self.wiring, curved)))
            if is_kept:
                kept.append(curved)

        def times(columns: Array) -> Array:
            passes = kept if is_kept else (curved_of(block)[0] for block in self.passes.blocks)
            return total([hessian_times(self.wiring, curved, columns) for curved in passes])

        sums, gradient = total_each(parts)
        return sums, gradient, times


def _without_second(wiring: Wiring, loss: Loss) -> str | None:
    """The activation or loss that has no second derivative."""
    for activation, is_linear in zip(wiring.activations, wiring.is_linear, strict=True):
        if not is_linear and activation.elementwise and activation.second is None:
            return f"the activation {activation.name!r}"
    return None if hasattr(loss, "second") else f"the loss {loss.name!r}"
