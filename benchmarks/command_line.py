"""`marquardt train` and `predict` on ten million rows: peak memory; and what a pass costs by kind of file. Linux only.

The files are made in a temporary folder and deleted afterwards; they take 1.5 GB. The environment variable
MARQUARDT_ROWS changes the number of rows.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from pathlib import Path

from benchmarks.larger_than_memory import FEW, MAKE, ROWS, child
from benchmarks.measuring import table, write

RUN = """
import json, re, sys, time
from marquardt.cli import main
wall, cpu = time.perf_counter(), time.process_time()
code = main(sys.argv[1:])
with open("/proc/self/status") as status:
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read()).group(1)) / 1024
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print("\\n" + json.dumps({"code": code, "peak": peak, "wall": wall, "cpu": cpu}))
"""

PASSES = """
import json, sys, time
import pyarrow.csv, pyarrow.parquet
from marquardt.streams import TableFiles
from marquardt.tables import CodedFiles, TableCoding, open_rows
parquet, text = sys.argv[1], sys.argv[1] + ".csv"
pyarrow.csv.write_csv(pyarrow.parquet.read_table(parquet), text)
def passes(files):
    began = time.process_time()
    for _ in files.batches(43_690):
        pass
    return time.process_time() - began
rows, began = open_rows(parquet), time.process_time()
lines = open_rows(text)
survey = time.process_time() - began
coding = TableCoding.fit_rows(rows, "y")
kinds = {"bare": TableFiles(parquet, "y"), "coded": CodedFiles(rows, coding), "text": CodedFiles(lines, coding)}
rounds = [{name: passes(files) for name, files in kinds.items()} for _ in range(6)][1:]
print(json.dumps({"survey": survey, "rounds": rounds}))
"""


def run(*arguments: object) -> dict[str, float]:
    """Run the program in a process of its own; what it took."""
    taken: dict[str, float] = json.loads(child(RUN, *arguments).splitlines()[-1])
    if taken["code"]:
        raise SystemExit(f"marquardt {' '.join(map(str, arguments))} ended with {taken['code']}.")
    return taken


def main() -> None:
    """Measure in processes of their own."""
    folder = Path(tempfile.mkdtemp())
    try:
        free = shutil.disk_usage(folder).free
        if free < 3 * 88 * ROWS:
            raise SystemExit(f"There is no room for {ROWS:,} rows in {folder}: {free / 2**30:.1f} GiB are free.")
        few, twice, many, network = (folder / name for name in ("few.parquet", "twice.parquet", "many.parquet", "n.m"))
        child(MAKE, FEW, few)
        child(MAKE, 2 * FEW, twice)
        rounds = json.loads(child(PASSES, few))
        train = ("--target", "y", "--hidden", 20, "--epochs", 1, "-o", network, "--force", "-q")
        predict = ("-o", folder / "predicted.parquet", "--force", "-q")
        whole = {
            "train": [run("train", path, *train, "--no-stream")["peak"] for path in (few, twice)],
            "predict": [run("predict", network, path, *predict, "--no-stream")["peak"] for path in (few, twice)],
        }
        text = run("train", f"{few}.csv", *train, "--stream")
        child(MAKE, ROWS, many)
        size = many.stat().st_size
        trained = run("train", many, *train, "--stream")
        predicted = run("predict", network, many, *predict, "--stream")
    finally:
        shutil.rmtree(folder)
    copies = {name: (second - first) * 2**20 / (88 * FEW) for name, (first, second) in whole.items()}
    names, turns = ("bare", "coded", "text"), rounds["rounds"]
    taken = {name: statistics.median(turn[name] for turn in turns) * 1e6 / FEW for name in names}
    ratios = {name: statistics.median(turn[name] / turn["bare"] for turn in turns) for name in names}
    streamed = [
        [f"`marquardt train`, {ROWS:,} rows, Parquet of {size / 2**20:.0f} MB", f"{trained['peak']:.0f} MB"],
        [f"`marquardt predict`, {ROWS:,} rows", f"{predicted['peak']:.0f} MB"],
        [f"`marquardt train`, {FEW:,} rows, CSV", f"{text['peak']:.0f} MB"],
    ]
    in_memory = [[f"`marquardt {name} --no-stream`", f"{times:.1f}"] for name, times in copies.items()]
    costs = [
        ["numbers from Parquet, as `TableFiles` reads them", f"{taken['bare']:.2f} s", "1"],
        ["columns of any kind from Parquet, coded", f"{taken['coded']:.2f} s", f"{ratios['coded']:.1f}"],
        ["the same from CSV", f"{taken['text']:.2f} s", f"{ratios['text']:.1f}"],
    ]
    page = (
        "Peak memory of the whole process, with Python and libraries; ten inputs and a target, 10-20-1, one epoch:\n\n"
        f"{table(['batch by batch (must: below 1,000 MB)', 'peak'], streamed)}\n\n"
        f"As a whole, what another {FEW:,} rows add to the peak, over their own {88 * FEW / 2**20:.0f} MB:\n\n"
        f"{table(['', 'times'], in_memory)}\n\n"
        "A pass over a million rows, processor time; medians of five, taken in turn. Before the first, a CSV file is\n"
        f"gone through once for the types of its columns: {rounds['survey'] * 1e6 / FEW:.2f} s.\n\n"
        f"{table(['', 'a pass', 'over the first'], costs)}"
    )
    results = {"train": trained, "predict": predicted, "text": text, "whole": whole, "passes": rounds, "file": size}
    write("command_line", "The command line on files larger than memory", page, results)


if __name__ == "__main__":
    main()
