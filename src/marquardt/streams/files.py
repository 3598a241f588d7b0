"""Files of numbers, read a batch of rows at a time.

A batch is an array of columns × rows in the user's units, inputs first, then targets; a missing value is NaN. Files are
read and not mapped into memory: the pages of a mapping count as the process's own, and a file that is cut short while
it is mapped ends the process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import nearest
from marquardt.errors import ConfigurationError, DataError, FileError, ShapeError

__all__ = ["ArrayFiles", "Files", "TableFiles", "is_stream_only"]

PARQUET, IPC = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")
READ_BYTES = 1 << 20
"""What is read of a column at a time."""
Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


class Files(Protocol):
    """Rows of numbers in files."""

    @property
    def name(self) -> str:
        """What messages call them."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs."""

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the targets."""

    @property
    def n_rows(self) -> int:
        """Rows in all files."""

    def batches(self, n_rows: int) -> Iterator[Array]:
        """Read all rows, always in the same order.

        Parameters
        ----------
        n_rows : int
            The most rows of a batch.
        """


def is_stream_only(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a data set that is always read batch by batch: a folder, or an Arrow file.

    Parameters
    ----------
    path : path-like
        It need not exist.

    Examples
    --------
    >>> is_stream_only("rows.arrow"), is_stream_only("rows.csv")
    (True, False)
    """
    return Path(path).suffix.lower() in IPC or Path(path).is_dir()


