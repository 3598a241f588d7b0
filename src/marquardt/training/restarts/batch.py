"""Many small networks of one graph as a batch: Levenberg–Marquardt with a leading axis of networks.

A member is one network from its start to its stop: its own μ, weights, best epoch and record. In a sweep every member
that still goes on has trials until one is accepted; members that have stopped are taken out of the arrays. The trials
are those of `LevenbergMarquardt` with D = I, by the compiled kernel for all members in one call (`CompiledTrials`), or
else by the rule itself, a member at a time (`RuleTrials`). The end of those that no step lowers the loss of is by
orthogonal steps (`finished`), and the stops, the validation and the numbers of an epoch are those of `Training`:
results differ by rounding alone. What members share is the clock: the time limit is for all together, and the seconds
of an epoch are the member's share of the time so far, so that those of all add up to what all of them took.
"""

from __future__ import annotations

import inspect
import math
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import numpy as np

from marquardt.algorithms import LevenbergMarquardt, StepRule
from marquardt.algorithms.damping import COMPILED_DAMPINGS
from marquardt.algorithms.levenberg_marquardt import PLAIN_SETTINGS, Damped
from marquardt.arrays import AnyArray, Array, ArrayLike, Indices, require_finite
from marquardt.checks import whole
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.losses import Loss, Squares, WeightDecay, takes_scale
from marquardt.networks import Network
from marquardt.numerics import hold_blas
from marquardt.objective import BatchedObjective, Budget, MemoryLimit, is_compiled
from marquardt.training.division import Parts
from marquardt.training.objectives import Objectives, sources_of
from marquardt.training.record import Epoch, Record
from marquardt.training.restarts.batch_trials import BatchTrials, Going
from marquardt.training.stops import Limits, Status, Stop, first_stop
from marquardt.training.training import require_pieces

__all__ = ["BatchMember", "BatchTraining", "checked_starts"]

TOGETHER_BYTES = 256 << 20
"""What the normal matrices of the members that go on together may take; more than that are taken in turns."""


class Best(NamedTuple):
    """The best epoch of every member so far; made anew after every sweep, so that an interrupt finds a whole one."""

    weights: Array  # (n_members, n_weights)
    # (n_members,): what epochs are compared by: the mean loss of the validation part in scaled units, or the loss
    # with its penalty where there is no such part; inf before the start
    value: Array
    epoch: Indices  # (n_members,)
    performance: Array  # (n_members,): as in `Epoch`
    validation: Array  # (n_members,)


