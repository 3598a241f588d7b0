"""What is given to an estimator and cannot be used is named by its place, with a way out."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from marquardt import (
    DataError,
    Network,
    NetworkClassifier,
    NetworkForecaster,
    NetworkRegressor,
    ShapeError,
    initial_weights,
    narx,
    train_sequences,
)
from marquardt.cli.app import main
from marquardt.storage import load

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

BOTH = pytest.mark.parametrize("estimator", [NetworkRegressor, NetworkClassifier], ids=lambda kind: kind.__name__)
FRAME = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])
NUMBER, CLASS = FRAME.a + FRAME.b, FRAME.a > FRAME.b
QUICK = {"hidden_layer_sizes": (2,), "max_iter": 5, "n_restarts": 1, "random_state": 0, "alpha": 0.0}


def target(estimator):
    return NUMBER if estimator is NetworkRegressor else CLASS


def holed(value=np.nan):
    given = FRAME.copy()
    given.loc[3, "b"] = value
    return given


@BOTH
@pytest.mark.parametrize(
    ("given", "place"),
    [
        (holed(), "NaN in row 3, column 'b'"),
        (holed(np.inf), "infinity in row 3, column 'b'"),
        (holed().to_numpy(), "NaN in row 3, column 1"),
        (holed().to_numpy().tolist(), "NaN in row 3, column 1"),
        (holed().convert_dtypes(), "NaN in row 3, column 'b'"),
        (pl.from_pandas(holed()), "NaN in row 3, column 'b'"),
        (holed().set_axis([f"r{i}" for i in range(30)]), r"NaN in row 3 \('r3'\), column 'b'"),
        (pd.concat([holed()[:29], holed()[3:4]]), "NaN in row 3, column 'b' and in 1 row more"),
    ],
    ids=["frame", "infinity", "array", "list", "NA", "polars", "labels", "two"],
)
def test_gap_is_refused_by_its_place_in_fit_and_predict(estimator, given, place):
    y = target(estimator).to_numpy()
    model = estimator(**QUICK).fit(FRAME if hasattr(given, "columns") else FRAME.to_numpy(), y)
    for use in (lambda: model.predict(given), lambda: model.score(given, y), lambda: estimator(**QUICK).fit(given, y)):
        with pytest.raises(DataError, match=rf"X must be finite, got {place}.*Leave such rows out, or"):
            use()


def test_target_that_is_missing_is_refused_by_its_row():
    with pytest.raises(DataError, match=r"y must be finite, got NaN in row 4\. Leave such rows out\."):
        NetworkRegressor(**QUICK).fit(FRAME, NUMBER.where(NUMBER.index != 4))


@BOTH
def test_two_columns_of_one_name_are_refused(estimator):
    y = target(estimator)
    twice = FRAME.set_axis(["a", "a"], axis=1)
    message = r"X has 2 columns of the name 'a'.*X\.to_numpy\(\)"
    with pytest.raises(DataError, match=message):
        estimator(**QUICK).fit(twice, y)
    model = estimator(**QUICK).fit(FRAME, y)
    with pytest.raises(DataError, match=message):
        model.predict(twice)
    estimator(**QUICK).fit(twice.to_numpy(), y)


@BOTH
def test_rows_in_another_order_are_taken_by_position_with_a_warning(estimator):
    y = target(estimator)
    weight = pd.Series(1.0, index=FRAME.index)
    model = estimator(**QUICK)
    with pytest.warns(UserWarning, match=r"y has .* another order: row 0 of X is 0, of y 29\..*y\.loc\[X\.index\]"):
        reordered = model.fit(FRAME, y[::-1]).network_.weights
    with pytest.warns(UserWarning, match=r"sample_weight has .* another order"):
        model.fit(FRAME, y, weight[::-1])
    with pytest.warns(UserWarning, match=r"y has .* another order") as seen:
        model.score(FRAME, y[::-1])
    assert {each.filename for each in seen} == {__file__}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "y has|sample_weight has", UserWarning)
        for labels in (FRAME.index, FRAME.index + 100, pd.Index([*range(28), "x", "y"]), pd.Index(["z"] * 30)):
            model.fit(FRAME, y.set_axis(labels), weight)
        assert_array_equal(model.fit(FRAME, y[::-1].to_numpy()).network_.weights, reordered)


@BOTH
@pytest.mark.parametrize("complex_", [FRAME.to_numpy() + 1j, (FRAME.to_numpy() + 1j).tolist(), FRAME + 1j])
def test_complex_inputs_are_refused_whatever_holds_them(estimator, complex_):
    with pytest.raises(DataError, match="X must hold real numbers, got complex128"):
        estimator(**QUICK).fit(complex_, target(estimator))


def test_complex_series_in_a_list_is_refused():
    wave = np.sin(np.arange(60.0))
    for given in (list(wave + 1j), [complex(each) for each in wave]):
        with pytest.raises(DataError, match="y must hold real numbers, got complex128"):
            NetworkForecaster((1, 2), hidden_layer_sizes=()).fit(given)


MATRIX = np.ones((30, 2)) + np.eye(30, 2)


def test_weights_of_outputs_are_refused_where_there_is_one_target():
    message = r"of shape \(30,\), got \(30, 2\)\. There is one target: give one weight a row"
    for estimator in (NetworkRegressor, NetworkClassifier):
        with pytest.raises(ShapeError, match=message):
            estimator(**QUICK).fit(FRAME, target(estimator), MATRIX)
    model = NetworkClassifier(**QUICK).fit(FRAME, CLASS)
    with pytest.raises(ShapeError, match=message):
        model.score(FRAME, CLASS, MATRIX)
    column = NetworkClassifier(**QUICK).fit(FRAME, CLASS, MATRIX[:, :1])
    assert_array_equal(column.network_.weights, model.fit(FRAME, CLASS, MATRIX[:, 0]).network_.weights)


def test_weights_of_outputs_of_series_are_refused_with_who_takes_them():
    who = "NetworkRegressor, Training and train"
    with pytest.raises(ShapeError, match=rf"Give one weight a row; one for every output is what {who} take"):
        NetworkForecaster((1,), hidden_layer_sizes=()).fit(FRAME, sample_weight=MATRIX)
    graph = narx(1, 2, 2)
    network = Network(graph, initial_weights(graph, rng=0))
    with pytest.raises(ShapeError, match=rf"one number, or one a step: \(30,\), got \(30, 2\)\. .* by {who}\."):
        train_sequences(network, FRAME[["a"]].to_numpy(), FRAME.to_numpy(), sample_weight=MATRIX)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Train on a table by the command line, and return the file."""
    monkeypatch.chdir(tmp_path)

    def train(missing, task="regression", **columns):
        y = np.where(CLASS, "yes", "no") if task == "classification" else NUMBER
        FRAME.assign(**columns, y=y).to_csv("t.csv", index=False)
        wanted = ["train", "t.csv", "--target", "y", "--missing", missing, "--epochs", "5", "--quiet", "--force"]
        assert main(wanted) == 0
        return tmp_path / "t.marquardt"

    return train


