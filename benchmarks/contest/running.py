"""One cell of the table: a contender on a problem, in a process of its own, which is watched and ended if it hangs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import marquardt
from benchmarks.contest.environments import CONTENDERS, CannotInstall, cache, environment
from benchmarks.contest.field import Contender
from benchmarks.contest.problems import ContestProblem

OURS = Path(marquardt.__file__).parent
"""The package as it is imported here, with its compiled kernel if there is one."""
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
BEGINNING = 60.0
"""Seconds of the processor to start, import, compile and warm up, beyond the limit of two runs."""
GRACE = (1.25, 3.0)
"""A run is ended from outside at its limit times the first plus the second."""
WALL = (4.0, 30.0)
"""The same for seconds on the clock, where the processor's say nothing, as of a process that sleeps."""
SAME_START = 1e-9
"""How far the loss at the start may be from ours, relatively."""


def fingerprint(contender: Contender, problem: ContestProblem) -> str:
    """Of all that decides a cell: the problem, the script, the environment, and for ours the sources."""
    files = [CONTENDERS / "harness.py", CONTENDERS / f"{contender.script}.py"]
    files += [CONTENDERS / f"{part}_network.py" for part in ("torch", "jax") if part in _text(files[1])]
    if contender.requirements:
        files.append(CONTENDERS / f"{contender.requirements}.txt")
    if contender.is_ours:
        files += sorted(file for ending in ("*.py", "*.c", "*.so", "*.pyd") for file in OURS.rglob(ending))
    digest = hashlib.sha256(json.dumps([contender.settings, problem.told()], sort_keys=True).encode())
    for file in files:
        digest.update(file.read_bytes())
    for array in (problem.inputs, problem.targets, problem.starts):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def cell(
    contender: Contender, problem: ContestProblem, goals: list[list[float]], *, is_fresh: bool = False, role: str = ""
) -> dict[str, Any]:
    """Run a cell, or take it from the cache where it is finished.

    Parameters
    ----------
    contender : Contender
        Who.
    problem : ContestProblem
        On what.
    goals : list of list of float
        For every start, falling.
    is_fresh : bool
        Whether to run it again.
    role : str
        Sets apart what is run with other goals, such as a reference.

    Returns
    -------
    dict
        ``ready`` (imports, compiles, versions), ``runs`` and, where it did not end well, a ``reason``.
    """
    mark = fingerprint(contender, problem) + hashlib.sha256(json.dumps(goals).encode()).hexdigest()[:16]
    kept = cache() / "cells" / f"{problem.key}--{contender.key}{role}.json"
    if kept.exists() and not is_fresh:
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found["fingerprint"] == mark:
            return found
    found = {"fingerprint": mark, **_run(contender, problem, goals, is_fresh)}
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = kept.with_suffix(".part")
    temporary.write_text(json.dumps(found, indent=1), encoding="utf-8")
    temporary.replace(kept)
    return found


def _run(contender: Contender, problem: ContestProblem, goals: list[list[float]], is_fresh: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"ready": None, "runs": [], "reason": None}
    try:
        python = environment(contender.requirements, is_fresh) if contender.requirements else Path(sys.executable)
    except CannotInstall as failure:
        return result | {"reason": str(failure)}
    with tempfile.TemporaryDirectory() as directory:
        arrays = Path(directory) / "arrays.npz"
        np.savez(arrays, inputs=problem.inputs, targets=problem.targets, starts=problem.starts)
        job = {
            **problem.told(),
            "arrays": str(arrays),
            "goals": goals,
            "starts": list(range(len(problem.starts))),
            "settings": contender.settings,
        }
        for event in _events(python, contender, job, Path(directory) / "errors.txt"):
            kind = event.pop("event")
            if kind == "ready":
                result["ready"] = event
            elif kind == "run":
                expected = problem.first_losses[event["start"]]
                if event["first"] is not None and abs(event["first"] - expected) > SAME_START * expected:
                    return result | {
                        "runs": [],
                        "reason": f"did not begin from the same start: {event['first']:.9g}, not {expected:.9g}",
                    }
                result["runs"].append(event)
            else:
                result["reason"] = event["reason"]
    return result


def _events(python: Path, contender: Contender, job: dict[str, Any], errors: Path) -> Any:
    """What the contender says, line by line; ``failed`` where it had to be ended, or ended by itself too early."""
    variables = dict.fromkeys(ONE_THREAD, "1") | {"PYTHONDONTWRITEBYTECODE": "1"}
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if contender.is_ours:
        variables["PYTHONPATH"] = str(OURS.parent)
    limit = max(job["limit"], job["fixed"])
    with errors.open("w", encoding="utf-8") as error_file:
        process = subprocess.Popen(
            [str(python), str(CONTENDERS / f"{contender.script}.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=error_file,
            env=inherited | variables,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(job).encode())
                process.stdin.close()
            allowed = BEGINNING + 2 * limit
            for line in _lines(process, allowed, GRACE[0] * limit + GRACE[1]):
                if line is None:
                    yield {"event": "failed", "reason": f"ended from outside: no answer for {limit:.3g} s and more"}
                    return
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                is_last = event["event"] == "failed"
                yield event
                if is_last:
                    return
            if process.wait() != 0:
                last = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
                code = process.returncode
                told = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
                yield {"event": "failed", "reason": f"crashed with {told}{': ' + last[0][:200] if last else ''}"}
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _lines(process: Any, beginning: float, later: float) -> Any:
    """Lines as they come; None once the process has computed for too long without one."""
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    buffer, allowed = b"", beginning
    used, wall = 0.0, time.monotonic()
    with selector:
        while True:
            if selector.select(timeout=0.2):
                read = os.read(process.stdout.fileno(), 1 << 16)
                if not read:
                    return
                buffer += read
                *lines, buffer = buffer.split(b"\n")
                yield from lines
                if lines:
                    used, wall, allowed = _processor_seconds(process.pid), time.monotonic(), later
            is_over = _processor_seconds(process.pid) - used > allowed
            if is_over or time.monotonic() - wall > WALL[0] * allowed + WALL[1]:
                yield None
                return


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
