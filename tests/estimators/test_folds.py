"""Estimators that average networks trained on folds."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split

from marquardt import NetworkClassifier, NetworkRegressor
from marquardt.errors import ConfigurationError, DataError


@pytest.fixture(scope="module")
def diabetes():
    return train_test_split(*load_diabetes(return_X_y=True), random_state=0)


def test_a_mean_of_folds_is_one_network_and_better_than_a_line(diabetes):
    train, test, y_train, y_test = diabetes
    model = NetworkRegressor(n_folds=10, random_state=0).fit(train, y_train)
    ridge = RidgeCV(np.logspace(-4, 4, 20)).fit(train, y_train)
    assert model.score(test, y_test) > ridge.score(test, y_test) - 0.02
    assert sum(model.shares_.values()) == pytest.approx(1.0, abs=0.1)
    assert model.network_.graph.n_outputs == 1
    assert model.record_.stop.code == "average"
    assert len(model.attempts_) == 31
    assert not hasattr(model, "spread_")


def test_the_file_brings_all_of_it_back(diabetes, tmp_path):
    train, test, y_train, _ = diabetes
    model = NetworkRegressor(4, n_folds=5, random_state=0).fit(train, y_train)
    model.save(tmp_path / "mean.marquardt")
    again = NetworkRegressor.from_file(tmp_path / "mean.marquardt")
    assert_array_equal(again.predict(test), model.predict(test))
    assert again.shares_ == model.shares_
    assert again.alpha_ == model.alpha_
    assert [each.performance for each in again.attempts_] == [each.performance for each in model.attempts_]
    assert again.n_folds == 5
    assert again.record_.stop == model.record_.stop


def test_classes_and_copies():
    X, y = load_wine(return_X_y=True, as_frame=True)
    names = np.array(["red", "white", "rose"])[y]
    train, test, y_train, y_test = train_test_split(X, names, random_state=1, stratify=y)
    model = NetworkClassifier(n_folds=10, random_state=0).fit(train, y_train)
    assert model.score(test, y_test) > 0.9
    probability = model.predict_proba(test)
    assert np.allclose(probability.sum(axis=1), 1.0)
    assert_array_equal(clone(model).fit(train, y_train).predict_proba(test), probability)


def test_a_fit_of_the_other_kind_forgets_what_it_does_not_have(diabetes):
    train, _, y_train, _ = diabetes
    model = NetworkRegressor(3, n_folds=3, random_state=0, max_iter=20).fit(train, y_train)
    model.set_params(n_folds=0, early_stopping=True, n_restarts=2).fit(train, y_train)
    assert not hasattr(model, "shares_")
    assert model.kept_ in (0, 1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"n_folds": 1}, "n_folds must be 0, for a network of its own, or at least 2, got 1"),
        ({"n_folds": -2}, "n_folds must be a whole number from 0 up, got -2"),
        ({"n_folds": 5, "algorithm": "trainbr"}, "chooses the weight decay itself, and n_folds tries.*n_folds=0"),
        ({"n_folds": 5, "early_stopping": True}, "Leave early_stopping out, or n_folds"),
    ],
)
def test_what_does_not_go_with_folds_is_refused(diabetes, options, says):
    train, _, y_train, _ = diabetes
    with pytest.raises(ConfigurationError, match=says):
        NetworkRegressor(**options).fit(train, y_train)


def test_a_truth_table_is_refused_by_the_number_of_its_rows():
    cells = np.tile([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], (50, 1))
    with pytest.raises(DataError, match=r"Folds of 4 different rows tell nothing.*n_folds=0"):
        NetworkClassifier(n_folds=10).fit(cells, cells.sum(axis=1) == 1)


def test_going_on_is_refused(diabetes):
    train, _, y_train, _ = diabetes
    model = NetworkRegressor(3, n_folds=3, random_state=0, warm_start=True).fit(train, y_train)
    with pytest.raises(ConfigurationError, match="warm_start goes on with one network"):
        model.fit(train, y_train)
