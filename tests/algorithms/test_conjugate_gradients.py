"""Conjugate gradients, nonlinear and scaled: what they are on quadratics, and against others elsewhere."""

from __future__ import annotations

import math
import pickle
from itertools import islice, pairwise

import numpy as np
import pytest
from helpers import sine
from helpers.closeness import EPS
from helpers.objectives import Recorded, linear, rosenbrock
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from marquardt.algorithms import (
    ALGORITHMS,
    ConjugateGradient,
    FletcherReeves,
    HestenesStiefel,
    PolakRibiere,
    PowellBeale,
    ScaledConjugateGradient,
    Verdict,
    algorithm_named,
    iterate,
)
from marquardt.algorithms.conjugate_directions import BETAS, Trail
from marquardt.errors import ConfigurationError
from marquardt.networks import Network
from marquardt.numerics.conjugate import (
    beale_direction,
    fletcher_reeves,
    hestenes_stiefel,
    is_far_from_orthogonal,
    polak_ribiere_plus,
)
from marquardt.numerics.line_searches import LINE_SEARCHES, StrongWolfe
from marquardt.objective import Derivatives, Evaluation
from marquardt.training import Limits, Record, train

START = np.array([-1.2, 1.0])
EXACT = StrongWolfe(c1=1e-12, c2=1e-10)
RULES = [ConjugateGradient(beta=beta) for beta in BETAS] + [ScaledConjugateGradient()]

every_beta = pytest.mark.parametrize("beta", BETAS)
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: getattr(rule, "beta", rule.name))


class Quadratic:
    """½ (w − m)ᵀ A (w − m) + constant with A of given eigenvalues; counts what is asked."""

    def __init__(self, eigenvalues, seed=0):
        rng = np.random.default_rng(seed)
        basis, _ = np.linalg.qr(rng.normal(size=(len(eigenvalues),) * 2))
        self.matrix = basis * eigenvalues @ basis.T
        self.minimum = rng.normal(size=len(eigenvalues))
        self.n_calls = 0

    def at(self, weights, need):
        self.n_calls += 1
        gradient = self.matrix @ (weights - self.minimum)
        loss = 0.5 * float(gradient @ (weights - self.minimum))
        return Evaluation(weights, loss, np.array([loss]), gradient if need >= Derivatives.GRADIENT else None)


class Function:
    """A loss in one weight and its slope; it overflows where they say so."""

    def __init__(self, loss, slope):
        self.loss, self.slope = loss, slope

    def at(self, weights, need):
        loss = self.loss(weights[0])
        if not math.isfinite(loss):
            return Evaluation.overflow(weights)
        return Evaluation(weights, loss, np.array([loss]), np.array([self.slope(weights[0])]))


def accepted(objective, rule, start, n_epochs, max_trials=100_000):
    """The points of the first epochs, the start included, and all rows."""
    points, rows = [], []
    for row in islice(iterate(objective, rule, np.asarray(start, dtype=float)), max_trials):
        rows.append(row)
        if row.verdict is Verdict.ACCEPT:
            points.append(row.current)
        if row.epoch == n_epochs:
            break
    return points, rows


def linear_conjugate_gradients(quadratic, start, n):
    """The textbook recursion of Hestenes and Stiefel for A w = A m."""
    weights, points = start, [start]
    residual = quadratic.matrix @ (quadratic.minimum - weights)
    direction = residual
    for _ in range(n):
        image = quadratic.matrix @ direction
        length = residual @ residual / (direction @ image)
        weights, before = weights + length * direction, residual
        residual = residual - length * image
        direction = residual + residual @ residual / (before @ before) * direction
        points.append(weights)
    return points


# On quadratics


