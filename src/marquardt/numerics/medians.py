"""Medians with weights: of arrays, and of numbers that come batch by batch and are too many to keep."""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array

__all__ = ["DEVIATION", "Sample", "deviation_about", "weighted_median"]

DEVIATION = 1.482602218505602
"""1/Φ⁻¹(¾): the median of |r| times this is the standard deviation of normal r."""

KEPT = 1 << 17
"""Numbers that a sample keeps as they are."""

SHIFT = 42
"""Bits of the 52 after a double's point that are rounded away beyond: what stays is right to 5e-4 of its size."""


def weighted_median(values: Array, weight: Array | None = None) -> float:
    """Return the median; a weight of two is the same as the number twice."""
    if weight is None:
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    order = order[weight[order] > 0]
    below = np.cumsum(weight[order])
    half, last = 0.5 * below[-1], len(order) - 1
    # Sums of weights that mean the same half may differ by their rounding.
    slack = 4 * np.finfo(float).eps * below[-1] * np.sqrt(len(order))
    low, high = np.searchsorted(below, [half - slack, half + slack]).clip(0, last)
    return float(0.5 * values[order[low]] + 0.5 * values[order[high]])


def deviation_about(middle: float, values: Array, weight: Array | None = None) -> float:
    r"""Return 1.4826 times the median of \|value − middle\|, the standard deviation of normal values."""
    away = np.abs(values - middle)
    found = weighted_median(away, weight)
    if found == 0.0 and (is_away := (away > 0) & (True if weight is None else weight > 0)).any():
        found = weighted_median(away[is_away], None if weight is None else weight[is_away])
    return DEVIATION * found


class Sample:
    """Numbers of one column that come batch by batch.

    Up to some hundred thousand are kept as they are. Of more, the difference from `origin` is rounded to eleven binary
    digits, and equal ones are counted: memory does not grow, and a median about the origin is right to 5e-4.
    """

    def __init__(self, origin: float = 0.0) -> None:
        self._origin = origin
        self._values: list[Array] = []
        self._weights: list[Array | None] = []
        self._n_new = 0

    def add(self, values: Array, weight: Array | None = None) -> None:
        """Note a batch."""
        self._values.append(values - self._origin)
        self._weights.append(weight)
        self._n_new += len(values)
        if self._n_new > KEPT:
            self._round()

    @property
    def median(self) -> float:
        """The median."""
        return self._origin + weighted_median(*self._all())

    def deviation_about(self, middle: float) -> float:
        """Return what `deviation_about` does."""
        return deviation_about(middle - self._origin, *self._all())

    def _all(self) -> tuple[Array, Array | None]:
        values = np.concatenate(self._values)
        if all(weight is None for weight in self._weights):
            return values, None
        pairs = zip(self._values, self._weights, strict=True)
        return values, np.concatenate([np.ones(len(each)) if weight is None else weight for each, weight in pairs])

    def _round(self) -> None:
        values, weight = self._all()
        # Halfway up is added to the bits that go; the sign bit stays what it is.
        bits = (values.view(np.int64) + (1 << (SHIFT - 1))) >> SHIFT << SHIFT
        found, places = np.unique(bits, return_inverse=True)
        self._values = [found.view(np.float64)]
        self._weights = [np.bincount(places, weight).astype(np.float64)]
        self._n_new = 0
