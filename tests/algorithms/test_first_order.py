"""Rules that follow the gradient: each against its recursion, written by hand or as in the paper."""

from __future__ import annotations

import math
import pickle
from itertools import islice, pairwise

import numpy as np
import pytest
from helpers import sine
from helpers.objectives import Recorded, linear, rosenbrock
from numpy.testing import assert_allclose

from marquardt.algorithms import (
    ALGORITHMS,
    Adam,
    AdaptiveGradientDescent,
    AdaptiveGradientDescentMomentum,
    GradientDescent,
    GradientDescentMomentum,
    Rprop,
    Verdict,
    algorithm_named,
    iterate,
)
from marquardt.errors import ConfigurationError
from marquardt.networks import Network
from marquardt.objective import Derivatives
from marquardt.training import Limits, train

START = np.array([-1.2, 1.0])
RULES = (
    GradientDescent(rate=1e-3),
    GradientDescentMomentum(rate=1e-3),
    AdaptiveGradientDescent(),
    AdaptiveGradientDescentMomentum(),
    Rprop(),
    Adam(),
)


def name_of(rule):
    return rule.name


def rows(objective, rule, start=START, n=100):
    """The first rows of the loop, the start included."""
    return list(islice(iterate(objective, rule, np.asarray(start, dtype=float)), n))


def path(objective, rule, start=START, n=100):
    """The points of the first rows."""
    return np.array([row.current.weights for row in rows(objective, rule, start, n)])


def gradient(weights):
    return rosenbrock().at(weights, Derivatives.GRADIENT).gradient


def loss(weights):
    return rosenbrock().at(weights, Derivatives.VALUE).loss


class Quiet(Recorded):
    """As `Recorded`, and like a real objective without a warning where it overflows."""

    def at(self, weights, need):
        with np.errstate(over="ignore", invalid="ignore"):
            return super().at(weights, need)


def steep():
    """½ Σ exp(2w²): overflows beyond |w| = 19, its slope long before its value matters."""
    return Quiet(lambda w: np.exp(w * w), lambda w: np.diag(2 * w * np.exp(w * w)))


# ------------------------------------------------------------------ against a second implementation


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_gradient_descent_is_its_recursion(momentum):
    weights, delta = START, np.zeros(2)
    for found in path(rosenbrock(), GradientDescent(rate=1e-3, momentum=momentum)):
        assert_allclose(found, weights, rtol=1e-12)  # the same operations but for their order
        delta = momentum * delta - 1e-3 * (1 - momentum) * gradient(weights)
        weights = weights + delta


def test_momentum_written_out_is_an_average_of_all_gradients():
    objective, matrix, right = linear()
    points = path(objective, GradientDescent(rate=1e-3, momentum=0.8), np.ones(5), n=6)
    slopes = [matrix.T @ (matrix @ w - right) for w in points[:-1]]
    parts = [0.2 * 0.8 ** (4 - k) for k in range(5)]
    expected = -1e-3 * sum(part * slope for part, slope in zip(parts, slopes, strict=True))
    assert_allclose(points[5] - points[4], expected, rtol=1e-10)  # a difference of points of size 1 and steps of 1e-2


def test_a_quadratic_converges_below_twice_the_inverse_of_its_curvature_and_not_above():
    objective, matrix, _ = linear()
    largest = np.linalg.eigvalsh(matrix.T @ matrix)[-1]
    below = rows(objective, GradientDescent(rate=1.9 / largest), np.ones(5))
    above = rows(objective, GradientDescent(rate=2.1 / largest), np.ones(5))
    assert below[-1].current.loss < below[0].current.loss < above[-1].current.loss


def test_adaptive_gradient_descent_is_its_three_cases():
    for momentum in (0.0, 0.9):
        weights, delta, rate = START, np.zeros(2), 0.01
        rejected = kept = 0
        rule = AdaptiveGradientDescent(momentum=momentum, max_rise=1.5)
        for row in rows(rosenbrock(), rule, n=300):
            assert_allclose(row.current.weights, weights, rtol=1e-10)  # 300 steps, each rounded once
            assert row.report["rate"] == pytest.approx(rate, rel=1e-10)
            trial = momentum * delta - rate * (1 - momentum) * gradient(weights)
            ratio = loss(weights + trial) / loss(weights)
            if ratio > 1.5:
                delta, rate, rejected = 0.0 * delta, rate * 0.7, rejected + 1
                continue
            rate = rate * 1.05 if ratio < 1 else rate
            kept += ratio >= 1
            weights, delta = weights + trial, trial
        assert rejected > 0
        assert kept > 0


