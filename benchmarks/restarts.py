"""Restarts of middle networks: one after the other, in threads as `Fitting` does it, and in processes.

A thread and a process a processor. Processes are those of joblib's loky, started before the clock; arrays of a
megabyte and more are mapped into them and not copied. Times are taken in turns, on the clock.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np

from benchmarks.measuring import table, write
from marquardt.numerics import usable_cpus
from marquardt.training import Fitting, Limits, Settings

PROBLEMS: list[tuple[int, int, int, int]] = [(2000, 10, 20, 25), (10_000, 20, 30, 6)]
"""Samples, inputs, hidden units, epochs."""
ALGORITHMS = ("trainlm", "trainbr", "bfgs")
ROUNDS = 5


def problem(samples: int, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs of a small tanh network, with noise."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (samples, inputs))
    return x, np.tanh(x @ rng.normal(size=(inputs, 3))) @ rng.normal(size=3) + 0.1 * rng.normal(size=samples)


def best_of(x: np.ndarray, y: np.ndarray, settings: Settings) -> float:
    """Train, and return the lowest error."""
    fitting = Fitting(x, y, settings, "regression")
    for _ in fitting:
        pass
    return fitting.record.best_perf


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, once."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Measure, and write the table."""
    jobs = usable_cpus()
    if jobs < 2:
        raise SystemExit("Restarts at a time need two processors, and there is one.")
    rows: list[list[str]] = []
    data: dict[str, Any] = {"jobs": jobs, "rows": []}
    for samples, inputs, hidden, epochs in PROBLEMS:
        x, y = problem(samples, inputs)
        for algorithm in ALGORITHMS:
            limits = Limits(max_epochs=epochs * (4 if algorithm == "bfgs" else 1), min_gradient=0.0)
            common: dict[str, Any] = {"hidden_layer_sizes": hidden, "algorithm": algorithm, "limits": limits}

            def together(jobs: int, common: dict[str, Any] = common, x: Any = x, y: Any = y) -> float:
                # On one thread each when by themselves, too: what is compared is restarts.
                return best_of(x, y, Settings(**common, seed=0, restarts=2 * data["jobs"], jobs=jobs, threads=1))

            def processes(common: dict[str, Any] = common, x: Any = x, y: Any = y) -> None:
                with joblib.parallel_config(backend="loky", n_jobs=data["jobs"], inner_max_num_threads=1):
                    joblib.Parallel()(
                        joblib.delayed(best_of)(x, y, Settings(**common, seed=seed, threads=1))
                        for seed in range(2 * data["jobs"])
                    )

            processes()
            if together(1) != together(jobs):
                raise SystemExit("Restarts in threads came out otherwise than one after the other.")
            times = [(seconds(lambda: together(1)), seconds(lambda: together(jobs)), seconds(processes))
                     for _ in range(ROUNDS)]  # fmt: skip
            threads = statistics.median(one / thread for one, thread, _ in times)
            others = statistics.median(one / process for one, _, process in times)
            label = f"{inputs}-{hidden}-1, {samples:,}, {algorithm}"
            rows.append([label, f"{min(one for one, _, _ in times):.2f} s", f"{threads:.2f}", f"{others:.2f}"])
            data["rows"].append({"label": label, "times": times, "threads": threads, "processes": others})
            print(*rows[-1], flush=True)
    header = ["network, samples, algorithm", "one after the other", "threads", "processes"]
    text = (
        table(header, rows)
        + f"\n\n{2 * jobs} restarts, {jobs} at a time, each on one thread; how many times faster than one after the "
        f"other, the median of {ROUNDS} rounds, on the clock. In threads the best error is the same to the bit."
    )
    write("restarts", "Restarts several at a time", text, data)


if __name__ == "__main__":
    main()
