"""From arrays to a network: what is refused, and what restarts mean."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from marquardt.errors import ConfigurationError, DataError, ResourceError, ShapeError
from marquardt.losses import Huber, LogisticCrossEntropy, SoftmaxCrossEntropy, Squares
from marquardt.networks import Network, feed_forward
from marquardt.numerics import native_kernel
from marquardt.training import Division, Fitting, Limits, Parts, Settings

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (60, 2))
Y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * RNG.normal(size=60)
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.3)
PARTS = Division("interleaved", 0.2, 0.2).split(60)
SMALL = {"hidden_layer_sizes": 3, "limits": Limits(max_epochs=10), "seed": 1}


def fitted(settings=None, inputs=X, targets=Y, task="regression", **options):
    fitting = Fitting(inputs, targets, Settings(**{**SMALL, **(settings or {})}), task, **options)
    return fitting, list(fitting)


def test_one_column_of_targets_may_come_without_its_axis():
    one, _ = fitted()
    two, _ = fitted(targets=Y[:, None])
    assert np.array_equal(one.network.weights, two.network.weights)
    assert one.network.outputs(X).shape == (60, 1)


def test_scalings_are_those_of_the_training_part():
    fitting, _ = fitted(parts=PARTS)
    scaled = fitting.network.input_scaling.apply(X[PARTS.train])
    np.testing.assert_allclose([scaled.min(axis=0), scaled.max(axis=0)], [[-1, -1], [1, 1]], atol=1e-15)


@pytest.mark.parametrize("scaling", ["minmax", "standard"])
def test_a_weight_equals_repetition_and_zero_equals_removal(scaling):
    # The first μ is in parts of the mean weight, so that paths differ; what is minimized does not.
    counts = np.random.default_rng(5).integers(0, 3, 60)
    settings = {"input_scaling": scaling, "target_scaling": scaling, "hidden_layer_sizes": (), "alpha": 0.01}
    weighted, _ = fitted(settings, sample_weight=counts.astype(float))
    repeated, _ = fitted(settings, np.repeat(X, counts, axis=0), np.repeat(Y, counts))
    np.testing.assert_allclose(weighted.network.outputs(X), repeated.network.outputs(X), atol=1e-7)
    assert weighted.record.best_perf == pytest.approx(repeated.record.best_perf, rel=1e-7)


def test_restarts_are_repeatable_and_the_first_is_the_run_without_restarts():
    single, epochs = fitted(parts=PARTS)
    several, all_epochs = fitted({"restarts": 3}, parts=PARTS)
    again, _ = fitted({"restarts": 3}, parts=PARTS)
    assert [epoch.loss for epoch in all_epochs[: len(epochs)]] == [epoch.loss for epoch in epochs]
    assert np.array_equal(several.network.weights, again.network.weights)
    assert [attempt.restart for attempt in several.summaries] == [0, 1, 2]
    assert several.summaries[0].validation == single.record.best_vperf
    assert len({attempt.performance for attempt in several.summaries}) == 3


@pytest.mark.parametrize("parts", [PARTS, None], ids=["by validation", "by loss"])
def test_the_best_restart_is_kept(parts):
    fitting, _ = fitted({"restarts": 4}, parts=parts)
    numbers = [a.performance if parts is None else a.validation for a in fitting.summaries]
    best = fitting.record.best
    assert (best.performance if parts is None else best.validation) == min(numbers)
    rows = slice(None) if parts is None else parts.validation
    error = fitting.network.outputs(X[rows])[:, 0] - Y[rows]
    assert np.mean(error**2) == pytest.approx(min(numbers), rel=1e-9)


def test_attempts_say_how_each_restart_went():
    fitting, epochs = fitted({"restarts": 2})
    assert [attempt.epochs for attempt in fitting.summaries] == [10, 10]
    assert [attempt.stop for attempt in fitting.summaries] == ["epochs", "epochs"]
    assert len(epochs) == 22


def test_a_stop_by_the_user_ends_all_restarts():
    fitting = Fitting(X, Y, Settings(**SMALL, restarts=3), "regression")
    for epoch in fitting:
        if fitting.restart == 1 and epoch.epoch == 2:
            fitting.stop_by_user()
    assert [(attempt.restart, attempt.stop) for attempt in fitting.summaries] == [(0, "epochs"), (1, "user")]
    assert fitting.summaries[1].epochs == 2
    # The finished one is better than the interrupted one.
    assert fitting.record.best_perf == min(attempt.performance for attempt in fitting.summaries)


def test_an_interrupt_keeps_the_best_restart_so_far():
    fitting = Fitting(X, Y, Settings(**SMALL, restarts=3), "regression")

    def pull():
        for epoch in fitting:
            if fitting.restart == 1 and epoch.epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull()
    fitting.stop_by_user()
    assert [attempt.stop for attempt in fitting.summaries] == ["epochs", "user"]
    assert fitting.record.best_perf == min(attempt.performance for attempt in fitting.summaries)
    assert fitting.network.outputs(X).shape == (60, 1)


def test_the_best_so_far_is_there_at_any_time():
    fitting = Fitting(X, Y, Settings(**SMALL, restarts=3), "regression")
    lowest = np.inf
    for epoch in fitting:
        lowest = min(lowest, epoch.performance)
        error = fitting.network.outputs(X)[:, 0] - Y
        assert np.mean(error**2) == pytest.approx(lowest, rel=1e-9)


def test_going_on_from_a_network_begins_where_it_was():
    first, _ = fitted()
    fitting, epochs = fitted({"seed": 99, "input_scaling": "standard"}, start=first.network)
    assert epochs[0].performance == pytest.approx(first.record.best_perf, rel=1e-12)
    assert fitting.network.input_scaling is first.network.input_scaling
    assert fitting.record.best_perf < first.record.best_perf
    with pytest.raises(ConfigurationError, match="exclude each other"):
        fitted({"restarts": 2}, start=first.network)
    with pytest.raises(ShapeError, match=r"inputs must be of shape \(n_samples, 2\), got \(60, 1\)"):
        fitted(inputs=X[:, :1], start=first.network)


def test_constant_targets_give_the_model_that_says_so():
    fitting, _ = fitted(targets=np.full(60, 7.0))
    assert (fitting.network.outputs(X) == 7.0).all()
    assert fitting.record.stop.code in ("goal", "gradient")


def test_a_constant_input_does_not_matter():
    inputs = np.column_stack([X, np.full(60, 1e6)])
    fitting, _ = fitted(inputs=inputs)
    moved = inputs + np.array([0.0, 0.0, 1e3])
    assert np.array_equal(fitting.network.outputs(inputs), fitting.network.outputs(moved))


@pytest.mark.parametrize(
    ("loss", "task", "n_classes", "expected"),
    [
        ("auto", "regression", 0, Squares()),
        ("huber", "regression", 0, Huber()),
        ("auto", "classification", 2, LogisticCrossEntropy()),
        ("cross_entropy", "classification", 3, SoftmaxCrossEntropy()),
        ("softmax_cross_entropy", "classification", 3, SoftmaxCrossEntropy()),
        ("squares", "classification", 3, Squares()),
    ],
)
def test_the_loss_suits_the_task(loss, task, n_classes, expected):
    assert Settings(loss=loss).loss_for(task, n_classes) == expected


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", ["auto", "squares"])
def test_classes_are_learned(n_classes, loss):
    codes = np.minimum(CLASSES, n_classes - 1)
    fitting, _ = fitted(
        {"loss": loss, "limits": Limits(max_epochs=50)}, targets=codes, task="classification", n_classes=n_classes
    )
    outputs = fitting.network.outputs(X)
    chosen = outputs.argmax(axis=1) if n_classes > 2 else (outputs[:, 0] > 0.5)
    assert (chosen == codes).mean() > 0.95
    if n_classes > 2:
        np.testing.assert_allclose(outputs.sum(axis=1), 1.0, rtol=1e-14)


SPOILED = X.copy()
SPOILED[7, 1] = np.nan
REFUSALS = {
    "lengths that differ": (lambda: fitted(targets=Y[:-1]), ShapeError, "as many rows, got 60 and 59"),
    "inputs without their axis": (
        lambda: fitted(inputs=X[:, 0]),
        ShapeError,
        r"inputs must be of shape .* got \(60,\)",
    ),
    "targets with three axes": (lambda: fitted(targets=np.zeros((60, 1, 1))), ShapeError, "targets must be of shape"),
    "no sample": (lambda: fitted(inputs=X[:0], targets=Y[:0]), DataError, "no sample to train on"),
    "NaN in the inputs": (
        lambda: fitted(inputs=SPOILED),
        DataError,
        "inputs must be finite, got nan in row 7, column 1",
    ),
    "NaN outside the training part": (
        lambda: fitted(inputs=np.where(np.arange(60)[:, None] == PARTS.test[0], np.nan, X), parts=PARTS),
        DataError,
        f"inputs must be finite, got nan in row {PARTS.test[0]}, column 0",
    ),
    "infinity in the targets": (
        lambda: fitted(targets=np.where(np.arange(60) == 3, np.inf, Y)),
        DataError,
        "targets must be finite, got inf in row 3, column 0",
    ),
    "weights of another length": (
        lambda: fitted(sample_weight=np.ones(59)),
        ShapeError,
        r"sample_weight must be of shape \(60,\), got \(59,\)",
    ),
    "weights of another length, with parts": (
        lambda: fitted(sample_weight=np.ones(59), parts=PARTS),
        ShapeError,
        r"sample_weight must be of shape \(60,\), got \(59,\)",
    ),
    "a negative weight": (
        lambda: fitted(sample_weight=np.where(np.arange(60) == 3, -1.0, 1.0)),
        DataError,
        "sample_weight must be finite and not negative",
    ),
    "weights that are all zero": (
        lambda: fitted(sample_weight=np.zeros(60)),
        DataError,
        "All sample weights are zero: there is nothing to train on",
    ),
    "cross-entropy for numbers": (
        lambda: fitted({"loss": "cross_entropy"}),
        ConfigurationError,
        "'cross_entropy' is for classification, and this is regression. Use 'squares' or 'huber'",
    ),
    "huber for classes": (
        lambda: fitted({"loss": "huber"}, targets=CLASSES, task="classification", n_classes=3),
        ConfigurationError,
        "3 classes takes the loss 'cross_entropy' or 'squares', got 'huber'",
    ),
    "logistic for three classes": (
        lambda: fitted({"loss": "logistic_cross_entropy"}, targets=CLASSES, task="classification", n_classes=3),
        ConfigurationError,
        "Classification with 3 classes takes",
    ),
    "a single class": (
        lambda: fitted(targets=np.zeros(60, dtype=int), task="classification", n_classes=1),
        DataError,
        "at least two classes, got 1",
    ),
    "class numbers that are none": (
        lambda: fitted(targets=CLASSES + 0.5, task="classification", n_classes=3),
        ShapeError,
        "Class numbers must be integers",
    ),
    "a class number too high": (
        lambda: fitted(targets=CLASSES, task="classification", n_classes=2),
        DataError,
        r"Class numbers must be from 0 to 1, got 2",
    ),
    "a class number below zero": (
        lambda: fitted(targets=CLASSES - 1, task="classification", n_classes=3),
        DataError,
        r"Class numbers must be from 0 to 2, got -1",
    ),
    "an unknown task": (lambda: fitted(task="regresion"), ConfigurationError, "Did you mean 'regression'"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", REFUSALS)
def test_refused_is(case):
    attempt, error, message = REFUSALS[case]
    with pytest.raises(error, match=message):
        attempt()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes must be .*got 0"),
        ({"activation": "tahn"}, "Did you mean 'tanh'"),
        ({"activation": "softmax"}, "Hidden layers cannot be softmax"),
        ({"topology": "cascade"}, "Did you mean 'cascade_forward'"),
        ({"loss": "hubert"}, "Did you mean 'huber'"),
        ({"loss_scale": 1.0}, "loss_scale belongs to the losses 'huber', 'cauchy' and 'soft_l1', got the loss 'auto'"),
        ({"loss": "huber", "loss_scale": 0.0}, "loss_scale must be a number above 0"),
        ({"alpha": -1.0}, "alpha must be a number from 0 up, got -1.0"),
        ({"initialization": "nguyen"}, "Did you mean 'nguyen_widrow'"),
        ({"spread": 0.0}, "spread must be a number above 0"),
        ({"input_scaling": "max"}, "input_scaling must be one of"),
        ({"target_scaling": "standart"}, "target_scaling must be .*Did you mean 'standard'"),
        ({"algorithm": "adams"}, "There is no algorithm"),
        ({"rule": {"mu": 1.0}}, "has no setting 'mu'"),
        ({"rule": {"mu_init": 0}}, "mu_init must be a number above 0"),
        ({"restarts": 0}, "restarts must be a whole number from 1 up, got 0"),
        ({"threads": 0}, "threads must be a whole number from 1 up, got 0"),
        ({"seed": -1}, "seed must be a whole number from 0 up, got -1"),
        ({"form": "dense"}, "form must be one of"),
        ({"max_memory": "2 Gigs"}, "max_memory must be an amount of memory such as '500MB'.*got '2 Gigs'"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_once(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        Settings(**settings)


def test_a_network_too_large_is_refused_with_the_figure_before_anything_is_allocated():
    inputs, targets = np.random.default_rng(0).normal(size=(5, 1000)), np.random.default_rng(1).normal(size=(5, 10))
    tracemalloc.start()
    try:
        with pytest.raises(
            ResourceError, match=r"101,100,010 weights.* needs [\d,.]+ GiB, this machine has [\d.]+ GiB"
        ):
            fitted({"hidden_layer_sizes": 100_000, "algorithm": "bfgs"}, inputs, targets)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10e6


def test_the_budget_decides_for_auto_and_its_form():
    inputs, targets = np.random.default_rng(0).normal(size=(300, 4)), np.zeros((300, 1))
    settings = {"hidden_layer_sizes": 150, "algorithm": "auto"}  # a matrix of 901 weights takes 6.5 MB

    def made(**more):
        return Fitting(inputs, targets, Settings(**settings | more), "regression")

    free, small = made(), made(max_memory="2MB")
    assert free.choice.algorithm == "levenberg_marquardt"
    assert small.choice.algorithm == "lbfgs"
    assert small.training.objective.plan.memory < 2_000_000
    # Three matrices have room, with blocks and data beside them they have not.
    tight = made(max_memory=3 * 8 * 901**2 + 1000)
    assert tight.choice.algorithm == "lbfgs"
    assert made(max_memory="30MB").training.objective.plan.form == "samples"
    asked = made(algorithm="lm", max_memory="2MB")
    assert asked.training.objective.plan.form == "matrix_free"
    with pytest.raises(
        ResourceError, match=r"the budget is 1\.9 MiB \(2MB\)\. The algorithm 'lbfgs' .* would take .* KiB"
    ):
        made(algorithm="trainbr", max_memory="2MB")


@pytest.mark.skipif(native_kernel() is None, reason="Without the compiled kernel restarts are no batch.")
def test_restarts_that_have_no_room_side_by_side_go_one_after_the_other():
    inputs = np.random.default_rng(0).normal(size=(900, 2))
    settings = {"hidden_layer_sizes": 5, "restarts": 20, "algorithm": "lm", "limits": Limits(max_epochs=2)}
    side_by_side, _ = fitted(settings, inputs, np.sin(inputs[:, :1]))
    in_turn, _ = fitted(settings | {"max_memory": "100kB"}, inputs, np.sin(inputs[:, :1]))
    assert [type(fitting.training).__name__ for fitting in (side_by_side, in_turn)] == ["BatchMember", "Training"]
    assert in_turn.training.memory <= 100_000 < side_by_side.training.memory
    np.testing.assert_allclose(in_turn.network.weights, side_by_side.network.weights, rtol=1e-6)


def test_a_graph_that_a_start_brings_is_taken():
    graph = feed_forward(2, (2, 2), 1, activation="sine")
    fitting, _ = fitted(start=Network(graph, np.full(graph.n_weights, 0.1)))
    assert fitting.network.graph is graph


def test_a_class_that_does_not_train_is_refused():
    inputs, codes = np.arange(6.0)[:, None], np.array([0, 0, 0, 0, 1, 1])
    parts = Parts(np.arange(4), np.array([4, 5]), np.empty(0, dtype=int))
    for options in ({"parts": parts}, {"sample_weight": [1, 1, 1, 1, 0, 0]}):
        with pytest.raises(DataError, match="No row that trains has the class 1, so it cannot be learned"):
            Fitting(inputs, codes, Settings(), "classification", n_classes=2, **options)
