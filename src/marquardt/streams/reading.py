"""Reading ahead: a thread prepares the next blocks while the last ones compute.

One reader serves any number of takers. Block number i of a pass goes to taker i mod n, so that who sums what does not
depend on who is faster, and sums come out the same every time. A batch waits until every taker has taken all but the
last one of it: what is in memory at a time is a few batches, however long the pass.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from marquardt.objective import Block, PassEndedError

__all__ = ["DEPTH", "ReadAhead", "StreamedBlocks"]

DEPTH = 2
"""Batches that are ready and not taken yet: one to go on with, one for an uneven disk."""


class ReadAhead:
    """One pass over batches of blocks, read by a thread of its own."""

    def __init__(self, batches: Iterable[list[Block]], takers: int) -> None:
        self._batches = batches
        self._condition = threading.Condition()
        self._ready: list[deque[list[Block]]] = [deque() for _ in range(takers)]
        self._is_over = self._is_stopped = False
        self._error: BaseException | None = None
        # A daemon: a program may end in the middle of a pass.
        # What it refuses speaks the words of who reads.
        read = contextvars.copy_context().run
        threading.Thread(target=read, args=(self._read,), name="marquardt-reader", daemon=True).start()

    def share(self, taker: int) -> Iterator[Block]:
        """Go through the blocks of one taker."""
        ready, condition = self._ready[taker], self._condition
        while True:
            with condition:
                condition.wait_for(lambda: ready or self._is_over or self._is_stopped)
                if self._is_stopped:
                    raise PassEndedError
                if not ready:
                    if self._error is not None:
                        raise self._error
                    return
                blocks = ready.popleft()
                condition.notify_all()
            yield from blocks

    def stop(self) -> None:
        """End the pass: the reader stops, and takers get a `PassEndedError`."""
        with self._condition:
            self._is_stopped = True
            for ready in self._ready:
                ready.clear()
            self._condition.notify_all()

    def _read(self) -> None:
        try:
            number = 0
            for blocks in self._batches:
                takers = len(self._ready)
                shares = [blocks[(taker - number) % takers :: takers] for taker in range(takers)]
                number += len(blocks)
                with self._condition:
                    self._condition.wait_for(self._has_room)
                    if self._is_stopped:
                        return
                    for ready, share in zip(self._ready, shares, strict=True):
                        if share:
                            ready.append(share)
                    self._condition.notify_all()
        except BaseException as error:  # every taker is to see it, whatever it is
            self._error = error
        finally:
            with self._condition:
                self._is_over = True
                self._condition.notify_all()

    def _has_room(self) -> bool:
        return self._is_stopped or all(len(ready) < DEPTH for ready in self._ready)


class StreamedBlocks:
    """Blocks that are read anew in every pass."""

    only: Block | None = None

    def __init__(self, batches: Callable[[], Iterator[list[Block]]]) -> None:
        self._batches = batches
        self._reading: ReadAhead | None = None

    def __iter__(self) -> Iterator[Block]:
        """Begin a pass, and go through all blocks."""
        yield from self.shares(1)[0]

    def shares(self, threads: int) -> Sequence[Iterable[Block]]:
        """Begin a pass, and divide it."""
        self.stop()
        reading = self._reading = ReadAhead(self._batches(), threads)
        return [reading.share(taker) for taker in range(threads)]

    def stop(self) -> None:
        """End the pass that is open, if one is."""
        if self._reading is not None:
            self._reading.stop()
            self._reading = None
