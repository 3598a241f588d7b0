"""Estimators for scikit-learn: networks that fit into pipelines, grids and cross-validation."""

from marquardt.estimators.classifier import NetworkClassifier
from marquardt.estimators.forecaster import NetworkForecaster
from marquardt.estimators.regressor import NetworkRegressor
from marquardt.estimators.walking import WalkForward, walk_forward

__all__ = ["NetworkClassifier", "NetworkForecaster", "NetworkRegressor", "WalkForward", "walk_forward"]
