"""A CSV, TSV or Parquet file becomes a `pyarrow.Table`, or a sentence that says where it is broken."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from marquardt.checks import nearest
from marquardt.errors import DataError, FileError
from marquardt.streams import ArrowFiles, is_arrow_data, is_pattern
from marquardt.tables.columns import NUMBER, without_saved_index

__all__ = ["MISSING_WORDS", "read_table"]

MISSING_WORDS = ("", "?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "NULL", "Null", "null")

SEPARATORS = (",", ";", "\t", "|")
PARQUET_SUFFIXES = (".parquet", ".pq")
COMPRESSED_SUFFIXES = (".gz", ".bz2", ".zst", ".lz4")
SAMPLE_BYTES = 1 << 20
SAMPLE_ROWS = 50
BLOCK_BYTES = 8 << 20
BATCH_ROWS = 1 << 20

DECIMAL_COMMA = r"^[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?$"


def read_table(path: str | os.PathLike[str], *, text: Collection[str] = ()) -> pa.Table:
    """Read a table file; rows and columns keep their order.

    `.parquet` and `.pq` are read as Parquet, `.arrow`, `.feather` and `.ipc` as Arrow, a folder or a pattern of
    names as all such files in their order, and every other file as separated text with a header row: the separator
    of a `.tsv` file is the tab, that of all others is found among comma, semicolon, tab and bar. Text must be
    UTF-8, with or without a byte order mark, and may be compressed (`.csv.gz`). Blanks around names and values
    do not count. A cell that holds nothing or one of ``? NA N/A n/a #N/A NaN nan NAN NULL Null null`` is a
    missing value. Where semicolons separate, a column written with decimal commas is read as numbers. Columns
    that hold numbers, true/false or ISO dates throughout get that type; all others are text. An unnamed and
    empty last column (lines that end in a separator) and the row labels that pandas adds are left out.

    In all messages "data row 1" is the first row below the header; lines with nothing in them do not count.

    Parameters
    ----------
    path : path-like
        The file, a folder, or a pattern such as ``rows/part-*.parquet``.
    text : collection of str
        Names of columns to be taken as text whatever they hold, so that a level "01" stays what it is:
        `TableCoding.text_columns` when rows to predict are read.

    Returns
    -------
    table : pyarrow.Table
        At least one row and one column, names all different.

    Raises
    ------
    FileError
        If the file is missing, a folder without tables, empty, not UTF-8, damaged, or of another format.
    DataError
        If there is no header or no row below it, two columns have the same name, one has none, or a row has
        more or fewer values than the header has names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "concrete.csv"
    ...     _ = path.write_text("age; strength\\n28; 41,5\\n7; NA\\n")
    ...     read_table(path).to_pydict()
    {'age': [28, 7], 'strength': [41.5, None]}
    """
    path = Path(path)
    is_several = path.is_dir() or is_pattern(path)
    if not is_several:
        refuse_unreadable(path)
    try:
        if is_several or (is_arrow_data(path) and path.suffix.lower() not in PARQUET_SUFFIXES):
            table = _read_arrow(path)
        elif path.suffix.lower() in PARQUET_SUFFIXES:
            table = _read_parquet(path)
        else:
            table = _read_separated(path, frozenset(text))
    except (FileError, DataError):
        raise
    except (OSError, pa.ArrowException) as error:
        raise FileError(f"Cannot read {path}: {first_line(error)}") from error
    if table.num_rows == 0:
        raise DataError(no_rows(path))
    return table


def no_rows(path: Path) -> str:
    return f"{path} has a header but no rows below it."


def refuse_unreadable(path: Path) -> None:
    if not path.exists():
        folder = path.parent
        if not folder.is_dir():
            raise FileError(f"There is no file {path}: there is no folder {folder}.")
        raise FileError(f"There is no file {path}.{nearest(path.name, _names_in(folder))}")
    if not path.is_file():
        raise FileError(f"{path} is not an ordinary file, and a table is read more than once. Save it as a file first.")
    if path.stat().st_size == 0:
        raise FileError(f"{path} is empty: a table needs a header row and at least one row below it.")


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir() if entry.is_file()]
    except OSError:
        return []


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _read_parquet(path: Path) -> pa.Table:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            table = file.read()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise FileError(f"{path} cannot be read as a Parquet file: {first_line(error)}") from error
    refuse_bad_names(path, table.column_names)
    return without_saved_index(table)


def _read_arrow(path: Path) -> pa.Table:
    """Read an Arrow file, a folder of files, or those of a pattern."""
    files = ArrowFiles(path)
    names = files.schema.names
    refuse_bad_names(path, names)
    files.require(names)
    return without_saved_index(pa.Table.from_batches(files.batches(names, BATCH_ROWS), schema=files.schema))


@dataclass(frozen=True)
class Layout:
    """How a file of separated text is laid out.

    Attributes
    ----------
    separator : str
    header : list of str
        Names of the columns as they stand there, blanks included.
    """

    separator: str
    header: list[str]


def layout_of(path: Path) -> Layout:
    """Look at the beginning of a file."""
    sample, is_whole = _sample(path)
    is_tsv = ".tsv" in (path.suffix.lower(), _inner_suffix(path))
    separator = "\t" if is_tsv else _separator(sample, is_whole)
    rows = _first_rows(sample, separator, is_whole)
    header = rows[0]
    _refuse_numbers_as_header(path, [name.strip() for name in header])
    if is_whole and len(rows) == 1:
        raise DataError(no_rows(path))
    return Layout(separator, header)


def _read_separated(path: Path, text: frozenset[str]) -> pa.Table:
    layout = layout_of(path)
    table = _parse(path, layout, {raw for raw in layout.header if raw.strip() in text})
    table = table.rename_columns([name.strip() for name in table.column_names])
    last = table.num_columns - 1
    if last > 0 and table.column_names[last] == "" and table.column(last).null_count == table.num_rows:
        table = table.remove_column(last)
    refuse_bad_names(path, table.column_names)
    return pa.table(
        [
            _finished(path, name, column, layout.separator, name in text)
            for name, column in zip(table.column_names, table.columns, strict=True)
        ],
        names=table.column_names,
    )


def _inner_suffix(path: Path) -> str:
    """Return ".csv" of "rows.csv.gz"."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() in COMPRESSED_SUFFIXES else ""