@every_beta
@pytest.mark.parametrize("n", [2, 5, 12])
def test_n_exact_searches_minimize_a_quadratic_of_n_weights(beta, n):
    quadratic = Quadratic(np.linspace(1.0, 10.0, n))
    start = np.zeros(n)
    points, _ = accepted(quadratic, ConjugateGradient(beta=beta, line_search=EXACT), start, n)
    # Searches end at slopes of 1e-10 of the first.
    assert_allclose(points[-1].weights, quadratic.minimum, rtol=0, atol=1e-6)
    assert points[-1].loss < 1e-9 * points[-2].loss


@every_beta
def test_three_clusters_of_eigenvalues_take_three_searches(beta):
    quadratic = Quadratic(np.array([1.0, 1.0, 1.0, 4.0, 4.0, 4.0, 9.0, 9.0]))
    points, _ = accepted(quadratic, ConjugateGradient(beta=beta, line_search=EXACT), np.zeros(8), 3)
    assert_allclose(points[-1].weights, quadratic.minimum, rtol=0, atol=1e-7)


@every_beta
def test_path_on_a_quadratic_is_that_of_linear_conjugate_gradients(beta):
    quadratic = Quadratic(np.geomspace(1.0, 20.0, 8))
    expected = linear_conjugate_gradients(quadratic, np.ones(8), 7)
    points, _ = accepted(quadratic, ConjugateGradient(beta=beta, line_search=EXACT), np.ones(8), 7)
    assert_allclose([current.weights for current in points], expected, rtol=0, atol=1e-6)


@every_beta
def test_directions_on_a_quadratic_are_conjugate(beta):
    quadratic = Quadratic(np.geomspace(1.0, 20.0, 8))
    points, _ = accepted(quadratic, ConjugateGradient(beta=beta, line_search=EXACT), np.ones(8), 6)
    steps = np.diff([current.weights for current in points], axis=0)
    steps /= np.linalg.norm(steps, axis=1)[:, None]
    products = steps @ quadratic.matrix @ steps.T
    assert_allclose(products - np.diag(np.diag(products)), 0.0, rtol=0, atol=1e-5)


@pytest.mark.parametrize("reset", [2, 3])
@pytest.mark.parametrize("beta", [beta for beta in BETAS if beta != "powell_beale"])
def test_every_reset_th_direction_is_the_gradient(beta, reset):
    quadratic = Quadratic(np.geomspace(1.0, 20.0, 8))
    points, _ = accepted(quadratic, ConjugateGradient(beta=beta, line_search=EXACT, reset=reset), np.ones(8), 7)
    for n, (current, trial) in enumerate(pairwise(points)):
        step = trial.weights - current.weights
        cosine = -step @ current.gradient / np.linalg.norm(step) / np.linalg.norm(current.gradient)
        # Turned by more than rounding, or not at all; the angle's cosine is flat at 1.
        assert (cosine > 1 - 1e-12) == (n % reset == 0)


@pytest.mark.parametrize("beta", BETAS)
def test_first_length_is_that_of_the_parabola_that_falls_as_the_last_search_did(beta):
    rule = ConjugateGradient(beta=beta)
    before = Evaluation(np.zeros(2), 5.0, np.array([5.0]), np.array([3.0, 4.0]))
    at_first = rule.heading(before, None, math.nan)
    assert at_first.first == pytest.approx(1 / 7)  # moves the weights by 1 in the sum of absolute values
    current = Evaluation(np.ones(2), 2.0, np.array([2.0]), np.array([0.4, -0.3]))
    following = rule.heading(current, at_first.memory, 0.1)
    slope = current.gradient @ following.direction
    # The minimum of loss + slope t + … t² is ½ slope t below the start, t being its place.
    assert 0.5 * slope * following.first == pytest.approx(2.0 - 5.0)
    # A loss that did not fall tells nothing.
    risen = rule.heading(current._replace(loss=6.0), at_first.memory, 0.1)
    assert risen.first == pytest.approx(1.0)


def test_reset_is_the_number_of_weights_when_not_given():
    def path(reset):
        points, _ = accepted(rosenbrock(), ConjugateGradient(reset=reset), START, 20)
        return np.array([current.weights for current in points])

    assert np.array_equal(path(None), path(2))
    assert not np.array_equal(path(None), path(5))


