"""Finite differences, for checking derivatives against values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from marquardt.arrays import Array

__all__ = ["central_difference"]


def central_difference(function: Callable[[Array], Array], at: Array, width: float = 1e-3) -> Array:
    """Estimate the elementwise derivative f′ by an eighth-order central difference.

    Parameters
    ----------
    function : callable
        Takes and returns an array of the shape of `at`, element by element.
    at : ndarray
        Where to differentiate.
    width : float
        The distance between neighboring points; the error is O(width⁸) + rounding / width.

    Returns
    -------
    ndarray
        f′, of the shape of `at`.

    Examples
    --------
    >>> central_difference(np.sin, np.zeros(1)).round(9)
    array([1.])
    """
    weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    total = np.zeros_like(at)
    for k, weight in enumerate(weights, start=1):
        total += weight * (function(at + k * width) - function(at - k * width))
    slope: Array = total / width
    return slope
