"""The exact Hessian and its products, against automatic differentiation and against themselves."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import hessian as hessian_of
from helpers.closeness import assert_to_rounding
from helpers.problems import Problem, problems, random_targets
from helpers.reference import LINKS, SMOOTH, loss_parts, outputs_of, penalty_diagonal
from hypothesis import given, settings
from hypothesis import strategies as st

from marquardt.errors import ConfigurationError
from marquardt.losses import Cauchy, Huber, SoftmaxCrossEntropy, Squares, WeightDecay
from marquardt.networks import (
    ACTIVATIONS,
    Activation,
    Layer,
    LayerGraph,
    cascade_forward,
    feed_forward,
    register_activation,
)
from marquardt.objective import Derivatives, Objective

ULPS = 256
"""Rounding a summand: a Hessian goes through the network four times."""


def expected_hessian(problem):
    """By automatic differentiation of the independent implementation, and the size of its summands."""
    graph, loss = problem.graph, problem.loss

    def data_loss(w):
        outputs = outputs_of(graph, w, problem.inputs, loss.name in LINKS)
        return anp.sum(loss_parts(loss, outputs, problem.targets) * problem.weight_table)

    diagonal = np.zeros(graph.n_weights)
    if problem.penalty is not None:
        alpha = problem.penalty.alpha
        alphas = alpha if isinstance(alpha, tuple) else (alpha,) * len(graph.layers)
        diagonal = penalty_diagonal(graph, alphas, problem.penalty.include_biases)
    return hessian_of(data_loss)(problem.weights) + np.diag(diagonal)


def scale_of(problem, expected):
    """The size of what is added up: the summands may cancel, so the sum over samples and units of the largest."""
    return np.abs(expected).max() + np.abs(problem.at(Derivatives.NORMAL).normal).max() + 10.0 * len(problem.inputs)


def holds_against_automatic_differentiation(problem):
    expected = expected_hessian(problem)
    current = problem.at(Derivatives.HESSIAN)
    gradient = problem.at(Derivatives.GRADIENT)
    scale, summands = scale_of(problem, expected), problem.graph.n_weights
    assert_to_rounding(current.hessian, expected, scale=scale, summands=summands, ulps=ULPS)
    assert np.array_equal(current.hessian, current.hessian.T)
    assert current.hessian.flags.c_contiguous
    vectors = np.random.default_rng(0).normal(size=(problem.graph.n_weights, 3))
    trial = problem.at(Derivatives.PRODUCT)
    assert_to_rounding(trial.times(vectors), expected @ vectors, scale=3 * scale, summands=summands, ulps=ULPS)
    for point in (current, trial):
        assert point.loss == pytest.approx(gradient.loss, rel=1e-14)
        assert_to_rounding(point.gradient, gradient.gradient, scale=scale, summands=summands)


@settings(max_examples=12)
@given(problem=problems(only_smooth=True))
def test_everything_equals_automatic_differentiation(problem):
    holds_against_automatic_differentiation(problem)


@pytest.mark.slow
@settings(max_examples=300)
@given(problem=problems(max_samples=20))
def test_everything_equals_automatic_differentiation_at_length(problem):
    holds_against_automatic_differentiation(problem)


@settings(max_examples=40)
@given(problem=problems())
def test_products_with_the_identity_are_the_hessian(problem):
    full, trial = problem.at(Derivatives.HESSIAN).hessian, problem.at(Derivatives.PRODUCT)
    n_weights = problem.graph.n_weights
    scale = scale_of(problem, full)
    assert_to_rounding(trial.times(np.eye(n_weights)), full, scale=scale, summands=n_weights)
    one = np.random.default_rng(1).normal(size=n_weights)
    assert trial.times(one).shape == (n_weights,)
    assert_to_rounding(trial.times(one), full @ one, scale=3 * scale, summands=n_weights)


@settings(max_examples=40)
@given(problem=problems(), block_size=st.integers(1, 5))
def test_block_size_changes_rounding_only(problem, block_size):
    whole = problem.at(Derivatives.HESSIAN)
    scale, summands = scale_of(problem, whole.hessian), problem.graph.n_weights
    parts = problem.at(Derivatives.HESSIAN, block_size=block_size)
    assert_to_rounding(parts.hessian, whole.hessian, scale=scale, summands=summands)
    assert_to_rounding(parts.gradient, whole.gradient, scale=scale, summands=summands)
    vector = np.random.default_rng(1).normal(size=summands)
    product = problem.at(Derivatives.PRODUCT, block_size=block_size).times(vector)
    assert_to_rounding(product, whole.hessian @ vector, scale=3 * scale, summands=summands)


@settings(max_examples=30)
@given(problem=problems(only_squares=True))
def test_without_hidden_layers_the_hessian_is_gauss_newtons(problem):
    line = feed_forward(problem.graph.n_inputs, (), problem.graph.n_outputs)
    problem = problem.but(graph=line, weights=np.ones(line.n_weights), penalty=WeightDecay(0.3))
    normal = problem.at(Derivatives.NORMAL).normal
    assert_to_rounding(problem.at(Derivatives.HESSIAN).hessian, normal, summands=len(problem.inputs))


@settings(max_examples=40)
@given(problem=problems(only_squares=True, hidden=SMOOTH))
def test_at_zero_residual_the_hessian_is_gauss_newtons(problem):
    problem = problem.but(targets=outputs_of(problem.graph, problem.weights, problem.inputs))
    normal = problem.at(Derivatives.NORMAL).normal
    found = problem.at(Derivatives.HESSIAN).hessian
    # The targets are from another implementation: residuals are rounding, times second derivatives below 1e3.
    assert_to_rounding(found, normal, scale=np.abs(normal).max() + 10.0, summands=problem.graph.n_weights, ulps=ULPS)


@settings(max_examples=60)
@given(problem=problems(hidden=SMOOTH, only_smooth=True))
def test_taylor_error_of_the_gradient_falls_with_slope_two(problem):
    direction = np.random.default_rng(0).normal(size=problem.graph.n_weights)
    direction /= np.linalg.norm(direction)
    current = problem.at(Derivatives.PRODUCT)
    rate = current.times(direction)
    lengths = 2.0 ** -np.arange(9, 14)
    errors = []
    for length in lengths:
        trial = problem.but(weights=problem.weights + length * direction).at(Derivatives.GRADIENT)
        errors.append(np.linalg.norm(trial.gradient - current.gradient - length * rate))
    errors = np.array(errors)
    if (errors < 1e-11 * (np.abs(current.gradient).max() + 1.0)).any():
        return  # nearly quadratic along this direction: nothing but rounding to see
    assert (np.diff(np.log(errors)) / np.diff(np.log(lengths))).min() > 1.85


N_SAMPLES = 300


def a_problem(graph, loss, seed=0, **others):
    rng = np.random.default_rng(seed)
    return Problem(
        graph,
        rng.uniform(-1, 1, (N_SAMPLES, graph.n_inputs)),
        random_targets(loss, rng, N_SAMPLES, graph.n_outputs),
        loss,
        rng.normal(size=graph.n_weights),
        **others,
    )


LARGER = {
    "two hidden layers": a_problem(feed_forward(6, (9, 7), 2), Squares((1.0, 2.0))),
    "cascade": a_problem(cascade_forward(5, (6, 4), 3), Cauchy(0.5), penalty=WeightDecay(0.2)),
    "softmax": a_problem(
        feed_forward(4, (8,), 5, output_activation="softmax"),
        SoftmaxCrossEntropy(),
        sample_weight=np.random.default_rng(3).uniform(0, 2, N_SAMPLES),
    ),
    "softmax under squares": a_problem(feed_forward(3, (5,), 4, output_activation="softmax"), Squares()),
    "wide fan-in": a_problem(feed_forward(40, (3, 2), 2), Squares()),
    "skip connections, no biases": a_problem(
        LayerGraph(
            3,
            (
                Layer(4, "tanh", ("inputs",), bias=False, name="a"),
                Layer(3, "logistic", ("inputs", "a"), name="b"),
                Layer(2, "sine", ("a",), bias=False, name="c"),
                Layer(3, "tanh", ("c", "b", "inputs"), bias=False, name="out"),
            ),
        ),
        Squares(),
    ),
}


@pytest.mark.parametrize("case", LARGER)
def test_larger_networks_equal_differences_of_the_gradient(case, monkeypatch):
    monkeypatch.setattr("marquardt.objective.second_order.CHUNK_BYTES", 1 << 18)  # ten directions or so at a time
    problem = LARGER[case]
    objective = problem.objective(block_size=64)
    hessian = objective.at(problem.weights, Derivatives.HESSIAN).hessian
    products = objective.at(problem.weights, Derivatives.PRODUCT).times(np.eye(problem.graph.n_weights))
    assert_to_rounding(products, hessian, summands=N_SAMPLES)
    width, weights = 1e-3, (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    for k in range(0, problem.graph.n_weights, 7):
        unit = width * np.eye(problem.graph.n_weights)[k]
        row = sum(
            weight
            * (
                objective.at(problem.weights + j * unit, Derivatives.GRADIENT).gradient
                - objective.at(problem.weights - j * unit, Derivatives.GRADIENT).gradient
            )
            for j, weight in enumerate(weights, start=1)
        )
        # Rounding of the gradient, 300 summands of about 10, over the width.
        np.testing.assert_allclose(hessian[k], row / width, rtol=0, atol=1e-8)


def test_products_hold_after_other_points_have_been_looked_at():
    problem = LARGER["cascade"]
    objective = problem.objective()
    vector = np.random.default_rng(0).normal(size=problem.graph.n_weights)
    current = objective.at(problem.weights, Derivatives.PRODUCT)
    before = current.times(vector)
    for need in Derivatives:
        objective.at(problem.weights + 0.1, need)
    assert np.array_equal(current.times(vector), before)


def test_products_are_the_same_where_the_passes_are_too_large_to_keep(monkeypatch):
    problem = LARGER["cascade"]
    vectors = np.random.default_rng(0).normal(size=(problem.graph.n_weights, 2))
    kept = problem.at(Derivatives.PRODUCT, block_size=50).times(vectors)
    monkeypatch.setattr("marquardt.objective.plan.KEPT_BYTES", 0)
    assert np.array_equal(problem.at(Derivatives.PRODUCT, block_size=50).times(vectors), kept)


def test_products_plan_no_matrix():
    graph = feed_forward(60, (80,), 3)
    inputs, targets = np.zeros((50, 60)), np.zeros((50, 3))
    plans = {
        need: Objective(graph, inputs, targets, most=need, matrices=2 * (need is Derivatives.HESSIAN)).plan
        for need in Derivatives
    }
    assert plans[Derivatives.PRODUCT].form == plans[Derivatives.GRADIENT].form
    assert plans[Derivatives.PRODUCT].memory > plans[Derivatives.GRADIENT].memory
    assert plans[Derivatives.PRODUCT].memory < 8 * graph.n_weights**2 / 10 < plans[Derivatives.HESSIAN].memory


def test_beyond_the_scale_of_a_huber_loss_there_is_no_curvature_but_the_networks_own():
    line = feed_forward(1, (), 1)
    problem = Problem(line, np.array([[1.0], [2.0]]), np.array([[0.0], [9.0]]), Huber(1.0), np.array([0.1, 0.1]))
    assert problem.at(Derivatives.HESSIAN).hessian.tolist() == [[1.0, 1.0], [1.0, 1.0]]


@pytest.fixture
def own_activation():
    """An activation without a second derivative, gone after the test."""
    before = dict(ACTIVATIONS)
    yield register_activation(Activation("own", np.arctan, lambda net, a: 1 / (1 + net**2)))
    ACTIVATIONS.clear()
    ACTIVATIONS.update(before)


@pytest.mark.parametrize("need", [Derivatives.PRODUCT, Derivatives.HESSIAN])
def test_what_has_no_second_derivative_is_named(own_activation, need):
    problem = a_problem(feed_forward(1, (2,), 1, activation="own"), Squares())
    objective = problem.objective()
    assert objective.info.lacks_second_derivative == "the activation 'own'"
    with pytest.raises(ConfigurationError, match=r"the activation 'own' has none.*Derivatives.NORMAL"):
        objective.at(problem.weights, need)


def test_a_loss_without_a_second_derivative_is_named():
    class Plain:
        """A loss of a user's own, with the functions that every loss has."""

        name, metric, link = "plain", "loss", None
        value, slope, curvature = (getattr(Squares(), what) for what in ("value", "slope", "curvature"))

    problem = a_problem(feed_forward(1, (2,), 1), Squares()).but(loss=Plain())
    assert problem.objective().info.lacks_second_derivative == "the loss 'plain'"


def test_every_activation_and_loss_here_has_a_second_derivative():
    assert all(activation.second is not None for activation in ACTIVATIONS.values() if activation.elementwise)
    for problem in LARGER.values():
        assert problem.objective().info.lacks_second_derivative is None


@pytest.mark.parametrize("need", [Derivatives.PRODUCT, Derivatives.HESSIAN])
def test_a_point_that_overflows_has_infinite_loss_and_nothing_else(need):
    problem = a_problem(feed_forward(1, (3,), 1, activation="identity"), Squares())
    current = problem.but(weights=np.full(10, 1e200)).at(need)
    assert current.loss == np.inf
    assert current.gradient is None
    assert current.hessian is None
    assert current.times is None


def test_every_look_is_counted():
    problem = LARGER["cascade"]
    objective = problem.objective()
    current = objective.at(problem.weights, Derivatives.PRODUCT)
    current.times(problem.weights)
    objective.at(problem.weights, Derivatives.HESSIAN)
    assert objective.evaluations == {"value": 0, "gradient": 0, "normal": 0, "product": 1, "hessian": 1}
