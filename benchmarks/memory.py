"""Memory beyond the data: one million samples, 10-20-1, three epochs. Linux only: it reads /proc."""

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
    write("memory", "One million samples, 10-20-1", table(["", ""], rows), result | {"extra": extra})


if __name__ == "__main__":
    main()
