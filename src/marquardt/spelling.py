"""Names with settings, such as ``gradient_descent(rate=100)``, read without running anything."""

from __future__ import annotations

import ast
from typing import Any

from marquardt.checks import shown
from marquardt.errors import ConfigurationError

__all__ = ["spelled"]

MOST_CHARACTERS = 2000
"""Of a spelling: what is longer may be nested more deeply than can be followed."""


def spelled(text: str, what: str, first: str | None = None) -> tuple[str, dict[str, Any]]:
    """Read a name, with settings in parentheses or without."""
    if len(text) > MOST_CHARACTERS:
        raise ConfigurationError(
            f"{what} has {len(text):,} characters, and {MOST_CHARACTERS:,} are the most. It begins {shown(text)}."
        )
    name, bracket, rest = text.strip().partition("(")
    name = name.strip()
    example = "Write it as name(setting=0.1, other='word')."
    if not name or any(c in name for c in ")=,'\" "):
        raise ConfigurationError(f"{what} must be a name, with settings in parentheses or without, got {shown(text)}.")
    if not bracket:
        return name, {}
    try:
        return name, _settings(text, rest, what, first, example)
    except (RecursionError, MemoryError):
        raise ConfigurationError(f"{what} {shown(text)} is nested too deeply to be read. {example}") from None


def _settings(text: str, rest: str, what: str, first: str | None, example: str) -> dict[str, Any]:
    try:
        call = ast.parse(f"f({rest}", mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise ConfigurationError(f"{what} {shown(text)} cannot be read: {_reason(error)}. {example}") from None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ConfigurationError(f"{what} {shown(text)} goes on behind its parentheses. {example}")
    keywords = call.keywords
    if first is not None and len(call.args) == 1:
        keywords = [ast.keyword(first, call.args[0]), *keywords]
    elif call.args:
        raise ConfigurationError(
            f"{what} {shown(text)} has the value {ast.unparse(call.args[0])} without a name. {example}"
        )
    settings = {}
    for keyword in keywords:
        value = ast.unparse(keyword.value)
        if keyword.arg is None:
            raise ConfigurationError(f"{what} {shown(text)} has the setting **{value} without a name. {example}")
        if keyword.arg in settings:
            raise ConfigurationError(f"{what} {shown(text)} has the setting {keyword.arg!r} twice.")
        try:
            settings[keyword.arg] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError):
            raise ConfigurationError(
                f"{what} {shown(text)}: {keyword.arg} must be a plain value, such as 0.1 or 'word', got {value}."
            ) from None
    return settings


def _reason(error: Exception) -> str:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return str(message).rstrip(".")
