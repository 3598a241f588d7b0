"""The diagonal of an inverse, and a determinant, by Cholesky."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from marquardt.arrays import Array
from marquardt.numerics.unlocked import UNLOCKED_UNKNOWNS, routine

__all__ = ["inverse_diagonal"]


def inverse_diagonal(normal: Array, added: float | Array = 0.0) -> tuple[Array, float] | None:
    """Return the diagonal of (A + M)⁻¹ and ln det(A + M), M diagonal.

    Where A + M is singular to working precision, a multiple of the rounding of its largest entry is added.

    Parameters
    ----------
    normal : ndarray of shape (n_weights, n_weights)
        A, symmetric, positive semidefinite and C-contiguous. It is left as it is.
    added : float or ndarray of shape (n_weights,)
        The entries of M.

    Returns
    -------
    diagonal : ndarray of shape (n_weights,)
        Of the inverse.
    log_determinant : float
        The natural logarithm.
        None in place of both where three attempts fail.

    Examples
    --------
    >>> inverse_diagonal(np.diag([1.0, 4.0]))[0].round(12)
    array([1.  , 0.25])
    """
    diagonal = normal.diagonal() + added
    jitter = np.finfo(float).eps * len(normal) * float(diagonal.max())
    for attempt in range(3):
        matrix = normal.copy()
        matrix.ravel()[:: len(matrix) + 1] += added + jitter * 100.0**attempt
        # A symmetric matrix in C order is the same in Fortran order, and our copy is written over.
        if _info("dpotrf", matrix) == 0:
            log_determinant = 2.0 * float(np.log(matrix.diagonal()).sum())
            _info("dpotri", matrix)
            return matrix.diagonal().copy(), log_determinant
    return None


def _info(name: str, matrix: Array) -> int:
    """Call a routine of LAPACK that works in place on a lower triangle; the lock is let go where it takes long."""
    n = len(matrix)
    unlocked = routine(name, "cidio") if n >= UNLOCKED_UNKNOWNS else None
    if unlocked is not None:
        return unlocked("L", n, matrix, n)
    if name == "dpotri":
        return int(dpotri(matrix.T, lower=1, overwrite_c=1)[1])
    return int(dpotrf(matrix.T, lower=1, overwrite_a=1)[1])
