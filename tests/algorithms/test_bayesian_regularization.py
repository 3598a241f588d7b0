"""Bayesian regularization as a rule: MacKay's fixed point, against an independent implementation where there is one."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes
from sklearn.linear_model import BayesianRidge

from marquardt.algorithms import BayesianRegularization, Verdict, algorithm_named, iterate
from marquardt.errors import ConfigurationError
from marquardt.losses import LogisticCrossEntropy
from marquardt.networks import Layer, LayerGraph, Network, feed_forward, initial_weights
from marquardt.objective import Derivatives, Evaluation, Objective
from marquardt.training import Limits, Parts, Training

TIGHT = Limits(max_epochs=500, min_gradient=0.0)


def noisy_sine(n=40, noise=0.5, seed=0):
    x = np.linspace(-1, 1, n)[:, None]
    return x, np.sin(3 * np.pi * x) + noise * np.random.default_rng(seed).normal(size=x.shape)


def trained(graph, x, y, seed=0, limits=TIGHT, loss=None, **settings):
    rule = BayesianRegularization(**settings)
    run = Training(Network(graph, initial_weights(graph, rng=seed)), x, y, loss, rule=rule, limits=limits)
    list(run)
    return run


def test_a_linear_network_becomes_bayesian_ridge():
    x, y = load_diabetes(return_X_y=True)
    x, y = (x - x.mean(axis=0)) / x.std(axis=0), (y - y.mean()) / y.std()
    graph = LayerGraph(10, (Layer(1, "identity", ("inputs",), bias=False, name="output"),))
    run = trained(graph, x, y[:, None], settle=1e-12)
    theirs = BayesianRidge(
        alpha_1=0, alpha_2=0, lambda_1=0, lambda_2=0, fit_intercept=False, tol=1e-13, max_iter=1000
    ).fit(x, y)
    last = run.record.epochs[-1].quantities
    # Both iterate to a fixed point, and stop where a step changes about 1e-9.
    assert last["alpha"] == pytest.approx(theirs.lambda_, rel=1e-6)
    assert last["beta"] == pytest.approx(theirs.alpha_, rel=1e-6)
    assert_allclose(run.network.weights, theirs.coef_, rtol=0, atol=1e-7)


@pytest.mark.parametrize("loss", [None, LogisticCrossEntropy()], ids=["squares", "cross-entropy"])
def test_what_it_settles_at_is_mackays_fixed_point(loss):
    rng = np.random.default_rng(3)
    if loss is None:
        x, y = noisy_sine()
        graph = feed_forward(1, 8, 1)
    else:
        x = rng.normal(size=(200, 2))
        y = (rng.uniform(size=200) < 1 / (1 + np.exp(-3 * x[:, 0] * x[:, 1]))).astype(float)[:, None]
        graph = feed_forward(2, 4, 1, output_activation="logistic")
    run = trained(graph, x, y, loss=loss, settle=1e-7)
    assert run.record.stop.code in ("evidence", "mu")
    alpha, beta, gamma = (run.record.epochs[-1].quantities[name] for name in ("alpha", "beta", "gamma"))
    weights = run.network.weights
    objective = Objective(graph, x, y, loss)
    current = objective.at(weights, Derivatives.NORMAL)
    hessian = beta * current.normal + alpha * np.eye(len(weights))
    dense = len(weights) - alpha * np.trace(np.linalg.inv(hessian))
    # The fixed point is approached linearly: what is left is the last change times a factor of a few tens.
    assert gamma == pytest.approx(dense, rel=1e-4)
    assert alpha == pytest.approx(dense / (weights @ weights), rel=1e-4)
    assert beta == pytest.approx(1.0 if loss is not None else (len(x) - dense) / (2 * current.loss), rel=1e-4)
    gradient = current.gradient + alpha / beta * weights
    assert np.abs(gradient).max() < 1e-4 * np.abs(current.gradient).max()
    assert 0 < gamma < len(weights)


def test_noise_is_not_learned_by_heart():
    x, y = noisy_sine()
    graph = feed_forward(1, 20, 1)
    grid = np.linspace(-1, 1, 200)[:, None]
    truth = np.sin(3 * np.pi * grid)
    errors = {}
    for name in ("bayesian_regularization", "levenberg_marquardt"):
        start = Network(graph, initial_weights(graph, rng=1))
        run = Training(start, x, y, rule=algorithm_named(name), limits=Limits(max_epochs=300))
        list(run)
        errors[name] = np.sqrt(np.mean((run.network.outputs(grid) - truth) ** 2))
    assert errors["bayesian_regularization"] < 0.35
    assert errors["bayesian_regularization"] < 0.8 * errors["levenberg_marquardt"]


@pytest.mark.parametrize("seed", range(3))
def test_it_settles_from_different_starts_and_says_how_many_weights_the_data_determine(seed):
    x, y = noisy_sine()
    run = trained(feed_forward(1, 20, 1), x, y, seed=seed)
    assert run.record.stop.code == "evidence"
    assert run.record.stop.succeeded
    assert f"determine {run.record.epochs[-1].quantities['gamma']:.1f} of 61 weights" in run.record.stop.sentence
    assert 5 < run.record.epochs[-1].quantities["gamma"] < 40


def test_the_last_point_is_kept_and_restarts_are_compared_by_evidence():
    x, y = noisy_sine()
    run = trained(feed_forward(1, 8, 1), x, y, limits=Limits(max_epochs=30))
    assert run.record.best_epoch == run.record.num_epochs
    evidence = run.best_value
    assert math.isfinite(evidence)
    assert run.record.columns[-3:] == ("alpha", "beta", "gamma")


def test_the_loss_it_sees_never_rises_under_one_decay_and_the_decay_at_most_doubles():
    x, y = noisy_sine()
    objective = Objective(feed_forward(1, 8, 1), x, y)
    rule = BayesianRegularization().prepared_for(objective.info)
    weights = initial_weights(objective.graph, rng=0)
    rows = []
    for row in iterate(objective, rule, weights):
        rows.append(row)
        if row.epoch == 60:
            break
    before = rows[0]
    for row in rows[1:]:
        if row.verdict is Verdict.ACCEPT:
            data_before = objective.at(before.current.weights, Derivatives.VALUE)
            assert row.current.loss < rule.penalized(data_before, row.state).loss
            before = row
    decays = [row.state.decay for row in rows]
    assert decays[0] == 0.0
    assert all(later <= 2 * max(earlier, 1e-4) for earlier, later in pairwise(decays))


def test_data_that_are_fitted_exactly_are_no_trouble():
    x = np.linspace(-1, 1, 5)[:, None]
    run = trained(feed_forward(1, 6, 1), x, x**2, limits=Limits(max_epochs=200))
    assert run.record.best_perf < 1e-6
    assert run.record.stop is not None


def test_a_validation_stop_is_refused_and_validation_without_one_is_not():
    x, y = noisy_sine()
    network = Network(feed_forward(1, 3, 1), np.zeros(10))
    parts = Parts(np.arange(30), np.arange(30, 40), np.empty(0, dtype=np.intp))
    with pytest.raises(ConfigurationError, match=r"needs no validation.*take max_fail=0"):
        Training(network, x, y, parts=parts, rule=BayesianRegularization())
    run = Training(network, x, y, parts=parts, rule=BayesianRegularization(), limits=Limits(max_epochs=5, max_fail=0))
    list(run)
    assert run.record.best_epoch == run.record.num_epochs > 0


def test_a_rule_that_was_not_prepared_says_so():
    rule = BayesianRegularization()
    current = Evaluation(np.ones(1), 1.0, np.ones(1), np.ones(1), np.eye(1))
    state = rule.start(current)._replace(is_weighed=False)
    with pytest.raises(ValueError, match="prepared"):
        rule.propose(current, state)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"settle": 0.0}, "settle must be a number above 0, got 0"),
        ({"patience": 0}, "patience must be a whole number from 1 up, got 0"),
        ({"mu_increase": 0.5}, "mu_increase must be above 1"),
        ({"info": 1}, "has no setting 'info'"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        algorithm_named("trainbr", **settings)


def test_in_sample_space_it_is_the_same_run():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 20))
    y = x[:, :3].sum(axis=1, keepdims=True) + 0.3 * rng.normal(size=(30, 1))
    graph = feed_forward(20, 5, 1)
    network = Network(graph, initial_weights(graph, rng=0))
    runs = [
        Training(network, x, y, rule=BayesianRegularization(), form=form, limits=TIGHT)
        for form in ("explicit", "samples")
    ]
    by_weights, by_residuals = ([epoch.quantities for epoch in run] for run in runs)
    # The matrix of the weights has rank 30 of 111 only: a step multiplies its rounding by up to a hundred.
    for current, trial in zip(by_weights[:10], by_residuals[:10], strict=True):
        assert trial == pytest.approx(current, rel=1e-6)
    assert_allclose(by_residuals[-1]["gamma"], by_weights[-1]["gamma"], rtol=1e-3)


def test_where_residuals_are_few_no_matrix_of_the_weights_is_made():
    graph = feed_forward(2000, 10, 1)  # a matrix takes 3.2 GB
    x = np.random.default_rng(0).normal(size=(30, 2000))
    run = Training(
        Network(graph, initial_weights(graph, rng=0)),
        x,
        x[:, :1],
        rule=BayesianRegularization(),
        limits=Limits(max_epochs=4),
        max_memory="50MB",
    )
    assert run.objective.plan.form == "samples"
    list(run)
    assert run.record.epochs[-1].quantities["gamma"] <= 30.0
