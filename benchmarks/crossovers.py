"""Where one algorithm overtakes another: what `algorithm="auto"` is made of.

A network with random weights and half the hidden units makes the targets, so that the goals can be reached; inputs
uniform, targets standardized. Two goals from the same starts: *noisy*, with noise of a tenth of the targets' deviation
and a goal 5 % above its variance, which is where a validation stop would end; and *exact*, without noise, to a mean
squared error of 1e-6. Processor seconds on one thread, the median over the starts.

``python -m benchmarks crossovers`` takes about a quarter of an hour.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import Any

import numpy as np

from benchmarks.measuring import table, write
from marquardt.algorithms import algorithm_named, choose
from marquardt.algorithms.automatic import DAMPING
from marquardt.losses import Squares
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.objective import ProblemInfo, estimated_costs
from marquardt.training import Limits, Training

ALGORITHMS = {
    "lm": "lm",
    "lm, auto's damping": f"lm({', '.join(f'{name}={value!r}' for name, value in DAMPING.items())})",
    "lm_bfgs": "lm_bfgs",
    "bfgs": "bfgs",
    "lbfgs": "lbfgs",
}
Shape = tuple[int, int, int, int]
SMALL: list[Shape] = [
    (5, 3, 1, 100),
    (5, 3, 1, 10_000),
    (5, 10, 1, 300),
    (5, 10, 1, 3000),
    (5, 10, 1, 30_000),
    (5, 30, 1, 1000),
    (5, 30, 1, 10_000),
    (5, 100, 1, 3000),
    (5, 10, 5, 1000),
    (5, 30, 10, 5000),
]
"""Inputs, hidden units, outputs and samples: 22 to 701 weights; three starts of at most four seconds each."""
WIDE: list[Shape] = [(20, 20, 1, 4000), (10, 30, 3, 3000), (20, 30, 10, 5000), (40, 15, 4, 4000)]
"""The same with more inputs, whose matrices are dearer beside a gradient: 423 to 940 weights."""
LARGE: list[Shape] = [(5, 100, 1, 20_000), (5, 200, 1, 5000), (5, 200, 1, 20_000), (5, 500, 1, 5000)]
"""The same with 701 to 3,501 weights; one start of at most twenty seconds."""
NOISE = 0.1


def data(inputs: int, hidden: int, outputs: int, samples: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and standardized targets of a random network with half the hidden units."""
    rng = np.random.default_rng(7)
    graph = feed_forward(inputs, (hidden + 1) // 2, outputs)
    weights = initial_weights(graph, rng=rng)
    span = graph.spans[-1]
    weights[span.start : span.stop] = rng.normal(size=span.stop - span.start)
    x = rng.uniform(-1, 1, (samples, inputs))
    y = Network(graph, weights).outputs(x)
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    return x, y + noise * rng.normal(size=y.shape)


def seconds_to(goal: float, name: str, shape: Shape, x: np.ndarray, y: np.ndarray, seed: int, limit: float) -> float:
    """Processor seconds to the goal; infinite where it was not reached."""
    graph = feed_forward(*shape[:3])
    limits = Limits(max_epochs=1_000_000, goal=goal, max_seconds=limit, min_gradient=0.0)
    start = Network(graph, initial_weights(graph, rng=seed))
    run = Training(start, x, y, rule=algorithm_named(name), limits=limits, threads=1, clock=time.process_time)
    began = time.process_time()
    for _ in run:
        pass
    assert run.record.stop is not None
    return time.process_time() - began if run.record.stop.code == "goal" else math.inf


def automatic(shape: Shape) -> str:
    """What `algorithm="auto"` takes, as the tables call it."""
    *_, outputs, samples = shape
    graph = feed_forward(*shape[:3])
    costs = estimated_costs(graph, Squares(), samples)
    info = ProblemInfo(graph.n_weights, outputs, samples, float(samples * outputs), costs=lambda: costs)
    name = choose(info, memory=16e9).algorithm
    return "lm, auto's damping" if name == "levenberg_marquardt" else name


def main() -> None:
    """Measure every shape and goal."""
    rows, results = [], []
    for shapes, n_starts, limit in ((SMALL, 3, 4.0), (WIDE, 3, 4.0), (LARGE, 1, 20.0)):
        for shape in shapes:
            for kind, noise, goal in (("noisy", NOISE, 1.05 * NOISE**2), ("exact", 0.0, 1e-6)):
                x, y = data(*shape, noise)
                times = {
                    name: median_to(goal, spelling, shape, x, y, n_starts, limit)
                    for name, spelling in ALGORITHMS.items()
                }
                result = {
                    "shape": shape,
                    "weights": feed_forward(*shape[:3]).n_weights,
                    "goal": kind,
                    "limit": limit,
                    "auto": automatic(shape),
                    "seconds": {name: t if math.isfinite(t) else None for name, t in times.items()},
                }
                results.append(result)
                rows.append(row(result))
                print(rows[-1], flush=True)
    text = (
        "Processor seconds to the goal on one thread, median over the starts; what `auto` takes, and its time over "
        "that of the fastest.\n\n"
    )
    text += table(["network", "weights", "samples", "goal", *ALGORITHMS, "fastest", "auto", "ratio"], rows)
    write("crossovers", "Crossovers of algorithms", text, results)


def median_to(goal: float, name: str, shape: Shape, x: np.ndarray, y: np.ndarray, n_starts: int, limit: float) -> float:
    """Median over the starts; infinite as soon as more than half of them failed."""
    found: list[float] = []
    for seed in range(n_starts):
        found.append(seconds_to(goal, name, shape, x, y, seed, limit))
        if sum(map(math.isinf, found)) > n_starts / 2:
            return math.inf
    return statistics.median(found)


def row(result: dict[str, Any]) -> list[object]:
    """A line of the table."""
    *_, samples = result["shape"]
    seconds = {name: math.inf if t is None else t for name, t in result["seconds"].items()}
    cells = [f"{t:.3g}" if math.isfinite(t) else f"> {result['limit']:.0f}" for t in seconds.values()]
    best, mine = min(seconds, key=lambda name: seconds[name]), seconds[result["auto"]]
    network = "-".join(map(str, result["shape"][:3]))
    trial = [network, result["weights"], f"{samples:,}", result["goal"], *cells]
    if math.isinf(seconds[best]):
        return [*trial, "none", result["auto"], "–"]
    ratio = f"{mine / seconds[best]:.2f}" if math.isfinite(mine) else f"> {result['limit'] / seconds[best]:.2f}"
    return [*trial, best, result["auto"], ratio]


if __name__ == "__main__":
    main()
