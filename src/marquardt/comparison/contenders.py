"""The algorithms of a comparison: labels, and the rule behind each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from marquardt.algorithms import StepRule, algorithm_named
from marquardt.errors import ConfigurationError

__all__ = ["contenders", "split_names"]


def contenders(algorithms: Any) -> dict[str, StepRule]:
    """Return the rule of every label."""
    given: Iterable[Any]
    if isinstance(algorithms, str):
        given = split_names(algorithms)
    elif isinstance(algorithms, StepRule):
        given = [algorithms]
    elif isinstance(algorithms, Mapping):
        given = algorithms.items()
    elif isinstance(algorithms, Iterable):
        given = algorithms
    else:
        raise ConfigurationError(
            f"algorithms must be names or step rules, got {algorithms!r}. Example: ['lm', 'bfgs']."
        )
    found: dict[str, StepRule] = {}
    for each in given:
        label, rule = _labelled(each)
        if label in found:
            raise ConfigurationError(
                f"Two algorithms are called {label!r}. Label them: ('{label} 1', …), ('{label} 2', …)."
            )
        found[label] = rule
    if not found:
        raise ConfigurationError("A comparison needs at least one algorithm. Example: ['lm', 'bfgs'].")
    return found


def _labelled(given: Any) -> tuple[str, StepRule]:
    if isinstance(given, str):
        return given.strip(), algorithm_named(given)
    if isinstance(given, StepRule):
        return given.name, given
    if isinstance(given, tuple | list) and len(given) == 2 and isinstance(given[0], str) and given[0].strip():
        label, rule = given
        if isinstance(rule, str):
            return label.strip(), algorithm_named(rule)
        if isinstance(rule, StepRule):
            return label.strip(), rule
    raise ConfigurationError(
        f"An algorithm must be a name, a step rule, or (label, name or rule), got {given!r}. "
        f"Example: ('fast', 'gradient_descent(rate=100)')."
    )


def split_names(text: str) -> list[str]:
    """Split at the commas that are not inside parentheses, brackets or quotes."""
    parts, depth, quote = [""], 0, ""
    for c in text:
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        if c == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += c
    if depth or quote:
        raise ConfigurationError(f"A parenthesis or a quote is not closed in {text!r}.")
    names = [part.strip() for part in parts]
    if "" in names:
        raise ConfigurationError(f"There must be a name before and after every comma, got {text!r}.")
    return names
