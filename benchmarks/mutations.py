"""Which small faults the tests notice.

A mutation is one small change of the source: a comparison or an operator swapped, a number changed, ``and`` and ``or``
exchanged, a ``not`` left out, ``min`` for ``max``, a statement removed, a value not returned. A sample of them is drawn
by seed over all rooms; each is made alone in a copy of the tree, and the tests run until one fails: those of the
room, then those of the contracts between rooms, then all other fast ones. A mutation that no test notices is a
survivor: a hole in the tests, or a change that changes nothing. The second kind is listed, by file and source text, in
``equivalent_mutations.json`` beside this file and does not count.

Docstrings, annotations and the texts of messages stay as they are: words have no wrong number.

``python -m benchmarks mutations --n=100 --seed=0``; ``--room=numerics`` (several with commas) stays in one room,
``--timeout=300`` are the seconds that the tests of one step may take: a hang counts as noticed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = Path("src/marquardt")
EQUIVALENTS = Path(__file__).with_name("equivalent_mutations.json")
WANTED = 0.95
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
}
NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any"}
UNTOUCHED = (ast.Raise, ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)
"""Refusals and their texts, what states a type to mypy, and what fails at once."""


@dataclass(frozen=True)
class Mutation:
    """One change of one file: the source between two places, and what stands there instead."""

    file: str
    line: int
    start: int
    end: int
    before: str
    after: str

    @property
    def room(self) -> str:
        """The folder of the package, empty for what lies above the rooms."""
        parts = Path(self.file).relative_to(PACKAGE).parts
        return parts[0] if len(parts) > 1 else ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {shown(self.before)} → {shown(self.after)}"


def shown(text: str, limit: int = 90) -> str:
    """A piece of source in one line."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def changes(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901 - one case a mutation
    """All mutations of one node, its children untouched."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            yield changed(node, ops=[COMPARISONS[type(op)]()])
        case ast.BinOp(op=op) if type(op) in OPERATORS and not holds_text(node):
            yield changed(node, op=OPERATORS[type(op)]())
        case ast.AugAssign(op=op) if type(op) in OPERATORS and not holds_text(node):
            yield changed(node, op=OPERATORS[type(op)]())
        case ast.BoolOp(op=op):
            yield changed(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield changed(node, value=not value)
        case ast.Constant(value=int() | float() as value):
            yield changed(node, value=value + 1)
            if value not in (0, 1):
                yield changed(node, value=value / 2 if isinstance(value, float) else value - 1)
        case ast.Call(func=ast.Name(id=name)) if name in NAMES:
            yield changed(node, func=ast.Name(NAMES[name], ast.Load()))
        case ast.Call(func=ast.Attribute(attr=name) as function) if name in NAMES:
            yield changed(node, func=changed(function, attr=NAMES[name]))
        case ast.Return(value=ast.expr() as value) if not is_none(value):
            yield changed(node, value=ast.Constant(None))
        case ast.Assign() | ast.AugAssign() | ast.Continue() | ast.Break():
            yield ast.Pass()
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """A copy of a node with other fields."""
    other = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def holds_text(node: ast.AST) -> bool:
    """Whether a string is part of an expression: what is added there is a message."""
    return any(
        isinstance(each, ast.JoinedStr) or (isinstance(each, ast.Constant) and isinstance(each.value, str))
        for each in ast.walk(node)
    )


def is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def reached(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it that may be changed."""
    if isinstance(node, UNTOUCHED) or (isinstance(node, ast.If) and is_for_types(node)):
        return
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from reached(child)


