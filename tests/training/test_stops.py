"""Why a run ends: the code, the sentence with both numbers, and which counts when several hold."""

from __future__ import annotations

import math
from itertools import count, pairwise

import numpy as np
import pytest
from helpers.clock import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from marquardt.algorithms import LevenbergMarquardt
from marquardt.algorithms.damping import Damping
from marquardt.algorithms.levenberg_marquardt import Damped
from marquardt.errors import ConfigurationError
from marquardt.losses import Huber
from marquardt.networks import Network, Scaling, feed_forward, initial_weights
from marquardt.training import GOAL_METRICS, TOOLBOX_TEXTS, Limits, Parts, Status, Stop, Training
from marquardt.training.stops import first_stop

HOLDING = {
    "goal": {"mse": 0.5, "sse": 5.0, "loss": 2.5},
    "user": {"epoch": 7, "is_cancelled": True},
    "time": {"seconds": 61.0},
    "epochs": {"epoch": 20},
    "gradient": {"gradient": 1e-8},
    "mu": {"outcome": LevenbergMarquardt().outcome(Damped(Damping(1e11, 10.0)))},
    "validation": {"validation_fails": 6},
}
LIMITS = Limits(max_epochs=20, max_seconds=60.0, goal=0.5, min_gradient=1e-7, max_fail=6)
SENTENCES = {
    "goal": "The goal is met: mse = 0.5 <= 0.5.",
    "user": "Stopped by the user after 7 epochs; the best weights are kept.",
    "time": "The time is up: 61 s >= 60 s.",
    "epochs": "All epochs are done: 20 >= 20.",
    "gradient": "The gradient of the mean loss has vanished: 1e-08 <= 1e-07.",
    "mu": "No step lowers the loss any more: mu would have to be above 1e+10.",
    "validation": "Validation stop: no better validation error for 6 epochs in a row (max_fail 6).",
}
SUCCEEDED = {"goal", "gradient", "mu", "validation"}
ORDER = list(HOLDING)


def first(limits, status):
    return first_stop(limits.stops(), status)


@pytest.mark.parametrize("code", ORDER)
def test_each_stop_has_its_code_and_sentence(code):
    assert first(LIMITS, Status(**HOLDING[code])) == Stop(code, SENTENCES[code], code in SUCCEEDED)
    assert str(first(LIMITS, Status(**HOLDING[code]))) == SENTENCES[code]


def test_nothing_stops_a_fresh_run():
    assert first(Limits(), Status()) is None
    assert first(LIMITS, Status(mse=0.51, gradient=1.1e-7, validation_fails=5, epoch=19, seconds=59.9)) is None


@given(st.sets(st.sampled_from(ORDER), min_size=1))
def test_when_several_hold_the_first_of_the_order_counts(codes):
    fields = {}
    for code in sorted(codes, key=ORDER.index):
        fields |= HOLDING[code]
    assert first(LIMITS, Status(**fields)).code == min(codes, key=ORDER.index)


@pytest.mark.parametrize(
    ("metric", "value"), [("loss", 2.5), ("sse", 5.0), ("mse", 0.5), ("rmse", math.sqrt(0.5))], ids=GOAL_METRICS
)
def test_a_goal_is_met_when_the_metric_is_at_most_the_goal(metric, value):
    assert first(Limits(goal=value, goal_metric=metric), Status(**HOLDING["goal"])).code == "goal"
    assert first(Limits(goal=0.99 * value, goal_metric=metric), Status(**HOLDING["goal"])) is None


