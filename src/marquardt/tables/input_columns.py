"""A column of the table as the network sees it: one input, or one a level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marquardt.tables.columns import Column


@dataclass(frozen=True)
class InputColumn:
    """A column of the table that the network sees."""

    name: str
    kind: str  # A number or a boolean (as 0 or 1) is one input, a category is one input a level
    levels: tuple[str, ...] = ()  # The levels of a category, sorted; empty for the other kinds
    fill: float | str | None = None  # What stands in for a missing value; None where missing values are not filled
    # Of the training rows, the share of each level: the mean of their codes, which marks a level that none of
    # them has
    shares: tuple[float, ...] = ()
    unit: str = ""  # Of numbers that had one in the file

    @property
    def unlearned(self) -> tuple[str, ...]:
        """The levels that no row has that trains."""
        return tuple(level for level, share in zip(self.levels, self.shares, strict=False) if share == 0)

    @property
    def codes(self) -> NDArray[np.float64]:
        """The code of every level, a row each, and in the last row that of a level that no row has that trains."""
        n_levels = len(self.levels)
        mean = np.array(self.shares) if self.shares else np.full(n_levels, 1.0 / n_levels)
        codes = np.vstack([np.eye(n_levels), mean])
        codes[:-1][[level in self.unlearned for level in self.levels]] = mean
        return codes

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs that the column becomes."""
        if self.kind == "category":
            return tuple(f"{self.name}={level}" for level in self.levels)
        return (self.name,)


def input_column(column: Column, missing: str) -> InputColumn:
    """Decide how a column is seen."""
    is_filled = missing in ("mean", "median")
    if column.kind == "text":
        counts = column.level_counts()
        levels = tuple(sorted(counts))
        fill = max(levels, key=counts.__getitem__) if is_filled else None
        if fill is not None:
            counts[fill] += column.n_missing
        total = sum(counts.values())
        return InputColumn(column.name, "category", levels, fill, tuple(counts[level] / total for level in levels))
    return InputColumn(column.name, column.kind, (), column.middle(missing) if is_filled else None, unit=column.unit)
