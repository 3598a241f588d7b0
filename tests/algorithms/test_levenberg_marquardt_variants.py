"""Levenberg–Marquardt's options: other dampings, Marquardt's diagonal, rises that are taken."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import pytest
from helpers import sine
from helpers.objectives import Recorded, linear, rosenbrock
from numpy.testing import assert_allclose

from marquardt.algorithms import GeodesicLevenbergMarquardt, LevenbergMarquardt, Step, Verdict, iterate
from marquardt.algorithms.damping import DAMPINGS, Damping
from marquardt.algorithms.levenberg_marquardt import Damped
from marquardt.errors import ConfigurationError
from marquardt.networks import feed_forward, forward, initial_weights
from marquardt.objective import Derivatives, Evaluation, Objective

START = np.array([-1.2, 1.0])


def rows(objective, rule, start=START, n=1000):
    return list(islice(iterate(objective, rule, np.asarray(start, dtype=float)), n))


def judged(rule, ratio, mu=1.0, factor=10.0):
    """The damping after a trial whose loss fell by `ratio` times the predicted decrease of 1."""
    current, trial = Evaluation(np.zeros(1), 10.0, np.ones(1)), Evaluation(np.zeros(1), 10.0 - ratio, np.ones(1))
    verdict, state = rule.judge(current, Step(np.zeros(1), 1.0), trial, Damped(Damping(mu, factor)))
    return verdict, state.damping


@pytest.mark.parametrize("damping", DAMPINGS)
@pytest.mark.parametrize("scaling", ["identity", "marquardt"])
def test_every_damping_walks_the_valley_to_its_end(damping, scaling):
    trail = rows(rosenbrock(), LevenbergMarquardt(damping=damping, scaling=scaling))
    assert_allclose(trail[-1].current.weights, 1.0, rtol=1e-10)
    losses = [row.current.loss for row in trail]
    assert all(later <= earlier for earlier, later in pairwise(losses))


@pytest.mark.parametrize(
    ("ratio", "factor"), [(0.9, 0.1), (0.76, 0.1), (0.74, 1.0), (0.5, 1.0), (0.26, 1.0), (0.24, 10.0), (1e-6, 10.0)]
)
def test_the_gain_ratio_moves_mu_at_its_quarters(ratio, factor):
    verdict, damping = judged(LevenbergMarquardt(damping="gain_ratio"), ratio)
    assert verdict is Verdict.ACCEPT
    assert damping.mu == pytest.approx(factor)


@pytest.mark.parametrize(("ratio", "factor"), [(0.9, 0.25), (0.74, 1.0), (0.26, 1.0), (0.24, 4.0)])
def test_fans_mu_follows_the_root_of_the_loss_besides(ratio, factor):
    verdict, damping = judged(LevenbergMarquardt(damping="fan"), ratio)
    assert verdict is Verdict.ACCEPT
    assert damping.mu == pytest.approx(factor * np.sqrt((10.0 - ratio) / 10.0))


def test_a_loss_below_zero_is_no_size_to_follow():
    rule = LevenbergMarquardt(damping="fan")
    current, trial = Evaluation(np.zeros(1), 0.5, np.ones(1)), Evaluation(np.zeros(1), -0.5, np.ones(1))
    _, state = rule.judge(current, Step(np.zeros(1), 1.0), trial, Damped(Damping(1.0, 4.0)))
    assert state.damping.mu == 0.25


@pytest.mark.parametrize("unit", [1e-3, 1e4])
def test_a_relative_mu_with_fans_damping_is_the_same_run_in_any_unit_of_the_residuals(unit):
    plain = rosenbrock()
    scaled = Recorded(lambda w: unit * plain.residual(w), lambda w: unit * plain.jacobian(w))
    rule = LevenbergMarquardt(0.1, damping="fan", mu_relative=True)
    ours, theirs = rows(plain, rule, n=12), rows(scaled, rule, n=12)
    for left, right in zip(ours, theirs, strict=True):
        assert left.verdict is right.verdict
        # Rounding grows with the condition of A, about 1e3 in the valley.
        assert_allclose(right.current.weights, left.current.weights, rtol=1e-9)
        assert right.report["mu"] == pytest.approx(unit**2 * left.report["mu"], rel=1e-6)


def test_nielsens_factor_is_smooth_between_two_and_a_third():
    rule = LevenbergMarquardt(damping="nielsen")
    assert judged(rule, 0.5)[1] == Damping(1.0, 2.0)
    assert judged(rule, 1.0)[1].mu == pytest.approx(1 / 3)
    assert judged(rule, 1e-9)[1].mu == pytest.approx(2.0)
    factors = [judged(rule, ratio)[1].mu for ratio in np.linspace(0.01, 1.5, 200)]
    assert all(later <= earlier for earlier, later in pairwise(factors))
    # The steepest slope is 6 |2ρ − 1|², below 6: no jump is larger than 6 steps of ρ.
    assert max(abs(a - b) for a, b in pairwise(factors)) < 6 * 1.49 / 199


def test_the_first_factor_is_ten_with_fans_damping_four_and_with_nielsens_two_unless_given():
    assert (LevenbergMarquardt().mu_increase, LevenbergMarquardt().mu_decrease) == (10.0, 0.1)
    assert (LevenbergMarquardt(damping="fan").mu_increase, LevenbergMarquardt(damping="fan").mu_decrease) == (4.0, 0.25)
    assert LevenbergMarquardt(damping="nielsen").mu_increase == GeodesicLevenbergMarquardt().mu_increase == 2.0
    assert LevenbergMarquardt(damping="nielsen", mu_increase=3.0).mu_increase == 3.0


def test_nielsens_mu_rises_ever_faster_while_steps_fail():
    state = Damped(Damping(1.0, 2.0))
    rule = LevenbergMarquardt(damping="nielsen")
    current, worse = Evaluation(np.zeros(1), 1.0, np.ones(1)), Evaluation(np.zeros(1), 2.0, np.ones(1))
    seen = []
    for _ in range(4):
        verdict, state = rule.judge(current, Step(np.zeros(1), 1.0), worse, state)
        assert verdict is Verdict.REJECT
        seen.append(state.damping.mu)
    assert seen == [2.0, 8.0, 64.0, 1024.0]


def test_marquardts_diagonal_makes_the_path_independent_of_the_units_of_the_weights():
    units = np.array([1e3, 1e-4])
    plain = rosenbrock()
    scaled = Recorded(lambda w: plain.residual(w * units), lambda w: plain.jacobian(w * units) * units)
    rule = LevenbergMarquardt(scaling="marquardt")
    ours, theirs = rows(plain, rule, n=25), rows(scaled, rule, START / units, n=25)
    for left, right in zip(ours, theirs, strict=True):
        assert left.verdict is right.verdict
        # Rounding grows with the condition of A, about 1e3 in the valley.
        assert_allclose(right.current.weights * units, left.current.weights, rtol=1e-9)
    identity = LevenbergMarquardt()
    other = rows(scaled, identity, START / units, n=25)[-1].current.weights * units
    assert np.abs(other - rows(plain, identity, n=25)[-1].current.weights).max() > 1e-3


def test_entries_of_the_diagonal_never_fall_and_zeros_count_as_one():
    rule = LevenbergMarquardt(scaling="marquardt", mu_init=0.5)
    normals = [np.diag([4.0, 0.0]), np.diag([1.0, 0.0])]
    state = rule.start(None)
    for normal, expected in zip(normals, [[-1 / 6, -2.0], [-1 / 3, -2.0]], strict=True):
        current = Evaluation(np.zeros(2), 1.0, np.ones(1), np.ones(2), normal)
        step, state = rule.propose(current, state._replace(damping=Damping(0.5, 10.0)))
        assert state.diagonal.tolist() == [4.0, 0.0]
        assert_allclose(step.delta, expected, rtol=1e-15)


def test_predicted_decrease_with_marquardts_diagonal_is_that_of_the_undamped_model():
    objective, _, _ = linear()
    current = objective.at(np.ones(5), Derivatives.NORMAL)
    rule = LevenbergMarquardt(scaling="marquardt", mu_init=0.3)
    step, _ = rule.propose(current, rule.start(current))
    trial = objective.at(current.weights + step.delta, Derivatives.VALUE)
    assert current.loss - trial.loss == pytest.approx(step.predicted_decrease, rel=1e-12)


def test_a_rise_is_taken_after_so_many_failures_and_only_if_it_is_finite():
    rule = LevenbergMarquardt(rise_after=2)
    assert not rule.never_rises
    assert LevenbergMarquardt().never_rises
    current = Evaluation(np.zeros(1), 1.0, np.ones(1))
    worse, lost = Evaluation(np.zeros(1), 2.0, np.ones(1)), Evaluation.overflow(np.zeros(1))
    state = rule.start(current)
    verdicts = []
    for trial in (worse, worse, lost, worse):
        verdict, state = rule.judge(current, Step(np.zeros(1), 1.0), trial, state)
        verdicts.append(verdict.name)
    assert verdicts == ["REJECT", "REJECT", "REJECT", "ACCEPT"]
    assert state.fails == 0
    assert state.damping.mu == pytest.approx(1e-3 * 10**3)


@pytest.mark.parametrize("damping", ["gain_ratio", "fan", "nielsen"])
def test_other_dampings_learn_the_sine(damping):
    trail = rows(sine.objective(), LevenbergMarquardt(damping=damping), sine.start(1), n=400)
    assert 2 * trail[-1].current.loss / 200 < 1e-5


def test_the_geodesic_step_is_the_step_and_half_its_acceleration():
    objective = sine.objective()
    current = objective.at(sine.start(3), Derivatives.NORMAL)
    plain, curved = LevenbergMarquardt(mu_init=10.0), LevenbergMarquardt(mu_init=10.0, geodesic=1e6)
    p = plain.propose(current, plain.start(current))[0].delta
    found = curved.propose(current, curved.start(current))[0].delta
    damped = current.normal + 10.0 * np.eye(31)
    width = 1e-4
    residuals = [objective.residual(current.weights + t * p) for t in (-width, 0.0, width)]
    bent = (residuals[0] - 2 * residuals[1] + residuals[2]) / width**2
    acceleration = -np.linalg.solve(damped, objective.jacobian(current.weights).T @ bent)
    # Second differences: rounding / width², 1e-16 / 1e-8 of residuals of order 1, and the solve.
    assert_allclose(found - p, 0.5 * acceleration, rtol=0, atol=1e-5 * np.abs(acceleration).max())
    assert np.abs(acceleration).max() > 1e-3 * np.abs(p).max()


def test_a_step_whose_acceleration_is_too_large_is_a_failed_trial():
    objective = sine.objective()
    current = objective.at(sine.start(3), Derivatives.NORMAL)
    rule = LevenbergMarquardt(geodesic=1e-9)
    step, state = rule.propose(current, rule.start(current))
    assert step.delta is None
    assert state == rule.start(current)


def test_the_acceleration_saves_most_epochs_in_the_curved_valley_of_the_sine():
    epochs = {}
    for rule in (LevenbergMarquardt(), GeodesicLevenbergMarquardt()):
        for seed in (0, 1, 2):
            reached = (
                row.epoch for row in iterate(sine.objective(), rule, sine.start(seed)) if row.current.loss < 1e-5
            )
            epochs.setdefault(rule.name, []).append(next(reached))
    assert np.median(epochs["geodesic_levenberg_marquardt"]) < 0.5 * np.median(epochs["levenberg_marquardt"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"damping": "nielson"}, "damping must be one of .*got 'nielson'. Did you mean 'nielsen'"),
        ({"scaling": "diag"}, "scaling must be one of 'identity', 'marquardt', got 'diag'"),
        ({"damping": "nielsen", "mu_decrease": 0.5}, "Nielsen's damping has no mu_decrease, got 0.5"),
        ({"geodesic": -0.75}, "geodesic must be a number from 0 up, got -0.75"),
        ({"rise_after": 2.5}, "rise_after must be a whole number from 0 up, got 2.5"),
        ({"rise_after": -1}, "rise_after must be a whole number from 0 up, got -1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        LevenbergMarquardt(**settings)


def test_a_relative_mu_begins_in_parts_of_the_largest_diagonal_entry():
    objective = sine.objective()
    current = objective.at(sine.start(0), Derivatives.NORMAL)
    rule = LevenbergMarquardt(mu_init=0.01, mu_relative=True)
    assert rule.start(current).damping.mu == pytest.approx(0.01 * current.normal.diagonal().max())
    # Every sample twice is twice the loss, and with twice the mu the same path.
    twice = sine.objective(sample_weight=np.full(200, 2.0))
    for row, other in zip(rows(objective, rule, sine.start(0), 15), rows(twice, rule, sine.start(0), 15), strict=True):
        assert row.verdict is other.verdict
        assert_allclose(other.current.weights, row.current.weights, rtol=1e-6)  # rounding, through fifteen solves
    assert rule.start(current._replace(normal=np.zeros((31, 31)))).damping.mu > 0


@pytest.mark.parametrize("form", ["samples", "matrix_free"])
def test_a_relative_mu_begins_alike_in_the_forms_without_a_matrix(form):
    rule = LevenbergMarquardt(mu_init=0.01, mu_relative=True)
    with_matrix, without = (sine.objective(form=each).at(sine.start(0), Derivatives.NORMAL) for each in ("pairs", form))
    # Sums of 200 squares in another order.
    assert rule.start(without).damping.mu == pytest.approx(rule.start(with_matrix).damping.mu, rel=1e-12)


def mixed(n_samples=400, **more):
    """A network's own outputs, to be fitted from another start; nothing else is in the way."""
    graph, rng = feed_forward(4, 6, 1), np.random.default_rng(1)
    inputs = rng.uniform(-1, 1, (n_samples, 4))
    targets = forward(graph, rng.normal(size=graph.n_weights), inputs.T).T
    return Objective(graph, inputs, targets, threads=1, **more), initial_weights(graph, rng=3)


