"""The compiled kernel on one block: loss, gradient and normal matrix for squares in one call.

The arithmetic is in ``numerics/kernel``; here a layer graph becomes the numbers that describe it there, and here
stands what the kernel keeps. Its twin is the explicit form, in plain NumPy; tests hold them together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marquardt.arrays import Array, Indices
from marquardt.losses import Loss, Squares
from marquardt.networks import COMPILED_ACTIVATIONS, LayerGraph, activation_named
from marquardt.numerics import native_kernel
from marquardt.objective.blocks import Block
from marquardt.objective.evaluation import Derivatives
from marquardt.objective.passes import Wiring
from marquardt.objective.plan import Job

__all__ = ["Compiled", "CompiledTrials", "has_kernel", "is_compiled", "matrix_numbers", "pass_numbers", "suits_passes"]

KERNEL_BLOCK = 128
"""Samples of a block inside the compiled kernel, at least."""


def is_compiled(graph: LayerGraph, loss: Loss, weighs_outputs: bool = False) -> bool:
    """Return whether the kernel is there and covers network and loss."""
    return (
        native_kernel() is not None
        and not weighs_outputs
        and type(loss) is Squares
        and graph.weight_map is None
        and not any(layer.delays for layer in graph.layers)
        and all(
            layer.activation in COMPILED_ACTIVATIONS
            and COMPILED_ACTIVATIONS[layer.activation] is activation_named(layer.activation)
            for layer in graph.layers
        )
    )


def pass_numbers(job: Job) -> int:
    """Return what the kernel keeps for values and gradients: copies of the data, values and residuals."""
    graph = job.graph
    return (graph.n_inputs + 1 + 3 * graph.n_outputs + 2 * job.costs.units) * job.n_samples


def matrix_numbers(job: Job) -> int:
    """Return the same with the normal matrix: a block of the Jacobian, a system."""
    return pass_numbers(job) + job.graph.n_weights * (job.graph.n_weights + KERNEL_BLOCK)


def suits_passes(job: Job, memory: int) -> bool:
    """Return whether it does values and gradients, of all samples on one thread, and there is so much memory."""
    is_asked = job.most in (Derivatives.VALUE, Derivatives.GRADIENT, Derivatives.CURVATURE)
    if not is_asked or not job.kernel_covers or job.held_bytes is not None or job.block_size is not None:
        return False
    is_serial = job.is_serial(job.costs.gradient(job.n_samples, is_compiled=True))
    return is_serial and job.keeps(pass_numbers(job)) and job.has_room(memory)


def has_kernel(job: Job) -> bool:
    """Return whether it covers the normal equations, and keeps little: beyond, blocks take no more memory.

    It has the matrix of all samples only: not that of a random part.
    """
    is_whole = job.most is not Derivatives.CURVATURE and job.held_bytes is None
    return job.kernel_covers and is_whole and job.keeps(matrix_numbers(job))


class Compiled:
    """Loss, gradient and normal matrix of a network on one block, for squares."""

    def __init__(self, wiring: Wiring, block: Block, loss: Squares, has_matrix: bool = True) -> None:
        graph = wiring.graph
        self.has_matrix = has_matrix
        self._n_outputs, self._n_weights = graph.n_outputs, graph.n_weights
        description = [graph.n_inputs, len(graph.layers), graph.n_weights]
        for span, sources in zip(wiring.spans, wiring.sources, strict=True):
            layer = span.layer
            code = COMPILED_ACTIVATIONS[layer.activation].code
            assert code is not None
            description += [span.start, layer.size, span.fan_in, int(layer.bias), code, len(sources)]
            for source, (_, first, _) in zip(sources, span.columns, strict=True):
                description += [source, first]
        scales = np.ones(graph.n_outputs) if loss.output_weights is None else np.sqrt(np.array(loss.output_weights))
        self.kernel: Any = native_kernel().Kernel(
            np.array(description, dtype=np.int64),
            block.inputs[:-1],
            block.targets,
            None if block.weight is None else np.sqrt(block.weight),
            scales,
            has_matrix,
        )

    def sums(self, weights: Array) -> Array:
        """Return ½ Σ w v r² of every output."""
        sums = np.empty(self._n_outputs)
        self.kernel.at(weights, sums)
        return sums

    def slope(self, weights: Array) -> tuple[Array, Array]:
        """Return sums and gradient."""
        sums, gradient = np.empty(self._n_outputs), np.empty(self._n_weights)
        self.kernel.at(weights, sums, gradient)
        return sums, gradient

    def equations(self, weights: Array, is_single: bool = False) -> tuple[Array, Array, Array]:
        """Return sums, gradient and normal matrix."""
        n_weights = self._n_weights
        sums, gradient, normal = np.empty(self._n_outputs), np.empty(n_weights), np.empty((n_weights, n_weights))
        self.kernel.at(weights, sums, gradient, normal, is_single)
        return sums, gradient, normal

    def batch(
        self,
        weights: Array,
        bar: Array,
        decay: Array | None,
        sums: Array,
        losses: Array,
        gradient: Array,
        normal: Array,
    ) -> None:
        """Evaluate many networks, and write gradient and normal matrix of those whose loss is below the bar."""
        self.kernel.lanes(weights, bar, decay, sums, losses, gradient, normal)


class CompiledTrials:
    """Trials of Levenberg–Marquardt with D = I, for one network or many, without Python in between.

    A trial is a damped solve and, where that succeeds, a pass; a lower loss is accepted, with its derivatives, and
    moves μ as the damping says, and any other raises μ.
    """

    def __init__(
        self,
        compiled: Compiled,
        decay: Array | None,
        increase: float,
        decrease: float,
        lowest: float,
        largest: float,
        damping: int,
        single: float,
    ) -> None:
        self._kernel, self._decay = compiled.kernel, decay
        self._settings = np.array([increase, decrease, lowest, largest, damping, single])

    def __call__(
        self,
        most: int,
        weights: Array,
        losses: Array,
        sums: Array,
        gradient: Array,
        normal: Array,
        mu: Array,
        counts: Indices,
    ) -> None:
        """Go on in every lane until a trial is accepted, μ is above its largest value, or it has had enough."""
        self._kernel.descend(self._decay, self._settings, most, weights, losses, sums, gradient, normal, mu, counts)