# Factors


vectors = st.integers(0, 10**6).map(lambda seed: np.random.default_rng(seed).normal(size=(3, 6)))


@given(vectors)
def test_factors_agree_where_gradients_are_orthogonal_and_searches_exact(drawn):
    gradient, before, other = drawn
    gradient = gradient - gradient @ before / (before @ before) * before
    # A direction with dᵀg = 0 and dᵀg₋ = −g₋ᵀg₋.
    direction = -before + other - other @ before / (before @ before) * before
    direction -= direction @ gradient / (gradient @ gradient) * gradient
    beta = fletcher_reeves(gradient, before, direction)
    # Dot products of six numbers around 1, divided by one that may be small.
    tolerance = 1e3 * EPS * max(1.0, beta) * max(1.0, 1 / (before @ before), direction @ direction / (before @ before))
    assert_allclose(polak_ribiere_plus(gradient, before, direction), beta, rtol=0, atol=tolerance)
    assert_allclose(hestenes_stiefel(gradient, before, direction), beta, rtol=0, atol=tolerance)


@given(vectors)
def test_polak_ribiere_is_never_negative_and_restarts_after_a_useless_search(drawn):
    gradient, before, direction = drawn
    assert polak_ribiere_plus(gradient, before, direction) >= 0
    assert polak_ribiere_plus(before, before, direction) == 0


@given(vectors)
def test_hestenes_stiefel_is_conjugate_to_the_change_of_the_gradient(drawn):
    gradient, before, direction = drawn
    new = -gradient + hestenes_stiefel(gradient, before, direction) * direction
    change = gradient - before
    size = np.linalg.norm(change) * (np.linalg.norm(gradient) + np.linalg.norm(new))
    assert abs(new @ change) <= 100 * EPS * size


def test_beale_direction_stays_conjugate_to_the_direction_of_the_restart():
    """On a quadratic, from any first direction, where two terms do not."""
    rng = np.random.default_rng(3)
    quadratic = Quadratic(np.geomspace(1.0, 30.0, 8))
    matrix, weights = quadratic.matrix, np.ones(8)
    gradient = matrix @ (weights - quadratic.minimum)
    direction = -gradient + rng.normal(size=8)  # not the gradient, as after a restart
    first = change_first = None
    directions = []
    for n in range(6):
        directions.append(direction)
        weights = weights - gradient @ direction / (direction @ matrix @ direction) * direction
        before, gradient = gradient, matrix @ (weights - quadratic.minimum)
        direction = beale_direction(gradient, before, directions[-1], first, change_first)
        if n == 0:
            first, change_first = directions[0], gradient - before
    normed = np.array(directions) / np.linalg.norm(directions, axis=1)[:, None]
    products = normed @ matrix @ normed.T
    assert_allclose(products - np.diag(np.diag(products)), 0.0, rtol=0, atol=1e-9)
    two_terms = -gradient + hestenes_stiefel(gradient, before, directions[-1]) * directions[-1]
    assert abs(two_terms @ matrix @ directions[0]) > 1e-6 * np.linalg.norm(two_terms)


@pytest.mark.parametrize(("along", "is_far"), [(0.19, False), (-0.19, False), (0.21, True), (-0.21, True)])
def test_gradients_are_far_from_orthogonal_from_a_fifth_on(along, is_far):
    assert is_far_from_orthogonal(np.array([1.0, 0.0]), np.array([along, 5.0])) is is_far


def test_factors_of_a_gradient_that_did_not_move_are_zero():
    zero, one = np.zeros(2), np.ones(2)
    assert fletcher_reeves(one, zero, one) == 0
    assert hestenes_stiefel(one, one, one) == 0


# Elsewhere


@every_rule
@pytest.mark.parametrize("start", [START, [0.0, 0.0], [5.0, -5.0]])
def test_rosenbrock_is_solved(rule, start):
    points, _ = accepted(rosenbrock(), rule, start, 3000, max_trials=5000)
    assert_allclose(min(points, key=lambda current: current.loss).weights, [1.0, 1.0], rtol=0, atol=1e-5)