def rprop_by_weights(n_epochs):
    """iRprop− of Igel and Hüsken, algorithm 4, one weight at a time."""
    weights, lengths, before = list(START), [0.07, 0.07], [0.0, 0.0]
    for _ in range(n_epochs):
        yield np.array(weights)
        slopes = list(gradient(np.array(weights)))
        for i in range(2):
            if before[i] * slopes[i] > 0:
                lengths[i] = min(lengths[i] * 1.2, 50.0)
            elif before[i] * slopes[i] < 0:
                lengths[i] = lengths[i] * 0.5
                slopes[i] = 0.0
            weights[i] -= math.copysign(1.0, slopes[i]) * lengths[i] if slopes[i] != 0 else 0.0
            before[i] = slopes[i]


def test_rprop_is_its_loop_over_the_weights():
    for found, expected in zip(path(rosenbrock(), Rprop()), rprop_by_weights(100), strict=True):
        assert_allclose(found, expected, rtol=1e-13)  # signs and the same products


def test_adam_is_the_algorithm_of_the_paper():
    weights, mean, square = START, 0.0, 0.0
    for k, found in enumerate(path(rosenbrock(), Adam(rate=0.05)), start=1):
        assert_allclose(found, weights, rtol=1e-11)  # a hundred steps, each rounded in another order
        g = gradient(weights)
        mean = 0.9 * mean + 0.1 * g
        square = 0.999 * square + 0.001 * g**2
        rate = 0.05 * np.sqrt(1 - 0.999**k) / (1 - 0.9**k)  # the paper's faster form, with its ε rescaled
        weights = weights - rate * mean / (np.sqrt(square) + 1e-8 * np.sqrt(1 - 0.999**k))


# ------------------------------------------------------------------ laws


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_no_point_is_evaluated_twice(rule):
    objective = rosenbrock()
    trail = rows(objective, rule)
    assert len(objective.calls) == len(trail)
    assert {need for need, _ in objective.calls} == {Derivatives.GRADIENT}


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_run_goes_on_from_a_copied_state_as_if_it_had_not_stopped(rule):
    whole = rows(rosenbrock(), rule, n=60)
    middle = pickle.loads(pickle.dumps(whole[30]))
    rest = list(islice(iterate(rosenbrock(), rule, middle.current.weights, middle.state), 30))
    for row, again in zip(whole[30:], rest, strict=True):
        assert np.array_equal(row.current.weights, again.current.weights)


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_state_is_never_changed_once_it_is_handed_over(rule):
    for row in islice(iterate(rosenbrock(), rule, START), 30):
        for part in row.state if isinstance(row.state, tuple) else (row.state,):
            if isinstance(part, np.ndarray):
                part.flags.writeable = False  # writing to it would raise


@pytest.mark.parametrize("rule", RULES[2:], ids=name_of)
def test_the_valley_is_walked_towards_its_end(rule):
    trail = rows(rosenbrock(), rule, n=3000)
    # The start's loss is 12.1; a fixed rate that does not diverge needs more steps than this.
    assert min(row.current.loss for row in trail) < 0.05


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_scale_of_the_loss_does_not_change_rprops_path(factor):
    def scaled():
        plain = rosenbrock()
        return Recorded(lambda w: factor * plain.residual(w), lambda w: factor * plain.jacobian(w))

    assert_allclose(path(scaled(), Rprop()), path(rosenbrock(), Rprop()), rtol=1e-13)


@pytest.mark.parametrize("name", ["rprop", "adam", "gdx"])
def test_the_sine_problem_is_learned_part_of_the_way(name):
    trail = rows(sine.objective(), algorithm_named(name), sine.start(0), n=1000)
    # A straight line leaves a loss of about 90 of the 100 that a constant leaves.
    assert min(row.current.loss for row in trail) < 20


def test_a_rejected_trial_stays_lowers_the_rate_and_drops_the_momentum():
    rule = AdaptiveGradientDescentMomentum(rate=1e3)
    first, second = rows(rosenbrock(), rule, n=2)
    assert second.verdict is Verdict.REJECT
    assert second.current is first.current
    assert second.report["rate"] == pytest.approx(700.0)
    assert not second.state.delta.any()


def test_the_largest_rise_that_is_let_pass_is_max_rise():
    trail = rows(rosenbrock(), AdaptiveGradientDescent(max_rise=1.2), n=500)
    losses = [row.current.loss for row in trail]
    rises = [later / earlier for earlier, later in pairwise(losses)]
    assert 1 < max(rises) <= 1.2


def test_a_rate_too_small_to_move_a_weight_is_the_end():
    rough = Recorded(lambda w: 1 + abs(w - 1), lambda w: np.eye(1))  # at 1 the gradient leads nowhere lower
    *_, last = iterate(rough, AdaptiveGradientDescent(max_rise=1.0), np.ones(1))
    assert last.verdict is Verdict.STUCK
    assert last.outcome.code == "step"
    assert "the rate has fallen to" in last.outcome.sentence
    assert last.state.rate < np.finfo(float).eps


# ------------------------------------------------------------------ divergence


