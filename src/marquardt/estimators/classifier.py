"""Classification."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from marquardt.arrays import AnyArray, Array, ArrayLike, checked_weight, unmasked
from marquardt.errors import DataError
from marquardt.estimators.base import NetworkEstimator
from marquardt.estimators.given import warn_of_another_order

if TYPE_CHECKING:
    from marquardt.storage import NetworkFile

__all__ = ["NetworkClassifier"]


@dataclass(repr=False, eq=False)
class NetworkClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """A neural network for classification, trained by Levenberg–Marquardt on the cross-entropy.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; ``()`` for a logistic model.
    activation : str
        Of the hidden layers: one of `networks.ACTIVATIONS`, such as ``"relu"`` or ``"tanh(gain=0.5)"``, or one
        that was registered.
    alpha : "auto", float or sequence of float
        Weight decay ½ α Σ w², one number or one a layer. It is added to the sum of the loss over all samples.
        ``"auto"`` takes one a layer from the training data by its evidence (see
        `marquardt.training.EvidenceTraining`); with `early_stopping` it means 1e-4.
    topology : str or LayerGraph
        ``"feed_forward"``; ``"cascade_forward"`` or ``"bridged_multilayer"``, where every layer sees the inputs and all
        earlier layers; ``"fully_connected_cascade"``, where each hidden unit is a layer of that kind. Or a graph of
        your own, such as `unit_graph` makes, which leaves sizes and activation unused.
    loss : str
        ``"auto"`` (which is ``"cross_entropy"``), ``"cross_entropy"``, or ``"squares"`` of the probabilities'
        errors.
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
        ``"loss"``, as minimized; for squares also ``"mse"``, ``"rmse"``, ``"sse"``.
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
        `early_stopping`, else by evidence with ``alpha="auto"``, else by loss.
    n_folds : int
        0 trains a network of its own. From 2 on the rows are dealt out to so many folds, and a network is trained
        without each of them and stopped by it, for the weight decay 1 or for your `alpha`. `network_` is the
        mean of them all and of a linear network, weighted by their errors on the folds: more accurate on most tables,
        and never far worse than a straight line. 10 are usual.
    initialization : str
        ``"nguyen_widrow"``, ``"uniform"`` or ``"glorot"``.
    input_scaling : str
        ``"standard"``, ``"minmax"``, ``"robust"`` (by median and median deviation) or ``"none"``. The scaling is part
        of the network.
    early_stopping : bool
        Whether to set `validation_fraction` of the samples aside, stop when their error has not fallen for
        `max_fail` epochs, and keep the network that was best on them.
    validation_fraction : float
        The share of the samples, taken of every class. They are chosen by their content, so that neither the order of
        the rows nor repeated rows change the choice; only rows that occur five times or more are divided copy by copy.
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
        Mean cross-entropy, or mean squared error for squares, on the training part, an entry an epoch.
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
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_outputs_ : int
        Outputs of the network: 1 for two classes, else one a class.
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
    >>> X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 5
    >>> model = NetworkClassifier(hidden_layer_sizes=4, random_state=0).fit(X, ["same", "other", "other", "same"] * 5)
    >>> model.predict([[0.0, 0.0], [1.0, 0.0]])
    array(['same', 'other'], dtype='<U5')
    """

    _task = "classification"

    hidden_layer_sizes: Any = (10,)
    activation: str = "tanh"
    _: KW_ONLY
    goal_metric: str = "loss"
    n_restarts: int = 2
    n_folds: int = 0

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train a network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs: an array, or a pandas or polars frame of numbers.
        y : array-like of shape (n_samples,)
            Labels of any type that can be sorted.
        sample_weight : array-like of shape (n_samples,), optional
            Integers are numbers of copies, 0 leaves a row out. Of other weights, such as 1/σ² or weights that add up
            to 1, only the ratios matter where the data choose the decay (``alpha="auto"``, `trainbr`).

        Returns
        -------
        NetworkClassifier
            The estimator itself.

        Raises
        ------
        ConfigurationError
            If an option cannot be.
        DataError
            If there is a single class, all weights are zero or one is negative, or no validation part can be set
            aside; when going on by `warm_start`, if the classes are others.
        """
        self._settings(0, self.n_restarts)
        inputs, labels, weight = self._read(X, y, sample_weight)
        check_classification_targets(labels)
        classes, codes = np.unique(column_or_1d(labels, warn=True), return_inverse=True)
        if len(classes) < 2:
            raise DataError(
                f"Classification needs at least two classes, got one class: {classes.tolist()[0]!r}"
                f"{'' if sample_weight is None else ' (rows of weight zero left out)'}."
            )
        if self._goes_on() and not np.array_equal(classes, self.classes_):
            raise DataError(
                f"warm_start goes on with the classes {self.classes_.tolist()}, got {classes.tolist()}. "
                f"Set warm_start=False to begin anew."
            )
        self.classes_: AnyArray = classes
        self.n_outputs_ = 1 if len(classes) == 2 else len(classes)
        self._check_start()
        self._train(inputs, codes, weight, n_classes=len(classes))
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of labels that are predicted.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            What is true.
        sample_weight : array-like of shape (n_samples,), optional
            Of the samples.

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
        sample_weight = unmasked(sample_weight, "sample_weight")
        if np.ndim(sample_weight) > 1:
            sample_weight = checked_weight(sample_weight, len(sample_weight), 1)
        return float(super().score(X, unmasked(y, "y"), sample_weight))

    def predict(self, X: ArrayLike) -> AnyArray:
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, columns as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.

        Raises
        ------
        DataError
            If a value is missing.
        """
        probabilities = self.predict_proba(X)
        unknown = np.flatnonzero(np.isnan(probabilities).any(axis=1))
        if len(unknown):
            raise DataError(
                f"Row {unknown[0]} of X has a missing value: it has no class, as rows of that kind were left out in "
                f"training. Leave such rows out; predict_proba gives NaN there."
            )
        most_probable = probabilities.argmax(axis=1)
        labels: AnyArray = self.classes_[most_probable]
        return labels

    def predict_proba(self, X: ArrayLike) -> Array:
        """Predict the probability of every class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, columns as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; every row sums to one.
        """
        outputs = self._outputs(X)
        return np.hstack([1.0 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Predict the logarithm of the probability of every class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, columns as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; −inf where the probability rounds to zero.
        """
        with np.errstate(divide="ignore"):
            logarithms: Array = np.log(self.predict_proba(X))
        return logarithms

    def _labels(self) -> tuple[Any, ...]:
        return tuple(self.classes_.tolist())

    def _to_keep(self) -> tuple[dict[str, Any], dict[str, AnyArray]]:
        return {"labels": "object" if self.classes_.dtype == object else self.classes_.dtype.str}, {}

    def _take_back(self, kept: dict[str, Any], content: NetworkFile) -> None:
        self.n_outputs_ = self.network_.graph.n_outputs
        labels = range(max(2, self.n_outputs_)) if content.classes is None else content.classes
        self.classes_ = np.array(list(labels), dtype=kept.get("labels"))
        if self.classes_.shape != (max(2, self.n_outputs_),):
            raise DataError(f"{len(labels)} classes are kept, and {self.n_outputs_} outputs tell more apart")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = True
        return tags
