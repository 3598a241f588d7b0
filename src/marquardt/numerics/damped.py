"""The damped normal equations (A + μI) p = −g, by Cholesky."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg.lapack import dposv

from marquardt.arrays import Array

__all__ = ["solve_damped"]


def solve_damped(normal: Array, gradient: Array, mu: float) -> Array | None:
    """Solve (A + μI) p = −g for a symmetric A.

    Parameters
    ----------
    normal : ndarray of shape (n_weights, n_weights)
        A, symmetric and C-contiguous. It is left as it is.
    gradient : ndarray of shape (n_weights,)
        g.
    mu : float
        μ, added to the diagonal.

    Returns
    -------
    ndarray of shape (n_weights,) or None
        p; None where A + μI is not positive definite to working precision, or where p overflows.

    Examples
    --------
    >>> solve_damped(np.eye(2), np.array([2.0, -4.0]), mu=1.0)
    array([-1.,  2.])
    """
    matrix = normal.copy()
    diagonal = matrix.reshape(-1)[:: len(matrix) + 1]  # a view, without building indices
    diagonal += mu
    # A symmetric matrix in C order is the same matrix in Fortran order: `.T` hands LAPACK our copy without another.
    _, delta, info = dposv(matrix.T, -gradient, lower=1, overwrite_a=1, overwrite_b=1)
    # LAPACK lets a NaN through a positive pivot test; the sum is finite only if every entry is.
    if info != 0 or not math.isfinite(np.add.reduce(delta)):
        return None
    solution: Array = delta
    return solution
