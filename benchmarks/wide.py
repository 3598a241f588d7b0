"""Tables with more columns than rows: time and memory of a training whose weight decay the evidence chooses.

Beside the figures stands what `marquardt explain` says before: bytes that are planned, and the time of an epoch and of
an evidence. Linux only: it reads /proc.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.measuring import table, write

JOB = """
import json, re, sys, time
import numpy as np
from marquardt.training import EvidenceTraining, Fitting, Limits, Settings

def read(what):
    # Of this process alone: what getrusage tells begins with the peak of the process that started it.
    with open("/proc/self/status") as status:
        return int(re.search(what + r":\\s+(\\d+) kB", status.read()).group(1)) / 1024

n_samples, n_inputs, hidden, algorithm = json.loads(sys.argv[1])
rng = np.random.default_rng(0)
inputs = rng.normal(size=(n_samples, n_inputs))
targets = inputs[:, :5].sum(axis=1) + 0.3 * rng.normal(size=n_samples)
settings = Settings(hidden, alpha="auto", algorithm=algorithm, seed=0)
for _ in Fitting(inputs[:9, :5], targets[:9], settings, "regression"):  # loads what is loaded on first use
    pass
before = read("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak begins anew
begun = time.perf_counter()
fitting = Fitting(inputs, targets, settings, "regression")
for _ in fitting:
    pass
seconds = time.perf_counter() - begun
run = fitting.training
evidence = run.evidence_seconds if isinstance(run, EvidenceTraining) else None
print(json.dumps({"weights": fitting.network.n_weights, "form": run.objective.plan.form, "seconds": seconds,
                  "epochs": fitting.record.num_epochs, "planned": run.memory / 2**20, "taken": read("VmHWM") - before,
                  "epoch": run.objective.plan.epoch_seconds, "evidence": evidence, "stop": fitting.record.stop.code,
                  "whole": read("VmHWM")}))
"""
TABLES = (
    (30, 400, [10], "lm"),
    (30, 2000, [10], "lm"),
    (300, 400, [10], "lm"),
    (1000, 400, [10], "lm"),
    (442, 10, [30, 20], "lm"),
    (442, 10, [10], "lm"),
    (1000, 30, [20], "lm"),
    (30, 400, [10], "trainbr"),
    (30, 2000, [10], "trainbr"),
)


def main() -> None:
    """A process a table."""
    rows, results = [], []
    for n_samples, n_inputs, hidden, algorithm in TABLES:
        job = [sys.executable, "-c", JOB, json.dumps([n_samples, n_inputs, hidden, algorithm])]
        found = json.loads(subprocess.run(job, capture_output=True, text=True, check=True).stdout)
        results.append({"samples": n_samples, "inputs": n_inputs, "hidden": hidden, "algorithm": algorithm, **found})
        evidence = "" if found["evidence"] is None else f"{1e3 * found['evidence']:.2g}"
        rows.append(
            [
                f"{n_samples:,} × {n_inputs:,}",
                f"{'-'.join(map(str, hidden))}, {algorithm}",
                f"{found['weights']:,}",
                found["form"],
                f"{found['seconds']:.2f}",
                found["epochs"],
                f"{found['planned']:.1f}",
                f"{found['taken']:.1f}",
                f"{found['whole']:.0f}",
                f"{1e3 * found['epoch']:.2g}",
                evidence,
            ]
        )
    header = ("table", "network", "weights", "form", "seconds", "epochs", "planned MB", "taken MB", "process MB")
    text = (
        "Trained until the evidence rises no more. Memory is beyond the table's: what was planned, what the process "
        "took more at its peak, and all that it had then. The last two columns are what `explain` estimates.\n\n"
    )
    header = (*header, "epoch ms", "evidence ms")
    write("wide", "Tables with more columns than rows", text + table(header, rows), results)


if __name__ == "__main__":
    main()
