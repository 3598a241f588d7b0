"""Runs from several starts, of which the best is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from marquardt.networks import Network
from marquardt.training.record import Epoch, Record
from marquardt.training.restarts.pool import FinishedRun, RestartPool, Run
from marquardt.training.restarts.summary import RestartSpread, RestartSummary, spread_of, summary_of

__all__ = ["Restarts"]


class Restarts:
    """Runs from several starts: one after the other, in threads, or as a batch; iterating pulls the epochs of all.

    Whatever the way, they are pulled in the order of their numbers, and the best of what has ended and what goes on is
    kept, of equals the one before. Between two epochs, and after an interrupt, `network` and `record` are valid.
    """

    def __init__(
        self, first: Run, make: Callable[[int], Run], n_restarts: int = 1, *, together: Sequence[Run] = ()
    ) -> None:
        self._run, self._make, self._n_restarts, self._together = first, make, n_restarts, together
        self._best: FinishedRun | None = None
        self._pool: RestartPool | None = None
        self._is_cancelled = False
        self.restart = 0  # The one whose epochs are pulled
        self.summaries: list[RestartSummary] = []  # Those that have ended and were shown

    def __getstate__(self) -> object:
        raise TypeError(
            f"A {type(self).__name__} cannot be pickled: it holds a run under way, with threads and compiled code. Its "
            f"network and record can; an estimator that was fitted can, too."
        )

    @property
    def training(self) -> Run:
        """The run that is going on, or the last one; with several at a time, the first."""
        return self._run

    @property
    def network(self) -> Network:
        """The best network of all restarts so far."""
        return self._best_run().network

    @property
    def record(self) -> Record:
        """The record of the restart that `network` is from."""
        return self._best_run().record

    @property
    def kept(self) -> int:
        """The number of the restart that `network` is from."""
        return self._best_run().number

    @property
    def n_ended(self) -> int:
        """Restarts that have ended, of several at a time whether they have been shown or not."""
        return len(self.summaries) if self._pool is None else self._pool.n_ended

    @property
    def criterion(self) -> str:
        """What restarts are ranked by, as `RestartSpread` says it."""
        return "validation" if len(self.record.parts.validation) else "loss"

    @property
    def spread(self) -> RestartSpread:
        """How far apart the restarts came out, those that go on as they stand; one must have begun."""
        return spread_of(self.summaries_so_far(), self.kept, self.criterion)

    @property
    def seconds(self) -> float:
        """What the restarts took: their seconds, or those on the clock where several went on at a time."""
        return sum(each.seconds for each in self.summaries) if self._pool is None else self._pool.seconds

    @property
    def jobs(self) -> int:
        """How many restarts go on at a time, those of a batch aside."""
        return 1 if self._pool is None else self._pool.jobs

    def summaries_so_far(self) -> list[RestartSummary]:
        """Return the restarts that have ended in short, and those that go on as they stand.

        Returns
        -------
        list of RestartSummary
            None before the first epoch.
        """
        return [*self.summaries, *(summary_of(number, run.record, run.merit) for number, run in self._open())]

    def stop_by_user(self) -> None:
        """Ask the run to end; also closes the record after an interrupt. Runs in threads end their epoch first."""
        self._is_cancelled = True
        if self._pool is None:
            self._run.stop_by_user()
        else:
            self._pool.stop()
        for number, run in self._open():
            self._finish(number, run)

    def __iter__(self) -> Iterator[Epoch]:
        """Train, all restarts one after the other.

        Where several go on at a time, the epochs of the first come as they are made, and those of the others, already
        made or not, when it is their turn. A stop by the user ends all of them, and all of them are summarized.

        Yields
        ------
        Epoch
            `restart` says of which.
        """
        jobs = 1 if self._is_cancelled else self._most_jobs()
        if jobs > 1:
            self._pool = RestartPool(self._run, self._make, self._n_restarts, jobs)
            self._pool.begin()
        try:
            for restart in range(self._n_restarts):
                if restart and self._pool is None:
                    self._run = self._together[restart] if self._together else self._make(restart)
                self.restart = restart
                yield from self._run if self._pool is None else self._pool.epochs(restart)
                if len(self.summaries) <= restart:
                    self._finish(*self._open()[0])
                if self._is_cancelled:
                    return
        finally:
            if self._pool is not None:
                self._pool.stop()

    def pull(self) -> None:
        """Train to the end; an interrupt ends it early and keeps the best, unless there is nothing to keep."""
        try:
            for _ in self:
                pass
        except KeyboardInterrupt:
            is_first = not self.summaries
            self.stop_by_user()
            if is_first and not self.record.num_epochs:
                raise

    def _most_jobs(self) -> int:
        """How many may go on at a time."""
        return 1

    def _best_run(self) -> FinishedRun:
        """The best of what has ended and what goes on; of equals the one before."""
        best = self._best
        number, run = min(self._open(), key=lambda one: one[1].merit, default=(0, None))
        if run is None or (best is not None and best.merit <= run.merit):
            return FinishedRun.of(0, self._run) if best is None else best
        return run if isinstance(run, FinishedRun) else FinishedRun.of(number, run)

    def _open(self) -> list[tuple[int, Run | FinishedRun]]:
        """The runs that have begun and are not summarized yet, in their order."""
        begun: Iterable[tuple[int, Run | FinishedRun]]
        if self._pool is not None:
            begun = self._pool.begun()
        else:
            begun = enumerate(self._together) if self._together else [(self.restart, self._run)]
        return [(number, run) for number, run in begun if number >= len(self.summaries) and run.record.epochs]

    def _finish(self, number: int, run: Run | FinishedRun) -> None:
        """Summarize a run, and keep it if it is the best."""
        self.summaries.append(summary_of(number, run.record, run.merit))
        if self._best is None or run.merit < self._best.merit:
            self._best = run if isinstance(run, FinishedRun) else FinishedRun.of(number, run)
