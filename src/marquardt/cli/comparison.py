"""`marquardt compare`: what it does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from marquardt.algorithms import ALGORITHMS, StepRule
from marquardt.checks import require_extra
from marquardt.cli.console import Console, hand_over
from marquardt.cli.interrupts import Interrupts
from marquardt.cli.job import keep_words, refuse_collisions, require_suffix, settings_of, settings_values
from marquardt.cli.plain import finite
from marquardt.cli.progress import short
from marquardt.cli.running import interrupts_of
from marquardt.cli.tables import table
from marquardt.cli.taking import Given
from marquardt.cli.training import _split_names
from marquardt.comparison import Comparison, Run, Summary, contenders
from marquardt.comparison.comparing import Comparing
from marquardt.comparison.running import training_from
from marquardt.errors import ConfigurationError, DataError, FileError
from marquardt.files import refuse_existing, replacing
from marquardt.options import OPTIONS, READING
from marquardt.problems import PROBLEMS, Problem, problem_named
from marquardt.tables import WORKBOOKS, TableCoding, read_table
from marquardt.training import Fitting, Limits

if TYPE_CHECKING:
    from rich.live import Live

DONE = 0
OF_TABLES = (
    "target",
    "inputs",
    "ignore",
    "task",
    "missing",
    "keep_words",
    *READING,
    "hidden",
    "activation",
    "topology",
    "init",
)
OF_NETWORK = ("hidden_layer_sizes", "activation", "topology", "initialization", "seed")
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".arrow", ".feather", ".ipc", ".gz", ".bz2", ".zst", ".lz4")
PICTURES: dict[str, tuple[str, dict[str, str]]] = {
    "losses-by-epochs.png": ("comparison_losses", {"against": "epochs"}),
    "losses-by-seconds.png": ("comparison_losses", {"against": "seconds"}),
    "success-rates.png": ("success_rates", {}),
    "speed-against-memory.png": ("speed_against_memory", {}),
}


def run(given: Given) -> int:
    """Compare, show, write; returns the exit code."""
    console = given.console()
    if given.list:
        show_list(console, as_json=given.json)
        return DONE
    _check(given)
    rules = _rules(given)
    problem, notes = problem_of(given)
    if not rules:
        rules = _able(problem, given, notes)
    introduce(problem, rules, given, console)
    for note in notes:
        console.say(f"Note: {note}")
    console.say()
    comparing = Comparing(
        problem,
        rules,
        given.starts,
        seed=given.seed,
        goal=given.goal,
        goal_metric=_metric(given, problem),
        max_epochs=given.epochs,
        max_seconds=given.time,
        min_gradient=given.min_grad,
        n_jobs=given.jobs,
        resume=given.resume,
    )
    with interrupts_of(console) as (interrupts, _):
        interrupts.rescue = rescue_of(comparing, given, console, interrupts)
        with Runs(console, list(rules), given.starts) as progress, interrupts.breaking():
            comparing.run(progress.take)
        found = comparing.found
        with interrupts.saving():
            if given.output is not None:
                write(found, given.output, force=given.force or interrupts.has_rescued)
        conclude(found, given, console)
        hand_out(found, given, console)
        return interrupts.code if interrupts.is_asked or not found.is_complete else DONE


def rescue_of(comparing: Comparing, given: Given, console: Console, interrupts: Interrupts) -> Callable[[], bool]:
    """Return what writes the runs that are finished, while others go on, and says whether there is such a file."""

    def rescue() -> bool:
        found = comparing.found
        if given.output is not None and found.runs:
            write(found, given.output, force=given.force or interrupts.has_rescued)
            return True
        if found.runs and not interrupts.is_ending:
            conclude(found, given, console)  # a second Ctrl-C: there is no other place for them
        return False

    return rescue


def hand_out(found: Comparison, given: Given, console: Console) -> None:
    """Say where the runs are, draw the pictures and print the summary for programs, as far as they are asked for."""
    if given.output is not None:
        console.say(f"Every run: {given.output}")
    if given.plots is not None and found.runs:
        for path in draw(found, given.plots, force=given.force):
            console.say(f"Picture: {path}")
    if given.json:
        hand_over(json.dumps(summary(found, given)))
    elif given.output is None and given.resume is None:
        console.require_heard()


def write(found: Comparison, path: Path, *, force: bool) -> None:
    """Write every run's numbers."""
    with replacing(path, force=force) as temporary:
        temporary.write_text(found.to_json(indent=1) + "\n", encoding="utf-8")


