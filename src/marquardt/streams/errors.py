"""How good a network is, from sums that grow batch by batch: on files part by part, in one pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from marquardt.arrays import AnyArray, Array, ArrayLike
from marquardt.checks import one_of
from marquardt.networks import Network
from marquardt.streams.data import NAMES, FileData

__all__ = ["ClassErrors", "ErrorSums", "RegressionErrors", "errors_of_parts", "probabilities"]

TINY = float(np.finfo(np.float64).eps)
LEAST_EXPONENT = -1100
"""That of less than any number."""


def probabilities(outputs: Array) -> Array:
    """Return a column a class; a single output is the probability of the second of two."""
    return np.column_stack([1.0 - outputs[:, 0], outputs[:, 0]]) if outputs.shape[1] == 1 else outputs


class ErrorSums(Protocol):
    """Sums of errors over samples that go by."""

    def add(self, outputs: Array, targets: AnyArray) -> None:
        """Take samples in."""

    def report(self) -> dict[str, Any]:
        """Return the number of samples and what the sums come to."""


class RegressionErrors:
    """RMSE, MAE and R² of every target.

    Squares are summed in parts of a power of two, which changes no digit: those of 1e200 or 1e-200 are no numbers.
    """

    def __init__(self, names: Sequence[str], center: ArrayLike) -> None:
        self._names, self._center = names, np.asarray(center, dtype=np.float64)
        self._squares, self._absolute, self._shifted, self._shifted_squares = np.zeros((4, len(names)))
        self._exponents = np.full(len(names), LEAST_EXPONENT)
        self._count = 0

    def add(self, outputs: Array, targets: AnyArray) -> None:
        """Take samples in."""
        with np.errstate(over="ignore", invalid="ignore"):
            residual, around = outputs - targets, targets - self._center
            self._widen(np.maximum(np.abs(residual).max(axis=0), np.abs(around).max(axis=0)))
            residual, around = np.ldexp(residual, -self._exponents), np.ldexp(around, -self._exponents)
            self._absolute += np.abs(residual).sum(axis=0)
            self._squares += (residual**2).sum(axis=0)
            self._shifted += around.sum(axis=0)
            self._shifted_squares += (around**2).sum(axis=0)
        self._count += len(targets)

    def _widen(self, largest: Array) -> None:
        """Take a larger power of two where the sums so far are in parts of a smaller one."""
        exponents = np.maximum(self._exponents, np.frexp(largest)[1])
        fall = self._exponents - exponents
        for sums, times in ((self._absolute, 1), (self._shifted, 1), (self._squares, 2), (self._shifted_squares, 2)):
            sums[:] = np.ldexp(sums, times * fall)
        self._exponents = exponents

    def report(self) -> dict[str, Any]:
        """Return the errors; R² is NaN where a target does not vary."""
        count = self._count
        variation = self._shifted_squares - self._shifted**2 / count
        roots = np.ldexp(np.sqrt(self._squares / count), self._exponents)
        means = np.ldexp(self._absolute / count, self._exponents)
        return {
            "samples": count,
            "targets": {
                name: {
                    "rmse": float(roots[k]),
                    "mae": float(means[k]),
                    "r2": float(1.0 - self._squares[k] / variation[k]) if variation[k] > 0 else math.nan,
                }
                for k, name in enumerate(self._names)
            },
        }


class ClassErrors:
    """Accuracy, cross-entropy and confusion counts."""

    def __init__(self, n_classes: int) -> None:
        self._confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
        self._cross_entropy = 0.0

    def add(self, outputs: Array, targets: AnyArray) -> None:
        """Take samples in."""
        chances, n_classes = probabilities(outputs), len(self._confusion)
        of_the_true = np.clip(chances[np.arange(len(targets)), targets], TINY, None)
        self._cross_entropy -= float(np.log(of_the_true).sum())
        pairs = targets * n_classes + chances.argmax(axis=1)
        self._confusion += np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)

    def report(self) -> dict[str, Any]:
        """Return the errors."""
        count = int(self._confusion.sum())
        return {
            "samples": count,
            "accuracy": float(np.trace(self._confusion) / count),
            "cross_entropy": self._cross_entropy / count,
            "confusion": self._confusion.tolist(),
        }


def errors_of_parts(network: Network, data: FileData, task: str = "regression") -> dict[str, Any]:
    """Return the errors of a network on every part."""
    one_of(task, ("regression", "classification"), "task")
    sums: list[ErrorSums] = []
    for _ in NAMES:
        if task == "classification":
            sums.append(ClassErrors(max(2, data.n_outputs)))
        else:
            sums.append(RegressionErrors(data.files.target_names, data.target_means))
    # Files of a table know what to make of rows between its words.
    evaluate = getattr(data.files, "outputs", Network.outputs)
    for columns, numbers in data.batches():
        outputs, targets = evaluate(network, columns[: data.n_inputs].T), columns[data.n_inputs :].T
        if task == "classification":
            targets = targets[:, 0].astype(np.int64) if data.n_outputs == 1 else targets.argmax(axis=1)
        for part in np.unique(numbers):
            rows = numbers == part
            sums[part].add(outputs[rows], targets[rows])
    return {name: sums[part].report() for part, name in enumerate(NAMES) if data.counts[part]}
