"""The plan of a pass: which form, blocks of how many samples, how many threads, how much memory.

The choice between forms is by a cost model of three terms, in nanoseconds a sample: multiplications in matrix
products, numbers written by elementwise work, and NumPy calls. Its constants are from one core of a 2.5 GHz
server; only their ratios matter.

Where the caller can do with solutions instead of the matrix, sample space is compared with the matrix forms by a pass
and a factorization together; it is also taken where only its own matrices have room. Products without a matrix are for
where no matrix has room.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from marquardt.checks import one_of, whole
from marquardt.errors import ResourceError
from marquardt.networks import INPUTS, LayerGraph
from marquardt.numerics import usable_cpus
from marquardt.objective.evaluation import Need
from marquardt.objective.sensitivities import Factored, Form

__all__ = ["FORMS", "SYSTEM_FORMS", "Plan", "machine_memory", "make_plan", "require_memory"]

SYSTEM_FORMS = ("samples", "matrix_free")
"""The forms that solve the normal equations without their matrix."""
FORMS = ("auto", "explicit", "pairs", "neuron_by_neuron", *SYSTEM_FORMS)

NS_PRODUCT = 0.05
"""A multiplication and addition inside a large matrix product."""
NS_WRITTEN = 0.6
"""A number made by an elementwise product and written."""
NS_COMPILED, NS_COMPILED_WRITTEN, NS_COMPILED_UNIT = 0.05, 0.2, 2.5
"""The same in the compiled kernel; and a unit's value with its slope."""
COMPILED_WEIGHTS, COMPILED_GAIN = 300, 1.6
"""Weights up to which the kernel's blocks fit the cache; and what pairs take there, in parts of what this model says:
2.8 ms where it says 1.5 for 10-20-1 on 1,000 samples, 0.59 where it says 0.36 for 5-8-8-3 on 300."""
NS_CALL = 1500.0
"""A NumPy call."""

BLOCK_BYTES = 8 << 20
"""What a block's scratch arrays may take: a share of the last-level cache."""
KEPT_BYTES = 32 << 20
"""What the input pairs that are kept from pass to pass may take, and the compiled kernel's copy of the data."""
SMALLEST_BLOCK, LARGEST_BLOCK = 128, 2048
_PASSES = 4
"""Arrays of a number a unit and sample that a gradient makes: value, slope, delta, and what is between."""
SERIAL_NS = 4e6
"""A pass shorter than this is not worth a second thread."""
SAMPLE_GAIN = 0.7
"""Sample space is taken where it is estimated to take less than this share of the time of a matrix form."""
CG_VECTORS = 12
"""Vectors of n_weights that a step by conjugate gradients and its point hold."""
PANEL = 2048
"""Residuals a block in sample space: a product of two blocks then takes 32 MB."""


@dataclass(frozen=True)
class Plan:
    """How a pass over the data is done.

    Parameters
    ----------
    form : str
        ``"pairs"``, ``"explicit"``, ``"neuron_by_neuron"``, ``"samples"``, ``"matrix_free"``, or ``"gradient"`` where
        no more is going to be asked for.
    block_size : int
        Samples a block.
    n_blocks : int
        Number of blocks.
    threads : int
        Threads that share the blocks.
    seconds : float
        Estimated time of one pass for the most that is asked for, on one thread; for comparison only.
    memory : int
        Bytes that the objective and one step need beyond the caller's data.
    keeps_pairs : bool
        Whether the pairs of the network's inputs are kept from pass to pass.
    """

    form: str
    block_size: int
    n_blocks: int
    threads: int
    seconds: float
    memory: int
    keeps_pairs: bool = False


