"""Forecasting: a network on lagged values of the series, and of others that drive it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from marquardt.arrays import Array, ArrayLike, checked_weight
from marquardt.checks import require_extra, whole
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.estimators.base import INTERRUPTED, SEEDS, NetworkEstimator
from marquardt.estimators.closing import dynamic_of, lagged_of
from marquardt.estimators.lagging import Lags, checked_lags
from marquardt.estimators.own_scaling import lagged_scaling, own_scaling, within
from marquardt.estimators.series import (
    Series,
    is_many,
    read_many,
    require_same_rows,
    rows_after,
    rows_beside,
)
from marquardt.estimators.timeline import Timeline
from marquardt.losses import ROBUST, WeightDecay
from marquardt.networks import LayerGraph, Network, Scaling, simulate
from marquardt.training import Division, Fitting, Parts, Record, Settings, train_sequences

__all__ = ["NetworkForecaster"]

LEAVE_INDEX = "Resample the series, or leave its index out with reset_index(drop=True)."


class NetworkForecaster(NetworkEstimator):
    """A neural network that forecasts series from their past, trained by Levenberg–Marquardt.

    The network maps past values of the targets (and of exogenous columns) to the next values: a nonlinear
    autoregressive model, with exogenous columns NARX. It is trained in open loop, on the observed past, which makes
    it a static network on lagged columns; forecasts of several steps are made in closed loop, on its own predictions.

    Parameters
    ----------
    lags : iterable of int
        Which past values of the targets are inputs: ``range(1, 13)`` for the last twelve, ``(1, 2, 12)``, or ``()`` for
        none, if there are exogenous columns.
    exog_lags : iterable of int
        The same for the exogenous columns `X`; 0 is the value at the predicted time itself.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; ``()`` for a linear autoregression.
    activation : str
        Of the hidden layers, as in `NetworkRegressor`.
    difference : int or iterable of int
        Periods of differences that are taken of the targets before anything else, and undone in every prediction:
        ``1`` for a trend, ``(1, 12)`` for trend and season of monthly data. Errors stay in the units of `y`.
    alpha : "auto", float or sequence of float
        Weight decay ½ α Σ w², one number or one a layer. ``"auto"`` takes one a layer from the training data by its
        evidence; with `early_stopping` it means 1e-4.
    topology : str or LayerGraph
        ``"feed_forward"`` or ``"cascade_forward"``, where the output also sees the lags directly.
    loss : str
        ``"auto"`` (which is ``"squares"``), ``"squares"``, ``"huber"``, ``"soft_l1"`` or ``"cauchy"``.
    loss_scale : float, optional
        Residual, in scaled targets, from which the last three treat a target as an outlier; taken from the residuals
        when not given, as in `NetworkRegressor`.
    algorithm : str
        ``"auto"`` or a name, as in `NetworkRegressor`.
    max_iter : int
        Epochs, that is accepted steps, of each start.
    goal : float
        Training error at which to stop, measured as `goal_metric` says.
    goal_metric : str
        ``"mse"``, ``"rmse"`` or ``"sse"`` of the one-step errors; or ``"loss"``.
    max_fail : int
        Epochs in a row without a better validation error that end the training; for `early_stopping`.
    min_grad : float
        Norm of the gradient of the mean loss at which to stop.
    mu_init, mu_increase, mu_decrease, mu_max : float, optional
        Damping; the algorithm's own when not given.
    time_limit : float, optional
        Seconds for each start.
    n_restarts : int
        Starts from different weights; the best network is kept.
    initialization : str
        ``"nguyen_widrow"``, ``"uniform"`` or ``"glorot"``.
    input_scaling, target_scaling : str
        ``"standard"``, ``"minmax"``, ``"robust"`` (by median and median deviation) or ``"none"``; ``"auto"`` is
        ``"standard"``, but ``"robust"`` beside a robust loss without a `loss_scale`, whose outliers are among the lags,
        too. The scaling is part of the network.
    scale_each : bool
        Whether each of several series has a target scaling of its own, of the kind `target_scaling`, before the
        network's: what is learned is then what the series have in common, whatever their units. A series is scaled by
        its own rows, those of the training, or those that a method is given as `y`; exogenous columns are scaled
        alike. False is for series whose level tells them apart. It means nothing for one series, or without a
        `target_scaling`.
    closed_loop : bool
        Whether to train on through time after that, from the weights of the open loop: the network then sees its own
        past outputs instead of the measured ones, all along each series, and learns to predict many steps ahead. With
        Levenberg–Marquardt at its usual damping and the limits above. It takes no `difference`.
    early_stopping : bool
        Whether to set the last `validation_fraction` of every series aside, stop when their error has not fallen for
        `max_fail` epochs, and keep the network that was best on them. Nothing is ever shuffled.
    validation_fraction : float
        The share of the rows.
    random_state : int, RandomState or None
        Of the starts.
    warm_start : bool
        Whether `fit` goes on from the network of the last one, scalings included; a single start then.
    verbose : bool
        Whether to print a line an epoch.
    n_threads : int, optional
        Threads of one fit; chosen by the size of the problem when not given.
    max_memory : int or str, optional
        Bytes, or a text such as ``"500MB"``, that training may take beyond `X` and `y`: how derivatives are summed, in
        blocks of how many samples, and which algorithm ``"auto"`` means keep within it. The machine's memory when not
        given.
    n_jobs : int, optional
        Starts that go on at a time, in threads; -1 is one a processor, none is 1 unless a context of
        `joblib.parallel_config` says otherwise. The result does not depend on it. Where a start takes milliseconds they
        go on one by one all the same, and so many small networks that are trained side by side.

    Attributes
    ----------
    network_ : Network
        The trained network: its inputs are the columns in `lag_names_`.
    lag_names_ : list of str
        Such as ``["y(t-1)", "y(t-2)", "u(t)"]``.
    target_names_, exog_names_ : list of str
        Columns of `y` and of `X`; named ``y`` or ``y1``, ``y2``, … and ``x`` or ``x1``, … where they had no names.
    n_history_ : int
        Rows that a series must have before the first that can be predicted.
    n_outputs_ : int
        Targets.
    n_features_in_ : int
        Inputs of the network.
    record_ : Record
        Every epoch, and why the training ended. Its parts count the rows that have all their lags.
    algorithm_ : str
        The algorithm that trained, by its full name.
    n_iter_ : int
        Epochs done in the start that was kept.
    loss_curve_ : list of float
        Mean squared error of one step in the units of `y`, or mean of another loss, an entry an epoch. Where series
        have scalings of their own, in units of these.
    validation_loss_curve_ : list of float or None
        The same on the validation part.
    best_loss_ : float
        Its value on the training part for `network_`.
    series_rmse_ : ndarray of shape (n_series, n_targets) or None
        Of several series the root mean squared errors of one step on the training rows, each in its own units, NaN of
        one that is too short; None for one.
    alpha_ : tuple of float
        The weight decay of each layer that `network_` was trained with.
    attempts_ : list of Attempt
        Every start in short.
    spread_ : Spread
        How far apart the starts came out: best, median and worst error, and how many came near the best; its `str` is
        a sentence.
    n_layers_ : int
        Layers, the inputs included.
    closed_loop_record_ : Record or None
        Of the training in closed loop; None where there was none. All other attributes tell of the open loop, but for
        `network_`, which is the last.

    Raises
    ------
    ConfigurationError, DataError
        From `fit`; both are a ``ValueError``.

    See Also
    --------
    marquardt.estimators.walk_forward : Errors of a forecaster by horizon, beside those of naive forecasts.

    Examples
    --------
    >>> y = np.sin(0.3 * np.arange(100))
    >>> model = NetworkForecaster(lags=(1, 2), hidden_layer_sizes=(), random_state=0).fit(y)
    >>> bool(np.abs(model.predict(20) - np.sin(0.3 * np.arange(100, 120))).max() < 1e-6)
    True
    """

    _task = "regression"

    def __init__(
        self,
        lags: Any = range(1, 13),
        exog_lags: Any = (0,),
        hidden_layer_sizes: Any = (10,),
        activation: str = "tanh",
        *,
        difference: Any = (),
        alpha: Any = "auto",
        topology: str | LayerGraph = "feed_forward",
        loss: str = "auto",
        loss_scale: float | None = None,
        algorithm: str = "auto",
        max_iter: int = 1000,
        goal: float = 0.0,
        goal_metric: str = "mse",
        max_fail: int = 6,
        min_grad: float = 1e-7,
        mu_init: float | None = None,
        mu_increase: float | None = None,
        mu_decrease: float | None = None,
        mu_max: float | None = None,
        time_limit: float | None = None,
        n_restarts: int = 4,
        initialization: str = "nguyen_widrow",
        input_scaling: str = "auto",
        target_scaling: str = "auto",
        scale_each: bool = True,
        closed_loop: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.15,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: bool = False,
        n_threads: int | None = None,
        max_memory: int | str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.lags = lags
        self.exog_lags = exog_lags
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.difference = difference
        self.alpha = alpha
        self.topology = topology
        self.loss = loss
        self.loss_scale = loss_scale
        self.algorithm = algorithm
        self.max_iter = max_iter
        self.goal = goal
        self.goal_metric = goal_metric
        self.max_fail = max_fail
        self.min_grad = min_grad
        self.mu_init = mu_init
        self.mu_increase = mu_increase
        self.mu_decrease = mu_decrease
        self.mu_max = mu_max
        self.time_limit = time_limit
        self.n_restarts = n_restarts
        self.initialization = initialization
        self.input_scaling = input_scaling
        self.target_scaling = target_scaling
        self.scale_each = scale_each
        self.closed_loop = closed_loop
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.n_threads = n_threads
        self.max_memory = max_memory
        self.n_jobs = n_jobs

    # ---------------------------------------------------------------- fitting

    def fit(self, y: Any, X: Any = None, sample_weight: Any = None) -> Self:
        """Train a network to predict the next row of a series from its past.

        Parameters
        ----------
        y : array-like of shape (n_rows,) or (n_rows, n_targets), or list of such
            A series, oldest row first: an array, or a pandas or polars Series or DataFrame. Several columns are
            predicted together, each from the past of all. A list of arrays, Series or DataFrames is several separate
            series that one network learns, each scaled by itself (`scale_each`). One that is too short for the lags is
            left out of the training with a warning, and has forecasts of NaN until `update` brings what is missing.
        X : array-like of shape (n_rows,) or (n_rows, n_exog), or list of such, optional
            Exogenous columns at the times of `y`. If both have a pandas index, rows are found by it, and `X` may go on
            into the future. Where no lag needs a value it may be missing, such as those of the first rows.
        sample_weight : array-like of shape (n_rows,), or list of such, optional
            Weight of each row as a target, not negative; rows of weight 0 are still the past of others.

        Returns
        -------
        NetworkForecaster
            The estimator itself.

        Raises
        ------
        ConfigurationError
            If an option cannot be, or `closed_loop` does not go with the lags, differences or topology.
        DataError
            If no series is long enough for the lags; if one has a value that is not finite, or an index that goes back
            or has gaps; if `X` does not cover `y`.
        """
        fitting = self._begin(y, X, sample_weight)
        self._pull(fitting)
        self._note(fitting)
        return self

    def _begin(self, y: Any, X: Any, sample_weight: Any = None) -> Fitting:
        """Check everything, and return the training that is to be pulled; `_note` keeps what comes of it."""
        self._settings(0, self.n_restarts).loss_for(self._task)
        lags = Lags(
            checked_lags(self.lags, "lags", 1),
            () if X is None else checked_lags(self.exog_lags, "exog_lags", 0),
            checked_differences(self.difference),
        )
        if not lags.targets and not lags.exog:
            raise ConfigurationError(
                "There is nothing to predict from: lags is empty, and there are no exogenous columns X with exog_lags."
            )
        if self.closed_loop and (lags.differences or not lags.targets):
            raise ConfigurationError(
                "closed_loop=True feeds the outputs back as they are, got "
                + (
                    f"difference={list(lags.differences)}. Use difference=()."
                    if lags.differences
                    else "no lags to do so."
                )
            )
        targets = read_many(y, "y")
        exog = None if X is None else _exog_of(X, targets, lambda one: lags.exog_of(lags.n_history, len(one)))
        weights = _weights(sample_weight, targets)
        self._is_many = is_many(y)
        n_history = lags.n_history
        taught = [number for number, one in enumerate(targets) if len(one) > n_history]
        if not taught:
            which, longest = (
                ("y", len(targets[0])) if not self._is_many else ("The longest of y", max(map(len, targets)))
            )
            raise DataError(
                f"{which} has {longest} rows, and the first that can be predicted needs {n_history} before it "
                f"({_reach(lags)}): give at least {n_history + 1}, or smaller lags."
            )
        if len(taught) < len(targets):
            short = [f"y[{number}] ({len(one)} rows)" for number, one in enumerate(targets) if number not in taught]
            warnings.warn(
                f"{', '.join(short[:12])}{f' and {len(short) - 12} more' if len(short) > 12 else ''} left out of the "
                f"training: a series needs at least {n_history + 1} rows ({_reach(lags)}). Where not even "
                f"{n_history} are there, its forecasts are NaN.",
                UserWarning,
                stacklevel=3,
            )
        scalings = None
        if self.scale_each and len(targets) > 1 and self.target_scaling != "none":
            kind = self._settings(0, 1).target_scaling
            scalings = [own_scaling(kind, one.values, lags) for one in targets]
        each_inputs = [lags.matrix(targets[k].values, None if exog is None else exog[k]) for k in taught]
        each_wanted = [lags.differenced(targets[k].values)[n_history - sum(lags.differences) :] for k in taught]
        if scalings is not None:
            n_exog = 0 if exog is None else exog[0].shape[1]
            own = [scalings[k] for k in taught]
            each_inputs = [
                lagged_scaling(one, lags, n_exog).apply(rows) for one, rows in zip(own, each_inputs, strict=True)
            ]
            each_wanted = [one.apply(rows) for one, rows in zip(own, each_wanted, strict=True)]
        inputs, wanted = np.concatenate(each_inputs), np.concatenate(each_wanted)
        weight = None if weights is None else np.concatenate([weights[k][n_history:] for k in taught])
        n_rows = [len(targets[k]) - n_history for k in taught]
        self._lags = lags
        self.n_outputs_ = targets[0].values.shape[1]
        self._check_start()
        if self._goes_on() and self.network_.graph.n_inputs != inputs.shape[1]:
            raise ConfigurationError(
                f"warm_start goes on with a network of {self.network_.graph.n_inputs} inputs, and lags and columns now "
                f"make {inputs.shape[1]}. Set warm_start=False to begin anew."
            )
        start = self.network_ if self._goes_on() else None
        seed = int(check_random_state(self.random_state).randint(SEEDS))
        parts = self._last_blocks(n_rows) if self.early_stopping else None
        kept: Any = slice(None)
        if weight is not None and not weight.all():
            if not weight.any():
                raise DataError("All sample weights are zero: there is nothing to train on.")
            kept = np.flatnonzero(weight)
            parts = None if parts is None else _positions(parts, kept, len(weight))
        fitting = Fitting(
            inputs[kept],
            wanted[kept],
            self._settings(seed, 1 if start is not None else self.n_restarts),
            self._task,
            parts=parts,
            sample_weight=None if weight is None else weight[kept],
            start=start,
        )
        self.n_history_ = n_history
        self.n_features_in_ = inputs.shape[1]
        self.target_names_ = _names(targets, "y")
        self.exog_names_ = [] if X is None else self._exog_names(X)
        self.lag_names_ = lags.names(self.target_names_, self.exog_names_)
        self._tails = [self._tail(one, None if exog is None else exog[k]) for k, one in enumerate(targets)]
        self._scalings = scalings
        self._to_measure = (taught, each_inputs, each_wanted) if self._is_many else None
        as_learned = [targets[k].values if scalings is None else scalings[k].apply(targets[k].values) for k in taught]
        beside = None if exog is None else [exog[k] for k in taught]
        by_row = None if weights is None else [weights[k] for k in taught]
        self._to_close = (as_learned, beside, by_row) if self.closed_loop else None
        if self.closed_loop:
            dynamic_of(fitting.network, lags, len(self.exog_names_))  # which refuses topologies before any work
        return fitting

    def _note(self, fitting: Fitting) -> None:
        super()._note(fitting)
        self.closed_loop_record_: Record | None = None
        to_close, self._to_close = self._to_close, None
        if to_close is not None and not self._is_interrupted():
            try:
                self._close_loop(*to_close, fitting.settings)
            except KeyboardInterrupt:
                warnings.warn(f"{INTERRUPTED} It was not trained in closed loop.", stacklevel=4)
        to_measure, self._to_measure = self._to_measure, None
        self.series_rmse_: Array | None = None
        if to_measure is not None:
            taught, *pairs = to_measure
            self.series_rmse_ = np.full((len(self._tails), self.n_outputs_), np.nan)
            for number, inputs, wanted in zip(taught, *pairs, strict=True):
                self.series_rmse_[number] = np.sqrt(np.mean((self.network_.outputs(inputs) - wanted) ** 2, axis=0))
            if self._scalings is not None:
                self.series_rmse_ /= np.array([own.factor for own in self._scalings])

    def _is_interrupted(self) -> bool:
        """Whether the user ended the training."""
        records = (self.record_, self.closed_loop_record_)
        return any(record is not None and record.stop is not None and record.stop.code == "user" for record in records)

    def _as_it_stands(self, fitting: Fitting) -> NetworkForecaster:
        """A copy with the best network so far, of a training that goes on in another thread or was broken off."""
        copied = copy.copy(self)
        copied._to_close = copied._to_measure = None
        copied._note(fitting)
        return copied

    def _close_loop(
        self, targets: list[Array], exog: list[Array] | None, weights: list[Array] | None, settings: Settings
    ) -> None:
        """Train on in closed loop, from where the open loop ended."""
        start = dynamic_of(self.network_, self._lags, len(self.exog_names_))
        inputs = exog if self._lags.exog else None
        outputs = simulate(start, inputs, targets).outputs
        if not all(np.isfinite(each).all() for each in outputs):
            warnings.warn(
                "The network grows without bound in closed loop, and was not trained there. "
                "Use other lags or more alpha.",
                ConvergenceWarning,
                stacklevel=4,
            )
            return
        result = train_sequences(
            start,
            inputs,
            targets,
            settings.loss_for(self._task),
            sample_weight=weights,
            division=Division("blocks", self.validation_fraction, 0.0) if self.early_stopping else None,
            penalty=WeightDecay(self.alpha_),
            limits=settings.limits,
            max_memory=settings.max_memory,
        )
        self.network_ = lagged_of(result.network, self.network_, self._lags)
        self.closed_loop_record_ = result.record

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
        >>> y = np.sin(0.3 * np.arange(100))
        >>> model = NetworkForecaster(lags=(1, 2), hidden_layer_sizes=(), random_state=0).fit(y)
        >>> narx = model.dynamic_network()
        >>> path = simulate(narx, 5, states=DelayStates.of(narx, targets=y[:, None])).outputs
        >>> bool(np.abs(path.ravel() - model.predict(5)).max() < 1e-9)
        True
        """
        check_is_fitted(self, "network_")
        if whole(series, "series") >= len(self._tails):
            raise ConfigurationError(f"The forecaster knows {len(self._tails)} series, from 0 on, got series={series}.")
        own = None if self._scalings is None else self._scalings[series]
        return dynamic_of(self._network_for(own), self._lags, len(self.exog_names_))

    def _network_for(self, own: Scaling | None) -> Network:
        """The network in the units of a series."""
        return self.network_ if own is None else within(self.network_, own, self._lags, len(self.exog_names_))

    def _scalings_by(self, targets: Sequence[Series]) -> list[Scaling | None]:
        """The scalings of series that are given to go on from, by their own rows."""
        if self._scalings is None:
            return [None] * len(targets)
        kind = self._settings(0, 1).target_scaling
        return [own_scaling(kind, one.values, self._lags) for one in targets]

    def _input_scaling(self) -> str:
        """That of the targets, which are among the inputs, where it is left to the loss."""
        is_robust = self.loss in ROBUST and (self.loss_scale is None or isinstance(self.loss_scale, str))
        return ("robust" if is_robust else "standard") if self.input_scaling == "auto" else self.input_scaling

    def _exog_names(self, X: Any) -> list[str]:
        return _names(read_many(X, "X", may_miss=True), "x")

    def _last_blocks(self, n_rows: Sequence[int]) -> Parts:
        """The last rows of every series validate."""
        train, validation, first = [], [], 0
        for count in n_rows:
            n_aside = min(max(1, round(self.validation_fraction * count)), count - 1)
            train.append(np.arange(first, first + count - n_aside))
            validation.append(np.arange(first + count - n_aside, first + count))
            first += count
        if not sum(map(len, validation)):
            raise DataError(
                "early_stopping sets the last rows of a series aside, and there is one row that has all its lags. "
                "Give a longer series, or early_stopping=False."
            )
        return Parts(np.concatenate(train), np.concatenate(validation), np.empty(0, dtype=np.intp))

    def _tail(self, target: Series, exog: Array | None) -> tuple[Series, Array | None]:
        """What the forecast of the next row needs of a series."""
        n_past, n_exog = self._lags.n_past, self._lags.n_past_exog
        short = replace(target, values=_last_rows(target.values, n_past), index=None)
        return short, None if exog is None else _last_rows(exog, n_exog)

    # ---------------------------------------------------------------- predicting

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
        n_future = self._lags.n_future(last)
        scalings: Sequence[Scaling | None]
        if y is None:
            tails = self._tails
            scalings = self._scalings if self._scalings is not None else [None] * len(tails)
            is_list = self._is_many
            futures = self._futures(X, n_future)
        else:
            tails, futures = self._given(y, X, n_future)
            scalings = self._scalings_by(read_many(y, "y"))
            is_list = is_many(y)
        found = []
        for (target, past), future, own in zip(tails, futures, scalings, strict=True):
            exog = None if past is None or future is None else np.concatenate([past, future])[None]
            if exog is not None:
                self._require_past(exog[0], last)
            path = self._lags.simulate(self._network_for(own).outputs, target.values[None], exog, last)[0]
            rows: Any = slice(None) if steps == tuple(range(1, last + 1)) else np.asarray(steps) - 1
            index = None if target.timeline is None else target.timeline.after(last)[rows]
            found.append(target.like(path[rows], index))
        return found if is_list else found[0]

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
        >>> y = np.sin(0.3 * np.arange(100))
        >>> model = NetworkForecaster(lags=(1, 2), hidden_layer_sizes=(), random_state=0).fit(y)
        >>> model.one_step(y).shape
        (98,)
        """
        check_is_fitted(self, "network_")
        targets, exog = self._read_known(y, X)
        lags, first = self._lags, self.n_history_
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
        targets, exog = self._read_known(y, X, needs_history=False)
        if len(targets) != len(self._tails):
            raise ShapeError(f"update takes as many series as fit had, {len(self._tails)}, got {len(targets)}.")
        self._tails = [
            self._extended(*tail, one, None if exog is None else exog[number])
            for number, (tail, one) in enumerate(zip(self._tails, targets, strict=True))
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
        weights = _weights(sample_weight, targets)
        found = predicted if is_many(y) else [predicted]
        return float(
            r2_score(
                np.concatenate([one.values[first:] for one in targets]),
                np.concatenate([np.asarray(one).reshape(-1, self.n_outputs_) for one in found]),
                sample_weight=None if weights is None else np.concatenate([one[first:] for one in weights]),
            )
        )

    # ---------------------------------------------------------------- reading

    def _read_known(
        self, y: Any, X: Any, n_future: int = 0, needs_history: bool = True
    ) -> tuple[list[Series], list[Array] | None]:
        """Series that must look like those of the training."""
        targets = read_many(y, "y")
        for number, one in enumerate(targets):
            which = f"y[{number}]" if is_many(y) else "y"
            if one.values.shape[1] != self.n_outputs_:
                raise ShapeError(f"{which} has {one.values.shape[1]} columns, and the forecaster {self.n_outputs_}.")
            names = self.target_names_
            if one.names is not None and not one.is_flat and list(one.names) != names and not _are_own(names, "y"):
                raise DataError(f"{which} has the columns {list(one.names)}, and the training {names}.")
            least = self.n_history_ + (0 if n_future else 1)
            if needs_history and len(one) < least:
                raise DataError(f"{which} has {len(one)} rows, and at least {least} are needed ({_reach(self._lags)}).")
            self._require_step(one.timeline, f"The index of {which} goes", LEAVE_INDEX)
        if not self.exog_names_:
            self._refuse_exog(X)
            return targets, None
        if X is None:
            raise DataError(self._exog_missing("at the times of y"))
        lags, first = self._lags, self.n_history_

        def needed(one: Series) -> slice:
            if not needs_history:  # what a forecast needs of what is only noted is seen then
                return slice(0, 0)
            return lags.exog_of(first, len(one))

        return targets, _exog_of(X, targets, needed, n_future, self.exog_names_)

    def _require_step(self, timeline: Timeline | None, what: str, advice: str) -> None:
        """Refuse times in other steps than those of the training, as far as both are known."""
        known = [target.timeline for target, _ in self._tails if target.timeline is not None]
        if timeline is None or not known or any(one.goes_like(timeline) for one in known):
            return
        raise DataError(
            f"{what} in steps of {timeline.step_in_words}, and the training went in steps of "
            f"{known[0].step_in_words}: the network knows what follows in these only. {advice}"
        )

    def _given(self, y: Any, X: Any, n_future: int) -> tuple[list[tuple[Series, Array | None]], list[Array | None]]:
        """Past and future from series that begin together."""
        if self.exog_names_ and X is None:
            raise DataError(self._exog_missing("from the first row of y on"))
        lags = self._lags
        targets = read_many(y, "y")
        for number, one in enumerate(targets):
            if len(one) < self.n_history_:
                which = f"y[{number}]" if is_many(y) else "y"
                raise DataError(
                    f"{which} has {len(one)} rows, and a forecast needs at least {self.n_history_} ({_reach(lags)})."
                )
        targets, exog = self._read_known(y, X, n_future, needs_history=False)
        if exog is None:
            return [self._tail(one, None) for one in targets], [None] * len(targets)
        pasts = [rows[: len(one)] for rows, one in zip(exog, targets, strict=True)]
        futures: list[Array | None] = [rows[len(one) :] for rows, one in zip(exog, targets, strict=True)]
        return [self._tail(one, past) for one, past in zip(targets, pasts, strict=True)], futures

    def _futures(self, X: Any, n_future: int) -> list[Array | None]:
        """Exogenous rows that follow what is known."""
        if not self.exog_names_:
            self._refuse_exog(X)
            return [None] * len(self._tails)
        if n_future == 0:
            return [np.empty((0, len(self.exog_names_)))] * len(self._tails)
        if X is None:
            raise DataError(self._exog_missing(f"for {n_future} future rows"))
        exog = [_ordered(one, self.exog_names_) for one in read_many(X, "X", may_miss=True)]
        if len(exog) != len(self._tails):
            raise ShapeError(f"X must be as many series as the forecaster knows: {len(self._tails)}, got {len(exog)}.")
        return [
            rows_after(one, target.timeline, n_future, "X") for one, (target, _) in zip(exog, self._tails, strict=True)
        ]

    def _require_past(self, exog: Array, last: int) -> None:
        """Refuse a forecast that needs exogenous values of the past which were not known."""
        until = max(0, self._lags.n_past_exog + last - min(self._lags.exog, default=0))
        wrong = np.argwhere(~np.isfinite(exog[:until]))
        if len(wrong):
            row, column = wrong[0]
            raise DataError(
                f"A forecast with horizon {last} needs the exogenous column {self.exog_names_[column]!r} "
                f"{self._lags.n_past_exog - row} rows before the first, where it is missing. Give y and X from their "
                f"beginning with it filled in, or a shorter horizon."
            )

    def _refuse_exog(self, X: Any) -> None:
        if X is not None:
            raise DataError("X is given, and the forecaster was fitted without exogenous columns. Leave X out.")

    def _exog_missing(self, when: str) -> str:
        return (
            f"The forecaster was fitted with the exogenous columns {self.exog_names_} at the lags "
            f"{list(self._lags.exog)}: it needs X, {when}."
        )

    def _extended(
        self, target: Series, past: Array | None, more: Series, more_exog: Array | None
    ) -> tuple[Series, Array | None]:
        timeline: Timeline | None = target.timeline
        if timeline is not None:
            if more.index is not None:
                if not timeline.continues(more.index):
                    raise DataError(
                        f"The new rows must go on at {timeline.after(1)[0]} in the same steps, got {more.index[0]} to "
                        f"{more.index[-1]}."
                    )
                timeline = timeline.ending(more.index[-1])
            else:
                timeline = timeline.moved(len(more))
        whole = replace(target, values=np.concatenate([target.values, more.values]), timeline=timeline)
        exog = None if past is None or more_exog is None else np.concatenate([past, more_exog])
        return self._tail(whole, exog)

    # ---------------------------------------------------------------- files

    def _to_keep(self) -> dict[str, Any]:
        return {
            "lags": list(self._lags.targets),
            "exog_lags": list(self._lags.exog),
            "difference": list(self._lags.differences),
            "target_names": self.target_names_,
            "exog_names": self.exog_names_,
            "is_many": self._is_many,
            "scalings": None if self._scalings is None else [own.to_dict() for own in self._scalings],
            "closed_loop_record": None if self.closed_loop_record_ is None else self.closed_loop_record_.to_dict(),
            "series_rmse": None if self.series_rmse_ is None else self.series_rmse_.tolist(),
            "series": [
                {
                    "container": target.container,
                    "names": None if target.labels is None else [_kept_label(each) for each in target.labels],
                    "levels": None if target.levels is None else [_kept_label(each) for each in target.levels],
                    "is_flat": target.is_flat,
                    "times": None if target.timeline is None else target.timeline.to_keep(),
                    "targets": target.values.tolist(),
                    "exog": None if exog is None else exog.tolist(),
                }
                for target, exog in self._tails
            ],
        }

    def _take_back(self, kept: dict[str, Any], classes: Any) -> None:
        if "lags" not in kept or "series" not in kept:
            raise DataError(
                "The file holds a network for regression and no forecaster: it knows no lags. Use "
                "NetworkRegressor.from_file, or marquardt.load."
            )
        self._lags = Lags(tuple(kept["lags"]), tuple(kept["exog_lags"]), tuple(kept["difference"]))
        self.n_history_ = self._lags.n_history
        self.n_outputs_ = self.network_.graph.n_outputs
        self.target_names_, self.exog_names_ = list(kept["target_names"]), list(kept["exog_names"])
        self.lag_names_ = self._lags.names(self.target_names_, self.exog_names_)
        self._is_many = bool(kept["is_many"])
        closed = kept.get("closed_loop_record")
        self.closed_loop_record_ = None if closed is None else Record.from_dict(closed)
        scalings, errors = kept.get("scalings"), kept.get("series_rmse")
        self._scalings = None if scalings is None else [Scaling.from_dict(each) for each in scalings]
        self.series_rmse_ = None if errors is None else np.array(errors, dtype=np.float64)
        self._tails = [
            (
                Series(
                    np.array(one["targets"], dtype=np.float64).reshape(-1, self.n_outputs_),
                    one["container"],
                    None if one["names"] is None else tuple(map(_label, one["names"])),
                    one["is_flat"],
                    None if one["times"] is None else Timeline.kept(one["times"]),
                    levels=None if one.get("levels") is None else tuple(map(_label, one["levels"])),
                ),
                None
                if one["exog"] is None
                else np.array(one["exog"], dtype=np.float64).reshape(-1, len(self.exog_names_)),
            )
            for one in kept["series"]
        ]
        if self.network_.graph.n_inputs != len(self.lag_names_):
            raise DataError(
                f"The file's network has {self.network_.graph.n_inputs} inputs, and its lags make "
                f"{len(self.lag_names_)}. Train again."
            )


def checked_horizon(horizon: Any) -> tuple[int, ...]:
    """Return the steps that are asked for."""
    message = f"horizon must be a whole number from 1 up, or a list of such steps, got {horizon!r}."
    if not isinstance(horizon, bool) and isinstance(horizon, Integral):
        if horizon < 1:
            raise ConfigurationError(message)
        return tuple(range(1, int(horizon) + 1))
    steps = np.asarray(horizon)
    if steps.ndim != 1 or steps.size == 0 or steps.dtype.kind not in "iu" or steps.min() < 1:
        raise ConfigurationError(message)
    return tuple(steps.tolist())


def checked_differences(given: Any) -> tuple[int, ...]:
    """Return periods of differences; one may come twice."""
    message = f"difference must be periods from 1 up, such as 1 or (1, 12), got {given!r}."
    if not isinstance(given, bool) and isinstance(given, Integral):
        given = (given,)
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigurationError(message)
    periods = list(given)
    if any(isinstance(one, bool) or not isinstance(one, Integral) or one < 1 for one in periods):
        raise ConfigurationError(message)
    return tuple(int(one) for one in periods)


def _last_rows(values: Array, count: int) -> Array:
    """The last rows, NaN before the first where there are not as many."""
    absent = np.full((max(0, count - len(values)), values.shape[1]), np.nan)
    return np.concatenate([absent, values[max(0, len(values) - count) :]])


def _reach(lags: Lags) -> str:
    """What asks for the past."""
    parts = []
    if lags.targets:
        parts.append(f"largest lag {max(lags.targets)}")
    if lags.differences:
        parts.append(f"difference {list(lags.differences)}")
    if lags.exog:
        parts.append(f"largest exogenous lag {max(lags.exog)}")
    return ", ".join(parts)


def _names(series: Sequence[Series], default: str) -> list[str]:
    """What columns are called: as they came, or by own names where they had none, or single ones had different ones."""
    first = series[0]
    if first.names is not None and all(one.names == first.names for one in series):
        return list(first.names)
    count = first.values.shape[1]
    return [default] if count == 1 else [f"{default}{number}" for number in range(1, count + 1)]


def _are_own(names: Sequence[str], default: str) -> bool:
    """Whether these are the names that columns without names are given."""
    return list(names) == _names([Series(np.empty((0, len(names))))], default)


def _kept_label(label: Any) -> Any:
    """The label of a column as a file keeps it: a tuple as a list, what JSON has no word for as a text."""
    if isinstance(label, tuple):
        return [_kept_label(part) for part in label]
    if isinstance(label, np.generic):
        label = label.item()
    if hasattr(label, "isoformat"):
        return {"date": label.isoformat()}
    return label if label is None or isinstance(label, str | bool | int | float) else str(label)


def _label(kept: Any) -> Any:
    """What `_kept_label` was given."""
    if isinstance(kept, dict):
        return require_extra("pandas", "pandas").Timestamp(kept["date"])
    return tuple(map(_label, kept)) if isinstance(kept, list) else kept


def _exog_of(
    X: Any,
    targets: Sequence[Series],
    needed: Callable[[Series], slice],
    n_future: int = 0,
    names: Sequence[str] | None = None,
) -> list[Array]:
    """Exogenous rows of each series' times, and of some that follow; only those that are needed must be there."""
    exog = read_many(X, "X", may_miss=True)
    require_same_rows(targets, exog)
    if names is not None:
        exog = [_ordered(one, names) for one in exog]
    label = "X[{}]" if is_many(X) else "X"
    return [
        rows_beside(one, target, n_future, label.format(number), needed(target))
        for number, (one, target) in enumerate(zip(exog, targets, strict=True))
    ]


