"""Names for the array types that travel through the library, and what all arrays of data must be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marquardt.errors import DataError, ShapeError

__all__ = [
    "AnyArray",
    "Array",
    "ArrayLike",
    "Indices",
    "as_array",
    "as_weight",
    "checked_targets",
    "checked_weight",
    "counted_weight_of",
    "of_samples",
    "refuse_times",
    "require_finite",
    "row_slices",
    "unmasked",
]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
AnyArray = NDArray[Any]


def unmasked(values: Any, what: str = "An array") -> Any:
    """Return a masked array as a plain one, in which masked values are missing, that is NaN."""
    if isinstance(values, list | tuple) and any(isinstance(each, np.ma.MaskedArray) for each in values):
        values = np.ma.array(values)
    if not isinstance(values, np.ma.MaskedArray):
        return values
    mask = np.ma.getmaskarray(values)
    if not mask.any():
        return np.asarray(values.data)
    if values.dtype.kind not in "biuf":
        raise DataError(
            f"{what} has a masked value in row {np.argwhere(mask)[0][0]}: it is missing. Leave the row out, or fill it."
        )
    return np.where(mask, np.nan, values.data.astype(np.float64))


def as_array(values: Any, what: str = "An array") -> Array:
    """Return numbers as an array of float64, NaN where they are masked: what every door for data goes through."""
    array = np.asarray(unmasked(values, what))
    refuse_times(array, what)
    return np.asarray(array, dtype=np.float64)


def refuse_times(values: Any, what: str) -> None:
    """Refuse dates, times or time differences, which NumPy would count in units of its own, and complex numbers."""
    dtype = getattr(values, "dtype", None)
    if getattr(dtype, "kind", "") == "c":
        raise DataError(
            f"Complex data not supported: {what} must hold real numbers, got {dtype}. Give real and imaginary part, or "
            f"magnitude and angle, as columns of their own."
        )
    if getattr(dtype, "kind", "") in ("m", "M"):
        raise DataError(
            f"{what} must hold numbers, but holds dates or times ({dtype}). Code words and dates as numbers first, "
            f"such as days since a start."
        )


def as_weight(sample_weight: ArrayLike) -> AnyArray:
    """Return sample weights as an array of float64, or of integers where they are integers and so count copies."""
    given = np.asarray(unmasked(sample_weight, "sample_weight"))
    return given.astype(np.int64) if given.dtype.kind in "iub" else as_array(given, "sample_weight")


def checked_weight(sample_weight: ArrayLike, n_samples: int, n_outputs: int | None = None) -> AnyArray:
    """Return sample weights as an array, or refuse them."""
    weight = as_weight(sample_weight)
    if weight.shape != (n_samples,) and (n_outputs is None or weight.shape != (n_samples, n_outputs)):
        matrix, why = "", ""
        if n_outputs is not None and n_outputs > 1:
            matrix = f", or ({n_samples}, {n_outputs}) for one an output"
        elif weight.ndim > 1:
            why = " There is one target: give one weight a row."
            if n_outputs is None:
                why = " Give one weight a row; one for every output is what NetworkRegressor, Training and train take."
        raise ShapeError(f"sample_weight must be of shape ({n_samples},){matrix}, got {weight.shape}.{why}")
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise DataError("sample_weight must be finite and not negative.")
    if weight.ndim == 2 and (weight == weight[:, :1]).all():
        return np.ascontiguousarray(weight[:, 0])
    return weight


def counted_weight_of(sample_weight: AnyArray | None) -> float:
    """Return the weight that counts as one sample where the data choose a weight decay.

    The evidence weighs the decay against as many residuals as there are. Integers say how many copies there are of a
    row; numbers such as 1/σ², or weights that add up to 1, say nothing of how many rows there are: their mean is one.
    """
    if sample_weight is None or sample_weight.dtype.kind in "iub":
        return 1.0
    return float(sample_weight.sum() / max(1, np.count_nonzero(sample_weight)))


def of_samples(weight: AnyArray) -> AnyArray:
    """Return one weight a sample: the mean over its outputs where they have weights of their own."""
    return weight if weight.ndim == 1 else weight.mean(axis=1)


def checked_targets(targets: Array, weight: AnyArray | None) -> Array:
    """Return targets that are finite, those of weight zero replaced: what they are has no influence."""
    if weight is not None and not weight.all():
        is_free = np.broadcast_to((weight if weight.ndim == 2 else weight[:, None]) == 0.0, targets.shape)
        first = np.argmin(is_free, axis=0)
        columns = np.arange(targets.shape[1])
        fill = np.where(is_free[first, columns], 0.0, targets[first, columns])
        if (targets != fill)[is_free].any():
            targets = np.where(is_free, fill, targets)
    require_finite(targets, "targets")
    return targets


def require_finite(table: Array, what: str) -> None:
    """Refuse NaN and infinity."""
    # The sum is finite if all entries are, short of overflow; only then every entry is looked at.
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduce(table, axis=None)
    if np.isfinite(total):
        return
    wrong = np.argwhere(~np.isfinite(table))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(f"{what} must be finite, got {table[row, column]} in row {row}, column {column}.")


def row_slices(n_rows: int, length: int = 65536) -> list[slice]:
    """Return blocks of rows, so that no temporary need be as large as the data."""
    return [slice(first, min(first + length, n_rows)) for first in range(0, n_rows, length)]
