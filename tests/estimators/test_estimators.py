"""The estimators from the user's side: data as it comes, reproducibility, what is refused."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_moons
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from marquardt import (
    ConfigurationError,
    DataError,
    FileError,
    NetworkClassifier,
    NetworkRegressor,
    ShapeError,
    Unit,
    unit_graph,
)
from marquardt.algorithms import LevenbergMarquardt
from marquardt.estimators.merging import merge
from marquardt.numerics import native
from marquardt.storage import save
from marquardt.training import Fitting
from marquardt.training.restarts import pool as pool_module

BOTH = pytest.mark.parametrize("estimator", [NetworkRegressor, NetworkClassifier], ids=lambda kind: kind.__name__)


def curve(n_samples=80, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n_samples, 2))
    return X, np.sin(3 * X[:, 0]) * X[:, 1] + noise * rng.normal(size=n_samples)


def labels(n_samples=80, seed=0):
    X, value = curve(n_samples, 0.1, seed)
    return X, (value > 0).astype(int)


def data_for(estimator, **options):
    return curve(**options) if estimator is NetworkRegressor else labels(**options)


def answers(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


# ---------------------------------------------------------------- good with no argument


def test_a_clean_sine_is_fitted_accurately_by_default():
    x = np.linspace(0, 1, 200)
    model = NetworkRegressor(random_state=0).fit(x[:, None], np.sin(4 * np.pi * x) + x / 2)
    between = (x[:-1] + x[1:]) / 2
    truth = np.sin(4 * np.pi * between) + between / 2
    assert np.abs(model.predict(between[:, None]) - truth).max() < 1e-3


def test_diabetes_is_not_overfitted_by_default():
    X, y = load_diabetes(return_X_y=True)
    assert cross_val_score(NetworkRegressor(random_state=0), X, y, cv=3).mean() > 0.44  # ridge: 0.48


def test_curved_borders_and_iris_are_found_by_default():
    X, y = make_moons(200, noise=0.2, random_state=0)
    assert cross_val_score(NetworkClassifier(random_state=0), X, y, cv=3).mean() > 0.92
    X, y = load_iris(return_X_y=True)
    assert cross_val_score(NetworkClassifier(random_state=0), X, y, cv=3).mean() > 0.94


# ---------------------------------------------------------------- data as it comes


@BOTH
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames_bring_their_names(estimator, frame):
    X, y = data_for(estimator)
    model = estimator(random_state=0).fit(frame({"width": X[:, 0], "height": X[:, 1]}), y)
    assert model.feature_names_in_.tolist() == ["width", "height"]
    assert model.n_features_in_ == 2
    assert_array_equal(
        answers(model, frame({"width": X[:, 0], "height": X[:, 1]})),
        answers(estimator(random_state=0).fit(X, y), X),
    )
    with pytest.raises(ValueError, match="same order"):
        model.predict(frame({"height": X[:, 1], "width": X[:, 0]}))


def test_several_targets_come_back_as_they_were_given():
    X, y = curve()
    both = np.column_stack([y, 100 * X[:, 0] + 7])
    model = NetworkRegressor(random_state=0).fit(X, both)
    assert model.n_outputs_ == 2
    assert model.predict(X).shape == (80, 2)
    assert model.score(X, both) > 0.9
    assert NetworkRegressor(random_state=0).fit(X, y[:, None]).predict(X).shape == (80, 1)
    assert NetworkRegressor(random_state=0).fit(X, y).predict(X).shape == (80,)


@pytest.mark.parametrize(
    "names",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array([False, True]),
        np.array([-1, 5]),
        np.array([2.5, 7.0]) * 2,
        np.array([np.int8(3), np.int8(4)]),
    ],
    ids=["text", "object", "boolean", "integer", "whole float", "int8"],
)
def test_labels_may_be_of_any_type(names):
    X, y = labels()
    model = NetworkClassifier(random_state=0).fit(X, names[y])
    assert_array_equal(model.classes_, names)
    assert model.predict(X).dtype == names.dtype
    assert model.score(X, names[y]) > 0.9


def test_probabilities_sum_to_one():
    X, y = load_iris(return_X_y=True)
    model = NetworkClassifier(random_state=0).fit(X, y)
    assert model.predict_proba(X).shape == (150, 3)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-12)
    assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))
    assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))


# ---------------------------------------------------------------- weights


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_weight_is_a_number_of_copies(estimator, early_stopping):
    X, y = data_for(estimator, n_samples=60)
    rng = np.random.default_rng(1)
    count = rng.integers(0, 4, 60)
    options = {"random_state": 0, "early_stopping": early_stopping}
    weighted = estimator(**options).fit(X, y, sample_weight=count)
    order = rng.permutation(count.sum())
    repeated = estimator(**options).fit(np.repeat(X, count, axis=0)[order], np.repeat(y, count)[order])
    assert_array_equal(answers(weighted, X), answers(repeated, X))  # the same computation, to the bit


@BOTH
@pytest.mark.parametrize("algorithm", ["auto", "trainbr"])
@pytest.mark.parametrize("factor", [2.0**-40, 2.0**20])
def test_the_evidence_reads_weights_by_their_ratios(estimator, algorithm, factor):
    if algorithm == "trainbr" and estimator is NetworkClassifier:
        pytest.skip("trainbr is for squares")
    X, y = data_for(estimator, n_samples=60)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, 60)
    options = {"random_state": 0, "n_restarts": 1, "algorithm": algorithm, "max_iter": 60}
    first, second = (estimator(**options).fit(X, y, sample_weight=each) for each in (weight, factor * weight))
    assert_array_equal(answers(first, X), answers(second, X))  # a power of two divides without rounding


def test_weights_that_add_up_to_one_are_those_that_are_all_one():
    X, y = data_for(NetworkRegressor, n_samples=64)
    fits = [
        NetworkRegressor(random_state=0, n_restarts=1).fit(X, y, sample_weight=each)
        for each in (np.ones(64), np.full(64, 1 / 64))
    ]
    assert_array_equal(fits[0].predict(X), fits[1].predict(X))
    assert fits[0].score(X, y) > 0.9


def test_merging_keeps_every_weight_and_every_row():
    rng = np.random.default_rng(0)
    table = rng.integers(0, 3, (50, 2)).astype(float)
    weight = rng.uniform(0.5, 2, 50)
    merged = merge(table, weight)
    assert_array_equal(table[merged.rows][merged.group], table)
    assert merged.weight.sum() == pytest.approx(weight.sum())
    assert_array_equal(merged.samples(np.arange(len(merged.rows))), np.arange(50))
    backwards = merge(table[::-1], weight[::-1])
    assert_array_equal(table[::-1][backwards.rows], table[merged.rows])  # whatever order the rows came in


def test_the_record_names_the_rows_as_they_were_given():
    X, y = labels()
    X, y = np.vstack([X, X]), np.hstack([y, y])
    model = NetworkClassifier(early_stopping=True, random_state=0).fit(X, y)
    parts = model.record_.parts
    assert_array_equal(np.sort(np.hstack([parts.train, parts.validation])), np.arange(160))
    assert set(parts.validation % 80).isdisjoint(parts.train % 80)


# ---------------------------------------------------------------- one fit like another


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_seed_makes_a_fit_repeatable(estimator, early_stopping):
    X, y = data_for(estimator)
    first, again, other = (
        estimator(random_state=seed, early_stopping=early_stopping).fit(X, y).network_.weights for seed in (3, 3, 4)
    )
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@BOTH
def test_clones_pickles_and_pipelines_work(estimator):
    X, y = data_for(estimator)
    model = estimator(hidden_layer_sizes=(4,), random_state=0).fit(X, y)
    assert_array_equal(answers(pickle.loads(pickle.dumps(model)), X), answers(model, X))
    assert_array_equal(answers(clone(model).fit(X, y), X), answers(model, X))
    piped = make_pipeline(StandardScaler(), estimator(hidden_layer_sizes=(4,), random_state=0)).fit(X, y)
    assert_allclose(answers(piped, X), answers(model, X), atol=1e-3)  # scaled twice: the same up to rounding
    search = GridSearchCV(
        estimator(random_state=0, early_stopping=True), {"hidden_layer_sizes": [(2,), (6,)], "alpha": [0.0, 0.1]}, cv=2
    ).fit(X, y)
    assert search.best_score_ > 0.4


@BOTH
def test_warm_start_goes_on_from_the_network_there_is(estimator):
    X, y = data_for(estimator)
    options = {"random_state": 0, "alpha": 1e-3, "n_restarts": 1}
    with pytest.warns(ConvergenceWarning, match="max_iter=3 epochs"):
        model = estimator(**options, max_iter=3, warm_start=True).fit(X, y)
    before = model.loss_curve_[-1]
    model.set_params(max_iter=4)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    assert model.record_.perf[0] == before
    assert model.loss_curve_[-1] < before
    with pytest.raises(ValueError, match=r"its layers are others.*warm_start=False"):
        model.set_params(hidden_layer_sizes=(5,)).fit(X, y)
    with pytest.raises(ValueError, match="features"):
        model.set_params(hidden_layer_sizes=(10,)).fit(X[:, :1], y)


@BOTH
def test_any_graph_is_a_topology(estimator, tmp_path):
    X, y = data_for(estimator)
    output = "identity" if estimator is NetworkRegressor else "logistic"
    graph = unit_graph(2, [Unit("a", (0,)), Unit("b", (0, 1)), Unit("y", ("a", "b", 1), output)])
    model = clone(estimator(topology=graph, random_state=0, alpha=1e-3, n_restarts=1)).fit(X, y)
    assert model.network_.graph == graph
    assert model.score(X, y) > 0.5
    model.save(tmp_path / "units.marquardt")
    assert_array_equal(answers(estimator.from_file(tmp_path / "units.marquardt"), X), answers(model, X))
    with pytest.raises(ShapeError, match=r"has 2 inputs and 1 outputs, and the data need 3 and 1"):
        model.fit(np.column_stack([X, X[:, 0]]), y)


def test_a_cascade_by_its_name_has_a_layer_a_unit():
    X, y = curve()
    model = NetworkRegressor(3, topology="fully_connected_cascade", random_state=0, alpha=1e-3, n_restarts=1).fit(X, y)
    assert [layer.size for layer in model.network_.graph.layers] == [1, 1, 1, 1]


def test_warm_start_tunes_what_is_not_frozen():
    X, y = curve()
    model = NetworkRegressor(4, random_state=0, alpha=1e-3, n_restarts=1, warm_start=True).fit(X, y)
    before = model.network_
    model.network_ = before.freeze("hidden1")
    model.fit(X, 2 * y + 1)
    assert model.network_.n_weights == 5
    assert_array_equal(model.network_.views()["hidden1"]["inputs"], before.views()["hidden1"]["inputs"])
    assert model.score(X, 2 * y + 1) > 0.5


def test_warm_start_refuses_other_targets():
    X, y = load_iris(return_X_y=True)
    classifier = NetworkClassifier(random_state=0, warm_start=True, early_stopping=True).fit(X, y)
    with pytest.raises(DataError, match=r"goes on with the classes \[0, 1, 2\], got \[0, 1\]"):
        classifier.fit(X[:100], y[:100])
    regressor = NetworkRegressor(random_state=0, warm_start=True, early_stopping=True).fit(X, y)
    with pytest.raises(DataError, match="1 outputs, and y needs 2"):
        regressor.fit(X, np.column_stack([y, y]))


# ---------------------------------------------------------------- what is kept of a fit


@BOTH
def test_a_fit_says_how_it_went(estimator):
    X, y = data_for(estimator)
    model = estimator(early_stopping=True, n_restarts=2, random_state=0).fit(X, y)
    assert len(model.loss_curve_) == len(model.validation_loss_curve_) == model.n_iter_ == model.record_.num_epochs
    assert model.best_loss_ == model.record_.best_perf
    assert len(model.attempts_) == 2
    assert min(attempt.validation for attempt in model.attempts_) == model.record_.best_vperf
    assert model.alpha_ == (1e-4, 1e-4)
    assert estimator(hidden_layer_sizes=2, random_state=0).fit(X, y).validation_loss_curve_ is None


@BOTH
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_starts_at_a_time_change_nothing_but_the_time(estimator, monkeypatch):
    monkeypatch.setattr("marquardt.training.fitting.BESIDE_SECONDS", 0.0)
    pools = []
    made = pool_module.RestartPool.__init__

    def counted(self, first, make, n_runs, jobs):
        pools.append(jobs)
        made(self, first, make, n_runs, jobs)

    monkeypatch.setattr(pool_module.RestartPool, "__init__", counted)
    X, y = data_for(estimator)
    options = {"hidden_layer_sizes": 3, "n_restarts": 3, "random_state": 0, "max_iter": 20}
    one = estimator(**options).fit(X, y)
    assert pools == []
    two = estimator(**options, n_jobs=2).fit(X, y)
    with joblib.parallel_config(n_jobs=3):
        three = estimator(**options).fit(X, y)
    assert pools == [2, 3]
    for other in (two, three):
        assert np.array_equal(other.network_.weights, one.network_.weights)
        assert [attempt.merit for attempt in other.attempts_] == [attempt.merit for attempt in one.attempts_]
        assert other.spread_ == one.spread_
    assert str(one.spread_).startswith("3 restarts: best ")


def test_verbose_prints_a_line_an_epoch(capsys):
    X, y = curve()
    model = NetworkRegressor(early_stopping=True, n_restarts=1, random_state=0, verbose=True, goal=1e-9).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_ + 1
    assert lines[0].startswith("epoch 0/1000  mse ")
    for limit in ("/1e-09", "/1e-07", "/1e+10", f"checks {6}/6"):
        assert limit in lines[-1]


@BOTH
def test_verbose_may_say_every_how_many_epochs(estimator, capsys):
    X, y = data_for(estimator)

    def printed(verbose):
        estimator(3, n_restarts=2, n_jobs=1, max_iter=11, alpha=0.0, random_state=0, verbose=verbose).fit(X, y)
        lines = capsys.readouterr().out.splitlines()
        return [(line.partition(" epoch")[0], int(re.search(r"epoch (\d+)/", line)[1])) for line in lines]

    wanted = [(start, epoch) for start in ("start 1/2 ", "start 2/2 ") for epoch in range(12)]
    assert printed(True) == printed(1) == wanted
    assert printed(5) == [(start, epoch) for start, epoch in wanted if epoch in (0, 5, 10, 11)]
    assert printed(100) == [(start, epoch) for start, epoch in wanted if epoch in (0, 11)]
    assert printed(0) == printed(False) == []
    with pytest.raises(ValueError, match="verbose must be a whole number"):
        estimator(verbose=-1).fit(X, y)


@BOTH
def test_a_saved_estimator_comes_back(estimator, tmp_path):
    X, y = data_for(estimator)
    frame = pd.DataFrame(X, columns=["width", "height"])
    target = y if estimator is NetworkRegressor else np.array(["no", "yes"], dtype=object)[y]
    model = estimator((4,), alpha=0.1, random_state=0).fit(frame, target)
    path = tmp_path / "model.marquardt"
    model.save(path)
    back = estimator.from_file(path)
    assert_array_equal(answers(back, frame), answers(model, frame))
    assert_array_equal(back.predict(frame), model.predict(frame))
    assert back.get_params() == model.get_params()
    assert back.record_.to_dict() == model.record_.to_dict()
    assert back.feature_names_in_.tolist() == ["width", "height"]
    with pytest.raises(FileError):
        model.save(path)
    model.save(path, force=True)
    other = NetworkClassifier if estimator is NetworkRegressor else NetworkRegressor
    with pytest.raises(DataError, match="Use the other estimator"):
        other.from_file(path)


def learned(model):
    return {name: value for name, value in vars(model).items() if name.endswith("_")}


@BOTH
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"alpha": 0.1, "algorithm": "bfgs"}])
def test_a_loaded_estimator_has_all_that_fit_sets(estimator, options, tmp_path):
    X, y = data_for(estimator)
    model = estimator((3,), random_state=0, n_restarts=3, **options).fit(pd.DataFrame(X, columns=["a", "b"]), y)
    model.save(tmp_path / "model.marquardt")
    back = estimator.from_file(tmp_path / "model.marquardt")
    assert set(learned(model)) <= set(learned(back))
    for name in set(learned(model)) - {"network_", "record_"}:
        # By their texts, as NaN does not equal itself.
        assert repr(getattr(back, name)) == repr(getattr(model, name)), name
    back.save(tmp_path / "again.marquardt")
    assert (tmp_path / "again.marquardt").read_bytes() == (tmp_path / "model.marquardt").read_bytes()


def test_a_file_that_tells_no_starts_still_loads(tmp_path):
    X, y = curve()
    model = NetworkRegressor((3,), random_state=0).fit(X, y)
    content = model.content()
    about = {name: value for name, value in content.about.items() if name in ("estimator", "parameters", "fitted")}
    save(tmp_path / "old.marquardt", replace(content, about=about))
    back = NetworkRegressor.from_file(tmp_path / "old.marquardt")
    assert_array_equal(back.predict(X), model.predict(X))
    assert back.algorithm_ == model.algorithm_
    assert not hasattr(back, "attempts_")
    back.save(tmp_path / "again.marquardt")
    for key, value in (("attempts", [{"odd": 1}]), ("decay", ["many"]), ("spread", 3)):
        save(tmp_path / "odd.marquardt", replace(content, about={**about, key: value}), force=True)
        with pytest.raises(FileError, match=r"section .about.attempts, spread, decay. does not fit together"):
            NetworkRegressor.from_file(tmp_path / "odd.marquardt")


def test_a_generator_as_random_state_is_left_out_of_the_file(tmp_path):
    X, y = curve()
    model = NetworkRegressor(random_state=np.random.RandomState(0), early_stopping=True).fit(X, y[:, None])
    model.save(tmp_path / "model.marquardt")
    back = NetworkRegressor.from_file(tmp_path / "model.marquardt")
    assert back.random_state is None
    assert back.predict(X).shape == (80, 1)
    json.dumps(back.record_.to_dict())


# ---------------------------------------------------------------- interrupts, limits, constants


@pytest.mark.parametrize("alpha", ["auto", 0.01])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_keeps_the_best_network(monkeypatch, alpha, early_stopping):
    X, y = curve()
    calls = 0
    judge = LevenbergMarquardt.judge

    def interrupted(self, *arguments):
        nonlocal calls
        calls += 1
        if calls == 25:
            raise KeyboardInterrupt
        return judge(self, *arguments)

    monkeypatch.setattr(LevenbergMarquardt, "judge", interrupted)
    monkeypatch.setattr(native, "_MODULE", None)  # compiled trials have no judge
    model = NetworkRegressor(alpha=alpha, early_stopping=early_stopping, max_fail=0, random_state=0)
    with pytest.warns(UserWarning, match="Training was interrupted; the best network found so far is kept"):
        model.fit(X, y)
    assert model.record_.stop.code == "user"
    assert 0 < model.n_iter_ <= 25
    assert model.score(X, y) > 0.5


def test_an_interrupt_before_the_first_epoch_is_not_swallowed(monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(Fitting, "__iter__", interrupted)
    model = NetworkRegressor()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*curve())
    with pytest.raises(NotFittedError):
        model.predict(curve()[0])


def test_a_constant_target_gives_a_warning_and_a_constant_model():
    X, _ = curve()
    with pytest.warns(UserWarning, match=r"y is constant \(\[7.5\]\)"):
        model = NetworkRegressor(random_state=0).fit(X, np.full(80, 7.5))
    assert_array_equal(model.predict(10 * X), 7.5)
    both = np.column_stack([np.full(80, 7.5), X[:, 0]])
    model = NetworkRegressor(random_state=0).fit(X, both)
    assert_array_equal(model.predict(X)[:, 0], 7.5)


def test_a_goal_and_a_time_limit_end_a_fit():
    X, y = curve(noise=0.0)
    reached = NetworkRegressor(random_state=0, goal=0.01, goal_metric="rmse").fit(X, y)
    assert reached.record_.stop.code == "goal"
    assert np.sqrt(np.mean((reached.predict(X) - y) ** 2)) <= 0.01
    assert NetworkRegressor(random_state=0, time_limit=0.0).fit(X, y).record_.stop.code == "time"


def test_robust_losses_are_not_pulled_by_outliers():
    x = np.linspace(-1, 1, 60)[:, None]
    y = x.ravel().copy()
    y[::10] += 20
    options = {"hidden_layer_sizes": (), "random_state": 0}
    plain = NetworkRegressor(**options).fit(x, y).predict(x)
    for loss in ("huber", "soft_l1", "cauchy"):
        robust = NetworkRegressor(**options, loss=loss, loss_scale=0.01, alpha=0.0).fit(x, y).predict(x)
        assert np.abs(robust - x.ravel()).max() < 0.25 * np.abs(plain - x.ravel()).max()


# ---------------------------------------------------------------- refusals


@BOTH
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "tahn"}, "'tahn'.* Did you mean 'tanh'"),
        ({"topology": "feed_foward"}, "Did you mean 'feed_forward'"),
        ({"algorithm": "levenberg"}, "There is no algorithm"),
        ({"loss": "sqares"}, "Did you mean 'squares'"),
        ({"alpha": -1.0}, "alpha must be a number from 0 up, got -1.0"),
        ({"alpha": "atuo"}, "Did you mean 'auto'"),
        ({"hidden_layer_sizes": (10, 0)}, "got"),
        ({"input_scaling": "minmx"}, "Did you mean 'minmax'"),
        ({"initialization": "nguyen"}, "Did you mean 'nguyen_widrow'"),
        ({"goal_metric": "rmsd"}, "Did you mean 'rmse'"),
        ({"max_iter": 2.5}, "max_iter must be a whole number from 0 up, got 2.5"),
        ({"n_restarts": 0}, "^n_restarts must be a whole number from 1 up, got 0"),
        ({"n_threads": 0}, "threads must be a whole number from 1 up"),
        ({"n_jobs": 0}, "n_jobs must be a whole number from 1 up, -1 for one a processor, or None; got 0"),
        ({"n_jobs": 1.5}, "n_jobs must be a whole number from 1 up, -1 for one a processor, or None; got 1.5"),
        ({"mu_increase": 0.5}, "mu_increase must be above 1"),
        ({"time_limit": -1}, "time_limit"),
        ({"early_stopping": True, "validation_fraction": 1.0}, "validation_fraction must be a fraction"),
        ({"early_stopping": True, "validation_fraction": 0.0}, "validation_fraction must be above 0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_options_are_checked_before_any_work(estimator, options, message):
    with pytest.raises(ValueError, match=message):
        estimator(**options).fit([["not even numbers"]], [0])


def test_losses_belong_to_their_task():
    with pytest.raises(ValueError, match="'cross_entropy' is for classification"):
        NetworkRegressor(loss="cross_entropy").fit(*curve())
    with pytest.raises(ValueError, match="'cross_entropy' or 'squares', got 'huber'"):
        NetworkClassifier(loss="huber").fit(*labels())
    with pytest.raises(ValueError, match=r"A goal in mse needs the loss 'squares'"):
        NetworkClassifier(goal=0.1, goal_metric="mse").fit(*labels())


@BOTH
def test_data_that_cannot_be_used_is_refused(estimator):
    X, y = data_for(estimator)
    hole = X.copy()
    hole[3, 1] = np.nan
    for arguments, message in [
        ((X, y, np.zeros(80)), "All sample weights are zero"),
        ((X, y, np.r_[-1.0, np.ones(79)]), "sample_weight must not be negative, got -1"),
        ((X, y, np.ones(79)), "sample_weight.shape"),
        ((hole, y), "NaN"),
        ((X[:70], y), "inconsistent numbers of samples"),
        ((X[:, 0], y), "Expected 2D array"),
    ]:
        with pytest.raises(ValueError, match=message):
            estimator().fit(*arguments)


@pytest.mark.parametrize("seed", range(6))
def test_early_stopping_hides_no_cell_of_a_truth_table(seed):
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 50)
    y = X[:, 0] != X[:, 1]
    model = NetworkClassifier(4, early_stopping=True, random_state=seed).fit(X, y)
    assert model.score(X, y) == 1.0
    parts = model.record_.parts
    assert_array_equal(np.sort(np.hstack([parts.train, parts.validation])), np.arange(200))
    assert len(np.unique(X[parts.validation], axis=0)) == 4
    exact = X @ [5.0, 2.0] + 3.0 * y
    assert NetworkRegressor(6, early_stopping=True, random_state=seed).fit(X, exact).score(X, exact) > 0.999


def test_early_stopping_of_few_different_rows_is_said():
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    with pytest.warns(UserWarning, match="1 of 4 samples aside, and they are among 4 different ones"):
        NetworkClassifier(4, early_stopping=True, random_state=0).fit(X, [0, 1, 1, 0])


def test_copies_of_one_row_leave_none_to_set_aside():
    with pytest.raises(DataError, match=r"there is one sample \(n_samples = 1\) or copies of one"):
        NetworkRegressor(early_stopping=True).fit(np.ones((5, 2)), np.ones(5))


def test_a_single_class_is_refused():
    X, _ = labels()
    with pytest.raises(DataError, match="at least two classes, got one class: 1"):
        NetworkClassifier().fit(X, np.ones(80, dtype=int))
    with pytest.raises(DataError, match=r"one class: 'a' \(rows of weight zero left out\)"):
        NetworkClassifier().fit(X[:2], ["a", "b"], sample_weight=[1, 0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["trainbr", "bfgs", "scg", "lm(damping='nielsen')", "newton"])
def test_any_algorithm_may_train(name):
    X, y = curve()
    alpha = "auto" if name == "trainbr" else 0.0
    model = NetworkRegressor(4, algorithm=name, alpha=alpha, random_state=0, n_restarts=1, max_iter=200).fit(X, y)
    assert model.algorithm_ == model.record_.algorithm
    assert model.score(X, y) > 0.5
    assert clone(model).algorithm == name


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_auto_names_its_choice_and_bayesian_regularization_its_decay():
    X, y = curve()
    assert NetworkRegressor(3, max_iter=20, n_restarts=1).fit(X, y).algorithm_ == "levenberg_marquardt"
    model = NetworkRegressor(3, algorithm="trainbr", random_state=0, n_restarts=2).fit(X, y)
    last = model.record_.epochs[-1].quantities
    assert model.alpha_ == pytest.approx((last["alpha"] / last["beta"],) * 2)
    with pytest.raises(ConfigurationError, match="needs no validation"):
        NetworkRegressor(3, algorithm="trainbr", early_stopping=True).fit(X, y)
    with pytest.raises(ConfigurationError, match="bfgs has no setting 'mu_init'"):
        NetworkRegressor(3, algorithm="bfgs", mu_init=0.1).fit(X, y)


@BOTH
def test_a_memory_budget_is_kept(estimator):
    X, y = curve()
    y = y if estimator is NetworkRegressor else y > 0
    options = {"hidden_layer_sizes": 60, "n_restarts": 1, "max_iter": 3, "alpha": 0.01, "random_state": 0}
    with pytest.warns(ConvergenceWarning):
        model = estimator(**options, max_memory="300 kB").fit(X, y)
    assert model.algorithm_ == "lbfgs"
    with pytest.raises(ConfigurationError, match="max_memory must be an amount of memory such as '500MB'"):
        estimator(max_memory="much").fit(X, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_iter": -1}, "^max_iter must be a whole number from 0 up, got -1"),
        ({"n_restarts": 0}, "^n_restarts must be a whole number from 1 up, got 0"),
        ({"activation": None}, r"got None\.$"),
    ],
)
def test_refusals_have_the_names_of_the_parameters(options, message):
    with pytest.raises(ConfigurationError, match=message):
        NetworkRegressor(**options).fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.mark.parametrize("code", ["mu", "step"])
def test_who_learned_nothing_is_warned_about(code, monkeypatch):
    from marquardt.algorithms import LevenbergMarquardt, Outcome, Verdict

    def stuck(self, here, step, there, state):
        return Verdict.STUCK, state

    monkeypatch.setattr(LevenbergMarquardt, "judge", stuck)
    monkeypatch.setattr(LevenbergMarquardt, "outcome", lambda self, state: Outcome(code, "No step lowers the loss."))
    x = np.linspace(-1, 1, 40)[:, None]
    model = NetworkRegressor(3, alpha=0.0, n_restarts=1, algorithm="lm(scaling='marquardt')", random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"before it learned anything: No step lowers the loss\. Scale"):
        model.fit(x, np.sin(3 * x[:, 0]))
    assert model.n_iter_ == 0
    settings = {"alpha": 0.0, "n_restarts": 1, "algorithm": "lm(scaling='marquardt')", "random_state": 0}
    from marquardt import NetworkForecaster

    forecaster = NetworkForecaster(range(1, 3), hidden_layer_sizes=2, **settings)
    with pytest.warns(ConvergenceWarning, match=r"before it learned anything: No step lowers the loss\. Scale"):
        forecaster.fit(np.sin(np.arange(40.0)))
