"""What a comparison found: every run, one line an algorithm, and both as plain values."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.arrays import Array
from marquardt.errors import DataError
from marquardt.json_values import Exported, from_json, to_json

if TYPE_CHECKING:
    pass

__all__ = ["Comparison", "Run", "Summary"]


@dataclass(frozen=True, eq=False)
class Run:
    """One training of one algorithm from one start.

    Parameters
    ----------
    algorithm : str
        Label of the algorithm.
    start : int
        Number of the start, from 0; all algorithms have the same starts.
    succeeded : bool
        Whether the goal was met; a run that ended in any other way is a failure.
    stop : str
        Code of the stop, such as ``"goal"``, ``"epochs"`` or ``"mu"``; ``"overflow"`` where the loss at the start
        was not finite.
    epochs : int
        Accepted steps.
    seconds : float
        From the start to the last epoch, as `Record.seconds` says.
    losses : ndarray of shape (epochs + 1,)
        The metric of the goal after every epoch, the start first.
    times : ndarray of shape (epochs + 1,)
        Seconds since the start.
    evaluations : dict of str to int
        As in `Record.evaluations`.
    """

    algorithm: str
    start: int
    succeeded: bool
    stop: str
    epochs: int
    seconds: float
    losses: Array
    times: Array
    evaluations: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain JSON values.

        Returns
        -------
        dict
            What `from_dict` reads.
        """
        made = {name: getattr(self, name) for name in RUN_FIELDS}
        made["losses"] = [to_json(value) for value in self.losses.tolist()]
        made["times"] = self.times.tolist()
        made["evaluations"] = dict(self.evaluations)
        return made

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Run:
        """Build a run from what `to_dict` returned.

        Parameters
        ----------
        description : mapping
            Plain values.

        Returns
        -------
        Run
            Equal, bit for bit.

        Raises
        ------
        DataError
            If a key is missing or a value cannot be.
        """
        try:
            return cls(
                algorithm=str(description["algorithm"]),
                start=int(description["start"]),
                succeeded=bool(description["succeeded"]),
                stop=str(description["stop"]),
                epochs=int(description["epochs"]),
                seconds=float(description["seconds"]),
                losses=np.array([from_json(value) for value in description["losses"]], dtype=np.float64),
                times=np.array(description["times"], dtype=np.float64),
                evaluations={str(key): int(value) for key, value in description["evaluations"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"This does not describe a run: {type(error).__name__}: {error}.") from error


RUN_FIELDS = tuple(each.name for each in fields(Run))


@dataclass(frozen=True)
class Summary:
    """One algorithm in a comparison. Means and standard deviations are those of its successful runs.

    Parameters
    ----------
    algorithm : str
        Label of the algorithm.
    n_runs, n_succeeded : int
        Runs, and those that met the goal.
    success_rate : float
        n_succeeded / n_runs; NaN without a run.
    epochs_mean, epochs_sd : float
        Accepted steps to the goal; NaN without a success, the deviation 0 for a single one.
    seconds_mean, seconds_sd, seconds_median : float
        Time to the goal, likewise.
    evaluations : dict of str to float
        Mean evaluations to the goal, by what was asked for; empty without a success.
    memory : int
        Peak memory of a short run in bytes, without the data; 0 where it was not measured.
    """

    algorithm: str
    n_runs: int
    n_succeeded: int
    success_rate: float
    epochs_mean: float
    epochs_sd: float
    seconds_mean: float
    seconds_sd: float
    seconds_median: float
    evaluations: dict[str, float] = field(default_factory=dict)
    memory: int = 0


@dataclass(frozen=True, eq=False)
class Comparison(Exported):
    """Several algorithms on one problem, all from the same starts.

    Parameters
    ----------
    problem : str
        Name of the problem.
    metric : str
        What the goal and the losses are given in: ``"mse"``, ``"sse"``, ``"rmse"`` or ``"loss"``.
    goal : float
        What had to be reached.
    runs : tuple of Run
        The finished runs, by algorithm and then by start.
    memory : dict of str to int
        Peak memory of a short run in bytes, without the data, by algorithm.
    algorithms : tuple of str
        Labels in the order asked for; those of the runs when not given.
    n_starts : int
        Starts asked for; as many as the runs have when not given.
    seed : int
        Of the starts.
    settings : dict
        Limits of the runs, and the rule behind every label.

    Examples
    --------
    >>> run = Run("lm", 0, True, "goal", 1, 0.5, np.array([1.0, 0.001]), np.array([0.0, 0.5]), {"value": 1})
    >>> found = Comparison("mine", "mse", 0.01, (run,))
    >>> found.summaries()[0].success_rate, found.is_complete
    (1.0, True)
    """

    problem: str
    metric: str
    goal: float
    runs: tuple[Run, ...]
    memory: dict[str, int] = field(default_factory=dict)
    algorithms: tuple[str, ...] = ()
    n_starts: int = 0
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "runs", tuple(self.runs))
        labels = self.algorithms or dict.fromkeys(run.algorithm for run in self.runs)
        object.__setattr__(self, "algorithms", tuple(labels))
        n_starts = self.n_starts or max((run.start + 1 for run in self.runs), default=0)
        object.__setattr__(self, "n_starts", n_starts)

    @property
    def is_complete(self) -> bool:
        """Whether every algorithm has run from every start; false after an interrupt."""
        return len(self.runs) == len(self.algorithms) * self.n_starts

    def runs_of(self, algorithm: str) -> tuple[Run, ...]:
        """Return the runs of one algorithm.

        Parameters
        ----------
        algorithm : str
            Its label.

        Returns
        -------
        tuple of Run
            By start.
        """
        return tuple(run for run in self.runs if run.algorithm == algorithm)

    def summaries(self) -> tuple[Summary, ...]:
        """Return one line an algorithm.

        Returns
        -------
        tuple of Summary
            In the order of `algorithms`.
        """
        return tuple(
            _summary(algorithm, self.runs_of(algorithm), self.memory.get(algorithm, 0)) for algorithm in self.algorithms
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values.

        Returns
        -------
        dict
            What `from_dict` reads, with the summaries, which it does not need. NaN and infinity, which JSON does not
            have, are None and ``"inf"``.
        """
        return {
            "problem": self.problem,
            "metric": self.metric,
            "goal": self.goal,
            "seed": self.seed,
            "n_starts": self.n_starts,
            "algorithms": list(self.algorithms),
            "memory": dict(self.memory),
            "settings": {key: to_json(value) for key, value in self.settings.items()},
            "summaries": [
                {key: to_json(value) for key, value in asdict(summary).items()} for summary in self.summaries()
            ],
            "runs": [run.to_dict() for run in self.runs],
        }

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Comparison:
        """Build a comparison from what `to_dict` returned.

        Parameters
        ----------
        description : mapping
            Plain values.

        Returns
        -------
        Comparison
            Equal, bit for bit.

        Raises
        ------
        DataError
            If a key is missing or a value cannot be.
        """
        try:
            return cls(
                problem=str(description["problem"]),
                metric=str(description["metric"]),
                goal=float(description["goal"]),
                runs=tuple(Run.from_dict(run) for run in description["runs"]),
                memory={str(key): int(value) for key, value in description["memory"].items()},
                algorithms=tuple(map(str, description["algorithms"])),
                n_starts=int(description["n_starts"]),
                seed=int(description["seed"]),
                settings={str(key): from_json(value) for key, value in description["settings"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"This does not describe a comparison: {type(error).__name__}: {error}.") from error

    def to_columns(self) -> dict[str, Any]:
        """Return the runs by what is known of them.

        Returns
        -------
        dict
            A list with a value a run for each name; a run without such evaluations has NaN.
        """
        told = ("algorithm", "start", "succeeded", "stop", "epochs", "seconds")
        counted = dict.fromkeys(name for run in self.runs for name in run.evaluations)
        return {
            **{name: [getattr(run, name) for run in self.runs] for name in told},
            self.metric: [run.losses[-1] for run in self.runs],
            **{name: [run.evaluations.get(name, math.nan) for run in self.runs] for name in counted},
        }


def _summary(algorithm: str, runs: Sequence[Run], memory: int) -> Summary:
    good = [run for run in runs if run.succeeded]
    epochs = [float(run.epochs) for run in good]
    seconds = [run.seconds for run in good]
    names = dict.fromkeys(name for run in good for name in run.evaluations)
    return Summary(
        algorithm,
        len(runs),
        len(good),
        len(good) / len(runs) if runs else math.nan,
        _or_nan(statistics.fmean, epochs),
        _or_nan(_deviation, epochs),
        _or_nan(statistics.fmean, seconds),
        _or_nan(_deviation, seconds),
        _or_nan(statistics.median, seconds),
        {name: statistics.fmean(run.evaluations.get(name, 0) for run in good) for name in names},
        memory,
    )


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _or_nan(of: Callable[[Sequence[float]], float], values: Sequence[float]) -> float:
    return float(of(values)) if values else math.nan
