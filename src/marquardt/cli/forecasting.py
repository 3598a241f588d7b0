"""`marquardt forecast`: what it does."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from marquardt._version import __version__
from marquardt.arrays import AnyArray, Array
from marquardt.checks import require_extra, shown, whole_of
from marquardt.cli.dates import Times, drawn, times_of, unread
from marquardt.cli.horizons import sentence_of, show_report
from marquardt.cli.interrupts import Interrupts
from marquardt.cli.job import (
    RECORD_SUFFIXES,
    default_output,
    refuse_collisions,
    require_suffix,
    rule_of,
    settings_of,
    settings_values,
)
from marquardt.cli.plain import finite
from marquardt.cli.progress import short
from marquardt.cli.running import interrupts_of, pull
from marquardt.cli.tables import attempts_table, table
from marquardt.cli.taking import Given
from marquardt.cli.training import _split_names, save_both
from marquardt.cli.voice import Voice, hand_over
from marquardt.errors import ConfigurationError, DataError
from marquardt.estimators import NetworkForecaster, WalkForward, walk_forward
from marquardt.estimators.lagging import Lags
from marquardt.estimators.series import Series
from marquardt.estimators.timeline import Timeline
from marquardt.files import refuse_existing
from marquardt.options import OPTIONS, PARAMETERS, READING
from marquardt.storage import NetworkFile
from marquardt.streams import is_arrow_data, is_pattern
from marquardt.tables import Written, check_table_suffix, read_table, write_table
from marquardt.tables.checking import named_columns
from marquardt.tables.columns import Column, listed
from marquardt.tables.units import unit_notes

DONE = 0
MOST_LAGS = 100_000
"""Of one range: more is a slip, and would fill the memory before the table is read."""
LEAST_ROWS = 10
"""Rows with all their lags that the first split of an evaluation trains on, at least."""
SERIES_LOSSES = ("squares", "huber", "soft_l1", "cauchy")
BESIDE_MODEL = ("data", *READING, "date", "dayfirst", "horizon", "model", "output", "plot", "force", "quiet", "json")
"""Options that have a meaning beside --model: all others are about a training."""
PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True, eq=False)
class Data:
    """A table as series: the known rows, the exogenous rows of the future, and their times."""

    targets: Series
    exog: Series | None
    n_known: int
    n_future: int
    times: Times | None
    unused: tuple[str, ...]
    notes: tuple[str, ...]
    written: Written

    def row(self, index: int) -> int:
        """Return where a row in the order of time stands in the table, from 0."""
        return index if self.times is None or self.times.order is None else int(self.times.order[index])

    @property
    def known_exog(self) -> Series | None:
        """The exogenous rows of the known times."""
        return None if self.exog is None else replace(self.exog, values=self.exog.values[: self.n_known])


def run(given: Given) -> int:
    """Read, train or load, evaluate, forecast, write; returns the exit code."""
    _check_files(given)
    given.check()
    return train(given, given.voice()) if given.model is None else go_on(given, given.voice())


def train(given: Given, voice: Voice) -> int:
    """Train a forecaster, evaluate it and forecast."""
    began = time.perf_counter()
    forecaster = forecaster_of(given)
    read = read_table(given.data, numbers=None, dialect=given.dialect())
    names: list[str] = read.column_names
    if not given.target:
        raise DataError(f"Which column is to be forecast? Name it with --target. {given.data} has {listed(names)}.")
    targets = named_columns(_split_names(given.target, names), read.column_names, "target")
    exog = named_columns(_split_names(given.exog or (), names), read.column_names, "exogenous")
    if given.lags_exog is not None and not exog:
        raise ConfigurationError("--lags-exog says at which lags exogenous columns are inputs. Name them by --exog.")
    both = [name for name in exog if name in targets]
    if both:
        raise DataError(f"Column {both[0]!r} is both a target and exogenous: its past is an input anyway (--lags).")
    data = data_of(given, read, targets, exog)
    _refuse_unreachable(given, forecaster, data)
    lags = Lags(forecaster.lags, forecaster.exog_lags if exog else (), forecaster.difference)
    horizon = _horizon(given, data, lags, lags.n_history)
    with warnings.catch_warnings(), interrupts_of(voice) as (interrupts, asked):
        warnings.simplefilter("ignore")  # what they say is said here in the program's own way
        fitting = forecaster.begin(data.targets, data.known_exog)
        season = data.times.season if given.season is None and data.times is not None else given.season
        n_splits = _n_splits(given, forecaster, data, horizon, season or 1)
        introduce(given, forecaster, data, fitting.network, voice)
        path = given.network if given.network is not None else default_output(given.data)

        def save(of: NetworkForecaster, report: dict[str, Any] | None = None, *, again: bool = False) -> None:
            content = content_of(given, of, data, report, time.perf_counter() - began)
            is_again = again or interrupts.has_rescued
            save_both(path, content, None if again else given.record, force=given.force or is_again)

        def rescue() -> bool:
            if not fitting.record.num_epochs:
                return False
            save(forecaster.snapshot(fitting))
            return True

        interrupts.rescue = rescue
        is_interrupted = pull(fitting, voice, interrupts, asked)
        if fitting.record.num_epochs == 0 and is_interrupted:
            voice.say("Interrupted before the first epoch. Nothing is saved.", style="yellow")
            if given.json:
                hand_over(json.dumps({"interrupted": True, "network": None}))
            return interrupts.code
        # That in open loop is over: a signal ends what follows.
        with (
            contextlib.suppress(KeyboardInterrupt),
            contextlib.nullcontext() if is_interrupted else interrupts.breaking(),
        ):
            forecaster.finish(fitting)
        is_interrupted = interrupts.is_asked
        if not hasattr(forecaster, "series_rmse_"):
            forecaster = forecaster.snapshot(fitting)
        record = forecaster.record_
        voice.say()
        if forecaster.n_restarts > 1:
            voice.show(attempts_table([asdict(each) for each in forecaster.attempts_], forecaster.kept_))
            voice.say()
            voice.say(str(forecaster.spread_))
        if is_interrupted:
            voice.say("Interrupted: the best network so far is kept and saved.", style="yellow")
        elif record.stop is not None:
            voice.say(record.stop.sentence)
        voice.say(f"Kept: the weights of epoch {record.best_epoch} of {record.num_epochs}.")
        closed = forecaster.closed_loop_record_
        if closed is not None:
            voice.say(
                f"In closed loop, {closed.metric} fell from {closed.perf[0]:.4g} to {closed.best_perf:.4g} "
                f"in {closed.num_epochs} epochs."
            )
        elif given.closed_loop and not is_interrupted:
            voice.say("The network grows without bound in closed loop, and was not trained there.", style="yellow")
        voice.say()
        predicted = forecaster.predict(horizon, _future(data))
        # The evaluation takes trainings of its own, which the forecaster does not wait for.
        with interrupts.saving():
            save(forecaster)
        report = None
        if not is_interrupted:
            if n_splits:
                found, is_interrupted = evaluate(forecaster, data, horizon, n_splits, season, voice, interrupts)
                if found is not None:
                    report = report_of(found, targets)
                    save(forecaster, report, again=True)
            elif given.splits != 0:
                voice.say("Note: The series is too short to evaluate such forecasts on its own past.")
                voice.say()
        if report is not None:
            show_report(report, voice)
        values = np.asarray(predicted).reshape(horizon, -1)
        conclude(given, forecaster, data, values, report, path, voice, is_interrupted)
        voice.say(f"Forecaster: {path}", style="bold")
        return interrupts.code if interrupts.is_asked else DONE


def go_on(given: Given, voice: Voice) -> int:
    """Forecast what follows a table with a forecaster that is there."""
    _refuse_training_options(given)
    assert given.model is not None
    try:
        forecaster = NetworkForecaster.from_file(given.model)
    except DataError:
        raise DataError(
            f"{given.model} holds a network and no forecaster: it knows no lags. Use: marquardt predict "
            f"{given.model} {given.data}"
        ) from None
    read = read_table(given.data, numbers=None, dialect=given.dialect())
    targets = named_columns(forecaster.target_names_, read.column_names, "target")
    exog = named_columns(forecaster.exog_names_, read.column_names, "exogenous")
    data = data_of(given, read, targets, exog)
    lags = forecaster.lags_
    if data.n_known < lags.n_history:
        raise DataError(
            f"{given.data} has {data.n_known} known rows, and a forecast needs {lags.n_history}: the largest lag"
            f"{' and all differences' if lags.differences else ''}. Give more rows."
        )
    horizon = _horizon(given, data, lags, data.n_known)
    predicted = forecaster.predict(horizon, data.exog, y=data.targets)
    voice.say(f"{given.data}: {data.n_known} rows of {' and '.join(map(repr, targets))}. {inputs_of(forecaster)}")
    for note in data.notes:
        voice.say(f"Note: {note}")
    voice.say()
    values = np.asarray(predicted).reshape(horizon, -1)
    conclude(given, forecaster, data, values, None, given.model, voice, False)
    if given.output is None and not given.json:
        voice.require_heard()
    return DONE


# ---------------------------------------------------------------- options


def forecaster_of(given: Given) -> NetworkForecaster:
    """Return the estimator that the options describe; each is checked by its own name."""
    values = settings_values(given)
    rule = rule_of(values)
    settings = settings_of(values)
    if rule.weighs_decay and settings.alpha not in ("auto", 0.0):
        raise ConfigurationError(
            f"--algorithm {settings.algorithm} chooses the weight decay itself, got --alpha {given.alpha}. Leave it "
            f"out, or take --algorithm lm."
        )
    if given.validation and rule.refuses_validation:
        raise ConfigurationError(f"--algorithm {given.algorithm} needs no --validation. Leave it out.")
    if settings.loss not in ("auto", *SERIES_LOSSES):
        raise ConfigurationError(
            f"--loss {settings.loss} is for classes, and a forecast is of numbers. Use {', '.join(SERIES_LOSSES)}."
        )
    lags = lags_of(given.lags, "--lags", 1, tuple(range(1, 13)))
    exog_lags = lags_of(given.lags_exog, "--lags-exog", 0, (0,))
    difference = lags_of(given.difference, "--difference", 1, ())
    if given.closed_loop and difference:
        raise ConfigurationError(
            "--closed-loop feeds the network's outputs back as they are, and --difference makes them differences. "
            "Leave one of them out."
        )
    if not lags and given.closed_loop:
        raise ConfigurationError(
            "--closed-loop feeds outputs back at their lags, and --lags none leaves none. Give lags such as 1-12."
        )
    if not lags and not (given.exog and exog_lags):
        raise ConfigurationError(
            "--lags none leaves nothing to forecast from without a lag of a column that is named by --exog. Give lags "
            "such as 1-12."
        )
    if given.validation:
        values["validation_fraction"] = given.validation
    return NetworkForecaster(
        lags,
        exog_lags,
        difference=difference,
        closed_loop=given.closed_loop,
        early_stopping=bool(given.validation),
        **{PARAMETERS.get(setting, setting): value for setting, value in values.items()},
    )


def lags_of(words: Sequence[str] | None, option: str, minimum: int, default: tuple[int, ...]) -> tuple[int, ...]:
    """Return lags from words such as "1-12" and "1,2,12".

    >>> lags_of(["1-3,12"], "--lags", 1, ())
    (1, 2, 3, 12)
    """
    if words is None:
        return default
    parts = [part.strip() for word in words for part in word.split(",")]
    if parts == ["none"]:
        return ()
    found: list[int] = []
    for part in parts:
        begin, dash, end = part.partition("-")
        first, last = whole_of(begin), whole_of(end if dash else begin)
        if first is None or last is None or first < minimum:
            raise ConfigurationError(
                f"{option} must be whole numbers from {minimum} up such as 1-12 or 1,2,12 (or 'none'), "
                f"got {shown(part)}."
            )
        if last < first:
            raise ConfigurationError(f"{option} {part} goes backward. Write {last}-{first}.")
        if last - first >= MOST_LAGS:
            raise ConfigurationError(
                f"{option} {part} is {last - first + 1:,} lags, and {MOST_LAGS:,} are the most. Take fewer."
            )
        found += range(first, last + 1)
    if option != "--difference" and len(set(found)) < len(found):
        doubled = next(lag for lag in found if found.count(lag) > 1)
        raise ConfigurationError(f"{option} has {doubled} twice. Name every lag once.")
    return tuple(found)


def _refuse_training_options(given: Given) -> None:
    for name in given.names():
        if name not in BESIDE_MODEL:
            raise ConfigurationError(
                f"{OPTIONS[name].flag} is about a training, and --model takes a forecaster that is trained. Leave one "
                f"of them out."
            )


def _check_files(given: Given) -> None:
    written: dict[str, Path] = {}
    if given.model is None:
        written["--network"] = given.network if given.network is not None else default_output(given.data)
    if given.output is not None:
        check_table_suffix(given.output)
        written["--output"] = given.output
    if given.record is not None:
        require_suffix(given.record, RECORD_SUFFIXES, "--record")
        written["--record"] = given.record
    if given.plot is not None:
        require_suffix(given.plot, PICTURES, "--plot")
        require_extra("matplotlib", "plots")
        written["--plot"] = given.plot
    for path in written.values():
        refuse_existing(path, force=given.force)
    read = {"DATA": given.data}
    if given.model is not None:
        read["--model"] = given.model
    refuse_collisions(read, written)


# ---------------------------------------------------------------- data


def data_of(given: Given, read: Any, targets: Sequence[str], exog: Sequence[str]) -> Data:
    """Return the series of a table; its last rows without any target are the future."""
    date = given.date
    if date is not None:
        named_columns([date], read.column_names, "date")
        if date in (*targets, *exog):
            raise DataError(f"Column {date!r} is the date and {'a target' if date in targets else 'exogenous'}, too.")

    def as_text(name: str) -> Any:
        return read_table(given.data, text=[name], dialect=given.dialect()).column(name)

    is_typed = given.data.is_dir() or is_pattern(given.data) or is_arrow_data(given.data)
    times = times_of(read, date, {*targets, *exog}, None if is_typed else as_text, given.dayfirst)
    order = np.arange(read.num_rows) if times is None or times.order is None else times.order
    wanted = np.column_stack([_numbers(read, name, "Target") for name in targets])[order]
    is_known = ~np.isnan(wanted).all(axis=1)
    if not is_known.any():
        raise DataError(f"The target {listed(targets)} has no value in any row.")
    n_known = int(np.flatnonzero(is_known)[-1]) + 1
    _refuse_gaps(wanted[:n_known], targets, "Target", order)
    beside = None
    if exog:
        beside = np.column_stack([_numbers(read, name, "Exogenous column") for name in exog])[order]
        # The future may end early: what the horizon needs is asked for later.
        ends = np.flatnonzero(~np.isnan(beside).all(axis=1))
        n_beside = max(n_known, int(ends[-1]) + 1 if len(ends) else 0)
        beside = beside[:n_beside]
    used = {*targets, *exog, *([] if times is None else [times.name])}
    unused = tuple(name for name in read.column_names if name not in used)
    warning = unread(read, unused) if times is None else None
    written = Written.of(read.schema)
    units = {name: unit for name in (*targets, *exog) if (unit := Column.of(read, name).unit)}
    return Data(
        Series(
            wanted[:n_known],
            labels=tuple(targets),
            is_flat=False,
            timeline=_kept_timeline(times, n_known),
            times="" if times is None else f"{given.data}: column {times.name!r}",
        ),
        None if beside is None else Series(beside, "numpy", tuple(exog), False),
        n_known,
        len(wanted) - n_known,
        times,
        unused,
        (
            *written.notes,
            *unit_notes(units),
            *(() if times is None else times.notes),
            *(() if warning is None else (warning,)),
        ),
        written,
    )


def _kept_timeline(times: Times | None, n_known: int) -> Timeline | None:
    """The times of the known rows, where a file can keep them."""
    if times is None or times.timeline is None:
        return None
    timeline = times.timeline.ending(times.index[n_known - 1])
    try:
        timeline.to_keep()
    except DataError:
        return None
    return timeline


def _numbers(read: Any, name: str, what: str) -> Array:
    column = Column.of(read, name)
    if column.kind not in ("number", "boolean", "empty"):
        shown, place = column.first(column.values.is_valid())
        raise DataError(
            f"{what} {name!r} must hold numbers, got {shown!r} in {place}. Code it as numbers, such as 0 and 1."
        )
    column.refuse_infinity()
    return column.numbers()


def _refuse_gaps(values: Array, names: Sequence[str], what: str, order: AnyArray) -> None:
    gaps = np.argwhere(np.isnan(values))
    if len(gaps):
        row, column = gaps[0]
        raise DataError(
            f"{what} {names[column]!r} is missing in data row {order[row] + 1}, before the last known row. Lags need "
            f"every row: fill the gap, or begin the table after it."
        )


def _refuse_unreachable(given: Given, forecaster: NetworkForecaster, data: Data) -> None:
    """Refuse a table with no row behind which all lags are."""
    exog_lags = () if data.exog is None else forecaster.exog_lags
    n_history = Lags(forecaster.lags, exog_lags, forecaster.difference).n_history
    if data.n_known <= n_history:
        raise DataError(
            f"{given.data} has {data.n_known} known rows, and the first that can be forecast needs {n_history} "
            f"before it: the largest lag{' and all differences' if forecaster.difference else ''}. Give at least "
            f"{n_history + 1} rows, or smaller --lags{' or --difference' if forecaster.difference else ''}."
        )


def _horizon(given: Given, data: Data, lags: Lags, first: int) -> int:
    """The horizon; refuses one that the future rows do not cover, and gaps that a lag meets, from the first row on."""
    horizon = given.horizon if given.horizon is not None else (data.n_future or 12)
    if data.exog is not None and lags.exog:
        needed = lags.n_future(horizon)
        asked = lags.exog_of(first, data.n_known + horizon)
        names = data.exog.names or ()
        gaps = np.argwhere(np.isnan(data.exog.values[asked.start : min(asked.stop, data.n_known)]))
        if len(gaps):
            row, column = gaps[0]
            raise DataError(
                f"Exogenous column {names[column]!r} is missing in data row {data.row(asked.start + row) + 1}, which "
                f"the lags need. Fill the gap, or begin the table after it."
            )
        is_there = ~np.isnan(data.exog.values[data.n_known :]).any(axis=1)
        there = int(np.logical_and.accumulate(is_there).sum())
        if there < needed:
            raise DataError(
                f"--horizon {horizon} needs {needed} rows of the future of {listed(data.exog.names or ())}, and the "
                f"table has {there} with all of them: rows at its end with an empty target. Add rows, or take a "
                f"shorter horizon."
            )
    return horizon


def _future(data: Data) -> Series | None:
    if data.exog is None or len(data.exog) == data.n_known:
        return None
    return replace(data.exog, values=data.exog.values[data.n_known :])


# ---------------------------------------------------------------- training and evaluation


def introduce(given: Given, forecaster: NetworkForecaster, data: Data, network: Any, voice: Voice) -> None:
    """Say what is going to be done."""
    times = ""
    if data.times is not None:
        first, last = data.times.written(data.times.index[[0, data.n_known - 1]])
        times = f", {first} to {last}"
    future = f" and {data.n_future} of the future" if data.n_future else ""
    voice.say(f"{given.data}: {data.n_known} known rows{future}{times}. {inputs_of(forecaster)}")
    for note in data.notes:
        voice.say(f"Note: {note}")
    if data.unused:
        voice.say(f"Note: Not used: {listed(data.unused)}. Columns that drive the target are named by --exog.")
    n_rows = data.n_known - forecaster.n_history_
    topology = forecaster.topology if isinstance(forecaster.topology, str) else "a topology of its own"
    voice.say(
        f"Network {network.graph.describe()}: {network.n_weights} weights on {n_rows} rows, {topology}, "
        f"seed {given.seed}."
    )
    voice.say()


def inputs_of(forecaster: NetworkForecaster) -> str:
    """Say what is forecast from what."""
    lags = forecaster.lags_
    names = forecaster.target_names_, forecaster.exog_names_
    return sentence_of(*names, lags.targets, lags.exog, lags.differences)


def evaluate(
    forecaster: NetworkForecaster,
    data: Data,
    horizon: int,
    n_splits: int,
    season: int | None,
    voice: Voice,
    interrupts: Interrupts,
) -> tuple[WalkForward | None, bool]:
    """Forecast the known past from what came before; returns what was found, and whether it was interrupted."""

    def step(number: int) -> None:
        voice.say(f"Evaluation: training {number + 1} of {n_splits}, on an earlier part.")

    try:
        with interrupts.breaking():
            found = walk_forward(
                forecaster, data.targets, data.known_exog, horizon=horizon, cv=n_splits, season=season, progress=step
            )
    except KeyboardInterrupt:
        voice.say("Interrupted: the evaluation is left out.", style="yellow")
        return None, True
    voice.say()
    return found, False


def _n_splits(given: Given, forecaster: NetworkForecaster, data: Data, horizon: int, season: int) -> int:
    """How many splits the series has room for; one that was asked for and has not is refused."""

    def rows_left(n_splits: int) -> int:
        return data.n_known - n_splits * max(horizon, data.n_known // (n_splits + 1))

    least = max(forecaster.n_history_ + LEAST_ROWS, season)
    asked = given.splits
    if asked is not None:
        if asked and rows_left(asked) < least:
            raise DataError(
                f"--splits {asked} with --horizon {horizon} leaves {max(rows_left(asked), 0)} of {data.n_known} rows "
                f"to train on before the first test part, and {least} are needed. Take fewer splits, smaller lags, "
                f"a shorter --season or a shorter horizon."
            )
        return int(asked)
    return next((n_splits for n_splits in range(5, 0, -1) if rows_left(n_splits) >= least), 0)


# ---------------------------------------------------------------- results


def report_of(found: WalkForward, targets: Sequence[str]) -> dict[str, Any]:
    """Return the errors by horizon as plain values."""

    def by_target(errors: Mapping[str, Array]) -> dict[str, Any]:
        return {
            name: {target: values[:, column].tolist() for column, target in enumerate(targets)}
            for name, values in errors.items()
        }

    return {
        "steps": list(found.steps),
        "forecasts": len(found.origins),
        "trainings": found.n_fits,
        "rmse": by_target(found.rmse()),
        "mae": by_target(found.mae()),
    }


def conclude(
    given: Given,
    forecaster: NetworkForecaster,
    data: Data,
    predicted: Array,
    report: Mapping[str, Any] | None,
    network: Path,
    voice: Voice,
    is_interrupted: bool,
) -> None:
    """Show and write the forecast."""
    heading, labels = _labels(data, len(predicted))
    rows = [[str(label), *(short(value, 6) for value in row)] for label, row in zip(labels, predicted, strict=True)]
    voice.show(table("Forecast", [heading, *forecaster.target_names_], rows))
    voice.say()
    if given.output is not None:
        write_table(
            given.output,
            [heading, *forecaster.target_names_],
            [labels.tolist() if labels.dtype.kind == "U" else labels, *predicted.T],
            force=given.force,
            like=data.written,
        )
        voice.say(f"Forecast: {given.output}")
    if given.plot is not None:
        draw(given.plot, forecaster, data, predicted, labels, force=given.force)
        voice.say(f"Picture: {given.plot}")
    if given.json:
        hand_over(
            json.dumps(
                finite(
                    {
                        "network": str(network),
                        "output": None if given.output is None else str(given.output),
                        "targets": forecaster.target_names_,
                        "lags": list(forecaster.lags_.targets),
                        "exog": forecaster.exog_names_,
                        "lags_exog": list(forecaster.lags_.exog),
                        "rows": data.n_known,
                        "times": [str(label) for label in labels],
                        "forecast": {
                            name: predicted[:, column].tolist() for column, name in enumerate(forecaster.target_names_)
                        },
                        "errors": report,
                        "interrupted": is_interrupted,
                    }
                )
            )
        )


def draw(
    path: Path, forecaster: NetworkForecaster, data: Data, predicted: Array, labels: AnyArray, *, force: bool
) -> None:
    """Draw history and forecast of every target, one below the other."""
    from marquardt import plots
    from marquardt.files import replacing

    pyplot: Any = require_extra("matplotlib.pyplot", "plots")
    count = len(forecaster.target_names_)
    figure, axes = pyplot.subplots(count, 1, figsize=(8, 3.2 * count), squeeze=False, layout="constrained")
    n_shown = min(data.n_known, max(5 * len(predicted), 60))
    times: Any = np.arange(1, data.n_known + 1)
    if data.times is not None and data.times.timeline is not None:
        times = drawn(data.times.index[: data.n_known])
        labels = drawn(data.times.after(data.n_known, len(predicted)))
    for column, name in enumerate(forecaster.target_names_):
        ax = axes[column, 0]
        plots.forecast(
            data.targets.values[-n_shown:, column],
            predicted[:, column],
            times=times[-n_shown:],
            future_times=labels,
            ax=ax,
        )
        ax.set_ylabel(name)
    with replacing(path, force=force) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower())
    pyplot.close(figure)


def _labels(data: Data, horizon: int) -> tuple[str, AnyArray]:
    """What the forecast rows are called: their times, or their numbers."""
    if data.times is None or data.times.timeline is None:
        return "row", np.arange(data.n_known + 1, data.n_known + horizon + 1)
    # Future rows have times of their own, which go in the same steps.
    return data.times.name, data.times.written(data.times.after(data.n_known, horizon))


def content_of(
    given: Given, forecaster: NetworkForecaster, data: Data, report: dict[str, Any] | None, seconds: float
) -> NetworkFile:
    """Return what goes into the file: the estimator's content, and where it is from."""
    content = forecaster.content()
    about = {
        **content.about,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "marquardt": __version__,
        "source": given.data.name,
        "rows": data.n_known,
        "seed": given.seed,
        "seconds": seconds,
    }
    return replace(content, report=report, about=about)
