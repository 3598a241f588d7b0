"""Gauss–Newton, undamped.

Near a point the residuals are replaced by their linear model; the loss, a function of them, is then minimized
outright:

    m(p) = loss + gᵀp + ½ pᵀA p,      A = JᵀΛJ + penalty                                                 (1)
    A p = −g,      w ← w + p                                                                             (2)

Without a line search the step is always taken. Gauss (1809); in the notation of Yu and Wilamowski (2011),
"Levenberg–Marquardt training", whose third method it is. Where the fit is good and A is well conditioned it converges
almost quadratically. Elsewhere it may not converge at all: far from a minimum (2) overshoots, and where A is singular
it has no solution. Both are what the damping of Levenberg–Marquardt was added for, so neither is mended here: a run
that meets them ends and says so. The best weights on the way are kept.

With a line search p is a direction, t = 1 is looked at first, and the loss never rises; where A is singular the search
goes along −g (Nocedal and Wright 2006, section 10.3, "damped Gauss–Newton").

Departures from the chapter: 1. A is the generalized matrix of Schraudolph (2002), so that every loss may be used.
2. The line search, on request.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from marquardt.algorithms.descent import DirectionRule, Heading, SearchState
from marquardt.algorithms.rule import Outcome, Step, Verdict
from marquardt.numerics import solve_damped
from marquardt.numerics.line_searches import LineSearch
from marquardt.objective import Evaluation, Need

__all__ = ["GaussNewton"]


@dataclass(frozen=True)
class GaussNewton(DirectionRule):
    """Gauss–Newton: the full step, whatever the loss does, or with a line search.

    Parameters
    ----------
    line_search : LineSearch or str, optional
        The search, or its name, with the first length 1. The full step is always taken when not given.

    Raises
    ------
    ConfigurationError
        If there is no such line search.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> from marquardt.objective import Objective
    >>> here = Objective(feed_forward(1, (), 1), [[0.0], [1.0]], [[1.0], [3.0]]).at(np.zeros(2), Need.NORMAL)
    >>> rule = GaussNewton()
    >>> rule.propose(here, rule.start(here))[0].delta.round(12)
    array([2., 1.])
    """

    line_search: LineSearch | str | None = None  # type: ignore[assignment]

    name = "gauss_newton"
    point_need = Need.NORMAL
    matrices = 3
    never_rises = False

    def __post_init__(self) -> None:
        if self.line_search is not None:
            self.check_search()

    @property
    def trial_need(self) -> Need:  # type: ignore[override]
        """What the search needs; without one all trials are accepted, and one pass over the data is enough."""
        return self.point_need if self.line_search is None else super().trial_need

    def heading(self, here: Evaluation, memory: None, taken: float) -> Heading:
        """Solve eq. (2).

        Parameters
        ----------
        here : Evaluation
            The accepted point, with its normal equations.
        memory : None
            Nothing is remembered.
        taken : float
            Length of the last step.

        Returns
        -------
        Heading
            With a direction of NaN where A is singular.
        """
        if here.normal is None or here.gradient is None:
            raise ValueError("Gauss–Newton needs the normal equations at accepted points.")
        direction = solve_damped(here.normal, here.gradient, 0.0)
        return Heading(np.full_like(here.gradient, math.nan) if direction is None else direction, 1.0, None)

    def propose(self, here: Evaluation, state: SearchState) -> tuple[Step, SearchState]:
        """Return the full step, or the next look of the search.

        Parameters
        ----------
        here : Evaluation
            The accepted point, with its normal equations.
        state : SearchState
            The search so far.
        """
        if self.line_search is not None:
            return super().propose(here, state)
        delta = self.heading(here, None, math.nan).direction
        assert here.gradient is not None
        if not math.isfinite(delta.sum()):
            return Step(None, 0.0), state
        return Step(delta, -0.5 * float(here.gradient @ delta)), state

    def judge(self, here: Evaluation, step: Step, there: Evaluation, state: SearchState) -> tuple[Verdict, SearchState]:
        """Accept any finite loss, or leave it to the search.

        Parameters
        ----------
        here, there : Evaluation
            The accepted point and the trial point.
        step : Step
            As proposed.
        state : SearchState
            The search so far.

        Returns
        -------
        verdict : Verdict
            Without a search STUCK where there was no step, or where it led to an overflow.
        state : SearchState
            Without a search its memory is what went wrong.
        """
        if self.line_search is not None:
            return super().judge(here, step, there, state)
        if step.delta is None:
            return Verdict.STUCK, SearchState(_singular(here))
        if not math.isfinite(there.loss):
            length = float(np.linalg.norm(step.delta))
            return Verdict.STUCK, SearchState(f"The loss overflowed after a full step of length {length:.3g}.")
        return Verdict.ACCEPT, SearchState(None, taken=1.0)

    def outcome(self, state: SearchState) -> Outcome:
        """Return what went wrong.

        Parameters
        ----------
        state : SearchState
            The search so far.
        """
        if self.line_search is not None:
            return super().outcome(state)
        return Outcome(
            "diverged", f"{state.memory} Train with 'levenberg_marquardt', which damps the step.", succeeded=False
        )


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
