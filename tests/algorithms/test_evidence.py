"""The evidence by its two ways, of the weights and of the residuals, against plain linear algebra."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.problems import problems
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from marquardt.algorithms import evidence
from marquardt.algorithms.evidence import weigh
from marquardt.losses import WeightDecay
from marquardt.networks import feed_forward, initial_weights
from marquardt.objective import Derivatives, Objective
from marquardt.training import Fitting, Limits, Settings

DECAYS = st.sampled_from([0.01, 0.3, 10.0])


def twin(objective, current, decay):
    """γ a group, γ, and ln p, by a pseudo-inverse and eigenvalues of the matrix of the weights."""
    info = objective.info
    jacobian = objective.jacobian(current.weights)
    data = jacobian.T @ jacobian
    n_residuals, misfit = info.n_residuals, current.sums.sum()
    prior = np.zeros(info.n_weights)
    prior[info.hidden_biases] = evidence.BROAD_ALPHA * (1.0 if info.is_likelihood else 2.0 * misfit / n_residuals)
    for each, rows in zip(decay, info.decayed, strict=True):
        prior[rows] = each
    whole = data + np.diag(prior)
    sizes = np.linalg.eigvalsh(whole)
    sizes = sizes[sizes > 1e-12 * sizes[-1]]
    shares = np.diag(np.linalg.pinv(whole, 1e-12, hermitian=True) @ data)
    parameters = shares.sum()
    noise = 1.0 if info.is_likelihood else 2.0 * misfit / max(n_residuals - parameters, 0.1 * n_residuals)
    counts = np.array([len(rows) for rows in info.decayed])
    logarithm = -current.loss / noise - 0.5 * (np.log(sizes).sum() - len(sizes) * math.log(noise))
    logarithm += 0.5 * counts @ np.log(np.divide(decay, noise))
    logarithm += 0.5 * len(info.hidden_biases) * math.log(evidence.BROAD_ALPHA)
    logarithm -= 0.0 if info.is_likelihood else 0.5 * n_residuals * math.log(2 * math.pi * noise)
    return [shares[rows].sum() for rows in info.decayed], parameters, logarithm


def both_ways(objective, weights, decay):
    """The evidence from the matrix of the weights, and from that of the residuals."""
    info = objective.info
    points = objective.at(weights, Derivatives.NORMAL), objective.in_sample_space(weights)
    assert points[0].system is None
    assert points[1].normal is None
    return [weigh(current, info, decay, info.decayed, broad=info.hidden_biases) for current in points]


@settings(max_examples=150, deadline=None)
@given(problem=problems(), decays=st.lists(DECAYS, min_size=6, max_size=6), block_size=st.sampled_from([None, 2]))
def test_both_ways_are_the_formulas_whatever_network_loss_and_weights(problem, decays, block_size):
    # Fewer residuals than weights, as many and more; several outputs, fixed and shared weights, sample weights.
    decay = tuple(decays[: len(problem.graph.layers)])
    assume(len(decay) == len(problem.graph.layers))
    objective = problem.but(penalty=WeightDecay(decay)).objective(form="pairs", block_size=block_size)
    current = objective.at(problem.weights, Derivatives.NORMAL)
    found = both_ways(objective, problem.weights, decay)
    assume(current.sums.sum() > 1e-6)
    determined, parameters, logarithm = twin(objective, current, decay)
    squares = [current.weights[rows] @ current.weights[rows] for rows in objective.info.decayed]
    bounds = evidence.LIKELIHOOD_ALPHA_RANGE if objective.info.is_likelihood else evidence.ALPHA_RANGE
    for one in found:
        assert one.parameters == pytest.approx(parameters, abs=1e-6)
        assert one.logarithm == pytest.approx(logarithm, rel=1e-6, abs=1e-6)
        assert one.parameters <= min(objective.n_weights, objective.n_samples * objective.n_outputs)
        alpha = np.clip(np.divide(determined, np.maximum(squares, 1e-300)), *bounds)
        assert_allclose(np.divide(one.decay, one.noise), alpha, rtol=1e-5)


def by_singular_values(objective, weights, decay):
    """γ a group and in all, from singular values of J: twice the digits of any matrix of products."""
    info = objective.info
    jacobian = objective.jacobian(weights)
    held = np.concatenate(info.decayed)
    strength = np.concatenate([np.full(len(rows), each) for each, rows in zip(decay, info.decayed, strict=True)])
    free = np.setdiff1d(np.arange(info.n_weights), held)
    basis = np.linalg.qr(jacobian[:, free])[0]
    scaled = jacobian[:, held] / np.sqrt(strength)
    _, sizes, vectors = np.linalg.svd(scaled - basis @ (basis.T @ scaled), full_matrices=False)
    shares = (vectors**2).T @ (sizes**2 / (1.0 + sizes**2))
    ends = np.cumsum([len(rows) for rows in info.decayed])[:-1]
    return [part.sum() for part in np.split(shares, ends)], shares.sum() + len(free)


def wiggly(n_samples, seed=0, copies=1):
    """38 weights, 8 of them biases, and two outputs; every sample as often as wanted."""
    rng = np.random.default_rng(seed)
    inputs, targets = rng.normal(size=(n_samples, 3)), rng.normal(size=(n_samples, 2))
    graph = feed_forward(3, 6, 2)
    objective = Objective(graph, np.repeat(inputs, copies, 0), np.repeat(targets, copies, 0), form="pairs")
    return objective, initial_weights(graph, rng=seed)


def without_broad(objective, weights, decay):
    """The evidence both ways, the biases free."""
    info = objective.info
    current = objective.at(weights, Derivatives.NORMAL)
    for each, rows in zip(decay, info.decayed, strict=True):
        current.normal[rows, rows] += each
    return [weigh(each, info, decay, info.decayed) for each in (current, objective.in_sample_space(weights))]


@pytest.mark.parametrize("decay", [(1.0, 0.1), (1e-4, 1e-6), (1e-9, 1e-7)])
@pytest.mark.parametrize("n_samples", [10, 19, 60], ids=["fewer", "as many", "more"])
def test_small_decays_are_as_exact_as_a_matrix_of_products_allows(n_samples, decay):
    objective, weights = wiggly(n_samples)
    determined, parameters = by_singular_values(objective, weights, decay)
    squares = [weights[rows] @ weights[rows] for rows in objective.info.decayed]
    # Eigenvalues are known to some epsilons of the largest; a rate near 1 changes γ by as much.
    largest = np.linalg.norm(objective.jacobian(weights), 2) ** 2 / min(decay)
    error = max(1e-8, 40 * 38 * 2.0**-52 * largest)
    for one in without_broad(objective, weights, decay):
        assert one.parameters == pytest.approx(parameters, abs=error)
        assert one.parameters <= min(38, 2 * n_samples)
        alpha = np.array(one.decay) / one.noise
        assert_allclose(
            alpha, np.clip(np.divide(determined, squares), *evidence.ALPHA_RANGE), rtol=error / min(determined)
        )


@pytest.mark.parametrize(("n_samples", "copies"), [(10, 1), (9, 2), (5, 40), (3, 100)])
def test_no_decay_is_so_small_that_more_is_determined_than_different_rows_can(n_samples, copies):
    objective, weights = wiggly(n_samples, copies=copies)
    for decay in (1e-6, 1e-12, 1e-18, 1e-30, 1e-200):
        by_weights, by_residuals = without_broad(objective, weights, (decay, decay))
        assert 0 < by_weights.parameters <= 2 * n_samples + 1e-9
        assert by_residuals.parameters == pytest.approx(by_weights.parameters, abs=0.1 if decay > 1e-9 else 1.0)


def test_a_decay_of_zero_leaves_the_rank():
    objective, weights = wiggly(10)
    info = objective.info
    for current in (objective.at(weights, Derivatives.NORMAL), objective.in_sample_space(weights)):
        found = weigh(current, info, (0.0,), (np.arange(38),))
        assert found.parameters == 20
        assert math.isnan(found.logarithm)
        assert found.decay[0] / found.noise == pytest.approx(20 / (weights @ weights))


def test_what_is_not_finite_is_not_weighed():
    objective, weights = wiggly(10)
    for current in (objective.at(weights, Derivatives.NORMAL), objective.in_sample_space(weights)):
        assert weigh(current, objective.info, (1e-310, 1e-310), objective.info.decayed) is None


@pytest.mark.parametrize("hidden", [10, 30])
@pytest.mark.parametrize(
    "rule", [{}, {"algorithm": "trainbr"}, {"algorithm": "lbfgs"}], ids=["auto", "trainbr", "lbfgs"]
)
def test_thirty_rows_determine_no_more_than_thirty_weights(rule, hidden):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(30, 10))
    chosen = Settings(hidden, alpha="auto", seed=0, limits=Limits(max_epochs=60), **rule)
    fitting = Fitting(inputs, inputs[:, :1], chosen, "regression")
    list(fitting)
    run = fitting.training
    if rule.get("algorithm") == "trainbr":
        found = fitting.record.column("gamma")[2:]  # the first two points have no decay yet
    else:
        found = np.array([run.evidence.parameters])
    assert fitting.network.n_weights > 100
    assert (found > 0).all()
    assert (found <= 30).all()


def test_weights_without_a_decay_are_split_alike_whether_few_or_many():
    rng = np.random.default_rng(0)
    graph = feed_forward(3, 8, 1)
    objective = Objective(graph, rng.normal(size=(12, 3)), rng.normal(size=(12, 1)), form="samples")
    system = objective.at(rng.normal(size=graph.n_weights), Derivatives.NORMAL).system
    free = objective.info.decayed[0]  # 24 columns of 12 rows
    labels = np.zeros(graph.n_weights)
    labels[free] = evidence.FREE
    gram = system.grams(labels)[evidence.FREE]
    many = evidence._split_free(system, graph.n_weights, free, gram)
    few = evidence._split_free(system, graph.n_weights, free, None)
    assert_allclose(many[0] @ many[0].T, few[0] @ few[0].T, atol=1e-8)
    # Squares lose half of the digits of the smallest.
    assert_allclose(np.sort(many[1]), np.sort(few[1]), rtol=1e-6)
    assert_allclose(many[2], few[2], atol=1e-6)
    assert many[2].sum() == pytest.approx(12.0)
    assert not many[2][labels != evidence.FREE].any()
