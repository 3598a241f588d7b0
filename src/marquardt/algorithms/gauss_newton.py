"""Gauss–Newton, undamped.

Near a point the residuals are replaced by their linear model; the loss, a function of them, is then minimized
outright:

    m(p) = loss + gᵀp + ½ pᵀA p,      A = JᵀΛJ + penalty                                                 (1)
    A p = −g,      w ← w + p                                                                             (2)

Where A, whose condition number is the square of J's, is singular to working precision while J is not, p is taken from
an orthogonal factorization of J. Without a line search the step is always taken. Gauss (1809); in the notation of Yu
and Wilamowski (2011), "Levenberg–Marquardt training", whose third method it is. Where the fit is good and A is well
conditioned it converges almost quadratically. Elsewhere it may not converge at all: far from a minimum (2)
overshoots, and where A is singular it has no solution. Both are what the damping of Levenberg–Marquardt was added
for, so neither is mended here: a run that meets them ends and says so. The best weights on the way are kept.

A may be singular in any network with more weights than residuals or with units that do the same. On request
(``singular="shortest"``) the step is then the shortest of all that minimize (1), by the eigenvalues of A,

    p = −Σ v vᵀg/λ   over the eigenpairs (λ, v) of A with λ > 1e-10 max λ.                               (3)

With a line search p is a direction, t = 1 is looked at first, and the loss never rises; where A is singular the search
goes along −g (Nocedal and Wright 2006, section 10.3, "damped Gauss–Newton").

Departures from the chapter: 1. A is the generalized matrix of Schraudolph (2002), so that every loss may be used.
2. The line search and the shortest step, on request.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from marquardt.algorithms.descent import DirectionRule, SearchDirection
from marquardt.arrays import Array
from marquardt.checks import one_of
from marquardt.numerics import solve_damped
from marquardt.numerics.line_searches import LineSearch
from marquardt.objective import Derivatives, Evaluation

__all__ = ["GaussNewton"]

SMALLEST_EIGENVALUE = 1e-10
"""In parts of the largest: what rounding leaves of an eigenvalue of 0 is below, about 1e-14 a sum of many samples."""


@dataclass(frozen=True)
class GaussNewton(DirectionRule):
    """Gauss–Newton: the full step, whatever the loss does, or with a line search.

    Parameters
    ----------
    line_search : LineSearch or str, optional
        The search, or its name, with the first length 1. Without one every step is taken.
    rate : float
        The length of a step without a search; 1 is eq. (2).
    singular : str
        What is done where A is singular: ``"stop"``, or ``"shortest"``, the step of eq. (3).

    Raises
    ------
    ConfigurationError
        If there is no such line search, or no such way with a singular matrix.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> from marquardt.objective import Objective
    >>> here = Objective(feed_forward(1, (), 1), [[0.0], [1.0]], [[1.0], [3.0]]).at(np.zeros(2), Derivatives.NORMAL)
    >>> rule = GaussNewton()
    >>> rule.propose(here, rule.start(here))[0].delta.round(12)
    array([2., 1.])
    """

    line_search: LineSearch | str | None = None
    rate: float = 1.0
    singular: str = "stop"

    name = "gauss_newton"
    point_need = Derivatives.NORMAL
    matrices = 3

    @property
    def finishes(self) -> bool:  # type: ignore[override]
        """Whether there is a line search, which ends where the loss is flat to rounding."""
        return self.line_search is not None

    def __post_init__(self) -> None:
        one_of(self.singular, ("stop", "shortest"), "singular")
        self.check_search()

    def heading(self, current: Evaluation, memory: None, taken: float) -> SearchDirection:
        """Solve eq. (2), or eq. (3)."""
        if current.normal is None or current.gradient is None:
            raise ValueError("Gauss–Newton needs the normal equations at accepted points.")
        if self.singular == "shortest":
            return SearchDirection(_shortest(current.normal, current.gradient), 1.0, None)
        direction = solve_damped(current.normal, current.gradient, 0.0)
        if direction is None and current.orthogonal is not None:
            step = current.orthogonal()
            direction = None if step is None else step.delta
        return SearchDirection(np.full_like(current.gradient, math.nan) if direction is None else direction, 1.0, None)

    @property
    def way_out(self) -> str:
        """The damping is what helps."""
        return "Train with 'levenberg_marquardt', which damps the step."

    def failed_step(self, current: Evaluation) -> str:
        """Return that the matrix is singular, with its extreme eigenvalues."""
        return _singular(current)


def _shortest(normal: Array, gradient: Array) -> Array:
    """Eq. (3); NaN where the matrix is not finite, or 0."""
    if not np.isfinite(normal).all():
        return np.full_like(gradient, math.nan)
    values, vectors = np.linalg.eigh(normal)
    is_kept = values > SMALLEST_EIGENVALUE * values[-1]
    if not is_kept.any():
        return np.full_like(gradient, math.nan)
    step: Array = -vectors[:, is_kept] @ ((vectors[:, is_kept].T @ gradient) / values[is_kept])
    return step


def _singular(current: Evaluation) -> str:
    """The sentence for a matrix that cannot be factored, with its extreme eigenvalues."""
    assert current.normal is not None
    if not np.isfinite(current.normal).all():
        return "The Gauss–Newton matrix overflowed."
    values = np.linalg.eigvalsh(current.normal)
    return (
        f"The Gauss–Newton matrix is singular: eigenvalues from {max(values[0], 0.0):.3g} to {values[-1]:.3g}, "
        f"so there is no step."
    )