def is_for_types(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def mutations_of(file: Path, root: Path = ROOT) -> list[Mutation]:
    """All mutations of a file, in the order of its source."""
    source = (root / file).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node in reached(ast.parse(source)):
        if not isinstance(node, ast.expr | ast.stmt) or is_name_list(node):
            continue
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        before = source[start:end].decode()
        for other in changes(node):
            after = ast.unparse(other)
            if isinstance(node, ast.expr):
                after = f"({after})"  # whatever stands around it
            found.append(Mutation(file.as_posix(), node.lineno, start, end, before, after))
    return found


def is_name_list(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"


def all_mutations(rooms: Sequence[str] = (), root: Path = ROOT) -> list[Mutation]:
    """All mutations of the package, or of some of its rooms."""
    files = sorted(path.relative_to(root) for path in (root / PACKAGE).rglob("*.py"))
    found = [mutation for file in files for mutation in mutations_of(file, root)]
    return [mutation for mutation in found if not rooms or mutation.room in rooms]


def equivalents() -> set[tuple[str, str, str]]:
    """What changes nothing: file, source before and after; not line numbers, which move."""
    listed = json.loads(EQUIVALENTS.read_text(encoding="utf-8"))
    return {(each["file"], each["before"], each["after"]) for each in listed}


def steps(room: str, root: Path) -> Iterator[list[str]]:
    """Paths of tests, the nearest to a room first."""
    near = [f"tests/{room}"] if room and (root / "tests" / room).is_dir() else []
    doctests = [f"{PACKAGE.as_posix()}/{room}"] if room else [PACKAGE.as_posix()]
    yield [*near, *doctests]
    yield ["tests/contracts"]
    rest = sorted(path for path in (root / "tests").iterdir() if path.name.startswith("test_") or is_tests(path))
    names = [path.relative_to(root).as_posix() for path in rest]
    yield [name for name in names if name not in (*near, "tests/contracts", "tests/design")]


def is_tests(path: Path) -> bool:
    return path.is_dir() and any(path.glob("test_*.py"))


def notices(mutation: Mutation, tree: Path, timeout: float) -> str:
    """Which tests notice a mutation that is made in a tree: their paths, or nothing."""
    file = tree / mutation.file
    source = file.read_bytes()
    try:
        file.write_bytes(source[: mutation.start] + mutation.after.encode() + source[mutation.end :])
        for paths in steps(mutation.room, tree):
            if ended(paths, tree, timeout) != 0:
                return " ".join(paths[:1])
        return ""
    finally:
        file.write_bytes(source)


def ended(paths: Sequence[str], tree: Path, timeout: float) -> int:
    """How tests ended: 0 where all passed; a negative number where they did not end in time."""
    environment = os.environ | {
        "PYTHONPATH": str(tree / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *paths]
    silent = subprocess.DEVNULL
    # A session of its own, so that what tests have started ends with them.
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdin=silent, stdout=silent, stderr=silent, start_new_session=True
    ) as run:
        try:
            return run.wait(timeout)
        except subprocess.TimeoutExpired:
            return -1
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)


def copied(root: Path, target: Path) -> Path:
    """A copy of what the tests need."""
    leave = shutil.ignore_patterns(".git", "__pycache__", ".*_cache", "build", "*.egg-info", "_build")
    return Path(shutil.copytree(root, target, ignore=leave))


def drawn(found: Sequence[Mutation], n: int, seed: int) -> list[Mutation]:
    """A sample without repetition, all equally likely."""
    return random.Random(seed).sample(list(found), min(n, len(found)))


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks mutations")
    parser.add_argument("--n", type=int, default=100, help="mutations to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--room", default="", help="only these, with commas; all by default")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for each step of tests")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] = ()) -> None:
    """Draw, try one after the other, and say how many were noticed."""
    wanted = options(arguments)
    rooms = [room for room in wanted.room.split(",") if room]
    unknown = [room for room in rooms if not (ROOT / PACKAGE / room).is_dir()]
    if unknown:
        raise SystemExit(f"There is no room {unknown[0]!r} in {PACKAGE}.")
    known = equivalents()
    found = [each for each in all_mutations(rooms) if (each.file, each.before, each.after) not in known]
    sample = drawn(found, wanted.n, wanted.seed)
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        tree = copied(ROOT, Path(folder, "tree"))
        for number, mutation in enumerate(sample, start=1):
            begun = time.perf_counter()
            by = notices(mutation, tree, wanted.timeout)
            if not by:
                survivors.append(mutation)
            took = time.perf_counter() - begun
            verdict = f"noticed by {by}" if by else "NOT noticed"
            print(f"{number}/{len(sample)} {verdict}, {took:.0f} s  {mutation}", flush=True)
    noticed = len(sample) - len(survivors)
    print(
        f"{noticed} of {len(sample)} noticed, {noticed / max(1, len(sample)):.0%} (at least {WANTED:.0%} are wanted)."
    )
    for mutation in survivors:
        print(f"  {mutation}")
