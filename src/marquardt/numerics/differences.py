"""Finite differences, for checking derivatives against values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from marquardt.arrays import Array

__all__ = ["central_difference"]


def central_difference(function: Callable[[Array], Array], at: Array, width: float = 1e-3) -> Array:
    """Estimate the elementwise derivative f′ by an eighth-order central difference."""
    weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    total = np.zeros_like(at)
    for k, weight in enumerate(weights, start=1):
        total += weight * (function(at + k * width) - function(at - k * width))
    slope: Array = total / width
    return slope
