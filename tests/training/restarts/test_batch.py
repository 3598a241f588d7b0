"""Networks side by side: lane by lane what one run after the other gives."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.clock import FakeClock

from marquardt.algorithms import LevenbergMarquardt, algorithm_named
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.losses import Huber, LogisticCrossEntropy, Squares, WeightDecay
from marquardt.networks import INPUTS, Layer, LayerGraph, Network, Scaling, cascade_forward, feed_forward
from marquardt.training import Division, Limits, train
from marquardt.training.restarts import BatchTraining, train_many

pytestmark = pytest.mark.usefixtures("with_and_without_kernel")

N = 40
RNG = np.random.default_rng(5)
X = RNG.uniform(-1, 1, size=(N, 2))
Y = np.column_stack([np.sin(3 * X[:, 0]) * 5 + X[:, 1], np.cos(2 * X[:, 1]) + 20])
WEIGHT = np.linspace(0.0, 2.0, N)
PARTS = Division("interleaved", 0.25, 0.15).split(N)
WITHOUT_BIAS = LayerGraph(
    2,
    (
        Layer(4, "tanh", (INPUTS,), name="a"),
        Layer(3, "logistic", (INPUTS, "a"), name="b", bias=False),
        Layer(1, "identity", ("b", INPUTS), name="out"),
    ),
)
CASES = {
    "one hidden layer": (feed_forward(2, 5, 1), {}),
    "two outputs": (feed_forward(2, (4, 3), 2), {}),
    "tanh output": (feed_forward(2, 3, 1, output_activation="tanh"), {}),
    "cascade": (cascade_forward(2, (1, 2), 1), {}),
    "skips without biases": (WITHOUT_BIAS, {}),
    "more than 40 weights": (feed_forward(2, 12, 1), {}),
    "penalty": (feed_forward(2, 5, 1), {"penalty": WeightDecay(0.01)}),
    "sample weights": (feed_forward(2, 5, 2), {"sample_weight": WEIGHT}),
    "output weights": (feed_forward(2, 5, 2), {"loss": Squares((1.0, 4.0))}),
    "huber": (feed_forward(2, 5, 1), {"loss": Huber(0.2)}),
    "validation": (feed_forward(2, 6, 1), {"parts": PARTS}),
    "relative": (feed_forward(2, 5, 2), {"rule": LevenbergMarquardt(0.1, mu_relative=True)}),
    "gain ratio": (feed_forward(2, 5, 1), {"rule": LevenbergMarquardt(1e-4, damping="gain_ratio")}),
    "fan": (feed_forward(2, 5, 2), {"rule": LevenbergMarquardt(1e-5, damping="fan", mu_relative=True)}),
    "fan with huber": (
        feed_forward(2, 5, 1),
        {"loss": Huber(0.2), "rule": LevenbergMarquardt(1e-5, damping="fan", mu_relative=True)},
    ),
    "everything": (
        cascade_forward(2, (3, 2), 2),
        {"parts": PARTS, "sample_weight": WEIGHT + 0.1, "penalty": WeightDecay(1e-3), "rule": LevenbergMarquardt(0.1)},
    ),
}


def starts_of(graph, n_lanes, seed=0, spread=1.0):
    return np.random.default_rng(seed).uniform(-spread, spread, size=(n_lanes, graph.n_weights))


def problem(graph):
    targets = Y[:, : graph.n_outputs]
    network = Network(graph, np.zeros(graph.n_weights), Scaling.fit("minmax", X), Scaling.fit("standard", targets))
    return network, X, targets


def both(name, limits, n_lanes=8, **more):
    graph, options = CASES[name]
    options = {**options, "limits": limits, **more}
    network, inputs, targets = problem(graph)
    starts = starts_of(graph, n_lanes)
    together = train_many(network, starts, inputs, targets, **options)
    alone = [train(network.with_weights(start), inputs, targets, **options) for start in starts]
    return together, alone


@pytest.mark.parametrize("name", CASES)
def test_the_first_epochs_are_those_of_a_run_by_itself(name):
    together, alone = both(name, Limits(max_epochs=8, min_gradient=0.0))
    for lane, single in zip(together, alone, strict=True):
        assert [e.epoch for e in lane.record.epochs] == [e.epoch for e in single.record.epochs]
        assert [e.trials for e in lane.record.epochs] == [e.trials for e in single.record.epochs]
        assert [e.validation_fails for e in lane.record.epochs] == [e.validation_fails for e in single.record.epochs]
        assert lane.record.evaluations == single.record.evaluations
        assert lane.record.best_epoch == single.record.best_epoch
        assert str(lane.record.stop) == str(single.record.stop)
        for quantity in ("loss", "performance", "validation", "test", "gradient", "mu"):
            # Rounding, grown in eight steps through systems whose condition is 1e6 and more.
            np.testing.assert_allclose(
                lane.record.column(quantity), single.record.column(quantity), rtol=1e-5, atol=1e-12, err_msg=quantity
            )
        scale = np.abs(single.network.weights).max()
        np.testing.assert_allclose(lane.network.weights, single.network.weights, rtol=0, atol=1e-4 * scale)


@pytest.mark.parametrize("name", ["one hidden layer", "validation", "tanh output", "penalty", "everything"])
def test_most_lanes_end_as_by_themselves(name):
    together, alone = both(name, Limits(max_epochs=200, goal=1e-4, min_gradient=1e-6), n_lanes=12)
    codes = [lane.record.stop.code for lane in together]
    same = [code == single.record.stop.code for code, single in zip(codes, alone, strict=True)]
    # After many epochs rounding decides which of two valleys a run takes; it does so for few.
    assert sum(same) >= 10
    assert codes == [stop.code for stop in together.stops]
    assert together.epochs.tolist() == [lane.record.num_epochs for lane in together]
    assert together.performance.tolist() == [lane.record.best_perf for lane in together]


def test_a_lane_that_cannot_go_on_stops_as_by_itself():
    graph = feed_forward(2, 3, 1)
    network, inputs, targets = problem(graph)
    limits, rule = Limits(max_epochs=300, min_gradient=0.0), LevenbergMarquardt(mu_max=1e3)
    starts = starts_of(graph, 6)
    together = train_many(network, starts, inputs, targets, limits=limits, rule=rule)
    stuck = [stop for stop in together.stops if stop.code == "mu"]
    assert stuck
    assert all("above 1e+03" in stop.sentence for stop in stuck)
    for lane in together:
        assert lane.record.best_epoch == lane.record.num_epochs
        losses = lane.record.column("loss")
        # The last epoch may be orthogonal steps that the loss does not show.
        assert (np.diff(losses[:-1]) < 0).all()
        assert losses[-1] <= losses[-2] * (1 + 1e-12)


@pytest.mark.parametrize("name", ["one hidden layer", "everything"])
def test_order_and_number_of_lanes_change_rounding_only(name):
    graph, options = CASES[name]
    network, inputs, targets = problem(graph)
    # Enough lanes that they are factored together, and few enough that they are not.
    starts = starts_of(graph, 300)
    order = np.random.default_rng(1).permutation(300)
    options = {**options, "limits": Limits(max_epochs=6, min_gradient=0.0)}
    whole = train_many(network, starts, inputs, targets, **options)
    mixed = train_many(network, starts[order], inputs, targets, **options)
    few = train_many(network, starts[:3], inputs, targets, **options)
    np.testing.assert_allclose(mixed.performance, whole.performance[order], rtol=1e-5)
    np.testing.assert_allclose(few.performance, whole.performance[:3], rtol=1e-5)
    assert mixed.epochs.tolist() == whole.epochs[order].tolist()


def test_more_lanes_than_memory_takes_go_on_in_turns(monkeypatch):
    graph = feed_forward(2, 5, 1)
    network, inputs, targets = problem(graph)
    starts, limits = starts_of(graph, 10), Limits(max_epochs=6)
    whole = train_many(network, starts, inputs, targets, limits=limits)
    monkeypatch.setattr("marquardt.training.restarts.batch.TOGETHER_BYTES", 4 * 8 * graph.n_weights**2)
    lanes = BatchTraining(network, starts, inputs, targets, limits=limits)
    going = list(lanes)
    assert going[0] == 10
    assert 6 in going
    assert going[-1] == 0
    np.testing.assert_allclose(lanes.best.performance, whole.performance, rtol=1e-6)


def test_lanes_that_have_stopped_are_left_as_they_are():
    graph = feed_forward(2, 3, 1)
    network, inputs, targets = problem(graph)
    first = train(network.with_weights(starts_of(graph, 1)[0]), inputs, targets, limits=Limits(max_epochs=30)).record
    limits = Limits(max_epochs=30, goal=float(np.median(first.perf)))
    lanes = BatchTraining(network, starts_of(graph, 20), inputs, targets, limits=limits)
    ended: dict[int, tuple] = {}
    for _ in lanes:
        for lane, stop in enumerate(lanes.stops):
            if stop is not None:
                now = (stop, len(lanes.records[lane].epochs), lanes.best.weights[lane].tobytes())
                assert ended.setdefault(lane, now) == now
    assert len(ended) == 20
    assert len({n for _, n, _ in ended.values()}) > 3


def interrupted_after(sweeps):
    class Clock(FakeClock):
        calls = 0

        def __call__(self):
            self.calls += 1
            # The first reading is the start.
            if self.calls == sweeps + 2:
                raise KeyboardInterrupt
            return super().__call__()

    return Clock()


def test_an_interrupt_keeps_the_best_of_every_lane():
    graph = feed_forward(2, 5, 1)
    network, inputs, targets = problem(graph)
    starts = starts_of(graph, 6)
    results = train_many(network, starts, inputs, targets, parts=PARTS, clock=interrupted_after(6))
    assert {stop.code for stop in results.stops} == {"user"}
    for result in results:
        record = result.record
        assert 0 < record.num_epochs <= 6
        assert str(record.num_epochs) in record.stop.sentence
        assert record.best_epoch == int(np.argmin(record.vperf))
        error = (result.network.outputs(X[PARTS.validation]) - Y[PARTS.validation, :1])[:, 0]
        assert np.mean(error**2) == pytest.approx(record.best_vperf, rel=1e-9)


def test_a_stop_by_the_user_ends_all_lanes():
    graph = feed_forward(2, 5, 1)
    network, inputs, targets = problem(graph)
    lanes = BatchTraining(network, starts_of(graph, 4), inputs, targets)
    for sweep, going in enumerate(lanes):
        assert going == 4
        if sweep == 3:
            lanes.stop_by_user()
    assert sweep == 3
    assert [record.stop.code for record in lanes.records] == ["user"] * 4


def test_the_time_limit_is_for_all_lanes_and_their_seconds_are_shares_of_it():
    graph = feed_forward(2, 5, 1)
    network, inputs, targets = problem(graph)
    starts, limits = starts_of(graph, 3), Limits(max_seconds=5.0)
    results = train_many(network, starts, inputs, targets, limits=limits, clock=FakeClock())
    assert [stop.code for stop in results.stops] == ["time"] * 3
    # Every sweep is a second, of which each lane has a third.
    for result in results:
        trials = np.cumsum([epoch.trials for epoch in result.record.epochs])
        np.testing.assert_allclose(result.record.time, (1.0 + trials) / 3.0, rtol=1e-12)


def test_the_seconds_of_all_lanes_add_up_to_the_whole():
    graph = feed_forward(2, 3, 1)
    network, inputs, targets = problem(graph)
    clock = FakeClock()
    results = train_many(network, starts_of(graph, 5), inputs, targets, limits=Limits(max_epochs=9), clock=clock)
    assert len(set(results.epochs)) == 1
    assert {stop.code for stop in results.stops} == {"epochs"}
    # A lane stops at its last epoch, so that no share is lost; the first reading is the start, of no length.
    assert sum(result.record.seconds for result in results) == pytest.approx(clock.now - 1.0, rel=1e-12)


def test_a_lane_can_be_pulled_like_a_run():
    graph = feed_forward(2, 5, 1)
    network, inputs, targets = problem(graph)
    starts, options = starts_of(graph, 4), {"parts": PARTS, "limits": Limits(max_epochs=7, max_fail=3)}
    whole = train_many(network, starts, inputs, targets, **options)
    runs = BatchTraining(network, starts, inputs, targets, **options).runs()
    for run, result in zip(runs, whole, strict=True):
        epochs = []
        for epoch in run:
            epochs.append(epoch)
            assert run.record.epochs[len(epochs) - 1] is epoch
        assert [(e.epoch, e.loss, e.validation) for e in epochs] == [
            (e.epoch, e.loss, e.validation) for e in result.record.epochs
        ]
        assert str(run.record.stop) == str(result.record.stop)
        assert np.array_equal(run.network.weights, result.network.weights)


def test_the_best_is_by_validation_or_by_loss():
    for parts in (None, PARTS):
        graph = feed_forward(2, 5, 1)
        network, inputs, targets = problem(graph)
        results = train_many(network, starts_of(graph, 9), inputs, targets, parts=parts, limits=Limits(max_epochs=15))
        values = results.performance if parts is None else results.validation
        assert results.best == int(np.argmin(values))
        assert results[-1].record is results[8].record
        assert [result.record.best_perf for result in results[2:5]] == results.performance[2:5].tolist()
        with pytest.raises(IndexError):
            results[9]


def test_logistic_cross_entropy_is_trained_too():
    graph = feed_forward(2, 4, 1, output_activation="logistic")
    network = Network(graph, np.zeros(graph.n_weights))
    targets = (X[:, :1] * X[:, 1:] > 0).astype(float)
    options = {"limits": Limits(max_epochs=8), "penalty": WeightDecay(1e-3)}
    starts = starts_of(graph, 4)
    together = train_many(network, starts, X, targets, LogisticCrossEntropy(), **options)
    for start, lane in zip(starts, together, strict=True):
        alone = train(network.with_weights(start), X, targets, LogisticCrossEntropy(), **options)
        assert lane.record.metric == "cross_entropy"
        np.testing.assert_allclose(lane.record.perf, alone.record.perf, rtol=1e-6)


def test_without_the_kernel_a_batch_takes_no_more_memory_than_a_run():
    graph = feed_forward(2, 5, 1, output_activation="logistic")
    inputs = np.random.default_rng(0).normal(size=(100_000, 2))
    targets = (inputs[:, :1] > 0).astype(float)
    batch = BatchTraining(Network(graph, np.zeros(21)), starts_of(graph, 2), inputs, targets, LogisticCrossEntropy())
    assert batch.objective.plan.n_blocks > 1
    assert batch.objective.plan.memory < 8 * 21 * 100_000  # the Jacobian of all samples


def refused(starts=None, **options):
    graph = feed_forward(2, 3, 1)
    network, inputs, targets = problem(graph)
    return BatchTraining(network, starts_of(graph, 2) if starts is None else starts, inputs, targets, **options)


@pytest.mark.parametrize(
    "rule",
    [
        LevenbergMarquardt(damping="nielsen"),
        LevenbergMarquardt(scaling="marquardt"),
        LevenbergMarquardt(geodesic=0.75),
        LevenbergMarquardt(rise_after=5),
        algorithm_named("neuron_by_neuron"),
        algorithm_named("bfgs"),
    ],
)
def test_other_rules_are_refused(rule):
    said = r"no other settings than mu_init, .*factors, gain_ratio, fan.*one after the other"
    with pytest.raises(ConfigurationError, match=said):
        refused(rule=rule)


def test_starts_of_the_wrong_shape_are_refused():
    for starts in (np.zeros(13), np.zeros((2, 12)), np.zeros((0, 13))):
        with pytest.raises(ShapeError, match=r"starts must be of shape \(n_starts, 13\), at least one"):
            refused(starts)


def test_a_start_that_overflows_is_named_before_any_work():
    graph = feed_forward(2, 3, 1, activation="relu")
    network, inputs, targets = problem(graph)
    starts = starts_of(graph, 5)
    starts[3] *= 1e200
    with pytest.raises(DataError, match="overflows at start 3"):
        BatchTraining(network, starts, inputs, targets)


def test_a_goal_in_squares_for_another_loss_is_refused():
    with pytest.raises(ConfigurationError, match="A goal in mse needs the loss 'squares'"):
        refused(loss=Huber(), limits=Limits(goal=0.1))


def test_lanes_are_iterated_once():
    lanes = refused(limits=Limits(max_epochs=2))
    assert list(lanes)[-1] == 0
    with pytest.raises(ConfigurationError, match="iterated once"):
        list(lanes)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_threads_change_nothing(n_threads):
    graph = feed_forward(2, 5, 1)
    network, inputs, targets = problem(graph)
    starts, limits = starts_of(graph, 14), Limits(max_epochs=9)
    alone = train_many(network, starts, inputs, targets, limits=limits, threads=1)
    shared = train_many(network, starts, inputs, targets, limits=limits, threads=n_threads)
    assert np.array_equal(alone.weights, shared.weights)
    assert [result.record.evaluations for result in alone] == [result.record.evaluations for result in shared]


def test_a_number_of_threads_that_cannot_be_is_refused():
    graph = feed_forward(2, 5, 1)
    network, inputs, targets = problem(graph)
    with pytest.raises(ConfigurationError, match="threads must be a whole number from 1 up, got 0"):
        BatchTraining(network, starts_of(graph, 2), inputs, targets, threads=0)
