"""Counts what the source consists of: lines by kind, sizes, comparisons with words, and imports in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Sized(NamedTuple):
    """Something and how many lines it takes."""

    name: str
    lines: int


@dataclass(frozen=True)
class Lines:
    """The lines of a tree by what is on them; what is left are imports, comments and blank lines."""

    total: int
    statements: int
    signatures: int
    docstrings: int


def count(package: Path) -> Lines:
    """Return the lines of all files of a package."""
    total = statements = signatures = docstrings = 0
    for path, text, tree in _parsed(package):
        del path
        lines = text.splitlines()
        documented, signed = _docstring_lines(tree), _signature_lines(tree)
        written = {n for n, line in enumerate(lines, 1) if line.strip() and not line.strip().startswith("#")}
        total += len(lines)
        docstrings += len(documented)
        signatures += len((signed & written) - documented)
        statements += len(written - documented - signed - _import_lines(tree))
    return Lines(total, statements, signatures, docstrings)


def largest_classes(package: Path) -> list[Sized]:
    """Return the classes, the largest first, with their docstrings."""
    return _by_size(package, ast.ClassDef, lambda node: _last(node) - node.lineno + 1)


def largest_functions(package: Path) -> list[Sized]:
    """Return the functions, the largest first, without their docstrings."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return _by_size(package, kinds, lambda node: _last(node) - node.lineno + 1 - _own_docstring(node))


def largest_files(package: Path) -> list[Sized]:
    """Return the files, the largest first."""
    found = [Sized(_module(package, path), len(text.splitlines())) for path, text, _ in _parsed(package)]
    return sorted(found, key=lambda each: -each.lines)


def compared(package: Path, words: set[str]) -> list[str]:
    """Return where something is compared with one of the words, or looked for among them, as file:line."""
    return [
        f"{_module(package, path)}:{node.lineno}"
        for path, _, tree in _parsed(package)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(each, ast.Constant) and each.value in words for each in ast.walk(node))
    ]


def circles(package: Path) -> list[tuple[str, ...]]:
    """Return the groups of files that import each other in a circle, also by imports inside functions."""
    modules = {_module(package, path): (path, tree) for path, _, tree in _parsed(package)}
    arrows = {name: set(_imported(name, path, tree, modules)) - {name} for name, (path, tree) in modules.items()}
    return [tuple(sorted(group)) for group in _strongly_connected(arrows) if len(group) > 1]


def _parsed(package: Path) -> Iterator[tuple[Path, str, ast.Module]]:
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        yield path, text, ast.parse(text, str(path))


def _module(package: Path, path: Path) -> str:
    parts = (package.name, *path.relative_to(package).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _by_size(package: Path, kinds: type | tuple[type, ...], size) -> list[Sized]:
    found = [
        Sized(f"{_module(package, path)}.{node.name}", size(node))
        for path, _, tree in _parsed(package)
        for node in ast.walk(tree)
        if isinstance(node, kinds)
    ]
    return sorted(found, key=lambda each: -each.lines)


def _last(node: ast.AST) -> int:
    return getattr(node, "end_lineno", 0) or 0


def _docstring(node: ast.AST) -> ast.stmt | None:
    body = getattr(node, "body", None)
    first = body[0] if isinstance(body, list) and body else None
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return first if is_text else None


def _own_docstring(node: ast.AST) -> int:
    found = _docstring(node)
    return 0 if found is None else _last(found) - found.lineno + 1


def _docstring_lines(tree: ast.Module) -> set[int]:
    """Return the lines of all docstrings, those under an attribute included."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, _last(node) + 1)
    }


def _signature_lines(tree: ast.Module) -> set[int]:
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for line in range(node.lineno, max(node.lineno + 1, node.body[0].lineno))
    }


def _import_lines(tree: ast.Module) -> set[int]:
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line in range(node.lineno, _last(node) + 1)
    }


def _imported(name: str, path: Path, tree: ast.Module, modules) -> Iterator[str]:
    for node in _run(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                own = name.split(".")
                up = node.level - 1 if path.name == "__init__.py" else node.level
                base = ".".join([*own[: len(own) - up], *([node.module] if node.module else [])])
            targets = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base for alias in node.names]
        else:
            continue
        yield from (target for target in targets if target in modules)


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run: what stands under `if TYPE_CHECKING` is for the type checker only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _run(child)


def _strongly_connected(arrows: dict[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected components (Kosaraju: depth first, then backward in the order of leaving)."""
    left: list[str] = []
    seen: set[str] = set()
    for start in arrows:
        _leave(start, arrows, seen, left)
    back: dict[str, set[str]] = {name: set() for name in arrows}
    for name, targets in arrows.items():
        for target in targets:
            back[target].add(name)
    seen, groups = set(), []
    for start in reversed(left):
        group: list[str] = []
        _leave(start, back, seen, group)
        if group:
            groups.append(set(group))
    return groups


def _leave(start: str, arrows: dict[str, set[str]], seen: set[str], left: list[str]) -> None:
    if start in seen:
        return
    seen.add(start)
    stack = [(start, iter(sorted(arrows[start])))]
    while stack:
        name, targets = stack[-1]
        following = next((target for target in targets if target not in seen), None)
        if following is None:
            left.append(name)
            stack.pop()
        else:
            seen.add(following)
            stack.append((following, iter(sorted(arrows[following]))))
