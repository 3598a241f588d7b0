"""Brent's method.

A minimum is bracketed by a < b; x is the lowest length so far, w and v the next two. The next look is the minimum of
the parabola through them,

    u = x − ½ [(x − w)² (φ(x) − φ(v)) − (x − v)² (φ(x) − φ(w))] / [(x − w)(φ(x) − φ(v)) − (x − v)(φ(x) − φ(w))],  (1)

if it lies inside and moves by less than half of the move before last; otherwise the golden section of the longer
part. So it closes in superlinearly on a smooth minimum and never slower than golden section by much.

Brent (1973), "Algorithms for minimization without derivatives", chapter 5. Departures: 1. The bracket is found first,
see `marquardt.numerics.line_searches.bracketing`, and its three points are the first x, w and v. 2. The tolerance is a
part of the length, without an absolute part: lengths have no scale of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from marquardt.checks import fraction, positive, whole
from marquardt.numerics.line_searches.bracketing import GOLDEN, Bracket, bracketing, vertex
from marquardt.numerics.line_searches.search import LinePoint, LineSearch, Lookout

__all__ = ["Brent"]


@dataclass(frozen=True)
class Brent(LineSearch):
    """Bracketing, then parabolas with golden section as their guard; needs values only.

    Parameters
    ----------
    tolerance : float
        The search ends when no length of the bracket is further than twice this part of the lowest length from it.
    max_looks : int
        Looks allowed, bracketing included. When they run out, the length of the lowest value counts.

    Raises
    ------
    ConfigurationError
        If a constant cannot be.

    Examples
    --------
    >>> Brent(tolerance=1e-6).max_looks
    40
    """

    tolerance: float = 0.05
    max_looks: int = 40

    name = "brent"

    def __post_init__(self) -> None:
        fraction(positive(self.tolerance, "tolerance"), "tolerance")
        whole(self.max_looks, "max_looks", minimum=1)

    def search(self, start: LinePoint, first: float) -> Lookout:
        """Bracket a minimum and close in on it."""
        found = yield from bracketing(start, first, self.max_looks)
        if not isinstance(found, Bracket):
            return found
        a, b = found.left.length, found.right.length
        best = found.middle
        second, third = sorted((found.left, found.right), key=lambda look: look.value)
        move = before = b - a
        for _ in range(self.max_looks - found.n_looks):
            x, middle = best.length, 0.5 * (a + b)
            tolerance = self.tolerance * x
            if max(x - a, b - x) <= 2.0 * tolerance:
                break
            wanted = vertex(third, second, best)  # eq. (1)
            if a < wanted < b and abs(wanted - x) < 0.5 * abs(before):
                before, move = move, wanted - x
                if min(wanted - a, b - wanted) < 2.0 * tolerance:
                    move = math.copysign(tolerance, middle - x)
            else:
                before = (b if x < middle else a) - x
                move = GOLDEN * before
            # A look closer than the tolerance would tell rounding errors apart.
            look = yield x + (move if abs(move) >= tolerance else math.copysign(tolerance, move))
            is_right = look.length > x
            if look.value < best.value:
                a, b = (x, b) if is_right else (a, x)
                best, second, third = look, best, second
                continue
            a, b = (a, look.length) if is_right else (look.length, b)
            if look.value <= second.value:
                second, third = look, second
            elif look.value <= third.value:
                third = look
        return best.length
