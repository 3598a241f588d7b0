"""`marquardt train`: what it does."""

from __future__ import annotations

import csv
import datetime
import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from marquardt._version import __version__
from marquardt.arrays import AnyArray, Array
from marquardt.checks import nearest
from marquardt.cli.console import Console, clean, hand_over, warn
from marquardt.cli.interrupts import Interrupts
from marquardt.cli.job import Job, job_of
from marquardt.cli.open_table import WatchedRows, rows_to_stream
from marquardt.cli.parts import divide
from marquardt.cli.plain import finite
from marquardt.cli.running import interrupts_of, pull
from marquardt.cli.scores import scores_of_parts
from marquardt.cli.tables import attempts_table, error_tables
from marquardt.cli.taking import Given
from marquardt.errors import ConfigurationError, DataError
from marquardt.files import replacing_all
from marquardt.networks import Network
from marquardt.storage import NetworkFile
from marquardt.storage.files import write
from marquardt.streams import FileData, errors_of_parts
from marquardt.tables import CodedFiles, TableCoding, read_table
from marquardt.tables.checking import named_columns
from marquardt.training import AnyParts, Fitting, HashedParts, Parts, Record, require_classes
from marquardt.training.restarts import outcome

DONE = 0
COPIES = 5
"""How often the bytes of a table are in memory at the peak of a training as a whole: as it was read, as coded numbers,
scaled, and on the way. A second million rows of 11 floats, 88 MB, took 434 MB."""


@dataclass(frozen=True, eq=False)
class Prepared(ABC):
    """The data of a job, coded and divided, and a network to train on them."""

    coding: TableCoding
    n_rows: int
    parts: AnyParts
    fitting: Fitting
    warnings: tuple[str, ...]

    @abstractmethod
    def errors(self, network: Network, console: Console | None = None) -> dict[str, Any]:
        """Return the errors of a network on every part."""


@dataclass(frozen=True, eq=False)
class PreparedTable(Prepared):
    """The same of a table in memory."""

    parts: Parts
    inputs: Array
    targets: AnyArray

    def errors(self, network: Network, console: Console | None = None) -> dict[str, Any]:
        names, outputs = self.coding.target_columns, self.coding.outputs(network, self.inputs)
        return scores_of_parts(self.coding.task, names, outputs, self.targets, self.parts.named())


@dataclass(frozen=True, eq=False)
class PreparedRows(Prepared):
    """The same of a table that goes by batch by batch."""

    rows: WatchedRows
    data: FileData

    def errors(self, network: Network, console: Console | None = None) -> dict[str, Any]:
        with self.rows.watched(console, "Taking the errors"):
            return errors_of_parts(network, self.data, self.coding.task)


def run(given: Given) -> int:
    """Train, show, write; returns the exit code."""
    job, console = job_of(given), given.console()
    began = time.perf_counter()
    prepared = prepare(job, console)
    introduce(job, prepared, console)
    with interrupts_of(console) as (interrupts, asked):
        interrupts.rescue = rescue_of(job, prepared, began, interrupts)
        is_interrupted = pull(
            prepared.fitting,
            console,
            interrupts,
            asked,
            show=job.show,
            pause=job.pause,
            is_broken_off=isinstance(prepared, PreparedRows),
        )
        if prepared.fitting.record.num_epochs == 0 and is_interrupted:
            sentence = "Interrupted before the first epoch. Nothing is saved."
            console.say(sentence, style="yellow")
            if given.json:
                hand_over(json.dumps({"interrupted": True, "network": None}))
            return interrupts.code
        seconds = time.perf_counter() - began
        content = content_of(job, prepared, seconds, is_interrupted)
        if isinstance(prepared, PreparedTable):
            content = replace(content, report=prepared.errors(prepared.fitting.network))
        with interrupts.saving():
            save_both(job.output, content, job.record, force=job.force or interrupts.has_rescued)
        if isinstance(prepared, PreparedRows):
            # The errors take another pass over the rows, which the network does not wait for.
            report = errors_unless_interrupted(prepared, console, interrupts)
            if report is not None:
                content = replace(content, report=report)
                save_both(job.output, content, force=True)
        conclude(job, prepared, content, console, is_interrupted)
        stop = prepared.fitting.record.stop
        if stop is not None and stop.code == "diverged":
            # Even where people asked for quiet: what was written is hardly trained.
            warn(clean(f"Warning: {stop.sentence}"))
        elif prepared.fitting.record.has_learned_nothing and stop is not None:
            warn(clean(f"Warning: nothing was learned, the starting weights are saved. {stop.sentence}"))
        if given.json:
            made = json.dumps(summary(job, prepared, content))
            hand_over(made, f" The network is saved all the same: {job.output}.")
        if interrupts.is_asked and not is_interrupted:
            console.say("Interrupted after the last epoch: the network is whole and saved.", style="yellow")
        return interrupts.code if interrupts.is_asked else DONE


