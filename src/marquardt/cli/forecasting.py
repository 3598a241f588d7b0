"""`marquardt forecast`: what it does."""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from marquardt.checks import require_extra, shown, whole_of
from marquardt.cli.console import Console, clean, hand_over, warn
from marquardt.cli.forecasts import conclude, content_of
from marquardt.cli.horizons import report_of, sentence_of, show_report
from marquardt.cli.interrupts import Interrupts
from marquardt.cli.job import (
    RECORD_SUFFIXES,
    default_output,
    refuse_collisions,
    require_suffix,
    training_of,
)
from marquardt.cli.running import interrupts_of, pull
from marquardt.cli.series_tables import Data, checked_horizon, data_of, refuse_unreachable
from marquardt.cli.tables import attempts_table
from marquardt.cli.taking import Given
from marquardt.cli.training import _split_names, save_both
from marquardt.errors import ConfigurationError, DataError
from marquardt.estimators import NetworkForecaster, walk_forward
from marquardt.estimators.lagging import Lags
from marquardt.files import refuse_existing
from marquardt.options import OPTIONS, PARAMETERS, READING
from marquardt.tables import check_table_suffix, read_table
from marquardt.tables.checking import named_columns
from marquardt.tables.columns import listed
from marquardt.training import Fitting

DONE = 0
MOST_LAGS = 100_000
"""Of one range: more is a slip, and would fill the memory before the table is read."""
LEAST_ROWS = 10
"""Rows with all their lags that the first split of an evaluation trains on, at least."""
SERIES_LOSSES = ("squares", "huber", "soft_l1", "cauchy")
BESIDE_MODEL = ("data", *READING, "date", "dayfirst", "horizon", "model", "output", "plot", "force", "quiet", "json")
"""Options that have a meaning beside --model: all others are about a training."""
PICTURES = (".png", ".svg", ".pdf")


def run(given: Given) -> int:
    """Read, train or load, evaluate, forecast, write; returns the exit code."""
    _check_files(given)
    given.check()
    return train(given, given.console()) if given.model is None else go_on(given, given.console())


@dataclass(frozen=True, eq=False)
class Job:
    """A training, what it is of, and where it is saved."""

    given: Given
    data: Data
    horizon: int
    season: int | None
    n_splits: int
    fitting: Fitting
    console: Console
    interrupts: Interrupts
    began: float = field(default_factory=time.perf_counter)

    @property
    def path(self) -> Path:
        """The forecaster's file."""
        return self.given.network if self.given.network is not None else default_output(self.given.data)

    def save(self, forecaster: NetworkForecaster, report: dict[str, Any] | None = None, *, again: bool = False) -> None:
        """Write forecaster and record, or with a report the forecaster once more."""
        content = content_of(self.given, forecaster, self.data, report, time.perf_counter() - self.began)
        is_again = again or self.interrupts.has_rescued
        record = None if again else self.given.record
        save_both(self.path, content, record, force=self.given.force or is_again)


def train(given: Given, console: Console) -> int:
    """Train a forecaster, evaluate it and forecast."""
    began = time.perf_counter()
    forecaster = forecaster_of(given)
    data = data_to_train_on(given)
    refuse_unreachable(given, forecaster, data)
    lags = Lags(forecaster.lags, forecaster.exog_lags if data.exog is not None else (), forecaster.difference)
    horizon = checked_horizon(given, data, lags, lags.n_history)
    with warnings.catch_warnings(), interrupts_of(console) as (interrupts, asked):
        warnings.simplefilter("ignore")  # what they say is said here in the program's own way
        fitting = forecaster.begin(data.targets, data.known_exog)
        season = data.times.season if given.season is None and data.times is not None else given.season
        n_splits = _n_splits(given, forecaster, data, horizon, season or 1)
        introduce(given, forecaster, data, fitting.network, console)
        job = Job(given, data, horizon, season, n_splits, fitting, console, interrupts, began)

        def rescue() -> bool:
            if not fitting.record.num_epochs:
                return False
            job.save(forecaster.snapshot(fitting))
            return True

        interrupts.rescue = rescue
        is_interrupted = pull(fitting, console, interrupts, asked, show=given.show)
        if fitting.record.num_epochs == 0 and is_interrupted:
            console.say("Interrupted before the first epoch. Nothing is saved.", style="yellow")
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
        tell(given, forecaster, is_interrupted, console)
        predicted = forecaster.predict(horizon, data.future_exog)
        # The evaluation takes trainings of its own, which the forecaster does not wait for.
        with interrupts.saving():
            job.save(forecaster)
        report = None
        if not is_interrupted:
            report, is_interrupted = evaluated(job, forecaster)
        values = np.asarray(predicted).reshape(horizon, -1)
        conclude(given, forecaster, data, values, report, job.path, console, is_interrupted)
        console.say(f"Forecaster: {job.path}", style="bold")
        return interrupts.code if interrupts.is_asked else DONE


