"""Weight decay by evidence: its formulas against plain linear algebra, and the rounds as one run."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

from marquardt.algorithms.evidence import weigh
from marquardt.errors import ResourceError
from marquardt.losses import Huber, WeightDecay, takes_scale
from marquardt.networks import Network, feed_forward
from marquardt.numerics import native_kernel
from marquardt.objective import Derivatives, Objective, blocks
from marquardt.objective.local import LocalSums
from marquardt.training import EvidenceTraining, Fitting, Limits, Parts, Settings


def weighed(objective, current, decay):
    """The evidence with a decay a layer, as the training in rounds takes it."""
    info = objective.info
    return weigh(current, info, decay, info.decayed, broad=info.hidden_biases)


def linear_problem(n_samples=60, noise=0.5):
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(n_samples, 4))
    return inputs, inputs @ [[1.0], [-2.0], [0.0], [0.5]] + noise * rng.normal(size=(n_samples, 1))


def linear_fit(inputs, targets, decay):
    """Minimum of the penalized squares, and the objective it belongs to."""
    graph = feed_forward(4, (), 1)
    objective = Objective(graph, inputs, targets, penalty=WeightDecay(decay))
    start = objective.at(np.zeros(5), Derivatives.NORMAL)
    weights = np.linalg.solve(start.normal, -start.gradient)
    return objective, objective.at(weights, Derivatives.NORMAL)


def test_the_evidence_of_a_linear_network_is_the_marginal_likelihood():
    # With a flat prior on the bias, approached by a wide one, the data of a linear network are jointly normal.
    inputs, targets = linear_problem()
    wide = 1e6
    for decay in (0.1, 3.0):
        objective, current = linear_fit(inputs, targets, decay)
        evidence = weighed(objective, current, (decay,))
        noise = evidence.noise
        covariance = noise * np.eye(60) + noise / decay * inputs @ inputs.T + wide * np.ones((60, 60))
        exact = multivariate_normal.logpdf(targets.ravel(), np.zeros(60), covariance) + 0.5 * math.log(wide)
        # The wide prior changes the bias's part by about noise / (n_samples · wide).
        assert evidence.logarithm == pytest.approx(exact, abs=1e-5)


def test_effective_parameters_are_the_trace_of_the_hat_matrix():
    inputs, targets = linear_problem()
    for decay in (1e-6, 1.0, 50.0):
        objective, current = linear_fit(inputs, targets, decay)
        design = np.column_stack([inputs, np.ones(60)])
        penalty = np.diag([decay] * 4 + [0.0])
        hat = design @ np.linalg.solve(design.T @ design + penalty, design.T)
        evidence = weighed(objective, current, (decay,))
        assert evidence.parameters == pytest.approx(np.trace(hat), rel=1e-10)
        residual = targets.ravel() - hat @ targets.ravel()
        assert evidence.noise == pytest.approx(residual @ residual / (60 - np.trace(hat)), rel=1e-10)


def test_a_weight_of_two_equals_two_copies():
    inputs, targets = linear_problem(30)
    graph = feed_forward(4, 3, 1)
    weights = np.random.default_rng(0).normal(size=graph.n_weights)
    decay = (0.1, 0.2)
    count = np.random.default_rng(1).integers(1, 4, 30)
    weighted = Objective(graph, inputs, targets, penalty=WeightDecay(decay), sample_weight=count)
    repeated = Objective(graph, np.repeat(inputs, count, 0), np.repeat(targets, count, 0), penalty=WeightDecay(decay))
    one, other = (weighed(each, each.at(weights, Derivatives.NORMAL), decay) for each in (weighted, repeated))
    assert_allclose(one.decay, other.decay, rtol=1e-9)
    assert one.logarithm == pytest.approx(other.logarithm, rel=1e-9)


def test_an_exact_fit_says_nothing_about_its_decay():
    inputs, targets = linear_problem()
    objective = Objective(feed_forward(4, (), 1), inputs, 0.0 * targets, penalty=WeightDecay(1.0))
    assert weighed(objective, objective.at(np.zeros(5), Derivatives.NORMAL), (1.0,)) is None


def pulled(inputs, targets, task="regression", n_classes=0, start=None, **settings):
    fitting = Fitting(
        inputs, targets, Settings(alpha="auto", seed=0, **settings), task, n_classes=n_classes, start=start
    )
    epochs = list(fitting)
    return fitting, epochs


def test_noise_gets_a_large_decay_and_a_clean_curve_a_small_one():
    x = np.linspace(-1, 1, 100)[:, None]
    noise = np.random.default_rng(0).normal(size=x.shape)
    noisy, _ = pulled(x, x + 0.5 * noise, target_scaling="standard", restarts=3)
    clean, _ = pulled(x, np.sin(6 * x), target_scaling="standard", restarts=3)
    assert min(noisy.decay) > 1e3 * max(clean.decay)
    assert np.abs(noisy.network.outputs(x) - x).max() < 0.3
    assert np.abs(clean.network.outputs(x) - np.sin(6 * x)).max() < 1e-3


def test_rounds_read_as_one_run():
    x = np.linspace(-1, 1, 50)[:, None]
    fitting, epochs = pulled(x, np.sin(6 * x), limits=Limits(max_epochs=33))
    assert [epoch.epoch for epoch in epochs] == list(range(34))
    assert fitting.record.num_epochs == 33
    assert fitting.record.stop.sentence == "All epochs are done: 33 >= 33."
    assert list(fitting.record.time) == sorted(fitting.record.time)


def test_the_user_can_end_the_run_at_the_end_of_a_round():
    x = np.linspace(-1, 1, 50)[:, None]
    fitting = Fitting(x, np.sin(6 * x), Settings(alpha="auto", seed=0), "regression")
    for epoch in fitting:
        if epoch.epoch == 25:  # 20 epochs are the first round, 5 the second
            fitting.stop_by_user()
    assert fitting.record.num_epochs == 25
    assert fitting.record.stop.code == "user"


def test_going_on_from_a_trained_network_stays_near_it():
    x = np.linspace(-1, 1, 80)[:, None]
    y = x + 0.3 * np.random.default_rng(0).normal(size=x.shape)
    first, _ = pulled(x, y, restarts=1)
    second, epochs = pulled(x, y, start=first.network)
    assert epochs[0].performance == pytest.approx(first.record.perf[-1])
    assert_allclose(second.network.outputs(x), first.network.outputs(x), atol=0.05)


def test_constant_targets_end_at_once():
    x = np.linspace(-1, 1, 20)[:, None]
    fitting, _ = pulled(x, np.full_like(x, 7.0), restarts=2)
    assert fitting.record.stop.code == "goal"
    assert_allclose(fitting.network.outputs(x), 7.0)


def test_a_validation_part_takes_the_place_of_the_evidence():
    x = np.linspace(-1, 1, 40)[:, None]
    parts = Parts(np.arange(0, 30), np.arange(30, 40), np.empty(0, dtype=np.intp))
    fitting = Fitting(x, x, Settings(alpha="auto", seed=0), "regression", parts=parts)
    assert not isinstance(fitting.training, EvidenceTraining)
    assert fitting.decay == (1e-4, 1e-4)


def test_refuses_another_word_than_auto():
    with pytest.raises(ValueError, match=r"alpha.*got 'atuo'. Did you mean 'auto'"):
        Settings(alpha="atuo")


def test_a_network_without_normal_matrix_is_not_weighed():
    graph = feed_forward(4, 2, 1)
    inputs, targets = linear_problem(20)
    objective = Objective(graph, inputs, targets)
    network = Network(graph, np.ones(graph.n_weights))
    assert weighed(objective, objective.at(network.weights, Derivatives.VALUE), (1.0, 1.0)) is None


def test_a_network_that_has_given_up_is_less_probable_than_one_that_fits():
    # All output weights zero: the hidden biases move nothing, and without a prior of their own their free
    # directions would outweigh any fit.
    inputs, targets = linear_problem()
    fitting, _ = pulled(inputs, targets, hidden_layer_sizes=10, restarts=2)
    graph = fitting.network.graph
    scaled = fitting.network.target_scaling.apply(targets)
    decay = (1e6, 1e6)
    objective = Objective(graph, inputs, scaled - scaled.mean(), penalty=WeightDecay(decay))
    given_up = weighed(objective, objective.at(np.zeros(graph.n_weights), Derivatives.NORMAL), decay)
    assert given_up.parameters == pytest.approx(1.0, abs=0.1)
    assert given_up.logarithm < fitting.training.evidence.logarithm - 10


def test_the_data_are_scaled_once_for_all_rounds_and_restarts(monkeypatch):
    made = []
    plain = blocks.make_blocks
    monkeypatch.setattr(blocks, "make_blocks", lambda *given: made.append(1) or plain(*given))
    inputs, targets = linear_problem()
    settings = Settings(hidden_layer_sizes=2, alpha="auto", restarts=2, seed=0, limits=Limits(max_epochs=60))
    sums_made = []
    plain_sums = LocalSums.__init__
    monkeypatch.setattr(LocalSums, "__init__", lambda *given: sums_made.append(1) or plain_sums(*given))
    fitting = Fitting(inputs, targets, settings, "regression")
    list(fitting)
    assert fitting.record.num_epochs > 20
    assert len(made) == 1
    assert len(sums_made) == 2  # one a restart, whatever the rounds


@pytest.mark.parametrize("form", ["explicit", "pairs", "samples", "matrix_free"])
def test_an_objective_that_begins_again_is_one_that_is_made_with_the_penalty(form):
    rng = np.random.default_rng(0)
    graph = feed_forward(3, 4, 2)
    inputs, targets, weights = rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), rng.normal(size=graph.n_weights)
    options = {"sample_weight": rng.uniform(1.0, 3.0, 9), "is_relative": True, "form": form}
    used = Objective(graph, inputs, targets, penalty=WeightDecay((1.0, 2.0)), **options)
    used.at(weights, Derivatives.NORMAL)
    used.begin_again(WeightDecay((0.3, 0.05)))
    assert not any(used.evaluations.values())
    made = Objective(graph, inputs, targets, penalty=WeightDecay((0.3, 0.05)), **options)
    current, trial = (objective.at(weights, Derivatives.NORMAL) for objective in (used, made))
    assert current.loss == trial.loss
    assert np.array_equal(current.gradient, trial.gradient)
    assert np.array_equal(current.damped_step(0.1)[0], trial.damped_step(0.1)[0])
    assert used.evaluations == made.evaluations


def test_an_objective_that_begins_again_has_the_scale_as_it_was_given():
    rng = np.random.default_rng(0)
    graph = feed_forward(3, 4, 1)
    inputs, targets, weights = rng.normal(size=(9, 3)), rng.normal(size=(9, 1)), rng.normal(size=graph.n_weights)
    objective = Objective(graph, inputs, targets, Huber())
    before = objective.at(weights, Derivatives.VALUE).loss
    objective.take_scale(np.array([0.01]))
    assert objective.at(weights, Derivatives.VALUE).loss != before
    objective.begin_again(None)
    assert takes_scale(objective.loss)
    assert objective.at(weights, Derivatives.VALUE).loss == before


WIDE = [
    (30, 400, 10, {}, 23),
    (30, 2000, 10, {}, 23),
    (400, 10, (30, 20), {}, 23),
    (600, 40, 20, {"form": "pairs", "threads": 1}, 21),
]


@pytest.mark.parametrize(("n_samples", "n_inputs", "hidden", "options", "epochs"), WIDE)
def test_the_memory_planned_counts_the_evidence(n_samples, n_inputs, hidden, options, epochs):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(n_samples, n_inputs))
    targets = inputs[:, :3].sum(axis=1) + 0.3 * rng.normal(size=n_samples)
    settings = Settings(hidden, alpha="auto", seed=0, limits=Limits(max_epochs=epochs), **options)
    tracemalloc.start()
    try:
        fitting = Fitting(inputs, targets, settings, "regression")
        for _ in fitting:
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert fitting.training.evidence is not None
    # The record, and what Python itself takes, are less than 0.1 MB.
    # Without the kernel the plan is a fifth above what is taken, on the safe side.
    rounding = 0.15 if native_kernel() is not None else 0.25
    assert fitting.training.memory == pytest.approx(peak, rel=rounding, abs=1e5)


def test_the_evidence_by_weights_is_within_the_budget_or_refused():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(3000, 20))
    settings = Settings(20, alpha="auto", seed=0, algorithm="lm", form="pairs")
    matrix = 8 * 441**2

    def planned(budget):
        made = Fitting(inputs, inputs[:, 0], replace(settings, max_memory=budget), "regression").training
        assert isinstance(made, EvidenceTraining)
        return made

    usual = planned(None)
    assert usual.memory_beside == matrix  # three are the rule's
    tight = planned(usual.memory - matrix // 2)
    assert tight.memory <= usual.memory - matrix // 2
    assert tight.objective.plan.block_size < usual.objective.plan.block_size
    with pytest.raises(ResourceError, match=r"the budget is .*(alpha=0\.01|for the evidence)"):
        planned(int(4.2 * matrix))


def test_a_round_says_how_long_and_its_evidence_how_much_time_it_takes():
    inputs, targets = linear_problem()
    few = Fitting(inputs[:20], targets[:20], Settings(8, alpha="auto", seed=0), "regression").training
    many = Fitting(inputs, targets, Settings(8, alpha="auto", seed=0), "regression").training
    assert few.round_length == 5
    # 20 residuals, 49 weights: eigenvalues of the smaller matrix.
    assert 0.0 < few.evidence_seconds < 0.01
    assert 0.0 < many.evidence_seconds < 0.01
