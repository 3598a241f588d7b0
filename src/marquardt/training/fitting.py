"""From arrays to a trained network: what the estimators and the command line share.

`Fitting` builds the network, scales, starts, trains it once or, with restarts, several times, and keeps the best. Many
restarts of a small network go on side by side (see `Lanes`), others in threads where there are `jobs` (see `Crew`);
they are still pulled one after the other.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
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
    activation_named,
    build,
    initial_weights,
)
from marquardt.numerics import usable_cpus
from marquardt.objective import (
    Facts,
    MemoryLimit,
    Need,
    estimated_costs,
    is_compiled,
    require_matrices,
    require_memory,
    sample_space_bytes,
)
from marquardt.training.attempts import Attempt, Spread, spread_of
from marquardt.training.crew import Crew, Kept, Run
from marquardt.training.data import ArrayData, TrainingData
from marquardt.training.division import Parts
from marquardt.training.evidence import EVIDENCE_MATRICES, EvidenceTraining, decay_of_any_kind
from marquardt.training.lanes import Lane, Lanes
from marquardt.training.record import Epoch, Record
from marquardt.training.settings import Settings
from marquardt.training.training import Training
from marquardt.wording import by_door

__all__ = ["Fitting", "require_classes"]

AnyRun = Training | EvidenceTraining | Lane

VALIDATED_DECAY = 1e-4
"""What the automatic weight decay is beside a validation part: enough to keep the weights finite."""

EVIDENCE_WEIGHTS = 1000
"""Weights up to which the evidence is weighed for algorithms that do not solve the normal equations themselves: a
matrix of 8 MB. Where they are more, so many residuals will do. Beyond, the automatic weight decay is
`VALIDATED_DECAY`."""

LANES_FROM, LANES_WEIGHTS, LANES_JACOBIAN = 20, 65, 20_000
"""Restarts from which, and weights and numbers of a Jacobian up to which restarts go on side by side. Measured with
early stopping: 20 restarts are 1.9 times faster for 13 weights and 60 samples, 1.3 for 65 and 300; 10 restarts of 21 to
65 weights are not, as lanes that have stopped leave few."""

COMPILED_LANES_FROM, THREADED_WEIGHTS = 10, 300
"""The same with the compiled kernel; and the weights up to which threads share its lanes, where there are several
processors. With early stopping 10 restarts took half the time for 31 weights and 200 samples; on one thread those of
121 weights on 442 samples, or 241 on 800, gained nothing (0.9 to 1.0): there it is the threads that pay."""

BESIDE_SECONDS = 7e-4
"""Estimated seconds of a pass from which restarts go on in threads: in shorter ones they wait for each other's lock.
Two at a time were 1.6 times as fast at 0.85 ms (121 weights, 2,000 samples, compiled), 1.7 to 1.9 above; 1.1 at 0.2,
and 0.7 at 0.05. Of rules without a matrix the gain is less, 0.9 at 0.5 ms and 1.2 at 1.9."""


class Fitting:
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
        self._seeds = np.random.SeedSequence(settings.seed).spawn(settings.restarts)
        self._untrained = self._build(graph) if start is None else start
        self._has_start = start is not None
        self._lanes: list[Lane] = []
        if self._has_start and settings.restarts > 1:
            raise ConfigurationError("Going on from a network and restarting exclude each other. Use restarts=1.")
        self._run = self._training(0)
        self._best: Kept | None = None
        self._crew: Crew | None = None
        self.restart = 0
        self.attempts: list[Attempt] = []
        self._is_cancelled = False

    @property
    def training(self) -> AnyRun:
        """The run that is going on, or the last one; with several at a time, the first."""
        return self._run

    def __getstate__(self) -> object:
        raise TypeError(
            "A Fitting cannot be pickled: it holds a run under way, with threads and compiled code. Its network and "
            "record can; an estimator that was fitted can, too."
        )

    @property
    def network(self) -> Network:
        """The best network of all restarts so far."""
        return self._best_run().network

    @property
    def record(self) -> Record:
        """The record of the restart that `network` is from."""
        return self._best_run().record

    @property
    def kept(self) -> int:
        """The number of the restart that `network` is from."""
        return self._best_run().number

    @property
    def n_ended(self) -> int:
        """Restarts that have ended, of several at a time whether they have been shown or not."""
        return len(self.attempts) if self._crew is None else self._crew.n_ended

    @property
    def spread(self) -> Spread:
        """How far apart the restarts came out, those that go on as they stand; one must have begun."""
        if isinstance(self._run, EvidenceTraining):
            criterion = "evidence"
        elif self.settings.takes_scale and not self.rule.weighs_decay:
            criterion = "robust"
        elif len(self.record.parts.validation):
            criterion = "validation"
        else:
            # Where the rule weighs the decay as it goes, losses of different decays are compared.
            criterion = "" if self.rule.weighs_decay else "loss"
        return spread_of(self.attempts_so_far(), self.kept, criterion)

    @property
    def seconds(self) -> float:
        """What the attempts took: their seconds, or those on the clock where several went on at a time."""
        if self._crew is not None:
            return self._crew.seconds
        return sum(attempt.seconds for attempt in self.attempts)

    @property
    def jobs(self) -> int:
        """How many restarts go on at a time, lanes aside."""
        return 1 if self._crew is None else self._crew.jobs

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

    def attempts_so_far(self) -> list[Attempt]:
        """Return the attempts, and those that go on as they stand.

        Returns
        -------
        list of Attempt
            None before the first epoch.
        """
        return [*self.attempts, *(_attempt(number, run) for number, run in self._open())]

    def stop_by_user(self) -> None:
        """Ask the run to end; also closes the record after an interrupt. Runs in threads end their epoch first."""
        self._is_cancelled = True
        if self._crew is None:
            self._run.stop_by_user()
        else:
            self._crew.stop()
        for number, run in self._open():
            self._finish(number, run)

    def __iter__(self) -> Iterator[Epoch]:
        """Train, all restarts one after the other.

        Where several go on at a time, the epochs of the first come as they are made, and those of the others, already
        made or not, when it is their turn. A stop by the user ends all of them, and all of them are among the attempts.

        Yields
        ------
        Epoch
            `restart` says of which.
        """
        jobs = 1 if self._is_cancelled else self._jobs()
        if jobs > 1:
            self._crew = Crew(self._run, self._training, self.settings.restarts, jobs)
            self._crew.begin()
        try:
            for restart in range(self.settings.restarts):
                if restart and self._crew is None:
                    self._run = self._training(restart)
                self.restart = restart
                yield from self._run if self._crew is None else self._crew.epochs(restart)
                if len(self.attempts) <= restart:
                    self._finish(*self._open()[0])
                if self._is_cancelled:
                    return
        finally:
            if self._crew is not None:
                self._crew.stop()

    def _jobs(self) -> int:
        """How many restarts go on at a time."""
        settings, run, data = self.settings, self._run, self._data
        # Files are read by one pass at a time, and lanes have threads of their own.
        if isinstance(run, Lane) or not isinstance(data, ArrayData):
            return 1
        if run.objective.plan.seconds < BESIDE_SECONDS:
            return 1
        # The scaled copy of the data is for all of them.
        copy = 8 * len(data.inputs) * (data.n_inputs + 1 + data.n_outputs)
        room = (self._limit.limit - copy) // max(1, run.memory - copy)
        return int(max(1, min(settings.jobs, settings.restarts, room)))

    def _best_run(self) -> Kept:
        """The best of what has ended and what goes on; of equals the one before."""
        best = self._best
        number, run = min(self._open(), key=lambda one: one[1].merit, default=(0, None))
        if run is None or (best is not None and best.merit <= run.merit):
            return Kept.of(0, self._run) if best is None else best
        return run if isinstance(run, Kept) else Kept.of(number, run)

    def _open(self) -> list[tuple[int, Run | Kept]]:
        """The runs that have begun and are not among the attempts yet, in their order."""
        begun: Iterable[tuple[int, Run | Kept]]
        if self._crew is not None:
            begun = self._crew.begun()
        else:
            begun = enumerate(self._lanes) if self._lanes else [(self.restart, self._run)]
        return [(number, run) for number, run in begun if number >= len(self.attempts) and run.record.epochs]

    def _finish(self, number: int, run: Run | Kept) -> None:
        """Note the attempt, and keep it if it is the best."""
        self.attempts.append(_attempt(number, run))
        if self._best is None or run.merit < self._best.merit:
            self._best = run if isinstance(run, Kept) else Kept.of(number, run)

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
        facts = Facts(
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
        choice = choose(facts, self._room(), self._is_decay_weighed())
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
        if not self.rule.systems:
            require_matrices(graph, self.rule.matrices, self._limit)
        elif self._is_decay_weighed() and not self._has_few_residuals(graph):
            require_matrices(graph, EVIDENCE_MATRICES, self._limit)
        input_scaling = self._data.scaling("inputs", settings.input_scaling)
        if self.task == "regression":
            target_scaling = self._data.scaling("targets", settings.scaling_of_targets())
        else:
            target_scaling = Scaling.none(graph.n_outputs)
        return Network(graph, np.zeros(graph.n_weights), input_scaling, target_scaling)

    def _training(self, restart: int) -> AnyRun:
        settings = self.settings
        if restart == 0 and self._is_side_by_side():
            # Where they have no room together, one after the other may.
            with contextlib.suppress(ResourceError):
                self._lanes = self._side_by_side()
        if self._lanes:
            return self._lanes[restart]
        network = self._untrained if self._has_start else self._untrained.with_weights(self._start(restart))

        def run(penalty: WeightDecay, limit: MemoryLimit = self._limit) -> Training:
            return self._data.training(
                network,
                self.loss,
                penalty,
                self.rule,
                settings.limits,
                form=settings.form,
                threads=settings.threads,
                max_memory=limit,
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
            training = weighed(run(decay, self._limit.without(training.memory_beside, "the evidence")))
        require_memory(
            network.graph,
            training.memory,
            "with a weight decay that its evidence chooses ",
            limit=self._limit,
            way_out=f"Give the decay yourself, such as {by_door('--alpha 0.01', 'alpha=0.01')}, or use fewer hidden "
            f"units.",
        )
        return training

    def _start(self, restart: int) -> Array:
        """The weights that a restart begins with."""
        network, settings = self._untrained, self.settings
        weights = initial_weights(
            network.graph,
            settings.initialization,
            np.random.default_rng(self._seeds[restart]),
            spread=settings.spread,
            input_range=self._input_range(network.input_scaling),
        )
        # Constant targets: the model that says so has no weights.
        return weights if network.target_scaling.factor.any() else np.zeros_like(weights)

    def _is_side_by_side(self) -> bool:
        """Whether the restarts go on together: where it is faster, and a run cannot be told from one by itself."""
        settings, graph = self.settings, self._untrained.graph
        return (
            isinstance(self._data, ArrayData)
            and self._pays_side_by_side(graph, self._data.n_training)
            and self.rule.is_plain
            # A run takes the scale from residuals of its own.
            and not settings.takes_scale
            and not self._is_decay_weighed()
            and settings.form in ("auto", "explicit")
            and settings.threads in (None, 1)
            # The limit is one restart's; lanes share the clock.
            and math.isinf(settings.limits.max_seconds)
            and activation_named(graph.output.activation).elementwise
        )

    def _pays_side_by_side(self, graph: LayerGraph, n_samples: int) -> bool:
        restarts = self.settings.restarts
        if is_compiled(graph, self.loss, self._data.weighs_outputs):
            most = THREADED_WEIGHTS if self.settings.threads is None and usable_cpus() > 1 else LANES_WEIGHTS
            return restarts >= COMPILED_LANES_FROM and graph.n_weights <= most
        numbers = graph.n_weights * graph.n_outputs * n_samples
        return restarts >= LANES_FROM and graph.n_weights <= LANES_WEIGHTS and numbers <= LANES_JACOBIAN

    def _side_by_side(self) -> list[Lane]:
        settings, data = self.settings, self._data
        assert isinstance(data, ArrayData)
        lanes = Lanes(
            self._untrained,
            [self._start(restart) for restart in range(settings.restarts)],
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
        )
        return lanes.runs()

    def _has_room_for_evidence(self) -> bool:
        """Whether the normal equations that the evidence is made of are there, or small beside what the rule needs."""
        graph = self._untrained.graph
        if self.rule.point_need is Need.NORMAL or graph.n_weights <= EVIDENCE_WEIGHTS:
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


def _attempt(number: int, run: Run | Kept) -> Attempt:
    record = run.record
    stop = "user" if record.stop is None else record.stop.code
    return Attempt(number, record.num_epochs, record.best_perf, record.best_vperf, stop, record.seconds, run.merit)


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