@every_rule
def test_accepted_loss_never_rises(rule):
    points, _ = accepted(sine.objective(), rule, sine.start(0), 60)
    assert len(points) == 61
    assert all(later.loss <= earlier.loss for earlier, later in pairwise(points))


@every_beta
def test_direction_that_points_uphill_is_replaced_by_the_gradient(beta):
    rule = ConjugateGradient(beta=beta)
    trail = rule.heading(Evaluation(np.zeros(2), 1.0, np.ones(1), np.array([1.0, 0.0])), None, math.nan).memory
    # The search went along something else, and the gradient there is such that no factor points downhill.
    gradient = np.array([0.1, 1e-3])
    wrong = trail._replace(direction=1e9 * gradient, slope=-1.0)
    heading = rule.heading(Evaluation(np.zeros(2), 0.5, np.ones(1), gradient), wrong, 1.0)
    assert gradient @ heading.direction < 0


@every_beta
def test_search_with_any_line_search_comes_down(beta):
    for kind in {*LINE_SEARCHES.values()}:
        points, _ = accepted(sine.objective(), ConjugateGradient(beta=beta, line_search=kind()), sine.start(1), 40)
        assert points[-1].loss < 0.5 * points[0].loss


@every_rule
def test_run_goes_on_from_a_pickled_state(rule):
    rows = list(islice(iterate(rosenbrock(), rule, START), 40))
    state = pickle.loads(pickle.dumps(rows[17].state))
    again = list(islice(iterate(rosenbrock(), rule, rows[17].current.weights, state), 23))
    assert np.array_equal([row.current.weights for row in rows[17:]], [row.current.weights for row in again])


@every_rule
def test_run_ends_in_a_minimum_by_itself(rule):
    objective, matrix, right = linear()
    *_, last = islice(iterate(objective, rule, np.zeros(5)), 2000)
    assert last.verdict is Verdict.STUCK or last.current.gradient @ last.current.gradient == 0
    exact = np.linalg.lstsq(matrix, right, rcond=None)[0]
    # The loss is flat: weights are known to the root of its rounding.
    assert_allclose(last.current.weights, exact, rtol=0, atol=1e-6)


@every_rule
def test_overflow_on_the_way_is_no_end(rule):
    objective = Function(
        lambda w: 0.5 * math.exp(20 * w) + 0.5 * (w - 60) ** 2 if w < 30 else math.inf,
        lambda w: 10 * math.exp(20 * w) + w - 60,
    )
    points, _ = accepted(objective, rule, [-30.0], 300, max_trials=2000)
    # The slope ends as flat as the last digit of a loss around 2000 can tell it, with a curvature around 1000.
    assert abs(objective.slope(points[-1].weights[0])) < 1e-4


@pytest.mark.parametrize("beta", BETAS)
def test_sine_takes_no_more_gradients_than_scipy(beta):
    """Medians of 5 starts. To a loss of 0.01 it is 800 to 1600 gradients against 2200, which takes too long here."""
    goal = 0.3

    def ours(seed):
        for row in islice(iterate(sine.objective(), ConjugateGradient(beta=beta), sine.start(seed)), 5000):
            if row.current.loss <= goal:
                return row.trial
        return 5000

    def theirs(seed):
        objective, losses = sine.objective(), []

        def value(weights):
            current = objective.at(weights, Derivatives.GRADIENT)
            losses.append(current.loss)
            return current.loss, current.gradient

        minimize(value, sine.start(seed), jac=True, method="CG", options={"maxiter": 100})
        return next((n for n, loss in enumerate(losses) if loss <= goal), len(losses))

    seeds = range(5)
    assert np.median([ours(seed) for seed in seeds]) <= 1.2 * np.median([theirs(seed) for seed in seeds])


