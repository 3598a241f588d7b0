"""Equal rows become one row with their weights summed.

Then training on a row of weight two and on the same row twice is the same computation, to the bit, in whatever order
the rows came. Without it the two differ by rounding, which hundreds of epochs make visible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marquardt.arrays import AnyArray, Array, Indices, row_slices
from marquardt.training.division import content_keys

__all__ = ["Merged", "merge"]


@dataclass(frozen=True, eq=False)
class Merged:
    """Which row stands for which.

    Parameters
    ----------
    rows : ndarray of int
        Row numbers of the representatives, in an order that depends on their content only.
    group : ndarray of int, shape (n_samples,)
        For every sample the place of its representative in `rows`.
    weight : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The weight of every representative.
    """

    rows: Indices
    group: Indices
    weight: Array

    def samples(self, places: Indices) -> Indices:
        """Return the samples that some representatives stand for.

        Parameters
        ----------
        places : ndarray of int
            Places in `rows`.

        Returns
        -------
        ndarray of int
            Sorted row numbers.
        """
        is_chosen = np.zeros(len(self.rows), dtype=bool)
        is_chosen[places] = True
        return np.flatnonzero(is_chosen[self.group])


def merge(table: Array, weight: Array | None) -> Merged | None:
    """Merge equal rows.

    Parameters
    ----------
    table : ndarray of shape (n_samples, n_columns)
        Inputs and targets side by side.
    weight : ndarray of shape (n_samples,) or (n_samples, n_outputs), optional
        Of no row zero; all 1 when not given.

    Returns
    -------
    Merged or None
        None if there is nothing to merge: no weights and no equal rows.

    Examples
    --------
    >>> merge(np.array([[1.0], [2.0], [1.0]]), None).weight.tolist() in ([2.0, 1.0], [1.0, 2.0])
    True
    >>> merge(np.array([[1.0], [2.0]]), None) is None
    True
    """
    keys: AnyArray = content_keys(table, 0)
    _, rows, group = np.unique(keys, return_index=True, return_inverse=True)
    if weight is None and len(rows) == len(table):
        return None
    # Rows with equal keys but other content would be one in 2⁶⁴.
    if any((table[part] != table[rows[group[part]]]).any() for part in row_slices(len(table))):
        return None
    columns = [weight] if weight is None or weight.ndim == 1 else list(weight.T)
    sums = [np.bincount(group, weights=each, minlength=len(rows)).astype(np.float64) for each in columns]
    return Merged(rows, group, sums[0] if len(sums) == 1 else np.stack(sums, axis=1))
