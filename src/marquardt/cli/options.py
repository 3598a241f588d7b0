"""From options to a job: everything that can be refused without reading the data is refused here."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marquardt.algorithms import StepRule, algorithm_named
from marquardt.checks import fraction, memory_size, non_negative, one_of, positive, shown, whole, whole_of
from marquardt.cli.choices import Choices
from marquardt.cli.reading import dialect_of
from marquardt.errors import ConfigurationError, FileError
from marquardt.files import refuse_existing
from marquardt.losses import LOSSES, ROBUST
from marquardt.networks import (
    ACTIVATIONS,
    INITIALIZATIONS,
    SCALINGS,
    TOPOLOGIES,
    LayerGraph,
    activation_named,
    build,
    read_topology,
)
from marquardt.numerics import usable_cpus
from marquardt.spelling import spelled
from marquardt.streams import is_pattern
from marquardt.tables import MISSING_WORDS, Dialect
from marquardt.training import DIVISIONS, GOAL_METRICS, PRESETS, Limits, Settings

SUFFIX = ".marquardt"
WILDCARD = r"[*?\[]"
COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
DAMPING = {"--mu": "mu_init", "--mu-inc": "mu_increase", "--mu-dec": "mu_decrease", "--mu-max": "mu_max"}
"""Options of the damping, and the settings they are."""
USUAL = {
    "activation": ("activation", "tanh"),
    "topology": ("topology", "feed_forward"),
    "init": ("initialization", "nguyen_widrow"),
    "scaling": ("input_scaling", "minmax"),
    "alpha": ("alpha", "0"),
    "algorithm": ("algorithm", "auto"),
}
"""Options that a preset may stand for: the settings they are, and what holds without either."""
RECORD_SUFFIXES = (".json", ".csv")


@dataclass(frozen=True)
class Job:
    """A training to be done, its options checked."""

    data: Path
    targets: tuple[str, ...]
    inputs: tuple[str, ...] | None
    ignore: tuple[str, ...]
    task: str
    missing: str
    keep_words: tuple[str, ...]
    stream: bool | None
    division: str
    validation: float
    test: float
    indices: Path | None
    settings: Settings
    output: Path
    record: Path | None
    force: bool
    dialect: Dialect
    pause: float = 0.0

    @property
    def seed(self) -> int:
        """Of the division and of the starts."""
        return self.settings.seed or 0


def job_of(choices: Choices) -> Job:
    """Check every option by the name it has on the command line, and the files it names."""
    one_of(choices.task, ("auto", "regression", "classification"), "--task")
    one_of(choices.missing, ("refuse", "drop", "mean", "median"), "--missing")
    division = _division(choices)
    settings = _settings(choices)
    output = default_output(choices.data) if choices.output is None else choices.output
    _check_files(choices, output)
    return Job(
        data=choices.data,
        targets=tuple(choices.target or ()),
        inputs=None if choices.inputs is None else tuple(choices.inputs),
        ignore=tuple(choices.ignore or ()),
        task=choices.task,
        missing=choices.missing,
        keep_words=keep_words(choices.keep_words),
        stream=choices.stream,
        division=division,
        validation=_validation(choices),
        test=0.15 if choices.test is None else fraction(choices.test, "--test"),
        indices=choices.indices,
        settings=settings,
        output=output,
        record=choices.record,
        force=choices.force,
        dialect=dialect_of(choices.reading),
    )


def keep_words(given: Sequence[str] | None) -> tuple[str, ...]:
    """The words of an option that are no missing values: each is one, or several with commas between."""
    words = tuple(part.strip() for word in given or () for part in word.split(","))
    for word in words:
        if word not in MISSING_WORDS or not word:
            raise ConfigurationError(
                f"--keep-words keeps what would be read as missing: {' '.join(MISSING_WORDS[1:])}; got {word!r}."
            )
    return words


def default_output(data: Path) -> Path:
    """Return the name of the data file with the suffix of network files, in the current folder.

    Of a pattern such as ``rows/part-*.parquet`` it is the beginning of the name, or else the folder's name.
    """
    stem = Path(data.stem) if data.suffix.lower() in COMPRESSED else data
    name = stem.stem
    if is_pattern(data):
        name = re.split(WILDCARD, name)[0].rstrip("-_. ")
    if not name:
        fixed = next(folder for folder in (data, *data.parents) if not re.search(WILDCARD, str(folder)))
        name = fixed.resolve().name or "network"
    return Path(name + SUFFIX)


def _division(choices: Choices) -> str:
    given = choices.division
    if given is None:
        given = "random" if choices.indices is None else "indices"
    division = one_of(given, DIVISIONS, "--division")
    if division == "indices" and choices.indices is None:
        raise ConfigurationError(
            "--division indices needs a file that says which row goes where. Name it by --indices."
        )
    if division != "indices" and choices.indices is not None:
        raise ConfigurationError(f"--indices belongs to --division indices, got --division {division}.")
    for name in ("validation", "test"):
        value = getattr(choices, name)
        if value is not None and division in ("indices", "none"):
            raise ConfigurationError(f"--{name} has no meaning for --division {division}. Leave it out.")
    validation = _validation(choices)
    test = 0.15 if choices.test is None else fraction(choices.test, "--test")
    if validation + test >= 1:
        raise ConfigurationError(
            f"--validation {validation:g} and --test {test:g} leave no row to train on. Their sum must be below 1."
        )
    return division


def _validation(choices: Choices) -> float:
    """The fraction that ends the training: none for an algorithm that needs none, unless it is asked for."""
    is_refused = _algorithm(choices).refuses_validation
    if choices.validation is None:
        return 0.0 if is_refused else 0.15
    if is_refused and choices.validation > 0 and choices.max_fail > 0:
        raise ConfigurationError(
            f"--algorithm {choices.algorithm} needs no --validation, which would end it before it has settled. Leave "
            f"it out, or let it only look on with --max-fail 0."
        )
    return fraction(choices.validation, "--validation")


def _algorithm(choices: Choices) -> StepRule:
    """The rule; that of Levenberg–Marquardt for auto."""
    name, given = _chosen(choices, "algorithm"), _rule(choices)
    try:
        rule = algorithm_named("levenberg_marquardt" if name == "auto" else name)
        own = spelled(name, "The algorithm")[1]
        for option, setting in DAMPING.items():
            if setting in given and setting not in rule.setting_names():
                raise ConfigurationError(
                    f"{option} is for Levenberg–Marquardt's damping, which it has not. Leave it out."
                )
            if setting in given and setting in own:
                raise ConfigurationError(f"{setting} is given here and by {option}, too. Give one of them.")
        return algorithm_named("levenberg_marquardt" if name == "auto" else name, **given)
    except ConfigurationError as error:
        raise ConfigurationError(f"--algorithm {shown(name)[1:-1]}: {error}") from None


def check_activation(text: str) -> None:
    """Refuse what hidden layers cannot be, with or without a gain."""
    elementwise = [name for name, activation in ACTIVATIONS.items() if activation.elementwise]
    one_of(text.partition("(")[0].strip(), elementwise, "--activation")
    try:
        activation_named(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"--activation {text}: {error}") from None


def _chosen(choices: Choices, option: str) -> str:
    """What was given; if nothing was, what the preset says, or what is usual."""
    given: str | None = getattr(choices, option)
    if given is not None:
        return given
    setting, usual = USUAL[option]
    settings = {} if choices.preset is None else PRESETS[one_of(choices.preset, PRESETS, "--preset")]
    found = str(settings.get(setting, usual))
    return _without(found, _rule(choices)) if option == "algorithm" else found


def _without(algorithm: str, given: Collection[str]) -> str:
    """An algorithm without those of its settings that are given by options of their own."""
    name, own = spelled(algorithm, "The algorithm")
    left = [f"{setting}={value!r}" for setting, value in own.items() if setting not in given]
    return f"{name}({', '.join(left)})" if left else name


def topology_of(word: str) -> str | LayerGraph:
    """The topology of that name, or the one that a file in the text form describes."""
    if word not in TOPOLOGIES and (Path(word).suffix or os.path.isfile(word)):
        return read_topology(word).graph
    return one_of(word, TOPOLOGIES, "--topology")


def _settings(choices: Choices) -> Settings:
    """Check what `Settings` checks once more, so that messages name the options."""
    check_activation(_chosen(choices, "activation"))
    topology = topology_of(_chosen(choices, "topology"))
    one_of(_chosen(choices, "init"), INITIALIZATIONS, "--init")
    one_of(_chosen(choices, "scaling"), SCALINGS, "--scaling")
    one_of(choices.target_scaling, ("auto", *SCALINGS), "--target-scaling")
    one_of(choices.loss, ("auto", "cross_entropy", *LOSSES), "--loss")
    whole(choices.seed, "--seed")
    whole(choices.restarts, "--restarts", minimum=1)
    whole(choices.epochs, "--epochs")
    whole(choices.max_fail, "--max-fail")
    non_negative(choices.goal, "--goal")
    non_negative(choices.min_grad, "--min-grad")
    if choices.time is not None:
        non_negative(choices.time, "--time")
    if choices.threads is not None:
        whole(choices.threads, "--threads", minimum=1)
    if choices.memory is not None:
        memory_size(choices.memory, "--memory")
    jobs = _jobs(choices)
    if choices.loss_scale is not None:
        positive(choices.loss_scale, "--loss-scale")
        if choices.loss not in ROBUST:
            raise ConfigurationError("--loss-scale belongs to --loss huber, cauchy and soft_l1. Name one of them.")
    if choices.goal_metric is not None:
        one_of(choices.goal_metric, GOAL_METRICS, "--goal-metric")
        if choices.goal == 0:
            raise ConfigurationError("--goal-metric says what a goal is given in. Give the goal, too: --goal X.")
    hidden = _hidden(choices.hidden)
    graph = build(topology, 1, hidden, 1) if isinstance(topology, str) else topology
    alpha = _chosen(choices, "alpha")
    decay = _alpha(alpha, len(graph.layers))
    if _algorithm(choices).weighs_decay and decay not in ("auto", 0.0):
        raise ConfigurationError(
            f"--algorithm {choices.algorithm} chooses the weight decay itself, got --alpha {alpha}. Leave it out, or "
            f"take --algorithm lm."
        )
    limits = Limits(
        max_epochs=choices.epochs,
        max_seconds=math.inf if choices.time is None else choices.time,
        goal=choices.goal,
        goal_metric=choices.goal_metric or "mse",
        min_gradient=choices.min_grad,
        max_fail=choices.max_fail,
    )
    return Settings(
        hidden_layer_sizes=hidden,
        activation=_chosen(choices, "activation"),
        topology=topology,
        loss=choices.loss,
        loss_scale=choices.loss_scale,
        alpha=decay,
        initialization=_chosen(choices, "init"),
        input_scaling=_chosen(choices, "scaling"),
        target_scaling=choices.target_scaling,
        algorithm=_chosen(choices, "algorithm"),
        rule=_rule(choices),
        limits=limits,
        restarts=choices.restarts,
        seed=choices.seed,
        threads=choices.threads,
        max_memory=choices.memory,
        jobs=jobs,
    )


def _jobs(choices: Choices) -> int:
    """Starts at a time: who says how many threads means all there are to be."""
    jobs = choices.jobs
    if jobs is None:
        jobs = -1 if choices.threads is None else 1
    if jobs == -1:
        return usable_cpus()
    if jobs < 1:
        raise ConfigurationError(f"--jobs must be a whole number from 1 up, or -1 for one a processor, got {jobs}.")
    return jobs


def _rule(choices: Choices) -> dict[str, float]:
    values = (choices.mu, choices.mu_inc, choices.mu_dec, choices.mu_max)
    given: dict[str, float] = {
        setting: positive(value, option)
        for (option, setting), value in zip(DAMPING.items(), values, strict=True)
        if value is not None
    }
    if choices.mu_inc is not None and not 1 < choices.mu_inc < math.inf:
        raise ConfigurationError(f"--mu-inc must be above 1, got {choices.mu_inc:g}. The usual value is 10.")
    if choices.mu_dec is not None and not choices.mu_dec < 1:
        raise ConfigurationError(f"--mu-dec must be below 1, got {choices.mu_dec:g}. The usual value is 0.1.")
    if not given.get("mu_init", 1e-3) <= given.get("mu_max", 1e10) < math.inf:
        raise ConfigurationError(
            f"--mu-max must be finite and not below --mu, got {given.get('mu_max', 1e10):g} and "
            f"{given.get('mu_init', 1e-3):g}."
        )
    return given


def _hidden(words: list[str] | None) -> tuple[int, ...]:
    if words is None:
        return (10,)
    parts = [part.strip() for word in words for part in word.split(",")]
    if parts in (["none"], ["0"]):
        return ()
    return tuple(_unit_count(part) for part in parts)


def _unit_count(word: str) -> int:
    count = whole_of(word)
    if not count:
        raise ConfigurationError(
            f"--hidden must be whole numbers from 1 up such as 20,10 (or 'none' for a linear network), "
            f"got {shown(word)}."
        )
    return count


def _alpha(word: str, n_layers: int) -> Any:
    if word == "auto":
        return word
    values = []
    for part in word.split(","):
        try:
            value = float(part)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise ConfigurationError(
                f"--alpha must be a number from 0 up, one a layer such as 0.1,0.01, or 'auto'; got {word!r}."
            )
        values.append(value)
    if len(values) not in (1, n_layers):
        raise ConfigurationError(
            f"--alpha must be one number, or one for each of the {n_layers} layers (the output is one); got {word!r}."
        )
    return values[0] if len(values) == 1 else tuple(values)


def _check_files(choices: Choices, output: Path) -> None:
    refuse_existing(output, force=choices.force)
    written = {"--output": output}
    if choices.record is not None:
        if choices.record.suffix.lower() not in RECORD_SUFFIXES:
            raise ConfigurationError(
                f"The name of --record must end in {' or '.join(RECORD_SUFFIXES)}, got {str(choices.record)!r}."
            )
        refuse_existing(choices.record, force=choices.force)
        written["--record"] = choices.record
    read = {"DATA": choices.data}
    if choices.indices is not None:
        read["--indices"] = choices.indices
    refuse_collisions(read, written)


def refuse_collisions(read: dict[str, Path], written: dict[str, Path]) -> None:
    """Refuse to write over a file that is read, or twice to the same file."""
    taken = {os.path.realpath(path): name for name, path in read.items()}
    for name, path in written.items():
        other = taken.get(os.path.realpath(path))
        if other is not None:
            raise FileError(f"{name} would write over {other}, {path}. Name another file.")
        taken[os.path.realpath(path)] = name
