"""The tables of a contest."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.contest.field import FIELD
from benchmarks.measuring import RESULTS, machine, table
from marquardt.numerics import describe_native

__all__ = ["best_rivals", "faster_by", "goal_times", "requirements", "standing", "write"]

AUTO, LM = "marquardt-auto", "marquardt-trainlm"
ENOUGH = 0.5
"""The share of starts that a contender has to bring to the goal for a place by its median."""


def goal_times(cell: dict[str, Any], goal: int) -> dict[int, float]:
    """Seconds to a goal, by start, of the starts that reached it."""
    times = {}
    for run in cell["runs"]:
        if len(run["met"]) > goal and run["met"][goal] is not None:
            times[run["start"]] = run["met"][goal]
    return times


def faster_by(ours: dict[str, Any], theirs: dict[str, Any], goal: int) -> float | None:
    """The median, over the starts that both bring to the goal, of their time over ours; None where there is none."""
    mine, other = goal_times(ours, goal), goal_times(theirs, goal)
    both = sorted(mine.keys() & other.keys())
    return statistics.median(other[start] / mine[start] for start in both) if both else None


def standing(problem: dict[str, Any], goal: int) -> list[tuple[str, float]]:
    """Contenders that bring at least half of their starts to the goal, with their median seconds, fastest first."""
    places = []
    for key, cell in problem["cells"].items():
        times = goal_times(cell, goal)
        if cell["runs"] and len(times) >= ENOUGH * len(cell["runs"]) and FIELD[key].script != "syrk":
            places.append((key, statistics.median(times.values())))
    return sorted(places, key=lambda place: place[1])


def number(value: float | None, digits: int = 3) -> str:
    """For a table; a dash for nothing."""
    if value is None:
        return "–"
    return f"{value:.{digits}g}"


def remark(cell: dict[str, Any], goal: int) -> str:
    """Why it did not reach the goal."""
    if cell["reason"]:
        return str(cell["reason"]).replace("|", "/").replace("\n", " ")
    reached = goal_times(cell, goal)
    whys = Counter(run["why"] for run in cell["runs"] if run["start"] not in reached and run["met"])
    if not whys:
        return ""
    why = whys.most_common(1)[0][0].replace("|", "/").replace("\n", " ")
    return "time is up" if why == "limit" else why[:110]


def median_of(cell: dict[str, Any], what: str) -> float | None:
    """Over the runs, of what is known."""
    known = [run[what] for run in cell["runs"] if run[what] is not None]
    return statistics.median(known) if known else None


def goal_table(problem: dict[str, Any], goal: int) -> str:
    """One goal of one problem."""
    ours = problem["cells"].get(AUTO)
    rows = []
    for key, cell in problem["cells"].items():
        times = sorted(goal_times(cell, goal).values())
        spread = f"{number(statistics.median(times))} ({number(times[0])} – {number(times[-1])})" if times else "–"
        ratio = faster_by(ours, cell, goal) if ours and key != AUTO else None
        pace = median_of(cell, "seconds an iteration")
        ready = cell["ready"] or {}
        fixed = next((run["fixed"] for run in cell["runs"] if run["fixed"] is not None), None)
        memory = max((run["memory"] for run in cell["runs"] if run["memory"] is not None), default=None)
        row = [
            f"**{FIELD[key].name}**" if FIELD[key].is_ours else FIELD[key].name,
            f"{len(times)} of {len(cell['runs'])}" if cell["runs"] else "–",
            spread,
            f"{number(ratio)}×" if ratio else "–",
            number(None if pace is None else 1e3 * pace),
            *([number(fixed)] if problem["fixed"] else []),
            number(memory),
            number(ready.get("imports"), 2),
            number(ready["compiles"], 2) if ready.get("compiles") else "–",
            remark(cell, goal),
        ]
        share = len(times) / len(cell["runs"]) if cell["runs"] else -1.0
        rows.append(((share < ENOUGH, statistics.median(times) if times else float("inf"), -share), row))
    rows.sort(key=lambda each: each[0])
    header = [
        "contender",
        "reached",
        "seconds, median (range)",
        "auto is faster by",
        "ms an iteration",
        *([f"loss after {number(problem['fixed'])} s"] if problem["fixed"] else []),
        "memory, MB",
        "import, s",
        "compile, s",
        "remark",
    ]
    return table(header, [row for _, row in rows])


def epoch_table(problem: dict[str, Any]) -> str:
    """Of a problem without a goal."""
    yardstick = epoch_seconds(problem, "syrk")
    rows = []
    for key, cell in problem["cells"].items():
        pace, ready = epoch_seconds(problem, key), cell["ready"] or {}
        run = cell["runs"][0] if cell["runs"] else {}
        row = [
            f"**{FIELD[key].name}**" if FIELD[key].is_ours else FIELD[key].name,
            number(pace),
            f"{number(yardstick / pace)}×" if yardstick and pace and key != "syrk" else "–",
            str(run.get("iterations", "–")),
            "–" if key == "syrk" else number(run.get("fixed")),
            number(run.get("memory")),
            number(ready.get("imports"), 2),
            remark(cell, 0),
        ]
        rows.append(((pace is None, run.get("fixed") or float("inf")), row))
    rows.sort(key=lambda each: each[0])
    header = [
        "contender",
        "seconds an iteration",
        "SYRK takes",
        "iterations",
        f"loss after {number(problem['fixed'])} s",
        "memory, MB",
        "import, s",
        "remark",
    ]
    return table(header, [row for _, row in rows])


def epoch_seconds(problem: dict[str, Any], key: str) -> float | None:
    """Of the first run."""
    cell = problem["cells"].get(key)
    return median_of(cell, "seconds an iteration") if cell else None


def verdict(value: float, must: float, reach: float, is_more_better: bool = True) -> str:
    """Whether a figure meets what was asked for."""
    better = (lambda a, b: a >= b) if is_more_better else (lambda a, b: a <= b)
    return "reached for, and met" if better(value, reach) else "met" if better(value, must) else "**missed**"


def requirements(results: list[dict[str, Any]], many: dict[str, Any] | None = None) -> list[list[str]]:
    """What was asked of marquardt, what was measured, and whether it is met.

    Parameters
    ----------
    results : list of dict
        Of `measure`.
    many : dict, optional
        The results of ``python -m benchmarks many``.

    Returns
    -------
    list of list of str
        Problem, must, reach for, measured, verdict; only of what was measured.
    """
    problems = {problem["key"]: problem for problem in results}
    rows = []
    for key, rival, goal, must, reach, name in (
        ("sine", "scipy-lm", 0, 6.0, 12.0, "sine 1-10-1 to MSE 1e-5, against MINPACK with analytic Jacobian"),
        ("diabetes", "scipy-lbfgs", 0, 2.5, 6.0, "diabetes 10-10-1 to MSE 0.25, against SciPy L-BFGS"),
        ("one-output", "scipy-lbfgs", 0, 3.0, 7.0, "10,000 × 20-30-1 to MSE 0.004, against SciPy L-BFGS"),
        ("ten-outputs", "scipy-lbfgs", 0, 2.0, 3.0, "5,000 × 20-30-10 to MSE 0.01, against SciPy L-BFGS"),
        ("digits", "sklearn-lbfgs", 0, 1.0, 3.0, "digits 64-20-10, to scikit-learn lbfgs's final loss"),
    ):
        cells = problems.get(key, {}).get("cells", {})
        if AUTO in cells and rival in cells:
            ratio = faster_by(cells[AUTO], cells[rival], goal)
            times, others = goal_times(cells[AUTO], goal), goal_times(cells[rival], goal)
            reached = (
                f"{len(times)} of {len(cells[AUTO]['runs'])} starts, it {len(others)} of {len(cells[rival]['runs'])}"
            )
            told = "no start that both reach" if ratio is None else f"{number(ratio)}×"
            must_text = "as fast" if must == 1 else f"{number(must)}× faster"
            rows.append(
                [name, must_text, f"{number(reach)}× faster", f"{told} ({reached})", verdict(ratio or 0.0, must, reach)]
            )
    for key, rival in (("one-output-tight", "scipy-lbfgs"), ("ten-outputs-tight", "scipy-lbfgs")):
        problem = problems.get(key)
        if problem and AUTO in problem["cells"] and rival in problem["cells"]:
            last = len(problem["goals"][0]) - 1
            mine = goal_times(problem["cells"][AUTO], last).get(0)
            first = goal_times(problem["cells"][rival], 0).get(0)
            told = "not reached" if mine is None else f"{number(mine)} s; L-BFGS to its first goal {number(first)} s"
            is_soon = mine is not None and first is not None and mine <= first
            rows.append(
                [
                    f"{problem['title']}: ten times nearer the noise floor than SciPy L-BFGS in 30 s",
                    "reaches it",
                    "in L-BFGS's time to its first goal",
                    told,
                    "reached for, and met" if is_soon else "**missed**" if mine is None else "met",
                ]
            )
    million = problems.get("million")
    # Most epochs of `auto` have no matrix there; the yardstick is one of a matrix.
    if million and LM in million["cells"] and "syrk" in million["cells"]:
        pace, yardstick = epoch_seconds(million, LM), epoch_seconds(million, "syrk")
        if pace and yardstick:
            ratio = yardstick / pace
            rows.append(
                [
                    "one million × 10-20-1, an epoch, against SYRK alone of the explicit Jacobian in blocks",
                    "level",
                    "2× faster",
                    f"{number(ratio)}× ({number(pace)} s against {number(yardstick)} s)",
                    verdict(ratio, 1.0, 2.0),
                ]
            )
            grown = [million["cells"][key]["runs"][0]["memory"] for key in (LM, AUTO) if key in million["cells"]]
            memory = None if None in grown else max(grown)
            if memory is not None:
                rows.append(
                    ["extra memory there", "300 MB", "100 MB", f"{memory:.0f} MB", verdict(memory, 300.0, 100.0, False)]
                )
    if many:
        took = many["parity seconds"]
        told = f"{number(took)} s (`python -m benchmarks many`)"
        rows.append(["1,000 runs of parity-3 side by side", "0.5 s", "0.15 s", told, verdict(took, 0.5, 0.15, False)])
    return rows


def best_rivals(results: list[dict[str, Any]]) -> list[list[str]]:
    """A line a goal: the fastest other package and what `auto` takes beside it."""
    rows = []
    for problem in results:
        for goal in range(len(problem["goals"][0])):
            places = standing(problem, goal)
            others = [place for place in places if not FIELD[place[0]].is_ours]
            mine = dict(places).get(AUTO)
            best = others[0] if others else None
            rows.append(
                [
                    f"{problem['title']}, {goal_name(problem, goal)}",
                    "not reached" if mine is None else f"{number(mine)} s",
                    "none" if best is None else f"{FIELD[best[0]].name}, {number(best[1])} s",
                    "–" if mine is None or best is None else f"{number(best[1] / mine)}×",
                    str(1 + [key for key, _ in places].index(AUTO)) if mine is not None else "–",
                ]
            )
    return rows


def goal_name(problem: dict[str, Any], goal: int) -> str:
    """For people."""
    if problem["loss"] == "softmax":
        return "to scikit-learn lbfgs's end"
    return f"MSE {number(problem['goals'][0][goal], 4)}"


def packages(results: list[dict[str, Any]]) -> dict[str, str]:
    """What the contenders were made of."""
    found: dict[str, set[str]] = {}
    for problem in results:
        for cell in problem["cells"].values():
            for name, version in ((cell["ready"] or {}).get("versions") or {}).items():
                found.setdefault(name, set()).add(version)
    return {name: " and ".join(sorted(found[name])) for name in sorted(found)}


def write(results: list[dict[str, Any]], output: Path) -> None:
    """Write contest.md and contest.json.

    Parameters
    ----------
    results : list of dict
        Of `measure`.
    output : Path
        The directory.
    """
    where = machine()
    many_file = RESULTS / "many.json"
    many = json.loads(many_file.read_text(encoding="utf-8"))["results"] if many_file.exists() else None
    parts = [
        "# The contest",
        "Every contender trains the same network on the same data from the same starts, in a process of its own on "
        "one thread. Seconds are of the processor, to the first time that the loss is at the goal, with whatever the "
        "contender does before its first iteration, but without importing and compiling, which are told apart. The "
        "ratio is the median, start by start, of its time over that of `auto`, over the starts that both bring to the "
        "goal. Memory is what the process grows by while it trains. A contender gets no new start once its runs have "
        "taken some seconds, so slow ones have fewer.",
    ]
    asked = requirements(results, many)
    if asked:
        parts += ["## What was asked for", table(["problem", "must", "reach for", "measured", ""], asked)]
    if any(problem["goals"][0] for problem in results):
        header = ["problem and goal", "auto", "fastest other package", "auto is faster by", "auto's place"]
        parts += [
            "## Beside the fastest",
            "Medians over the starts; with at least half of them at the goal.",
            table(header, best_rivals(results)),
        ]
    for problem in results:
        parts.append(
            f"## {problem['title']}\n\n{problem['samples']:,} samples, {problem['weights']:,} weights, "
            f"{problem['starts']} start{'s' if problem['starts'] > 1 else ''}, "
            f"at most {number(problem['limit'])} s a run."
        )
        if not problem["goals"][0]:
            parts.append(epoch_table(problem))
        for goal in range(len(problem["goals"][0])):
            parts += [f"Goal: {goal_name(problem, goal)}.", goal_table(problem, goal)]
    stops: dict[str, list[str]] = {}
    for contender in FIELD.values():
        if any(contender.key in problem["cells"] for problem in results):
            stops.setdefault(contender.stopping, []).append(contender.name)
    parts += [
        "## How the goal ends a run",
        table(["how", "contenders"], [[how, ", ".join(names)] for how, names in stops.items()]),
        f"{where['date']}, {where['processor']}, one thread; "
        + ", ".join(f"{name} {version}" for name, version in packages(results).items())
        + f". {describe_native()}",
    ]
    (output / "contest.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    told = {"machine": where | packages(results) | {"kernel": describe_native()}, "results": rounded(results)}
    content = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    (output / "contest.json").write_text(content + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """Numbers to five digits, and the losses of the first start only, which are what the pictures show."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key != "fingerprint"}
        if kept.get("start"):
            kept.pop("trace", None)
        return {key: rounded(each) for key, each in kept.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return value
