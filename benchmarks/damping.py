"""How Levenberg–Marquardt's μ begins and moves: which rule meets the goals from most starts, and with the least work.

All candidates begin at the same starts and may do the same work. Work is counted, not timed: an epoch counts 1, a
rejected trial what a damped solve and a value cost beside a whole epoch, and a geodesic acceleration what it costs;
these costs are measured once a problem. What is compared is the work that meeting a goal costs when a run that did not
is followed by another: the work of all starts over the number of those that met it.

``python -m benchmarks damping`` goes on where an earlier one was ended: what is done lies in the cache of the contest.
``--fresh`` does all again, ``--problems=sine,diabetes`` and ``--starts=10`` a part of it, which is printed and not kept
as a result. Half an hour of one processor.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_friedman1
from sklearn.model_selection import train_test_split

from benchmarks import sine
from benchmarks.contest.environments import cache
from benchmarks.measuring import RESULTS, table, write
from marquardt import NetworkRegressor
from marquardt.algorithms import LevenbergMarquardt, StepRule, Verdict, iterate
from marquardt.algorithms.damping import MU_FLOOR, Damping
from marquardt.algorithms.levenberg_marquardt import Damped
from marquardt.losses import LogisticCrossEntropy, Loss, SoftmaxCrossEntropy, Squares
from marquardt.networks import LayerGraph, feed_forward, initial_weights
from marquardt.numerics import hold_blas
from marquardt.objective import Derivatives, Evaluation, Objective
from marquardt.problems import problem_named, teacher

# ---------------------------------------------------------------------------- problems


SQUARES = Squares()
SPLITS = 50
"""Divisions of the tables whose test parts are scored."""


@dataclass(frozen=True, eq=False)
class Task:
    """What all candidates get.

    Parameters
    ----------
    title : str
        For tables.
    graph : LayerGraph
        The network.
    inputs, targets : ndarray
        As the network sees them.
    goals : tuple of float
        Falling; of the mean squared error, or of the mean loss.
    starts : int
        Seeds 0, 1, ….
    budget : float
        Work that a run may do.
    loss : Loss
        Squares when not given.
    initialization : str
        How starts are drawn.
    goes_on : bool
        Whether runs go on when all goals are met, until all their work is done: for the loss at the end.
    """

    title: str
    graph: LayerGraph
    inputs: np.ndarray
    targets: np.ndarray
    goals: tuple[float, ...]
    starts: int = 50
    budget: float = 300.0
    loss: Loss = SQUARES
    initialization: str = "nguyen_widrow"
    goes_on: bool = False

    @cached_property
    def objective(self) -> Objective:
        """Of all samples."""
        return Objective(self.graph, self.inputs, self.targets, self.loss, threads=1, **LevenbergMarquardt().asks())

    def start(self, seed: int) -> np.ndarray:
        """Weights."""
        span = np.column_stack([self.inputs.min(axis=0), self.inputs.max(axis=0)])
        return initial_weights(self.graph, self.initialization, seed, input_range=span)

    @cached_property
    def costs(self) -> tuple[float, float]:
        """What a rejected trial and a geodesic acceleration cost, in epochs."""
        place = cache() / "damping" / f"{self.title}.json"
        if not place.exists():
            pairs = [self._costs_at(self.objective.at(self.start(seed), Derivatives.NORMAL)) for seed in range(9)]
            place.parent.mkdir(parents=True, exist_ok=True)
            costs = [statistics.median(column) for column in zip(*pairs, strict=True)]
            place.write_text(json.dumps(costs), encoding="utf-8")
        rejected, bend = json.loads(place.read_text(encoding="utf-8"))
        return rejected, bend

    def _costs_at(self, current: Evaluation) -> tuple[float, float]:
        objective, rule = self.objective, LevenbergMarquardt()
        state = rule.start(current)
        delta, solve = current.damped_step(1.0)

        def trial() -> Any:
            step, _ = rule.propose(current, state)
            return objective.at(current.weights + step.delta, Derivatives.VALUE)

        rejected = clocked(trial)
        epoch = rejected + clocked(lambda: objective.at(current.weights + 0.0, Derivatives.NORMAL))
        return rejected / epoch, clocked(lambda: solve(current.bend(delta))) / epoch


def clocked(work: Callable[[], Any]) -> float:
    """Seconds of the processor, a call."""
    n, begun = 0, time.process_time()
    while n < 3 or time.process_time() - begun < 0.01:
        work()
        n += 1
    return (time.process_time() - begun) / n


def columns(values: np.ndarray) -> np.ndarray:
    """Mean 0, standard deviation 1, as a matrix."""
    values = values.reshape(len(values), -1)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def of_parity(bits: int, hidden: int) -> Task:
    """N bits; tanh everywhere, uniform starts, a sum of squares of 0.01."""
    found = problem_named(f"parity-{bits}:{hidden}")
    goal = 0.01 / len(found.inputs)
    title = f"parity-{bits}, {bits}-{hidden}-1"
    return Task(title, found.graph, found.inputs, found.targets, (goal,), initialization="uniform")


def of_rosenbrock() -> Task:
    """10,000 samples, targets standardized; uniform starts."""
    found = problem_named("rosenbrock(n_samples=10000)")
    return Task(
        "Rosenbrock 10,000 × 10-10-1",
        found.graph,
        found.inputs,
        found.targets,
        (0.12,),
        budget=150.0,
        initialization="uniform",
    )


def of_diabetes() -> Task:
    """scikit-learn's."""
    x, y = load_diabetes(return_X_y=True)
    return Task("diabetes 10-10-1", feed_forward(10, 10, 1), columns(x), columns(y), (0.25,), goes_on=True)


