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
from marquardt.checks import one_of, shown, whole_of
from marquardt.cli.taking import Given
from marquardt.errors import ConfigurationError, FileError
from marquardt.files import refuse_existing
from marquardt.networks import ACTIVATIONS, TOPOLOGIES, LayerGraph, activation_named, build, read_topology
from marquardt.numerics import usable_cpus
from marquardt.options import DAMPING, FLAGS
from marquardt.spelling import spelled
from marquardt.streams import is_pattern
from marquardt.tables import MISSING_WORDS, Dialect
from marquardt.training import DIVISIONS, PRESETS, Division, Settings
from marquardt.wording import under_names

SUFFIX = ".marquardt"
WILDCARD = r"[*?\[]"
COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
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
    show: int | None = None
    pause: float = 0.0

    @property
    def seed(self) -> int:
        """Of the division and of the starts."""
        return self.settings.seed or 0


def job_of(given: Given) -> Job:
    """Check every option by the name it has on the command line, and the files it names."""
    given.check()
    division = _division(given)
    _, rule, settings = training_of(given)
    validation, test = _shares(given, division, rule)
    output = default_output(given.data) if given.output is None else given.output
    if given.takes("output"):
        _check_files(given, output)
    return Job(
        data=given.data,
        targets=tuple(given.target or ()),
        inputs=None if given.inputs is None else tuple(given.inputs),
        ignore=tuple(given.ignore or ()),
        task=given.task,
        missing=given.missing,
        keep_words=keep_words(given.keep_words),
        stream=given.stream,
        division=division,
        validation=validation,
        test=test,
        indices=given.indices,
        settings=settings,
        output=output,
        record=given.record,
        show=given.show,
        force=given.force,
        dialect=given.dialect(),
    )


def keep_words(given: Sequence[str] | None) -> tuple[str, ...]:
    """The words of an option that are no missing values: each is one, or several with commas between."""
    words = tuple(part.strip() for word in given or () for part in word.split(","))
    for word in words:
        if word not in MISSING_WORDS or (not word and "" not in (given or ())):
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


# ---------------------------------------------------------------- division


def _division(given: Given) -> str:
    kind = given.division
    if kind is None:
        kind = "random" if given.indices is None else "indices"
    division = one_of(kind, DIVISIONS, "--division")
    if division == "indices" and given.indices is None:
        raise ConfigurationError(
            "--division indices needs a file that says which row goes where. Name it by --indices."
        )
    if division != "indices" and given.indices is not None:
        raise ConfigurationError(f"--indices belongs to --division indices, got --division {division}.")
    for name in given.names(("validation", "test")):
        if division in ("indices", "none"):
            raise ConfigurationError(f"--{name} has no meaning for --division {division}. Leave it out.")
    return division


def _shares(given: Given, division: str, rule: StepRule) -> tuple[float, float]:
    """The fractions that end the training, none for an algorithm that needs none unless it is asked for, and test."""
    validation = given.validation
    if rule.refuses_validation and validation and given.max_fail != 0:
        raise ConfigurationError(
            f"--algorithm {given.algorithm} needs no --validation, which would end it before it has settled. Leave "
            f"it out, or let it only look on with --max-fail 0."
        )
    if validation is None:
        validation = 0.0 if rule.refuses_validation else Division.validation
    test = Division.test if given.test is None else given.test
    if validation + test >= 1:
        raise ConfigurationError(
            f"--validation {validation:g} and --test {test:g} leave no row to train on. Their sum must be below 1."
        )
    return validation, test


# ---------------------------------------------------------------- settings


def settings_values(given: Given) -> dict[str, Any]:
    """Return the settings that were given, read from their words, and before them those that a preset stands for."""
    own = given.settings()
    values: dict[str, Any] = {"algorithm": "auto"}
    if given.preset is not None:
        values |= PRESETS[one_of(given.preset, PRESETS, "--preset")]
        values["algorithm"] = _without(values["algorithm"], own)
    values |= own
    if given.activation is not None:
        check_activation(given.activation)
    if given.topology is not None:
        values["topology"] = topology_of(given.topology)
    if given.hidden is not None:
        values["hidden_layer_sizes"] = hidden_of(given.hidden)
    if given.alpha is not None:
        values["alpha"] = _alpha(given.alpha, values)
    if given.goal_metric is not None and not given.goal:
        raise ConfigurationError("--goal-metric says what a goal is given in. Give the goal, too: --goal X.")
    if given.command != "compare":
        values["jobs"] = _jobs(given)
    return values


def training_of(given: Given) -> tuple[dict[str, Any], StepRule, Settings]:
    """Return the settings that were given, by name; the rule; and all settings; checked one by one and together."""
    values = settings_values(given)
    rule = rule_of(values)
    settings = settings_of(values)
    if rule.weighs_decay and settings.alpha not in ("auto", 0.0):
        raise ConfigurationError(
            f"--algorithm {settings.algorithm} chooses the weight decay itself, got --alpha {given.alpha}. Leave it "
            f"out, or take --algorithm lm."
        )
    return values, rule, settings


