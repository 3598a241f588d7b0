"""`marquardt explain`: what it does."""

from __future__ import annotations

import json
from typing import Any

from rich.table import Table

from marquardt.algorithms import ALGORITHMS, StepRule
from marquardt.cli.console import hand_over
from marquardt.cli.job import Job, job_of
from marquardt.cli.taking import Given
from marquardt.cli.training import introduce, prepare
from marquardt.objective import Derivatives, MemoryLimit, Plan, readable_bytes, readable_seconds
from marquardt.training import EvidenceTraining
from marquardt.training.restarts import Run

SHOWN = ("lm", "lm_geodesic", "trainbr", "bfgs", "lbfgs", "scg", "newton")
PASSES = {
    Derivatives.VALUE: "the loss",
    Derivatives.GRADIENT: "the gradient",
    Derivatives.CURVATURE: "the gradient, and for some steps the normal equations",
    Derivatives.NORMAL: "the normal equations",
    Derivatives.PRODUCT: "products with the Hessian",
    Derivatives.HESSIAN: "the Hessian",
}
FORMS = {
    "pairs": "by products of pairs, without a Jacobian",
    "explicit": "by the Jacobian of a block and its symmetric product",
    "samples": "in sample space, by a matrix of residuals, which are fewer than the weights",
    "matrix_free": "by products with vectors alone, in conjugate gradients, as there is no room for a matrix",
    "neuron_by_neuron": "sample by sample and neuron by neuron",
    "gradient": "forward and backward, with no matrix to sum",
}

HESSIAN = "by second derivatives along the units and products of pairs"


def run(given: Given) -> int:
    """Prepare everything, and say what would be done; returns the exit code."""
    job, console = job_of(given), given.console()
    prepared = prepare(job, console)
    fitting = prepared.fitting
    rule, training = fitting.rule, fitting.training
    plan = training.objective.plan
    if given.json:
        made: dict[str, Any] = {
            "graph": fitting.network.graph.describe(),
            "weights": fitting.network.n_weights,
            "samples": training.objective.n_samples,
            "algorithm": fitting.choice.algorithm,
            "reason": fitting.choice.reason,
            "memory": training.memory,
            "seconds_an_evidence": training.evidence_seconds if isinstance(training, EvidenceTraining) else None,
            "settings": rule.settings,
            "plan": _plain(plan) | {"others": [_plain(other) for other in plan.others]},
        }
        hand_over(json.dumps(made))
        return 0
    introduce(job, prepared, console)
    passes = max(rule.point_need, rule.trial_need)
    how = HESSIAN if passes is Derivatives.HESSIAN else FORMS[plan.form]
    if plan.is_compiled:
        how += (
            ", the loss in the compiled kernel"
            if passes is Derivatives.HESSIAN
            else ", all of it in the compiled kernel"
        )
    console.say(f"An epoch needs {PASSES[passes]}: {how}.")
    n_samples = training.objective.n_samples
    # A matrix that is asked for now and then goes over blocks of its own.
    largest = min(plan.matrix_block or plan.block_size, n_samples)
    what, n_blocks = (
        ("A matrix of all rows", -(-n_samples // largest)) if plan.matrix_block else ("A pass", plan.n_blocks)
    )
    console.say(
        f"{what} goes over {_count(n_blocks, 'block')} of up to {largest:,} samples on "
        f"{_count(plan.threads, 'thread')}, in about {readable_seconds(plan.seconds)} on one of an ordinary server."
    )
    console.say(
        f"An epoch of one trial, with its step: {_flops(plan.flops)} floating-point operations, about "
        f"{readable_seconds(plan.epoch_seconds)} (an estimate, likewise)."
    )
    console.say(f"Memory, beside the table: {_memory(job, training)}.")
    if isinstance(training, EvidenceTraining):
        console.say(
            f"The weight decay is chosen anew every {training.round_length} epochs by its evidence, in about "
            f"{readable_seconds(training.evidence_seconds)} (an estimate, likewise)."
        )
    if plan.others and passes is not Derivatives.HESSIAN:
        console.say()
        console.say("The fastest form that fits is taken, by the estimates:")
        console.show(_forms(plan, job))
    console.say()
    console.say("What its matrices would take with other algorithms:")
    console.show(_others(fitting.network.n_weights))
    console.require_heard()
    return 0


def _plain(plan: Plan) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "form": plan.form,
        "compiled": plan.is_compiled,
        "block_size": plan.block_size,
        "blocks": plan.n_blocks,
        "threads": plan.threads,
        "seconds_a_pass": plan.seconds,
        "seconds_an_epoch": plan.epoch_seconds,
        "flops_an_epoch": plan.flops,
        "memory": plan.memory,
    }


def _memory(job: Job, training: Run) -> str:
    budget, memory = job.settings.max_memory, training.memory
    told = readable_bytes(memory) + ("" if budget is None else f", within the budget of {budget}")
    beside = training.memory_beside if isinstance(training, EvidenceTraining) else 0
    others = memory - beside - training.objective.plan.memory
    told += f"; {readable_bytes(others)} of it are to validate and test" if others else ""
    return told + (f"; {readable_bytes(beside)} of it are for the evidence alone" if beside else "")


def _forms(plan: Plan, job: Job) -> Table:
    """All forms that could be taken, the one that is first."""
    limit = MemoryLimit(job.settings.max_memory)
    table = Table(box=None, pad_edge=False)
    for heading in ("form", "an epoch", "operations", "memory", ""):
        table.add_column(heading, justify="left" if heading in ("form", "") else "right")
    for each in (plan, *sorted(plan.others, key=lambda other: other.epoch_seconds)):
        note = "taken" if each is plan else "" if limit.allows(each.memory) else "no room"
        if each.form == "matrix_free" and each is not plan:
            note = "truncated steps: where no other form has room"
        time, memory = readable_seconds(each.epoch_seconds), readable_bytes(each.memory)
        table.add_row(each.form, time, _flops(each.flops), memory, note)
    return table


def _others(n_weights: int) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("algorithm", "needs", "matrices"):
        table.add_column(heading, justify="right" if heading == "matrices" else "left")
    for name in SHOWN:
        kind: type[StepRule] = ALGORITHMS[name]
        rule = kind()
        need = PASSES[max(rule.point_need, rule.trial_need)]
        table.add_row(rule.name, need, readable_bytes(8 * kind.matrices * n_weights**2) if kind.matrices else "none")
    return table


def _flops(number: float) -> str:
    """A number of operations for people.

    >>> _flops(2.5e9), _flops(800.0)
    ('2.5 billion', '800')
    """
    for name, size in (("trillion", 1e12), ("billion", 1e9), ("million", 1e6), ("thousand", 1e3)):
        if number >= size:
            return f"{number / size:,.3g} {name}" if number < 1000 * size else f"{number / size:,.0f} {name}"
    return f"{number:.0f}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
