"""What all rules with a line search share; and steepest descent, the plainest of them."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
import pytest
from helpers.objectives import linear, rosenbrock
from numpy.testing import assert_allclose

from marquardt.algorithms import BFGS, SteepestDescent, Verdict, algorithm_named, iterate
from marquardt.algorithms.descent import DirectionRule, SearchDirection, steepest_length
from marquardt.errors import ConfigurationError
from marquardt.losses import WeightDecay
from marquardt.networks import feed_forward
from marquardt.numerics.line_searches import LINE_SEARCHES, Brent, StrongWolfe
from marquardt.objective import Derivatives, Evaluation, Objective

START = np.array([-1.2, 1.0])
KINDS = sorted(set(LINE_SEARCHES.values()), key=lambda kind: kind.name)

every_search = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@dataclass(frozen=True)
class Fixed(DirectionRule):
    """Always the same direction, first length and memory; a search by slopes."""

    direction: tuple[float, ...] = (1.0, 0.0)
    first: float = 1.0
    line_search: str = "strong_wolfe"

    name = "fixed"

    def heading(self, current, memory, taken):
        return SearchDirection(np.array(self.direction), self.first, "a memory")


def rows(rule, objective=None, start=START, n=200):
    return list(islice(iterate(rosenbrock() if objective is None else objective, rule, np.asarray(start, float)), n))


def first_move(rule, **options):
    found = rows(rule, **options)
    moves = [row.current.weights for row in found if row.verdict is Verdict.ACCEPT]
    return moves[1] - moves[0]


@every_search
def test_accepted_loss_never_rises(kind):
    losses = [row.current.loss for row in rows(SteepestDescent(line_search=kind()))]
    assert all(later <= earlier for earlier, later in pairwise(losses))
    assert losses[-1] < losses[0]


@every_search
def test_search_and_its_name_are_the_same(kind):
    by_name, by_search = (rows(SteepestDescent(line_search=search)) for search in (kind.name, kind()))
    assert np.array_equal([row.current.weights for row in by_name], [row.current.weights for row in by_search])


@every_search
def test_trial_need_follows_the_search(kind):
    objective, _, _ = linear()
    rule = SteepestDescent(line_search=kind())
    assert rule.trial_need is (Derivatives.GRADIENT if kind.needs_slope else Derivatives.VALUE)
    found = rows(rule, objective, np.zeros(5), n=20)
    n_accepted = sum(row.verdict is Verdict.ACCEPT for row in found)
    needs = [need for need, _ in objective.calls]
    # With slopes a look is all that the next point needs; without, every accepted point is evaluated once more.
    assert needs.count(Derivatives.GRADIENT) == (len(found) if kind.needs_slope else n_accepted)


@every_search
def test_run_goes_on_from_a_pickled_state_in_the_middle_of_a_search(kind):
    rule, whole = SteepestDescent(line_search=kind()), rows(SteepestDescent(line_search=kind()), n=40)
    for n in (5, 6, 7):
        state = pickle.loads(pickle.dumps(whole[n].state))
        again = list(islice(iterate(rosenbrock(), rule, whole[n].current.weights, state), 40 - n))
        assert np.array_equal([row.current.weights for row in whole[n:]], [row.current.weights for row in again])


@every_search
def test_length_of_an_earlier_look_is_gone_back_to(kind):
    """Where a search decides for a length that it has looked at before others, the step is that length."""
    for row, after in pairwise(rows(SteepestDescent(line_search=kind()), n=400)):
        if after.verdict is Verdict.ACCEPT:
            moved = np.linalg.norm(after.current.weights - row.current.weights)
            assert_allclose(moved, after.report["rate"] * np.linalg.norm(row.current.gradient), rtol=1e-6)


def test_golden_section_goes_back_to_an_earlier_look():
    found = rows(SteepestDescent(line_search="golden_section"), n=100)
    decided = [row.state for row in found if row.verdict is Verdict.PROBE and row.state.is_decided]
    assert decided
    assert all(state.length in [look.length for look in state.looks] for state in decided)


@pytest.mark.parametrize("direction", [(1.0, 0.0), (-1.0, -1.0), (math.nan, 1.0), (0.0, 0.0)])
def test_direction_that_is_not_downhill_is_searched_along_the_gradient(direction):
    objective = rosenbrock()
    gradient = objective.at(START, Derivatives.GRADIENT).gradient
    uphill = direction if gradient @ direction >= 0 or math.isnan(direction[0]) else tuple(-d for d in direction)
    moved = first_move(Fixed(direction=uphill))
    cosine = -moved @ gradient / np.linalg.norm(moved) / np.linalg.norm(gradient)
    assert_allclose(cosine, 1.0, rtol=1e-9)


@pytest.mark.parametrize("first", [math.inf, 0.0, math.nan, -1.0])
def test_first_length_that_cannot_be_is_replaced(first):
    gradient = rosenbrock().at(START, Derivatives.GRADIENT).gradient
    downhill = tuple(-np.sign(gradient))
    moved = first_move(Fixed(direction=downhill, first=first))
    assert_allclose(moved / np.linalg.norm(moved), np.array(downhill) / math.sqrt(2), rtol=1e-9)


class Ridge:
    """A loss of which the gradient promises a fall along the first weight, and only the second one keeps it."""

    def at(self, weights, need):
        value = 1.0 + 10 * abs(weights[0]) + (weights[1] - 1.0) ** 2
        gradient = np.array([-1e-3 if weights[0] == 0 else 10.0 * np.sign(weights[0]), 2 * (weights[1] - 1.0)])
        return Evaluation(weights, value, np.array([value]), gradient)


def test_search_that_fails_is_done_again_along_the_gradient_and_forgets():
    rule = Fixed(direction=(1.0, 0.0))
    found = rows(rule, Ridge(), [0.0, 0.0], n=200)
    rejected = next(row for row in found if row.verdict is Verdict.REJECT)
    assert rejected.state.memory is None
    assert rejected.state.is_steepest
    moved = next(row.current.weights for row in found if row.epoch == 1)
    assert_allclose(moved / moved[1], [5e-4, 1.0])  # the gradient is (−1e-3, −2)


def test_rule_is_stuck_when_the_gradient_fails_too():
    class Needle(Ridge):
        def at(self, weights, need):
            current = super().at(weights, need)
            return current if not weights.any() else current._replace(loss=3.0)

    found = rows(Fixed(), Needle(), [0.0, 0.0], n=500)
    assert [row.verdict for row in found if row.verdict is not Verdict.PROBE] == [
        Verdict.ACCEPT,
        Verdict.REJECT,
        Verdict.STUCK,
    ]
    outcome = found[-1].outcome
    assert outcome.code == "step"
    assert "the strong_wolfe search found none along the gradient" in outcome.sentence


def test_first_length_of_steepest_descent_promises_the_decrease_of_the_last_step():
    found = [row for row in rows(SteepestDescent(line_search=StrongWolfe(c2=0.1))) if row.verdict is Verdict.ACCEPT]
    rule = SteepestDescent(line_search=StrongWolfe(c2=0.1))
    before, current = found[3], found[4]
    heading = rule.heading(current.current, before.current.gradient @ before.current.gradient, current.report["rate"])
    promised = heading.first * current.current.gradient @ current.current.gradient
    assert_allclose(promised, current.report["rate"] * before.current.gradient @ before.current.gradient, rtol=1e-12)


def test_exact_searches_turn_at_right_angles():
    """The zigzag: with exact searches a direction is orthogonal to the last."""
    objective, _, _ = linear()
    rule = SteepestDescent(line_search=StrongWolfe(c1=1e-12, c2=1e-9))
    moves = [row.current.weights for row in rows(rule, objective, np.zeros(5), n=60) if row.verdict is Verdict.ACCEPT]
    steps = np.diff(moves, axis=0)[:5]
    for step, after in pairwise(steps):
        # The slope at the end of a search is a thousand-millionth of the first.
        assert abs(step @ after) < 1e-6 * np.linalg.norm(step) * np.linalg.norm(after)


def test_exact_searches_converge_as_fast_as_the_condition_allows():
    objective, matrix, right = linear()
    rule = SteepestDescent(line_search=StrongWolfe(c1=1e-12, c2=1e-9))
    exact = np.linalg.lstsq(matrix, right, rcond=None)[0]
    least = 0.5 * float(np.sum((matrix @ exact - right) ** 2))
    found = [row for row in rows(rule, objective, np.ones(5), n=60) if row.verdict is Verdict.ACCEPT]
    excess = [row.current.loss - least for row in found][:8]
    condition = np.linalg.cond(matrix.T @ matrix)
    for earlier, later in pairwise(excess):
        assert later <= ((condition - 1) / (condition + 1)) ** 2 * earlier * (1 + 1e-6)


@pytest.mark.parametrize("gradient", [[0.5, -0.25], [3.0, -4.0], [0.0, 0.0]])
def test_first_length_moves_the_weights_by_at_most_one(gradient):
    gradient = np.array(gradient)
    assert np.abs(steepest_length(gradient) * gradient).sum() <= 1.0
    assert steepest_length(gradient) <= 1.0


@pytest.mark.parametrize("given", ["bisection", 3, Brent])
def test_search_that_there_is_not_is_refused(given):
    with pytest.raises(ConfigurationError, match=r"line_search must be one of 'backtracking'.*got"):
        SteepestDescent(line_search=given)


FIXED_RATES = ("newton", "truncated_newton", "bfgs", "dfp", "lbfgs", "one_step_secant", "gauss_newton")


def test_rule_without_a_fixed_rate_names_the_one_that_has_it():
    with pytest.raises(
        ConfigurationError, match=r"steepest_descent does not work without a line search.*gradient_desc"
    ):
        SteepestDescent(line_search=None)


def small_network():
    inputs = np.linspace(-1.0, 1.0, 20)[:, None]
    return Objective(feed_forward(1, 2, 1), inputs, np.sin(3.0 * inputs), penalty=WeightDecay(1.0))


@pytest.mark.parametrize("name", FIXED_RATES[:-1])  # Gauss–Newton's matrix is singular after a step
def test_at_a_fixed_rate_every_step_is_taken_and_is_the_rate_times_the_direction(name):
    rule, objective = algorithm_named(f"{name}(line_search=None, rate=0.25)"), small_network()
    current = objective.at(np.linspace(0.5, -0.4, objective.n_weights), rule.point_need)
    state, losses = rule.start(current), [current.loss]
    for _ in range(12):
        expected = rule.heading(current, state.memory, state.taken)
        step, proposed = rule.propose(current, state)
        assert_allclose(step.delta, 0.25 * expected.first * expected.direction, rtol=1e-15, atol=0)
        trial = objective.at(current.weights + step.delta, rule.trial_need)
        verdict, state = rule.judge(current, step, trial, proposed)
        assert verdict is Verdict.ACCEPT
        assert rule.report(state)["rate"] == 0.25 * expected.first
        current = trial
        losses.append(current.loss)
    assert losses[-1] < losses[0]
    assert not rule.never_rises


@pytest.mark.parametrize("name", FIXED_RATES)
def test_fixed_rate_that_is_too_large_ends_and_says_so(name):
    rule = algorithm_named(f"{name}(line_search=None, rate=1e200)")
    last = rows(rule, small_network(), np.linspace(0.5, -0.4, 7))[-1]
    assert last.verdict is Verdict.STUCK
    assert last.outcome.code == "diverged"
    assert "smaller rate" in last.outcome.sentence or "levenberg_marquardt" in last.outcome.sentence


@pytest.mark.parametrize("name", FIXED_RATES[:-1])
def test_rate_that_nothing_uses_is_refused(name):
    with pytest.raises(
        ConfigurationError, match=r"rate is the length of a step without a line search.*line_search=None"
    ):
        algorithm_named(f"{name}(rate=0.5)")


@pytest.mark.parametrize("rate", [0.0, -1.0, np.inf, np.nan])
def test_rate_that_cannot_be_is_refused(rate):
    with pytest.raises(ConfigurationError, match="rate must be"):
        BFGS(line_search=None, rate=rate)
