"""Ctrl-C: the first asks politely, the second does not."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """Within the block the first Ctrl-C only sets `is_asked`; the second raises `KeyboardInterrupt`.

    Parameters
    ----------
    on_first : callable
        Called at the first.
    """

    def __init__(self, on_first: Callable[[], None] = lambda: None) -> None:
        self.is_asked = False
        self._on_first = on_first
        self._before: Any = None

    def __enter__(self) -> Self:
        # A shell lets its background jobs ignore Ctrl-C; that stays so. Only the main thread may set handlers.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            try:
                self._before = signal.signal(signal.SIGINT, self._note)
            except ValueError:
                self._before = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.is_asked:
            raise KeyboardInterrupt
        self.is_asked = True
        self._on_first()
