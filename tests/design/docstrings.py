"""Compares NumPy-style docstrings with the signatures they describe."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

RULE = re.compile(r"^\s*-{3,}\s*$")
ENTRY = re.compile(r"^(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")

# What the reference lists is described in full, with all parameters. Of anything else one sentence says enough; a
# Parameters section, where there is one, must agree.
REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
LISTED = re.compile(r"^ {3}([A-Za-z_][\w.]*)$", re.MULTILINE)


def sections(docstring: str) -> dict[str, list[str]]:
    """Return the lines under each underlined heading; those before the first are under ""."""
    lines = inspect.cleandoc(docstring).splitlines()
    found: dict[str, list[str]] = {"": []}
    heading = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if RULE.match(following) and line.strip() and not line.startswith(" "):
            heading = line.strip()
            found[heading] = []
        elif not RULE.match(line):
            found[heading].append(line)
    return found


def listed(docstring: str, *headings: str) -> list[str]:
    """Return the names described under the headings, without stars."""
    names = []
    for heading in headings:
        for line in sections(docstring).get(heading, []):
            entry = ENTRY.match(line)
            if entry:
                names += [name.strip().lstrip("*") for name in entry["names"].split(",")]
    return names


def own_docstring(thing: Any) -> str:
    """Return what was written for this thing, "" if nothing was: a dataclass writes one by itself."""
    docstring = (thing.__doc__ if inspect.isclass(thing) else inspect.getdoc(thing)) or ""
    if inspect.isclass(thing):
        inherited = any(docstring == base.__doc__ for base in thing.__mro__[1:])
        if inherited or (dataclasses.is_dataclass(thing) and docstring.startswith(f"{thing.__name__}(")):
            return ""
    return docstring


def parameters(thing: Any) -> list[str]:
    """Return the names in the signature that a caller gives."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return []
    return [name for name in signature.parameters if name not in ("self", "cls")]


def complaints(thing: Any, brief: bool = False) -> list[str]:
    """Return a sentence for each way in which a public function or class and its docstring disagree."""
    docstring = own_docstring(thing)
    if not docstring.strip():
        return ["has no docstring"]
    if inspect.isclass(thing):
        return [*_signature(thing, docstring, brief), *_members(thing)]
    return _signature(thing, docstring, brief)


def _signature(thing: Any, docstring: str, brief: bool) -> list[str]:
    if inspect.isclass(thing) and _has_no_signature_of_its_own(thing):
        return []
    taken = parameters(thing)
    described = listed(docstring, "Parameters", "Other Parameters")
    attributes = listed(docstring, "Attributes") if inspect.isclass(thing) else []
    found = [f"describes {name!r}, which it does not take" for name in described if name not in taken]
    if brief and not described:
        return found
    known = {*described, *(attributes if _is_record(thing) else [])}
    return found + [f"takes {name!r}, which it does not describe" for name in taken if name not in known]


def _has_no_signature_of_its_own(thing: type) -> bool:
    protocol = getattr(thing, "_is_protocol", False)
    return protocol or issubclass(thing, BaseException | enum.Enum) or "__init__" not in _written(thing)


def _written(thing: type) -> set[str]:
    written = {name for base in thing.__mro__[:-1] for name in vars(base)}
    return written | ({"__init__"} if _is_record(thing) else set())


def _is_record(thing: Any) -> bool:
    return dataclasses.is_dataclass(thing) or hasattr(thing, "_fields")


def _members(thing: type) -> list[str]:
    """Public methods and properties say what they are; where they list parameters, the list is right."""
    found = []
    for name, member in vars(thing).items():
        function = inspect.unwrap(getattr(member, "__func__", member))
        if name.startswith("_") or (not isinstance(function, property) and not inspect.isfunction(function)):
            continue
        docstring = inspect.getdoc(getattr(thing, name)) or ""
        if not docstring.strip():
            found.append(f"has {name}, without a docstring")
        elif inspect.isfunction(function):
            found += [f".{name}: {each}" for each in _signature(function, docstring, brief=True)]
    return found


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield every module below a package, except those that run when imported."""
    for entry in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not entry.name.endswith("__main__"):
            yield importlib.import_module(entry.name)


def public_things(package: ModuleType) -> dict[str, Any]:
    """Return every function and class that some `__all__` names, once, under the name of its home."""
    found = {}
    for module in modules(package):
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            home = getattr(thing, "__module__", None) or ""
            if (inspect.isclass(thing) or inspect.isroutine(thing)) and home.startswith(package.__name__):
                found[f"{home}.{thing.__qualname__}"] = thing
    return dict(sorted(found.items()))


def in_the_reference(package: ModuleType) -> dict[str, Any]:
    """Return what docs/api.md lists, by the name there."""
    found = {}
    for name in LISTED.findall(REFERENCE.read_text(encoding="utf-8")):
        home, _, last = f"{package.__name__}.{name}".rpartition(".")
        found[name] = getattr(importlib.import_module(home), last)
    return found
