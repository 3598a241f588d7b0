"""A fully connected cascade against a multilayer network of as many weights: what a pass costs for each weight.

Both have seven inputs and one output; the cascade nine hidden layers of one unit each. The passes are what a trial and
an accepted step of Levenberg–Marquardt need, in the form that the plan takes, in turns within one run; with the
compiled kernel and, in a process of its own, without it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

from benchmarks.measuring import table, write
from marquardt.networks import LayerGraph, feed_forward, fully_connected_cascade, initial_weights
from marquardt.numerics import hold_blas, native_kernel
from marquardt.objective import Derivatives, Objective

SAMPLES = (128, 1000, 10_000)
ROUNDS = 9
TURN = 0.02
"""Seconds that a turn takes at least."""


def prepared(graph: LayerGraph, n_samples: int) -> tuple[Objective, np.ndarray]:
    """The objective on random data, and a point."""
    rng = np.random.default_rng(0)
    inputs, targets = rng.uniform(-1, 1, (n_samples, graph.n_inputs)), rng.normal(size=(n_samples, graph.n_outputs))
    return Objective(graph, inputs, targets, threads=1), initial_weights(graph, rng=0)


def turn(objective: Objective, weights: np.ndarray, need: Derivatives, passes: int) -> float:
    """Processor seconds of a pass, for each weight; no two passes are at one point."""
    begun = time.process_time()
    for number in range(passes):
        objective.at(weights + 1e-9 * number, need)
    return (time.process_time() - begun) / passes / objective.n_weights


def ratios(
    cascade: LayerGraph, multilayer: LayerGraph, samples: tuple[int, ...], rounds: int
) -> list[dict[str, object]]:
    """Cascade over multilayer, for every number of samples and what is asked for."""
    found = []
    with hold_blas():
        for n_samples in samples:
            both = [prepared(graph, n_samples) for graph in (cascade, multilayer)]
            for need in (Derivatives.VALUE, Derivatives.NORMAL):
                once = max(turn(*one, need, 2) * one[0].n_weights for one in both)
                passes = max(1, int(TURN / max(once, 1e-6)))
                pairs = [[turn(*one, need, passes) for one in both] for _ in range(rounds)]
                found.append(
                    {
                        "samples": n_samples,
                        "asked for": need.name.lower(),
                        "forms": [one[0].plan.form for one in both],
                        "cascade ns a weight and sample": 1e9 * statistics.median(a for a, _ in pairs) / n_samples,
                        "ratio": statistics.median(a / b for a, b in pairs),
                    }
                )
    return found


def measured() -> list[dict[str, object]]:
    """All of it in this process."""
    return ratios(fully_connected_cascade(7, 9, 1), feed_forward(7, 13, 1), SAMPLES, ROUNDS)


def without_kernel() -> list[dict[str, object]]:
    """All of it in a process whose kernel is switched off."""
    code = "import json; from benchmarks.topologies import measured; print(json.dumps(measured()))"
    environment = {**os.environ, "MARQUARDT_NATIVE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    result: list[dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure, and write the table."""
    plain = without_kernel()
    compiled = None if native_kernel() is None else measured()
    rows = []
    for number, row in enumerate(plain):
        with_kernel = "–" if compiled is None else f"{compiled[number]['ratio']:.2f}×"
        pass_of = "value" if row["asked for"] == "value" else "normal equations"
        rows.append([f"{row['samples']:,}", pass_of, with_kernel, f"{row['ratio']:.2f}×"])
    text = (
        "A pass over a fully connected cascade 7-(9 × 1)-1 of 125 weights, against one over a multilayer network "
        "7-13-1 of 118, in processor time for each weight:\n\n"
        + table(["samples", "what", "compiled kernel", "NumPy alone"], rows)
        + f"\n\nOne thread, medians of {ROUNDS} turns. With the kernel a layer of one unit is a layer like any other; "
        "in NumPy every layer costs its calls."
    )
    write("topologies", "Cascades against multilayer networks", text, {"kernel": compiled, "numpy": plain})


if __name__ == "__main__":
    main()
