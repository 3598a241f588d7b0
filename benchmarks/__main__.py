"""``python -m benchmarks`` runs all benchmarks, ``python -m benchmarks engine sine`` some of them."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "engine",
    "forms",
    "sine",
    "many",
    "parity",
    "parity_study",
    "cascades",
    "toolbox_six",
    "memory",
    "start_up",
    "scores",
    "crossovers",
)


def main() -> None:
    """Run the ones named, or all."""
    chosen = sys.argv[1:] or NAMES
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        raise SystemExit(f"There is no benchmark {unknown[0]!r}. There are {', '.join(NAMES)}.")
    for name in chosen:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