class Fingerprint:
    """Size and time of change of files, to tell whether they are still what they were.

    Parameters
    ----------
    paths : list of Path
        The files.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._then = [_stamp(path) for path in paths]

    def check(self) -> None:
        """Refuse files that were changed.

        Raises
        ------
        FileError
            Names the first that was.
        """
        for path, then in zip(self._paths, self._then, strict=True):
            try:
                is_same = _stamp(path) == then
            except FileError:
                is_same = False
            if not is_same:
                raise FileError(
                    f"{path} was changed while it was in use: every pass must see the same rows. Train from a copy "
                    f"that nothing writes to."
                )


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror or error}.") from error
    return found.st_size, found.st_mtime_ns


class TableFiles:
    """A table in Parquet or Arrow files, whose columns have names.

    Of a folder all files that end in ``.parquet``, ``.pq``, ``.arrow``, ``.feather`` or ``.ipc`` are read, in the order
    of their names, those of its folders too; names that begin with a dot or an underscore are passed over. A folder
    named ``key=1.5`` gives its rows a column of that name. Only the columns that are asked for are read.

    Parameters
    ----------
    path : path-like, a list of such, or a pyarrow.dataset.Dataset
        A file, a folder, or several files. Of a data set its files are taken.
    targets : str or sequence of str
        Columns to predict; none for rows that only get predictions.
    inputs : sequence of str, optional
        Columns to predict from; all others when not given.
    ignore : sequence of str
        Columns to leave out of the inputs.

    Attributes
    ----------
    name : str
        What messages call them.
    input_names, target_names : tuple of str
        The columns.
    n_rows : int
        Rows in all files.

    Raises
    ------
    FileError
        If there is no such file or none in the folder, or it cannot be read.
    DataError
        If there are no rows, or a column is missing in a file, named twice, or holds no numbers.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pyarrow as pa, pyarrow.parquet as pq
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "rows.parquet"
    >>> pq.write_table(pa.table({"a": [1, 2, 3], "b": [True, False, None], "y": [0.5, 1.5, 2.5]}), path)
    >>> files = TableFiles(path, targets="y")
    >>> files.input_names, files.n_rows
    (('a', 'b'), 3)
    >>> next(files.batches(2))
    array([[1. , 2. ],
           [1. , 0. ],
           [0.5, 1.5]])
    >>> folder.cleanup()
    """

    def __init__(
        self,
        path: Any,
        targets: str | Sequence[str] = (),
        inputs: Sequence[str] | None = None,
        ignore: Sequence[str] = (),
    ) -> None:
        root, self._paths = _found(path)
        self.name = str(root)
        self._fingerprint = Fingerprint(self._paths)
        schemas = [_schema(file) for file in self._paths]
        self._constants = [_partition(file, root) for file in self._paths]
        self.n_rows = sum(_count(file) for file in self._paths)
        if self.n_rows == 0:
            raise DataError(f"{self.name} has no rows.")
        names = [*schemas[0], *(key for key in self._constants[0] if key not in schemas[0])]
        self.target_names = _named([targets] if isinstance(targets, str) else targets, names, self.name, "target")
        left_out = set(_named(ignore, names, self.name, "ignored")) | set(self.target_names)
        if inputs is None:
            chosen = [name for name in names if name not in left_out and not re.fullmatch(r"__index_level_\d+__", name)]
        else:
            chosen = list(_named(inputs, names, self.name, "input"))
            both = [name for name in chosen if name in left_out]
            if both:
                raise DataError(f"Column {both[0]!r} cannot be an input and be a target or left out as well.")
        self.input_names = tuple(chosen)
        if not chosen:
            raise DataError(f"{self.name} has no column to predict from: {', '.join(map(repr, names))} is all.")
        for file, schema, constants in zip(self._paths, schemas, self._constants, strict=True):
            for name in (*self.input_names, *self.target_names):
                _refuse_unusable(file, name, schema, constants)

    def batches(self, n_rows: int) -> Iterator[Array]:
        """Read all rows, file by file.

        Parameters
        ----------
        n_rows : int
            The most rows of a batch.

        Yields
        ------
        ndarray of shape (n_inputs + n_targets, at most n_rows)
            float64; NaN for what is missing.

        Raises
        ------
        FileError
            If a file was changed since the beginning, or cannot be read.
        """
        names = (*self.input_names, *self.target_names)
        self._fingerprint.check()
        for path, constants in zip(self._paths, self._constants, strict=True):
            stored = [name for name in names if name not in constants]
            try:
                for batch in _record_batches(path, stored, n_rows):
                    columns = np.empty((len(names), batch.num_rows))
                    for row, name in zip(columns, names, strict=True):
                        if name in constants:
                            row[:] = constants[name]
                        else:
                            _write_numbers(batch.column(batch.schema.get_field_index(name)), row)
                    yield columns
            except (OSError, ValueError, KeyError) as error:  # Arrow's own errors are kinds of these
                self._fingerprint.check()
                raise FileError(f"{path} cannot be read: {_first_line(error)}") from error
        self._fingerprint.check()


class ArrayFiles:
    """Arrays in ``.npy`` files: inputs and targets in two, or in columns of one.

    Parameters
    ----------
    inputs : path-like
        Holds an array of shape (n_rows, n_columns), in row or column order, of integers, floats or booleans.
    targets : path-like, optional
        Holds an array of shape (n_rows,) or (n_rows, n_targets). When not given, the targets are columns of the inputs.
    target_columns : sequence of int, optional
        Numbers of the columns of `inputs` that are the targets, from 0; negative ones count from the end.

    Attributes
    ----------
    name : str
        What messages call them.
    input_names, target_names : tuple of str
        File and column, such as ``"x[0]"``.
    n_rows : int
        Rows.

    Raises
    ------
    FileError
        If a file is not there or is no array of numbers.
    ShapeError
        If the arrays have other shapes, or not as many rows.
    ConfigurationError
        If neither or both of `targets` and `target_columns` are given, or a column is not there.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "rows.npy"
    >>> np.save(path, np.arange(12.0).reshape(4, 3))
    >>> files = ArrayFiles(path, target_columns=[-1])
    >>> files.input_names, files.target_names, files.n_rows
    (('rows[0]', 'rows[1]'), ('rows[2]',), 4)
    >>> next(files.batches(2))
    array([[0., 3.],
           [1., 4.],
           [2., 5.]])
    >>> folder.cleanup()
    """

    def __init__(
        self,
        inputs: str | os.PathLike[str],
        targets: str | os.PathLike[str] | None = None,
        *,
        target_columns: Sequence[int] | None = None,
    ) -> None:
        if (targets is None) == (target_columns is None):
            raise ConfigurationError(
                "Targets come from a file of their own or from columns of the inputs: give `targets` or "
                "`target_columns`, one of the two."
            )
        first = _Npy(Path(inputs))
        self._files = [first]
        self.name = str(inputs)
        self.n_rows = first.n_rows
        names = [f"{first.path.stem}[{column}]" for column in range(first.n_columns)]
        if targets is not None:
            second = _Npy(Path(targets))
            self._files.append(second)
            if second.n_rows != first.n_rows:
                raise ShapeError(
                    f"{inputs} and {targets} must have as many rows, got {first.n_rows} and {second.n_rows}."
                )
            taken = tuple(range(first.n_columns, first.n_columns + second.n_columns))
            names += [f"{second.path.stem}[{column}]" for column in range(second.n_columns)]
        else:
            taken = tuple(_column(column, first) for column in target_columns or ())
            if not taken or len(set(taken)) < len(taken):
                raise ConfigurationError(f"target_columns must be different columns, at least one, got {taken}.")
        left = tuple(column for column in range(first.n_columns) if column not in taken)
        if not left:
            raise ShapeError(f"{inputs} has no column that is not a target.")
        self._order = [*left, *taken]
        self.input_names, self.target_names = tuple(names[k] for k in left), tuple(names[k] for k in taken)
        if self.n_rows == 0:
            raise DataError(f"{self.name} has no rows.")
        self._fingerprint = Fingerprint([file.path for file in self._files])

    def batches(self, n_rows: int) -> Iterator[Array]:
        """Read all rows.

        Parameters
        ----------
        n_rows : int
            The most rows of a batch.

        Yields
        ------
        ndarray of shape (n_inputs + n_targets, at most n_rows)
            float64.

        Raises
        ------
        FileError
            If a file was changed since the beginning, or cannot be read.
        """
        self._fingerprint.check()
        is_in_order = self._order == list(range(len(self._order)))
        for first in range(0, self.n_rows, n_rows):
            count = min(n_rows, self.n_rows - first)
            try:
                columns = np.empty((sum(file.n_columns for file in self._files), count))
                start = 0
                for file in self._files:
                    file.read(first, columns[start : start + file.n_columns])
                    start += file.n_columns
            except (OSError, ValueError) as error:
                self._fingerprint.check()
                raise FileError(f"{self.name} cannot be read: {_first_line(error)}") from error
            yield columns if is_in_order else columns[self._order]
        self._fingerprint.check()


class _Npy:
    """Shape, type and order of an array file, and its rows."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileError(f"There is no file {path}.")
        try:
            # Not np.load, which takes what it does not know for a pickle, and advises to allow that.
            mapped = np.lib.format.open_memmap(path, mode="r")
        except (OSError, ValueError) as error:
            raise FileError(f"{path} is no array file (.npy): {_first_line(error)}") from error
        if mapped.dtype.kind not in "fiub":
            raise FileError(f"{path} holds {mapped.dtype}, not one array of numbers.")
        if mapped.ndim not in (1, 2):
            raise ShapeError(f"{path} must hold an array of shape (n_rows, n_columns), got {mapped.shape}.")
        self.path, self.n_rows = path, mapped.shape[0]
        self.n_columns = mapped.shape[1] if mapped.ndim == 2 else 1
        self._dtype, self._offset = mapped.dtype, mapped.offset
        self._is_by_rows = bool(mapped.flags.c_contiguous)

    def read(self, first: int, out: Array) -> None:
        """Write rows from `first` on to an array of columns × rows."""
        count, size = out.shape[1], self._dtype.itemsize
        with open(self.path, "rb") as file:
            if self._is_by_rows:
                file.seek(self._offset + first * self.n_columns * size)
                out[:] = self._numbers(file, count * self.n_columns).reshape(count, self.n_columns).T
                return
            for number, row in enumerate(out):
                file.seek(self._offset + (number * self.n_rows + first) * size)
                row[:] = self._numbers(file, count)

    def _numbers(self, file: Any, count: int) -> Any:
        numbers = np.fromfile(file, dtype=self._dtype, count=count)
        if len(numbers) < count:
            raise OSError("it ends before its last row.")
        return numbers


