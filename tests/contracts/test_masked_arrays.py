"""A masked value is a missing one, at every door for arrays: what is behind the mask is never seen."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from marquardt import (
    Limits,
    Network,
    NetworkClassifier,
    NetworkForecaster,
    NetworkRegressor,
    Settings,
    compare,
    initial_weights,
    nar,
    simulate,
    train_many,
    train_sequences,
)
from marquardt.arrays import as_array, unmasked
from marquardt.estimators import walk_forward
from marquardt.networks import Scaling, feed_forward, narx
from marquardt.objective import Objective
from marquardt.problems import Problem
from marquardt.training import Fitting

N = 24
CLEAN = np.sin(0.5 * np.arange(float(N)))
WORDS = np.array(["a", "b"] * (N // 2))


def masked(values, row=7):
    """The same with one masked row, behind which there is another number."""
    table = np.ma.array(values, copy=True)
    if table.dtype.kind == "f":
        table[row] = -999.0
    table[row] = np.ma.masked
    return table


X = CLEAN[:, None]
GRAPH, PAST = feed_forward(1, 2, 1), nar((), feedback_delays=(1,))
NARX = narx(1, (), 1, (0,), (1,))
LIMITS = Limits(max_epochs=2)


def regressor():
    return NetworkRegressor((2,), max_iter=2, n_restarts=1, random_state=0)


def forecaster():
    return NetworkForecaster((1,), hidden_layer_sizes=(), max_iter=2, n_restarts=1, random_state=0)


def fitted():
    return forecaster().fit(CLEAN, CLEAN)


def network(graph):
    return Network(graph, initial_weights(graph, rng=0))


def many(inputs, targets):
    one = network(GRAPH)
    return train_many(one, one.weights[None], inputs, targets, limits=LIMITS)


DOORS = {
    "regressor X": lambda: regressor().fit(masked(X), CLEAN),
    "regressor y": lambda: regressor().fit(X, masked(CLEAN)),
    "regressor list": lambda: regressor().fit([*masked(X)], CLEAN),
    "regressor weight": lambda: regressor().fit(X, CLEAN, masked(np.ones(N))),
    "regressor predict": lambda: regressor().fit(X, CLEAN).predict(masked(X)),
    "regressor score": lambda: regressor().fit(X, CLEAN).score(X, masked(CLEAN)),
    "classifier X": lambda: NetworkClassifier((2,), max_iter=2).fit(masked(X), WORDS),
    "classifier words": lambda: NetworkClassifier((2,), max_iter=2).fit(X, masked(WORDS)),
    "classifier numbers": lambda: NetworkClassifier((2,), max_iter=2).fit(X, masked(np.arange(N) % 2)),
    "classifier score": lambda: NetworkClassifier((2,), max_iter=2).fit(X, WORDS).score(X, masked(WORDS)),
    "forecaster y": lambda: forecaster().fit(masked(CLEAN)),
    "forecaster X": lambda: forecaster().fit(CLEAN, masked(X)),
    "forecaster list": lambda: forecaster().fit([CLEAN, masked(CLEAN)]),
    "forecaster weight": lambda: forecaster().fit(CLEAN, sample_weight=masked(np.ones(N))),
    "forecaster future": lambda: fitted().predict(12, masked(X)),
    "forecaster past": lambda: fitted().predict(1, np.append(CLEAN, 0), y=masked(CLEAN)),
    "forecaster update": lambda: fitted().update(masked(CLEAN), CLEAN),
    "walk_forward": lambda: walk_forward(forecaster(), masked(CLEAN), cv=2),
    "Fitting inputs": lambda: Fitting(masked(X), CLEAN, Settings(), "regression"),
    "Fitting targets": lambda: Fitting(X, masked(CLEAN), Settings(), "regression"),
    "Fitting weight": lambda: Fitting(X, CLEAN, Settings(), "regression", sample_weight=masked(np.ones(N))),
    "Fitting classes": lambda: Fitting(X, masked(np.arange(N) % 2), Settings(), "classification", n_classes=2),
    "train_many inputs": lambda: many(masked(X), X),
    "train_many targets": lambda: many(X, masked(X)),
    "train_sequences": lambda: train_sequences(network(PAST), None, masked(X), limits=LIMITS),
    "train_sequences list": lambda: train_sequences(network(PAST), None, [X, masked(X)], limits=LIMITS),
    "train_sequences inputs": lambda: train_sequences(network(NARX), masked(X), X, limits=LIMITS),
    "train_sequences weight": lambda: train_sequences(
        network(PAST), None, X, sample_weight=masked(np.ones(N)), limits=LIMITS
    ),
    "Objective inputs": lambda: Objective(GRAPH, masked(X), X),
    "Objective targets": lambda: Objective(GRAPH, X, masked(X)),
    "Scaling": lambda: Scaling.fit("standard", masked(X)),
    "compare": lambda: compare(Problem("p", GRAPH, masked(X), X, goal=1e-3), ["levenberg_marquardt"], 1),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_masked_value_is_refused_as_a_missing_one(door):
    with pytest.raises(ValueError, match=r"(?i)nan|masked value|missing|must be finite"):
        DOORS[door]()


def test_network_has_no_output_for_a_masked_input():
    outputs = network(GRAPH).outputs(masked(X))
    assert np.flatnonzero(np.isnan(outputs)).tolist() == [7]
    steps = simulate(network(PAST), None, masked(X)).outputs
    assert np.flatnonzero(np.isnan(steps)).tolist() == [7]  # of row 8, the first after the history being of row 1


def test_nothing_masked_is_as_good_as_no_mask():
    assert_array_equal(as_array(np.ma.array([[1, 2]])), [[1.0, 2.0]])
    whole = regressor().fit(np.ma.array(X), np.ma.array(CLEAN)).predict(X)
    assert_array_equal(whole, regressor().fit(X, CLEAN).predict(X))
    words = np.array(["a", "b"])
    assert unmasked(words) is words
