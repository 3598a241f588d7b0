"""The plan of a pass: which form, blocks of how many samples, how many threads, how much memory.

Every form that may be taken is planned: blocks that fit the cache, threads where a pass is long enough, kept pairs, and
smaller blocks and less kept where the memory limit asks for it. Of those that fit, the one is chosen whose pass and
damped step are estimated to take least (see `marquardt.objective.cost`). Products without a matrix are for where no
matrix has room. Where nothing fits, the refusal names what would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from marquardt.checks import one_of, whole
from marquardt.networks import INPUTS, LayerGraph
from marquardt.numerics import native_kernel, usable_cpus
from marquardt.objective.cost import CG_PRODUCTS, CostModel, Work, cost_model
from marquardt.objective.evaluation import Costs, Need
from marquardt.objective.memory import Budget, MemoryLimit, readable_bytes, require_memory
from marquardt.objective.sensitivities import Form
from marquardt.wording import by_door

__all__ = [
    "FORMS",
    "SYSTEM_FORMS",
    "Plan",
    "costs_of",
    "make_plan",
    "readable_seconds",
    "require_matrices",
    "sample_space_bytes",
]

SYSTEM_FORMS = ("samples", "matrix_free")
"""The forms that solve the normal equations without their matrix."""
FORMS = ("auto", "explicit", "pairs", "neuron_by_neuron", *SYSTEM_FORMS)
_MATRIX_NEEDS = (Need.CURVATURE, Need.NORMAL, Need.HESSIAN)

BLOCK_BYTES = 8 << 20
"""What a block's scratch arrays may take: a share of the last-level cache."""
KEPT_BYTES = 32 << 20
"""What the input pairs that are kept from pass to pass may take, and what the compiled kernel keeps."""
COPIED_BYTES = 64 << 20
"""Data up to which a matrix on demand has blocks of its own: a gradient is up to twice as fast in larger ones."""
STREAMED_BYTES = 64 << 20
"""Data up to which files save nothing: the batches on their way take about half of it, whatever the data take."""
SMALLEST_BLOCK, LARGEST_BLOCK = 128, 2048
LEAST_BLOCK, SHARE = 16, 8
"""Samples of a block where memory is short, and the part of it that a block takes."""
_PASSES = 4
"""Arrays of a number a unit and sample that a gradient makes: value, slope, delta, and what is between."""
KERNEL_BLOCK = 128
"""Samples of a block inside the compiled kernel, at least."""
SERIAL_SECONDS = 4e-3
"""A pass shorter than this is not worth a second thread."""
CG_VECTORS = 12
"""Vectors of n_weights that a step by conjugate gradients and its point hold."""
LBFGS_VECTORS = 24
"""Those that L-BFGS holds, of the algorithms without a matrix the one with most."""
SAMPLE_VECTORS = 14
"""Those that steps in sample space and the evidence hold."""
PANEL = 2048
"""Residuals a block in sample space: a product of two blocks then takes 32 MB."""


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