def show_list(console: Console, *, as_json: bool = False) -> None:
    """Say which problems and algorithms there are."""
    problems = {name: _first_line(build) for name, build in PROBLEMS.items()}
    problems["parity-N"] = (
        "Parity of N bits: all 2^N patterns, network N-H-1 with tanh, goal SSE 0.01; parity-5:4 has H = 4."
    )
    problems["parity-N-bridged"] = "The same where the output sees the inputs, too."
    problems["parity-N-cascade"] = "The same with H single units, each with the inputs and all units before it."
    algorithms = {kind.name: _first_line(kind) for kind in ALGORITHMS.values()}
    also: dict[str, list[str]] = {name: [] for name in algorithms}
    for name, kind in ALGORITHMS.items():
        if name != kind.name:
            also[kind.name].append(name)
    if as_json:
        hand_over(json.dumps({"problems": problems, "algorithms": algorithms, "other_names": also}))
    console.show(table("Problems", ["name", ""], [[*each] for each in problems.items()], n_left=2))
    console.say()
    rows = [[name, ", ".join(also[name]), line] for name, line in algorithms.items()]
    console.show(table("Algorithms", ["name", "also", ""], rows, n_left=3))
    if not as_json:
        console.require_heard()


def problem_of(given: Given) -> tuple[Problem, list[str]]:
    """Return the problem that is named, or make one from a table, and what there is to say about that."""
    name = str(given.problem)
    if not _is_table(name):
        for option in given.names(OF_TABLES):
            if Path(name).is_dir():
                raise ConfigurationError(f"{name} is a folder. Name its files by a pattern: '{name}/*.parquet'.")
            flag = OPTIONS[option].flag
            raise ConfigurationError(f"{flag} belongs to a table, and {name!r} is the name of a problem.")
        return problem_named(name), []
    if given.goal is None:
        raise ConfigurationError("A table has no goal of its own. Say by --goal which error a run has to reach.")
    data = Path(name)
    kept = keep_words(given.keep_words)
    labels, numbers = (given.target, ()) if given.task == "classification" else ((), given.target)
    read = read_table(data, keep_words=kept, labels=labels or (), numbers=numbers or (), dialect=given.dialect())
    names: list[str] = read.column_names
    if not given.target:
        raise DataError(f"Which column is to be predicted? Name it with --target. {name} has {', '.join(names[:12])}.")
    coding = TableCoding.fit(
        read,
        targets=tuple(given.target),
        inputs=None if given.inputs is None else _split_names(given.inputs, names),
        drop=_split_names(given.ignore or (), names),
        task=given.task,
        missing=given.missing,
        keep_words=kept,
    )
    coded = coding.code(read)
    settings = settings_of({name: value for name, value in settings_values(given).items() if name in OF_NETWORK})
    n_classes = len(coding.classes)
    fitting = Fitting(coded.inputs, coded.targets, settings, coding.task, n_classes=n_classes)
    is_regression = coding.task == "regression"
    targets = np.asarray(coded.targets, dtype=np.float64)
    if not is_regression:
        # A column a class; of two classes the second says it all.
        targets = np.eye(n_classes)[coded.targets.astype(int)][:, 1 if n_classes == 2 else 0 :]
    problem = Problem(
        data.name,
        fitting.network.graph,
        coded.inputs,
        targets,
        goal=given.goal,
        goal_metric=given.goal_metric or ("mse" if is_regression else "loss"),
        loss=fitting.loss,
        initialization=settings.initialization,
        input_scaling=settings.input_scaling,
        target_scaling=settings.scaling_of_targets() if is_regression else "none",
        source=f"The table {name}.",
    )
    return problem, list(coding.notes)


