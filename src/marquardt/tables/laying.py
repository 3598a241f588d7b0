"""How a file of separated text is laid out: found at its beginning, as far as nobody says it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from marquardt.checks import nearest, shown
from marquardt.errors import DataError, FileError, NoRowsError, first_line
from marquardt.tables.columns import NUMBER
from marquardt.tables.dialect import Dialect, said
from marquardt.tables.numerals import MISSING_WORDS
from marquardt.tables.workbooks import SEPARATOR, is_workbook, sheet_of
from marquardt.wording import by_door

SEPARATORS = (",", ";", "\t", "|")
COMPRESSED_SUFFIXES = (".gz", ".bz2", ".zst", ".lz4")
MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
"""What compressed files begin with, whatever they are called."""
SAMPLE_BYTES = 1 << 20
SAMPLE_ROWS = 50
MOST_LINES_ABOVE = 20
UNIT = r"^[\[(<]?[^\d\s][^\s]{0,11}[\])>]?$"


def refuse_address(path: Path) -> None:
    """Refuse an address such as s3://bucket/rows.csv, of which a path has one slash less."""
    if path.exists():
        return
    found = re.match(r"^([A-Za-z][A-Za-z0-9+.-]+):[/\\\\]", str(path))
    if found:
        raise FileError(
            f"{found[1]}://{str(path)[found.end() :].lstrip('/')} is an address, and tables are files on this "
            f"machine. Download it first."
        )


def no_rows(path: Path) -> str:
    return f"{path} has a header but no rows below it."


def refuse_unreadable(path: Path) -> None:
    if not path.exists():
        refuse_address(path)
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


@dataclass(frozen=True)
class Source:
    """Where the text of a table comes from: a file, compressed or not, or a sheet of a workbook."""

    path: Path
    compression: str | None = None  # By its first bytes
    content: bytes | None = None  # The sheet as UTF-8
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: Path, dialect: Dialect) -> Source:
        """Look at a file."""
        if not is_workbook(path):
            dialect.refuse_for_text(path)
            return cls(path, _compression(path))
        dialect.refuse_for_workbook(path)
        content, notes = sheet_of(path, dialect.of_workbook())
        return cls(path, None, content, notes)

    def open(self) -> Any:
        """Open it for Arrow."""
        if self.content is not None:
            return pa.BufferReader(self.content)
        return pa.input_stream(str(self.path), compression=self.compression)

    @property
    def separator(self) -> str | None:
        """The separator where it is known by the kind of the file."""
        if self.content is not None:
            return SEPARATOR
        return "\t" if ".tsv" in (self.path.suffix.lower(), _inner_suffix(self.path)) else None


@dataclass(frozen=True)
class Layout:
    """How a file of separated text is laid out."""

    source: Source
    separator: str
    header: list[str]  # Names of the columns as they stand there, blanks included
    encoding: str = "utf-8-sig"  # Of the file
    left_out: frozenset[int] = frozenset()  # Numbers of lines, from 0, that are neither header nor rows
    comment: str | None = None  # Lines that begin with it are no rows
    notes: tuple[str, ...] = ()  # What was left out or chosen, where nobody asked for it
    first_rows: tuple[list[str], ...] = ()  # Some rows below the header


