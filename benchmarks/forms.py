"""An epoch in each form of the normal equations, from few samples and many weights to the reverse.

An epoch is the evaluation of a point and one damped step. Each form runs in a process of its own, for its peak of
memory; Linux only, as that is read from /proc.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.measuring import table, write

MATRICES = ("pairs", "explicit")
FORMS = (*MATRICES, "samples", "matrix_free")
SHAPES = (
    (100, 10, (1000,), 1),
    (500, 10, (2000,), 1),
    (1000, 10, (300,), 1),
    (2000, 10, (300,), 1),
    (3000, 10, (300,), 1),
    (1000, 20, (50,), 3),
    (5000, 20, (100,), 1),
    (20_000, 10, (20,), 1),
    (5000, 10, (150, 150), 1),
    (50_000, 10, (300, 320), 1),
)
LARGEST = 4e9
"""Bytes: forms whose plan needs more are not run."""

JOB = """
import json, re, sys, time
import numpy as np
import scipy.linalg
from marquardt.errors import ResourceError
from marquardt.networks import feed_forward, initial_weights
from marquardt.numerics import hold_blas
from marquardt.objective import Need, Objective

def peak():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read()).group(1)) * 1024

n_samples, n_inputs, hidden, n_outputs, form, largest, rounds = json.loads(sys.argv[1])
rng = np.random.default_rng(0)
graph = feed_forward(n_inputs, hidden, n_outputs)
inputs = rng.uniform(-1, 1, (n_samples, n_inputs))
targets = np.sin(inputs @ rng.normal(size=(n_inputs, n_outputs)))
start = initial_weights(graph, rng=0)
options = {"systems": ("samples", "matrix_free")} if form == "auto" else {}
try:
    objective = Objective(graph, inputs, targets, form=form, threads=1, **options)
except ResourceError:
    print(json.dumps({"planned": None}))
    raise SystemExit
made = {"weights": graph.n_weights, "planned": objective.plan.memory, "form": objective.plan.form}
if objective.plan.memory <= largest and form != "auto":
    before, times = peak(), []
    with hold_blas():
        for turn in range(rounds + 1):
            weights = start * (1.0 + 0.01 * turn)
            begun = time.perf_counter()
            here = objective.at(weights, Derivatives.NORMAL)
            step = here.damped_step(1e-3)[0]
            times.append(time.perf_counter() - begun)
            assert step is not None
    made |= {"seconds": min(times[1:]), "peak": peak() - before}
print(json.dumps(made))
"""


def measured(shape: tuple[object, ...], form: str, rounds: int) -> dict[str, float]:
    """Time and memory of one form, in a process of its own."""
    job = json.dumps([*shape, form, LARGEST, rounds])
    done = subprocess.run([sys.executable, "-c", JOB, job], capture_output=True, text=True, check=True)
    made: dict[str, float] = json.loads(done.stdout)
    return made


def cell(made: dict[str, float], best: float) -> str:
    """Time, ratio and memory of one form."""
    if "seconds" not in made:
        return "no room"
    return f"{1e3 * made['seconds']:.3g} ms, {made['seconds'] / best:.2f}×, {made['peak'] / 2**20:.0f} MB"


def main() -> None:
    """Measure every form on every shape."""
    rows, results = [], []
    for shape in SHAPES:
        n_samples, n_inputs, hidden, n_outputs = shape
        rounds = 1 if n_samples * sum(hidden) > 1e7 else 3
        made = {form: measured(shape, form, rounds) for form in FORMS}
        auto = measured(shape, "auto", 0)
        ran = {form: one["seconds"] for form, one in made.items() if "seconds" in one}
        best = min((seconds for form, seconds in ran.items() if form in MATRICES), default=min(ran.values()))
        cells = [cell(made[form], best) for form in FORMS]
        network = "-".join(str(size) for size in (n_inputs, *hidden, n_outputs))
        rows.append([network, f"{auto['weights']:,}", f"{n_samples * n_outputs:,}", *cells, auto["form"]])
        print(rows[-1], flush=True)
        results.append({"shape": shape, "auto": auto["form"], **made})
    text = (
        "An epoch of Levenberg–Marquardt: one evaluation and one damped step, one thread. Time, the least of up to "
        "three epochs; its ratio to the faster of the two matrix forms (of all, where neither has room); and peak "
        "memory beyond the process with the data. The last column is the plan's own choice where all forms are "
        "allowed. A form that plans more than "
        f"{LARGEST / 1e9:.0f} GB is not run. The step of the matrix-free form is a truncated one.\n\n"
    )
    header = ["network", "weights", "residuals", *FORMS, "planned"]
    write("forms", "Forms of the normal equations", text + table(header, rows), results)


if __name__ == "__main__":
    main()
