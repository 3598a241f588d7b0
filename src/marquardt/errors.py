"""Every error that marquardt raises on purpose.

All derive from `MarquardtError`, so one `except` catches what the library refuses; each also derives from the
built-in error that a caller would expect (`ValueError`, `ImportError`, `OSError`).
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "ConfigurationError",
    "DataError",
    "FileError",
    "MarquardtError",
    "MissingExtraError",
    "ResourceError",
    "ShapeError",
]


class MarquardtError(Exception):
    """Base class of all errors raised on purpose."""


def first_line(error: Exception) -> str:
    """Return the first line of another library's message, or its error's name where there is none."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class ConfigurationError(MarquardtError, ValueError):
    """An option has a value that cannot be used."""


class DataError(MarquardtError, ValueError):
    """The data, a column, a row or a value of it, cannot be used."""


class NoRowsError(DataError):
    """A table has columns and no rows: nothing to train on, and no fault where rows are only predicted."""

    def __init__(self, message: str, column_names: Sequence[str]) -> None:
        super().__init__(message)
        self.column_names = list(column_names)


class ShapeError(DataError):
    """Two arrays that must fit together do not."""


class FileError(MarquardtError, OSError):
    """A file is missing, damaged, foreign, from a newer version, or in the way."""


class ResourceError(MarquardtError, MemoryError):
    """The work would need more memory than the machine has; raised before anything is allocated."""


class MissingExtraError(MarquardtError, ImportError):
    """An optional dependency is not installed; the message names the extra to install."""
