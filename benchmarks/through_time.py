"""Forward against backward derivatives through time, and whether the plan takes the faster.

One pass for the normal equations of each form, turn by turn within one run, on the processor's clock.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.measuring import table, write
from marquardt.networks import Network, distributed_delay, initial_weights, layer_recurrent, narx
from marquardt.objective import Derivatives, sequence_objective

ROUNDS = 7
CASES: dict[str, tuple[Any, int, int]] = {
    "NARX 1-5-1, closed": (narx(1, 5, 1, (1, 2), (1, 2), closed=True), 300, 1),
    "NARX 1-10-1, closed": (narx(1, 10, 1, (1, 2), (1, 2), closed=True), 1000, 1),
    "NARX 2-10-3, closed": (narx(2, 10, 3, (1, 2), (1, 2, 3), closed=True), 300, 1),
    "NARX 1-10-1, closed, 50 sequences": (narx(1, 10, 1, (1, 2), (1, 2), closed=True), 20, 50),
    "Elman 1-4-1": (layer_recurrent(1, 4, 1), 300, 1),
    "Elman 1-10-1": (layer_recurrent(1, 10, 1), 300, 1),
    "Elman 1-10-1, 50 sequences": (layer_recurrent(1, 10, 1), 20, 50),
    "Elman 1-30-1, 50 sequences": (layer_recurrent(1, 30, 1), 20, 50),
    "Elman 3-8-8-2": (layer_recurrent(3, (8, 8), 2), 200, 1),
    "distributed delay 1-10-1": (distributed_delay(1, 10, 1, [(0, 1, 2), (0, 1, 2)]), 500, 1),
    "distributed delay 2-10-10-2": (distributed_delay(2, (10, 10), 2, [(0, 1), (0, 1, 2), (0, 1)]), 500, 1),
}


def main() -> None:
    """Measure, print and write."""
    rows, found = [], []
    with threadpool_limits(1):
        for name, (graph, n_steps, n_sequences) in CASES.items():
            rng = np.random.default_rng(0)
            network = Network(graph, 0.5 * initial_weights(graph, rng=0))
            inputs = [rng.uniform(-1, 1, (n_steps, graph.n_inputs)) for _ in range(n_sequences)]
            targets = [rng.uniform(-1, 1, (n_steps, graph.n_outputs)) for _ in range(n_sequences)]
            objectives = {
                form: sequence_objective(network, inputs, targets, form=form) for form in ("forward", "backward")
            }
            chosen = sequence_objective(network, inputs, targets).plan.form
            seconds: dict[str, list[float]] = {form: [] for form in objectives}
            for turn in range(ROUNDS):
                for form, objective in objectives.items():
                    began = time.process_time()
                    objective.at(network.weights + 1e-9 * turn, Derivatives.NORMAL)
                    seconds[form].append(time.process_time() - began)
            medians = {form: float(np.median(each[1:])) for form, each in seconds.items()}
            ratio = medians["backward"] / medians["forward"]
            faster = "forward" if ratio > 1 else "backward"
            lost = medians[chosen] / min(medians.values())
            found.append(
                {"case": name, "weights": graph.n_weights, **medians, "plan": chosen, "faster": faster, "lost": lost}
            )
            rows.append(
                [
                    name,
                    graph.n_weights,
                    f"{1e3 * medians['forward']:.3g}",
                    f"{1e3 * medians['backward']:.3g}",
                    f"{ratio:.2f}",
                    chosen,
                    f"{lost:.2f}",
                ]
            )
    heads = ["network", "weights", "forward, ms", "backward, ms", "backward / forward", "plan takes", "over the faster"]
    right = sum(each["plan"] == each["faster"] for each in found)
    text = (
        f"One pass for the normal equations, median of {ROUNDS - 1}, the forms in turn. "
        f"The plan takes the faster form in {right} of {len(found)} cases.\n\n"
    )
    write("through_time", "Derivatives through time", text + table(heads, rows), found)


if __name__ == "__main__":
    main()
