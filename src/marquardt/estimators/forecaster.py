"""Forecasting: a network on lagged values of the series, and of others that drive it."""

from __future__ import annotations

import warnings
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from sklearn.utils import check_random_state

from marquardt.errors import ConfigurationError
from marquardt.estimators.base import INTERRUPTED, SEEDS
from marquardt.estimators.closing import close_loop, dynamic_of
from marquardt.estimators.forecasting import SeriesForecaster
from marquardt.estimators.lagged_rows import LaggedRows
from marquardt.estimators.lagging import Lags
from marquardt.estimators.schema import names_of
from marquardt.losses import ROBUST, WeightDecay
from marquardt.training import Division, Fitting

__all__ = ["NetworkForecaster"]


@dataclass(repr=False, eq=False)
class NetworkForecaster(SeriesForecaster):
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
    verbose : bool or int
        Whether to print a line an epoch, or every how many.
    n_threads : int, optional
        Threads of one fit; chosen by the size of the problem when not given.
    max_memory : int or str, optional
        Bytes, or a text such as ``"500MB"``, that training may take beyond `X` and `y`: how derivatives are summed, in
        blocks of how many samples, and which algorithm ``"auto"`` means keep within it. The machine's memory when not
        given.
    n_jobs : int, optional
        Starts that go on at a time, in threads; -1 is one a processor, none is 1 unless a context of
        `joblib.parallel_config` says otherwise. The result does not depend on it. Where a start takes milliseconds they
        go on one by one all the same, and so many small networks that are trained as a batch.

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
    lags_ : Lags
        The lags and differences as they were checked: its `targets`, `exog` and `differences` are tuples.
    kept_ : int
        The number of the start that was kept, from 0.
    attempts_ : list of RestartSummary
        Every start in short.
    spread_ : RestartSpread
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

    lags: Any = range(1, 13)
    exog_lags: Any = (0,)
    hidden_layer_sizes: Any = (10,)
    activation: str = "tanh"
    _: KW_ONLY
    difference: Any = ()
    loss_scale: float | None = None
    input_scaling: str = "auto"
    target_scaling: str = "auto"
    scale_each: bool = True
    closed_loop: bool = False

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
        fitting = self.begin(y, X, sample_weight)
        self._pull(fitting)
        return self.finish(fitting)

    def begin(self, y: Any, X: Any = None, sample_weight: Any = None) -> Fitting:
        """Check everything that `fit` checks, and return the training, not begun.

        For a training under your own control: pull its epochs, and give it to `finish`. Until then `snapshot` has the
        best network so far.

        Parameters
        ----------
        y, X, sample_weight
            As in `fit`.

        Returns
        -------
        Fitting
            Iterate over it to train.

        Raises
        ------
        ConfigurationError, DataError
            What `fit` refuses.

        Examples
        --------
        >>> y = np.sin(0.3 * np.arange(100))
        >>> model = NetworkForecaster(lags=(1, 2), hidden_layer_sizes=(), random_state=0)
        >>> fitting = model.begin(y)
        >>> for epoch in fitting:
        ...     if epoch.epoch == 20:
        ...         fitting.stop_by_user()
        >>> bool(model.finish(fitting).best_loss_ < 1e-12)
        True
        """
        settings = self._settings(0, self.n_restarts)
        settings.loss_for(self._task)
        lags = Lags.checked(self.lags, None if X is None else self.exog_lags, self.difference)
        self._check_lags(lags)
        rows = LaggedRows.of(y, X, sample_weight, lags, settings.target_scaling if self.scale_each else "none")
        table = rows.table(self.validation_fraction if self.early_stopping else None)
        self.n_outputs_ = rows.targets[0].values.shape[1]
        self._check_start()
        start = self.network_ if self._goes_on() else None
        if start is not None and start.graph.n_inputs != table.inputs.shape[1]:
            raise ConfigurationError(
                f"warm_start goes on with a network of {start.graph.n_inputs} inputs, and lags and columns now "
                f"make {table.inputs.shape[1]}. Set warm_start=False to begin anew."
            )
        seed = int(check_random_state(self.random_state).randint(SEEDS))
        fitting = Fitting(
            table.inputs,
            table.targets,
            self._settings(seed, 1 if start is not None else self.n_restarts),
            self._task,
            parts=table.parts,
            sample_weight=table.weight,
            start=start,
        )
        if self.closed_loop:
            dynamic_of(fitting.network, lags, len(rows.exog_names))  # which refuses topologies before any work
        self._note_columns(lags, names_of(rows.targets, "y"), rows.exog_names)
        self.n_features_in_ = table.inputs.shape[1]
        self._histories = rows.histories()
        self._scalings, self._is_many, self._rows = rows.scalings, rows.is_many, rows
        return fitting

    def _check_lags(self, lags: Lags) -> None:
        if not lags.targets and not lags.exog:
            raise ConfigurationError(
                "There is nothing to predict from: lags is empty, and there are no exogenous columns X with exog_lags."
            )
        if self.closed_loop and (lags.differences or not lags.targets):
            fault = (
                f"difference={list(lags.differences)}. Use difference=()." if lags.differences else "no lags to do so."
            )
            raise ConfigurationError(f"closed_loop=True feeds the outputs back as they are, got {fault}")

    def finish(self, fitting: Fitting) -> Self:
        """Keep what a training came to, and train on in closed loop where `closed_loop` says so.

        Parameters
        ----------
        fitting : Fitting
            What `begin` returned, with an epoch at least.

        Returns
        -------
        NetworkForecaster
            The estimator itself, fitted.

        Raises
        ------
        ConfigurationError
            If there is no training that has begun.
        """
        rows = self._rows
        if rows is None:
            raise ConfigurationError("There is no training to finish: begin(y) returns one.")
        self._keep(fitting)
        if self.closed_loop and not self._is_interrupted():
            settings, (targets, exog, weights) = fitting.settings, rows.sequences()
            try:
                closed = close_loop(
                    self.network_,
                    self.lags_,
                    targets,
                    exog,
                    settings.loss_for(self._task),
                    sample_weight=weights,
                    division=Division("blocks", self.validation_fraction, 0.0) if self.early_stopping else None,
                    penalty=WeightDecay(self.alpha_),
                    limits=settings.limits,
                    max_memory=settings.max_memory,
                )
            except KeyboardInterrupt:
                closed = None
                warnings.warn(f"{INTERRUPTED} It was not trained in closed loop.", stacklevel=3)
            if closed is not None:
                self.network_, self.closed_loop_record_ = closed
                self._note_errors(rows)
        self._rows = None
        return self

    def _input_scaling(self) -> str:
        """That of the targets, which are among the inputs, where it is left to the loss."""
        is_robust = self.loss in ROBUST and (self.loss_scale is None or isinstance(self.loss_scale, str))
        return ("robust" if is_robust else "standard") if self.input_scaling == "auto" else self.input_scaling
