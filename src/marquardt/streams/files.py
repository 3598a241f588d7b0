"""Files of numbers, read a batch of rows at a time.

A batch is an array of columns × rows in the user's units, inputs first, then targets; a missing value is NaN. Files are
read and not mapped into memory: the pages of a mapping count as the process's own, and a file that is cut short while
it is mapped ends the process.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import nearest
from marquardt.errors import DataError, FileError, NoRowsError, first_line
from marquardt.wording import by_door

__all__ = ["ArrowFiles", "Files", "TableFiles", "is_arrow_data", "is_pattern"]

PARQUET, IPC = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")
WILDCARDS = "*?["
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""What the name of a folder says where a value is missing."""
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
        """Read all rows, always in the same order."""


def is_arrow_data(path: str | os.PathLike[str]) -> bool:
    """Return whether `ArrowFiles` reads what is at a path: a Parquet or Arrow file, a folder, or a pattern of names."""
    path = Path(path)
    return path.suffix.lower() in (*PARQUET, *IPC) or path.is_dir() or is_pattern(path)


def is_pattern(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a pattern of names: it has one of ``* ? [``, and there is no such file."""
    return any(sign in str(path) for sign in WILDCARDS) and not Path(path).exists()


class Fingerprint:
    """Size and time of change of files, to tell whether they are still what they were."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._then = [_stamp(path) for path in paths]

    def check(self) -> None:
        """Refuse files that were changed."""
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


class ArrowFiles:
    """A table in Parquet or Arrow files, read a batch of rows at a time.

    Of a folder all files that end in ``.parquet``, ``.pq``, ``.arrow``, ``.feather`` or ``.ipc`` are read, in the order
    of their names, those of its folders too; names that begin with a dot or an underscore are passed over. A folder
    named ``key=1.5`` or ``key=word`` gives its rows a column of that name. Only the columns asked for are read.
    """

    def __init__(self, path: Any) -> None:
        import pyarrow as pa

        self.name, root, self.paths = _found(path)
        self._fingerprint = Fingerprint(self.paths)
        self._schemas = [_schema(file) for file in self.paths]
        self._constants = _partitions(self.paths, root)
        self.n_rows = sum(_count(file) for file in self.paths)
        first = self._schemas[0]
        self.folder_names = tuple(self._constants[0])
        names = [*first, *(key for key in self.folder_names if key not in first)]
        if self.n_rows == 0:
            raise NoRowsError(f"{self.name} has no rows.", names)
        self._conflicts: dict[str, str] = {}
        self.schema = pa.schema([(name, self._type(name)) for name in names])

    def _type(self, name: str) -> Any:
        """The type that holds a column of all files; where there is none, that of the first, and it is noted."""
        import pyarrow as pa

        found: dict[Any, Path] = {}
        for path, schema, constants in zip(self.paths, self._schemas, self._constants, strict=True):
            if name in constants:
                found.setdefault(constants[name].type, path)
            elif name in schema:
                found.setdefault(schema[name], path)
        (common, _), *others = found.items()
        before = self.paths[0]
        for type_, path in others:
            pair = [pa.schema([(name, common)]), pa.schema([(name, type_)])]
            try:
                common = pa.unify_schemas(pair, promote_options="permissive").field(name).type
            except (pa.ArrowException, TypeError):
                self._conflicts[name] = (
                    f"Column {name!r} holds values of type {common} in {before} and {type_} in {path}. Write the files "
                    f"alike."
                )
                break
            before = path
        return common

    def require(self, names: Sequence[str]) -> None:
        """Refuse a column that a file lacks, or that holds other things in one file than in another."""
        conflict = next((self._conflicts[name] for name in names if name in self._conflicts), None)
        if conflict is not None:
            raise DataError(conflict)
        for path, schema, constants in zip(self.paths, self._schemas, self._constants, strict=True):
            for name in names:
                if name not in schema and name not in constants:
                    raise DataError(
                        f"{path} has no column {name!r}.{nearest(name, list(schema))} Every file must have it."
                    )

    def batches(self, names: Sequence[str], n_rows: int) -> Iterator[Any]:
        """Read some columns of all rows, file by file."""
        import pyarrow as pa

        self._fingerprint.check()
        wanted = pa.schema([self.schema.field(name) for name in names])
        for path, constants in zip(self.paths, self._constants, strict=True):
            stored = [name for name in names if name not in constants]
            try:
                for batch in _record_batches(path, stored, n_rows):
                    columns = [
                        pa.repeat(constants[name], batch.num_rows)
                        if name in constants
                        else batch.column(batch.schema.get_field_index(name))
                        for name in names
                    ]
                    yield pa.RecordBatch.from_arrays(
                        [_as_type(path, *each) for each in zip(columns, wanted, strict=True)], schema=wanted
                    )
            except DataError:
                raise
            except (pa.ArrowException, OSError, ValueError, KeyError) as error:
                self._fingerprint.check()
                raise FileError(f"{path} cannot be read: {first_line(error)}") from error
        self._fingerprint.check()


class TableFiles:
    """Columns of numbers in Parquet or Arrow files.

    Of a folder all files that end in ``.parquet``, ``.pq``, ``.arrow``, ``.feather`` or ``.ipc`` are read, in the order
    of their names, those of its folders too; names that begin with a dot or an underscore are passed over. A folder
    named ``key=1.5`` gives its rows a column of that name. Only the columns that are asked for are read.

    Parameters
    ----------
    path : path-like, a list of such, or a pyarrow.dataset.Dataset
        A file, a folder, several files, or a pattern such as ``rows/part-*.parquet``; of a data set, its files.
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
        self._files = files = ArrowFiles(path)
        self.name, self.n_rows = files.name, files.n_rows
        names: list[str] = files.schema.names
        self.target_names = _named([targets] if isinstance(targets, str) else targets, names, self.name, "target")
        left_out = set(_named(ignore, names, self.name, "ignored")) | set(self.target_names)
        if inputs is None:
            # Words that only a folder's name gives are missed when they are asked for.
            words = {name for name in files.folder_names if str(files.schema.field(name).type) == "string"}
            labels = {name for name in names if re.fullmatch(r"__index_level_\d+__", name)}
            chosen = [name for name in names if name not in left_out | words | labels]
        else:
            chosen = list(_named(inputs, names, self.name, "input"))
            both = [name for name in chosen if name in left_out]
            if both:
                raise DataError(f"Column {both[0]!r} cannot be an input and be a target or left out as well.")
        self.input_names = tuple(chosen)
        if not chosen:
            raise DataError(f"{self.name} has no column to predict from: {', '.join(map(repr, names))} is all.")
        used = (*self.input_names, *self.target_names)
        files.require(used)
        for name in used:
            _refuse_unusable(self.name, name, files.schema.field(name).type)

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
        for batch in self._files.batches(names, n_rows):
            columns = np.empty((len(names), batch.num_rows))
            for row, values in zip(columns, batch.columns, strict=True):
                _write_numbers(values, row)
            yield columns


def _found(path: Any) -> tuple[str, Path, list[Path]]:
    """The name of a data set, where its folders begin, and its files in order."""
    if hasattr(path, "files"):
        path = path.files
    if not isinstance(path, str | os.PathLike):
        paths = [Path(each) for each in path]
        if not paths:
            raise FileError("No file is named.")
        for each in paths:
            _refuse_unreadable(each)
        root = Path(os.path.commonpath([each.resolve().parent for each in paths]))
        return str(root), root, paths
    root = Path(path)
    if is_pattern(root):
        fixed = next(k for k, part in enumerate(root.parts) if any(sign in part for sign in WILDCARDS))
        return str(root), Path(*root.parts[:fixed]), _of_pattern(root)
    if root.is_dir():
        return str(root), root, _in_folder(root)
    _refuse_unreadable(root)
    return str(root), root, [root]


def _of_pattern(pattern: Path) -> list[Path]:
    paths = sorted(Path(each) for each in glob.glob(str(pattern), recursive=True) if Path(each).is_file())
    if not paths:
        raise FileError(f"No file has a name of the pattern {pattern}.")
    for each in paths:
        if each.suffix.lower() not in (*PARQUET, *IPC):
            raise FileError(
                f"{each}, of the pattern {pattern}, is no Parquet ({', '.join(PARQUET)}) or Arrow file "
                f"({', '.join(IPC)}), and only these make a table of several. Name a CSV file by itself, or "
                f"convert them, for example with pandas or DuckDB."
            )
    return paths


def _in_folder(folder: Path) -> list[Path]:
    paths = sorted(
        each
        for each in folder.rglob("*")
        if each.suffix.lower() in (*PARQUET, *IPC)
        and each.is_file()
        and not any(part.startswith((".", "_")) for part in each.relative_to(folder).parts)
    )
    if not paths:
        raise FileError(f"There is no Parquet or Arrow file in the folder {folder}. Name a CSV file by itself.")
    return paths


def _refuse_unreadable(path: Path) -> None:
    if not path.is_file():
        try:
            beside = [entry.name for entry in path.parent.iterdir()]
        except OSError:
            beside = []
        raise FileError(f"There is no file {path}.{nearest(path.name, beside)}")
    if path.suffix.lower() not in (*PARQUET, *IPC):
        raise FileError(
            f"{path} cannot be read a batch at a time: Parquet ({', '.join(PARQUET)}) and Arrow files "
            f"({', '.join(IPC)}) can. Convert it, for example with pandas or DuckDB."
        )


def _partitions(paths: Sequence[Path], root: Path) -> list[dict[str, Any]]:
    """The columns that the names of folders give the rows of each file, such as year=2024, as Arrow values."""
    import pyarrow as pa

    found: list[dict[str, str | None]] = []
    for path in paths:
        folders = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
        pairs = [part.partition("=") for part in folders if "=" in part]
        found.append({key: None if value == NO_VALUE else unquote(value) for key, _, value in pairs})
    types: dict[str, Any] = {}
    for key in {key for each in found for key in each}:
        words = pa.array([each.get(key) for each in found], pa.string())
        types[key] = pa.string()
        for kind in (pa.int64(), pa.float64()):
            try:
                words.cast(kind)
            except pa.ArrowInvalid:
                continue
            types[key] = kind
            break
    return [{key: pa.array([word], pa.string()).cast(types[key])[0] for key, word in each.items()} for each in found]


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
        names = schema.names
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read: {first_line(error)}") from error
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise DataError(f"{path} has more than one column of the name {doubled!r}. Rename one.")
    return dict(zip(names, schema.types, strict=True))


def _count(path: Path) -> int:
    import pyarrow as pa
    import pyarrow.dataset
    import pyarrow.parquet as pq

    try:
        if path.suffix.lower() in PARQUET:
            return int(pq.read_metadata(path).num_rows)
        return int(pyarrow.dataset.dataset(path, format="ipc").count_rows())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read: {first_line(error)}") from error


def _record_batches(path: Path, names: Sequence[str], n_rows: int) -> Iterator[Any]:
    """Batches of some columns; no more of a file is in memory than a batch and what its pages need."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() in PARQUET:
        # Read through a buffer, so that a row group of a hundred million rows need not be in memory.
        with pq.ParquetFile(path, buffer_size=READ_BYTES, pre_buffer=False) as table:
            for batch in table.iter_batches(n_rows, columns=list(names), use_threads=False):
                batch.validate(full=True)
                yield batch
        return
    with pa.OSFile(str(path), "rb") as file:
        present = pa.ipc.open_file(file).schema
        options = pa.ipc.IpcReadOptions(
            included_fields=[present.get_field_index(name) for name in names], use_threads=False
        )
        reader = pa.ipc.open_file(file, options=options)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            # Arrow follows the offsets of a damaged file wherever they point.
            batch.validate(full=True)
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


def _as_type(path: Path, values: Any, field: Any) -> Any:
    """A column as the type that it has in all files together."""
    import pyarrow as pa

    if values.type == field.type:
        return values
    try:
        return values.cast(field.type)
    except (pa.ArrowException, ValueError) as error:
        raise DataError(
            f"Column {field.name!r} of {path} holds values of type {values.type}, which do not all fit the type that "
            f"it has in other files, {field.type}: {first_line(error)}. Write the files alike."
        ) from error


def _refuse_unusable(where: str, name: str, type_: Any) -> None:
    import pyarrow as pa

    kinds = pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal
    if not any(is_kind(type_) for is_kind in kinds):
        way = by_door(f"--ignore {shlex.quote(name)}", f"ignore=[{name!r}]")
        raise DataError(
            f"Column {name!r} of {where} holds values of type {type_}: data that are read a batch at a time must be "
            f"numbers or true/false. Turn it into numbers, or leave it out: {way}."
        )


def _named(given: Sequence[str], names: Sequence[str], where: str, what: str) -> tuple[str, ...]:
    """Names that are there, each once."""
    for name in given:
        if name not in names:
            raise DataError(f"{where} has no column {name!r} for the {what} columns.{nearest(name, names)}")
    if len(set(given)) < len(given):
        raise DataError(f"The {what} columns must be different, got {', '.join(map(repr, given))}.")
    return tuple(given)
