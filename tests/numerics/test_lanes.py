"""Many small damped systems at once: the same as one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from marquardt.numerics import solve_damped, solve_damped_each

pytestmark = pytest.mark.usefixtures("with_and_without_kernel")

CASES = [(1, 1), (3, 7), (40, 3), (200, 11), (130, 20), (90, 25)]
"""Lanes and unknowns on both sides of where lanes are factored together."""


def systems(n_lanes, n_weights, seed=0):
    rng = np.random.default_rng(seed)
    jacobian = rng.normal(size=(n_lanes, n_weights, n_weights + 3))
    return (
        jacobian @ jacobian.transpose(0, 2, 1),
        10.0 ** rng.uniform(-4, 2, n_lanes),
        rng.normal(size=(n_lanes, n_weights)),
    )


@pytest.mark.parametrize(("n_lanes", "n_weights"), CASES)
def test_every_lane_is_solved_as_by_itself(n_lanes, n_weights):
    normal, mu, right = systems(n_lanes, n_weights)
    given = normal.copy()
    solution, is_solved = solve_damped_each(normal, mu, right)
    assert is_solved.all()
    assert np.array_equal(normal, given)
    for k in range(n_lanes):
        alone = solve_damped(normal[k], -right[k], mu[k])
        # Two Cholesky factorizations of one matrix agree to its condition number times a few ulp a summand.
        condition = np.linalg.cond(normal[k] + mu[k] * np.eye(n_weights))
        bound = 10 * n_weights * condition * np.finfo(float).eps * np.abs(alone).max()
        np.testing.assert_allclose(solution[k], alone, rtol=0, atol=bound)


@pytest.mark.parametrize(("n_lanes", "n_weights"), [(3, 7), (200, 11)])
def test_a_lane_without_a_factor_does_not_touch_the_others(n_lanes, n_weights):
    normal, mu, right = systems(n_lanes, n_weights)
    expected, _ = solve_damped_each(normal, mu, right)
    normal[1] = -1e3 * np.eye(n_weights)
    right[0] = np.nan
    normal[2, -1, 0] = normal[2, 0, -1] = np.inf
    solution, is_solved = solve_damped_each(normal, mu, right)
    assert is_solved.tolist() == [False, False, False] + [True] * (n_lanes - 3)
    assert np.isnan(solution[:3]).all()
    assert np.array_equal(solution[3:], expected[3:])
