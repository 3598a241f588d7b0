"""Regression."""

from __future__ import annotations

import warnings
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin

from marquardt.arrays import AnyArray, Array, ArrayLike, unmasked
from marquardt.estimators.base import NetworkEstimator
from marquardt.estimators.given import warn_of_another_order
from marquardt.estimators.scoring import in_one_unit, r2_by_target

if TYPE_CHECKING:
    from marquardt.storage import NetworkFile

__all__ = ["NetworkRegressor"]


@dataclass(repr=False, eq=False)
class NetworkRegressor(RegressorMixin, MultiOutputMixin, NetworkEstimator):  # type: ignore[misc]
    """A neural network for regression, trained by Levenberg–Marquardt.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; ``()`` for a linear model.
    activation : str
        Of the hidden layers: one of `networks.ACTIVATIONS`, such as ``"relu"`` or ``"tanh(gain=0.5)"``, or one
        that was registered.
    alpha : "auto", float or sequence of float
        Weight decay ½ α Σ w², one number or one a layer. It is added to the sum of the loss over all samples,
        in scaled targets.
        ``"auto"`` takes one a layer from the training data by its evidence (see
        `marquardt.training.EvidenceTraining`); with `early_stopping` it means 1e-4.
    topology : str or LayerGraph
        ``"feed_forward"``; ``"cascade_forward"`` or ``"bridged_multilayer"``, where every layer sees the inputs and all
        earlier layers; ``"fully_connected_cascade"``, where each hidden unit is a layer of that kind. Or a graph of
        your own, such as `unit_graph` makes, which leaves sizes and activation unused.
    loss : str
        ``"auto"`` (which is ``"squares"``), ``"squares"``, or against outliers ``"huber"``, ``"soft_l1"``,
        ``"cauchy"``.
    loss_scale : float, optional
        Residual, in scaled targets, from which the last three treat a target as an outlier. When not given it is taken
        from the residuals as the fit goes on, 1.345 (Huber), 2.385 (Cauchy) or 1.287 (soft L1) times their standard
        deviation as the median of their sizes tells it: what outliers there are does not move it. The one that was
        taken is ``record_.settings["loss_scale"]``, a value an output.
    algorithm : str
        ``"auto"`` chooses by the sizes of the problem: Levenberg–Marquardt for small networks, ``"lm_bfgs"`` for those
        whose normal equations cost many gradients, BFGS or L-BFGS for very large ones (the page "Choose an algorithm"
        says where the limits are). Or a name, alone or with settings, such as ``"trainbr"``, ``"bfgs"`` or
        ``"lm(damping='nielsen')"``.
    max_iter : int
        Epochs, that is accepted steps, of each start.
    goal : float
        Training error at which to stop, measured as `goal_metric` says.
    goal_metric : str
        ``"mse"``, ``"rmse"`` or ``"sse"`` in the units of `y`, for squares; or ``"loss"``, as minimized.
    max_fail : int
        Epochs in a row without a better validation error that end the training; for `early_stopping`.
    min_grad : float
        Norm of the gradient of the mean loss at which to stop.
    mu_init, mu_increase, mu_decrease, mu_max : float, optional
        First damping, its factors after a rejected and after an accepted step, and the value that ends the training;
        the algorithm's own when not given (0.001, 10, 0.1 and 1e10 for Levenberg–Marquardt by its name; with
        ``"auto"`` any of them means that).
    time_limit : float, optional
        Seconds for each start.
    n_restarts : int
        Starts from different weights; the best network is kept, by validation error with
        `early_stopping`, else by evidence with ``alpha="auto"``, else by loss. With
        ``alpha="auto"`` the starts also begin with different decays, for wiggly and for noisy data.
    n_folds : int
        0 trains a network of its own. From 2 on the rows are dealt out to so many folds, and a network is trained
        without each of them and stopped by it, for the weight decays 0 and 1 or for your `alpha`. `network_` is the
        mean of them all and of a linear network, weighted by their errors on the folds: more accurate on most tables,
        and never far worse than a straight line. 10 are usual. Where there is little noise, networks without early
        stopping join in.
    initialization : str
        ``"nguyen_widrow"``, ``"uniform"`` or ``"glorot"``.
    input_scaling : str
        ``"standard"``, ``"minmax"``, ``"robust"`` (by median and median deviation) or ``"none"``. The scaling is part
        of the network.
    target_scaling : str
        The same for the targets. ``"auto"`` is ``"standard"``, but ``"robust"`` beside a robust loss without a
        `loss_scale`.
    early_stopping : bool
        Whether to set `validation_fraction` of the samples aside, stop when their error has not fallen for
        `max_fail` epochs, and keep the network that was best on them.
    validation_fraction : float
        The share of the samples. They are chosen by their content, so that neither the order of the
        rows nor repeated rows change the choice; only rows that occur five times or more are divided copy by copy.
    random_state : int, RandomState or None
        Of the starts and the choice of the validation part.
    warm_start : bool
        Whether `fit` goes on from the network of the last one, scalings included; a single start then.
    verbose : bool or int
        Whether to print a line an epoch, or every how many, each quantity as value/limit.
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
        The trained network, scalings included.
    record_ : Record
        Every epoch, and why the training ended.
    algorithm_ : str
        The algorithm that trained, by its full name.
    n_iter_ : int
        Epochs done in the start that was kept.
    loss_curve_ : list of float
        Mean squared error in the units of `y`, or mean of another loss, on the training part, an entry an epoch.
    validation_loss_curve_ : list of float or None
        The same on the validation part.
    best_loss_ : float
        Its value on the training part for `network_`.
    alpha_ : tuple of float
        The weight decay of each layer that `network_` was trained with.
    attempts_ : list of RestartSummary
        Every start in short: epochs, errors, why it ended, seconds.
    spread_ : RestartSpread
        How far apart the starts came out: best, median and worst error, and how many came near the best; its `str` is
        a sentence.
    shares_ : dict of str to float
        With `n_folds`, what every kind of network has in the mean. `record_` then has a row for every network in place
        of an epoch, with the error on its fold as `vperf`; the last row is the mean. There is no `spread_` then, and no
        `kept_`.
    n_layers_ : int
        Layers, the inputs included.
    n_outputs_ : int
        Targets.
    n_features_in_ : int
        Inputs.
    feature_names_in_ : ndarray of str
        Their names, where `X` had any.

    Raises
    ------
    ConfigurationError, DataError
        From `fit`; both are a ``ValueError``.

    Examples
    --------
    >>> x = np.linspace(0, 1, 100)[:, None]
    >>> model = NetworkRegressor(random_state=0).fit(x, np.sin(6 * x.ravel()))
    >>> model.predict([[0.5]]).round(3)
    array([0.141])
    """

    _task = "regression"

    hidden_layer_sizes: Any = (10,)
    activation: str = "tanh"
    _: KW_ONLY
    loss_scale: float | None = None
    n_folds: int = 0
    target_scaling: str = "auto"

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train a network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs: an array, or a pandas or polars frame of numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. Constant ones get a warning and a constant model.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
            Of the samples, or of every target. Integers are numbers of copies, 0 leaves a row or a target out, which
            may be missing then. Of other weights, such as 1/σ² or weights that add up to 1, only the ratios matter
            where the data choose the decay (``alpha="auto"``, `trainbr`).

        Returns
        -------
        NetworkRegressor
            The estimator itself.

        Raises
        ------
        ConfigurationError
            If an option cannot be.
        DataError
            If all weights are zero or one is negative, or no validation part can be set aside.
        """
        self._settings(0, self.n_restarts).loss_for(self._task)
        inputs, targets, weight = self._read(X, y, sample_weight, multi_output=True, y_numeric=True)
        targets = np.asarray(targets, dtype=np.float64)
        self._is_flat = targets.ndim == 1
        self.n_outputs_ = 1 if self._is_flat else targets.shape[1]
        self._check_start()
        if (targets == targets[0]).all():
            warnings.warn(
                f"y is constant ({np.unique(targets[0]).tolist()}): the model predicts this constant everywhere.",
                UserWarning,
                stacklevel=2,
            )
        self._train(inputs, targets, weight)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R² of the predictions, the mean over targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            What is true.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_targets), optional
            Of the samples, or of every target.

        Returns
        -------
        float
            1 is perfect.

        Raises
        ------
        ValueError
            If a value is missing, or masked.
        """
        warn_of_another_order(X, y=y, sample_weight=sample_weight, stacklevel=3)
        y, sample_weight = unmasked(y, "y"), unmasked(sample_weight, "sample_weight")
        if np.ndim(sample_weight) != 2:
            from sklearn.metrics import r2_score

            return float(r2_score(*in_one_unit(y, self.predict(X)), sample_weight=sample_weight))
        return r2_by_target(np.asarray(y, dtype=np.float64), self.predict(X), sample_weight)

    def predict(self, X: ArrayLike) -> Array:
        """Predict.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, columns as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As `y` was given to `fit`.
        """
        outputs = self._outputs(X)
        return outputs.ravel() if self._is_flat else outputs

    def _to_keep(self) -> tuple[dict[str, Any], dict[str, AnyArray]]:
        return {"is_flat": self._is_flat}, {}

    def _take_back(self, kept: dict[str, Any], content: NetworkFile) -> None:
        self.n_outputs_ = self.network_.graph.n_outputs
        self._is_flat = bool(kept.get("is_flat", self.n_outputs_ == 1))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
