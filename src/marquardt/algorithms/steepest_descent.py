"""Steepest descent with line minimization.

    d = −g,   w ← w + t d,   t from a line search.                                                       (1)

Cauchy (1847). The first length of a search is the one that would lower the loss by as much as the last step did:
t = t_before · (gᵀg)_before / gᵀg (Nocedal and Wright 2006, eq. 3.60).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from marquardt.algorithms.descent import DirectionRule, SearchDirection, steepest_length
from marquardt.numerics.line_searches import LineSearch
from marquardt.objective import Evaluation

__all__ = ["SteepestDescent"]


@dataclass(frozen=True)
class SteepestDescent(DirectionRule):
    """Steepest descent with line minimization.

    Parameters
    ----------
    line_search : LineSearch or str
        The search, or its name.

    Raises
    ------
    ConfigurationError
        If there is no such line search.

    Examples
    --------
    >>> SteepestDescent().search.name
    'backtracking'
    """

    line_search: LineSearch | str = "backtracking"

    name = "steepest_descent"

    def __post_init__(self) -> None:
        self.check_search()

    def heading(self, current: Evaluation, memory: float | None, taken: float) -> SearchDirection:
        """Return −g."""
        assert current.gradient is not None
        square = float(current.gradient @ current.gradient)
        is_known = memory is not None and math.isfinite(taken) and square > 0
        first = taken * memory / square if is_known and memory is not None else steepest_length(current.gradient)
        return SearchDirection(-current.gradient, first, square)
