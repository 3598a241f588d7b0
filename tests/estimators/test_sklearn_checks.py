"""scikit-learn's own checks, without an expected failure."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from marquardt import NetworkClassifier, NetworkRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (3,), "max_iter": 60}

OTHERS = [
    NetworkRegressor(),
    NetworkClassifier(),
    NetworkRegressor(early_stopping=True, max_fail=4),
    NetworkClassifier(early_stopping=True, max_fail=4),
    NetworkRegressor(**SMALL, loss="huber", alpha=0.1, n_restarts=1, input_scaling="minmax", target_scaling="minmax"),
    NetworkClassifier(**SMALL, loss="squares", alpha=0.01, topology="cascade_forward"),
    NetworkRegressor(hidden_layer_sizes=()),
    NetworkClassifier(hidden_layer_sizes=(4, 3), max_iter=100),
]


@parametrize_with_checks([NetworkRegressor(**SMALL), NetworkClassifier(**SMALL)])
def test_small_networks_pass(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(OTHERS)
def test_all_configurations_pass(estimator, check):
    check(estimator)
