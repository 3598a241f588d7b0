"""The problems of the contest: data, starts, goals, and how long a run may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes, load_digits

from benchmarks import sine
from benchmarks.contenders import harness
from benchmarks.parity import parity
from marquardt.networks import feed_forward, initial_weights
from marquardt.problems import teacher

__all__ = ["PROBLEMS", "QUICK", "ContestProblem"]


@dataclass(frozen=True, eq=False)
class ContestProblem:
    """What all contenders get.

    Parameters
    ----------
    key, title : str
        What options and files, and what tables call it.
    inputs : ndarray of shape (n_samples, n_inputs)
        Standardized, but for those of parity and of teachers.
    targets : ndarray of shape (n_samples, n_outputs)
        Standardized; one column a class for ``"softmax"``.
    hidden : int
        Units of the hidden layer.
    goals : tuple of float
        Falling; mean squared errors, or none where a reference run sets them.
    n_starts : int
        Nguyen–Widrow starts from the seeds 0, 1, ….
    limit : float
        Seconds a run.
    fixed : float
        Seconds after which the loss of the first start is told, goal or not; 0 for none.
    cap : float
        No new run of a contender is begun when its runs have taken so many seconds.
    loss : str
        ``"squares"`` or ``"softmax"``.
    iterations : int, optional
        At most so many a run.
    reference : str
        Key of the contender whose end sets the goals.
    reference_limit : float
        Seconds that it gets.
    floor : float
        The noise floor: the goal is ten times nearer to it than the reference comes; 0 where the goal is its end.
    only : tuple of str
        Keys of those that take part; all when empty.
    """

    key: str
    title: str
    inputs: np.ndarray
    targets: np.ndarray
    hidden: int
    goals: tuple[float, ...] = ()
    n_starts: int = 10
    limit: float = 2.0
    fixed: float = 0.0
    cap: float = 10.0
    loss: str = "squares"
    iterations: int | None = None
    reference: str = ""
    reference_limit: float = 0.0
    floor: float = 0.0
    only: tuple[str, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, hidden units, outputs."""
        return self.inputs.shape[1], self.hidden, self.targets.shape[1]

    @cached_property
    def starts(self) -> np.ndarray:
        """Of shape (n_starts, n_weights)."""
        graph = feed_forward(*self.sizes)
        span = np.column_stack([self.inputs.min(axis=0), self.inputs.max(axis=0)])
        return np.array([initial_weights(graph, rng=seed, input_range=span) for seed in range(self.n_starts)])

    @cached_property
    def first_losses(self) -> list[float]:
        """The mean loss at every start."""
        plain = harness.Plain(self)
        return [float(plain.value_and_slope(start)[0]) for start in self.starts]

    def told(self) -> dict[str, Any]:
        """What a job says, but for arrays and goals."""
        return {
            "sizes": list(self.sizes),
            "loss": self.loss,
            "limit": self.limit,
            "fixed": self.fixed,
            "cap": self.cap,
            "iterations": self.iterations,
        }

    def goals_after(self, losses: list[float]) -> list[list[float]]:
        """The goals of every start, when the reference ended at these losses."""
        if self.floor:
            nearer = [self.floor + (loss - self.floor) / 10 for loss in losses]
            return [[goal for goal in self.goals if goal > near] + [near] for near in nearer]
        # The same computation may differ by rounding where it is done another time.
        return [[loss * (1 + 1e-9)] for loss in losses]


def standardized(columns: np.ndarray) -> np.ndarray:
    """Mean 0, standard deviation 1; constant columns are 0."""
    deviation = columns.std(axis=0)
    return (columns - columns.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)


def parity_3() -> ContestProblem:
    """Three bits; with a linear output, since scikit-learn and pyrenn have no other."""
    inputs, targets = parity(3)
    return ContestProblem("parity-3", "parity-3, 3-3-1", inputs, targets, 3, (0.01 / 8,), limit=1.0, fixed=0.3, cap=4.0)


def sine_wave() -> ContestProblem:
    """The sine of benchmarks/sine.py, to two goals."""
    return ContestProblem(
        "sine", "sine 1-10-1", sine.INPUTS, sine.TARGETS, 10, (1e-5, 1e-7), limit=2.0, fixed=1.0, cap=6.0
    )


