"""Compare algorithms: every one from the same starts, until a goal is met."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from marquardt.algorithms import StepRule
from marquardt.checks import whole
from marquardt.comparison.contenders import contenders
from marquardt.comparison.journal import Journal
from marquardt.comparison.results import Comparison, Run
from marquardt.comparison.running import memory_of, run_from, training_from
from marquardt.errors import ConfigurationError, MarquardtError
from marquardt.networks import ACTIVATIONS, Activation, name_and_gain
from marquardt.problems import Problem, problem_named
from marquardt.training import Limits

__all__ = ["Comparing", "compare"]

Progress = Callable[[Run, int, int], object]
Task = tuple[str, StepRule, int]


def compare(
    problem: str | Problem,
    algorithms: Any,
    n_starts: int = 100,
    *,
    seed: int = 0,
    goal: float | None = None,
    goal_metric: str | None = None,
    max_epochs: int | None = None,
    max_seconds: float | None = None,
    min_gradient: float = 0.0,
    n_jobs: int = 1,
    progress: Progress | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Train with several algorithms from the same starts, and count who meets the goal.

    The starts depend on the problem and `seed` alone, so the losses of a run are the same whatever the other
    algorithms, their order and `n_jobs`. Seconds are wall-clock time; runs side by side share the processor, so
    compare times that were measured with ``n_jobs=1``.

    An interrupt (Ctrl-C) ends the comparison early: what is finished is returned, and `Comparison.is_complete` is
    false.

    Parameters
    ----------
    problem : str or Problem
        A name for `problem_named`, or a problem of your own.
    algorithms : str, StepRule, iterable or mapping
        Names, such as ``"lm"`` or ``"gradient_descent(rate=100)"``, in a list or with commas between; step rules;
        pairs (label, name or rule); or label ↦ name or rule.
    n_starts : int
        Runs of every algorithm.
    seed : int
        Of the starts.
    goal : float, optional
        What a run has to reach, instead of the problem's goal.
    goal_metric : str, optional
        ``"mse"``, ``"sse"``, ``"rmse"`` or ``"loss"``, together with a goal.
    max_epochs : int, optional
        Accepted steps a run, instead of the problem's.
    max_seconds : float, optional
        Time a run, instead of the problem's. Under such a limit the outcome depends on the machine.
    min_gradient : float
        A run whose gradient norm is not above this has failed and ends.
    n_jobs : int
        Processes; −1 for one a processor.
    progress : callable, optional
        Called with every finished run, how many are finished and how many there are. If it raises KeyboardInterrupt,
        the comparison ends as by Ctrl-C.
    resume : path-like, optional
        A file to which every finished run is appended, and whose runs are not done again.

    Returns
    -------
    Comparison
        The finished runs.

    Raises
    ------
    ConfigurationError
        If an option cannot be, or an algorithm cannot train the problem.
    FileError
        If the file to resume from belongs to another comparison.

    Examples
    --------
    >>> found = compare("parity-3-bridged", ["lm", "lm(mu_init=1)"], n_starts=5)
    >>> [(summary.algorithm, summary.n_runs) for summary in found.summaries()]
    [('lm', 5), ('lm(mu_init=1)', 5)]
    """
    comparing = Comparing(
        problem,
        algorithms,
        n_starts,
        seed=seed,
        goal=goal,
        goal_metric=goal_metric,
        max_epochs=max_epochs,
        max_seconds=max_seconds,
        min_gradient=min_gradient,
        n_jobs=n_jobs,
        resume=resume,
    )
    comparing.run(progress)
    return comparing.found