@pytest.mark.parametrize("metric", GOAL_METRICS)
def test_of_many_runs_each_stop_holds_where_it_would_of_one(metric):
    limits = Limits(max_epochs=20, goal=0.5, goal_metric=metric)
    fields = ("epoch", "loss", "sse", "mse", "gradient", "validation_fails")
    runs = [Status()] + [Status(**{f: v for f, v in held.items() if f in fields}) for held in HOLDING.values()]
    runs += [Status(loss=0.0, sse=0.0, mse=0.0), Status(loss=1e-9, sse=0.0, mse=0.0), Status(epoch=21, gradient=0.0)]
    many = Status()._replace(**{field: np.array([getattr(run, field) for run in runs]) for field in fields})
    for stop in limits.stops():
        found = np.broadcast_to(stop.holds(many), len(runs))
        assert found.tolist() == [stop(run) is not None for run in runs]


def test_zero_switches_validation_stops_off():
    assert first(Limits(max_fail=0), Status(validation_fails=1000)) is None


def test_stops_have_the_toolboxs_words():
    assert set(ORDER) <= set(TOOLBOX_TEXTS)
    assert Stop("mu", "", succeeded=True).toolbox_text == "Maximum MU reached."


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_epochs": -1}, "max_epochs must be a whole number from 0 up, got -1"),
        ({"max_epochs": 2.5}, "max_epochs must be a whole number"),
        ({"max_fail": -1}, "max_fail must be a whole number"),
        ({"max_seconds": -1}, "max_seconds must be a number from 0 up, got -1"),
        ({"goal": -1e-9}, "goal must be a number from 0 up"),
        ({"goal": math.nan}, "goal must be a number from 0 up, got nan"),
        ({"min_gradient": "1"}, "min_gradient must be a number from 0 up, got '1'"),
        ({"goal_metric": "msse"}, "goal_metric must be one of 'loss', 'sse', 'mse', 'rmse', got 'msse'. Did you mean"),
    ],
)
def test_limits_that_cannot_be_are_refused(limits, message):
    with pytest.raises(ConfigurationError, match=message):
        Limits(**limits)


# The same through a run.

X = np.linspace(-1, 1, 40)[:, None]
Y = np.sin(4 * X) + 100.0
GRAPH = feed_forward(1, (5,), 1)
NETWORK = Network(GRAPH, initial_weights(GRAPH, rng=0), None, Scaling.fit("minmax", Y))


def run(limits, **options):
    training = Training(NETWORK, X, Y, limits=limits, **options)
    return training, list(training)


def test_a_run_ends_for_each_reason():
    record = {}
    for code, limits, options in (
        ("goal", Limits(goal=1e-4), {}),
        ("time", Limits(max_seconds=30.0, min_gradient=0), {"clock": FakeClock(1.0)}),
        ("epochs", Limits(max_epochs=5), {}),
        ("gradient", Limits(min_gradient=1e-3), {}),
        ("mu", Limits(min_gradient=0), {"rule": LevenbergMarquardt(mu_init=1e-3, mu_max=2e-3)}),
    ):
        training, epochs = run(limits, **options)
        stop = record[code] = training.record.stop
        assert stop.code == code
        assert training.record.epochs == epochs
    assert record["time"].sentence == "The time is up: 30 s >= 30 s."
    assert record["epochs"].sentence == "All epochs are done: 5 >= 5."
    assert "mu would have to be above 0.002" in record["mu"].sentence


@pytest.mark.parametrize("metric", GOAL_METRICS)
def test_goals_are_in_the_units_of_the_targets(metric):
    training, _ = run(Limits(goal=1e-3, goal_metric=metric))
    error = (training.network.outputs(X) - Y).ravel()
    sse = float(error @ error)
    scaled = sse * NETWORK.target_scaling.factor[0] ** 2
    reached = {"loss": scaled / 2, "sse": sse, "mse": sse / 40, "rmse": math.sqrt(sse / 40)}[metric]
    assert training.record.stop.code == "goal"
    assert reached <= 1e-3
    assert training.record.stop.sentence.startswith(f"The goal is met: {metric} = {reached:.4g}"[:-1])


def test_epochs_of_zero_only_evaluate_the_start():
    training, epochs = run(Limits(max_epochs=0))
    assert [epoch.epoch for epoch in epochs] == [0]
    assert training.record.stop.code == "epochs"
    assert np.array_equal(training.network.weights, NETWORK.weights)


