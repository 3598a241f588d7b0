"""A CSV, TSV or Parquet file becomes a `pyarrow.Table`, or a sentence that says where it is broken."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from marquardt.errors import DataError, FileError, NoRowsError, first_line
from marquardt.streams import ArrowFiles, is_arrow_data, is_pattern
from marquardt.tables.columns import with_plain_names, without_metadata, without_saved_index
from marquardt.tables.dialect import Dialect
from marquardt.tables.laying import no_rows, refuse_address, refuse_bad_names, refuse_unreadable
from marquardt.tables.numerals import MISSING_WORDS
from marquardt.tables.separated import read_separated

__all__ = ["MISSING_WORDS", "read_table"]

PARQUET_SUFFIXES = (".parquet", ".pq")
BATCH_ROWS = 1 << 20


def read_table(
    path: str | os.PathLike[str],
    *,
    text: Collection[str] = (),
    labels: Collection[str] = (),
    keep_words: Collection[str] = (),
    numbers: Collection[str] | None = (),
    dialect: Dialect | None = None,
) -> pa.Table:
    """Read a table file; rows and columns keep their order.

    `.parquet` and `.pq` are read as Parquet, `.arrow`, `.feather` and `.ipc` as Arrow, a folder or a pattern of
    names as all such files in their order, and every other file as separated text with a header row: the separator
    of a `.tsv` file is the tab, that of all others is found among comma, semicolon, tab and bar, or said by a first
    line ``sep=;``. Text is UTF-8, or UTF-16 with a byte order mark, and may be compressed. A title, comments that
    begin with ``#`` above the header and a row of units below it are left out. Blanks around names and values
    do not count. A cell that holds nothing or one of ``? NA N/A n/a #N/A NaN nan NAN NULL Null null`` is a
    missing value. Which mark the decimals of numbers have is decided for the file as a whole. Columns
    that hold numbers, true/false or ISO dates throughout get that type, numbers that all have one unit (``12.5 kg``,
    ``45 %``, ``€ 1,200``) are numbers; all others are text. So are codes: digits of one width, some with zeros in front
    (``007``), at most 50 different ones of which some come again; but not in columns that are `numbers` (None: all).
    An unnamed and empty last column (lines that end in a separator) and the row labels that pandas adds are left out.

    In all messages "data row 1" is the first row below the header; lines with nothing in them do not count.
    """
    path, dialect = Path(path), dialect or Dialect()
    refuse_address(path)
    is_several = path.is_dir() or is_pattern(path)
    if not is_several:
        refuse_unreadable(path)
    try:
        if is_several or is_arrow_data(path):
            dialect.refuse_beside(path)
        if is_several or (is_arrow_data(path) and path.suffix.lower() not in PARQUET_SUFFIXES):
            table = _read_arrow(path)
        elif path.suffix.lower() in PARQUET_SUFFIXES:
            table = _read_parquet(path)
        else:
            table = read_separated(path, frozenset(text), dialect, labels, keep_words, numbers)
    except (FileError, DataError):
        raise
    except (OSError, pa.ArrowException) as error:
        raise FileError(f"Cannot read {path}: {first_line(error)}") from error
    if table.num_rows == 0:
        raise NoRowsError(no_rows(path), table.column_names)
    return table


def _read_parquet(path: Path) -> pa.Table:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            table = file.read()
        table.validate(full=True)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise FileError(f"{path} cannot be read as a Parquet file: {first_line(error)}") from error
    table = with_plain_names(without_metadata(table))
    refuse_bad_names(path, table.column_names)
    return without_saved_index(table)


def _read_arrow(path: Path) -> pa.Table:
    """Read an Arrow file, a folder of files, or those of a pattern."""
    files = ArrowFiles(path)
    names = files.schema.names
    refuse_bad_names(path, names)
    files.require(names)
    table = pa.Table.from_batches(files.batches(names, BATCH_ROWS), schema=files.schema)
    return without_saved_index(with_plain_names(table))
