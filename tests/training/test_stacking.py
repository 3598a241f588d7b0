"""Shares of models in their mean, by their errors on rows that did not train them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import nnls

from marquardt.losses import Huber, LogisticCrossEntropy, SoftmaxCrossEntropy, Squares
from marquardt.training.stacking import stacking_shares

RNG = np.random.default_rng(3)
TRUTH = RNG.normal(size=(2, 200))


def guesses(*noises: float) -> list[np.ndarray]:
    return [TRUTH + noise * RNG.normal(size=TRUTH.shape) for noise in noises]


def test_shares_of_squares_are_those_of_non_negative_least_squares():
    models = guesses(0.3, 0.5, 2.0)
    weight = RNG.uniform(0.5, 2.0, 200)
    root = np.sqrt(weight)
    # The model that is 0 takes the rest: a column of zeros, and a heavy row that makes the sum one.
    table = np.column_stack([*((model * root).ravel() for model in models), np.zeros(400)])
    by_squares, _ = nnls(np.vstack([table, np.full(4, 1e4)]), np.append((TRUTH * root).ravel(), 1e4))
    assert_allclose(stacking_shares(models, TRUTH, Squares(), weight), by_squares[:3], atol=2e-4)


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (Squares(), TRUTH),
        (Huber(0.5), TRUTH),
        (LogisticCrossEntropy(), (TRUTH > 0).astype(float)),
        (SoftmaxCrossEntropy(), np.vstack([TRUTH[0] > TRUTH[1], TRUTH[0] <= TRUTH[1]]).astype(float)),
    ],
    ids=["squares", "huber", "logistic", "softmax"],
)
def test_no_other_shares_are_better(loss, targets):
    models = [scale * (TRUTH + 1.5 * RNG.normal(size=TRUTH.shape)) for scale in (1.0, 2.0, 0.5)]
    shares = stacking_shares(models, targets, loss)
    assert (shares >= 0).all()
    assert shares.sum() <= 1 + 1e-12

    def mean_loss(of):
        return loss.value(np.tensordot(of, models, 1), targets).sum() / 200

    best = mean_loss(shares)
    for other in RNG.dirichlet(np.ones(4), 300)[:, :3]:
        assert best <= mean_loss(other) + 1e-4  # shares below a thousandth are left out


def test_models_that_know_nothing_get_nothing():
    models = [10.0 * RNG.normal(size=TRUTH.shape) for _ in range(3)]
    assert stacking_shares(models, TRUTH, Squares()).sum() < 0.03


def test_the_exact_model_gets_all():
    assert_allclose(stacking_shares([*guesses(0.5), TRUTH, *guesses(1.0)], TRUTH, Squares()), [0, 1, 0], atol=1e-3)


def test_the_unit_of_targets_and_weights_does_not_matter():
    models = guesses(0.4, 0.7)
    usual = stacking_shares(models, TRUTH, Squares())
    tiny = stacking_shares([1e-9 * model for model in models], 1e-9 * TRUTH, Squares(), np.full(200, 1e9))
    assert_allclose(tiny, usual, atol=1e-6)
