"""Many small networks: 1,000 runs of parity-3 side by side, and 100 restarts of the sine against one.

The same runs by `train`, one after the other, are measured beside them: a part of the 1,000, and the sine's first
start again and again. Times on a busy computer wander; ratios of times taken in turns do so less.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable

import numpy as np

from benchmarks.measuring import table, write
from benchmarks.parity import parity
from benchmarks.sine import GRAPH, INPUTS, TARGETS, start
from marquardt.networks import Network, feed_forward
from marquardt.numerics import describe_native, hold_blas, usable_cpus
from marquardt.training import Limits, train, train_many

RUNS = 1000
"""Of parity-3."""
ALONE = 50
"""How many of them are also trained by themselves."""
RESTARTS = 100
"""Of the sine."""
ROUNDS = 7


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, once."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Measure, and write the table."""
    inputs, targets = parity(3)
    graph = feed_forward(3, 2, 1, output_activation="tanh")
    starts = np.random.default_rng(0).uniform(-1.0, 1.0, size=(RUNS, graph.n_weights))
    network, limits = Network(graph, starts[0]), Limits(max_epochs=100, goal=0.01, goal_metric="sse")
    sines = np.array([start(seed) for seed in range(RESTARTS)])
    wave, short = Network(GRAPH, sines[0]), Limits(max_epochs=50, min_gradient=0.0)

    def together() -> object:
        return train_many(network, starts, inputs, targets, limits=limits, threads=1)

    def alone() -> object:
        return [train(network.with_weights(w), inputs, targets, limits=limits) for w in starts[:ALONE]]

    def waves() -> object:
        return train_many(wave, sines, INPUTS, TARGETS, limits=short, threads=1)

    def waves_shared() -> object:
        return train_many(wave, sines, INPUTS, TARGETS, limits=short, threads=usable_cpus())

    def waves_alone() -> object:
        # Every tenth: some starts take more trials than others.
        return [train(wave.with_weights(w), INPUTS, TARGETS, limits=short) for w in sines[::10]]

    with hold_blas():
        results = train_many(network, starts, inputs, targets, limits=limits)
        rounds = [
            [seconds(work) for work in (together, alone, waves, waves_alone, waves_shared)] for _ in range(ROUNDS)
        ]
        writing = seconds(lambda: [result.record for result in results])
    ends = Counter(stop.code for stop in results.stops)
    many, few, restarts, tenth, shared = (min(times) for times in zip(*rounds, strict=True))
    gain = statistics.median(one[1] / ALONE / (one[0] / RUNS) for one in rounds)
    cost = statistics.median(one[2] / (one[3] / len(sines[::10])) for one in rounds)
    one_run, one_wave = few / ALONE, tenth / len(sines[::10])
    # Of the fewest seconds: a thread that waits for a processor that another program has would be counted in a median.
    shared_cost = shared / one_wave
    rows = [
        [f"parity-3, 3-2-1, {RUNS:,} runs", f"{many:.2f} s", f"{1e3 * one_run:.1f} ms", f"{many / one_run:.0f} runs"],
        [f"sine, 1-10-1, {RESTARTS} restarts", f"{restarts:.2f} s", f"{1e3 * one_wave:.1f} ms", f"{cost:.0f} runs"],
    ]
    text = (
        f"{describe_native()}\n\n"
        + table(["", "side by side", "one run by itself", "cost as much as"], rows)
        + f"\n\nParity-3: uniform starts in (−1, 1), tanh units, done at a sum of squares of 0.01, at most 100 epochs; "
        f"{ends['goal']} of {RUNS:,} reach it. A run costs {gain:.0f} times less than by itself (must: all in 0.5 s, "
        f"reach for: 0.15 s). The sine: 50 epochs each (must: less than 20 runs); in {usable_cpus()} "
        f"threads they take {shared:.3f} s, as much as {shared_cost:.0f} runs. The fewest seconds of {ROUNDS} "
        f"rounds, and medians of ratios within a round, one thread, building objectives included. Side by side, "
        f"records are written when they are looked at: for all {RUNS:,} that takes another {writing:.2f} s."
    )
    data = {
        "parity seconds": many,
        "parity gain a run": gain,
        "sine cost in runs": cost,
        "sine cost in runs, in threads": shared_cost,
        "seconds to write the records": writing,
        "stops": dict(ends),
        "rounds": rounds,
    }
    write("many", "Many networks side by side", text, data)


if __name__ == "__main__":
    main()
