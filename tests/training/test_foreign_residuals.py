"""The loop, the rules and the stops need no network: a residual function will do."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.residuals import Residuals, Vector
from numpy.testing import assert_allclose

from marquardt.algorithms import algorithm_named
from marquardt.training import Limits, Training

T = np.linspace(0.0, 3.0, 30)
TRUE = np.array([2.0, 1.3, 0.5])
DATA = TRUE[0] * np.exp(-TRUE[1] * T) + TRUE[2]
START = np.array([1.0, 0.5, 0.0])


def decay(form="explicit"):
    """a e^(−bt) + c, with first and second derivatives."""

    def residual(w):
        return w[0] * np.exp(-w[1] * T) + w[2] - DATA

    def jacobian(w):
        e = np.exp(-w[1] * T)
        return np.stack([e, -w[0] * T * e, np.ones_like(T)], axis=1)

    def bend(w, v):
        e = np.exp(-w[1] * T)
        return 2.0 * v[0] * v[1] * -T * e + v[1] ** 2 * w[0] * T**2 * e

    return Residuals(residual, jacobian, bend, 3, form)


@pytest.mark.parametrize(
    ("algorithm", "form"),
    [
        ("lm", "explicit"),
        ("lm", "samples"),
        ("lm", "matrix_free"),
        ("lm_geodesic", "explicit"),
        ("lm_geodesic", "samples"),
        ("lm_bfgs", "explicit"),
        ("bfgs", "explicit"),
        ("lbfgs", "explicit"),
    ],
)
def test_a_residual_function_is_fitted_to_its_digits(algorithm, form):
    limits = Limits(max_epochs=500, goal=1e-24, min_gradient=0.0)
    training = Training.of(Vector(START), decay(form), rule=algorithm_named(algorithm), limits=limits)
    epochs = list(training)
    # A mean square of 1e-24 is 1e-12 a residual; their Jacobian's condition is about 20.
    assert training.record.best_perf < 1e-22
    assert_allclose(training.network.weights, TRUE, rtol=1e-9)
    assert epochs[0].performance > 0.1