def of_teacher(samples: int, inputs: int, hidden: int, outputs: int, **more: Any) -> Task:
    """A network's outputs with noise of a twentieth, to a little above its variance."""
    made = teacher(samples, inputs, hidden, outputs)
    title = f"teacher {samples:,} × {inputs}-{hidden}-{outputs}"
    return Task(title, feed_forward(inputs, hidden, outputs), made.inputs, made.targets, **more)


def of_cancer() -> Task:
    """Two classes, logistic cross-entropy, to a hundredth of the first loss."""
    x, y = load_breast_cancer(return_X_y=True)
    graph = feed_forward(30, 5, 1, output_activation="logistic")
    return Task(
        "breast cancer 30-5-1, cross-entropy",
        graph,
        columns(x),
        y[:, None].astype(float),
        (0.01,),
        loss=LogisticCrossEntropy(),
        budget=100.0,
    )


def of_iris() -> Task:
    """Three classes, softmax cross-entropy."""
    x, y = load_iris(return_X_y=True)
    graph = feed_forward(4, 5, 3, output_activation="softmax")
    return Task(
        "iris 4-5-3, cross-entropy", graph, columns(x), np.eye(3)[y], (0.02,), loss=SoftmaxCrossEntropy(), budget=100.0
    )


PROBLEMS: dict[str, Callable[[], Task]] = {
    "sine": lambda: Task("sine 1-10-1", sine.GRAPH, sine.INPUTS, sine.TARGETS, (1e-5, 1e-7), goes_on=True),
    "diabetes": of_diabetes,
    "rosenbrock": of_rosenbrock,
    "parity-3": lambda: of_parity(3, 3),
    "parity-5": lambda: of_parity(5, 5),
    "teacher": lambda: of_teacher(2000, 20, 30, 1, goals=(0.004,), starts=10, budget=60.0),
    "two-outputs": lambda: of_teacher(500, 5, 10, 2, goals=(0.0026,)),
    "cancer": of_cancer,
    "iris": of_iris,
}

# ---------------------------------------------------------------------------- candidates

