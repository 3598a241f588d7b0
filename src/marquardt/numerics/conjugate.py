"""Conjugate directions: the factors β and the three-term direction of Beale.

g is the gradient at the new point, g₋ and d₋ those of the point before and the direction searched from there, and
y = g − g₋. On a quadratic with exact searches all factors are the same, and the directions conjugate: dᵢᵀ A dⱼ = 0.
"""

from __future__ import annotations

from marquardt.arrays import Array

__all__ = ["beale_direction", "fletcher_reeves", "hestenes_stiefel", "is_far_from_orthogonal", "polak_ribiere_plus"]


def fletcher_reeves(gradient: Array, before: Array, direction: Array) -> float:
    """Return β = gᵀg / g₋ᵀg₋ (Fletcher and Reeves 1964)."""
    return _quotient(float(gradient @ gradient), float(before @ before))


def polak_ribiere_plus(gradient: Array, before: Array, direction: Array) -> float:
    """Return β = max(0, gᵀy / g₋ᵀg₋) (Polak and Ribière 1969; Powell 1986 for the plus).

    Where a search was useless, g ≈ g₋ and β ≈ 0: the method restarts by itself.
    """
    return max(0.0, _quotient(float(gradient @ (gradient - before)), float(before @ before)))


def hestenes_stiefel(gradient: Array, before: Array, direction: Array) -> float:
    """Return β = gᵀy / d₋ᵀy (Hestenes and Stiefel 1952).

    Conjugate to the last direction, dᵀy = 0, however inexact the search was.
    """
    change = gradient - before
    return _quotient(float(gradient @ change), float(direction @ change))


def beale_direction(
    gradient: Array, before: Array, direction: Array, restart: Array | None, change: Array | None
) -> Array:
    """Return the direction d = −g + β d₋ + γ dₜ that is conjugate to the last one and to that of the restart.

    β = gᵀy / d₋ᵀy,  γ = gᵀyₜ / dₜᵀyₜ (Beale 1972): with them d stays conjugate although dₜ is not −gradient.
    """
    new = -gradient + hestenes_stiefel(gradient, before, direction) * direction
    if restart is None or change is None:
        return new
    return new + _quotient(float(gradient @ change), float(restart @ change)) * restart


def is_far_from_orthogonal(gradient: Array, before: Array) -> bool:
    """Return whether |g₋ᵀg| ≥ 0.2 gᵀg (Powell 1977): gradients of a quadratic would be orthogonal."""
    return bool(abs(before @ gradient) >= 0.2 * (gradient @ gradient))


def _quotient(above: float, below: float) -> float:
    """0 where nothing can be divided by: the direction is then −g."""
    return above / below if below != 0.0 else 0.0
