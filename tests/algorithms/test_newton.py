"""Newton, truncated Newton and Gauss–Newton: their steps, their speed near a minimum, and what they do elsewhere."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from helpers import sine
from helpers.objectives import Recorded, linear, rosenbrock
from helpers.problems import Problem, random_targets
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from marquardt.algorithms import (
    ALGORITHMS,
    GaussNewton,
    LevenbergMarquardt,
    Newton,
    TruncatedNewton,
    Verdict,
    algorithm_named,
    iterate,
)
from marquardt.errors import ConfigurationError
from marquardt.losses import Cauchy, Huber, LogisticCrossEntropy, Squares, WeightDecay
from marquardt.networks import ACTIVATIONS, Activation, Network, feed_forward, initial_weights, register_activation
from marquardt.numerics.line_searches import LINE_SEARCHES
from marquardt.objective import Derivatives, Evaluation, Objective
from marquardt.training import Limits, Training

NEWTONS = [Newton(), Newton(remedy="damping"), TruncatedNewton()]
START = np.array([-1.2, 1.0])


def name_of(rule):
    return f"{rule.name}-{rule.remedy}" if isinstance(rule, Newton) else rule.name


every_newton = pytest.mark.parametrize("rule", NEWTONS, ids=name_of)


class Smooth:
    """An objective from value, gradient and Hessian."""

    def __init__(self, value, gradient, hessian):
        self.value, self.gradient, self.hessian = value, gradient, hessian

    def at(self, weights, need):
        loss = float(self.value(weights))
        hessian = self.hessian(weights)
        return Evaluation(
            weights,
            loss,
            np.array([loss]),
            self.gradient(weights) if need >= Derivatives.GRADIENT else None,
            None,
            hessian if need == Derivatives.HESSIAN else None,
            (lambda vectors: hessian @ vectors) if need == Derivatives.PRODUCT else None,
        )


def quadratic(eigenvalues, seed=0):
    """½ wᵀAw − bᵀw with the eigenvalues given, and A and b."""
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(len(eigenvalues),) * 2))
    a, b = (q * eigenvalues) @ q.T, rng.normal(size=len(eigenvalues))
    a = 0.5 * (a + a.T)
    return Smooth(lambda w: 0.5 * w @ a @ w - b @ w, lambda w: a @ w - b, lambda w: a), a, b


def banana():
    """Rosenbrock's function, halved, with its exact Hessian."""
    return Smooth(
        lambda w: 0.5 * (100 * (w[1] - w[0] ** 2) ** 2 + (1 - w[0]) ** 2),
        lambda w: np.array([-200 * w[0] * (w[1] - w[0] ** 2) - (1 - w[0]), 100 * (w[1] - w[0] ** 2)]),
        lambda w: np.array([[600 * w[0] ** 2 - 200 * w[1] + 1, -200 * w[0]], [-200 * w[0], 100.0]]),
    )


def saddle():
    """(w₀² − 1)²/4 + w₁²/2: minima at (±1, 0), a saddle at 0."""
    return Smooth(
        lambda w: 0.25 * (w[0] ** 2 - 1) ** 2 + 0.5 * w[1] ** 2,
        lambda w: np.array([w[0] * (w[0] ** 2 - 1), w[1]]),
        lambda w: np.array([[3 * w[0] ** 2 - 1, 0.0], [0.0, 1.0]]),
    )


def trail(objective, rule, start, n=200):
    """The rows of the accepted points, the start included."""
    found = islice(iterate(objective, rule, np.asarray(start, dtype=float)), n)
    return [row for row in found if row.verdict is Verdict.ACCEPT]


@pytest.mark.parametrize("rule", NEWTONS[:2], ids=name_of)
def test_a_quadratic_is_solved_in_one_step_of_length_one(rule):
    objective, a, b = quadratic(np.array([0.5, 1.0, 7.0, 100.0]))
    after = trail(objective, rule, np.ones(4), n=2)[-1]
    assert_allclose(after.current.weights, np.linalg.solve(a, b), rtol=1e-12)  # the condition is 200
    assert after.report["rate"] == 1.0


