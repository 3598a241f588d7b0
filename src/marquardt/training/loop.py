"""The loop: one trial a turn, one row a trial. Whoever pulls decides when to stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from marquardt.algorithms import Outcome, StepRule, Verdict
from marquardt.arrays import Array
from marquardt.errors import DataError
from marquardt.objective import Evaluation, Objective

__all__ = ["Row", "iterate"]


class Row(NamedTuple):
    """What one trial came to.

    Parameters
    ----------
    epoch : int
        Accepted steps so far.
    trial : int
        Attempted steps so far.
    verdict : Verdict
        What became of this one; ACCEPT for the start.
    here : Evaluation
        The accepted point after the trial, as the rule sees it.
    report : dict
        The rule's own quantities, such as mu.
    merit : float
        What restarts are compared by; lower is better.
    outcome : Outcome, optional
        Why the rule ended the run; the last row has one.
    state : object
        The rule's state after the trial: with it and the point's weights, a run can be gone on with.
    """

    epoch: int
    trial: int
    verdict: Verdict
    here: Evaluation
    report: dict[str, float]
    merit: float
    outcome: Outcome | None
    state: Any


_MOVES = (Verdict.ACCEPT, Verdict.SETTLED)
_ENDS = (Verdict.STUCK, Verdict.SETTLED)


def iterate(objective: Objective, rule: StepRule, weights: Array, state: Any = None) -> Iterator[Row]:
    """Train, a trial at a time, without end unless the rule ends it.

    Parameters
    ----------
    objective : Objective
        What is minimized.
    rule : StepRule
        How; prepared for the objective.
    weights : ndarray of shape (n_weights,)
        The start.
    state : object, optional
        The state of an earlier run at these weights, to go on with; the rule's first when not given.

    Yields
    ------
    Row
        The start first, then one a trial.

    Raises
    ------
    DataError
        If the loss at the start is not finite.
    """
    here = objective.at(weights, rule.point_need)
    if here.gradient is None and rule.point_need > 0:
        raise DataError("The loss overflows at the start. Scale the inputs and targets, or start from smaller weights.")
    if state is None:
        state = rule.start(here)
    epoch = trial = 0

    def row(verdict: Verdict) -> Row:
        outcome = rule.outcome(state) if verdict in _ENDS else None
        seen = rule.seen(here, state)
        return Row(epoch, trial, verdict, seen, rule.report(state), rule.merit(here, state), outcome, state)

    yield row(Verdict.ACCEPT)
    while True:
        step, state = rule.propose(here, state)
        if step.delta is None:
            there = Evaluation.overflow(here.weights)
        else:
            there = objective.at(here.weights + step.delta, rule.trial_need)
        verdict, state = rule.judge(here, step, there, state)
        trial += 1
        if verdict in _MOVES:
            # A trial that was only looked at for its value is looked at again, for what the next step needs.
            arrived = there if rule.trial_need >= rule.point_need else objective.at(there.weights, rule.point_need)
            if arrived.gradient is None and rule.point_need > 0:
                # Through time the outputs may be finite where the derivatives are not.
                lost = Outcome("diverged", "The derivatives overflow where the last step led to.", succeeded=False)
                seen = rule.seen(here, state)
                yield Row(epoch, trial, Verdict.STUCK, seen, rule.report(state), rule.merit(here, state), lost, state)
                return
            epoch += 1
            here = arrived
        yield row(verdict)
        if verdict in _ENDS:
            return
