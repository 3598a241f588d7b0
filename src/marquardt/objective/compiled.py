"""The compiled kernel on one block: loss, gradient and normal matrix for squares in one call.

The arithmetic is in ``numerics/kernel``; here a layer graph becomes the numbers that describe it there. Its twins are
the explicit form and `SingleOutput`, in plain NumPy; tests hold them together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marquardt.arrays import Array, Indices
from marquardt.losses import Loss, Squares
from marquardt.networks import COMPILED_ACTIVATIONS, LayerGraph, activation_named
from marquardt.numerics import ACTIVATION_CODES, native_kernel
from marquardt.objective.blocks import Block
from marquardt.objective.passes import Wiring

__all__ = ["Compiled", "Descent", "is_compiled"]


def is_compiled(graph: LayerGraph, loss: Loss, weighs_outputs: bool = False) -> bool:
    """Return whether the kernel is there and covers network and loss.

    Parameters
    ----------
    graph : LayerGraph
        The network.
    loss : Loss
        Squares, with or without weights of the outputs; a subclass may have a value of its own.
    weighs_outputs : bool
        Whether the outputs of a sample have weights of their own, which the kernel has no place for.

    Returns
    -------
    bool
        False for activations that the kernel has not, or that have been replaced; for fixed or shared weights; and for
        delays.
    """
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


class Compiled:
    """Loss, gradient and normal matrix of a network on one block, for squares.

    Parameters
    ----------
    wiring : Wiring
        The network.
    block : Block
        Its samples; they are copied.
    loss : Squares
        With the weights of the outputs.
    has_matrix : bool
        Whether the normal matrix is ever asked for: without, blocks are longer and less memory is taken.
    """

    def __init__(self, wiring: Wiring, block: Block, loss: Squares, has_matrix: bool = True) -> None:
        graph = wiring.graph
        self.has_matrix = has_matrix
        self._n_outputs, self._n_weights = graph.n_outputs, graph.n_weights
        description = [graph.n_inputs, len(graph.layers), graph.n_weights]
        for span, sources in zip(wiring.spans, wiring.sources, strict=True):
            layer = span.layer
            code = ACTIVATION_CODES[layer.activation]
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
        """Return ½ Σ w v r² of every output.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.

        Returns
        -------
        ndarray of shape (n_outputs,)
            The data loss.
        """
        sums = np.empty(self._n_outputs)
        self.kernel.at(weights, sums)
        return sums

    def slope(self, weights: Array) -> tuple[Array, Array]:
        """Return sums and gradient.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.

        Returns
        -------
        sums : ndarray of shape (n_outputs,)
            The data loss.
        gradient : ndarray of shape (n_weights,)
            Jᵀr.
        """
        sums, gradient = np.empty(self._n_outputs), np.empty(self._n_weights)
        self.kernel.at(weights, sums, gradient)
        return sums, gradient

    def equations(self, weights: Array, is_single: bool = False) -> tuple[Array, Array, Array]:
        """Return sums, gradient and normal matrix.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.
        is_single : bool
            Whether the products of the matrix may be in single precision.

        Returns
        -------
        sums : ndarray of shape (n_outputs,)
            The data loss.
        gradient : ndarray of shape (n_weights,)
            Jᵀr.
        normal : ndarray of shape (n_weights, n_weights)
            JᵀJ.
        """
        n_weights = self._n_weights
        sums, gradient, normal = np.empty(self._n_outputs), np.empty(n_weights), np.empty((n_weights, n_weights))
        self.kernel.at(weights, sums, gradient, normal, is_single)
        return sums, gradient, normal

    def lanes(
        self,
        weights: Array,
        bar: Array,
        decay: Array | None,
        sums: Array,
        losses: Array,
        gradient: Array,
        normal: Array,
    ) -> None:
        """Evaluate many networks, and write gradient and normal matrix of those whose loss is below the bar.

        Parameters
        ----------
        weights : ndarray of shape (n_lanes, n_weights)
            A row is a network.
        bar : ndarray of shape (n_lanes,)
            Losses below which derivatives are written.
        decay : ndarray of shape (n_weights,), optional
            The diagonal of the penalty.
        sums : ndarray of shape (n_lanes, n_outputs)
            Where each output's part of the loss is written, without the penalty.
        losses : ndarray of shape (n_lanes,)
            Where the losses are written, penalty included; inf where anything overflows.
        gradient, normal : ndarray of shape (n_lanes, n_weights), (n_lanes, n_weights, n_weights)
            Where the derivatives are written; of no lane at all, if they are never wanted.
        """
        self.kernel.lanes(weights, bar, decay, sums, losses, gradient, normal)


class Descent:
    """Trials of Levenberg–Marquardt with D = I, for one network or many, without Python in between.

    A trial is a damped solve and, where that succeeds, a pass; a lower loss is accepted, with its derivatives, and
    moves μ as the damping says, and any other raises μ.

    Parameters
    ----------
    compiled : Compiled
        Network and data.
    decay : ndarray of shape (n_weights,), optional
        The diagonal of the penalty.
    increase, decrease : float
        What μ is multiplied with after a rejected and an accepted trial.
    lowest, largest : float
        Where μ is held after it fell, and above which there is no further trial.
    damping : int
        The kernel's number of how μ moves.
    single : float
        The part of the matrix's largest entry from which μ covers what its products lose in single precision.
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
        """Go on in every lane until a trial is accepted, μ is above its largest value, or it has had enough.

        Parameters
        ----------
        most : int
            Trials of a lane.
        weights, losses, sums, gradient, normal, mu : ndarray with a leading axis of lanes
            The accepted points; changed in place. `losses` and `mu` have no other axis.
        counts : ndarray of int64 of shape (n_lanes, 3)
            Where the trials, the evaluations, and 1 for an acceptance are written.
        """
        self._kernel.descend(self._decay, self._settings, most, weights, losses, sums, gradient, normal, mu, counts)
