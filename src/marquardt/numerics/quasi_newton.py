"""Quasi-Newton updates: what a step s and the change y of the gradient along it say about the inverse Hessian.

Every update gives a matrix H that is symmetric, satisfies the secant equation H y = s, and stays positive definite
while yᵀs > 0. Nothing is changed in place. The matrices cost a copy and one BLAS product of rank two: outer products in
NumPy, with a pass over the matrix each, took four to ten times as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from marquardt.arrays import Array
from marquardt.numerics.products import add_product

__all__ = ["bfgs_inverse", "dfp_inverse", "is_curved", "one_step_secant", "shanno_scale", "two_loop"]

MIN_COSINE = math.sqrt(float(np.finfo(float).eps))
"""Below this cosine between s and y the Hessian's condition would be above 4/eps, which doubles cannot tell."""


def is_curved(step: Array, change: Array) -> bool:
    """Return whether yᵀs > √eps ‖y‖‖s‖: whether the loss curves upwards along the step, beyond rounding."""
    curvature = float(step @ change)
    size = math.sqrt(float(step @ step)) * math.sqrt(float(change @ change))
    return curvature > MIN_COSINE * size and math.isfinite(size)


def shanno_scale(step: Array, change: Array) -> float:
    """Return yᵀs/yᵀy, the size of the inverse Hessian along y (Shanno and Phua 1978)."""
    return float(step @ change) / float(change @ change)


def bfgs_inverse(inverse: Array, step: Array, change: Array) -> Array:
    """Return the inverse Hessian after a step, by Broyden, Fletcher, Goldfarb and Shanno.

    (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ with ρ = 1/yᵀs is H + s aᵀ + a sᵀ with a = ½ρ(1 + ρ yᵀHy) s − ρ Hy.
    """
    turned = inverse @ change
    rho = 1.0 / float(step @ change)
    a = 0.5 * rho * (1.0 + rho * float(change @ turned)) * step - rho * turned
    updated = inverse.copy()
    add_product(updated, np.stack([step, a], axis=1), np.stack([a, step], axis=1))
    return updated


def dfp_inverse(inverse: Array, step: Array, change: Array) -> Array:
    """Return the inverse Hessian after a step, by Davidon, Fletcher and Powell: H + s sᵀ/yᵀs − Hy yᵀH/yᵀHy."""
    turned = inverse @ change
    left = np.stack([step / float(step @ change), turned / -float(change @ turned)], axis=1)
    updated = inverse.copy()
    add_product(updated, left, np.stack([step, turned], axis=1))
    return updated


def two_loop(gradient: Array, pairs: Sequence[tuple[Array, Array]], first: float | Callable[[Array], Array]) -> Array:
    """Return H g, H being H₀ after a BFGS update with every pair, without forming H."""
    result = gradient
    parts = []
    for step, change in reversed(pairs):
        rho = 1.0 / float(step @ change)
        part = rho * float(step @ result)
        result = result - part * change
        parts.append((rho, part))
    result = first(result) if callable(first) else first * result
    for (step, change), (rho, part) in zip(pairs, reversed(parts), strict=True):
        result = result + (part - rho * float(change @ result)) * step
    return result


def one_step_secant(gradient: Array, step: Array, change: Array, scale: float) -> Array:
    """Return H g, H being scale · I after one BFGS update: four products of vectors."""
    rho = 1.0 / float(step @ change)
    along, across = rho * float(step @ gradient), rho * float(change @ gradient)
    a = (1.0 + scale * rho * float(change @ change)) * along - scale * across
    return scale * gradient + a * step - scale * along * change
