"""Backtracking with cubic interpolation.

A length t is good enough when it lowers the loss by a part of what the slope promises (Armijo 1966):

    φ(t) ≤ φ(0) + α t φ′(0)                                                                             (1)

If it does not, the next length is the minimum of the parabola through φ(0), φ′(0), φ(t), and from the second
failure on of the cubic through φ(0), φ′(0) and the last two values, kept within [low, high] times the last length.

Dennis and Schnabel (1983), "Numerical methods for unconstrained optimization and nonlinear equations", algorithm
A6.3.1. Departures: 1. After an overflow the length falls to `low` times itself: there is nothing to interpolate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from marquardt.checks import fraction, positive
from marquardt.errors import ConfigurationError
from marquardt.numerics.line_searches.search import LinePoint, LineSearch, Lookout

__all__ = ["Backtracking"]


@dataclass(frozen=True)
class Backtracking(LineSearch):
    """Backtracking with cubic interpolation; needs values only.

    Parameters
    ----------
    alpha : float
        The part of the promised decrease that is enough, eq. (1).
    low, high : float
        Bounds of the factor from one length to the next.
    min_length : float
        A relative length, in parts of the first one, below which the search gives up.

    Raises
    ------
    ConfigurationError
        If a constant cannot be.

    Examples
    --------
    >>> Backtracking(alpha=0.1).high
    0.5
    """

    alpha: float = 1e-3
    low: float = 0.1
    high: float = 0.5
    min_length: float = 1e-12

    name = "backtracking"

    def __post_init__(self) -> None:
        fraction(positive(self.alpha, "alpha"), "alpha")
        fraction(positive(self.low, "low"), "low")
        fraction(positive(self.high, "high"), "high")
        fraction(positive(self.min_length, "min_length"), "min_length")
        if self.low > self.high:
            raise ConfigurationError(f"low must not be above high, got {self.low!r} and {self.high!r}.")

    def search(self, start: LinePoint, first: float) -> Lookout:
        """Shorten until eq. (1) holds."""
        length, before = first, None
        while length > self.min_length * first:
            look = yield length
            if look.value <= start.value + self.alpha * length * start.slope and look.value < start.value:
                return length
            wanted = self._interpolated(start, look, before)
            length = min(max(wanted, self.low * length), self.high * length)
            before = look
        return None

    def _interpolated(self, start: LinePoint, look: LinePoint, before: LinePoint | None) -> float:
        """The minimum of the parabola, or of the cubic."""
        if not math.isfinite(look.value):
            return 0.0
        excess = look.value - start.value - look.length * start.slope
        if before is None or not math.isfinite(before.value):
            return -0.5 * start.slope * look.length**2 / excess if excess > 0 else math.inf
        other = before.value - start.value - before.length * start.slope
        gap = look.length - before.length
        a = (excess / look.length**2 - other / before.length**2) / gap
        b = (-excess * before.length / look.length**2 + other * look.length / before.length**2) / gap
        if a == 0.0:
            return -0.5 * start.slope / b if b > 0 else math.inf
        root = b * b - 3.0 * a * start.slope
        return (-b + math.sqrt(root)) / (3.0 * a) if root >= 0 else math.inf
