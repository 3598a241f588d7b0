"""Forecasts of three measured series: one-step and closed-loop errors beside naive forecasts, ridge and pyrenn.

Each series is divided once in time. Everybody has the same lags (and differences) and is trained on the same rows; the
rows of the test part that lie before an origin are known to the forecast. One step: every row of the test part from
the observed rows before it. Closed loop: from every origin of the test part, `horizon` steps on the model's own
predictions, with the inputs known. Whole: from the first row of the test part to its end in closed loop.

pyrenn trains the same NARX with its loop closed. It is run where the environment variable MARQUARDT_PYRENN_PYTHON names
a Python that has it, else it is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
from matplotlib import pyplot
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.measuring import RESULTS, table, write
from marquardt import NetworkForecaster, plots
from marquardt.estimators.lagging import Lags
from marquardt.problems import series_named

PYRENN_PYTHON = "MARQUARDT_PYRENN_PYTHON"
SEEDS = range(10)
PYRENN_SEEDS, PYRENN_EPOCHS, PYRENN_LIMIT = range(5), 100, 20


@dataclass(frozen=True)
class Task:
    """A series, how it is divided and what is looked back at."""

    name: str
    lags: Lags
    hidden: int
    n_train: int
    horizon: int
    season: int | None = None
    in_logs: bool = False


TASKS = (
    Task("air_passengers", Lags((1, 2, 3, 12), (), (1, 12)), 4, 120, 12, 12, in_logs=True),
    Task("sunspots", Lags((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)), 5, 221, 11, 11),
    Task("gas_furnace", Lags((1, 2, 3), (1, 2, 3, 4, 5, 6)), 5, 200, 12),
)


class Series:
    """The data of a task, and the errors of whoever forecasts."""

    def __init__(self, task: Task):
        self.task = task
        known = series_named(task.name)
        self.raw = known.y[:, None]
        self.y = np.log(self.raw) if task.in_logs else self.raw
        self.u = known.X
        self.n_rows, self.first = len(self.y), task.n_train
        self.origins = list(range(self.first, self.n_rows - task.horizon + 1))

    def pasts(self, origins: list[int], horizon: int) -> tuple[np.ndarray, np.ndarray | None]:
        """What is known at each origin."""
        lags = self.task.lags
        past = np.stack([self.y[o - lags.n_past : o] for o in origins])
        if self.u is None:
            return past, None
        return past, np.stack([self.u[o - lags.n_past_exog : o + lags.n_future(horizon)] for o in origins])

    def simulated(self, outputs: Callable, origins: list[int], horizon: int) -> np.ndarray:
        """Paths in the units of the series, shape (n_origins, horizon)."""
        past, beside = self.pasts(origins, horizon)
        return self.plain(self.task.lags.simulate(outputs, past, beside, horizon)[..., 0])

    def plain(self, values: np.ndarray) -> np.ndarray:
        """Out of logarithms."""
        return np.exp(values) if self.task.in_logs else values

    def score(self, forecast: Callable[[list[int], int], np.ndarray]) -> dict[str, float]:
        """RMSE of one step, of the horizon in closed loop, and of the whole test part in one."""
        raw, h = self.raw[:, 0], self.task.horizon
        everywhere = list(range(self.first, self.n_rows))
        rest = self.n_rows - self.first
        with np.errstate(over="ignore", invalid="ignore"):
            one = forecast(everywhere, 1)[:, 0] - raw[self.first :]
            ahead = forecast(self.origins, h) - np.stack([raw[o : o + h] for o in self.origins])
            whole = forecast([self.first], rest)[0] - raw[self.first :]
            found = {
                name: float(np.sqrt(np.mean(e**2))) for name, e in (("one", one), ("closed", ahead), ("whole", whole))
            }
            return found | {"by_step": np.sqrt(np.mean(ahead**2, axis=0)).tolist()}


def naive(series: Series, season: int | None) -> dict:
    """The last value, or that of the last season, repeated."""
    raw, lag = series.raw[:, 0], season or 1

    def forecast(origins: list[int], horizon: int) -> np.ndarray:
        return np.stack([raw[o - lag + np.arange(horizon) % lag] for o in origins])

    return series.score(forecast)


def ours(series: Series, seed: int) -> tuple[dict, np.ndarray]:
    """NetworkForecaster with its defaults but for lags and hidden units; also the path through the test part."""
    task = series.task
    model = NetworkForecaster(
        task.lags.targets,
        task.lags.exog or (0,),
        (task.hidden,),
        difference=task.lags.differences,
        random_state=seed,
    )
    begun = time.process_time()
    model.fit(series.y[: task.n_train], None if series.u is None else series.u[: task.n_train])
    seconds = time.process_time() - begun
    forecast = lambda origins, horizon: series.simulated(model.network_.outputs, origins, horizon)  # noqa: E731
    return series.score(forecast) | {"seconds": seconds}, forecast([series.first], series.n_rows - series.first)[0]


def ridge(series: Series) -> dict:
    """Ridge regression on the same columns, its decay by cross-validation."""
    lags, n = series.task.lags, series.task.n_train
    columns = lags.matrix(series.y[:n], None if series.u is None else series.u[:n])
    wanted = lags.differenced(series.y[:n])[lags.n_history - sum(lags.differences) :, 0]
    begun = time.process_time()
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-4, 4, 33))).fit(columns, wanted)
    seconds = time.process_time() - begun
    outputs = lambda rows: model.predict(rows)[:, None]  # noqa: E731
    return series.score(lambda o, h: series.simulated(outputs, o, h)) | {"seconds": seconds}


def pyrenn(series: Series) -> list[dict] | None:
    """pyrenn's NARX on the differenced and standardized series; None if it is not there."""
    python = os.environ.get(PYRENN_PYTHON)
    if not python:
        return None
    task, lags = series.task, series.task.lags
    n_lost = sum(lags.differences)
    z = lags.differenced(series.y)[:, 0]
    n_train, rest = task.n_train - n_lost, series.n_rows - task.n_train
    mean, spread = z[:n_train].mean(), z[:n_train].std()
    if series.u is None:
        u = np.zeros(len(z))
        u[0] = 1e-9  # it divides by the largest
    else:
        u = (series.u[n_lost:, 0] - series.u[: task.n_train].mean()) / series.u[: task.n_train].std()
    job = {
        "targets": ((z - mean) / spread).tolist(),
        "inputs": u.tolist(),
        "lags": list(lags.targets),
        "exog_lags": list(lags.exog) or [0],
        "hidden": task.hidden,
        "n_train": n_train,
        "origins": [o - n_lost for o in [*series.origins, series.first]],
        "horizon": rest,
        "seeds": list(PYRENN_SEEDS),
        "epochs": PYRENN_EPOCHS,
        "limit": PYRENN_LIMIT,
    }
    script = Path(__file__).parent / "contenders" / "pyrenn_narx.py"
    done = subprocess.run(
        [python, str(script)], input=json.dumps(job), capture_output=True, text=True, timeout=600, check=False
    )
    found = []
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        of_origin = dict(zip([*series.origins, series.first], answer["paths"], strict=True))
        of_origin |= {series.first: answer["paths"][-1]}

        def forecast(origins, horizon, answer=answer, of_origin=of_origin):
            if horizon == 1:
                paths = np.array(answer["one_step"])[:, None]
            else:
                paths = np.stack([np.array(of_origin[o])[:horizon] for o in origins])
            steps = iter((paths * spread + mean).T)
            # The paths are there already: only the differences are to be undone.
            return series.simulated(lambda rows: next(steps)[:, None], origins, horizon)

        found.append(series.score(forecast) | {"seconds": answer["seconds"], "ended": answer["ended"]})
    if not found:
        print(done.stderr[-2000:])
    return found or None


