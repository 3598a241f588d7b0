"""The inverse of a positive definite matrix and its determinant, by Cholesky; and whether they can be relied on."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dlange, dpocon, dpotrf, dpotri

from marquardt.arrays import Array
from marquardt.numerics.unlocked import UNLOCKED_UNKNOWNS, routine

__all__ = ["inverted"]

LOST = 1e-4
"""What rounding may change the inverse by, in parts of its largest eigenvalue."""


def inverted(matrix: Array, rounding: float = 0.0) -> tuple[Array, float] | None:
    """Return the inverse of A, and ln det A."""
    factor = matrix.copy()
    if not len(factor):
        return factor, 0.0
    # A symmetric matrix in C order is the same in Fortran order, and our copy is written over.
    if _info("dpotrf", factor) != 0:
        return None
    size = float(dlange("1", matrix.T))
    reciprocal = float(dpocon(factor.T, size, uplo="L")[0])
    # The reciprocal condition is 1 / (‖A‖ ‖A⁻¹‖).
    if not max(rounding, len(matrix) * np.finfo(float).eps * size) < LOST * reciprocal * size:
        return None
    log_determinant = 2.0 * float(np.log(factor.diagonal()).sum())
    _info("dpotri", factor)
    return factor, log_determinant


def _info(name: str, matrix: Array) -> int:
    """Call a routine of LAPACK that works in place on a lower triangle; the lock is let go where it takes long."""
    n = len(matrix)
    unlocked = routine(name, "cidio") if n >= UNLOCKED_UNKNOWNS else None
    if unlocked is not None:
        return unlocked("L", n, matrix, n)
    if name == "dpotri":
        return int(dpotri(matrix.T, lower=1, overwrite_c=1)[1])
    return int(dpotrf(matrix.T, lower=1, overwrite_a=1)[1])
