"""What the source consists of, and what a small fit costs beside its arithmetic.

Lines by kind, the largest class, file and function, functions above a complexity of 10, circles of imports, the calls
between `fit` and the kernel; and three trainings in processor seconds on one thread: a default fit of 31 weights and
120 rows, parity-3 through `Fitting`, and ``auto`` beside the fastest of its own rules on 5,000 × 20-30-10.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import numpy as np

import marquardt
from benchmarks.measuring import table, write
from benchmarks.parity import parity
from marquardt import Limits, Network, NetworkRegressor, Settings, Training
from marquardt.algorithms import algorithm_named, choose
from marquardt.losses import Squares
from marquardt.networks import feed_forward, initial_weights
from marquardt.numerics import hold_blas, native_kernel
from marquardt.objective import Objective
from marquardt.training import Fitting
from tests.design.measures import circles, count, largest_classes, largest_files, largest_functions

SOURCE = Path(marquardt.__file__).parent
RULES = ("lm", "lm_bfgs", "bfgs", "lbfgs", "scg")


def processor_seconds(run: Callable[[], object], rounds: int) -> float:
    """The median of some rounds, after one that is not counted."""
    run()
    took = []
    for _ in range(rounds):
        begun = time.process_time()
        run()
        took.append(time.process_time() - begun)
    return statistics.median(took)


def complex_functions(above: int = 10) -> list[str]:
    """Functions above a complexity, as the linter counts it (C901), with it."""
    found = subprocess.run(
        [
            sys.executable,
            *("-m", "ruff", "check", "--isolated", "--select", "C901", "--output-format", "json"),
            *("--config", f"lint.mccabe.max-complexity={above}", str(SOURCE)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return [each["message"] for each in json.loads(found.stdout)]


def default_fit() -> float:
    """Seconds of `NetworkRegressor().fit` with 120 rows and 31 weights."""
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (120, 1))
    targets = np.sin(3 * inputs[:, 0]) + 0.1 * rng.normal(size=120)
    return processor_seconds(lambda: NetworkRegressor(random_state=0).fit(inputs, targets), 5)


def parity_run() -> float:
    """Seconds of one training of parity-3 with 16 weights through `Fitting`."""
    inputs, targets = parity(3)
    settings = Settings(
        hidden_layer_sizes=(3,),
        algorithm="levenberg_marquardt",
        limits=Limits(goal=1e-3, max_epochs=100),
        seed=2,
    )

    def run() -> Fitting:
        fitting = Fitting(inputs, targets, settings, "regression")
        for _ in fitting:
            pass
        return fitting

    return processor_seconds(run, 50)


def automatic_beside_rules() -> tuple[float, str]:
    """Seconds of the automatic choice to an MSE of 0.01 as a multiple of the fastest rule's, and that rule."""
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (5000, 20))
    teacher = feed_forward(20, 15, 10)
    targets = Network(teacher, 2 * rng.normal(size=teacher.n_weights) / np.sqrt(20)).outputs(inputs)
    targets = (targets - targets.mean(axis=0)) / targets.std(axis=0)
    graph = feed_forward(20, 30, 10)
    limits = Limits(goal=0.01, max_epochs=100_000, max_seconds=20.0)

    def seconds(name: str | None) -> float:
        took = []
        for seed in range(3):
            begun = time.process_time()
            network = Network(graph, initial_weights(graph, rng=seed))
            if name is None:
                objective = Objective(graph, inputs, targets)
                choice = choose(objective.info, 1e9)
                rule = algorithm_named(choice.algorithm, **choice.settings)
            else:
                rule = algorithm_named(name)
            training = Training(network, inputs, targets, Squares(), rule=rule, limits=limits)
            for _ in training:
                pass
            took.append(time.process_time() - begun)
        return statistics.median(took)

    of_rules = {name: seconds(name) for name in RULES}
    fastest = min(of_rules, key=of_rules.__getitem__)
    return seconds(None) / of_rules[fastest], fastest


def frames() -> dict[str, int]:
    """Calls of ours between `NetworkRegressor.fit` and what of the kernel it calls while it trains, at most."""
    kernel, deepest = native_kernel(), {"descend": 0, "at": 0}
    if kernel is None:
        return deepest

    def look(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and isinstance(getattr(called, "__self__", None), kernel.Kernel):
            stack = [each for each in traceback.extract_stack(frame) if str(SOURCE) in each.filename]
            name = str(getattr(called, "__name__", ""))
            deepest[name] = max(deepest.get(name, 0), len(stack))

    x = np.linspace(0, 1, 40)
    sys.setprofile(look)
    try:
        NetworkRegressor(max_iter=3, random_state=0).fit(x[:, None], x)
    finally:
        sys.setprofile(None)
    return deepest


def main() -> None:
    """Count, measure, and print each beside what is wanted."""
    lines = count(SOURCE)
    classes, files, functions = largest_classes(SOURCE), largest_files(SOURCE), largest_functions(SOURCE)
    beyond = complex_functions()
    groups = circles(SOURCE)
    with hold_blas():
        fit, once = default_fit(), parity_run()
        ratio, fastest = automatic_beside_rules()
    depth = frames()
    rows = [
        ["lines of Python", f"{lines.total:,}", "33,000"],
        ["of these statements", f"{lines.statements:,}", "14,500"],
        ["signatures, docstrings", f"{lines.signatures:,}, {lines.docstrings:,}", ""],
        ["largest class", f"{classes[0].lines} ({classes[0].name})", "400"],
        ["largest file", f"{files[0].lines} ({files[0].name})", "600"],
        ["largest function without docstring", f"{functions[0].lines} ({functions[0].name})", "80"],
        ["functions above a complexity of 10", f"{len(beyond)}", "5"],
        ["files in a circle of imports", f"{sum(map(len, groups))}", "0"],
        ["calls from `fit` to trials in the kernel; to an evaluation", f"{depth['descend']}; {depth['at']}", "8"],
        ["default fit, 31 weights × 120 rows", f"{1e3 * fit:.0f} ms", "30 ms"],
        ["parity-3 once, 16 weights", f"{1e3 * once:.2f} ms", "1.0 ms"],
        ["`auto` on 5,000 × 20-30-10 beside the fastest rule", f"{ratio:.2f} ({fastest})", "1.1"],
    ]
    text = table(["", "now", "at most"], rows)
    text += "\n\nAbove a complexity of 10: " + ("; ".join(beyond) or "none") + "."
    write("house", "The house in numbers", text, {"rows": rows, "complex": beyond})


if __name__ == "__main__":
    main()
