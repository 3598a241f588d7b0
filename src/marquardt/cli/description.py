"""`marquardt inspect`: what it does. Whatever a file may hold, it is shown or passed over, never believed."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marquardt.cli.console import Console, hand_over
from marquardt.cli.horizons import sentence_of, show_report
from marquardt.cli.plain import finite
from marquardt.cli.progress import METRIC_NAMES, short
from marquardt.cli.tables import error_tables, table
from marquardt.cli.taking import Given
from marquardt.errors import MarquardtError
from marquardt.storage import NetworkFile, load
from marquardt.tables import TableCoding
from marquardt.training import RestartSpread


def run(given: Given) -> int:
    """Load and show; returns the exit code."""
    path, console = given.network, given.console()
    content = load(path)
    if given.json:
        hand_over(json.dumps(description(path, content)))
        return 0
    show(path, content, console)
    console.require_heard()
    return 0


def description(path: Path, content: NetworkFile) -> dict[str, Any]:
    """Return all but the weights as plain values; NaN and infinity, which JSON has not, are null."""
    network, record = content.network, content.record
    made: dict[str, Any] = finite(
        {
            "file": str(path),
            "task": content.task,
            "graph": network.graph.to_dict(),
            "weights": network.n_weights,
            "scaling": {"inputs": network.input_scaling.kind, "targets": network.target_scaling.kind},
            "coding": content.coding,
            "classes": None if content.classes is None else list(content.classes),
            "errors": content.report,
            "about": content.about,
            "decay": content.about.get("decay"),
            "evidence": content.about.get("evidence"),
            "record": None if record is None else record.to_dict(),
        }
    )
    return made


def show(path: Path, content: NetworkFile, console: Console) -> None:
    """Say it in tables."""
    network, graph = content.network, content.network.graph
    is_forecaster = content.about.get("estimator") == "NetworkForecaster"
    console.say(f"{path}: a {'forecaster' if is_forecaster else f'network for {content.task}'}", style="bold")
    console.say()
    rows = [
        [layer.name, layer.activation, ", ".join(layer.sources), str(layer.size), str(span.stop - span.start)]
        for span in graph.spans
        for layer in [span.layer]
    ]
    console.show(table("Layers", ["layer", "activation", "takes", "units", "weights"], rows, n_left=3))
    fixed = "" if graph.weight_map is None else f"; of {graph.n_connections} connections the others are fixed or shared"
    console.say(
        f"{network.n_weights} weights, biases included{fixed}. Scaling: inputs {network.input_scaling.kind}, targets "
        f"{network.target_scaling.kind}."
    )
    console.say()
    coding = _coding(content)
    if coding is not None:
        _show_columns(coding, console)
    if is_forecaster:
        _show_lags(content, console)
    _show_training(content, console)
    if content.report:
        try:
            if is_forecaster:
                show_report(content.report, console)
                return
            for shown in error_tables(content.task, content.report, content.classes):
                console.show(shown)
                console.say()
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration):
            console.say(f"Errors: {json.dumps(finite(content.report))}")


def _coding(content: NetworkFile) -> TableCoding | None:
    try:
        return None if content.coding is None else TableCoding.from_dict(content.coding)
    except MarquardtError:
        return None


def _show_columns(coding: TableCoding, console: Console) -> None:
    console.say(f"{len(coding.input_columns)} input columns:")
    for kind, what in (("number", "numbers"), ("boolean", "true/false, as 1/0")):
        names = [column.name for column in coding.input_columns if column.kind == kind]
        if names:
            console.say(f"  {what}: {', '.join(names)}")
    for column in coding.input_columns:
        if column.kind == "category":
            more = f" and {len(column.levels) - 12} more" if len(column.levels) > 12 else ""
            console.say(f"  {column.name}: one of {', '.join(column.levels[:12])}{more}")
    fills = {column.name: column.fill for column in coding.input_columns if column.fill is not None}
    if fills:
        shown = (f"{name} {short(fill) if isinstance(fill, float) else fill}" for name, fill in fills.items())
        console.say(f"  empty cells are filled: {', '.join(shown)}")
    elif coding.missing == "drop":
        console.say("  rows with empty cells get no prediction")
    for name, why in coding.dropped.items():
        console.say(f"  left out: {name}, {why}")
    targets = ", ".join(coding.target_columns)
    classes = f", one of {', '.join(map(str, coding.classes))}" if coding.classes else ""
    console.say(f"Target: {targets}{classes}.")
    console.say()


def _show_lags(content: NetworkFile, console: Console) -> None:
    fitted: Any = content.about.get("fitted")
    try:
        keys = ("target_names", "exog_names", "lags", "exog_lags", "difference")
        console.say(sentence_of(*(fitted[key] for key in keys)))
        console.say()
    except (KeyError, TypeError, ValueError, AttributeError):
        console.say(f"Fitted: {json.dumps(finite(fitted))}")


def _found_scale(content: NetworkFile) -> str:
    """The scale of a robust loss that was taken from the residuals, a value an output, in the targets' units."""
    scale = None if content.record is None else content.record.settings.get("loss_scale")
    spread = content.network.target_scaling.spread
    if not isinstance(scale, list) or len(scale) != len(spread):
        return ""
    return " and ".join(short(float(c * unit)) for c, unit in zip(scale, spread, strict=True))


