"""The cost model: its rates measured, its estimates against the clock, and how often it picks the fastest form.

Passes and damped solves of many networks, sample counts and forms are timed, with the compiled kernel and without, each
in a process of its own. The rates (`marquardt.objective.cost.RATES`, nanoseconds an operation) are those that come
nearest to all of them, in relative terms; every second case is left out of the fit and only estimated. Then a grid of
other problems: an epoch in every form, and the one that the plan takes.

Processor seconds on one thread, the least of some turns. ``python -m benchmarks cost_model`` takes about six minutes;
``--rates`` fits and prints only the rates.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls

from benchmarks.measuring import table, write
from marquardt.losses import WeightDecay
from marquardt.networks import LayerGraph, build, initial_weights, narx
from marquardt.numerics import hold_blas, native_kernel
from marquardt.objective import Derivatives, Objective, form_named, unrolled
from marquardt.objective.cost import KINDS, RATES, CostModel, Work

LONGEST = 1.5
"""Seconds: what is estimated to take longer is not measured."""
TURNS = 5
NETWORKS: list[tuple[str, str, int, tuple[int, ...], int]] = [
    ("1-10-1", "feed_forward", 1, (10,), 1),
    ("5-8-3", "feed_forward", 5, (8,), 3),
    ("10-20-1", "feed_forward", 10, (20,), 1),
    ("10-10-10-1", "feed_forward", 10, (10, 10), 1),
    ("20-30-1", "feed_forward", 20, (30,), 1),
    ("20-30-10", "feed_forward", 20, (30,), 10),
    ("20-60-1", "feed_forward", 20, (60,), 1),
    ("40-20-20-3", "feed_forward", 40, (20, 20), 3),
    ("8-100-1", "feed_forward", 8, (100,), 1),
    ("10-200-2", "feed_forward", 10, (200,), 2),
    ("cascade 6-8-8-2", "cascade_forward", 6, (8, 8), 2),
    ("units 5-(6)-1", "fully_connected_cascade", 5, (6,), 1),
    ("delays 3·4-12-1", "narx", 3, (12,), 1),
]
SAMPLES = (60, 300, 1500, 8000)
UNKNOWNS = (10, 31, 71, 150, 300, 500, 900, 1500, 2400)

GRID_NETWORKS: list[tuple[str, str, int, tuple[int, ...], int]] = [
    ("2-5-1", "feed_forward", 2, (5,), 1),
    ("5-15-1", "feed_forward", 5, (15,), 1),
    ("5-10-4", "feed_forward", 5, (10,), 4),
    ("15-25-1", "feed_forward", 15, (25,), 1),
    ("8-12-12-1", "feed_forward", 8, (12, 12), 1),
    ("30-40-1", "feed_forward", 30, (40,), 1),
    ("10-30-5", "feed_forward", 10, (30,), 5),
    ("6-150-1", "feed_forward", 6, (150,), 1),
    ("20-90-2", "feed_forward", 20, (90,), 2),
    ("cascade 8-10-10-1", "cascade_forward", 8, (10, 10), 1),
    ("units 8-(5)-2", "fully_connected_cascade", 8, (5,), 2),
    ("12-8-8-8-1", "feed_forward", 12, (8, 8, 8), 1),
    ("40-10-2", "feed_forward", 40, (10,), 2),
    ("3-300-1", "feed_forward", 3, (300,), 1),
    ("delays 2·5-20-2", "narx", 2, (20,), 2),
]
GRID_SAMPLES = (30, 100, 400, 1200, 4000, 10_000)
WITHIN = 1.3


def graph_of(topology: str, n_inputs: int, hidden: Sequence[int], n_outputs: int) -> LayerGraph:
    """The network; of delays, the static one on lagged rows."""
    if topology == "narx":
        twin = unrolled(narx(n_inputs, hidden[0], n_outputs, (0, 1, 2), (1, 2, 3)))
        assert twin is not None  # the delays are all at the data
        return twin
    return build(topology, n_inputs, tuple(hidden), n_outputs)


def objective_of(graph: LayerGraph, n_samples: int, **options: Any) -> Objective:
    """On random data."""
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (n_samples, graph.n_inputs))
    targets = np.sin(inputs @ rng.normal(size=(graph.n_inputs, graph.n_outputs)))
    return Objective(graph, inputs, targets, threads=1, penalty=WeightDecay(1e-3), **options)


def least(work: Callable[[int], object], expected: float) -> float:
    """Processor seconds of one call, the least of some turns of at least two milliseconds."""
    calls = max(1, int(2e-3 / max(expected, 1e-6)))
    turns = TURNS if expected * calls < 0.2 else 2
    found, number = math.inf, 0
    work(-1)
    for _ in range(turns):
        began = time.process_time()
        for _ in range(calls):
            work(number)
            number += 1
        found = min(found, (time.process_time() - began) / calls)
    return found


def form_of(objective: Objective) -> str:
    """What does the passes, the kernel named."""
    return "compiled" if objective.is_compiled else objective.plan.form


def measured(case: dict[str, Any]) -> dict[str, Any] | None:
    """One case: what it took, and the operations that the model counts."""
    if case["what"] == "solve":
        return solved(case["n"])
    graph = graph_of(*case["network"])
    model, n_samples, form = CostModel(graph), case["samples"], case["form"]
    guess = form_named("pairs" if form == "gradient" else form).normal(model, n_samples).seconds()
    if guess > LONGEST or (form == "samples" and n_samples * graph.n_outputs > 4000):
        return None
    need = Derivatives[case["what"].upper()]
    # Values and gradients of rules that ask for nothing else may be the kernel's.
    options = {"most": need} if form == "gradient" else {"form": form}
    objective = objective_of(graph, n_samples, **options)
    start = initial_weights(graph, rng=0)
    plan, does = objective.plan, form_of(objective)
    work = work_of(model, case["what"], does, n_samples, plan.block_size, plan.keeps_pairs)

    def at(number: int) -> None:
        # Another point every time: the last pass is kept.
        objective.at(start * (1.0 + 1e-3 * (number % 50 + 2)), need)

    with hold_blas():
        seconds = least(at, work.seconds())
    return {"seconds": seconds, "form": does, "work": {name: getattr(work, name) for name in KINDS}}


def work_of(model: CostModel, what: str, form: str, n_samples: int, block: int, keeps: bool) -> Work:
    """The operations that the model counts."""
    if what == "value":
        return model.value(n_samples, block, is_compiled=form == "compiled")
    if what == "gradient":
        return model.gradient(n_samples, block, is_compiled=form == "compiled")
    return form_named(form).normal(model, n_samples, block, keeps=keeps, n_decays=2)  # of weights, and of biases


def solved(n: int) -> dict[str, Any]:
    """A damped solution."""
    from marquardt.numerics import solve_damped
    from marquardt.objective.cost import solution

    rng = np.random.default_rng(0)
    factor = rng.normal(size=(n, n))
    normal, gradient = factor @ factor.T, rng.normal(size=n)
    work = solution(n)
    with hold_blas():
        seconds = least(lambda number: solve_damped(normal, gradient, 1.0), work.seconds())
    return {"seconds": seconds, "form": "", "work": {name: getattr(work, name) for name in KINDS}}


def cases() -> list[dict[str, Any]]:
    """Everything that is measured for the rates."""
    found: list[dict[str, Any]] = []
    for name, *network in NETWORKS:
        for samples in SAMPLES:
            shared = {"name": name, "network": network, "samples": samples}
            found += [
                shared | {"what": what, "form": form}
                for what in ("value", "gradient")
                for form in ("pairs", "gradient")
            ]
            found += [
                shared | {"what": "normal", "form": form} for form in ("pairs", "explicit", "samples", "matrix_free")
            ]
    return [*found, *({"what": "solve", "n": n, "name": f"n = {n}", "form": ""} for n in UNKNOWNS)]


def job(kind: str) -> None:
    """What a process of its own does: print one line of JSON a case."""
    if kind == "grid":
        for network in GRID_NETWORKS:
            for samples in GRID_SAMPLES:
                print(json.dumps(contest(network, samples)), flush=True)
        return
    for case in cases():
        if kind == "plain" and (case["form"] in ("samples", "matrix_free") or case["what"] in ("value", "gradient")):
            continue  # the kernel has no part in them, or they are the same without it
        made = measured(case)
        if made is not None:
            print(json.dumps({**case, **made, "kernel": native_kernel() is not None}), flush=True)


def contest(network: tuple[str, str, int, tuple[int, ...], int], samples: int) -> dict[str, Any]:
    """An epoch, that is evaluation and damped step, in every form; and the plan's choice."""
    name, *rest = network
    graph = graph_of(*rest)
    start = initial_weights(graph, rng=0)
    seconds: dict[str, float] = {}
    for form in ("pairs", "explicit", "samples"):
        costs, how = CostModel(graph), form_named(form)
        guess = how.normal(costs, samples).seconds()
        if guess > 2 * LONGEST or (form == "samples" and samples * graph.n_outputs > 5000):
            continue
        objective = objective_of(graph, samples, form=form)

        def epoch(number: int, objective: Objective = objective) -> None:
            current = objective.at(start * (1.0 + 1e-3 * (number % 50 + 2)), Derivatives.NORMAL)
            current.damped_step(1e-2)

        with hold_blas():
            seconds[form] = least(epoch, guess + how.solution(costs, samples).seconds())
    chosen = objective_of(graph, samples, matrix_free_forms=("samples",)).plan.form
    return {"name": name, "samples": samples, "weights": graph.n_weights, "seconds": seconds, "chosen": chosen}


