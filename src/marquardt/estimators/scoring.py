"""R² where every target has a weight of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from marquardt.arrays import Array, ArrayLike, checked_weight
from marquardt.errors import ShapeError

__all__ = ["in_one_unit", "r2_by_target"]

USUAL = 400
"""Powers of two up to which squares are numbers, and sums of many of them."""


def r2_by_target(targets: Array, predicted: Array, sample_weight: ArrayLike) -> float:
    """Return the mean over targets of R², each with its own weights."""
    from sklearn.metrics import r2_score

    if targets.ndim != 2:
        raise ShapeError(f"y has one target: sample_weight must be of shape ({len(targets)},) for it.")
    weight = checked_weight(sample_weight, *targets.shape)
    columns = np.broadcast_to(weight if weight.ndim == 2 else weight[:, None], targets.shape).T
    scores = []
    for true, found, each in zip(targets.T, predicted.T, columns, strict=True):
        counts = each > 0
        scores.append(r2_score(true[counts], found[counts], sample_weight=each[counts]))
    return float(np.mean(scores))


def in_one_unit(targets: Any, predicted: Array) -> tuple[Any, Array]:
    """Return both in parts of a power of two where their squares are no numbers; R² is the same."""
    values = np.asarray(targets)
    if values.dtype.kind != "f" or not values.size or not np.isfinite(values).all():
        return targets, predicted
    exponent = int(np.frexp(np.abs(values).max())[1])
    if abs(exponent) <= USUAL:
        return targets, predicted
    return np.ldexp(values, -exponent), np.ldexp(predicted, -exponent)
