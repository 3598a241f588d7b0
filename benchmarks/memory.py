"""Memory beyond the data: one million samples, 10-20-1, three epochs; and smaller problems within budgets.

Linux only: it reads /proc.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.measuring import table, write

JOB = """
import json, re, time
import numpy as np
import scipy.linalg
from marquardt.training import Fitting, Limits, Settings

def peak():
    # Of this process alone: what getrusage tells begins with the peak of the process that started it.
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read()).group(1)) / 1024

rng = np.random.default_rng(0)
inputs = rng.uniform(-1, 1, (1_000_000, 10))
targets = np.sin(inputs @ rng.normal(size=10))[:, None]
before = peak()
begun = time.perf_counter()
fitting = Fitting(inputs, targets, Settings(hidden_layer_sizes=20, seed=0, limits=Limits(max_epochs=3)), "regression")
for epoch in fitting:
    pass
took = time.perf_counter() - begun
plan = fitting.training.objective.plan
data = inputs.nbytes + targets.nbytes
print(json.dumps({"data": data / 2**20, "before": before, "after": peak(), "seconds": took,
                  "threads": plan.threads, "form": plan.form, "planned": plan.memory / 2**20}))
"""

BUDGETED = """
import json, re, sys
import numpy as np
from marquardt.errors import ResourceError
from marquardt.numerics import hold_blas, solve_damped
from marquardt.training import Fitting, Limits, Settings

def peak():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read()).group(1)) / 1024

n_samples, n_inputs, hidden, budget = json.loads(sys.argv[1])
rng = np.random.default_rng(0)
inputs = rng.uniform(-1, 1, (n_samples, n_inputs))
targets = np.sin(inputs @ rng.normal(size=n_inputs))[:, None]
warm = Fitting(inputs[:9], targets[:9], Settings(2, seed=0, limits=Limits(max_epochs=2)), "regression")
for epoch in warm:
    pass
before = peak()
settings = Settings(hidden, algorithm="lm", seed=0, max_memory=budget, limits=Limits(max_epochs=2))
try:
    fitting = Fitting(inputs, targets, settings, "regression")
    for epoch in fitting:
        pass
    plan = fitting.training.objective.plan
    print(json.dumps({"form": plan.form, "block": plan.block_size, "planned": plan.memory / 2**20,
                      "extra": peak() - before}))
except ResourceError as error:
    print(json.dumps({"form": "refused", "planned": None, "extra": None, "message": str(error)}))
"""
BUDGETS = (
    (100_000, 20, [30], ("200MB", "60MB", "30MB")),
    (2000, 10, [300], ("500MB", "250MB", "50MB")),
    (20_000, 10, [20, 20], ("100MB", "20MB", "5MB")),
)


def within() -> tuple[list[list[object]], list[dict[str, object]]]:
    """Peaks of processes that were given a budget."""
    rows, results = [], []
    for n_samples, n_inputs, hidden, budgets in BUDGETS:
        for budget in budgets:
            case = json.dumps([n_samples, n_inputs, hidden, budget])
            done = subprocess.run([sys.executable, "-c", BUDGETED, case], capture_output=True, text=True, check=True)
            made = json.loads(done.stdout)
            network = "-".join(map(str, (n_inputs, *hidden, 1)))
            figures = [f"{made[key]:.0f} MiB" if made[key] is not None else "–" for key in ("planned", "extra")]
            rows.append([network, f"{n_samples:,}", budget, made["form"], *figures])
            results.append({"case": json.loads(case)} | made)
    return rows, results


def main() -> None:
    """Measure the peak of a process of its own."""
    done = subprocess.run([sys.executable, "-c", JOB], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    extra = result["after"] - result["before"]
    rows = [
        ["data (float64)", f"{result['data']:.0f} MB"],
        ["process with the data, before training", f"{result['before']:.0f} MB"],
        ["peak while training", f"{result['after']:.0f} MB"],
        ["beyond the data", f"{extra:.0f} MB (must: below 300)"],
        ["form, threads", f"{result['form']}, {result['threads']}"],
        ["three epochs", f"{result['seconds']:.1f} s"],
    ]
    text = (
        table(["", ""], rows) + "\n\n## Within a budget\n\nTwo epochs of Levenberg–Marquardt. Peak beyond the data.\n\n"
    )
    budgeted, results = within()
    text += table(["network", "samples", "max_memory", "form", "planned", "peak"], budgeted)
    write("memory", "One million samples, 10-20-1", text, result | {"extra": extra, "budgets": results})


if __name__ == "__main__":
    main()