def run(kind: str) -> list[dict[str, Any]]:
    """Start a process and read what it measured."""
    environment = os.environ | {"MARQUARDT_NATIVE": "0" if kind == "plain" else "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", f"from benchmarks.cost_model import job; job({kind!r})"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def fitted(results: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The rates, not negative, that come nearest to the measured times, in relative terms."""
    rows = np.array([[one["work"][kind] * 1e-9 / one["seconds"] for kind in KINDS] for one in results])
    scale = np.maximum(rows.max(axis=0), 1e-30)
    rates, _ = nnls(rows / scale, np.ones(len(rows)))
    # A case that is far off must not decide alone: weigh by the size of the error once, and fit again.
    for _ in range(20):
        predicted = np.maximum(rows / scale @ rates, 1e-3)
        weight = 1.0 / np.sqrt(np.abs(np.log(predicted)) + 0.1) / np.sqrt(predicted)
        rates, _ = nnls(rows / scale * weight[:, None], weight)
    return dict(zip(KINDS, (rates / scale).tolist(), strict=True))


def off(one: dict[str, Any], rates: dict[str, float]) -> float:
    """Estimate over measurement."""
    return Work(**one["work"]).seconds(rates) / one["seconds"]


def main(options: Sequence[str] = ()) -> None:
    """Measure, fit, and judge."""
    results = [*run("kernel"), *run("plain")]
    rates = fitted(results[::2])
    print("Rates:", json.dumps({name: float(f"{rate:.3g}") for name, rate in rates.items()}, indent=1))
    if "--rates" in options:
        rows = [[one["name"], one.get("samples", ""), one["what"], one["form"], one["seconds"], off(one, rates)]
                for one in sorted(results, key=lambda one: abs(math.log(off(one, rates))))[-60:]]  # fmt: skip
        for row in rows:
            print(*row)
        return
    report(results, rates, run("grid"))


def report(results: list[dict[str, Any]], rates: dict[str, float], grid: list[dict[str, Any]]) -> None:
    """Write it down."""
    text = "Nanoseconds of one operation of each kind: as they are in the library, and as they were measured now.\n\n"
    text += table(["kind", "in the library", "now"], [[k, f"{RATES[k]:.3g}", f"{rates[k]:.3g}"] for k in KINDS])
    text += (
        "\n\nEstimate with the library's rates over measurement, by what is done, over all networks and samples.\n\n"
    )
    rows: list[list[object]] = []
    groups = sorted({(one["what"], one["form"]) for one in results})
    for what, form in groups:
        ratios = sorted(off(one, RATES) for one in results if (one["what"], one["form"]) == (what, form))
        middle = ratios[len(ratios) // 2]
        rows.append([what, form, len(ratios), *(f"{ratio:.2f}" for ratio in (ratios[0], middle, ratios[-1]))])
    text += table(["what", "form", "cases", "lowest", "median", "highest"], rows)
    ratios = [off(one, RATES) for one in results]
    half = sum(1 / 1.5 <= ratio <= 1.5 for ratio in ratios) / len(ratios)
    worst = max(max(ratio, 1 / ratio) for ratio in ratios)
    text += (
        f"\n\nOf {len(ratios)} estimates {half:.0%} are within 1.5× of the measurement; the worst is {worst:.1f}× off."
    )
    text += "\n\n## The choice\n\n"
    text += "An epoch, one evaluation and one damped step, in milliseconds; networks that are not above.\n\n"
    rows = []
    for one in grid:
        seconds = one["seconds"]
        best = min(seconds.values())
        ratio = seconds[one["chosen"]] / best if one["chosen"] in seconds else math.inf
        cells = [f"{1e3 * seconds[form]:.3g}" if form in seconds else "–" for form in ("pairs", "explicit", "samples")]
        rows.append([one["name"], one["weights"], f"{one['samples']:,}", *cells, one["chosen"], f"{ratio:.2f}"])
        one["ratio"] = ratio
    text += table(["network", "weights", "samples", "pairs", "explicit", "samples", "chosen", "over the fastest"], rows)
    found = [one["ratio"] for one in grid]
    fastest = sum(ratio == 1.0 for ratio in found)
    near = sum(ratio <= WITHIN for ratio in found)
    text += (
        f"\n\nThe form that is chosen is the fastest in {fastest} of {len(found)} cases, within {WITHIN}× of it in "
        f"{near}; at worst it takes {max(found):.2f}× of the fastest."
    )
    passes = [
        {key: one.get(key) for key in ("name", "samples", "what", "form", "kernel", "seconds")}
        | {"estimated": Work(**one["work"]).seconds()}
        for one in results
    ]
    write("cost_model", "The cost model", text, {"rates": rates, "passes": passes, "grid": grid})


if __name__ == "__main__":
    main(sys.argv[1:])