def make_plan(
    graph: LayerGraph,
    layout: Sequence[Form],
    n_samples: int,
    *,
    form: str = "auto",
    block_size: int | None = None,
    threads: int | None = None,
    most: Need = Need.NORMAL,
    matrices: int = 3,
    systems: Sequence[str] = (),
    n_decays: int = 1,
    held_bytes: int | None = None,
    is_compiled: bool = False,
    max_memory: Budget = None,
) -> Plan:
    """Choose form, blocks and threads, and refuse what does not fit in memory."""
    one_of(form, FORMS, "form")
    if block_size is not None:
        whole(block_size, "block_size", minimum=1)
    if threads is not None:
        whole(threads, "threads", minimum=1)
    limit = MemoryLimit.of(max_memory)
    planner = _Planner(
        cost_model(graph, tuple(layout)),
        n_samples,
        block_size,
        threads,
        most,
        matrices,
        n_decays,
        held_bytes,
        is_compiled,
        limit,
    )
    is_matrix = most in _MATRIX_NEEDS
    forms = [form] if form != "auto" else _allowed(graph, systems) if is_matrix else ["gradient"]
    costs = dict(_plans(planner, tuple(forms), (limit.limit, usable_cpus(), KEPT_BYTES)))
    plans = list(costs)
    fitting = [plan for plan in plans if limit.allows(plan.memory)]
    # Truncated steps are not those of the matrix: only where nothing else has room.
    fitting = [plan for plan in fitting if plan.form != "matrix_free"] or fitting
    if not fitting:
        needed = min(plans, key=lambda plan: plan.memory)
        way_out = planner.way_out(graph, [] if form == "auto" else _allowed(graph, systems) if is_matrix else [])
        on_what = f"beside {n_samples:,} samples to validate or test on "
        if not planner.looks_on:
            on_what = _on_what(needed, n_samples, form)
        require_memory(graph, needed.memory, on_what, limit=limit, way_out=way_out)
    chosen = min(fitting, key=costs.__getitem__)
    return replace(chosen, others=tuple(plan for plan in plans if plan is not chosen))


def _allowed(graph: LayerGraph, systems: Sequence[str]) -> list[str]:
    """The forms to choose from. Where weights are fixed or shared, sample space has no factors: on request only."""
    return ["explicit", "pairs", *(each for each in systems if each != "samples" or graph.weight_map is None)]


def _on_what(plan: Plan, n_samples: int, form: str) -> str:
    how = "" if plan.form == "gradient" else f"with form={plan.form!r} "
    if form == "auto" and how:
        how = f"even {how}"
    return f"on {n_samples:,} samples {how}"


@lru_cache(maxsize=256)
def _plans(
    planner: _Planner, forms: tuple[str, ...], surroundings: tuple[float, ...]
) -> tuple[tuple[Plan, float], ...]:
    """The plan of each form with its cost; remembered for the next run, or round, in the same surroundings."""
    plans = [planner.plan(form) for form in forms]
    return tuple((plan, planner.cost(plan)) for plan in plans)