def layout_of(path: Path, dialect: Dialect = Dialect()) -> Layout:  # noqa: B008 - it is frozen
    """Look at the beginning of a file."""
    source = Source.of(path, dialect)
    sample, is_whole, encoding = _sample(source, dialect.encoding)
    start = _Start(path, sample.split("\n"), is_whole, source.separator)
    above, below = dialect.skipped
    start.left_out.update(range(above))
    if dialect.comment is not None:
        start.left_out.update(k for k, line in enumerate(start.lines) if line.lstrip().startswith(dialect.comment))
    notes = list(source.notes)
    if dialect.skip_rows is None:
        start.take_said_separator()
        notes += start.leave_title_out()
        rows = start.table()[1]
        if _is_unit_row(rows):
            below = 1
            notes.append(f"The row below the header is left out, as it holds units: {shown(', '.join(rows[1]))}.")
    separator, rows = start.table()
    header, names = rows[0], [name.strip() for name in rows[0]]
    if below:
        present = [k for k, line in enumerate(start.lines) if k not in start.left_out and line.strip()]
        start.left_out.update(present[1 : 1 + below])
    _refuse_numbers_as_header(path, names)
    if is_whole and len(rows) <= 1 + below:
        raise NoRowsError(no_rows(path), names)
    first_rows = tuple(row for row in rows[1 + below :] if len(row) == len(header))
    return Layout(
        source, separator, header, encoding, frozenset(start.left_out), dialect.comment, tuple(notes), first_rows
    )


@dataclass
class _Start:
    """The first lines of a file."""

    path: Path
    lines: list[str]
    is_whole: bool  # Whether these are all
    separator: str | None  # Where it is known
    left_out: set[int] = field(default_factory=set)

    def table(self, leading: Sequence[int] = ()) -> tuple[str, list[list[str]]]:
        """Return the separator and the first rows, without the lines that are left out and some more."""
        gone = self.left_out.union(leading)

        def rows_by(separator: str) -> list[list[str]]:
            return _first_rows((line for k, line in enumerate(self.lines) if k not in gone), separator, self.is_whole)

        if self.separator is not None:
            found = {self.separator: rows_by(self.separator)}
        else:
            found = {separator: rows_by(separator) for separator in SEPARATORS}
        separator = max(found, key=lambda each: _splitting(found[each]))
        if not any(line.strip() for k, line in enumerate(self.lines) if k not in gone):
            raise FileError(f"{self.path} is empty: a table needs a header row and at least one row below it.")
        return separator, found[separator]

    def take_said_separator(self) -> None:
        """Take the separator of a first line "sep=;"."""
        found = _said_separator(self.lines[0])
        if found is not None:
            self.left_out.add(0)
            self.separator = self.separator or found

    def leave_title_out(self) -> list[str]:
        """Leave lines above the header out, and say so."""
        for count, leading in _leading(self.lines, self.left_out):
            separator, found = self.table(leading)
            if _is_headed(found) and _is_title([self.lines[k] for k in leading], separator):
                self.left_out.update(leading)
                first = self.lines[leading[0]].strip().strip(SEPARATOR)
                return [f"{_lines(count)} above the header left out, first {shown(first)}."]
        return []


def _lines(count: int) -> str:
    return "One line" if count == 1 else f"{count} lines"


def _said_separator(line: str) -> str | None:
    """Return ";" of a first line "sep=;", as Excel writes and understands it."""
    found = re.match(r'^"?sep=(.)"?\s*$', line, re.IGNORECASE)
    return found[1] if found else "\t" if line.lower().rstrip("\r") == "sep=\t" else None


def _leading(lines: Sequence[str], left_out: set[int]) -> Iterator[tuple[int, list[int]]]:
    """Count lines that might stand above the header: one, two, …"""
    present = [k for k, line in enumerate(lines[: 4 * MOST_LINES_ABOVE]) if k not in left_out and line.strip()]
    for count in range(1, min(MOST_LINES_ABOVE, len(present) - 1) + 1):
        yield count, present[:count]


def _is_title(lines: Sequence[str], separator: str) -> bool:
    """Whether none of some lines is a row: each is a comment, or has one cell at most."""
    cells = [[cell for cell in line.strip("\r").split(separator) if cell.strip()] for line in lines]
    return all(line.startswith("#") or len(row) <= 1 for line, row in zip(lines, cells, strict=True))


