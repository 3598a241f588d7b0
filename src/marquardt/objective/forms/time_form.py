"""What a form of the Jacobian through time is: how its blocks are made, what it costs, and what it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Protocol

from marquardt.arrays import Array
from marquardt.networks import LayerGraph, TimeWiring, Trajectory
from marquardt.objective.cost import Work, solution
from marquardt.objective.evaluation import Derivatives
from marquardt.objective.forms.form import Form
from marquardt.objective.memory import MemoryLimit
from marquardt.objective.plan import Plan
from marquardt.objective.through_time import Layout

__all__ = ["Jacobians", "Pass", "TimeForm", "TimeJob", "TimePlan", "small_products"]

GROUP_BYTES = 64 << 20
"""What the passes of a group of sequences may take, where it is more than one sequence."""
BLOCK_BYTES = 4 << 20
"""What S and J of a block of steps may take."""
MOST_PADDING = 0.3
"""How much shorter than the longest of its group a sequence may be."""


@dataclass(frozen=True)
class TimePlan(Plan):
    """How a pass through time is done."""

    truncate: int | None = None  # Steps after which the look back is cut off; None where the derivatives are exact
    n_states: int = 0  # Units that are taken with a delay
    # Numbers of the sequences that are evaluated side by side, the longest first
    groups: tuple[tuple[int, ...], ...] = field(default=(), repr=False)

    @property
    def n_groups(self) -> int:
        """Groups of sequences that are evaluated side by side."""
        return len(self.groups)


@dataclass(frozen=True)
class TimeJob:
    """What is to be planned: a network and lengths of sequences, what is asked of them, and what may be taken."""

    wiring: TimeWiring
    layout: Layout
    lengths: list[int]
    truncate: int | None
    block_size: int | None
    most: Derivatives
    matrices: int
    limit: MemoryLimit

    @property
    def graph(self) -> LayerGraph:
        """The network."""
        return self.wiring.graph

    @property
    def units(self) -> int:
        """Units of all layers."""
        return sum(layer.size for layer in self.graph.layers)

    @property
    def fan_ins(self) -> int:
        """What all layers take."""
        return sum(span.fan_in for span in self.wiring.spans)

    @property
    def sensitivity(self) -> int:
        """Numbers of S at a step."""
        return self.layout.n_states * self.layout.n_columns

    @property
    def height(self) -> int:
        """States before a step that it sees."""
        return self.layout.n_states * len(self.layout.delays)

    @property
    def of_pass(self) -> int:
        """Numbers that a pass leaves of a step of a sequence."""
        return 5 * self.units + self.fan_ins + self.graph.n_inputs + 3 * self.graph.n_outputs

    @property
    def is_normal(self) -> bool:
        """Whether normal equations are asked for; else values are all, or gradients."""
        return self.most in (Derivatives.NORMAL, Derivatives.CURVATURE) and self.matrices > 0


class Pass(NamedTuple):
    """A pass over all groups in blocks of steps."""

    groups: list[list[int]]
    n_cells: int  # Steps of all sequences, and what groups are padded with
    turns: int  # Steps of the longest of every group
    n_blocks: int


class Jacobians(Protocol):
    """Writes J of a group of sequences, block by block of steps."""

    def blocks(
        self, course: Trajectory, slopes: list[Array | None], rows: Array, block_size: int
    ) -> Iterator[tuple[slice, Array]]:
        """Yield the steps of a block and their rows; `rows` is R with the weights."""


class TimeForm(Form[TimeJob]):
    """A form of the Jacobian through time."""

    can_truncate: ClassVar[bool] = False
    """Whether its look back can be cut off."""

    # ---------------------------------------------------------------- what it computes

    def jacobians(self, wiring: TimeWiring, layout: Layout, truncate: int | None) -> Jacobians:
        """Return what writes J."""
        raise NotImplementedError

    # ---------------------------------------------------------------- what it costs

    def rows(self, job: TimeJob, done: Pass) -> Work:
        """Return the work of J beyond that of a gradient."""
        raise NotImplementedError

    # ---------------------------------------------------------------- what it keeps, in numbers of eight bytes

    def of_step(self, job: TimeJob) -> int:
        """Return what a step of a block takes of a sequence, beside J and a copy of it."""
        raise NotImplementedError

    def of_cell(self, job: TimeJob) -> int:
        """Return what a step of a sequence takes of the whole pass, beside what it leaves."""
        return 0

    def carried(self, job: TimeJob, width: int) -> int:
        """Return what goes from block to block, of sequences side by side."""
        return 0

    # ---------------------------------------------------------------- the plan

    def plan(self, job: TimeJob) -> TimePlan:
        """Plan groups and blocks; smaller ones where memory is short."""
        graph, lengths = job.graph, job.lengths
        of_step = graph.n_outputs * graph.n_connections * 2 + self.of_step(job)
        of_cell = job.of_pass + self.of_cell(job)
        group_bytes = min(GROUP_BYTES, job.limit.limit / 4)
        groups = _groups(lengths, max(1, BLOCK_BYTES // (8 * of_step)), int(group_bytes / (8 * of_cell)))
        width = max(len(group) for group in groups)
        cells = [len(group) * lengths[group[0]] for group in groups]

        def memory(size: int) -> int:
            kept = graph.n_inputs + 3 * graph.n_outputs + job.fan_ins
            numbers = job.matrices * graph.n_weights**2 + sum(cells) * kept
            if not job.is_normal:
                return 8 * (numbers + max(cells) * job.of_pass)
            rows = 2 * of_step + (job.layout.n_states + graph.n_outputs) * (job.height + job.units)
            return 8 * (numbers + max(cells) * of_cell + self.carried(job, width) + size * width * rows)

        size = job.block_size or max(1, min(max(lengths), BLOCK_BYTES // (8 * of_step * width)))
        while job.block_size is None and size > 1 and not job.limit.allows(memory(size)):
            size //= 2
        n_blocks = sum(-(-lengths[group[0]] // size) for group in groups)
        work, epoch = self._works(job, Pass(groups, sum(cells), sum(lengths[group[0]] for group in groups), n_blocks))
        return TimePlan(
            self.name,
            size,
            n_blocks,
            1,
            work.seconds(),
            memory(size),
            flops=epoch.flops,
            epoch_seconds=epoch.seconds(),
            truncate=job.truncate,
            n_states=job.layout.n_states,
            groups=tuple(map(tuple, groups)),
        )

    def _works(self, job: TimeJob, done: Pass) -> tuple[Work, Work]:
        """The work of a pass for the most that is asked for, and of an epoch of one trial."""
        graph, n_layers, n_weights = job.graph, len(job.graph.layers), job.graph.n_connections
        # A step of the longest is a turn in Python, where there is a loop in the network.
        passes = done.turns if any(job.wiring.is_loop) else len(done.groups)
        # Of a cell, that is a step of a sequence; forward and loss first.
        passed = Work(products=n_weights, touched=job.of_pass, activated=job.units) * done.n_cells
        passed += Work(calls=passes * 3 * n_layers)
        back = Work(products=2 * n_weights, touched=job.of_pass) * done.n_cells
        work = passed + back + Work(calls=passes * 2 * n_layers)
        if not job.is_normal:
            return work, work
        work += self.rows(job, done)
        n_rows = graph.n_outputs
        work += Work(products=n_weights**2 / 2 * n_rows, touched=n_rows * n_weights) * done.n_cells
        work += Work(touched=n_weights**2 * done.n_blocks)
        return work, work + solution(graph.n_weights) + (passed if len(done.groups) > 1 else Work())


def small_products(number: float) -> Work:
    """Return multiplications in products of small matrices, which touch about as many numbers as they multiply."""
    return Work(products=number, touched=number)


def _groups(lengths: list[int], most: int, most_cells: int) -> list[list[int]]:
    """Sequences by falling length, in groups of little padding; those without a step left out."""
    groups: list[list[int]] = []
    for number in sorted((n for n, length in enumerate(lengths) if length), key=lambda n: -lengths[n]):
        group = groups[-1] if groups else []
        longest = lengths[group[0]] if group else 0
        fits = len(group) < most and (len(group) + 1) * longest <= most_cells
        if group and fits and lengths[number] >= (1 - MOST_PADDING) * longest:
            group.append(number)
        else:
            groups.append([number])
    return groups
