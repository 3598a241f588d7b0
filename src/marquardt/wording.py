"""Words of the door through which somebody came: options on the command line, parameters in Python."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

__all__ = ["by_door", "called", "on_the_command_line", "under_names"]

_IS_COMMAND_LINE: ContextVar[bool] = ContextVar("is_command_line", default=False)
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
    token = _IS_COMMAND_LINE.set(True)
    try:
        yield
    finally:
        _IS_COMMAND_LINE.reset(token)


def by_door(command_line: str, python: str) -> str:
    """Return one of two wordings of the same advice, for a sentence that is made now.

    Parameters
    ----------
    command_line : str
        With options, such as ``--missing drop``.
    python : str
        With parameters, such as ``missing='drop'``.

    Returns
    -------
    str
        That of the command line within `on_the_command_line`, else Python's.

    Examples
    --------
    >>> by_door("--missing drop", "missing='drop'")
    "missing='drop'"
    """
    return command_line if _IS_COMMAND_LINE.get() else python


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
