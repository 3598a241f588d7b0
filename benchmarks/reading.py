"""How long reading a table takes beside pyarrow and pandas, which decide less: processor time, as ratios in one run.

`read_table` finds separator, marks, units and codes, and says where a file is broken; `open_rows` goes through a file
batch by batch, once to learn what columns hold and once to hand them out.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from benchmarks.measuring import table, write
from marquardt.tables import open_rows, read_table

N_ROWS, N_COLUMNS, REPEATS = 200_000, 8, 5


def main() -> None:
    """Measure the median of some passes a reader, in turn."""
    rows, found = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (path, readers) in cases(Path(folder)).items():
            times: dict[str, list[float]] = {reader: [] for reader in readers}
            for _ in range(REPEATS):
                for reader, read in readers.items():
                    began = time.process_time()
                    read(path)
                    times[reader].append(time.process_time() - began)
            medians = {reader: statistics.median(took) for reader, took in times.items()}
            found[name] = medians
            rows.append([name, *(_ratio(medians, reader) for reader in READERS)])
    headings = [f"{N_ROWS:,} rows of {N_COLUMNS} columns", *READERS]
    write("reading", "Reading tables, in times of what pyarrow takes", table(headings, rows), found)


READERS = ("pyarrow", "pandas", "read_table", "open_rows")


def _ratio(medians: dict[str, float], reader: str) -> str:
    return f"{medians[reader] / medians['pyarrow']:.2f}" if reader in medians else ""


def cases(folder: Path) -> dict[str, tuple[Path, dict[str, Callable[[Path], object]]]]:
    """Write the files, and return what reads each."""
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.normal(size=(N_ROWS, N_COLUMNS)), columns=[f"x{k}" for k in range(N_COLUMNS)])
    whole = pd.DataFrame(rng.integers(0, 100_000, (N_ROWS, N_COLUMNS)), columns=numbers.columns)
    words = pd.DataFrame({name: rng.choice(["red", "green", "blue"], N_ROWS) for name in numbers.columns})
    gaps = words.mask(rng.random(words.shape) < 0.1)
    weights = numbers.round(3).astype(str) + " kg"
    files = {
        "fractions": (numbers, {}),
        "whole numbers": (whole, {}),
        "words": (words, {}),
        "words with gaps": (gaps, {}),
        "decimal commas": (numbers, {"sep": ";", "decimal": ","}),
        "numbers with a unit": (weights, {}),
    }
    made: dict[str, tuple[Path, dict[str, Callable[[Path], object]]]] = {}
    for name, (frame, options) in files.items():
        path = folder / f"{name.replace(' ', '_')}.csv"
        frame.to_csv(path, index=False, **options)
        made[name] = path, csv_readers(options)
    path = folder / "fractions.parquet"
    pyarrow.parquet.write_table(pa.Table.from_pandas(numbers), path)
    made["Parquet, fractions"] = (
        path,
        {
            "pyarrow": pyarrow.parquet.read_table,
            "pandas": pd.read_parquet,
            "read_table": read_table,
            "open_rows": pass_over,
        },
    )
    return made


def csv_readers(options: dict[str, str]) -> dict[str, Callable[[Path], object]]:
    """Return what reads a CSV file; the others are told what it is like."""
    parse = pyarrow.csv.ParseOptions(delimiter=options.get("sep", ","))
    convert = pyarrow.csv.ConvertOptions(decimal_point=options.get("decimal", "."), strings_can_be_null=True)
    return {
        "pyarrow": lambda path: pyarrow.csv.read_csv(path, parse_options=parse, convert_options=convert),
        "pandas": lambda path: pd.read_csv(path, **options),
        "read_table": read_table,
        "open_rows": pass_over,
    }


def pass_over(path: Path) -> int:
    """Open a table and go through it once."""
    rows = open_rows(path)
    return sum(batch.num_rows for batch in rows.batches(rows.column_names, 65_536))


if __name__ == "__main__":
    main()
