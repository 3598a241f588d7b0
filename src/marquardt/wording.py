"""Words of the door through which somebody came: options on the command line, parameters in Python."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

__all__ = ["by_door", "on_the_command_line"]

_IS_COMMAND_LINE: ContextVar[bool] = ContextVar("is_command_line", default=False)


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
