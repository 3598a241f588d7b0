"""What all estimators share: options to settings, the pulled run, inputs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing, check_consistent_length, check_random_state
from sklearn.utils.validation import _check_sample_weight, _num_samples, check_is_fitted, validate_data

from marquardt.arrays import (
    AnyArray,
    Array,
    checked_targets,
    checked_weight,
    counted_weight_of,
    of_samples,
    refuse_times,
    unmasked,
)
from marquardt.checks import fraction, whole
from marquardt.errors import ConfigurationError, DataError
from marquardt.estimators.filed import FiledEstimator
from marquardt.estimators.given import refuse_gaps, refuse_repeated_names, refuse_unusable, warn_of_another_order
from marquardt.estimators.merging import merge
from marquardt.estimators.nested import PREFIX, settings_within, with_settings
from marquardt.estimators.progress import Lines, every
from marquardt.networks import LayerGraph, build
from marquardt.options import DAMPING, PARAMETERS
from marquardt.training import Division, Fitting, Limits, Parts, Record, Settings, split_by_content
from marquardt.training.division import content_keys
from marquardt.training.ensemble import FoldEnsemble
from marquardt.wording import in_an_estimator, under_names

if TYPE_CHECKING:
    from marquardt.tables import TableCoding

__all__ = ["NetworkEstimator"]

SEEDS = 2**31 - 1
INTERRUPTED = "Training was interrupted; the best network found so far is kept."


@dataclass(repr=False, eq=False, kw_only=True)
class NetworkEstimator(FiledEstimator):
    """The part of an estimator that does not depend on the task, and the parameters that all have."""

    alpha: Any = "auto"
    topology: str | LayerGraph = "feed_forward"
    loss: str = "auto"
    algorithm: str = "auto"
    max_iter: int = Limits.max_epochs
    goal: float = Limits.goal
    goal_metric: str = Limits.goal_metric
    max_fail: int = Limits.max_fail
    min_grad: float = Limits.min_gradient
    mu_init: float | None = None
    mu_increase: float | None = None
    mu_decrease: float | None = None
    mu_max: float | None = None
    time_limit: float | None = None
    n_restarts: int = 4
    initialization: str = "nguyen_widrow"
    input_scaling: str = "standard"
    early_stopping: bool = False
    validation_fraction: float = Division.validation
    random_state: Any = None
    warm_start: bool = False
    verbose: bool | int = False
    n_threads: int | None = None
    max_memory: int | str | None = None
    n_jobs: int | None = None

    n_folds = 0  # A series has no folds: its rows follow each other

    # ---------------------------------------------------------------- parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters.

        Parameters
        ----------
        deep : bool
            Whether to add the settings of an algorithm that is named, such as ``algorithm__mu_init`` of ``"lm"``.

        Returns
        -------
        dict
            Values by their names.
        """
        parameters: dict[str, Any] = super().get_params(deep)
        within = settings_within(self.algorithm) if deep else {}
        return parameters | {PREFIX + name: value for name, value in within.items()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, and settings of the algorithm.

        Parameters
        ----------
        **params
            By their names; ``algorithm__mu_init=0.1`` makes ``"lm"`` ``"lm(mu_init=0.1)"``.

        Returns
        -------
        NetworkEstimator
            The estimator itself.

        Raises
        ------
        ConfigurationError
            If the algorithm has no such setting, or is not named; it is a ``ValueError``.
        """
        within = {name.removeprefix(PREFIX): params[name] for name in params if name.startswith(PREFIX)}
        super().set_params(**{name: value for name, value in params.items() if not name.startswith(PREFIX)})
        if within:
            self.algorithm = with_settings(self.algorithm, within)
        return self

    # ---------------------------------------------------------------- from options to settings

    def _settings(self, seed: int, n_restarts: int) -> Settings:
        """All options, checked."""
        if self.early_stopping and fraction(self.validation_fraction, "validation_fraction") == 0:
            raise ConfigurationError("validation_fraction must be above 0 for early_stopping, got 0.")
        every(self.verbose)
        values = {name: getattr(self, parameter, None) for name, parameter in PARAMETERS.items()}
        values |= {"input_scaling": self._input_scaling(), "seed": seed, "jobs": self._jobs()}
        if values["target_scaling"] is None:
            values["target_scaling"] = "none"
        for name in ("max_seconds", *DAMPING):
            if values[name] is None:
                del values[name]
        with under_names(PARAMETERS):
            settings = Settings.of(values)
        return replace(settings, restarts=n_restarts, target_scaling=settings.scaling_of_targets("standard"))

    def _input_scaling(self) -> str:
        """The scaling of the network's inputs, one of `SCALINGS`."""
        return self.input_scaling

    def _jobs(self) -> int:
        """How many starts may go on at a time."""
        given: Any = self.n_jobs
        if given is not None and (isinstance(given, bool) or not isinstance(given, Integral) or given == 0):
            raise ConfigurationError(
                f"n_jobs must be a whole number from 1 up, -1 for one a processor, or None; got {given!r}."
            )
        return int(effective_n_jobs(given))

    # ---------------------------------------------------------------- fitting

    def _goes_on(self) -> bool:
        return bool(self.warm_start) and hasattr(self, "network_")

    def _check_start(self) -> None:
        """Refuse to go on from a network that the options or the targets no longer fit."""
        self._check_folds()
        if not self._goes_on():
            return
        graph = self.network_.graph
        if graph.n_outputs != self.n_outputs_:
            raise DataError(
                f"warm_start goes on with a network of {graph.n_outputs} outputs, and y needs {self.n_outputs_}. "
                f"Set warm_start=False to begin anew."
            )
        wanted = build(
            self.topology,
            graph.n_inputs,
            self.hidden_layer_sizes,
            self.n_outputs_,
            activation=self.activation,
            output_activation=graph.output.activation,
        )
        if wanted.layers != graph.layers:
            raise ConfigurationError(
                "warm_start goes on with the network there is, and its layers are others than hidden_layer_sizes, "
                "activation and topology now say. Set warm_start=False to begin anew."
            )

    def _read(self, X: Any, y: Any, sample_weight: Any, **how: Any) -> tuple[Array, AnyArray, AnyArray | None]:
        """Arrays of the right kind, without the rows of weight zero; weights that are integers stay so."""
        # One memory layout, so that an array and the same columns in a frame are summed in the same order.
        X, y, sample_weight = unmasked(X, "X"), unmasked(y, "y"), unmasked(sample_weight, "sample_weight")
        refuse_times(X, "X")
        if "y_numeric" in how:
            refuse_times(y, "y")
        refuse_times(sample_weight, "sample_weight")
        warn_of_another_order(X, y=y, sample_weight=sample_weight, stacklevel=4)
        if not self._goes_on():
            self._coding = None
        if sample_weight is None:
            X, y = self._validated(X, y, order="C", reset=not self._goes_on(), **how)
            return X, y, None
        given = np.asarray(sample_weight)
        if given.ndim > 0 and not given.any():
            raise DataError("All sample weights are zero: there is nothing to train on.")
        if given.ndim == 2:
            weight = checked_weight(given, len(given), np.shape(y)[1] if np.ndim(y) == 2 else 1)
        else:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        if (weight < 0).any():
            raise DataError(f"sample_weight must not be negative, got {weight.min():g}.")
        is_kept = weight.reshape(len(weight), -1).any(axis=1)
        # What has no weight is not looked at: there values may be missing.
        if not is_kept.all() and len(weight) == _num_samples(X) == _num_samples(y):
            X, y, weight = _safe_indexing(X, is_kept), _safe_indexing(y, is_kept), weight[is_kept]
        if weight.ndim == 2:
            y = checked_targets(np.asarray(y, dtype=np.float64), weight)
        X, y = self._validated(X, y, order="C", reset=not self._goes_on(), **how)
        check_consistent_length(X, y, weight)
        return X, y, weight.astype(np.int64 if given.dtype.kind in "iub" else np.float64)

    def _validated(self, *given: Any, **how: Any) -> Any:
        """Arrays of inputs, and of targets where they are given, or a refusal by the place of what is wrong."""
        refuse_repeated_names(given[0])
        try:
            return validate_data(self, *given, dtype=np.float64, **how)
        except (TypeError, ValueError):
            for what, each in zip(("X", "y"), given, strict=False):
                refuse_unusable(each, what)
            raise

    def _train(self, X: Array, targets: AnyArray, weight: AnyArray | None, n_classes: int = 0) -> None:
        """Fit the network and note how it went."""
        counted_weight = counted_weight_of(weight)  # of the rows as they were given, before equal ones are merged
        start = self.network_ if self._goes_on() else None
        seed = int(check_random_state(self.random_state).randint(SEEDS))
        settings = self._settings(seed, 1 if start is not None else self.n_restarts)
        table = np.column_stack([X, targets])
        given = self._parts(table, weight, seed, targets if n_classes else None) if self.early_stopping else None
        if given is not None and len(given.validation):
            # Equal rows in different parts are two, so what is merged has one part.
            table = np.column_stack([table, np.isin(np.arange(len(table)), given.validation)])
        merged = merge(table, weight)
        parts = given
        if merged is not None:
            X, targets, weight = X[merged.rows], targets[merged.rows], merged.weight
            if given is not None:
                is_aside = table[merged.rows, -1] == 1
                parts = Parts(np.flatnonzero(~is_aside), np.flatnonzero(is_aside), np.empty(0, dtype=np.intp))
        del table
        data: dict[str, Any] = {"n_classes": n_classes, "sample_weight": weight, "counted_weight": counted_weight}
        fitting: Fitting | FoldEnsemble
        if self.n_folds:
            fitting = FoldEnsemble(X, targets, settings, self._task, n_folds=self.n_folds, **data)
        else:
            fitting = Fitting(X, targets, settings, self._task, parts=parts, start=start, **data)
        self._pull(fitting)
        self._note(fitting)
        if merged is not None:
            self.record_.parts = Parts.all_training(len(merged.group)) if given is None else given

    def _check_folds(self) -> None:
        """Refuse what does not go together with folds."""
        if whole(self.n_folds, "n_folds") == 1:
            raise ConfigurationError("n_folds must be 0, for a network of its own, or at least 2, got 1.")
        if self.n_folds and self.early_stopping:
            raise ConfigurationError(
                "With n_folds every network is stopped by a fold of its own. Leave early_stopping out, or n_folds."
            )
        if self.n_folds and self._goes_on():
            raise ConfigurationError(
                "warm_start goes on with one network, and n_folds trains many and averages them. Set warm_start=False, "
                "or n_folds=0."
            )

    def _parts(self, table: Array, weight: AnyArray | None, seed: int, classes: AnyArray | None) -> Parts:
        different = len(np.unique(content_keys(table, seed)))
        if different < 2:
            raise DataError(
                "early_stopping sets samples aside, and there is one sample (n_samples = 1) or copies of one. "
                "Give more samples, or early_stopping=False."
            )
        of_rows = None if weight is None else of_samples(weight)
        train, validation = split_by_content(table, self.validation_fraction, seed, of_rows, classes)
        if (
            different * self.validation_fraction < 1
            and not np.isin(content_keys(table[validation], seed), content_keys(table[train], seed)).any()
        ):
            warnings.warn(
                f"early_stopping sets {len(validation)} of {len(table)} samples aside, and they are among "
                f"{different} different ones only: what the network never sees it cannot learn. Take "
                f"early_stopping=False for so few.",
                UserWarning,
                stacklevel=4,
            )
        return Parts(train, validation, np.empty(0, dtype=np.intp))

    def _pull(self, fitting: Fitting | FoldEnsemble) -> None:
        """Train to the end; an interrupt ends early and keeps the best."""
        lines = Lines(self.verbose)
        try:
            for epoch in fitting:
                lines.take(epoch, fitting)
        except KeyboardInterrupt:
            fitting.stop_by_user()
            if not fitting.record.num_epochs:
                raise
            warnings.warn(INTERRUPTED, stacklevel=4)
        finally:
            lines.end()

    def _note(self, fitting: Fitting | FoldEnsemble) -> None:
        record = fitting.record
        self.network_ = fitting.network
        self._note_record(record)
        self.attempts_ = fitting.summaries_so_far()
        for name in ("spread_", "kept_", "shares_"):
            self.__dict__.pop(name, None)  # of a fit of the other kind
        if isinstance(fitting, FoldEnsemble):
            self.shares_ = fitting.shares
        else:
            self.spread_ = fitting.spread
            self.kept_ = fitting.kept
        self.alpha_ = fitting.decay
        self.n_layers_ = len(self.network_.graph.layers) + 1
        if record.stop is not None and record.stop.code == "epochs":
            warnings.warn(
                f"Training ended before it converged: max_iter={self.max_iter} epochs are done. "
                f"Raise max_iter, or set a goal that is good enough.",
                ConvergenceWarning,
                stacklevel=4,
            )
        elif record.has_learned_nothing:
            assert record.stop is not None
            warnings.warn(
                f"Training ended before it learned anything: {record.stop.sentence} Scale the inputs and targets, or "
                f"take another algorithm.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _note_record(self, record: Record) -> None:
        self.record_ = record
        self.algorithm_ = record.algorithm
        self.n_iter_ = record.num_epochs
        self.loss_curve_ = record.perf[1:].tolist()
        self.validation_loss_curve_ = record.vperf[1:].tolist() if len(record.parts.validation) else None
        self.best_loss_ = record.best_perf

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self, "network_")
        coding, columns = self._coding, getattr(X, "columns", None)
        if coding is not None and columns is not None and _is_coded_by(coding, columns):
            with in_an_estimator():
                inputs = coding.inputs(X, missing="keep")
            if coding.missing == "refuse":
                names = [column.name for column in coding.input_columns for _ in column.input_names]
                refuse_gaps(inputs, "X", names, getattr(X, "index", None))
            return coding.outputs(self.network_, inputs)
        if coding is not None and columns is not None:
            # The inputs themselves, which further columns may stand beside.
            X = X[list(coding.input_names)]
        refuse_times(X, "X")
        X = self._validated(unmasked(X, "X"), reset=False)
        return self.network_.outputs(X)


def _is_coded_by(coding: TableCoding, columns: Any) -> bool:
    """Return whether the columns are those of the table, to be coded, rather than the inputs themselves."""
    there = set(columns)
    if not set(coding.input_names) <= there:
        return True
    # Where all columns are numbers they are both; what was done about gaps in training is done now.
    return coding.missing != "refuse" and {column.name for column in coding.input_columns} <= there
