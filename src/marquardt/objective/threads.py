"""The threads that share the blocks of a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from marquardt.numerics import threads_left
from marquardt.objective.blocks import Block, Blocks, KeptBlocks, PassEndedError

__all__ = ["PassThreads"]

T = TypeVar("T")


class PassThreads:
    """Does the shares of a pass, as many as the plan has threads; results are in the order of the shares."""

    def __init__(self, blocks: Blocks, shares: int) -> None:
        self._blocks, self._shares = blocks, shares
        self._pool: ThreadPoolExecutor | None = None
        self._n_workers = 0

    def each(self, work: Callable[[int, Iterable[Block]], T]) -> list[T]:
        """Do the work on each share of the blocks."""
        blocks, shares = self._blocks, self._shares
        try:
            if shares == 1:
                return [work(0, blocks)]
            runs = blocks.shares(shares)
            # Blocks that are read come to all shares in turn, and are waited for: there none can be done after another.
            workers = threads_left(shares) if isinstance(blocks, KeptBlocks) else shares
            if workers == 1:
                return [work(number, run) for number, run in enumerate(runs)]
            pool = self._pool_of(workers)

            def guarded(number: int, run: Iterable[Block]) -> T:
                # NumPy keeps its error state a thread.
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    try:
                        return work(number, run)
                    except BaseException:
                        # The others must not wait for blocks behind those that this one takes no more.
                        blocks.stop()
                        raise

            futures = [pool.submit(guarded, number, run) for number, run in enumerate(runs)]
            errors = [error for future in futures if (error := future.exception()) is not None]
            for error in sorted(errors, key=lambda error: isinstance(error, PassEndedError)):
                raise error  # the one that the others ended for
            return [future.result() for future in futures]
        except BaseException:
            blocks.stop()
            raise

    def _pool_of(self, workers: int) -> ThreadPoolExecutor:
        """The threads, as many of them as there are to be now."""
        if self._pool is None or self._n_workers != workers:
            self.close()
            self._pool, self._n_workers = ThreadPoolExecutor(workers, thread_name_prefix="marquardt"), workers
        return self._pool

    def close(self) -> None:
        """End the threads, if any were started."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
