"""How the outputs bend along a direction: against automatic differentiation, over any smooth problem."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad, jacobian
from helpers.problems import problems
from helpers.reference import LINKS, SMOOTH, curvatures, outputs_of
from hypothesis import given, settings
from hypothesis import strategies as st

from marquardt.networks import feed_forward
from marquardt.objective import Derivatives, Objective


def holds_against_automatic_differentiation(problem, seed):
    graph, loss, weights = problem.graph, problem.loss, problem.weights
    objective = Objective(
        graph, problem.inputs, problem.targets, loss, penalty=problem.penalty, sample_weight=problem.sample_weight
    )
    direction = np.random.default_rng(seed).normal(size=objective.n_weights)

    def outputs(w):
        return outputs_of(graph, w, problem.inputs, loss.name in LINKS)

    bent = jacobian(jacobian(lambda t: outputs(weights + t * direction)))(0.0)
    pull = np.einsum("sab,sb->sa", curvatures(loss, outputs(weights), problem.targets), bent)
    pull = pull * problem.weight_table
    expected = grad(lambda w: anp.sum(pull * outputs(w)))(weights)
    found = objective.at(weights, Derivatives.NORMAL).bend(direction)
    # Sums of a few hundred products, each of size up to the cube of weights and direction.
    size = 1.0 + np.abs(pull).sum() * (1.0 + np.abs(weights).max()) ** 3
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * size)


@settings(max_examples=10, deadline=None)
@given(problem=problems(hidden=SMOOTH, only_smooth=True, max_samples=3), seed=st.integers(0, 100))
def test_the_bend_is_that_of_automatic_differentiation(problem, seed):
    holds_against_automatic_differentiation(problem, seed)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(problem=problems(hidden=SMOOTH, only_smooth=True), seed=st.integers(0, 100))
def test_the_bend_is_that_of_automatic_differentiation_at_length(problem, seed):
    holds_against_automatic_differentiation(problem, seed)


@pytest.mark.parametrize("options", [{"block_size": 3}, {"form": "explicit"}, {"form": "pairs", "threads": 2}])
def test_blocks_and_forms_change_rounding_only(options):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    graph = feed_forward(2, (4, 3), 2)
    weights, direction = rng.normal(size=(2, graph.n_weights))
    whole = Objective(graph, x, y).at(weights, Derivatives.NORMAL).bend(direction)
    other = Objective(graph, x, y, **options).at(weights, Derivatives.NORMAL).bend(direction)
    np.testing.assert_allclose(other, whole, rtol=0, atol=1e-13 * np.abs(whole).max() * 20)  # an ulp a sample
    assert np.abs(whole).max() > 0.1


def test_a_linear_network_does_not_bend():
    rng = np.random.default_rng(0)
    graph = feed_forward(2, (), 1)
    objective = Objective(graph, rng.normal(size=(5, 2)), rng.normal(size=(5, 1)))
    assert not objective.at(np.ones(3), Derivatives.NORMAL).bend(np.ones(3)).any()
