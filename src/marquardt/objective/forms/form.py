"""What a form is: a way to the normal equations that says what it computes, what it costs and what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from marquardt.arrays import Array
from marquardt.networks import LayerGraph
from marquardt.objective.block_passes import BlockPasses
from marquardt.objective.compiled import Compiled, pass_numbers, suits_passes
from marquardt.objective.cost import CG_PRODUCTS, CostModel, Work, solution
from marquardt.objective.evaluation import Derivatives, System
from marquardt.objective.forms.pair_counts import hessian_work
from marquardt.objective.plan import LARGEST_BLOCK, LBFGS_VECTORS, LEAST_BLOCK, MATRIX_NEEDS, PASSES, Job, Plan

if TYPE_CHECKING:
    from marquardt.objective.sums import Normal, Sums

__all__ = ["Equations", "Form", "NormalPass", "SampleForm"]

J = TypeVar("J")

NormalPass = Callable[[Array, bool], "Normal"]
"""Takes weights, and whether products may be in single precision, to sums, gradient and normal matrix."""


Equations = tuple[Array, Array, Array | None, System | None]
"""Sums and gradient, and the normal matrix, all without a penalty, or what solves with it, penalty and all."""


class Form(Generic[J]):
    """A way to the normal equations; jobs say what it is planned for."""

    name: ClassVar[str]
    has_matrix: ClassVar[bool] = True
    is_last_resort: ClassVar[bool] = False
    """Whether it is taken only where nothing else has room: its steps are not those of the matrix."""

    def at(self, sums: Sums, weights: Array, decay: Array | None, is_single: bool = False) -> Equations:
        """Return the normal equations of a point; `decay` is the diagonal of the penalty's Hessian."""
        added, gradient, normal = sums.normal(weights, is_single)
        return added, gradient, normal, None

    def plan(self, job: J) -> Plan:
        """Return how a pass is done in this form, whether it fits or not."""
        raise NotImplementedError

    def price(self, job: J, plan: Plan) -> float:
        """Return what plans are compared by, in seconds."""
        return plan.seconds


