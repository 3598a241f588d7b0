"""Closing in on a length that is low enough and flat enough, by an interval whose ends keep their roles.

A length is good when it lowers the loss enough, and the slope there is flat enough:

    φ(t) ≤ φ(0) + α t φ′(0)                                                                             (1)
    |φ′(t)| ≤ β |φ′(0)|                                                                                 (2)

The lower end a of the interval satisfies (1) and points down, the upper end b violates (1) or points up. With α < β
there is a good length between them: φ(t) − α t φ′(0) falls at a and has a minimum inside, where φ′ = α φ′(0). Every
look becomes an end, so whatever next lengths are chosen, as long as they shrink the interval, the search arrives.
"""

from __future__ import annotations

import math
from collections.abc import Callable

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
from marquardt.numerics.line_searches.search import LinePoint, Lookout

__all__ = ["check_conditions", "sectioning"]


def check_conditions(alpha: float, beta: float, max_looks: int) -> None:
    """Refuse conditions that no length need satisfy."""
    fraction(positive(alpha, "alpha"), "alpha")
    fraction(positive(beta, "beta"), "beta")
    whole(max_looks, "max_looks", minimum=1)
    if not alpha < beta:
        raise ConfigurationError(f"alpha must be below beta, got {alpha!r} and {beta!r}. Usual are 0.001 and 0.1.")


def sectioning(
    start: LinePoint,
    first: float,
    *,
    alpha: float,
    beta: float,
    max_looks: int,
    inside: Callable[[LinePoint, LinePoint, bool], float],
) -> Lookout:
    """Lengthen until there is an interval, then shrink it."""
    low, high, best, length = start, None, start, first
    width = math.inf
    for _ in range(max_looks):
        look = yield length
        best = lower(best, look)
        limit = start.value + alpha * look.length * start.slope
        is_enough = is_sound(look) and look.value <= limit and look.value < start.value
        if is_enough and abs(look.slope) <= -beta * start.slope:
            return look.length
        before = low
        if is_enough and look.slope < 0:
            low = look
        else:
            high = look
        if high is None:
            length = bounded(cubic_minimum(before, low), 1.1 * low.length, LEAP * low.length)
            continue
        width, width_before = high.length - low.length, width
        length = inside(low, high, width <= 0.5 * width_before)
        if length in (low.length, high.length) or (low is start and is_below_rounding(start, length)):
            break
    return best.length if best is not start else None
