"""Fixed and shared weights: how the weights that are trained give those of the connections.

Every connection and bias of a graph has a place in the vector of all connections. A connection is free, has a fixed
value, or shares its weight with others. With the trained vector w, the connections are the affine map

    c = E w + f,        E[p, j] = 1 where connection p has weight j, f the fixed values.                   (1)

So gradients and the rows of a Jacobian come back by Eᵀ (the sum over the connections that share), matrices by
EᵀAE, directions go out by E. E is never written down: it is an index a connection.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marquardt.arrays import AnyArray, Array, ArrayLike, Indices
from marquardt.errors import ConfigurationError, ShapeError

__all__ = ["WeightMap"]

FIXED = -1
"""The index of a connection without a weight to be trained."""


class WeightMap:
    """Which connections have which weight, and which have a fixed value, eq. (1)."""

    def __init__(self, index: ArrayLike, values: ArrayLike) -> None:
        self.index: Indices = np.array(index, dtype=np.intp)
        fixed = np.array(values, dtype=np.float64)
        if self.index.ndim != 1 or fixed.shape != self.index.shape:
            raise ConfigurationError(
                f"index and values must be vectors of one length, got {self.index.shape} and {fixed.shape}."
            )
        is_fixed = self.index < 0
        self.index[is_fixed] = FIXED
        self.values: Array = np.where(is_fixed, fixed, 0.0)
        if not np.isfinite(self.values).all():
            raise ConfigurationError("Fixed weights must be finite numbers.")
        trained = np.flatnonzero(~is_fixed)
        if not len(trained):
            raise ConfigurationError("All weights are fixed: there is nothing to train. Leave at least one free.")
        numbers = self.index[trained]
        self.n_connections = len(self.index)
        self.n_weights = int(numbers.max()) + 1
        order = np.argsort(numbers, kind="stable")
        sorted_numbers = numbers[order]
        starts = np.flatnonzero(np.r_[True, sorted_numbers[1:] != sorted_numbers[:-1]])
        self.first: Indices = trained[order[starts]]
        """The first connection of every weight."""
        if len(starts) != self.n_weights or (np.diff(self.first) <= 0).any():
            raise ConfigurationError("Weights must be numbered from 0 in the order of their first connections.")
        self.is_shared = len(trained) > self.n_weights
        # The connections, weight by weight, and where each weight's begin among them.
        self._sorted: Indices = trained[order]
        self._starts: Indices = starts
        self._gathered: Indices = np.where(is_fixed, 0, self.index)
        self._fixed: Indices = np.flatnonzero(is_fixed)
        for array in (self.index, self.values, self.first):
            array.setflags(write=False)

    @classmethod
    def numbered(cls, labels: AnyArray, values: ArrayLike) -> WeightMap:
        """Return the map of any labels, renumbered by first connection."""
        labels = np.asarray(labels)
        index = np.full(len(labels), FIXED, dtype=np.intp)
        is_free = labels >= 0
        _, firsts, inverse = np.unique(labels[is_free], return_index=True, return_inverse=True)
        rank = np.empty(len(firsts), dtype=np.intp)
        rank[np.argsort(firsts)] = np.arange(len(firsts))
        index[is_free] = rank[inverse]
        return cls(index, values)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, WeightMap)
            and np.array_equal(self.index, other.index)
            and self.values.tobytes() == other.values.tobytes()
        )

    def __hash__(self) -> int:
        return hash((self.index.tobytes(), self.values.tobytes()))

    def __repr__(self) -> str:
        n_fixed = int(np.count_nonzero(self.index < 0))
        return f"WeightMap({self.n_connections} connections, {n_fixed} fixed, {self.n_weights} weights)"

    def expand(self, weights: Array) -> Array:
        """Return the values of all connections, c = E w + f."""
        connections: Array = np.take(weights, self._gathered, axis=-1)
        connections[..., self._fixed] = self.values[self._fixed]
        return connections

    def directions(self, moves: Array) -> Array:
        """Return how the connections move with the weights, E v."""
        result: Array = np.take(moves, self._gathered, axis=-1)
        result[..., self._fixed] = 0.0
        return result

    def contract(self, array: Array, axis: int = 0) -> Array:
        """Return Eᵀ x along an axis: the entries of the free connections, summed where they share a weight."""
        if not self.is_shared:
            return np.take(array, self.first, axis=axis)
        result: Array = np.add.reduceat(np.take(array, self._sorted, axis=axis), self._starts, axis=axis)
        return result

    def contract_matrix(self, matrix: Array) -> Array:
        """Return EᵀAE of a symmetric matrix."""
        if not self.is_shared:
            return matrix[np.ix_(self.first, self.first)]
        half = self.contract(self.contract(matrix, 0), 1)
        # The order of the sums is not that of the mirror image.
        return 0.5 * (half + half.T)

    def shared(self) -> list[tuple[int, list[int]]]:
        """Return the weights that several connections share."""
        ends = np.append(self._starts[1:], len(self._sorted))
        counts = ends - self._starts
        return [(int(k), self._sorted[self._starts[k] : ends[k]].tolist()) for k in np.flatnonzero(counts > 1).tolist()]

    def of_first(self, array: AnyArray) -> AnyArray:
        """Return the entries of each weight's first connection."""
        taken: AnyArray = array[self.first]
        return taken

    def weights_of(self, connections: Array) -> Array:
        """Return the weights that give these connections."""
        if connections.shape != (self.n_connections,):
            raise ShapeError(f"There are {self.n_connections} connections, got an array of shape {connections.shape}.")
        weights: Array = connections[self.first]
        wrong = np.flatnonzero(self.expand(weights) != connections)
        if len(wrong):
            what = "is fixed at another value" if self.index[wrong[0]] < 0 else "shares a weight with another value"
            raise ConfigurationError(
                f"{len(wrong)} of {self.n_connections} connections do not fit: connection {wrong[0]}, "
                f"{connections[wrong[0]]:g}, {what}, {self.expand(weights)[wrong[0]]:g}."
            )
        return weights

    def to_dict(self) -> dict[str, Any]:
        """Return the map as plain JSON values."""
        return {"index": self.index.tolist(), "values": self.values[self.index < 0].tolist()}

    @classmethod
    def from_dict(cls, description: Any) -> WeightMap:
        """Build a map from what `to_dict` returned."""
        given, fixed = description["index"], description["values"]
        if not all(type(number) is int for number in given) or not all(type(value) in (int, float) for value in fixed):
            raise ConfigurationError("A map of weights has whole numbers for its index and numbers for its values.")
        index = np.array(given, dtype=np.intp)
        values = np.zeros(len(index))
        if np.count_nonzero(index < 0) != len(fixed):
            raise ConfigurationError(
                f"{np.count_nonzero(index < 0)} connections are fixed, and there are {len(fixed)} values for them."
            )
        values[index < 0] = fixed
        return cls(index, values)