TODAY = "factors, μ₀ 0.001 (trainlm)"
CHOSEN = "Fan, relative 0.03"
"""What `algorithm="auto"` takes."""
NAMES = {"factors": "factors", "nielsen": "Nielsen", "gain_ratio": "gain ratio", "fan": "Fan"}


class Norm(NamedTuple):
    """μ = α · size, where α follows the gain ratio and the size is the point's own."""

    alpha: float
    damped: Damped


@dataclass(frozen=True)
class SizedLevenbergMarquardt(StepRule):
    """μ in proportion to the gradient's norm or to the loss, by a factor that follows the gain ratio.

    Yamashita and Fukushima (2001) take the sum of squares, Fan and Yuan (2005) its root or the norm of the gradient,
    and Fan (2003) the factor: four times more where the ratio is below a quarter, four times less above three quarters.

    Parameters
    ----------
    size : str
        ``"gradient"`` or ``"loss"``.
    alpha : float
        The first factor.
    """

    size: str = "gradient"
    alpha: float = 1.0

    name = "sized_levenberg_marquardt"
    point_need = Derivatives.NORMAL
    trial_need = Derivatives.VALUE
    matrices = 3

    def start(self, current):
        """Return the first factor."""
        return Norm(self.alpha, Damped(Damping(0.0, 4.0)))

    def propose(self, current, state):
        """Solve with the point's own μ."""
        size = float(np.linalg.norm(current.gradient)) if self.size == "gradient" else current.loss
        damped = state.damped._replace(damping=Damping(max(state.alpha * size, MU_FLOOR), 4.0))
        step, damped = LevenbergMarquardt().propose(current, damped)
        return step, state._replace(damped=damped)

    def judge(self, current, step, trial, state):
        """Accept a lower loss."""
        if trial.loss < current.loss:
            ratio = (current.loss - trial.loss) / step.predicted_decrease if step.predicted_decrease > 0 else 1.0
            factor = 0.25 if ratio > 0.75 else 4.0 if ratio < 0.25 else 1.0
            return Verdict.ACCEPT, state._replace(alpha=max(state.alpha * factor, 1e-12))
        verdict = Verdict.STUCK if state.damped.damping.mu > 1e10 else Verdict.REJECT
        return verdict, state._replace(alpha=4.0 * state.alpha)


def candidates() -> dict[str, StepRule]:
    """All of them, by what tables call them."""
    parts, by_four = (1e-3, 1e-2, 1e-1), {"mu_increase": 4.0, "mu_decrease": 0.25}
    return {
        TODAY: LevenbergMarquardt(),
        "factors, μ₀ 1": LevenbergMarquardt(mu_init=1.0),
        **{f"factors, relative {part:g}": relative(part) for part in parts},
        **{
            f"factors ×{up:g} ÷{down:g}, relative 0.01": relative(1e-2, mu_increase=up, mu_decrease=1 / down)
            for up, down in ((4.0, 4.0), (2.0, 3.0), (1.5, 5.0))
        },
        **{f"Nielsen, relative {part:g}": relative(part, damping="nielsen") for part in parts},
        **{f"gain ratio, relative {part:g}": relative(part, damping="gain_ratio") for part in parts},
        **{
            f"gain ratio ×4 ÷4, relative {part:g}": relative(part, damping="gain_ratio", **by_four)
            for part in (1e-2, 1e-1)
        },
        **{f"Fan, relative {part:g}": relative(part, damping="fan") for part in (1e-3, 1e-2, 3e-2, 1e-1, 1.0)},
        **{
            f"Fan ×{factor:g} ÷{factor:g}, relative 0.1": relative(
                1e-1, damping="fan", mu_increase=factor, mu_decrease=1 / factor
            )
            for factor in (2.0, 3.0, 6.0)
        },
        "α times the gradient's norm, α₀ 1": SizedLevenbergMarquardt("gradient", 1.0),
        **{f"α times the loss, α₀ {alpha:g}": SizedLevenbergMarquardt("loss", alpha) for alpha in (0.01, 1.0)},
        **{
            f"diag A: {shown}, 0.01": LevenbergMarquardt(mu_init=1e-2, damping=damping, scaling="marquardt")
            for damping, shown in NAMES.items()
        },
        "diag A: gain ratio, 1": LevenbergMarquardt(mu_init=1.0, damping="gain_ratio", scaling="marquardt"),
        **{
            f"geodesic: {shown}, relative 0.01": relative(1e-2, damping=damping, geodesic=0.75)
            for damping, shown in NAMES.items()
        },
    }


