"""Charalambous' search.

A length is good when it lowers the loss enough, and the slope there is flat enough:

    φ(t) ≤ φ(0) + α t φ′(0)                                                                             (1)
    |φ′(t)| ≤ β |φ′(0)|                                                                                 (2)

The lower end a of the interval satisfies (1) and points down, the upper end b violates (1) or points up. With α < β
there is a good length between them: φ(t) − α t φ′(0) falls at a and has a minimum inside, where φ′ = α φ′(0). The next
look is the minimum of the cubic through values and slopes at both ends; where that falls into the outer γ of the
interval it is moved to γ: the interval is sectioned. A good length is never skipped, since the ends keep their roles.

Charalambous (1992), "Conjugate gradient algorithm for efficient training of artificial neural networks", IEE
Proceedings G 139, made for conjugate gradients. The constants are those that the toolbox's users know.

Departures from the paper: 1. Lengthening, where the first length still points down, goes to the cubic's minimum, held
within [1.1, 10] times the length. 2. γ is a part of the interval at both ends. 3. After an overflow the interval
falls to γ of itself: there is nothing to interpolate.
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
from marquardt.numerics.line_searches.search import LineSearch, Look, Lookout

__all__ = ["Charalambous"]


@dataclass(frozen=True)
class Charalambous(LineSearch):
    """Cubic interpolation with sectioning; needs slopes.

    Parameters
    ----------
    alpha : float
        The part of the promised decrease that is enough, eq. (1).
    beta : float
        The part of the first slope that is flat enough, eq. (2); above alpha.
    gamma : float
        The part of the interval at either end that is not looked into; at most a half, where it is bisection.
    max_looks : int
        Looks allowed. When they run out, or the interval has no number left inside, the length of the lowest value
        counts if that is below the start's.

    Raises
    ------
    ConfigurationError
        If a constant cannot be.

    Examples
    --------
    >>> Charalambous().beta
    0.1
    """

    alpha: float = 1e-3
    beta: float = 0.1
    gamma: float = 0.1
    max_looks: int = 40

    name = "charalambous"
    needs_slope = True

    def __post_init__(self) -> None:
        fraction(positive(self.alpha, "alpha"), "alpha")
        fraction(positive(self.beta, "beta"), "beta")
        fraction(positive(self.gamma, "gamma"), "gamma")
        whole(self.max_looks, "max_looks", minimum=1)
        if not self.alpha < self.beta:
            raise ConfigurationError(
                f"alpha must be below beta, got {self.alpha!r} and {self.beta!r}. Usual are 0.001 and 0.1."
            )
        if self.gamma > 0.5:
            raise ConfigurationError(f"gamma must be at most 0.5, got {self.gamma!r}. The usual value is 0.1.")

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
            margin = self.gamma * (high.length - low.length)
            wanted = cubic_minimum(low, high) if is_sound(high) else low.length
            length = bounded(wanted, low.length + margin, high.length - margin)
            if length in (low.length, high.length) or (low is start and is_below_rounding(start, length)):
                break
        return best.length if best is not start else None
