"""The objective of many networks: lane by lane the same as one at a time."""

from __future__ import annotations

import numpy as np
import pytest

from marquardt.errors import ConfigurationError, ShapeError
from marquardt.losses import Cauchy, Huber, LogisticCrossEntropy, SoftL1, SoftmaxCrossEntropy, Squares, WeightDecay
from marquardt.networks import INPUTS, Layer, LayerGraph, Scaling, cascade_forward, feed_forward
from marquardt.objective import BatchedObjective, Need, Objective

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


def points(graph, n_lanes=7, seed=1):
    return np.random.default_rng(seed).normal(size=(n_lanes, graph.n_weights))


def derived(batched, weights, bar=np.inf):
    gradient = np.full(weights.shape, np.nan)
    normal = np.full((*weights.shape, weights.shape[1]), np.nan)
    sums, losses = batched.equations(weights, np.broadcast_to(bar, len(weights)), gradient, normal)
    return sums, losses, gradient, normal


def assert_lanes_are_single(graph, loss, **options):
    inputs, targets = data(graph)
    single = Objective(graph, inputs, targets, loss, **options)
    batched = BatchedObjective(graph, inputs, targets, loss, **options)
    weights = points(graph)
    sums, losses, gradient, normal = derived(batched, weights)
    performances, means, norms = batched.performances(sums), batched.mean_losses(sums), batched.gradient_norms(gradient)
    for k, point in enumerate(weights):
        here = single.at(point, Need.NORMAL)
        # Sums over samples and units in another order: some ulps of the largest summand.
        np.testing.assert_allclose(losses[k], here.loss, rtol=1e-13)
        np.testing.assert_allclose(sums[k], here.sums, rtol=1e-12)
        np.testing.assert_allclose(gradient[k], here.gradient, rtol=0, atol=1e-12 * np.abs(here.normal).max() + 1e-12)
        lower = np.tril_indices(graph.n_weights)
        np.testing.assert_allclose(
            normal[k][lower], here.normal[lower], rtol=0, atol=1e-13 * np.abs(here.normal).max() * N_SAMPLES
        )
        np.testing.assert_allclose(performances[k], single.performance(here), rtol=1e-12)
        np.testing.assert_allclose(means[k], single.mean_loss(here), rtol=1e-12)
        np.testing.assert_allclose(norms[k], single.gradient_norm(here), rtol=1e-10)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_lane_is_the_network_by_itself(name, loss):
    graph = GRAPHS[name]
    chosen = LOSSES[loss] or Squares(tuple(np.arange(1.0, graph.n_outputs + 1.0)))
    assert_lanes_are_single(graph, chosen)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("loss", ["squares", "huber"])
def test_with_weights_penalty_rows_and_scalings_too(name, loss):
    graph = GRAPHS[name]
    inputs, targets = data(graph)
    assert_lanes_are_single(
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
    assert_lanes_are_single(graph, LogisticCrossEntropy(), sample_weight=np.linspace(0.5, 2.0, N_SAMPLES))


@pytest.mark.parametrize("name", ["one hidden layer", "cascade", "above 40 weights"])
def test_chunks_and_order_of_lanes_change_rounding_only(name):
    graph = GRAPHS[name]
    batched = BatchedObjective(graph, *data(graph))
    weights = points(graph, n_lanes=11)
    _, losses, gradient, normal = derived(batched, weights)
    order = np.random.default_rng(2).permutation(11)
    batched.lanes_each = 3
    _, mixed_losses, mixed_gradient, mixed_normal = derived(batched, weights[order])
    np.testing.assert_allclose(mixed_losses, losses[order], rtol=1e-14)
    np.testing.assert_allclose(mixed_gradient, gradient[order], rtol=0, atol=1e-13 * np.abs(gradient).max())
    np.testing.assert_allclose(
        np.tril(mixed_normal), np.tril(normal[order]), rtol=0, atol=1e-13 * np.abs(np.tril(normal)).max()
    )


@pytest.mark.parametrize("chunk", [2, 100])
def test_derivatives_are_written_below_the_bar_only(chunk):
    graph = GRAPHS["two hidden layers"]
    batched = BatchedObjective(graph, *data(graph))
    batched.lanes_each = chunk
    weights = points(graph)
    _, losses, gradient, normal = derived(batched, weights)
    bar = np.median(losses)
    assert (losses == bar).sum() == 1  # equal is not below
    _, _, some_gradient, some_normal = derived(batched, weights, bar)
    for k, loss in enumerate(losses):
        if loss < bar:
            np.testing.assert_allclose(some_gradient[k], gradient[k], rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(some_normal[k], normal[k], rtol=1e-12, atol=1e-12)
        else:
            assert np.isnan(some_gradient[k]).all()
            assert np.isnan(some_normal[k]).all()


def test_a_lane_that_overflows_has_an_infinite_loss_and_no_derivatives():
    graph = feed_forward(3, 4, 1, activation="relu")
    batched = BatchedObjective(graph, *data(graph))
    weights = points(graph)
    weights[3] *= 1e200
    _, losses, gradient, _ = derived(batched, weights)
    assert np.isinf(losses).tolist() == [k == 3 for k in range(7)]
    assert np.isnan(gradient).any(axis=1).tolist() == [k == 3 for k in range(7)]
    assert np.isinf(batched.performances(np.array([[np.nan], [np.inf], [1.0]]))).tolist() == [True, True, False]


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), Squares()])
def test_outputs_that_depend_on_each_other_are_refused(loss):
    graph = feed_forward(3, 2, 2, output_activation="softmax")
    targets = np.tile([0.0, 1.0], (N_SAMPLES, 1))
    with pytest.raises(ConfigurationError, match=r"got a softmax output.*one after the other"):
        BatchedObjective(graph, data(graph)[0], targets, loss)


def test_weights_without_lanes_are_refused():
    graph = GRAPHS["linear"]
    with pytest.raises(ShapeError, match=r"\(n_lanes, 8\), got \(8,\)"):
        BatchedObjective(graph, *data(graph)).losses(np.zeros(8))
