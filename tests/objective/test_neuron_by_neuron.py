"""Neuron by neuron: the method as published gives the engine's matrix, whatever the network."""

from __future__ import annotations

import numpy as np
from helpers.closeness import assert_to_rounding
from helpers.problems import problems
from hypothesis import given, settings

from marquardt.algorithms import LevenbergMarquardt, NeuronByNeuron
from marquardt.networks import Layer, LayerGraph, Network, cascade_forward, initial_weights
from marquardt.objective import Derivatives, Objective
from marquardt.training import Limits, Training

CORNERS = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], dtype=float)
PARITY = CORNERS.prod(axis=1, keepdims=True)


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_the_quasi_hessian_is_the_block_form_taken_apart(problem):
    ours, block = problem.at(form="neuron_by_neuron"), problem.at(form="pairs")
    for name in ("gradient", "normal"):
        expected = getattr(block, name)
        scale = np.abs(expected).max() + 1.0
        assert_to_rounding(getattr(ours, name), expected, scale=scale, summands=problem.graph.n_weights * 10)


def test_a_chain_of_two_units_worked_out_by_hand():
    # y1 = tanh(w0 x + w1), y2 = w2 y1 + w3 x + w4; the error's derivatives by the chain rule.
    graph = LayerGraph(1, (Layer(1, "tanh", name="a"), Layer(1, "identity", ("a", "inputs"), name="out")))
    w = np.array([0.5, -0.2, 1.5, 0.3, 0.1])
    x, t = 0.7, 2.0
    y1 = np.tanh(w[0] * x + w[1])
    slope = 1 - y1**2
    row = np.array([w[2] * slope * x, w[2] * slope, y1, x, 1.0])
    error = w[2] * y1 + w[3] * x + w[4] - t
    current = Objective(graph, [[x]], [[t]], form="neuron_by_neuron").at(w, Derivatives.NORMAL)
    np.testing.assert_allclose(current.gradient, error * row, rtol=1e-15)
    np.testing.assert_allclose(current.normal, np.outer(row, row), rtol=1e-14)  # a product of two rounded factors


def test_the_rule_takes_its_form_and_walks_the_path_of_the_flagship():
    graph = cascade_forward(3, (1, 1), 1, output_activation="tanh")  # fully connected cascade of three units
    start = Network(graph, initial_weights(graph, "uniform", rng=4))
    runs = [
        Training(start, CORNERS, PARITY, rule=rule, limits=Limits(max_epochs=5))
        for rule in (NeuronByNeuron(), LevenbergMarquardt())
    ]
    for run in runs:
        list(run)
    assert runs[0].objective.plan.form == "neuron_by_neuron"
    assert runs[0].record.algorithm == "neuron_by_neuron"
    # Five damped solves: rounding times a condition number of at most 1e3.
    np.testing.assert_allclose(runs[0].network.weights, runs[1].network.weights, rtol=1e-9)
