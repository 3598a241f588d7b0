"""Many small networks side by side: Levenberg–Marquardt with a leading axis of networks.

A lane is one network from its start to its stop: its own μ, weights, best epoch and record. A sweep is one trial of
every lane that still goes on; lanes that have stopped are taken out of the arrays. Lane by lane the steps are those
of `LevenbergMarquardt` with D = I,

    (A + μI) p = −g;      lower loss: w ← w + p, μ as the damping says;      otherwise: μ ← increase · μ,

the end of those that no step lowers the loss of is by orthogonal steps one lane at a time (`finished`), and the stops,
the validation and the numbers of an epoch are those of `Training`: results differ by rounding alone.
What lanes share is the clock: the time limit is for all together, and the seconds of an epoch are the lane's share of
the time so far, so that those of all lanes add up to what all of them took.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, overload

import numpy as np

from marquardt.algorithms import LevenbergMarquardt, StepRule
from marquardt.algorithms.damping import COMPILED_DAMPINGS, gain
from marquardt.algorithms.levenberg_marquardt import PLAIN_SETTINGS, Damped
from marquardt.algorithms.loop import finished
from marquardt.arrays import AnyArray, Array, ArrayLike, Indices, require_finite
from marquardt.checks import whole
from marquardt.errors import ConfigurationError, DataError, ResourceError, ShapeError
from marquardt.losses import Loss, Squares, WeightDecay, takes_scale
from marquardt.networks import Network
from marquardt.numerics import hold_blas, solve_damped_each, usable_cpus
from marquardt.objective import BatchedObjective, Budget, Descent, Evaluation, MemoryLimit, Objective
from marquardt.training.division import Parts
from marquardt.training.record import Epoch, Record
from marquardt.training.stops import Limits, Status, Stop, first_stop
from marquardt.training.training import Training, TrainingResult, require_pieces

__all__ = ["Lane", "Lanes", "ManyResults", "train_many"]

THREADED_SECONDS = 5e-4
"""A sweep estimated to be shorter than this is not worth a second thread."""
TOGETHER_BYTES = 256 << 20
"""What the normal matrices of the lanes that go on together may take; more lanes than that are taken in turns."""


class Best(NamedTuple):
    """The best epoch of every lane so far; made anew after every sweep, so that an interrupt finds a whole one."""

    weights: Array  # (n_lanes, n_weights)
    # (n_lanes,): what epochs are compared by: the mean loss of the validation part in scaled units, or the loss
    # with its penalty where there is no such part; inf before the start
    value: Array
    epoch: Indices  # (n_lanes,)
    performance: Array  # (n_lanes,): as in `Epoch`
    validation: Array  # (n_lanes,)


class _Going(NamedTuple):
    """The lanes that go on, an entry a lane; weights, gradient and normal belong to the last accepted point."""

    lane: Indices
    weights: Array
    loss: Array
    gradient: Array
    normal: Array
    mu: Array
    epoch: Indices
    trial: Indices
    trials_before: Indices
    fails: Indices
    performance: Array
    norm: Array
    share: Array

    def of(self, which: AnyArray) -> _Going:
        """Only some of them."""
        arrays: tuple[Any, ...] = self
        return _Going(*(array[which] for array in arrays))


class Lanes:
    """Many runs of Levenberg–Marquardt on the same data, side by side, pulled sweep by sweep.

    Iterating yields the number of lanes that go on after every sweep. Between two sweeps, and after an interrupt,
    `best` and `records` are valid. While the iteration is open, BLAS is held to one thread.

    Parameters
    ----------
    network : Network
        Description and scalings of all of them.
    starts : array-like of shape (n_lanes, n_weights)
        A row is a start.
    inputs : array-like of shape (n_samples, n_inputs)
        In the user's units.
    targets : array-like of shape (n_samples, n_outputs)
        In the user's units.
    loss : Loss
        Squares when not given; one whose curvature is diagonal. A robust one has its scale: see `train_many`.
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
        Threads that share the lanes where the compiled kernel trains them; as many as there are processors, if a sweep
        is long enough to be worth it, when not given. Results do not depend on it.
    max_memory : int or str, optional
        Bytes, or a text such as ``"500MB"``, that training may take beyond the data: lanes are taken in turns where
        they have no room together. The machine's memory when not given.
    clock : callable
        Returns seconds; for tests.

    Attributes
    ----------
    n_lanes : int
        Number of networks.
    best : Best
        The best epoch of every lane so far.
    stops : list of Stop or None
        Why each ended; None while it goes on.
    epochs : ndarray of int of shape (n_lanes,)
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
    >>> lanes = Lanes(Network(graph, starts[0]), starts, x, np.sin(2 * x), limits=Limits(max_epochs=5))
    >>> for n_going in lanes:
    ...     pass
    >>> [record.num_epochs for record in lanes.records]
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
        self._stops = self._limits.stops()
        if not rule.is_plain:
            raise ConfigurationError(
                f"Side by side, networks are trained by 'levenberg_marquardt' with no other settings than "
                f"{', '.join(PLAIN_SETTINGS)} (damping: {', '.join(COMPILED_DAMPINGS)}), got {rule!r}. Train them one "
                f"after the other."
            )
        weights = _checked_starts(starts, network.graph.n_weights)
        self.n_lanes = len(weights)
        self._limits.check_metric(loss.metric)
        if takes_scale(loss):
            raise ConfigurationError(
                f"Lanes go on with one scale of the loss, and that of {loss.name} is left to the training. Take "
                f"train_many, which finds one, or give it: {type(loss).__name__}(scale=0.1)."
            )

        limit = MemoryLimit.of(max_memory)

        def objective(rows: Any, penalty: WeightDecay | None = None, is_trained: bool = False) -> BatchedObjective:
            nonlocal limit
            made = BatchedObjective(
                network.graph,
                inputs,
                targets,
                loss,
                penalty=penalty,
                sample_weight=sample_weight,
                rows=rows,
                input_scaling=network.input_scaling,
                target_scaling=network.target_scaling,
                max_memory=limit,
                is_relative=is_trained,
            )
            limit = limit.without(made.plan.memory)
            return made

        trained = None if parts is None else parts.train
        self.objective = objective(trained, penalty, is_trained=True)
        self._validation = objective(parts.validation) if parts is not None and len(parts.validation) else None
        self._test = objective(parts.test) if parts is not None and len(parts.test) else None
        self._one_objective = partial(
            Objective,
            network.graph,
            inputs,
            targets,
            loss,
            penalty=penalty,
            sample_weight=sample_weight,
            rows=trained,
            input_scaling=network.input_scaling,
            target_scaling=network.target_scaling,
            threads=1,
            is_relative=True,
        )
        self._alone: Objective | None = None
        self._limit = limit
        # Lanes that have stopped are left out of a copy of the matrices.
        self._together_bytes = min(TOGETHER_BYTES, limit.limit / 2)
        self._rule: LevenbergMarquardt = rule.prepared_for(self.objective.facts)  # type: ignore[assignment]
        self._is_squares = isinstance(loss, Squares)
        overflown = np.flatnonzero(np.isinf(self.objective.losses(weights)))
        if len(overflown):
            raise DataError(
                f"The loss overflows at start {overflown[0]}. Scale the inputs and targets, or start from smaller "
                f"weights."
            )
        everything = Parts.all_training(self.objective.n_samples) if parts is None else parts
        settings = {**vars(self._limits), **self._rule.settings}
        counts = dict.fromkeys(self.objective.evaluations, 0)
        self._records = [
            Record(self._rule.name, dict(settings), loss.metric, everything, evaluations=dict(counts))
            for _ in range(self.n_lanes)
        ]
        nothing = np.full(self.n_lanes, math.nan)
        self.best = Best(weights, np.full(self.n_lanes, math.inf), np.zeros(self.n_lanes, np.intp), nothing, nothing)
        self.stops: list[Stop | None] = [None] * self.n_lanes
        self.epochs: Indices = np.zeros(self.n_lanes, np.intp)
        self._counts = np.zeros((self.n_lanes, 2), np.intp)  # evaluations: values, normal equations
        self._history: list[tuple[AnyArray, ...]] = []
        self._n_read = 0
        self._pulled: Generator[int, None, None] | None = None
        self._pool: ThreadPoolExecutor | None = None
        wanted = usable_cpus() if threads is None else whole(threads, "threads", minimum=1)
        is_long = self.n_lanes * self.objective.plan.seconds >= THREADED_SECONDS
        self._threads = wanted if (threads is not None or is_long) and self.objective.is_compiled else 1
        # More shares than threads: some lanes have more trials than others.
        self._shares = 1 if self._threads == 1 else 4 * self._threads
        self.is_cancelled = False
        self._is_started = False

    @property
    def memory(self) -> int:
        """Bytes that they need beyond the caller's data, as planned for all parts and the lanes that go on together."""
        parts = (self.objective, self._validation, self._test)
        planned = sum(objective.plan.memory for objective in parts if objective is not None)
        return planned + 2 * 8 * min(self.n_lanes, self._at_once) * self.objective.n_weights**2

    @property
    def _at_once(self) -> int:
        """Lanes that go on together."""
        return max(1, int(self._together_bytes / (8 * self.objective.n_weights**2)))

    @property
    def records(self) -> list[Record]:
        """What happened so far, a record a lane. The epochs are written when this is first looked at."""
        return [self.record(lane) for lane in range(self.n_lanes)]

    def record(self, lane: int) -> Record:
        """Return what happened so far in one lane.

        Parameters
        ----------
        lane : int
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
        record = self._records[lane]
        record.stop, record.best_epoch = self.stops[lane], int(self.best.epoch[lane])
        record.evaluations["value"], record.evaluations["normal"] = self._counts[lane].tolist()
        return record

    def runs(self) -> list[Lane]:
        """Return the lanes as runs of their own, to be pulled one after the other.

        Returns
        -------
        list of Lane
            One a start.
        """
        return [Lane(self, number) for number in range(self.n_lanes)]

    def advance(self) -> bool:
        """Do a sweep, if lanes go on; returns whether there was one."""
        if self._pulled is None:
            self._pulled = iter(self)
        going = next(self._pulled, None)
        if going == 0:
            self._pulled.close()  # nobody pulls again, and BLAS would be held as long as the lanes are kept
        return going is not None

    def stop_by_user(self) -> None:
        """End all lanes that go on: the next pull does, and their records say so."""
        self.is_cancelled = True
        for lane, stop in enumerate(self.stops):
            if stop is None:
                status = Status(epoch=int(self.epochs[lane]), is_cancelled=True)
                self.stops[lane] = first_stop(self._stops, status)
        if self._pulled is not None and inspect.getgeneratorstate(self._pulled) != inspect.GEN_RUNNING:
            self._pulled.close()

    def __iter__(self) -> Generator[int, None, None]:
        """Train.

        Yields
        ------
        int
            After every sweep, the first of which evaluates the starts: how many lanes have not stopped.

        Raises
        ------
        ConfigurationError
            If the lanes have been iterated before.
        """
        if self._is_started:
            raise ConfigurationError("Lanes can be iterated once. To go on, begin new ones from their weights.")
        self._is_started = True
        with hold_blas():
            started = self._clock()
            at_once = self._at_once
            if self._threads > 1:
                self._pool = ThreadPoolExecutor(self._threads - 1, thread_name_prefix="marquardt")
            try:
                for first in range(0, self.n_lanes, at_once):
                    lanes = np.arange(first, min(first + at_once, self.n_lanes))
                    for going in self._sweeps(lanes, started):
                        if not self.is_cancelled:
                            yield going + self.n_lanes - 1 - int(lanes[-1])
                        if self.is_cancelled:
                            return
            finally:
                if self._alone is not None:
                    self._alone.close()
                if self._pool is not None:
                    self._pool.shutdown()
                    self._pool = None

    # ---------------------------------------------------------------- sweeps

    def _sweeps(self, lanes: Indices, started: float) -> Iterator[int]:
        """Train some of the lanes; yields how many of them go on."""
        rule, objective = self._rule, self.objective
        descent = rule.descent(objective)
        now = self._at_the_start(lanes)
        is_accepted = np.ones(len(lanes), dtype=bool)
        is_stuck = ~is_accepted
        before = started if lanes[0] == 0 else self._clock()
        while True:
            read = self._clock()
            seconds = read - started
            now = self._noted(now._replace(share=now.share + (read - before) / len(now.lane)), is_accepted, is_stuck)
            before = read
            goes_on = self._judged(now, is_stuck, seconds)
            if not goes_on.all():
                now = now.of(goes_on)
            yield len(now.lane)
            if len(now.lane) == 0:
                return
            if descent is not None:
                now, is_accepted = self._descended(now, descent)
                is_stuck = self._is_stuck(now, is_accepted)
                now, is_accepted = self._finished(now, is_accepted, is_stuck)
                continue
            step, is_solved = solve_damped_each(now.normal, now.mu, -now.gradient)
            there = now.weights + step
            # Now, since the gradients are written over.
            predicted = 0.5 * np.einsum("lw,lw->l", step, now.mu[:, None] * step - now.gradient)
            # A step that cannot be solved for is a trial of infinite loss.
            bar = np.where(is_solved, now.loss, -math.inf)
            sums, losses = objective.equations(there, bar, now.gradient, now.normal)
            is_accepted = losses < bar
            self._counts[now.lane, 0] += is_solved
            self._counts[now.lane, 1] += is_accepted
            now = now._replace(
                weights=np.where(is_accepted[:, None], there, now.weights),
                loss=np.where(is_accepted, losses, now.loss),
                performance=np.where(is_accepted, objective.performances(sums), now.performance),
                mu=_moved(rule, now.mu, is_accepted, now.loss, losses, predicted),
                epoch=now.epoch + is_accepted,
                trial=now.trial + 1,
            )
            is_stuck = self._is_stuck(now, is_accepted)
            now, is_accepted = self._finished(now, is_accepted, is_stuck)

    def _finished(self, now: _Going, is_accepted: AnyArray, is_stuck: AnyArray) -> tuple[_Going, AnyArray]:
        """Go on by orthogonal steps where lanes are stuck, as `finished` does; and which have had a step."""
        if not is_stuck.any():
            return now, is_accepted
        if self._alone is None:
            try:
                self._alone = self._one_objective(max_memory=self._limit)
            except ResourceError:
                return now, is_accepted
        weights, loss, performance = now.weights.copy(), now.loss.copy(), now.performance.copy()
        epoch, trial, is_moved = now.epoch.copy(), now.trial.copy(), is_accepted.copy()
        for k in np.flatnonzero(is_stuck).tolist():
            point = weights[k].copy()
            orthogonal = partial(self._alone.orthogonal_step, point)
            here = Evaluation(point, loss[k].item(), np.empty(0), orthogonal=orthogonal)
            last, tried = finished(self._alone, here)
            trial[k] += tried
            self._counts[now.lane[k], 1] += tried
            if last is here:
                continue
            assert last.gradient is not None
            assert last.normal is not None
            weights[k], loss[k], now.gradient[k], now.normal[k] = last.weights, last.loss, last.gradient, last.normal
            performance[k] = self._alone.performance(last)
            epoch[k] += 1
            is_moved[k] = True
        now = now._replace(weights=weights, loss=loss, performance=performance, epoch=epoch, trial=trial)
        return now, is_moved

    def _is_stuck(self, now: _Going, is_accepted: AnyArray) -> AnyArray:
        """Which have a μ above the largest that their matrix is worth."""
        is_stuck = ~is_accepted & (now.mu > self._rule.mu_max)
        if is_stuck.any():
            is_stuck &= now.mu > self._rule.largest_mu(np.einsum("lww->lw", now.normal))
        return is_stuck

    def _descended(self, now: _Going, descent: Descent) -> tuple[_Going, AnyArray]:
        """Compiled trials of all lanes, each until one is accepted; and which have had one."""
        objective, count = self.objective, len(now.lane)
        most = self._limits.trials_at_once
        weights, loss, mu = now.weights.copy(), now.loss.copy(), now.mu.copy()
        sums, counts = np.zeros((count, objective.n_outputs)), np.zeros((count, 3), dtype=np.int64)
        arrays = (weights, loss, sums, now.gradient, now.normal, mu, counts)
        edges = [count * k // self._shares for k in range(self._shares + 1)]
        parts = [[array[first:last] for array in arrays] for first, last in pairwise(edges) if last > first]
        if self._pool is None or len(parts) == 1:
            descent(most, *arrays)
        else:
            self._share(self._pool, partial(descent, most), parts)
        trials, values, accepted = counts.T
        is_accepted = accepted.astype(bool)
        self._counts[now.lane, 0] += values
        self._counts[now.lane, 1] += accepted
        now = now._replace(
            weights=weights,
            loss=loss,
            performance=np.where(is_accepted, objective.performances(sums), now.performance),
            mu=mu,
            epoch=now.epoch + accepted,
            trial=now.trial + trials,
        )
        return now, is_accepted

    def _share(self, pool: ThreadPoolExecutor, work: Callable[..., object], parts: list[list[AnyArray]]) -> None:
        """Do all parts; this thread and its helpers each take the next: handing one over takes as long as some do."""
        left = iter(parts)

        def take() -> None:
            for part in left:
                work(*part)

        helpers = [pool.submit(take) for _ in range(self._threads - 1)]
        take()
        for helper in helpers:
            if not helper.cancel():  # one that has not begun has nothing left to do
                helper.result()

    def _at_the_start(self, lanes: Indices) -> _Going:
        objective, count = self.objective, len(lanes)
        weights = self.best.weights[lanes]
        gradient, normal = np.empty_like(weights), np.empty((count, objective.n_weights, objective.n_weights))
        sums, losses = objective.equations(weights, np.full(count, math.inf), gradient, normal)
        self._counts[lanes, 1] += 1
        zero = np.zeros(count, np.intp)
        mu = self._rule.first_mu(np.einsum("lww->lw", normal))
        performance, norm = objective.performances(sums), np.full(count, math.nan)
        share = np.zeros(count)
        return _Going(lanes, weights, losses, gradient, normal, mu, zero, zero, zero, zero, performance, norm, share)

    def _noted(self, now: _Going, is_accepted: AnyArray, is_stuck: AnyArray) -> _Going:
        """Put the new epochs into the history, and keep the best; the last of those that are stuck was finished."""
        if not is_accepted.any():
            return now
        # An index of everything copies; a slice does not.
        which: Any = slice(None) if is_accepted.all() else np.flatnonzero(is_accepted)
        lane, epoch, weights, loss, performance = (
            array[which] for array in (now.lane, now.epoch, now.weights, now.loss, now.performance)
        )
        norm = self.objective.gradient_norms(now.gradient[which])
        validation, compared = np.full(len(lane), math.nan), loss
        if self._validation is not None:
            sums = self._validation.sums(weights)
            validation, compared = self._validation.performances(sums), self._validation.mean_losses(sums)
        test = np.full(len(lane), math.nan)
        if self._test is not None:
            test = self._test.performances(self._test.sums(weights))
        best = self.best
        # Equal counts as a failure.
        is_best = (compared < best.value[lane]) | (epoch == 0)
        if self._validation is None:
            is_best |= is_stuck[which]
        fails = now.fails[which]
        if self._validation is not None:
            fails = np.where(is_best, 0, fails + 1)
        trials = now.trial[which] - now.trials_before[which]
        share = now.share[which]
        # In the order of the fields of Epoch.
        self._history.append(
            (
                lane,
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
        self.epochs[lane] = epoch
        better = lane[is_best]
        new = (weights, compared, epoch, performance, validation)
        self.best = Best(*(_with(old, better, values[is_best]) for old, values in zip(best, new, strict=True)))
        return now._replace(
            norm=_with(now.norm, which, norm),
            fails=_with(now.fails, which, fails),
            trials_before=np.where(is_accepted, now.trial, now.trials_before),
        )

    def _judged(self, now: _Going, is_stuck: AnyArray, seconds: float) -> AnyArray:
        """Note why lanes stop; returns which go on."""
        goes_on = np.ones(len(now.lane), dtype=bool)
        mse = now.performance if self._is_squares else np.full(len(now.lane), math.nan)
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
                self.stops[now.lane[k]] = ended
                goes_on[k] = False
        return goes_on


class Lane:
    """One of the lanes as a run of its own, like `Training`: iterating yields its epochs as soon as they are known.

    Whichever is pulled moves all of them; the epochs that the others have done meanwhile wait until they are pulled.
    """

    def __init__(self, lanes: Lanes, number: int) -> None:
        self._lanes, self._number = lanes, number
        self.objective = lanes.objective

    @property
    def network(self) -> Network:
        """The best network so far, as of `Training`."""
        return self._lanes.network.with_weights(self._lanes.best.weights[self._number])

    @property
    def record(self) -> Record:
        """What happened so far."""
        return self._lanes.record(self._number)

    @property
    def memory(self) -> int:
        """Bytes that all lanes need beyond the caller's data, as planned."""
        return self._lanes.memory

    @property
    def best_value(self) -> float:
        """What epochs and restarts are compared by, of the best epoch."""
        return float(self._lanes.best.value[self._number])

    @property
    def merit(self) -> float:
        """What restarts are compared by; lower is better."""
        return self.best_value

    def stop_by_user(self) -> None:
        """End all lanes."""
        self._lanes.stop_by_user()

    def __iter__(self) -> Iterator[Epoch]:
        """Train."""
        epochs, n_shown = self.record.epochs, 0
        while True:
            while n_shown < len(epochs):
                yield epochs[n_shown]
                n_shown += 1
                if self._lanes.is_cancelled:
                    return
            if self.record.stop is not None or not self._lanes.advance():
                return
            # Looking at the record writes the epochs that have come.
            epochs = self.record.epochs


