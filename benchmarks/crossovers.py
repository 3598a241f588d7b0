"""Where one algorithm overtakes another: what `algorithm="auto"` is made of.

A network with random weights and half the hidden units makes the targets, so that the goals can be reached; inputs
uniform, targets standardized. Two goals from the same three starts: *noisy*, with noise of a tenth of the targets' deviation
and a goal 5 % above its variance, which is where a validation stop would end; and *exact*, without noise, to a mean
squared error of 1e-6. Processor seconds on one thread, the median over the starts; a run ends after `LIMIT` seconds.

``python -m benchmarks crossovers`` takes about half an hour.
"""

from __future__ import annotations

import math
import statistics
import time

import numpy as np

from benchmarks.measuring import table, write
from marquardt.algorithms import algorithm_named
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.training import Limits, Training

ALGORITHMS = ("lm", "lm_geodesic", "bfgs", "lbfgs", "scg")
N_INPUTS = 5
# (hidden units, outputs, samples): 22 to 2,101 weights, 100 to 30,000 samples.
SHAPES = [
    (hidden, 1, samples)
    for hidden, counts in (
        (3, (100, 1000, 10_000, 100_000)),
        (10, (300, 3000, 30_000)),
        (30, (1000, 10_000, 30_000)),
        (100, (3000, 30_000)),
        (300, (10_000,)),
    )
    for samples in counts
] + [(10, 5, 1000), (30, 5, 3000), (30, 10, 10_000)]
STARTS = 3
LIMIT = 20.0
NOISE = 0.1


def data(hidden: int, outputs: int, samples: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and standardized targets of a random network with half the hidden units."""
    rng = np.random.default_rng(7)
    graph = feed_forward(N_INPUTS, (hidden + 1) // 2, outputs)
    weights = initial_weights(graph, rng=rng)
    span = graph.spans[-1]
    weights[span.start : span.stop] = rng.normal(size=span.stop - span.start)
    x = rng.uniform(-1, 1, (samples, N_INPUTS))
    y = Network(graph, weights).outputs(x)
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    return x, y + noise * rng.normal(size=y.shape)


def seconds_to(goal: float, name: str, shape: tuple[int, int, int], x: np.ndarray, y: np.ndarray, seed: int) -> float:
    """Processor seconds to the goal; infinite where it was not reached."""
    graph = feed_forward(N_INPUTS, shape[0], shape[1])
    limits = Limits(max_epochs=1_000_000, goal=goal, max_seconds=LIMIT, min_gradient=0.0)
    start = Network(graph, initial_weights(graph, rng=seed))
    run = Training(start, x, y, rule=algorithm_named(name), limits=limits, threads=1, clock=time.process_time)
    began = time.process_time()
    for _ in run:
        pass
    assert run.record.stop is not None
    return time.process_time() - began if run.record.stop.code == "goal" else math.inf


def main() -> None:
    """Measure every shape and goal."""
    rows, results = [], []
    for shape in SHAPES:
        hidden, outputs, samples = shape
        n_weights = feed_forward(N_INPUTS, hidden, outputs).n_weights
        for kind, noise, goal in (("noisy", NOISE, 1.05 * NOISE**2), ("exact", 0.0, 1e-6)):
            x, y = data(*shape, noise)
            times = {}
            for name in ALGORITHMS:
                found: list[float] = []
                for seed in range(STARTS):
                    found.append(seconds_to(goal, name, shape, x, y, seed))
                    # A median that is infinite already needs no third start.
                    if sum(map(math.isinf, found)) > STARTS / 2:
                        break
                times[name] = statistics.median(found) if len(found) == STARTS else math.inf
            best = min(times, key=lambda name: times[name])
            cells = [f"{t:.3g}" if math.isfinite(t) else f"> {LIMIT:.0f}" for t in times.values()]
            rows.append([f"{N_INPUTS}-{hidden}-{outputs}", n_weights, samples, kind, *cells, best])
            results.append(
                {
                    "shape": shape,
                    "weights": n_weights,
                    "goal": kind,
                    "seconds": {k: t if math.isfinite(t) else None for k, t in times.items()},
                }
            )
            print(rows[-1], flush=True)
    text = "Processor seconds to the goal on one thread, median of three starts.\n\n" + table(
        ["network", "weights", "samples", "goal", *ALGORITHMS, "fastest"], rows
    )
    write("crossovers", "Crossovers of algorithms", text, results)


if __name__ == "__main__":
    main()
