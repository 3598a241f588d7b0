"""Walk-forward evaluation: train on the past, forecast what follows, go on; beside forecasts that need no model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import TimeSeriesSplit

from marquardt.arrays import Array, Indices
from marquardt.checks import whole
from marquardt.errors import ConfigurationError, DataError
from marquardt.estimators.forecaster import NetworkForecaster
from marquardt.estimators.lagging import Lags, checked_horizon
from marquardt.estimators.series import Series, is_many, read_series, rows_beside

__all__ = ["WalkForward", "walk_forward"]

MODEL, LAST, SEASONAL = "network", "last value", "same season"


@dataclass(frozen=True, eq=False)
class WalkForward:
    """What a walk forward found.

    Parameters
    ----------
    steps : tuple of int
        Steps ahead.
    origins : ndarray of int, shape (n_origins,)
        The rows of the first predicted time of each forecast.
    errors : dict of str to ndarray of shape (n_origins, n_steps, n_targets)
        Forecast − truth: of the ``"network"``, of the ``"last value"`` repeated, and, with a season, of the last known
        value of the ``"same season"``.
    n_fits : int
        How often the network was trained.
    """

    steps: tuple[int, ...]
    origins: Indices
    errors: dict[str, Array]
    n_fits: int

    def rmse(self) -> dict[str, Array]:
        """Return the root mean squared errors by horizon.

        Returns
        -------
        dict of str to ndarray of shape (n_steps, n_targets)
            Over all origins.
        """
        return {name: np.sqrt(np.mean(errors**2, axis=0)) for name, errors in self.errors.items()}

    def mae(self) -> dict[str, Array]:
        """Return the mean absolute errors by horizon.

        Returns
        -------
        dict of str to ndarray of shape (n_steps, n_targets)
            Over all origins.
        """
        return {name: np.mean(np.abs(errors), axis=0) for name, errors in self.errors.items()}


def walk_forward(
    forecaster: NetworkForecaster,
    y: Any,
    X: Any = None,
    *,
    horizon: Any = 1,
    cv: Any = 5,
    season: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> WalkForward:
    """Evaluate a forecaster on the future that it has not seen.

    The series is split in time: a clone is trained on the rows before each test part, and forecasts from every origin
    in the test part from which all steps lie in it. The rows between the training part and an origin are known to the
    forecast, not to the training. No row is ever used before its time, except that exogenous columns are taken as
    known.

    Parameters
    ----------
    forecaster : NetworkForecaster
        Is not changed.
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        One series, as `NetworkForecaster.fit` takes it.
    X : array-like of shape (n_rows, n_exog), optional
        Exogenous columns at the same times.
    horizon : int or array-like of int
        How many steps ahead; or which of them.
    cv : int or splitter
        Number of splits, or scikit-learn's `TimeSeriesSplit` or another that yields training rows all before the test
        rows. A number means test parts of equal size, at least as long as the horizon.
    season : int, optional
        Rows a season, for the forecast by the same season.
    progress : callable, optional
        Is called with the number of the split, from 0, before it is trained on.

    Returns
    -------
    WalkForward
        The errors, by forecast and horizon.

    Raises
    ------
    ConfigurationError
        If horizon, splits or season cannot be.
    DataError
        If the series is too short for the splits, or a split trains on rows after its test part.
    KeyboardInterrupt
        If a training is interrupted: errors of what was broken off would not be the forecaster's.

    Examples
    --------
    >>> y = np.sin(0.3 * np.arange(120))
    >>> model = NetworkForecaster(lags=(1, 2), hidden_layer_sizes=(), random_state=0)
    >>> found = walk_forward(model, y, horizon=3, cv=2)
    >>> found.errors["network"].shape, bool(found.rmse()["network"].max() < 1e-6)
    ((76, 3, 1), True)
    """
    steps = checked_horizon(horizon)
    last = max(steps)
    if season is not None:
        whole(season, "season", minimum=1)
    if is_many(y):
        raise DataError("walk_forward takes one series at a time. Call it for each.")
    target = read_series(y, "y")
    n_rows = len(target)
    exog = None
    if X is not None:
        lags = Lags.checked(forecaster.lags, forecaster.exog_lags, forecaster.difference)
        needed = lags.exog_of(lags.n_history, n_rows)
        exog = rows_beside(read_series(X, "X", may_miss=True), target, 0, "X", needed)
    rows = np.asarray(steps) - 1
    found: dict[str, list[Array]] = {}
    origins: list[int] = []
    n_fits = 0
    for known, asked in _splitter(cv, n_rows, last).split(np.empty((n_rows, 1))):
        trained, first, end = _checked(known, asked, last)
        if progress is not None:
            progress(n_fits)
        model = clone(forecaster).fit(target.values[trained], None if exog is None else exog[trained])
        if model._is_interrupted():
            # The errors of what was broken off are not those of the forecaster.
            raise KeyboardInterrupt
        n_fits += 1
        starts = list(range(first, end - last + 1))
        predicted = _forecasts(model, target, exog, starts, last)
        truth = np.stack([target.values[start : start + last] for start in starts])
        found.setdefault(MODEL, []).append((predicted - truth)[:, rows])
        naive = np.stack([np.repeat(target.values[start - 1 : start], last, axis=0) for start in starts])
        found.setdefault(LAST, []).append((naive - truth)[:, rows])
        if season is not None:
            if first < season:
                raise DataError(
                    f"A test part begins at row {first}, before a season of {season} rows is over. Take fewer splits."
                )
            places = np.asarray(starts)[:, None] - season + np.arange(last) % season
            found.setdefault(SEASONAL, []).append((target.values[places] - truth)[:, rows])
        origins += starts
    if not origins:
        raise ConfigurationError("cv made no split.")
    errors = {name: np.concatenate(parts) for name, parts in found.items()}
    return WalkForward(steps, np.asarray(origins, dtype=np.intp), errors, n_fits)


def _forecasts(model: NetworkForecaster, target: Series, exog: Array | None, starts: list[int], horizon: int) -> Array:
    """Closed-loop forecasts from several origins, side by side: shape (n_origins, horizon, n_targets)."""
    lags = model.lags_
    pasts = np.stack([target.values[start - lags.n_past : start] for start in starts])
    n_future = lags.n_future(horizon)
    beside = None
    if exog is not None:
        beside = np.stack([exog[start - lags.n_past_exog : start + n_future] for start in starts])
    return lags.simulate(model.network_.outputs, pasts, beside, horizon)


def _splitter(cv: Any, n_rows: int, horizon: int) -> Any:
    if hasattr(cv, "split"):
        return cv
    n_splits = whole(cv, "cv, if it is no splitter,", minimum=1)
    size = max(horizon, n_rows // (n_splits + 1))
    if n_rows <= n_splits * size:
        raise DataError(
            f"{n_rows} rows are too few for {n_splits} splits with test parts of {size} rows: nothing is left to train "
            f"on before the first. Take fewer splits, or a shorter horizon."
        )
    # TimeSeriesSplit makes two at least; a single one is the last.
    splitter = TimeSeriesSplit(n_splits=max(2, n_splits), test_size=size)
    return splitter if n_splits > 1 else _Last(size)


@dataclass(frozen=True)
class _Last:
    """A single split: the last rows are the test part."""

    size: int

    def split(self, X: Array) -> list[tuple[Indices, Indices]]:
        edge = len(X) - self.size
        return [(np.arange(edge), np.arange(edge, len(X)))]


def _checked(known: Any, asked: Any, horizon: int) -> tuple[slice, int, int]:
    """The training rows, and where the test part begins and ends, if it follows them."""
    known, asked = np.asarray(known), np.asarray(asked)
    if len(asked) == 0:
        raise DataError("A test part has no row.")
    first, end = int(asked.min()), int(asked.max()) + 1
    if end - first != len(asked):
        raise DataError(f"A test part must be rows in a row, got {len(asked)} rows from {first} to {end - 1}.")
    if len(known) == 0 or known.max() >= first or known.max() + 1 - known.min() != len(known):
        raise DataError(
            "A training part must be rows in a row that end before its test part begins. Use scikit-learn's "
            "TimeSeriesSplit; other splitters shuffle, or train on the future."
        )
    if end - first < horizon:
        raise DataError(
            f"A test part has {end - first} rows, fewer than the horizon of {horizon}. Take fewer splits or a larger "
            f"test_size."
        )
    return slice(int(known.min()), int(known.max()) + 1), first, end