@pytest.mark.parametrize("words", [{}, {"c": ["u", "v"] * 15}], ids=["numbers", "words"])
def test_gaps_are_treated_as_in_the_training_on_a_table(trained, words):
    rows = holed().assign(**words)
    filled = trained("mean", **words)
    model, fill = NetworkRegressor.from_file(filled), load(filled).coding["inputs"][1]["fill"]
    assert_array_equal(model.predict(rows), model.predict(rows.fillna({"b": fill})))
    model = NetworkRegressor.from_file(trained("drop", **words))
    assert np.flatnonzero(np.isnan(model.predict(rows))).tolist() == [3]
    model = NetworkRegressor.from_file(trained("refuse", **words))
    with pytest.raises(DataError, match=r"X must be finite, got NaN in row 3, column 'b'\. Leave such rows out"):
        model.predict(rows)
    if words:
        rows.loc[5, "c"] = None
        with pytest.raises(DataError, match=r"row 5, column 'c'\."):
            model.predict(rows.assign(b=1.0))


def test_row_that_was_left_out_in_training_has_no_class(trained):
    model = NetworkClassifier.from_file(trained("drop", "classification"))
    with pytest.raises(DataError, match=r"Row 3 of X has a missing value: it has no class"):
        model.predict(holed())
    assert np.flatnonzero(np.isnan(model.predict_proba(holed())).any(axis=1)).tolist() == [3]
