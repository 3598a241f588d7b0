"""Levenberg–Marquardt as a rule: between Gauss–Newton and steepest descent, and its schedule of μ."""

from __future__ import annotations

import math
from itertools import islice, pairwise

import numpy as np
import pytest
from helpers.objectives import Recorded, linear, rosenbrock
from numpy.testing import assert_allclose

from marquardt.algorithms import ALGORITHMS, LevenbergMarquardt, Step, Verdict, algorithm_named, iterate
from marquardt.algorithms.damping import Damping
from marquardt.algorithms.levenberg_marquardt import Damped
from marquardt.errors import ConfigurationError
from marquardt.objective import Derivatives, Evaluation

START = np.array([-1.2, 1.0])
TRIED = Step(np.zeros(1), 1.0)


def at(mu):
    """The state with a damping of mu."""
    return Damped(Damping(mu, 10.0))


def rows(objective, rule=None, start=START, n=1000):
    """The first rows of the loop, the start included."""
    return list(islice(iterate(objective, rule or LevenbergMarquardt(), np.asarray(start, dtype=float)), n))


def test_small_mu_gives_the_gauss_newton_step():
    current = rosenbrock().at(START, Derivatives.NORMAL)
    step, _ = LevenbergMarquardt().propose(current, at(1e-14))
    # The relative difference is mu over the smallest eigenvalue, here about 1.
    assert_allclose(step.delta, -np.linalg.solve(current.normal, current.gradient), rtol=1e-12)


def test_large_mu_gives_steepest_descent_with_rate_one_over_mu():
    current = rosenbrock().at(START, Derivatives.NORMAL)
    step, _ = LevenbergMarquardt().propose(current, at(1e12))
    # The relative difference is the largest eigenvalue, about 700, over mu.
    assert_allclose(step.delta, -current.gradient / 1e12, rtol=1e-9)


@pytest.mark.parametrize("mu", [1e-6, 1.0, 1e6])
def test_predicted_decrease_is_that_of_the_undamped_model(mu):
    current = rosenbrock().at(START, Derivatives.NORMAL)
    step, state = LevenbergMarquardt().propose(current, at(mu))
    p = step.delta
    assert step.predicted_decrease == pytest.approx(-current.gradient @ p - 0.5 * p @ current.normal @ p, rel=1e-12)
    assert step.predicted_decrease > 0
    assert state == at(mu)


def test_predicted_decrease_of_a_linear_problem_comes_true():
    objective, _, _ = linear()
    current = objective.at(np.ones(5), Derivatives.NORMAL)
    for mu in (1e-6, 1.0, 100.0):
        step, _ = LevenbergMarquardt().propose(current, at(mu))
        trial = objective.at(current.weights + step.delta, Derivatives.VALUE)
        assert current.loss - trial.loss == pytest.approx(step.predicted_decrease, rel=1e-12)


def test_linear_least_squares_is_solved_to_rounding_in_few_steps():
    objective, matrix, right = linear()
    solution = np.linalg.lstsq(matrix, right)[0]
    # mu 1e-3, 1e-4, 1e-5 over eigenvalues of about 20: each step divides the error by more than 1e4.
    assert_allclose(rows(objective, start=np.zeros(5), n=5)[-1].current.weights, solution, rtol=1e-12)


def test_the_valley_is_walked_to_its_end():
    last = rows(rosenbrock())[-1]
    assert_allclose(last.current.weights, 1.0, rtol=1e-12)
    assert last.verdict is Verdict.STUCK


def test_accepted_loss_never_rises():
    losses = [row.current.loss for row in rows(rosenbrock())]
    assert all(later <= earlier for earlier, later in pairwise(losses))


def test_mu_falls_when_a_step_is_accepted_and_rises_when_it_is_not():
    rule = LevenbergMarquardt(mu_init=0.5, mu_increase=3.0, mu_decrease=0.25)
    trail = rows(rosenbrock(), rule, n=12)
    assert trail[0].report == {"mu": 0.5}
    assert {row.verdict for row in trail} == {Verdict.ACCEPT, Verdict.REJECT}
    for before, row in pairwise(trail):
        factor = 0.25 if row.verdict is Verdict.ACCEPT else 3.0
        assert row.report["mu"] == before.report["mu"] * factor
        assert row.trial == before.trial + 1
        assert row.epoch == before.epoch + (row.verdict is Verdict.ACCEPT)


def test_no_pass_over_the_data_for_derivatives_on_rejection():
    objective = rosenbrock()
    trail = rows(objective, n=30)
    n_accepted = sum(row.verdict is Verdict.ACCEPT for row in trail)
    assert n_accepted < len(trail)
    needs = [need for need, _ in objective.calls]
    assert needs.count(Derivatives.NORMAL) == n_accepted
    assert needs.count(Derivatives.VALUE) == len(trail) - 1
    assert needs.count(Derivatives.GRADIENT) == 0


def test_the_accepted_point_is_asked_again_with_the_very_array_of_the_trial():
    # The objective keeps its last forward pass by identity of the weights.
    objective = rosenbrock()
    rows(objective, n=30)
    for (need, weights), (next_need, next_weights) in pairwise(objective.calls):
        if next_need is Derivatives.NORMAL and need is Derivatives.VALUE:
            assert next_weights is weights


