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
from marquardt.objective import Evaluation, Minimized, Need

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
    here = evaluated_start(objective, weights, rule.point_need)
    if state is None:
        state = rule.start(here)
    epoch = trial = 0
    yield _told(rule, epoch, trial, Verdict.ACCEPT, here, state)
    while True:
        step, state = rule.propose(here, state)
        if step.delta is None:
            there = Evaluation.overflow(here.weights)
        else:
            there = objective.at(here.weights + step.delta, rule.trial_need)
        verdict, state = rule.judge(here, step, there, state)
        trial += 1
        if verdict is Verdict.STUCK and rule.finishes:
            last, trials = finished(objective, here)
            trial += trials
            if last is not here:
                here, epoch, verdict = last, epoch + 1, Verdict.SETTLED
        elif verdict in _MOVES:
            arrived = _arrived(objective, rule, here, there, state)
            if arrived.gradient is None and rule.point_need > 0:
                # Through time the outputs may be finite where the derivatives are not.
                lost = Outcome("diverged", "The derivatives overflow where the last step led to.", succeeded=False)
                yield _told(rule, epoch, trial, Verdict.STUCK, here, state, lost)
                return
            here, epoch = arrived, epoch + 1
        yield _told(rule, epoch, trial, verdict, here, state)
        if verdict in _ENDS:
            return


def evaluated_start(objective: Minimized, weights: Array, need: Need) -> Evaluation:
    """Return the first point; refuse one where the loss overflows."""
    here = objective.at(weights, need)
    if here.gradient is None and need > Need.VALUE:
        raise DataError(
            "The loss or its gradient overflows at the start. Scale the inputs and targets, or start from smaller "
            "weights."
        )
    return here


def _arrived(objective: Minimized, rule: StepRule, here: Evaluation, there: Evaluation, state: Any) -> Evaluation:
    """The point that was moved to: where only its value is known, with what the next step needs."""
    if rule.trial_need >= rule.point_need:
        return there
    more = {"is_single": True} if rule.allows_single(here, state) else {}
    return objective.at(there.weights, rule.point_need, **more)


def _told(
    rule: StepRule,
    epoch: int,
    trial: int,
    verdict: Verdict,
    here: Evaluation,
    state: Any,
    outcome: Outcome | None = None,
) -> Trial:
    if outcome is None and verdict in _ENDS:
        outcome = rule.outcome(state)
    seen = rule.seen(here, state)
    return Trial(epoch, trial, verdict, seen, rule.report(state), rule.merit(here, state), outcome, state)


def finished(objective: Minimized, here: Evaluation) -> tuple[Evaluation, int]:
    """Go on by orthogonal Gauss–Newton steps from where no step lowers the loss, as long as they lead nearer.

    A step is taken where it at least halves the distance to the nearest point of the linear model and the loss is what
    it was to rounding, or lower. The rounding of a residual is that of the terms it is made of, which may be much
    larger: ε Σ |w_j| ‖J_j‖ for all of them, J_j the columns of J.
    """
    step, trials, start = _orthogonal(here), 0, here.loss
    if step is None:
        return here, 0
    length = math.sqrt(2.0 * abs(start))  # of the residuals
    terms = length + float(np.abs(here.weights) @ step.lengths)
    allowed = start + LOSS_ROUNDING * length * terms
    while step is not None and trials < MOST_FINISHING and step.distance > ROUNDING * length:
        there = objective.at(here.weights + step.delta, Need.NORMAL)
        trials += 1
        if there.gradient is None or not there.loss <= allowed:
            break
        following = _orthogonal(there)
        if following is None or not following.distance <= 0.5 * step.distance:
            break
        here, step = there, following
    return here, trials


def _orthogonal(here: Evaluation) -> OrthogonalStep | None:
    return None if here.orthogonal is None else here.orthogonal()
