"""Charalambous' search.

An interval that contains a length with

    φ(t) ≤ φ(0) + α t φ′(0),   |φ′(t)| ≤ β |φ′(0)|                                                      (1)

(see `marquardt.numerics.line_searches.sectioning`) shrinks to the minimum of the cubic through values and slopes at
both ends. Where that falls into the outer γ of the interval it is moved to γ: the interval is sectioned.

Charalambous (1992), "Conjugate gradient algorithm for efficient training of artificial neural networks", IEE
Proceedings G 139, made for conjugate gradients. The constants are those that the toolbox's users know.

Departures from the paper: 1. Lengthening, where the first length still points down, goes to the cubic's minimum, held
within [1.1, 10] times the length. 2. γ is a part of the interval at both ends. 3. After an overflow the interval
falls to γ of itself: there is nothing to interpolate.
"""

from __future__ import annotations

from dataclasses import dataclass

from marquardt.checks import fraction, positive
from marquardt.errors import ConfigurationError
from marquardt.numerics.line_searches.interpolation import bounded, cubic_minimum, is_sound
from marquardt.numerics.line_searches.search import LinePoint, LineSearch, Lookout
from marquardt.numerics.line_searches.sectioning import check_conditions, sectioning

__all__ = ["Charalambous"]


@dataclass(frozen=True)
class Charalambous(LineSearch):
    """Cubic interpolation with sectioning; needs slopes.

    Parameters
    ----------
    alpha : float
        The part of the promised decrease that is enough, eq. (1).
    beta : float
        The part of the first slope that is flat enough, eq. (1); above alpha.
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
        check_conditions(self.alpha, self.beta, self.max_looks)
        fraction(positive(self.gamma, "gamma"), "gamma")
        if self.gamma > 0.5:
            raise ConfigurationError(f"gamma must be at most 0.5, got {self.gamma!r}. The usual value is 0.1.")

    def search(self, start: LinePoint, first: float) -> Lookout:
        """Lengthen until there is an interval, then shrink it."""
        looks = self.max_looks
        return (
            yield from sectioning(
                start, first, alpha=self.alpha, beta=self.beta, max_looks=looks, inside=self._sectioned
            )
        )

    def _sectioned(self, low: LinePoint, high: LinePoint, has_halved: bool) -> float:
        """The next length of the interval."""
        margin = self.gamma * (high.length - low.length)
        wanted = cubic_minimum(low, high) if is_sound(high) else low.length
        return bounded(wanted, low.length + margin, high.length - margin)
