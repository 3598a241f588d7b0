"""A run that is pulled: what is valid when, who ends it, and what it leaves behind."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from helpers.clock import FakeClock
from threadpoolctl import threadpool_info, threadpool_limits

from marquardt.algorithms import LevenbergMarquardt
from marquardt.errors import ConfigurationError, DataError, ResourceError, ShapeError
from marquardt.losses import LogisticCrossEntropy, SoftmaxCrossEntropy, Squares, WeightDecay
from marquardt.networks import LayerGraph, Network, Scaling, feed_forward, initial_weights
from marquardt.numerics import native
from marquardt.objective import Derivatives, Objective
from marquardt.training import Division, Limits, Training, train, train_many

X = np.linspace(-1, 1, 60)[:, None]
Y = np.sin(4 * X) * 5 + 20
PARTS = Division("interleaved", 0.2, 0.2).split(60)


def network(hidden=4, seed=0):
    graph = feed_forward(1, hidden, 1)
    return Network(graph, initial_weights(graph, rng=seed), Scaling.fit("minmax", X), Scaling.fit("standard", Y))


def training(limits=None, **options):
    return Training(network(), X, Y, limits=limits or Limits(max_epochs=8), **options)


def test_epochs_count_from_the_start():
    run = training()
    epochs = list(run)
    assert [epoch.epoch for epoch in epochs] == list(range(9))
    assert epochs[0].trials == 0
    assert all(epoch.trials >= 1 for epoch in epochs[1:])
    assert run.record.epochs == epochs
    assert all(later.loss < earlier.loss for earlier, later in pairwise(epochs))


def test_the_numbers_of_an_epoch_are_those_of_its_network():
    run = training(parts=PARTS, sample_weight=np.linspace(0, 2, 60), penalty=WeightDecay(0.01))
    for epoch in run:
        if epoch.epoch != run.record.best_epoch:
            continue
        for rows, performance in ((PARTS.train, epoch.performance), (PARTS.validation, epoch.validation)):
            error = (run.network.outputs(X[rows]) - Y[rows])[:, 0]
            mse = np.average(error**2, weights=np.linspace(0, 2, 60)[rows])
            assert performance == pytest.approx(mse, rel=1e-9)
        # The gradient is that of the mean squared error in scaled units, with the penalty.
        current = run.objective.at(run.network.weights, Derivatives.GRADIENT)
        unit = run.objective.unit
        assert epoch.loss == pytest.approx(current.loss * unit, rel=1e-12)
        total = np.linspace(0, 2, 60)[PARTS.train].sum()
        assert epoch.gradient == pytest.approx(np.linalg.norm(current.gradient) * unit * 2 / total, rel=1e-9)


def test_validation_and_test_parts_do_not_train():
    spoiled = Y.copy()
    spoiled[PARTS.test] = 1e3
    clean, other = (list(Training(network(), X, y, parts=PARTS, limits=Limits(max_epochs=5))) for y in (Y, spoiled))
    assert [epoch.loss for epoch in clean] == [epoch.loss for epoch in other]
    assert [epoch.validation for epoch in clean] == [epoch.validation for epoch in other]
    assert clean[-1].test < 100 < other[-1].test


def test_rows_that_do_not_train_do_not_matter():
    alone = list(Training(network(), X[PARTS.train], Y[PARTS.train], limits=Limits(max_epochs=5)))
    within = list(Training(network(), X, Y, parts=PARTS, limits=Limits(max_epochs=5)))
    for a, b in zip(alone, within, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-12)


def test_seconds_are_those_of_the_clock():
    run = training(clock=FakeClock(0.5))
    times = [epoch.seconds for epoch in run]
    assert times[0] > 0
    assert all(later > earlier for earlier, later in pairwise(times))
    assert run.record.seconds == times[-1]


def test_asked_between_two_epochs_a_run_ends_at_the_next_pull():
    run = training(Limits(max_epochs=1000))
    for epoch in run:
        if epoch.epoch == 3:
            run.stop_by_user()
    assert run.record.num_epochs == 3
    assert run.record.stop.code == "user"
    assert "after 3 epochs" in run.record.stop.sentence


def test_asked_before_it_starts_a_run_ends_with_its_start():
    run = training()
    run.stop_by_user()
    assert [epoch.epoch for epoch in run] == [0]
    assert run.record.stop.code == "user"


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_leaving_a_run_midway_gives_the_blas_threads_back_and_leaves_all_valid():
    with threadpool_limits(limits=2, user_api="blas"):
        run = training(Limits(max_epochs=1000), block_size=10, threads=2)
        pull = iter(run)
        for _ in range(4):
            next(pull)
            assert blas_threads() == {1}
        pull.close()
        assert blas_threads() == {2}
    assert run.record.num_epochs == 3
    assert run.record.stop is None
    run.stop_by_user()
    assert run.record.stop.code == "user"
    error = run.network.outputs(X) - Y
    assert np.mean(error**2) == pytest.approx(run.record.best_perf, rel=1e-9)


def test_an_error_in_the_puller_gives_the_blas_threads_back():
    with threadpool_limits(limits=2, user_api="blas"):
        with pytest.raises(KeyError):  # noqa: PT012
            for _ in training():
                raise KeyError
        assert blas_threads() == {2}


def test_a_run_can_be_iterated_once():
    run = training()
    for _ in run:
        break
    with pytest.raises(ConfigurationError, match=r"iterated once. To go on, make a new Training from its network"):
        next(iter(run))
    assert run.record.num_epochs == 0


def interrupt_after(run, part, n):
    """Let the n-th evaluation of a part of the run be interrupted."""
    objective = getattr(run, part)
    original, calls = objective.at, []

    def at(weights, need):
        calls.append(need)
        if len(calls) == n:
            raise KeyboardInterrupt
        return original(weights, need)

    def descent(*settings):
        trials = original_descent(*settings)

        def interrupted(*arguments):
            trials(*arguments)  # all is done in place when the interrupt comes
            calls.append("descent")
            if len(calls) == n:
                raise KeyboardInterrupt

        return None if trials is None else interrupted

    original_descent = objective.descent
    objective.at, objective.descent = at, descent


@pytest.mark.parametrize("part", ["objective", "_validation", "_test"])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
def test_an_interrupt_anywhere_keeps_the_best_so_far(part, n):
    run = training(parts=PARTS)
    interrupt_after(run, part, n)
    with pytest.raises(KeyboardInterrupt):
        list(run)
    run.stop_by_user()
    record = run.record
    assert record.stop.code == "user"
    assert record.best is record.epochs[record.best_epoch]
    error = run.network.outputs(X[PARTS.train]) - Y[PARTS.train]
    assert np.mean(error**2) == pytest.approx(record.best_perf, rel=1e-9)


def test_train_keeps_the_best_on_an_interrupt(monkeypatch):
    monkeypatch.setattr(native, "_MODULE", None)  # trial by trial
    calls = []
    original = Objective.at

    def at(self, weights, need):
        calls.append(need)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return original(self, weights, need)

    monkeypatch.setattr(Objective, "at", at)
    result = train(network(), X, Y)
    assert result.record.stop.code == "user"
    assert result.record.num_epochs >= 1
    assert np.mean((result.network.outputs(X) - Y) ** 2) == pytest.approx(result.record.best_perf, rel=1e-9)


def test_train_pulls_to_the_end():
    result = train(network(), X, Y, limits=Limits(max_epochs=5))
    assert result.record.num_epochs == 5
    assert result.record.stop.code == "epochs"


def test_train_on_a_graph_is_the_run_that_its_words_say():
    graph = feed_forward(1, 4, 1)
    short = train(graph, X, Y, algorithm="trainlm", division="random", seed=3, limits=Limits(max_epochs=20))
    parts = Division("random", 0.15, 0.15, seed=3).split(len(X))
    start = Network(
        graph,
        initial_weights(graph, "nguyen_widrow", rng=3),
        Scaling.fit("minmax", X[parts.train]),
        Scaling.fit("minmax", Y[parts.train]),
    )
    long = train(start, X, Y, rule=LevenbergMarquardt(), parts=parts, limits=Limits(max_epochs=20))
    assert np.array_equal(short.network.weights, long.network.weights)
    assert np.array_equal(short.record.testInd, parts.test)
    assert len(train(graph, X, Y, limits=Limits(max_epochs=1)).record.valInd) == 0


def test_train_takes_an_algorithm_by_its_name_and_settings():
    record = train(network(), X, Y, algorithm="lm(mu_init=5)", limits=Limits(max_epochs=2)).record
    assert record.epochs[0].mu == 5
    assert train(network(), X, Y, algorithm="trainscg", limits=Limits(max_epochs=2)).record.algorithm.startswith(
        "scaled"
    )


def test_train_divides_classes_one_by_one():
    rng = np.random.default_rng(0)
    x, codes = rng.normal(size=(100, 1)), np.repeat([0, 1, 2], [80, 18, 2])
    for loss, targets, activation in [
        (SoftmaxCrossEntropy(), np.eye(3)[codes], "softmax"),
        (LogisticCrossEntropy(), (codes > 0)[:, None].astype(float), "logistic"),
    ]:
        graph = feed_forward(1, 2, targets.shape[1], output_activation=activation)
        for seed in range(5):
            parts = train(
                graph, x, targets, loss, division="random", seed=seed, limits=Limits(max_epochs=1)
            ).record.parts
            assert 2 <= (codes[parts.validation] > 0).sum() <= 4
            assert (targets[parts.train].sum(axis=0) > 0).all()


def test_train_prints_every_so_many_epochs_and_why_it_ended(capsys):
    train(network(), X, Y, limits=Limits(max_epochs=7), verbose=3)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("/")[0] for line in lines[:-1]] == ["epoch 0", "epoch 3", "epoch 6", "epoch 7"]
    assert "7" in lines[-1]
    train(network(), X, Y, limits=Limits(max_epochs=2), verbose=True)
    assert len(capsys.readouterr().out.splitlines()) == 4
    train(network(), X, Y, limits=Limits(max_epochs=2))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"algorithm": "lm", "rule": LevenbergMarquardt()}, "algorithm is given twice"),
        ({"division": "random", "parts": PARTS}, "division is given twice"),
        ({"division": "radnom"}, "Did you mean 'random'"),
        ({"algorithm": "trainml"}, "trainlm"),
        ({"verbose": -1}, "verbose must be a whole number"),
    ],
)
def test_what_train_cannot_do_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        train(network(), X, Y, **options)


@pytest.mark.parametrize("form", ["pairs", "explicit"])
def test_form_blocks_and_threads_change_no_path(form):
    plain = [epoch.loss for epoch in training()]
    other = [epoch.loss for epoch in training(form=form, block_size=7, threads=2)]
    assert plain == pytest.approx(other, rel=1e-8)


def test_a_start_that_overflows_is_refused_with_a_way_out():
    graph = feed_forward(1, (), 1)
    with pytest.raises(DataError, match=r"overflows at the start. Scale the inputs and targets"):
        list(Training(Network(graph, [1e200, 0.0]), X, Y))


def test_what_the_objective_refuses_is_refused_before_the_start():
    with pytest.raises(ShapeError, match=r"inputs must be of shape \(n_samples, 1\), got \(60, 2\)"):
        Training(network(), np.hstack([X, X]), Y)
    with pytest.raises(ShapeError, match="as many rows, got 60 and 59"):
        Training(network(), X, Y[:-1])
    with pytest.raises(ShapeError, match=r"sample_weight must be of shape \(60,\)"):
        Training(network(), X, Y, sample_weight=np.ones(59))
    with pytest.raises(DataError, match="sample_weight must be finite and not negative"):
        Training(network(), X, Y, sample_weight=np.full(60, -1.0))
    with pytest.raises(DataError, match="All sample weights are zero"):
        Training(network(), X, Y, sample_weight=np.zeros(60))
    with pytest.raises(DataError, match="targets must be finite, got nan in row 3, column 0"):
        Training(network(), X, np.where(np.arange(60)[:, None] == 3, np.nan, Y))
    with pytest.raises(DataError, match="no sample"):
        Training(network(), X[:0], Y[:0])
    with pytest.raises(ConfigurationError, match="belongs to a logistic output layer, got 'identity'"):
        Training(network(), X, Y, LogisticCrossEntropy())
    with pytest.raises(ConfigurationError, match="output_weights has 2 values, the network 1 outputs"):
        Training(network(), X, Y, Squares((1.0, 2.0)))
    with pytest.raises(ConfigurationError, match="alpha has 3 values"):
        Training(network(), X, Y, penalty=WeightDecay((1, 2, 3)))
    with pytest.raises(ConfigurationError, match=r"form must be one of .*Did you mean 'pairs'"):
        training(form="pair")
    with pytest.raises(ConfigurationError, match="threads must be a whole number from 1 up, got 0"):
        training(threads=0)
    with pytest.raises(ConfigurationError, match="block_size must be a whole number from 1 up, got -1"):
        training(block_size=-1)


def test_a_network_too_large_is_refused_with_the_figure_before_anything_is_allocated():
    import tracemalloc

    graph = feed_forward(1000, 100_000, 10)
    tracemalloc.start()
    try:
        with pytest.raises(
            ResourceError, match=r"101,100,010 weights: .* needs [\d,.]+ GiB, this machine has [\d.]+ GiB"
        ):
            Objective(graph, np.zeros((3, 1000)), np.zeros((3, 10)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10e6


def test_validation_weighs_targets_as_the_loss_does_whatever_their_units():
    # The second target in other units is the same problem: the same epoch must be the best one.
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (60, 2))
    y = np.column_stack([np.sin(3 * x[:, 0]), x[:, 1] ** 2]) + 0.3 * rng.normal(size=(60, 2))
    parts = Division(seed=1).split(60)
    best = []
    for unit in (1.0, 1e6, 1e-6):
        targets = y * [1.0, unit]
        graph = feed_forward(2, 10, 2)
        network = Network(
            graph, initial_weights(graph, rng=3), Scaling.fit("minmax", x), Scaling.fit("minmax", targets)
        )
        record = train(network, x, targets, parts=parts).record
        best.append((record.best_epoch, record.num_epochs))
    assert best[0] == best[1] == best[2]


def test_a_run_on_ready_objectives_is_the_run_on_arrays():
    start, scalings = network(), {"input_scaling": network().input_scaling, "target_scaling": network().target_scaling}
    ready, validation, test = (
        Objective(start.graph, X, Y, rows=rows, **scalings) for rows in (PARTS.train, PARTS.validation, PARTS.test)
    )
    limits = Limits(max_epochs=10)
    on_objectives = Training.of(
        start, ready, validation=validation, test=test, parts=PARTS, limits=limits, clock=FakeClock()
    )
    on_arrays = Training(start, X, Y, parts=PARTS, limits=limits, clock=FakeClock())
    assert list(on_objectives) == list(on_arrays)
    assert np.array_equal(on_objectives.network.weights, on_arrays.network.weights)


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (feed_forward(1, (2,), 1), {}, "network must be a Network, got a LayerGraph. Make one: Network"),
        (
            None,
            {"loss": "squares"},
            r"loss must be a loss and not its name, got 'squares'. Take loss_named\('squares'\)",
        ),
        (None, {"rule": "lm"}, r"rule must be a StepRule, got 'lm'. Make one: algorithm_named\('lm'\)"),
        (None, {"limits": 100}, "limits must be a Limits, got 100. Make one: Limits"),
    ],
)
def test_names_are_refused_where_the_pieces_are_taken(network, options, message):
    network = Network(feed_forward(1, (2,), 1), np.zeros(7)) if network is None else network
    doors = [lambda *given, **options: train_many(given[0], np.zeros((2, 7)), *given[1:], **options)]
    doors += [] if isinstance(network, LayerGraph) else [train]  # which makes a network of a graph
    for begin in doors:
        with pytest.raises(ConfigurationError, match=message):
            begin(network, [[0.0], [1.0]], [[0.0], [1.0]], **options)
