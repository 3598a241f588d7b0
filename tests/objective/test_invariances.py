"""What may not change a result: blocks, threads, forms, repetition, order."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.closeness import assert_to_rounding
from helpers.permutation import permuted_units
from helpers.problems import SUMS, Problem, problems, random_targets
from hypothesis import given, settings
from hypothesis import strategies as st

from marquardt.losses import Cauchy, SoftmaxCrossEntropy, Squares, WeightDecay
from marquardt.networks import Layer, LayerGraph, WeightMap, cascade_forward, feed_forward
from marquardt.objective import Derivatives

N_SAMPLES = 700


def a_problem(graph, loss, seed=0, n_samples=N_SAMPLES, **others):
    rng = np.random.default_rng(seed)
    return Problem(
        graph,
        rng.uniform(-1, 1, (n_samples, graph.n_inputs)),
        random_targets(loss, rng, n_samples, graph.n_outputs),
        loss,
        rng.normal(size=graph.n_weights),
        **others,
    )


def assert_same(left, right, summands):
    """Loss, gradient and normal matrix agree to rounding, in proportion to the number of summands."""
    scale = abs(left.loss) + np.abs(left.normal).max() + 1.0
    assert_to_rounding(right.loss, left.loss, scale=scale, summands=summands, ulps=2)
    assert_to_rounding(right.sums, left.sums, scale=scale, summands=summands, ulps=2)
    assert_to_rounding(right.gradient, left.gradient, scale=scale, summands=summands, ulps=2)
    assert_to_rounding(right.normal, left.normal, scale=scale, summands=summands, ulps=2)


# Every way in which the sums over samples are organized: factored, diagonal and full sensitivities, shared rows.
SKIPPING = LayerGraph(
    3,
    (
        Layer(4, "tanh", ("inputs",), bias=False, name="a"),
        Layer(3, "identity", ("inputs", "a"), name="b"),
        Layer(3, "identity", ("b", "a"), bias=False, name="out"),
    ),
)
CASES = {
    "one output": a_problem(feed_forward(3, (7,), 1), Squares()),
    "one output, decay and weights": a_problem(
        feed_forward(3, (5, 4), 1),
        Squares((2.0,)),
        penalty=WeightDecay(0.1),
        sample_weight=np.random.default_rng(9).uniform(0, 2, N_SAMPLES),
    ),
    "several outputs": a_problem(feed_forward(3, (6, 5), 3), Squares((1.0, 2.0, 3.0))),
    "several outputs, cascade, weights": a_problem(
        cascade_forward(2, (4, 3), 3), Squares(), sample_weight=np.random.default_rng(9).uniform(0, 2, N_SAMPLES)
    ),
    "nonlinear outputs": a_problem(feed_forward(2, (5,), 3, output_activation="logistic"), Squares()),
    "softmax": a_problem(feed_forward(2, (6,), 4, output_activation="softmax"), SoftmaxCrossEntropy()),
    "softmax under squares": a_problem(feed_forward(2, (6,), 4, output_activation="softmax"), Squares()),
    "robust": a_problem(feed_forward(3, (6,), 2), Cauchy(0.5)),
    "skip connections, linear layers": a_problem(SKIPPING, Squares()),
    "linear": a_problem(feed_forward(5, (), 2), Squares()),
    "wide fan-in": a_problem(feed_forward(40, (3,), 2), Squares(), n_samples=300),
}


@pytest.fixture(params=CASES, scope="module")
def problem(request):
    return CASES[request.param]


# Neuron by neuron is a loop in Python.
FORMS = [pytest.param(form, marks=pytest.mark.slow) if form == "neuron_by_neuron" else form for form in SUMS]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("block_size", [1, 13, 128, 10_000])
def test_block_size_and_form_change_nothing(problem, form, block_size):
    if block_size == 1 and problem.graph.n_weights > 100:
        block_size = 2
    current = problem.at(form="explicit", block_size=len(problem.inputs))
    assert_same(current, problem.at(form=form, block_size=block_size), len(problem.inputs))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("need", Derivatives)
def test_threads_change_nothing(problem, form, need):
    alone = problem.at(need, form=form, block_size=50, threads=1)
    together = problem.at(need, form=form, block_size=50, threads=3)
    if need is Derivatives.NORMAL:
        assert_same(alone, together, len(problem.inputs))
    assert_to_rounding(together.loss, alone.loss, summands=len(problem.inputs))


@pytest.mark.parametrize("form", FORMS)
def test_an_objective_gives_the_same_numbers_again(problem, form):
    objective = problem.objective(form=form, block_size=100)
    first = objective.at(problem.weights, Derivatives.NORMAL)
    objective.at(problem.weights + 1.0, Derivatives.NORMAL)
    again = objective.at(problem.weights.copy(), Derivatives.NORMAL)
    assert first.loss == again.loss
    assert np.array_equal(first.gradient, again.gradient)
    assert np.array_equal(first.normal, again.normal)


def test_an_evaluation_does_not_change_when_the_next_point_is_looked_at(problem):
    for form in SUMS:
        objective = problem.objective(form=form)
        first = objective.at(problem.weights, Derivatives.NORMAL)
        gradient, normal = first.gradient.copy(), first.normal.copy()
        objective.at(problem.weights + 1.0, Derivatives.NORMAL)
        assert np.array_equal(first.gradient, gradient)
        assert np.array_equal(first.normal, normal)


@settings(max_examples=25)
@given(problem=problems(), form=st.sampled_from(SUMS))
def test_every_sample_twice_equals_weight_two(problem, form):
    problem = problem.but(sample_weight=None)
    twice = problem.but(inputs=np.tile(problem.inputs, (2, 1)), targets=np.tile(problem.targets, (2, 1)))
    heavy = problem.but(sample_weight=np.full(len(problem.inputs), 2.0))
    assert_same(twice.at(form=form), heavy.at(form=form), len(twice.inputs) * problem.graph.n_weights)
    assert twice.objective().performance(twice.at()) == pytest.approx(
        heavy.objective().performance(heavy.at()), rel=1e-13
    )


@settings(max_examples=25)
@given(problem=problems(max_samples=8), form=st.sampled_from(SUMS))
def test_weight_zero_equals_removal(problem, form):
    rng = np.random.default_rng(len(problem.inputs))
    inputs = np.concatenate([problem.inputs, rng.normal(size=problem.inputs.shape)])
    targets = np.concatenate([problem.targets, problem.targets[::-1]])
    weight = np.repeat([1.0, 0.0], len(problem.inputs))
    silent = problem.but(inputs=inputs, targets=targets, sample_weight=weight)
    removed = problem.but(sample_weight=None)
    assert_same(removed.at(form=form), silent.at(form=form), len(inputs) * problem.graph.n_weights)
    assert silent.objective().performance(silent.at()) == pytest.approx(
        removed.objective().performance(removed.at()), rel=1e-13
    )


@settings(max_examples=25)
@given(problem=problems(), form=st.sampled_from(SUMS), seed=st.integers(0, 1000))
def test_order_of_samples_does_not_matter(problem, form, seed):
    order = np.random.default_rng(seed).permutation(len(problem.inputs))
    weight = None if problem.sample_weight is None else problem.sample_weight[order]
    shuffled = problem.but(inputs=problem.inputs[order], targets=problem.targets[order], sample_weight=weight)
    assert_same(problem.at(form=form), shuffled.at(form=form), len(order) * problem.graph.n_weights)


@settings(max_examples=25)
@given(problem=problems(), form=st.sampled_from(SUMS), seed=st.integers(0, 1000))
def test_rows_choose_the_samples(problem, form, seed):
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(problem.inputs))[: rng.integers(1, len(problem.inputs) + 1)])
    weight = None if problem.sample_weight is None else problem.sample_weight[rows]
    chosen = problem.but(inputs=problem.inputs[rows], targets=problem.targets[rows], sample_weight=weight)
    assert_same(chosen.at(form=form), problem.at(form=form, rows=rows), len(rows) * problem.graph.n_weights)


@settings(max_examples=25)
@given(problem=problems(), form=st.sampled_from(SUMS), seed=st.integers(0, 1000))
def test_permuting_hidden_units_permutes_gradient_and_normal(problem, form, seed):
    rng = np.random.default_rng(seed)
    graph = problem.graph
    plain = LayerGraph(graph.n_inputs, graph.layers)
    places = np.arange(graph.n_connections)
    for layer in graph.layers[:-1]:
        places = places[permuted_units(plain, layer.name, rng.permutation(layer.size))]
    if graph.weight_map is not None:
        # Weights are numbered, and decay, by their first connection, which is another now.
        problem = problem.but(penalty=None)
        index, values = graph.weight_map.index[places], graph.weight_map.values[places]
        graph = LayerGraph(graph.n_inputs, graph.layers, WeightMap.numbered(index, values))
        places = index[graph.weight_map.first]
    current, trial = problem.at(form=form), problem.but(graph=graph, weights=problem.weights[places]).at(form=form)
    scale = np.abs(current.normal).max() + abs(current.loss) + 1.0
    summands = problem.graph.n_weights
    assert_to_rounding(trial.loss, current.loss, scale=scale, summands=summands)
    assert_to_rounding(trial.gradient, current.gradient[places], scale=scale, summands=summands)
    assert_to_rounding(trial.normal, current.normal[np.ix_(places, places)], scale=scale, summands=summands)


@settings(max_examples=25)
@given(problem=problems())
def test_normal_is_positive_semidefinite(problem):
    values = np.linalg.eigvalsh(problem.at().normal)
    assert values.min() >= -1e-13 * len(values) * max(values.max(), 1.0)


@pytest.mark.parametrize("form", FORMS)
def test_a_point_that_overflows_has_infinite_loss_and_no_warning(form):
    problem = a_problem(feed_forward(1, (3,), 1, activation="identity"), Squares(), n_samples=20)
    for weights in (np.full(10, 1e200), np.full(10, np.inf), np.full(10, np.nan)):
        for need in Derivatives:
            current = problem.but(weights=weights).at(need, form=form)
            assert current.loss == np.inf
            assert current.gradient is None
            assert current.normal is None


def test_performance_is_in_the_units_of_the_targets():
    from marquardt.networks import Scaling, initial_weights

    rng = np.random.default_rng(0)
    inputs, targets = rng.uniform(5, 9, (40, 2)), rng.normal(3.0, [10.0, 0.1], (40, 2))
    weight = rng.uniform(0, 2, 40)
    graph = feed_forward(2, (3,), 2)
    weights = initial_weights(graph, rng=0)
    scalings = Scaling.fit("minmax", inputs), Scaling.fit("standard", targets)
    from marquardt.networks import Network
    from marquardt.objective import Objective

    objective = Objective(
        graph,
        inputs,
        targets,
        Squares((2.0, 5.0)),
        sample_weight=weight,
        penalty=WeightDecay(1.0),
        input_scaling=scalings[0],
        target_scaling=scalings[1],
    )
    error = Network(graph, weights, *scalings).outputs(inputs) - targets
    mse = np.average((error**2).mean(axis=1), weights=weight)
    assert objective.performance(objective.at(weights, Derivatives.VALUE)) == pytest.approx(mse, rel=1e-12)