def test_truncated_newton_solves_as_far_as_its_forcing_term_says():
    objective, a, b = quadratic(np.geomspace(1.0, 1e4, 30))
    current = objective.at(1e-6 * np.ones(30) + np.linalg.solve(a, b), Derivatives.PRODUCT)
    heading = TruncatedNewton().heading(current, None, math.nan)
    norm = np.linalg.norm(current.gradient)
    eta = min(0.5, math.sqrt(norm))
    assert 0 < eta < 0.5
    assert np.linalg.norm(a @ heading.direction + current.gradient) <= eta * norm
    fewer = TruncatedNewton(max_products=heading.memory - 1).heading(current, None, math.nan)
    assert fewer.memory == heading.memory - 1
    assert np.linalg.norm(a @ fewer.direction + current.gradient) > eta * norm


@every_newton
def test_convergence_is_faster_than_linear_near_the_minimum(rule):
    errors = [np.abs(row.current.weights - 1.0).max() for row in trail(banana(), rule, START, n=400)]
    assert errors[-1] < 1e-12
    near = [error for error in errors if error < 0.1]
    # Of order 1.5 for the forcing term √‖g‖, with the third derivatives of Rosenbrock's function as factor. A look at
    # the gradient may need one step for each eigenvalue, so two steps are compared.
    assert len(near) >= 3
    for before, after in zip(near, near[2:], strict=False):
        assert after < 30 * before**1.5 or after < 1e-14


def test_newtons_convergence_is_quadratic():
    errors = [np.abs(row.current.weights - 1.0).max() for row in trail(banana(), Newton(), START)]
    near = [error for error in errors if error < 0.1]
    assert len(near) >= 3
    for before, after in pairwise(near):
        assert after < 30 * before**2 or after < 1e-14


@every_newton
@pytest.mark.parametrize("start", [[0.05, 0.3], [-0.2, -1.0], [0.3, 1e-8]], ids=str)
def test_from_an_indefinite_start_the_loss_falls_to_a_minimum(rule, start):
    rows = trail(saddle(), rule, start)
    losses = [row.current.loss for row in rows]
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert_allclose(np.abs(rows[-1].current.weights), [1.0, 0.0], atol=1e-7)


@pytest.mark.parametrize("kind", dict.fromkeys(LINE_SEARCHES.values()), ids=lambda kind: kind.name)
@every_newton
def test_any_line_search_leads_to_the_minimum(rule, kind):
    rows = trail(banana(), replace(rule, line_search=kind()), START, n=3000)
    assert_allclose(rows[-1].current.weights, 1.0, rtol=1e-7)
    assert all(later.current.loss < earlier.current.loss for earlier, later in pairwise(rows))


def test_negative_eigenvalues_are_turned():
    objective, a, b = quadratic(np.array([-3.0, 1.0, 2.0]))
    current = objective.at(np.zeros(3), Derivatives.HESSIAN)
    heading = Newton().heading(current, None, math.nan)
    values, vectors = np.linalg.eigh(a)
    assert_allclose(heading.direction, vectors @ ((vectors.T @ b) / np.abs(values)), rtol=1e-12)
    assert heading.memory.negative == 1


def test_eigenvalues_near_zero_are_raised_to_the_floor():
    hessian = np.diag([-1e-9, 2.0])
    current = Evaluation(np.zeros(2), 1.0, np.ones(1), np.ones(2), hessian=hessian)
    direction = Newton(floor=1e-3).heading(current, None, math.nan).direction
    assert_allclose(direction, [-1 / 2e-3, -0.5], rtol=1e-12)