@every_beta
def test_rosenbrock_takes_about_as_many_gradients_as_scipy(beta):
    objective = rosenbrock()

    def value(weights):
        current = objective.at(weights, Derivatives.GRADIENT)
        return current.loss, current.gradient

    theirs = minimize(value, START, jac=True, method="CG", options={"gtol": 1e-6})
    rows = iterate(rosenbrock(), ConjugateGradient(beta=beta), START)
    ours = next(row.trial for row in rows if np.abs(row.current.gradient).max() < 1e-6)
    assert_allclose(theirs.x, [1.0, 1.0], rtol=0, atol=1e-5)
    assert ours <= 1.5 * theirs.njev


def test_powell_beale_restarts_where_the_loss_is_no_quadratic():
    _, rows = accepted(sine.objective(), PowellBeale(), sine.start(0), 60)
    searches = [row.state.memory.n_searches for row in rows if row.verdict is Verdict.ACCEPT and row.epoch > 0]
    # A restart goes on from the direction before, which counts as the first.
    assert searches.count(2) >= 5
    assert max(searches) > 2


def test_powell_beale_does_not_restart_on_a_quadratic():
    quadratic = Quadratic(np.geomspace(1.0, 20.0, 8))
    _, rows = accepted(quadratic, PowellBeale(line_search=EXACT), np.ones(8), 7)
    searches = [row.state.memory.n_searches for row in rows if row.verdict is Verdict.ACCEPT and row.epoch > 0]
    assert searches == [1, 2, 3, 4, 5, 6, 7]


def test_restart_of_powell_beale_keeps_the_direction_before():
    rule = PowellBeale()
    before = rule.heading(Evaluation(np.zeros(3), 2.0, np.ones(1), np.array([1.0, 0.0, 0.0])), None, math.nan).memory
    gradient = np.array([0.5, 1.0, 0.0])  # g₋ᵀg = 0.5 ≥ 0.2 gᵀg
    trail = rule.heading(Evaluation(np.zeros(3), 1.0, np.ones(1), gradient), before, 1.0).memory
    assert trail.n_searches == 2
    assert np.array_equal(trail.restart, before.direction)
    assert np.array_equal(trail.change, gradient - before.gradient)
    expected = -gradient + hestenes_stiefel(gradient, before.gradient, before.direction) * before.direction
    assert_allclose(trail.direction, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("along", "is_restarted"),
    [
        (0.0, False),
        (0.1, False),  # gᵀd = −0.91 gᵀg
        (0.5, True),  # gᵀd = −0.67 gᵀg
        (-0.15, False),  # gᵀd = −1.18 gᵀg
        (-0.25, True),  # gᵀd = −1.33 gᵀg
    ],
)
def test_powell_beale_restarts_where_the_direction_is_no_longer_like_the_gradient(along, is_restarted):
    gradient, before = np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
    direction = np.array([-1.0, along, 0.0])
    trail = Trail(2.0, before, direction, -1.0, 2, np.array([0.0, 0.0, -1.0]), np.array([0.0, 0.0, 1.0]))
    new = PowellBeale(reset=100).heading(Evaluation(np.zeros(3), 1.0, np.ones(1), gradient), trail, 1.0).memory
    assert new.n_searches == (2 if is_restarted else 3)
    assert np.array_equal(new.restart, direction if is_restarted else trail.restart)


@pytest.mark.parametrize(("along", "is_restarted"), [(0.19, False), (0.21, True), (-0.21, True)])
def test_powell_beale_restarts_where_gradients_are_far_from_orthogonal(along, is_restarted):
    gradient, before = np.array([0.0, 1.0, 0.0]), np.array([1.0, along, 0.0])
    # Conjugate by itself: the direction stays −g and points downhill as a gradient does.
    direction = np.array([-1.0, 0.0, 0.0])
    trail = Trail(2.0, before, direction, -1.0, 2, np.array([0.0, 0.0, -1.0]), np.array([0.0, 0.0, 1.0]))
    new = PowellBeale(reset=100).heading(Evaluation(np.zeros(3), 1.0, np.ones(1), gradient), trail, 1.0).memory
    assert new.n_searches == (2 if is_restarted else 3)