class ManyResults(Sequence[TrainingResult]):
    """What `train_many` returns: a sequence of results, one a start, and the same as arrays.

    Parameters
    ----------
    lanes : Lanes
        As they ended.

    Attributes
    ----------
    weights : ndarray of shape (n_starts, n_weights)
        Of each one's best epoch.
    performance, validation : ndarray of shape (n_starts,)
        There; validation is NaN without a validation part.
    epochs : ndarray of int of shape (n_starts,)
        Accepted steps.
    stops : list of Stop
        Why each ended.
    best : int
        The one with the lowest mean loss on the validation part, or with the lowest loss where there is none.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> network = Network(feed_forward(1, (), 1), [0.0, 0.0])
    >>> results = train_many(network, [[0.0, 0.0], [1.0, 1.0]], [[0.0], [1.0]], [[1.0], [3.0]])
    >>> results.weights.round(6)
    array([[2., 1.],
           [2., 1.]])
    >>> results[1].record.stop.code
    'gradient'
    """

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        best = lanes.best
        self.weights, self.performance, self.validation = best.weights, best.performance, best.validation
        self.epochs = lanes.epochs
        self.stops = [stop for stop in lanes.stops if stop is not None]
        self.best = int(np.argmin(best.value))

    def __len__(self) -> int:
        return self._lanes.n_lanes

    @overload
    def __getitem__(self, number: int) -> TrainingResult: ...

    @overload
    def __getitem__(self, number: slice) -> list[TrainingResult]: ...

    def __getitem__(self, number: int | slice) -> TrainingResult | list[TrainingResult]:
        if isinstance(number, slice):
            return [self[k] for k in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        return TrainingResult(self._lanes.network.with_weights(self.weights[number]), self._lanes.record(number))


def train_many(
    network: Network,
    starts: ArrayLike,
    inputs: ArrayLike,
    targets: ArrayLike,
    loss: Loss | None = None,
    **options: Any,
) -> ManyResults:
    """Train a network from many starts, side by side; an interrupt (Ctrl-C) ends all and keeps their best weights.

    Lane by lane it does what `train` does, and takes a fraction of the time where the network is small.

    Parameters
    ----------
    network : Network
        Description and scalings; its own weights do not matter.
    starts : array-like of shape (n_starts, n_weights)
        A row is a start.
    inputs : array-like of shape (n_samples, n_inputs)
        In the user's units.
    targets : array-like of shape (n_samples, n_outputs)
        In the user's units.
    loss : Loss
        Squares when not given; one whose curvature is diagonal. Of a robust loss with the scale ``"auto"`` a run from
        the first start takes the scale from its residuals, and all lanes have that one.
    **options
        As for `Lanes`.

    Returns
    -------
    ManyResults
        A network and a record a start.

    Raises
    ------
    MarquardtError
        Whatever `Lanes` refuses.

    Examples
    --------
    >>> from marquardt.networks import feed_forward, initial_weights
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> graph = feed_forward(1, 5, 1)
    >>> starts = [initial_weights(graph, rng=seed) for seed in range(20)]
    >>> results = train_many(Network(graph, starts[0]), starts, x, np.sin(3 * x), limits=Limits(max_epochs=100))
    >>> bool(results[results.best].record.best_perf < 1e-6)
    True
    """
    is_interrupted = False
    if takes_scale(loss):
        first = network.with_weights(_checked_starts(starts, network.graph.n_weights)[0])
        run = Training(first, inputs, targets, loss, **options)
        try:
            for _ in run:
                pass
        except KeyboardInterrupt:
            if takes_scale(run.objective.loss):
                raise  # before the first epoch: there is nothing to keep
            is_interrupted = True
        loss = run.objective.loss
    lanes = Lanes(network, starts, inputs, targets, loss, **options)
    if is_interrupted:
        lanes.stop_by_user()
    try:
        for _ in lanes:
            pass
    except KeyboardInterrupt:
        lanes.stop_by_user()
    return ManyResults(lanes)


def _checked_starts(starts: ArrayLike, n_weights: int) -> Array:
    weights = np.array(starts, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[1] != n_weights or len(weights) == 0:
        raise ShapeError(f"starts must be of shape (n_starts, {n_weights}), at least one, got {weights.shape}.")
    require_finite(weights, "starts")
    return weights


def _moved(
    rule: LevenbergMarquardt, mu: Array, is_accepted: AnyArray, before: Array, after: Array, predicted: Array
) -> Array:
    """The next μ of every lane."""
    moved: Array = rule.moves.increase * mu
    for k in np.flatnonzero(is_accepted).tolist():
        judged = gain(before[k].item(), after[k].item(), predicted[k].item())
        moved[k] = rule.moves.accepted(mu[k].item(), *judged).mu
    return moved


def _with(array: AnyArray, places: Any, values: AnyArray) -> AnyArray:
    """A copy with other values in some places."""
    changed = array.copy()
    changed[places] = values
    return changed
