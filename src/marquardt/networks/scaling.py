"""Scalings of inputs and targets, which travel with the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from marquardt.arrays import Array, ArrayLike, as_array, require_finite, row_slices
from marquardt.checks import one_of
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.numerics import deviation_about, weighted_median

__all__ = ["SCALINGS", "ColumnStatistics", "Scaling"]

SCALINGS = ("minmax", "standard", "robust", "none")
LARGEST_FACTOR = 2.0**1022
"""A power of two whose reciprocal is a normal number."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """A column-wise affine map: scaled = (x − offset) · factor.

    Parameters
    ----------
    offset, factor : array-like of shape (n_columns,)
        A factor of 0 marks a constant column: it scales to 0 and scales back to its offset.
    kind : str
        One of ``"minmax"`` (to [−1, 1]), ``"standard"`` (mean 0, standard deviation 1), ``"robust"`` (the same as the
        medians tell them, whatever fewer than half of the values are), ``"none"``.

    Examples
    --------
    >>> scaling = Scaling.fit("minmax", np.array([[0.0], [10.0]]))
    >>> scaling.apply(np.array([[7.5]]))
    array([[0.5]])
    """

    offset: Array
    factor: Array
    kind: str = "none"

    def __post_init__(self) -> None:
        one_of(self.kind, SCALINGS, "scaling")
        for name in ("offset", "factor"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.offset.ndim != 1 or self.offset.shape != self.factor.shape:
            raise ShapeError(
                f"offset and factor must be two vectors alike, got {self.offset.shape} and {self.factor.shape}."
            )
        if not (np.isfinite(self.offset).all() and np.isfinite(self.factor).all()):
            raise ConfigurationError("The offset and factor of a scaling must be finite.")

    @classmethod
    def fit(cls, kind: str, columns: ArrayLike, sample_weight: ArrayLike | None = None) -> Scaling:
        """Choose offset and factor from data.

        Rows of weight zero are left out; ``"standard"`` uses weighted means and deviations, and ``"robust"`` weighted
        medians m and deviations 1.4826 · median \\|x − m\\|, so that a weight of two equals the same row twice. Where
        every value has a weight of its own, each column is scaled by itself.

        Parameters
        ----------
        kind : str
            One of `SCALINGS`.
        columns : array-like of shape (n_samples, n_columns)
            The data.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_columns), optional
            Weights, not negative.

        Returns
        -------
        Scaling
            A constant column has factor 0, whatever the kind.

        Raises
        ------
        ConfigurationError
            If the kind is unknown.
        ShapeError
            If the arrays are not of these shapes.
        DataError
            If there is no row, or a value is not finite.
        """
        one_of(kind, SCALINGS, "scaling")
        data = as_array(columns)
        if data.ndim != 2:
            raise ShapeError(f"columns must be of shape (n_samples, n_columns), got {data.shape}.")
        weight = None if sample_weight is None else as_array(sample_weight)
        if weight is not None and weight.ndim == 2 and weight.shape == data.shape:
            each = [cls.fit(kind, data[:, k : k + 1], weight[:, k]) for k in range(data.shape[1])]
            offset = np.concatenate([one.offset for one in each])
            return cls(offset, np.concatenate([one.factor for one in each]), kind)
        if weight is not None and weight.shape != (len(data),):
            raise ShapeError(f"sample_weight must be of shape ({len(data)},), got {weight.shape}.")
        require_finite(data, "columns")
        if weight is not None and (weight == 0).any():
            data, weight = data[weight > 0], weight[weight > 0]
        if len(data) == 0:
            raise DataError("There is no row to scale by: none is given, or all weights are zero.")
        low, high = data.min(axis=0), data.max(axis=0)
        middle, half = 0.5 * low + 0.5 * high, 0.5 * high - 0.5 * low
        if kind == "robust":
            medians = np.array([weighted_median(column, weight) for column in data.T])
            pairs = zip(medians, data.T, strict=True)
            return cls.of_medians(low, high, medians, np.array([deviation_about(m, c, weight) for m, c in pairs]))
        if kind != "standard":
            return cls._of(kind, low, high, middle, half)
        mean, deviation = _moments(data, weight, middle, np.where(half > 0, half, 1.0))
        return cls._of(kind, low, high, middle + half * mean, half * deviation)

    @classmethod
    def of_statistics(cls, kind: str, statistics: ColumnStatistics) -> Scaling:
        """Choose offset and factor from what was noted of data that went by.

        Parameters
        ----------
        kind : str
            One of ``"minmax"``, ``"standard"``, ``"none"``; for ``"robust"`` see `of_medians`.
        statistics : ColumnStatistics
            Of all rows.

        Returns
        -------
        Scaling
            That of `fit` on the same rows, to rounding.

        Raises
        ------
        ConfigurationError
            If the kind is unknown.
        DataError
            If no row went by.
        """
        one_of(kind, SCALINGS, "scaling")
        if statistics.count == 0:
            raise DataError("There is no row to scale by.")
        if kind == "robust":
            raise ConfigurationError("Medians are not among the statistics of columns. Take Scaling.of_medians.")
        low, high = statistics.low, statistics.high
        if kind != "standard":
            return cls._of(kind, low, high, 0.5 * low + 0.5 * high, 0.5 * high - 0.5 * low)
        return cls._of(kind, low, high, statistics.mean, statistics.deviation)

    @classmethod
    def of_medians(cls, low: Array, high: Array, medians: Array, deviations: Array) -> Scaling:
        """Return the scaling ``"robust"``.

        Parameters
        ----------
        low, high : ndarray of shape (n_columns,)
            The range of every column.
        medians, deviations : ndarray of shape (n_columns,)
            1.4826 · median \\|x − m\\| is the deviation.

        Returns
        -------
        Scaling
            A constant column has factor 0.

        Examples
        --------
        >>> Scaling.of_medians(np.zeros(1), np.full(1, 9.0), np.ones(1), np.full(1, 2.0)).apply(np.array([[5.0]]))
        array([[2.]])
        """
        return cls._of("robust", low, high, medians, deviations)

    @classmethod
    def _of(cls, kind: str, low: Array, high: Array, offset: Array, spread: Array) -> Scaling:
        """The scaling by an offset and a spread, both 0 and 1 for none; columns that do not vary have factor 0."""
        if kind == "none":
            offset, spread = np.zeros(len(low)), np.ones(len(low))
        is_constant = low == high
        # A spread below the resolution of the column is rounding, not information.
        # Beside a column's ends, which an outlier sets, the median says how large its numbers are.
        size = np.abs(offset) if kind == "robust" else np.maximum(np.abs(low), np.abs(high))
        is_constant |= spread <= 4 * np.finfo(float).eps * size * (kind != "none")
        offset = np.where(is_constant, low, offset)
        with np.errstate(divide="ignore", over="ignore"):
            factor = np.where(is_constant, 0.0, 1.0 / spread)
        # Subnormal spreads have no finite reciprocal; with the largest power of two their range is a smaller one.
        factor = np.minimum(factor, LARGEST_FACTOR)
        return cls(offset, factor, kind)

    @classmethod
    def none(cls, n_columns: int) -> Scaling:
        """Return the scaling that changes nothing.

        Parameters
        ----------
        n_columns : int
            Number of columns.

        Returns
        -------
        Scaling
            Offset 0, factor 1.
        """
        return cls(np.zeros(n_columns), np.ones(n_columns), "none")

    def apply(self, values: Array) -> Array:
        """Scale values.

        Parameters
        ----------
        values : ndarray of shape (n_samples, n_columns)
            In their own units.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Scaled.
        """
        scaled: Array = (values - self.offset) * self.factor
        return scaled

    def invert(self, scaled: Array) -> Array:
        """Scale back.

        Parameters
        ----------
        scaled : ndarray of shape (n_samples, n_columns)
            As `apply` returns them.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            In their own units; a constant column gets its constant.
        """
        values: Array = scaled * self.spread + self.offset
        return values

    @property
    def spread(self) -> Array:
        """One scaled unit in the column's own units, shape (n_columns,); 0 for a constant column."""
        return np.divide(1.0, self.factor, out=np.zeros_like(self.factor), where=self.factor != 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the scaling as plain JSON values.

        Returns
        -------
        dict
            What `from_dict` reads; floats keep every bit.
        """
        return {"kind": self.kind, "offset": self.offset.tolist(), "factor": self.factor.tolist()}

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Scaling:
        """Build a scaling from what `to_dict` returned.

        Parameters
        ----------
        description : mapping
            Plain values.

        Returns
        -------
        Scaling
            Equal bit for bit.

        Raises
        ------
        ConfigurationError
            If a key is missing or a value cannot be.
        """
        try:
            return cls(description["offset"], description["factor"], description["kind"])
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"This does not describe a scaling: {type(error).__name__}: {error}.") from error


class ColumnStatistics:
    """Range, mean and deviation of columns whose rows go by in batches and are not kept.

    Means and sums of squares of batches merge by Chan, Golub and LeVeque (1983), in units of the first batch's half
    range around its middle: so columns far from zero lose no digits.
    """

    def __init__(self, n_columns: int) -> None:
        self.count = 0
        self.low, self.high = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
        self._middle = self._unit = np.zeros(n_columns)
        self._mean, self._squares = np.zeros(n_columns), np.zeros(n_columns)

    def add(self, columns: Array) -> None:
        """Note a batch."""
        n_new = columns.shape[1]
        if n_new == 0:
            return
        low, high = columns.min(axis=1), columns.max(axis=1)
        if self.count == 0:
            half = 0.5 * high - 0.5 * low
            self._middle, self._unit = 0.5 * low + 0.5 * high, np.where(half > 0, half, 1.0)
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)
        relative = (columns - self._middle[:, None]) / self._unit[:, None]
        mean = relative.mean(axis=1)
        relative -= mean[:, None]
        apart, total = mean - self._mean, self.count + n_new
        self._squares += np.einsum("cr,cr->c", relative, relative) + apart * apart * (self.count * n_new / total)
        self._mean = self._mean + apart * (n_new / total)
        self.count = total

    @property
    def mean(self) -> Array:
        """The means, of shape (n_columns,)."""
        return self._middle + self._unit * self._mean

    @property
    def deviation(self) -> Array:
        """The standard deviations of the rows that went by, of shape (n_columns,)."""
        return self._unit * np.sqrt(self._squares / self.count)


def _moments(data: Array, weight: Array | None, middle: Array, half: Array) -> tuple[Array, Array]:
    """Weighted mean and standard deviation of (data − middle) / half.

    In units of the half range nothing overflows, and data far from zero lose no digits.
    """
    share = np.full(len(data), 1.0 / len(data)) if weight is None else weight / weight.sum()
    blocks = row_slices(len(data))
    mean: Array = np.sum([share[rows] @ ((data[rows] - middle) / half) for rows in blocks], axis=0)
    variance: Array = np.sum([share[rows] @ ((data[rows] - middle) / half - mean) ** 2 for rows in blocks], axis=0)
    return mean, np.sqrt(variance)
