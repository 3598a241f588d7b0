"""Columns that count the rows, or look like their keys: a network learns nothing from them that new rows have."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["RowNumbers"]

LEAST_ROWS = 10
KEYS = "ids?|idx|index|key|nr|no|num|number|rows?|rownum|rownames|record|unnamed: 0"
KEY = re.compile(rf"(^|[\s_.-])({KEYS})$|[a-z]I[dD]$")
"""What keys of rows are called: id, row_no, sample-nr in letters of any size, customerId."""
TIME = re.compile(r"(^|[\s_.-])(t|time|year|quarter|month|week|day|date|hour|minute|second|step|period|age)s?$")
"""What may well rise by one from row to row, and mean something."""


class RowNumbers:
    """Looks, piece by piece, whether a column of numbers counts the rows or rises as they do."""

    def __init__(self) -> None:
        self._n_rows = 0
        self._first: int | None = None
        self._last: int | None = None
        self._counts = self._rises = True

    def add(self, values: Any, rows: NDArray[np.intp]) -> None:
        """Take values in, which stand in these rows of the table, from 0."""
        self._n_rows += len(values)
        if not len(values) or not (self._counts or self._rises):
            return
        whole = _whole(values)
        if whole is None:
            self._counts = self._rises = False
            return
        if self._first is None:
            self._first = int(whole[0]) - int(rows[0])
        self._counts = self._counts and self._first in (0, 1) and bool((whole - rows == self._first).all())
        is_rising = bool((np.diff(whole) > 0).all()) and (self._last is None or whole[0] > self._last)
        self._rises, self._last = self._rises and is_rising, int(whole[-1])

    def said_of(self, name: str) -> str:
        """Return what makes the column look like a number of the rows; nothing where it does not, or its name says
        otherwise.
        """
        words = name.strip()
        if self._n_rows < LEAST_ROWS or TIME.search(words.lower()):
            return ""
        if self._counts:
            return f"it rises by one from {self._first}"
        is_key = KEY.search(words.lower()) or KEY.search(words)
        return "it rises from row to row" if self._rises and is_key else ""


def _whole(values: Any) -> NDArray[np.int64] | None:
    """Return the values as integers, where all of them are there and are integers."""
    if values.null_count:
        return None
    if not pa.types.is_integer(values.type):
        # Most columns of numbers are told by their first few.
        for part in (values[:LEAST_ROWS], values):
            numbers = part.cast(pa.float64()).to_numpy()
            if not (np.isfinite(numbers).all() and (np.abs(numbers) < 2**53).all() and (numbers % 1 == 0).all()):
                return None
        return np.asarray(numbers, dtype=np.int64)
    if pa.types.is_uint64(values.type):
        return None
    return np.asarray(values.cast(pa.int64()).to_numpy())
