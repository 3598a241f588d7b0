"""Samples as blocks: scaled, transposed to features × samples, contiguous. The one conversion, at the border."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from marquardt.arrays import Array, Indices
from marquardt.networks import Scaling

__all__ = ["Block", "make_blocks"]


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """A run of samples.

    Parameters
    ----------
    inputs : ndarray of shape (n_inputs + 1, n_samples)
        Scaled; the last row is 1, for biases.
    targets : ndarray of shape (n_outputs, n_samples)
        Scaled.
    weight : ndarray of shape (n_samples,), optional
        Sample weights; None where all are 1.
    """

    inputs: Array
    targets: Array
    weight: Array | None


def make_blocks(
    inputs: Array,
    targets: Array,
    sample_weight: Array | None,
    rows: Indices | None,
    input_scaling: Scaling,
    target_scaling: Scaling,
    block_size: int,
) -> list[Block]:
    """Scale and transpose, block by block, so that no temporary is as large as the data.

    Parameters
    ----------
    inputs : ndarray of shape (n_samples, n_inputs)
        In the user's units.
    targets : ndarray of shape (n_samples, n_outputs)
        In the user's units.
    sample_weight : ndarray of shape (n_samples,), optional
        Weights.
    rows : ndarray of int, optional
        The samples to take; all when not given.
    input_scaling, target_scaling : Scaling
        Applied here.
    block_size : int
        Samples a block.

    Returns
    -------
    list of Block
        In the order of the rows.
    """
    n_samples = len(inputs) if rows is None else len(rows)
    # Blocks of even length: a short last block would cost nearly as much as a full one.
    n_blocks = max(1, -(-n_samples // block_size))
    edges = np.linspace(0, n_samples, n_blocks + 1).astype(int)
    blocks = []
    for first, last in pairwise(edges):
        taken = slice(first, last) if rows is None else rows[first:last]
        augmented = np.empty((inputs.shape[1] + 1, last - first))
        augmented[:-1] = input_scaling.apply(inputs[taken]).T
        augmented[-1] = 1.0
        scaled = np.ascontiguousarray(target_scaling.apply(targets[taken]).T)
        weight = None if sample_weight is None else np.ascontiguousarray(sample_weight[taken])
        blocks.append(Block(augmented, scaled, weight))
    return blocks
