"""`marquardt predict`: what it does."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from marquardt.arrays import AnyArray, Array
from marquardt.checks import one_of
from marquardt.cli.options import refuse_collisions
from marquardt.cli.scores import part_scores
from marquardt.cli.tables import error_tables
from marquardt.cli.voice import Voice
from marquardt.errors import DataError
from marquardt.files import refuse_existing
from marquardt.storage import NetworkFile, load
from marquardt.streams import probabilities
from marquardt.tables import InputColumn, TableCoding, check_table_suffix, read_table, write_table


def run(network: Path, data: Path, voice: Voice, *, output: Path | None, force: bool, keep: bool, unknown: str) -> int:
    """Read network and table, predict, write; returns the exit code."""
    one_of(unknown, ("refuse", "ignore"), "--unknown")
    if output is not None:
        check_table_suffix(output)
        refuse_existing(output, force=force)
        refuse_collisions({"NETWORK": network, "DATA": data}, {"--output": output})
    content = load(network)
    coding = coding_of(content, network)
    table = read_table(data, text=coding.text_columns)
    remarks = coding.remarks(table, unknown=unknown)
    outputs = content.network.outputs(coding.inputs(table, unknown=unknown))
    names, columns = predicted_columns(coding, outputs)
    if keep:
        taken = set(table.column_names)
        names = [f"predicted {name}" if name in taken else name for name in names]
        names, columns = [*table.column_names, *names], [*table.columns, *columns]
    for remark in remarks:
        voice.say(f"Note: {remark}")
    if output is None:
        _print_table(names, columns)
    else:
        write_table(output, names, columns, force=force)
        voice.say(f"Predicted {len(outputs)} rows: {output}", style="bold")
    if coding.has_targets(table):
        _show_errors(coding, table, outputs, voice)
    return 0


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
    names = content.about.get("feature_names")
    graph = content.network.graph
    if not isinstance(names, list) or len(names) != graph.n_inputs or not all(isinstance(n, str) for n in names):
        raise DataError(
            f"{path} does not know the names of its {graph.n_inputs} inputs: it was trained on arrays, not on a table. "
            f"Use marquardt.load({str(path)!r}).network.outputs(inputs) in Python."
        )
    inputs = tuple(InputColumn(name, "number") for name in names)
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
    labels = [coding.classes[code] if is_there else None for code, is_there in zip(codes, is_predicted, strict=True)]
    return [coding.target_columns[0], *(f"p({label})" for label in coding.classes)], [labels, *chances.T]


def _print_table(names: list[str], columns: list[Any]) -> None:
    """Write CSV to standard output, as it would go to a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predicted.csv"
        write_table(path, names, columns)
        sys.stdout.flush()
        binary = getattr(sys.stdout, "buffer", None)
        if binary is None:
            sys.stdout.write(path.read_text(encoding="utf-8"))
        else:
            with open(path, "rb") as file:
                shutil.copyfileobj(file, binary)
            binary.flush()


def _show_errors(coding: TableCoding, table: Any, outputs: Array, voice: Voice) -> None:
    """Show how far the predictions are from the targets that the table has, where it has them."""
    targets = coding.targets(table, missing="keep")
    is_known = targets >= 0 if coding.classes else ~np.isnan(targets).any(axis=1)
    is_known &= ~np.isnan(outputs).any(axis=1)
    if not is_known.any():
        return
    voice.say()
    voice.say("The table has the target, too; compared with it:")
    report = {"these rows": part_scores(coding.task, coding.target_columns, outputs[is_known], targets[is_known])}
    for shown in error_tables(coding.task, report, coding.classes):
        voice.show(shown)
