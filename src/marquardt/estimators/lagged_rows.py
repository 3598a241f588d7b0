"""What a forecaster is trained on: of every series the rows that have all their lags, one below the other."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from marquardt.arrays import Array, ArrayLike, checked_weight
from marquardt.errors import DataError, ShapeError
from marquardt.estimators.history import History
from marquardt.estimators.lagging import Lags
from marquardt.estimators.own_scaling import lagged_scaling, own_scaling
from marquardt.estimators.schema import exog_beside, names_of
from marquardt.estimators.series import Series, is_many, read_many
from marquardt.networks import Network, Scaling
from marquardt.training import Parts

__all__ = ["LaggedRows", "Table", "weights_of"]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of lagged columns and targets, as a training takes them."""

    inputs: Array
    targets: Array
    weight: Array | None
    parts: Parts | None  # Where the last rows of every series validate


@dataclass(frozen=True, eq=False)
class LaggedRows:
    """Series as they were given to `fit`, and what is made of them."""

    lags: Lags
    targets: list[Series]
    exog: list[Array] | None
    exog_names: list[str]
    weights: list[Array] | None
    is_many: bool
    taught: list[int]  # The numbers of the series that are long enough
    scalings: list[Scaling] | None  # Of every series, where each has its own

    @classmethod
    def of(cls, y: Any, X: Any, sample_weight: Any, lags: Lags, scaling: str) -> LaggedRows:
        """Read and check series; `scaling` is the kind that each has of its own where there are several."""
        targets = read_many(y, "y")
        exog, exog_names = None, []
        if X is not None:
            read = read_many(X, "X", may_miss=True)
            exog = exog_beside(read, X, targets, lambda one: lags.exog_of(lags.n_history, len(one)))
            exog_names = names_of(read, "x")
        weights = weights_of(sample_weight, targets)
        taught = _long_enough(targets, lags, is_many(y))
        scalings = None
        if len(targets) > 1 and scaling != "none":
            scalings = [own_scaling(scaling, one.values, lags) for one in targets]
        return cls(lags, targets, exog, exog_names, weights, is_many(y), taught, scalings)

    @cached_property
    def pairs(self) -> list[tuple[Array, Array]]:
        """Lagged columns and targets of each series that is long enough, in its own scaling."""
        found = []
        for number in self.taught:
            values = self.targets[number].values
            inputs = self.lags.matrix(values, None if self.exog is None else self.exog[number])
            wanted = self.lags.differenced(values)[self.lags.n_history - sum(self.lags.differences) :]
            if self.scalings is not None:
                own = self.scalings[number]
                inputs = lagged_scaling(own, self.lags, len(self.exog_names)).apply(inputs)
                wanted = own.apply(wanted)
            found.append((inputs, wanted))
        return found

    def table(self, validation_fraction: float | None) -> Table:
        """Return all rows without those of weight zero, and which validate."""
        inputs, targets = (np.concatenate(each) for each in zip(*self.pairs, strict=True))
        parts = None
        if validation_fraction is not None:
            parts = _last_rows([len(one) for one, _ in self.pairs], validation_fraction)
        if self.weights is None:
            return Table(inputs, targets, None, parts)
        weight = np.concatenate([self.weights[number][self.lags.n_history :] for number in self.taught])
        if weight.all():
            return Table(inputs, targets, weight, parts)
        if not weight.any():
            raise DataError("All sample weights are zero: there is nothing to train on.")
        kept = np.flatnonzero(weight)
        parts = None if parts is None else _positions(parts, kept, len(weight))
        return Table(inputs[kept], targets[kept], weight[kept], parts)

    def sequences(self) -> tuple[list[Array], list[Array] | None, list[Array] | None]:
        """Return targets in their own scalings, exogenous columns and weights of the series that are long enough."""
        own = None if self.scalings is None else [self.scalings[number] for number in self.taught]
        targets = [self.targets[number].values for number in self.taught]
        if own is not None:
            targets = [scaling.apply(values) for scaling, values in zip(own, targets, strict=True)]
        return targets, self._of_taught(self.exog), self._of_taught(self.weights)

    def _of_taught(self, each: list[Array] | None) -> list[Array] | None:
        return None if each is None else [each[number] for number in self.taught]

    def rmse(self, network: Network) -> Array:
        """Return the errors of one step, a row a series in its own units; NaN of one that is too short."""
        errors = np.full((len(self.targets), network.graph.n_outputs), np.nan)
        for number, (inputs, wanted) in zip(self.taught, self.pairs, strict=True):
            errors[number] = np.sqrt(np.mean((network.outputs(inputs) - wanted) ** 2, axis=0))
        if self.scalings is not None:
            errors /= np.array([own.factor for own in self.scalings])
        return errors

    def histories(self) -> list[History]:
        """Return what the forecast of the next row needs of each series."""
        exog = [None] * len(self.targets) if self.exog is None else self.exog
        return [History.of(one, beside, self.lags) for one, beside in zip(self.targets, exog, strict=True)]


