"""Damped solves of many small systems at once, one a lane.

Where lanes are many and systems small, a call of LAPACK a system costs more than its arithmetic. Then the matrices
are turned so that lanes are the last axis, and Cholesky's A + μI = C Cᵀ is written column by column,

    C[i,j] = (A[i,j] − Σ_{k<j} C[i,k] C[j,k]) / C[j,j],      C[j,j] = √(A[j,j] − Σ_{k<j} C[j,k]²)

each operation running along the lanes. The right-hand side, as one more row of A, becomes C⁻¹b on the way. The
compiled kernel, where there is one, does the same a lane at a time.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv

from marquardt.arrays import AnyArray, Array
from marquardt.numerics.native import native_kernel

__all__ = ["solve_damped_each"]

LARGEST_TOGETHER = 20
"""Unknowns up to which lanes are factored together; above, a call of LAPACK a lane is as fast."""
LANES_EACH = 5
"""Lanes an unknown from which that pays: 100 lanes of 20 unknowns took 7 µs a lane, LAPACK 8; 1,000 of 11 took 1
against 7."""
TOGETHER_BYTES = 4 << 20
"""What the matrices of the lanes that are factored together may take."""


def solve_damped_each(normal: Array, mu: Array, right: Array) -> tuple[Array, AnyArray]:
    """Solve (A + μI) x = b for every lane."""
    n_lanes, n_weights = right.shape
    solution = np.empty(right.shape)
    kernel = native_kernel()
    if kernel is not None:
        arrays = (np.ascontiguousarray(array) for array in (normal, mu, right))
        kernel.solve_each(*arrays, 1.0, solution)
        return solution, ~np.isnan(solution[:, 0])
    if n_weights <= LARGEST_TOGETHER and n_lanes >= LANES_EACH * n_weights:
        solve = _together
    else:
        solve = _one_by_one
    at_once = max(1, TOGETHER_BYTES // (8 * n_weights * n_weights))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        for first in range(0, n_lanes, at_once):
            some = slice(first, first + at_once)
            solve(normal[some], mu[some], right[some], solution[some])
        # One number a lane that is finite only if every entry is.
        is_solved = np.isfinite(solution.sum(axis=1))
    solution[~is_solved] = np.nan
    return solution, is_solved


def _one_by_one(normal: Array, mu: Array, right: Array, solution: Array) -> None:
    matrices = normal.copy()
    n_weights = right.shape[1]
    matrices.reshape(len(mu), -1)[:, :: n_weights + 1] += mu[:, None]
    for k, matrix in enumerate(matrices):
        # LAPACK's upper triangle of the transpose is our lower one: a view in its own order, without another copy.
        _, found, info = dposv(matrix.T, right[k], lower=0, overwrite_a=1)
        solution[k] = found if info == 0 else np.nan


def _together(normal: Array, mu: Array, right: Array, solution: Array) -> None:
    n_lanes, n_weights = right.shape
    factor = np.empty((n_weights + 1, n_weights, n_lanes))
    factor[:-1] = normal.transpose(1, 2, 0)
    factor[-1] = right.T
    for j in range(n_weights):
        column = factor[j:, j]
        column[0] += mu
        if j:
            column -= np.einsum("ikl,kl->il", factor[j:, :j], factor[j, :j])
        # A pivot that is not positive becomes NaN, and with it the lane's solution.
        pivot = np.sqrt(np.where(column[0] > 0.0, column[0], np.nan))
        column /= pivot
    x = np.empty((n_weights, n_lanes))
    for j in range(n_weights - 1, -1, -1):
        total = factor[-1, j]
        if j < n_weights - 1:
            total = total - np.einsum("il,il->l", factor[j + 1 : -1, j], x[j + 1 :])
        np.divide(total, factor[j, j], out=x[j])
    solution[:] = x.T
