"""The loop: one trial a turn. Whoever pulls decides when to stop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.algorithms.trial import Outcome, Trial, Verdict
from marquardt.arrays import Array
from marquardt.errors import DataError
from marquardt.numerics import OrthogonalStep
from marquardt.objective import Derivatives, Evaluation, Minimized

if TYPE_CHECKING:
    from marquardt.algorithms.rule import StepRule

__all__ = ["evaluated_start", "finished", "iterate"]

MOST_FINISHING = 10
"""Orthogonal steps at the end of a run: one where the model is linear, and as many as halve the gradient elsewhere."""
ROUNDING = float(np.finfo(float).eps)
LOSS_ROUNDING = 4 * ROUNDING
"""What rounding makes of a loss, in parts of the lengths of the residuals and of the terms they are made of."""

_MOVES = (Verdict.ACCEPT, Verdict.SETTLED)
_ENDS = (Verdict.STUCK, Verdict.SETTLED)


def iterate(objective: Minimized, rule: StepRule, weights: Array, state: Any = None) -> Iterator[Trial]:
    """Train, a trial at a time, without end unless the rule ends it."""
    current = evaluated_start(objective, weights, rule.point_need)
    if state is None:
        state = rule.start(current)
    epoch = n_trials = 0
    yield _told(rule, epoch, n_trials, Verdict.ACCEPT, current, state)
    while True:
        step, state = rule.propose(current, state)
        if step.delta is None:
            trial = Evaluation.overflow(current.weights)
        else:
            trial = objective.at(current.weights + step.delta, rule.trial_need)
        verdict, state = rule.judge(current, step, trial, state)
        n_trials += 1
        if verdict is Verdict.STUCK and rule.finishes:
            last, trials = finished(objective, current)
            n_trials += trials
            if last is not current:
                current, epoch, verdict = last, epoch + 1, Verdict.SETTLED
        elif verdict in _MOVES:
            arrived = _arrived(objective, rule, current, trial, state)
            if arrived.gradient is None and rule.point_need > 0:
                # Through time the outputs may be finite where the derivatives are not.
                lost = Outcome("diverged", "The derivatives overflow where the last step led to.", succeeded=False)
                yield _told(rule, epoch, n_trials, Verdict.STUCK, current, state, lost)
                return
            current, epoch = arrived, epoch + 1
        yield _told(rule, epoch, n_trials, verdict, current, state)
        if verdict in _ENDS:
            return


def evaluated_start(objective: Minimized, weights: Array, need: Derivatives) -> Evaluation:
    """Return the first point; refuse one where the loss overflows."""
    current = objective.at(weights, need)
    if current.gradient is None and need > Derivatives.VALUE:
        raise DataError(
            "The loss or its gradient overflows at the start. Scale the inputs and targets, or start from smaller "
            "weights."
        )
    return current


def _arrived(objective: Minimized, rule: StepRule, current: Evaluation, trial: Evaluation, state: Any) -> Evaluation:
    """The point that was moved to: where only its value is known, with what the next step needs."""
    if rule.trial_need >= rule.point_need:
        return trial
    more = {"is_single": True} if rule.allows_single(current, state) else {}
    return objective.at(trial.weights, rule.point_need, **more)


def _told(
    rule: StepRule,
    epoch: int,
    n_trials: int,
    verdict: Verdict,
    current: Evaluation,
    state: Any,
    outcome: Outcome | None = None,
) -> Trial:
    if outcome is None and verdict in _ENDS:
        outcome = rule.outcome(state)
    seen = rule.penalized(current, state)
    return Trial(epoch, n_trials, verdict, seen, rule.report(state), rule.merit(current, state), outcome, state)


def finished(objective: Minimized, current: Evaluation) -> tuple[Evaluation, int]:
    """Go on by orthogonal Gauss–Newton steps from where no step lowers the loss, as long as they lead nearer.

    A step is taken where it at least halves the distance to the nearest point of the linear model and the loss is what
    it was to rounding, or lower. The rounding of a residual is that of the terms it is made of, which may be much
    larger: ε Σ |w_j| ‖J_j‖ for all of them, J_j the columns of J.
    """
    step, trials, start = _orthogonal(current), 0, current.loss
    if step is None:
        return current, 0
    length = math.sqrt(2.0 * abs(start))  # of the residuals
    terms = length + float(np.abs(current.weights) @ step.lengths)
    allowed = start + LOSS_ROUNDING * length * terms
    while step is not None and trials < MOST_FINISHING and step.distance > ROUNDING * length:
        trial = objective.at(current.weights + step.delta, Derivatives.NORMAL)
        trials += 1
        if trial.gradient is None or not trial.loss <= allowed:
            break
        following = _orthogonal(trial)
        if following is None or not following.distance <= 0.5 * step.distance:
            break
        current, step = trial, following
    return current, trials


def _orthogonal(current: Evaluation) -> OrthogonalStep | None:
    return None if current.orthogonal is None else current.orthogonal()