def data_to_train_on(given: Given) -> Data:
    """Return the series of the columns that are named."""
    read = read_table(given.data, numbers=None, dialect=given.dialect())
    names: list[str] = read.column_names
    if not given.target:
        raise DataError(f"Which column is to be forecast? Name it with --target. {given.data} has {listed(names)}.")
    targets = named_columns(_split_names(given.target, names), names, "target")
    exog = named_columns(_split_names(given.exog or (), names), names, "exogenous")
    if given.lags_exog is not None and not exog:
        raise ConfigurationError("--lags-exog says at which lags exogenous columns are inputs. Name them by --exog.")
    both = [name for name in exog if name in targets]
    if both:
        raise DataError(f"Column {both[0]!r} is both a target and exogenous: its past is an input anyway (--lags).")
    return data_of(given, read, targets, exog)


def tell(given: Given, forecaster: NetworkForecaster, is_interrupted: bool, console: Console) -> None:
    """Say what came of the training."""
    record, closed = forecaster.record_, forecaster.closed_loop_record_
    console.say()
    if forecaster.n_restarts > 1:
        console.show(attempts_table([asdict(each) for each in forecaster.attempts_], forecaster.kept_))
        console.say()
        console.say(str(forecaster.spread_))
    if is_interrupted:
        console.say("Interrupted: the best network so far is kept and saved.", style="yellow")
    elif record.stop is not None:
        console.say(record.stop.sentence)
    console.say(f"Kept: the weights of epoch {record.best_epoch} of {record.num_epochs}.")
    if record.has_learned_nothing and record.stop is not None:
        # Even where people asked for quiet, as `train` does.
        warn(clean(f"Warning: nothing was learned, the starting weights are saved. {record.stop.sentence}"))
    if closed is not None:
        console.say(
            f"In closed loop, {closed.metric} fell from {closed.perf[0]:.4g} to {closed.best_perf:.4g} "
            f"in {closed.num_epochs} epochs."
        )
    elif given.closed_loop and not is_interrupted:
        console.say("The network grows without bound in closed loop, and was not trained there.", style="yellow")
    console.say()


def go_on(given: Given, console: Console) -> int:
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
    horizon = checked_horizon(given, data, lags, data.n_known)
    predicted = forecaster.predict(horizon, data.exog, y=data.targets)
    console.say(f"{given.data}: {data.n_known} rows of {' and '.join(map(repr, targets))}. {inputs_of(forecaster)}")
    for note in data.notes:
        console.say(f"Note: {note}")
    console.say()
    values = np.asarray(predicted).reshape(horizon, -1)
    conclude(given, forecaster, data, values, None, given.model, console, False)
    if given.output is None and not given.json:
        console.require_heard()
    return DONE


# ---------------------------------------------------------------- options


def forecaster_of(given: Given) -> NetworkForecaster:
    """Return the estimator that the options describe; each is checked by its own name."""
    values, rule, settings = training_of(given)
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


# ---------------------------------------------------------------- training and evaluation


def introduce(given: Given, forecaster: NetworkForecaster, data: Data, network: Any, console: Console) -> None:
    """Say what is going to be done."""
    times = ""
    if data.times is not None:
        first, last = data.times.written(data.times.index[[0, data.n_known - 1]])
        times = f", {first} to {last}"
    future = f" and {data.n_future} of the future" if data.n_future else ""
    console.say(f"{given.data}: {data.n_known} known rows{future}{times}. {inputs_of(forecaster)}")
    for note in data.notes:
        console.say(f"Note: {note}")
    if data.unused:
        console.say(f"Note: Not used: {listed(data.unused)}. Columns that drive the target are named by --exog.")
    n_rows = data.n_known - forecaster.n_history_
    topology = forecaster.topology if isinstance(forecaster.topology, str) else "a topology of its own"
    console.say(
        f"Network {network.graph.describe()}: {network.n_weights} weights on {n_rows} rows, {topology}, "
        f"seed {given.seed}."
    )
    console.say()


def inputs_of(forecaster: NetworkForecaster) -> str:
    """Say what is forecast from what."""
    lags = forecaster.lags_
    names = forecaster.target_names_, forecaster.exog_names_
    return sentence_of(*names, lags.targets, lags.exog, lags.differences)


def evaluated(job: Job, forecaster: NetworkForecaster) -> tuple[dict[str, Any] | None, bool]:
    """Forecast the known past from what came before; returns the saved report, and whether it was interrupted."""
    console, data = job.console, job.data
    if not job.n_splits:
        if job.given.splits != 0:
            console.say("Note: The series is too short to evaluate such forecasts on its own past.")
            console.say()
        return None, False

    def step(number: int) -> None:
        console.say(f"Evaluation: training {number + 1} of {job.n_splits}, on an earlier part.")

    known, how = (data.targets, data.known_exog), {"horizon": job.horizon, "cv": job.n_splits, "season": job.season}
    try:
        with job.interrupts.breaking():
            found = walk_forward(forecaster, *known, **how, progress=step)
    except KeyboardInterrupt:
        console.say("Interrupted: the evaluation is left out.", style="yellow")
        return None, True
    console.say()
    report = report_of(found, forecaster.target_names_)
    job.save(forecaster, report, again=True)
    show_report(report, console)
    return report, False


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
