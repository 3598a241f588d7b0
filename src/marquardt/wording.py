"""Words of the door through which somebody came: options on the command line, parameters in Python or of estimators."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

__all__ = ["by_door", "called", "in_an_estimator", "on_the_command_line", "under_names"]

_DOOR: ContextVar[str] = ContextVar("door", default="python")
_NAMES: ContextVar[Mapping[str, str] | None] = ContextVar("names", default=None)


@contextlib.contextmanager
def on_the_command_line() -> Iterator[None]:
    """Within the block, sentences speak of options of the command line.

    Examples
    --------
    >>> with on_the_command_line():
    ...     by_door("--missing drop", "missing='drop'")
    '--missing drop'
    """
    with _through("command line"):
        yield


@contextlib.contextmanager
def in_an_estimator() -> Iterator[None]:
    """Within the block, sentences advise what a method of an estimator takes."""
    with _through("estimator"):
        yield


@contextlib.contextmanager
def _through(door: str) -> Iterator[None]:
    token = _DOOR.set(door)
    try:
        yield
    finally:
        _DOOR.reset(token)


def by_door(command_line: str, python: str, estimator: str | None = None) -> str:
    """Return one of the wordings of the same advice, for a sentence that is made now.

    Parameters
    ----------
    command_line : str
        With options, such as ``--missing drop``.
    python : str
        With parameters, such as ``missing='drop'``.
    estimator : str, optional
        What else an estimator's methods take; they have no parameters for tables.

    Returns
    -------
    str
        That of the command line within `on_the_command_line`, of an estimator within `in_an_estimator`, else Python's.

    Examples
    --------
    >>> by_door("--missing drop", "missing='drop'")
    "missing='drop'"
    """
    door = _DOOR.get()
    if door == "command line":
        return command_line
    return estimator if door == "estimator" and estimator is not None else python


@contextlib.contextmanager
def under_names(names: Mapping[str, str]) -> Iterator[None]:
    """Within the block, sentences call settings by the names that the user gave them under; the outermost block holds.

    Examples
    --------
    >>> with under_names({"max_epochs": "--epochs"}):
    ...     called("max_epochs"), called("max_fail")
    ('--epochs', 'max_fail')
    """
    token = _NAMES.set(names if _NAMES.get() is None else _NAMES.get())
    try:
        yield
    finally:
        _NAMES.reset(token)


def called(setting: str) -> str:
    """Return what a setting is called where the user stands."""
    return (_NAMES.get() or {}).get(setting, setting)