def _is_headed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows begin with names for all columns, with numbers below and none of them above."""
    names = [name.strip() for name in rows[0]]
    width = len(names)
    if width < 2 or len(rows) < 2 or any(len(row) != width for row in rows):
        return False
    is_named = all(names) and len(set(names)) == width and not any(_is_number(name) for name in names)
    return is_named and not names[0].startswith("#") and any(_is_number(cell) for row in rows[1:3] for cell in row)


def _is_number(cell: str) -> bool:
    return re.match(r"^\s*[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?\s*$", cell) is not None


def _is_unit_row(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row below the header holds units, and no values, in two or more columns of numbers."""
    if len(rows) < 4 or any(len(row) != len(rows[0]) for row in rows):
        return False
    n_units = 0
    for cell, *others in zip(*rows[1:], strict=True):
        values = [other for other in others if other.strip() not in MISSING_WORDS]
        if values and all(map(_is_number, values)):
            if _is_number(cell) or re.match(
                r"(?i)^\s*[+-]?inf(inity)?\s*$", cell
            ):  # such as -1.5 or .2: a value, so this is a row like others
                return False
            is_unit = bool(re.match(UNIT, cell.strip())) and cell.strip() not in MISSING_WORDS
            if not is_unit and cell.strip() not in ("", "-"):
                return False
            n_units += is_unit
        elif cell.strip() not in ("", "-") and not re.match(r"^[\[(].*[\])]$", cell.strip()):
            return False
    return n_units >= 2


def _compression(path: Path) -> str | None:
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError as error:
        raise FileError(f"Cannot read {path}: {first_line(error)}") from error
    return next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)


def opened(layout: Layout) -> Any:
    """Open a file for Arrow: as UTF-8, without the lines that are left out."""
    stream = layout.source.open()
    if layout.encoding == "utf-8-sig" and not layout.left_out and layout.comment is None:
        return stream
    return pa.PythonFile(_Lines(layout.source.path, stream, layout), mode="r")


class _Lines(io.RawIOBase):
    """The lines of a file that are header and rows, as UTF-8."""

    def __init__(self, path: Path, stream: Any, layout: Layout) -> None:
        super().__init__()
        self._path, self._stream, self._layout = path, stream, layout
        self._decoder = codecs.getincrementaldecoder(layout.encoding)()
        self._number, self._rest, self._ready, self._is_over = 0, "", b"", False

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return some bytes more."""
        while not self._is_over and (size < 0 or len(self._ready) < size):
            self._ready += self._more()
        size = len(self._ready) if size < 0 else size
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def _more(self) -> bytes:
        piece = self._stream.read(SAMPLE_BYTES)
        self._is_over = not piece
        try:
            text = self._rest + self._decoder.decode(piece, final=self._is_over)
        except UnicodeDecodeError as error:
            raise FileError(_not_decoded(self._path, self._layout.encoding)) from error
        if not self._is_over:
            end = text.rfind("\n") + 1
            text, self._rest = text[:end], text[end:]
        lines, comment = _split(text), self._layout.comment
        kept = [
            line
            for number, line in enumerate(lines, self._number)
            if number not in self._layout.left_out and not (comment and line.lstrip().startswith(comment))
        ]
        self._number += len(lines)
        return "".join(kept).encode("utf-8")

    def close(self) -> None:
        """Close the file, too."""
        self._stream.close()
        super().close()


def _split(text: str) -> list[str]:
    """Return lines with their ends; only the line feed ends one."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _not_decoded(path: Path, encoding: str) -> str:
    if encoding == "utf-8-sig":
        return not_utf8(path, "a row")
    other = by_door("--encoding", "encoding")
    return f"{path} is not {encoding}: it has bytes that {encoding} does not allow. Try another {other}."


