"""What the contenders stand on: the order of the weights, the plain network, the watch."""

import importlib
import sys

import numpy as np
import pytest

from benchmarks.contenders import harness
from benchmarks.contest.environments import CONTENDERS
from benchmarks.contest.field import FIELD
from benchmarks.contest.problems import ContestProblem
from marquardt.losses import SoftmaxCrossEntropy
from marquardt.networks import Network, feed_forward

HERE = [contender for contender in FIELD.values() if not contender.requirements]


@pytest.fixture
def script(monkeypatch):
    """Imports a contender's script as it runs: from its own directory."""
    monkeypatch.syspath_prepend(str(CONTENDERS))
    before = set(sys.modules)

    yield importlib.import_module
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(CONTENDERS) in str(sys.modules[name].__file__):
            del sys.modules[name]


def problem_of(loss="squares", outputs=2):
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(40, 3))
    targets = rng.normal(size=(40, outputs))
    if loss == "softmax":
        targets = np.eye(outputs)[rng.integers(outputs, size=40)]
    return ContestProblem("mine", "mine", inputs, targets, 4, (0.1,), n_starts=2, loss=loss)


def job_of(problem, **more):
    told = {**problem.told(), "goals": [[]] * problem.n_starts, "starts": [0], **more}
    job = object.__new__(harness.Job)
    job.__dict__.update(
        sizes=problem.sizes,
        loss=problem.loss,
        goals=told["goals"],
        chosen=told["starts"],
        limit=problem.limit,
        fixed=0.0,
        settings=told.get("settings", {}),
        inputs=problem.inputs,
        targets=problem.targets,
        starts=problem.starts,
    )
    return job


def test_layers_and_the_flat_vector_are_inverses():
    weights = np.arange(4.0 * 4 + 5 * 2)
    (first, bias), (second, top) = layers = harness.layers_of(weights, (3, 4, 2))
    assert first.tolist()[1] == [4.0, 5.0, 6.0]
    assert bias.tolist() == [3.0, 7.0, 11.0, 15.0]
    assert second.shape == (2, 4)
    assert top.tolist() == [20.0, 25.0]
    assert np.array_equal(harness.flat(layers), weights)


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(ValueError, match="26 weights, got 25"):
        harness.layers_of(np.zeros(25), (3, 4, 2))


def test_the_plain_network_is_ours():
    problem = problem_of()
    weights = problem.starts[0]
    ours = Network(feed_forward(3, 4, 2), weights).outputs(problem.inputs)
    np.testing.assert_allclose(harness.Plain(problem).outputs(weights), ours, rtol=1e-13, atol=1e-13)


def test_the_plain_cross_entropy_is_ours():
    problem = problem_of("softmax", 3)
    nets = harness.Plain(problem).outputs(problem.starts[0])
    ours = SoftmaxCrossEntropy().value(nets.T.copy(), problem.targets.T.copy()).sum() / len(nets)
    assert problem.first_losses[0] == pytest.approx(ours, rel=1e-13)


@pytest.mark.parametrize("loss", ["squares", "softmax"])
def test_plain_gradient_is_the_derivative_of_the_loss(loss):
    problem = problem_of(loss, 3)
    plain, weights, step = harness.Plain(problem), problem.starts[1], 1e-6
    _, gradient = plain.gradient(weights)
    differences = [
        (plain.value_and_slope(weights + step * unit)[0] - plain.value_and_slope(weights - step * unit)[0]) / (2 * step)
        for unit in np.eye(len(weights))
    ]
    # Central differences: step² of truncation, and rounding of a loss near 1 over the step.
    np.testing.assert_allclose(gradient, differences, atol=1e-9)


def test_plain_jacobian_is_the_derivative_of_the_residual():
    problem = problem_of(outputs=3)
    plain, weights, step = harness.Plain(problem), problem.starts[1], 1e-6
    jacobian = plain.jacobian(weights)
    differences = [
        (plain.residual(weights + step * unit) - plain.residual(weights - step * unit)) / (2 * step)
        for unit in np.eye(len(weights))
    ]
    np.testing.assert_allclose(jacobian, np.transpose(differences), atol=1e-8)
    residual = plain.residual(weights)
    np.testing.assert_allclose(plain.gradient(weights)[1], 2 * residual @ jacobian / len(residual), atol=1e-13)


def test_pyrenn_takes_matrices_column_by_column_then_biases(script):
    weights = harness.flat(
        [(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5.0, 6.0])), (np.array([[7.0, 8.0]]), [9.0])]
    )
    vector = script("pyrenn_lm").pyrenn_vector(weights, (2, 2, 1))
    assert vector.tolist() == [1.0, 3.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]


