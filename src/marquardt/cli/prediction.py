"""`marquardt predict`: what it does."""

from __future__ import annotations

import codecs
import contextlib
import fnmatch
import glob
import itertools
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from marquardt.arrays import AnyArray, Array
from marquardt.cli.console import Console, silence, unwritable
from marquardt.cli.job import refuse_collisions
from marquardt.cli.open_table import WatchedRows, rows_to_stream
from marquardt.cli.tables import error_tables
from marquardt.cli.taking import Given
from marquardt.errors import DataError, FileError, NoRowsError
from marquardt.files import refuse_existing
from marquardt.storage import NetworkFile, load
from marquardt.streams import ClassErrors, ErrorSums, RegressionErrors, is_arrow_data, is_pattern, probabilities
from marquardt.tables import (
    InputColumn,
    Remarks,
    Rows,
    TableCoding,
    TableWriter,
    Written,
    check_table_suffix,
    even_batches,
    read_table,
    writing_table,
)

COPIES = 4
"""How often the bytes of a table are in memory at the peak of a prediction as a whole, rounded up: a second million
rows of 11 floats, 88 MB, took 278 MB."""
PIECE_BYTES = 16 << 20
"""What a piece of a table takes that is predicted batch by batch."""


def run(given: Given) -> int:
    """Read network and table, predict, write; returns the exit code."""
    given.check()
    network, data, output = given.network, given.data, given.output
    console = given.console(to_stderr=output is None)
    if output is not None:
        check_table_suffix(output)
        refuse_existing(output, force=given.force)
        refuse_collisions({"NETWORK": network, "DATA": data}, {"--output": output})
        _refuse_output_among_data(data, output)
    content = load(network)
    coding = coding_of(content, network)
    meaning: dict[str, Any] = {
        "text": coding.text_columns,
        "keep_words": coding.known_words,
        "numbers": coding.number_columns,
        "dialect": given.dialect(),
    }
    try:
        check = coding.require_inputs
        rows = rows_to_stream(data, given.stream, console, copies=COPIES, takes_passes=False, check=check, **meaning)
        table = rows if rows is not None else WatchedRows(WholeRows(read_table(data, **meaning)))
    except NoRowsError as error:
        # What is left of a filter that found nothing: predicted as a table of the same kind.
        coding.require_inputs(error.column_names)
        console.say(f"Note: {error}")
        rows, table = None, WatchedRows(WholeRows(pa.table({name: pa.nulls(0) for name in error.column_names})))
    coding.require_inputs(table.column_names)
    predicting = Predicting(content, coding, table, keep=given.keep, unknown=given.unknown)
    n_rows = table.n_rows
    if rows is not None:
        # A multiple of the rows that a network evaluates together: so its outputs are the same to the bit.
        together = content.network.block_rows
        n_rows = together * max(1, PIECE_BYTES // (8 * together * predicting.width))
    written = Written.of(table.no_rows(()).schema)
    with (
        table.watched(None if rows is None else console, "Predicting"),
        _writing(output, given.force, written) as writer,
    ):
        pieces = table.batches(predicting.columns, n_rows)
        for piece in even_batches(pieces, n_rows) if n_rows else pieces:
            writer.write(*predicting.predicted(piece))
    for remark in (*written.notes, *predicting.remarks.sentences()):
        console.say(f"Note: {remark}")
    if output is not None:
        console.say(f"Predicted {predicting.n_rows:,} rows: {output}", style="bold")
    if predicting.why_not_compared:
        console.say(f"Note: Not compared with the target that the table has, too: {predicting.why_not_compared}")
    _show_errors(coding, predicting.errors, console)
    return 0


def _refuse_output_among_data(data: Path, output: Path) -> None:
    """Refuse to write where the next reader of the data would find it."""
    is_read = is_pattern(data) and _matches(output, data)
    if is_read or (data.is_dir() and is_arrow_data(output) and output.resolve().is_relative_to(data.resolve())):
        raise FileError(f"--output {output} would be one of the files of {data}. Write it somewhere else.")


def _matches(path: Path, pattern: Path) -> bool:
    """Whether a pattern names a file, one that is not there yet, too."""
    # The folders of the pattern are those that are there; the last part is the file's own.
    folders = [pattern.parent] if not is_pattern(pattern.parent) else glob.glob(str(pattern.parent), recursive=True)
    is_inside = any(Path(folder).resolve() == path.resolve().parent for folder in folders)
    return is_inside and fnmatch.fnmatchcase(path.name, pattern.name)


class WholeRows:
    """A table in memory, which goes by in one piece."""

    name = "the table"

    def __init__(self, table: Any) -> None:
        self._table = table
        self.column_names: list[str] = table.column_names
        self.n_rows, self.n_bytes = table.num_rows, table.nbytes

    def no_rows(self, names: Sequence[str]) -> Any:
        """Return some columns without a row."""
        return self._table.select(names).slice(0, 0)

    def batches(self, names: Sequence[str], n_rows: int) -> Iterator[Any]:
        """Return some columns, with all rows."""
        yield self._table.select(names)


class Predicting:
    """Predictions of a table piece by piece, with what there is to say about it."""

    def __init__(self, content: NetworkFile, coding: TableCoding, table: Rows, *, keep: bool, unknown: str) -> None:
        column_names, self._total = table.column_names, table.n_rows
        self._network, self._coding, self._keep, self._unknown = content.network, coding, keep, unknown
        wanted = {column.name for column in coding.input_columns}
        self._has_targets = set(coding.target_columns) <= set(column_names)
        if self._has_targets:
            wanted |= set(coding.target_columns)
        self.columns = [name for name in column_names if keep or name in wanted]
        """Those that are read."""
        graph = content.network.graph
        self.width = len(self.columns) + graph.n_inputs + graph.n_outputs
        """Numbers of a row, about: as they are read, coded and predicted."""
        self.remarks = Remarks(coding, column_names, unknown=unknown)
        self.errors: ErrorSums | None = None
        self.why_not_compared = ""
        """What is wrong with the targets of the table, which no prediction needs."""
        self.n_rows = 0

    def predicted(self, piece: Any) -> tuple[list[str], list[Any]]:
        """Return the names and columns to write."""
        coding = self._coding
        first = None if piece.num_rows == self._total else self.n_rows
        self.remarks.add(piece, first)
        outputs = coding.outputs(self._network, coding.inputs(piece, self._unknown, missing="keep", first_row=first))
        if self._has_targets and not self.why_not_compared:
            try:
                self._compare(outputs, coding.targets(piece, missing="keep", first_row=first))
            except DataError as error:
                self.errors, self.why_not_compared = None, str(error)
        self.n_rows += piece.num_rows
        names, columns = predicted_columns(coding, outputs)
        if not self._keep:
            return names, columns
        taken = list(piece.column_names)
        for name in names:
            taken.append(_free_name(name, taken))
        return taken, [*piece.columns, *columns]

    def _compare(self, outputs: Array, targets: AnyArray) -> None:
        classes = self._coding.classes
        is_known = targets >= 0 if classes else ~np.isnan(targets).any(axis=1)
        is_known &= ~np.isnan(outputs).any(axis=1)
        if not is_known.any():
            return
        known = targets[is_known]
        if self.errors is None and classes:
            self.errors = ClassErrors(len(classes))
        elif self.errors is None:
            self.errors = RegressionErrors(self._coding.target_columns, known.mean(axis=0))
        self.errors.add(outputs[is_known], known)


def _free_name(name: str, taken: Sequence[str]) -> str:
    """Return a name for predictions beside columns that are there: "predicted y" beside y, then "predicted y 2"."""
    names = itertools.chain([name, f"predicted {name}"], (f"predicted {name} {k}" for k in itertools.count(2)))
    return next(each for each in names if each not in taken)


def coding_of(content: NetworkFile, path: Path) -> TableCoding:
    """Return how the network's inputs stand in a table, also for one that was not trained from a table."""
    if content.coding is not None:
        coding = TableCoding.from_dict(content.coding)
        n_outputs = len(coding.target_columns) if content.task == "regression" else _n_outputs(len(coding.classes))
        graph = content.network.graph
        if (len(coding.input_names), n_outputs, coding.task) != (graph.n_inputs, graph.n_outputs, content.task):
            raise DataError(f"The coding of columns in {path} does not fit its network. Train again.")
        return coding
    if content.about.get("estimator") == "NetworkForecaster":
        raise DataError(f"{path} is a forecaster. Use: marquardt forecast DATA --model {path}")
    names, graph = content.input_names, content.network.graph
    if names is None:
        raise DataError(
            f"{path} does not know the names of its {graph.n_inputs} inputs: it was trained on arrays, not on a table. "
            f"Use marquardt.load({str(path)!r}).network.outputs(inputs) in Python."
        )
    inputs = tuple(InputColumn(name, "either") for name in names)
    if content.task == "classification":
        classes = content.classes or tuple(range(max(2, graph.n_outputs)))
        return TableCoding("classification", "refuse", inputs, ("class",), classes)
    targets = ("prediction",) if graph.n_outputs == 1 else tuple(f"prediction{k + 1}" for k in range(graph.n_outputs))
    return TableCoding("regression", "refuse", inputs, targets)


def _n_outputs(n_classes: int) -> int:
    return 1 if n_classes == 2 else n_classes


def predicted_columns(coding: TableCoding, outputs: Array) -> tuple[list[str], list[Any]]:
    """Return the names and columns of the predictions; rows without one have missing values."""
    if coding.task == "regression":
        return list(coding.target_columns), list(outputs.T)
    chances = probabilities(outputs)
    is_predicted: AnyArray = np.logical_not(np.isnan(chances).any(axis=1))
    codes = np.where(is_predicted[:, None], chances, 0.0).argmax(axis=1)
    # Of one type, also where no row has a prediction.
    labels = pa.array(coding.classes).take(pa.array(codes, mask=~is_predicted))
    return [coding.target_columns[0], *(f"p({label})" for label in coding.classes)], [labels, *chances.T]


@contextlib.contextmanager
def _writing(output: Path | None, force: bool, like: Written) -> Iterator[TableWriter]:
    """Write to a file; or as CSV to standard output, whole or not at all as well."""
    if output is not None:
        with writing_table(output, force=force, like=like) as writer:
            yield writer
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predicted.csv"
        with writing_table(path, like=like) as writer:
            yield writer
        with open(path, "rb") as file:
            _hand_over(file)


def _hand_over(file: BinaryIO) -> None:
    """Copy a file to standard output."""
    try:
        sys.stdout.flush()
        binary = getattr(sys.stdout, "buffer", None)
        if binary is None:
            shutil.copyfileobj(codecs.getreader("utf-8")(file), sys.stdout)
        else:
            shutil.copyfileobj(file, binary)
            binary.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        silence(sys.stdout)
        raise unwritable(error) from error


def _show_errors(coding: TableCoding, errors: ErrorSums | None, console: Console) -> None:
    """Show how far the predictions are from the targets that the table has, where it has them."""
    if errors is None:
        return
    console.say()
    console.say("The table has the target, too; compared with it:")
    for shown in error_tables(coding.task, {"these rows": errors.report()}, coding.classes):
        console.show(shown)