class BatchTraining:
    """Many runs of Levenberg–Marquardt on the same data, as a batch, pulled sweep by sweep.

    Iterating yields the number of members that go on after every sweep. Between two sweeps, and after an interrupt,
    `best` and `records` are valid. While the iteration is open, BLAS is held to one thread.

    Parameters
    ----------
    network : Network
        Description and scalings of all of them.
    starts : array-like of shape (n_members, n_weights)
        A row is a start.
    inputs : array-like of shape (n_samples, n_inputs)
        In the user's units.
    targets : array-like of shape (n_samples, n_outputs)
        In the user's units.
    loss : Loss
        Squares when not given. A robust one has its scale: see `train_many`.
    penalty : WeightDecay, optional
        On the weights.
    sample_weight : array-like of shape (n_samples,), optional
        Not negative.
    parts : Parts, optional
        The division; all samples train when not given.
    rule : LevenbergMarquardt
        With D = I, and a damping of `COMPILED_DAMPINGS`; the defaults when not given.
    limits : Limits
        What ends a run, for each; the time is for all together.
    threads : int, optional
        Threads that share the members where the compiled kernel trains them; when not given, as many as there are
        processors, if a sweep is long enough to be worth it. Results do not depend on it.
    max_memory : int or str, optional
        Bytes, or a text such as ``"500MB"``, that training may take beyond the data: members are taken in turns where
        they have no room together. The machine's memory when not given.
    clock : callable
        Returns seconds; for tests.

    Attributes
    ----------
    n_members : int
        Number of networks.
    best : Best
        The best epoch of every member so far.
    stops : list of Stop or None
        Why each ended; None while it goes on.
    epochs : ndarray of int of shape (n_members,)
        Accepted steps of each.
    is_cancelled : bool
        Whether the user asked to stop.

    Raises
    ------
    ConfigurationError
        If the rule is another one, or the outputs depend on each other.
    DataError
        If the loss overflows at a start.
    MarquardtError
        Whatever `Training` refuses.

    Examples
    --------
    >>> from marquardt.networks import feed_forward, initial_weights
    >>> graph = feed_forward(1, 3, 1)
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> starts = [initial_weights(graph, rng=seed) for seed in range(4)]
    >>> batch = BatchTraining(Network(graph, starts[0]), starts, x, np.sin(2 * x), limits=Limits(max_epochs=5))
    >>> for n_going in batch:
    ...     pass
    >>> [record.num_epochs for record in batch.records]
    [5, 5, 5, 5]
    """

    def __init__(
        self,
        network: Network,
        starts: ArrayLike,
        inputs: ArrayLike,
        targets: ArrayLike,
        loss: Loss | None = None,
        *,
        penalty: WeightDecay | None = None,
        sample_weight: ArrayLike | None = None,
        parts: Parts | None = None,
        rule: StepRule | None = None,
        limits: Limits | None = None,
        threads: int | None = None,
        max_memory: Budget = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.network = network
        self._limits = Limits() if limits is None else limits
        self._clock = clock
        rule = LevenbergMarquardt() if rule is None else rule
        loss = Squares() if loss is None else loss
        require_pieces(network, loss, rule, self._limits)
        self._limits.check_metric(loss.metric)
        _require_plain(rule, loss)
        weights = checked_starts(starts, network.graph.n_weights)
        self.n_members = len(weights)
        if threads is not None:
            whole(threads, "threads", minimum=1)
        limit = MemoryLimit.of(max_memory)
        sources = sources_of(network, inputs, targets, sample_weight, parts)
        parted = [source for source in sources if source is not None]
        covered = is_compiled(network.graph, loss, parted[0].weighs_outputs)
        self._objectives = Objectives.of(
            network,
            sources,
            loss,
            penalty,
            rule,
            form="explicit",
            max_memory=limit,
            kind=BatchedObjective,
            # The kernel takes all samples as one block; else they are those of a run by itself.
            block_size=max(source.n_samples for source in parted) if covered else None,
            threads=1,
        )
        self.objective: BatchedObjective = self._objectives.trained  # type: ignore[assignment]
        self._validation: BatchedObjective | None = self._objectives.validation  # type: ignore[assignment]
        self._test: BatchedObjective | None = self._objectives.test  # type: ignore[assignment]
        # Members that have stopped are left out of a copy of the matrices.
        self._together_bytes = min(TOGETHER_BYTES, limit.without(self._objectives.memory).limit / 2)
        self._rule: LevenbergMarquardt = rule.prepared_for(self.objective.info)  # type: ignore[assignment]
        self._is_squares = isinstance(loss, Squares)
        overflown = np.flatnonzero(np.isinf(self.objective.losses(weights)))
        if len(overflown):
            raise DataError(
                f"The loss overflows at start {overflown[0]}. Scale the inputs and targets, or start from smaller "
                f"weights."
            )
        is_solved = self.objective.info.is_linear and self._validation is None
        self._trials = BatchTrials(
            self.objective,
            self._rule,
            self.n_members,
            threads,
            self._limits.trials_at_once,
            self._limits.min_gradient if is_solved else -1.0,
        )
        self._begin(weights, parts)

    def _begin(self, weights: Array, parts: Parts | None) -> None:
        """What is known of the members before the first sweep."""
        count, rule = self.n_members, self._rule
        everything = Parts.all_training(self.objective.n_samples) if parts is None else parts
        settings = {**vars(self._limits), **rule.settings}
        counts, metric = dict.fromkeys(self.objective.evaluations, 0), self.objective.loss.metric
        self._records = [
            Record(rule.name, dict(settings), metric, everything, evaluations=dict(counts)) for _ in range(count)
        ]
        nothing = np.full(count, math.nan)
        self.best = Best(weights, np.full(count, math.inf), np.zeros(count, np.intp), nothing, nothing)
        self._stops = self._limits.stops()
        self.stops: list[Stop | None] = [None] * count
        self.epochs: Indices = np.zeros(count, np.intp)
        self._history: list[tuple[AnyArray, ...]] = []
        self._n_read = 0
        self._pulled: Generator[int, None, None] | None = None
        self.is_cancelled = False
        self._is_started = False

    @property
    def n_lanes(self) -> int:
        """The old name of `n_members`."""
        warnings.warn("n_lanes is called n_members now.", FutureWarning, stacklevel=2)
        return self.n_members

    @property
    def memory(self) -> int:
        """Bytes that they need beyond the caller's data, as planned: all parts, and the members that go on together."""
        return self._objectives.memory + 2 * 8 * min(self.n_members, self._at_once) * self.objective.n_weights**2

    @property
    def _at_once(self) -> int:
        """BatchTraining that go on together."""
        return max(1, int(self._together_bytes / (8 * self.objective.n_weights**2)))

    @property
    def records(self) -> list[Record]:
        """What happened so far, a record a member. The epochs are written when this is first looked at."""
        return [self.record(member) for member in range(self.n_members)]

    def record(self, member: int) -> Record:
        """Return what happened so far in one member.

        Parameters
        ----------
        member : int
            Its number, from 0.

        Returns
        -------
        Record
            The same object every time, with what has come since.
        """
        while self._n_read < len(self._history):
            columns = [column.tolist() for column in self._history[self._n_read]]
            self._n_read += 1
            for number, *values in zip(*columns, strict=True):
                self._records[number].epochs.append(Epoch(*values))
        record = self._records[member]
        record.stop, record.best_epoch = self.stops[member], int(self.best.epoch[member])
        record.evaluations["value"], record.evaluations["normal"] = self._trials.counts[member].tolist()
        return record

    def runs(self) -> list[BatchMember]:
        """Return the members as runs of their own, to be pulled one after the other.

        Returns
        -------
        list of BatchMember
            One a start.
        """
        return [BatchMember(self, number) for number in range(self.n_members)]

    def advance(self) -> bool:
        """Do a sweep, if members go on; returns whether there was one."""
        if self._pulled is None:
            self._pulled = iter(self)
        going = next(self._pulled, None)
        if going == 0:
            self._pulled.close()  # nobody pulls again, and BLAS would be held as long as the members are kept
        return going is not None

    def stop_by_user(self) -> None:
        """End all members that go on: the next pull does, and their records say so."""
        self.is_cancelled = True
        for member, stop in enumerate(self.stops):
            if stop is None:
                status = Status(epoch=int(self.epochs[member]), is_cancelled=True)
                self.stops[member] = first_stop(self._stops, status)
        if self._pulled is not None and inspect.getgeneratorstate(self._pulled) != inspect.GEN_RUNNING:
            self._pulled.close()

    def __iter__(self) -> Generator[int, None, None]:
        """Train.

        Yields
        ------
        int
            After every sweep, the first of which evaluates the starts: how many members have not stopped.

        Raises
        ------
        ConfigurationError
            If the members have been iterated before.
        """
        if self._is_started:
            raise ConfigurationError("BatchTraining can be iterated once. To go on, begin new ones from their weights.")
        self._is_started = True
        with hold_blas():
            started = self._clock()
            try:
                for first in range(0, self.n_members, self._at_once):
                    members = np.arange(first, min(first + self._at_once, self.n_members))
                    for going in self._sweeps(members, started):
                        if not self.is_cancelled:
                            yield going + self.n_members - 1 - int(members[-1])
                        if self.is_cancelled:
                            return
            finally:
                self._trials.close()
                self._objectives.close()

    def _sweeps(self, members: Indices, started: float) -> Iterator[int]:
        """Train some of the members; yields how many of them go on."""
        now = self._trials.start(members, self.best.weights[members])
        is_accepted = np.ones(len(members), dtype=bool)
        is_stuck = is_last = ~is_accepted
        before = started if members[0] == 0 else self._clock()
        while True:
            read = self._clock()
            now = now._replace(share=now.share + (read - before) / len(now.member))
            now = self._noted(now, is_accepted, is_last)
            before = read
            goes_on = self._judged(now, is_stuck, read - started)
            if not goes_on.all():
                now = now.of(goes_on)
            yield len(now.member)
            if len(now.member) == 0:
                return
            now, is_accepted, is_stuck, is_last = self._trials.advance(now)

    def _noted(self, now: Going, is_accepted: AnyArray, is_last: AnyArray) -> Going:
        """Put the new epochs into the history, and keep the best; the last of those that end was finished."""
        if not is_accepted.any():
            return now
        # An index of everything copies; a slice does not.
        which: Any = slice(None) if is_accepted.all() else np.flatnonzero(is_accepted)
        member, epoch, weights, loss, performance = (
            array[which] for array in (now.member, now.epoch, now.weights, now.loss, now.performance)
        )
        norm = self.objective.gradient_norms(now.gradient[which])
        validation, compared = np.full(len(member), math.nan), loss
        if self._validation is not None:
            sums = self._validation.sums(weights)
            validation, compared = self._validation.performances(sums), self._validation.mean_losses(sums)
        test = np.full(len(member), math.nan)
        if self._test is not None:
            test = self._test.performances(self._test.sums(weights))
        best = self.best
        # Equal counts as a failure.
        is_best = (compared < best.value[member]) | (epoch == 0)
        if self._validation is None:
            is_best |= is_last[which]
        fails = now.fails[which]
        if self._validation is not None:
            fails = np.where(is_best, 0, fails + 1)
        trials = now.trial[which] - now.trials_before[which]
        share = now.share[which]
        # In the order of the fields of Epoch.
        self._history.append(
            (
                member,
                epoch,
                performance,
                validation,
                test,
                norm,
                now.mu[which],
                fails,
                share,
                trials,
                loss * self.objective.unit,
            )
        )
        self.epochs[member] = epoch
        better = member[is_best]
        new = (weights, compared, epoch, performance, validation)
        self.best = Best(*(_with(old, better, values[is_best]) for old, values in zip(best, new, strict=True)))
        return now._replace(
            norm=_with(now.norm, which, norm),
            fails=_with(now.fails, which, fails),
            trials_before=np.where(is_accepted, now.trial, now.trials_before),
        )

    def _judged(self, now: Going, is_stuck: AnyArray, seconds: float) -> AnyArray:
        """Note why members stop; returns which go on."""
        goes_on = np.ones(len(now.member), dtype=bool)
        mse = now.performance if self._is_squares else np.full(len(now.member), math.nan)
        objective = self.objective
        sse = mse * (objective.total_weight * objective.n_outputs * objective.sample_unit)
        columns: list[Any] = [now.epoch, now.trial, now.loss * objective.unit, sse, mse, now.norm, now.fails]
        status = Status._make([*columns, seconds, None, self.is_cancelled])
        is_asked = is_stuck.copy()
        for stop in self._stops:
            is_asked |= stop.holds(status)
        asked = np.flatnonzero(is_asked)
        if len(asked) == 0:
            return goes_on
        rows = zip(*(array[asked].tolist() for array in (*columns, now.mu)), strict=True)
        for k, (*values, mu) in zip(asked.tolist(), rows, strict=True):
            outcome = None
            if is_stuck[k]:
                largest = self._rule.largest_mu(now.normal[k].diagonal()).item()
                outcome = self._rule.outcome(Damped(self._rule.moves.first(mu), largest=largest))
            ended = first_stop(self._stops, Status._make([*values, seconds, outcome, self.is_cancelled]))
            if ended is not None:
                self.stops[now.member[k]] = ended
                goes_on[k] = False
        return goes_on


class BatchMember:
    """One of the members as a run of its own, like `Training`: iterating yields its epochs as soon as they are known.

    Whichever is pulled moves all of them; the epochs that the others have done meanwhile wait until they are pulled.
    """

    def __init__(self, batch: BatchTraining, number: int) -> None:
        self._batch, self._number = batch, number
        self.objective = batch.objective

    @property
    def network(self) -> Network:
        """The best network so far, as of `Training`."""
        return self._batch.network.with_weights(self._batch.best.weights[self._number])

    @property
    def record(self) -> Record:
        """What happened so far."""
        return self._batch.record(self._number)

    @property
    def memory(self) -> int:
        """Bytes that all members need beyond the caller's data, as planned."""
        return self._batch.memory

    @property
    def best_value(self) -> float:
        """What epochs and restarts are compared by, of the best epoch."""
        return float(self._batch.best.value[self._number])

    @property
    def merit(self) -> float:
        """What restarts are compared by; lower is better."""
        return self.best_value

    def stop_by_user(self) -> None:
        """End all members."""
        self._batch.stop_by_user()

    def __iter__(self) -> Iterator[Epoch]:
        """Train."""
        epochs, n_shown = self.record.epochs, 0
        while True:
            while n_shown < len(epochs):
                yield epochs[n_shown]
                n_shown += 1
                if self._batch.is_cancelled:
                    return
            if self.record.stop is not None or not self._batch.advance():
                return
            # Looking at the record writes the epochs that have come.
            epochs = self.record.epochs


def checked_starts(starts: ArrayLike, n_weights: int) -> Array:
    """Return the starts of a batch, a row each."""
    weights = np.array(starts, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[1] != n_weights or len(weights) == 0:
        raise ShapeError(f"starts must be of shape (n_starts, {n_weights}), at least one, got {weights.shape}.")
    require_finite(weights, "starts")
    return weights


def _require_plain(rule: StepRule, loss: Loss) -> None:
    if not rule.is_plain:
        raise ConfigurationError(
            f"In a batch, networks are trained by 'levenberg_marquardt' with no other settings than "
            f"{', '.join(PLAIN_SETTINGS)} (damping: {', '.join(COMPILED_DAMPINGS)}), got {rule!r}. Train them one "
            f"after the other."
        )
    if takes_scale(loss):
        raise ConfigurationError(
            f"A batch goes on with one scale of the loss, and that of {loss.name} is left to the training. Take "
            f"train_many, which finds one, or give it: {type(loss).__name__}(scale=0.1)."
        )


def _with(array: AnyArray, places: Any, values: AnyArray) -> AnyArray:
    """A copy with other values in some places."""
    changed = array.copy()
    changed[places] = values
    return changed
