"""The runner: it watches, ends what hangs, does not begin again what is done; and what the tables make of it."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.__main__ import main as benchmarks_main
from benchmarks.contest import chosen, main, pictures, report, running
from benchmarks.contest.environments import CONTENDERS, CannotInstall, environment
from benchmarks.contest.field import FIELD, Contender
from benchmarks.contest.problems import PROBLEMS, ContestProblem

HANGS = """
from harness import main
def load():
    def prepare(job):
        def run(weights, watch):
            watch.saw(job.settings["first"])
            if watch.looks < 5:
                return
            while True:
                pass
        return run
    return prepare
main(load)
"""
CRASHES = "import os, sys\nsys.stdin.read()\nprint('of memory', file=sys.stderr, flush=True)\nos.abort()\n"
RAISES = """
from harness import main
def load():
    def prepare(job):
        def run(weights, watch):
            watch.saw(job.settings["first"])
            watch.saw(0.25)
            raise RuntimeError("not invertible")
        return run
    return prepare
main(load)
"""


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Runs a contender that is written here."""
    scripts = tmp_path / "contenders"
    scripts.mkdir()
    shutil.copy(CONTENDERS / "harness.py", scripts)
    monkeypatch.setenv("MARQUARDT_BENCHMARKS", str(tmp_path / "cache"))
    monkeypatch.setattr(running, "CONTENDERS", scripts)
    monkeypatch.setattr(running, "BEGINNING", 20.0)
    monkeypatch.setattr(running, "GRACE", (1.0, 0.2))

    def run(text, first=None, **more):
        (scripts / "mine.py").write_text(text, encoding="utf-8")
        problem = problem_of()
        first = problem.first_losses[0] if first is None else first
        contender = Contender("mine", "mine", "mine", settings={"first": first})
        return running.cell(contender, problem, [[0.1]], **more)

    return run


def problem_of():
    inputs = np.linspace(-1, 1, 20)[:, None]
    return ContestProblem("mine", "mine", inputs, np.sin(3 * inputs), 2, (0.1,), n_starts=1, limit=0.3)


def test_a_contender_that_hangs_is_ended_and_the_table_says_so(made):
    found = made(HANGS)
    assert found["runs"] == []
    assert "ended from outside" in found["reason"]


def test_a_contender_that_crashes_is_told_with_its_last_words(made):
    found = made(CRASHES)
    assert "SIGABRT" in found["reason"]
    assert "of memory" in found["reason"]


def test_a_run_that_raises_is_a_run_that_missed_the_goal(made):
    (run,) = made(RAISES)["runs"]
    assert run["why"] == "RuntimeError: not invertible"
    assert run["met"] == [None]
    assert run["loss"] == 0.25


def test_another_start_is_found_out(made):
    found = made(RAISES, first=0.5)
    assert found["runs"] == []
    assert "did not begin from the same start: 0.5" in found["reason"]


def test_a_finished_cell_is_not_run_again_unless_it_changed(made, monkeypatch):
    first = made(RAISES)
    calls = []
    real = running._run
    monkeypatch.setattr(running, "_run", lambda *a: calls.append(1) or real(*a))
    assert made(RAISES) == first
    assert calls == []
    made(RAISES, is_fresh=True)
    made(RAISES + "\n# changed")
    assert len(calls) == 2


@pytest.mark.slow
def test_what_does_not_install_is_told_and_not_tried_again(tmp_path, monkeypatch):
    from benchmarks.contest import environments

    monkeypatch.setenv("MARQUARDT_BENCHMARKS", str(tmp_path / "cache"))
    monkeypatch.setattr(environments, "CONTENDERS", tmp_path)
    (tmp_path / "mine.txt").write_text("./there-is-none\n", encoding="utf-8")
    with pytest.raises(CannotInstall, match="does not install"):
        environment("mine")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("tried again"))
    with pytest.raises(CannotInstall, match="does not install"):
        environment("mine")


@pytest.mark.slow
def test_a_small_contest_runs_resumes_and_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MARQUARDT_BENCHMARKS", str(tmp_path / "cache"))
    output = tmp_path / "out"
    options = ["--problems=parity-3", "--contenders=marquardt-auto,scipy-lbfgs,scipy-lm", f"--output={output}"]
    main(options)
    page = (output / "contest.md").read_text(encoding="utf-8")
    assert re.search(r"\| \*\*marquardt auto\*\* \| [1-9]\d* of 10 \|", page)
    assert "needs as many residuals as weights" in page
    results = json.loads((output / "contest.json").read_text(encoding="utf-8"))
    cell = results["results"][0]["cells"]["scipy-lbfgs"]
    assert cell["ready"]["imports"] > 0
    assert cell["runs"][0]["trace"]
    assert results["machine"]["processor"]
    assert {file.name for file in output.glob("*.svg")} == {
        "contest-seconds.svg",
        "contest-losses.svg",
        "contest-costs.svg",
    }
    monkeypatch.setattr(running, "_run", lambda *a: pytest.fail("ran again"))
    main(options)


