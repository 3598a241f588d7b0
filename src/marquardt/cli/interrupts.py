"""Ctrl-C and the signals that end a program: the first asks politely, a second Ctrl-C saves what there is and ends.

Python runs a signal handler between two of its own steps only, and factorizing a large matrix is one step. So the
signals are counted by a thread, woken by the byte that the interpreter writes at once.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self

from marquardt.files import journal

INTERRUPTED = 130
END = b"\0"
ENDINGS: tuple[int, ...] = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Of a batch system, a container, a service; of a terminal that is closed."""
ALL = (signal.SIGINT, *ENDINGS)
PATIENCE = 5.0
"""Seconds that who wants to end at once waits for files that are just being renamed."""


class Ended(KeyboardInterrupt):
    """SIGTERM or SIGHUP, where nothing asks for them: they leave as Ctrl-C does, so that all is tidied up."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


@contextlib.contextmanager
def endings() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP raise `Ended`, unless they are ignored, as SIGHUP is under `nohup`."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended(number)

    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in ENDINGS if is_main}
    changed = {number: handler for number, handler in before.items() if handler is signal.SIG_DFL}
    for number in changed:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in changed.items():
            signal.signal(number, handler)


def what_is_saved() -> str:
    """Return the sentence for the end by a signal."""
    written = ", ".join(map(str, journal().completed))
    return f"Interrupted. What is written: {written}." if written else "Interrupted. Nothing is saved."


def nothing() -> bool:
    """Save nothing: there is nothing yet, or it is saved."""
    return False


class Interrupts:
    """Within the block the first Ctrl-C, SIGTERM or SIGHUP only sets `is_asked`; a second Ctrl-C ends the process at
    once, having saved what there is to save and said which files are written.

    Outside the main thread it does nothing, nor about a signal that is ignored, as Ctrl-C is in the background jobs of
    a shell.

    `rescue` is called from another thread at once at SIGTERM or SIGHUP, which a kill may follow before the main thread
    sees them, and before a second Ctrl-C ends the process; it is to be set as soon as there is something to save, and
    returns whether it saved something. Whatever it raises is not looked at, and the end does not wait for it longer
    than `PATIENCE`.
    """

    def __init__(self, on_first: Callable[[], None], before_end: Callable[[], object]) -> None:
        self.is_asked = False
        self.code = INTERRUPTED
        self.rescue: Callable[[], bool] = nothing
        self.has_rescued = False
        self._saving = threading.Lock()
        self._broken_by: tuple[int, ...] = ()
        self._on_first, self._before_end = on_first, before_end
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        watched = [number for number in ALL if signal.getsignal(number) is not signal.SIG_IGN]
        if watched:
            self._reader, self._writer = socket.socketpair()
            self._writer.setblocking(False)
            # The journal of files belongs to the context of the main thread.
            self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._watch,), daemon=True)
            self._thread.start()
            self._waker = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
            self._handlers = {number: signal.signal(number, self._seen) for number in watched}
        return self

    @property
    def is_ending(self) -> bool:
        """Whether the signal that has come is one that may be followed by one that cannot be caught."""
        return self.is_asked and self.code != INTERRUPTED

    @contextlib.contextmanager
    def breaking(self, by: tuple[int, ...] = ALL) -> Iterator[None]:
        """Within the block the first of these signals raises KeyboardInterrupt, at once if it has come already: in
        long work that may be broken off.
        """
        try:
            self._broken_by = by
            if self.is_asked and self.code - 128 in by:
                raise KeyboardInterrupt
            yield
        finally:
            self._broken_by = ()

    @contextlib.contextmanager
    def saving(self) -> Iterator[None]:
        """Within the block nobody else saves, and after it there is nothing left to rescue."""
        with self._saving:
            yield
            self.rescue = nothing

    def _seen(self, number: int, frame: FrameType | None) -> None:
        self._note(number)
        if number in self._broken_by:
            self._broken_by = ()
            raise KeyboardInterrupt

    def _note(self, number: int) -> None:
        if not self.is_asked:
            self.is_asked, self.code = True, 128 + number

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handlers:
            signal.set_wakeup_fd(self._waker)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._writer.send(END)
            self._thread.join()
            self._reader.close()
            self._writer.close()

    def _watch(self) -> None:
        is_first = True
        while (byte := self._reader.recv(1)) != END:
            number = byte[0]
            if number not in self._handlers:
                continue
            if is_first:
                self._note(number)
                self._on_first()
            if number in ENDINGS:
                self._begin_saving()
            elif not is_first:
                self._end()
            is_first = False

    def _begin_saving(self) -> threading.Thread:
        """Save in a thread of its own: a disk that does not answer holds up no end."""
        saving = threading.Thread(target=contextvars.copy_context().run, args=(self._save,), daemon=True)
        saving.start()
        return saving

    def _end(self) -> None:
        kept = journal()
        self._begin_saving().join(PATIENCE)
        # Files that belong together are renamed together.
        kept.lock.acquire(timeout=PATIENCE)
        kept.remove_temporary()
        with contextlib.suppress(Exception):
            self._before_end()
        with contextlib.suppress(OSError, ValueError, AttributeError):
            print(what_is_saved(), file=sys.stderr, flush=True)
        os._exit(INTERRUPTED)

    def _save(self) -> None:
        with contextlib.suppress(Exception), self._saving:
            self.has_rescued = self.rescue() or self.has_rescued
