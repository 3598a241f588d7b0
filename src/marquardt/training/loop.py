"""The loop: one trial a turn, one row a trial. Whoever pulls decides when to stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from marquardt.algorithms import StepRule, Verdict
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
        The accepted point after the trial, with what the rule needs of it.
    report : dict
        The rule's own quantities, such as mu.
    """

    epoch: int
    trial: int
    verdict: Verdict
    here: Evaluation
    report: dict[str, float]


def iterate(objective: Objective, rule: StepRule, weights: Array) -> Iterator[Row]:
    """Train, a trial at a time, without end unless the rule is stuck.

    Parameters
    ----------
    objective : Objective
        What is minimized.
    rule : StepRule
        How.
    weights : ndarray of shape (n_weights,)
        The start.

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
    state = rule.start(here)
    epoch = trial = 0
    yield Row(epoch, trial, Verdict.ACCEPT, here, rule.report(state))
    while True:
        step, state = rule.propose(here, state)
        if step.delta is None:
            there = Evaluation.overflow(here.weights)
        else:
            there = objective.at(here.weights + step.delta, rule.trial_need)
        verdict, state = rule.judge(here, step, there, state)
        trial += 1
        if verdict is Verdict.ACCEPT:
            epoch += 1
            # A trial that was only looked at for its value is looked at again, for what the next step needs.
            here = there if rule.trial_need >= rule.point_need else objective.at(there.weights, rule.point_need)
        yield Row(epoch, trial, verdict, here, rule.report(state))
        if verdict is Verdict.STUCK:
            return
