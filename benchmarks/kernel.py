"""What the compiled kernel saves: beside NumPy, and in single precision beside double.

The normal equations by pairs, with the pairs made where they are read and written for BLAS; loss and gradient; and ten
runs of diabetes in mixed precision beside ten in double. In turn, one thread; ``python -m benchmarks kernel`` takes
half a minute.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.contest.problems import PROBLEMS
from benchmarks.measuring import in_turn, table, write
from marquardt.algorithms import algorithm_named
from marquardt.algorithms.automatic import DAMPING
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.numerics import hold_blas, native, native_kernel
from marquardt.objective import Derivatives, Objective, planning
from marquardt.objective.cost import cost_model
from marquardt.training import Limits, Training

SHAPES = [(10, 10, 1, 442), (10, 20, 1, 1000), (20, 30, 1, 10_000), (20, 30, 10, 5000), (10, 20, 1, 100_000)]
"""Inputs, hidden units, outputs, samples."""
ROUNDS = 7


@contextlib.contextmanager
def numpy_alone() -> Iterator[None]:
    """The kernel away, for plans that are made inside and for passes."""
    module, native._MODULE = native._MODULE, None
    forget()
    try:
        yield
    finally:
        native._MODULE = module
        forget()


def forget() -> None:
    """Plans and costs are remembered, and know nothing of the kernel that comes and goes."""
    cost_model.cache_clear()
    planning._remembered.cache_clear()


def passes(shape: tuple[int, int, int, int], need: Derivatives, **options: Any) -> Callable[[], object]:
    """Evaluate a network, at another point every time."""
    n_inputs, hidden, outputs, samples = shape
    rng = np.random.default_rng(0)
    graph = feed_forward(n_inputs, hidden, outputs)
    objective = Objective(
        graph, rng.normal(size=(samples, n_inputs)), rng.normal(size=(samples, outputs)), threads=1, **options
    )
    weights = initial_weights(graph, rng=0)

    def evaluate(is_single: bool = False) -> None:
        nonlocal weights
        weights = weights * (1 + 1e-9)
        objective.at(weights, need, is_single)

    return evaluate


def compared(shape: tuple[int, int, int, int], need: Derivatives, **options: Any) -> tuple[float, float]:
    """Seconds with the kernel, and how many times as long NumPy alone takes."""
    ours = passes(shape, need, **options)
    with numpy_alone():
        theirs = passes(shape, need, **options)

    def alone() -> None:
        module, native._MODULE = native._MODULE, None
        theirs()
        native._MODULE = module

    found = in_turn(ours, alone, ROUNDS, calls=max(1, 3000 // shape[-1]))
    return found["first"], found["ratio"]


def runs(precision: str) -> list[int]:
    """Epochs of ten diabetes starts to the contest's goal."""
    problem = PROBLEMS["diabetes"]()
    rule = algorithm_named("lm", **(DAMPING | {"precision": precision}))
    epochs = []
    for start in problem.starts:
        network = Network(feed_forward(*problem.sizes), start)
        limits = Limits(max_epochs=1000, goal=problem.goals[0], min_gradient=0.0)
        run = Training(network, problem.inputs, problem.targets, rule=rule, limits=limits, threads=1)
        epochs.append([epoch.epoch for epoch in run][-1])
    return epochs


def main() -> None:
    """Measure and write down."""
    if native_kernel() is None:
        raise SystemExit("There is no compiled kernel here.")
    rows = []
    with hold_blas():
        for shape in SHAPES:
            made, pairs = compared(shape, Derivatives.NORMAL, form="pairs")
            forms = {"form": "explicit"} if shape[-1] < 5000 else {"form": "pairs"}
            both = passes(shape, Derivatives.NORMAL, **forms)
            single = in_turn(lambda both=both: both(True), both, ROUNDS, calls=max(1, 3000 // shape[-1]))["ratio"]
            slope, gradient = compared(shape, Derivatives.GRADIENT, most=Derivatives.GRADIENT)
            name = f"{shape[-1]:,} × {shape[0]}-{shape[1]}-{shape[2]}"
            rows.append(
                [name, f"{1e3 * made:.3g}", f"{pairs:.2f}×", f"{single:.2f}×", f"{1e3 * slope:.3g}", f"{gradient:.2f}×"]
            )
        epochs = {precision: runs(precision) for precision in ("mixed", "double")}
        training = in_turn(lambda: runs("mixed"), lambda: runs("double"), ROUNDS)["ratio"]
    heads = ["problem", "pairs, ms", "NumPy takes", "double over single", "gradient, ms", "NumPy takes"]
    same = sum(a == b for a, b in zip(epochs["mixed"], epochs["double"], strict=True))
    text = (
        "The normal equations by pairs with the kernel, what NumPy and BLAS alone take, and what double precision "
        "takes of single (small problems in one pass of the kernel); loss and gradient likewise, where the kernel "
        "keeps less than 32 MB.\n\n"
    )
    text += table(heads, rows)
    text += (
        f"\n\nTen starts of diabetes 10-10-1 to an MSE of 0.25 with auto's damping: in double precision they take "
        f"{training:.2f} times as long as in mixed; {same} of 10 take the same number of epochs."
    )
    write("kernel", "The compiled kernel", text, {"rows": rows, "epochs": epochs, "training": training})