def diabetes() -> ContestProblem:
    """scikit-learn's, 442 samples."""
    inputs, targets = load_diabetes(return_X_y=True)
    return ContestProblem(
        "diabetes",
        "diabetes 10-10-1",
        standardized(inputs),
        standardized(targets[:, None]),
        10,
        (0.25,),
        limit=2.0,
        fixed=1.0,
        cap=6.0,
    )


ONE_OUTPUT = {"n_samples": 10_000, "n_inputs": 20, "hidden": 30, "n_outputs": 1, "noise": 0.05}
TEN_OUTPUTS = {"n_samples": 5000, "n_inputs": 20, "hidden": 30, "n_outputs": 10, "noise": 0.09}
"""The two problems of medium size: a teacher with a third of the hidden units, and noise."""


def learned(settings: dict[str, Any], **more: Any) -> ContestProblem:
    """A teacher's problem."""
    made = teacher(**settings)
    return ContestProblem(inputs=made.inputs, targets=made.targets, hidden=settings["hidden"], **more)


FLOORS = {"one-output": 0.0020192, "ten-outputs": 0.0076740}
"""The lowest mean squared errors that `lm` and `lm_geodesic` came to from the first start in 100 s.

The variance of the noise is no floor for a training error: all are below it after a few seconds, and L-BFGS after 30 s
is below even what a fit is expected to leave of it, σ²/(1 + σ²) · (1 − weights/residuals), 0.00233 and 0.00788.
"""

MIDDLE: dict[str, Any] = {"n_starts": 5, "limit": 8.0, "fixed": 4.0, "cap": 8.0}
TIGHT: dict[str, Any] = {
    "n_starts": 1,
    "limit": 40.0,
    "cap": 40.0,
    "reference": "scipy-lbfgs",
    "reference_limit": 30.0,
    "only": ("marquardt-auto", "marquardt-trainlm", "marquardt-bfgs"),
}


def one_output() -> ContestProblem:
    """10,000 samples, 661 weights."""
    return learned(ONE_OUTPUT, key="one-output", title="10,000 × 20-30-1", goals=(0.004,), **MIDDLE)


def ten_outputs() -> ContestProblem:
    """5,000 samples, 940 weights."""
    return learned(TEN_OUTPUTS, key="ten-outputs", title="5,000 × 20-30-10", goals=(0.01,), **MIDDLE)


def one_output_tight() -> ContestProblem:
    """The same, ten times nearer to the noise floor than L-BFGS comes in 30 s."""
    return learned(
        ONE_OUTPUT,
        key="one-output-tight",
        title="10,000 × 20-30-1, tight",
        goals=(0.004,),
        floor=FLOORS["one-output"],
        **TIGHT,
    )


def ten_outputs_tight() -> ContestProblem:
    """The same, ten times nearer to the noise floor than L-BFGS comes in 30 s."""
    return learned(
        TEN_OUTPUTS,
        key="ten-outputs-tight",
        title="5,000 × 20-30-10, tight",
        goals=(0.01,),
        floor=FLOORS["ten-outputs"],
        **TIGHT,
    )


def digits() -> ContestProblem:
    """scikit-learn's, 1,797 samples; to where its own lbfgs ends with its own tolerance."""
    inputs, classes = load_digits(return_X_y=True)
    return ContestProblem(
        "digits",
        "digits 64-20-10, cross-entropy",
        standardized(inputs),
        np.eye(10)[classes],
        20,
        n_starts=5,
        limit=5.0,
        fixed=2.0,
        cap=8.0,
        loss="softmax",
        reference="sklearn-lbfgs",
        reference_limit=30.0,
    )


def million() -> ContestProblem:
    """Seconds an epoch and memory beyond the data, not a goal."""
    return learned(
        {"n_samples": 1_000_000, "n_inputs": 10, "hidden": 20, "n_outputs": 1, "noise": 0.05},
        key="million",
        title="1,000,000 × 10-20-1",
        n_starts=1,
        limit=10.0,
        fixed=10.0,
        cap=10.0,
    )


PROBLEMS: dict[str, Callable[[], ContestProblem]] = {
    "parity-3": parity_3,
    "sine": sine_wave,
    "diabetes": diabetes,
    "one-output": one_output,
    "ten-outputs": ten_outputs,
    "one-output-tight": one_output_tight,
    "ten-outputs-tight": ten_outputs_tight,
    "digits": digits,
    "million": million,
}
"""All problems by their keys, smallest first."""
QUICK = ("parity-3", "sine")
