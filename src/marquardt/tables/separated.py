"""A CSV or TSV file goes by batch by batch, its columns of the types that it would have in memory.

One pass finds them: which of Arrow's types every cell of a column fits, in the order in which Arrow tries them on a
whole file. Every later pass reads the cells as text again and turns them into that type.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from marquardt.errors import FileError, NoRowsError
from marquardt.streams.files import Fingerprint
from marquardt.tables.columns import READ_AS_MISSING, UNIT
from marquardt.tables.dialect import Dialect
from marquardt.tables.laying import (
    COMPRESSED_SUFFIXES,
    Layout,
    layout_of,
    no_rows,
    opened,
    parse_error,
    parse_options,
    refuse_bad_names,
    refuse_unreadable,
)
from marquardt.tables.numerals import (
    DECIMAL,
    FEW,
    MOST_CODES,
    Codes,
    Notations,
    Seen,
    decided,
    mark_of,
    typed,
    without_nan,
)
from marquardt.tables.units import Unit
from marquardt.tables.workbooks import WORKBOOKS
from marquardt.tables.written import Written

BLOCK_BYTES = 8 << 20
PIECE_BYTES = 2 << 20
"""What is parsed at a time. Arrow reads dozens of pieces ahead: with 8 MiB a pass took 430 MB, with 2 it takes 160."""
EXPANSION = 4
"""About how much larger a compressed file of numbers is than it looks."""


def separated_bytes(path: Path) -> int:
    """Return about what a file of separated text takes in memory, by its size."""
    return path.stat().st_size * (EXPANSION if path.suffix.lower() in (*COMPRESSED_SUFFIXES, *WORKBOOKS) else 1)


def header_of(path: str | os.PathLike[str], *, dialect: Dialect | None = None) -> list[str]:
    """Return the names of the columns of a CSV or TSV file, of which no more than the beginning is read."""
    refuse_unreadable(Path(path))
    return [raw.strip() for raw in layout_of(Path(path), dialect or Dialect()).header]


class SeparatedRows:
    """The rows of a CSV or TSV file; making it goes through the file once."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        text: Collection[str] = (),
        dialect: Dialect | None = None,
        labels: Collection[str] = (),
        keep_words: Collection[str] = (),
        numbers: Collection[str] | None = (),
    ) -> None:
        self._path = Path(path)
        self.name = str(path)
        refuse_unreadable(self._path)
        dialect = dialect or Dialect()
        self.n_bytes = separated_bytes(self._path)
        self._fingerprint = Fingerprint([self._path])
        self._layout = layout_of(self._path, dialect)
        self._notations = Notations(_known(self._layout, dialect), keep_words)
        names = _names(self._path, self._layout)
        self._raw = dict(zip(names, self._layout.header, strict=True))
        seen = _unseen(names, self._notations, text, labels, numbers)
        self.n_rows = 0
        self._missing_words: dict[str, str] = {}
        for batch in self._cells(names, ()):
            self.n_rows += batch.num_rows
            for name, cells in zip(names, batch.columns, strict=True):
                known = self._notations.without_missing(cells)
                if known.null_count and name not in self._missing_words:
                    word = _missing_word(cells, self._notations)
                    if word:
                        self._missing_words[name] = word
                seen[name].add(known, self._notations)
        self._types = _types(self._path, self._layout, seen, self.n_rows)
        self._units = {name: seen[name].unit for name in self._types}
        self._written = _written(self._layout, dialect, self._types)
        self.column_names = list(self._types)
        self.paths = [self._path]

    def no_rows(self, names: Sequence[str]) -> pa.Table:
        """Return some columns without a row."""
        return self._written.beside(self._schema(names)).empty_table()

    def _schema(self, names: Sequence[str]) -> pa.Schema:
        types = [pa.float64() if self._types[name] in DECIMAL else self._types[name] for name in names]
        return pa.schema(
            [
                _field(
                    name, type_, self._missing_words.get(name, "") if type_ == pa.string() else "", self._units[name]
                )
                for name, type_ in zip(names, types, strict=True)
            ]
        )

    def batches(self, names: Sequence[str], n_rows: int) -> Iterator[pa.Table]:
        """Read some columns of all rows."""
        seen = 0
        for batch in self._cells(names, self._notations.missing):
            try:
                columns = [
                    typed(self._types[name], cells, self._notations, self._units[name])
                    for name, cells in zip(names, batch.columns, strict=True)
                ]
            except pa.ArrowInvalid as error:
                self._fingerprint.check()
                raise FileError(f"{self._path} cannot be read: {error}") from error
            seen += batch.num_rows
            table = pa.table(columns, schema=self._schema(names))
            for first in range(0, batch.num_rows, n_rows):
                yield table.slice(first, n_rows)
        if seen != self.n_rows:
            raise FileError(f"{self._path} had {self.n_rows} rows, and now has {seen}.")

    def _cells(self, names: Sequence[str], missing: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns as text, null for some words."""
        self._fingerprint.check()
        ragged: list[Any] = []
        try:
            with (
                opened(self._layout) as file,
                # Alone, so that a row of another length is known by its number.
                pyarrow.csv.open_csv(
                    file,
                    read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=PIECE_BYTES),
                    parse_options=parse_options(self._layout, ragged),
                    convert_options=_as_text([self._raw[name] for name in names], missing),
                ) as reader,
            ):
                yield from reader
        except (pa.ArrowInvalid, OSError) as error:
            self._fingerprint.check()
            raise parse_error(self._path, self._layout, ragged, error) from error
        self._fingerprint.check()


def read_separated(
    path: Path,
    text: Collection[str],
    dialect: Dialect,
    labels: Collection[str] = (),
    keep_words: Collection[str] = (),
    numbers: Collection[str] | None = (),
) -> pa.Table:
    """Read a file of separated text as a whole.

    Arrow tells what columns are; those of numbers that may have two readings, or be codes, are read again as text.
    """
    layout = layout_of(path, dialect)
    notations = Notations(_known(layout, dialect), keep_words)
    names = _names(path, layout)
    raw = dict(zip(names, layout.header, strict=True))
    seen = _unseen(names, notations, text, labels, numbers)
    as_text = [raw[name] for name in names if name in text or name in labels]
    taken = _parsed(path, layout, _inferring(as_text, notations.missing))
    columns = dict(zip(names, taken.columns, strict=True))
    starts = {name: pa.array([row[k] for row in layout.first_rows], pa.string()) for k, name in enumerate(names)}
    again = [
        name
        for name in names
        if not _is_sure(columns[name].type, starts[name], notations)
        or (seen[name].codes is not None and _may_be_code(columns[name], starts[name], notations))
    ]
    if again:
        cells = _parsed(path, layout, _as_text([raw[name] for name in again]))
        columns.update(zip(again, cells.columns, strict=True))
    seen = {name: _seen(column, seen[name], notations) for name, column in columns.items()}
    types = _types(path, layout, seen, taken.num_rows)
    made = [_made(type_, columns[name], notations, seen[name].unit) for name, type_ in types.items()]
    fields = [
        _field(name, each.type, _word_of(each, columns[name], notations), seen[name].unit)
        for name, each in zip(types, made, strict=True)
    ]
    return pa.table(made, schema=_written(layout, dialect, types).beside(pa.schema(fields)))


def _known(layout: Layout, dialect: Dialect) -> Dialect:
    """Return what is known of the numbers: those of a workbook's cells are written here."""
    return dialect if layout.source.content is None else dialect.of_workbook()


def _unseen(
    names: Sequence[str],
    notations: Notations,
    text: Collection[str],
    labels: Collection[str],
    numbers: Collection[str] | None,
) -> dict[str, Seen]:
    """Return what is known of the columns before a row is read."""
    return {
        name: Seen(
            [] if name in text else notations.types,
            is_label=name in labels,
            codes=None if numbers is None or name in numbers or name in text else Codes(),
        )
        for name in names
    }


def _field(name: str, type_: Any, missing_word: str = "", unit: Unit | None = None) -> pa.Field:
    """A column with what there is to say about how it was read."""
    said = {READ_AS_MISSING: missing_word, UNIT: "" if unit is None else unit.name}
    return pa.field(name, type_, metadata={key: word for key, word in said.items() if word} or None)


def _written(layout: Layout, dialect: Dialect, types: Mapping[str, Any]) -> Written:
    """What was found of the file; what is made of a workbook is CSV as it is written everywhere."""
    if layout.source.content is not None:
        return Written(notes=layout.notes)
    return Written(layout.separator, dialect.decimal or mark_of(types.values()), layout.notes)


def _word_of(made: Any, cells: Any, notations: Notations) -> str:
    """Return, of a column of text with missing values, the first word that was read as one."""
    is_text = pa.types.is_string(made.type) and pa.types.is_string(cells.type)
    return _missing_word(cells, notations) if is_text and made.null_count else ""


def _missing_word(cells: Any, notations: Notations) -> str:
    """Return the first cell that is a word for a missing value; nothing where there is none but empty ones."""
    words = pa.array([word for word in notations.missing if word])
    trimmed = pc.utf8_trim_whitespace(cells)
    first = pc.index(pc.is_in(trimmed, value_set=words), True).as_py()
    return "" if first < 0 else str(trimmed[first].as_py())


def _is_sure(type_: Any, start: Any, notations: Notations) -> bool:
    """Whether a column is what Arrow takes it for, or text."""
    if pa.types.is_binary(type_):  # text of another encoding, of which reading it as text tells the place
        return False
    return not pa.types.is_floating(type_) or notations.has_point(start)


def _may_be_code(column: Any, start: Any, notations: Notations) -> bool:
    """Whether whole numbers may have been written with zeros in front, all of one width: by the first and the ends."""
    if not pa.types.is_integer(column.type):
        return False
    codes = Codes()
    if not codes.add(notations.cleaned(start)):
        return False
    ends = pc.min_max(column).as_py()
    if ends["min"] is None or ends["min"] < 0 or (codes.width and ends["min"] >= 10 ** (codes.width - 1)):
        return False
    return bool(pc.count_distinct(column).as_py() <= MOST_CODES)


def _seen(column: Any, seen: Seen, notations: Notations) -> Seen:
    """What is known of a column as Arrow read it."""
    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        cells = column.cast(pa.string())
        # The first cells tell most columns of words from all else.
        for piece in (cells.slice(0, FEW), cells.slice(FEW)):
            if len(piece) and (seen.types or seen.is_empty):
                seen.add(notations.without_missing(piece), notations)
        return seen
    is_integer = pa.types.is_integer(column.type)
    return Seen([column.type, *(notations.patterns if is_integer else ())], is_empty=False, n_rows=len(column))


def _made(type_: Any, column: Any, notations: Notations, unit: Unit | None) -> Any:
    if pa.types.is_string(column.type):
        return typed(type_, column if type_ == pa.string() else notations.without_missing(column), notations, unit)
    return typed(type_, column.cast(pa.string()), notations) if pa.types.is_null(column.type) else without_nan(column)


def _names(path: Path, layout: Layout) -> list[str]:
    """Return the names of the columns; lines that end in a separator have a last one without a name."""
    names = [raw.strip() for raw in layout.header]
    refuse_bad_names(path, names[:-1] if _is_open(names) else names)
    return names


def _is_open(names: Sequence[str]) -> bool:
    return len(names) > 1 and not names[-1]


def _types(path: Path, layout: Layout, seen: dict[str, Seen], n_rows: int) -> dict[str, Any]:
    """Return the types of all columns; one without a name must be without values, too, and is none."""
    if n_rows == 0:
        raise NoRowsError(no_rows(path), list(seen))
    names = list(seen)
    if _is_open(names) and not seen[names[-1]].is_empty:
        refuse_bad_names(path, names)
    columns = {name: seen[name] for name in (names[:-1] if _is_open(names) else names)}
    return decided(columns, layout.separator, str(path))


def _as_text(raw: Sequence[str], missing: Sequence[str] = ()) -> pyarrow.csv.ConvertOptions:
    """Read columns as text, null for some words."""
    return pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(raw, pa.string()),
        include_columns=list(raw),
        null_values=list(missing),
        strings_can_be_null=bool(missing),
    )


def _inferring(text: Sequence[str], missing: Sequence[str]) -> pyarrow.csv.ConvertOptions:
    """Let Arrow tell what columns are, by the other values; in those of text words for missing values are words."""
    return pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(text, pa.string()), null_values=list(missing))


def _parsed(path: Path, layout: Layout, convert_options: pyarrow.csv.ConvertOptions) -> pa.Table:
    """Let Arrow parse the file; on a row of another length parse it again, slowly, to learn which row it is."""
    ragged: list[Any] = []

    def parse(use_threads: bool) -> pa.Table:
        with opened(layout) as file:
            return pyarrow.csv.read_csv(
                file,
                read_options=pyarrow.csv.ReadOptions(use_threads=use_threads, block_size=BLOCK_BYTES),
                parse_options=parse_options(layout, ragged),
                convert_options=convert_options,
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