def prepare(job: Job, console: Console | None = None) -> Prepared:
    """Read, check, code and divide the data, and build the network; says where they are read batch by batch."""
    rows = rows_to_stream(
        job.data, job.stream, console, copies=COPIES, check=lambda names: _check_rows(job, names), **_meaning(job)
    )
    return prepare_table(job) if rows is None else prepare_rows(job, rows, console)


def _check_rows(job: Job, names: Sequence[str]) -> None:
    """Refuse what can be refused of a table that is to be read batch by batch by the names of its columns."""
    if job.division not in ("random", "none"):
        raise ConfigurationError(
            f"--division {job.division} goes by the numbers of the rows, and data that are read batch by batch are "
            f"divided by a hash of what is in a row. Take --division random or none, or read {job.data} as a whole "
            f"with --no-stream."
        )
    asked = _columns(job, names)
    for what, option in (("target", "targets"), ("input", "inputs"), ("ignored", "drop")):
        named_columns(asked[option] or (), names, what)


def prepare_table(job: Job) -> PreparedTable:
    """Do it in memory."""
    table = read_table(job.data, **_meaning(job))
    coding = TableCoding.fit(table, **_columns(job, table.column_names))
    coded = coding.code(table)
    parts = divide(job, coded.rows, table.num_rows, coded.targets if coding.classes else None)
    if coding.classes:
        require_classes(coded.targets[parts.train], coding.classes)
    coding = coding.trained_on(coded.inputs[parts.train].mean(axis=0))
    coding.recode(coded.inputs.T)
    fitting = Fitting(
        coded.inputs,
        coded.targets,
        job.settings,
        coding.task,
        n_classes=len(coding.classes),
        parts=parts,
    )
    warnings = _warnings(fitting, len(parts.train))
    return PreparedTable(coding, table.num_rows, parts, fitting, warnings, coded.inputs, coded.targets)


def prepare_rows(job: Job, rows: WatchedRows, console: Console | None = None) -> PreparedRows:
    """Do it batch by batch: one pass for the coding of the columns, one for counts, division and scalings."""
    _check_rows(job, rows.column_names)
    with rows.watched(console, "Looking through the columns"):
        coding = TableCoding.fit_rows(rows, **_columns(job, rows.column_names))
    shares = (0.0, 0.0) if job.division == "none" else (job.validation, job.test)
    files = CodedFiles(rows, coding)
    with rows.watched(console, "Dividing the rows"):
        data = FileData(
            files,
            validation=shares[0],
            test=shares[1],
            seed=job.seed,
            missing="drop",
            classes=coding.classes,
        )
    fitting = Fitting.of(data, job.settings, coding.task)
    coding = files.coding
    warnings = _warnings(fitting, data.n_training)
    return PreparedRows(coding, rows.n_rows, data.parts, fitting, warnings, rows, data)


def _meaning(job: Job) -> dict[str, Any]:
    """What cells of a text file mean, beyond what they look like."""
    labels, numbers = (job.targets, ()) if job.task == "classification" else ((), job.targets)
    return {"keep_words": job.keep_words, "labels": labels, "numbers": numbers, "dialect": job.dialect}


