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
    """Which row stands for which."""

    rows: Indices  # Row numbers of the representatives, in an order that depends on their content only
    group: Indices  # (n_samples,): for every sample the place of its representative in `rows`
    weight: Array  # (n_rows,): the weight of every representative

    def samples(self, places: Indices) -> Indices:
        """Return the samples that some representatives stand for."""
        is_chosen = np.zeros(len(self.rows), dtype=bool)
        is_chosen[places] = True
        return np.flatnonzero(is_chosen[self.group])


def merge(table: Array, weight: Array | None) -> Merged | None:
    """Merge equal rows."""
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
