"""Columns go to a CSV, TSV or Parquet file, whole or not at all."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from marquardt.checks import nearest
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.files import replacing

__all__ = ["check_table_suffix", "write_table"]

SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")


def check_table_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a table to be written, or refuse it before any work is done.

    Parameters
    ----------
    path : path-like
        The name of the file.

    Returns
    -------
    suffix : str
        In lower case.

    Raises
    ------
    ConfigurationError
        If it is not ``.csv``, ``.tsv``, ``.parquet`` or ``.pq``.

    Examples
    --------
    >>> check_table_suffix("predicted.CSV")
    '.csv'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        got = f"the suffix {suffix!r}" if suffix else "no suffix"
        raise ConfigurationError(
            f"The name of a table to write must end in {', '.join(SUFFIXES)}, got {os.fspath(path)!r} with {got}."
            f"{nearest(suffix, SUFFIXES)}"
        )
    return suffix


def write_table(
    path: str | os.PathLike[str], names: Sequence[str], columns: Sequence[Any], force: bool = False
) -> None:
    """Write columns as a table file: CSV, TSV or Parquet by the suffix.

    Numbers are written so that they read back the same to the bit; NaN and None are written as missing values,
    an empty cell in CSV. The file is written under a temporary name and renamed, so it appears whole or not
    at all.

    Parameters
    ----------
    path : path-like
        Ends in ``.csv``, ``.tsv``, ``.parquet`` or ``.pq``.
    names : sequence of str
        The header, all different.
    columns : sequence of array-like of shape (n_samples,)
        One for each name: NumPy arrays, Arrow arrays or lists.
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    ConfigurationError
        If the suffix is another.
    DataError
        If names are not all different, or a column mixes types.
    ShapeError
        If there are not as many columns as names, or they are not one-dimensional and of one length.
    FileError
        If a file is in the way and `force` is false, or the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "predicted.csv"
    ...     write_table(path, ["strength"], [[41.5, float("nan")]])
    ...     path.read_text()
    'strength\\n41.5\\n\\n'
    """
    suffix = check_table_suffix(path)
    table = _table(list(names), columns)
    with replacing(path, force=force) as temporary:
        if suffix in (".parquet", ".pq"):
            pyarrow.parquet.write_table(table, temporary)
        else:
            _write_separated(temporary, table, "\t" if suffix == ".tsv" else ",")


def _table(names: list[str], columns: Sequence[Any]) -> pa.Table:
    if len(names) != len(columns):
        raise ShapeError(f"A table needs one name a column, got {len(names)} names and {len(columns)} columns.")
    if not names:
        raise ShapeError("A table needs at least one column, got none.")
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise DataError(f"The columns to write must have different names, got {doubled[0]!r} twice. Rename one.")
    arrays = [_array(name, column) for name, column in zip(names, columns, strict=True)]
    lengths = {len(array) for array in arrays}
    if len(lengths) > 1:
        raise ShapeError(f"The columns to write must have one length, got {sorted(lengths)}.")
    return pa.table(arrays, names=names)


def _array(name: str, column: Any) -> Any:
    """Return one column as an Arrow array, NaN as null."""
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        array = column
    else:
        if getattr(column, "ndim", 1) != 1:
            raise ShapeError(f"Column {name!r} must have one dimension, got the shape {column.shape}.")
        try:
            array = pa.array(column, from_pandas=True)
        except (pa.ArrowException, TypeError) as error:
            raise DataError(f"Column {name!r} cannot be written: {str(error).splitlines()[0]}") from error
    if pa.types.is_nested(array.type):
        raise ShapeError(f"Column {name!r} must have one dimension, got values of type {array.type}.")
    return array


def _write_separated(path: Path, table: pa.Table, separator: str) -> None:
    with open(path, "w", encoding="utf-8", newline="") as header:
        csv.writer(header, delimiter=separator, lineterminator="\n").writerow(table.column_names)
    # Arrow's "needed" puts every text in quotes; without them it refuses text that needs them.
    special = rf'["\r\n{separator}]'
    is_plain = not any(
        pc.any(pc.match_substring_regex(column, special)).as_py()
        for column in table.columns
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    )
    options = pyarrow.csv.WriteOptions(
        include_header=False, delimiter=separator, quoting_style="none" if is_plain else "needed"
    )
    with open(path, "ab") as rows:
        pyarrow.csv.write_csv(table, rows, options)
