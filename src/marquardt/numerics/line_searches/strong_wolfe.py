"""Strong Wolfe conditions: bracket and zoom.

A length is good when it lowers the loss enough, and the slope there is flat enough:

    φ(t) ≤ φ(0) + c₁ t φ′(0)                                                                            (1)
    |φ′(t)| ≤ c₂ |φ′(0)|                                                                                (2)

While (1) holds and the slope still points down, lengthen: the interval has no upper end yet. Afterwards `low` is the
lowest length for which (1) holds, `high` the end of the interval that its slope points into, and the interval between
them contains lengths for which (1) and (2) hold. It shrinks to the minimum of the cubic through values and slopes at
both ends.

With (2) yᵀs > 0 for the step s and the change y of the gradient, which is what a quasi-Newton update needs; with a
small c₂ the length is close to a minimum, which is what conjugate gradients need.

Nocedal and Wright (2006), "Numerical optimization", algorithms 3.5 and 3.6. Departures: 1. Lengthening goes to the
cubic's minimum, held within [1.1, 10] times the length. 2. The cubic's minimum is held a hundredth of the interval
away from its ends, and where two zooms have not halved the interval its middle is next. 3. After an overflow the
interval falls to a tenth: there is nothing to interpolate.
"""

from __future__ import annotations

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
from marquardt.numerics.line_searches.search import LinePoint, LineSearch, Lookout

__all__ = ["StrongWolfe"]


@dataclass(frozen=True)
class StrongWolfe(LineSearch):
    """Bracket and zoom to the strong Wolfe conditions; needs slopes.

    Parameters
    ----------
    c1 : float
        The part of the promised decrease that is enough, eq. (1).
    c2 : float
        The part of the first slope that is flat enough, eq. (2); above c1. 0.9 suits quasi-Newton directions, which
        have a length of their own; 0.1 conjugate gradients.
    max_looks : int
        Looks allowed. When they run out, or the interval has no number left inside, the length of the lowest value
        counts if that is below the start's: then (2), perhaps (1) does not hold.

    Raises
    ------
    ConfigurationError
        If a constant cannot be.

    Examples
    --------
    >>> StrongWolfe(c2=0.1).needs_slope
    True
    """

    c1: float = 1e-4
    c2: float = 0.9
    max_looks: int = 40

    name = "strong_wolfe"
    needs_slope = True

    def __post_init__(self) -> None:
        fraction(positive(self.c1, "c1"), "c1")
        fraction(positive(self.c2, "c2"), "c2")
        whole(self.max_looks, "max_looks", minimum=1)
        if not self.c1 < self.c2:
            raise ConfigurationError(f"c1 must be below c2, got {self.c1!r} and {self.c2!r}. Usual are 1e-4 and 0.9.")

    def search(self, start: LinePoint, first: float) -> Lookout:
        """Lengthen until there is an interval, then zoom."""
        low, high, best, length = start, None, start, first
        gaps: list[float] = []
        for _ in range(self.max_looks):
            look = yield length
            best = lower(best, look)
            is_enough = look.value <= start.value + self.c1 * look.length * start.slope and look.value < start.value
            if not (is_sound(look) and is_enough and look.value < low.value):
                high = look
            elif abs(look.slope) <= -self.c2 * start.slope:
                return look.length
            else:
                # The slope at the new low end points into the interval.
                onward = look.length - low.length if high is None else high.length - look.length
                before, low = low, look
                if look.slope * onward >= 0:
                    high = before
            if high is None:
                length = bounded(cubic_minimum(before, low), 1.1 * low.length, LEAP * low.length)
                continue
            length = self._zoomed(low, high, gaps)
            if length in (low.length, high.length) or (low is start and is_below_rounding(start, length)):
                break
        return best.length if best is not start else None

    def _zoomed(self, low: LinePoint, high: LinePoint, gaps: list[float]) -> float:
        """The next length of the interval; its widths so far are kept in `gaps`."""
        gap = high.length - low.length
        gaps.append(abs(gap))
        if not is_sound(high):
            return low.length + 0.1 * gap
        is_slow = len(gaps) > 2 and gaps[-1] > 0.5 * gaps[-3]
        wanted = 0.5 * (low.length + high.length) if is_slow else cubic_minimum(low, high)
        return bounded(wanted, low.length + 0.01 * gap, high.length - 0.01 * gap)
