"""The damped normal equations (A + M) p = −g, by Cholesky; M is μI, or any diagonal."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg.lapack import dposv, dpotrs

from marquardt.arrays import Array

__all__ = ["factor_damped", "solve_damped"]


def solve_damped(normal: Array, gradient: Array, mu: float | Array) -> Array | None:
    """Solve (A + M) p = −g for a symmetric A.

    Parameters
    ----------
    normal : ndarray of shape (n_weights, n_weights)
        A, symmetric and C-contiguous. It is left as it is.
    gradient : ndarray of shape (n_weights,)
        g.
    mu : float or ndarray of shape (n_weights,)
        μ, or the entries of M; added to the diagonal.

    Returns
    -------
    ndarray of shape (n_weights,) or None
        p; None where A + M is not positive definite to working precision, or where p overflows.

    Examples
    --------
    >>> solve_damped(np.eye(2), np.array([2.0, -4.0]), mu=1.0)
    array([-1.,  2.])
    """
    return _factored(normal, mu, -gradient)[1]


def factor_damped(
    normal: Array, mu: float | Array, right: Array
) -> tuple[Array | None, Callable[[Array], Array | None]]:
    """Solve (A + M) x = b for a symmetric A, and keep the factor for other right-hand sides.

    Parameters
    ----------
    normal : ndarray of shape (n_weights, n_weights)
        A, symmetric and C-contiguous. It is left as it is.
    mu : float or ndarray of shape (n_weights,)
        μ, or the entries of M; added to the diagonal.
    right : ndarray of shape (n_weights,)
        b.

    Returns
    -------
    solution : ndarray of shape (n_weights,) or None
        x; None where A + M is not positive definite to working precision, or where x overflows.
    solve : callable
        Does the same for another b; only where the first solution is not None.

    Examples
    --------
    >>> solution, solve = factor_damped(np.eye(2), 1.0, np.array([2.0, -4.0]))
    >>> solution, solve(np.array([6.0, 0.0]))
    (array([ 1., -2.]), array([3., 0.]))
    """
    factor, solution = _factored(normal, mu, right)

    def solve(other: Array) -> Array | None:
        return _finite(dpotrs(factor, other, lower=1)[0])

    return solution, solve


def _factored(normal: Array, mu: float | Array, right: Array) -> tuple[Array, Array | None]:
    matrix = normal.copy()
    diagonal = matrix.reshape(-1)[:: len(matrix) + 1]  # a view, without building indices
    diagonal += mu
    # A symmetric matrix in C order is the same matrix in Fortran order: `.T` hands LAPACK our copy without another.
    factor, solution, info = dposv(matrix.T, right, lower=1, overwrite_a=1)
    return factor, None if info != 0 else _finite(solution)


def _finite(solution: Array) -> Array | None:
    # LAPACK lets a NaN through a positive pivot test; the sum is finite only if every entry is.
    return solution if math.isfinite(np.add.reduce(solution)) else None
