"""Matrix products that accumulate."""

from __future__ import annotations

from scipy.linalg.blas import dgemm

from marquardt.arrays import Array

__all__ = ["add_product"]


def add_product(total: Array, left: Array, right: Array) -> None:
    """Add left rightᵀ to `total`, in place.

    One BLAS call: `total += left @ right.T` writes the product to memory and reads it back, which for sums over
    many short blocks costs a tenth of the product itself. The interpreter lock is held meanwhile.

    Parameters
    ----------
    total : ndarray of shape (n_left, n_right)
        C-contiguous.
    left : ndarray of shape (n_left, n)
        Rows contiguous.
    right : ndarray of shape (n_right, n)
        Rows contiguous.

    Examples
    --------
    >>> total = np.ones((1, 2))
    >>> add_product(total, np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> total
    array([[2., 3.]])
    """
    # BLAS counts columns first: the transposes of our arrays are its arrays, and nothing is copied.
    dgemm(1.0, right.T, left.T, beta=1.0, c=total.T, trans_a=1, overwrite_c=1)
