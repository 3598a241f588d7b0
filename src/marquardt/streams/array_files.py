"""Arrays in ``.npy`` files, read a batch of rows at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marquardt.arrays import Array
from marquardt.errors import ConfigurationError, DataError, FileError, ShapeError, first_line
from marquardt.streams.files import Fingerprint

__all__ = ["ArrayFiles"]


class ArrayFiles:
    """Arrays in ``.npy`` files: inputs and targets in two, or in columns of one.

    Parameters
    ----------
    inputs : path-like
        Holds an array of shape (n_rows, n_columns), in row or column order, of integers, floats or booleans.
    targets : path-like, optional
        Holds an array of shape (n_rows,) or (n_rows, n_targets). When not given, the targets are columns of the inputs.
    target_columns : sequence of int, optional
        Numbers of the columns of `inputs` that are the targets, from 0; negative ones count from the end.

    Attributes
    ----------
    name : str
        What messages call them.
    input_names, target_names : tuple of str
        File and column, such as ``"x[0]"``.
    n_rows : int
        Rows.

    Raises
    ------
    FileError
        If a file is not there or is no array of numbers.
    ShapeError
        If the arrays have other shapes, or not as many rows.
    ConfigurationError
        If neither or both of `targets` and `target_columns` are given, or a column is not there.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "rows.npy"
    >>> np.save(path, np.arange(12.0).reshape(4, 3))
    >>> files = ArrayFiles(path, target_columns=[-1])
    >>> files.input_names, files.target_names, files.n_rows
    (('rows[0]', 'rows[1]'), ('rows[2]',), 4)
    >>> next(files.batches(2))
    array([[0., 3.],
           [1., 4.],
           [2., 5.]])
    >>> folder.cleanup()
    """

    def __init__(
        self,
        inputs: str | os.PathLike[str],
        targets: str | os.PathLike[str] | None = None,
        *,
        target_columns: Sequence[int] | None = None,
    ) -> None:
        if (targets is None) == (target_columns is None):
            raise ConfigurationError(
                "Targets come from a file of their own or from columns of the inputs: give `targets` or "
                "`target_columns`, one of the two."
            )
        first = _Npy(Path(inputs))
        self._files = [first]
        self.name = str(inputs)
        self.n_rows = first.n_rows
        names = [f"{first.path.stem}[{column}]" for column in range(first.n_columns)]
        if targets is not None:
            second = _Npy(Path(targets))
            self._files.append(second)
            if second.n_rows != first.n_rows:
                raise ShapeError(
                    f"{inputs} and {targets} must have as many rows, got {first.n_rows} and {second.n_rows}."
                )
            taken = tuple(range(first.n_columns, first.n_columns + second.n_columns))
            names += [f"{second.path.stem}[{column}]" for column in range(second.n_columns)]
        else:
            taken = tuple(_column(column, first) for column in target_columns or ())
            if not taken or len(set(taken)) < len(taken):
                raise ConfigurationError(f"target_columns must be different columns, at least one, got {taken}.")
        left = tuple(column for column in range(first.n_columns) if column not in taken)
        if not left:
            raise ShapeError(f"{inputs} has no column that is not a target.")
        self._order = [*left, *taken]
        self.input_names, self.target_names = tuple(names[k] for k in left), tuple(names[k] for k in taken)
        if self.n_rows == 0:
            raise DataError(f"{self.name} has no rows.")
        self._fingerprint = Fingerprint([file.path for file in self._files])

    def batches(self, n_rows: int) -> Iterator[Array]:
        """Read all rows.

        Parameters
        ----------
        n_rows : int
            The most rows of a batch.

        Yields
        ------
        ndarray of shape (n_inputs + n_targets, at most n_rows)
            float64.

        Raises
        ------
        FileError
            If a file was changed since the beginning, or cannot be read.
        """
        self._fingerprint.check()
        is_in_order = self._order == list(range(len(self._order)))
        for first in range(0, self.n_rows, n_rows):
            count = min(n_rows, self.n_rows - first)
            try:
                columns = np.empty((sum(file.n_columns for file in self._files), count))
                start = 0
                for file in self._files:
                    file.read(first, columns[start : start + file.n_columns])
                    start += file.n_columns
            except (OSError, ValueError) as error:
                self._fingerprint.check()
                raise FileError(f"{self.name} cannot be read: {first_line(error)}") from error
            yield columns if is_in_order else columns[self._order]
        self._fingerprint.check()


class _Npy:
    """Shape, type and order of an array file, and its rows."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileError(f"There is no file {path}.")
        try:
            # Not np.load, which takes what it does not know for a pickle, and advises to allow that.
            mapped = np.lib.format.open_memmap(path, mode="r")
        except (OSError, ValueError) as error:
            raise FileError(f"{path} is no array file (.npy): {first_line(error)}") from error
        if mapped.dtype.kind not in "fiub":
            raise FileError(f"{path} holds {mapped.dtype}, not one array of numbers.")
        if mapped.ndim not in (1, 2):
            raise ShapeError(f"{path} must hold an array of shape (n_rows, n_columns), got {mapped.shape}.")
        self.path, self.n_rows = path, mapped.shape[0]
        self.n_columns = mapped.shape[1] if mapped.ndim == 2 else 1
        self._dtype, self._offset = mapped.dtype, mapped.offset
        self._is_by_rows = bool(mapped.flags.c_contiguous)

    def read(self, first: int, out: Array) -> None:
        """Write rows from `first` on to an array of columns × rows."""
        count, size = out.shape[1], self._dtype.itemsize
        with open(self.path, "rb") as file:
            if self._is_by_rows:
                file.seek(self._offset + first * self.n_columns * size)
                out[:] = self._numbers(file, count * self.n_columns).reshape(count, self.n_columns).T
                return
            for number, row in enumerate(out):
                file.seek(self._offset + (number * self.n_rows + first) * size)
                row[:] = self._numbers(file, count)

    def _numbers(self, file: Any, count: int) -> Any:
        numbers = np.fromfile(file, dtype=self._dtype, count=count)
        if len(numbers) < count:
            raise OSError("it ends before its last row.")
        return numbers


def _column(column: int, file: _Npy) -> int:
    if not -file.n_columns <= column < file.n_columns:
        raise ConfigurationError(f"{file.path} has {file.n_columns} columns, got the target column {column}.")
    return column % file.n_columns
