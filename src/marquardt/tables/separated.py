"""A CSV or TSV file goes by batch by batch, its columns of the types that it would have in memory.

One pass finds them: which of Arrow's types every cell of a column fits, in the order in which Arrow tries them on a
whole file. Every later pass reads the cells as text again and turns them into that type.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from marquardt.errors import DataError, FileError
from marquardt.streams.files import Fingerprint
from marquardt.tables.reading import (
    COMPRESSED_SUFFIXES,
    DECIMAL_COMMA,
    MISSING_WORDS,
    layout_of,
    no_rows,
    not_utf8,
    parse_error,
    parse_options,
    refuse_bad_names,
    refuse_unreadable,
)

COMMA = "decimal comma"
TIME = pa.time32("s")
TYPES: tuple[Any, ...] = (
    pa.int64(),
    pa.bool_(),
    pa.date32(),
    TIME,
    pa.timestamp("s"),
    pa.timestamp("s", "UTC"),
    pa.timestamp("ns"),
    pa.timestamp("ns", "UTC"),
    pa.float64(),
    COMMA,
)
"""What the cells of a column may be, the first that they all fit; else they are text."""
CLOCK = r"^\d\d:\d\d(:\d\d)?$"
BOOLEANS = ("1", "True", "TRUE", "true", "0", "False", "FALSE", "false")
PIECE_BYTES = 2 << 20
"""What is parsed at a time. Arrow reads dozens of pieces ahead: with 8 MiB a pass took 430 MB, with 2 it takes 160."""
FEW = 100
EXPANSION = 4
"""About how much larger a compressed file of numbers is than it looks."""


def separated_bytes(path: Path) -> int:
    """Return about what a file of separated text takes in memory, by its size."""
    return path.stat().st_size * (EXPANSION if path.suffix.lower() in COMPRESSED_SUFFIXES else 1)


def header_of(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the columns of a CSV or TSV file, of which no more than the beginning is read.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    names : list of str
        Those of `SeparatedRows`, and an empty one behind a separator at the end of the line.

    Raises
    ------
    FileError
        If the file is missing, empty or not UTF-8.
    DataError
        If there is no header.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.csv"
    ...     _ = path.write_text("age,kind\\n28,a\\n")
    ...     header_of(path)
    ['age', 'kind']
    """
    refuse_unreadable(Path(path))
    return [raw.strip() for raw in layout_of(Path(path)).header]


