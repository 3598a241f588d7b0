"""Sums over samples of products of rows that need not be written down.

A row is one of given rows, or the product of two of them, number by number. Of 20 rows of slopes and 11 of values the
pairs are 210 and 66 rows, whose products are what a layer's normal equations are made of. The compiled kernel makes
pairs a few at a time, next to the products that read them; without it NumPy writes them to memory first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from marquardt.arrays import Array
from marquardt.numerics.native import native_kernel
from marquardt.numerics.products import add_product

__all__ = ["CHUNK_ROWS", "Rows", "add_pair_products"]

CHUNK_ROWS = 512
"""Rows written at a time where NumPy has to: with blocks of 256 samples they take 1 MB."""


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Rows first[a] · second[b], number by number, b running fastest."""

    first: Array  # (n_first, n_samples): with three axes a row is the sum of the products of every term
    # (n_second, n_samples): without it the rows are those of `first`, which then has two axes
    second: Array | None = None
    # Whether the rows are first[a] · first[b], a <= b, in the order of `numpy.triu_indices`; without `second`
    is_within: bool = False

    @property
    def _factors(self) -> Array | None:
        """What the first are multiplied with; None where they stand alone."""
        return self.first if self.is_within else self.second

    @property
    def partner(self) -> Array | bool | None:
        """The same for the kernel, to which True says that the rows are within."""
        return self.is_within or self.second

    @property
    def n_samples(self) -> int:
        """Numbers of a row."""
        return int(self.first.shape[-1])

    def __len__(self) -> int:
        """How many rows there are."""
        return self._count(0, self._n_first)

    @property
    def _n_first(self) -> int:
        return int(self.first.shape[-2])

    def _count(self, start: int, stop: int) -> int:
        """Rows whose first factor is one of these."""
        factors = self._factors
        if factors is None:
            return stop - start
        size = int(factors.shape[-2])
        if not self.is_within:
            return (stop - start) * size
        return size * (size + 1) // 2 - start * (2 * size - start + 1) // 2 - (size - stop) * (size - stop + 1) // 2

    def groups(self, most: int) -> Iterator[tuple[int, int, int]]:
        """Yield first factors from `start` to `stop` and their number of rows, one factor or as many as make `most`."""
        start, end = 0, self._n_first
        while start < end:
            stop = start + 1
            while stop < end and self._count(start, stop + 1) <= most:
                stop += 1
            yield start, stop, self._count(start, stop)
            start = stop

    def written(self, out: Array, start: int = 0, stop: int | None = None) -> Array:
        """Write the rows of some first factors."""
        first, factors = self.first, self._factors
        if factors is None:
            return first[start:stop]
        row = 0
        for a in range(start, self._n_first if stop is None else stop):
            others = factors[..., a:, :] if self.is_within else factors
            into = out[row : row + others.shape[-2]]
            if first.ndim == 2:
                np.multiply(first[a], others, out=into)
            else:
                np.einsum("ks,kbs->bs", first[:, a], others, out=into)
            row += len(into)
        return out


def add_pair_products(
    total: Array, left: Rows, right: Rows, take: Callable[[object, int, int], Array], is_single: bool = False
) -> None:
    """Add the sums over samples of left rows times right rows to `total`, in place."""
    kernel = native_kernel()
    if kernel is not None and _is_plain(left) and _is_plain(right):
        kernel.add_pairs(total, left.first, left.partner, right.first, right.partner, is_single)
        return
    n_samples = left.n_samples
    if n_samples == 0:
        return
    columns = right.first if right.partner is None else right.written(take("right", len(right), n_samples))
    if left.partner is None:
        add_product(total, left.first, columns)
        return
    at = 0
    for start, stop, rows in left.groups(CHUNK_ROWS):
        part = left.written(take("left", rows, n_samples), start, stop)
        add_product(total[at : at + rows], part, columns)
        at += rows


def _is_plain(rows: Rows) -> bool:
    """Whether the numbers of a row lie side by side."""
    return rows.first.strides[-1] == 8 and (rows.second is None or rows.second.strides[-1] == 8)
