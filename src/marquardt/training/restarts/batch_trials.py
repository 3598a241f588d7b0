"""The trials of a batch: until each of many networks has a step, by the compiled kernel or by the rule itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from marquardt.algorithms import LevenbergMarquardt, Verdict
from marquardt.algorithms.levenberg_marquardt import Damped
from marquardt.algorithms.loop import finished
from marquardt.arrays import AnyArray, Array, Indices
from marquardt.numerics import usable_cpus
from marquardt.objective import BatchedObjective, CompiledTrials, Derivatives, Evaluation

__all__ = ["BatchTrials", "Going", "RuleTrials"]

THREADED_SECONDS = 5e-4
"""A sweep estimated to be shorter than this is not worth a second thread."""


class Going(NamedTuple):
    """The members that go on, an entry each; weights, gradient and normal belong to the last accepted point."""

    member: Indices
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

    def of(self, which: AnyArray) -> Going:
        """Only some of them."""
        arrays: tuple[Any, ...] = self
        return Going(*(array[which] for array in arrays))


class RuleTrials:
    """What `CompiledTrials` does, by the rule itself, network by network: its twin, and for what is not compiled."""

    def __init__(self, objective: BatchedObjective, rule: LevenbergMarquardt) -> None:
        self._objective, self._rule = objective, rule

    def __call__(
        self,
        most: int,
        weights: Array,
        losses: Array,
        sums: Array,
        gradient: Array,
        normal: Array,
        mu: Array,
        counts: Indices,
    ) -> None:
        """Go on with every network until a trial is accepted, μ is above its largest value, or it has had enough."""
        for k in range(len(weights)):
            current = Evaluation(weights[k].copy(), losses[k].item(), sums[k], gradient[k], normal[k])
            arrived, mu[k], counts[k] = self._trials(current, mu[k].item(), most)
            if arrived is not None:
                weights[k], losses[k], sums[k] = arrived.weights, arrived.loss, arrived.sums
                gradient[k], normal[k] = arrived.gradient, arrived.normal

    def _trials(self, current: Evaluation, mu: float, most: int) -> tuple[Evaluation | None, float, list[int]]:
        rule, state = self._rule, Damped(self._rule.moves.first(mu))
        trials = values = 0
        while trials < most:
            step, state = rule.propose(current, state)
            trials += 1
            trial = Evaluation.overflow(current.weights)
            if step.delta is not None:
                values += 1
                trial = self._objective.at(current.weights + step.delta, Derivatives.VALUE)
            verdict, state = rule.judge(current, step, trial, state)
            if verdict is Verdict.ACCEPT:
                return self._objective.at(trial.weights, Derivatives.NORMAL), state.damping.mu, [trials, values, 1]
            if state.damping.mu > rule.mu_max:
                break
        return None, state.damping.mu, [trials, values, 0]


class BatchTrials:
    """Does the trials of members, in threads where they are compiled, and ends those that no step helps any more."""

    def __init__(
        self,
        objective: BatchedObjective,
        rule: LevenbergMarquardt,
        n_members: int,
        threads: int | None,
        at_once: int,
        solved_from: float = -1.0,
    ) -> None:
        self._objective, self._rule, self._at_once = objective, rule, at_once
        self._solved_from = solved_from  # The gradient from which a linear problem is solved outright
        descent = rule.descent(objective)
        self._trials: CompiledTrials | RuleTrials = RuleTrials(objective, rule) if descent is None else descent
        is_long = n_members * objective.plan.seconds >= THREADED_SECONDS
        wanted = usable_cpus() if threads is None else threads
        self._threads = wanted if (threads is not None or is_long) and descent is not None else 1
        # More shares than threads: some members have more trials than others.
        self._shares = 1 if self._threads == 1 else 4 * self._threads
        self._pool: ThreadPoolExecutor | None = None
        self.counts = np.zeros((n_members, 2), np.intp)  # Evaluations: values, normal equations

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def start(self, members: Indices, weights: Array) -> Going:
        """Evaluate where members begin."""
        objective, count = self._objective, len(members)
        sums, losses, gradient, normal = objective.equations(weights)
        self.counts[members, 1] += 1
        zero, none = np.zeros(count, np.intp), np.full(count, np.nan)
        mu = self._rule.first_mu(np.einsum("lww->lw", normal))
        performance, share = objective.performances(sums), np.zeros(count)
        return Going(members, weights, losses, gradient, normal, mu, zero, zero, zero, zero, performance, none, share)

    def advance(self, now: Going) -> tuple[Going, AnyArray, AnyArray, AnyArray]:
        """Do a sweep; returns also who has had a step, who can have none any more, and whose last point is final."""
        objective, count = self._objective, len(now.member)
        weights, loss, mu = now.weights.copy(), now.loss.copy(), now.mu.copy()
        sums, counts = np.zeros((count, objective.n_outputs)), np.zeros((count, 3), dtype=np.int64)
        self._share((weights, loss, sums, now.gradient, now.normal, mu, counts))
        trials, values, accepted = counts.T
        is_accepted = accepted.astype(bool)
        self.counts[now.member, 0] += values
        self.counts[now.member, 1] += accepted
        now = now._replace(
            weights=weights,
            loss=loss,
            performance=np.where(is_accepted, objective.performances(sums), now.performance),
            mu=mu,
            epoch=now.epoch + accepted,
            trial=now.trial + trials,
        )
        is_stuck = ~is_accepted & (mu > self._rule.mu_max)
        if is_stuck.any():
            is_stuck &= mu > self._rule.largest_mu(np.einsum("lww->lw", now.normal))
        is_last = is_stuck
        if self._solved_from >= 0.0:
            is_last = is_stuck | (is_accepted & (objective.gradient_norms(now.gradient) <= self._solved_from))
        if is_last.any():
            now, is_accepted = self._finished(now, is_accepted, is_last)
        return now, is_accepted, is_stuck, is_last

    def _finished(self, now: Going, is_accepted: AnyArray, is_last: AnyArray) -> tuple[Going, AnyArray]:
        """Go on by orthogonal steps where members end, as `finished` does; and who has had a step."""
        objective = self._objective
        weights, loss, performance = now.weights.copy(), now.loss.copy(), now.performance.copy()
        epoch, trial, is_moved = now.epoch.copy(), now.trial.copy(), is_accepted.copy()
        for k in np.flatnonzero(is_last).tolist():
            point = weights[k].copy()
            orthogonal = partial(objective.orthogonal_step, point)
            current = Evaluation(point, loss[k].item(), np.empty(0), orthogonal=orthogonal)
            last, tried = finished(objective, current)
            trial[k] += tried
            self.counts[now.member[k], 1] += tried
            if last is current:
                continue
            weights[k], loss[k], now.gradient[k], now.normal[k] = last.weights, last.loss, last.gradient, last.normal
            performance[k] = objective.performance(last)
            epoch[k] += not is_accepted[k]
            is_moved[k] = True
        now = now._replace(weights=weights, loss=loss, performance=performance, epoch=epoch, trial=trial)
        return now, is_moved

    def _share(self, arrays: tuple[AnyArray, ...]) -> None:
        """Do the trials of all members; this thread and its helpers each take the next few.

        Handing some over takes as long as some do.
        """
        work: Callable[..., None] = partial(self._trials, self._at_once)
        count = len(arrays[0])
        edges = [count * k // self._shares for k in range(self._shares + 1)]
        parts = [[array[first:last] for array in arrays] for first, last in pairwise(edges) if last > first]
        if self._threads == 1 or len(parts) == 1:
            work(*arrays)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads - 1, thread_name_prefix="marquardt")
        left = iter(parts)

        def take() -> None:
            for part in left:
                work(*part)

        helpers = [self._pool.submit(take) for _ in range(self._threads - 1)]
        take()
        for helper in helpers:
            if not helper.cancel():  # one that has not begun has nothing left to do
                helper.result()