def _column(column: int, file: _Npy) -> int:
    if not -file.n_columns <= column < file.n_columns:
        raise ConfigurationError(f"{file.path} has {file.n_columns} columns, got the target column {column}.")
    return column % file.n_columns


def _found(path: Any) -> tuple[Path, list[Path]]:
    """The name of a data set, and its files in order."""
    if hasattr(path, "files"):
        path = path.files
    if not isinstance(path, str | os.PathLike):
        paths = [Path(each) for each in path]
        if not paths:
            raise FileError("No file is named.")
        for each in paths:
            _refuse_unreadable(each)
        return Path(os.path.commonpath([each.resolve().parent for each in paths])), paths
    root = Path(path)
    if not root.is_dir():
        _refuse_unreadable(root)
        return root, [root]
    paths = sorted(
        each
        for each in root.rglob("*")
        if each.suffix.lower() in (*PARQUET, *IPC)
        and each.is_file()
        and not any(part.startswith((".", "_")) for part in each.relative_to(root).parts)
    )
    if not paths:
        raise FileError(f"There is no Parquet or Arrow file in the folder {root}.")
    return root, paths


def _refuse_unreadable(path: Path) -> None:
    if not path.is_file():
        raise FileError(f"There is no file {path}.")
    if path.suffix.lower() not in (*PARQUET, *IPC):
        raise FileError(
            f"{path} cannot be read a batch at a time: Parquet ({', '.join(PARQUET)}) and Arrow files "
            f"({', '.join(IPC)}) can. Convert it, for example with pandas or DuckDB."
        )


