"""The plan of a job: plan every form that may be taken, keep those that fit, take the fastest.

A form plans itself (`marquardt.objective.forms`): blocks that fit the cache, threads where a pass is long enough, and
smaller blocks and less kept where the memory limit asks for it. Of those that fit, the one is chosen whose pass and
damped step are estimated to take least (see `marquardt.objective.cost`). Products without a matrix are for where no
matrix has room. Where nothing fits, the refusal names what would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple, NoReturn, TypedDict, TypeVar

import numpy as np

from marquardt.checks import one_of, whole
from marquardt.losses import Loss
from marquardt.networks import LayerGraph
from marquardt.objective.compiled import is_compiled as kernel_covers
from marquardt.objective.cost import CostModel, Work, cost_model
from marquardt.objective.evaluation import Costs, Derivatives
from marquardt.objective.forms import GRADIENT, PAIRS, Form, SampleForm, form_named, sample_forms, time_forms
from marquardt.objective.forms.time_form import TimeJob, TimePlan
from marquardt.objective.memory import Budget, MemoryLimit, readable_bytes, require_memory
from marquardt.objective.passes import Wiring
from marquardt.objective.plan import MATRIX_NEEDS, Job, Plan
from marquardt.objective.sensitivities import Form as LayerForm
from marquardt.objective.sensitivities import forms as layer_forms
from marquardt.wording import by_door

__all__ = [
    "PlanOptions",
    "Planned",
    "costs_of",
    "estimated_costs",
    "evidence_work",
    "fastest",
    "layout_of",
    "make_plan",
    "plan_through_time",
    "planned",
    "require_matrices",
]

STREAMED_BYTES = 64 << 20
"""Data up to which files save nothing: the batches on their way take about half of it, whatever the data take."""


class PlanOptions(TypedDict, total=False):
    """What a caller may say of how an objective is planned."""

    form: str
    block_size: int | None
    threads: int | None
    most: Derivatives
    matrices: int
    matrix_free_forms: Sequence[str]
    max_memory: Budget


class Planned(NamedTuple):
    """A form, its plan, and what plans are compared by."""

    form: Form[Any]
    plan: Plan
    price: float


J = TypeVar("J")


def planned(forms: Sequence[Form[J]], job: J) -> list[Planned]:
    """Plan each of the forms."""
    plans = [(form, form.plan(job)) for form in forms]
    return [Planned(form, plan, form.price(job, plan)) for form, plan in plans]


def fastest(candidates: Sequence[Planned], limit: MemoryLimit) -> Plan | None:
    """Return the plan of those that fit that is estimated to take least; None where none fits."""
    fitting = [each for each in candidates if limit.allows(each.plan.memory)]
    fitting = [each for each in fitting if not each.form.is_last_resort] or fitting
    return min(fitting, key=lambda each: each.price).plan if fitting else None


def make_plan(
    graph: LayerGraph,
    layout: Sequence[LayerForm],
    n_samples: int,
    *,
    form: str = "auto",
    block_size: int | None = None,
    threads: int | None = None,
    most: Derivatives = Derivatives.NORMAL,
    matrices: int = 3,
    matrix_free_forms: Sequence[str] = (),
    n_decays: int = 1,
    held_bytes: int | None = None,
    is_compiled: bool = False,
    max_memory: Budget = None,
) -> Plan:
    """Choose form, blocks and threads, and refuse what does not fit in memory."""
    one_of(form, ("auto", *sample_forms), "form")
    if block_size is not None:
        whole(block_size, "block_size", minimum=1)
    if threads is not None:
        whole(threads, "threads", minimum=1)
    limit = MemoryLimit.of(max_memory)
    costs = cost_model(graph, tuple(layout))
    job = Job(costs, n_samples, block_size, threads, most, matrices, n_decays, held_bytes, is_compiled, limit)
    allowed = _allowed(graph, matrix_free_forms) if most in MATRIX_NEEDS else ()
    forms = (sample_forms[form],) if form != "auto" else allowed or (GRADIENT,)
    candidates = _remembered(job, forms, job.surroundings)
    chosen = fastest(candidates, limit)
    if chosen is None:
        _refuse(job, [each.plan for each in candidates], form, () if form == "auto" else allowed)
    return replace(chosen, others=tuple(plan for _, plan, _ in candidates if plan is not chosen))


def _allowed(graph: LayerGraph, matrix_free_forms: Sequence[str]) -> tuple[SampleForm, ...]:
    """The forms to choose from: those with a matrix, and those without that the rule allows."""
    usual = [form for form in sample_forms.values() if form.is_usual]
    return (*usual, *(form for form in map(sample_forms.__getitem__, matrix_free_forms) if form.covers(graph)))


@lru_cache(maxsize=256)
def _remembered(job: Job, forms: tuple[SampleForm, ...], surroundings: tuple[float, ...]) -> list[Planned]:
    """The plans of each form; remembered for the next run, or round, in the same surroundings."""
    return planned(forms, job)


def _refuse(job: Job, plans: Sequence[Plan], form: str, others: Sequence[SampleForm]) -> NoReturn:
    """Refuse what does not fit, with what would."""
    needed = min(plans, key=lambda plan: plan.memory)
    on_what = f"beside {job.n_samples:,} samples to validate or test on "
    if not job.is_held_out:
        how = f"with form={needed.form!r} " if form_named(needed.form) is not GRADIENT else ""
        on_what = f"on {job.n_samples:,} samples {'even ' * (form == 'auto' and bool(how))}{how}"
    require_memory(job.graph, needed.memory, on_what, limit=job.limit, way_out=_way_out(job, others))
    raise AssertionError("a plan that fits is not refused")


def _way_out(job: Job, forms: Sequence[SampleForm]) -> str:
    """What would fit: another form, or an algorithm without matrices, or data that stay in their files."""
    other = min((each for each in planned(forms, job) if job.limit.allows(each.plan.memory)), default=None, key=_price)
    if other is not None:
        return f"form={other.plan.form!r} would take {readable_bytes(other.plan.memory)}."
    gradient = GRADIENT.plan(replace(job, most=Derivatives.GRADIENT, matrices=0, block_size=None, threads=None))
    if job.limit.allows(gradient.memory) and not job.is_held_out:
        return (
            f"The algorithm 'lbfgs' with a fixed weight decay would take {readable_bytes(gradient.memory)}; or use "
            f"fewer hidden units, as the memory grows with the square of the weights."
        )
    if job.held_bytes is None and job.data > STREAMED_BYTES:
        way = by_door("--stream", "marquardt.streams.train_on_files")
        return (
            f"{readable_bytes(job.data)} of it are the scaled data: train from files, of which a few blocks are "
            f"held at a time ({way})."
        )
    if job.is_held_out:
        return "No algorithm takes less: give it more than that, as samples to train on need more, or fewer of them."
    return job.limit.refusal_of_vectors(gradient.memory)


def plan_through_time(job: TimeJob, form: str) -> TimePlan:
    """Choose form, groups and blocks of sequences through time, and refuse what does not fit in memory."""
    usual = [each for each in time_forms.values() if job.truncate is None or each.can_truncate]
    candidates = planned(usual, job)
    allowed = [each for each in candidates if each.form.name == form] or candidates
    chosen = fastest(allowed, job.limit)
    if chosen is None:
        least = min((each.plan for each in allowed), key=lambda plan: plan.memory)
        on_what = f"through time on {sum(job.lengths):,} steps with form={least.form!r} "
        way_out = _way_out_through_time(job, candidates)
        require_memory(job.graph, least.memory, on_what, limit=job.limit, way_out=way_out)
    assert isinstance(chosen, TimePlan)  # of forms through time
    return replace(chosen, others=tuple(plan for _, plan, _ in candidates if plan is not chosen))


def _way_out_through_time(job: TimeJob, candidates: Sequence[Planned]) -> str:
    """What would fit: another form, or an algorithm without matrices."""
    other = next((plan for _, plan, _ in candidates if job.limit.allows(plan.memory)), None)
    if other is not None:
        return f"form={other.form!r} would take {readable_bytes(other.memory)}."
    if job.most not in (Derivatives.NORMAL, Derivatives.CURVATURE):
        return ""
    # A gradient is always backward.
    gradient = time_forms["backward"].plan(replace(job, most=Derivatives.GRADIENT, matrices=0))
    if job.limit.allows(gradient.memory):
        return f"The algorithm 'lbfgs' would take {readable_bytes(gradient.memory)}."
    return job.limit.refusal_of_vectors(gradient.memory)


def _price(each: Planned) -> float:
    return each.price


def layout_of(wiring: Wiring, loss: Loss, weighs_outputs: bool = False) -> list[LayerForm]:
    """The form of every layer's Δ, which the shape of the loss's curvature decides, weights included."""
    probe = np.zeros((wiring.graph.n_outputs, 1))
    axes = loss.curvature(probe, probe).ndim if hasattr(loss, "curvature") else 2
    return layer_forms(wiring, max(axes, 2) if weighs_outputs else axes)


def costs_of(plan: Plan, costs: CostModel, n_samples: int) -> Costs:
    """Return what a gradient, a matrix and a step are estimated to take, as planned."""
    form = form_named(plan.form)
    assert isinstance(form, SampleForm)
    return Costs(
        costs.gradient(n_samples, plan.block_size, is_compiled=plan.is_compiled).seconds(),
        plan.seconds,
        form.solution(costs, n_samples, plan.block_size).seconds(),
        form.called(plan),
    )


def estimated_costs(graph: LayerGraph, loss: Loss, n_samples: int, weighs_outputs: bool = False) -> Costs:
    """Return what a gradient, the normal equations and a step are going to take on one thread, as far as sizes tell."""
    layout = layout_of(Wiring(graph, loss.link is not None), loss, weighs_outputs)
    plan = partial(
        make_plan,
        graph,
        layout,
        n_samples,
        threads=1,
        is_compiled=kernel_covers(graph, loss, weighs_outputs),
        max_memory=MemoryLimit.none(),
    )
    costs = costs_of(plan(matrix_free_forms=("samples",)), cost_model(graph, tuple(layout)), n_samples)
    # Of rules that ask for no more, which may have it from the kernel.
    return costs._replace(gradient=plan(most=Derivatives.GRADIENT, matrices=0).seconds)


def evidence_work(costs: CostModel, n_samples: int, form: str, block_size: int) -> Work:
    """Return the work of the evidence at one point, by the rows of J or by the weights, whichever are fewer."""
    n_residuals, n_weights = costs.n_rows * n_samples, costs.graph.n_weights
    if n_residuals < n_weights:
        # Eigenvalues, as the condition of such a matrix asks for them more often than not; after a try without.
        n_sums = len(costs.graph.layers) + 2
        in_sample_space = sample_forms["samples"].normal(costs, n_samples, n_decays=n_sums)
        return in_sample_space + Work(factored=3 * n_residuals**3, calls=100)
    how = form_named(form)
    if not isinstance(how, SampleForm) or not (how.has_matrix and how.in_blocks):
        how = PAIRS
    return how.normal(costs, n_samples, block_size) + Work(fresh=4 * n_weights**2, factored=n_weights**3 / 2, calls=100)


def require_matrices(graph: LayerGraph, matrices: int, limit: MemoryLimit) -> None:
    """Refuse an algorithm whose matrices do not fit in memory, before anything of the size of the weights is made."""
    if limit.allows(8 * matrices * graph.n_weights**2):
        return
    layout = CostModel(graph).layout
    least = make_plan(graph, layout, 1, most=Derivatives.GRADIENT, matrices=0, max_memory=MemoryLimit.none()).memory
    way_out = (
        f"The algorithm 'lbfgs' with a fixed weight decay would take {readable_bytes(least)} beside the data; or use "
        f"fewer hidden units, as the memory grows with the square of the weights."
    )
    require_memory(graph, 8 * matrices * graph.n_weights**2, limit=limit, way_out=way_out)
