"""Conjugate gradients for a damped system that is solved only as far as it is worth.

Preconditioned conjugate gradients (Hestenes and Stiefel 1952) go down the quadratic q(p) = ½ pᵀBp − bᵀp, B symmetric
and positive definite, along directions that are conjugate to each other. With p = 0, r = b, z = D⁻¹r, d = z,

    α = rᵀz / dᵀBd,    p ← p + αd,    r ← r − αBd,    z = D⁻¹r,    d ← z + (rᵀz)₊/(rᵀz) d,                (1)

each turn lowers q by ½ α rᵀz. Where p is a step of an outer iteration it need not be exact: q is what counts, not the
residual, which may rise while q falls. Nash and Sofer (1990), "Assessing a search direction within a truncated-Newton
method", end the iteration at turn k when the last turn won less than a share τ of what the turns won on average:

    k (q_{k−1} − q_k) <= τ (q_0 − q_k).                                                                  (2)

The test has no units and needs no memory of earlier points. For every truncation rᵀp = 0, so that pᵀBp = bᵀp: what
holds for the exact solution's value of q holds for the truncated one's.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from marquardt.arrays import Array

__all__ = ["truncated_solution"]


def truncated_solution(
    times: Callable[[Array], Array], right: Array, preconditioner: Array, tolerance: float, limit: int
) -> tuple[Array | None, int]:
    """Solve B p = b by eq. (1), until eq. (2) holds."""
    solution = np.zeros_like(right)
    residual = right
    scaled = residual / preconditioner
    direction = scaled
    power = first = float(residual @ scaled)
    if power == 0.0:
        return solution, 0
    won = 0.0
    for turn in range(1, limit + 1):
        product = times(direction)
        curvature = float(direction @ product)
        # The comparison is false for NaN too.
        if not 0.0 < curvature < math.inf:
            return (None if turn == 1 else solution), turn
        alpha = power / curvature
        solution = solution + alpha * direction
        gain = 0.5 * alpha * power
        won += gain
        residual = residual - alpha * product
        scaled = residual / preconditioner
        before, power = power, float(residual @ scaled)
        # Below that the residual is rounding.
        if turn * gain <= tolerance * won or not power > (np.finfo(float).eps ** 2) * first:
            break
        direction = scaled + (power / before) * direction
    return (solution if np.isfinite(solution).all() else None), turn
