"""R² where every target has a weight of its own."""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array, ArrayLike, checked_weight
from marquardt.errors import ShapeError

__all__ = ["r2_by_target"]


def r2_by_target(targets: Array, predicted: Array, sample_weight: ArrayLike) -> float:
    """Return the mean over targets of R², each with its own weights.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_targets)
        What is true; of weight 0 a value may be missing.
    predicted : ndarray of shape (n_samples, n_targets)
        What the network says.
    sample_weight : array-like of shape (n_samples, n_targets)
        Not negative.

    Returns
    -------
    float
        1 is perfect.

    Raises
    ------
    ShapeError
        If the weights are of another shape than the targets.

    Examples
    --------
    >>> y = np.array([[1.0, 5.0], [2.0, np.nan], [3.0, 6.0]])
    >>> r2_by_target(y, np.nan_to_num(y), np.where(np.isnan(y), 0.0, 1.0))
    1.0
    """
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
