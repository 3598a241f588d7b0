"""Quasi-Newton methods: their updates against dense twins, their steps against each other and against SciPy's."""

from __future__ import annotations

import pickle
from itertools import islice, pairwise

import numpy as np
import pytest
from helpers import sine
from helpers.closeness import assert_to_rounding
from helpers.objectives import Recorded, linear, rosenbrock
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from marquardt.algorithms import ALGORITHMS, BFGS, DFP, LBFGS, OneStepSecant, Verdict, algorithm_named, iterate
from marquardt.algorithms.quasi_newton import QuasiNewtonMemory
from marquardt.errors import ConfigurationError
from marquardt.numerics.line_searches import Backtracking, LineSearch
from marquardt.numerics.quasi_newton import (
    bfgs_inverse,
    dfp_inverse,
    is_curved,
    one_step_secant,
    shanno_scale,
    two_loop,
)
from marquardt.objective import Derivatives

START = np.array([-1.2, 1.0])
RULES = (BFGS(), DFP(), LBFGS(), OneStepSecant())


def name_of(rule):
    return rule.name


class Exact(LineSearch):
    """The exact minimum of a parabola, from its slopes at two lengths."""

    name = "exact"
    needs_slope = True

    def search(self, start, first):
        look = yield first
        length = first * start.slope / (start.slope - look.slope)
        yield length
        return length


def rows(objective, rule, start=START, n=1000):
    """The first rows of the loop, the start included."""
    return list(islice(iterate(objective, rule, np.asarray(start, dtype=float)), n))


def accepted(objective, rule, start=START, n=1000):
    """The accepted rows among the first."""
    return [row for row in rows(objective, rule, start, n) if row.verdict is Verdict.ACCEPT]


def random_pair(seed, n=7):
    """A positive definite H, and a pair with yᵀs > 0."""
    rng = np.random.default_rng(seed)
    factor, step, change = rng.normal(size=(n, n)), rng.normal(size=n), rng.normal(size=n)
    change *= np.sign(step @ change)
    return factor @ factor.T + np.eye(n), step, change


def quadratic():
    """A linear least-squares problem of 6 weights, its matrix and its solution."""
    objective, matrix, right = linear(n_weights=6)
    return objective, matrix, np.linalg.lstsq(matrix, right)[0]


# ------------------------------------------------------------------ the updates


@pytest.mark.parametrize("update", [bfgs_inverse, dfp_inverse])
@pytest.mark.parametrize("seed", range(5))
def test_an_update_satisfies_the_secant_equation_and_stays_symmetric_and_positive(update, seed):
    inverse, step, change = random_pair(seed)
    updated = update(inverse, step, change)
    assert_to_rounding(updated, updated.T, summands=3)
    assert np.array_equal(inverse, random_pair(seed)[0])
    assert np.linalg.eigvalsh(updated)[0] > 0
    # The entries of H y cancel down to s from summands as large as the entries of H times those of y.
    assert_to_rounding(updated @ change, step, scale=np.abs(updated).max() * np.abs(change).max(), summands=7)


@pytest.mark.parametrize("seed", range(5))
def test_the_bfgs_update_of_the_inverse_is_the_inverse_of_the_direct_update(seed):
    inverse, s, y = random_pair(seed)
    b = np.linalg.inv(inverse)
    direct = b - np.outer(b @ s, s @ b) / (s @ b @ s) + np.outer(y, y) / (y @ s)
    expected = np.linalg.inv(direct)
    # Two inversions lose as many digits as the condition number has.
    lost = np.linalg.cond(direct) * np.linalg.cond(inverse) * 1e-15
    assert_allclose(bfgs_inverse(inverse, s, y), expected, rtol=0, atol=lost * np.abs(expected).max())


@pytest.mark.parametrize("seed", range(5))
def test_the_dfp_update_of_the_inverse_is_the_inverse_of_the_direct_update(seed):
    inverse, s, y = random_pair(seed)
    left = np.eye(7) - np.outer(y, s) / (y @ s)
    direct = left @ np.linalg.inv(inverse) @ left.T + np.outer(y, y) / (y @ s)
    expected = np.linalg.inv(direct)
    lost = np.linalg.cond(direct) * np.linalg.cond(inverse) * 1e-15
    assert_allclose(dfp_inverse(inverse, s, y), expected, rtol=0, atol=lost * np.abs(expected).max())


