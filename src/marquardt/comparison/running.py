"""One run of a comparison, and what memory such a run takes."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from marquardt.algorithms import StepRule
from marquardt.arrays import Array
from marquardt.comparison.results import Run
from marquardt.errors import DataError
from marquardt.networks import ACTIVATIONS, Activation, feed_forward
from marquardt.problems import Problem
from marquardt.training import Limits, Record, Training

__all__ = ["memory_of", "run_from", "training_from"]

MEMORY_EPOCHS = 3
"""Enough that every array of a rule has been made."""


def training_from(problem: Problem, rule: StepRule, start: int, seed: int, limits: Limits) -> Training:
    """Return a run that has not begun."""
    network = problem.start(start, seed)
    return Training(network, problem.inputs, problem.targets, problem.loss, rule=rule, limits=limits, threads=1)


def run_from(
    problem: Problem,
    label: str,
    rule: StepRule,
    start: int,
    seed: int,
    limits: Limits,
    activations: Mapping[str, Activation] | None = None,
) -> Run:
    """Train once."""
    for name, activation in (activations or {}).items():
        ACTIVATIONS.setdefault(name, activation)
    _warm_up(type(rule))
    training = training_from(problem, rule, start, seed, limits)
    record = training.record
    try:
        for _ in training:
            pass
    except DataError:
        # The data were checked before: the loss at this start is not finite.
        if record.epochs:
            raise
        lost = np.array([np.inf])
        return Run(label, start, False, "overflow", 0, 0.0, lost, np.zeros(1), dict(training.objective.evaluations))
    stop = "" if record.stop is None else record.stop.code
    losses = _in_metric(record, limits.goal_metric, problem)
    return Run(
        label,
        start,
        stop == "goal",
        stop,
        record.num_epochs,
        record.seconds,
        losses,
        record.time,
        dict(record.evaluations),
    )


def _in_metric(record: Record, metric: str, problem: Problem) -> Array:
    if metric == "loss":
        return record.column("loss")
    mse = record.perf
    if metric == "rmse":
        return np.sqrt(mse)
    return mse * (problem.targets.size if metric == "sse" else 1.0)


def memory_of(problem: Problem, rule: StepRule, seed: int, limits: Limits) -> int:
    """Measure the peak memory of a few epochs from the first start."""
    _warm_up(type(rule))
    copy = 8 * problem.n_samples * (problem.graph.n_inputs + 1 + problem.graph.n_outputs)
    was_tracing = tracemalloc.is_tracing()
    gc.collect()
    if not was_tracing:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        few = replace(limits, max_epochs=min(limits.max_epochs, MEMORY_EPOCHS))
        training = training_from(problem, rule, 0, seed, few)
        try:
            for _ in training:
                pass
        except DataError:
            if training.record.epochs:
                raise
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        if not was_tracing:
            tracemalloc.stop()
    return max(0, peak - copy)


@cache
def _warm_up(kind: type[StepRule]) -> None:
    """Let this process import and find what a first run of a kind has to, so that no clock counts it."""
    inputs = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    tiny = Problem("tiny", feed_forward(2, 2, 1), inputs, inputs[:, :1] * inputs[:, 1:], goal=1e-12)
    for _ in training_from(tiny, kind(), 0, 0, Limits(max_epochs=2, max_fail=0)):
        pass
