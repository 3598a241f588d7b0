"""What the program says to people: one voice, which may be quiet, and which no closed pipe and no control
character from a file can disturb.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def clean(text: str) -> str:
    """Return a text without characters that steer a terminal.

    >>> clean("red\\x1b[31m")
    'red\\\\x1b[31m'
    """
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


class _Outlet:
    """A stream that goes on silently when its reader has closed it: a training must not end with `| head`."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_closed = False

    def write(self, text: str) -> int:
        """Write if somebody still reads."""
        self._guard("write", text)
        return len(text)

    def flush(self) -> None:
        """Flush if somebody still reads."""
        self._guard("flush")

    def _guard(self, name: str, *arguments: str) -> None:
        if self._is_closed:
            return
        try:
            getattr(self._stream, name)(*arguments)
        except BrokenPipeError:
            self._is_closed = True
            from marquardt.cli.app import _silence

            _silence(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Voice:
    """Sentences and tables for people.

    Parameters
    ----------
    quiet : bool
        Say nothing.
    to_stderr : bool
        Speak on standard error, because standard output is for a program.
    """

    def __init__(self, *, quiet: bool = False, to_stderr: bool = False) -> None:
        from rich.console import Console

        stream = sys.stderr if to_stderr else sys.stdout
        outlet: Any = _Outlet(stream)
        # What is no terminal has no width: wide enough that no table is squeezed.
        width = None if stream.isatty() else 120
        self.console: Console = Console(
            file=outlet, quiet=quiet, width=width, highlight=False, markup=False, emoji=False
        )
        self.is_quiet = quiet

    @property
    def is_live(self) -> bool:
        """Whether lines can be drawn over."""
        return self.console.is_terminal and not self.is_quiet

    def say(self, sentence: str = "", style: str = "") -> None:
        """Say a sentence; a terminal breaks it between words, a file gets one line."""
        from rich.text import Text

        with contextlib.suppress(BrokenPipeError):
            self.console.print(Text(clean(sentence), style=style), soft_wrap=not self.console.is_terminal)

    def show(self, thing: RenderableType) -> None:
        """Show a table."""
        self.console.print(thing)
