"""Levenberg–Marquardt against an independent solver and against the textbook."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from helpers import sine
from helpers.closeness import EPS
from numpy.testing import assert_allclose
from scipy.optimize import least_squares

from marquardt.algorithms import LevenbergMarquardt, Verdict, iterate


def textbook(residual, jacobian, weights, n_epochs, mu=1e-3):
    """Levenberg–Marquardt as in the books: Hagan and Menhaj's schedule, a dense Jacobian, numpy.linalg.solve."""
    weights = weights.copy()
    loss = 0.5 * np.sum(residual(weights) ** 2)
    trail = [(weights, loss, mu)]
    for _ in range(n_epochs):
        j, r = jacobian(weights), residual(weights)
        while True:
            step = np.linalg.solve(j.T @ j + mu * np.eye(len(weights)), -(j.T @ r))
            trial = 0.5 * np.sum(residual(weights + step) ** 2)
            if trial < loss:
                break
            mu *= 10.0
        weights, loss, mu = weights + step, trial, mu * 0.1
        trail.append((weights, loss, mu))
    return trail


def sine_residual(weights):
    """Residual of the 1-10-1 network, written out from the order of the weights."""
    hidden, output = weights[:20].reshape(10, 2), weights[20:]
    units = np.tanh(sine.INPUTS * hidden[:, 0] + hidden[:, 1])
    return units @ output[:10] + output[10] - sine.TARGETS[:, 0]


def sine_jacobian(weights):
    hidden, output = weights[:20].reshape(10, 2), weights[20:]
    units = np.tanh(sine.INPUTS * hidden[:, 0] + hidden[:, 1])
    delta = output[:10] * (1 - units**2)
    first = np.stack([delta * sine.INPUTS, delta], axis=2).reshape(200, 20)
    return np.concatenate([first, units, np.ones((200, 1))], axis=1)


def accepted(weights, n_epochs, **options):
    """The start and the first accepted points of our own run."""
    found = iterate(sine.objective(**options), LevenbergMarquardt(), weights)
    return list(islice((row for row in found if row.verdict is Verdict.ACCEPT), n_epochs + 1))


@pytest.mark.parametrize("form", ["pairs", "explicit"])
@pytest.mark.parametrize("seed", range(5))
def test_the_path_is_the_textbooks_step_by_step(seed, form):
    start = sine.start(seed)
    expected = textbook(sine_residual, sine_jacobian, start, 15)
    # How far rounding may lead astray, the textbook says itself: by what one unit in the last place of the start does.
    nudged = textbook(sine_residual, sine_jacobian, start * (1 + EPS), 15)
    astray = 0.0
    for (weights, _, mu), (other, _, _), row in zip(expected, nudged, accepted(start, 15, form=form), strict=True):
        astray = max(astray, np.abs(weights - other).max())
        assert_allclose(row.current.weights, weights, rtol=0, atol=30 * astray)
        assert row.report["mu"] == pytest.approx(mu, rel=1e-12)
    assert astray < 1e-2


def test_after_a_hundred_trials_we_are_no_higher_than_minpack_from_most_starts():
    wins = 0
    for seed in range(8):
        start = sine.start(seed)
        theirs = least_squares(
            sine_residual, start, sine_jacobian, method="lm", max_nfev=100, xtol=1e-15, ftol=1e-15, gtol=1e-15
        )
        *_, ours = islice(iterate(sine.objective(), LevenbergMarquardt(), start), 101)
        wins += ours.current.loss <= theirs.cost
    assert wins >= 5


@pytest.mark.slow
def test_the_sine_is_learned_to_2e_8_from_most_starts():
    reached = 0
    for seed in range(20):
        run = accepted(sine.start(seed), 300)
        reached += 2 * run[-1].current.loss / 200 < 2e-8
    assert reached >= 15
