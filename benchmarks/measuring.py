"""Timing in pairs, and writing down what was measured.

Machines are noisy, so two ways of doing the same are timed in turn, A B A B …, and what is reported is the median
of the ratios of neighbors.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def seconds(function: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(first: Callable[[], object], second: Callable[[], object], rounds: int, calls: int = 1) -> dict[str, float]:
    """Time two functions in turn, after a turn of each that is not counted.

    A turn is a number of calls in a row, as in training, where pass follows pass and finds its own data in the cache.
    Returns the medians in seconds a call, and the median of second / first with its extremes.
    """

    def turn(function: Callable[[], object]) -> float:
        return seconds(lambda: [function() for _ in range(calls)]) / calls

    turn(first), turn(second)
    pairs = [(turn(first), turn(second)) for _ in range(rounds)]
    ratios = [b / a for a, b in pairs]
    return {
        "first": statistics.median(a for a, _ in pairs),
        "second": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
    }


def machine() -> dict[str, str]:
    """What the figures were measured on, and when."""
    processor = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    names = ("numpy", "scipy", "scikit-learn")
    return {
        "date": date.today().isoformat(),
        "processor": processor,
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def write(name: str, title: str, text: str, data: Any, output: Path = RESULTS) -> None:
    """Print a result and keep it as NAME.md and NAME.json in a directory."""
    where = machine()
    foot = ", ".join(f"{key} {value}" for key, value in where.items() if key not in ("date", "processor"))
    page = f"# {title}\n\n{text}\n\n{where['date']}, {where['processor']}, {foot}.\n"
    output.mkdir(exist_ok=True)
    (output / f"{name}.md").write_text(page, encoding="utf-8")
    content = json.dumps({"machine": where, "results": data}, indent=1)
    (output / f"{name}.json").write_text(content + "\n", encoding="utf-8")
    print(page)