@pytest.mark.parametrize("n_pairs", [1, 2, 6])
def test_the_two_loops_are_the_product_with_the_matrix(n_pairs):
    pairs = [random_pair(seed)[1:] for seed in range(n_pairs)]
    gradient = np.random.default_rng(99).normal(size=7)
    matrix = 0.3 * np.eye(7)
    for step, change in pairs:
        matrix = bfgs_inverse(matrix, step, change)
    # Random pairs have small yᵀs: the matrix is large, and the sums cancel.
    size = np.abs(matrix).max() * np.abs(gradient).max()
    assert_to_rounding(two_loop(gradient, pairs, 0.3), matrix @ gradient, scale=size, summands=7 * n_pairs)


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_one_step_secant_is_bfgs_without_a_memory(scale):
    _, step, change = random_pair(3)
    gradient = np.random.default_rng(99).normal(size=7)
    expected = bfgs_inverse(scale * np.eye(7), step, change) @ gradient
    assert_to_rounding(one_step_secant(gradient, step, change, scale), expected, summands=7)


def test_the_direction_of_one_step_secant_is_battitis_formula():
    _, s, y = random_pair(4)
    g = np.random.default_rng(99).normal(size=7)
    b = (s @ g) / (s @ y)
    a = -(1 + (y @ y) / (s @ y)) * b + (y @ g) / (s @ y)
    assert_to_rounding(-one_step_secant(g, s, y, 1.0), -g + a * s + b * y, summands=7)


def test_a_pair_is_used_only_where_the_loss_curves_upwards_beyond_rounding():
    step = np.array([1.0, 0.0])
    assert is_curved(step, np.array([1e-7, 1.0]))
    assert not is_curved(step, np.array([1e-9, 1.0]))
    assert not is_curved(step, np.array([-1.0, 1.0]))
    assert not is_curved(step, np.zeros(2))
    assert not is_curved(step, np.array([np.nan, 1.0]))


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_pair_without_curvature_is_skipped(rule):
    objective = rosenbrock()
    before = objective.at(START, Derivatives.GRADIENT)
    current = objective.at(START + 0.1, Derivatives.GRADIENT)
    known = rule.learned(None, np.array([1.0, 0.0]), np.array([2.0, 0.5]))
    # A gradient that grew along −s: no matrix that is positive could have made it.
    behind = QuasiNewtonMemory(before.weights, current.gradient + (current.weights - before.weights), known)
    assert rule.heading(current, behind, 1.0).memory.model is known
    unknown = behind._replace(model=None)
    assert_allclose(rule.heading(current, unknown, 1.0).direction, -current.gradient)


# ------------------------------------------------------------------ the methods