@pytest.mark.parametrize("contender", HERE, ids=lambda contender: contender.key)
def test_everybody_begins_with_the_same_loss_and_lowers_it(contender, script):
    problem = problem_of()
    job = job_of(problem, settings=contender.settings)
    run = script(contender.script).load()(job)
    own = script("harness")
    watch = own.Watch([], 10.0, looks=12)
    own.run_one(run, problem.starts[0].copy(), watch)
    assert watch.first == pytest.approx(problem.first_losses[0], rel=1e-12)
    if contender.key != "syrk":
        assert watch.best < watch.first
    assert watch.iterations > 0


@pytest.mark.parametrize("key", ["marquardt-lbfgs", "scipy-lbfgs", "sklearn-lbfgs", "sklearn-adam"])
def test_cross_entropy_begins_with_the_same_loss(key, script):
    problem = problem_of("softmax", 3)
    run = script(FIELD[key].script).load()(job_of(problem, settings=FIELD[key].settings))
    own = script("harness")
    watch = own.Watch([], 10.0, looks=12)
    own.run_one(run, problem.starts[0].copy(), watch)
    assert watch.first == pytest.approx(problem.first_losses[0], rel=1e-12)
    assert watch.best < watch.first


def test_squares_only_is_refused_in_a_sentence(script):
    problem = problem_of("softmax", 3)
    with pytest.raises(harness.Refused, match="sums of squares only"):
        script("textbook").load()(job_of(problem))


def test_minpack_refuses_fewer_residuals_than_weights(script):
    problem = ContestProblem("mine", "mine", np.eye(3), np.ones((3, 1)), 4, (0.1,), n_starts=1)
    with pytest.raises(script("harness").Refused, match="as many residuals as weights"):
        script("scipy_least_squares").load()(job_of(problem, settings={"method": "lm"}))


class Clock:
    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(harness.time, "process_time", lambda: self.now)


def test_watch_notes_when_each_goal_is_met_and_ends_at_the_last(monkeypatch):
    clock = Clock(monkeypatch)
    watch = harness.Watch([0.5, 0.1], limit=100.0)
    assert watch.next_goal == 0.5
    for now, loss in ((1.0, 0.9), (2.0, 0.4), (3.0, 0.6)):
        clock.now = now
        watch.saw(loss)
    assert watch.next_goal == 0.1
    clock.now = 4.0
    with pytest.raises(harness.Ended, match="goal"):
        watch.saw(0.05)
    assert watch.met == [2.0, 4.0]
    assert watch.told("goal")["loss"] == 0.05


def test_watch_ends_at_the_limit_and_tells_what_was_missed(monkeypatch):
    clock = Clock(monkeypatch)
    watch = harness.Watch([0.5, 0.1], limit=5.0)
    watch.saw(0.4)
    clock.now = 5.0
    with pytest.raises(harness.Ended, match="limit"):
        watch.saw(0.3)
    assert watch.told("limit")["met"] == [0.0, None]


def test_first_run_goes_on_beyond_the_goal_to_the_fixed_time(monkeypatch):
    clock = Clock(monkeypatch)
    watch = harness.Watch([0.5], limit=3.0, fixed=4.0)
    watch.saw(0.4)
    clock.now = 3.5
    watch.saw(0.2)
    clock.now = 4.5
    with pytest.raises(harness.Ended, match="goal"):
        watch.saw(0.1)
    told = watch.told("goal")
    assert told["met"] == [0.0]
    # What is found later than the fixed time does not count for it.
    assert told["fixed"] == 0.2


def test_pauses_do_not_count(monkeypatch):
    clock = Clock(monkeypatch)
    watch = harness.Watch([], limit=10.0)
    with watch.paused():
        clock.now = 10.0
    clock.now = 11.0
    watch.saw(1.0)
    assert watch.seconds == 1.0
    clock.now = 12.0
    # But what only looks is ended, too.
    with pytest.raises(harness.Ended, match="limit"):
        watch.saw(1.0)


def test_trace_is_thinned_but_keeps_its_ends():
    watch = harness.Watch([], limit=1e9)
    for i in range(1000):
        watch.saw(1.0 / (i + 1))
    trace = watch.told("limit")["trace"]
    assert len(trace) <= harness.MOST_TRACED
    assert (trace[0][1], trace[-1][1]) == (1.0, 1e-3)


def test_a_loss_that_is_no_number_is_never_best():
    watch = harness.Watch([0.5], limit=1e9)
    watch.saw(float("nan"))
    assert watch.met == []
    assert watch.told("stopped")["loss"] is None


def test_every_environment_has_pinned_requirements():
    for contender in FIELD.values():
        assert (CONTENDERS / f"{contender.script}.py").exists()
        if contender.requirements:
            lines = (CONTENDERS / f"{contender.requirements}.txt").read_text(encoding="utf-8").split()
            assert lines
            assert all(line.count("==") == 1 for line in lines)
