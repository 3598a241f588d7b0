"""The normal matrix on demand: of all samples that of `Derivatives.NORMAL`, of a part that of these samples alone."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.closeness import assert_to_rounding
from helpers.problems import Problem, random_targets
from numpy.testing import assert_allclose, assert_array_equal

from marquardt.losses import Huber, SoftmaxCrossEntropy, Squares, WeightDecay
from marquardt.networks import Network, cascade_forward, feed_forward, initial_weights, layer_recurrent
from marquardt.objective import ArraySource, Block, Derivatives, Objective, sequence_objective
from marquardt.objective.blocks import KeptBlocks, random_part

N_SAMPLES = 300


def a_problem(graph, loss, weighted=False, **others):
    rng = np.random.default_rng(0)
    return Problem(
        graph,
        rng.uniform(-1, 1, (N_SAMPLES, graph.n_inputs)),
        random_targets(loss, rng, N_SAMPLES, graph.n_outputs),
        loss,
        rng.normal(size=graph.n_weights),
        sample_weight=rng.uniform(0.5, 2, N_SAMPLES) if weighted else None,
        **others,
    )


CASES = {
    "compiled or single": a_problem(feed_forward(2, 4, 1), Squares()),
    "penalty, sample weights": a_problem(feed_forward(2, 4, 1), Squares(), True, penalty=WeightDecay(0.3)),
    "several outputs": a_problem(cascade_forward(3, (5, 4), 2), Squares((1.0, 3.0)), True),
    "softmax": a_problem(feed_forward(2, 6, 3, output_activation="softmax"), SoftmaxCrossEntropy()),
}
WAYS = [
    {"form": "pairs"},
    {"form": "explicit"},
    {"form": "explicit", "threads": 1},
    {"form": "pairs", "threads": 2, "block_size": 40},
    {"form": "explicit", "threads": 2, "block_size": 40},
    {"form": "neuron_by_neuron"},
]


@pytest.fixture(params=CASES)
def problem(request):
    return CASES[request.param]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_value_and_gradient_are_there_and_all_samples_give_the_normal_matrix(problem, way):
    objective = problem.objective(**way)
    current, wanted = (
        objective.at(problem.weights, Derivatives.CURVATURE),
        objective.at(problem.weights, Derivatives.NORMAL),
    )
    scale = np.abs(wanted.normal).max() + abs(wanted.loss)
    assert current.normal is None
    assert_to_rounding(current.loss, wanted.loss, scale=scale, summands=N_SAMPLES)
    assert_to_rounding(current.gradient, wanted.gradient, scale=scale, summands=N_SAMPLES)
    assert_to_rounding(current.normal_of(1.0), wanted.normal, scale=scale, summands=N_SAMPLES)
    objective.close()


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.999])
def test_a_part_gives_what_its_samples_give_alone_scaled_to_all(problem, way, share):
    count = int(np.ceil(share * N_SAMPLES))
    rows = np.sort(np.random.default_rng(0).permutation(N_SAMPLES)[:count])
    objective = problem.objective(**way)
    got = objective.at(problem.weights, Derivatives.CURVATURE).normal_of(share)
    weight = None if problem.sample_weight is None else problem.sample_weight[rows]
    alone = problem.but(
        inputs=problem.inputs[rows], targets=problem.targets[rows], sample_weight=weight, penalty=None
    ).at(form="explicit")
    total, of_part = (
        (N_SAMPLES, count) if weight is None else (problem.sample_weight.sum(), problem.sample_weight[rows].sum())
    )
    wanted = alone.normal * (total / of_part)
    if problem.penalty is not None:
        wanted = wanted + np.diag(problem.penalty.diagonal(problem.graph))
    assert_to_rounding(got, wanted, scale=np.abs(wanted).max(), summands=N_SAMPLES)
    objective.close()


def test_a_point_keeps_its_own_matrix_when_others_are_looked_at(problem):
    objective = problem.objective(form="pairs", block_size=100)
    current = objective.at(problem.weights, Derivatives.CURVATURE)
    wanted = current.normal_of(0.5)
    objective.at(2 * problem.weights, Derivatives.CURVATURE).normal_of(0.1)
    assert_array_equal(current.normal_of(0.5), wanted)
    assert_array_equal(current.gradient, objective.at(problem.weights, Derivatives.GRADIENT).gradient)


def test_a_larger_part_contains_a_smaller_one_and_is_spread_over_blocks():
    blocks = KeptBlocks([Block(np.arange(float(n), n + 10.0)[None], np.zeros((1, 10)), None) for n in (0, 10, 20)])
    parts = {
        share: np.concatenate([block.inputs[0] for block in random_part(blocks, 30, share, 4)])
        for share in (0.2, 0.5, 1.0)
    }
    assert [len(part) for part in parts.values()] == [6, 15, 30]
    assert set(parts[0.2]) < set(parts[0.5]) < set(parts[1.0])
    assert_array_equal(parts[1.0], np.arange(30.0))


def test_a_matrix_is_counted_when_it_is_demanded(problem):
    objective = problem.objective()
    current = objective.at(problem.weights, Derivatives.CURVATURE)
    assert (objective.evaluations["gradient"], objective.evaluations["normal"]) == (1, 0)
    current.normal_of(0.5)
    assert (objective.evaluations["gradient"], objective.evaluations["normal"]) == (1, 1)


def test_weights_of_zero_leave_no_part():
    graph = feed_forward(1, 2, 1)
    weight = np.zeros(20)
    weight[np.random.default_rng(0).permutation(20)[-1]] = 1.0
    objective = Objective(graph, np.linspace(-1, 1, 20)[:, None], np.ones((20, 1)), sample_weight=weight)
    at = initial_weights(graph, rng=0)
    got = objective.at(at, Derivatives.CURVATURE).normal_of(0.25)
    assert_to_rounding(got, objective.at(at, Derivatives.NORMAL).normal, scale=1.0, summands=20)


def test_a_point_that_overflows_has_none():
    graph = feed_forward(1, 2, 1)
    objective = Objective(graph, np.ones((3, 1)), np.ones((3, 1)))
    assert objective.at(np.full(graph.n_weights, 1e200), Derivatives.CURVATURE).normal_of is None


@pytest.mark.parametrize("form", ["forward", "backward"])
def test_through_time_it_is_that_of_all_steps(form):
    graph = layer_recurrent(1, 3, 1)
    rng = np.random.default_rng(0)
    network = Network(graph, 0.5 * rng.normal(size=graph.n_weights))
    objective = sequence_objective(network, rng.normal(size=(15, 1)), rng.normal(size=(15, 1)), form=form)
    current, wanted = (objective.at(network.weights, need) for need in (Derivatives.CURVATURE, Derivatives.NORMAL))
    assert_allclose(current.gradient, wanted.gradient, atol=1e-12)
    for share in (0.2, 1.0):
        assert_array_equal(current.normal_of(share), wanted.normal)


def test_blocks_that_come_and_go_are_taken_whole():
    problem = CASES["several outputs"]

    class Fleeting(ArraySource):
        held_bytes = 1000

        def blocks(self, input_scaling, target_scaling, block_size):
            blocks = super().blocks(input_scaling, target_scaling, block_size)

            class Passing:
                only = None

                def __iter__(self):
                    return iter(blocks)

                def shares(self, threads):
                    return blocks.shares(threads)

                def stop(self):
                    pass

            return Passing()

    source = Fleeting(problem.inputs, problem.targets, problem.sample_weight)
    objective = Objective.of(problem.graph, source, problem.loss)
    current = objective.at(problem.weights, Derivatives.CURVATURE)
    assert_allclose(current.normal_of(0.1), problem.at().normal, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_gradient_has_larger_blocks_than_a_matrix(threads):
    graph, rng, n = feed_forward(40, 20, 10), np.random.default_rng(0), 5000
    inputs, targets, weights = rng.normal(size=(n, 40)), rng.normal(size=(n, 10)), initial_weights(graph, rng=0)
    # Where the kernel makes pairs, their blocks are as large as the gradient's; a Jacobian's never are.
    options = {"loss": Huber(), "threads": threads, "form": "explicit"}
    objective = Objective(graph, inputs, targets, most=Derivatives.CURVATURE, **options)
    plan = objective.plan
    assert 0 < plan.matrix_block < plan.block_size <= n // threads
    assert plan.n_blocks == -(-n // plan.block_size)
    usual = Objective(graph, inputs, targets, **options)
    assert usual.plan.block_size >= plan.matrix_block
    current, wanted = objective.at(weights, Derivatives.CURVATURE), usual.at(weights, Derivatives.NORMAL)
    scale = np.abs(wanted.normal).max()
    assert_to_rounding(current.gradient, wanted.gradient, scale=scale, summands=n)
    assert_to_rounding(current.normal_of(1.0), wanted.normal, scale=scale, summands=n)
    # The copy that it takes is in the plan.
    assert plan.memory > 2 * 8 * n * 51 + 4 * 8 * graph.n_weights**2
    objective.close()
    usual.close()
