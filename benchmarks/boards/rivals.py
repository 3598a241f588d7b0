"""Who is compared on the tables: our defaults, straight lines, and scikit-learn's usual models with theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from marquardt import NetworkClassifier, NetworkRegressor

Maker = Callable[[int], Any]
OURS, LINEAR, CONSTANT, EARLIER, FOLDS = "marquardt", "linear", "constant", "evidence", "ten folds"
MOST_FOR_GP = 1000
"""Rows from which a Gaussian process takes minutes and gigabytes: it gets as many drawn ones."""


class Thinned:
    """A model that is fitted to so many rows at most, drawn by seed."""

    def __init__(self, model: Any, most: int, seed: int) -> None:
        self.model, self.most, self.seed = model, most, seed

    def fit(self, inputs: Any, target: Any) -> Thinned:
        """Fit to the rows drawn."""
        rows = np.random.default_rng(self.seed).permutation(len(target))[: self.most]
        self.model.fit(inputs[rows], target[rows])
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def _scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


def _scaled_target(model: Any) -> Any:
    return TransformedTargetRegressor(_scaled(model), transformer=StandardScaler())


def _kernel() -> Any:
    return ConstantKernel() * RBF(length_scale=3.0) + WhiteKernel()


REGRESSORS: dict[str, Maker] = {
    OURS: lambda seed: NetworkRegressor(random_state=seed),
    EARLIER: lambda seed: NetworkRegressor(alpha="auto", n_restarts=4, random_state=seed),
    FOLDS: lambda seed: NetworkRegressor(n_folds=10, random_state=seed),
    LINEAR: lambda _: _scaled(RidgeCV(np.logspace(-4, 5, 30))),
    CONSTANT: lambda _: DummyRegressor(),
    "MLP": lambda seed: _scaled_target(MLPRegressor(random_state=seed)),
    "random forest": lambda seed: RandomForestRegressor(random_state=seed),
    "boosting": lambda seed: HistGradientBoostingRegressor(random_state=seed),
    "Gaussian process": lambda seed: Thinned(_scaled_target(GaussianProcessRegressor(_kernel())), MOST_FOR_GP, seed),
}
CLASSIFIERS: dict[str, Maker] = {
    OURS: lambda seed: NetworkClassifier(random_state=seed),
    EARLIER: lambda seed: NetworkClassifier(alpha="auto", n_restarts=2, random_state=seed),
    FOLDS: lambda seed: NetworkClassifier(n_folds=10, random_state=seed),
    LINEAR: lambda _: _scaled(LogisticRegressionCV(Cs=12, scoring="neg_log_loss", max_iter=300)),
    CONSTANT: lambda _: DummyClassifier(),
    "MLP": lambda seed: _scaled(MLPClassifier(random_state=seed)),
    "random forest": lambda seed: RandomForestClassifier(random_state=seed),
    "boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    "Gaussian process": lambda seed: Thinned(_scaled(GaussianProcessClassifier()), MOST_FOR_GP, seed),
}
