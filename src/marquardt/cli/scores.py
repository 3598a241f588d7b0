"""How good a network is on the parts of a table in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marquardt.arrays import AnyArray, Array
from marquardt.streams import ClassErrors, ErrorSums, RegressionErrors, probabilities


def classification_scores(outputs: Array, codes: AnyArray) -> dict[str, Any]:
    """Return accuracy, cross-entropy and the confusion counts (a row a true class, a column a predicted one).

    >>> import numpy as np
    >>> scores = classification_scores(np.array([[0.9], [0.2], [0.4]]), np.array([1, 0, 1]))
    >>> round(scores["accuracy"], 3), round(scores["cross_entropy"], 3), scores["confusion"]
    (0.667, 0.415, [[1, 0], [1, 1]])
    """
    return _scores(ClassErrors(probabilities(outputs).shape[1]), outputs, codes)


def part_scores(task: str, names: Sequence[str], outputs: Array, targets: AnyArray) -> dict[str, Any]:
    """Return the scores of one part, with its number of samples."""
    if task == "classification":
        return classification_scores(outputs, targets)
    return _scores(RegressionErrors(names, targets.mean(axis=0)), outputs, targets)


def _scores(sums: ErrorSums, outputs: Array, targets: AnyArray) -> dict[str, Any]:
    sums.add(outputs, targets)
    return sums.report()


def scores_of_parts(
    task: str, names: Sequence[str], outputs: Array, targets: AnyArray, parts: Mapping[str, AnyArray]
) -> dict[str, Any]:
    """Return the scores of every part that has samples, by its name."""
    return {part: part_scores(task, names, outputs[rows], targets[rows]) for part, rows in parts.items() if len(rows)}
