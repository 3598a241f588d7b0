"""How good a network is on files, part by part, in one pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from marquardt.networks import Network
from marquardt.streams.data import NAMES, FileData

__all__ = ["errors_of_parts"]


def errors_of_parts(network: Network, data: FileData) -> dict[str, Any]:
    """Return RMSE, MAE and R² of every target on every part.

    Parameters
    ----------
    network : Network
        With as many inputs and outputs as the data have.
    data : FileData
        Rows and their division.

    Returns
    -------
    dict
        By part (``"train"``, ``"validation"``, ``"test"``, those with rows): ``"samples"``, and ``"targets"``, which
        has ``"rmse"``, ``"mae"`` and ``"r2"`` by the target's name, in its own units; R² is NaN where a target does not
        vary.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from marquardt.networks import feed_forward
    >>> from marquardt.streams import ArrayFiles
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "line.npy"
    >>> np.save(path, np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 6.0]]))
    >>> data = FileData(ArrayFiles(path, target_columns=[1]), validation=0.0, test=0.0)
    >>> report = errors_of_parts(Network(feed_forward(1, (), 1), [2.0, 1.0]), data)
    >>> round(report["train"]["targets"]["line[1]"]["mae"], 3)
    0.333
    >>> folder.cleanup()
    """
    n_outputs = data.n_outputs
    # Deviations from the training mean, so that a target far from zero loses no digits.
    center = data.target_means
    squares, absolute, shifted, shifted_squares = (np.zeros((3, n_outputs)) for _ in range(4))
    for columns, numbers in data.batches():
        targets = columns[data.n_inputs :].T
        residual = network.outputs(columns[: data.n_inputs].T) - targets
        around = targets - center
        for part in np.unique(numbers):
            rows = numbers == part
            squares[part] += (residual[rows] ** 2).sum(axis=0)
            absolute[part] += np.abs(residual[rows]).sum(axis=0)
            shifted[part] += around[rows].sum(axis=0)
            shifted_squares[part] += (around[rows] ** 2).sum(axis=0)
    report: dict[str, Any] = {}
    for part, (name, count) in enumerate(zip(NAMES, data.counts, strict=True)):
        if not count:
            continue
        variation = shifted_squares[part] - shifted[part] ** 2 / count
        report[name] = {
            "samples": count,
            "targets": {
                target: {
                    "rmse": math.sqrt(squares[part, k] / count),
                    "mae": float(absolute[part, k] / count),
                    "r2": float(1.0 - squares[part, k] / variation[k]) if variation[k] > 0 else math.nan,
                }
                for k, target in enumerate(data.files.target_names)
            },
        }
    return report