@cache
def machine_memory() -> int | None:
    """Return the machine's memory in bytes, or None where the system does not say.

    Returns
    -------
    int or None
        The smaller of the physical memory and the limit of the process's control group.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path, encoding="ascii") as file:
                text = file.read().strip()
        except OSError:
            continue
        if text.isdigit():
            memory = min(memory, int(text))
    return memory


def _pair_costs(graph: LayerGraph, layout: list[Form], n_rows: int) -> tuple[float, float, float, int]:
    """Products, written numbers and calls of the pair form a sample; and the numbers its sums hold."""
    products = written = calls = 0.0
    held = 0
    spans = graph.spans
    for a, left in enumerate(spans):
        for b in range(a, len(spans)):
            right = spans[b]
            if a == b:
                units = left.layer.size * (left.layer.size + 1) // 2
                inputs = left.fan_in * (left.fan_in + 1) // 2
                products += units * inputs
                written += units * (1 if layout[a].kind is Factored else n_rows) + inputs
                calls += left.layer.size + left.fan_in + 2
                held += units * inputs
            else:
                units, inputs = left.layer.size * right.layer.size, left.fan_in * right.fan_in
                products += units * inputs
                if layout[a].kind is Factored and layout[b].kind is Factored:
                    written += left.layer.size * left.fan_in + right.layer.size * right.fan_in
                else:
                    written += units * n_rows + inputs
                calls += 4
                held += units * inputs
    return products, written, calls, held


def make_plan(
    graph: LayerGraph,
    layout: list[Form],
    n_rows: int,
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
) -> Plan:
    """Choose form, blocks and threads, and refuse what does not fit in memory.

    Parameters
    ----------
    graph : LayerGraph
        The network.
    layout : list of Form
        The form of every layer's Δ.
    n_rows : int
        Rows of R, one an output.
    n_samples : int
        Samples.
    form : str
        One of `FORMS`; ``"auto"`` takes ``"explicit"``, ``"pairs"`` or one of `systems`, whichever is estimated to be
        fastest of those that there is memory for.
    block_size : int, optional
        Samples a block; chosen by the size of the scratch arrays when not given.
    threads : int, optional
        Threads; as many as there are processors, if a pass is long enough to be worth it, when not given.
    most : Need
        The most that is going to be asked for. Where it is no matrix, there is no form to choose.
    matrices : int
        How many matrices of n_weights × n_weights objective and rule hold at once.
    systems : sequence of str
        The forms of `SYSTEM_FORMS` that the caller can do with.
    n_decays : int
        How many different weight decays there are, for which sample space keeps a matrix each.
    held_bytes : int, optional
        What of the data is in memory at a time; all samples when not given. Where it is given blocks come and go, and
        nothing that belongs to one is kept.
    is_compiled : bool
        Whether the compiled kernel covers network and loss. It takes all samples at once, on one thread: the explicit
        form is for passes that are too short for a second one then, and for those on request.

    Returns
    -------
    Plan
        What the objective does.

    Raises
    ------
    ConfigurationError
        For an unknown form, or a block size or number of threads below 1.
    ResourceError
        If the machine has not enough memory; nothing has been allocated then.
    """
    one_of(form, FORMS, "form")
    n_weights, n_connections = graph.n_weights, graph.n_connections
    products, written, calls, held = _pair_costs(graph, layout, n_rows)
    if block_size is not None:
        whole(block_size, "block_size", minimum=1)
    pair_size = block_size or _fitting(written)
    pair_ns = products * NS_PRODUCT + written * NS_WRITTEN + calls * NS_CALL / min(pair_size, n_samples)
    # The symmetric product of J computes one triangle.
    explicit_rows = n_connections * n_rows
    explicit_size = block_size or _fitting(explicit_rows)
    explicit_ns = (
        n_weights * (n_weights + 1) / 2 * n_rows * NS_PRODUCT * 1.15
        + explicit_rows * NS_WRITTEN
        + (4 * len(graph.layers) + 4) * NS_CALL / min(explicit_size, n_samples)
    )
    compiled_ns = _compiled_costs(graph, n_rows) + NS_CALL * 2 / n_samples
    is_compiled = is_compiled and block_size is None and held_bytes is None and n_weights <= COMPILED_WEIGHTS
    # It keeps a copy of the data and all values: beyond this the forms in blocks are as fast and take no more memory.
    is_compiled = is_compiled and 8 * _kept_rows(graph) * n_samples <= KEPT_BYTES
    if is_compiled and (threads == 1 or (threads is None and compiled_ns * n_samples <= SERIAL_NS)):
        explicit_ns, explicit_size, explicit_rows = compiled_ns, n_samples, _kept_rows(graph)
        gain = COMPILED_GAIN
    else:
        gain = 1.0
    if most in (Need.VALUE, Need.GRADIENT, Need.PRODUCT) and form == "auto":
        form = "gradient"
    sampled = _sample_costs(graph, n_rows, n_samples, n_decays)
    data = 8 * n_samples * (graph.n_inputs + 1 + graph.n_outputs) if held_bytes is None else held_bytes
    if form == "auto":
        form = "explicit" if explicit_ns <= gain * pair_ns else "pairs"
        in_matrix = min(explicit_ns, pair_ns) * n_samples + n_weights**3 / 3 * NS_PRODUCT + n_weights**2 * NS_WRITTEN
        is_faster = sampled.ns + sampled.factoring_ns < SAMPLE_GAIN * in_matrix
        has_room = _has_room(data + 8 * _sample_numbers(graph, sampled, n_rows, n_samples, block_size, matrices))
        matrix_has_room = _has_room(8 * matrices * n_weights**2)
        # Where weights are fixed or shared, sample space has no factors: on request only.
        has_factors = graph.weight_map is None
        if "samples" in systems and has_factors and has_room and (is_faster or not matrix_has_room):
            form = "samples"
        elif "matrix_free" in systems and not matrix_has_room:
            form = "matrix_free"
    if form == "samples":
        return _sample_plan(graph, sampled, n_rows, n_samples, block_size, matrices, data)
    if form == "pairs":
        size, ns, scratch = pair_size, pair_ns, int(written)
    elif form == "matrix_free":
        units, matrices = sum(layer.size for layer in graph.layers), 0
        # The gradient's arrays, twice for the rates, and the rows of R; vectors of conjugate gradients.
        scratch, held = (2 * _PASSES + n_rows) * units, n_connections
        size = block_size or _fitting(scratch)
        # Gradient, diagonal and one product.
        ns = (
            (9 + n_rows) * n_connections * NS_PRODUCT
            + 2 * scratch * NS_WRITTEN
            + 20 * len(graph.layers) * NS_CALL / size
        )
    elif form == "gradient":
        scratch, held = _PASSES * sum(layer.size for layer in graph.layers), n_connections
        size = block_size or _fitting(scratch)
        # Forward, backward and the product of the two.
        ns = 3 * n_connections * NS_PRODUCT + scratch * NS_WRITTEN + 8 * len(graph.layers) * NS_CALL / size
    else:
        size, ns, scratch, held = explicit_size, explicit_ns, explicit_rows, n_weights**2
    if form == "neuron_by_neuron":
        threads = 1  # a loop in Python, whose threads would wait for each other
    if threads is None:
        threads = usable_cpus() if ns * n_samples > SERIAL_NS else 1
    if threads > 1 and block_size is None:
        size = min(2 * size, LARGEST_BLOCK)  # fewer calls, in which threads wait for each other's lock
    n_blocks = -(-n_samples // size)
    pairs = sum(
        span.fan_in * (span.fan_in + 1) // 2
        for span in graph.spans
        if span.layer.sources == (INPUTS,) and span.layer.bias
    )
    keeps_pairs = form == "pairs" and held_bytes is None and 8 * pairs * n_samples <= KEPT_BYTES
    threads = min(whole(threads, "threads", minimum=1), n_blocks)
    if graph.weight_map is not None and form in ("pairs", "explicit"):
        # The matrix of all connections, or their Jacobian, beside that of the weights.
        held += n_connections**2 if form == "pairs" else size * n_weights * n_rows
    numbers = (
        matrices * n_weights**2
        + (CG_VECTORS * n_weights if form == "matrix_free" else 0)
        + threads * (held + size * scratch)
        + keeps_pairs * pairs * n_samples
    )
    plan = Plan(form, size, n_blocks, threads, ns * n_samples * 1e-9, data + 8 * numbers, keeps_pairs)
    require_memory(graph, plan.memory, f"on {n_samples:,} samples ")
    return plan


def _compiled_costs(graph: LayerGraph, n_rows: int) -> float:
    """Nanoseconds a sample of the compiled kernel. The weights of one output move no other."""
    active = graph.n_weights - (n_rows - 1) * graph.spans[-1].fan_in
    units = sum(layer.size for layer in graph.layers)
    return n_rows * (active * (active + 1) / 2 * NS_COMPILED + active * NS_COMPILED_WRITTEN) + units * NS_COMPILED_UNIT


def _kept_rows(graph: LayerGraph) -> int:
    """Numbers a sample that the compiled kernel keeps: its copy of the data, values and residuals."""
    return graph.n_inputs + 1 + 3 * graph.n_outputs + 2 * sum(layer.size for layer in graph.layers)


class _SampleCosts(NamedTuple):
    """Nanoseconds of JJᵀ and of its factorization, and the numbers that are held a point beside the matrices."""

    ns: float
    factoring_ns: float
    n_decays: int
    held: int


def _sample_costs(graph: LayerGraph, n_rows: int, n_samples: int, n_decays: int) -> _SampleCosts:
    n_residuals = n_rows * n_samples
    units = sum(layer.size for layer in graph.layers)
    fan_ins = sum(span.fan_in for span in graph.spans)
    n_layers = len(graph.layers)
    # Forward, back a row, and the gradient; then two Gram matrices a layer, their product and its sum.
    products = (2 + n_rows) * graph.n_connections * n_samples + n_residuals**2 / 2 * units + n_samples**2 / 2 * fan_ins
    written = 4 * units * n_residuals + (2 * n_layers + n_decays) * n_residuals**2
    ns = products * NS_PRODUCT + written * NS_WRITTEN + (40 + 25 * n_layers) * NS_CALL
    factoring = n_residuals**3 / 3 * NS_PRODUCT + (n_decays + 1) * n_residuals**2 * NS_WRITTEN
    held = units * n_residuals + fan_ins * n_samples
    if graph.weight_map is not None:
        # The Jacobian of the weights is written out.
        ns += n_residuals**2 * graph.n_weights * NS_PRODUCT + n_residuals * graph.n_connections * NS_WRITTEN
        held = n_residuals * graph.n_connections
    return _SampleCosts(ns, factoring, n_decays, held)


def _sample_plan(
    graph: LayerGraph,
    costs: _SampleCosts,
    n_rows: int,
    n_samples: int,
    block_size: int | None,
    matrices: int,
    data: int,
) -> Plan:
    """The plan of the sample space form: one thread, blocks whose products with each other stay small."""
    size = _sample_block(n_rows, block_size)
    numbers = _sample_numbers(graph, costs, n_rows, n_samples, block_size, matrices)
    plan = Plan("samples", size, -(-n_samples // size), 1, costs.ns * 1e-9, data + 8 * numbers)
    require_memory(graph, plan.memory, f"on {n_samples:,} samples ")
    return plan


def _sample_block(n_rows: int, block_size: int | None) -> int:
    return block_size or max(SMALLEST_BLOCK, PANEL // n_rows)


def _sample_numbers(
    graph: LayerGraph, costs: _SampleCosts, n_rows: int, n_samples: int, block_size: int | None, matrices: int
) -> int:
    """Numbers that the sample space form holds, beside the data."""
    n_residuals, panel = n_rows * n_samples, n_rows * min(_sample_block(n_rows, block_size), n_samples)
    numbers = 8 * graph.n_weights
    if matrices:
        # Here, there, and the damped copy, with the sum over decays in between.
        numbers += (2 * costs.n_decays + matrices - 1) * n_residuals**2 + 2 * costs.held + 2 * panel**2
    return numbers


def _has_room(needed: int) -> bool:
    available = machine_memory()
    return available is None or needed <= available


def require_memory(graph: LayerGraph, needed: int, on_what: str = "") -> None:
    """Refuse a network whose training does not fit in the machine's memory.

    Parameters
    ----------
    graph : LayerGraph
        The network.
    needed : int
        Bytes.
    on_what : str
        What the message adds after "training it".

    Raises
    ------
    ResourceError
        With both figures.
    """
    available = machine_memory()
    if available is not None and needed > available:
        raise ResourceError(
            f"{graph.describe()} has {graph.n_weights:,} weights: training it {on_what}needs "
            f"{needed / 2**30:,.1f} GiB, this machine has {available / 2**30:,.1f} GiB. "
            f"Use fewer hidden units (the memory grows with the square of the weights), or the algorithm 'lbfgs' and "
            f"a fixed weight decay, whose memory grows with the weights only."
        )


def _fitting(numbers_a_sample: float) -> int:
    """Samples a block, so that its scratch arrays fit the budget; a multiple of 128, which suits BLAS and caches."""
    fitting = int(BLOCK_BYTES / (8 * max(1.0, numbers_a_sample))) // 128 * 128
    return max(SMALLEST_BLOCK, min(LARGEST_BLOCK, fitting))
