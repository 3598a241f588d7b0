"""The plan of a pass, and the job that it is made for: a network, samples, what is asked of them, and the memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from marquardt.networks import LayerGraph
from marquardt.numerics import usable_cpus
from marquardt.objective.cost import CostModel, Work
from marquardt.objective.evaluation import Derivatives
from marquardt.objective.memory import MemoryLimit, readable_bytes

__all__ = ["Job", "Plan", "readable_seconds"]

MATRIX_NEEDS = (Derivatives.CURVATURE, Derivatives.NORMAL, Derivatives.HESSIAN)

BLOCK_BYTES = 8 << 20
"""What a block's scratch arrays may take: a share of the last-level cache."""
KEPT_BYTES = 32 << 20
"""What the input pairs that are kept from pass to pass may take, and what the compiled kernel keeps."""
COPIED_BYTES = 64 << 20
"""Data up to which a matrix on demand has blocks of its own: a gradient is up to twice as fast in larger ones."""
SMALLEST_BLOCK, LARGEST_BLOCK = 128, 2048
LEAST_BLOCK, SHARE = 16, 8
"""Samples of a block where memory is short, and the part of it that a block takes."""
PASSES = 4
"""Arrays of a number a unit and sample that a gradient makes: value, slope, delta, and what is between."""
SERIAL_SECONDS = 4e-3
"""A pass shorter than this is not worth a second thread."""
LBFGS_VECTORS = 24
"""Vectors of n_weights that L-BFGS holds, of the algorithms without a matrix the one with most."""


@dataclass(frozen=True)
class Plan:
    """How a pass over the data is done."""

    # ``"pairs"``, ``"explicit"``, ``"neuron_by_neuron"``, ``"samples"``, ``"matrix_free"``, or ``"gradient"``
    # where no more is going to be asked for
    form: str
    block_size: int  # Samples a block
    n_blocks: int  # Number of blocks
    threads: int  # Threads that share the blocks
    seconds: float  # Estimated time of one pass for the most that is asked for, on one thread
    memory: int  # Bytes that the objective and one step need beyond the caller's data
    keeps_pairs: bool = False  # Whether the pairs of the network's inputs are kept from pass to pass
    is_compiled: bool = False  # Whether the compiled kernel does the passes; the form is explicit then
    keeps_passes: bool = False  # Whether the passes of a point are kept for its products with the exact Hessian
    flops: float = 0.0  # Floating-point operations of an epoch of one trial: its passes and its step
    epoch_seconds: float = 0.0  # Estimated time of it, on one thread
    # Samples a block of a matrix on demand, which goes through a copy of them; 0 where it takes the blocks there
    # are
    matrix_block: int = 0
    others: tuple[Plan, ...] = field(default=(), repr=False)  # The same with the other forms that could be taken

    def __str__(self) -> str:
        """Form, blocks, and what an epoch takes, in one line."""
        name = f"{self.form} (compiled)" if self.is_compiled else self.form
        return (
            f"{name}: {self.n_blocks:,} {'block' if self.n_blocks == 1 else 'blocks'} of up to {self.block_size:,} "
            f"samples, {self.threads} {'thread' if self.threads == 1 else 'threads'}; an epoch {self.flops:.2g} flops, "
            f"about {readable_seconds(self.epoch_seconds)} (an estimate, on one thread); "
            f"{readable_bytes(self.memory)} of memory"
        )


def readable_seconds(value: float) -> str:
    """Return a time for people."""
    if value < 1e-3:
        return f"{1e6 * value:.3g} µs"
    return f"{1e3 * value:.3g} ms" if value < 1 else f"{value:.3g} s"


@dataclass(frozen=True)
class Job:
    """What is to be planned: a network and a number of samples, what is asked of them, and what may be taken."""

    costs: CostModel
    n_samples: int
    block_size: int | None
    threads: int | None
    most: Derivatives
    matrices: int
    n_decays: int  # Different weight decays, each of which is summed apart in sample space
    held_bytes: int | None  # What a source of samples holds that come and go; None of arrays
    kernel_covers: bool  # Whether the compiled kernel covers network and loss
    limit: MemoryLimit = field(compare=False)

    @property
    def graph(self) -> LayerGraph:
        """The network."""
        return self.costs.graph

    @property
    def surroundings(self) -> tuple[float, int, int]:
        """What plans depend on beside the job."""
        return self.limit.limit, usable_cpus(), KEPT_BYTES

    @property
    def data(self) -> int:
        """Bytes of the scaled samples."""
        if self.held_bytes is not None:
            return self.held_bytes
        return 8 * self.n_samples * (self.graph.n_inputs + 1 + self.graph.n_outputs)

    @property
    def is_held_out(self) -> bool:
        """Whether values are all that is asked for, as of samples to validate or test on."""
        return self.most is Derivatives.VALUE or (self.most in MATRIX_NEEDS and not self.matrices)

    @property
    def has_matrix_blocks(self) -> bool:
        """Whether matrices on demand are summed over blocks of their own."""
        is_free = self.block_size is None and self.held_bytes is None and self.matrices > 0
        return is_free and self.most is Derivatives.CURVATURE and self.data <= COPIED_BYTES

    @property
    def copied(self) -> int:
        """Bytes of the copy that a random part of the samples is; all of them where its blocks are others."""
        if self.most is not Derivatives.CURVATURE or self.matrices == 0 or self.held_bytes is not None:
            return 0
        return self.data if self.has_matrix_blocks else self.data // 2

    @property
    def keeps_passes(self) -> bool:
        """Whether passes that products with the Hessian need are few enough to be kept."""
        return self.keeps(self.costs.kept_rows * self.n_samples)

    def keeps(self, numbers: int) -> bool:
        """Whether so many numbers are few enough to be kept from pass to pass."""
        return 8 * numbers <= KEPT_BYTES

    def n_blocks(self, size: int) -> int:
        """Blocks of that many samples."""
        return -(-self.n_samples // size)

    def fitting(self, scratch: int) -> int:
        """Samples a block, so that its scratch arrays fit a cache; a multiple of 128, which suits BLAS and caches.

        A part of the room that there is at most: several objectives share it.
        """
        there_is = (self.limit.limit - self.data) / SHARE
        smallest = SMALLEST_BLOCK if there_is >= BLOCK_BYTES else LEAST_BLOCK
        # What the exact Hessian writes is there one part after the other.
        most = BLOCK_BYTES * (4 if self.most is Derivatives.HESSIAN else 1)
        fitting = int(min(most, max(0.0, there_is)) / (8 * max(1, scratch)))
        return max(smallest, min(LARGEST_BLOCK, fitting // 128 * 128 or fitting))

    def wanted_threads(self, work: Work) -> int:
        """As many as were asked for, or all where a pass is long."""
        if self.threads is not None:
            return self.threads
        return usable_cpus() if work.seconds() > SERIAL_SECONDS else 1

    def is_serial(self, work: Work) -> bool:
        """Whether one thread does it: there is no other, none was asked for, or it is too short for a second one."""
        if self.threads is not None:
            return self.threads == 1
        return work.seconds() <= SERIAL_SECONDS or usable_cpus() == 1

    def has_room(self, memory: int) -> bool:
        """Whether there is so much memory; samples that are held out leave most of it to those that train."""
        return self.limit.allows(memory * (SHARE if self.is_held_out else 1))
