"""Results as JSON and as data frames; numbers that JSON does not have: NaN is null there, infinity a word."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.checks import require_extra

if TYPE_CHECKING:
    import pandas

__all__ = ["Exported", "from_json", "to_json"]


class Exported(ABC):
    """Results that become JSON by their dictionary, and a data frame by their columns."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""

    @abstractmethod
    def to_columns(self) -> dict[str, Any]:
        """Return the columns of the data frame by their names."""

    def to_json(self, indent: int | None = None) -> str:
        """Return it as JSON text.

        Parameters
        ----------
        indent : int, optional
            Spaces a level; one line when not given.

        Returns
        -------
        str
            ``from_dict(json.loads(text))`` of the class gives it back.
        """
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_frame(self) -> pandas.DataFrame:
        """Return the epochs of a record, or the runs of a comparison, as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row an epoch, indexed by epoch; a row a run: algorithm, start, succeeded, stop, epochs, seconds, the last
            loss, and the evaluations by their names.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        frame: pandas.DataFrame = require_extra("pandas", "pandas").DataFrame(self.to_columns())
        return frame.set_index("epoch") if "epoch" in frame.columns else frame


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
