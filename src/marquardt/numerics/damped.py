"""The damped normal equations (A + M) p = −g, by Cholesky; M is μI, or any diagonal."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.linalg.lapack import dposv, dpotrf, dpotrs

from marquardt.arrays import Array
from marquardt.numerics.native import native_kernel
from marquardt.numerics.unlocked import UNLOCKED_UNKNOWNS, routine

__all__ = ["COMPILED_UNKNOWNS", "cholesky_damped", "factor_damped", "solve_cholesky", "solve_damped"]

COMPILED_UNKNOWNS = 400
"""Unknowns up to which the compiled kernel solves: 31 in 2.5 µs where LAPACK with its call takes 12, 121 in 27 against
52, 500 in 1.3 ms against 1.5."""


def solve_damped(normal: Array, gradient: Array, mu: float | Array) -> Array | None:
    """Solve (A + M) p = −g for a symmetric A."""
    kernel = native_kernel()
    if kernel is None or len(normal) > COMPILED_UNKNOWNS:
        return _factored(normal, mu, -gradient)[1]
    return _compiled(kernel, normal, mu, gradient, -1.0)


def factor_damped(
    normal: Array, mu: float | Array, right: Array
) -> tuple[Array | None, Callable[[Array], Array | None]]:
    """Solve (A + M) x = b for a symmetric A, and keep the factor for other right-hand sides."""
    kernel = native_kernel()
    if kernel is not None and len(normal) <= COMPILED_UNKNOWNS:

        def solve_again(other: Array) -> Array | None:
            return _compiled(kernel, normal, mu, other, 1.0)

        return solve_again(right), solve_again
    factor, solution = _factored(normal, mu, right)
    return solution, partial(solve_cholesky, factor)


def cholesky_damped(normal: Array, mu: float | Array) -> Array | None:
    """Return the Cholesky factor of A + M for a symmetric A, to be kept and solved with as often as wanted."""
    matrix = _damped(normal, mu)
    factorize = routine("dpotrf", "cidio") if len(matrix) >= UNLOCKED_UNKNOWNS else None
    if factorize is None:
        factor, info = dpotrf(matrix.T, lower=1, overwrite_a=1, clean=0)
    else:
        factor, info = matrix.T, factorize("L", len(matrix), matrix, len(matrix))
    return factor if info == 0 else None


def solve_cholesky(factor: Array, right: Array) -> Array | None:
    """Solve L Lᵀ x = b."""
    return _finite(dpotrs(factor, right, lower=1)[0])


def _compiled(kernel: Any, normal: Array, mu: float | Array, right: Array, sign: float) -> Array | None:
    """(A + M)⁻¹ (± b); None where there is none."""
    added = mu if isinstance(mu, np.ndarray) else np.array([mu], dtype=np.float64)
    if not normal.flags.c_contiguous:
        normal = np.ascontiguousarray(normal)
    solution = np.empty(len(right))
    return solution if kernel.solve_each(normal, added, right, sign, solution) else None


def _damped(normal: Array, mu: float | Array) -> Array:
    """A + M in an array of its own.

    A symmetric matrix in C order is the same in Fortran order: its `.T` hands LAPACK the copy without another.
    """
    matrix = normal.copy()
    diagonal = matrix.reshape(-1)[:: len(matrix) + 1]  # a view, without building indices
    diagonal += mu
    return matrix


def _factored(normal: Array, mu: float | Array, right: Array) -> tuple[Array, Array | None]:
    matrix = _damped(normal, mu)
    solve = routine("dposv", "ciididio") if len(matrix) >= UNLOCKED_UNKNOWNS else None
    if solve is None:
        factor, solution, info = dposv(matrix.T, right, lower=1, overwrite_a=1)
    else:
        factor, solution = matrix.T, np.array(right, dtype=np.float64, order="C")
        info = solve("L", len(matrix), 1, matrix, len(matrix), solution, len(matrix))
    return factor, None if info != 0 else _finite(solution)


def _finite(solution: Array) -> Array | None:
    # LAPACK lets a NaN through a positive pivot test; the sum is finite only if every entry is.
    return solution if math.isfinite(np.add.reduce(solution)) else None