def shown(values: list[float]) -> str:
    """Median and extremes; one number as it is."""
    values = sorted(values)
    if len(values) == 1:
        return f"{values[0]:.3g}"
    return f"{np.median(values):.3g} ({values[0]:.3g} to {values[-1]:.3g})"


def main() -> None:
    """Measure, write the table, and draw."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        measure()


def measure() -> None:
    """Everybody on everything."""
    results, sections, notes = {}, [], set()
    figure, axes = pyplot.subplots(len(TASKS), 2, figsize=(11, 9), layout="constrained", width_ratios=(2, 1))
    for row, task in enumerate(TASKS):
        series = Series(task)
        runs = [ours(series, seed) for seed in SEEDS]
        found = {"NetworkForecaster": [score for score, _ in runs], "ridge, same lags": [ridge(series)]}
        others = pyrenn(series)
        if others is None:
            notes.add(f"pyrenn was skipped: {PYRENN_PYTHON} names no Python that has it.")
        else:
            found["pyrenn, same NARX"] = others
        found["last value"] = [naive(series, None)]
        if task.season:
            found["same season"] = [naive(series, task.season)]
        results[task.name] = found
        lines = [
            [
                name,
                *(shown([score[key] for score in scores]) for key in ("one", "closed", "whole")),
                shown([score["seconds"] for score in scores]) if "seconds" in scores[0] else "",
            ]
            for name, scores in found.items()
        ]
        lags = task.lags
        sections.append(
            f"## {task.name}\n\n{series_named(task.name).text} Lags {list(lags.targets)}"
            + (f", of the input {list(lags.exog)}" if lags.exog else "")
            + (f"; logarithms, differences {list(lags.differences)}" if lags.differences else "")
            + f"; {task.hidden} hidden units. Trained on {task.n_train} rows, "
            + f"tested on {series.n_rows - task.n_train}.\n\n"
            + table(
                [
                    "RMSE, in the series' units",
                    "one step",
                    f"closed loop, 1 to {task.horizon} steps",
                    "whole test part in closed loop",
                    "seconds a fit",
                ],
                lines,
            )
        )
        draw(axes[row], series, runs, found)
        print(task.name, flush=True)
    with_pyrenn = [scores["pyrenn, same NARX"] for scores in results.values() if "pyrenn, same NARX" in scores]
    if with_pyrenn:
        late = sum(not score["ended"] for scores in with_pyrenn for score in scores)
        notes.add(
            f"pyrenn 0.1 trains with its loop closed, at most {PYRENN_EPOCHS} iterations from {len(PYRENN_SEEDS)} "
            f"starts a series, on standardized values. It looks for a step that helps without an end: {late} of "
            f"{sum(map(len, with_pyrenn))} starts were ended after {PYRENN_LIMIT} s, and the last weights that "
            f"helped count."
        )
    figure.savefig(RESULTS / "forecasting.png", dpi=80, metadata={"Software": None})
    head = (
        f"Median and extremes over {len(SEEDS)} seeds for `NetworkForecaster`, whose defaults (automatic weight decay, "
        "four starts) are changed in lags and hidden units only. Nothing was tuned on the test part. Seconds are of "
        "the processor, on one thread.\n\n![Forecasts through the test part, and errors by horizon.](forecasting.png)"
    )
    text = "\n\n".join([head, *sections, *sorted(notes)])
    write("forecasting", "Forecasts of measured series", text, results)


def draw(axes, series: Series, runs: list, found: dict) -> None:
    """The path through the test part of the median seed, and errors by horizon."""
    task = series.task
    order = np.argsort([score["whole"] for score, _ in runs])
    path = runs[order[len(order) // 2]][1]
    raw = series.raw[:, 0]
    begin = max(0, task.n_train - 100)
    times = np.array(series_named(task.name).times)
    places = times.astype("M8[M]") if task.name == "air_passengers" else times.astype(float)
    ax = plots.forecast(
        raw[begin : task.n_train],
        path,
        raw[task.n_train :],
        times=places[begin : task.n_train],
        future_times=places[task.n_train :],
        ax=axes[0],
    )
    ax.set_title(f"{task.name}: the whole test part in closed loop, median seed")
    errors = {name: np.median([score["by_step"] for score in scores], axis=0) for name, scores in found.items()}
    plots.errors_by_horizon(errors, ax=axes[1])


if __name__ == "__main__":
    main()
