"""What losses and penalties refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

from marquardt.errors import ConfigurationError
from marquardt.losses import Cauchy, Huber, SoftL1, Squares, WeightDecay, loss_named
from marquardt.networks import Layer, LayerGraph, feed_forward


@pytest.mark.parametrize("kind", [Huber, Cauchy, SoftL1])
@pytest.mark.parametrize("scale", [0, -1.0, math.inf, math.nan, "1", None, True])
def test_a_scale_must_be_a_positive_number(kind, scale):
    with pytest.raises(ConfigurationError, match="scale of a robust loss"):
        kind(scale)


@pytest.mark.parametrize("weights", [(), (1.0, 0.0), (-1.0,), (math.inf,), (math.nan,), ("1",), 5.0, "12"])
def test_output_weights_must_be_positive_numbers(weights):
    with pytest.raises(ConfigurationError, match="output_weights"):
        Squares(weights)


def test_output_weights_may_be_an_array():
    assert Squares(np.array([1, 2])) == Squares([1.0, 2.0])


def test_an_unknown_loss_gets_the_nearest():
    with pytest.raises(ConfigurationError, match=r"loss must be one of .*got 'square'. Did you mean 'squares'"):
        loss_named("square")


def test_an_unknown_setting_is_named_with_those_there_are():
    with pytest.raises(ConfigurationError, match=r"squares has no setting 'scale'. It takes output_weights"):
        loss_named("squares", scale=1.0)
    with pytest.raises(ConfigurationError, match=r"softmax_cross_entropy has no setting 'scale'. It takes none"):
        loss_named("softmax_cross_entropy", scale=1.0)


@pytest.mark.parametrize("alpha", [-1.0, math.inf, math.nan, "0.1", None, (0.1, -1.0), np.ones((2, 2))])
def test_alpha_must_be_finite_and_not_negative(alpha):
    with pytest.raises(ConfigurationError, match="alpha"):
        WeightDecay(alpha)


@pytest.mark.parametrize("alpha", [(), (0.1,), (0.1, 0.2, 0.3)])
def test_alpha_by_layer_must_fit_the_layers(alpha):
    with pytest.raises(
        ConfigurationError, match=rf"alpha has {len(alpha)} values, the network 2 layers \(hidden1, output\)"
    ):
        WeightDecay(alpha).diagonal(feed_forward(1, 2, 1))


def test_alpha_by_layer_reaches_its_layer():
    graph = LayerGraph(1, (Layer(1, bias=False, name="a"), Layer(1, sources=("a",), name="b")))
    for alpha in ((1.0, 2.0), [1.0, 2.0], np.array([1.0, 2.0])):
        assert WeightDecay(alpha).diagonal(graph).tolist() == [1.0, 2.0, 0.0]
        assert WeightDecay(alpha, include_biases=True).diagonal(graph).tolist() == [1.0, 2.0, 2.0]