@pytest.mark.parametrize(
    "rule", [GradientDescent(rate=1.0), GradientDescentMomentum(rate=10.0), Adam(rate=30.0)], ids=name_of
)
def test_a_loss_without_end_is_told_as_divergence_with_the_rate_and_a_way_out(rule):
    *_, last = iterate(steep(), rule, np.full(2, 1.5))
    assert last.verdict is Verdict.STUCK
    assert last.outcome.code == "diverged"
    assert not last.outcome.succeeded
    assert f"a rate of {rule.rate:.3g}" in last.outcome.sentence
    assert "Lower the rate" in last.outcome.sentence


def test_a_training_that_diverges_says_so_and_keeps_the_best_weights():
    network = Network(sine.GRAPH, sine.start(0))
    result = train(network, sine.INPUTS, sine.TARGETS, rule=GradientDescent(rate=0.01))
    record = result.record
    assert (record.stop.code, record.stop.succeeded) == ("diverged", False)
    assert record.perf[record.best_epoch] == min(record.perf)
    assert np.isfinite(result.network.weights).all()


@pytest.mark.parametrize("rule", [AdaptiveGradientDescent(rate=1e300), Rprop(step_init=40.0)], ids=name_of)
def test_rules_that_adapt_step_back_from_an_overflow(rule):
    trail = rows(steep(), rule, np.array([1.5]), n=2000)
    assert trail[1].verdict is Verdict.REJECT
    assert min(row.current.loss for row in trail) < 0.51  # the minimum is ½, at 0


def test_rprop_ends_where_no_step_can_be_evaluated():
    island = Quiet(lambda w: w if (w == 1).all() else w + np.inf, lambda w: np.eye(2))
    *_, last = iterate(island, Rprop(step_min=1e-9), np.ones(2))
    assert last.verdict is Verdict.STUCK
    assert last.outcome.code == "diverged"
    assert not last.outcome.succeeded


# ------------------------------------------------------------------ settings and names


def test_the_usual_rate_is_that_for_the_mean_squared_error():
    network = Network(sine.GRAPH, sine.start(0))
    run = train(network, sine.INPUTS, sine.TARGETS, rule=GradientDescent(), limits=Limits(max_epochs=3))
    assert run.record.settings["rate"] == pytest.approx(0.01 * 2 / 200)
    given = train(network, sine.INPUTS, sine.TARGETS, rule=GradientDescent(rate=0.5), limits=Limits(max_epochs=1))
    assert given.record.settings["rate"] == 0.5


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("gradient_descent", "ebp", "traingd"), GradientDescent),
        (("gradient_descent_momentum", "traingdm"), GradientDescentMomentum),
        (("adaptive_gradient_descent", "traingda"), AdaptiveGradientDescent),
        (("adaptive_gradient_descent_momentum", "gdx", "traingdx"), AdaptiveGradientDescentMomentum),
        (("rprop", "trainrp"), Rprop),
        (("adam",), Adam),
    ],
)
def test_every_rule_has_its_names(names, kind):
    assert {ALGORITHMS[name] for name in names} == {kind}
    assert kind.name == names[0]


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("gradient_descent", {"rate": -0.1}, r"rate must be a number above 0, got -0\.1"),
        ("gradient_descent", {"rate": math.inf}, r"rate must be finite, got inf"),
        ("gradient_descent", {"momentum": 1.0}, r"momentum must be a fraction .* got 1\.0"),
        ("gradient_descent", {"momentum": -0.1}, r"momentum must be a fraction"),
        ("traingdm", {"rate": 0.0}, r"rate must be a number above 0"),
        ("traingda", {"rate": -1}, r"rate must be a number above 0"),
        ("traingda", {"rate_increase": 0.9}, r"rate_increase must be at least 1, got 0\.9.*1\.05"),
        ("traingda", {"rate_increase": math.inf}, r"rate_increase must be finite"),
        ("traingda", {"rate_decrease": 1.0}, r"rate_decrease must be below 1, got 1\.0"),
        ("traingda", {"rate_decrease": 0.0}, r"rate_decrease must be a number above 0"),
        ("traingda", {"max_rise": 0.99}, r"max_rise must be at least 1, got 0\.99"),
        ("traingdx", {"momentum": 1.5}, r"momentum must be a fraction"),
        ("rprop", {"step_init": 0.0}, r"step_init must be a number above 0"),
        ("rprop", {"step_increase": 0.5}, r"step_increase must be at least 1 and finite, got 0\.5"),
        ("rprop", {"step_decrease": 1.2}, r"step_decrease must be below 1, got 1\.2"),
        ("rprop", {"step_max": 0.01}, r"in this order, got 1e-20, 0\.07, 0\.01"),
        ("adam", {"rate": -0.001}, r"rate must be a number above 0"),
        ("adam", {"beta1": 1.0}, r"beta1 must be a fraction"),
        ("adam", {"beta2": -0.5}, r"beta2 must be a fraction"),
        ("adam", {"epsilon": 0.0}, r"epsilon must be a number above 0"),
        ("adam", {"momentum": 0.9}, r"adam has no setting 'momentum'\. It takes rate"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name, settings, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        algorithm_named(name, **settings)
