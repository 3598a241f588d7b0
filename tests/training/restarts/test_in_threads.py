"""Restarts several at a time, in threads: the same bits, one after the other to whoever looks on."""

from __future__ import annotations

import _thread
import signal
import threading
import tracemalloc
from dataclasses import astuple, replace

import numpy as np
import pytest

from marquardt.errors import ConfigurationError
from marquardt.numerics import is_held, most_threads, threads_left
from marquardt.objective import Derivatives, Objective
from marquardt.training import ArrayData, Division, Fitting, Limits, Settings, Training
from marquardt.training import fitting as fitting_module
from marquardt.training.restarts import pool as pool_module

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (400, 3))
Y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * RNG.normal(size=400)
PARTS = Division("interleaved", 0.2, 0.2).split(400)
SMALL = {"hidden_layer_sizes": 3, "limits": Limits(max_epochs=6), "seed": 1, "restarts": 5}


@pytest.fixture(autouse=True)
def even_short_runs(monkeypatch):
    monkeypatch.setattr(fitting_module, "BESIDE_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    for _ in range(100):
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("marquardt")]
        if not left:
            return
        threading.Event().wait(0.02)
    pytest.fail(f"{left} go on.")


@pytest.fixture
def unhurried(monkeypatch):
    """Epochs that take a while: who looks on keeps up."""
    plain = Training.__iter__

    def slowly(self):
        for epoch in plain(self):
            threading.Event().wait(0.002)
            yield epoch

    monkeypatch.setattr(Training, "__iter__", slowly)


def begun(data=X, targets=Y, **settings):
    parts, weight = settings.pop("parts", None), settings.pop("sample_weight", None)
    chosen = Settings(**{**SMALL, **settings})
    return Fitting(data, targets, chosen, "regression", parts=parts, sample_weight=weight)


def untimed(things):
    return [astuple(replace(thing, seconds=0.0)) for thing in things]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"parts": PARTS},
        {"parts": PARTS, "alpha": "auto", "sample_weight": RNG.uniform(0.5, 2.0, 400)},
        {"alpha": "auto"},
        {"algorithm": "bfgs"},
        {"algorithm": "trainbr"},
        {"form": "pairs", "threads": 3},
        {"algorithm": "lm_geodesic", "form": "explicit"},
    ],
    ids=str,
)
def test_not_a_bit_depends_on_the_jobs(settings):
    def result(jobs):
        fitting = begun(jobs=jobs, **settings)
        shown = []
        restarts = []
        for epoch in fitting:
            shown.append(epoch)
            restarts.append(fitting.restart)
        assert (fitting._pool is None) == (jobs == 1)
        return (
            restarts,
            untimed(shown),
            untimed(fitting.summaries),
            fitting.kept,
            fitting.decay,
            fitting.network.weights.tolist(),
            untimed(fitting.record.epochs),
            fitting.record.stop,
        )

    # NaN is not equal to itself.
    expected = repr(result(1))
    for jobs in (2, 5, 8):
        assert repr(result(jobs)) == expected


def test_few_threads_sum_the_shares_of_many_in_the_same_order():
    objective = Objective(begun().network.graph, X, Y[:, None], form="pairs", threads=4, block_size=50)
    weights = RNG.normal(size=objective.n_weights)
    for need in (Derivatives.VALUE, Derivatives.GRADIENT, Derivatives.NORMAL):
        expected = objective.at(weights, need)
        for few in (3, 2, 1):
            with most_threads(lambda few=few: few):
                found = objective.at(weights, need)
            assert found.loss == expected.loss
            assert np.array_equal(found.gradient, expected.gradient)
            assert np.array_equal(found.normal, expected.normal)
    objective.close()


def test_the_processors_are_divided_among_the_runs_that_go_on(monkeypatch):
    monkeypatch.setattr(pool_module, "usable_cpus", lambda: 6)
    seen = []
    together = threading.Barrier(3, timeout=30)
    plain = Training.__iter__

    def watched(self):
        for epoch in plain(self):
            if epoch.epoch == 2:
                together.wait()
                seen.append((threads_left(100), is_held()))
                together.wait()
            yield epoch

    monkeypatch.setattr(Training, "__iter__", watched)
    list(begun(jobs=3, restarts=3))
    assert seen == [(2, True)] * 3
    assert threads_left(100) == 100


def test_runs_go_on_at_the_same_time(monkeypatch):
    together = threading.Barrier(3, timeout=30)
    plain = Training.__iter__

    def meeting(self):
        for epoch in plain(self):
            if epoch.epoch == 2:
                together.wait()
            yield epoch

    monkeypatch.setattr(Training, "__iter__", meeting)
    fitting = begun(jobs=3, restarts=6)
    list(fitting)
    assert len(fitting.summaries) == fitting.n_ended == 6


