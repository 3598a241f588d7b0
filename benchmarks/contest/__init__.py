"""The contest: marquardt beside other packages, from the same starts to the same goals, each in a process of its own.

``python -m benchmarks contest`` runs what is not finished yet and writes the table and the pictures. Options:

    --quick                  two small problems, two starts, three contenders of this environment; a smoke test
    --fresh                  run everything again, and try again what did not install
    --problems=sine,digits   only these problems
    --contenders=pyrenn      only these contenders
    --output=DIRECTORY       write there, not to benchmarks/results

Finished cells are kept (see `environments.cache`) with a fingerprint of problem, script and environment, of marquardt's
sources for its own, and are not run again. A run with some problems or contenders only writes what it has measured:
give it an output of its own.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import RESULTS

__all__ = ["main", "measure"]

QUICK_CONTENDERS = ("marquardt-auto", "scipy-lbfgs", "scipy-lm")
QUICK_STARTS = 2


def main(options: Sequence[str] = ()) -> None:
    """Run, and write."""
    from benchmarks.contest import pictures, report
    from benchmarks.contest.environments import cache
    from benchmarks.contest.field import FIELD
    from benchmarks.contest.problems import PROBLEMS, QUICK

    known = {"--quick": "", "--fresh": "", "--problems": "", "--contenders": "", "--output": ""}
    for option in options:
        name, _, value = option.partition("=")
        if name not in known or (name in ("--quick", "--fresh")) == bool(value):
            raise SystemExit(f"The contest has no option {option!r}. It has {', '.join(known)}.\n{__doc__}")
        known[name] = value or "yes"
    is_quick, is_fresh = bool(known["--quick"]), bool(known["--fresh"])
    problems = chosen(known["--problems"], PROBLEMS, QUICK if is_quick else PROBLEMS, "problem")
    contenders = chosen(known["--contenders"], FIELD, QUICK_CONTENDERS if is_quick else FIELD, "contender")
    is_whole = not is_quick and len(problems) == len(PROBLEMS) and len(contenders) == len(FIELD)
    output = Path(known["--output"]) if known["--output"] else RESULTS if is_whole else cache() / "part"
    begun = time.perf_counter()
    results = measure(problems, contenders, is_quick=is_quick, is_fresh=is_fresh)
    print(f"{time.perf_counter() - begun:.0f} s in all", flush=True)
    output.mkdir(parents=True, exist_ok=True)
    report.write(results, output)
    pictures.draw(results, output)
    print(f"Written to {output}")


def chosen(given: str, known: Any, default: Any, what: str) -> list[str]:
    """The keys that an option names, or the default ones."""
    names = [name for name in given.split(",") if name] or list(default)
    for name in names:
        if name not in known:
            raise SystemExit(f"There is no {what} {name!r}. There are {', '.join(known)}.")
    return names


def measure(
    problems: Sequence[str], contenders: Sequence[str], *, is_quick: bool = False, is_fresh: bool = False
) -> list[dict[str, Any]]:
    """All cells.

    Parameters
    ----------
    problems, contenders : sequence of str
        Their keys.
    is_quick : bool
        Whether two starts will do.
    is_fresh : bool
        Whether finished cells are run again.

    Returns
    -------
    list of dict
        A problem each: what it is, its goals, and a cell a contender.
    """
    from benchmarks.contest.field import FIELD
    from benchmarks.contest.problems import PROBLEMS
    from benchmarks.contest.running import cell

    results = []
    for key in problems:
        problem = PROBLEMS[key]()
        if is_quick:
            problem = dataclasses.replace(problem, n_starts=QUICK_STARTS, limit=min(1.0, problem.limit), fixed=0.2)
        goals = [list(problem.goals) for _ in range(problem.n_starts)]
        cells: dict[str, Any] = {}
        if problem.reference:
            goals, reference = goals_by_reference(problem, is_fresh)
            if problem.only:
                cells[problem.reference] = reference
        for name in contenders:
            contender = FIELD[name]
            if name in cells or (problem.only and name not in problem.only) or key not in (contender.only or (key,)):
                continue
            begun = time.perf_counter()
            cells[name] = cell(contender, problem, goals, is_fresh=is_fresh)
            print(line(problem.title, contender.name, cells[name], time.perf_counter() - begun), flush=True)
        results.append(
            {
                "key": key,
                "title": problem.title,
                "samples": len(problem.inputs),
                "weights": len(problem.starts[0]),
                "loss": problem.loss,
                "goals": goals,
                "limit": problem.limit,
                "fixed": problem.fixed,
                "starts": problem.n_starts,
                "reference": problem.reference,
                "floor": problem.floor,
                "cells": cells,
            }
        )
    return results


def goals_by_reference(problem: Any, is_fresh: bool) -> tuple[list[list[float]], dict[str, Any]]:
    """Run the reference to its own end, or its limit, and set the goals by where it got."""
    from benchmarks.contest.field import FIELD
    from benchmarks.contest.running import cell

    contender = FIELD[problem.reference]
    longer = dataclasses.replace(problem, limit=problem.reference_limit, fixed=0.0, cap=1e9)
    begun = time.perf_counter()
    # With a goal of zero behind the others nothing but the limit ends it.
    first = [[*problem.goals, 0.0] if problem.floor else [] for _ in range(problem.n_starts)]
    found = cell(contender, longer, first, is_fresh=is_fresh, role="--reference")
    print(line(problem.title, f"{contender.name}, reference", found, time.perf_counter() - begun), flush=True)
    if len(found["runs"]) < problem.n_starts:
        raise SystemExit(f"The reference {contender.name} did not end on {problem.title}: {found['reason']}.")
    goals = problem.goals_after([run["loss"] for run in found["runs"]])
    return goals, found


def line(problem: str, contender: str, found: dict[str, Any], took: float) -> str:
    """What is printed of a cell while the contest goes on."""
    runs = found["runs"]
    reached = [run["met"][-1] for run in runs if run["met"] and run["met"][-1] is not None]
    told = f"{len(reached)} of {len(runs)}" + (f", {sorted(reached)[len(reached) // 2]:.3g} s" if reached else "")
    return f"{problem:32} {contender:32} {told:20} {took:6.1f} s  {found['reason'] or ''}"