def _sample(source: Source, encoding: str | None) -> tuple[str, bool, str]:
    """Return the first part of the text, decoded, whether it is all of it, and its encoding."""
    path = source.path
    try:
        with source.open() as stream:
            sample = stream.read(SAMPLE_BYTES)
            is_whole = len(stream.read(1)) == 0
    except (OSError, pa.ArrowException) as error:
        raise FileError(f"Cannot read {path}: {first_line(error)}") from error
    if sample.startswith(b"PAR1"):
        raise FileError(f"{path} is a Parquet file. Give it the suffix .parquet.")
    if sample.startswith(b"PK\x03\x04"):
        raise FileError(
            f"{path} is a zip archive or an Excel workbook. Give a workbook the suffix .xlsx, and "
            f"unpack an archive first."
        )
    if encoding is None:
        is_wide = sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "utf-16" if is_wide else "utf-8-sig"
    elif codecs.lookup(encoding).name == "utf-8":
        encoding = "utf-8-sig"
    try:
        decoded = codecs.getincrementaldecoder(encoding)().decode(sample, final=is_whole)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise FileError(_not_decoded(path, encoding)) from error
        line = sample.count(b"\n", 0, error.start) + 1
        raise FileError(not_utf8(path, f"line {line} of the file")) from error
    if "\0" in decoded:
        raise FileError(
            f"{path} is not a text file in UTF-8. Tables are read from CSV, TSV, Parquet, Arrow and Excel files; of "
            f"text in another encoding say which: {said('encoding', 'utf-16-le')}."
        )
    if not decoded.strip():
        raise FileError(f"{path} is empty: a table needs a header row and at least one row below it.")
    return decoded, is_whole, encoding


def _inner_suffix(path: Path) -> str:
    """Return ".csv" of "rows.csv.gz"."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() in COMPRESSED_SUFFIXES else ""


def not_utf8(path: Path, place: str) -> str:
    return (
        f"{path} is not UTF-8 text: {place} has a byte that UTF-8 does not allow. Say which encoding it has, for "
        f"example {said('encoding', 'windows-1252')}. Save it as CSV (UTF-8) otherwise."
    )


def _first_rows(lines: Iterable[str], separator: str, is_whole: bool) -> list[list[str]]:
    """Return the first rows that are not empty; the header is always among them. Lines are taken as they are needed."""
    rows: list[list[str]] = []
    first = ""

    def ended() -> Iterator[str]:
        nonlocal first
        for line in lines:
            first = first or line
            # A carriage return alone ends a line, too.
            yield from io.StringIO(f"{line}\n", newline="") if "\r" in line[:-1] else (f"{line}\n",)

    try:
        for row in csv.reader(ended(), delimiter=separator):
            if row:
                rows.append(row)
            if len(rows) > SAMPLE_ROWS:
                break
        else:
            if not is_whole and len(rows) > 1:
                rows.pop()
    except csv.Error:  # a field that never ends
        rows = rows or [[first]]
    return rows


def _splitting(rows: Sequence[Sequence[str]]) -> tuple[bool, float, int]:
    """Judge a separator: whether it splits the header, which share of the rows alike, and into how many."""
    width = len(rows[0]) if rows else 0
    return width > 1, sum(len(row) == width for row in rows) / max(1, len(rows)), width


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
        hint = _hint(layout, row.text)
        return DataError(
            f"{path}: data row {row.number - 1} has {row.actual_columns} values, but the header names "
            f"{row.expected_columns} columns: {shown(row.text)}.{hint}"
        )
    if "UTF8" in str(error):
        return FileError(not_utf8(path, _place_of_other_bytes(layout)))
    return FileError(f"{path} cannot be read as CSV: {first_line(error)}")


def _place_of_other_bytes(layout: Layout) -> str:
    """Return which line is the first that is no UTF-8."""
    with layout.source.open() as stream:
        for number, line in enumerate(io.BufferedReader(stream), 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f"line {number} of the file"
    return "a value"


def _hint(layout: Layout, text: str) -> str:
    """What may help where a row has another length than the header."""
    start = text.lstrip()[:1]
    if start in ("#", "%", "!"):
        return f" If it is a comment, leave out the lines that begin so: {said('comment', start)}."
    if len([name for name in layout.header if name.strip()]) <= 1:
        return f" If lines stand above the header, say how many: {said('skip_rows', '1')}."
    return " A value that contains a comma must stand in double quotes." if layout.separator == "," else ""