@dataclass(frozen=True)
class _Planner:
    """Plans single forms for one network and number of samples."""

    costs: CostModel
    n_samples: int
    block_size: int | None
    threads: int | None
    most: Need
    matrices: int
    n_decays: int
    held_bytes: int | None
    kernel_covers: bool
    limit: MemoryLimit = field(compare=False)

    @property
    def data(self) -> int:
        """Bytes of the scaled samples."""
        if self.held_bytes is not None:
            return self.held_bytes
        graph = self.costs.graph
        return 8 * self.n_samples * (graph.n_inputs + 1 + graph.n_outputs)

    def plan(self, form: str) -> Plan:
        """One form, in blocks that fit the cache, or smaller ones where memory is short."""
        if form == "samples":
            return self._in_sample_space()
        if form == "explicit" and self._suits_kernel():
            return self._compiled()
        if form == "gradient":
            compiled = self._compiled_passes()
            if self._suits_passes(compiled.memory):
                return compiled
        graph, n_samples = self.costs.graph, self.n_samples
        n_weights, matrices = graph.n_weights, self.matrices if form != "matrix_free" else 0
        scratch, held = self._of_block(form)
        size = self.block_size or self._fitting(scratch)
        work = self.costs.value(n_samples, size) if self.looks_on else self._pass(form, size)
        seconds = work.seconds()
        threads = self.threads
        if form == "neuron_by_neuron":
            threads = 1  # a loop in Python, whose threads would wait for each other
        if threads is None:
            threads = usable_cpus() if seconds > SERIAL_SECONDS else 1
        if threads > 1 and self.block_size is None:
            size = min(2 * size, LARGEST_BLOCK)  # fewer calls, in which threads wait for each other's lock
        threads = min(threads, -(-n_samples // size))
        pairs = _input_pairs(graph) * n_samples
        # The kernel makes them again in less than reading them takes.
        keeps_pairs = form == "pairs" and self.most is Need.NORMAL and matrices > 0 and native_kernel() is None
        keeps_pairs = keeps_pairs and self.held_bytes is None and 8 * pairs <= KEPT_BYTES
        # Of the accepted point and of a trial.
        passes = 2 * self.costs.kept_rows * n_samples
        keeps_passes = self.most is Need.PRODUCT and self.keeps_passes

        def memory(size: int, threads: int, keeps_pairs: bool) -> int:
            is_without = form == "gradient" and not matrices and self.most is not Need.VALUE
            vectors = CG_VECTORS if form == "matrix_free" else LBFGS_VECTORS * is_without
            numbers = matrices * n_weights**2 + vectors * n_weights
            mapped = size * n_weights * graph.n_outputs if form == "explicit" and graph.weight_map is not None else 0
            # A block is no longer than the data.
            numbers += threads * (held + mapped + min(size, n_samples) * scratch)
            # A part of the samples is a copy of them; all of them where its blocks are others.
            is_copied = self.most is Need.CURVATURE and matrices > 0 and self.held_bytes is None
            data = self.data + is_copied * (self.data if self._has_matrix_blocks else self.data // 2)
            return data + 8 * (numbers + keeps_pairs * pairs + keeps_passes * passes)

        keeps_passes = keeps_passes and self.limit.allows(memory(size, threads, False))
        keeps_pairs = keeps_pairs and self.limit.allows(memory(size, threads, True))
        if self.block_size is None and not self.limit.allows(memory(size, threads, keeps_pairs)):
            if self.threads is None and not self.limit.allows(memory(LEAST_BLOCK, threads, False)):
                threads = 1
            # What a sample more takes, and a block that takes all that is left.
            a_sample = memory(2, threads, False) - memory(1, threads, False) if n_samples > 1 else 0
            room = int((self.limit.limit - memory(1, threads, False)) / max(1, a_sample))
            size = min(size, max(LEAST_BLOCK, 1 + room))
        threads = min(threads, -(-n_samples // size))
        made = self._made(form, size, threads, memory(size, threads, keeps_pairs), keeps_pairs)
        if self._has_matrix_blocks and form in ("pairs", "explicit"):
            taken = made.memory + 8 * self._pass_numbers
            if self._suits_passes(taken):
                made = self._made(form, n_samples, threads, taken, passes_are_compiled=True)
                return replace(made, matrix_block=size)
            larger = min(self._fitting(self._of_block("gradient")[0]), -(-n_samples // threads))
            if larger > size:
                made = replace(made, block_size=larger, n_blocks=-(-n_samples // larger), matrix_block=size)
        return replace(made, keeps_passes=keeps_passes if self.most is Need.PRODUCT else self.keeps_passes)

    @property
    def _has_matrix_blocks(self) -> bool:
        """Whether matrices on demand are summed over blocks of their own."""
        is_free = self.block_size is None and self.held_bytes is None and self.matrices > 0
        return is_free and self.most is Need.CURVATURE and self.data <= COPIED_BYTES

    @property
    def keeps_passes(self) -> bool:
        """Whether passes that products with the Hessian need are few enough to be kept."""
        return 8 * self.costs.kept_rows * self.n_samples <= KEPT_BYTES

    def _fitting(self, scratch: int) -> int:
        """Samples a block, so that its scratch arrays fit a cache; a multiple of 128, which suits BLAS and caches.

        A part of the room that there is at most: several objectives share it.
        """
        there_is = (self.limit.limit - self.data) / SHARE
        smallest = SMALLEST_BLOCK if there_is >= BLOCK_BYTES else LEAST_BLOCK
        # What the exact Hessian writes is there one part after the other.
        most = BLOCK_BYTES * (4 if self.most is Need.HESSIAN else 1)
        fitting = int(min(most, max(0.0, there_is)) / (8 * max(1, scratch)))
        return max(smallest, min(LARGEST_BLOCK, fitting // 128 * 128 or fitting))

    def way_out(self, graph: LayerGraph, forms: Sequence[str]) -> str:
        """What would fit: another form, or an algorithm without matrices, or data that stay in their files."""
        others = [plan for plan in map(self.plan, forms) if self.limit.allows(plan.memory)]
        if others:
            best = min(others, key=self.cost)
            return f"form={best.form!r} would take {readable_bytes(best.memory)}."
        gradient = replace(self, most=Need.GRADIENT, matrices=0, block_size=None, threads=None).plan("gradient")
        if self.limit.allows(gradient.memory) and not self.looks_on:
            return (
                f"The algorithm 'lbfgs' with a fixed weight decay would take {readable_bytes(gradient.memory)}; or use "
                f"fewer hidden units, as the memory grows with the square of the weights."
            )
        if self.held_bytes is None and self.data > STREAMED_BYTES:
            way = by_door("--stream", "marquardt.streams.train_on_files")
            return (
                f"{readable_bytes(self.data)} of it are the scaled data: train from files, of which a few blocks are "
                f"held at a time ({way})."
            )
        if self.looks_on:
            return (
                "No algorithm takes less: give it more than that, as samples to train on need more, or fewer of them."
            )
        return self.limit.refusal_of_vectors(gradient.memory)

    def cost(self, plan: Plan) -> float:
        """What plans are compared by: a pass and a damped step, in seconds."""
        return plan.seconds + self._step(plan.form, plan.block_size).seconds()

    # ---------------------------------------------------------------- what a form takes

    def _made(
        self,
        form: str,
        size: int,
        threads: int,
        memory: int,
        keeps_pairs: bool = False,
        is_compiled: bool = False,
        passes_are_compiled: bool = False,
    ) -> Plan:
        """A plan, with its costs."""
        n_blocks = -(-self.n_samples // size)
        # A single block is the kernel's wherever it can be.
        is_compiled = is_compiled or (form == "explicit" and n_blocks == 1 and self._has_kernel)
        passes_are_compiled = passes_are_compiled or is_compiled
        work = self._pass("compiled" if is_compiled else form, size, keeps_pairs, passes_are_compiled)
        epoch = work + self._step(form, size)
        if self.most in _MATRIX_NEEDS:
            if not self.matrices:
                # What others train on is only looked at.
                epoch = self.costs.value(self.n_samples, size, is_compiled=passes_are_compiled)
            elif self.most is Need.CURVATURE:
                # Most epochs are without a matrix: a gradient, two triangular solutions, and pairs.
                n_weights = self.costs.graph.n_weights
                epoch = self.costs.gradient(self.n_samples, size, is_compiled=passes_are_compiled)
                epoch += Work(products=n_weights**2, touched=4 * LBFGS_VECTORS * n_weights)
            elif n_blocks > 1:
                epoch = epoch + self.costs.value(
                    self.n_samples, size
                )  # of a single block the pass of the trial is kept
        return Plan(
            form,
            size,
            n_blocks,
            threads,
            work.seconds(),
            memory,
            keeps_pairs,
            passes_are_compiled,
            flops=epoch.flops,
            epoch_seconds=epoch.seconds(),
        )

    def _pass(self, form: str, size: int, keeps_pairs: bool = False, is_compiled: bool = False) -> Work:
        """One evaluation of the most that is asked for."""
        costs, n_samples = self.costs, self.n_samples
        if form == "gradient":
            done = costs.value if self.most is Need.VALUE else costs.gradient
            return done(n_samples, size, is_compiled=is_compiled)
        if self.most is Need.HESSIAN and form not in SYSTEM_FORMS:
            return costs.hessian(n_samples, size)
        return costs.normal(n_samples, size, form, keeps_pairs=keeps_pairs, n_decays=self.n_decays)

    def _step(self, form: str, size: int) -> Work:
        """What a rule does between two passes, as far as the objective knows it."""
        n_weights = self.costs.graph.n_weights
        if self.most is Need.PRODUCT:
            return self.costs.product(self.n_samples, size) * CG_PRODUCTS
        if form == "gradient":
            # An update of a matrix such as that of BFGS and its product with the gradient; or a dozen vectors.
            return Work(touched=4 * n_weights**2 if self.matrices else LBFGS_VECTORS * n_weights)
        if not self.matrices:
            return Work()
        return self.costs.solve(self.n_samples, form, block_size=size, n_decays=self.n_decays)

    def _of_block(self, form: str) -> tuple[int, int]:
        """Numbers of scratch a sample of a block, and of sums a thread."""
        graph = self.costs.graph
        units = sum(layer.size for layer in graph.layers)
        n_connections, is_mapped = graph.n_connections, graph.weight_map is not None
        if self.most is Need.PRODUCT:
            return 2 * self.costs.kept_rows + 2 * _PASSES * units, n_connections
        if form == "gradient":
            return _PASSES * units, n_connections
        if self.most is Need.HESSIAN and self.matrices and form in ("pairs", "explicit"):
            return self.costs.hessian_rows, n_connections**2 * (1 + is_mapped)
        if not self.matrices and form != "matrix_free":
            return _PASSES * units, 0  # values alone
        if form == "matrix_free":
            # The gradient's arrays, twice for the rates, and the rows of R.
            return (2 * _PASSES + graph.n_outputs) * units, n_connections
        if form == "pairs":
            # Where the kernel makes pairs as they are read, a pass is what there is.
            scratch = self.costs.pair_rows + _PASSES * units * (native_kernel() is not None)
            # The matrix of all connections beside that of the weights.
            held = self.costs.pair_sums + is_mapped * n_connections**2
        else:
            scratch, held = n_connections * graph.n_outputs, graph.n_weights**2
        return scratch, held

    def _suits_kernel(self) -> bool:
        """Whether all samples are one block of the compiled kernel, as nothing else was asked for."""
        if not self._has_kernel or self.block_size is not None:
            return False
        if self.most is Need.HESSIAN and 8 * self.costs.hessian_rows * self.n_samples > BLOCK_BYTES:
            return False
        work = self.costs.normal(self.n_samples, form="compiled")
        return self._is_serial(work) and self._is_room(self._compiled().memory)

    def _is_serial(self, work: Work) -> bool:
        """Whether one thread does it: there is no other, none was asked for, or it is too short for a second one."""
        if self.threads is not None:
            return self.threads == 1
        return work.seconds() <= SERIAL_SECONDS or usable_cpus() == 1

    def _is_room(self, memory: int) -> bool:
        """Whether there is so much memory; samples that only look on leave most of it to those that train."""
        return self.limit.allows(memory * (SHARE if self.looks_on else 1))

    @property
    def looks_on(self) -> bool:
        """Whether values are all that is asked for, as of samples to validate or test on."""
        return self.most is Need.VALUE or (self.most in _MATRIX_NEEDS and not self.matrices)

    @property
    def _has_kernel(self) -> bool:
        """Whether the kernel covers the problem, and what it keeps is small: beyond, blocks take no more memory.

        It has the matrix of all samples only: not that of a random part.
        """
        is_whole = self.most is not Need.CURVATURE and self.held_bytes is None
        return self.kernel_covers and is_whole and 8 * self._kernel_numbers <= KEPT_BYTES

    def _suits_passes(self, memory: int) -> bool:
        """Whether the kernel does values and gradients, of all samples on one thread, and there is so much memory."""
        is_asked = self.most in (Need.VALUE, Need.GRADIENT, Need.CURVATURE)
        if not is_asked or not self.kernel_covers or self.held_bytes is not None or self.block_size is not None:
            return False
        is_serial = self._is_serial(self.costs.gradient(self.n_samples, is_compiled=True))
        return is_serial and 8 * self._pass_numbers <= KEPT_BYTES and self._is_room(memory)

    @property
    def _pass_numbers(self) -> int:
        """What the kernel keeps for passes: copies of the data, values and residuals."""
        graph = self.costs.graph
        rows = graph.n_inputs + 1 + 3 * graph.n_outputs + 2 * sum(layer.size for layer in graph.layers)
        return rows * self.n_samples

    def _compiled_passes(self) -> Plan:
        n_weights = self.costs.graph.n_weights
        vectors = LBFGS_VECTORS if not self.matrices and self.most is not Need.VALUE else 0
        numbers = self.matrices * n_weights**2 + vectors * n_weights + self._pass_numbers
        return self._made("gradient", self.n_samples, 1, self.data + 8 * numbers, passes_are_compiled=True)

    @property
    def _kernel_numbers(self) -> int:
        """The same with the normal matrix: a block of the Jacobian, a system."""
        n_weights = self.costs.graph.n_weights
        return self._pass_numbers + n_weights * (n_weights + KERNEL_BLOCK)

    def _compiled(self) -> Plan:
        numbers = self.matrices * self.costs.graph.n_weights**2 + self._kernel_numbers
        if self.most is Need.HESSIAN and self.matrices:
            numbers += self.costs.graph.n_connections**2 + self.costs.hessian_rows * self.n_samples
        return self._made("explicit", self.n_samples, 1, self.data + 8 * numbers, is_compiled=True)

    def _in_sample_space(self) -> Plan:
        """One thread, blocks whose products with each other are no larger than the copy that is factored."""
        graph = self.costs.graph
        size = self.block_size or max(SMALLEST_BLOCK, PANEL // graph.n_outputs)
        taken = sample_space_bytes(graph, self.n_samples, self.n_decays, self.matrices > 0)
        return self._made("samples", size, 1, self.data + taken)


def sample_space_bytes(graph: LayerGraph, n_samples: int, n_decays: int, has_matrices: bool = True) -> int:
    """Return what the normal equations of residuals × residuals take beside the data: those of the evidence, too."""
    numbers = SAMPLE_VECTORS * graph.n_weights
    if has_matrices:
        n_residuals = graph.n_outputs * n_samples
        units = sum(layer.size for layer in graph.layers)
        held = units * n_residuals + sum(span.fan_in for span in graph.spans) * n_samples
        if graph.weight_map is not None:
            held = n_residuals * graph.n_connections
        # A sum a decay; theirs, what is added to it, and the damped copy. The evidence has one a layer, its sum, which
        # the eigenvectors take the place of, and two matrices to find them.
        numbers += (n_decays + 2 + (n_decays > 1)) * n_residuals**2 + 2 * held
    return 8 * numbers


def costs_of(plan: Plan, costs: CostModel, n_samples: int) -> Costs:
    """Return what a gradient, a matrix and a step are estimated to take, as planned."""
    return Costs(
        costs.gradient(n_samples, plan.block_size, is_compiled=plan.is_compiled).seconds(),
        plan.seconds,
        costs.solve(n_samples, plan.form, block_size=plan.block_size).seconds(),
        "compiled" if plan.is_compiled and plan.form == "explicit" else plan.form,
    )


def _input_pairs(graph: LayerGraph) -> int:
    """Numbers a sample of the pairs of inputs that may be kept."""
    return sum(
        span.fan_in * (span.fan_in + 1) // 2
        for span in graph.spans
        if span.layer.sources == (INPUTS,) and span.layer.bias
    )


def require_matrices(graph: LayerGraph, matrices: int, limit: MemoryLimit) -> None:
    """Refuse an algorithm whose matrices do not fit in memory, before anything of the size of the weights is made."""
    if limit.allows(8 * matrices * graph.n_weights**2):
        return
    layout = CostModel(graph).layout
    least = make_plan(graph, layout, 1, most=Need.GRADIENT, matrices=0, max_memory=MemoryLimit.none()).memory
    way_out = (
        f"The algorithm 'lbfgs' with a fixed weight decay would take {readable_bytes(least)} beside the data; or use "
        f"fewer hidden units, as the memory grows with the square of the weights."
    )
    require_memory(graph, 8 * matrices * graph.n_weights**2, limit=limit, way_out=way_out)
