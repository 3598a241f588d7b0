"""Several runs at a time, each in a thread of its own, watched one after the other.

What a run takes its time for lets go of the interpreter's lock (see `marquardt.numerics.unlocked`), so threads are as
fast as processes, share the data, and can be watched and stopped between two epochs. Four trainings of 10-20-1 on 2,000
samples (241 weights, compiled) were 1.7 times as fast in two threads as one by one, 1.5 in two processes; of 20-30-1 on
10,000 samples 1.9 and 1.6; starting the processes, 0.5 s, not counted.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Protocol

from marquardt.networks import Network
from marquardt.numerics import most_threads, usable_cpus
from marquardt.objective import Minimized
from marquardt.training.record import Epoch, Record

__all__ = ["FinishedRun", "RestartPool", "Run"]

LOOK_AGAIN = 0.1
"""Seconds after which a wait is begun anew: some systems do not interrupt one that has no end."""


class Run(Protocol):
    """What can be pulled epoch by epoch: `Training`, `EvidenceTraining`, `BatchMember`."""

    @property
    def network(self) -> Network:
        """The best network so far."""

    @property
    def record(self) -> Record:
        """What happened so far."""

    @property
    def objective(self) -> Minimized:
        """That of the training part."""

    @property
    def memory(self) -> int:
        """Bytes that it needs beyond the caller's data, as planned."""

    @property
    def merit(self) -> float:
        """What restarts are compared by; lower is better."""

    def stop_by_user(self) -> None:
        """End it."""

    def __iter__(self) -> Iterator[Epoch]:
        """Train."""


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """What is kept of a run that has ended: not its copy of the data."""

    number: int  # Which run, from 0
    network: Network
    record: Record
    merit: float  # What restarts are compared by; lower is better
    decay: tuple[float, ...] | None  # The weight decay a layer that the run found, if it looks for one

    @classmethod
    def of(cls, number: int, run: Run) -> FinishedRun:
        """Keep what a run has come to."""
        # The merit first: where the run goes on meanwhile, the network can only be better.
        merit: float = run.merit
        return cls(number, run.network, run.record, merit, getattr(run, "decay", None))


class RestartPool:
    """Threads that do runs, as many at a time as there are jobs.

    A run is begun when a thread is free, in the order of their numbers. What a run does, to the bit, does not depend on
    the number of jobs: the processors are divided among the runs that go on, and blocks of samples are summed in the
    same order by few threads or many.
    """

    def __init__(self, first: Run, make: Callable[[int], Run], n_runs: int, jobs: int) -> None:
        self._first: Run | None = first
        self._make, self.n_runs = make, n_runs
        self.jobs = min(jobs, n_runs)
        self._began = self._last = time.perf_counter()
        self._runs: dict[int, Run] = {}
        self._ended: dict[int, FinishedRun] = {}
        self._next = 0
        self._error: BaseException | None = None
        self._is_stopping = False
        # Who looks on takes no lock that the threads need: Ctrl-C could get between its taking and its letting go.
        self._news: SimpleQueue[None] = SimpleQueue()
        self._lock = threading.Lock()
        self._n_working = 0
        self._threads: list[threading.Thread] = []

    @property
    def n_ended(self) -> int:
        """Runs that have ended."""
        return len(self._ended)

    @property
    def seconds(self) -> float:
        """Time on the clock, from the start of the first thread to the last end of a run."""
        return self._last - self._began

    def begin(self) -> None:
        """Start the threads, once."""
        self._began = time.perf_counter()
        for number in range(len(self._threads), self.jobs):
            # A program that ends does not wait for runs that nobody watches.
            self._threads.append(threading.Thread(target=self._work, name=f"marquardt-run-{number}", daemon=True))
            self._threads[-1].start()

    def epochs(self, number: int) -> Iterator[Epoch]:
        """Show one run's epochs: those that have been done, then each as it comes."""
        n_shown = 0
        while True:
            self._wait(partial(self._has_news, number, n_shown))
            if self._error is not None:
                self.stop()
                raise self._error
            # A run that ends is first added to the one, then taken from the other, and has all its epochs by then.
            has_ended = number in self._ended
            run = self._runs.get(number)
            epochs = (self._ended[number] if run is None else run).record.epochs
            while n_shown < len(epochs):
                n_shown += 1
                yield epochs[n_shown - 1]
                if self._is_stopping:
                    return
            if has_ended:
                return

    def stop(self) -> None:
        """End the runs that go on after the epoch each is at, and wait for them; begin no other."""
        self._is_stopping = True
        self._wait(lambda: not any(thread.is_alive() for thread in self._threads))

    def begun(self) -> list[tuple[int, Run | FinishedRun]]:
        """Return the runs that have begun, after their numbers and in that order."""
        found: dict[int, Run | FinishedRun] = {**self._runs}
        return sorted((found | self._ended).items())

    def _has_news(self, number: int, n_shown: int) -> bool:
        """Whether a run has epochs that have not been shown, or any has failed."""
        if self._error is not None or number in self._ended:
            return True
        run = self._runs.get(number)
        return run is not None and len(run.record.epochs) > n_shown

    def _wait(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            with contextlib.suppress(Empty):
                self._news.get(timeout=LOOK_AGAIN)

    def _threads_each(self) -> int:
        """What each run may use of the processors."""
        return max(1, usable_cpus() // max(1, self._n_working))

    def _work(self) -> None:
        with self._lock:
            self._n_working += 1
        try:
            with most_threads(self._threads_each):
                while not self._is_stopping:
                    with self._lock:
                        number, self._next = self._next, self._next + 1
                    if number >= self.n_runs:
                        return
                    self._do(number)
        except BaseException as error:  # it is raised where the runs are watched
            self._error = self._error or error
            self._is_stopping = True
        finally:
            with self._lock:
                self._n_working -= 1
            self._news.put(None)

    def _do(self, number: int) -> None:
        run = self._make(number) if number else self._first
        assert run is not None  # the first is taken once
        if not number:
            self._first = None
        self._runs[number] = run
        for _ in run:
            if self._is_stopping:
                run.stop_by_user()
            self._news.put(None)
        # The run itself, and with it its copy of the data, is not needed any more.
        self._last = time.perf_counter()
        self._ended[number] = FinishedRun.of(number, run)
        del self._runs[number]
        self._news.put(None)