def _partition(path: Path, root: Path) -> dict[str, float]:
    """The columns that the names of folders give, such as year=2024."""
    constants = {}
    folders = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
    for part in folders:
        key, equals, value = part.partition("=")
        if equals:
            try:
                constants[key] = float(value)
            except ValueError:
                continue  # a word; it is missed only if it is asked for
    return constants


def _schema(path: Path) -> dict[str, Any]:
    """Names and types of the columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix.lower() in PARQUET:
            schema = pq.read_schema(path)
        else:
            with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as reader:
                schema = reader.schema
    except (OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read: {_first_line(error)}") from error
    doubled = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if doubled is not None:
        raise DataError(f"{path} has more than one column of the name {doubled!r}. Rename one.")
    return dict(zip(schema.names, schema.types, strict=True))


def _count(path: Path) -> int:
    import pyarrow.dataset
    import pyarrow.parquet as pq

    if path.suffix.lower() in PARQUET:
        return int(pq.read_metadata(path).num_rows)
    return int(pyarrow.dataset.dataset(path, format="ipc").count_rows())


def _record_batches(path: Path, names: Sequence[str], n_rows: int) -> Iterator[Any]:
    """Batches of some columns; no more of a file is in memory than a batch and what its pages need."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() in PARQUET:
        # Read through a buffer, so that a row group of a hundred million rows need not be in memory.
        with pq.ParquetFile(path, buffer_size=READ_BYTES, pre_buffer=False) as table:
            yield from table.iter_batches(n_rows, columns=list(names), use_threads=False)
        return
    with pa.OSFile(str(path), "rb") as file:
        present = pa.ipc.open_file(file).schema
        options = pa.ipc.IpcReadOptions(
            included_fields=[present.get_field_index(name) for name in names], use_threads=False
        )
        reader = pa.ipc.open_file(file, options=options)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            for first in range(0, batch.num_rows, n_rows):
                yield batch.slice(first, n_rows)


def _write_numbers(values: Any, out: Array) -> None:
    """Write an Arrow column as float64, NaN for null."""
    import pyarrow as pa

    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    if not pa.types.is_float64(values.type):
        # Not a safe cast: an integer above 2⁵³ becomes the nearest float.
        values = values.cast(pa.float64(), safe=False)
    out[:] = values.to_numpy(zero_copy_only=False)


def _refuse_unusable(path: Path, name: str, schema: dict[str, Any], constants: dict[str, float]) -> None:
    import pyarrow as pa

    if name in constants:
        return
    if name not in schema:
        raise DataError(f"{path} has no column {name!r}.{nearest(name, list(schema))} Every file must have it.")
    type_ = schema[name]
    kinds = pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal
    if not any(is_kind(type_) for is_kind in kinds):
        raise DataError(
            f"Column {name!r} of {path} holds values of type {type_}: data that are read a batch at a time must be "
            f"numbers or true/false. Turn it into numbers, or leave it out: --ignore {name} (ignore=[{name!r}])."
        )


def _named(given: Sequence[str], names: Sequence[str], where: str, what: str) -> tuple[str, ...]:
    """Names that are there, each once."""
    for name in given:
        if name not in names:
            raise DataError(f"{where} has no column {name!r} for the {what} columns.{nearest(name, names)}")
    if len(set(given)) < len(given):
        raise DataError(f"The {what} columns must be different, got {', '.join(map(repr, given))}.")
    return tuple(given)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
