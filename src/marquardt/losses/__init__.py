"""Losses: value, slope and curvature with respect to the outputs; penalties on the weights.

A loss is a frozen object with `name`, `metric` (what its mean is called), `link` (the output activation it is
fused with, or None) and three functions of (outputs, targets), arrays of shape (n_outputs, n_samples).
`curvature` returns Λ = ∂²loss/∂output² in the cheapest of three forms, told apart by the number of axes:
1: a constant diagonal (n_outputs,); 2: a diagonal a sample (n_outputs, n_samples); 3: a factor R with RᵀR = Λ,
(n_rows, n_outputs, n_samples).

A loss may also have `second`, which the exact Hessian needs: the true ∂²loss/∂output², of either sign. It takes the
first or second form, or is the symmetric matrix itself, (n_outputs, n_outputs, n_samples).
"""

from __future__ import annotations

from typing import Protocol

from marquardt.arrays import Array
from marquardt.checks import one_of, require_settings
from marquardt.losses.cross_entropy import LogisticCrossEntropy, SoftmaxCrossEntropy
from marquardt.losses.elementwise import Cauchy, Huber, Robust, SoftL1, Squares, takes_scale
from marquardt.losses.penalty import WeightDecay

__all__ = [
    "LOSSES",
    "ROBUST",
    "Cauchy",
    "Huber",
    "LogisticCrossEntropy",
    "Loss",
    "Robust",
    "SoftL1",
    "SoftmaxCrossEntropy",
    "Squares",
    "WeightDecay",
    "loss_named",
    "takes_scale",
]


class Loss(Protocol):
    """What the objective needs from a loss; see the module's docstring."""

    @property
    def name(self) -> str:
        """What options call it by."""

    @property
    def metric(self) -> str:
        """What its mean is called in records and tables."""

    @property
    def link(self) -> str | None:
        """The output activation it is fused with; None if it acts on the outputs themselves."""

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return each output's part of the loss, (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """

    def slope(self, outputs: Array, targets: Array) -> Array:
        """Return ∂loss/∂output, (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return Λ in one of the three forms of the module's docstring.

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """


LOSSES: dict[str, type] = {
    "squares": Squares,
    "logistic_cross_entropy": LogisticCrossEntropy,
    "softmax_cross_entropy": SoftmaxCrossEntropy,
    "huber": Huber,
    "cauchy": Cauchy,
    "soft_l1": SoftL1,
}
"""Every loss by its name."""

ROBUST = tuple(name for name, kind in LOSSES.items() if issubclass(kind, Robust))
"""The losses that have a scale."""


def loss_named(name: str, **settings: object) -> Loss:
    """Return a loss by its name."""
    kind = LOSSES[one_of(name, LOSSES, "loss")]
    require_settings(kind, settings, name)
    loss: Loss = kind(**settings)
    return loss
