"""The loop: one trial a turn, one row a trial. Whoever pulls decides when to stop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from marquardt.algorithms import LevenbergMarquardt, Outcome, StepRule, Verdict
from marquardt.algorithms.damping import MU_FLOOR
from marquardt.algorithms.levenberg_marquardt import Damped
from marquardt.arrays import Array
from marquardt.errors import DataError
from marquardt.numerics import OrthogonalStep
from marquardt.objective import Descent, Evaluation, Minimized, Need

__all__ = ["MOST_TRIALS", "PLAIN_SETTINGS", "Row", "accepted_rows", "descent_of", "finished", "is_plain", "iterate"]


class Row(NamedTuple):
    """What one trial came to."""

    epoch: int  # Accepted steps so far
    trial: int  # Attempted steps so far
    verdict: Verdict  # What became of this one; ACCEPT for the start
    here: Evaluation  # The accepted point after the trial, as the rule sees it
    report: dict[str, float]  # The rule's own quantities, such as mu
    merit: float  # What restarts are compared by; lower is better
    outcome: Outcome | None  # Why the rule ended the run; the last row has one
    state: Any  # The rule's state after the trial: with it and the point's weights, a run can be gone on with


MOST_TRIALS = 50
"""Trials in one call of compiled code: from the lowest μ to the largest it takes 31 with a factor of 10, 50 with 4."""

PLAIN_SETTINGS = ("mu_init", "mu_increase", "mu_decrease", "mu_max", "damping", "mu_relative", "precision")
"""What a plain rule may have otherwise than by default."""

MOST_FINISHING = 10
"""Orthogonal steps at the end of a run: one where the model is linear, and as many as halve the gradient elsewhere."""
ROUNDING = float(np.finfo(float).eps)
LOSS_ROUNDING = 4 * ROUNDING
"""What rounding makes of a loss, in parts of the lengths of the residuals and of the terms they are made of."""

_MOVES = (Verdict.ACCEPT, Verdict.SETTLED)
_ENDS = (Verdict.STUCK, Verdict.SETTLED)


def iterate(objective: Minimized, rule: StepRule, weights: Array, state: Any = None) -> Iterator[Row]:
    """Train, a trial at a time, without end unless the rule ends it."""
    here = _at_the_start(objective, weights, rule.point_need)
    if state is None:
        state = rule.start(here)
    epoch = trial = 0

    def row(verdict: Verdict, outcome: Outcome | None = None) -> Row:
        if outcome is None and verdict in _ENDS:
            outcome = rule.outcome(state)
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
        if verdict is Verdict.STUCK and rule.finishes:
            last, trials = finished(objective, here)
            trial += trials
            if last is not here:
                here, epoch, verdict = last, epoch + 1, Verdict.SETTLED
        elif verdict in _MOVES:
            # A trial that was only looked at for its value is looked at again, for what the next step needs.
            arrived = there
            if rule.trial_need < rule.point_need:
                more = {"is_single": True} if rule.allows_single(here, state) else {}
                arrived = objective.at(there.weights, rule.point_need, **more)
            if arrived.gradient is None and rule.point_need > 0:
                # Through time the outputs may be finite where the derivatives are not.
                lost = Outcome("diverged", "The derivatives overflow where the last step led to.", succeeded=False)
                yield row(Verdict.STUCK, lost)
                return
            epoch += 1
            here = arrived
        yield row(verdict)
        if verdict in _ENDS:
            return


def _at_the_start(objective: Minimized, weights: Array, need: Need) -> Evaluation:
    here = objective.at(weights, need)
    if here.gradient is None and need > Need.VALUE:
        raise DataError("The loss overflows at the start. Scale the inputs and targets, or start from smaller weights.")
    return here


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


def is_plain(rule: StepRule) -> bool:
    """Return whether a rule is Levenberg–Marquardt as compiled trials and lanes do it.

    That is with D = I, and a damping that needs no memory but μ: not Nielsen's.
    """
    if type(rule) is not LevenbergMarquardt or rule.moves.code is None:
        return False
    # Whatever else may be chosen is left at its default.
    return rule == LevenbergMarquardt(**{name: getattr(rule, name) for name in PLAIN_SETTINGS})


def descent_of(objective: Minimized, rule: StepRule) -> Descent | None:
    """Return the rule's trials as compiled code, where there is such code for rule and objective."""
    if not is_plain(rule) or not isinstance(rule, LevenbergMarquardt) or rule.moves.code is None:
        return None
    return objective.descent(*rule.factors, MU_FLOOR, rule.mu_max, rule.moves.code, rule.single_from)


def accepted_rows(
    objective: Minimized, rule: LevenbergMarquardt, descent: Descent, weights: Array, most: int
) -> Iterator[Row]:
    """Train as `iterate` does, but with several trials in one call, and a row for those that were accepted.

    The gradient and the matrix of a row are written over by the next.
    """
    here = _at_the_start(objective, weights, Need.NORMAL)
    gradient, normal = here.gradient, here.normal
    assert gradient is not None
    assert normal is not None  # the kernel writes both
    mu, loss, sums = rule.first_mu(here.diagonal[None]), np.array([here.loss]), here.sums.copy()
    counts, evaluations = np.zeros(3, dtype=np.int64), objective.evaluations
    epoch = trial = 0
    yield Row(epoch, trial, Verdict.ACCEPT, here, {"mu": mu.item()}, here.loss, None, None)
    while True:
        there = here.weights.copy()
        descent(most, there, loss, sums, gradient, normal, mu, counts)
        trials, values, n_accepted = counts.tolist()
        trial += trials
        evaluations["value"] += values
        verdict, now = Verdict.REJECT, mu.item()
        if n_accepted:
            verdict = Verdict.ACCEPT
            epoch += 1
            evaluations["normal"] += 1
            here = Evaluation(there, loss.item(), sums.copy(), gradient, normal)
        elif now > rule.mu_max and now > (largest := rule.largest_mu(here.diagonal).item()):
            state = Damped(rule.moves.first(now), trials, largest=largest)
            here = here._replace(orthogonal=partial(objective.orthogonal_step, here.weights))
            last, tried = finished(objective, here)
            verdict = Verdict.STUCK
            if last is not here:
                here, epoch, verdict = last, epoch + 1, Verdict.SETTLED
            yield Row(epoch, trial + tried, verdict, here, rule.report(state), here.loss, rule.outcome(state), state)
            return
        yield Row(epoch, trial, verdict, here, {"mu": now}, here.loss, None, None)
