"""Gradient descent at a rate that adapts itself, with momentum.

    Δ_k = m Δ_{k−1} − rate (1 − m) g_k                                                                  (1)

    loss(w + Δ) < loss(w):                          take the step, rate ← rate · rate_increase          (2)
    loss(w) ≤ loss(w + Δ) ≤ max_rise · loss(w):     take the step, keep the rate                        (3)
    loss(w + Δ) > max_rise · loss(w):               stay, rate ← rate · rate_decrease, Δ ← 0            (4)

So the rate creeps up to the largest that is stable where the weights are, and the first one hardly matters. A rise of
a few percent is let pass, because with momentum a step that rises can be the way around a bend.

Vogl, Mangis, Rigler, Zink and Alkon (1988), "Accelerating the convergence of the back-propagation method", with the
constants of the toolbox. Departures: 1. The gradient's share of (1) is 1 − m, as in `GradientDescent`, so that m = 0
is plain descent. 2. A run ends when no weight moves any more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from marquardt.algorithms.gradient_descent import finite_rate
from marquardt.algorithms.rule import StepRule
from marquardt.algorithms.trial import Outcome, Step, Verdict
from marquardt.arrays import Array
from marquardt.checks import fraction, positive
from marquardt.errors import ConfigurationError
from marquardt.objective import Derivatives, Evaluation

__all__ = ["AdaptiveGradientDescent", "AdaptiveGradientDescentMomentum", "AdaptiveState"]

RATE_CEILING = 1e100
"""A rate stops growing here: on a plateau nothing else ends its growth, and it must be able to fall again."""


class AdaptiveState(NamedTuple):
    """The state of gradient descent at an adaptive rate."""

    rate: float  # For the next trial
    delta: Array  # (n_weights,): the last accepted step; 0 after a rejected one


@dataclass(frozen=True)
class AdaptiveGradientDescent(StepRule):
    """Gradient descent at a rate that rises after a success and falls after a failure.

    Parameters
    ----------
    rate : float
        The first rate, of the gradient of the loss as a sum.
    rate_increase : float
        Factor after a step that lowers the loss; at least 1.
    rate_decrease : float
        Factor after a rejected step; above 0 and below 1.
    max_rise : float
        A step is rejected when the loss would rise above so many times what it is; at least 1.
    momentum : float
        m of eq. (1), at least 0 and below 1.

    Raises
    ------
    ConfigurationError
        If a setting cannot be.

    Examples
    --------
    >>> AdaptiveGradientDescent(rate=0.1).max_rise
    1.04
    """

    rate: float = 0.01
    rate_increase: float = 1.05
    rate_decrease: float = 0.7
    max_rise: float = 1.04
    momentum: float = 0.0

    name = "adaptive_gradient_descent"
    point_need = Derivatives.GRADIENT
    # Twelve trials in thirteen are taken: a gradient that comes with the value costs less than a second pass would.
    trial_need = Derivatives.GRADIENT

    def __post_init__(self) -> None:
        finite_rate(self.rate)
        for setting, usual in (("rate_increase", 1.05), ("max_rise", 1.04)):
            value = getattr(self, setting)
            if positive(value, setting) < 1:
                raise ConfigurationError(f"{setting} must be at least 1, got {value!r}. The usual value is {usual}.")
        if self.rate_increase == math.inf:
            raise ConfigurationError(
                f"rate_increase must be finite, got {self.rate_increase!r}. The usual value is 1.05."
            )
        if not positive(self.rate_decrease, "rate_decrease") < 1:
            raise ConfigurationError(
                f"rate_decrease must be below 1, got {self.rate_decrease!r}. The usual value is 0.7."
            )
        fraction(self.momentum, "momentum")

    def start(self, current: Evaluation) -> AdaptiveState:
        """Return the first rate, and no step before the first."""
        return AdaptiveState(self.rate, np.zeros_like(current.weights))

    def propose(self, current: Evaluation, state: AdaptiveState) -> tuple[Step, AdaptiveState]:
        """Return eq. (1)."""
        assert current.gradient is not None
        with np.errstate(over="ignore", invalid="ignore"):  # a step that overflows is a trial that does
            delta = self.momentum * state.delta - state.rate * (1.0 - self.momentum) * current.gradient
            return Step(delta, -float(current.gradient @ delta)), state

    def judge(
        self, current: Evaluation, step: Step, trial: Evaluation, state: AdaptiveState
    ) -> tuple[Verdict, AdaptiveState]:
        """Return eqs. (2) to (4)."""
        if step.delta is None or not (trial.weights != current.weights).any():
            return Verdict.STUCK, state
        if trial.gradient is None or trial.loss > self.max_rise * current.loss:
            return Verdict.REJECT, AdaptiveState(state.rate * self.rate_decrease, np.zeros_like(current.weights))
        rate = min(state.rate * self.rate_increase, RATE_CEILING) if trial.loss < current.loss else state.rate
        return Verdict.ACCEPT, AdaptiveState(rate, step.delta)

    def report(self, state: AdaptiveState) -> dict[str, float]:
        """Return ``{"rate": rate of the next trial}``."""
        return {"rate": state.rate}

    def outcome(self, state: AdaptiveState) -> Outcome:
        """Return that no weight moves any more."""
        return Outcome("step", f"No step changes a weight any more: the rate has fallen to {state.rate:.3g}.")


@dataclass(frozen=True)
class AdaptiveGradientDescentMomentum(AdaptiveGradientDescent):
    """Gradient descent at an adaptive rate, with a momentum of 0.9.

    Parameters
    ----------
    rate, rate_increase, rate_decrease, max_rise : float
        As for `AdaptiveGradientDescent`.
    momentum : float
        m of eq. (1).

    Examples
    --------
    >>> AdaptiveGradientDescentMomentum().momentum
    0.9
    """

    momentum: float = 0.9

    name = "adaptive_gradient_descent_momentum"
