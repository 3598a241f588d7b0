"""`marquardt explain`: what it does."""

from __future__ import annotations

import json
from typing import Any

from rich.table import Table

from marquardt.algorithms import ALGORITHMS, StepRule
from marquardt.cli.options import Job
from marquardt.cli.training import introduce, prepare
from marquardt.cli.voice import Voice
from marquardt.objective import Need
from marquardt.training import EvidenceTraining

SHOWN = ("lm", "lm_geodesic", "trainbr", "bfgs", "lbfgs", "scg", "newton")
PASSES = {
    Need.VALUE: "the loss",
    Need.GRADIENT: "the gradient",
    Need.NORMAL: "the normal equations",
    Need.PRODUCT: "products with the Hessian",
    Need.HESSIAN: "the Hessian",
}
FORMS = {
    "pairs": "by products of pairs, without a Jacobian",
    "explicit": "by the Jacobian of a block and its symmetric product, which is fastest for so small a network",
    "samples": "in sample space, by a matrix of residuals, which are fewer than the weights",
    "matrix_free": "by products with vectors alone, in conjugate gradients, as there is no room for a matrix",
    "neuron_by_neuron": "sample by sample and neuron by neuron",
    "gradient": "forward and backward, with no matrix to sum",
}


def run(job: Job, voice: Voice, *, as_json: bool = False) -> int:
    """Prepare everything, and say what would be done; returns the exit code."""
    prepared = prepare(job, voice)
    fitting = prepared.fitting
    rule, plan = fitting.rule, fitting.training.objective.plan
    made: dict[str, Any] = {
        "graph": fitting.network.graph.describe(),
        "weights": fitting.network.n_weights,
        "samples": fitting.training.objective.n_samples,
        "algorithm": fitting.choice.algorithm,
        "reason": fitting.choice.reason,
        "settings": rule.settings,
        "plan": {
            "form": plan.form,
            "block_size": plan.block_size,
            "blocks": plan.n_blocks,
            "threads": plan.threads,
            "seconds_a_pass": plan.seconds,
            "memory": plan.memory,
        },
    }
    if as_json:
        print(json.dumps(made))
        return 0
    introduce(job, prepared, voice)
    passes = max(rule.point_need, rule.trial_need)
    voice.say(f"An epoch needs {PASSES[passes]}: {FORMS[plan.form]}.")
    largest = min(plan.block_size, fitting.training.objective.n_samples)
    voice.say(
        f"A pass goes over {_count(plan.n_blocks, 'block')} of up to {largest:,} samples on "
        f"{_count(plan.threads, 'thread')}, in about {_seconds(plan.seconds)} on one of an ordinary server."
    )
    voice.say(f"Memory, beside the table: {_bytes(plan.memory)}.")
    if isinstance(fitting.training, EvidenceTraining):
        voice.say("The weight decay is chosen anew every few epochs, by its evidence.")
    voice.say()
    voice.say("What its matrices would take with other algorithms:")
    voice.show(_others(fitting.network.n_weights))
    return 0


def _others(n_weights: int) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("algorithm", "needs", "matrices"):
        table.add_column(heading, justify="right" if heading == "matrices" else "left")
    for name in SHOWN:
        kind: type[StepRule] = ALGORITHMS[name]
        rule = kind()
        need = PASSES[max(rule.point_need, rule.trial_need)]
        table.add_row(rule.name, need, _bytes(8 * kind.matrices * n_weights**2))
    return table


def _seconds(value: float) -> str:
    return f"{1e3 * value:.2g} ms" if value < 1 else f"{value:.2g} s"


def _bytes(number: float) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f} B" if number else "none"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
