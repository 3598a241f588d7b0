"""Bracketing a minimum by values alone: three lengths of which the middle one is lowest.

From the first length on, shorten while the value is not below the start's, to the minimum of the parabola through
φ(0), φ′(0) and φ(t), held within [0.1, 0.5] t:

    t ← −½ φ′(0) t² / (φ(t) − φ(0) − t φ′(0))                                                           (1)

The last length that was too long is then the bracket's upper end. If the first length was already lower, lengthen
while the value falls, to the minimum of the parabola through the last three points, held between the golden step
b + 1.618 (b − a) and ten times the length. Press, Teukolsky, Vetterling and Flannery (2007), "Numerical recipes",
section 10.1, whose extrapolation this is; the shortening uses the slope, which a descent method knows anyway.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import NamedTuple

from marquardt.numerics.line_searches.interpolation import LEAP, bounded, is_below_rounding
from marquardt.numerics.line_searches.search import LinePoint

__all__ = ["Bracket", "bracketing", "vertex"]

GOLDEN = 0.5 * (3.0 - math.sqrt(5.0))
"""The smaller part of the golden section, 0.382."""


class Bracket(NamedTuple):
    """Three looks around a minimum."""

    left: LinePoint  # In order of length; the middle is lower than the left and not higher than the right
    middle: LinePoint
    right: LinePoint
    n_looks: int  # How many looks it took


def bracketing(start: LinePoint, first: float, max_looks: int) -> Generator[float, LinePoint, Bracket | float | None]:
    """Look for a bracket."""
    falling, right, length = [start], None, first
    middle = yield length
    n_looks = 1
    while not middle.value < start.value:
        right = middle
        length = bounded(_shortened(start, middle), 0.1 * length, 0.5 * length)
        if n_looks >= max_looks or is_below_rounding(start, length):
            return None
        middle = yield length
        n_looks += 1
    while right is None:
        if n_looks >= max_looks:
            return middle.length
        golden = middle.length + (middle.length - falling[-1].length) * (1.0 - GOLDEN) / GOLDEN
        wanted = _shortened(start, middle) if len(falling) == 1 else vertex(falling[-2], falling[-1], middle)
        look = yield bounded(wanted if wanted > golden else golden, golden, max(golden, LEAP * middle.length))
        n_looks += 1
        if look.value < middle.value:
            falling.append(middle)
            middle = look
        else:
            right = look
    return Bracket(falling[-1], middle, right, n_looks)


def _shortened(start: LinePoint, look: LinePoint) -> float:
    """Eq. (1); 0 after an overflow, and infinite where the parabola opens downwards."""
    if not math.isfinite(look.value):
        return 0.0
    excess = look.value - start.value - look.length * start.slope
    return -0.5 * start.slope * look.length * (look.length / excess) if excess > 0 else math.inf


def vertex(a: LinePoint, b: LinePoint, c: LinePoint) -> float:
    """Return where the parabola through three looks has its minimum."""
    if len({a.length, b.length, c.length}) < 3:
        return math.nan
    first = (b.value - a.value) / (b.length - a.length)
    second = (c.value - b.value) / (c.length - b.length)
    bend = (second - first) / (c.length - a.length)
    if not 0 < bend < math.inf:
        return math.nan
    return 0.5 * (a.length + b.length - first / bend)
