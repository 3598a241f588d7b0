"""Bisection with cubic interpolation.

An interval that contains a length with

    φ(t) ≤ φ(0) + α t φ′(0),   |φ′(t)| ≤ β |φ′(0)|                                                      (1)

(see `marquardt.numerics.line_searches.sectioning`) shrinks to the minimum of the cubic through values and slopes at
both ends, if it lies inside. Where the look before has not halved the interval, its middle is next. So two looks halve
the interval at least, however φ is shaped, and on a smooth minimum the cubics are superlinear.

Scales (1985), "Introduction to non-linear optimization", chapter 2. Departures: 1. Lengthening, where the first length
still points down, goes to the cubic's minimum, held within [1.1, 10] times the length. 2. After an overflow the
interval falls to a tenth instead of a half: overflows lie far out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from marquardt.numerics.line_searches.interpolation import bounded, cubic_minimum, is_sound
from marquardt.numerics.line_searches.search import LinePoint, LineSearch, Lookout
from marquardt.numerics.line_searches.sectioning import check_conditions, sectioning

__all__ = ["HybridBisectionCubic"]


@dataclass(frozen=True)
class HybridBisectionCubic(LineSearch):
    """Cubic interpolation that falls back on bisection; needs slopes.

    Parameters
    ----------
    alpha : float
        The part of the promised decrease that is enough, eq. (1).
    beta : float
        The part of the first slope that is flat enough, eq. (1); above alpha.
    max_looks : int
        Looks allowed. When they run out, or the interval has no number left inside, the length of the lowest value
        counts if that is below the start's.

    Raises
    ------
    ConfigurationError
        If a constant cannot be.

    Examples
    --------
    >>> HybridBisectionCubic(beta=0.01).alpha
    0.001
    """

    alpha: float = 1e-3
    beta: float = 0.1
    max_looks: int = 40

    name = "hybrid_bisection_cubic"
    needs_slope = True

    def __post_init__(self) -> None:
        check_conditions(self.alpha, self.beta, self.max_looks)

    def search(self, start: LinePoint, first: float) -> Lookout:
        """Lengthen until there is an interval, then shrink it."""
        looks = self.max_looks
        return (yield from sectioning(start, first, alpha=self.alpha, beta=self.beta, max_looks=looks, inside=_inside))


def _inside(low: LinePoint, high: LinePoint, has_halved: bool) -> float:
    """The next length of the interval."""
    if not is_sound(high):
        return low.length + 0.1 * (high.length - low.length)
    wanted = cubic_minimum(low, high) if has_halved else math.nan
    is_inside = low.length < wanted < high.length
    return bounded(wanted if is_inside else math.nan, low.length, high.length)