# Scaled conjugate gradients


def test_scg_minimizes_a_quadratic_in_about_n_epochs():
    for n in (3, 8, 15):
        quadratic = Quadratic(np.linspace(1.0, 10.0, n))
        points, _ = accepted(quadratic, ScaledConjugateGradient(), np.zeros(n), n + 2)
        # λ adds a ten-millionth to the curvature.
        assert_allclose(points[-1].weights, quadratic.minimum, rtol=0, atol=1e-5)


def test_comparison_on_a_quadratic_is_one():
    quadratic = Quadratic(np.linspace(1.0, 10.0, 10))
    _, rows = accepted(quadratic, ScaledConjugateGradient(), np.zeros(10), 8)
    comparisons = [row.state.comparison for row in rows if row.verdict is Verdict.ACCEPT and row.epoch > 0]
    # The difference of gradients over 5e-5 is exact to about 1e-10, λ is 5e-7.
    assert_allclose(comparisons, 1.0, rtol=0, atol=1e-6)
    scales = [row.report["lambda"] for row in rows if row.verdict is Verdict.ACCEPT]
    assert scales == [5e-7 / 4**n for n in range(9)]


def test_path_of_scg_on_a_quadratic_is_that_of_linear_conjugate_gradients():
    quadratic = Quadratic(np.geomspace(1.0, 20.0, 8))
    expected = linear_conjugate_gradients(quadratic, np.ones(8), 7)
    points, _ = accepted(quadratic, ScaledConjugateGradient(lambda_init=1e-12), np.ones(8), 7)
    assert_allclose([current.weights for current in points], expected, rtol=0, atol=1e-6)


def test_looks_and_accepted_trials_alternate():
    _, rows = accepted(Quadratic(np.linspace(1.0, 10.0, 10)), ScaledConjugateGradient(), np.zeros(10), 8)
    assert [row.verdict for row in rows[1:]] == [Verdict.PROBE, Verdict.ACCEPT] * 8


def test_rejected_trial_is_tried_again_without_another_look():
    _, rows = accepted(rosenbrock(), ScaledConjugateGradient(), START, 100)
    verdicts = [row.verdict for row in rows]
    assert Verdict.REJECT in verdicts
    for earlier, later in pairwise(verdicts):
        assert (later is Verdict.PROBE) == (earlier is Verdict.ACCEPT)


def moeller(value, gradient, weights, n_steps, sigma=5e-5, scale=5e-7):
    """The nine steps of the paper, in its order; restarts count accepted steps. Returns points and Δ of all trials."""
    points, comparisons = [weights], []
    r = p = -gradient(weights)
    raised, is_success, k = 0.0, True, 0
    while len(points) <= n_steps:
        square = p @ p
        if is_success:
            sigma_k = sigma / np.sqrt(square)
            delta = p @ (gradient(weights + sigma_k * p) - gradient(weights)) / sigma_k
        delta = delta + (scale - raised) * square
        if delta <= 0:
            raised = 2 * (scale - delta / square)
            delta = -delta + scale * square
            scale = raised
        mu = p @ r
        alpha = mu / delta
        comparison = 2 * delta * (value(weights) - value(weights + alpha * p)) / mu**2
        comparisons.append(comparison)
        is_success = comparison >= 0
        size = square
        raised = 0.0 if is_success else scale
        if is_success:
            weights, before = weights + alpha * p, r
            points.append(weights)
            r = -gradient(weights)
            k += 1
            p = r if k % len(weights) == 0 else r + (r @ r - r @ before) / mu * p
            if comparison >= 0.75:
                scale = scale / 4
        if comparison < 0.25:
            scale = scale + delta * (1 - comparison) / size
    return points, comparisons


