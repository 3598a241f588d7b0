"""Passes over blocks of samples with their loss: what every form is made of."""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array
from marquardt.losses import Loss, Squares
from marquardt.objective.blocks import Block, Blocks
from marquardt.objective.compiled import Compiled
from marquardt.objective.passes import Pass, Scratch, Wiring
from marquardt.objective.second_order import Curved, curved_pass
from marquardt.objective.sensitivities import Form, Sensitivity, sensitivities
from marquardt.objective.threads import PassThreads

__all__ = ["BlockPasses"]


class BlockPasses:
    """Forward and backward passes over the blocks, which threads share.

    It is for one thread of the caller at a time: its scratch arrays are its own.
    """

    def __init__(self, wiring: Wiring, loss: Loss, layout: list[Form], blocks: Blocks, n_shares: int) -> None:
        self.wiring, self.loss, self.layout, self.blocks = wiring, loss, layout, blocks
        # A subclass may have a value of its own.
        self.squares = loss if type(loss) is Squares else None
        self.is_plain_squares = self.squares is not None and self.squares.output_weights is None
        self.threads = PassThreads(blocks, n_shares)
        self.scratch = [Scratch() for _ in range(n_shares)]
        self._last: tuple[bytes, Pass, Array] | None = None

    def rescale(self, loss: Loss) -> None:
        """Go on with a loss of another scale."""
        self.loss = loss
        self._last = None

    def close(self) -> None:
        """End the threads and the reading, if any were started."""
        self.blocks.stop()
        self.threads.close()

    def compiled(self, has_matrix: bool) -> Compiled | None:
        """Return the kernel on the only block."""
        only = self.blocks.only
        return None if only is None or self.squares is None else Compiled(self.wiring, only, self.squares, has_matrix)

    # ---------------------------------------------------------------- one block

    def forward(self, weights: Array, number: int, block: Block) -> tuple[Pass, Array]:
        """Forward pass and sums; of a single block the last are kept, as an accepted trial is evaluated again."""
        if self.blocks.only is None:
            done = self.wiring.forward(weights, block.inputs, self.scratch[number])
            return done, self.sums(done, block)
        key = weights.tobytes()
        last = self._last
        if last is not None and last[0] == key:
            return last[1], last[2]
        done = self.wiring.forward(weights, block.inputs, self.scratch[number])
        sums = self.sums(done, block)
        self._last = (key, done, sums)
        return done, sums

    def sums(self, done: Pass, block: Block) -> Array:
        """Each output's sum of the loss."""
        if self.is_plain_squares and block.weight is None:
            residual = done.outputs - block.targets
            if self.wiring.graph.n_outputs == 1:
                return np.array([0.5 * np.vdot(residual, residual)])
            halves: Array = 0.5 * np.einsum("ks,ks->k", residual, residual)
            return halves
        value = self.loss.value(done.outputs, block.targets)
        weight = block.weight
        if weight is not None and weight.ndim == 2:
            value *= weight
        sums: Array = value @ weight if weight is not None and weight.ndim == 1 else np.add.reduce(value, axis=1)
        return sums

    def deltas(self, done: Pass, block: Block) -> tuple[list[Array | None], Array, list[Sensitivity]]:
        """Slopes, the curvature of the loss, and every layer's Δ."""
        slopes = self.wiring.slopes(done)
        curvature = self.loss.curvature(done.outputs, block.targets)
        return slopes, curvature, sensitivities(self.wiring, self.layout, done, slopes, curvature, block.weight)

    def gradient(self, done: Pass, slopes: list[Array | None], block: Block) -> Array:
        """The gradient of a block."""
        slope = self.loss.slope(done.outputs, block.targets)
        if block.weight is not None:
            slope *= block.weight
        return self.wiring.gradient(done, slopes, slope)

    def pulled(self, done: Pass, slopes: list[Array | None], block: Block, rates: Array) -> Array:
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

    def curved(self, done: Pass, block: Block) -> Curved:
        """A pass back that keeps what products with the Hessian need."""
        # `lacking` says whether there is the function.
        second = self.loss.second(done.outputs, block.targets)  # type: ignore[attr-defined]
        return curved_pass(self.wiring, done, self.loss.slope(done.outputs, block.targets), second, block.weight)