def settings_of(values: dict[str, Any]) -> Settings:
    """Return the settings; what they refuse they call by its flag."""
    with under_names(FLAGS):
        return Settings.of(values)


def rule_of(values: dict[str, Any]) -> StepRule:
    """Return the rule, that of Levenberg–Marquardt for auto, with the damping that was given."""
    name = "levenberg_marquardt" if values["algorithm"] == "auto" else values["algorithm"]
    given = {setting: values[setting] for setting in DAMPING if setting in values}
    try:
        rule = algorithm_named(name)
        own = spelled(name, "The algorithm")[1]
        for setting in given:
            if setting not in rule.setting_names():
                raise ConfigurationError(
                    f"{FLAGS[setting]} is for Levenberg–Marquardt's damping, which it has not. Leave it out."
                )
            if setting in own:
                raise ConfigurationError(f"{setting} is given here and by {FLAGS[setting]}, too. Give one of them.")
    except ConfigurationError as error:
        raise ConfigurationError(f"--algorithm {shown(values['algorithm'])[1:-1]}: {error}") from None
    with under_names(FLAGS):
        return algorithm_named(name, **given) if given else rule


def _without(algorithm: str, given: Collection[str]) -> str:
    """An algorithm without those of its settings that are given by options of their own."""
    name, own = spelled(algorithm, "The algorithm")
    left = [f"{setting}={value!r}" for setting, value in own.items() if setting not in given]
    return f"{name}({', '.join(left)})" if left else name


def check_activation(text: str) -> None:
    """Refuse what hidden layers cannot be, with or without a gain."""
    elementwise = [name for name, activation in ACTIVATIONS.items() if activation.elementwise]
    one_of(text.partition("(")[0].strip(), elementwise, "--activation")
    try:
        activation_named(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"--activation {text}: {error}") from None


def topology_of(word: str) -> str | LayerGraph:
    """The topology of that name, or the one that a file in the text form describes."""
    if word not in TOPOLOGIES and (Path(word).suffix or os.path.isfile(word)):
        return read_topology(word).graph
    return one_of(word, TOPOLOGIES, "--topology")


def _jobs(given: Given) -> int:
    """Starts at a time: who says how many threads means all there are to be."""
    jobs = given.jobs
    if jobs is None:
        jobs = -1 if given.threads is None else 1
    if jobs == -1:
        return usable_cpus()
    if jobs < 1:
        raise ConfigurationError(f"--jobs must be a whole number from 1 up, or -1 for one a processor, got {jobs}.")
    return int(jobs)


def hidden_of(words: Sequence[str]) -> tuple[int, ...]:
    """Return the units of each hidden layer from words such as "20,10"."""
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


def _alpha(word: str, values: dict[str, Any]) -> Any:
    if word == "auto":
        return word
    decays = []
    for part in word.split(","):
        try:
            value = float(part)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise ConfigurationError(
                f"--alpha must be a number from 0 up, one a layer such as 0.1,0.01, or 'auto'; got {word!r}."
            )
        decays.append(value)
    if len(decays) == 1:
        return decays[0]
    graph = values.get("topology", Settings.topology)
    if isinstance(graph, str):
        graph = build(graph, 1, values.get("hidden_layer_sizes", Settings.hidden_layer_sizes), 1)
    if len(decays) != len(graph.layers):
        raise ConfigurationError(
            f"--alpha must be one number, or one for each of the {len(graph.layers)} layers (the output is one); got "
            f"{word!r}."
        )
    return tuple(decays)


# ---------------------------------------------------------------- files


def _check_files(given: Given, output: Path) -> None:
    written = {"--output": output}
    if given.record is not None:
        require_suffix(given.record, RECORD_SUFFIXES, "--record")
        written["--record"] = given.record
    for path in written.values():
        refuse_existing(path, force=given.force)
    read = {"DATA": given.data}
    if given.indices is not None:
        read["--indices"] = given.indices
    refuse_collisions(read, written)


def require_suffix(path: Path, suffixes: Sequence[str], flag: str) -> None:
    """Refuse a name of a file that says of no format that can be written."""
    if path.suffix.lower() not in suffixes:
        allowed = " or ".join(part for part in (", ".join(suffixes[:-1]), suffixes[-1]) if part)
        raise ConfigurationError(f"The name of {flag} must end in {allowed}, got {str(path)!r}.")


def refuse_collisions(read: dict[str, Path], written: dict[str, Path]) -> None:
    """Refuse to write over a file that is read, or twice to the same file."""
    taken = {os.path.realpath(path): name for name, path in read.items()}
    for name, path in written.items():
        other = taken.get(os.path.realpath(path))
        if other is not None:
            raise FileError(f"{name} would write over {other}, {path}. Name another file.")
        taken[os.path.realpath(path)] = name
