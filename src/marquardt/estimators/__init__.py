"""Estimators for scikit-learn: networks that fit into pipelines, grids and cross-validation."""

from marquardt.estimators.classifier import NetworkClassifier
from marquardt.estimators.regressor import NetworkRegressor

__all__ = ["NetworkClassifier", "NetworkRegressor"]