def test_a_stop_by_the_user_ends_all_and_keeps_the_best_of_those_begun(unhurried):
    fitting = begun(jobs=3, restarts=9, limits=Limits(max_epochs=1000, min_gradient=0.0))
    for epoch in fitting:
        if epoch.epoch == 4:
            fitting.stop_by_user()
    numbers = [attempt.restart for attempt in fitting.summaries]
    assert numbers == list(range(len(numbers)))
    assert 1 <= len(numbers) < 9
    assert "user" in {attempt.stop for attempt in fitting.summaries}
    assert fitting.record.best_perf == min(attempt.performance for attempt in fitting.summaries)
    assert fitting.record.stop is not None
    error = fitting.network.outputs(X)[:, 0] - Y
    assert np.mean(error**2) == pytest.approx(fitting.record.best_perf, rel=1e-9)


def test_an_interrupt_keeps_the_best_finished_and_the_best_so_far(unhurried):
    fitting = begun(jobs=2, restarts=9, limits=Limits(max_epochs=10, min_gradient=0.0))

    def pull():
        for epoch in fitting:
            if fitting.restart == 1 and epoch.epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull()
    fitting.stop_by_user()
    assert len(fitting.summaries) >= 2
    assert fitting.record.best_perf == min(attempt.performance for attempt in fitting.summaries)


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="Ctrl-C is the main thread's.")
def test_ctrl_c_gets_through_to_who_waits(monkeypatch):
    plain = Training.__iter__

    def interrupting(self):
        for epoch in plain(self):
            yield epoch
            if epoch.epoch == 1:
                _thread.interrupt_main()

    monkeypatch.setattr(Training, "__iter__", interrupting)
    # In the background of a script Ctrl-C is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    fitting = begun(jobs=2, limits=Limits(max_epochs=10**6, min_gradient=0.0, goal=0.0))
    try:
        with pytest.raises(KeyboardInterrupt):
            list(fitting)
    finally:
        fitting.stop_by_user()
        signal.signal(signal.SIGINT, before)
    assert len(fitting.summaries) in (1, 2)
    assert fitting.record.stop.code == "user"


def test_who_looks_away_leaves_nothing_going_on(unhurried):
    for epoch in begun(jobs=2, restarts=9, limits=Limits(max_epochs=300, min_gradient=0.0)):
        if epoch.epoch == 2:
            break


def test_an_error_in_a_run_is_raised_as_it_is(monkeypatch):
    class Odd(Exception):
        pass

    plain = ArrayData.training
    n_made = []

    def failing(self, network, *given, **options):
        n_made.append(1)
        if len(n_made) == 3:
            raise Odd("The third.")
        return plain(self, network, *given, **options)

    monkeypatch.setattr(ArrayData, "training", failing)
    fitting = begun(jobs=2, restarts=9, limits=Limits(max_epochs=1000, min_gradient=0.0))
    with pytest.raises(Odd, match=r"The third\.") as caught:
        list(fitting)
    assert "failing" in {entry.name for entry in caught.traceback}
    assert fitting.network.outputs(X).shape == (400, 1)


def test_the_time_limit_is_each_restarts():
    fitting = begun(jobs=2, limits=Limits(max_epochs=10**6, max_seconds=0.05, min_gradient=0.0))
    list(fitting)
    assert [attempt.stop for attempt in fitting.summaries] == ["time"] * 5


def test_of_a_run_that_has_ended_the_data_are_let_go():
    fitting = begun(jobs=2)
    list(fitting)
    assert [type(run).__name__ for _, run in fitting._pool.begun()] == ["FinishedRun"] * 5


@pytest.mark.parametrize("case", ["short", "memory", "files", "one", "stopped"])
def test_others_go_one_by_one(monkeypatch, case):
    fitting = begun(jobs=1 if case == "one" else 4)
    if case == "short":
        monkeypatch.setattr(fitting_module, "BESIDE_SECONDS", 1.0)
    if case == "memory":
        fitting._limit.limit = 1.2 * fitting.training.memory
    if case == "files":
        monkeypatch.setattr(fitting_module, "ArrayData", type(None))
    if case == "stopped":
        fitting.stop_by_user()
    list(fitting)
    assert fitting._pool is None
    assert len(fitting.summaries) == (1 if case == "stopped" else 5)


@pytest.mark.parametrize("parts", [None, PARTS], ids=["all train", "divided"])
def test_memory_for_three_is_used_by_three(parts):
    fitting = begun(jobs=4, parts=parts)
    copy = 8 * 400 * (3 + 1 + 1)
    fitting._limit.limit = copy + 3.1 * (fitting.training.memory - copy)
    assert fitting._most_jobs() == 3


def test_all_runs_share_one_scaled_copy_of_the_data():
    x = RNG.normal(size=(60_000, 20))
    settings = {"algorithm": "bfgs", "hidden_layer_sizes": 1, "restarts": 3, "limits": Limits(max_epochs=3)}

    def peak(jobs):
        fitting = begun(x, x[:, 0] ** 2, jobs=jobs, **settings)
        tracemalloc.start()
        try:
            list(fitting)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    copy = 8 * x.size
    # The copy is made before. What runs have beside it is scratch arrays for blocks of some thousand samples.
    assert max(peak(1), peak(3)) < 0.7 * copy


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True])
def test_jobs_that_cannot_be_are_refused(jobs):
    with pytest.raises(ConfigurationError, match="jobs must be a whole number from 1 up"):
        Settings(jobs=jobs)
