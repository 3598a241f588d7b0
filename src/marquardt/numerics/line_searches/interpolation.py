"""What searches along a line share: the minimum of a cubic, bounds that mend what is not a number, and when to end."""

from __future__ import annotations

import math
import sys

from marquardt.numerics.line_searches.search import LinePoint

__all__ = ["bounded", "cubic_minimum", "is_below_rounding", "is_sound", "lower"]

LEAP = 10.0
"""The most by which a search that has not yet gone too far lengthens its step at once."""


def cubic_minimum(one: LinePoint, other: LinePoint) -> float:
    """Return where the cubic through two looks with their slopes has its minimum.

    Nocedal and Wright (2006), eq. 3.59, divided by the largest number in it, so that nothing overflows on the way.
    """
    gap = other.length - one.length
    if gap == 0 or not (is_sound(one) and is_sound(other)):
        return math.nan
    mean = one.slope + other.slope - 3.0 * (other.value - one.value) / gap
    scale = max(abs(mean), abs(one.slope), abs(other.slope))
    if not 0 < scale < math.inf:
        return math.nan
    mean, first, second = mean / scale, one.slope / scale, other.slope / scale
    square = mean * mean - first * second
    if square < 0:
        return math.nan
    root = math.copysign(math.sqrt(square), gap)
    below = second - first + 2.0 * root
    if below == 0:
        return math.nan
    return other.length - gap * (second + root - mean) / below


def bounded(wanted: float, low: float, high: float) -> float:
    """Return a length held between two others."""
    low, high = min(low, high), max(low, high)
    if math.isnan(wanted):
        return low + 0.5 * (high - low)
    return min(max(wanted, low), high)


def is_sound(look: LinePoint) -> bool:
    """Return whether value and slope are finite."""
    return math.isfinite(look.value) and math.isfinite(look.slope)


def lower(best: LinePoint, look: LinePoint) -> LinePoint:
    """Return the look of the lower value; the first if they are equal or the second is not a number."""
    return look if look.value < best.value else best


def is_below_rounding(start: LinePoint, length: float) -> bool:
    """Return whether a step this short can lower the value by less than its last digit.

    Where φ is convex the decrease is at most −t φ′(0). A search that has shrunk to such a length without a lower
    value would go on comparing rounding errors.
    """
    return not -length * start.slope > 0.5 * sys.float_info.epsilon * abs(start.value)