def test_a_goal_in_squared_errors_needs_squares():
    with pytest.raises(ConfigurationError, match=r"goal in mse needs the loss 'squares'.*Give the goal in 'loss'"):
        run(Limits(goal=0.1), loss=Huber())
    training, _ = run(Limits(goal=0.5, goal_metric="loss"), loss=Huber())
    assert training.record.stop.code == "goal"


def test_time_also_ends_an_epoch_of_rejected_trials():
    # Every trial is rejected, without end, but for the clock.
    training, epochs = run(
        Limits(max_seconds=50.0, min_gradient=0),
        rule=LevenbergMarquardt(mu_init=1e-300, mu_increase=1.0001, mu_max=1e300),
        loss=_Rising(),
        clock=FakeClock(1.0),
    )
    assert training.record.stop.code == "time"
    assert len(epochs) == 1


class _Rising(Huber):
    """Every value is worse than the one before."""

    calls = count()

    def value(self, outputs, targets):
        return np.full(outputs.shape, float(next(self.calls)))


def test_validation_stops_when_the_count_reaches_max_fail_and_returns_the_best_epoch():
    rng = np.random.default_rng(0)
    noisy = Y + 0.3 * rng.normal(size=Y.shape)
    parts = Parts(np.arange(0, 40, 2), np.arange(1, 40, 4), np.arange(3, 40, 4))
    graph = feed_forward(1, (12,), 1)
    network = Network(graph, initial_weights(graph, rng=1), None, Scaling.fit("minmax", Y))
    training = Training(network, X, noisy, parts=parts, limits=Limits(max_fail=4))
    networks = [training.network for _ in training]
    record = training.record
    assert record.stop.code == "validation"
    assert record.val_fail[-1] == 4
    assert record.best_epoch == np.argmin(record.vperf)
    assert record.num_epochs == record.best_epoch + 4
    best = training.network
    assert np.array_equal(best.weights, networks[record.best_epoch].weights)
    for rows, performance in ((parts.validation, record.best_vperf), (parts.test, record.best_tperf)):
        error = best.outputs(X[rows]) - noisy[rows]
        assert np.mean(error**2) == pytest.approx(performance, rel=1e-9)
    # A failure is an epoch without a new minimum; a new minimum sets the count back to zero.
    lowest = np.minimum.accumulate(record.vperf)
    for k in range(1, len(record.epochs)):
        expected = 0 if lowest[k] < lowest[k - 1] else record.val_fail[k - 1] + 1
        assert record.val_fail[k] == expected


def test_an_equal_validation_error_counts_as_a_failure():
    # Validation samples at x = 0 with weights that only scale x: their error never changes.
    graph = feed_forward(1, (), 1)
    x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[5.0], [1.0], [2.5], [2.7]])
    training = Training(
        Network(graph, [5.0, 0.0]),
        x,
        y,
        parts=Parts(np.array([1, 2, 3]), np.array([0]), np.array([], dtype=int)),
        rule=LevenbergMarquardt(mu_init=10.0, mu_decrease=0.999),
        limits=Limits(max_fail=3),
        loss=_FlatAtZero(100.0),
    )
    fails = [epoch.validation_fails for epoch in training]
    assert fails == [0, 1, 2, 3]
    assert training.record.stop.code == "validation"
    assert training.record.best_epoch == 0


class _FlatAtZero(Huber):
    """Huber's loss, but a single sample (the validation part) always costs the same."""

    def value(self, outputs, targets):
        return np.ones(outputs.shape) if outputs.shape[1] == 1 else super().value(outputs, targets)


def test_without_validation_the_network_of_the_lowest_loss_is_returned():
    training, epochs = run(Limits(max_epochs=30))
    losses = [epoch.loss for epoch in epochs]
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert training.record.best_epoch == len(epochs) - 1
    assert training.objective.at(training.network.weights, 0).loss == losses[-1]
