"""Conjugate directions: what the variants of conjugate gradients share.

    d = −g + β d₋,   w ← w + t d,   t from a line search,                                                (1)

where d₋ is the direction before and β makes d conjugate to it where the loss is quadratic: the minimum along d does
not undo the one along d₋, and n weights take n searches. The factors agree on quadratics, and differ elsewhere in what
they forget; see `marquardt.numerics.conjugate`. After `reset` searches, and whenever (1) does not point downhill,
d = −g: conjugacy belongs to one quadratic, and the loss is another one further on.

Powell–Beale restarts on evidence instead, when |g₋ᵀg| ≥ 0.2 gᵀg, which is 0 on a quadratic, or when d does not
point downhill as a gradient does,

    −1.2 gᵀg ≤ gᵀd ≤ −0.8 gᵀg;                                                                           (2)

and it restarts with d₋ as the direction dₜ to stay conjugate to, not from −g, so that nothing is thrown away:

    d = −g + β d₋ + γ dₜ.                                                                                (3)

Fletcher and Reeves (1964); Polak and Ribière (1969); Hestenes and Stiefel (1952); Powell (1977), "Restart procedures
for the conjugate gradient method", with Beale (1972). The first length of a search takes the last decrease for the
next, t = 2 (loss − loss₋) / gᵀd (Nocedal and Wright 2006, eq. 3.60 and below).

Departures from the papers: 1. β of Polak–Ribière is held at 0 or above. 2. The search is inexact: strong Wolfe with a
slope of a tenth. Sine problem, 15 starts, median of gradients to a loss of 0.01, against the search of Charalambous
that the toolbox's users know: Polak–Ribière 1574 to 1703, Fletcher–Reeves 1506 to 1665, Hestenes–Stiefel 1332 to
1585, Powell–Beale 792 to 865. With a slope of 0.3 a search takes fewer looks and the run more of them.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from marquardt.algorithms.descent import DirectionRule, SearchDirection, steepest_length
from marquardt.arrays import Array
from marquardt.checks import whole
from marquardt.numerics.conjugate import (
    beale_direction,
    fletcher_reeves,
    hestenes_stiefel,
    is_far_from_orthogonal,
    polak_ribiere_plus,
)
from marquardt.numerics.line_searches import LineSearch, StrongWolfe
from marquardt.objective import Evaluation

__all__ = [
    "BETAS",
    "ConjugateDirections",
    "Trail",
]

_FACTORS = {
    "polak_ribiere_plus": polak_ribiere_plus,
    "fletcher_reeves": fletcher_reeves,
    "hestenes_stiefel": hestenes_stiefel,
}
BETAS = (*_FACTORS, "powell_beale")
"""Names of the factors; Powell–Beale's is Hestenes and Stiefel's, with restarts of its own."""

SEARCH = StrongWolfe(c2=0.1)
"""The search unless another one is given."""


class Trail(NamedTuple):
    """What the next direction is made from."""

    loss: float  # At the point
    gradient: Array  # (n_weights,)
    direction: Array  # (n_weights,)
    slope: float
    n_searches: int = 1  # Searches since the restart, this one included
    # (n_weights,): dₜ and yₜ of eq. (3); None until the direction of the restart has been left behind
    restart: Array | None = None
    change: Array | None = None  # (n_weights,)


@dataclass(frozen=True)
class ConjugateDirections(DirectionRule):
    """What all conjugate gradients share: everything but the factor's name."""

    line_search: LineSearch | str = SEARCH  # The search, or its name
    reset: int | None = None  # Searches from one restart to the next; as many as there are weights when not given

    def __post_init__(self) -> None:
        self.check_search()
        if self.reset is not None:
            whole(self.reset, "reset", minimum=1)

    @property
    @abstractmethod
    def formula(self) -> str:
        """One of `BETAS`."""

    def heading(self, current: Evaluation, memory: Trail | None, taken: float) -> SearchDirection:
        """Return a direction by eq. (1) or (3), or −g."""
        gradient = current.gradient
        assert gradient is not None
        trail = None
        if memory is not None:
            trail = (
                self._powell_beale(current, memory) if self.formula == "powell_beale" else self._plain(current, memory)
            )
        if trail is None or not (trail.slope < 0 and math.isfinite(trail.slope)):
            trail = Trail(current.loss, gradient, -gradient, -float(gradient @ gradient))
        first = steepest_length(gradient)
        if memory is not None and current.loss < memory.loss:
            first = 2.0 * (current.loss - memory.loss) / trail.slope if trail.slope < 0 else first
        return SearchDirection(trail.direction, first, trail)

    def _plain(self, current: Evaluation, before: Trail) -> Trail | None:
        """Eq. (1); None when it is time to restart."""
        gradient = current.gradient
        assert gradient is not None
        if before.n_searches >= self._limit(gradient):
            return None
        beta = _FACTORS[self.formula](gradient, before.gradient, before.direction)
        direction = -gradient + beta * before.direction
        return Trail(current.loss, gradient, direction, float(gradient @ direction), before.n_searches + 1)

    def _powell_beale(self, current: Evaluation, before: Trail) -> Trail:
        """Eq. (3), restarted when the gradients or eq. (2) say so, or when it is time to."""
        gradient = current.gradient
        assert gradient is not None
        change = gradient - before.gradient
        square = float(gradient @ gradient)
        if before.n_searches < self._limit(gradient) and not is_far_from_orthogonal(gradient, before.gradient):
            direction = beale_direction(gradient, before.gradient, before.direction, before.restart, before.change)
            slope = float(gradient @ direction)
            # The first direction after a restart has no other to fall back on.
            if before.restart is None or -1.2 * square <= slope <= -0.8 * square:
                kept = (before.direction, change) if before.restart is None else (before.restart, before.change)
                return Trail(current.loss, gradient, direction, slope, before.n_searches + 1, *kept)
        direction = beale_direction(gradient, before.gradient, before.direction, None, None)
        return Trail(current.loss, gradient, direction, float(gradient @ direction), 2, before.direction, change)

    def _limit(self, gradient: Array) -> int:
        return gradient.size if self.reset is None else self.reset