def test_mu_above_its_maximum_is_stuck():
    flat = Recorded(lambda w: np.ones(2), lambda w: np.eye(2))  # a gradient that nothing follows
    trail = rows(flat, LevenbergMarquardt(mu_init=1.0, mu_max=1000.0))
    assert [row.verdict for row in trail[1:]] == [Verdict.REJECT] * 3 + [Verdict.STUCK]
    assert trail[-1].report["mu"] == 1e4
    assert trail[-1].epoch == 0


def test_an_equal_loss_is_no_progress():
    current = Evaluation(np.zeros(1), 1.0, np.ones(1))
    verdict, _ = LevenbergMarquardt().judge(current, TRIED, current, at(1.0))
    assert verdict is Verdict.REJECT


def test_a_failed_factorization_is_a_rejected_trial():
    class Indefinite(Recorded):
        def at(self, weights, need):
            current = super().at(weights, need)
            if need is Derivatives.NORMAL:
                current = Evaluation(
                    weights, current.loss, current.sums, current.gradient, current.normal - 0.5 * np.eye(2)
                )
            return current

    objective = Indefinite(lambda w: 0.1 * w, lambda w: 0.1 * np.eye(2))  # A = 0.01 − 0.5 < 0
    trail = rows(objective, LevenbergMarquardt(mu_init=1e-3), start=[1.0, 1.0], n=5)
    assert [row.verdict for row in trail[1:4]] == [Verdict.REJECT] * 3  # mu = 0.001, 0.01, 0.1
    assert trail[4].verdict is Verdict.ACCEPT
    # What could not be solved was not evaluated either.
    assert [need for need, _ in objective.calls] == [Derivatives.NORMAL, Derivatives.VALUE, Derivatives.NORMAL]


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_overflow_is_a_rejected_trial(bad):
    # Beyond |w| = 1 there is nothing; the Gauss–Newton step wants to go to 3.
    def residual(w):
        return w - 3.0 if abs(w[0]) <= 1 else np.array([bad])

    trail = rows(Recorded(residual, lambda w: np.eye(1)), LevenbergMarquardt(), start=[0.0], n=20)
    assert trail[1].verdict is Verdict.REJECT
    assert trail[-1].current.loss < trail[0].current.loss
    assert all(math.isfinite(row.current.loss) for row in trail)


def test_mu_does_not_fall_below_what_can_rise_again():
    state = at(1e-3)
    current, trial = (Evaluation(np.zeros(1), loss, np.ones(1)) for loss in (2.0, 1.0))
    for _ in range(400):
        verdict, state = LevenbergMarquardt().judge(current, TRIED, trial, state)
        assert verdict is Verdict.ACCEPT
    assert 0 < state.damping.mu <= 1e-16


def test_normal_equations_are_asked_for():
    with pytest.raises(ValueError, match="needs the normal equations"):
        LevenbergMarquardt().propose(Evaluation(np.zeros(1), 1.0, np.ones(1)), at(1.0))


@pytest.mark.parametrize("setting", ["mu_init", "mu_increase", "mu_decrease", "mu_max"])
@pytest.mark.parametrize("value", [0, -1.0, math.nan, "1", True])
def test_settings_must_be_positive_numbers(setting, value):
    with pytest.raises(ConfigurationError, match=f"{setting} must be a number above 0, got {value!r}"):
        LevenbergMarquardt(**{setting: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mu_increase": 1.0}, "mu_increase must be above 1, got 1.0. The usual value is 10"),
        ({"mu_increase": math.inf}, "mu_increase must be above 1"),
        ({"mu_decrease": 1.0}, "mu_decrease must be below 1, got 1.0. The usual value is 0.1"),
        ({"mu_init": 1.0, "mu_max": 0.5}, "not below mu_init, got 0.5 and 1.0"),
        ({"mu_max": math.inf}, "mu_max must be finite"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        LevenbergMarquardt(**settings)


def test_every_name_leads_to_the_rule():
    for name in ("levenberg_marquardt", "lm", "trainlm"):
        assert algorithm_named(name, mu_init=0.5) == LevenbergMarquardt(mu_init=0.5)
    for kind in ALGORITHMS.values():
        assert ALGORITHMS[kind.name] is kind


def test_unknown_names_and_settings_are_refused():
    with pytest.raises(
        ConfigurationError,
        match=r"There is no algorithm 'trianlm'. Did you mean 'train.*There are levenberg_marquardt, ",
    ):
        algorithm_named("trianlm")
    with pytest.raises(ConfigurationError, match=r"lm has no setting 'mu'\. It takes mu_init, mu_increase"):
        algorithm_named("lm", mu=1.0)
    with pytest.raises(ConfigurationError, match=r"has mu_init already, got 2.0 for it, too"):
        algorithm_named("lm(mu_init=1)", mu_init=2.0)


@pytest.mark.parametrize("entry", [math.inf, math.nan, 1e305])
def test_where_the_matrix_overflows_a_run_ends(entry):
    # mu rises to infinity at most.
    largest = LevenbergMarquardt().largest_mu(np.array([1.0, entry]))
    assert largest < math.inf
