"""Cross-validated scores of the estimators' defaults, against scikit-learn's networks and linear models.

R² for regression, accuracy for classification, 5 folds of several shuffles; everybody gets the same folds.
The other networks have the same hidden layer; inputs (and targets) are standardized for them and for the linear
models. Of MLPRegressor and MLPClassifier the better of lbfgs and adam counts, chosen by the very score that is shown.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.measuring import table, write
from marquardt import NetworkClassifier, NetworkRegressor

# Loader, task, and for each number of hidden units how many shuffles.
DATA: dict[str, tuple[Callable, str, dict[int, int]]] = {
    "diabetes": (load_diabetes, "regression", {10: 6, 20: 2}),
    "breast_cancer": (load_breast_cancer, "classification", {10: 6, 20: 2}),
    "wine": (load_wine, "classification", {10: 6, 20: 2}),
    "iris": (load_iris, "classification", {10: 6, 20: 2}),
    "digits": (load_digits, "classification", {10: 1}),
}
N_FOLDS = 5
OURS, LINEAR = "marquardt", "linear"


def contenders(task: str, size: int) -> Iterator[tuple[str, Callable[[int], object]]]:
    """Everybody's name, and the estimator made from a seed."""
    hidden = (size,)
    if task == "regression":
        yield OURS, lambda seed: NetworkRegressor(hidden, random_state=seed)
        for solver in ("lbfgs", "adam"):
            yield (
                f"MLP, {solver}",
                lambda seed, solver=solver: TransformedTargetRegressor(
                    make_pipeline(
                        StandardScaler(),
                        MLPRegressor(hidden_layer_sizes=hidden, solver=solver, max_iter=1000, random_state=seed),
                    ),
                    transformer=StandardScaler(),
                ),
            )
        yield LINEAR, lambda _: make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13)))
        return
    yield OURS, lambda seed: NetworkClassifier(hidden, random_state=seed)
    for solver in ("lbfgs", "adam"):
        yield (
            f"MLP, {solver}",
            lambda seed, solver=solver: make_pipeline(
                StandardScaler(),
                MLPClassifier(hidden_layer_sizes=hidden, solver=solver, max_iter=1000, random_state=seed),
            ),
        )
    yield LINEAR, lambda _: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def folds(task: str, X: np.ndarray, y: np.ndarray, shuffles: int) -> Iterator[tuple]:
    """Seed, training rows, test rows."""
    kind = KFold if task == "regression" else StratifiedKFold
    for seed in range(shuffles):
        for train, test in kind(N_FOLDS, shuffle=True, random_state=seed).split(X, y):
            yield seed, train, test


def standard_error(values: Sequence[float]) -> float:
    """Of one shuffle: others divide the same samples anew, and say nothing about other samples."""
    return float(np.std(values, ddof=1) / np.sqrt(N_FOLDS))


def scored(make: Callable, divided: list[tuple], X: np.ndarray, y: np.ndarray) -> dict:
    """Score on every fold, and seconds a fit."""
    scores, seconds = [], 0.0
    for seed, train, test in divided:
        begun = time.perf_counter()
        model = make(seed).fit(X[train], y[train])
        seconds += time.perf_counter() - begun
        scores.append(float(model.score(X[test], y[test])))
    return {
        "scores": scores,
        "mean": float(np.mean(scores)),
        "error": standard_error(scores),
        "seconds a fit": seconds / len(scores),
    }


def verdict(ours: dict, other: dict) -> tuple[str, bool]:
    """The mean difference, fold by fold, with its standard error; and whether it is not below minus one of them."""
    difference = np.subtract(ours["scores"], other["scores"])
    mean, error = float(difference.mean()), standard_error(difference)
    return f"{mean:+.4f} ± {error:.4f}", mean >= -error


def main() -> None:
    """Measure on one BLAS thread, and write the table."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        measure()


def measure() -> None:
    """Everybody on everything."""
    results: dict[str, dict] = {}
    rows, comparisons, misses = [], [], []
    for name, (load, task, sizes) in DATA.items():
        X, y = load(return_X_y=True)
        for size, shuffles in sizes.items():
            divided = list(folds(task, X, y, shuffles))
            found = {}
            for who, make in contenders(task, size):
                found[who] = scored(make, divided, X, y)
                print(f"{name} {size} {who}: {found[who]['mean']:.4f}", flush=True)
            results[f"{name}, {size} hidden units"] = found
            rows.append(
                [name, size, shuffles]
                + [f"{r['mean']:.4f} ± {r['error']:.4f} ({r['seconds a fit']:.2g} s)" for r in found.values()]
            )
            best = max((who for who in found if who.startswith("MLP")), key=lambda who: found[who]["mean"])
            against = {best: found[best], LINEAR: found[LINEAR]}
            told = {who: verdict(found[OURS], other) for who, other in against.items()}
            comparisons.append([name, size, f"{told[best][0]} ({best})", told[LINEAR][0]])
            misses += [f"{name}, {size}: {who}" for who, (_, is_held) in told.items() if not is_held]
    text = (
        "Defaults of `NetworkRegressor` and `NetworkClassifier` but for the size of the hidden layer. R² for diabetes, "
        "accuracy for the others; mean over the 5 folds of every shuffle, the standard error for the 5 folds of one, "
        "and seconds a fit on one thread.\n\n"
        + table(
            ["data", "hidden", "shuffles", "marquardt", "MLP, lbfgs", "MLP, adam", "RidgeCV or logistic regression"],
            rows,
        )
        + "\n\nDifference to the better MLP and to the linear model, fold by fold, with the same standard error:\n\n"
        + table(["data", "hidden", "marquardt − better MLP", "marquardt − linear"], comparisons)
        + "\n\n"
        + (
            f"More than one standard error below: {'; '.join(misses)}."
            if misses
            else "Nowhere more than one standard error below either."
        )
    )
    write("scores", "Scores of the defaults", text, results)


if __name__ == "__main__":
    main()
