"""Levenberg–Marquardt with quasi-Newton steps in between: its parts against their twins, its cycles, its ends."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from helpers.closeness import assert_to_rounding
from numpy.testing import assert_allclose, assert_array_equal

from marquardt.algorithms import LBFGS, LMBFGS, Verdict, algorithm_named, iterate
from marquardt.algorithms.lm_bfgs import FIRST_PROGRESS, Preconditioned, PreconditionedModel, progress_between
from marquardt.algorithms.quasi_newton import QuasiNewtonMemory
from marquardt.errors import ConfigurationError
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.numerics import cholesky_damped, solve_cholesky
from marquardt.numerics.quasi_newton import bfgs_inverse
from marquardt.objective import Costs, Derivatives, Evaluation, Objective
from marquardt.problems import teacher
from marquardt.training import Limits, Training

GRAPH = feed_forward(2, 6, 1)
RNG = np.random.default_rng(1)
X = RNG.uniform(-1, 1, (400, 2))
Y = np.sin(3 * X[:, :1]) * X[:, 1:] + 0.05 * RNG.normal(size=(400, 1))
START = initial_weights(GRAPH, rng=0)
CHEAP, DEAR = Costs(1.0, 1e-3, 1e-3), Costs(1.0, 1e9, 1e9)


def rows(rule, n, costs=None, over=None, weights=START):
    objective = over or Objective(GRAPH, X, Y)
    prepared = rule.prepared_for(objective.info)
    if costs is not None:
        prepared = replace(prepared, costs=costs)
    return list(islice(iterate(objective, prepared, weights), n))


def accepted(rows):
    return [row for row in rows if row.verdict is Verdict.ACCEPT]


@pytest.mark.parametrize("n", [3, 500])
def test_a_cholesky_factor_solves_as_often_as_wanted(n):
    rng = np.random.default_rng(n)
    half = rng.normal(size=(n, 2 * n))
    matrix, diagonal = half @ half.T, rng.uniform(0.1, 1, n)
    kept = matrix.copy()
    for added in (0.5, diagonal):
        factor = cholesky_damped(matrix, added)
        assert factor.flags.f_contiguous
        for right in rng.normal(size=(2, n)):
            wanted = np.linalg.solve(matrix + np.diag(np.broadcast_to(added, n)), right)
            assert_allclose(solve_cholesky(factor, right), wanted, rtol=1e-8, atol=1e-12)
    assert_array_equal(matrix, kept)
    assert cholesky_damped(-matrix, 0.5) is None
    assert solve_cholesky(cholesky_damped(1e-300 * np.eye(n), 0.0), np.full(n, 1e300)) is None


@pytest.mark.parametrize("n_pairs", [0, 1, 4])
def test_the_quasi_newton_step_is_that_of_the_dense_matrix(n_pairs):
    rng = np.random.default_rng(n_pairs)
    half = rng.normal(size=(6, 9))
    matrix = half @ half.T
    dense = np.linalg.inv(matrix + 0.3 * np.eye(6))
    rule, model = Preconditioned(history=10), PreconditionedModel(cholesky_damped(matrix, 0.3))
    for step in rng.normal(size=(n_pairs, 6)):
        change = matrix @ step + 0.1 * np.abs(rng.normal()) * step
        dense = bfgs_inverse(dense, step, change)
        model = rule.learned(model, step, change)
    gradient = rng.normal(size=6)
    size = np.abs(dense).sum(axis=1).max() * np.abs(gradient).max()
    assert_to_rounding(rule.newton(model, gradient), dense @ gradient, scale=size, summands=200 * (n_pairs + 1))


def test_only_the_last_pairs_are_kept():
    model = PreconditionedModel(None)
    for k in range(5):
        model = Preconditioned(history=3).learned(model, np.full(2, float(k)), np.ones(2))
    assert [step[0] for step, _ in model.pairs] == [2.0, 3.0, 4.0]


def test_while_a_matrix_is_too_dear_it_is_l_bfgs():
    # The first cycle has no matrix, and with one that costs as much as a billion gradients it does not end.
    got, wanted = rows(LMBFGS(), 60, DEAR), rows(LBFGS(history=30), 60)
    assert all(math.isnan(row.report["mu"]) for row in got)
    for row, other in zip(got, wanted, strict=True):
        assert_array_equal(row.current.weights, other.current.weights)


@pytest.mark.parametrize("price", [3.0, 10.0, 30.0])
def test_the_first_matrix_waits_until_l_bfgs_does_less_than_it_is_expected_to(price):
    found = accepted(rows(LMBFGS(samples=400), 400, Costs(1.0, price, 0.0)))
    first = next(k for k, row in enumerate(found) if not math.isnan(row.report["mu"]))
    least = LMBFGS().patience * FIRST_PROGRESS / price
    rates = [
        progress_between(found[k - 3].current.loss, found[k].current.loss) / (found[k].trial - found[k - 3].trial)
        for k in range(3, first)
    ]
    assert rates[-1] < least <= min(rates[:-1])


def test_steps_from_one_matrix_begin_with_the_length_of_the_last():
    factor = cholesky_damped(np.eye(2), 1.0)
    current = Evaluation(np.ones(2), 1.0, np.ones(1), gradient=np.ones(2))
    memory = QuasiNewtonMemory(np.zeros(2), np.zeros(2), PreconditionedModel(factor))
    assert Preconditioned().heading(current, memory, 2.5).first == 2.5
    assert Preconditioned().heading(current, memory, math.nan).first == 1.0  # the first step from it
    without = memory._replace(model=PreconditionedModel(None))
    assert Preconditioned().heading(current, without, 2.5).first == 1.0  # as L-BFGS does


def test_where_matrices_cost_nothing_every_cycle_is_as_short_as_it_can_be():
    objective = Objective(GRAPH, X, Y)
    found = accepted(rows(LMBFGS(samples=400, patience=1e9), 200, CHEAP, objective))
    # A Levenberg–Marquardt step, and the three whose progress is compared.
    assert objective.evaluations["normal"] >= len(found) / 4 - 1


def test_a_dearer_matrix_is_asked_for_less_often():
    counts = []
    for price in (1e-2, 1e1, 1e3):
        objective = Objective(GRAPH, X, Y)
        list(rows(LMBFGS(), 150, Costs(1.0, price, price), objective))
        counts.append(objective.evaluations["normal"])
    assert counts[0] > counts[1] > counts[2]


def test_the_price_is_that_of_the_network():
    costs = [
        Objective(feed_forward(5, hidden, 1), np.zeros((2000, 5)), np.zeros((2000, 1))).info.costs()
        for hidden in (5, 80)
    ]
    ratios = [(each.normal + each.solution) / each.gradient for each in costs]
    assert ratios[1] > 5 * ratios[0] > 0


def test_the_part_grows_when_it_misleads_and_the_end_is_that_of_all_samples():
    # Of a linear network the loss is a parabola, whose minimum does not depend on the parts.
    graph = feed_forward(2, (), 1)
    objective = Objective(graph, X, Y)
    found = rows(LMBFGS(samples=2, mu_init=1e-8), 60, CHEAP, objective, np.zeros(3))
    design = np.column_stack([X, np.ones(len(X))])
    assert_allclose(accepted(found)[-1].current.weights, np.linalg.lstsq(design, Y[:, 0], rcond=None)[0], atol=1e-7)
    shares = [row.state.share for row in found]
    assert shares[0] == 2 / 400
    assert max(shares) > shares[0]
    assert all(later >= earlier for earlier, later in pairwise(shares))


def test_a_failed_step_on_a_part_takes_twice_the_part_and_a_larger_mu():
    rule = replace(LMBFGS(), share=0.25, costs=CHEAP)
    objective = Objective(GRAPH, X, Y)
    current = objective.at(START, Derivatives.CURVATURE)
    state = rule.start(current)._replace(search=None)
    seen = []
    for _ in range(4):
        step, state = rule.propose(current, state)
        seen.append((state.share, state.damping.mu))
        verdict, state = rule.judge(current, step, Evaluation.overflow(START), state)
        assert verdict is Verdict.REJECT
    assert [share for share, _ in seen] == [0.25, 0.5, 0.5, 0.5]
    assert [round(math.log2(mu / seen[0][1])) for _, mu in seen] == [0, 1, 3, 6]


def test_it_ends_at_mu_max_and_says_so():
    rule = replace(LMBFGS(mu_max=1e3), costs=CHEAP)
    objective = Objective(GRAPH, X, Y)
    current = objective.at(START, Derivatives.CURVATURE)
    state = rule.start(current)._replace(search=None)
    verdict = Verdict.REJECT
    while verdict is Verdict.REJECT:
        step, state = rule.propose(current, state)
        verdict, state = rule.judge(current, step, Evaluation.overflow(START), state)
    assert verdict is Verdict.STUCK
    assert rule.outcome(state).code == "mu"
    assert f"above {1e3 * state.normal.diagonal().max():.3g}." in rule.outcome(state).sentence


def test_inputs_in_large_units_do_not_end_it_at_the_first_failure():
    # The first μ is in the units of the matrix: so is its end.
    rule = replace(LMBFGS(), costs=CHEAP)
    current = Objective(feed_forward(2, (), 1), 1e7 * X, Y).at(np.zeros(3), Derivatives.CURVATURE)
    state = rule.start(current)._replace(search=None)
    step, state = rule.propose(current, state)
    assert state.damping.mu > rule.mu_max
    verdict, _ = rule.judge(current, step, Evaluation.overflow(np.zeros(3)), state)
    assert verdict is Verdict.REJECT


@pytest.mark.parametrize("entry", [math.inf, math.nan])
def test_a_matrix_that_overflows_ends_it_and_it_says_so(entry):
    rule = replace(LMBFGS(), costs=CHEAP)
    current = Objective(GRAPH, X, Y).at(START, Derivatives.CURVATURE)
    current = current._replace(normal_of=lambda share: np.full((GRAPH.n_weights, GRAPH.n_weights), entry))
    step, state = rule.propose(current, rule.start(current)._replace(search=None))
    assert step.delta is None
    verdict, state = rule.judge(current, step, Evaluation.overflow(START), state)
    assert verdict is Verdict.STUCK
    assert "normal matrix overflows" in rule.outcome(state).sentence


@pytest.mark.parametrize("samples", [None, 20, 400])
def test_it_comes_to_a_minimum_as_near_as_rounding_lets_it(samples):
    graph = feed_forward(2, 3, 1)
    start = Network(graph, initial_weights(graph, rng=0))
    run = Training(start, X, Y, rule=LMBFGS(samples=samples), limits=Limits(2000, min_gradient=1e-10))
    last = list(run)[-1]
    assert run.record.stop.code in ("gradient", "mu")
    # The loss tells points apart whose gradients are above the root of its rounding.
    assert last.gradient < 1e-7
    exact = Objective(graph, X, Y).at(run.network.weights, Derivatives.HESSIAN)
    assert np.linalg.eigvalsh(exact.hessian).min() > -1e-6


def test_it_needs_fewer_matrices_than_levenberg_marquardt_and_fewer_gradients_than_l_bfgs():
    problem = teacher(3000, 6, 15, 1, noise=0.05)
    start = initial_weights(problem.graph, rng=0)
    counts = {}
    for rule in ("lm_bfgs", "lm", "lbfgs"):
        run = Training(
            Network(problem.graph, start),
            problem.inputs,
            problem.targets,
            rule=algorithm_named(rule),
            limits=Limits(5000, goal=0.003),
        )
        list(run)
        assert run.record.stop.code == "goal"
        counts[rule] = run.record.evaluations
    assert counts["lm_bfgs"]["normal"] < counts["lm"]["normal"]
    assert counts["lm_bfgs"]["gradient"] < 0.5 * counts["lbfgs"]["gradient"]


def test_progress_is_that_of_the_logarithm_and_goes_through_zero():
    assert_allclose(progress_between(8.0, 2.0), math.log(4.0))
    assert progress_between(8.0, 2.0) == pytest.approx(progress_between(8.0, 4.0) + progress_between(4.0, 2.0))
    # A likelihood of one's own may be negative.
    assert progress_between(0.0, -1.0) > 0
    assert progress_between(-1.0, -1.5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("mu_init", 0.0), ("mu_max", math.inf), ("patience", -1.0), ("samples", 0), ("history", 0), ("line_search", "no")],
)
def test_settings_that_cannot_be_are_refused(setting, value):
    with pytest.raises(ConfigurationError, match=setting):
        LMBFGS(**{setting: value})


@pytest.mark.parametrize("form", ["samples", "matrix_free"])
def test_a_form_without_a_matrix_is_refused(form):
    with pytest.raises(ConfigurationError, match=f"lm_bfgs .* form='{form}' never writes down"):
        Training(Network(GRAPH, START), X, Y, rule=LMBFGS(), form=form)
