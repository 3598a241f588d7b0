"""Objectives made up for tests of rules and of the loop."""

from __future__ import annotations

import numpy as np

from marquardt.objective import Derivatives, Evaluation


class Recorded:
    """An objective ½‖r(w)‖² from a residual and its Jacobian, which notes every call as (need, weights)."""

    def __init__(self, residual, jacobian):
        self.residual, self.jacobian = residual, jacobian
        self.calls = []

    def at(self, weights, need):
        self.calls.append((need, weights))
        r = self.residual(weights)
        loss = 0.5 * float(r @ r)
        if not np.isfinite(loss):
            return Evaluation.overflow(weights)
        j = self.jacobian(weights)
        return Evaluation(
            weights,
            loss,
            np.array([loss]),
            j.T @ r if need >= Derivatives.GRADIENT else None,
            j.T @ j if need >= Derivatives.NORMAL else None,
        )


def rosenbrock():
    """Two residuals in two weights, a curved valley to the minimum (1, 1)."""
    return Recorded(
        lambda w: np.array([10 * (w[1] - w[0] ** 2), 1 - w[0]]),
        lambda w: np.array([[-20 * w[0], 10.0], [-1.0, 0.0]]),
    )


def linear(n_residuals=30, n_weights=5, seed=0):
    """A linear least-squares problem, with its matrix and right-hand side."""
    rng = np.random.default_rng(seed)
    matrix, right = rng.normal(size=(n_residuals, n_weights)), rng.normal(size=n_residuals)
    return Recorded(lambda w: matrix @ w - right, lambda w: matrix), matrix, right
