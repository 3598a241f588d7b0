"""How good a network is, in a few formulas of NumPy: importing scikit-learn's takes seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from marquardt.arrays import AnyArray, Array

TINY = float(np.finfo(np.float64).eps)


def regression_scores(outputs: Array, targets: Array) -> dict[str, float]:
    """Return RMSE, MAE and R² of one target; R² is NaN where the targets do not vary.

    >>> scores = regression_scores(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0]))
    >>> round(scores["rmse"], 3), scores["mae"], round(scores["r2"], 3)
    (1.732, 1.0, 0.357)
    """
    residual = outputs - targets
    around_mean = float(np.sum((targets - targets.mean()) ** 2))
    squares = float(np.sum(residual**2))
    return {
        "rmse": math.sqrt(squares / len(targets)),
        "mae": float(np.abs(residual).mean()),
        "r2": 1.0 - squares / around_mean if around_mean > 0 else math.nan,
    }


def probabilities(outputs: Array) -> Array:
    """Return a column a class; a single output is the probability of the second of two."""
    return np.column_stack([1.0 - outputs[:, 0], outputs[:, 0]]) if outputs.shape[1] == 1 else outputs


def classification_scores(outputs: Array, codes: AnyArray) -> dict[str, Any]:
    """Return accuracy, cross-entropy and the confusion counts (a row a true class, a column a predicted one).

    >>> scores = classification_scores(np.array([[0.9], [0.2], [0.4]]), np.array([1, 0, 1]))
    >>> round(scores["accuracy"], 3), round(scores["cross_entropy"], 3), scores["confusion"]
    (0.667, 0.415, [[1, 0], [1, 1]])
    """
    chances = probabilities(outputs)
    n_classes = chances.shape[1]
    predicted = chances.argmax(axis=1)
    of_the_true = np.clip(chances[np.arange(len(codes)), codes], TINY, None)
    confusion = np.bincount(codes * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)
    return {
        "accuracy": float(np.mean(predicted == codes)),
        "cross_entropy": float(-np.log(of_the_true).mean()),
        "confusion": confusion.tolist(),
    }


def part_scores(task: str, names: Sequence[str], outputs: Array, targets: AnyArray) -> dict[str, Any]:
    """Return the scores of one part, with its number of samples."""
    if task == "classification":
        return {"samples": len(targets), **classification_scores(outputs, targets)}
    by_target = {name: regression_scores(outputs[:, column], targets[:, column]) for column, name in enumerate(names)}
    return {"samples": len(targets), "targets": by_target}


def scores_of_parts(
    task: str, names: Sequence[str], outputs: Array, targets: AnyArray, parts: Mapping[str, AnyArray]
) -> dict[str, Any]:
    """Return the scores of every part that has samples, by its name."""
    return {part: part_scores(task, names, outputs[rows], targets[rows]) for part, rows in parts.items() if len(rows)}