class SeparatedRows:
    """The rows of a CSV or TSV file; making it goes through the file once.

    Parameters
    ----------
    path : path-like
        The file.
    text : collection of str
        Names of columns that are text whatever they hold.

    Attributes
    ----------
    name : str
        What messages call it.
    column_names : list of str
        All columns.
    n_rows : int
        Rows below the header.

    Raises
    ------
    FileError
        If the file is missing, empty, not UTF-8, or damaged.
    DataError
        If there is no header or no row below it, names are missing or double, or a row has another length.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.csv"
    ...     _ = path.write_text("age,wet,kind\\n28,true,a\\n7.5,,b\\n")
    ...     rows = SeparatedRows(path)
    ...     [piece.to_pydict() for piece in rows.batches(["wet", "age"], 100)]
    [{'wet': [True, None], 'age': [28.0, 7.5]}]
    """

    def __init__(self, path: str | os.PathLike[str], text: Collection[str] = ()) -> None:
        self._path = Path(path)
        self.name = str(path)
        refuse_unreadable(self._path)
        self.n_bytes = separated_bytes(self._path)
        self._fingerprint = Fingerprint([self._path])
        self._layout = layout_of(self._path)
        names = [raw.strip() for raw in self._layout.header]
        # Lines that end in a separator: a last column without a name, which must be without values, too.
        is_open = len(names) > 1 and not names[-1]
        refuse_bad_names(self._path, names[:-1] if is_open else names)
        self._raw = dict(zip(names, self._layout.header, strict=True))
        candidates: dict[str, list[Any]] = {
            name: [] if name in text else list(TYPES if self._layout.separator == ";" else TYPES[:-1]) for name in names
        }
        is_empty = dict.fromkeys(names, True)
        self.n_rows = 0
        for batch in self._cells(names):
            self.n_rows += batch.num_rows
            for name, cells in zip(names, batch.columns, strict=True):
                if is_empty[name] or candidates[name]:
                    candidates[name], is_missing = _fitting(candidates[name], cells)
                    is_empty[name] = is_empty[name] and is_missing
        if self.n_rows == 0:
            raise DataError(no_rows(self._path))
        if is_open and not is_empty[names[-1]]:
            refuse_bad_names(self._path, names)
        self.column_names = names[:-1] if is_open else names
        self._types: dict[str, Any] = {}
        for name in self.column_names:
            is_text = name in text or (not is_empty[name] and not candidates[name])
            self._types[name] = pa.string() if is_text else pa.null() if is_empty[name] else candidates[name][0]
        self.paths = [self._path]

    def no_rows(self, names: Sequence[str]) -> pa.Table:
        """Return some columns without a row.

        Parameters
        ----------
        names : sequence of str
            The columns.
        """
        types = [pa.float64() if self._types[name] is COMMA else self._types[name] for name in names]
        return pa.schema(list(zip(names, types, strict=True))).empty_table()

    def batches(self, names: Sequence[str], n_rows: int) -> Iterator[pa.Table]:
        """Read some columns of all rows.

        Parameters
        ----------
        names : sequence of str
            The columns.
        n_rows : int
            The most rows of a batch.

        Yields
        ------
        pyarrow.Table
            Columns in the order of `names`.

        Raises
        ------
        FileError
            If the file was changed since the beginning, or cannot be read.
        """
        seen = 0
        for batch in self._cells(names):
            try:
                columns = [_typed(self._types[name], cells) for name, cells in zip(names, batch.columns, strict=True)]
            except pa.ArrowInvalid as error:
                self._fingerprint.check()
                raise FileError(f"{self._path} cannot be read: {error}") from error
            seen += batch.num_rows
            table = pa.table(columns, names=list(names))
            for first in range(0, batch.num_rows, n_rows):
                yield table.slice(first, n_rows)
        if seen != self.n_rows:
            raise FileError(f"{self._path} had {self.n_rows} rows, and now has {seen}.")

    def _cells(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns as text, null for the words that stand for missing values."""
        self._fingerprint.check()
        ragged: list[Any] = []
        raw = [self._raw[name] for name in names]
        try:
            with pyarrow.csv.open_csv(
                str(self._path),
                # Alone, so that a row of another length is known by its number.
                read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=PIECE_BYTES),
                parse_options=parse_options(self._layout, ragged),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(raw, pa.string()),
                    include_columns=raw,
                    null_values=list(MISSING_WORDS),
                    strings_can_be_null=True,
                ),
            ) as reader:
                yield from reader
        except (pa.ArrowInvalid, OSError) as error:
            self._fingerprint.check()
            if "UTF8" in str(error):
                raise FileError(not_utf8(self._path, "a value")) from error
            raise parse_error(self._path, self._layout, ragged, error) from error
        self._fingerprint.check()


def _fitting(types: Sequence[Any], cells: Any) -> tuple[list[Any], bool]:
    """Return those of the types that all cells fit, and whether all are missing."""
    if cells.null_count == len(cells):
        return list(types), True
    found = [type_ for type_ in types if _fits(type_, cells)]
    others = [type_ for type_ in types if type_ not in found]
    if types and not others:
        return found, False
    # Arrow takes blanks off numbers, dates and times; words for what is missing may stand in blanks among numbers only.
    trimmed, cleaned = pc.utf8_trim_whitespace(cells), _cleaned(cells)
    for type_ in others:
        is_number = type_ is COMMA or pa.types.is_integer(type_) or pa.types.is_floating(type_)
        is_day = not is_number and (type_ == TIME or pa.types.is_date(type_))
        if (is_number and _fits(type_, cleaned)) or (is_day and _fits(type_, trimmed)):
            found.append(type_)
    return [type_ for type_ in types if type_ in found], cleaned.null_count == len(cleaned)


def _fits(type_: Any, cells: Any) -> bool:
    if type_ is COMMA:
        return pc.all(pc.match_substring_regex(cells, DECIMAL_COMMA)).as_py() is not False
    if pa.types.is_boolean(type_):
        return bool(pc.all(pc.is_in(cells.drop_null(), value_set=pa.array(BOOLEANS))).as_py())
    try:
        # Arrow goes on to the end where the first value does not fit.
        _cast(cells.slice(0, FEW), type_)
        _cast(cells, type_)
    except pa.ArrowInvalid:
        return False
    return True


def _cleaned(cells: Any) -> Any:
    """Without blanks around values, and around the words that stand for missing ones."""
    cells = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.is_in(cells, value_set=pa.array(MISSING_WORDS)), pa.scalar(None, pa.string()), cells)


def _typed(type_: Any, cells: Any) -> Any:
    """Cells as values of a type that they fit."""
    if type_ is COMMA:
        return pc.replace_substring(_cleaned(cells), ",", ".").cast(pa.float64())
    if pa.types.is_null(type_):
        return pa.nulls(len(cells))
    if pa.types.is_string(type_):
        return _cleaned(cells)
    try:
        return _cast(cells, type_)
    except pa.ArrowInvalid:
        return _cast(_cleaned(cells), type_)


def _cast(cells: Any, type_: Any) -> Any:
    if type_ != TIME:
        return cells.cast(type_)
    # Arrow's reader of CSV knows times of day, its casts do not: by way of points in time of some day.
    if pc.any(pc.invert(pc.match_substring_regex(cells, CLOCK))).as_py():
        raise pa.ArrowInvalid("not a time")
    return pc.binary_join_element_wise("1970-01-01", cells, " ").cast(pa.timestamp("s")).cast(TIME)
