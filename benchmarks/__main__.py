"""``python -m benchmarks`` runs all benchmarks, ``python -m benchmarks engine sine`` some of them.

Options go to the one that is named: ``python -m benchmarks contest --quick``.
"""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "engine",
    "forms",
    "kernel",
    "cost_model",
    "sine",
    "many",
    "restarts",
    "parity",
    "parity_study",
    "cascades",
    "topologies",
    "toolbox_six",
    "memory",
    "larger_than_memory",
    "command_line",
    "start_up",
    "reading",
    "scores",
    "defaults",
    "forecasting",
    "through_time",
    "curvature",
    "crossovers",
    "damping",
    "contest",
    "scaling",
    "house",
    "wide",
    "mutations",
)
TAKE_OPTIONS = ("defaults", "contest", "scaling", "damping", "cost_model", "mutations")
ON_REQUEST = ("mutations", "defaults")
"""Run only where they are named: they take hours, and judge the tests or the defaults, not the speed."""


def main() -> None:
    """Run the ones named, or all but those on request."""
    options = [argument for argument in sys.argv[1:] if argument.startswith("-")]
    chosen = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    chosen = chosen or [name for name in NAMES if name not in ON_REQUEST]
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        raise SystemExit(f"There is no benchmark {unknown[0]!r}. There are {', '.join(NAMES)}.")
    if options and (len(chosen) != 1 or chosen[0] not in TAKE_OPTIONS):
        raise SystemExit(f"{' '.join(options)} must follow one of {', '.join(TAKE_OPTIONS)}.")
    for name in chosen:
        main_of = importlib.import_module(f"benchmarks.{name}").main
        main_of(options) if options else main_of()


if __name__ == "__main__":
    main()
