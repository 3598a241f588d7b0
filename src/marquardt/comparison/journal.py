"""A file that a comparison can be gone on from: a header, then a line a finished run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marquardt.algorithms import StepRule
from marquardt.comparison.results import Run
from marquardt.errors import DataError, FileError
from marquardt.losses import Squares
from marquardt.problems import Problem
from marquardt.training import Limits

__all__ = ["Journal", "fingerprint"]

KIND, VERSION = "marquardt comparison", 1


def fingerprint(problem: Problem, limits: Limits) -> str:
    """Return a hash of all that a run depends on but the algorithm, the start and the seed."""
    loss = Squares() if problem.loss is None else problem.loss
    info = [
        problem.graph.to_dict(),
        loss.name,
        # Numbers only: what else a loss of the user's own may hold has another address in every process.
        {key: repr(value) for key, value in vars(loss).items() if isinstance(value, int | float | str | tuple)},
        problem.initialization,
        problem.spread,
        problem.input_scaling,
        problem.target_scaling,
        {key: repr(value) for key, value in vars(limits).items()},
    ]
    made = hashlib.sha256(json.dumps(info, sort_keys=True).encode())
    for table in (problem.inputs, problem.targets):
        made.update(repr(table.shape).encode())
        made.update(table.tobytes())
    return made.hexdigest()[:16]


class Journal:
    """The finished runs of a comparison, in a file."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        problem: Problem,
        seed: int,
        limits: Limits,
        rules: Mapping[str, StepRule],
    ) -> None:
        self.path = Path(path)
        self.runs: dict[tuple[str, int], Run] = {}
        self.memory: dict[str, int] = {}
        self._rules = {label: repr(rule) for label, rule in rules.items()}
        self._header = {
            "kind": KIND,
            "version": VERSION,
            "problem": problem.name,
            "goal": limits.goal,
            "metric": limits.goal_metric,
            "seed": seed,
            "max_epochs": limits.max_epochs,
            "max_seconds": repr(limits.max_seconds),
            "hash": fingerprint(problem, limits),
        }
        if self.path.exists() and self.path.stat().st_size:
            self._read()
        else:
            self._append(self._header)

    def add(self, run: Run) -> None:
        """Append a finished run."""
        self.runs[run.algorithm, run.start] = run
        self._append({"rule": self._rules[run.algorithm], **run.to_dict()})

    def add_memory(self, label: str, memory: int) -> None:
        """Append what memory an algorithm takes."""
        self.memory[label] = memory
        self._append({"rule": self._rules[label], "algorithm": label, "memory": memory})

    def _append(self, line: Mapping[str, Any]) -> None:
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line, allow_nan=False) + "\n")
        except OSError as error:
            raise FileError(f"Cannot write {self.path}: {error.strerror or error}.") from error

    def _read(self) -> None:
        try:
            text = self.path.read_bytes()
        except OSError as error:
            raise FileError(f"Cannot read {self.path}: {error.strerror or error}.") from error
        whole, _, rest = text.rpartition(b"\n")
        lines = whole.split(b"\n") if whole else []
        self._check(_object(lines[0]) if lines else {})
        for number, line in enumerate(lines[1:], start=2):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, DataError) as error:
                raise FileError(f"{self.path}, line {number}, is damaged: {error}") from error
        if rest:
            # Killed in the middle of a line: that run is done again.
            os.truncate(self.path, len(whole) + 1)

    def _check(self, header: Mapping[str, Any]) -> None:
        if header.get("kind") != KIND:
            raise FileError(f"{self.path} is no file to resume a comparison from. Name another one.")
        if header.get("version") != VERSION:
            raise FileError(
                f"{self.path} is of version {header.get('version')}, this program writes version {VERSION}. "
                f"Name another file."
            )
        for key, value in self._header.items():
            if header.get(key) == value:
                continue
            what = "another network, data or limits" if key == "hash" else f"{key} {header.get(key)}, not {value}"
            raise FileError(
                f"{self.path} is of another comparison: it has {what}. Name another file, or ask for the same."
            )

    def _take(self, line: Mapping[str, Any]) -> None:
        label = line["algorithm"]
        if label not in self._rules:
            return
        if line["rule"] != self._rules[label]:
            raise FileError(
                f"{self.path} has another {label!r}: {line['rule']}, not {self._rules[label]}. Name another file, or "
                f"label the algorithm otherwise."
            )
        if "memory" in line:
            self.memory[label] = int(line["memory"])
        else:
            run = Run.from_dict(line)
            self.runs[run.algorithm, run.start] = run


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
