"""Linear least squares by orthogonal factorization, rows a few at a time.

Of the p that minimizes ½‖Jp + f‖² + qᵀp the normal equations JᵀJ p = −(Jᵀf + q) lose twice the digits that J loses: its
condition number enters as its square. With J = QR, and c = Qᵀf,

    p = −R⁻¹(c + R⁻ᵀq),                                                                                  (1)

it enters once. Only R and c are kept: rows that come later are folded in by factoring them below what is there, the
factor of (J, f) being (R, c) with the rest of f below it. Golub (1965), "Numerical methods for solving linear least
squares problems"; the folding: Lawson and Hanson (1974), chapter 27, "sequential accumulation".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dtrcon, dtrtrs

from marquardt.arrays import Array

__all__ = ["OrthogonalStep", "SequentialRows"]

FOLDED = 4
"""Rows are folded in when there are so many times the unknowns, at an extra quarter of the operations."""


class OrthogonalStep(NamedTuple):
    """The solution of a linear least-squares problem."""

    delta: Array  # (n_unknowns,)
    # ‖c + R⁻ᵀq‖ = ‖Jp‖: its length in the space of the rows, whatever the units of the unknowns. Half its square
    # is what it lowers the sum by
    distance: float
    lengths: Array  # (n_unknowns,): those of J's columns


class SequentialRows:
    """The rows of a linear least-squares problem, of which the triangular factor is kept."""

    def __init__(self, n_unknowns: int) -> None:
        self._n_unknowns = n_unknowns
        self._pending: list[Array] = []
        self._n_pending = 0

    def add(self, jacobian: Array, fitted: Array) -> None:
        """Fold rows in."""
        self._pending.append(np.column_stack([jacobian, fitted]))
        self._n_pending += len(fitted)
        if self._n_pending >= (FOLDED + 1) * self._n_unknowns:
            self._fold()

    def solve(self, rest: Array) -> OrthogonalStep | None:
        """Return eq. (1); None where J has not full rank to working precision."""
        n_unknowns = self._n_unknowns
        self._fold()
        whole = self._pending[0] if self._pending else np.empty((0, n_unknowns + 1))
        triangle, right = whole[:n_unknowns, :n_unknowns], whole[:n_unknowns, n_unknowns]
        # Columns of length 1: what the unknowns' units contribute to the condition number costs no digits.
        lengths = np.sqrt(np.einsum("rc,rc->c", triangle, triangle))
        if len(triangle) < n_unknowns or not np.isfinite(whole).all() or not lengths.all():
            return None
        triangle = np.asfortranarray(triangle / lengths)
        reciprocal, info = dtrcon(triangle)
        if info != 0 or not reciprocal > n_unknowns * np.finfo(float).eps:
            return None
        moved, _ = dtrtrs(triangle, rest / lengths, trans=1)
        moved = right + moved
        delta = -dtrtrs(triangle, moved)[0] / lengths
        return OrthogonalStep(delta, float(np.sqrt(moved @ moved)), lengths) if np.isfinite(delta).all() else None

    def _fold(self) -> None:
        if self._pending:
            self._pending = [np.asarray(np.linalg.qr(np.concatenate(self._pending), mode="r"))]
        self._n_pending = 0
