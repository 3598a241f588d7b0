"""How Levenberg–Marquardt's μ goes up and down.

A step is judged by its gain ratio ρ, the actual decrease of the loss over the decrease the model predicts:

    factors      lower loss: μ ← decrease · μ                     otherwise: μ ← increase · μ
    gain_ratio   ρ > 3/4: μ ← decrease · μ;  ρ < 1/4: μ ← increase · μ;  between: μ stays
    nielsen      lower loss: μ ← max(1/3, 1 − (2ρ − 1)³) μ, ν ← increase;  otherwise: μ ← ν μ, ν ← 2ν

Levenberg–Marquardt's fixed factors are Hagan and Menhaj's (1994). The quarters are Fletcher's (1971) as Moré (1978)
gives them. The smooth curve is Nielsen's (1999), "Damping parameter in Marquardt's method": no jump at a quarter, and
μ rises ever faster while steps fail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["DAMPINGS", "Damping"]


class Damping(NamedTuple):
    """μ, and what it is multiplied with when the next step fails.

    Parameters
    ----------
    mu : float
        μ.
    factor : float
        ν; the same for ever but in Nielsen's rule.
    """

    mu: float
    factor: float


def _factors(now: Damping, ratio: float, increase: float, decrease: float) -> Damping:
    return Damping(now.mu * decrease, increase)


def _gain_ratio(now: Damping, ratio: float, increase: float, decrease: float) -> Damping:
    if ratio > 0.75:
        return Damping(now.mu * decrease, increase)
    return Damping(now.mu * increase if ratio < 0.25 else now.mu, increase)


def _nielsen(now: Damping, ratio: float, increase: float, decrease: float) -> Damping:
    return Damping(now.mu * max(1.0 / 3.0, 1.0 - (2.0 * ratio - 1.0) ** 3), increase)


DAMPINGS: dict[str, Callable[[Damping, float, float, float], Damping]] = {
    "factors": _factors,
    "gain_ratio": _gain_ratio,
    "nielsen": _nielsen,
}
"""What becomes of μ after an accepted step: functions of (damping, gain ratio, increase, decrease)."""