class Comparing:
    """A comparison under way, for who wants what is finished before it ends; it takes what `compare` takes."""

    def __init__(
        self,
        problem: str | Problem,
        algorithms: Any,
        n_starts: int,
        *,
        seed: int = 0,
        goal: float | None = None,
        goal_metric: str | None = None,
        max_epochs: int | None = None,
        max_seconds: float | None = None,
        min_gradient: float = 0.0,
        n_jobs: int = 1,
        resume: str | os.PathLike[str] | None = None,
    ) -> None:
        self._problem = problem if isinstance(problem, Problem) else problem_named(problem)
        self._rules = contenders(algorithms)
        self._n_starts = whole(n_starts, "n_starts", minimum=1)
        self._seed = whole(seed, "seed")
        self._processes = _processes(n_jobs)
        self._limits = _limits(self._problem, goal, goal_metric, max_epochs, max_seconds, min_gradient)
        for label, rule in self._rules.items():
            _check(self._problem, label, rule, self._limits)
        self._journal: Journal | None = None
        self._done: dict[tuple[str, int], Run] = {}
        self._memory: dict[str, int] = {}
        if resume is not None:
            self._journal = Journal(resume, self._problem, self._seed, self._limits, self._rules)
            self._done = {key: run for key, run in self._journal.runs.items() if key[1] < n_starts}
            self._memory = dict(self._journal.memory)

    def run(self, progress: Progress | None = None) -> None:
        """Do the runs that are not done; an interrupt ends that."""
        # By start and then by algorithm: an interrupted comparison has as many runs of one as of another.
        tasks = [
            (label, rule, start)
            for start in range(self._n_starts)
            for label, rule in self._rules.items()
            if (label, start) not in self._done
        ]
        n_all = self._n_starts * len(self._rules)
        runs: Iterator[Run] | None = None
        try:
            self._measure_memory()
            runs = _runs(self._problem, tasks, self._seed, self._limits, self._processes)
            for run in runs:
                self._done[run.algorithm, run.start] = run
                if self._journal is not None:
                    self._journal.add(run)
                if progress is not None:
                    progress(run, len(self._done), n_all)
        except KeyboardInterrupt:
            pass
        finally:
            close = getattr(runs, "close", None)
            if close is not None:
                with warnings.catch_warnings():
                    # joblib's, that runs were begun in vain; whoever interrupts knows.
                    warnings.simplefilter("ignore", UserWarning)
                    close()

    def _measure_memory(self) -> None:
        for label, rule in self._rules.items():
            if label not in self._memory:
                self._memory[label] = memory_of(self._problem, rule, self._seed, self._limits)
                if self._journal is not None:
                    self._journal.add_memory(label, self._memory[label])

    @property
    def found(self) -> Comparison:
        """What is finished; runs may go on meanwhile in another thread."""
        done, memory, limits, graph = self._done.copy(), self._memory.copy(), self._limits, self._problem.graph
        return Comparison(
            self._problem.name,
            limits.goal_metric,
            limits.goal,
            tuple(
                done[label, start] for label in self._rules for start in range(self._n_starts) if (label, start) in done
            ),
            {label: memory[label] for label in self._rules if label in memory},
            tuple(self._rules),
            self._n_starts,
            self._seed,
            {
                "max_epochs": limits.max_epochs,
                "max_seconds": limits.max_seconds,
                "min_gradient": limits.min_gradient,
                "network": graph.describe(),
                "n_weights": graph.n_weights,
                "n_samples": self._problem.n_samples,
                "source": self._problem.source,
                "rules": {label: repr(rule) for label, rule in self._rules.items()},
            },
        )


def _limits(
    problem: Problem,
    goal: float | None,
    goal_metric: str | None,
    max_epochs: int | None,
    max_seconds: float | None,
    min_gradient: float,
) -> Limits:
    if goal is None and goal_metric is not None:
        raise ConfigurationError(
            f"goal_metric belongs to a goal, and the problem's own is in {problem.goal_metric}. Give both."
        )
    limits = Limits(
        problem.max_epochs if max_epochs is None else max_epochs,
        problem.max_seconds if max_seconds is None else max_seconds,
        problem.goal if goal is None else goal,
        problem.goal_metric if goal_metric is None else goal_metric,
        min_gradient,
        max_fail=0,
    )
    if limits.goal == 0:
        raise ConfigurationError("A comparison needs a goal above 0, got 0: no run would succeed.")
    return limits


def _processes(n_jobs: int) -> int:
    if n_jobs == -1:
        from marquardt.numerics import usable_cpus

        return usable_cpus()
    if isinstance(n_jobs, bool) or n_jobs == 0 or not isinstance(n_jobs, int) or n_jobs < -1:
        raise ConfigurationError(f"n_jobs must be a whole number from 1 up, or -1 for one a processor, got {n_jobs!r}.")
    return n_jobs


def _check(problem: Problem, label: str, rule: StepRule, limits: Limits) -> None:
    """Refuse before the first run what no start could change."""
    try:
        training_from(problem, rule, 0, 0, limits)
    except MarquardtError as error:
        raise ConfigurationError(f"{label} cannot train {problem.name}: {error}") from error


def _runs(problem: Problem, tasks: Sequence[Task], seed: int, limits: Limits, processes: int) -> Iterator[Run]:
    """Yield the runs as they are finished."""
    if processes == 1 or len(tasks) < 2:
        for label, rule, start in tasks:
            yield run_from(problem, label, rule, start, seed, limits)
        return
    import joblib

    # Activations of the user's own are not known to a new process.
    names = [name_and_gain(layer.activation)[0] for layer in problem.graph.layers]
    activations = {name: ACTIVATIONS[name] for name in names}
    with joblib.parallel_config(backend="loky", n_jobs=processes, inner_max_num_threads=1):
        finished = joblib.Parallel(return_as="generator_unordered")(
            joblib.delayed(_elsewhere)(problem, label, rule, start, seed, limits, activations)
            for label, rule, start in tasks
        )
        yield from finished


def _elsewhere(
    problem: Problem,
    label: str,
    rule: StepRule,
    start: int,
    seed: int,
    limits: Limits,
    activations: Mapping[str, Activation],
) -> Run:
    """Run in another process, which leaves Ctrl-C to the first one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return run_from(problem, label, rule, start, seed, limits, activations)
