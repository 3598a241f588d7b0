"""Numbers that JSON does not have: NaN is null there, infinity a word."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["from_json", "to_json"]


def to_json(value: Any) -> Any:
    """Return a value that JSON can hold."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def from_json(value: Any) -> Any:
    """Return the value that `to_json` was given."""
    if value is None:
        return math.nan
    return float(value) if isinstance(value, str) and value in ("inf", "-inf") else value