def _sample(path: Path) -> tuple[str, bool]:
    """Return the first part of the file, decoded, and whether it is the whole file."""
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            sample = stream.read(SAMPLE_BYTES)
            is_whole = len(stream.read(1)) == 0
    except (OSError, pa.ArrowException) as error:
        raise FileError(f"Cannot read {path}: {first_line(error)}") from error
    if sample.startswith(b"PAR1"):
        raise FileError(f"{path} is a Parquet file. Give it the suffix .parquet.")
    if sample.startswith(b"PK\x03\x04"):
        raise FileError(f"{path} is a zip archive or an Excel workbook. Save the table as CSV (UTF-8).")
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileError(f"{path} is not UTF-8 but UTF-16. Save it as CSV (UTF-8).")
    try:
        decoded = codecs.getincrementaldecoder("utf-8-sig")().decode(sample, final=is_whole)
    except UnicodeDecodeError as error:
        line = sample.count(b"\n", 0, error.start) + 1
        raise FileError(not_utf8(path, f"line {line} of the file")) from error
    if "\0" in decoded:
        raise FileError(f"{path} is not a text file. Tables are read from CSV, TSV and Parquet files.")
    if not decoded.strip():
        raise FileError(f"{path} is empty: a table needs a header row and at least one row below it.")
    return decoded, is_whole


def not_utf8(path: Path, place: str) -> str:
    return (
        f"{path} is not UTF-8 text: {place} has a byte that UTF-8 does not allow. Save it as CSV (UTF-8), or "
        f"convert it, for example with: iconv -f WINDOWS-1252 -t UTF-8."
    )


