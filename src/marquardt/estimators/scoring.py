"""R² where every target has a weight of its own."""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array, ArrayLike, checked_weight
from marquardt.errors import ShapeError

__all__ = ["r2_by_target"]


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
