"""Loss, gradient, Jacobian and normal matrix against automatic differentiation of an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.closeness import assert_to_rounding
from helpers.problems import SUMS, problems
from helpers.reference import SMOOTH, reference
from hypothesis import given, settings

from marquardt.objective import Derivatives


def holds_against_automatic_differentiation(problem):
    truth = reference(problem)
    summands = truth.outputs.size + problem.graph.n_weights
    for form in SUMS:
        current = problem.at(form=form)
        assert_to_rounding(current.loss, truth.loss, scale=truth.loss_scale, summands=summands)
        assert_to_rounding(current.gradient, truth.gradient, scale=truth.gradient_scale, summands=summands)
        assert_to_rounding(current.normal, truth.normal, scale=truth.normal_scale, summands=summands)
        assert np.array_equal(current.normal, current.normal.T)


@settings(max_examples=100)
@given(problem=problems())
def test_everything_equals_automatic_differentiation(problem):
    holds_against_automatic_differentiation(problem)


@pytest.mark.slow
@settings(max_examples=1000)
@given(problem=problems(max_samples=20))
def test_everything_equals_automatic_differentiation_at_length(problem):
    holds_against_automatic_differentiation(problem)


@settings(max_examples=60)
@given(problem=problems())
def test_asking_for_less_gives_the_same_numbers(problem):
    full, gradient, value = (problem.at(need) for need in (Derivatives.NORMAL, Derivatives.GRADIENT, Derivatives.VALUE))
    assert full.loss == pytest.approx(gradient.loss, rel=1e-14)
    assert full.loss == pytest.approx(value.loss, rel=1e-14)
    scale = np.abs(full.gradient).max() + 1.0
    assert_to_rounding(gradient.gradient, full.gradient, scale=scale, summands=problem.graph.n_weights)
    assert gradient.normal is None
    assert value.gradient is None
    assert value.normal is None


@settings(max_examples=30)
@given(problem=problems(only_squares=True))
def test_jacobian_of_squares_is_the_derivative_of_the_residual(problem):
    truth = reference(problem)
    objective = problem.objective()
    ours = objective.jacobian(problem.weights)
    root = np.sqrt(problem.weight_table)
    factors = np.sqrt(problem.loss.output_weights or np.ones(problem.graph.n_outputs))
    expected = truth.jacobian * root[:, :, None] * factors[:, None]
    assert_to_rounding(
        ours, expected.reshape(ours.shape), scale=max(1.0, np.abs(expected).max()), summands=problem.graph.n_weights
    )
    residual = (truth.outputs - problem.targets) * root * factors
    assert_to_rounding(objective.residual(problem.weights), residual.ravel(), summands=problem.graph.n_weights)


@settings(max_examples=60)
@given(problem=problems(hidden=SMOOTH, only_smooth=True))
def test_taylor_error_of_the_gradient_falls_with_slope_two(problem):
    direction = np.random.default_rng(0).normal(size=problem.graph.n_weights)
    direction /= np.linalg.norm(direction)
    current = problem.at(Derivatives.GRADIENT)
    lengths = 2.0 ** -np.arange(8, 13)
    errors = []
    for length in lengths:
        trial = problem.but(weights=problem.weights + length * direction).at(Derivatives.VALUE)
        errors.append(abs(trial.loss - current.loss - length * (current.gradient @ direction)))
    noise = 1e-13 * (abs(current.loss) + 1.0)
    errors = np.array(errors)
    if (errors < 100 * noise).any():
        return  # flat along this direction: nothing but rounding to see
    slopes = np.diff(np.log(errors)) / np.diff(np.log(lengths))
    # A direction of nearly zero curvature shows the cubic term, slope three.
    assert slopes.min() > 1.9