@pytest.mark.parametrize("start", [START, [0.5, -0.5], [-2.0, 2.0]])
def test_path_is_that_of_the_paper(start):
    def value(w):
        return rosenbrock().at(w, Derivatives.GRADIENT).loss

    def gradient(w):
        return rosenbrock().at(w, Derivatives.GRADIENT).gradient

    start = np.array(start)
    expected, comparisons = moeller(value, gradient, start, 12)
    points, rows = accepted(rosenbrock(), ScaledConjugateGradient(), start, 12)
    ours = [row.state.comparison for row in rows[1:] if row.verdict is not Verdict.PROBE]
    # A difference of gradients over 5e-5 loses five digits to rounding, and steps of a valley lose more.
    assert_allclose(ours, comparisons, rtol=0, atol=1e-5)
    assert_allclose([current.weights for current in points], expected, rtol=0, atol=1e-6)
    assert min(comparisons) > -1e6
    assert min(comparisons) < 0


def test_look_is_a_fixed_way_along_the_direction():
    objective = rosenbrock()
    rule = ScaledConjugateGradient(sigma=1e-3)
    step, _ = rule.propose(
        objective.at(START, Derivatives.GRADIENT), rule.start(objective.at(START, Derivatives.GRADIENT))
    )
    assert_allclose(np.linalg.norm(step.delta), 1e-3, rtol=1e-14)


def test_rejected_step_becomes_the_minimum_of_the_parabola():
    """Through the loss and slope at the point and the loss at the trial; by hand on a quartic."""

    def residual(w):
        return np.array([w[0] ** 2 - 1.0])

    objective = Recorded(residual, lambda w: np.array([[2 * w[0]]]))
    rule, weights = ScaledConjugateGradient(), np.array([0.65])
    first, second = list(islice(iterate(objective, rule, weights), 4))[2:]
    assert first.verdict is Verdict.REJECT
    current = objective.at(weights, Derivatives.GRADIENT)
    probe, state = rule.propose(current, rule.start(current))
    _, state = rule.judge(current, probe, objective.at(weights + probe.delta, Derivatives.GRADIENT), state)
    trial = objective.at(weights + state.length * state.direction, Derivatives.GRADIENT)
    slope = -state.decline
    parabola = -0.5 * slope * state.length**2 / (trial.loss - current.loss - state.length * slope)
    assert_allclose(first.state.length, parabola, rtol=1e-9)
    assert second.current.loss < current.loss


def judged(loss, gradient):
    """What becomes of the first trial from loss 1, gradient (1, 0), with a curvature of 1 and so a length of 1."""
    rule, current = ScaledConjugateGradient(), Evaluation(np.zeros(2), 1.0, np.ones(1), np.array([1.0, 0.0]))
    state = rule.start(current)._replace(curvature=1.0, length=1.0, scale=1e-6)
    step, state = rule.propose(current, state)
    trial = Evaluation(step.delta, loss, np.ones(1), gradient)
    return rule.judge(current, step, trial if math.isfinite(loss) else Evaluation.overflow(step.delta), state)


def test_any_rise_is_rejected_and_an_equal_loss_taken():
    assert judged(1.0 + 1e-12, np.array([0.5, 0.0]))[0] is Verdict.REJECT
    assert judged(1.0, np.array([0.5, 0.0]))[0] is Verdict.ACCEPT


def test_trial_after_an_overflow_is_a_hundredth_of_it():
    verdict, state = judged(math.inf, None)
    assert verdict is Verdict.REJECT
    assert_allclose(state.length, 0.01, rtol=1e-5)


def test_direction_that_would_point_uphill_is_the_gradient():
    """The trial oversteps: β = 6 and p = −4 where the gradient is −2."""
    verdict, state = judged(0.5, np.array([-2.0, 0.0]))
    assert verdict is Verdict.ACCEPT
    assert np.array_equal(state.direction, [2.0, 0.0])
    assert state.decline == 4.0


