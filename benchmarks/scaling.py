"""How an epoch grows with samples, weights, outputs and threads: `auto` and `trainlm`, SciPy's L-BFGS as yardstick.

Three decades each, threads as far as there are cores. The exponent is the slope of log seconds against log size, fitted
to the upper half of the sizes, where overhead no longer hides it. Seconds of the processor, an epoch, the median of
some; on the clock for threads, which needs a machine without other work. ``--quick`` measures the smallest sizes only,
``--only=threads`` one study.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders.harness import Ended, Plain, Watch
from benchmarks.measuring import RESULTS, table, write
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.numerics import usable_cpus
from marquardt.training import Fitting, Limits, Settings

BUDGET = 3.0
"""Seconds after which no further epoch of a size is measured."""
EPOCHS = (2, 12)
"""At least and at most so many epochs a size."""
SAMPLES = [100, 316, 1000, 3160, 10_000, 31_600, 100_000]
HIDDEN = [1, 3, 11, 36, 114, 361, 1143]
OUTPUTS = [1, 3, 10, 32, 100, 316, 1000]

Sizes = tuple[int, int, int, int]
"""Samples, inputs, hidden units, outputs."""
STUDIES: dict[str, tuple[str, list[Sizes]]] = {
    "samples": ("samples of 10-10-1", [(n, 10, 10, 1) for n in SAMPLES]),
    "weights": ("weights of 5-h-1 on 2,000 samples", [(2000, 5, h, 1) for h in HIDDEN]),
    "outputs": ("outputs of 10-4-m on 1,000 samples", [(1000, 10, 4, m) for m in OUTPUTS]),
}
CONTENDERS = ("marquardt auto", "marquardt trainlm", "SciPy L-BFGS-B")


class Problem:
    """A tanh network's outputs with noise, and a start."""

    loss = "squares"

    def __init__(self, sizes: Sizes) -> None:
        samples, inputs, hidden, outputs = sizes
        rng = np.random.default_rng(0)
        self.sizes = (inputs, hidden, outputs)
        self.inputs = rng.uniform(-1, 1, (samples, inputs))
        y = np.tanh(self.inputs @ rng.normal(size=(inputs, 3))) @ rng.normal(size=(3, outputs))
        self.targets = (y - y.mean(axis=0)) / y.std(axis=0) + 0.1 * rng.normal(size=y.shape)
        self.graph = feed_forward(inputs, hidden, outputs)
        self.start = initial_weights(self.graph, rng=0)

    def at(self, study: str, sizes: Sizes) -> int:
        """The size that a study varies."""
        return {"samples": sizes[0], "weights": self.graph.n_weights, "outputs": sizes[3]}.get(study, 0)


def epochs_of(
    problem: Problem, algorithm: str, threads: int = 1, clock: Callable[[], float] = time.process_time
) -> list[float]:
    """Seconds of every epoch after the first."""
    limits = Limits(max_epochs=EPOCHS[1] + 1, min_gradient=0.0, max_fail=0)
    settings = Settings(
        problem.sizes[1:-1],
        algorithm=algorithm,
        input_scaling="none",
        target_scaling="none",
        limits=limits,
        threads=threads,
    )
    start = Network(problem.graph, problem.start)
    fitting = Fitting(problem.inputs, problem.targets, settings, "regression", start=start)
    taken: list[float] = []
    last = None
    begun = clock()
    for epoch in fitting:
        now = clock()
        if last is not None and epoch.epoch > 1:
            taken.append(now - last)
        last = now
        if len(taken) >= EPOCHS[0] and now - begun > BUDGET:
            break
    return taken