def relative(part: float, **settings: Any) -> LevenbergMarquardt:
    """Levenberg–Marquardt with a first μ in parts of the largest entry of the diagonal."""
    return LevenbergMarquardt(mu_init=part, mu_relative=True, **settings)


# ---------------------------------------------------------------------------- runs


def run(task: Task, rule: StepRule, seed: int) -> dict[str, Any]:
    """One run: work, trials and epochs when each goal was met, and how it ended."""
    objective, (rejected, bend) = task.objective, task.costs
    rule = rule.prepared_for(objective.info)
    extra = bend if getattr(rule, "geodesic", 0.0) else 0.0
    met: list[tuple[float, int, int]] = []
    work, lowest = 0.0, math.inf
    for row in iterate(objective, rule, task.start(seed)):
        work = row.epoch + rejected * (row.trial - row.epoch) + extra * row.trial
        if row.verdict is Verdict.ACCEPT:
            lowest = objective.mean_loss(row.current)
        while len(met) < len(task.goals) and lowest <= task.goals[len(met)]:
            met.append((work, row.trial, row.epoch))
        if work >= task.budget or (len(met) == len(task.goals) and not task.goes_on):
            break
    return {"met": met, "work": min(work, task.budget), "end": lowest}


def cell(task: Task, rule: StepRule, starts: int) -> list[dict[str, Any]]:
    """The runs of a candidate on a problem, from the cache if they are there."""
    told = repr((task.title, task.goals, task.budget, task.goes_on, task.initialization, starts, rule))
    place = cache() / "damping" / f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"
    if place.exists():
        return json.loads(place.read_text(encoding="utf-8"))
    runs = [run(task, rule, seed) for seed in range(starts)]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(runs), encoding="utf-8")
    return runs


TABLES: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "diabetes": lambda: load_diabetes(return_X_y=True),
    "Friedman 1": lambda: make_friedman1(300, noise=1.0, random_state=0),
}


