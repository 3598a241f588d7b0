"""Ten million rows from Parquet, 10-20-1: peak memory and time, beside memory and bare reading. Linux: reads /proc.

The files are made in a temporary folder and deleted afterwards; they take 1 GB. The environment variable
MARQUARDT_ROWS changes the number of rows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import table, write

ROWS = int(os.environ.get("MARQUARDT_ROWS", "10_000_000"))
FEW = min(ROWS, 1_000_000)

MAKE = """
import sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
n_rows, path = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(0)
direction = rng.normal(size=10)
schema = pa.schema([(name, pa.float64()) for name in (*(f"x{k}" for k in range(10)), "y")])
with pq.ParquetWriter(path, schema) as file:
    for first in range(0, n_rows, 500_000):
        inputs = rng.uniform(-1, 1, (10, min(500_000, n_rows - first)))
        target = np.sin(direction @ inputs) + 0.1 * rng.normal(size=inputs.shape[1])
        file.write_table(pa.table([*inputs, target], schema=schema))
"""

COMMON = """
import json, re, sys, time
import numpy as np
def peak():
    # Of this process alone: what getrusage tells begins with the peak of the process that started it.
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read()).group(1)) / 1024
def timed(function):
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu
from marquardt.objective import Need, Objective
from marquardt.streams import FileData, TableFiles
from marquardt.training import Fitting, Limits, Settings
path = sys.argv[1]
settings = Settings(hidden_layer_sizes=20, seed=0, limits=Limits(max_epochs=2))
files = TableFiles(path, "y")
def bare():
    for _ in files.batches(43_690):
        pass
"""

MANY = (
    COMMON
    + """
begun = peak()
read = timed(bare)
seconds, epochs = [], []
def survey():
    global data
    data = FileData(files)
surveyed = timed(survey)
fitting = Fitting.of(data, settings)
times = [time.perf_counter()]
processor = [time.process_time()]
for epoch in fitting:
    times.append(time.perf_counter())
    processor.append(time.process_time())
plan = fitting.training.objective.plan
print(json.dumps({"imports": begun, "peak": peak(), "read": read, "survey": surveyed, "start": times[1] - times[0],
                  "epoch": float(np.diff(times[1:]).min()), "epoch_processor": float(np.diff(processor[1:]).min()),
                  "form": plan.form, "threads": plan.threads, "planned": plan.memory / 2**20,
                  "mse": [fitting.record.perf[0], fitting.record.perf[-1]], "parts": data.counts}))
"""
)

FEWER = (
    COMMON
    + """
data = FileData(files, validation=0.0, test=0.0)
fitting = Fitting.of(data, settings)
network = fitting.network
scalings = {"input_scaling": network.input_scaling, "target_scaling": network.target_scaling}
columns = np.concatenate(list(files.batches(100_000)), axis=1)
weights = network.weights
streamed = Objective.of(network.graph, data.source(0), threads=1, **scalings)
kept = Objective(network.graph, columns[:10].T, columns[10:].T, threads=1, **scalings)
rounds = []
for _ in range(5):
    turn = {}
    for name, objective in (("streamed", streamed), ("kept", kept)):
        turn[name] = timed(
            lambda: (objective.at(weights, Derivatives.VALUE), objective.at(weights, Derivatives.NORMAL))
        )
    turn["read"] = timed(bare)
    rounds.append(turn)
a, b = kept.at(weights, Derivatives.NORMAL).normal, streamed.at(weights, Derivatives.NORMAL).normal
print(json.dumps({"rounds": rounds, "difference": float(np.abs(a - b).max() / np.abs(a).max())}))
"""
)


def child(job: str, *arguments: object) -> str:
    """Run a job in a process of its own."""
    command = [sys.executable, "-c", job, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def median(rounds: list, name: str, which: int) -> float:
    """The median of one of the times of the rounds: 0 wall clock, 1 processor."""
    times = sorted(turn[name][which] for turn in rounds)
    return times[len(times) // 2]


def ratio(rounds: list, which: int) -> float:
    """The median of the ratios of neighbors."""
    ratios = sorted(turn["streamed"][which] / turn["kept"][which] for turn in rounds)
    return ratios[len(ratios) // 2]


def main() -> None:
    """Measure both sizes in processes of their own."""
    folder = Path(tempfile.mkdtemp())
    try:
        free = shutil.disk_usage(folder).free
        if free < 3 * 88 * ROWS:
            raise SystemExit(f"There is no room for {ROWS:,} rows in {folder}: {free / 2**30:.1f} GiB are free.")
        few, many = folder / "few.parquet", folder / "many.parquet"
        child(MAKE, FEW, few)
        fewer = json.loads(child(FEWER, few))
        few.unlink()
        child(MAKE, ROWS, many)
        size = many.stat().st_size
        result = json.loads(child(MANY, many))
    finally:
        shutil.rmtree(folder)
    rounds = fewer["rounds"]
    memory = [
        ["rows, bytes of float64, of the file", f"{ROWS:,}, {88 * ROWS / 2**20:.0f} MB, {size / 2**20:.0f} MB"],
        ["peak memory of the whole process", f"{result['peak']:.0f} MB (must: below 1,000)"],
        ["of which Python and libraries", f"{result['imports']:.0f} MB"],
        ["form, threads", f"{result['form']}, {result['threads']}"],
        [
            "bare reading of the file, which the system has in its cache",
            f"{result['read'][0]:.1f} s ({result['read'][1]:.1f} s of processor)",
        ],
        ["the pass that counts, divides and measures", f"{result['survey'][0]:.1f} s"],
        ["an epoch (trial, normal equations, validation, test), the faster of two", f"{result['epoch']:.1f} s"],
        ["the same in processor time, all threads", f"{result['epoch_processor']:.1f} s"],
    ]
    against = [
        ["an epoch, streamed", *(f"{median(rounds, 'streamed', k):.2f} s" for k in (0, 1))],
        ["an epoch, from memory", *(f"{median(rounds, 'kept', k):.2f} s" for k in (0, 1))],
        ["streamed over memory", *(f"{ratio(rounds, k):.2f}" for k in (0, 1))],
        ["bare reading", *(f"{median(rounds, 'read', k):.2f} s" for k in (0, 1))],
        ["largest difference of the normal matrices", f"{fewer['difference']:.0e}", ""],
    ]
    text = (
        "Levenberg–Marquardt on rows of a Parquet file, network 10-20-1, float64. 70 % of the rows train.\n\n"
        + table(["", ""], memory)
        + f"\n\n{FEW:,} rows, all of which train, one thread beside the reader: a value and a normal-equations pass,\n"
        "in turn from the file and from memory; medians of five.\n\n" + table(["", "wall clock", "processor"], against)
    )
    write("larger_than_memory", "Larger than memory", text, {"many": result, "few": fewer, "file": size})


if __name__ == "__main__":
    main()
