"""Bisection with cubic interpolation.

A length is good when it lowers the loss enough, and the slope there is flat enough:

    φ(t) ≤ φ(0) + α t φ′(0)                                                                             (1)
    |φ′(t)| ≤ β |φ′(0)|                                                                                 (2)

The lower end of the interval satisfies (1) and points down, the upper end violates (1) or points up. The minimum of
the cubic through values and slopes at both ends is looked at if it lies inside, and becomes an end. Where the look
before has not halved the interval, its middle is next. So two looks halve the interval at least, however φ is
shaped, and on a smooth minimum the cubics are superlinear.

Scales (1985), "Introduction to non-linear optimization", chapter 2. Departures: 1. Lengthening, where the first length
still points down, goes to the cubic's minimum, held within [1.1, 10] times the length. 2. After an overflow the
interval falls to a tenth instead of a half: overflows lie far out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from marquardt.checks import fraction, positive, whole
from marquardt.errors import ConfigurationError
from marquardt.numerics.line_searches.interpolation import (
    LEAP,
    bounded,
    cubic_minimum,
    is_below_rounding,
    is_sound,
    lower,
)
from marquardt.numerics.line_searches.search import LineSearch, Look, Lookout

__all__ = ["HybridBisectionCubic"]


@dataclass(frozen=True)
class HybridBisectionCubic(LineSearch):
    """Cubic interpolation that falls back on bisection; needs slopes.

    Parameters
    ----------
    alpha : float
        The part of the promised decrease that is enough, eq. (1).
    beta : float
        The part of the first slope that is flat enough, eq. (2); above alpha.
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
        fraction(positive(self.alpha, "alpha"), "alpha")
        fraction(positive(self.beta, "beta"), "beta")
        whole(self.max_looks, "max_looks", minimum=1)
        if not self.alpha < self.beta:
            raise ConfigurationError(
                f"alpha must be below beta, got {self.alpha!r} and {self.beta!r}. Usual are 0.001 and 0.1."
            )

    def search(self, start: Look, first: float) -> Lookout:
        """Lengthen until there is an interval, then shrink it.

        Parameters
        ----------
        start : Look
            At length 0.
        first : float
            The first length.

        Yields
        ------
        float
            Lengths to look at, with slopes.

        Returns
        -------
        float or None
            The first length for which eqs. (1) and (2) hold; else the length of the lowest value; None if none was
            below the start's.
        """
        low, high, best, length = start, None, start, first
        width = math.inf
        for _ in range(self.max_looks):
            look = yield length
            best = lower(best, look)
            is_enough = look.value <= start.value + self.alpha * look.length * start.slope and look.value < start.value
            if is_sound(look) and is_enough and abs(look.slope) <= -self.beta * start.slope:
                return look.length
            before = low
            if is_sound(look) and is_enough and look.slope < 0:
                low = look
            else:
                high = look
            if high is None:
                length = bounded(cubic_minimum(before, low), 1.1 * low.length, LEAP * low.length)
                continue
            width, width_before = high.length - low.length, width
            length = self._inside(low, high, has_halved=width <= 0.5 * width_before)
            if length in (low.length, high.length) or (low is start and is_below_rounding(start, length)):
                break
        return best.length if best is not start else None

    def _inside(self, low: Look, high: Look, *, has_halved: bool) -> float:
        """The next length of the interval."""
        if not is_sound(high):
            return low.length + 0.1 * (high.length - low.length)
        wanted = cubic_minimum(low, high) if has_halved else math.nan
        is_inside = low.length < wanted < high.length
        return bounded(wanted if is_inside else math.nan, low.length, high.length)
