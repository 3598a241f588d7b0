"""Tables larger than memory: rows that go by batch by batch, and what a training sees of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from marquardt.arrays import Array
from marquardt.networks import Network
from marquardt.streams import ArrowFiles, is_arrow_data
from marquardt.tables.coding import TableCoding
from marquardt.tables.dialect import Dialect
from marquardt.tables.laying import refuse_address, refuse_bad_names, refuse_unreadable
from marquardt.tables.separated import SeparatedRows, separated_bytes
from marquardt.tables.surveying import Rows

__all__ = ["CodedFiles", "even_batches", "open_rows", "table_bytes"]


def open_rows(
    path: str | os.PathLike[str],
    *,
    text: Collection[str] = (),
    labels: Collection[str] = (),
    keep_words: Collection[str] = (),
    numbers: Collection[str] | None = (),
    dialect: Dialect | None = None,
) -> ArrowRows | SeparatedRows:
    """Open a table to read it batch by batch; a CSV or TSV file is gone through once, to learn what columns hold."""
    dialect = dialect or Dialect()
    if not is_arrow_data(path):
        return SeparatedRows(path, text, dialect, labels, keep_words, numbers)
    refuse_address(Path(path))
    dialect.refuse_beside(path)
    return ArrowRows(path)


def table_bytes(path: str | os.PathLike[str]) -> int:
    """Return about what a table takes in memory, without reading it: by types and rows, or by the size of a file."""
    if is_arrow_data(path):
        refuse_address(Path(path))
        return ArrowRows(path).n_bytes
    refuse_unreadable(Path(path))
    return separated_bytes(Path(path))


class ArrowRows:
    """The rows of Parquet and Arrow files."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._files = ArrowFiles(path)
        self.name, self.n_rows, self.paths = self._files.name, self._files.n_rows, self._files.paths
        names: list[str] = self._files.schema.names
        plain = [name.strip() for name in names]
        # As a table in memory: without blanks around names.
        self._raw = dict(zip(plain if len(set(plain)) == len(names) else names, names, strict=True))
        self.column_names = [name for name in self._raw if not re.fullmatch(r"__index_level_\d+__", name)]
        refuse_bad_names(Path(self.name), self.column_names)

    @property
    def n_bytes(self) -> int:
        """About what the whole table takes in memory."""
        types = [self._files.schema.field(self._raw[name]).type for name in self.column_names]
        return self.n_rows * sum(_width(type_) for type_ in types)

    def no_rows(self, names: Sequence[str]) -> pa.Table:
        """Return some columns without a row."""
        return pa.schema([self._files.schema.field(self._raw[name]).with_name(name) for name in names]).empty_table()

    def batches(self, names: Sequence[str], n_rows: int) -> Iterator[pa.Table]:
        """Read some columns of all rows."""
        raw = [self._raw[name] for name in names]
        self._files.require(raw)
        for batch in self._files.batches(raw, n_rows):
            yield pa.Table.from_batches([batch]).rename_columns(list(names))


def _width(type_: Any) -> int:
    """About what a value takes in memory."""
    try:
        return max(1, int(type_.bit_width) // 8)
    except (ValueError, AttributeError):
        return 24  # a word of some length, and where it begins


def even_batches(batches: Iterator[pa.Table], n_rows: int) -> Iterator[pa.Table]:
    """Cut batches anew, so that all but the last have one length."""
    held: list[pa.Table] = []
    n_held = 0
    for batch in batches:
        held.append(batch)
        n_held += batch.num_rows
        while n_held >= n_rows:
            whole = pa.concat_tables(held)
            yield whole.slice(0, n_rows)
            n_held -= n_rows
            held = [whole.slice(n_rows)] if n_held else []
    if n_held:
        yield pa.concat_tables(held)


class CodedFiles:
    """A table that goes by, as the numbers that a network is trained on."""

    def __init__(self, rows: Rows, coding: TableCoding) -> None:
        self._rows, self._coding, self.coding = rows, coding, coding
        self.name, self.n_rows = rows.name, rows.n_rows
        self.input_names, self.target_names = coding.input_names, coding.network_target_names
        self._names = [*(column.name for column in coding.input_columns), *coding.target_columns]

    def batches(self, n_rows: int) -> Iterator[Array]:
        """Read all rows."""
        seen = 0
        for table in self._rows.batches(self._names, n_rows):
            # As at first: the division goes by a hash of these numbers.
            yield self._coding.training_columns(table, seen)
            seen += table.num_rows

    def divided(self, means: Array) -> Callable[[Array], None] | None:
        """Take notice of the training rows; return what is to be done with batches from then on, if anything."""
        self.coding = self._coding.trained_on(means)
        return self.coding.recode if any(column.unlearned for column in self.coding.input_columns) else None

    def outputs(self, network: Network, inputs: Array) -> Array:
        """Return what a network says of inputs: `TableCoding.outputs`."""
        return self.coding.outputs(network, inputs)