def iterations_of(problem: Problem) -> list[float]:
    """Seconds of every iteration of SciPy's L-BFGS."""
    from scipy.optimize import minimize

    plain = Plain(problem)
    watch = Watch([], BUDGET)
    at: list[float] = []

    def value(weights: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = plain.gradient(weights)
        if len(at) > EPOCHS[0]:
            watch.saw(loss)
        return loss, gradient

    with contextlib.suppress(Ended):
        minimize(
            value,
            problem.start,
            jac=True,
            method="L-BFGS-B",
            callback=lambda _: at.append(time.process_time()),
            options={"maxiter": 3 * EPOCHS[1], "ftol": 0.0, "gtol": 0.0},
        )
    return list(np.diff(at))


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of log seconds against log size over the upper half of the sizes.

    Parameters
    ----------
    sizes : sequence of float
        Rising.
    seconds : sequence of float
        At each.
    """
    upper = len(sizes) // 2
    return float(np.polyfit(np.log(sizes[upper:]), np.log(seconds[upper:]), 1)[0])


def study(name: str, shapes: Sequence[Sizes]) -> dict[str, Any]:
    """Sizes, and seconds an epoch of everybody."""
    found: dict[str, Any] = {"sizes": [], "seconds": {who: [] for who in CONTENDERS}, "taken": []}
    for sizes in shapes:
        problem = Problem(sizes)
        found["sizes"].append(problem.at(name, sizes))
        taken = {
            "marquardt auto": epochs_of(problem, "auto"),
            "marquardt trainlm": epochs_of(problem, "trainlm"),
            "SciPy L-BFGS-B": iterations_of(problem),
        }
        for who, each in taken.items():
            found["seconds"][who].append(statistics.median(each))
        told = ", ".join(f"{who} {1e3 * found['seconds'][who][-1]:.3g} ms" for who in CONTENDERS)
        print(f"{name} {found['sizes'][-1]:,}: {told}", flush=True)
    found["exponents"] = {
        who: exponent(found["sizes"], found["seconds"][who]) if len(shapes) > 3 else None for who in CONTENDERS
    }
    return found


THREADED: Sizes = (20_000, 20, 30, 1)


def thread_study() -> dict[str, Any]:
    """Seconds on the clock with more and more threads."""
    counts = sorted({1, 2, 4, 8, 16, 32, 64, usable_cpus()} & set(range(1, usable_cpus() + 1)))
    found: dict[str, Any] = {"sizes": counts, "seconds": {who: [] for who in CONTENDERS}}
    problem = Problem(THREADED)
    for count in counts:
        for who, algorithm in zip(CONTENDERS, ("auto", "trainlm"), strict=False):
            found["seconds"][who].append(
                statistics.median(epochs_of(problem, algorithm, count, clock=time.perf_counter))
            )
        found["seconds"]["SciPy L-BFGS-B"].append(blas_seconds(count))
        told = ", ".join(f"{who} {1e3 * found['seconds'][who][-1]:.3g} ms" for who in CONTENDERS)
        print(f"threads {count}: {told}", flush=True)
    found["exponents"] = {
        who: None if len(counts) < 2 else float(np.polyfit(np.log(counts), np.log(found["seconds"][who]), 1)[0])
        for who in CONTENDERS
    }
    return found


def blas_seconds(threads: int) -> float:
    """An iteration of SciPy's L-BFGS, whose threads are those of BLAS, in a process of its own."""
    job = (
        "import time; time.process_time = time.perf_counter\n"
        "import statistics; from benchmarks import scaling\n"
        "print(statistics.median(scaling.iterations_of(scaling.Problem(scaling.THREADED))))"
    )
    count = {name: str(threads) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", job], capture_output=True, text=True, check=True, env={**os.environ, **count}
    )
    return float(done.stdout)


def chosen(options: Sequence[str]) -> tuple[Path, bool, str]:
    """Where results go, whether only a few are wanted, and which study alone; "" for all."""
    output, is_quick, only = RESULTS, False, ""
    for option in options:
        if option == "--quick":
            is_quick = True
        elif option.startswith("--output="):
            output = Path(option.partition("=")[2])
        elif option.startswith("--only=") and option.partition("=")[2] in (*STUDIES, "threads"):
            only = option.partition("=")[2]
        else:
            raise SystemExit(
                f"The scaling study has no option {option!r}. It has --quick, --output=DIRECTORY, and --only=NAME, "
                f"which measures one of {', '.join(STUDIES)} and threads and takes the others from earlier results."
            )
    if is_quick and output == RESULTS:
        from benchmarks.contest.environments import cache

        output = cache() / "part"
    return output, is_quick, only


def main(options: Sequence[str] = ()) -> None:
    """Measure, and write table and picture."""
    from threadpoolctl import threadpool_limits

    output, is_quick, only = chosen(options)
    output.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    if only:
        found = json.loads((RESULTS / "scaling.json").read_text(encoding="utf-8"))["results"]
    with threadpool_limits(1):
        for name, (_, shapes) in STUDIES.items():
            if only in ("", name):
                found[name] = study(name, shapes[:3] if is_quick else shapes)
    if only in ("", "threads"):
        found["threads"] = thread_study()
    rows = []
    for name, each in found.items():
        for who in CONTENDERS:
            seconds = each["seconds"][who]
            power = each["exponents"][who]
            rows.append(
                [
                    title(name),
                    who,
                    f"{each['sizes'][0]:,} – {each['sizes'][-1]:,}",
                    f"{1e3 * seconds[0]:.3g}",
                    f"{1e3 * seconds[len(seconds) // 2]:.3g}",
                    f"{1e3 * seconds[-1]:.3g}",
                    "–" if power is None else f"{power:.2f}",
                ]
            )
    header = ["what grows", "", "from – to", "ms, first", "ms, middle", "ms, last", "exponent"]
    text = (
        "Milliseconds an epoch (an iteration of L-BFGS) on one thread, of the processor; for threads, on the clock. "
        "The exponent is fitted to the upper half of the sizes; for threads, to all: −1 would be perfect.\n\n"
        + table(header, rows)
    )
    write("scaling", "Scaling", text, found, output)
    draw(found, output)


def title(name: str) -> str:
    """What grows, for people."""
    if name == "threads":
        samples, inputs, hidden, outputs = THREADED
        return f"threads, {inputs}-{hidden}-{outputs} on {samples:,} samples"
    return STUDIES[name][0]


def draw(found: dict[str, Any], output: Path) -> None:
    """Write scaling.svg: a panel a study, both ways logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot, ticker

    from benchmarks.contest.pictures import in_seconds
    from marquardt.plots.style import COLORS, MARKERS

    with mpl.rc_context({"svg.hashsalt": "marquardt", "svg.fonttype": "none", "font.size": 9}):
        figure, axes = pyplot.subplots(2, 2, figsize=(10.0, 7.4), layout="constrained")
        for ax, (name, each) in zip(axes.flat, found.items(), strict=True):
            for who, color, marker in zip(CONTENDERS, COLORS, MARKERS, strict=False):
                power = each["exponents"][who]
                label = who if power is None else f"{who}: exponent {power:.2f}"
                ax.plot(each["sizes"], each["seconds"][who], marker=marker, markersize=4, color=color, label=label)
            ax.set_xscale("log")
            ax.set_yscale("log")
            in_seconds(ax.yaxis)
            if name == "threads":
                ax.set_xticks(each["sizes"], [str(size) for size in each["sizes"]])
                ax.xaxis.set_minor_locator(ticker.NullLocator())
                ax.set_ylabel("time on the clock, an epoch")
            else:
                ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.0f}"))
                ax.set_ylabel("processor time, an epoch")
            ax.set_xlabel(title(name))
            ax.grid(color="0.9", linewidth=0.6)
            ax.set_axisbelow(True)
            ax.legend(fontsize="small", frameon=False)
        figure.savefig(output / "scaling.svg", metadata={"Date": None})
        pyplot.close(figure)


if __name__ == "__main__":
    main(sys.argv[1:])
