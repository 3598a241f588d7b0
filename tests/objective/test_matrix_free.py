"""Without a matrix: products are those of the matrix, and conjugate gradients find its step."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from helpers.problems import problems
from hypothesis import given, settings
from hypothesis import strategies as st

from marquardt.algorithms import LevenbergMarquardt
from marquardt.losses import LOSSES, loss_named
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.objective import Derivatives, Objective, memory
from marquardt.objective.forms.matrix_free import ProductSystem
from marquardt.training import Limits, Training


@settings(max_examples=150, deadline=None)
@given(problem=problems(), block_size=st.sampled_from([None, 1, 3]), seed=st.integers(0, 100))
def test_products_and_diagonal_are_those_of_the_matrix(problem, block_size, seed):
    current, trial = problem.at(form="pairs"), problem.at(form="matrix_free", block_size=block_size)
    vector = np.random.default_rng(seed).normal(size=len(current.weights))
    # An ulp a product and layer, of sums whose terms cancel.
    size = 1e-13 * len(vector) * (1.0 + current.normal.max() * np.abs(vector).max())
    np.testing.assert_allclose(trial.system.times(vector), current.normal @ vector, rtol=0, atol=size)
    np.testing.assert_allclose(trial.diagonal, current.diagonal, rtol=1e-12, atol=1e-12 * current.diagonal.max())
    np.testing.assert_allclose(
        trial.gradient, current.gradient, rtol=0, atol=1e-12 * (1 + np.abs(current.gradient).max())
    )


@settings(max_examples=100, deadline=None)
@given(problem=problems(), mu=st.sampled_from([1e-2, 1.0, 1e3]), is_scaled=st.booleans())
def test_without_truncation_the_step_is_that_of_the_matrix(problem, mu, is_scaled):
    current, trial = problem.at(form="pairs"), problem.at(form="matrix_free")
    added = mu * (1.0 + current.diagonal) if is_scaled else mu
    exact = ProductSystem(
        trial.system.times, trial.gradient, trial.diagonal, tolerance=0.0, limit=20 * len(current.normal)
    )
    expected, solve = current.damped_step(added)
    found, solve_there = exact.damped_step(added)
    # Conjugate gradients end where rounding takes over: its square root, times what the condition makes of it.
    error = 1e-10 * (1.0 + np.linalg.norm(current.normal, 2) / mu)
    np.testing.assert_allclose(found, expected, rtol=0, atol=error * np.abs(expected).max() + 1e-300)
    right = np.random.default_rng(0).normal(size=len(found))
    expected = solve(right)
    np.testing.assert_allclose(solve_there(right), expected, rtol=0, atol=error * np.abs(expected).max())


@settings(max_examples=50, deadline=None)
@given(problem=problems(), limit=st.integers(1, 6), mu=st.sampled_from([1e-2, 1.0]))
def test_a_truncated_step_lowers_the_model_by_what_the_exact_formula_predicts(problem, limit, mu):
    current, trial = problem.at(form="pairs"), problem.at(form="matrix_free")
    gradient = trial.gradient
    step, _ = ProductSystem(trial.system.times, gradient, trial.diagonal, 0.0, limit).damped_step(mu)
    predicted = 0.5 * (mu * step @ step - gradient @ step)
    decrease = -gradient @ step - 0.5 * step @ current.normal @ step
    # Equal because the residual of every truncation is orthogonal to it, to rounding of the terms.
    size = abs(gradient @ step) * (1.0 + np.linalg.norm(current.normal, 2) / mu)
    assert predicted == pytest.approx(decrease, rel=0, abs=1e-10 * size)
    assert decrease >= -1e-10 * size


@pytest.mark.parametrize("name", LOSSES)
def test_training_comes_down_without_a_rise(name):
    loss = loss_named(name)
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (60, 2))
    targets = np.stack([np.sin(3 * inputs[:, 0]), inputs[:, 1] ** 2], axis=1)
    if loss.link is not None:
        targets = np.eye(2)[(inputs.sum(axis=1) > 0).astype(int)]
    graph = feed_forward(2, 6, 2, output_activation=loss.link or "identity")
    for rule in (
        LevenbergMarquardt(),
        LevenbergMarquardt(scaling="marquardt", damping="nielsen"),
        LevenbergMarquardt(geodesic=0.75),
    ):
        run = Training(
            Network(graph, initial_weights(graph, rng=1)),
            inputs,
            targets,
            loss,
            rule=rule,
            form="matrix_free",
            limits=Limits(max_epochs=40),
        )
        losses = [epoch.loss for epoch in run]
        assert all(later <= earlier for earlier, later in pairwise(losses))
        assert losses[-1] < 0.3 * losses[0]


def test_threads_change_rounding_only():
    rng = np.random.default_rng(0)
    graph = feed_forward(3, (5, 4), 2)
    x, y, (weights, vector) = rng.normal(size=(90, 3)), rng.normal(size=(90, 2)), rng.normal(size=(2, graph.n_weights))
    found = []
    for threads in (1, 3):
        objective = Objective(graph, x, y, form="matrix_free", block_size=10, threads=threads)
        found.append(objective.at(weights, Derivatives.NORMAL).system.times(vector))
        objective.close()
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-13 * np.abs(found[0]).max() * 90)  # an ulp a sample


def test_a_product_leaves_the_pass_of_another_point_alone():
    # One block: the forward pass of the last point is kept, as an accepted trial is evaluated again.
    rng = np.random.default_rng(0)
    graph = feed_forward(2, 3, 1)
    x, y, (current, trial) = rng.normal(size=(9, 2)), rng.normal(size=(9, 1)), rng.normal(size=(2, graph.n_weights))
    objective = Objective(graph, x, y, form="matrix_free")
    system = objective.at(current, Derivatives.NORMAL).system
    objective.at(trial, Derivatives.VALUE)
    system.times(current)
    found = objective.at(trial, Derivatives.GRADIENT)
    expected = Objective(graph, x, y, form="matrix_free").at(trial, Derivatives.GRADIENT)
    assert np.array_equal(found.gradient, expected.gradient)


def test_the_plan_takes_it_where_no_matrix_has_room(monkeypatch):
    graph = feed_forward(10, (300, 320), 1)
    assert graph.n_weights == 99_941
    inputs, targets = np.zeros((50_000, 10)), np.zeros((50_000, 1))
    monkeypatch.setattr(memory, "machine_memory", lambda: 2_000_000_000)
    made = Objective(graph, inputs, targets, matrix_free_forms=LevenbergMarquardt().matrix_free_forms).plan
    assert made.form == "matrix_free"
    assert made.memory < 100e6
    # With fewer samples, or fewer weights, a matrix has.
    assert (
        Objective(
            graph, inputs[:3000], targets[:3000], matrix_free_forms=LevenbergMarquardt().matrix_free_forms
        ).plan.form
        == "samples"
    )
    small = feed_forward(10, 100, 1)
    assert (
        Objective(small, inputs, targets, matrix_free_forms=LevenbergMarquardt().matrix_free_forms).plan.form == "pairs"
    )


@pytest.mark.parametrize("need", [Derivatives.GRADIENT, Derivatives.NORMAL])
def test_memory_does_not_grow_with_the_number_of_blocks(need):
    graph = feed_forward(50, (200, 200), 1)
    inputs, targets, weights = np.zeros((1000, 50)), np.zeros((1000, 1)), initial_weights(graph, rng=0)
    objective = Objective(graph, inputs, targets, form="matrix_free", block_size=10)
    tracemalloc.start()
    try:
        current = objective.at(weights, need)
        if need is Derivatives.NORMAL:
            assert current.damped_step(1.0)[0] is not None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A dozen vectors, but no gradient for each of the hundred blocks.
    assert peak < 20 * weights.nbytes


def test_what_overflows_has_no_step():
    graph = feed_forward(1, (2,), 1, activation="softplus")
    x, y = np.ones((4, 1)), np.ones((4, 1))
    objective = Objective(graph, x, y, form="matrix_free")
    assert objective.at(np.full(graph.n_weights, 1e200), Derivatives.NORMAL).system is None
    for broken in (np.inf, np.nan, -1.0):
        system = ProductSystem(lambda v, broken=broken: broken * v, np.ones(3), np.ones(3))
        assert system.damped_step(0.5)[0] is None
    assert not ProductSystem(lambda v: v, np.zeros(3), np.ones(3)).damped_step(0.5)[0].any()