@pytest.mark.parametrize("form", ["explicit", "pairs"])
def test_in_mixed_precision_the_end_is_that_of_double(form):
    losses = {}
    for precision in ("double", "mixed"):
        objective, weights = mixed(form=form)
        rule = LevenbergMarquardt(mu_init=0.03, mu_relative=True, damping="fan", precision=precision)
        singles = []
        seen = objective.at

        def watched(weights, need, is_single=False, seen=seen, singles=singles):
            singles.append(is_single)
            return seen(weights, need, is_single)

        objective.at = watched
        for row in iterate(objective, rule, weights):
            losses.setdefault(precision, []).append(row.current.loss)
            if row.outcome is not None or row.trial == 400:
                break
        assert any(singles) is (precision == "mixed")
        # μ vanishes with the residual, and double precision is back.
        assert not singles[-1]
    assert losses["mixed"][-1] < 1e-24
    assert losses["double"][-1] < 1e-24
    assert_allclose(losses["mixed"][:8], losses["double"][:8], rtol=1e-3)


def test_marquardts_scaling_stays_in_double():
    objective, weights = mixed()
    current = objective.at(weights, Derivatives.NORMAL)
    for settings, expected in (({}, True), ({"scaling": "marquardt"}, False), ({"precision": "double"}, False)):
        rule = LevenbergMarquardt(mu_init=1e6, **{"precision": "mixed", **settings})
        assert rule.allows_single(current, rule.start(current)) is expected
    with pytest.raises(ConfigurationError, match="precision must be one of 'double', 'mixed', got 'single'"):
        LevenbergMarquardt(precision="single")
