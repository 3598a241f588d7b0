"""Levenberg–Marquardt.

Near a point the loss is replaced by its Gauss–Newton model, held in check by a damping μ:

    m(p) = loss + gᵀp + ½ pᵀ(A + μI)p,      A = JᵀΛJ + penalty                                          (1)
    (A + μI) p = −g                                                                                     (2)

If the loss at w + p is lower, the step is taken and μ falls by `mu_decrease`; if not, μ rises by `mu_increase`
and (2) is solved again: A and g belong to the point and stay. As μ → 0 this is Gauss–Newton, as μ → ∞ steepest
descent with rate 1/μ. The decrease that (1) without its damping term predicts is

    −gᵀp − ½ pᵀA p = ½ (μ pᵀp − gᵀp).                                                                   (3)

Levenberg (1944); Marquardt (1963); Hagan and Menhaj (1994), "Training feedforward networks with the Marquardt
algorithm", whose schedule and identity damping these are. Generalized to losses that are no sum of squares by the
Gauss–Newton matrix of Schraudolph (2002).

Departures from Hagan and Menhaj: 1. the loss is ½ Σ r², so that their JᵀJ and Jᵀe are A and g without factors.
2. A factorization that fails counts as a rejected trial.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from marquardt.algorithms.rule import Outcome, Step, StepRule, Verdict
from marquardt.checks import positive
from marquardt.errors import ConfigurationError
from marquardt.numerics import solve_damped
from marquardt.objective import Evaluation, Need

__all__ = ["LevenbergMarquardt"]

MU_FLOOR = 1e-20
"""Below this μ no longer matters to any normal matrix; it is held there so that it can rise again in few trials."""


@dataclass(frozen=True)
class LevenbergMarquardt(StepRule):
    """Levenberg–Marquardt with identity damping and fixed factors: the flagship.

    Parameters
    ----------
    mu_init : float
        The first μ.
    mu_increase : float
        What μ is multiplied with after a rejected trial; above 1.
    mu_decrease : float
        What μ is multiplied with after an accepted one; below 1.
    mu_max : float
        A μ above this ends the run: no step along the gradient lowers the loss any more.

    Raises
    ------
    ConfigurationError
        If a setting cannot be.

    Examples
    --------
    >>> LevenbergMarquardt(mu_init=0.01).mu_max
    10000000000.0
    """

    mu_init: float = 1e-3
    mu_increase: float = 10.0
    mu_decrease: float = 0.1
    mu_max: float = 1e10

    name = "levenberg_marquardt"
    point_need = Need.NORMAL
    trial_need = Need.VALUE
    never_rises = True

    def __post_init__(self) -> None:
        for setting in ("mu_init", "mu_increase", "mu_decrease", "mu_max"):
            positive(getattr(self, setting), setting)
        if not 1 < self.mu_increase < math.inf:
            raise ConfigurationError(f"mu_increase must be above 1, got {self.mu_increase!r}. The usual value is 10.")
        if not self.mu_decrease < 1:
            raise ConfigurationError(f"mu_decrease must be below 1, got {self.mu_decrease!r}. The usual value is 0.1.")
        if not self.mu_init <= self.mu_max < math.inf:
            raise ConfigurationError(
                f"mu_max must be finite and not below mu_init, got mu_max={self.mu_max!r}, mu_init={self.mu_init!r}."
            )

    def start(self, here: Evaluation) -> float:
        """Return the first μ.

        Parameters
        ----------
        here : Evaluation
            The starting point.
        """
        return self.mu_init

    def propose(self, here: Evaluation, state: float) -> tuple[Step, float]:
        """Solve eq. (2).

        Parameters
        ----------
        here : Evaluation
            The accepted point, with its normal equations.
        state : float
            μ.
        """
        if here.normal is None or here.gradient is None:
            raise ValueError("Levenberg–Marquardt needs the normal equations at accepted points.")
        delta = solve_damped(here.normal, here.gradient, state)
        if delta is None:
            return Step(None, 0.0), state
        predicted = 0.5 * float(state * (delta @ delta) - here.gradient @ delta)  # eq. (3)
        return Step(delta, predicted), state

    def judge(self, here: Evaluation, step: Step, there: Evaluation, state: float) -> tuple[Verdict, float]:
        """Accept a lower loss; otherwise raise μ, and give up above `mu_max`.

        Parameters
        ----------
        here, there : Evaluation
            The accepted point and the trial point.
        step : Step
            As proposed.
        state : float
            μ.
        """
        if there.loss < here.loss:
            return Verdict.ACCEPT, max(state * self.mu_decrease, MU_FLOOR)
        raised = state * self.mu_increase
        return (Verdict.STUCK if raised > self.mu_max else Verdict.REJECT), raised

    def report(self, state: float) -> dict[str, float]:
        """Return ``{"mu": μ}``.

        Parameters
        ----------
        state : float
            μ.
        """
        return {"mu": state}

    def outcome(self, state: float) -> Outcome:
        """Return that μ is above its limit.

        Parameters
        ----------
        state : float
            μ.
        """
        return Outcome("mu", f"No step lowers the loss any more: mu = {state:.3g} > {self.mu_max:.3g}.")
