"""What a fitting trains on: arrays, or anything that can do the same few things without being in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from marquardt.algorithms import StepRule
from marquardt.arrays import Array
from marquardt.losses import Loss, WeightDecay
from marquardt.networks import Network, Scaling
from marquardt.training.division import AnyParts, Parts
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

    def scaling(self, of: str, kind: str) -> Scaling:
        """Fit a scaling to the training part.

        Parameters
        ----------
        of : str
            ``"inputs"`` or ``"targets"``.
        kind : str
            One of `SCALINGS`.
        """

    def input_ends(self) -> Array:
        """Return the lowest and the highest value of every input of the training part, of shape (2, n_inputs)."""

    def training(
        self, network: Network, loss: Loss, penalty: WeightDecay, rule: StepRule, limits: Limits, **options: Any
    ) -> Training:
        """Return a run.

        Parameters
        ----------
        network : Network
            Its start.
        loss : Loss
            What is minimized.
        penalty : WeightDecay
            On the weights.
        rule : StepRule
            How.
        limits : Limits
            What ends it.
        **options
            As for `Objective`.
        """


@dataclass(frozen=True, eq=False)
class ArrayData:
    """Samples that are arrays.

    Parameters
    ----------
    inputs : ndarray of shape (n_samples, n_inputs)
        In the user's units.
    targets : ndarray of shape (n_samples, n_outputs)
        In the user's units.
    weight : ndarray of shape (n_samples,), optional
        Sample weights.
    parts : Parts, optional
        The division; all samples train when not given.
    """

    inputs: Array
    targets: Array
    weight: Array | None = None
    parts: Parts | None = None

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
        """Fit a scaling to the training part.

        Parameters
        ----------
        of : str
            ``"inputs"`` or ``"targets"``.
        kind : str
            One of `SCALINGS`.
        """
        rows = self._rows()
        columns = self.inputs if of == "inputs" else self.targets
        return Scaling.fit(kind, columns[rows], None if self.weight is None else self.weight[rows])

    def input_ends(self) -> Array:
        """Return the lowest and the highest value of every input that trains with a weight."""
        rows = self._rows()
        data = self.inputs[rows]
        if self.weight is not None:
            data = data[self.weight[rows] > 0]
        return np.stack([data.min(axis=0), data.max(axis=0)])

    def training(
        self, network: Network, loss: Loss, penalty: WeightDecay, rule: StepRule, limits: Limits, **options: Any
    ) -> Training:
        """Return a run.

        Parameters
        ----------
        network : Network
            Its start.
        loss : Loss
            What is minimized.
        penalty : WeightDecay
            On the weights.
        rule : StepRule
            How.
        limits : Limits
            What ends it.
        **options
            As for `Training`.
        """
        return Training(
            network,
            self.inputs,
            self.targets,
            loss,
            penalty=penalty,
            sample_weight=self.weight,
            parts=self.parts,
            rule=rule,
            limits=limits,
            **options,
        )

    def _rows(self) -> Any:
        return slice(None) if self.parts is None else self.parts.train