def introduce(problem: Problem, rules: dict[str, StepRule], given: Given, console: Console) -> None:
    """Say what is going to be done."""
    goal = problem.goal if given.goal is None else given.goal
    metric = _metric(given, problem) or problem.goal_metric
    console.say(
        f"{problem.name}: network {problem.graph.describe()}, {problem.graph.n_weights} weights, {problem.n_samples} "
        f"samples, goal {metric} {short(goal)}."
    )
    if problem.source:
        console.say(problem.source)
    of = f"{len(rules)} algorithms" if len(rules) > 1 else "One algorithm"
    console.say(f"{of} from {_count(given.starts, 'start')}, {problem.initialization}, seed {given.seed}.")


class Runs:
    """Shows how many runs are finished: drawn over itself on a terminal, every tenth of them elsewhere."""

    def __init__(self, console: Console, labels: list[str], n_starts: int) -> None:
        self._console = console
        self._live: Live | None = None
        self._counts = {label: [0, 0] for label in labels}
        self._n_all = len(labels) * n_starts
        self._n_done = 0

    def __enter__(self) -> Self:
        if self._console.is_live:
            from rich.live import Live

            self._live = Live(console=self._console.rich, get_renderable=self._text, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()

    def take(self, run: Run, n_done: int, n_all: int) -> None:
        """Count a finished run."""
        self._n_done = n_done
        self._counts[run.algorithm][0] += run.succeeded
        self._counts[run.algorithm][1] += 1
        if self._live is None and (n_done * 10 // n_all > (n_done - 1) * 10 // n_all):
            self._console.say(f"{n_done} of {n_all} runs")

    def _text(self) -> Any:
        from rich.text import Text

        counts = ", ".join(f"{label} {good}/{tried}" for label, (good, tried) in self._counts.items())
        return Text(f"{self._n_done} of {self._n_all} runs; goal met by {counts}")


def conclude(found: Comparison, given: Given, console: Console) -> None:
    """Show one line an algorithm, and say what it comes to."""
    summaries = found.summaries()
    console.say()
    headings = ["algorithm", "success", "epochs", "time", "median", "evaluations", "memory"]
    title = f"Runs that met the goal, {found.metric} {short(found.goal)}: mean ± standard deviation"
    console.show(table(title, headings, [_cells(each) for each in summaries]))
    console.say()
    if not found.is_complete:
        n_all = len(found.algorithms) * found.n_starts
        again = "" if given.resume is None else " The same command goes on from there."
        console.say(f"Interrupted: {len(found.runs)} of {n_all} runs are finished.{again}", style="yellow")
    for sentence in verdict(found):
        console.say(sentence)
    if given.jobs != 1:
        console.say("The runs shared the processor: compare the times with care, or take --jobs 1.")


def verdict(found: Comparison) -> list[str]:
    """Return who is fastest, and how the failures ended."""
    sentences = []
    good = sorted((each for each in found.summaries() if each.n_succeeded), key=lambda each: each.seconds_mean)
    if len(good) > 1:
        first, second = good[:2]
        ratio = second.seconds_mean / first.seconds_mean if first.seconds_mean > 0 else float("inf")
        sentences.append(
            f"Where it meets the goal {first.algorithm} is the fastest, {_time(first.seconds_mean)} in the mean; "
            f"{second.algorithm} takes {short(ratio, 3)} times as long."
        )
        safest = max(good, key=lambda each: each.success_rate)
        if safest.success_rate > first.success_rate:
            sentences.append(f"{safest.algorithm} meets it most often, from {safest.success_rate:.0%} of the starts.")
    elif not good and found.runs:
        sentences.append("No run met the goal.")
    for label in found.algorithms:
        stops = Counter(run.stop for run in found.runs_of(label) if not run.succeeded)
        if stops:
            how = ", ".join(f"{stop} {count}" for stop, count in stops.most_common())
            sentences.append(f"How the other runs of {label} ended: {how}.")
    return sentences


def draw(found: Comparison, folder: Path, *, force: bool = False) -> list[Path]:
    """Write the pictures and return where they are."""
    # Files are all that is wanted, with or without a screen.
    require_extra("matplotlib", "plots").use("Agg")
    from matplotlib import pyplot

    from marquardt import plots

    written = []
    folder.mkdir(exist_ok=True)
    for name, (function, options) in PICTURES.items():
        drawn = getattr(plots, function)(found, **options)
        figure = (drawn[0] if isinstance(drawn, tuple) else drawn).figure
        with replacing(folder / name, force=force) as temporary:
            figure.savefig(temporary, dpi=150)
        pyplot.close(figure)
        written.append(folder / name)
    return written


def summary(found: Comparison, given: Given) -> dict[str, Any]:
    """Return what `--json` prints; NaN, which JSON has not, is null."""
    made: dict[str, Any] = finite(
        {
            "problem": found.problem,
            "metric": found.metric,
            "goal": found.goal,
            "seed": found.seed,
            "starts": found.n_starts,
            "complete": found.is_complete,
            "algorithms": [asdict(each) for each in found.summaries()],
            "settings": found.settings,
            "output": None if given.output is None else str(given.output),
        }
    )
    return made


def _check(given: Given) -> None:
    """Refuse, by the option's name, what can be refused before anything is read."""
    if given.problem is None:
        raise ConfigurationError("Which problem? Name one, or a table; --list lists the problems.")
    given.check()
    settings_of(settings_values(given))
    written = {}
    if given.output is not None:
        require_suffix(given.output, (".json",), "--output")
        refuse_existing(given.output, force=given.force)
        written["--output"] = given.output
    if given.resume is not None:
        refuse_existing(given.resume, force=True)
        written["--resume"] = given.resume
    if given.plots is not None:
        _check_folder(given.plots, given.force)
    refuse_collisions({"PROBLEM": Path(given.problem)} if _is_table(given.problem) else {}, written)


def _check_folder(folder: Path, force: bool) -> None:
    require_extra("matplotlib", "plots")
    if folder.exists() and not folder.is_dir():
        raise FileError(f"--plots names a folder, and {folder} is a file.")
    for path in [folder / name for name in PICTURES] if folder.is_dir() else [folder]:
        refuse_existing(path, force=force)


def _rules(given: Given) -> dict[str, StepRule]:
    """What is named; nothing where nothing is."""
    if given.algorithms is None:
        return {}
    try:
        return contenders(",".join(given.algorithms))
    except ConfigurationError as error:
        raise ConfigurationError(f"--algorithms: {error}") from error


def _able(problem: Problem, given: Given, notes: list[str]) -> dict[str, StepRule]:
    """Return every algorithm that can train the problem, and note which cannot."""
    rules = contenders(list(dict.fromkeys(kind.name for kind in ALGORITHMS.values())))
    for label, rule in list(rules.items()):
        try:
            training_from(problem, rule, 0, given.seed, Limits(max_fail=0))
        except ConfigurationError as error:
            del rules[label]
            notes.append(f"{label} is left out: {error}")
    return rules


def _metric(given: Given, problem: Problem) -> str | None:
    """A goal without a metric is a mean squared error, except of a table of classes, which has none."""
    if given.goal is None:
        return None
    return given.goal_metric or (problem.goal_metric if _is_table(str(given.problem)) else "mse")


def _is_table(name: str) -> bool:
    return Path(name).suffix.lower() in (*SUFFIXES, *WORKBOOKS)


def _cells(of: Summary) -> list[str]:
    evaluations = ", ".join(f"{short(count, 3)} {name}" for name, count in of.evaluations.items() if count)
    return [
        of.algorithm,
        f"{of.n_succeeded} of {of.n_runs}",
        f"{short(of.epochs_mean)} ± {short(of.epochs_sd, 3)}" if of.n_succeeded else "-",
        _time(of.seconds_mean, of.seconds_sd) if of.n_succeeded else "-",
        _time(of.seconds_median) if of.n_succeeded else "-",
        evaluations or "-",
        _size(of.memory) if of.memory else "-",
    ]


def _time(seconds: float, deviation: float | None = None) -> str:
    """Both in the unit that suits the first."""
    factor, unit = (1e3, "ms") if seconds < 1 else (1.0, "s")
    told = short(factor * seconds, 3)
    return f"{told} {unit}" if deviation is None else f"{told} ± {short(factor * deviation, 2)} {unit}"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e3:.0f} kB" if n_bytes < 1e6 else f"{short(n_bytes / 1e6, 3)} MB"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _first_line(thing: Any) -> str:
    return str(thing.__doc__).strip().split("\n", 1)[0]
