"""One BLAS thread for small work.

A multithreaded BLAS makes its threads wait for each other in a spin. Where products are small, or another
process wants the same core, that wait is most of the time: a 506 × 151 product JᵀJ on two cores with one of
them busy took 24 ms with two BLAS threads and 0.29 ms with one. So every run holds BLAS to one thread, and
parallelism comes from blocks of samples, each in a thread of its own.

The knob is the environment variable ``MARQUARDT_BLAS_THREADS``: a number of threads, or 0 to leave BLAS alone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from marquardt.errors import ConfigurationError

__all__ = ["KNOB", "hold_blas", "is_held", "most_threads", "threads_left", "usable_cpus"]

KNOB = "MARQUARDT_BLAS_THREADS"


class _Hold:
    """Counts who holds BLAS, so that overlapping runs restore it once, when the last of them ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders = 0
        self.limiter: Any = None
        self.controller: Any = None

    def acquire(self) -> None:
        with self.lock:
            if self.holders == 0:
                self._limit(_threads_wanted())
            self.holders += 1

    def release(self) -> None:
        with self.lock:
            self.holders -= 1
            if self.holders == 0 and self.limiter is not None:
                _take_control()
                self.limiter.restore_original_limits()
                _take_control()
                self.limiter = None

    def _limit(self, threads: int) -> None:
        if threads == 0:
            return
        if self.controller is None:
            # SciPy brings a BLAS of its own: it must be loaded to be found. Finding the loaded libraries takes
            # milliseconds, limiting the ones found microseconds.
            import scipy.linalg  # noqa: F401
            from threadpoolctl import ThreadpoolController

            self.controller = ThreadpoolController().select(user_api="blas")
        _take_control()
        self.limiter = self.controller.limit(limits=threads)


_HOLD = _Hold()


def _take_control() -> None:
    """Let this thread set BLAS's threads, and any other one after it.

    Recent versions of threadpoolctl listen to one thread only, the first that sets a limit, and ignore the others
    without a word. The last holder may be another thread than the first, so it must be heard too.
    """
    from threadpoolctl import OpenBLASController

    clear = getattr(OpenBLASController, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


def _threads_wanted() -> int:
    text = os.environ.get(KNOB, "1")
    if not text.strip().isdecimal():
        raise ConfigurationError(
            f"The environment variable {KNOB} must be a number of BLAS threads, or 0 to leave BLAS alone, got {text!r}."
        )
    return int(text)


class hold_blas:  # noqa: N801 - used like the functions of contextlib
    """Hold BLAS to one thread (or to the number in ``MARQUARDT_BLAS_THREADS``) while the context is open.

    Contexts may overlap in any order, in one thread or several; the limits found by the first are restored
    by the last. A context within another costs a microsecond.
    """

    def __enter__(self) -> None:
        _HOLD.acquire()

    def __exit__(self, *exception: object) -> None:
        _HOLD.release()


def is_held() -> bool:
    """Return whether some context of `hold_blas` is open."""
    return _HOLD.holders > 0


def usable_cpus() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


class _Share(threading.local):
    most: Callable[[], int] | None = None


_SHARE = _Share()


class most_threads:  # noqa: N801 - used like the functions of contextlib
    """Let objectives that are evaluated from this thread use so many threads at most, while the context is open.

    Their results do not depend on it: the shares of the work stay, and fewer threads do several.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most

    def __enter__(self) -> None:
        self._before, _SHARE.most = _SHARE.most, self._most

    def __exit__(self, *exception: object) -> None:
        _SHARE.most = self._before


def threads_left(wanted: int) -> int:
    """Return how many of the threads that are wanted may be used from this one."""
    return wanted if _SHARE.most is None else min(wanted, _SHARE.most())
