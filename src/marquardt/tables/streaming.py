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
    dialect: Dialect | None = None,
) -> ArrowRows | SeparatedRows:
    """Open a table to read it batch by batch; a CSV or TSV file is gone through once, to learn what its columns hold.

    Parameters
    ----------
    path : path-like
        A Parquet or Arrow file, a folder of them, a pattern of names such as ``rows/part-*.parquet``, or a CSV or TSV
        file.
    text : collection of str
        Names of columns of a CSV or TSV file to be taken as text whatever they hold, as for `read_table`.
    labels, keep_words : collection of str
        As for `read_table`, of such a file.
    dialect : Dialect, optional
        What is known of such a file.

    Returns
    -------
    rows : Rows
        With ``column_names``, ``n_rows`` and ``batches(names, n_rows)``; each pass sees the same rows.

    Raises
    ------
    FileError
        If there is no such file, or it cannot be read.
    DataError
        If there are no rows, names of columns are missing or double, or a row of a CSV file has another length.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pyarrow.parquet as pq
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "rows.parquet"
    >>> pq.write_table(pa.table({"age": [28, 7, 90], "strength": [41.5, 12.0, 60.1]}), path)
    >>> rows = open_rows(path)
    >>> rows.column_names, rows.n_rows, [batch.num_rows for batch in rows.batches(["age"], 2)]
    (['age', 'strength'], 3, [2, 1])
    >>> folder.cleanup()
    """
    dialect = dialect or Dialect()
    if not is_arrow_data(path):
        return SeparatedRows(path, text, dialect, labels, keep_words)
    refuse_address(Path(path))
    dialect.refuse_beside(path)
    return ArrowRows(path)


def table_bytes(path: str | os.PathLike[str]) -> int:
    """Return about what a table takes in memory, without reading it: by its types and rows, or by the size of a file.

    Parameters
    ----------
    path : path-like
        As for `open_rows`.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    FileError
        If there is no such file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "rows.csv"
    ...     _ = path.write_text("a,b\\n1,2\\n")
    ...     table_bytes(path)
    8
    """
    if is_arrow_data(path):
        refuse_address(Path(path))
        return ArrowRows(path).n_bytes
    refuse_unreadable(Path(path))
    return separated_bytes(Path(path))


class ArrowRows:
    """The rows of Parquet and Arrow files.

    Parameters
    ----------
    path : path-like
        A file, a folder, or a pattern.
    """

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
        """Return some columns without a row.

        Parameters
        ----------
        names : sequence of str
            The columns.
        """
        return pa.schema([self._files.schema.field(self._raw[name]).with_name(name) for name in names]).empty_table()

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
        """
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
    """Cut batches anew, so that all but the last have one length.

    Parameters
    ----------
    batches : iterator of pyarrow.Table
        Of any lengths.
    n_rows : int
        The length.

    Yields
    ------
    pyarrow.Table
        The same rows in the same order.

    Examples
    --------
    >>> batches = (pa.table({"a": [k, k]}) for k in range(3))
    >>> [batch.column("a").to_pylist() for batch in even_batches(batches, 4)]
    [[0, 0, 1, 1], [2, 2]]
    """
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
    """A table that goes by, as the numbers that a network is trained on.

    Parameters
    ----------
    rows : Rows
        The table.
    coding : TableCoding
        What its columns become.

    Attributes
    ----------
    name : str
        What messages call it.
    coding : TableCoding
        The same; as soon as the rows are divided, with the shares of levels among those that train.
    input_names, target_names : tuple of str
        Of the network: an input a level of a category; a target a class, where there are three and more.
    n_rows : int
        Rows of the table.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pyarrow.parquet as pq
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "rows.parquet"
    >>> pq.write_table(pa.table({"color": ["red", "blue", "red"], "price": [3.0, 2.0, 4.0]}), path)
    >>> rows = open_rows(path)
    >>> files = CodedFiles(rows, TableCoding.fit_rows(rows, targets="price"))
    >>> next(files.batches(2))
    array([[0., 1.],
           [1., 0.],
           [3., 2.]])
    >>> folder.cleanup()
    """

    def __init__(self, rows: Rows, coding: TableCoding) -> None:
        self._rows, self._coding, self.coding = rows, coding, coding
        self.name, self.n_rows = rows.name, rows.n_rows
        self.input_names, self.target_names = coding.input_names, coding.network_target_names
        self._names = [*(column.name for column in coding.input_columns), *coding.target_columns]

    def batches(self, n_rows: int) -> Iterator[Array]:
        """Read all rows.

        Parameters
        ----------
        n_rows : int
            The most rows of a batch.

        Yields
        ------
        ndarray of shape (n_inputs + n_targets, at most n_rows)
            float64; NaN for what is missing and not filled.

        Raises
        ------
        FileError
            If a file was changed since the beginning, or cannot be read.
        DataError
            If a value does not suit the coding.
        """
        seen = 0
        for table in self._rows.batches(self._names, n_rows):
            # As at first: the division goes by a hash of these numbers.
            yield self._coding.training_columns(table, seen)
            seen += table.num_rows

    def divided(self, means: Array) -> Callable[[Array], None] | None:
        """Take notice of the rows that train; return what is to be done with batches from then on, if anything.

        Parameters
        ----------
        means : ndarray of shape (n_inputs,)
            Of the inputs of the rows that train.

        Returns
        -------
        callable or None
            Changes a divided batch in place: levels that no row has that trains are coded as the mean of those that do.
        """
        self.coding = self._coding.trained_on(means)
        return self.coding.recode if any(column.unlearned for column in self.coding.input_columns) else None

    def outputs(self, network: Network, inputs: Array) -> Array:
        """Return what a network says of inputs: `TableCoding.outputs`.

        Parameters
        ----------
        network : Network
            It.
        inputs : ndarray of shape (n_samples, n_inputs)
            Of a batch.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return self.coding.outputs(network, inputs)
