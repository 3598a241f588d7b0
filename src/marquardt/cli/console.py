"""What the program says to people: a console, which may be quiet, and which no closed pipe, no full disk and no control
character from a file can disturb; and what it hands to programs, which arrives or is an error.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import TYPE_CHECKING, Any

from marquardt.errors import FileError

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import RenderableType


def clean(text: str) -> str:
    """Return a text without characters that steer a terminal.

    >>> clean("red\\x1b[31m")
    'red\\\\x1b[31m'
    """
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


class Closed(io.TextIOBase):
    """Standard output or error that the process began without (``>&-``): nothing can be written to it."""

    def write(self, text: str) -> int:
        """Refuse."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def silence(stream: Any) -> None:
    """Let what is still to be flushed at exit go nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def unwritable(error: Exception, but: str = "") -> FileError:
    """Return the error for standard output that takes nothing."""
    return FileError(f"Cannot write to standard output: {getattr(error, 'strerror', None) or error}.{but}")


def hand_over(text: str, but: str = "") -> None:
    """Print a result, which somebody waits for."""
    try:
        print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        silence(sys.stdout)
        raise unwritable(error, but) from error


def warn(text: str) -> None:
    """Print to standard error, if it takes anything."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        silence(sys.stderr)


class _Outlet:
    """A stream that goes on silently when nothing can be written to it any more: a training must end neither with
    `| head`, nor with a full disk under its log or a terminal that is gone.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_closed = False
        self.error: Exception | None = None

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
        except (OSError, ValueError) as error:  # a ValueError of a stream that is closed
            self._is_closed = True
            if not isinstance(error, BrokenPipeError):
                self.error = error
            silence(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Console:
    """Sentences and tables for people."""

    def __init__(self, *, quiet: bool = False, to_stderr: bool = False) -> None:
        from rich.console import Console as RichConsole

        stream = sys.stderr if to_stderr else sys.stdout
        outlet: Any = _Outlet(stream)
        self._outlet = outlet
        # What is no terminal has no width: wide enough that no table is squeezed.
        width = None if stream.isatty() else 120
        self.rich: RichConsole = RichConsole(
            file=outlet, quiet=quiet, width=width, highlight=False, markup=False, emoji=False
        )
        self.is_quiet = quiet

    @property
    def is_live(self) -> bool:
        """Whether lines can be drawn over."""
        return self.rich.is_terminal and not self.is_quiet

    def say(self, sentence: str = "", style: str = "") -> None:
        """Say a sentence; a terminal breaks it between words, a file gets one line."""
        from rich.text import Text

        self.rich.print(Text(clean(sentence), style=style), soft_wrap=not self.rich.is_terminal)

    def show(self, thing: RenderableType) -> None:
        """Show a table."""
        self.rich.print(thing)

    def require_heard(self) -> None:
        """Refuse to end well where what was said was the result, and could not be written."""
        if self._outlet.error is not None:
            raise unwritable(self._outlet.error)
