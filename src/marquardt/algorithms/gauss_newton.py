"""Gauss–Newton, undamped.

Near a point the residuals are replaced by their linear model; the loss, a function of them, is then minimized
outright:

    m(p) = loss + gᵀp + ½ pᵀA p,      A = JᵀΛJ + penalty                                                 (1)
    A p = −g,      w ← w + p                                                                             (2)

The step is always taken. Gauss (1809); in the notation of Yu and Wilamowski (2011), "Levenberg–Marquardt training",
whose third method it is. Where the fit is good and A is well conditioned it converges almost quadratically. Elsewhere
it may not converge at all: far from a minimum (2) overshoots, and where A is singular it has no solution. Both are
what the damping of Levenberg–Marquardt was added for, so neither is mended here: a run that meets them ends and says
so. The best weights on the way are kept.

Departures from the chapter: 1. A is the generalized matrix of Schraudolph (2002), so that every loss may be used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from marquardt.algorithms.rule import Outcome, Step, StepRule, Verdict
from marquardt.numerics import solve_damped
from marquardt.objective import Evaluation, Need

__all__ = ["GaussNewton"]


@dataclass(frozen=True)
class GaussNewton(StepRule):
    """Gauss–Newton: the full step, whatever the loss does.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> from marquardt.objective import Objective
    >>> here = Objective(feed_forward(1, (), 1), [[0.0], [1.0]], [[1.0], [3.0]]).at(np.zeros(2), Need.NORMAL)
    >>> GaussNewton().propose(here, "")[0].delta.round(12)
    array([2., 1.])
    """

    name = "gauss_newton"
    point_need = Need.NORMAL
    trial_need = Need.NORMAL  # every trial is accepted, so one pass over the data is enough
    never_rises = False

    def start(self, here: Evaluation) -> str:
        """Return that nothing has gone wrong.

        Parameters
        ----------
        here : Evaluation
            The starting point.
        """
        return ""

    def propose(self, here: Evaluation, state: str) -> tuple[Step, str]:
        """Solve eq. (2).

        Parameters
        ----------
        here : Evaluation
            The accepted point, with its normal equations.
        state : str
            Nothing.
        """
        if here.normal is None or here.gradient is None:
            raise ValueError("Gauss–Newton needs the normal equations at accepted points.")
        delta = solve_damped(here.normal, here.gradient, 0.0)
        if delta is None:
            return Step(None, 0.0), state
        return Step(delta, -0.5 * float(here.gradient @ delta)), state

    def judge(self, here: Evaluation, step: Step, there: Evaluation, state: str) -> tuple[Verdict, str]:
        """Accept any finite loss.

        Parameters
        ----------
        here, there : Evaluation
            The accepted point and the trial point.
        step : Step
            As proposed.
        state : str
            Nothing.

        Returns
        -------
        verdict : Verdict
            STUCK where there was no step, or where it led to an overflow.
        state : str
            What went wrong.
        """
        if step.delta is None:
            return Verdict.STUCK, _singular(here)
        if not math.isfinite(there.loss):
            length = float(np.linalg.norm(step.delta))
            return Verdict.STUCK, f"The loss overflowed after a full step of length {length:.3g}."
        return Verdict.ACCEPT, state

    def outcome(self, state: str) -> Outcome:
        """Return what went wrong.

        Parameters
        ----------
        state : str
            In a sentence.
        """
        return Outcome("diverged", f"{state} Train with 'levenberg_marquardt', which damps the step.", succeeded=False)


def _singular(here: Evaluation) -> str:
    """The sentence for a matrix that cannot be factored, with its extreme eigenvalues."""
    assert here.normal is not None
    if not np.isfinite(here.normal).all():
        return "The Gauss–Newton matrix overflowed."
    values = np.linalg.eigvalsh(here.normal)
    return (
        f"The Gauss–Newton matrix is singular: eigenvalues from {max(values[0], 0.0):.3g} to {values[-1]:.3g}, "
        f"so there is no step."
    )
