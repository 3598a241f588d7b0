"""The objective of many networks: network by network the same as one at a time."""

from __future__ import annotations

import numpy as np
import pytest

from marquardt.errors import ShapeError
from marquardt.losses import Cauchy, Huber, LogisticCrossEntropy, SoftL1, SoftmaxCrossEntropy, Squares, WeightDecay
from marquardt.networks import INPUTS, Layer, LayerGraph, Scaling, cascade_forward, feed_forward
from marquardt.objective import ArraySource, BatchedObjective, Derivatives, Objective

pytestmark = pytest.mark.usefixtures("with_and_without_kernel")

N_SAMPLES = 23
GRAPHS = {
    "linear": feed_forward(3, (), 2),
    "one hidden layer": feed_forward(3, 4, 1),
    "two hidden layers": feed_forward(3, (4, 3), 2, activation="softplus"),
    "tanh output": feed_forward(3, 2, 1, output_activation="tanh"),
    "several bent outputs": feed_forward(3, (2, 2), 3, output_activation="logistic"),
    "cascade": cascade_forward(3, (1, 2, 1), 2),
    "above 40 weights": feed_forward(3, 9, 1, activation="elliot"),
    "without biases": LayerGraph(
        3,
        (
            Layer(4, "tanh", (INPUTS,), name="a", bias=False),
            Layer(2, "identity", (INPUTS, "a"), name="b", bias=False),
            Layer(2, "identity", ("a", INPUTS, "b"), name="out", bias=False),
        ),
    ),
}
GRAPHS["fixed and shared"] = (
    GRAPHS["cascade"]
    .with_shared({("hidden2", "inputs"): [[0, 1, 2], [1, 2, -1]]})
    .with_fixed({("hidden2", "hidden1"): 0.5, ("output", "bias"): [np.nan, -1.0]})
)
LOSSES = {
    "squares": Squares(),
    "weighted outputs": None,
    "huber": Huber(0.3),
    "cauchy": Cauchy(0.5),
    "soft_l1": SoftL1(0.5),
}


def data(graph, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N_SAMPLES, 3)), rng.uniform(0.0, 1.0, size=(N_SAMPLES, graph.n_outputs))


def points(graph, n_networks=7, seed=1):
    return np.random.default_rng(seed).normal(size=(n_networks, graph.n_weights))


def batched_objective(graph, inputs, targets, loss=None, sample_weight=None, rows=None, **options):
    source = ArraySource(inputs, targets, sample_weight, rows)
    return BatchedObjective.of(graph, source, loss, form="explicit", block_size=len(inputs), threads=1, **options)


def assert_networks_are_single(graph, loss, is_probability=False, **options):
    inputs, targets = data(graph)
    if is_probability:
        targets /= targets.sum(axis=1, keepdims=True)
    single = Objective(graph, inputs, targets, loss, **options)
    batched = batched_objective(graph, inputs, targets, loss, **options)
    weights = points(graph)
    sums, losses, gradient, normal = batched.equations(weights)
    assert np.array_equal(sums, batched.sums(weights))
    assert np.array_equal(losses, batched.losses(weights))
    performances, means, norms = batched.performances(sums), batched.mean_losses(sums), batched.gradient_norms(gradient)
    for k, point in enumerate(weights):
        current = single.at(point, Derivatives.NORMAL)
        # Sums over samples and units in another order: some ulps of the largest summand.
        np.testing.assert_allclose(losses[k], current.loss, rtol=1e-13)
        np.testing.assert_allclose(sums[k], current.sums, rtol=1e-12)
        np.testing.assert_allclose(
            gradient[k], current.gradient, rtol=0, atol=1e-12 * np.abs(current.normal).max() + 1e-12
        )
        lower = np.tril_indices(graph.n_weights)
        np.testing.assert_allclose(
            normal[k][lower], current.normal[lower], rtol=0, atol=1e-13 * np.abs(current.normal).max() * N_SAMPLES
        )
        np.testing.assert_allclose(performances[k], single.performance(current), rtol=1e-12)
        np.testing.assert_allclose(means[k], single.mean_loss(current), rtol=1e-12)
        np.testing.assert_allclose(norms[k], single.gradient_norm(current), rtol=1e-10)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("loss", LOSSES)
def test_each_is_the_network_by_itself(name, loss):
    graph = GRAPHS[name]
    chosen = LOSSES[loss] or Squares(tuple(np.arange(1.0, graph.n_outputs + 1.0)))
    assert_networks_are_single(graph, chosen)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("loss", ["squares", "huber"])
def test_with_weights_penalty_rows_and_scalings_too(name, loss):
    graph = GRAPHS[name]
    inputs, targets = data(graph)
    assert_networks_are_single(
        graph,
        LOSSES[loss],
        penalty=WeightDecay(0.3),
        sample_weight=np.linspace(0.0, 2.0, N_SAMPLES),
        rows=np.arange(2, N_SAMPLES, 2),
        input_scaling=Scaling.fit("minmax", inputs),
        target_scaling=Scaling.fit("standard", targets),
    )


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_cross_entropy_of_independent_outputs_is_taken(n_outputs):
    graph = feed_forward(3, 4, n_outputs, output_activation="logistic")
    assert_networks_are_single(graph, LogisticCrossEntropy(), sample_weight=np.linspace(0.5, 2.0, N_SAMPLES))


def test_a_network_that_overflows_has_an_infinite_loss_and_no_derivatives():
    graph = feed_forward(3, 4, 1, activation="relu")
    batched = batched_objective(graph, *data(graph))
    weights = points(graph)
    weights[3] *= 1e200
    _, losses, gradient, _ = batched.equations(weights)
    assert np.isinf(losses).tolist() == [k == 3 for k in range(7)]
    assert np.isnan(gradient).any(axis=1).tolist() == [k == 3 for k in range(7)]
    assert np.isinf(batched.performances(np.array([[np.nan], [np.inf], [1.0]]))).tolist() == [True, True, False]


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), Squares()])
def test_outputs_that_depend_on_each_other_are_taken(loss):
    assert_networks_are_single(feed_forward(3, 2, 2, output_activation="softmax"), loss, is_probability=True)


def test_weights_of_one_network_are_refused():
    graph = GRAPHS["linear"]
    with pytest.raises(ShapeError, match=r"\(n_networks, 8\), got \(8,\)"):
        batched_objective(graph, *data(graph)).losses(np.zeros(8))