def test_the_shift_makes_the_hessian_positive_definite_and_is_reported():
    objective, a, b = quadratic(np.array([-3.0, 1.0, 2.0]))
    rule = Newton(remedy="damping")
    heading = rule.heading(objective.at(np.zeros(3), Derivatives.HESSIAN), None, math.nan)
    shift = heading.memory.shift
    assert np.linalg.eigvalsh(a)[0] + shift > 0
    assert_allclose((a + shift * np.eye(3)) @ heading.direction, b, rtol=1e-10)
    first = trail(saddle(), rule, [0.05, 0.3], n=20)[1]
    assert first.report["shift"] > 1 - 3 * 0.05**2  # what the curvature along w₀ lacks


def test_truncated_newton_follows_the_gradient_where_the_first_curvature_is_negative():
    current = saddle().at(np.array([0.05, 0.0]), Derivatives.PRODUCT)
    heading = TruncatedNewton().heading(current, None, math.nan)
    assert np.array_equal(heading.direction, -current.gradient)
    assert heading.memory == 1


@every_newton
def test_a_hessian_of_zero_or_without_finite_entries_leaves_the_gradient(rule):
    for entries in (0.0, math.nan, math.inf):
        slope = Smooth(lambda w: w.sum(), lambda w: np.ones(2), lambda w, entries=entries: np.full((2, 2), entries))
        step, _ = rule.propose(slope.at(np.zeros(2), rule.point_need), rule.start(None))
        assert_allclose(step.delta, -0.5)


@every_newton
def test_a_state_can_be_pickled_and_gone_on_from(rule):
    rows = list(islice(iterate(banana(), rule, START), 12))
    middle = next(row for row in rows[5:] if row.verdict is Verdict.ACCEPT)
    again = iterate(banana(), rule, middle.current.weights, pickle.loads(pickle.dumps(middle.state)))
    trial = list(islice(again, 12 - middle.trial))
    assert trial[-1].current.loss == rows[-1].current.loss


# On networks.


def problem(loss, seed=0, **others):
    rng = np.random.default_rng(seed)
    graph = feed_forward(2, (3,), 1, output_activation=loss.link or "identity")
    return Problem(
        graph,
        rng.uniform(-1, 1, (40, 2)),
        random_targets(loss, rng, 40, 1),
        loss,
        initial_weights(graph, rng=seed),
        WeightDecay(0.1),
        **others,
    )


@every_newton
@pytest.mark.parametrize(
    "loss", [Squares(), Cauchy(0.5), Huber(0.5), LogisticCrossEntropy()], ids=lambda loss: loss.name
)
def test_every_loss_falls_to_a_stationary_point(rule, loss):
    given = problem(loss)
    run = Training(
        Network(given.graph, given.weights),
        given.inputs,
        given.targets,
        loss,
        penalty=given.penalty,
        rule=rule,
        limits=Limits(max_epochs=300, min_gradient=1e-8),
    )
    losses = [epoch.loss for epoch in run]
    assert all(later <= earlier for earlier, later in pairwise(losses))
    assert run.record.stop.code == "gradient", run.record.stop
    assert run.record.evaluations["product" if rule.point_need == Derivatives.PRODUCT else "hessian"] == len(losses)


@every_newton
def test_the_minimum_is_that_of_scipys_newton_cg(rule):
    # From closer to a minimum than a start is, so that all go to the same one, or to one with units renamed.
    objective = sine.objective(penalty=WeightDecay(0.1, include_biases=True))
    close = trail(objective, LevenbergMarquardt(), sine.start(1), n=40)[-1].current.weights
    ours = trail(objective, rule, close, n=300)[-1].current
    theirs = minimize(
        lambda w: objective.at(w, Derivatives.VALUE).loss,
        close,
        jac=lambda w: objective.at(w, Derivatives.GRADIENT).gradient,
        hess=lambda w: objective.at(w, Derivatives.HESSIAN).hessian,
        method="Newton-CG",
        options={"xtol": 1e-12, "maxiter": 500},
    )
    # Where the loss, 5, is flat to its rounding, 1e-15, the gradient is about its root times that of a curvature of 10.
    assert np.linalg.norm(ours.gradient) < 1e-6
    assert ours.loss == pytest.approx(theirs.fun, rel=1e-12)
    networks = [Network(sine.GRAPH, weights).outputs(sine.INPUTS) for weights in (ours.weights, theirs.x)]
    assert_allclose(networks[0], networks[1], rtol=0, atol=1e-6)