class SampleForm(Form[Job]):
    """A form over blocks of samples. A form with a matrix has to say `normal` and `equations`; the rest is as usual."""

    is_usual: ClassVar[bool] = False
    """Whether it may be taken without being asked for; those without a matrix, by rules that allow it."""
    in_blocks: ClassVar[bool] = True
    """Whether a block is done at once, and blocks can be shared by threads."""

    def covers(self, graph: LayerGraph) -> bool:
        """Whether it may be taken without being asked for by this network."""
        return True

    def called(self, plan: Plan) -> str:
        """Return the name of what makes the normal equations."""
        return plan.form

    # ---------------------------------------------------------------- what it computes

    def equations(self, passes: BlockPasses, plan: Plan) -> NormalPass:
        """Return what makes the normal equations, with all that it keeps from pass to pass."""
        raise NotImplementedError

    def whole(self, passes: BlockPasses, plan: Plan) -> Compiled | None:
        """Return what does a whole pass by itself, where there is such for network, loss and plan."""
        return passes.compiled(has_matrix=False) if plan.is_compiled else None

    # ---------------------------------------------------------------- what it costs

    def normal(
        self, costs: CostModel, n_samples: int, block_size: int = 512, *, n_decays: int = 1, keeps: bool = False
    ) -> Work:
        """Return the work of loss, gradient and normal equations."""
        raise NotImplementedError

    def solution(self, costs: CostModel, n_samples: int = 0, block_size: int = 1024, *, n_decays: int = 1) -> Work:
        """Return the work of one damped step."""
        return solution(costs.graph.n_weights)

    def work(self, job: Job, size: int, *, keeps: bool = False, is_compiled: bool = False) -> Work:
        """Return the work of one evaluation of the most that is asked for."""
        if job.most is Derivatives.HESSIAN and self.has_matrix:
            return hessian_work(job.costs, job.n_samples, size)
        return self.normal(job.costs, job.n_samples, size, n_decays=job.n_decays, keeps=keeps)

    def step(self, job: Job, size: int) -> Work:
        """Return what a rule does between two passes, as far as the objective knows it."""
        if job.most is Derivatives.PRODUCT:
            return job.costs.product(job.n_samples, size) * CG_PRODUCTS
        if not job.matrices:
            return Work()
        return self.solution(job.costs, job.n_samples, size, n_decays=job.n_decays)

    def price(self, job: Job, plan: Plan) -> float:
        """Return the time of a pass and a damped step."""
        return plan.seconds + self.step(job, plan.block_size).seconds()

    # ---------------------------------------------------------------- what it keeps, in numbers of eight bytes

    def block(self, job: Job) -> tuple[int, int]:
        """Return the numbers of scratch a sample of a block, and of sums a thread, for the normal equations."""
        return job.graph.n_connections * job.graph.n_outputs, job.graph.n_weights**2

    def taken(self, job: Job) -> tuple[int, int]:
        """Return the same for the most that is asked for."""
        costs = job.costs
        if job.most is Derivatives.PRODUCT:
            return 2 * costs.kept_rows + 2 * PASSES * costs.units, costs.n_connections
        if not self.has_matrix:
            return self.block(job)
        if job.most is Derivatives.HESSIAN and job.matrices and self.in_blocks:
            return costs.hessian_rows, costs.n_connections**2 * (1 + (job.graph.weight_map is not None))
        return self.block(job) if job.matrices else (PASSES * costs.units, 0)

    def of_rule(self, job: Job) -> int:
        """Return what a rule holds, matrices above all."""
        return job.matrices * job.graph.n_weights**2

    def of_thread(self, job: Job, size: int) -> int:
        """Return what a thread holds. A block is no longer than the data."""
        scratch, held = self.taken(job)
        return held + min(size, job.n_samples) * scratch

    def kept(self, job: Job) -> int | None:
        """Return what may be kept from pass to pass; None where nothing may."""
        # Of the accepted point and of a trial.
        may_keep = job.most is Derivatives.PRODUCT and job.keeps_passes
        return 2 * job.costs.kept_rows * job.n_samples if may_keep else None

    def memory(self, job: Job, size: int, threads: int, kept: int | None = None) -> int:
        """Return the bytes that objective and step take."""
        numbers = self.of_rule(job) + threads * self.of_thread(job, size) + (kept or 0)
        return job.data + self.has_matrix * job.copied + 8 * numbers

    # ---------------------------------------------------------------- the plan

    def plan(self, job: Job) -> Plan:
        """Plan blocks that fit the cache, or smaller ones where memory is short."""
        size = job.block_size or job.fitting(self.taken(job)[0])
        work = job.costs.value(job.n_samples, size) if job.is_held_out else self.work(job, size)
        threads = job.wanted_threads(work) if self.in_blocks else 1
        if threads > 1 and job.block_size is None:
            size = min(2 * size, LARGEST_BLOCK)  # fewer calls, in which threads wait for each other's lock
        threads = min(threads, job.n_blocks(size))
        kept = self.kept(job)
        if kept is not None and not job.limit.allows(self.memory(job, size, threads, kept)):
            kept = None
        if job.block_size is None and not job.limit.allows(self.memory(job, size, threads, kept)):
            size, threads = self._smaller(job, size, threads)
        threads = min(threads, job.n_blocks(size))
        keeps, taken = kept is not None, self.memory(job, size, threads, kept)
        made = self.made(job, size, threads, taken, keeps=keeps and job.most is not Derivatives.PRODUCT)
        if job.has_matrix_blocks and self.has_matrix and self.in_blocks:
            made = self._with_matrix_blocks(job, made)
            if made.is_compiled:
                return made
        return replace(made, keeps_passes=keeps if job.most is Derivatives.PRODUCT else job.keeps_passes)

    def _smaller(self, job: Job, size: int, threads: int) -> tuple[int, int]:
        """Blocks and threads where memory is short."""
        if job.threads is None and not job.limit.allows(self.memory(job, LEAST_BLOCK, threads)):
            threads = 1
        # What a sample more takes, and a block that takes all that is left.
        one = self.memory(job, 1, threads)
        a_sample = self.memory(job, 2, threads) - one if job.n_samples > 1 else 0
        room = int((job.limit.limit - one) / max(1, a_sample))
        return min(size, max(LEAST_BLOCK, 1 + room)), threads

    def _with_matrix_blocks(self, job: Job, made: Plan) -> Plan:
        """The same with larger blocks for gradients, or with the kernel, where the matrix is on demand."""
        size, threads = made.block_size, made.threads
        taken = made.memory + 8 * pass_numbers(job)
        if suits_passes(job, taken):
            return replace(self.made(job, job.n_samples, threads, taken, is_compiled=True), matrix_block=size)
        larger = min(job.fitting(PASSES * job.costs.units), -(-job.n_samples // threads))
        if larger <= size:
            return made
        return replace(made, block_size=larger, n_blocks=job.n_blocks(larger), matrix_block=size)

    def made(
        self, job: Job, size: int, threads: int, memory: int, *, keeps: bool = False, is_compiled: bool = False
    ) -> Plan:
        """Return a plan with its costs."""
        work = self.work(job, size, keeps=keeps, is_compiled=is_compiled)
        epoch = self._epoch(job, size, work, is_compiled)
        return Plan(
            self.name,
            size,
            job.n_blocks(size),
            threads,
            work.seconds(),
            memory,
            keeps,
            is_compiled,
            flops=epoch.flops,
            epoch_seconds=epoch.seconds(),
        )

    def _epoch(self, job: Job, size: int, work: Work, is_compiled: bool) -> Work:
        """The work of an epoch of one trial."""
        costs, n_samples, n_weights = job.costs, job.n_samples, job.graph.n_weights
        epoch = work + self.step(job, size)
        if job.most not in MATRIX_NEEDS:
            return epoch
        if not job.matrices:
            # What others train on is only looked at.
            return costs.value(n_samples, size, is_compiled=is_compiled)
        if job.most is Derivatives.CURVATURE:
            # Most epochs are without a matrix: a gradient, two triangular solutions, and pairs.
            vectors = Work(products=n_weights**2, touched=4 * LBFGS_VECTORS * n_weights)
            return costs.gradient(n_samples, size, is_compiled=is_compiled) + vectors
        # Of a single block the pass of the trial is kept.
        return epoch + costs.value(n_samples, size) if job.n_blocks(size) > 1 else epoch
