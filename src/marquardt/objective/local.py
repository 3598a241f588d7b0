"""Sums over samples here: blocks of arrays, or blocks that are read, shared by threads or given to the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from marquardt.arrays import Array
from marquardt.errors import ConfigurationError
from marquardt.losses import Loss, Squares
from marquardt.networks import LayerGraph, Scaling
from marquardt.objective.bending import bent_outputs
from marquardt.objective.blocks import Block, Blocks, KeptBlocks, Source, random_part, relative_blocks
from marquardt.objective.compiled import Compiled, is_compiled
from marquardt.objective.cost import cost_model
from marquardt.objective.evaluation import Costs, System
from marquardt.objective.explicit import explicit_jacobian
from marquardt.objective.hessian import HessianSums
from marquardt.objective.matrix_free import add_diagonal, moved_outputs
from marquardt.objective.neuron_by_neuron import NeuronByNeuron
from marquardt.objective.pairs import PairSums
from marquardt.objective.passes import Pass, Scratch, Wiring
from marquardt.objective.plan import Plan, costs_of, make_plan
from marquardt.objective.relative import Relative, check_probabilities
from marquardt.objective.sample_space import Rows, SampleSystem, WrittenSystem, fitted_part
from marquardt.objective.second_order import Curved, curved_pass, gradient_of, hessian_times
from marquardt.objective.sensitivities import Form, Sensitivity, curvature_rows, forms, sensitivities
from marquardt.objective.single import SingleOutput
from marquardt.objective.sums import Normal, Part, running_total, total, total_each
from marquardt.objective.threads import PassThreads

__all__ = ["LocalSums", "layout_of"]


def layout_of(wiring: Wiring, loss: Loss, weighs_outputs: bool = False) -> list[Form]:
    """The form of every layer's Δ, which the shape of the loss's curvature decides, weights included."""
    probe = np.zeros((wiring.graph.n_outputs, 1))
    axes = loss.curvature(probe, probe).ndim if hasattr(loss, "curvature") else 2
    return forms(wiring, max(axes, 2) if weighs_outputs else axes)


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
        self.wiring, self.loss, self.blocks, self.plan = wiring, loss, blocks, plan
        self.n_samples, self.total_weight = n_samples, total_weight
        self.lacking = _without_second(wiring, loss)
        self._layout = layout
        self._n_weights, self._n_outputs = wiring.graph.n_weights, wiring.graph.n_outputs
        # A subclass may have a value of its own.
        squares = loss if type(loss) is Squares else None
        self.is_plain_squares = squares is not None and squares.output_weights is None
        n_shares = min(plan.threads, plan.n_blocks)
        self._threads = PassThreads(blocks, n_shares)
        self._scratch = [Scratch() for _ in range(n_shares)]
        # The passes of products, which must leave those of other points alone.
        self._product_scratch = [Scratch() for _ in range(n_shares)]
        self._pair_sums: list[PairSums] = []
        self._last: tuple[bytes, Pass, Array] | None = None
        self._part: tuple[float, LocalSums] | None = None
        self.compiled: Compiled | None = None
        self._single: SingleOutput | Compiled | None = None
        """The whole pass in one object, where there is one for network and loss."""
        only = blocks.only
        if only is None or squares is None:
            return
        has_matrix = plan.form == "explicit" and not plan.matrix_block
        if plan.is_compiled:
            self._single = self.compiled = Compiled(wiring, only, squares, has_matrix)
        elif has_matrix and self._n_outputs == 1 and wiring.graph.output.activation != "softmax":
            output_weight = 1.0 if squares.output_weights is None else squares.output_weights[0]
            self._single = SingleOutput(wiring, only, output_weight)

    @classmethod
    def of(
        cls,
        graph: LayerGraph,
        source: Source,
        relative: Relative,
        *,
        input_scaling: Scaling | None = None,
        target_scaling: Scaling | None = None,
        **options: Any,
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
                f"'second', or ask for Need.NORMAL."
            )

    def rescale(self, loss: Loss) -> None:
        """Go on with a loss of another scale."""
        self.loss = loss
        self._last = self._part = None

    def close(self) -> None:
        """End the threads and the reading, if any were started."""
        self.blocks.stop()
        self._threads.close()
        if self._part is not None:
            self._part[1].close()

    # ---------------------------------------------------------------- values and gradients

    def value(self, weights: Array) -> Array:
        """Return each output's sum of the loss."""
        if self._single is not None:
            return self._single.sums(weights)

        def work(number: int, blocks: Iterable[Block]) -> Array:
            added: Array | None = None
            for block in blocks:
                sums = self._forward(weights, number, block)[1]
                added = sums if added is None else added + sums
            assert added is not None  # every share has a block
            return added

        return total(self._threads.spread(work))

    def gradient(self, weights: Array) -> tuple[Array, Array]:
        """Return sums and gradient."""
        if self.compiled is not None:
            return self.compiled.slope(weights)

        def work(number: int, blocks: Iterable[Block]) -> tuple[Array, Array]:
            def part(block: Block) -> tuple[Array, Array]:
                done, sums = self._forward(weights, number, block)
                return sums, self._slope_back(done, self.wiring.slopes(done), block)

            return running_total(map(part, blocks))

        sums, gradient = total_each(self._threads.spread(work))
        return sums, gradient

    def parts(self, weights: Array) -> Iterator[Part]:
        """Yield outputs, targets and weights of all samples, a block at a time."""
        for block in self.blocks:
            yield self.wiring.forward(weights, block.inputs).outputs, block.targets, block.weight

    # ---------------------------------------------------------------- the normal equations

    def normal(self, weights: Array, is_single: bool = False) -> Normal:
        """Return sums, gradient and JᵀΛJ; by pairs where the form has no matrix."""
        if self._single is not None and self._single.has_matrix:
            if self.compiled is not None:
                return self.compiled.equations(weights, is_single)
            return self._single.equations(weights)
        if self.plan.form == "explicit":
            return self._merged(lambda number, blocks: self._explicit(weights, number, blocks))
        if self.plan.form == "neuron_by_neuron":
            return self._merged(lambda number, blocks: self._by_neurons(weights, number, blocks))
        return self._paired(weights, is_single)

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
        blocks = random_part(self.blocks, self.n_samples, share, block_size)
        weight = sum(block.total_weight for block in blocks or ())
        if blocks is None or weight == 0.0:
            return self  # blocks that come and go, or nothing but weights of zero
        n_samples = sum(block.targets.shape[1] for block in blocks)
        plan = replace(
            self.plan,
            block_size=block_size,
            n_blocks=len(blocks),
            threads=min(self.plan.threads, len(blocks)),
            is_compiled=False,
        )
        part = LocalSums(self.wiring, self.loss, KeptBlocks(blocks), plan, self._layout, n_samples, float(weight))
        part._single = None
        self._part = share, part
        return part

    def _merged(self, work: Callable[[int, Iterable[Block]], Normal]) -> Normal:
        sums, gradient, normal = total_each(self._threads.spread(work))
        return sums, gradient, normal

    def _explicit(self, weights: Array, number: int, blocks: Iterable[Block]) -> Normal:
        """Sums, gradient and normal matrix of one share of the blocks, by way of the Jacobian."""
        added: Normal | None = None
        for block in blocks:
            done, sums = self._forward(weights, number, block)
            slopes, curvature, deltas = self._deltas(done, block)
            cube = explicit_jacobian(self.wiring, deltas, done.stacked, self._scratch[number])
            transposed = cube.reshape(self._n_weights, -1)
            if curvature.ndim == 1:
                # Λ is constant: the whitened slope √(w/λ) ∂loss/∂output is the residual that J belongs to.
                slope = self.loss.slope(done.outputs, block.targets)
                if not self.is_plain_squares:
                    slope /= np.sqrt(curvature)[:, None]
                if block.weight is not None:
                    slope *= np.sqrt(block.weight)
                gradient = transposed @ slope.ravel()
            else:
                gradient = self._slope_back(done, slopes, block)
            normal = transposed @ transposed.T
            added = (
                (sums, gradient, normal)
                if added is None
                else (added[0] + sums, added[1] + gradient, np.add(added[2], normal, out=normal))
            )
        assert added is not None  # every share has a block
        return added

    def _by_neurons(self, weights: Array, number: int, blocks: Iterable[Block]) -> Normal:
        """Sums, gradient and normal matrix of the blocks, a sample and a neuron at a time."""
        neurons = NeuronByNeuron(self.wiring)
        parts = []
        for block in blocks:
            done, sums = self._forward(weights, number, block)
            slope = self.loss.slope(done.outputs, block.targets)
            factor = curvature_rows(self.loss.curvature(done.outputs, block.targets), *done.outputs.shape)
            if block.weight is not None:
                slope = slope * block.weight
                factor = factor * np.sqrt(block.weight)
            parts.append((sums, *neurons.equations(weights, block.inputs[:-1], slope, factor)))
        sums, gradient, normal = total_each(parts)
        return sums, gradient, normal

    def _paired(self, weights: Array, is_single: bool = False) -> Normal:
        """Sums, gradient and normal matrix by pair products."""
        if not self._pair_sums:
            self._pair_sums = [
                PairSums(self.wiring, self._layout, scratch, self.plan.keeps_pairs) for scratch in self._scratch
            ]

        def work(number: int, blocks: Iterable[Block]) -> tuple[Array, Array]:
            pair_sums = self._pair_sums[number]
            pair_sums.clear()

            def part(block: Block) -> tuple[Array, Array]:
                done, sums = self._forward(weights, number, block)
                slopes, _, deltas = self._deltas(done, block)
                pair_sums.add(deltas, done.stacked, is_single)
                return sums, self._slope_back(done, slopes, block)

            return running_total(map(part, blocks))

        parts = self._threads.spread(work)
        merged = self._pair_sums[0]
        for other in self._pair_sums[1:]:
            merged.merge(other)
        normal = np.empty((self._n_weights, self._n_weights))
        merged.write(normal)
        sums, gradient = total_each(parts)
        return sums, gradient, normal

    # ---------------------------------------------------------------- the normal equations without their matrix

    def in_sample_space(self, weights: Array, decay: Array) -> tuple[Array, Array, System]:
        """Return sums, gradient and the system of the residuals' dimension."""
        is_mapped = self.wiring.graph.weight_map is not None
        rest = decay * weights
        parts, rows, jacobians, residuals = [], [], [], []
        for block in self.blocks:
            # Arrays of its own: the system solves after other points have been looked at.
            done = self.wiring.forward(weights, block.inputs)
            slopes, curvature, deltas = self._deltas(done, block)
            parts.append((self._block_sums(done, block), self._slope_back(done, slopes, block)))
            fitted, left = fitted_part(self.loss.slope(done.outputs, block.targets), curvature)
            if left is not None:
                rest += self.wiring.gradient(done, slopes, left if block.weight is None else left * block.weight)
            if block.weight is not None:
                fitted = fitted * np.sqrt(block.weight)
            if is_mapped:
                jacobians.append(explicit_jacobian(self.wiring, deltas, done.stacked))
                residuals.append(fitted.ravel())
            else:
                rows.append(Rows.of(deltas, done.stacked, fitted))
        sums, gradient = total_each(parts)
        if not is_mapped:
            return sums, gradient, SampleSystem(self.wiring, rows, rest, decay)
        return sums, gradient, WrittenSystem(jacobians, np.concatenate(residuals), rest, decay)

    def diagonal(self, weights: Array) -> Normal:
        """Return sums, gradient and the diagonal of JᵀΛJ."""

        def work(number: int, blocks: Iterable[Block]) -> Normal:
            diagonal = np.zeros(self._n_weights)

            def part(block: Block) -> tuple[Array, Array]:
                done, sums = self._forward(weights, number, block)
                slopes, _, deltas = self._deltas(done, block)
                add_diagonal(self.wiring, deltas, done.stacked, diagonal)
                return sums, self._slope_back(done, slopes, block)

            return (*running_total(map(part, blocks)), diagonal)

        return self._merged(work)

    def times(self, weights: Array, vector: Array) -> Array:
        """Return JᵀΛJ v."""

        def work(number: int, blocks: Iterable[Block]) -> Array:
            added = np.zeros(self._n_weights)
            for block in blocks:
                done = self.wiring.forward(weights, block.inputs, self._product_scratch[number])
                slopes = self.wiring.slopes(done)
                added += self._pulled(done, slopes, block, moved_outputs(self.wiring, done, slopes, vector))
            return added

        return total(self._threads.spread(work))

    def bend(self, weights: Array, direction: Array) -> Array:
        """Return JᵀΛ ∂²outputs/∂direction²."""
        added = np.zeros(self._n_weights)
        for block in self.blocks:
            done = self.wiring.forward(weights, block.inputs)
            slopes = self.wiring.slopes(done)
            added += self._pulled(done, slopes, block, bent_outputs(self.wiring, done, slopes, direction))
        return added

    # ---------------------------------------------------------------- the Jacobian itself

    def jacobian(self, weights: Array) -> Iterator[Array]:
        """Yield the rows of R ∂outputs/∂weights, a block at a time: sample by sample, within a sample the rows of R."""
        for block in self.blocks:
            done = self.wiring.forward(weights, block.inputs)
            _, _, deltas = self._deltas(done, block)
            transposed = explicit_jacobian(self.wiring, deltas, done.stacked)
            yield transposed.transpose(2, 1, 0).reshape(-1, self._n_weights)

    def whitened(self, weights: Array) -> Iterator[tuple[Array, Array, Array | None]]:
        """Yield as many rows as there are weights at a time, their residuals, and the rest of the gradient."""
        size = max(self._n_weights // self._n_outputs, 1)
        for block in self.blocks:
            for first in range(0, block.targets.shape[1], size):
                taken = slice(first, first + size)
                weight = None if block.weight is None else block.weight[..., taken]
                part = Block(np.ascontiguousarray(block.inputs[:, taken]), block.targets[:, taken], weight)
                done = self.wiring.forward(weights, part.inputs)
                slopes, curvature, deltas = self._deltas(done, part)
                fitted, left = fitted_part(self.loss.slope(done.outputs, part.targets), curvature)
                if weight is not None:
                    fitted = fitted * np.sqrt(weight)
                if left is not None:
                    left = self.wiring.gradient(done, slopes, left if weight is None else left * weight)
                transposed = explicit_jacobian(self.wiring, deltas, done.stacked)
                yield transposed.reshape(self._n_weights, -1).T, fitted.ravel(), left

    def whitened_bytes(self) -> float:
        """What the rows at work take: those to be folded in, their copies, and the part of the Jacobian to be added."""
        return 8.0 * 20 * min(self._n_weights, self.n_samples * self._n_outputs) * self._n_weights

    # ---------------------------------------------------------------- second derivatives

    def hessian(self, weights: Array) -> Normal:
        """Return sums, gradient and Hessian."""
        added = HessianSums(self.wiring)
        parts = []
        for block in self.blocks:
            done, sums = self._forward(weights, 0, block)
            curved = self._curved(done, block)
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
            return self._curved(done, block), self._block_sums(done, block)

        is_kept = self.plan.keeps_passes
        kept: list[Curved] = []
        parts = []
        for block in self.blocks:
            curved, sums = curved_of(block)
            parts.append((sums, gradient_of(self.wiring, curved)))
            if is_kept:
                kept.append(curved)

        def times(columns: Array) -> Array:
            passes = kept if is_kept else (curved_of(block)[0] for block in self.blocks)
            return total([hessian_times(self.wiring, curved, columns) for curved in passes])

        sums, gradient = total_each(parts)
        return sums, gradient, times

    # ---------------------------------------------------------------- one block

    def _forward(self, weights: Array, number: int, block: Block) -> tuple[Pass, Array]:
        """Forward pass and sums; of a single block the last are kept, as an accepted trial is evaluated again."""
        if self.blocks.only is None:
            done = self.wiring.forward(weights, block.inputs, self._scratch[number])
            return done, self._block_sums(done, block)
        key = weights.tobytes()
        last = self._last
        if last is not None and last[0] == key:
            return last[1], last[2]
        done = self.wiring.forward(weights, block.inputs, self._scratch[number])
        sums = self._block_sums(done, block)
        self._last = (key, done, sums)
        return done, sums

    def _block_sums(self, done: Pass, block: Block) -> Array:
        if self.is_plain_squares and block.weight is None:
            residual = done.outputs - block.targets
            if self._n_outputs == 1:
                return np.array([0.5 * np.vdot(residual, residual)])
            halves: Array = 0.5 * np.einsum("ks,ks->k", residual, residual)
            return halves
        value = self.loss.value(done.outputs, block.targets)
        weight = block.weight
        if weight is not None and weight.ndim == 2:
            value *= weight
        sums: Array = value @ weight if weight is not None and weight.ndim == 1 else np.add.reduce(value, axis=1)
        return sums

    def _deltas(self, done: Pass, block: Block) -> tuple[list[Array | None], Array, list[Sensitivity]]:
        slopes = self.wiring.slopes(done)
        curvature = self.loss.curvature(done.outputs, block.targets)
        return slopes, curvature, sensitivities(self.wiring, self._layout, done, slopes, curvature, block.weight)

    def _slope_back(self, done: Pass, slopes: list[Array | None], block: Block) -> Array:
        """The gradient of a block."""
        slope = self.loss.slope(done.outputs, block.targets)
        if block.weight is not None:
            slope *= block.weight
        return self.wiring.gradient(done, slopes, slope)

    def _pulled(self, done: Pass, slopes: list[Array | None], block: Block, rates: Array) -> Array:
        """JᵀΛ of a block times rates of its outputs, sample weights included."""
        curvature = self.loss.curvature(done.outputs, block.targets)
        if curvature.ndim == 3:
            # Λ = RᵀR, a product a sample.
            rates = np.einsum("kas,ks->as", curvature, np.einsum("kas,as->ks", curvature, rates))
        else:
            rates = rates * (curvature if curvature.ndim == 2 else curvature[:, None])
        if block.weight is not None:
            rates = rates * block.weight
        return self.wiring.gradient(done, slopes, rates)

    def _curved(self, done: Pass, block: Block) -> Curved:
        """A pass back that keeps what products with the Hessian need."""
        # `lacking` says whether there is the function.
        second = self.loss.second(done.outputs, block.targets)  # type: ignore[attr-defined]
        return curved_pass(self.wiring, done, self.loss.slope(done.outputs, block.targets), second, block.weight)


def _without_second(wiring: Wiring, loss: Loss) -> str | None:
    """The activation or loss that has no second derivative."""
    for activation, is_linear in zip(wiring.activations, wiring.is_linear, strict=True):
        if not is_linear and activation.elementwise and activation.second is None:
            return f"the activation {activation.name!r}"
    return None if hasattr(loss, "second") else f"the loss {loss.name!r}"
