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
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["DAMPINGS", "Damping", "gain"]


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


def _factors(ratio: float, fall: float, increase: float, decrease: float) -> float:
    return decrease


def _gain_ratio(ratio: float, fall: float, increase: float, decrease: float) -> float:
    return decrease if ratio > 0.75 else increase if ratio < 0.25 else 1.0


def _fan(ratio: float, fall: float, increase: float, decrease: float) -> float:
    return math.sqrt(fall) * _gain_ratio(ratio, fall, increase, decrease)


def _nielsen(ratio: float, fall: float, increase: float, decrease: float) -> float:
    return max(1.0 / 3.0, 1.0 - (2.0 * min(ratio, 1.0) - 1.0) ** 3)


DAMPINGS: dict[str, Callable[[float, float, float, float], float]] = {
    "factors": _factors,
    "gain_ratio": _gain_ratio,
    "fan": _fan,
    "nielsen": _nielsen,
}
"""What μ is multiplied with after an accepted step: functions of (ρ, loss after / before, increase, decrease)."""


def gain(before: float, after: float, predicted: float) -> tuple[float, float]:
    """Return what an accepted step is judged by.

    Parameters
    ----------
    before, after : float
        The losses, the second lower.
    predicted : float
        The decrease that the model expected.

    Returns
    -------
    ratio : float
        ρ; 1 where rounding has left no decrease to expect.
    fall : float
        The loss after over that before; 1 where a loss is below 0, and no size of residuals.

    Examples
    --------
    >>> gain(4.0, 1.0, 6.0)
    (0.5, 0.25)
    """
    return (before - after) / predicted if predicted > 0 else 1.0, after / before if after >= 0 else 1.0
