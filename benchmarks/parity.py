"""Parity: 100 starts uniform in (−1, 1), tanh units, a tanh output, targets ±1, done at a sum of squares of 0.01."""

from __future__ import annotations

import itertools
import statistics

import numpy as np

from benchmarks.measuring import table, write
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.numerics import hold_blas
from marquardt.training import Limits, train

STARTS = 100
GOAL = 0.01


def parity(n_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """All inputs of −1 and 1, and their product."""
    inputs = np.array(list(itertools.product((-1.0, 1.0), repeat=n_bits)))
    return inputs, inputs.prod(axis=1, keepdims=True)


def main() -> None:
    """Measure the success rate, and epochs and time of the successful runs."""
    rows, data = [], {}
    limits = Limits(max_epochs=1000, goal=GOAL, goal_metric="sse", min_gradient=0.0)
    with hold_blas():
        for name, n_bits, n_hidden in (("XOR 2-2-1", 2, 2), ("parity-3 3-2-1", 3, 2), ("parity-3 3-3-1", 3, 3)):
            inputs, targets = parity(n_bits)
            graph = feed_forward(n_bits, n_hidden, 1, output_activation="tanh")
            records = [
                train(Network(graph, initial_weights(graph, "uniform", seed)), inputs, targets, limits=limits).record
                for seed in range(STARTS)
            ]
            good = [record for record in records if record.stop.code == "goal"]
            epochs = [record.num_epochs for record in good]
            times = [1e3 * record.seconds for record in good]
            stops = {record.stop.code for record in records} - {"goal"}
            data[name] = {"success": len(good) / STARTS, "epochs": epochs, "ms": times}
            rows.append(
                [
                    name,
                    f"{len(good) / STARTS:.0%}",
                    f"{statistics.mean(epochs):.1f} ± {statistics.stdev(epochs):.1f}",
                    f"{statistics.mean(times):.1f} ± {statistics.stdev(times):.1f}",
                    ", ".join(sorted(stops)) or "none",
                ]
            )
    header = ["network", "success", "epochs", "ms", "how the others ended"]
    text = (
        f"Levenberg–Marquardt as it comes, {STARTS} starts uniform in (−1, 1), done at SSE {GOAL}; mean and standard "
        "deviation of the successful runs.\n\n" + table(header, rows)
    )
    write("parity", "Parity", text, data)


if __name__ == "__main__":
    main()
