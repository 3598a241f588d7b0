"""Names for the array types that travel through the library, and what all arrays of data must be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marquardt.errors import DataError

__all__ = ["AnyArray", "Array", "ArrayLike", "Indices", "require_finite"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
AnyArray = NDArray[Any]


def require_finite(table: Array, what: str) -> None:
    """Refuse NaN and infinity.

    Parameters
    ----------
    table : ndarray of shape (n_rows, n_columns)
        The values.
    what : str
        What the message calls them.

    Raises
    ------
    DataError
        Names the first of them, its row and its column.
    """
    # The sum is finite if all entries are, short of overflow; only then every entry is looked at.
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduce(table, axis=None)
    if np.isfinite(total):
        return
    wrong = np.argwhere(~np.isfinite(table))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(f"{what} must be finite, got {table[row, column]} in row {row}, column {column}.")