def test_negative_curvature_is_turned_around():
    """Near a maximum, where a model with the curvature as it is would have no minimum."""
    objective = Function(lambda w: 1 + math.cos(w), lambda w: -math.sin(w))
    points, rows = accepted(objective, ScaledConjugateGradient(), [0.3], 30)
    assert rows[1].state.curvature > 0
    assert rows[1].state.scale > 1
    assert_allclose(points[-1].loss, 0.0, atol=1e-10)


def test_scg_says_why_it_ends():
    objective, *_ = linear()
    result = list(islice(iterate(objective, ScaledConjugateGradient(), np.zeros(5)), 500))[-1]
    assert result.outcome.code == "step"
    assert "below rounding" in result.outcome.sentence
    # With nothing but uphill around, λ goes to its limit.
    rule = ScaledConjugateGradient(lambda_max=1.0)
    current = Evaluation(np.zeros(1), 1e-9, np.ones(1), np.array([1.0]))
    state, verdict = rule.start(current), Verdict.PROBE
    while verdict is not Verdict.STUCK:
        step, state = rule.propose(current, state)
        verdict, state = rule.judge(current, step, Evaluation(step.delta, 1.0, np.ones(1), np.array([1.0])), state)
    assert "lambda = " in rule.outcome(state).sentence
    assert "> 1." in rule.outcome(state).sentence


# Names and settings


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("conjugate_gradient",), ConjugateGradient),
        (("fletcher_reeves", "traincgf"), FletcherReeves),
        (("polak_ribiere", "traincgp"), PolakRibiere),
        (("hestenes_stiefel",), HestenesStiefel),
        (("powell_beale", "traincgb"), PowellBeale),
        (("scaled_conjugate_gradient", "scg", "trainscg"), ScaledConjugateGradient),
    ],
)
def test_names(names, kind):
    for name in names:
        assert ALGORITHMS[name] is kind
        assert algorithm_named(name).name == names[0]


@pytest.mark.parametrize(
    ("kind", "beta"),
    [
        (FletcherReeves, "fletcher_reeves"),
        (PolakRibiere, "polak_ribiere_plus"),
        (HestenesStiefel, "hestenes_stiefel"),
        (PowellBeale, "powell_beale"),
    ],
)
def test_variant_is_the_rule_with_its_factor(kind, beta):
    ours, general = (accepted(rosenbrock(), rule, START, 15)[0] for rule in (kind(), ConjugateGradient(beta=beta)))
    assert np.array_equal([current.weights for current in ours], [current.weights for current in general])


@every_rule
def test_network_is_trained_and_its_record_kept(rule):
    network = Network(sine.GRAPH, sine.start(2))
    result = train(network, sine.INPUTS, sine.TARGETS, rule=rule, limits=Limits(max_epochs=200))
    assert result.record.perf[-1] < 0.2 * result.record.perf[0]
    assert result.record.stop.code == "epochs"
    assert Record.from_dict(result.record.to_dict()).settings == result.record.settings


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("conjugate_gradient", {"beta": "fletcher"}, r"beta must be one of.*got 'fletcher'. Did you mean"),
        ("conjugate_gradient", {"reset": 0}, r"reset must be a whole number from 1 up, got 0"),
        ("powell_beale", {"reset": 1.5}, r"reset must be a whole number from 1 up, got 1.5"),
        ("fletcher_reeves", {"beta": "powell_beale"}, r"no setting 'beta'. It takes line_search, reset"),
        ("polak_ribiere", {"line_search": "wolf"}, r"line_search must be one of.*got 'wolf'"),
        ("scg", {"sigma": 0.0}, r"sigma must be a number above 0, got 0.0"),
        ("scg", {"sigma": math.inf}, r"sigma must be finite, got inf"),
        ("scg", {"lambda_init": -1.0}, r"lambda_init must be a number above 0, got -1.0"),
        ("scg", {"lambda_init": 1.0, "lambda_max": 0.5}, r"lambda_max must be finite and not below lambda_init"),
    ],
)
def test_setting_that_cannot_be_is_refused(name, settings, message):
    with pytest.raises(ConfigurationError, match=message):
        algorithm_named(name, **settings)
