"""The weighted mean of networks is one network."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logit

from marquardt.errors import ConfigurationError, ShapeError
from marquardt.networks import (
    LayerGraph,
    Network,
    Scaling,
    averaged,
    bridged_multilayer,
    cascade_forward,
    feed_forward,
    fully_connected_cascade,
    time_delay,
)

RNG = np.random.default_rng(5)
INPUTS = RNG.normal(size=(30, 3))
SCALINGS = (Scaling([1.0, 0.0, -2.0], [0.5, 2.0, 1.0]), Scaling([3.0, -1.0], [0.1, 4.0]))


def drawn(graph: LayerGraph, scalings: tuple[Scaling | None, Scaling | None] = SCALINGS) -> Network:
    return Network(graph, RNG.normal(size=graph.n_weights), *scalings)


GRAPHS = {
    "equal": [feed_forward(3, 4, 2)] * 3,
    "sizes": [feed_forward(3, size, 2) for size in (1, 5, 2)],
    "activations": [feed_forward(3, 2, 2, activation) for activation in ("tanh", "logistic", "tanh")],
    "with a linear one": [feed_forward(3, 4, 2), feed_forward(3, (), 2), cascade_forward(3, 2, 2)],
    "deep": [feed_forward(3, (4, 3), 2), feed_forward(3, (2, 2, 2), 2), feed_forward(3, 4, 2)],
    "crossed": [bridged_multilayer(3, (2, 2), 2), fully_connected_cascade(3, 3, 2), cascade_forward(3, (2, 3), 2)],
    "biases": [feed_forward(3, 2, 2, bias=False), feed_forward(3, 2, 2)],
    "only without": [feed_forward(3, 2, 2, bias=False)] * 2,
}


@pytest.mark.parametrize("graphs", GRAPHS.values(), ids=GRAPHS)
def test_outputs_are_the_weighted_mean(graphs):
    networks = [drawn(graph) for graph in graphs]
    shares = RNG.dirichlet(np.ones(len(networks)))
    mean = sum(share * network.outputs(INPUTS) for share, network in zip(shares, networks, strict=True))
    one = averaged(networks, shares)
    assert_allclose(one.outputs(INPUTS), mean, rtol=0, atol=1e-12 * np.abs(mean).max())  # sums in another order
    assert isinstance(one.graph, LayerGraph)


def test_shares_are_equal_unless_given():
    networks = [drawn(feed_forward(3, 4, 2)) for _ in range(4)]
    mean = np.mean([network.outputs(INPUTS) for network in networks], axis=0)
    assert_allclose(averaged(networks).outputs(INPUTS), mean, rtol=0, atol=1e-12 * np.abs(mean).max())


def test_networks_with_one_hidden_layer_stand_side_by_side_in_one():
    one = averaged([drawn(feed_forward(3, size, 2)) for size in (2, 3)])
    assert [layer.size for layer in one.graph.layers] == [5, 2]
    assert one.graph.layers[0].name == "hidden1"
    assert one.n_weights == feed_forward(3, 5, 2).n_weights


def test_what_the_weights_lack_to_one_is_zero_in_scaled_targets():
    network = drawn(feed_forward(3, 4, 2))
    nothing = averaged([network], [0.0])
    assert_allclose(nothing.outputs(INPUTS), np.tile(SCALINGS[1].offset, (30, 1)), rtol=1e-15)
    half = averaged([network], [0.5]).outputs(INPUTS)
    assert_allclose(half, (network.outputs(INPUTS) + SCALINGS[1].offset) / 2, rtol=1e-12)


def test_networks_without_weight_are_left_out():
    networks = [drawn(feed_forward(3, 4, 2)) for _ in range(3)]
    assert averaged(networks, [0.0, 1.0, 0.0]).n_weights == networks[0].n_weights


@pytest.mark.parametrize("activation", ["softmax", "logistic"])
def test_probabilities_are_averaged_by_their_log_odds(activation):
    networks = [drawn(feed_forward(3, 4, 2, output_activation=activation), (SCALINGS[0], None)) for _ in range(3)]
    shares = np.array([0.2, 0.5, 0.3])

    def log_odds(network):
        probabilities = network.outputs(INPUTS)
        if activation == "logistic":
            return logit(probabilities)
        return np.log(probabilities) - np.log(probabilities).mean(axis=1, keepdims=True)

    mean = sum(share * log_odds(network) for share, network in zip(shares, networks, strict=True))
    assert_allclose(log_odds(averaged(networks, shares)), mean, atol=1e-9)  # logit loses digits near 1


def test_fixed_and_shared_weights_are_ordinary_ones_in_the_mean():
    network = drawn(feed_forward(3, 4, 2))
    frozen = network.freeze("hidden1")
    assert_array_equal(averaged([frozen]).outputs(INPUTS), averaged([network]).outputs(INPUTS))


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (drawn(feed_forward(2, 4, 2), (None, None)), "network 1 has 2 inputs and not 3"),
        (drawn(feed_forward(3, 4, 1), (SCALINGS[0], None)), "network 1 has 1 outputs and not 2"),
        (drawn(feed_forward(3, 4, 2, output_activation="tanh")), "network 1 has tanh outputs and not identity"),
        (drawn(feed_forward(3, 4, 2), (SCALINGS[0], None)), "network 1 has other scalings than network 0"),
        (drawn(time_delay(3, 4, 2)), "averaged takes every row as a sample"),
    ],
)
def test_networks_that_do_not_fit_together_are_refused(other, says):
    with pytest.raises(ConfigurationError, match=says):
        averaged([drawn(feed_forward(3, 4, 2)), other])


def test_there_must_be_a_network_and_a_weight_for_each():
    with pytest.raises(ShapeError, match="at least one"):
        averaged([])
    with pytest.raises(ShapeError, match=r"shape \(2,\) for 1 networks"):
        averaged([drawn(feed_forward(3, 4, 2))], [0.5, 0.5])
