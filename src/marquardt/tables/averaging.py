"""What a network says where a category is of a level that it was not trained on: the mean over those that it was.

Between the levels, at the mean of their codes, the network was never trained either: there its output is any number.
With p the share of a level among the training rows, and x(l) the row with level l,

    o = Σ_l p_l o(x(l)),                                                                                  (1)

which lies between the outputs of the known levels. Where several columns of a row are unknown, the sum goes over all
combinations, or over `MOST_POINTS` of them in which each column has its levels as often as their shares say.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from marquardt.networks import Network

__all__ = ["Category", "outputs_over_levels"]

MOST_POINTS = 64
"""Evaluations of a row."""
CHUNK_ROWS = 1 << 16
"""Rows that are copied at a time."""

Numbers = NDArray[np.float64]


class Category(Protocol):
    """A column of the table, as far as it matters here."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Of its inputs."""

    @property
    def kind(self) -> str:
        """ "category" for one with levels."""

    @property
    def codes(self) -> Numbers:
        """The code of every level a row, and that of an unknown one."""


def outputs_over_levels(network: Network, columns: Sequence[Category], inputs: Numbers) -> Numbers:
    """Return the outputs of a network: of rows with unknown levels, equation (1)."""
    outputs = network.outputs(inputs)
    places: list[tuple[slice, Numbers]] = []
    masks: list[NDArray[np.bool_]] = []
    start = 0
    for column in columns:
        stop = start + len(column.input_names)
        if column.kind == "category":
            block = inputs[:, start:stop]
            is_between: NDArray[np.bool_] = np.any((block > 0) & (block < 1), axis=1)
            if is_between.any():
                places.append((slice(start, stop), column.codes[-1]))
                masks.append(is_between)
        start = stop
    if not masks:
        return outputs
    between = np.column_stack(masks)
    is_missing = np.isnan(inputs).any(axis=1)
    rows = np.flatnonzero(between.any(axis=1) & ~is_missing)
    patterns, kinds = np.unique(between[rows], axis=0, return_inverse=True)
    for kind, pattern in enumerate(patterns):
        these = rows[kinds.ravel() == kind]
        unknown = [place for place, is_unknown in zip(places, pattern, strict=True) if is_unknown]
        weights, points = _points([shares for _, shares in unknown])
        for first in range(0, len(these), CHUNK_ROWS):
            chunk = these[first : first + CHUNK_ROWS]
            given, total = inputs[chunk], np.zeros((len(chunk), outputs.shape[1]))
            for weight, levels in zip(weights, points, strict=True):
                for (place, _), level in zip(unknown, levels, strict=True):
                    given[:, place] = 0.0
                    given[:, place.start + level] = 1.0
                total += weight * network.outputs(given)
            outputs[chunk] = total
    return outputs


def _points(shares: Sequence[Numbers]) -> tuple[Numbers, list[tuple[int, ...]]]:
    """Return the weights of combinations, and the level of each column in them."""
    levels = [np.flatnonzero(each > 0) for each in shares]
    if np.prod([float(len(each)) for each in levels]) <= MOST_POINTS:
        points = [tuple(int(level) for level in point) for point in itertools.product(*levels)]
        weights = np.array([np.prod([each[k] for each, k in zip(shares, point, strict=True)]) for point in points])
        return weights / weights.sum(), points
    middles = (np.arange(MOST_POINTS) + 0.5) / MOST_POINTS
    drawn = []
    for number, each in enumerate(shares):
        found = np.searchsorted(np.cumsum(each) / each.sum(), middles)
        drawn.append(np.random.default_rng(number).permutation(found))
    return np.full(MOST_POINTS, 1.0 / MOST_POINTS), [tuple(map(int, point)) for point in zip(*drawn, strict=True)]
