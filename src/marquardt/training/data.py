"""What a fitting trains on: arrays, or anything that can do the same few things without being in memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from marquardt.algorithms import StepRule
from marquardt.arrays import AnyArray, Array, counted_weight_of, of_samples
from marquardt.losses import Loss, WeightDecay
from marquardt.networks import Network, Scaling
from marquardt.objective import ArraySource, SharedSource, require_width
from marquardt.training.division import AnyParts, Parts
from marquardt.training.objectives import Objectives
from marquardt.training.stops import Limits
from marquardt.training.training import Training

__all__ = ["ArrayData", "TrainingData"]


class TrainingData(Protocol):
    """Samples, divided."""

    @property
    def n_inputs(self) -> int:
        """Inputs of a sample."""

    @property
    def n_outputs(self) -> int:
        """Targets of a sample."""

    @property
    def n_training(self) -> int:
        """Samples that train."""

    @property
    def parts(self) -> AnyParts | None:
        """The division; None where all samples train."""

    @property
    def is_kept(self) -> bool:
        """Whether the samples stay in memory from pass to pass."""

    @property
    def counted_weight(self) -> float:
        """The weight that the evidence counts as one sample."""

    @property
    def weighs_outputs(self) -> bool:
        """Whether the outputs of a sample have weights of their own."""

    def scaling(self, of: str, kind: str) -> Scaling:
        """Fit a scaling to the training part."""

    def input_ends(self) -> Array:
        """Return the lowest and the highest value of every input of the training part, of shape (2, n_inputs)."""

    def training(
        self, network: Network, loss: Loss, penalty: WeightDecay, rule: StepRule, limits: Limits, **options: Any
    ) -> Training:
        """Return a run."""


@dataclass(frozen=True, eq=False)
class ArrayData:
    """Samples that are arrays."""

    inputs: Array  # (n_samples, n_inputs): in the user's units
    targets: Array  # (n_samples, n_outputs): in the user's units
    weight: AnyArray | None = None  # (n_samples,): sample weights; integers count copies
    parts: Parts | None = None  # The division; all samples train when not given
    # The weight that the evidence counts as one sample; by the type of the weights when it is 0
    counted_weight: float = 0.0
    _sources: dict[int, SharedSource] = field(default_factory=dict, init=False, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.counted_weight == 0.0:
            object.__setattr__(self, "counted_weight", counted_weight_of(self.weight))

    @property
    def is_kept(self) -> bool:
        """Whether the samples stay in memory from pass to pass: they do."""
        return True

    @property
    def weighs_outputs(self) -> bool:
        """Whether the outputs of a sample have weights of their own."""
        return self.weight is not None and self.weight.ndim == 2

    @property
    def n_inputs(self) -> int:
        """Inputs of a sample."""
        return int(self.inputs.shape[1])

    @property
    def n_outputs(self) -> int:
        """Targets of a sample."""
        return int(self.targets.shape[1])

    @property
    def n_training(self) -> int:
        """Samples that train."""
        return len(self.inputs) if self.parts is None else len(self.parts.train)

    def scaling(self, of: str, kind: str) -> Scaling:
        """Fit a scaling to the training part."""
        rows = self._rows()
        if of == "inputs":
            return Scaling.fit(kind, self.inputs[rows], None if self.weight is None else of_samples(self.weight[rows]))
        return Scaling.fit(kind, self.targets[rows], None if self.weight is None else self.weight[rows])

    def input_ends(self) -> Array:
        """Return the lowest and the highest value of every input that trains with a weight."""
        rows = self._rows()
        data = self.inputs[rows]
        if self.weight is not None:
            data = data[of_samples(self.weight[rows]) > 0]
        return np.stack([data.min(axis=0), data.max(axis=0)])

    def training(
        self, network: Network, loss: Loss, penalty: WeightDecay, rule: StepRule, limits: Limits, **options: Any
    ) -> Training:
        """Return a run."""
        require_width(self.inputs, network.graph.n_inputs, "inputs")
        require_width(self.targets, network.graph.n_outputs, "targets")
        sources = [self._source(part) for part in range(3)]
        objectives = Objectives.of(network, sources, loss, penalty, rule, **options)
        trained, validation, test = objectives
        return Training.of(
            network, trained, validation=validation, test=test, parts=self.parts, rule=rule, limits=limits
        )

    def _source(self, part: int) -> SharedSource | None:
        """One part, whose scaled copy all runs share."""
        parts = self.parts
        rows = None if parts is None else (parts.train, parts.validation, parts.test)[part]
        if part and (rows is None or len(rows) == 0):
            return None
        with self._lock:
            if part not in self._sources:
                source = ArraySource(self.inputs, self.targets, self.weight, rows, self.counted_weight)
                self._sources[part] = SharedSource(source)
            return self._sources[part]

    def _rows(self) -> Any:
        return slice(None) if self.parts is None else self.parts.train
