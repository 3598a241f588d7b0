"""Gradient descent at a fixed rate, with momentum: error backpropagation (EBP) as the books have it.

    Δ_k = m Δ_{k−1} − rate (1 − m) g_k,     w_{k+1} = w_k + Δ_k,     Δ_{−1} = 0                         (1)

With m = 0 this is w ← w − rate g. A quadratic loss converges while rate < 2/λ, λ the largest eigenvalue of its
Hessian (Polyak 1964 for m > 0: rate < 2(1 + m)/((1 − m)λ)); beyond that every step enlarges the error, and the loss
grows without end. Every step is taken, so the loss may rise, and a point is evaluated once.

g is the gradient of the loss as it is minimized: a sum over samples. A rate r for the mean squared error is a rate
2r/n for n residuals here.

Rumelhart, Hinton and Williams (1986), "Learning representations by back-propagating errors". Departures: 1. The factor
(1 − m), as the toolbox has it, makes Δ a moving average of plain steps: m changes how smooth the path is, and the
speed on a long slope stays rate · g. In the paper's form, without the factor, that speed is rate · g/(1 − m).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from marquardt.algorithms.rule import StepRule
from marquardt.algorithms.trial import Outcome, Step, Verdict
from marquardt.arrays import Array
from marquardt.checks import fraction, positive
from marquardt.errors import ConfigurationError
from marquardt.objective import Derivatives, Evaluation, ProblemInfo

__all__ = ["GradientDescent", "GradientDescentMomentum"]

USUAL_RATE = 0.01
"""The rate for the mean squared error that the field begins with."""

LOSS_CEILING = 1e100
"""A loss above this does not come back, and the square of its gradient would be the next to overflow."""


@dataclass(frozen=True)
class GradientDescent(StepRule):
    """Gradient descent at a fixed rate, with momentum.

    Parameters
    ----------
    rate : float, optional
        Of the gradient of the loss as a sum, ½ Σ r² for squares: what fits 100 samples is ten times too large for
        1000. When not given, 0.02 / number of residuals, which is a rate of 0.01 for the mean squared error.
    momentum : float
        m of eq. (1), at least 0 and below 1.

    Raises
    ------
    ConfigurationError
        If a setting cannot be.

    Examples
    --------
    >>> GradientDescent(rate=0.001).momentum
    0.0
    """

    rate: float | None = None
    momentum: float = 0.0

    name = "gradient_descent"
    point_need = Derivatives.GRADIENT
    trial_need = Derivatives.GRADIENT

    def __post_init__(self) -> None:
        if self.rate is not None:
            finite_rate(self.rate)
        fraction(self.momentum, "momentum")

    def prepared_for(self, info: ProblemInfo) -> GradientDescent:
        """Return the rule with its rate."""
        self.require(info, Derivatives.GRADIENT)
        return self if self.rate is not None else replace(self, rate=2.0 * USUAL_RATE / info.n_residuals)

    @property
    def rate_used(self) -> float:
        """The rate; where none was given and no objective was told of, the usual one."""
        return USUAL_RATE if self.rate is None else self.rate

    def start(self, current: Evaluation) -> Array:
        """Return no step before the first."""
        return np.zeros_like(current.weights)

    def propose(self, current: Evaluation, state: Array) -> tuple[Step, Array]:
        """Return eq. (1)."""
        assert current.gradient is not None
        with np.errstate(over="ignore", invalid="ignore"):  # a step that overflows is a trial that does
            delta = self.momentum * state - self.rate_used * (1.0 - self.momentum) * current.gradient
            return Step(delta, -float(current.gradient @ delta)), state

    def judge(self, current: Evaluation, step: Step, trial: Evaluation, state: Array) -> tuple[Verdict, Array]:
        """Take every step that does not diverge."""
        if step.delta is None or trial.gradient is None or trial.loss > LOSS_CEILING:
            return Verdict.STUCK, state
        return Verdict.ACCEPT, step.delta

    def report(self, state: Array) -> dict[str, float]:
        """Return ``{"rate": rate}``."""
        return {"rate": self.rate_used}

    def outcome(self, state: Array) -> Outcome:
        """Return that the loss grew without end."""
        return diverged(self.rate_used)


@dataclass(frozen=True)
class GradientDescentMomentum(GradientDescent):
    """Gradient descent at a fixed rate, with a momentum of 0.9.

    Parameters
    ----------
    rate : float, optional
        As for `GradientDescent`.
    momentum : float
        m of eq. (1).

    Examples
    --------
    >>> GradientDescentMomentum(rate=0.001).momentum
    0.9
    """

    momentum: float = 0.9

    name = "gradient_descent_momentum"


def finite_rate(rate: float) -> float:
    """Return a rate that is a finite number above 0, or refuse it."""
    if positive(rate, "rate") == math.inf:
        raise ConfigurationError(f"rate must be finite, got {rate!r}. A usual value is {USUAL_RATE}.")
    return rate


def diverged(rate: float) -> Outcome:
    """Return the outcome of a run whose loss grew without end at a fixed rate."""
    return Outcome(
        "diverged",
        f"Training diverged: the loss went above {LOSS_CEILING:.0e} at a rate of {rate:.3g}. "
        f"Lower the rate, or train with 'rprop' or 'bfgs', which need none.",
        succeeded=False,
    )
