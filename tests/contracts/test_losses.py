"""Every loss: slope and curvature are the derivatives of the value; no argument makes it overflow."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import hessian
from helpers.closeness import assert_to_rounding
from helpers.problems import random_targets
from helpers.reference import curvatures, loss_parts
from numpy.testing import assert_allclose
from scipy.special import log_softmax

from marquardt.losses import LOSSES, LogisticCrossEntropy, SoftmaxCrossEntropy, Squares, loss_named
from marquardt.numerics import central_difference

N_OUTPUTS, N_SAMPLES = 3, 40
INSTANCES = [
    *(kind() for kind in LOSSES.values()),
    Squares((0.5, 1.0, 4.0)),
    *(loss_named(name, scale=0.3) for name in ("huber", "cauchy", "soft_l1")),
]


@pytest.fixture(params=INSTANCES, ids=repr)
def loss(request):
    return request.param


@pytest.fixture
def data(loss):
    rng = np.random.default_rng(0)
    outputs = 2.0 * rng.normal(size=(N_OUTPUTS, N_SAMPLES))
    return outputs, random_targets(loss, rng, N_SAMPLES, N_OUTPUTS).T


def dense(curvature):
    """Λ of every sample (n_outputs, n_outputs, n_samples), from any of the three forms."""
    if curvature.ndim == 3:
        return np.einsum("kas,kbs->abs", curvature, curvature)
    diagonal = np.broadcast_to(curvature.reshape(len(curvature), -1), (N_OUTPUTS, N_SAMPLES))
    return np.eye(N_OUTPUTS)[:, :, None] * diagonal


def test_parts_equal_the_documented_formula(loss, data):
    outputs, targets = data
    assert_to_rounding(loss.value(outputs, targets).T, loss_parts(loss, outputs.T, targets.T))


def test_slope_is_the_derivative_of_the_value(loss, data):
    outputs, targets = data
    for k in range(N_OUTPUTS):

        def total(column, k=k):
            moved = outputs.copy()
            moved[k] = column
            return loss.value(moved, targets).sum(axis=0)

        # The error of eighth-order differences is rounding / width, 1e-15 · 100 / 1e-3; a Huber kink in reach has more.
        close = np.abs(loss.slope(outputs, targets)[k] - central_difference(total, outputs[k])) < 1e-10
        assert close.sum() >= N_SAMPLES - (1 if loss.name == "huber" else 0)


def test_curvature_is_the_second_derivative_where_that_is_positive(loss, data):
    outputs, targets = data
    expected = curvatures(loss, outputs.T, targets.T).transpose(1, 2, 0)
    assert_to_rounding(dense(loss.curvature(outputs, targets)), expected, scale=1.0)


def test_curvature_is_the_derivative_of_the_slope(loss, data):
    outputs, targets = data
    ours = dense(loss.curvature(outputs, targets))
    for k in range(N_OUTPUTS):
        width = 1e-5
        step = width * np.eye(N_OUTPUTS)[k][:, None]
        row = (loss.slope(outputs + step, targets) - loss.slope(outputs - step, targets)) / (2 * width)
        if loss.name == "cauchy":
            row = np.maximum(row, 0.0)
        close = np.abs(ours[:, k] - row).max(axis=0) < 1e-8  # second-order differences: width² · 100
        assert close.sum() >= N_SAMPLES - (1 if loss.name == "huber" else 0)


def test_second_is_the_second_derivative_of_either_sign(loss, data):
    outputs, targets = data
    second = loss.second(outputs, targets)
    if second.ndim < 3:
        second = dense(second)
    expected = np.array(
        [
            hessian(lambda row, target=target: anp.sum(loss_parts(loss, row[None], target[None])))(row)
            for row, target in zip(outputs.T, targets.T, strict=True)
        ]
    )
    assert_to_rounding(second, expected.transpose(1, 2, 0), scale=1.0)
    if loss.name != "cauchy":
        assert_to_rounding(second, dense(loss.curvature(outputs, targets)), scale=1.0)
    else:
        assert second.min() < 0


def test_curvature_is_positive_semidefinite(loss, data):
    for matrix in dense(loss.curvature(*data)).transpose(2, 0, 1):
        assert np.linalg.eigvalsh(matrix).min() >= -1e-15


def test_the_form_of_the_curvature_does_not_depend_on_the_data(loss, data):
    outputs, targets = data
    assert loss.curvature(outputs, targets).ndim == loss.curvature(np.zeros((N_OUTPUTS, 1)), targets[:, :1]).ndim


def test_shapes_are_kept_and_arguments_left_alone(loss, data):
    outputs, targets = data
    before = outputs.copy(), targets.copy()
    assert loss.value(outputs, targets).shape == outputs.shape
    assert loss.slope(outputs, targets).shape == outputs.shape
    loss.curvature(outputs, targets)
    assert np.array_equal(outputs, before[0])
    assert np.array_equal(targets, before[1])


@pytest.mark.filterwarnings("error")
def test_outputs_of_a_thousand_give_finite_numbers_and_no_warning(loss, data):
    _, targets = data
    outputs = np.resize([1000.0, -1000.0, 0.0, 800.0, -1000.0], (N_OUTPUTS, N_SAMPLES))
    for what in (loss.value, loss.slope, loss.curvature, loss.second):
        assert np.isfinite(what(outputs, targets)).all()
    assert (loss.value(outputs, targets) >= 0).all()


def test_a_perfect_output_costs_nothing(loss):
    targets = np.eye(N_OUTPUTS)
    outputs = targets if loss.link is None else 1000.0 * (2 * targets - 1)
    assert_allclose(loss.value(outputs, targets), 0.0, atol=0)
    assert_allclose(loss.slope(outputs, targets), 0.0, atol=0)


def test_name_leads_back_to_the_loss(loss):
    assert type(loss_named(loss.name)) is type(loss)
    assert LOSSES[loss.name] is type(loss)


# The cross-entropies against other people's formulas, in more digits than ours.

NETS = np.linspace(-30, 30, 241, dtype=np.longdouble)


@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_logistic_cross_entropy_is_minus_the_log_likelihood(target):
    p = 1 / (1 + np.exp(-NETS))
    q = 1 / (1 + np.exp(NETS))
    expected = -(target * np.log(p) + (1 - np.longdouble(target)) * np.log(q))
    ours = LogisticCrossEntropy().value(NETS.astype(float)[None], np.full((1, len(NETS)), target))[0]
    # An ulp or two of the net, 30, is left where the loss is a difference.
    assert_allclose(ours, expected.astype(float), rtol=0, atol=4 * 30 * np.finfo(float).eps)


def test_softmax_cross_entropy_is_minus_the_log_likelihood():
    nets = np.random.default_rng(0).normal(size=(4, 200)) * 10
    targets = np.eye(4)[np.arange(200) % 4].T
    expected = -(targets * log_softmax(nets.astype(np.longdouble), axis=0)).sum(axis=0)
    ours = SoftmaxCrossEntropy().value(nets, targets).sum(axis=0)
    assert_allclose(ours, expected.astype(float), rtol=0, atol=4 * 40 * np.finfo(float).eps)


def test_mean_of_cross_entropy_is_scikit_learns_log_loss():
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(0)
    nets, labels = rng.normal(size=(4, 100)), rng.integers(0, 4, 100)
    q = np.exp(nets) / np.exp(nets).sum(axis=0)
    ours = SoftmaxCrossEntropy().value(nets, np.eye(4)[labels].T).sum() / 100
    assert ours == pytest.approx(log_loss(labels, q.T, labels=range(4)), rel=1e-14)


def test_two_softmax_outputs_equal_a_logistic_one():
    rng = np.random.default_rng(0)
    nets, t = rng.normal(size=(2, 50)) * 5, rng.integers(0, 2, 50).astype(float)
    two = SoftmaxCrossEntropy().value(nets, np.stack([1 - t, t])).sum(axis=0)
    one = LogisticCrossEntropy().value((nets[1] - nets[0])[None], t[None])[0]
    assert_allclose(two, one, rtol=0, atol=1e-14)
