"""Sample space: the same damped step as by the matrix of the weights, from a matrix of the residuals."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.closeness import EPS
from helpers.problems import problems
from hypothesis import given, settings
from hypothesis import strategies as st

from marquardt.algorithms import GaussNewton, LevenbergMarquardt
from marquardt.errors import ConfigurationError, ResourceError
from marquardt.losses import Squares, WeightDecay
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.objective import MATRIX_FREE_FORMS, Derivatives, Evaluation, Objective, memory
from marquardt.training import EvidenceTraining, Fitting, Limits, Settings, Training

MUS = st.sampled_from([1e-3, 1.0, 1e3])


def assert_same_step(found, expected, normal, mu, summands=0.0):
    """Both are as good as the condition of the damped matrix allows, and the rounding of what a gradient sums up."""
    size = np.abs(expected).max() + 1e-300
    error = 100 * len(normal) * EPS * (1.0 + np.linalg.norm(normal, 2) / mu)
    np.testing.assert_allclose(found, expected, rtol=0, atol=error * size + 10 * EPS * summands / mu)


@settings(max_examples=150, deadline=None)
@given(problem=problems(), mu=MUS, block_size=st.sampled_from([None, 1, 3]))
def test_the_step_is_that_of_the_matrix(problem, mu, block_size):
    current, trial = problem.at(form="pairs"), problem.at(form="samples", block_size=block_size)
    assert trial.normal is None
    np.testing.assert_allclose(
        trial.gradient, current.gradient, rtol=0, atol=1e-12 * (1 + np.abs(current.gradient).max())
    )
    expected, solve = current.damped_step(mu)
    found, solve_there = trial.damped_step(mu)
    # The slopes of a softmax cancel: a gradient far smaller than they are has their rounding.
    summands = (1.0 + np.abs(problem.targets).max()) * problem.weight_table.sum()
    assert_same_step(found, expected, current.normal, mu, summands)
    right = np.random.default_rng(0).normal(size=len(found))
    assert_same_step(solve_there(right), solve(right), current.normal, mu)


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_the_diagonal_is_that_of_the_matrix(problem):
    normal, found = problem.at(form="pairs").normal.diagonal(), problem.at(form="samples", block_size=3).diagonal
    np.testing.assert_allclose(found, normal, rtol=1e-12, atol=1e-12 * normal.max())


X = np.linspace(-1, 1, 40)[:, None]
Y = np.sin(5 * X)


def test_the_step_of_squares_is_exact_at_a_small_damping():
    # 40 residuals, 3,001 weights: as mu vanishes, the shortest step that the linear model solves the problem with.
    graph = feed_forward(1, 1000, 1)
    objective = Objective(graph, X, Y, form="samples")
    weights = initial_weights(graph, rng=0)
    step, _ = objective.at(weights, Derivatives.NORMAL).damped_step(1e-9)
    jacobian, residual = objective.jacobian(weights), objective.residual(weights)
    u, sizes, v = np.linalg.svd(jacobian, full_matrices=False)
    expected = -v.T @ (sizes / (sizes**2 + 1e-9) * (u.T @ residual))
    # The normal matrix of the weights, of norm 1e3, could not promise a digit at this mu.
    assert np.linalg.norm(step - expected) < 1e-5 * np.linalg.norm(expected)


def run(form="auto", rule=None, hidden=300, epochs=8, **options):
    graph = feed_forward(1, hidden, 1)
    made = Training(
        Network(graph, initial_weights(graph, rng=1)), X, Y, rule=rule, form=form, limits=Limits(epochs), **options
    )
    list(made)
    return made


@pytest.mark.parametrize("rule", [LevenbergMarquardt(), LevenbergMarquardt(geodesic=0.75, damping="nielsen")])
def test_training_takes_it_where_residuals_are_few_and_walks_the_same_path(rule):
    few = run(rule=rule, penalty=WeightDecay(0.01))
    matrix = run("pairs", rule, penalty=WeightDecay(0.01))
    assert few.objective.plan.form == "samples"
    assert few.objective.plan.memory < matrix.objective.plan.memory / 10
    for one, other in zip(few.record.epochs, matrix.record.epochs, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-4)  # eight solves at a condition of 1e8
    assert few.record.epochs[-1].loss < 0.1 * few.record.epochs[0].loss


def test_rules_that_read_the_matrix_keep_it_or_refuse_the_form():
    for rule in (GaussNewton(), LevenbergMarquardt(scaling="marquardt")):
        assert "samples" not in rule.matrix_free_forms
        assert run(rule=rule, hidden=200, epochs=1).objective.plan.form not in MATRIX_FREE_FORMS
        with pytest.raises(ConfigurationError, match=r"entries of the normal matrix, which form='samples' never"):
            run("samples", rule, hidden=20)


def test_the_evidence_gets_its_matrix_from_a_run_in_sample_space():
    made = Fitting(X[:10], Y[:10], Settings((25,), alpha="auto", seed=0, form="samples"), "regression")
    other = Fitting(X[:10], Y[:10], Settings((25,), alpha="auto", seed=0, form="pairs"), "regression")
    for fitting in (made, other):
        assert isinstance(fitting.training, EvidenceTraining)
        for _, _ in zip(fitting, range(30), strict=False):
            pass
    assert made.training.evidence is not None
    assert made.training.evidence.parameters == pytest.approx(other.training.evidence.parameters, rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(problem=problems())
def test_the_matrix_can_be_had_in_any_form(problem):
    expected = problem.at(form="pairs").normal
    found = problem.objective(form="samples", block_size=3).normal(problem.weights)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * (1 + expected.max()))


def test_what_overflows_has_no_step():
    graph = feed_forward(1, (2,), 1, activation="softplus")
    objective = Objective(graph, X, 1e150 * Y, form="samples")
    current = objective.at(np.full(graph.n_weights, 1e200), Derivatives.NORMAL)
    assert current.loss == np.inf
    assert current.system is None
    steep = objective.at(np.full(graph.n_weights, 1e70), Derivatives.NORMAL)
    assert np.isfinite(steep.loss)
    assert steep.damped_step(1e300)[0] is None or np.isfinite(steep.damped_step(1e300)[0]).all()
    with pytest.raises(ValueError, match="needs the normal equations"):
        Evaluation(np.zeros(1), 1.0, np.ones(1), np.zeros(1)).damped_step(1.0)


def test_a_damping_a_weight_is_refused():
    system = Objective(feed_forward(1, (), 1), X, Y, form="samples").at(np.zeros(2), Derivatives.NORMAL)
    with pytest.raises(ValueError, match="the damping is one number"):
        system.damped_step(np.ones(2))


def test_no_damping_and_no_decay_leave_nothing_to_divide_by():
    current = Objective(feed_forward(1, (), 1), X, Y, form="samples").at(np.zeros(2), Derivatives.NORMAL)
    assert current.damped_step(0.0)[0] is None


def test_the_plan_counts_residuals_and_takes_sample_space_where_only_that_has_room(monkeypatch):
    graph = feed_forward(10, 2000, 1)
    inputs, targets = np.zeros((500, 10)), np.zeros((500, 1))
    made = Objective(graph, inputs, targets, matrix_free_forms=("samples",)).plan
    assert made.form == "samples"
    assert made.memory < 100e6  # of the matrix of the weights one takes 4.6e9
    # Three matrices of 4,201 weights take 424 MB; of 2,500 residuals, with their blocks, 324 MB.
    monkeypatch.setattr(memory, "machine_memory", lambda: 400_000_000)
    graph = feed_forward(4, 700, 1)
    inputs, targets = np.zeros((2500, 4)), np.zeros((2500, 1))
    with pytest.raises(ResourceError, match=r"this machine has 381\.5 MiB"):
        Objective(graph, inputs, targets, Squares())
    assert Objective(graph, inputs, targets, Squares(), matrix_free_forms=("samples",)).plan.form == "samples"
