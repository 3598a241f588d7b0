"""Cheaper curvature, exact gradient: what each way of saving on the normal equations is worth.

The rows begin with Levenberg–Marquardt as the textbook has it and end with `lm_bfgs`; in between is what was tried on
the way. Processor seconds to the goal on one thread from the same starts, with everything from arrays to the last
epoch, as a ratio: how many times as fast as SciPy's L-BFGS on a plain NumPy gradient, the median over the starts. A run
that does not get there in its time counts as infinitely long.

``python -m benchmarks curvature`` takes about ten minutes.
"""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from benchmarks import crossovers
from benchmarks.contenders import harness
from benchmarks.contest.problems import PROBLEMS, ContestProblem
from benchmarks.measuring import table, write
from marquardt.algorithms import algorithm_named
from marquardt.networks import Network, feed_forward
from marquardt.training import Limits, Training

ALL = 10**9
WAYS = {
    "lm": "lm",
    "lm, auto's damping": crossovers.ALGORITHMS["lm, auto's damping"],
    "lm, relative first μ, Nielsen's damping": "lm(mu_init=0.01, mu_relative=True, damping='nielsen')",
    "lm, the same, geodesic acceleration": "lm(mu_init=0.01, mu_relative=True, damping='nielsen', geodesic=0.75)",
    "bfgs": "bfgs",
    "lbfgs": "lbfgs",
    "lm_bfgs, all samples in every matrix": f"lm_bfgs(samples={ALL})",
    "lm_bfgs, matrices as often as possible": "lm_bfgs(patience=1e9)",
    "lm_bfgs, patience 1": "lm_bfgs(patience=1)",
    "lm_bfgs, patience 3": "lm_bfgs(patience=3)",
    "lm_bfgs, five pairs": "lm_bfgs(history=5)",
    "lm_bfgs": "lm_bfgs",
}


class Case(NamedTuple):
    """A problem, a goal, starts, and seconds a run."""

    title: str
    problem: ContestProblem
    goal: float
    n_starts: int
    limit: float


def noisy() -> ContestProblem:
    """The crossovers' 3,000 × 5-100-1."""
    inputs, targets = crossovers.data(100, 1, 3000, crossovers.NOISE)
    return ContestProblem("wide", "3,000 × 5-100-1", inputs, targets, 100)


def cases() -> list[Case]:
    """The problems of medium size, to a first goal and to a tight one."""
    diabetes, one, ten = (PROBLEMS[key]() for key in ("diabetes", "one-output", "ten-outputs"))
    return [
        Case("diabetes 10-10-1, 0.25", diabetes, 0.25, 5, 2.0),
        Case("3,000 × 5-100-1, 0.0105", noisy(), 0.0105, 3, 5.0),
        Case("10,000 × 20-30-1, 0.004", one, 0.004, 3, 5.0),
        Case("10,000 × 20-30-1, 0.00206", one, 0.00206, 2, 15.0),
        Case("5,000 × 20-30-10, 0.01", ten, 0.01, 3, 5.0),
        Case("5,000 × 20-30-10, 0.0077", ten, 0.0077, 2, 15.0),
    ]


class DoneError(Exception):
    """The goal is reached, or time is up."""


def scipy_seconds(case: Case, start: np.ndarray) -> float:
    """Processor seconds of SciPy's L-BFGS."""
    plain = harness.Plain(case.problem)
    began, reached = time.process_time(), math.inf

    def watched(weights: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal reached
        loss, slope = plain.gradient(weights)
        spent = time.process_time() - began
        if loss <= case.goal:
            reached = spent
        if loss <= case.goal or spent > case.limit:
            raise DoneError
        return loss, slope

    options = {"maxiter": ALL, "maxfun": ALL, "ftol": 0.0, "gtol": 0.0}
    with contextlib.suppress(DoneError):
        minimize(watched, start, jac=True, method="L-BFGS-B", options=options)
    return reached


def our_seconds(case: Case, start: np.ndarray, spelling: str) -> tuple[float, dict[str, int]]:
    """Processor seconds of one of ours, and its evaluations."""
    network = Network(feed_forward(*case.problem.sizes), start)
    limits = Limits(ALL, goal=case.goal, max_seconds=case.limit, min_gradient=0.0)
    began = time.process_time()
    run = Training(
        network,
        case.problem.inputs,
        case.problem.targets,
        rule=algorithm_named(spelling),
        limits=limits,
        threads=1,
        clock=time.process_time,
    )
    for _ in run:
        pass
    assert run.record.stop is not None
    spent = time.process_time() - began
    return spent if run.record.stop.code == "goal" else math.inf, run.record.evaluations


def shown(value: float) -> str:
    """A ratio or seconds; a dash where there is none."""
    return f"{value:.3g}" if math.isfinite(value) and value > 0 else "–"


def main() -> None:
    """Measure every way on every case."""
    results: list[dict[str, Any]] = []
    chosen = cases()
    rows: dict[str, list[object]] = {name: [name] for name in ("SciPy L-BFGS, s", *WAYS)}
    for case in chosen:
        starts = case.problem.starts[: case.n_starts]
        theirs = [scipy_seconds(case, start) for start in starts]
        rows["SciPy L-BFGS, s"].append(shown(statistics.median(theirs)))
        for name, spelling in WAYS.items():
            runs = [our_seconds(case, start, spelling) for start in starts]
            seconds = [spent for spent, _ in runs]
            # Where theirs does not get there, its time is at least the limit.
            ratio = statistics.median(min(a, case.limit) / b for a, b in zip(theirs, seconds, strict=True))
            bound = ">" if math.isinf(statistics.median(theirs)) and ratio > 0 else ""
            rows[name].append(bound + shown(ratio))
            results.append(
                {
                    "case": case.title,
                    "way": name,
                    "seconds": seconds,
                    "scipy": theirs,
                    "evaluations": [counts for _, counts in runs],
                }
            )
            print(f"{case.title}: {name}: {rows[name][-1]}× ({shown(statistics.median(seconds))} s)", flush=True)
    text = (
        "How many times as fast as SciPy's L-BFGS (its seconds in the first row; where it does not reach the goal in "
        "the time that there is, more than that many times).\n\n"
    )
    text += table(["", *(case.title for case in chosen)], list(rows.values()))
    write("curvature", "Cheaper curvature", text, results)


if __name__ == "__main__":
    main()
