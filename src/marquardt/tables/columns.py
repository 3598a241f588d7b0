"""One column of any table: its kind, its values without a doubt, and where something is wrong with them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from marquardt.errors import DataError
from marquardt.tables.numerals import MISSING_WORDS, Codes
from marquardt.tables.row_numbers import RowNumbers
from marquardt.wording import by_door

__all__ = ["as_table"]

NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
# 1.234,5 and 1'000 and 12 % and 3,5: meant as numbers, but not written as a program reads them.
LOOSE_NUMBER = r"^\s*[+-]?\d[\d.,' ]*%?\s*$"
DATE = r"^\s*\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([ T].*)?$"

READ_AS_MISSING = b"marquardt: read as missing"
"""The key, in the metadata of a field, of the first word that a reader of text took for a missing value."""

UNIT = b"marquardt: unit"
"""The key, likewise, of the unit of the numbers of a column."""

Label = str | int | float | bool


def as_table(table: Any) -> pa.Table:
    """Return any table as a `pyarrow.Table` whose column names are all different."""
    library = type(table).__module__.partition(".")[0]
    is_frame = hasattr(type(table), "columns" if library == "pandas" else "__arrow_c_stream__")
    is_series = library == "polars" and not hasattr(type(table), "columns")
    try:
        if isinstance(table, pa.Table):
            arrow = table
        elif not is_frame or is_series:
            raise DataError(
                f"A table must be a pyarrow.Table or a pandas or polars DataFrame, got {type(table).__name__}."
            )
        elif library == "pandas":
            arrow = pa.Table.from_pandas(table, preserve_index=False)
        elif library == "polars":
            # Its stream holds text as views, which older versions of Arrow cannot cast.
            arrow = table.to_arrow()
        else:
            arrow = pa.table(table)
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = " ".join(str(part) for part in error.args)
        raise DataError(f"The table cannot be used: {reason}. A column must hold values of one type.") from error
    arrow = with_plain_names(arrow)
    names = arrow.column_names
    doubled = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if doubled:
        raise DataError(f"The table has more than one column of the name {listed(doubled)}.")
    return without_saved_index(arrow)


def with_plain_names(table: pa.Table) -> pa.Table:
    """Take blanks off names of columns, as a reader of CSV does, unless that makes two of them equal."""
    names = [name.strip() for name in table.column_names]
    return table if names == table.column_names or len(set(names)) < len(names) else table.rename_columns(names)


def without_metadata(table: pa.Table) -> pa.Table:
    """Leave out what a file says beside its columns: what readers of text note there would not be true of it."""
    return pa.table(table.columns, schema=pa.schema([pa.field(field.name, field.type) for field in table.schema]))


def without_saved_index(table: pa.Table) -> pa.Table:
    """Leave out the row labels that pandas stores beside the columns."""
    labels = [name for name in table.column_names if re.fullmatch(r"__index_level_\d+__", name)]
    return table.drop_columns(labels) if labels else table


def listed(names: Sequence[Any], limit: int = 12) -> str:
    """Return 'a', 'b', … and how many more there are.

    >>> listed(["age", "water", "ash"], limit=2)
    "'age', 'water' and 1 more"
    """
    shown = ", ".join(map(repr, names[:limit]))
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def way_out(name: str) -> str:
    """Return how to leave a column out."""
    return by_door(f"--ignore {shlex.quote(name)}", f"drop=[{name!r}]")


@dataclass(frozen=True)
class Column:
    """One column with its missing values, NaN among them, as nulls."""

    name: str
    # "number", "boolean", "text", "time", "empty" (no value at all), or the name of an Arrow type that cannot be
    # used
    kind: str
    values: Any  # (n_samples,): integers, float64, bool or large_string
    is_categorical: bool = False  # Whether the table itself says that these are labels
    rows: NDArray[np.intp] | None = None  # (n_samples,): where each value stood before rows were left out, for messages
    # Where the first value stands, if the column is a piece of a longer one, of which messages do not count
    # values
    first_row: int | None = None
    # The first word that was taken for a missing value, "" if it is only the empty one; None where there was none
    missing_word: str | None = None
    unit: str = ""  # Of numbers that a reader of text found with one; empty where they had none
    is_target: bool = False  # Which messages do not advise to leave out

    @classmethod
    def of(cls, table: pa.Table, name: str, first_row: int | None = None) -> Column:
        """Take a column out of a table, which may be the piece of a longer one that begins at some row."""
        values = table.column(name)
        said = table.schema.field(name).metadata or {}
        missing_word, unit = ((said.get(key) or b"").decode() for key in (READ_AS_MISSING, UNIT))
        missing_word = missing_word or None
        is_categorical = pa.types.is_dictionary(values.type)
        if is_categorical:
            values = _decoded(values)
        kind, values = _normalized(values)
        if kind == "number" and is_categorical:
            kind, values = "text", values.cast(pa.large_string())
        elif kind == "text":
            # As a reader of CSV does: one meaning of a cell whatever the file.
            values = pc.utf8_trim_whitespace(values)
        if len(values) and values.null_count == len(values):
            kind = "empty"
        return Column(name, kind, values, is_categorical, first_row=first_row, missing_word=missing_word, unit=unit)

    def without_words(self, keep_words: Collection[str]) -> Column:
        """Return a column as a reader of text takes it: some words are missing values, but for those to keep."""
        if self.kind != "text" or self.is_categorical:
            return self
        words = pa.array([word for word in MISSING_WORDS if word not in keep_words], pa.large_string())
        is_missing = pc.is_in(self.values, value_set=words)
        if not pc.any(is_missing).as_py():
            return self
        first = next(iter(self.values.filter(pc.and_(is_missing, pc.not_equal(self.values, "")))), pa.scalar(""))
        values = pc.if_else(is_missing, pa.scalar(None, pa.large_string()), self.values)
        kind = "empty" if values.null_count == len(values) else self.kind
        return replace(self, kind=kind, values=values, missing_word=self.missing_word or first.as_py())

    def known(self, words: Sequence[Label]) -> Column:
        """Return a column of words as a network sees it: what is none of its words may be missing, or empty."""
        if self.kind == "empty" and "" in words:
            return replace(self, kind="text", values=self.texts().fill_null(""))
        if self.kind != "text":
            return self
        values = self.values.fill_null("") if "" in words else self.values
        missing = [word for word in MISSING_WORDS if word not in words]
        is_missing = pc.is_in(values, value_set=pa.array(missing, pa.large_string()))
        if pc.any(is_missing).as_py():
            values = pc.if_else(is_missing, pa.scalar(None, pa.large_string()), values)
        return replace(self, values=values)

    def kept(self, keep: NDArray[np.bool_] | None) -> Column:
        """Return the column with only the rows of a mask; messages go on naming the rows of the whole table."""
        if keep is None:
            return self
        values = self.values.filter(pa.array(keep))
        rows = (self.first_row or 0) + np.flatnonzero(keep) if self.rows is None else self.rows[keep]
        return replace(self, values=values, rows=rows)

    is_cut = False
    """Whether there are more different values than are known."""

    @property
    def n_rows(self) -> int:
        """How many values there are, missing ones among them."""
        return len(self.values)

    @property
    def n_missing(self) -> int:
        """How many of them are missing."""
        return int(self.values.null_count)

    @property
    def missing_place(self) -> str:
        """Where the first is missing, in words."""
        return self.first(self.values.is_null())[1]

    @property
    def n_levels(self) -> int:
        """How many different values there are."""
        return len(pc.unique(self.values.drop_null()))

    @property
    def keeping_words(self) -> str:
        """Which word was read as missing, and how to keep it; nothing where there is none."""
        if self.missing_word is None:
            return ""
        word = self.missing_word
        way = by_door(f"--keep-words {shlex.quote(word)}", f"keep_words=[{word!r}]")
        return f"{word!r} was read as missing; where it is a word like others, keep it with {way}."

    def count(self, mask: Any) -> int:
        """Return how many values a mask has (nulls count as false)."""
        return int(pc.sum(mask).as_py() or 0)

    def level_counts(self) -> dict[Any, int]:
        """Return how often each value occurs, in the order in which they appear."""
        return {entry["values"]: entry["counts"] for entry in pc.value_counts(self.values.drop_null()).to_pylist()}

    def middle(self, kind: str) -> float:
        """Return the mean or the median of the numbers that are there."""
        numbers = self.numbers()
        numbers = numbers[~np.isnan(numbers)]
        # Scaled by a power of two, which is exact, so that no sum of large numbers overflows.
        exponent = int(np.frexp(np.abs(numbers).max())[1])
        scaled = np.ldexp(numbers, -exponent)
        return float(np.ldexp(np.mean(scaled) if kind == "mean" else np.median(scaled), exponent))

    def row_numbers(self) -> RowNumbers:
        """Look whether it counts the rows."""
        found = RowNumbers()
        if self.kind == "number" and self.n_rows:
            found.add(self.values, self.all_rows())
        return found

    def all_rows(self) -> NDArray[np.intp]:
        """Return where each value stands in the whole table, from 0."""
        return (self.first_row or 0) + np.arange(len(self.values)) if self.rows is None else self.rows

    def numbers(self) -> NDArray[np.float64]:
        """Return the values of a number, boolean or empty column as float64, missing ones as NaN."""
        values = self.values
        if self.kind == "empty":
            return np.full(len(values), np.nan)
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.uint8())
        # Not a safe cast: an integer above 2⁵³ becomes the nearest float.
        numbers = values.cast(pa.float64(), safe=False).to_numpy()
        return np.asarray(numbers, dtype=np.float64)

    def texts(self) -> Any:
        """Return the values as text, so that a level "2" is found in a column that now holds only numbers."""
        if self.kind == "empty":
            return pa.chunked_array([pa.nulls(len(self.values), pa.large_string())])
        return self.values.cast(pa.large_string())

    def is_missing(self) -> NDArray[np.bool_]:
        """Return the mask of missing values."""
        return np.asarray(self.values.is_null().to_numpy(), dtype=np.bool_)

    def distinct(self) -> list[Any]:
        """Return the values that occur, sorted, as Python values."""
        return sorted(pc.unique(self.values.drop_null()).to_pylist())

    def first(self, mask: Any) -> tuple[Any, str]:
        """Return the first value under a mask (nulls count as false) and its place in words."""
        index = int(np.flatnonzero(np.asarray(pc.fill_null(mask, False)))[0])
        return self.values[index].as_py(), self.place(index)

    def place(self, index: int) -> str:
        """Return the words for a row: "data row 1" is the first below the header."""
        return f"data row {self.row(index) + 1}"

    def row(self, index: int) -> int:
        """Return where a value stands in the whole table, from 0."""
        return (self.first_row or 0) + index if self.rows is None else int(self.rows[index])

    @property
    def _way_out(self) -> str:
        """What else can be done where a column is of no use."""
        return "choose another target" if self.is_target else f"leave the column out with {way_out(self.name)}"

    def refuse_unusable(self) -> None:
        """Refuse dates and times, nested and binary values, and a column without any value."""
        if self.kind == "time":
            raise DataError(
                f"Column {self.name!r} holds dates or times ({self.values.type}), which a network cannot use as they "
                f"are. Turn them into numbers, such as days since a start or the month, or {self._way_out}."
            )
        if self.kind == "empty":
            raise DataError(f"Column {self.name!r} is missing in all {self.n_rows} rows. Fill it, or {self._way_out}.")
        if self.kind not in ("number", "boolean", "text"):
            raise DataError(
                f"Column {self.name!r} holds values of type {self.kind}; numbers, true/false and text can be used. "
                f"Convert it, or {self._way_out}."
            )

    def refuse_infinity(self) -> None:
        """Refuse a number column with an infinite value."""
        if self.kind != "number" or not pa.types.is_floating(self.values.type):
            return
        infinite = pc.is_inf(self.values)
        count = self.count(infinite)
        if count:
            value, place = self.first(infinite)
            first = f"in {count} of {self.n_rows} rows, first" if self.first_row is None else "such as"
            raise DataError(
                f"Column {self.name!r} holds infinity {first} {value} in {place}. Correct the value or remove the row."
            )

    def refuse_number_words(self) -> None:
        """Refuse text that is meant as something else: numbers with a few words in them, or dates."""
        if self.kind != "text" or self.is_categorical:
            return
        count = self.n_rows - self.n_missing
        numbers = pc.match_substring_regex(self.values, NUMBER)
        n_numbers = self.count(numbers)
        if n_numbers == count:
            codes = Codes()
            if codes.add(self.values) and codes.has_zero:
                return
            value, place = self.first(numbers)
            raise DataError(
                f"Column {self.name!r} holds numbers stored as text, such as {value!r} in {place}. Convert it "
                f"to numbers, or to a categorical type if they are labels."
            )
        if 2 * n_numbers > count:
            self._refuse_words(numbers, count - n_numbers, count)
        dates = pc.match_substring_regex(self.values, DATE)
        if 2 * self.count(dates) > count:
            value, place = self.first(dates)
            raise DataError(
                f"Column {self.name!r} holds dates, such as {value!r} in {place}, which a network cannot use as "
                f"they are. Turn them into numbers, such as days since a start or the month, or {self._way_out}."
            )
        loose = pc.match_substring_regex(self.values, LOOSE_NUMBER)
        if 2 * self.count(loose) > count:
            value, place = self.first(pc.and_(loose, pc.invert(numbers)))
            raise DataError(
                f"Column {self.name!r} holds numbers written in a way that cannot be read, such as {value!r} in "
                f"{place}. Write all of them alike, as plain numbers like 1234.5 without a unit, or {self._way_out}."
            )

    def _refuse_words(self, numbers: Any, n_words: int, count: int) -> None:
        value, place = self.first(pc.invert(numbers))
        verb = "is" if n_words == 1 else "are"
        raise DataError(
            f"Column {self.name!r} is mostly numbers, but {n_words} of its {count} values {verb} not, first "
            f"{value!r} in {place}. Correct the value, leave the cell empty if it is missing, or {self._way_out}."
        )


def _decoded(values: Any) -> Any:
    """Return the labels themselves instead of their numbers in a dictionary."""
    kind = pa.large_string() if _is_text(values.type.value_type) else values.type.value_type
    return pa.chunked_array([chunk.dictionary.cast(kind).take(chunk.indices) for chunk in values.chunks], type=kind)


def _is_text(type_: Any) -> bool:
    return str(type_) in ("string", "large_string", "string_view")


def _normalized(values: Any) -> tuple[str, Any]:
    """Return the kind of a column and its values in one of a few types, NaN as null."""
    type_ = values.type
    if pa.types.is_boolean(type_):
        return "boolean", values
    if pa.types.is_integer(type_):
        return "number", values
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        values = values.cast(pa.float64(), safe=False)
        is_nan = pc.is_nan(values)
        if pc.any(is_nan).as_py():
            values = pc.if_else(is_nan, pa.scalar(None, pa.float64()), values)
        return "number", values
    if pa.types.is_temporal(type_):
        return "time", values
    if pa.types.is_null(type_):
        return "empty", values
    if _is_text(type_):
        return "text", values.cast(pa.large_string())
    return str(type_), values