def _long_enough(targets: Sequence[Series], lags: Lags, are_many: bool) -> list[int]:
    """The numbers of the series with a row that has all its lags; the others are named, or it is an error."""
    n_history = lags.n_history
    taught = [number for number, one in enumerate(targets) if len(one) > n_history]
    if not taught:
        which, longest = ("The longest of y", max(map(len, targets))) if are_many else ("y", len(targets[0]))
        raise DataError(
            f"{which} has {longest} rows, and the first that can be predicted needs {n_history} before it "
            f"({lags.reasons}): give at least {n_history + 1}, or smaller lags."
        )
    if len(taught) < len(targets):
        short = [f"y[{number}] ({len(one)} rows)" for number, one in enumerate(targets) if len(one) <= n_history]
        warnings.warn(
            f"{', '.join(short[:12])}{f' and {len(short) - 12} more' if len(short) > 12 else ''} left out of the "
            f"training: a series needs at least {n_history + 1} rows ({lags.reasons}). Where not even "
            f"{n_history} are there, its forecasts are NaN.",
            UserWarning,
            stacklevel=5,
        )
    return taught


def _last_rows(n_rows: Sequence[int], fraction: float) -> Parts:
    """Parts in which the last rows of every series validate."""
    train, validation, first = [], [], 0
    for count in n_rows:
        n_aside = min(max(1, round(fraction * count)), count - 1)
        train.append(np.arange(first, first + count - n_aside))
        validation.append(np.arange(first + count - n_aside, first + count))
        first += count
    if not sum(map(len, validation)):
        raise DataError(
            "early_stopping sets the last rows of a series aside, and there is one row that has all its lags. "
            "Give a longer series, or early_stopping=False."
        )
    return Parts(np.concatenate(train), np.concatenate(validation), np.empty(0, dtype=np.intp))


def _positions(parts: Parts, kept: Any, n_rows: int) -> Parts:
    """The same parts, counted among the rows that are kept."""
    place = np.full(n_rows, -1, dtype=np.intp)
    place[kept] = np.arange(len(kept))
    train, validation = (place[rows][place[rows] >= 0] for rows in (parts.train, parts.validation))
    if not len(train) or not len(validation):
        raise DataError("early_stopping needs rows with a weight both early and late in the series.")
    return Parts(train, validation, np.empty(0, dtype=np.intp))


def weights_of(sample_weight: ArrayLike | None, targets: Sequence[Series]) -> list[Array] | None:
    """Return the weights of the rows of each series."""
    if sample_weight is None:
        return None
    given: list[Any] = list(sample_weight) if is_many(sample_weight) else [sample_weight]  # type: ignore[arg-type]
    if len(given) != len(targets):
        raise ShapeError(f"sample_weight must be as many arrays as y has series: {len(targets)}, got {len(given)}.")
    return [checked_weight(one, len(target)) for one, target in zip(given, targets, strict=True)]