def score(rule: StepRule, name: str, splits: int) -> float:
    """Mean R² of a quarter of the rows where a validation part ends the training, over divisions and starts."""
    told = f"lm({', '.join(f'{setting}={value!r}' for setting, value in rule.settings.items())})"
    place = cache() / "damping" / f"{hashlib.sha256(f'{told} {name} {splits}'.encode()).hexdigest()[:16]}.json"
    if not place.exists():
        x, y = TABLES[name]()
        found = []
        for seed in range(splits):
            known, new, given, wanted = train_test_split(x, y, random_state=seed)
            model = NetworkRegressor(
                10, algorithm=told, random_state=seed, n_restarts=1, early_stopping=True, n_threads=1
            )
            found.append(model.fit(known, given).score(new, wanted))
        place.write_text(json.dumps(statistics.fmean(found)), encoding="utf-8")
    return float(json.loads(place.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Result:
    """A candidate's runs to one goal.

    Parameters
    ----------
    success : float
        Part of the starts that met it.
    epochs, trials, work : float
        Medians of those.
    cost : float
        Work of all over the number of those.
    """

    success: float
    epochs: float
    trials: float
    work: float
    cost: float

    @classmethod
    def of(cls, runs: list[dict[str, Any]], goal: int) -> Result:
        """The summary of a cell."""
        met = [each["met"][goal] for each in runs if len(each["met"]) > goal]
        spent = sum(each["met"][goal][0] if len(each["met"]) > goal else each["work"] for each in runs)
        if not met:
            return cls(0.0, math.nan, math.nan, math.nan, math.inf)
        work, trials, epochs = (statistics.median(column) for column in zip(*met, strict=True))
        return cls(len(met) / len(runs), epochs, trials, work, spent / len(met))

    def __str__(self) -> str:
        if not self.success:
            return "0 %"
        return f"{self.cost:.1f}" if self.success == 1 else f"{self.cost:.1f} ({self.success:.0%})"


# ---------------------------------------------------------------------------- report


def by_ratio(found: dict[str, list[Result]]) -> list[tuple[str, list[float]]]:
    """Candidates and their costs over the lowest of each goal, the lowest geometric mean first."""
    lowest = [min(results[k].cost for results in found.values()) for k in range(len(next(iter(found.values()))))]
    ratios = {
        label: [each.cost / low for each, low in zip(results, lowest, strict=True)] for label, results in found.items()
    }
    return sorted(ratios.items(), key=lambda item: (mean(item[1]), max(item[1])))


def mean(ratios: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(statistics.fmean(map(math.log, ratios)))


def draw(ratios: list[tuple[str, list[float]]], goals: Sequence[str], place: Path) -> None:
    """A row a candidate, a dot a goal."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    from marquardt.plots.style import COLORS, GRAY

    most = 8.0
    markers = "osD^vP<>X*"
    with mpl.rc_context({"svg.hashsalt": "marquardt", "svg.fonttype": "none", "font.size": 9}):
        figure, ax = pyplot.subplots(figsize=(9.5, 0.24 * len(ratios) + 1.6), layout="constrained")
        for k, goal in enumerate(goals):
            x = [min(values[k], most) for _, values in ratios]
            ax.plot(
                x, range(len(x)), markers[k % len(markers)], color=COLORS[k % len(COLORS)], ms=4, alpha=0.8, label=goal
            )
        for y, (_, values) in enumerate(ratios):
            ax.plot([min(mean(values), most)] * 2, [y - 0.38, y + 0.38], color="black", lw=2)
        ax.plot([], [], color="black", lw=2, label="geometric mean")
        ax.set_xscale("log")
        ax.set_xlim(0.95, 1.05 * most)
        ax.set_xticks([1, 1.5, 2, 3, 4, 6, 8], ["1", "1.5", "2", "3", "4", "6", "8 and more"])
        ax.minorticks_off()
        ax.set_yticks(range(len(ratios)), [label for label, _ in ratios])
        ax.get_yticklabels()[[label for label, _ in ratios].index(CHOSEN)].set_fontweight("bold")
        ax.set_ylim(len(ratios) - 0.4, -0.6)
        ax.grid(axis="both", color=GRAY, alpha=0.25)
        ax.set_xlabel("work to the goal, restarts included, over that of the best candidate")
        figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
        figure.savefig(place, metadata={"Date": None})
        pyplot.close(figure)


def options_of(given: Sequence[str]) -> tuple[list[str], int | None, bool]:
    """Problems, starts, and whether to do all again."""
    names, starts, is_fresh = list(PROBLEMS), None, False
    for option in given:
        key, _, value = option.partition("=")
        if key == "--fresh":
            is_fresh = True
        elif key == "--problems":
            names = value.split(",")
            if unknown := [name for name in names if name not in PROBLEMS]:
                raise SystemExit(f"There is no problem {unknown[0]!r}. There are {', '.join(PROBLEMS)}.")
        elif key == "--starts" and value.isdigit() and int(value) > 0:
            starts = int(value)
        else:
            raise SystemExit(f"{option!r} must be --fresh, --problems=NAME,NAME or --starts=NUMBER.")
    return names, starts, is_fresh


def main(options: Sequence[str] = ()) -> None:
    """Measure, and write table and picture."""
    names, most, is_fresh = options_of(options)
    if is_fresh:
        shutil.rmtree(cache() / "damping", ignore_errors=True)
    found: dict[str, list[Result]] = {label: [] for label in candidates()}
    ends: dict[str, list[float]] = {label: [] for label in candidates()}
    goals: list[str] = []
    shown, going_on = [], []
    with hold_blas():
        for name in names:
            task = PROBLEMS[name]()
            starts = min(task.starts, most or task.starts)
            goals += [f"{task.title}, {goal:g}" for goal in task.goals]
            going_on += [task.title] if task.goes_on else []
            rejected, bend = task.costs
            shown.append(
                [task.title, task.graph.n_weights, starts, f"{task.budget:g}", f"{rejected:.2f}", f"{bend:.2f}"]
            )
            print(shown[-1], flush=True)
            for label, rule in candidates().items():
                runs = cell(task, rule, starts)
                found[label] += [Result.of(runs, goal) for goal in range(len(task.goals))]
                if task.goes_on:
                    ends[label].append(statistics.median(each["end"] for each in runs))
        scores = {
            label: [
                score(rule, name, most or SPLITS) if type(rule) is LevenbergMarquardt else math.nan for name in TABLES
            ]
            for label, rule in candidates().items()
        }
    ratios = by_ratio(found)
    rows = [
        [
            f"**{label}**" if label == CHOSEN else label,
            f"{mean(values):.2f}",
            f"{max(values):.2f}",
            *map(str, found[label]),
            *(f"{end:.2g}" for end in ends[label]),
            *("–" if math.isnan(value) else f"{value:.3f}" for value in scores[label]),
        ]
        for label, values in ratios
    ]
    places = [label for label, _ in ratios]
    closer = [
        label for label in (CHOSEN, TODAY, "Nielsen, relative 0.01", "diag A: gain ratio, 0.01") if label in found
    ]
    detail = [
        [goal, *(f"{r.success:.0%}, {r.epochs:.0f}, {r.trials:.0f}, {r.work:.0f}" if r.success else "0%" for r in row)]
        for goal, row in zip(goals, zip(*(found[label] for label in closer), strict=True), strict=True)
    ]
    text = "\n\n".join(
        [
            "Mean squared errors of standardized targets, mean losses for cross-entropies. Work is counted in epochs; "
            "a rejected trial and a geodesic acceleration cost:",
            table(["problem", "weights", "starts", "work a run", "rejected trial", "acceleration"], shown),
            f"{len(rows)} candidates; `auto` takes the one in bold, place {places.index(CHOSEN) + 1}; `trainlm` has "
            f"place {places.index(TODAY) + 1}. *Mean* and *worst* are over the goals, of the cost over the lowest "
            "of any candidate. Cost: work of all starts over the number of those that met the goal, with the part that "
            "did in parentheses where it was not all. *Relative*: the first μ in parts of the largest entry of the "
            "diagonal. *R²*: of a quarter of the rows, where a validation part ends the training, the mean over "
            f"{SPLITS} divisions and starts of a network with ten hidden units.",
            table(
                [
                    *("", "mean", "worst", *goals),
                    *(f"{title}, median loss at the end" for title in going_on),
                    *(f"{name}, R²" for name in TABLES),
                ],
                rows,
            ),
            "Success, and medians of epochs, trials and work of the runs that met the goal:",
            table(["goal", *closer], detail),
        ]
    )
    data = {
        "goals": goals,
        "results": {label: [asdict(each) for each in results] for label, results in found.items()},
        "ratios": dict(ratios),
        "ends": ends,
        "scores": scores,
    }
    data = json.loads(json.dumps(data), parse_constant=lambda _: None)
    is_whole = names == list(PROBLEMS) and most is None
    output = RESULTS if is_whole else cache() / "damping-part"
    output.mkdir(parents=True, exist_ok=True)
    draw(ratios, goals, output / "damping.svg")
    write("damping", "How the damping begins and moves", text, data, output)


if __name__ == "__main__":
    main()
