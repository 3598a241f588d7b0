"""Ctrl-C: the first asks politely, the second does not.

Python runs a signal handler between two of its own steps only, and factorizing a large matrix is one step. So the
signals are counted by a thread, woken by the byte that the interpreter writes at once.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

INTERRUPTED = 130
END = b"\0"


class Interrupts:
    """Within the block the first Ctrl-C only sets `is_asked`; the second ends the process at once.

    Outside the main thread, and where Ctrl-C is ignored, as in the background jobs of a shell, it does nothing.

    Parameters
    ----------
    on_first, on_second : callable
        Called from another thread; the second has the last word before the process ends.
    """

    def __init__(self, on_first: Callable[[], None], on_second: Callable[[], None]) -> None:
        self.is_asked = False
        self._on_first, self._on_second = on_first, on_second
        self._is_watching = False

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._reader, self._writer = socket.socketpair()
            self._writer.setblocking(False)
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
            self._handler: Any = signal.signal(signal.SIGINT, lambda number, frame: None)
            self._waker = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
            self._is_watching = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_watching:
            signal.set_wakeup_fd(self._waker)
            signal.signal(signal.SIGINT, self._handler)
            self._writer.send(END)
            self._thread.join()
            self._reader.close()
            self._writer.close()

    def _watch(self) -> None:
        while (byte := self._reader.recv(1)) != END:
            if byte[0] != signal.SIGINT:
                continue
            if self.is_asked:
                self._on_second()
                os._exit(INTERRUPTED)
            self.is_asked = True
            self._on_first()
