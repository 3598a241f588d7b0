"""Columns go to a CSV, TSV or Parquet file, whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from marquardt.checks import nearest
from marquardt.errors import ConfigurationError, DataError, ShapeError, first_line
from marquardt.files import replacing
from marquardt.tables.written import Written

__all__ = ["TableWriter", "check_table_suffix", "write_table", "writing_table"]

SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")


def check_table_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a table to be written, or refuse it before any work is done."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        got = f"the suffix {suffix!r}" if suffix else "no suffix"
        raise ConfigurationError(
            f"The name of a table to write must end in {', '.join(SUFFIXES)}, got {os.fspath(path)!r} with {got}."
            f"{nearest(suffix, SUFFIXES)}"
        )
    return suffix


def write_table(
    path: str | os.PathLike[str],
    names: Sequence[str],
    columns: Sequence[Any],
    force: bool = False,
    *,
    like: Written | None = None,
) -> None:
    """Write columns as a table file: CSV, TSV or Parquet by the suffix.

    Numbers are written so that they read back the same to the bit; NaN and None are written as missing values,
    an empty cell in CSV. Separator and decimal mark of text are those of the file that it is to be `like`; a TSV has
    tabs. The file is written under a temporary name and renamed, so it appears whole or not at all.
    """
    check_table_suffix(path)
    _table(list(names), columns)  # refused before anything is written
    with writing_table(path, force=force, like=like) as writer:
        writer.write(names, columns)


@contextlib.contextmanager
def writing_table(
    path: str | os.PathLike[str], force: bool = False, *, like: Written | None = None
) -> Iterator[TableWriter]:
    """Write a table piece by piece, as `write_table` does: it appears whole when the body has ended, or not at all."""
    suffix = check_table_suffix(path)
    with replacing(path, force=force) as temporary, TableWriter(temporary, suffix, like) as writer:
        yield writer


class TableWriter:
    """Writes a table piece by piece; `writing_table` makes one."""

    def __init__(self, path: Path, suffix: str, like: Written | None = None) -> None:
        self._path, self._suffix = path, suffix
        like = like or Written()
        self._separator, self._decimal = "\t" if suffix == ".tsv" else like.separator, like.decimal
        self._schema: Any = None
        self._open = contextlib.ExitStack()
        self._file: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self._open.close()

    def write(self, names: Sequence[str], columns: Sequence[Any]) -> None:
        """Write some rows more."""
        table = _table(list(names), columns)
        is_parquet = self._suffix in (".parquet", ".pq")
        if self._schema is None:
            self._schema = table.schema
            if is_parquet:
                self._file = self._open.enter_context(pyarrow.parquet.ParquetWriter(self._path, table.schema))
            else:
                self._file = self._open.enter_context(pa.OSFile(str(self._path), "wb"))
                self._file.write(_header(table.column_names, self._separator))
        elif table.schema != self._schema:
            try:
                table = table.cast(self._schema)
            except (pa.ArrowException, ValueError) as error:
                raise DataError(f"The rows do not fit those before: {first_line(error)}") from error
        if is_parquet:
            self._file.write_table(table)
        else:
            _write_rows(self._file, table, self._separator, self._decimal)


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
        array = _without_views(column)
    else:
        if getattr(column, "ndim", 1) != 1:
            raise ShapeError(f"Column {name!r} must have one dimension, got the shape {column.shape}.")
        try:
            array = pa.array(column, from_pandas=True)
        except (pa.ArrowException, TypeError) as error:
            raise DataError(f"Column {name!r} cannot be written: {first_line(error)}") from error
    if pa.types.is_nested(array.type):
        raise ShapeError(f"Column {name!r} must have one dimension, got values of type {array.type}.")
    return array


def _without_views(column: Any) -> Any:
    """Text as Arrow can write it: views of text, such as polars stores, only few of its functions take."""
    if str(column.type) == "string_view":
        return column.cast(pa.large_string())
    if not pa.types.is_dictionary(column.type) or str(column.type.value_type) != "string_view":
        return column
    type_ = pa.dictionary(column.type.index_type, pa.large_string(), column.type.ordered)
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    encoded = [
        pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.large_string()), ordered=type_.ordered)
        for chunk in chunks
    ]
    return pa.chunked_array(encoded, type_)


def _header(names: Sequence[str], separator: str) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, delimiter=separator, lineterminator="\n").writerow(names)
    return line.getvalue().encode("utf-8")


def _write_rows(file: Any, table: pa.Table, separator: str, decimal: str) -> None:
    table = _plainly_stored(table)
    if decimal != ".":
        table = _with_mark(table, decimal)
    # Arrow's "needed" puts every text in quotes; without them it refuses text that needs them.
    special = rf'["\r\n{re.escape(separator)}]'
    is_plain = not any(
        pc.any(pc.match_substring_regex(column, special)).as_py()
        for column in table.columns
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    )
    options = pyarrow.csv.WriteOptions(
        include_header=False, delimiter=separator, quoting_style="none" if is_plain else "needed"
    )
    if table.num_columns > 1 or table.column(0).null_count == 0 or not is_plain:
        pyarrow.csv.write_csv(table, file, options)
        return
    # An empty line is no row for many a reader, and the rows below it would move up.
    lines = io.BytesIO()
    pyarrow.csv.write_csv(table, lines, options)
    file.write(re.sub(rb"(?m)^(?=\n)", b'""', lines.getvalue()))


def _with_mark(table: pa.Table, decimal: str) -> pa.Table:
    """Fractions as the text that Arrow writes of them, with another mark before the decimals."""
    columns = [
        pc.replace_substring(column.cast(pa.string()), ".", decimal)
        if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _plainly_stored(table: pa.Table) -> pa.Table:
    """Labels as the text they stand for, and no chunk without values: Arrow writes what is in memory where a column
    begins with one.
    """
    columns = []
    for column in table.columns:
        decoded = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        columns.append(pa.chunked_array([chunk for chunk in decoded.chunks if len(chunk)], decoded.type))
    return pa.table(columns, names=table.column_names)
