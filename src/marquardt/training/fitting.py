"""From arrays to a trained network: what the estimators and the command line share.

`Fitting` builds the network, scales, starts, trains it once or, with restarts, several times, and keeps the best. Many
restarts of a small network are a batch (see `BatchTraining`), others go on in threads where there are `jobs` (see
`RestartPool`); they are still pulled one after the other.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from marquardt.algorithms import Choice, StepRule, algorithm_named, choose
from marquardt.arrays import (
    AnyArray,
    Array,
    ArrayLike,
    as_array,
    checked_targets,
    checked_weight,
    counted_weight_of,
    require_finite,
    unmasked,
)
from marquardt.checks import one_of
from marquardt.errors import ConfigurationError, DataError, ResourceError, ShapeError
from marquardt.losses import WeightDecay
from marquardt.networks import (
    LayerGraph,
    Network,
    Scaling,
    build,
    initial_weights,
)
from marquardt.numerics import usable_cpus
from marquardt.objective import (
    Derivatives,
    MemoryLimit,
    ProblemInfo,
    estimated_costs,
    is_compiled,
    require_matrices,
    require_memory,
    sample_space_bytes,
)
from marquardt.training.data import ArrayData, TrainingData
from marquardt.training.division import Parts
from marquardt.training.evidence import EVIDENCE_MATRICES, EvidenceTraining, decay_of_any_kind
from marquardt.training.restarts import BatchMember, BatchTraining, Restarts, RestartSummary
from marquardt.training.settings import Settings
from marquardt.training.training import Training
from marquardt.wording import by_door

__all__ = ["Fitting", "require_classes"]

VALIDATED_DECAY = 1e-4
"""What the automatic weight decay is beside a validation part: enough to keep the weights finite."""

EVIDENCE_WEIGHTS = 1000
"""Weights up to which the evidence is weighed for algorithms that do not solve the normal equations themselves: a
matrix of 8 MB. Where they are more, so many residuals will do. Beyond, the automatic weight decay is
`VALIDATED_DECAY`."""

BATCH_FROM, BATCH_WEIGHTS, THREADED_WEIGHTS = 10, 65, 300
"""Restarts from which, and weights up to which they are a batch; and weights up to which threads share it, where there
are several processors. With early stopping 10 restarts took half the time for 31 weights and 200 samples; on one thread
those of 121 weights on 442 samples, or 241 on 800, gained nothing (0.9 to 1.0): there it is the threads that pay."""

BESIDE_SECONDS = 7e-4
"""Estimated seconds of a pass from which restarts go on in threads: in shorter ones they wait for each other's lock.
Two at a time were 1.6 times as fast at 0.85 ms (121 weights, 2,000 samples, compiled), 1.7 to 1.9 above; 1.1 at 0.2,
and 0.7 at 0.05. Of rules without a matrix the gain is less, 0.9 at 0.5 ms and 1.2 at 1.9."""


class Fitting(Restarts):
    """Builds and trains a network from arrays; iterating pulls the epochs of all restarts.

    Parameters
    ----------
    inputs : array-like of shape (n_samples, n_inputs)
        Finite numbers in the user's units.
    targets : array-like of shape (n_samples, n_outputs), or (n_samples,) of class numbers
        For classification class numbers from 0.
    settings : Settings
        All choices.
    task : str
        ``"regression"`` or ``"classification"``.
    n_classes : int
        Number of classes, for classification.
    parts : Parts, optional
        The division; all samples train when not given.
    sample_weight : array-like of shape (n_samples,) or, for regression, (n_samples, n_outputs), optional
        Not negative. Integers count copies; of others only the ratios matter where the data choose the weight decay. A
        target of weight 0 is not looked at, and may be missing.
    counted_weight : float, optional
        The weight that the evidence counts as one sample, where the weights do not say it themselves, such as those of
        equal rows that were added up: 1 for integers, else the mean when not given.
    start : Network, optional
        A network to go on from, instead of a drawn start and newly fitted scalings.

    Attributes
    ----------
    choice : Choice
        The algorithm, and why it was chosen.
    rule : StepRule
        It, with its settings.

    Raises
    ------
    MarquardtError
        If data or settings cannot be used.

    Examples
    --------
    >>> x = np.linspace(0, 1, 40)[:, None]
    >>> fitting = Fitting(x, np.sin(6 * x), Settings(hidden_layer_sizes=4, seed=0), "regression")
    >>> for epoch in fitting:
    ...     pass
    >>> bool(fitting.record.best_perf < 1e-4)
    True
    """

    def __init__(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        settings: Settings,
        task: str,
        *,
        n_classes: int = 0,
        parts: Parts | None = None,
        sample_weight: ArrayLike | None = None,
        counted_weight: float | None = None,
        start: Network | None = None,
    ) -> None:
        one_of(task, ("regression", "classification"), "task")
        table = as_array(inputs, "inputs")
        if table.ndim != 2:
            raise ShapeError(f"inputs must be of shape (n_samples, n_inputs), got {table.shape}.")
        answers = _one_hot(targets, n_classes) if task == "classification" else _columns(targets)
        if len(table) != len(answers):
            raise ShapeError(f"inputs and targets must have as many rows, got {len(table)} and {len(answers)}.")
        if len(table) == 0:
            raise DataError("There is no sample to train on.")
        require_finite(table, "inputs")
        n_weighted = answers.shape[1] if task == "regression" else None
        weight = None if sample_weight is None else checked_weight(sample_weight, len(table), n_weighted)
        answers = checked_targets(answers, weight)
        rows = slice(None) if parts is None else parts.train
        if weight is not None:
            _require_weight(weight[rows])
        if task == "classification":
            codes = np.asarray(targets)[rows]
            require_classes(codes if weight is None else codes[weight[rows] > 0], range(n_classes))
        if counted_weight is None:
            counted_weight = counted_weight_of(weight)
        self._begin(ArrayData(table, answers, weight, parts, counted_weight), settings, task, n_classes, start)

    @classmethod
    def of(
        cls, data: TrainingData, settings: Settings, task: str = "regression", *, start: Network | None = None
    ) -> Fitting:
        """Return a fitting of data that are no arrays, such as files larger than memory.

        Parameters
        ----------
        data : TrainingData
            Samples, divided.
        settings : Settings
            All choices.
        task : str
            ``"regression"``, or ``"classification"`` into two classes for one target of 0 and 1, into more for a target
            a class.
        start : Network, optional
            A network to go on from.

        Returns
        -------
        Fitting
            Not begun.

        Raises
        ------
        MarquardtError
            Whatever `Fitting` refuses.

        Examples
        --------
        >>> x = np.linspace(0, 1, 40)[:, None]
        >>> fitting = Fitting.of(ArrayData(x, np.sin(6 * x)), Settings(hidden_layer_sizes=4, seed=0))
        >>> [epoch.epoch for epoch in fitting][-1] > 0
        True
        """
        one_of(task, ("regression", "classification"), "task")
        fitting = cls.__new__(cls)
        fitting._begin(data, settings, task, 2 if data.n_outputs == 1 else max(3, data.n_outputs), start)
        return fitting

    def _begin(self, data: TrainingData, settings: Settings, task: str, n_classes: int, start: Network | None) -> None:
        self.settings = settings
        self._limit = MemoryLimit(settings.max_memory)
        self.task = task
        self.loss = settings.loss_for(task, n_classes)
        self._data = data
        graph = self._graph() if start is None else start.graph
        self.choice, self.rule = self._chosen(graph)
        self.entropy = np.random.SeedSequence(settings.seed).entropy
        self._untrained = self._build(graph) if start is None else start
        self._has_start = start is not None
        if self._has_start and settings.restarts > 1:
            raise ConfigurationError("Going on from a network and restarting exclude each other. Use restarts=1.")
        together = self._batch()
        first = together[0] if together else self.run_of(0)
        super().__init__(first, self.run_of, settings.restarts, together=together)

    @property
    def criterion(self) -> str:
        """What restarts are ranked by, as `RestartSpread` says it; empty where nothing has a name."""
        if isinstance(self._run, EvidenceTraining):
            return "evidence"
        if self.settings.takes_scale and not self.rule.weighs_decay:
            return "robust"
        found = super().criterion
        # Where the rule weighs the decay as it goes, losses of different decays are compared.
        return "" if found == "loss" and self.rule.weighs_decay else found

    @property
    def decay(self) -> tuple[float, ...]:
        """The weight decay that `network` was trained with, one α a layer."""
        best, alpha = self._best_run(), self.settings.alpha
        if best.decay is not None:
            return best.decay
        if self.rule.weighs_decay:
            last = best.record.epochs[-1].quantities
            alpha = last["alpha"] / last["beta"] if "alpha" in last else 0.0
        if isinstance(alpha, str):
            alpha = self._validated_decay
        n_layers = len(self._untrained.graph.layers)
        return tuple(alpha) if isinstance(alpha, Sequence) else (float(alpha),) * n_layers

    @property
    def attempts(self) -> list[RestartSummary]:
        """The old name of `summaries`."""
        warnings.warn("attempts is called summaries now.", FutureWarning, stacklevel=2)
        return self.summaries

    def attempts_so_far(self) -> list[RestartSummary]:
        """Return what `summaries_so_far` does, by its old name."""
        warnings.warn("attempts_so_far is called summaries_so_far now.", FutureWarning, stacklevel=2)
        return self.summaries_so_far()

    def _most_jobs(self) -> int:
        settings, run, data = self.settings, self._run, self._data
        # Files are read by one pass at a time, and a batch has threads of its own.
        if isinstance(run, BatchMember) or not isinstance(data, ArrayData):
            return 1
        if run.objective.plan.seconds < BESIDE_SECONDS:
            return 1
        # The scaled copy of the data is for all of them.
        copy = 8 * len(data.inputs) * (data.n_inputs + 1 + data.n_outputs)
        room = (self._limit.limit - copy) // max(1, run.memory - copy)
        return int(max(1, min(settings.jobs, settings.restarts, room)))

    def _graph(self) -> LayerGraph:
        settings = self.settings
        if self.task == "regression":
            output_activation = "identity"
        else:
            # With squares on class targets the outputs are the probabilities themselves.
            output_activation = "logistic" if self._data.n_outputs == 1 else "softmax"
        return build(
            settings.topology,
            self._data.n_inputs,
            settings.hidden_layer_sizes,
            self._data.n_outputs,
            activation=settings.activation,
            output_activation=output_activation,
        )

    def _chosen(self, graph: LayerGraph) -> tuple[Choice, StepRule]:
        """The algorithm that was asked for, or the one that suits the sizes."""
        settings = self.settings
        if settings.algorithm != "auto":
            rule = algorithm_named(settings.algorithm, **settings.rule)
            return Choice(rule.name, "It was asked for."), rule
        if settings.rule:
            names = ", ".join(settings.rule)
            reason = f"{names} {'is' if len(settings.rule) == 1 else 'are'} given, and belong to its damping."
            return Choice("levenberg_marquardt", reason), algorithm_named("levenberg_marquardt", **settings.rule)
        n_samples = self._data.n_training
        info = ProblemInfo(
            graph.n_weights,
            graph.n_outputs,
            n_samples,
            float(n_samples * graph.n_outputs),
            self.loss.name,
            has_curvature=hasattr(self.loss, "curvature"),
            costs=partial(estimated_costs, graph, self.loss, n_samples, self._data.weighs_outputs)
            if self._data.is_kept
            else None,
        )
        choice = choose(info, self._room(), self._is_decay_weighed())
        return choice, algorithm_named(choice.algorithm, **choice.settings)

    def _room(self) -> float:
        """Bytes that there are for matrices: beside the scaled data of all parts, and a share for blocks of them."""
        data = self._data
        held = 8 * len(data.inputs) * (data.n_inputs + 1 + data.n_outputs) if isinstance(data, ArrayData) else 0
        return max(0.0, self._limit.limit - held) * 7 / 8

    def _is_decay_weighed(self) -> bool:
        """Whether the evidence chooses the weight decay."""
        parts = self._data.parts
        return isinstance(self.settings.alpha, str) and (parts is None or not len(parts.validation))

    @property
    def _validated_decay(self) -> float:
        return VALIDATED_DECAY * self._data.counted_weight

    def _build(self, graph: LayerGraph) -> Network:
        settings = self.settings
        # Before the weights are drawn. A rule that can do without the matrix is left to the plan.
        if not self.rule.matrix_free_forms:
            require_matrices(graph, self.rule.matrices, self._limit)
        elif self._is_decay_weighed() and not self._has_few_residuals(graph):
            require_matrices(graph, EVIDENCE_MATRICES, self._limit)
        input_scaling = self._data.scaling("inputs", settings.input_scaling)
        if self.task == "regression":
            target_scaling = self._data.scaling("targets", settings.scaling_of_targets())
        else:
            target_scaling = Scaling.none(graph.n_outputs)
        return Network(graph, np.zeros(graph.n_weights), input_scaling, target_scaling)

    @property
    def data(self) -> TrainingData:
        """What it trains on."""
        return self._data

    def run_of(self, restart: int) -> Training | EvidenceTraining:
        """Return the run of a restart, not begun."""
        settings, network = self.settings, self.start_of(restart)

        run = partial(
            self._data.training,
            network,
            self.loss,
            rule=self.rule,
            limits=settings.limits,
            form=settings.form,
            threads=settings.threads,
            max_memory=self._limit,
        )
        if self.rule.weighs_decay:
            if not isinstance(settings.alpha, str) and np.any(settings.alpha):
                raise ConfigurationError(
                    f"{self.rule.name} chooses the weight decay itself, got alpha={settings.alpha!r}. Leave alpha out, "
                    f"or take the algorithm 'lm'."
                )
            return run(WeightDecay(0.0))
        if not isinstance(settings.alpha, str):
            return run(WeightDecay(settings.alpha))
        if not self._is_decay_weighed() or not self._has_room_for_evidence():
            return run(WeightDecay(self._validated_decay))
        decay = decay_of_any_kind(len(network.graph.layers))
        weighed = partial(EvidenceTraining, limits=settings.limits, restart=restart, is_trained=self._has_start)
        training = weighed(run(decay))
        if not self._limit.allows(training.memory):
            # Another form, or smaller blocks.
            training = weighed(run(decay, max_memory=self._limit.without(training.memory_beside, "the evidence")))
        require_memory(
            network.graph,
            training.memory,
            "with a weight decay that its evidence chooses ",
            limit=self._limit,
            way_out=f"Give the decay yourself, such as {by_door('--alpha 0.01', 'alpha=0.01')}, or use fewer hidden "
            f"units.",
        )
        return training

    def start_of(self, restart: int) -> Network:
        """Return the network that a restart begins with."""
        network, settings = self._untrained, self.settings
        if self._has_start:
            return network
        weights = initial_weights(
            network.graph,
            settings.initialization,
            # A seed for every number, however many restarts there are going to be.
            np.random.default_rng(np.random.SeedSequence(self.entropy, spawn_key=(restart,))),
            spread=settings.spread,
            input_range=self._input_range(network.input_scaling),
        )
        # Constant targets: the model that says so has no weights.
        return network.with_weights(weights if network.target_scaling.factor.any() else np.zeros_like(weights))

    def _batch(self) -> list[BatchMember]:
        """The restarts as a batch: where it is faster, and a run cannot be told from one by itself; or none."""
        settings, data = self.settings, self._data
        if not isinstance(data, ArrayData) or not self._suits_a_batch():
            return []
        # Where they have no room together, one after the other may.
        with contextlib.suppress(ResourceError):
            return BatchTraining(
                self._untrained,
                [self.start_of(restart).weights for restart in range(settings.restarts)],
                data.inputs,
                data.targets,
                self.loss,
                penalty=WeightDecay(self._validated_decay if isinstance(settings.alpha, str) else settings.alpha),
                sample_weight=data.weight,
                parts=data.parts,
                rule=self.rule,
                limits=settings.limits,
                threads=settings.threads,
                max_memory=self._limit,
            ).runs()
        return []

    def _suits_a_batch(self) -> bool:
        settings, graph = self.settings, self._untrained.graph
        most = THREADED_WEIGHTS if settings.threads is None and usable_cpus() > 1 else BATCH_WEIGHTS
        return (
            settings.restarts >= BATCH_FROM
            and graph.n_weights <= most
            and is_compiled(graph, self.loss, self._data.weighs_outputs)
            and self.rule.is_plain
            and not self._is_decay_weighed()
            and settings.form in ("auto", "explicit")
            and settings.threads in (None, 1)
            # The limit is one restart's; a batch shares the clock.
            and math.isinf(settings.limits.max_seconds)
        )

    def _has_room_for_evidence(self) -> bool:
        """Whether the normal equations that the evidence is made of are there, or small beside what the rule needs."""
        graph = self._untrained.graph
        if self.rule.point_need is Derivatives.NORMAL or graph.n_weights <= EVIDENCE_WEIGHTS:
            return True
        return self._data.n_training * graph.n_outputs <= EVIDENCE_WEIGHTS

    def _has_few_residuals(self, graph: LayerGraph) -> bool:
        """Whether the evidence works in sample space, and there is room for that."""
        n_samples = self._data.n_training
        needed = sample_space_bytes(graph, n_samples, len(graph.layers) + 1)
        return n_samples * graph.n_outputs < graph.n_weights and self._limit.allows(needed)

    def _input_range(self, scaling: Scaling) -> Array:
        """Lowest and highest scaled value of every input that trains."""
        if scaling.kind == "minmax":
            edge = np.where(scaling.factor == 0, 0.0, 1.0)
            return np.stack([-edge, edge], axis=1)
        return np.ascontiguousarray(scaling.apply(self._data.input_ends()).T)


def require_classes(codes: AnyArray, classes: Sequence[Any]) -> None:
    """Refuse a training part that has no row of some class."""
    trained = set(np.unique(codes).tolist())
    absent = [label for code, label in enumerate(classes) if code not in trained]
    if absent:
        named = ", ".join(map(repr, absent[:5])) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
        raise DataError(
            f"No row that trains has the class {named}, so it cannot be learned. Give rows of it, or divide them so "
            f"that one trains."
        )


def _require_weight(weight: Array) -> None:
    """Refuse weights of the training part that leave nothing to train on, or an output without a target."""
    if not weight.any():
        raise DataError("All sample weights are zero: there is nothing to train on.")
    if weight.ndim == 2 and not weight.any(axis=0).all():
        raise DataError(
            f"No target of output {int(np.flatnonzero(~weight.any(axis=0))[0])} that trains has a weight, so it cannot "
            f"be learned. Give one a weight, or leave the output out."
        )


def _columns(targets: ArrayLike) -> Array:
    array = as_array(targets, "targets")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] == 0:
        raise ShapeError(f"targets must be of shape (n_samples,) or (n_samples, n_outputs), got {array.shape}.")
    return array


def _one_hot(codes: ArrayLike, n_classes: int) -> Array:
    """Class numbers as targets: one column of 0 and 1 for two classes, one column a class for more."""
    array = np.asarray(unmasked(codes))
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise DataError(
            f"The class number is missing in row {int(np.flatnonzero(np.isnan(array))[0])}. Leave the row out."
        )
    if n_classes < 2:
        raise DataError(f"Classification needs at least two classes, got {n_classes}.")
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ShapeError(f"Class numbers must be integers of shape (n_samples,), got {array.dtype} {array.shape}.")
    wrong = array[(array < 0) | (array >= n_classes)]
    if len(wrong):
        raise DataError(f"Class numbers must be from 0 to {n_classes - 1}, got {wrong[0]}.")
    if n_classes == 2:
        return array.astype(np.float64)[:, None]
    hot: Array = np.eye(n_classes)[array]
    return hot
