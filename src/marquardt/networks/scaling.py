"""Scalings of inputs and targets, which travel with the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from marquardt.arrays import Array, ArrayLike, require_finite, row_slices
from marquardt.checks import one_of
from marquardt.errors import ConfigurationError, DataError, ShapeError

__all__ = ["SCALINGS", "Scaling"]

SCALINGS = ("minmax", "standard", "none")


@dataclass(frozen=True, eq=False)
class Scaling:
    """A column-wise affine map: scaled = (x − offset) · factor.

    Parameters
    ----------
    offset, factor : array-like of shape (n_columns,)
        A factor of 0 marks a constant column: it scales to 0 and scales back to its offset.
    kind : str
        One of ``"minmax"`` (to [−1, 1]), ``"standard"`` (mean 0, standard deviation 1), ``"none"``.

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

        Rows of weight zero are left out; ``"standard"`` uses weighted means and deviations, so that a weight
        of two equals the same row twice.

        Parameters
        ----------
        kind : str
            One of ``"minmax"``, ``"standard"``, ``"none"``.
        columns : array-like of shape (n_samples, n_columns)
            The data.
        sample_weight : array-like of shape (n_samples,), optional
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
        data = np.asarray(columns, dtype=np.float64)
        if data.ndim != 2:
            raise ShapeError(f"columns must be of shape (n_samples, n_columns), got {data.shape}.")
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if weight is not None and weight.shape != (len(data),):
            raise ShapeError(f"sample_weight must be of shape ({len(data)},), got {weight.shape}.")
        require_finite(data, "columns")
        if weight is not None and (weight == 0).any():
            data, weight = data[weight > 0], weight[weight > 0]
        if len(data) == 0:
            raise DataError("There is no row to scale by: none is given, or all weights are zero.")
        low, high = data.min(axis=0), data.max(axis=0)
        is_constant = low == high
        # Halved first, so that the sum of two huge values does not overflow.
        middle, half = 0.5 * low + 0.5 * high, 0.5 * high - 0.5 * low
        if kind == "minmax":
            offset, spread = middle, half
        elif kind == "standard":
            mean, deviation = _moments(data, weight, middle, np.where(half > 0, half, 1.0))
            offset, spread = middle + half * mean, half * deviation
        else:
            offset, spread = np.zeros(data.shape[1]), np.ones(data.shape[1])
        # A spread below the resolution of the column is rounding, not information.
        is_constant |= spread <= 4 * np.finfo(float).eps * np.maximum(np.abs(low), np.abs(high)) * (kind != "none")
        offset = np.where(is_constant, low, offset)
        with np.errstate(divide="ignore", over="ignore"):
            factor = np.where(is_constant, 0.0, 1.0 / spread)
        # Subnormal spreads have no finite reciprocal; such a column is constant for every purpose.
        factor[~np.isfinite(factor)] = 0.0
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


def _moments(data: Array, weight: Array | None, middle: Array, half: Array) -> tuple[Array, Array]:
    """Weighted mean and standard deviation of (data − middle) / half.

    In units of the half range nothing overflows, and data far from zero lose no digits.
    """
    share = np.full(len(data), 1.0 / len(data)) if weight is None else weight / weight.sum()
    blocks = row_slices(len(data))
    mean: Array = np.sum([share[rows] @ ((data[rows] - middle) / half) for rows in blocks], axis=0)
    variance: Array = np.sum([share[rows] @ ((data[rows] - middle) / half - mean) ** 2 for rows in blocks], axis=0)
    return mean, np.sqrt(variance)
