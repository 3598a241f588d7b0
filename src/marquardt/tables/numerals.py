"""Cells of text become values: of which type a column is, and which mark its decimals have.

A number such as ``25.548`` has two readings. Which one holds is decided for a file as a whole: a column that has one
reading only, such as one with ``9769,91``, tells it for all columns that have two. What nothing tells is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from marquardt.errors import DataError
from marquardt.tables.dialect import NAMED_MARKS, Dialect, said
from marquardt.tables.units import Unit, unit_of

LEADING_ZERO = r"^\s*[+-]?0\d"
"""What a number begins with that is a code."""
MISSING_WORDS = ("", "?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "NULL", "Null", "null")

POINT, COMMA = "decimal point", "decimal comma"
DECIMAL = {POINT: ".", COMMA: ","}
MARKS = {".": ".", ",": ",", "'": "['\u2019]", "space": "[ \u00a0\u202f\u2009]"}
"""Marks between groups of three digits; of apostrophes the typographic one, of spaces the no-break and narrow ones."""
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
)
"""What the cells of a column may be beside numbers with marks, the first that they all fit; else they are text."""
NUMBERS = (pa.int64(), pa.float64(), POINT, COMMA)
CLOCK = r"^\d\d:\d\d(:\d\d)?$"
BOOLEANS = ("1", "True", "TRUE", "true", "0", "False", "FALSE", "false")
FEW = 100
MOST_CODES = 50
"""Different codes of a column; digits with zeros in front that are more are numbers."""


class Notations:
    """The readings of numbers that a dialect leaves."""

    def __init__(self, dialect: Dialect, keep_words: Collection[str] = ()) -> None:
        self.keep_words = frozenset(keep_words)
        self.missing = [word for word in MISSING_WORDS if word not in self.keep_words]
        """Words that stand for missing values."""
        self.patterns: dict[str, str] = {}
        self.separators: dict[str, str] = {}
        given = None if dialect.thousands is None else NAMED_MARKS[dialect.thousands]
        for reading, decimal in DECIMAL.items():
            if dialect.decimal not in (None, decimal) or given == decimal:
                continue
            marks = [mark for mark in MARKS if mark != decimal] if given is None else [given] if given in MARKS else []
            self.patterns[reading] = _pattern(decimal, [MARKS[mark] for mark in marks])
            self.separators[reading] = "[" + "".join(MARKS[mark].strip("[]") for mark in marks) + "]" if marks else ""
        # Arrow's own reading of numbers has a decimal point.
        self.types = [each for each in TYPES if each != pa.float64() or POINT in self.patterns]
        self.types += list(self.patterns)

    def unit_of(self, cells: Any) -> Unit | None:
        """Return the unit of the first cell that is a value."""
        start = _cleaned(cells.drop_null().slice(0, FEW)).drop_null()
        return unit_of(start[0].as_py()) if len(start) else None

    def without_missing(self, cells: Any) -> Any:
        """Cells with null for the words that stand for missing values."""
        return pc.if_else(pc.is_in(cells, value_set=pa.array(self.missing)), pa.scalar(None, pa.string()), cells)

    def cleaned(self, cells: Any) -> Any:
        """The same, without blanks around values and these words."""
        return _cleaned(cells, self.keep_words)

    def without_words(self, cells: Any) -> Any:
        """Cells of what is no text, where words that are kept in text are missing values, too."""
        return _cleaned(cells) if self.keep_words else cells

    def fit(self, reading: str, cells: Any) -> bool:
        """Whether all cells are numbers in a reading."""
        pattern = self.patterns[reading]
        return all(
            pc.all(pc.match_substring_regex(piece, pattern)).as_py() is not False
            for piece in (cells.slice(0, FEW), cells)
        )

    def has_point(self, start: Any) -> bool:
        """Whether what Arrow reads as fractions can have a decimal point only, by some of its cells."""
        return POINT in self.patterns and not (COMMA in self.patterns and self.fit(COMMA, _cleaned(start)))

    def numbers(self, reading: str, cells: Any) -> Any:
        """Return cells that fit a reading as numbers."""
        marks, plain = self.separators[reading], cells
        if reading == COMMA:
            # A point would be taken for the decimal one; of other marks the cast tells.
            plain = pc.replace_substring(plain, ".", "") if "." in marks else plain
            plain = pc.replace_substring(plain, ",", ".")
        try:
            return plain.cast(pa.float64())
        except pa.ArrowInvalid:
            return pc.replace_substring_regex(plain, marks.replace(".", ""), "").cast(pa.float64())


def _pattern(decimal: str, marks: Sequence[str]) -> str:
    grouped = "".join(rf"|[1-9]\d{{0,2}}(?:{_literal(mark)}\d{{3}})+" for mark in marks)
    mark = re.escape(decimal)
    return rf"^[+-]?(?:(?:(?:\d+{grouped})(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity))$"


def _literal(mark: str) -> str:
    return mark if mark.startswith("[") else re.escape(mark)


@dataclass
class Seen:
    """What is known of a column, cell by cell."""

    types: list[Any]  # What all of its cells may be
    is_empty: bool = True  # Whether all are missing
    # The first cell with a point or a comma, and its row from 0: looked for while the column has two readings
    example: tuple[str, int] | None = None
    has_comma: bool = False  # Whether a cell has a comma, likewise
    is_label: bool = False  # Whether numbers with leading zeros are text
    n_rows: int = field(default=0)
    unit: Unit | None = None  # Of all of its cells
    codes: Codes | None = None  # What is known of it as a column of codes; None where it is none

    def add(self, cells: Any, notations: Notations) -> None:
        """Look at more cells."""
        cells = notations.without_words(cells)
        if self.is_empty and self.types and not self.is_label:
            self.unit = notations.unit_of(cells)
            if self.unit is not None:
                self.types = [each for each in self.types if each in NUMBERS]
        if self.unit is not None:
            cells = _cleaned(cells)
            if self.unit.is_in_all(cells):
                cells = self.unit.without(cells)
            else:
                self.types, self.unit = [], None
        if self.codes is not None and (self.unit is not None or not self.codes.add(cells)):
            self.codes = None
        if self.is_label and self.types and pc.any(pc.match_substring_regex(cells, LEADING_ZERO)).as_py():
            self.types, self.is_empty = [], False
        if self.is_empty or self.types:
            self.types, is_missing = _fitting(self.types, cells, notations)
            self.is_empty = self.is_empty and is_missing
        if len(self.readings) == 2 and self.types[0] != pa.int64():
            self._look_for_marks(cells)
        self.n_rows += len(cells)
        if not self.types:
            self.unit = None

    @property
    def is_code(self) -> bool:
        """Whether its cells are codes, such as 007."""
        return self.codes is not None and self.codes.are_there

    def _look_for_marks(self, cells: Any) -> None:
        if self.example is None:
            first = pc.index(pc.match_substring_regex(cells, "[.,]"), True).as_py()
            if first >= 0:
                self.example = (cells[first].as_py().strip(), self.n_rows + first)
        self.has_comma = self.has_comma or bool(pc.any(pc.match_substring(cells, ",")).as_py())

    @property
    def readings(self) -> set[str]:
        """How its cells may be read as numbers; none where they are something else."""
        if self.is_empty or not self.types or self.types[0] not in NUMBERS:
            return set()
        found = {reading for reading in (POINT, COMMA) if reading in self.types}
        return found | {POINT} if pa.float64() in self.types else found


@dataclass
class Codes:
    """Digits of one width, some with zeros in front, of which there are few and some come again."""

    width: int = 0
    n_cells: int = 0
    has_zero: bool = False
    seen: set[str] = field(default_factory=set)

    def add(self, cells: Any) -> bool:
        """Look at more cells; returns whether all may be codes."""
        cells = pc.utf8_trim_whitespace(cells.drop_null())
        if not len(cells):
            return True
        lengths = pc.min_max(pc.utf8_length(cells)).as_py()
        self.width = self.width or lengths["min"]
        if lengths["min"] != self.width or lengths["max"] != self.width or self.width == 1:
            return False
        if not pc.all(pc.match_substring_regex(cells, r"^\d+$")).as_py():
            return False
        self.n_cells += len(cells)
        self.has_zero = self.has_zero or bool(pc.any(pc.starts_with(cells, "0")).as_py())
        different = pc.unique(cells)
        if len(different) <= MOST_CODES:
            self.seen.update(different.to_pylist())
        return len(different) <= MOST_CODES and len(self.seen) <= MOST_CODES

    @property
    def are_there(self) -> bool:
        """Whether what was seen are codes."""
        return self.has_zero and len(self.seen) < self.n_cells


def decided(columns: Mapping[str, Seen], separator: str, where: str) -> dict[str, Any]:
    """Return the type of every column, one reading of numbers for all that have two."""
    sure = [seen.readings for seen in columns.values() if len(seen.readings) == 1]
    votes = set().union(*sure) if sure else set()
    doubtful = {name: seen for name, seen in columns.items() if len(seen.readings) == 2 and seen.example is not None}
    reading: str | None = None
    if len(votes) == 1:
        (reading,) = votes
    elif not votes and separator == "," and len(columns) > 1 and not any(s.has_comma for s in doubtful.values()):
        reading = POINT
    if doubtful and reading is None:
        name, seen = next(iter(doubtful.items()))
        raise DataError(_two_readings(where, name, seen, votes))
    return {name: _chosen(seen, reading if name in doubtful else None) for name, seen in columns.items()}


def mark_of(types: Iterable[Any]) -> str:
    """Return the mark before decimals in a file whose columns are of some types."""
    return "," if COMMA in (found := list(types)) and pa.float64() not in found and POINT not in found else "."


def _chosen(seen: Seen, reading: str | None) -> Any:
    if seen.is_code or (seen.is_empty and not seen.types):
        return pa.string()
    if seen.is_empty:
        return pa.null()
    if reading is None:
        return seen.types[0] if seen.types else pa.string()
    # Arrow's own reading where it is the same one, as it takes less time.
    return pa.float64() if reading == POINT and pa.float64() in seen.types else reading


def _two_readings(where: str, name: str, seen: Seen, votes: set[str]) -> str:
    assert seen.example is not None
    cell, row = seen.example
    why = "other columns have both marks" if votes else "nothing else in the file tells which one is meant"
    point, comma = (_read(cell, mark) for mark in ".,")
    return (
        f"{where}: {cell!r} in column {name!r}, data row {row + 1}, is {point} with a decimal point and {comma} with a "
        f"decimal comma, and {why}. Say which mark the decimals have: {said('decimal', '.')} or {said('decimal', ',')}"
    )


def _read(cell: str, decimal: str) -> str:
    other = "," if decimal == "." else "."
    plain = re.sub(r"[\s'\u2019]", "", cell).replace(other, "")
    return plain.replace(decimal, ".")


def _fitting(types: Sequence[Any], cells: Any, notations: Notations) -> tuple[list[Any], bool]:
    """Return those of the types that all cells fit, and whether all are missing."""
    if cells.null_count == len(cells):
        return list(types), True
    found = [each for each in types if each not in DECIMAL and _fits(each, cells)]
    if pa.float64() in found and POINT in types:
        found.append(POINT)  # of which what Arrow reads is a part
    others = [each for each in types if each not in found]
    start = cells.drop_null().slice(0, FEW)
    if _cleaned(start).null_count < len(start):
        others = [
            each for each in others if _fits_trimmed(each, pc.utf8_trim_whitespace(start), _cleaned(start), notations)
        ]
        if not others:
            return [each for each in types if each in found], False
    # Arrow takes blanks off numbers, dates and times; words for what is missing may stand in blanks among numbers only.
    trimmed, cleaned = pc.utf8_trim_whitespace(cells), _cleaned(cells)
    found += [each for each in others if _fits_trimmed(each, trimmed, cleaned, notations)]
    return [each for each in types if each in found], cleaned.null_count == len(cleaned)


def _fits_trimmed(each: Any, trimmed: Any, cleaned: Any, notations: Notations) -> bool:
    """Whether cells fit a type without the blanks around them, or without the words for what is missing as well."""
    if each in DECIMAL:
        return notations.fit(each, cleaned)
    if pa.types.is_integer(each) or pa.types.is_floating(each):
        return _fits(each, cleaned)
    return (each == TIME or pa.types.is_date(each)) and _fits(each, trimmed)


def _fits(type_: Any, cells: Any) -> bool:
    if pa.types.is_boolean(type_):
        return bool(pc.all(pc.is_in(cells.drop_null(), value_set=pa.array(BOOLEANS))).as_py())
    try:
        # Arrow goes on to the end where the first value does not fit.
        _cast(cells.slice(0, FEW), type_)
        _cast(cells, type_)
    except pa.ArrowInvalid:
        return False
    return True


def _cleaned(cells: Any, keep_words: Collection[str] = ()) -> Any:
    """Without blanks around values, and around the words that stand for missing ones."""
    cells = pc.utf8_trim_whitespace(cells)
    missing = pa.array([word for word in MISSING_WORDS if word not in keep_words])
    return pc.if_else(pc.is_in(cells, value_set=missing), pa.scalar(None, pa.string()), cells)


def typed(type_: Any, cells: Any, notations: Notations, unit: Unit | None = None) -> Any:
    """Return cells as values of a type that they fit."""
    if unit is not None:
        cells = unit.without(_cleaned(cells))
    if type_ in DECIMAL:
        return notations.numbers(type_, _cleaned(cells))
    if pa.types.is_null(type_):
        return pa.nulls(len(cells))
    if pa.types.is_string(type_):
        return _cleaned(cells, notations.keep_words)
    cells = notations.without_words(cells)
    try:
        values = _cast(cells, type_)
    except pa.ArrowInvalid:
        values = _cast(_cleaned(cells), type_)
    return without_nan(values)


def without_nan(values: Any) -> Any:
    """Return values with null for NaN: a word such as NaN in blanks was read as a number."""
    if not pa.types.is_floating(values.type) or not pc.any(pc.is_nan(values)).as_py():
        return values
    return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)


def _cast(cells: Any, type_: Any) -> Any:
    if type_ != TIME:
        return cells.cast(type_)
    # Arrow's reader of CSV knows times of day, its casts do not: by way of points in time of some day.
    if pc.any(pc.invert(pc.match_substring_regex(cells, CLOCK))).as_py():
        raise pa.ArrowInvalid("not a time")
    return pc.binary_join_element_wise("1970-01-01", cells, " ").cast(pa.timestamp("s")).cast(TIME)