@pytest.mark.parametrize("kind", [BFGS, DFP])
def test_on_a_quadratic_n_exact_steps_end_at_the_minimum_with_the_inverse_hessian(kind):
    objective, matrix, solution = quadratic()
    rule = kind(line_search=Exact())
    trail = accepted(objective, rule, np.zeros(6), n=6 * 2 + 1)
    assert len(trail) == 7
    last = trail[-1]
    hessian = matrix.T @ matrix
    assert_allclose(last.current.weights, solution, rtol=0, atol=1e-12 * np.abs(solution).max())  # six steps, rounded
    learned = rule.heading(last.current, last.state.memory, last.state.taken).memory.model
    expected = np.linalg.inv(hessian)
    # The last y is a difference of gradients a thousandth of the first in size, and has as many digits fewer.
    assert_allclose(learned, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


def test_with_exact_searches_bfgs_and_dfp_take_the_same_path():
    paths = [
        np.array(
            [row.current.weights for row in accepted(quadratic()[0], kind(line_search=Exact()), np.zeros(6), n=10)]
        )
        for kind in (BFGS, DFP)
    ]
    assert_allclose(paths[0], paths[1], rtol=0, atol=1e-11)  # weights of size 1, five steps


class FullHistory(LBFGS):
    """L-BFGS that begins with the same matrix as BFGS: the first pair's, not the last's."""

    def newton(self, model, gradient):
        return two_loop(gradient, model, BFGS().first_scale * shanno_scale(*model[0]))


def test_lbfgs_that_forgets_nothing_is_bfgs_step_by_step():
    ours = accepted(rosenbrock(), FullHistory(history=1000))
    dense = accepted(rosenbrock(), BFGS())
    assert len(dense) > 20
    for one, other in zip(ours[:20], dense[:20], strict=True):
        # Rounding grows from step to step; Rosenbrock's Hessian has a condition of 2500.
        assert_allclose(one.current.weights, other.current.weights, rtol=0, atol=1e-9)


def test_lbfgs_with_a_history_of_one_is_one_step_secant():
    ours = accepted(rosenbrock(), LBFGS(history=1, line_search="strong_wolfe"))
    other = accepted(rosenbrock(), OneStepSecant(line_search="strong_wolfe"))
    for one, two in zip(ours[:15], other[:15], strict=True):
        assert_allclose(one.current.weights, two.current.weights, rtol=0, atol=1e-9)


def test_lbfgs_keeps_as_many_pairs_as_it_was_told_to():
    *_, last = rows(rosenbrock(), LBFGS(history=3), n=20)
    assert len(last.state.memory.model) == 3


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_the_valley_is_walked_to_its_end(rule):
    last = accepted(rosenbrock(), rule)[-1]
    assert_allclose(last.current.weights, 1.0, rtol=1e-7)  # where the loss, which goes with its square, is below eps


@pytest.mark.parametrize("rule", [*RULES, BFGS("backtracking"), LBFGS(line_search="golden_section")], ids=name_of)
def test_accepted_loss_never_rises(rule):
    losses = [row.current.loss for row in rows(rosenbrock(), rule, n=300)]
    assert all(later <= earlier for earlier, later in pairwise(losses))


def test_a_length_of_one_is_looked_at_first_once_a_pair_is_known():
    trail = rows(sine.objective(), BFGS(), sine.start(0), n=60)
    firsts = [later for row, later in pairwise(trail) if row.verdict is Verdict.ACCEPT][1:]
    # A row that was accepted at once took the first length; the others looked at it first.
    lengths = [row.report["rate"] if row.verdict is Verdict.ACCEPT else row.state.looks[0].length for row in firsts]
    assert lengths == [1.0] * len(lengths)


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_run_goes_on_from_a_copied_state_as_if_it_had_not_stopped(rule):
    whole = rows(rosenbrock(), rule, n=30)
    middle = pickle.loads(pickle.dumps(whole[15]))
    rest = list(islice(iterate(rosenbrock(), rule, middle.current.weights, middle.state), 15))
    for row, again in zip(whole[15:], rest, strict=True):
        assert np.array_equal(row.current.weights, again.current.weights)


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_state_is_never_changed_once_it_is_handed_over(rule):
    def freeze(part):
        if isinstance(part, np.ndarray):
            part.flags.writeable = False  # writing to it would raise
        elif isinstance(part, tuple):
            for inner in part:
                freeze(inner)

    for row in islice(iterate(rosenbrock(), rule, START), 25):
        freeze(row.state)


def test_after_a_search_that_failed_the_matrix_is_forgotten_and_the_gradient_followed():
    before = accepted(rosenbrock(), BFGS(), n=20)[-1]
    # With such a matrix the direction goes downhill, and every length that is looked at is far too long.
    wrong = before.state._replace(memory=before.state.memory._replace(model=1e30 * np.eye(2)))
    rule = BFGS(Backtracking(min_length=1e-3))
    start = before.current._replace(weights=before.current.weights + 1e-3)
    trail = list(islice(iterate(rosenbrock(), rule, start.weights, wrong), 30))
    verdicts = [row.verdict for row in trail]
    failed = verdicts.index(Verdict.REJECT)
    assert trail[failed].state.memory is None
    found = trail[verdicts.index(Verdict.ACCEPT, failed)]
    assert found.state.memory.model is None
    gradient = rosenbrock().at(start.weights, Derivatives.GRADIENT).gradient
    assert_allclose(found.current.weights - start.weights, -found.report["rate"] * gradient, rtol=1e-6)


def test_a_rule_with_nowhere_lower_to_go_is_stuck():
    flat = Recorded(lambda w: np.ones(2), lambda w: np.eye(2))  # a gradient that nothing follows
    *_, last = iterate(flat, BFGS(), np.zeros(2))
    assert last.verdict is Verdict.STUCK
    assert last.outcome.code == "step"


# ------------------------------------------------------------------ against SciPy


def scipys(method, objective, start, target):
    """Weights at the end, and the evaluations until a loss was below the target."""
    losses = []

    def both(weights):
        found = objective.at(np.array(weights), Derivatives.GRADIENT)
        losses.append(found.loss)
        return found.loss, found.gradient

    options = {"maxiter": 300, "gtol": 1e-10}
    if method == "L-BFGS-B":
        options |= {"ftol": 0.0, "maxcor": 10}
    found = minimize(both, start, jac=True, method=method, options=options)
    return found.x, next(i + 1 for i, loss in enumerate(losses) if loss < target)


def our_evaluations(objective, rule, start, target):
    """Evaluations until an accepted loss was below the target."""
    for row in iterate(objective, rule, start):
        if row.current.loss < target:
            return row.trial + 1
    return None


PAIRS = [("BFGS", BFGS()), ("L-BFGS-B", LBFGS())]


@pytest.mark.parametrize(("method", "rule"), PAIRS)
def test_rosenbrocks_minimum_takes_no_more_evaluations_than_scipys(method, rule):
    weights, theirs = scipys(method, rosenbrock(), START, 1e-12)
    assert_allclose(accepted(rosenbrock(), rule)[-1].current.weights, weights, rtol=1e-7)
    # Their 45 against our 46 and 44; a factor of 1.5 leaves room for other versions of theirs.
    assert our_evaluations(rosenbrock(), rule, START, 1e-12) < 1.5 * theirs


@pytest.mark.parametrize(("method", "rule"), PAIRS)
def test_the_sine_problem_takes_about_as_many_evaluations_as_scipys(method, rule):
    ratios = []
    for seed in range(4):
        start = sine.start(seed)
        theirs = scipys(method, sine.objective(), start, 0.1)[1]
        ratios.append(our_evaluations(sine.objective(), rule, start, 0.1) / theirs)
    # Theirs begin with H = I, and need 34 to 41 and 161 to 207; our BFGS needs 55 to 67 with first_scale = 30, and five
    # times theirs with 1.
    assert np.median(ratios) < 4.0


# ------------------------------------------------------------------ settings and names


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("bfgs", "trainbfg"), BFGS),
        (("dfp",), DFP),
        (("lbfgs", "l_bfgs"), LBFGS),
        (("one_step_secant", "oss", "trainoss"), OneStepSecant),
    ],
)
def test_every_rule_has_its_names(names, kind):
    assert {ALGORITHMS[name] for name in names} == {kind}
    assert kind.name == names[0]


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("lbfgs", {"history": 0}, r"history must be a whole number from 1 up, got 0"),
        ("lbfgs", {"history": 2.5}, r"history must be a whole number from 1 up, got 2\.5"),
        ("bfgs", {"line_search": "strong_wolf"}, r"line_search must be one of .* Did you mean 'strong_wolfe'\?"),
        ("dfp", {"line_search": "none"}, r"line_search must be one of"),
        ("oss", {"line_search": "exact"}, r"line_search must be one of"),
        ("bfgs", {"first_scale": 0.0}, r"first_scale must be a number above 0, got 0\.0"),
        ("bfgs", {"history": 3}, r"bfgs has no setting 'history'\. It takes"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name, settings, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        algorithm_named(name, **settings)
