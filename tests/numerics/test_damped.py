"""Solutions of the damped normal equations."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.closeness import EPS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from marquardt.numerics import factor_damped, solve_damped

pytestmark = pytest.mark.usefixtures("with_and_without_kernel")


def equations(size, rank=None, seed=0):
    rng = np.random.default_rng(seed)
    jacobian = rng.normal(size=(size if rank is None else rank, size))
    return jacobian.T @ jacobian, rng.normal(size=size)


@given(size=st.integers(1, 30), exponent=st.integers(-6, 6), seed=st.integers(0, 100))
def test_solution_is_that_of_numpy(size, exponent, seed):
    normal, gradient = equations(size, seed=seed)
    damped = normal + 10.0**exponent * np.eye(size)
    expected = -np.linalg.solve(damped, gradient)
    # Either is as good as the condition allows.
    error = 10 * size * EPS * np.linalg.cond(damped) * np.abs(expected).max()
    assert_allclose(solve_damped(normal, gradient, 10.0**exponent), expected, rtol=0, atol=error)


def test_inputs_are_left_as_they_are():
    normal, gradient = equations(5)
    before = normal.copy(), gradient.copy()
    for mu in (1.0, -1e3):
        solve_damped(normal, gradient, mu)
        assert np.array_equal(normal, before[0])
        assert np.array_equal(gradient, before[1])


def test_read_only_and_fortran_ordered_arrays_do():
    normal, gradient = equations(4)
    expected = solve_damped(normal, gradient, 0.1)
    ordered = np.asfortranarray(normal)
    for array in (normal, gradient, ordered):
        array.setflags(write=False)
    assert_allclose(solve_damped(ordered, gradient, 0.1), expected, rtol=1e-13)
    assert_allclose(solve_damped(normal, gradient, 0.1), expected, rtol=0)


@pytest.mark.parametrize("mu", [0.0, -1.0])
def test_indefinite_matrix_has_no_solution(mu):
    assert solve_damped(np.diag([1.0, -2.0, 3.0]), np.ones(3), mu) is None


def test_singular_matrix_without_damping_has_no_solution():
    assert solve_damped(np.zeros((3, 3)), np.ones(3), 0.0) is None


def test_damping_makes_a_singular_matrix_solvable():
    normal, gradient = equations(6, rank=2)
    step = solve_damped(normal, gradient, 1e-3)
    assert_allclose(normal @ step + 1e-3 * step, -gradient, rtol=0, atol=1e-11)


@pytest.mark.filterwarnings("error")
def test_what_is_not_finite_has_no_solution_and_no_warning():
    normal, gradient = equations(4)
    for place in ((0, 0), (1, 2)):
        spoiled = normal.copy()
        spoiled[place] = spoiled[place[::-1]] = np.nan
        assert solve_damped(spoiled, gradient, 1.0) is None
    for bad in (np.nan, np.inf, -np.inf):
        assert solve_damped(normal, np.array([1.0, bad, 2.0, 1.0]), 1.0) is None
        # With opposite signs the sum of the solution is not a number either.
        assert solve_damped(normal, np.array([1.0, bad, -bad, 1.0]), 1.0) is None


@pytest.mark.filterwarnings("error")
def test_a_step_that_overflows_is_none():
    assert solve_damped(np.zeros((2, 2)), np.array([1e300, -1e300]), 1e-20) is None


def test_a_factor_solves_for_other_right_hand_sides_and_any_diagonal():
    rng = np.random.default_rng(0)
    square = rng.normal(size=(6, 6))
    normal, mu = square @ square.T, rng.uniform(0.1, 1.0, 6)
    first, second = rng.normal(size=(2, 6))
    solution, solve = factor_damped(normal, mu, first)
    for found, right in ((solution, first), (solve(second), second)):
        # Rounding times the condition number, below 1e4.
        assert_allclose(found, np.linalg.solve(normal + np.diag(mu), right), rtol=1e-11)
    assert_allclose(solve_damped(normal, -first, mu), solution, rtol=0, atol=0)
    assert factor_damped(-np.eye(2), 0.5, np.ones(2))[0] is None