def _first_rows(sample: str, separator: str, is_whole: bool) -> list[list[str]]:
    """Return the first rows of a sample that are not empty; the header is always among them."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator):
            if row:
                rows.append(row)
            if len(rows) > SAMPLE_ROWS:
                break
        else:
            if not is_whole and len(rows) > 1:
                rows.pop()
    except csv.Error:  # a field that never ends
        rows = rows or [[sample]]
    return rows


def _separator(sample: str, is_whole: bool) -> str:
    """Return the separator that splits the header, splits most rows alike and splits them most."""

    def merit(separator: str) -> tuple[bool, float, int]:
        rows = _first_rows(sample, separator, is_whole)
        width = len(rows[0])
        return width > 1, sum(len(row) == width for row in rows) / len(rows), width

    return max(SEPARATORS, key=merit)


def _refuse_numbers_as_header(path: Path, names: Sequence[str]) -> None:
    numbers = pc.match_substring_regex(pa.array(names, pa.string()), NUMBER)
    if pc.all(numbers).as_py():
        raise DataError(
            f"{path} has no header: its first line holds only numbers ({', '.join(names[:3])}…). "
            f"Put a line with the column names above it."
        )


def refuse_bad_names(path: Path, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if not name.strip():
            raise DataError(
                f"{path}: column {index + 1} has no name in the header. Name it; if it only numbers the rows, "
                f"remove it (pandas: to_csv(..., index=False), R: row.names = FALSE)."
            )
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        places = [str(index + 1) for index, other in enumerate(names) if other == name]
        raise DataError(
            f"{path} has {count} columns of the name {name!r} (columns {', '.join(places)}). "
            f"Rename or remove all but one."
        )


def parse_options(layout: Layout, ragged: list[Any]) -> pyarrow.csv.ParseOptions:
    """Return how Arrow is to parse; a row of another length is noted, and an error."""

    def note(row: Any) -> str:
        ragged.append(row)
        return "error"

    return pyarrow.csv.ParseOptions(
        delimiter=layout.separator,
        newlines_in_values=True,
        # In a table of one column an empty line is a missing value, not nothing.
        ignore_empty_lines=len(layout.header) > 1,
        invalid_row_handler=note,
    )


def parse_error(path: Path, layout: Layout, ragged: Sequence[Any], error: Exception) -> DataError | FileError:
    """Return what Arrow's error means."""
    if ragged:
        row = ragged[0]
        hint = " A value that contains a comma must stand in double quotes." if layout.separator == "," else ""
        return DataError(
            f"{path}: data row {row.number - 1} has {row.actual_columns} values, but the header names "
            f"{row.expected_columns} columns: {_shortened(row.text)!r}.{hint}"
        )
    if "UTF8" in str(error):
        return FileError(not_utf8(path, "a text column"))
    return FileError(f"{path} cannot be read as CSV: {first_line(error)}")


def _parse(path: Path, layout: Layout, text: Collection[str]) -> pa.Table:
    """Let Arrow parse the file; on a row of another length parse it again, slowly, to learn which row it is."""
    ragged: list[Any] = []

    def parse(use_threads: bool) -> pa.Table:
        return pyarrow.csv.read_csv(
            str(path),
            read_options=pyarrow.csv.ReadOptions(use_threads=use_threads, block_size=BLOCK_BYTES),
            parse_options=parse_options(layout, ragged),
            convert_options=pyarrow.csv.ConvertOptions(
                null_values=list(MISSING_WORDS),
                column_types=dict.fromkeys(text, pa.string()),
            ),
        )

    try:
        try:
            return parse(use_threads=True)
        except pa.ArrowInvalid:
            if not ragged:
                raise
        ragged.clear()
        return parse(use_threads=False)
    except pa.ArrowInvalid as error:
        raise parse_error(path, layout, ragged, error) from error


def _shortened(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _finished(path: Path, name: str, column: Any, separator: str, is_text: bool) -> Any:
    """Do what Arrow's inference leaves: blanks around text, missing words in blanks, decimal commas."""
    if pa.types.is_binary(column.type):
        values = column.to_pylist()
        row = next(index for index, value in enumerate(values) if not _is_utf8(value))
        raise FileError(not_utf8(path, f"column {name!r} in data row {row + 1}"))
    if pa.types.is_floating(column.type):  # a word such as NaN in blanks was read as a number
        return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    if not pa.types.is_string(column.type):
        return column
    column = pc.utf8_trim_whitespace(column)
    is_missing = pc.is_in(column, value_set=pa.array(MISSING_WORDS))
    column = pc.if_else(is_missing, pa.scalar(None, pa.string()), column)
    if is_text or column.null_count == len(column):
        return column
    if separator == ";" and _all_match(column, DECIMAL_COMMA):
        column = pc.replace_substring(column, ",", ".")
    if _all_match(column, NUMBER):
        return _numbers(column)
    return column


def _is_utf8(value: bytes | None) -> bool:
    try:
        (value or b"").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _all_match(column: Any, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(column, pattern)).as_py())


def _numbers(column: Any) -> Any:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column.cast(pa.float64())
