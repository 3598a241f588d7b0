"""How long ``import marquardt`` and ``marquardt --help`` take, byte-compiled, each in a new process."""

from __future__ import annotations

import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import marquardt
from benchmarks.measuring import table, write

CASES = {
    "python -c pass": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import marquardt": ["-c", "import marquardt"],
    "marquardt --help": [
        "-c",
        "import sys; sys.argv = ['marquardt', '--help']; from marquardt.cli import main; main()",
    ],
    "import marquardt; marquardt.train": ["-c", "import marquardt; marquardt.train"],
    "import marquardt; marquardt.NetworkRegressor": ["-c", "import marquardt; marquardt.NetworkRegressor"],
}


def main() -> None:
    """Measure the median of eleven processes a case, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "marquardt"
        shutil.copytree(Path(marquardt.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(copy, quiet=1)
        environment = os.environ | {"PYTHONPATH": folder}
        times: dict[str, list[float]] = {name: [] for name in CASES}
        for _ in range(11):
            for name, arguments in CASES.items():
                begun = time.perf_counter()
                subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
                times[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(took) for name, took in times.items()}
    must = {"import marquardt": "0.25 s", "marquardt --help": "0.3 s"}
    rows = [[f"`{name}`", f"{took:.2f} s", must.get(name, "")] for name, took in medians.items()]
    write("start_up", "Start-up", table(["a new process that runs", "median", "must"], rows), medians)


if __name__ == "__main__":
    main()
