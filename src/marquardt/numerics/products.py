"""Matrix products that accumulate."""

from __future__ import annotations

import numpy as np
from scipy.linalg.blas import dgemm

from marquardt.arrays import Array
from marquardt.numerics.unlocked import routine

__all__ = ["add_product"]

UNLOCKED = 1_000_000
"""Multiplications from which the interpreter's lock is let go: they take 25 µs, letting go 5."""


def add_product(total: Array, left: Array, right: Array) -> None:
    """Add left rightᵀ to `total`, in place.

    One BLAS call: `total += left @ right.T` writes the product to memory and reads it back, which for sums over
    many short blocks costs a tenth of the product itself. Large ones let go of the interpreter's lock meanwhile.
    """
    rows, n = left.shape
    columns = len(right)
    pitches = [_pitch(array) for array in (right, left, total)]
    fits = right.shape[1] == n and total.shape == (rows, columns) and None not in pitches
    # BLAS counts columns first: the transposes of our arrays are its arrays, and nothing is copied.
    if rows * columns * n < UNLOCKED and total.flags.c_contiguous:
        dgemm(1.0, right.T, left.T, beta=1.0, c=total.T, trans_a=1, overwrite_c=1)
        return
    unlocked = routine("dgemm", "cciiiddididdi") if fits else None
    if unlocked is None:
        total += left @ right.T
        return
    unlocked("T", "N", columns, rows, n, 1.0, right, pitches[0], left, pitches[1], 1.0, total, pitches[2])


def _pitch(array: Array) -> int | None:
    """Numbers from a row to the next; None where BLAS cannot take the array as it is."""
    row, column = array.strides
    is_plain = array.dtype == np.float64 and column == 8 and row % 8 == 0 and row >= 8 * array.shape[1]
    return row // 8 if is_plain else None
