"""Which room of the package imports which, read from the source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "marquardt"

# A module imports from its own group's left, and inside the ground from its siblings.
GROUND = ("_version", "errors", "arrays", "checks", "files", "json_values", "options", "spelling", "wording")
CORE = ("numerics", "networks", "losses", "objective", "algorithms", "training", "streams", "problems", "comparison")
FRONT = ("tables", "storage", "plots", "estimators", "cli", "__main__")
ROOMS = (*GROUND, *CORE, *FRONT)

# Front ends are siblings; these are the pairs that may meet.
FRONT_MAY_USE = {"estimators": {"tables", "storage"}, "cli": set(FRONT), "__main__": {"cli"}}


@dataclass(frozen=True)
class Import:
    """One import of something in the package: who, on which line, and the room it reaches."""

    path: Path
    line: int
    room: str
    target: str


def allowed(room: str) -> set[str]:
    """Return the rooms that a room may import from, itself included."""
    if room in ("_version", "errors", "wording"):
        return {room}
    if room in GROUND:
        return set(GROUND)
    if room in CORE:
        return {*GROUND, *CORE[: CORE.index(room) + 1]}
    return {*GROUND, *CORE, room, *FRONT_MAY_USE.get(room, ())}


def imports(package: Path) -> Iterator[Import]:
    """Yield every import of the package by itself, at module level or inside a function."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        if parts == ("__init__",):
            continue  # the front door resolves names in every room, on first use
        own = (PACKAGE, *parts[:-1]) if parts[-1] == "__init__" else (PACKAGE, *parts)
        is_package = parts[-1] == "__init__"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            for name in _targets(node, own, is_package):
                yield Import(path, node.lineno, parts[0], _room_of(name))


def _targets(node: ast.AST, own: tuple[str, ...], is_package: bool) -> list[tuple[str, ...]]:
    if isinstance(node, ast.Import):
        names = [tuple(alias.name.split(".")) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = tuple(node.module.split(".")) if node.module else ()
        if node.level:
            up = node.level - 1 if is_package else node.level
            base = (*own[: len(own) - up], *base)
        names = [(*base, alias.name) for alias in node.names]
    else:
        return []
    return [name for name in names if name[0] == PACKAGE]


def _room_of(name: tuple[str, ...]) -> str:
    if len(name) == 1:
        return PACKAGE
    return "_version" if name[1] == "__version__" else name[1]


def violations(package: Path) -> list[str]:
    """Return one sentence for each import that goes to the right, and for each room that has no place."""
    found = []
    for entry in sorted(package.iterdir()):
        name = entry.stem
        is_room = entry.suffix == ".py" or (entry.is_dir() and any(entry.rglob("*.py")))
        if is_room and name not in ("__init__", "__pycache__", *ROOMS):
            found.append(f"{name} has no place in the order of rooms: give it one in {Path(__file__).name}.")
    for each in imports(package):
        where = f"{each.path.relative_to(package.parent)}:{each.line}"
        if each.target not in ROOMS:
            found.append(f"{where}: {each.room} imports {each.target!r} through the package; name its room.")
        elif each.room in ROOMS and each.target not in allowed(each.room):
            found.append(f"{where}: {each.room} imports {each.target}, which stands to its right.")
    return found