def run_of(start, met, loss=0.01, **more):
    return {
        "start": start,
        "met": met,
        "seconds": 1.0,
        "loss": loss,
        "fixed": None,
        "iterations": 10,
        "seconds an iteration": 0.1,
        "evaluations": 11,
        "trace": [[0.0, 1.0], [0.5, loss]],
        "why": "goal" if None not in met else "limit",
        "memory": 3.0,
        "first": 1.0,
        **more,
    }


def cell_of(times, reason=None):
    runs = [run_of(start, [time]) for start, time in enumerate(times)]
    return {"ready": {"imports": 0.5, "compiles": 0.0, "versions": {"numpy": "2"}}, "runs": runs, "reason": reason}


def result_of(cells, key="diabetes"):
    return {
        "key": key,
        "title": "a title",
        "samples": 100,
        "weights": 20,
        "loss": "squares",
        "goals": [[0.25]] * 3,
        "limit": 3.0,
        "fixed": 2.0,
        "starts": 3,
        "reference": "",
        "floor": 0.0,
        "cells": cells,
    }


def test_ratios_are_over_the_starts_that_both_reach():
    ours, theirs = cell_of([1.0, 2.0, None]), cell_of([3.0, None, 50.0])
    assert report.faster_by(ours, theirs, 0) == 3.0
    assert report.faster_by(ours, cell_of([None, None, 1.0]), 0) is None


def test_a_place_needs_half_of_the_starts():
    cells = {
        "marquardt-auto": cell_of([2.0, 2.0, 2.0]),
        "scipy-lbfgs": cell_of([1.0, None, None]),
        "textbook": cell_of([1.5, 1.6, None]),
    }
    assert [key for key, _ in report.standing(result_of(cells), 0)] == ["textbook", "marquardt-auto"]


@pytest.mark.parametrize(
    ("theirs", "verdict"), [(2.0, "**missed**"), (3.0, "met"), (6.0, "reached for, and met"), (None, "**missed**")]
)
def test_what_was_asked_for_is_judged_by_the_ratio(theirs, verdict):
    cells = {"marquardt-auto": cell_of([1.0] * 3), "scipy-lbfgs": cell_of([theirs] * 3)}
    (row,) = report.requirements([result_of(cells)])
    assert row[-1] == verdict


def test_a_page_tells_reasons_and_escapes_them(tmp_path):
    cells = {
        "marquardt-auto": cell_of([1.0, 2.0, 3.0]),
        "pyrenn": {"ready": None, "runs": [], "reason": "does not install: a | b"},
        "textbook": cell_of([1.0, None, None]),
    }
    report.write([result_of(cells)], tmp_path)
    page = (tmp_path / "contest.md").read_text(encoding="utf-8")
    assert "does not install: a / b" in page
    assert "time is up" in page
    lines = [line for line in page.splitlines() if line.startswith("| **marquardt auto**")]
    assert lines[0].startswith("| **marquardt auto** | 3 of 3 | 2 (1 – 3) |")


def test_pictures_name_everybody_with_units(tmp_path):
    cells = {"marquardt-auto": cell_of([1.0, 2.0, 3.0]), "pyrenn": cell_of([], "hangs"), "textbook": cell_of([1.0])}
    pictures.draw([result_of(cells)], tmp_path)
    seconds = (tmp_path / "contest-seconds.svg").read_text(encoding="utf-8")
    for text in ("marquardt auto", "pyrenn LM", "cannot", "1 of 1", "processor time to the goal", "a title, MSE 0.25"):
        assert text in seconds


def test_goals_ten_times_nearer_the_floor():
    problem = PROBLEMS["one-output-tight"]()
    floor = problem.floor
    ((first, near),) = problem.goals_after([floor + 1e-4])
    assert first == 0.004
    assert near == pytest.approx(floor + 1e-5, rel=1e-12)


def test_names_that_there_are_not_are_refused():
    with pytest.raises(SystemExit, match="There is no problem 'nine'"):
        chosen("nine", PROBLEMS, PROBLEMS, "problem")
    with pytest.raises(SystemExit, match="no option '--fast'"):
        main(["--fast"])
    with pytest.raises(SystemExit, match="no option '--quick=3'"):
        main(["--quick=3"])
    assert chosen("", FIELD, ("pyrenn",), "contender") == ["pyrenn"]


def test_options_belong_to_one_benchmark(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "engine", "--quick"])
    with pytest.raises(SystemExit, match="must follow one of defaults, contest, scaling"):
        benchmarks_main()
