"""All of a forecaster but its parameters and its training: forecasts of series as they come, updates, files."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from marquardt.arrays import AnyArray, Array
from marquardt.checks import shown, whole
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.estimators.base import NetworkEstimator
from marquardt.estimators.closing import dynamic_of
from marquardt.estimators.history import History, of_before, to_keep
from marquardt.estimators.history import kept as known
from marquardt.estimators.lagged_rows import LaggedRows, weights_of
from marquardt.estimators.lagging import Lags, checked_horizon
from marquardt.estimators.own_scaling import own_scaling, within
from marquardt.estimators.schema import SeriesSchema
from marquardt.estimators.series import Series, is_many, read_many
from marquardt.networks import Network, Scaling
from marquardt.training import Fitting, Record

if TYPE_CHECKING:
    from marquardt.storage import NetworkFile

__all__ = ["SeriesForecaster"]


class SeriesForecaster(NetworkEstimator):
    """What a forecaster does once it is trained. The leaf class has the parameters, and trains."""

    _task = "regression"
    _histories: list[History]
    _scalings: list[Scaling] | None
    _is_many: bool
    _rows: LaggedRows | None = None
    """What a training that has begun is of; dropped when it is finished."""

    def _note_columns(self, lags: Lags, target_names: Sequence[str], exog_names: Sequence[str]) -> None:
        """Note what the columns of the network are made of."""
        self.lags_ = lags
        self.n_history_ = lags.n_history
        self.target_names_, self.exog_names_ = list(target_names), list(exog_names)
        self.lag_names_ = lags.names(self.target_names_, self.exog_names_)

    @property
    def _schema(self) -> SeriesSchema:
        timelines = [one.target.timeline for one in self._histories if one.target.timeline is not None]
        return SeriesSchema(self.lags_, self.target_names_, self.exog_names_, timelines)

    def snapshot(self, fitting: Fitting) -> Self:
        """Return a fitted copy with the best network so far, of a training that goes on or was broken off.

        Parameters
        ----------
        fitting : Fitting
            What `begin` returned, with an epoch at least.

        Returns
        -------
        NetworkForecaster
            Not trained in closed loop.
        """
        copied = copy.copy(self)
        copied._keep(fitting)
        # The record of a training that goes on grows.
        copied._note_record(replace(copied.record_, epochs=list(copied.record_.epochs)))
        copied._rows = None
        return copied

    def _keep(self, fitting: Fitting) -> None:
        """Note the best network of the training in open loop."""
        self._note(fitting)
        self.closed_loop_record_: Record | None = None
        self._note_errors(self._rows)

    def _note_errors(self, rows: LaggedRows | None) -> None:
        self.series_rmse_: Array | None = rows.rmse(self.network_) if rows is not None and rows.is_many else None

    def _is_interrupted(self) -> bool:
        """Whether the user ended the training."""
        records = (self.record_, self.closed_loop_record_)
        return any(record is not None and record.stop is not None and record.stop.code == "user" for record in records)

    def _network_for(self, own: Scaling | None) -> Network:
        """The network in the units of a series."""
        return self.network_ if own is None else within(self.network_, own, self.lags_, len(self.exog_names_))

    def _scalings_by(self, targets: Sequence[Series]) -> list[Scaling | None]:
        """The scalings of series that are given to go on from, by their own rows."""
        if self._scalings is None:
            return [None] * len(targets)
        return [own_scaling(self._scalings[0].kind, one.values, self.lags_) for one in targets]

    def predict(self, horizon: Any = 1, X: Any = None, *, y: Any = None) -> Any:
        """Forecast in closed loop.

        Parameters
        ----------
        horizon : int or array-like of int
            How many steps ahead; or which of them, such as ``[1, 3, 12]``.
        X : array-like of shape (n_future, n_exog), or list of such, optional
            Exogenous columns of the future: from the first predicted time on, up to the last minus the smallest of
            `exog_lags`. Needed if the network was fitted with exogenous columns and a lag below the horizon. With `y`,
            it begins where `y` begins. With a pandas index on both sides rows are found by it; else further rows are
            ignored.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), or list of such, optional
            The past to go on from. That of the training, with what `update` added, when not given. Where series have
            scalings of their own, it is scaled by these rows, so give more than the lags need.

        Returns
        -------
        array of shape (n_steps,) or (n_steps, n_targets), or list of such
            As `y` was given, with its index continued.

        Raises
        ------
        ConfigurationError
            If the horizon is not made of whole numbers from 1 up.
        DataError
            If `y` is too short for the lags, or `X` is missing or too short.
        """
        check_is_fitted(self, "network_")
        steps = checked_horizon(horizon)
        last = max(steps)
        n_future = self.lags_.n_future(last)
        scalings: Sequence[Scaling | None]
        if y is None:
            known = list(zip(self._histories, self._schema.read_future(X, self._histories, n_future), strict=True))
            scalings = self._scalings if self._scalings is not None else [None] * len(known)
        else:
            targets, known = self._schema.read_past(y, X, n_future)
            scalings = self._scalings_by(targets)
        found = [self._path(*each, own, steps) for each, own in zip(known, scalings, strict=True)]
        return found if (self._is_many if y is None else is_many(y)) else found[0]

    def _path(self, history: History, future: Array | None, own: Scaling | None, steps: tuple[int, ...]) -> Any:
        """The forecast of one series, as it came."""
        last = max(steps)
        exog = None
        if history.exog is not None and future is not None:
            exog = np.concatenate([history.exog, future])[None]
            self._schema.require_past(exog[0], last)
        target = history.target
        path = self.lags_.simulate(self._network_for(own).outputs, target.values[None], exog, last)[0]
        rows: Any = slice(None) if steps == tuple(range(1, last + 1)) else np.asarray(steps) - 1
        index = None if target.timeline is None else target.timeline.after(last)[rows]
        return target.like(path[rows], index)

    def one_step(self, y: Any, X: Any = None) -> Any:
        """Predict every row of a series from the observed rows before it: one step ahead, in open loop.

        Parameters
        ----------
        y : array-like of shape (n_rows,) or (n_rows, n_targets), or list of such
            At least `n_history_` + 1 rows.
        X : array-like of shape (n_rows,) or (n_rows, n_exog), or list of such, optional
            Exogenous columns of the same times.

        Returns
        -------
        array of shape (n_rows − n_history_,) or (n_rows − n_history_, n_targets), or list of such
            Of the rows from `n_history_` on.

        Raises
        ------
        DataError
            If `y` is too short, or `X` does not cover it.

        Examples
        --------
        >>> from marquardt import NetworkForecaster
        >>> y = np.sin(0.3 * np.arange(100))
        >>> model = NetworkForecaster(lags=(1, 2), hidden_layer_sizes=(), random_state=0).fit(y)
        >>> model.one_step(y).shape
        (98,)
        """
        check_is_fitted(self, "network_")
        lags, first = self.lags_, self.n_history_
        targets, exog = self._schema.read(y, X, least=first + 1, needs_exog=True)
        found = []
        for number, (one, own) in enumerate(zip(targets, self._scalings_by(targets), strict=True)):
            outputs = self._network_for(own).outputs(lags.matrix(one.values, None if exog is None else exog[number]))
            n_rows = len(one)
            for k, factor in enumerate(lags.filter, start=1):
                outputs = outputs + factor * one.values[first - k : n_rows - k]
            found.append(one.like(outputs, None if one.index is None else one.index[first:]))
        return found if is_many(y) else found[0]

    def update(self, y: Any, X: Any = None) -> Self:
        """Take new observations in, without training: the next forecast starts after them.

        Parameters
        ----------
        y : array-like of shape (n_new,) or (n_new, n_targets), or list of such
            The rows that follow those of the training, or of the last update.
        X : array-like of shape (n_new,) or (n_new, n_exog), or list of such, optional
            Exogenous columns of the same times.

        Returns
        -------
        NetworkForecaster
            The estimator itself.

        Raises
        ------
        DataError
            If columns differ, or times do not follow those that are known.
        """
        check_is_fitted(self, "network_")
        targets, exog = self._schema.read(y, X)
        if len(targets) != len(self._histories):
            raise ShapeError(f"update takes as many series as fit had, {len(self._histories)}, got {len(targets)}.")
        beside: Sequence[Array | None] = [None] * len(targets) if exog is None else exog
        self._histories = [
            history.extended(one, more, self.lags_)
            for history, one, more in zip(self._histories, targets, beside, strict=True)
        ]
        return self

    def score(self, y: Any, X: Any = None, sample_weight: Any = None) -> float:
        """Return R² of the one-step predictions, the mean over targets.

        Parameters
        ----------
        y, X
            As in `one_step`.
        sample_weight : array-like of shape (n_rows,), or list of such, optional
            Of the rows as targets.

        Returns
        -------
        float
            1 is perfect; 0 is what the mean of `y` would reach.
        """
        from sklearn.metrics import r2_score

        predicted = self.one_step(y, X)
        targets, first = read_many(y, "y"), self.n_history_
        weights = weights_of(sample_weight, targets)
        found = predicted if is_many(y) else [predicted]
        return float(
            r2_score(
                np.concatenate([one.values[first:] for one in targets]),
                np.concatenate([np.asarray(one).reshape(-1, self.n_outputs_) for one in found]),
                sample_weight=None if weights is None else np.concatenate([one[first:] for one in weights]),
            )
        )

    def dynamic_network(self, series: int = 0) -> Network:
        """Return the network as one with delays, its loop closed: a NARX network with the same forecasts.

        Parameters
        ----------
        series : int
            Of several series with scalings of their own: for which it is, from 0.

        Returns
        -------
        Network
            For `simulate`, `open_loop`, or `train_sequences`. Its inputs are the exogenous columns.

        Raises
        ------
        ConfigurationError
            If the forecaster takes differences, or its topology has fixed or shared weights, or no biases; if there is
            no such series.

        Examples
        --------
        >>> from marquardt.networks import DelayStates, simulate
        >>> from marquardt import NetworkForecaster
        >>> y = np.sin(0.3 * np.arange(100))
        >>> model = NetworkForecaster(lags=(1, 2), hidden_layer_sizes=(), random_state=0).fit(y)
        >>> narx = model.dynamic_network()
        >>> path = simulate(narx, 5, states=DelayStates.of(narx, targets=y[:, None])).outputs
        >>> bool(np.abs(path.ravel() - model.predict(5)).max() < 1e-9)
        True
        """
        check_is_fitted(self, "network_")
        if whole(series, "series") >= len(self._histories):
            raise ConfigurationError(
                f"The forecaster knows {len(self._histories)} series, from 0 on, got series={series}."
            )
        own = None if self._scalings is None else self._scalings[series]
        return dynamic_of(self._network_for(own), self.lags_, len(self.exog_names_))

    # ---------------------------------------------------------------- files

    def _to_keep(self) -> tuple[dict[str, Any], dict[str, AnyArray]]:
        looks, arrays = to_keep(self._histories)
        kept = {
            "lags": list(self.lags_.targets),
            "exog_lags": list(self.lags_.exog),
            "difference": list(self.lags_.differences),
            "target_names": self.target_names_,
            "exog_names": self.exog_names_,
            "is_many": self._is_many,
            "scaling": None if self._scalings is None else self._scalings[0].kind,
            "closed_loop_record": None if self.closed_loop_record_ is None else self.closed_loop_record_.to_dict(),
            "looks": looks,
        }
        if self._scalings is not None:
            arrays["series_offset"] = np.array([own.offset for own in self._scalings])
            arrays["series_factor"] = np.array([own.factor for own in self._scalings])
        if self.series_rmse_ is not None:
            arrays["series_rmse"] = self.series_rmse_
        return kept, arrays

    def _require_kept(self, path: str | os.PathLike[str], fitted: dict[str, Any]) -> None:
        if "lags" not in fitted:
            raise DataError(
                f"{os.fspath(path)} holds a network for regression and no forecaster: it knows no lags. Use "
                f"NetworkRegressor.from_file, or marquardt.load."
            )

    def _take_back(self, kept: dict[str, Any], content: NetworkFile) -> None:
        arrays = content.arrays
        if "series" in kept:
            kept, arrays = _of_before(kept)
        graph = self.network_.graph
        lags = Lags.checked(kept["lags"], kept["exog_lags"], kept["difference"])
        for names in (kept["target_names"], kept["exog_names"]):
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise DataError(f"the names of columns must be texts, got {shown(names)}")
        self._note_columns(lags, kept["target_names"], kept["exog_names"])
        if (len(self.lag_names_), len(self.target_names_)) != (graph.n_inputs, graph.n_outputs):
            raise DataError(
                f"the network has {graph.n_inputs} inputs and {graph.n_outputs} outputs, and its lags make "
                f"{len(self.lag_names_)} for {len(self.target_names_)} targets"
            )
        self.n_outputs_ = graph.n_outputs
        closed = kept["closed_loop_record"]
        self.closed_loop_record_ = None if closed is None else Record.from_dict(closed)
        self._histories = known(kept["looks"], arrays, lags, self.n_outputs_, len(self.exog_names_))
        self._is_many = bool(kept["is_many"])
        if not self._is_many and len(self._histories) != 1:
            raise DataError(f"{len(self._histories)} series are kept, and one is known")
        shape = (len(self._histories), self.n_outputs_)
        self._scalings = None
        if kept["scaling"] is not None:
            pairs = zip(
                _of_shape(arrays, "series_offset", shape), _of_shape(arrays, "series_factor", shape), strict=True
            )
            self._scalings = [Scaling(offset, factor, kept["scaling"]) for offset, factor in pairs]
        self.series_rmse_ = _of_shape(arrays, "series_rmse", shape) if "series_rmse" in arrays else None


def _of_shape(arrays: Mapping[str, AnyArray], name: str, shape: tuple[int, int]) -> Array:
    """An array of a file with a row a series."""
    if arrays[name].shape != shape:
        raise DataError(f"{name} must be {shape[0]} × {shape[1]} numbers, got {arrays[name].shape}")
    return np.asarray(arrays[name], dtype=np.float64)


def _of_before(kept: dict[str, Any]) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    """What files of format 3 and before say, where all numbers were in the description."""
    looks, arrays = of_before(kept["series"])
    scalings, errors = kept.get("scalings"), kept.get("series_rmse")
    if scalings is not None:
        arrays["series_offset"] = np.array([each["offset"] for each in scalings])
        arrays["series_factor"] = np.array([each["factor"] for each in scalings])
    if errors is not None:
        arrays["series_rmse"] = np.array(errors, dtype=np.float64)
    scaling = None if scalings is None else scalings[0]["kind"]
    closed = kept.get("closed_loop_record")
    return {**kept, "looks": looks, "scaling": scaling, "closed_loop_record": closed}, arrays
