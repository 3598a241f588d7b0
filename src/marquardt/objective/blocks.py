"""Samples as blocks: scaled, transposed to features × samples, contiguous. The one conversion, at the border.

An objective takes its samples from a *source*: arrays, or anything else that hands out the same blocks pass after pass,
such as files that are larger than memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from marquardt.arrays import (
    Array,
    ArrayLike,
    Indices,
    as_array,
    checked_targets,
    checked_weight,
    counted_weight_of,
    require_finite,
)
from marquardt.errors import DataError, ShapeError
from marquardt.networks import Scaling

__all__ = [
    "ArraySource",
    "Block",
    "Blocks",
    "KeptBlocks",
    "PassEndedError",
    "SharedSource",
    "Source",
    "make_blocks",
    "random_part",
    "relative_blocks",
    "require_width",
]


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """A run of samples."""

    inputs: Array  # (n_inputs + 1, n_samples): scaled; the last row is 1, for biases
    targets: Array  # (n_outputs, n_samples)
    weight: Array | None  # (n_samples,): sample weights, or those of each output; None where all are 1

    @property
    def total_weight(self) -> float:
        """Sum of the sample weights, each the mean over the outputs."""
        if self.weight is None:
            return float(self.targets.shape[1])
        return float(self.weight.sum()) / (1 if self.weight.ndim == 1 else len(self.weight))


def make_blocks(
    inputs: Array,
    targets: Array,
    sample_weight: Array | None,
    rows: Indices | None,
    input_scaling: Scaling,
    target_scaling: Scaling,
    block_size: int,
) -> list[Block]:
    """Scale and transpose, block by block, so that no temporary is as large as the data."""
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
        weight = None if sample_weight is None else np.ascontiguousarray(sample_weight[taken].T)
        blocks.append(Block(augmented, scaled, weight))
    return blocks


class PassEndedError(Exception):
    """A pass was ended by `Blocks.stop` while somebody waited for its next block."""


class Blocks(Protocol):
    """Blocks that can be gone through any number of times, with the same samples in the same order."""

    @property
    def only(self) -> Block | None:
        """The one block that there is and stays, pass after pass; None otherwise."""

    def __iter__(self) -> Iterator[Block]:
        """Go through all blocks; an earlier pass that is still open ends."""

    def shares(self, threads: int) -> Sequence[Iterable[Block]]:
        """Divide one pass among threads, the same way every time; each gets a block at least."""

    def stop(self) -> None:
        """End the pass that is open, if one is: who waits for its next block gets a `PassEndedError`."""


class Source(Protocol):
    """Where the samples of an objective come from."""

    @property
    def n_inputs(self) -> int:
        """Inputs of a sample."""

    @property
    def n_outputs(self) -> int:
        """Targets of a sample."""

    @property
    def n_samples(self) -> int:
        """Samples."""

    @property
    def total_weight(self) -> float:
        """Sum of the sample weights, each the mean over the outputs where they have weights of their own."""

    @property
    def mean_weight(self) -> float:
        """Mean of the weights that are not 0."""

    @property
    def weighs_outputs(self) -> bool:
        """Whether the outputs of a sample have weights of their own."""

    @property
    def counted_weight(self) -> float:
        """The weight that the evidence counts as one sample."""

    @property
    def held_bytes(self) -> int | None:
        """What is in memory at a time where not all samples are; None where they are."""

    def blocks(self, input_scaling: Scaling, target_scaling: Scaling, block_size: int) -> Blocks:
        """Return the samples as blocks."""


class KeptBlocks:
    """Blocks in memory."""

    def __init__(self, blocks: list[Block]) -> None:
        self._blocks = blocks

    @property
    def only(self) -> Block | None:
        """The one block, if it is one."""
        return self._blocks[0] if len(self._blocks) == 1 else None

    def __iter__(self) -> Iterator[Block]:
        """Go through all blocks."""
        return iter(self._blocks)

    def shares(self, threads: int) -> Sequence[Iterable[Block]]:
        """Return runs of blocks, a thread each."""
        edges = [len(self._blocks) * k // threads for k in range(threads + 1)]
        return [self._blocks[first:last] for first, last in pairwise(edges)]

    def stop(self) -> None:
        """Do nothing: nothing is read ahead."""


def random_part(blocks: Blocks, n_samples: int, share: float, block_size: int) -> list[Block] | None:
    """Copy a random part of the samples, drawn from a fixed seed so that a larger part contains a smaller one."""
    if not isinstance(blocks, KeptBlocks):
        return None
    count = max(1, int(np.ceil(share * n_samples)))
    chosen = np.sort(np.random.default_rng(0).permutation(n_samples)[:count])
    sizes = [block.targets.shape[1] for block in blocks]
    ends = np.cumsum(sizes)
    places = [
        chosen[(chosen >= end - size) & (chosen < end)] - (end - size) for end, size in zip(ends, sizes, strict=True)
    ]
    inputs = np.concatenate([block.inputs[:, at] for block, at in zip(blocks, places, strict=True)], axis=1)
    targets = np.concatenate([block.targets[:, at] for block, at in zip(blocks, places, strict=True)], axis=1)
    weights = [block.weight[..., at] for block, at in zip(blocks, places, strict=True) if block.weight is not None]
    weight = np.concatenate(weights, axis=-1) if weights else None
    return [
        Block(
            np.ascontiguousarray(inputs[:, first : first + block_size]),
            np.ascontiguousarray(targets[:, first : first + block_size]),
            None if weight is None else np.ascontiguousarray(weight[..., first : first + block_size]),
        )
        for first in range(0, count, block_size)
    ]


class ArraySource:
    """Samples that are arrays."""

    held_bytes: int | None = None

    def __init__(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        sample_weight: ArrayLike | None = None,
        rows: ArrayLike | None = None,
        counted_weight: float | None = None,
    ) -> None:
        self._inputs = _table(inputs, "inputs")
        self._targets = _table(targets, "targets")
        n_rows = len(self._inputs)
        if n_rows != len(self._targets):
            raise ShapeError(f"inputs and targets must have as many rows, got {n_rows} and {len(self._targets)}.")
        weight = None if sample_weight is None else checked_weight(sample_weight, n_rows, self._targets.shape[1])
        self.counted_weight = counted_weight_of(weight) if counted_weight is None else counted_weight
        self._weight = None if weight is None else as_array(weight)
        chosen: Indices | None = None if rows is None else np.asarray(rows, dtype=np.intp)
        if n_rows == 0 or (chosen is not None and len(chosen) == 0):
            raise DataError("There is no sample to train on.")
        if chosen is not None and not 0 <= chosen.min() <= chosen.max() < n_rows:
            raise DataError(f"rows must be from 0 to {n_rows - 1}, got {chosen.min()} to {chosen.max()}.")
        self._rows = chosen
        taken = self._weight if self._weight is None or chosen is None else self._weight[chosen]
        if taken is not None and not taken.any():
            raise DataError("All sample weights are zero: there is nothing to train on or to compare with.")
        require_finite(self._inputs, "inputs")
        self._targets = checked_targets(self._targets, self._weight)
        self.n_inputs, self.n_outputs = self._inputs.shape[1], self._targets.shape[1]
        self.n_samples = n_rows if chosen is None else len(chosen)
        self.weighs_outputs = taken is not None and taken.ndim == 2
        self.total_weight, self.mean_weight = float(self.n_samples), 1.0
        if taken is not None:
            total = float(taken.sum())
            self.total_weight = total / self.n_outputs if self.weighs_outputs else total
            self.mean_weight = total / int(np.count_nonzero(taken))

    def blocks(self, input_scaling: Scaling, target_scaling: Scaling, block_size: int) -> KeptBlocks:
        """Scale and transpose all samples, once."""
        made = make_blocks(
            self._inputs, self._targets, self._weight, self._rows, input_scaling, target_scaling, block_size
        )
        return KeptBlocks(made)


class SharedSource:
    """A source whose blocks are made once for all objectives that take the same ones, whichever thread asks.

    Runs from different starts, one after the other or several at a time, then have one scaled copy of the data.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.n_inputs, self.n_outputs, self.n_samples = source.n_inputs, source.n_outputs, source.n_samples
        self.total_weight, self.mean_weight = source.total_weight, source.mean_weight
        self.counted_weight = source.counted_weight
        self.weighs_outputs = source.weighs_outputs
        self.held_bytes = source.held_bytes
        self._lock = threading.Lock()
        self._made: tuple[Scaling, Scaling, int, Blocks] | None = None

    def blocks(self, input_scaling: Scaling, target_scaling: Scaling, block_size: int) -> Blocks:
        """Return the blocks that the last one who asked got, if it asked for the same."""
        with self._lock:
            made = self._made
            is_same = (
                made is not None and made[0] is input_scaling and made[1] is target_scaling and made[2] == block_size
            )
            if made is None or not is_same:
                blocks = self._source.blocks(input_scaling, target_scaling, block_size)
                made = self._made = (input_scaling, target_scaling, block_size, blocks)
            return made[3]


def relative_blocks(blocks: Blocks, unit: float) -> Blocks:
    """Return the same samples with their weights in another unit; what belongs to no weight is not copied."""
    if unit == 1.0 or not isinstance(blocks, KeptBlocks):
        return blocks
    return KeptBlocks(
        [Block(each.inputs, each.targets, None if each.weight is None else each.weight / unit) for each in blocks]
    )


def require_width(values: ArrayLike, width: int, name: str) -> None:
    """Refuse a table that does not have the columns that the network has inputs or outputs."""
    shape = np.shape(values)
    if len(shape) != 2 or shape[1] != width:
        raise ShapeError(f"{name} must be of shape (n_samples, {width}), got {shape}.")


def _table(values: ArrayLike, name: str) -> Array:
    array = as_array(values)
    if array.ndim != 2:
        raise ShapeError(
            f"{name} must be of shape (n_samples, n_{'inputs' if name == 'inputs' else 'outputs'}), got {array.shape}."
        )
    return array
