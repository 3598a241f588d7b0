"""Golden section.

A minimum is bracketed by three lengths a < x < b with φ(x) below φ(a) and φ(b). The next look divides the longer of
the two parts by the golden section,

    u = x + 0.382 (b − x)   or   u = x − 0.382 (x − a),                                                  (1)

and the lowest of the four with its neighbors is the next bracket. Once x stands in the golden section itself, every
look shortens the bracket by 0.618, however φ is shaped, and nothing shortens it faster for the worst φ.

Kiefer (1953), "Sequential minimax search for a maximum". Departures: 1. The bracket is found first, see
`marquardt.numerics.line_searches.bracketing`; its middle is kept, so that (1) needs a look or two to settle.
"""

from __future__ import annotations

from dataclasses import dataclass

from marquardt.checks import fraction, positive, whole
from marquardt.numerics.line_searches.bracketing import GOLDEN, Bracket, bracketing
from marquardt.numerics.line_searches.search import LinePoint, LineSearch, Lookout

__all__ = ["GoldenSection"]


@dataclass(frozen=True)
class GoldenSection(LineSearch):
    """Bracketing and golden section; needs values only.

    Parameters
    ----------
    tolerance : float
        The search ends when the bracket is no wider than this part of the length in its middle, which is then that
        close to a minimum.
    max_looks : int
        Looks allowed, bracketing included. When they run out, the length of the lowest value counts.

    Raises
    ------
    ConfigurationError
        If a constant cannot be.

    Examples
    --------
    >>> GoldenSection(tolerance=0.01).max_looks
    40
    """

    tolerance: float = 0.05
    max_looks: int = 40

    name = "golden_section"

    def __post_init__(self) -> None:
        fraction(positive(self.tolerance, "tolerance"), "tolerance")
        whole(self.max_looks, "max_looks", minimum=1)

    def search(self, start: LinePoint, first: float) -> Lookout:
        """Bracket a minimum and close in on it."""
        found = yield from bracketing(start, first, self.max_looks)
        if not isinstance(found, Bracket):
            return found
        left, middle, right, n_looks = found
        while n_looks < self.max_looks and right.length - left.length > self.tolerance * middle.length:
            is_right = right.length - middle.length > middle.length - left.length
            end = right if is_right else left
            look = yield middle.length + GOLDEN * (end.length - middle.length)  # eq. (1)
            n_looks += 1
            if look.value < middle.value:
                left, middle, right = (middle, look, right) if is_right else (left, look, middle)
            elif is_right:
                right = look
            else:
                left = look
        return middle.length