def _ordered(exog: Series, names: Sequence[str]) -> Series:
    """The exogenous columns in the order of the training; of equal names the first is the first."""
    if exog.values.shape[1] != len(names) and (exog.names is None or exog.is_flat):
        raise ShapeError(f"X has {exog.values.shape[1]} columns, and the training had {list(names)}.")
    if exog.names is None:
        return exog
    there: dict[str, list[int]] = {}
    for place, name in enumerate(exog.names):
        there.setdefault(name, []).append(place)
    missing = [name for name in names if name not in there]
    if len(missing) == len(names) == len(exog.names) and _are_own(names, "x"):
        # The training had no names but those that it gave itself.
        return exog
    if missing:
        wayout = f" Call it so: X.rename({names[0]!r})." if exog.is_flat else ""
        raise DataError(
            f"X has no column {missing[0]!r}; it has {list(exog.names)}, and the training {list(names)}.{wayout}"
        )
    for name in names:
        if len(there[name]) != list(names).count(name):
            raise DataError(
                f"X has {len(there[name])} columns of the name {name!r}, and the training had "
                f"{list(names).count(name)}: which is which? Give every column a name of its own."
            )
    places = [there[name][list(names[:number]).count(name)] for number, name in enumerate(names)]
    return replace(exog, values=exog.values[:, places], labels=tuple(names), is_flat=False)


def _weights(sample_weight: ArrayLike | None, targets: Sequence[Series]) -> list[Array] | None:
    if sample_weight is None:
        return None
    given: list[Any] = list(sample_weight) if is_many(sample_weight) else [sample_weight]  # type: ignore[arg-type]
    if len(given) != len(targets):
        raise ShapeError(f"sample_weight must be as many arrays as y has series: {len(targets)}, got {len(given)}.")
    return [checked_weight(one, len(target)) for one, target in zip(given, targets, strict=True)]


def _positions(parts: Parts, kept: Any, n_rows: int) -> Parts:
    """The same parts, counted among the rows that are kept."""
    place = np.full(n_rows, -1, dtype=np.intp)
    place[kept] = np.arange(len(kept))
    train, validation = (place[rows][place[rows] >= 0] for rows in (parts.train, parts.validation))
    if not len(train) or not len(validation):
        raise DataError("early_stopping needs rows with a weight both early and late in the series.")
    return Parts(train, validation, np.empty(0, dtype=np.intp))
