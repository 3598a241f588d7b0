"""How Levenberg–Marquardt's μ goes up and down.

A step is judged by its gain ratio ρ, the actual decrease of the loss over the decrease the model predicts. A trial
that fails raises μ to `increase` · μ. What a lower loss does to it:

    factors      μ ← decrease · μ
    gain_ratio   ρ > 3/4: μ ← decrease · μ;  ρ < 1/4: μ ← increase · μ;  between: μ stays
    fan          the same, and μ ← √(loss after / loss before) · μ
    nielsen      μ ← max(1/3, 1 − (2ρ − 1)³) μ, ν ← increase;  a trial that fails: μ ← ν μ, ν ← 2ν

Levenberg–Marquardt's fixed factors are Hagan and Menhaj's (1994). The quarters are Fletcher's (1971) as Moré (1978)
gives them. Fan's μ (2003), "A modified Levenberg–Marquardt algorithm for singular system of nonlinear equations", is
α‖r‖, and it is α that goes up and down, by factors of 4: so μ vanishes with the residual where that can vanish, fast
enough for a last phase as Newton's, and its factors have less to do on the way there. The smooth curve is Nielsen's
(1999), "Damping parameter in Marquardt's method": no jump at a quarter, and μ rises ever faster while steps fail.

Departure from Fan: the first α is not given; the first μ is, in any unit.
"""

from __future__ import annotations

import math
from abc import ABC
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

__all__ = ["COMPILED_DAMPINGS", "DAMPINGS", "MU_FLOOR", "Damping", "DampingRule", "Fan", "Nielsen", "gain"]

MU_FLOOR = 1e-20
"""Below this μ no longer matters to any normal matrix; it is held there so that it can rise again in few trials."""


class Damping(NamedTuple):
    """μ, and what it is multiplied with when the next step fails."""

    mu: float
    factor: float  # ν; the same for ever but in Nielsen's rule


@dataclass(frozen=True)
class DampingRule(ABC):
    """How μ moves: by fixed factors, unless a subclass says otherwise.

    A class says all there is to a damping: what an accepted and a rejected trial do, its usual factors, and its number
    in the compiled kernel. The test of the compiled trials runs every one that has a number.
    """

    increase: float
    decrease: float  # 1 where μ falls by no factor

    usual: ClassVar[float] = 10.0  # What μ rises by unless it is said; it falls by as much
    falls_by_a_factor: ClassVar[bool] = True
    code: ClassVar[int | None] = None  # Of `enum` dampings in kernel.c; None where compiled trials do not have it

    def first(self, mu: float) -> Damping:
        """Return the damping of a first trial."""
        return Damping(mu, self.increase)

    def accepted(self, mu: float, ratio: float, fall: float) -> Damping:
        """Return the damping after a step with gain ratio ρ that left the part `fall` of the loss."""
        return Damping(max(mu * self.multiplier(ratio, fall), MU_FLOOR), self.increase)

    def rejected(self, damping: Damping) -> Damping:
        """Return the damping after a trial that failed."""
        return Damping(damping.mu * damping.factor, damping.factor)

    def multiplier(self, ratio: float, fall: float) -> float:
        """Return what μ is multiplied with after an accepted step."""
        return self.decrease


class Factors(DampingRule):
    """Hagan and Menhaj's fixed factors."""

    code = 0


class GainRatio(DampingRule):
    """Fletcher's quarters."""

    code = 1

    def multiplier(self, ratio: float, fall: float) -> float:
        return self.decrease if ratio > 0.75 else self.increase if ratio < 0.25 else 1.0


class Fan(GainRatio):
    """The quarters, and the root of the loss."""

    usual = 4.0
    code = 2

    def multiplier(self, ratio: float, fall: float) -> float:
        return math.sqrt(fall) * super().multiplier(ratio, fall)


class Nielsen(DampingRule):
    """A smooth curve, and failures that raise μ ever faster."""

    usual = 2.0
    falls_by_a_factor = False

    def rejected(self, damping: Damping) -> Damping:
        return Damping(damping.mu * damping.factor, 2.0 * damping.factor)

    def multiplier(self, ratio: float, fall: float) -> float:
        return max(1.0 / 3.0, 1.0 - (2.0 * min(ratio, 1.0) - 1.0) ** 3)


DAMPINGS: dict[str, type[DampingRule]] = {
    "factors": Factors,
    "gain_ratio": GainRatio,
    "fan": Fan,
    "nielsen": Nielsen,
}
COMPILED_DAMPINGS = tuple(name for name, damping in DAMPINGS.items() if damping.code is not None)
"""Those that compiled trials and many networks side by side can do: they need no memory but μ."""


def gain(before: float, after: float, predicted: float) -> tuple[float, float]:
    """Return what an accepted step is judged by: its gain ratio ρ, and the part of the loss that is left.

    ρ is 1 where rounding has left no decrease to expect, the part where a loss is below 0, and no size of residuals.
    """
    return (before - after) / predicted if predicted > 0 else 1.0, after / before if after >= 0 else 1.0
