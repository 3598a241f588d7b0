"""Newton's method, with a line search and a remedy where the Hessian is not positive definite.

    H d = −g,      w ← w + t d,      t = 1 first                                                         (1)

H is the exact Hessian of the loss. Near a minimum t = 1 is taken and convergence is quadratic: the number of right
digits doubles with every step. Far from it H may be indefinite, and (1) may lead uphill. Where Cholesky's
factorization of H fails, H is replaced by a positive definite matrix (Nocedal and Wright 2006, section 3.4):

    "eigenvalues":   H = Q diag(λ) Qᵀ  becomes  Q diag(max(|λ|, floor · max|λ|)) Qᵀ                      (2)
    "damping":       H becomes H + τI,  τ = floor · max|h_ii| plus max(−min h_ii, 0) at first, and ten
                     times as much until the factorization succeeds                                      (3)

(2) moves along directions of negative curvature as far as along those of positive curvature of the same size, away
from a saddle; (3) costs less, and shortens all directions.

Departures from the book: 1. The constants of (2) and (3) are relative to the matrix, so that the steps do not depend
on the unit of the loss. 2. τ grows tenfold, not twofold: a factorization costs more than a shift too large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from marquardt.algorithms.descent import DirectionRule, SearchDirection, SearchState
from marquardt.arrays import Array
from marquardt.checks import fraction, one_of, positive
from marquardt.numerics import solve_damped
from marquardt.numerics.line_searches import LineSearch
from marquardt.objective import Derivatives, Evaluation

__all__ = ["REMEDIES", "Newton", "Remedied"]

REMEDIES = ("eigenvalues", "damping")
"""What may be done where the Hessian is not positive definite."""

SHIFT_GROWTH = 10.0
SHIFTS = 60
"""More than any finite matrix needs."""


class Remedied(NamedTuple):
    """What had to be done to the last Hessian."""

    negative: float  # Eigenvalues that were not positive, or NaN where they were not computed
    shift: float  # τ of eq. (3); 0 where the Hessian was positive definite


@dataclass(frozen=True)
class Newton(DirectionRule):
    """Newton's method with the exact Hessian.

    Parameters
    ----------
    remedy : str
        ``"eigenvalues"`` or ``"damping"``: what is done where the Hessian is not positive definite.
    floor : float
        The smallest eigenvalue that eq. (2) leaves, or the first shift of eq. (3), in parts of the largest.
    line_search : LineSearch or str, optional
        The search, or its name; None steps at a fixed rate, as textbooks print it. Its first length is 1.
    rate : float
        Without a search, the length of every step in parts of the search's first length.

    Raises
    ------
    ConfigurationError
        If there is no such remedy or line search, or the floor is not between 0 and 1.

    Examples
    --------
    >>> Newton(remedy="damping").search.name
    'backtracking'
    """

    remedy: str = "eigenvalues"
    floor: float = 1e-8
    line_search: LineSearch | str | None = "backtracking"
    rate: float = 1.0

    name = "newton"
    point_need = Derivatives.HESSIAN
    matrices = 4

    def __post_init__(self) -> None:
        one_of(self.remedy, REMEDIES, "remedy")
        fraction(positive(self.floor, "floor"), "floor")
        self.check_search()

    def heading(self, current: Evaluation, memory: Remedied | None, taken: float) -> SearchDirection:
        """Solve eq. (1), after a remedy where there is need for one."""
        if current.hessian is None or current.gradient is None:
            raise ValueError("Newton's method needs the Hessian at accepted points.")
        if not np.isfinite(current.hessian).all():
            return SearchDirection(np.full_like(current.gradient, math.nan), 1.0, Remedied(math.nan, math.nan))
        direction = solve_damped(current.hessian, current.gradient, 0.0)
        if direction is not None:
            return SearchDirection(direction, 1.0, Remedied(0, 0.0))
        remedied = self._by_eigenvalues if self.remedy == "eigenvalues" else self._by_damping
        direction, done = remedied(current.hessian, current.gradient)
        return SearchDirection(direction, 1.0, done)

    def report(self, state: SearchState) -> dict[str, float]:
        """Return the rate, and how many eigenvalues were turned or by how much the diagonal was raised."""
        done = Remedied(math.nan, math.nan) if state.memory is None else state.memory
        remedy = {"negative": done.negative} if self.remedy == "eigenvalues" else {"shift": done.shift}
        return super().report(state) | remedy

    def _by_eigenvalues(self, hessian: Array, gradient: Array) -> tuple[Array, Remedied]:
        """Eq. (2)."""
        values, vectors = np.linalg.eigh(hessian)
        size = np.abs(values)
        kept = np.maximum(size, self.floor * size.max())
        # A Hessian of 0 leaves nothing to divide by: NaN, and the search goes along the gradient.
        direction = -vectors @ ((vectors.T @ gradient) / kept) if size.max() > 0 else np.full_like(gradient, math.nan)
        return direction, Remedied(int((values <= 0).sum()), 0.0)

    def _by_damping(self, hessian: Array, gradient: Array) -> tuple[Array, Remedied]:
        """Eq. (3)."""
        diagonal = hessian.diagonal()
        shift = self.floor * float(np.abs(diagonal).max() or np.abs(hessian).max()) + max(-float(diagonal.min()), 0.0)
        for _ in range(SHIFTS):
            direction = solve_damped(hessian, gradient, shift)
            if direction is not None:
                return direction, Remedied(math.nan, shift)
            shift *= SHIFT_GROWTH
        return np.full_like(gradient, math.nan), Remedied(math.nan, math.nan)