def test_relu_networks_train_on_the_curvature_that_they_have():
    given = problem(Squares())
    graph = feed_forward(2, (5,), 1, activation="relu")
    objective = Objective(graph, given.inputs, given.targets, penalty=WeightDecay(0.01))
    rows = trail(objective, Newton(), initial_weights(graph, rng=1), n=100)
    assert rows[-1].current.loss < 0.8 * rows[0].current.loss


@pytest.fixture
def own_activation():
    """An activation without a second derivative, gone after the test."""
    before = dict(ACTIVATIONS)
    yield register_activation(Activation("own", np.arctan, lambda net, a: 1 / (1 + net**2)))
    ACTIVATIONS.clear()
    ACTIVATIONS.update(before)


@every_newton
def test_what_has_no_second_derivative_is_refused_before_any_work_with_a_way_out(rule, own_activation):
    given = problem(Squares())
    graph = feed_forward(2, (3,), 1, activation="own")
    with pytest.raises(ConfigurationError, match=rf"{rule.name} needs second .*'own' has none.*levenberg_marquardt"):
        Training(Network(graph, given.weights), given.inputs, given.targets, rule=rule)


# Gauss–Newton.


def test_gauss_newton_solves_a_linear_network_in_one_step():
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    run = Training(Network(feed_forward(4, (), 2), np.zeros(10)), inputs, targets, rule=GaussNewton())
    epochs = list(run)
    assert len(epochs) == 2
    solution = np.linalg.lstsq(np.c_[inputs, np.ones(30)], targets)[0]
    assert_allclose(run.network.outputs(inputs), np.c_[inputs, np.ones(30)] @ solution, rtol=0, atol=1e-13)
    assert run.record.stop.code == "gradient"


def test_gauss_newton_is_levenberg_marquardt_without_damping():
    current = rosenbrock().at(START, Derivatives.NORMAL)
    step, _ = GaussNewton().propose(current, GaussNewton().start(current))
    damped, _ = LevenbergMarquardt(mu_init=1e-14).propose(current, LevenbergMarquardt(mu_init=1e-14).start(current))
    assert_allclose(step.delta, damped.delta, rtol=1e-12)
    assert step.predicted_decrease == pytest.approx(damped.predicted_decrease, rel=1e-12)


def test_gauss_newton_takes_a_step_that_raises_the_loss():
    # Both residuals of Rosenbrock's function are met after two steps, over a hill of 1.2e3.
    rows = trail(rosenbrock(), GaussNewton(), START, n=3)
    assert len(rows) == 3
    assert rows[1].current.loss > 40 * rows[0].current.loss
    assert_allclose(rows[2].current.weights, 1.0, rtol=1e-12)


def test_gauss_newton_at_half_a_rate_goes_half_the_way():
    current = rosenbrock().at(START, Derivatives.NORMAL)
    full, half = (rule.propose(current, rule.start(current))[0] for rule in (GaussNewton(), GaussNewton(rate=0.5)))
    assert_allclose(half.delta, 0.5 * full.delta, rtol=1e-15)


def test_gauss_newton_looks_once_at_every_point():
    objective = rosenbrock()
    trail(objective, GaussNewton(), START, n=3)
    assert [need for need, _ in objective.calls] == [Derivatives.NORMAL] * 3


def test_gauss_newton_with_a_line_search_never_rises():
    rows = trail(rosenbrock(), GaussNewton(line_search="backtracking"), START, n=200)
    assert_allclose(rows[-1].current.weights, 1.0, rtol=1e-7)
    losses = [row.current.loss for row in rows]
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert rows[1].report["rate"] < 1.0


