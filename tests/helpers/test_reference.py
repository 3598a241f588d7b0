"""The reference is right where the answer is known by hand."""

import numpy as np
import pytest

from helpers.closeness import assert_to_rounding
from helpers.problems import Problem
from helpers.reference import outputs_of, reference
from marquardt.losses import Cauchy, Squares, WeightDecay
from marquardt.networks import Layer, LayerGraph, feed_forward


def test_outputs_of_a_net_worked_out_by_hand():
    graph = LayerGraph(2, (Layer(1, "relu", name="a"), Layer(1, "identity", ("a", "inputs"), name="out")))
    # a = relu(1·3 + 2·4 + 5) = 16; out = 10·16 + 20·3 + 30·4 + 40.
    assert outputs_of(graph, np.array([1, 2, 5, 10, 20, 30, 40.0]), np.array([[3.0, 4.0]])) == 380.0


def test_line_through_the_origin():
    problem = Problem(
        feed_forward(1, (), 1),
        np.array([[0.0], [1.0]]),
        np.array([[1.0], [3.0]]),
        Squares((2.0,)),
        np.array([1.0, 0.0]),
        WeightDecay(10.0),
        np.array([1.0, 0.5]),
    )
    truth = reference(problem)
    assert truth.loss == 1.0 + 2.0 + 5.0
    assert truth.gradient.tolist() == [-2.0 + 10.0, -4.0]
    assert truth.normal.tolist() == [[11.0, 1.0], [1.0, 3.0]]


def test_negative_curvature_is_cut_off():
    problem = Problem(feed_forward(1, (), 1), np.zeros((1, 1)), np.full((1, 1), 5.0), Cauchy(), np.zeros(2))
    assert not reference(problem).normal.any()


def test_rounding_is_told_from_error():
    assert_to_rounding(np.array([1.0 + 1e-15]), np.array([1.0]))
    with pytest.raises(AssertionError):
        assert_to_rounding(np.array([1.0 + 1e-12]), np.array([1.0]))
