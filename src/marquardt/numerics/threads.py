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
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from marquardt.errors import ConfigurationError

__all__ = ["KNOB", "hold_blas", "usable_cpus"]

KNOB = "MARQUARDT_BLAS_THREADS"


class _Hold:
    """Counts who holds BLAS, so that overlapping runs restore it once, when the last of them ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders = 0
        self.limiter: Any = None
        self.controller: Any = None

    def acquire(self, threads: int) -> None:
        with self.lock:
            self.holders += 1
            if self.holders == 1:
                if self.controller is None:
                    # Finding the loaded libraries takes milliseconds; limiting the ones found takes microseconds.
                    # SciPy brings a BLAS of its own: it must be loaded to be found.
                    import scipy.linalg  # noqa: F401
                    from threadpoolctl import ThreadpoolController

                    self.controller = ThreadpoolController().select(user_api="blas")
                self.limiter = self.controller.limit(limits=threads)

    def release(self) -> None:
        with self.lock:
            self.holders -= 1
            if self.holders == 0 and self.limiter is not None:
                self.limiter.restore_original_limits()
                self.limiter = None


_HOLD = _Hold()


def _threads_wanted() -> int:
    text = os.environ.get(KNOB, "1")
    if not text.strip().isdigit():
        raise ConfigurationError(
            f"The environment variable {KNOB} must be a number of BLAS threads, or 0 to leave BLAS alone, got {text!r}."
        )
    return int(text)


@contextmanager
def hold_blas() -> Iterator[None]:
    """Hold BLAS to one thread (or to the number in ``MARQUARDT_BLAS_THREADS``) while the context is open.

    Contexts may overlap in any order, in one thread or several; the limits found by the first are restored
    by the last.

    Raises
    ------
    ConfigurationError
        If ``MARQUARDT_BLAS_THREADS`` is not a whole number.

    Examples
    --------
    >>> with hold_blas():
    ...     product = np.eye(3) @ np.eye(3)
    """
    threads = _threads_wanted()
    if threads == 0:
        yield
        return
    _HOLD.acquire(threads)
    try:
        yield
    finally:
        _HOLD.release()


def usable_cpus() -> int:
    """Return how many processors this process may use.

    Returns
    -------
    int
        At least 1; respects the affinity mask where the system has one.
    """
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