def test_gauss_newton_with_a_line_search_goes_along_the_gradient_where_the_matrix_is_singular():
    matrix = np.array([[1.0, 1.0], [2.0, 2.0]])
    twins = Recorded(lambda w: matrix @ w - 1.0, lambda w: matrix)
    rows = trail(twins, GaussNewton(line_search="strong_wolfe"), np.zeros(2), n=60)
    assert rows[-1].current.loss == pytest.approx(0.1, rel=1e-12)  # what no weights can reach
    assert rows[1].current.weights[0] == rows[1].current.weights[1] > 0


def test_gauss_newton_ends_at_a_singular_matrix_and_names_it():
    matrix = np.array([[1.0, 1.0], [2.0, 2.0]])
    twins = Recorded(lambda w: matrix @ w - 1.0, lambda w: matrix)
    last = list(islice(iterate(twins, GaussNewton(), np.zeros(2)), 10))[-1]
    assert last.verdict is Verdict.STUCK
    assert last.outcome.code == "diverged"
    assert not last.outcome.succeeded
    assert "singular: eigenvalues from 0 to 10, so there is no step. Train with" in last.outcome.sentence


def test_gauss_newton_takes_the_shortest_step_where_the_matrix_is_singular_and_that_is_asked_for():
    matrix = np.array([[1.0, 1.0], [2.0, 2.0]])
    twins = Recorded(lambda w: matrix @ w - 1.0, lambda w: matrix)
    found = trail(twins, GaussNewton(singular="shortest"), np.array([3.0, 1.0]), n=2)
    shortest = np.linalg.lstsq(matrix, 1.0 - matrix @ [3.0, 1.0], rcond=None)[0]
    assert_allclose(found[1].current.weights, np.array([3.0, 1.0]) + shortest, rtol=1e-13)
    assert found[1].current.loss == pytest.approx(0.1, rel=1e-12)


def test_the_shortest_step_is_the_full_one_where_there_is_only_one():
    current = rosenbrock().at(START, Derivatives.NORMAL)
    full, shortest = (
        rule.propose(current, rule.start(current))[0] for rule in (GaussNewton(), GaussNewton(singular="shortest"))
    )
    assert_allclose(shortest.delta, full.delta, rtol=1e-11)  # the matrix has a condition of 3e3


def test_gauss_newton_ends_where_its_step_overflows():
    flat = Recorded(lambda w: np.array([np.cosh(w[0])]), lambda w: np.array([[np.sinh(w[0])]]))
    with np.errstate(over="ignore"):
        last = list(islice(iterate(flat, GaussNewton(), np.array([1e-4])), 10))[-1]
    assert last.outcome.code == "diverged"
    assert "overflowed after a full step of length 1e+04" in last.outcome.sentence
    assert last.epoch == 0


def test_names_lead_to_the_rules():
    assert ALGORITHMS["gauss_newton"] is GaussNewton
    assert ALGORITHMS["newton"] is Newton
    assert ALGORITHMS["truncated_newton"] is ALGORITHMS["newton_cg"] is TruncatedNewton


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("newton", {"remedy": "eigenvalue"}, "Did you mean 'eigenvalues'"),
        ("newton", {"floor": 0.0}, "floor must be a number above 0"),
        ("newton", {"floor": 1.0}, "floor must be a fraction"),
        ("newton", {"line_search": "none"}, "line_search must be one of"),
        ("truncated_newton", {"max_products": 0}, "max_products must be a whole number from 1 up, got 0"),
        ("gauss_newton", {"mu": 1.0}, "gauss_newton has no setting 'mu'. It takes line_search, rate, singular"),
        ("gauss_newton", {"line_search": "brend"}, "Did you mean 'brent'"),
    ],
)
def test_settings_that_cannot_be_are_refused(name, settings, message):
    with pytest.raises(ConfigurationError, match=message):
        algorithm_named(name, **settings)


def test_linear_least_squares_is_solved_by_all_in_the_same_step():
    objective, matrix, right = linear()
    solution = np.linalg.lstsq(matrix, right)[0]
    assert_allclose(trail(objective, GaussNewton(), np.zeros(5), n=2)[-1].current.weights, solution, rtol=1e-12)