def _columns(job: Job, names: Sequence[str]) -> dict[str, Any]:
    """What `TableCoding.fit` is to make of the columns."""
    if not job.targets:
        shown = ", ".join(map(repr, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        raise DataError(f"Which column is to be predicted? Name it with --target. {job.data} has {shown}.")
    return {
        "targets": job.targets,
        "inputs": None if job.inputs is None else _split_names(job.inputs, names),
        "task": job.task,
        "missing": job.missing,
        "drop": _split_names(job.ignore, names),
        "keep_words": job.keep_words,
    }


def _topology(job: Job) -> str:
    """What the topology is called."""
    return job.settings.topology if isinstance(job.settings.topology, str) else "a topology of its own"


def introduce(job: Job, prepared: Prepared, console: Console) -> None:
    """Say what is going to be done."""
    coding, parts, network = prepared.coding, prepared.parts, prepared.fitting.network
    targets = " and ".join(map(repr, coding.target_columns))
    what = f"{len(coding.classes)} classes" if coding.classes else "regression"
    columns = _count(len(coding.input_columns), "input column")
    if len(coding.input_names) != len(coding.input_columns):
        columns += f" ({len(coding.input_names)} inputs)"
    console.say(f"{job.data}: {prepared.n_rows:,} rows, {columns}, target {targets} ({what}).")
    for note in coding.notes:
        console.say(f"Note: {note}")
    counts = {"training": len(parts.train), "validation": len(parts.validation), "testing": len(parts.test)}
    how = f"{_division(job, prepared)}, seed {job.seed}" if job.division == "random" else job.division
    console.say(f"Rows: {', '.join(f'{count:,} for {name}' for name, count in counts.items() if count)} ({how}).")
    console.say(
        f"Network {network.graph.describe()}: {_count(network.n_weights, 'weight')}, {_topology(job)}, seed {job.seed}."
    )
    console.say(f"Algorithm {algorithm_of(job, prepared)}")
    for warning in prepared.warnings:
        console.say(f"Warning: {warning}", style="yellow")
    console.say()


def _division(job: Job, prepared: Prepared) -> str:
    """What the division is called."""
    return "by a hash of each row" if isinstance(prepared.parts, HashedParts) else job.division


def algorithm_of(job: Job, prepared: Prepared) -> str:
    """Return the algorithm, and why it was chosen where it was."""
    choice = prepared.fitting.choice
    return f"{choice.algorithm}: {choice.reason}" if job.settings.algorithm == "auto" else f"{job.settings.algorithm}."


def errors_unless_interrupted(
    prepared: PreparedRows, console: Console, interrupts: Interrupts
) -> dict[str, Any] | None:
    """Take the errors; a signal breaks that off, and what may be followed by the end of the process leaves it out."""
    if interrupts.is_asked and not interrupts.is_ending:
        console.say(
            "The network is saved. Its errors are taken in one more pass over the rows; Ctrl-C leaves them out."
        )
        return prepared.errors(prepared.fitting.network, console)
    try:
        with interrupts.breaking():
            return prepared.errors(prepared.fitting.network, console)
    except KeyboardInterrupt:
        return None


def rescue_of(job: Job, prepared: Prepared, began: float, interrupts: Interrupts) -> Callable[[], bool]:
    """Return what saves the best network so far, while the training goes on, if there is one."""

    def rescue() -> bool:
        if not prepared.fitting.record.num_epochs:
            return False
        content = content_of(job, prepared, time.perf_counter() - began, True)
        save_both(job.output, content, job.record, force=job.force or interrupts.has_rescued)
        return True

    return rescue


def content_of(job: Job, prepared: Prepared, seconds: float, is_interrupted: bool) -> NetworkFile:
    """Return what goes into the network file, without the errors."""
    coding, fitting, settings = prepared.coding, prepared.fitting, job.settings
    return NetworkFile(
        network=fitting.network,
        task=coding.task,
        coding=coding.to_dict(),
        classes=coding.classes or None,
        record=fitting.record,
        about={
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "marquardt": __version__,
            "source": job.data.name,
            "rows": prepared.n_rows,
            "seed": job.seed,
            "division": {
                "kind": _division(job, prepared) if job.division == "random" else job.division,
                "validation": job.validation,
                "test": job.test,
                "indices": None if job.indices is None else job.indices.name,
            },
            "settings": {
                "hidden": list(settings.hidden_layer_sizes),
                "activation": settings.activation,
                "topology": _topology(job),
                "initialization": settings.initialization,
                "loss": fitting.loss.name,
                "loss_scale": settings.loss_scale,
                "alpha": settings.alpha,
            },
            **outcome(fitting.summaries_so_far(), fitting.spread, fitting.decay),
            "interrupted": is_interrupted,
            "seconds": seconds,
        },
    )


def conclude(job: Job, prepared: Prepared, content: NetworkFile, console: Console, is_interrupted: bool) -> None:
    """Say why it stopped, how good the network is and where it went."""
    fitting, record = prepared.fitting, prepared.fitting.record
    console.say()
    if job.settings.restarts > 1:
        console.show(attempts_table(content.about["attempts"], content.about["kept_attempt"]))
        console.say()
        console.say(str(fitting.spread))
        console.say(f"Start {content.about['kept_attempt'] + 1} is kept. Why it stopped:")
    if is_interrupted:
        console.say("Interrupted: the best network so far is kept and saved.", style="yellow")
    elif record.stop is not None:
        console.say(record.stop.sentence)
    if len(record.parts.validation):
        why = "those with the lowest validation error"
    elif fitting.rule.keeps_last:
        why = "the last, with the weight decay that their evidence asks for"
    elif job.settings.alpha == "auto":
        why = "trained with the weight decay that the data ask for"
    else:
        why = "those with the lowest loss"
    console.say(f"Kept: the weights of epoch {record.best_epoch} of {record.num_epochs}, {why}.")
    console.say()
    if content.report is not None:
        for shown in error_tables(content.task, content.report, content.classes):
            console.show(shown)
            console.say()
    else:
        console.say(
            f"The errors are left out, as that was interrupted. Of all rows together they come from: "
            f"marquardt predict {job.output} {job.data}"
        )
        console.say()
    pauses = job.pause * sum(each.epochs + 1 for each in fitting.summaries)
    at_once = f", {fitting.jobs} starts at a time" if fitting.jobs > 1 else ""
    slowed = " (and slowed down, so that it could be watched)" if job.pause else ""
    n_values = len(prepared.parts.train) * fitting.network.graph.n_outputs
    seconds = max(fitting.seconds - pauses, 0.0)
    console.say(
        f"Trained in {seconds:.2f} s{at_once}{slowed}: {_count(fitting.network.n_weights, 'weight')} on "
        f"{_count(n_values, 'training value')} ({_count(len(prepared.parts.train), 'row')} × "
        f"{_count(fitting.network.graph.n_outputs, 'output')})."
    )
    console.say(f"Network: {job.output}", style="bold")
    if job.record is not None:
        console.say(f"Record: {job.record}")


def summary(job: Job, prepared: Prepared, content: NetworkFile) -> dict[str, Any]:
    """Return what `--json` prints; NaN, which JSON has not, is null."""
    record, network, coding = prepared.fitting.record, content.network, prepared.coding
    parts = prepared.parts
    made: dict[str, Any] = finite(
        {
            "network": str(job.output),
            "record": None if job.record is None else str(job.record),
            "task": content.task,
            "targets": list(coding.target_columns),
            "classes": None if content.classes is None else list(content.classes),
            "inputs": list(coding.input_names),
            "graph": network.graph.describe(),
            "weights": network.n_weights,
            "rows": {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)},
            "seed": job.seed,
            "algorithm": record.algorithm,
            "metric": record.metric,
            "epochs": record.num_epochs,
            "best_epoch": record.best_epoch,
            "stop": None if record.stop is None else asdict(record.stop),
            "interrupted": content.about["interrupted"],
            "seconds": content.about["seconds"],
            "errors": content.report,
            "attempts": content.about["attempts"],
            "spread": content.about["spread"],
            "notes": list(coding.notes),
            "warnings": list(prepared.warnings),
        }
    )
    return made


def save_both(path: Path, content: NetworkFile, record: Path | None = None, *, force: bool) -> None:
    """Write the network and, where it is wanted, its record: both or neither."""
    with replacing_all([path] if record is None else [path, record], force=force) as temporaries:
        write(temporaries[0], content)
        if record is not None and content.record is not None:
            write_record(temporaries[1], content.record)


def write_record(path: Path, record: Record) -> None:
    """Write every epoch's numbers as JSON or CSV, by the suffix."""
    if path.suffix.lower() == ".json":
        path.write_text(record.to_json(indent=1) + "\n", encoding="utf-8")
        return
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = record.to_table()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.column_names)
        for row in table.to_pylist():
            writer.writerow("" if math.isnan(value) else value for value in row.values())


def _warnings(fitting: Fitting, n_training: int) -> tuple[str, ...]:
    """What is doubtful."""
    found = []
    graph = fitting.network.graph
    n_values = n_training * graph.n_outputs
    if graph.n_weights > n_values:
        found.append(
            f"There are more weights ({graph.n_weights}) than training values ({n_values}), so the network can learn "
            f"them by heart. Take fewer hidden units (--hidden 5), or weight decay (--alpha 0.01)."
        )
    return tuple(found)


def _split_names(given: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return column names from options: each is one name, or several with commas between."""
    found: list[str] = []
    for word in given:
        if word in names:
            found.append(word)
            continue
        parts = [part.strip() for part in word.split(",")]
        if "" in parts:
            raise DataError(f"{word!r} does not name columns.{nearest(word, names)}")
        found += parts
    return found


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
