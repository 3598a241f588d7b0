"""Why Levenberg–Marquardt meets the goal of parity-3 from every start in the literature, and from half of them here.

Yu and Wilamowski, "Levenberg–Marquardt Training", compare error backpropagation, Gauss–Newton and
Levenberg–Marquardt on parity-3 with three units, until the sum of squares is 0.01, from 100 starts in (−1, 1). Here
the network, the gain of its units, the first damping and what is done with a stalled run are varied one by one, and
every algorithm there is trains the network that comes nearest to the published figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.measuring import table, write
from marquardt.algorithms import ALGORITHMS
from marquardt.comparison import Comparison, compare

STARTS = 100
MULTILAYER, BRIDGED, NEAREST = "parity-3:2", "parity-3-bridged:2", "parity-3-bridged:2(gain=0.5)"
NETWORKS = (
    (MULTILAYER, "multilayer 3-2-1"),
    ("parity-3:3", "multilayer 3-3-1"),
    (BRIDGED, "bridged 3-2-1"),
    ("parity-3-cascade:2", "cascade, 3 units"),
    ("parity-3:2(gain=0.5)", "multilayer 3-2-1, gain ½"),
    (NEAREST, "bridged 3-2-1, gain ½"),
    ("parity-3-cascade:2(gain=0.5)", "cascade, 3 units, gain ½"),
)
DAMPINGS = (0.001, 0.01, 0.1, 1.0, 10.0)
MEANS = (
    "lm(mu_init=1)",
    "lm(mu_init=1, rise_after=5)",
    "lm(mu_init=1, damping='nielsen')",
    "lm(mu_init=1, damping='gain_ratio')",
    "lm(mu_init=1, scaling='marquardt')",
    "lm(mu_init=1, geodesic=0.75)",
)
RATES = (0.13, 1.2)
MOST_RESTARTS = 20


def figures(mean: float, deviation: float) -> str:
    """Mean and deviation, or a dash."""
    return "–" if np.isnan(mean) else f"{mean:.1f} ± {deviation:.1f}"


def rows_of(found: Comparison, names: Mapping[str, str] | None = None) -> list[list[str]]:
    """A line an algorithm."""
    rows = []
    for each in found.summaries():
        stops = Counter(run.stop for run in found.runs_of(each.algorithm) if not run.succeeded)
        rows.append(
            [
                (names or {}).get(each.algorithm, f"`{each.algorithm}`"),
                f"{each.success_rate:.0%}",
                figures(each.epochs_mean, each.epochs_sd),
                figures(1e3 * each.seconds_mean, 1e3 * each.seconds_sd),
                ", ".join(f"{stop} {count}" for stop, count in stops.most_common()) or "none",
            ]
        )
    return rows


def restarted(problem: str, algorithm: str) -> dict[str, Any]:
    """Chain runs: one that stalls is followed by one from a new start, up to a number of times."""
    found = compare(problem, algorithm, STARTS * (MOST_RESTARTS + 1))
    epochs, runs = [], []
    for first in range(STARTS):
        total = 0
        for number, run in enumerate(found.runs[first::STARTS], start=1):
            total += run.epochs
            if run.succeeded:
                epochs.append(total)
                runs.append(number)
                break
    return {
        "success": len(epochs) / STARTS,
        "epochs": float(np.mean(epochs)),
        "epochs sd": float(np.std(epochs, ddof=1)),
        "runs": float(np.mean(runs)),
        "most runs": max(runs),
    }


def main() -> None:
    """Vary one thing after the other, and write the tables."""
    data: dict[str, Any] = {}

    def kept(key: str, found: Comparison) -> Comparison:
        data[key] = [asdict(each) for each in found.summaries()]
        return found

    by_network = []
    for name, shown in NETWORKS:
        found = kept(name, compare(name, [(f"{mu:g}", f"lm(mu_init={mu})") for mu in DAMPINGS], STARTS))
        cells = [f"{each.success_rate:.0%}, {figures(each.epochs_mean, each.epochs_sd)}" for each in found.summaries()]
        by_network.append([shown, found.settings["n_weights"], *cells])
        print(by_network[-1], flush=True)
    means = rows_of(kept("means", compare(MULTILAYER, list(MEANS), STARTS)))
    means += [
        [f"{row[0]}, bridged", *row[1:]] for row in rows_of(kept("means, bridged", compare(BRIDGED, MEANS[:2], STARTS)))
    ]
    data["restarts"] = chain = restarted(MULTILAYER, "lm(mu_init=1)")
    gauss_newton = [
        ("Gauss–Newton", "gauss_newton"),
        ("Gauss–Newton, shortest step", "gauss_newton(singular='shortest')"),
    ]
    books = [(f"EBP, rate {rate:g}", f"ebp(rate={rate})") for rate in RATES]
    levenberg = [("Levenberg–Marquardt, first μ 1", "lm(mu_init=1)")]
    same = kept("chapter", compare(NEAREST, [*books, *gauss_newton, *levenberg], STARTS, max_epochs=4000))
    print(rows_of(same), flush=True)
    own = list(dict.fromkeys(kind.name for kind in ALGORITHMS.values()))
    everyone = kept("everyone", compare(NEAREST, own, STARTS))
    header = ["", "success", "epochs", "ms", "how the others ended"]
    text = "\n\n".join(
        [
            f"{STARTS} starts uniform in (−1, 1), tanh units, a tanh output, targets ±1, done at a sum of squares of "
            "0.01, at most 1,000 epochs. Means and standard deviations of the successful runs.",
            "## Levenberg–Marquardt by network and first damping\n\nSuccess and epochs. Bridged: the inputs go to the "
            "output, too. Gain ½: tanh(net/2).",
            table(["network", "weights", *(f"μ {mu:g}" for mu in DAMPINGS)], by_network),
            "## Other means, multilayer 3-2-1",
            table(header, means),
            f"A stalled run followed by one from a new start, first μ 1: {chain['success']:.0%} after "
            f"{chain['runs']:.2f} runs in the mean (at most {chain['most runs']}), "
            f"{figures(chain['epochs'], chain['epochs sd'])} epochs together.",
            "## The algorithms of the chapter, bridged 3-2-1, gain ½\n\nAt most 4,000 epochs.",
            table(header, rows_of(same, {label: label for label in same.algorithms})),
            "## Every algorithm as it comes, bridged 3-2-1, gain ½",
            table(header, rows_of(everyone)),
        ]
    )
    write("parity_study", "Parity-3, what makes the difference", text, data)


if __name__ == "__main__":
    main()