def _show_training(content: NetworkFile, console: Console) -> None:
    facts = [*_facts_of_origin(content.about), *_facts_of_record(content), *_facts_of_starts(content.about)]
    if content.about.get("interrupted") is True:
        facts.append(("interrupted", "yes, this is the best network until then"))
    if facts:
        console.show(table("Training", [], [[f"  {key}", str(value)] for key, value in facts], n_left=2))
        console.say()


def _facts_of_origin(about: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    if about.get("source"):
        yield "trained on", f"{about['source']}, {about.get('rows', '?')} rows"
    if about.get("created"):
        yield "when", f"{about['created']}, by marquardt {about.get('marquardt', '?')}"
    settings = about.get("settings")
    if isinstance(settings, Mapping):
        shown = {key: value for key, value in settings.items() if value not in (None, 0.0)}
        yield "choices", ", ".join(f"{key} {_word(value)}" for key, value in shown.items())


def _facts_of_record(content: NetworkFile) -> Iterator[tuple[str, object]]:
    about, record = content.about, content.record
    if record is None:
        return
    of_rule = {key: value for key, value in record.settings.items() if key not in ("goal_metric", "loss_scale")}
    yield "algorithm", f"{record.algorithm}: {', '.join(f'{k} {_word(v)}' for k, v in of_rule.items())}"
    scale = _found_scale(content)
    if scale:
        yield "robust loss", f"residuals above {scale} count less, a limit taken from the residuals"
    parts = record.parts
    counts = f"{len(parts.train)} train, {len(parts.validation)} validation, {len(parts.test)} test"
    division = about.get("division")
    kind = f", {division.get('kind')}" if isinstance(division, Mapping) else ""
    seed = f", seed {about['seed']}" if about.get("seed") is not None else ""
    yield "division", f"{counts}{kind}{seed}"
    yield "epochs", f"{record.num_epochs}, the weights are those of epoch {record.best_epoch}"
    if record.stop is not None:
        yield "stopped", record.stop.sentence
    if record.epochs:
        name = METRIC_NAMES.get(record.metric, record.metric)
        best = {"training": record.best_perf, "validation": record.best_vperf, "test": record.best_tperf}
        yield name, ", ".join(f"{key} {short(v)}" for key, v in best.items() if not math.isnan(v))
        yield "time", f"{record.seconds:.2f} s"


def _facts_of_starts(about: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    decay, evidence = about.get("decay"), about.get("evidence")
    if isinstance(decay, list) and decay:
        yield "decay", ", ".join(map(_word, decay)) + (" by layer" if len(decay) > 1 else "")
    if isinstance(evidence, float):
        yield "evidence", f"{evidence:.6g} (its logarithm, by which the weight decay is chosen)"
    attempts = about.get("attempts")
    if isinstance(attempts, Sequence) and len(attempts) > 1:
        kept = about.get("kept_attempt")
        yield "starts", f"{len(attempts)}" + (f", number {kept + 1} is kept" if isinstance(kept, int) else "")
        spread = about.get("spread")
        if isinstance(spread, Mapping):
            with contextlib.suppress(TypeError, ValueError):
                yield "spread", str(RestartSpread(**spread))


def _word(value: object) -> str:
    if isinstance(value, float):
        return short(value)
    if isinstance(value, list):
        return ",".join(_word(part) for part in value) or "none"
    return str(value)
