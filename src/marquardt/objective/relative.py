"""Loss and penalty as an objective takes them: checked against the network, and relative to the weights' means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from marquardt.arrays import Array
from marquardt.errors import ConfigurationError, DataError
from marquardt.losses import Loss, Robust, Squares, WeightDecay
from marquardt.networks import LayerGraph, Scaling

__all__ = ["Relative", "check_loss", "check_probabilities", "check_weights_of_outputs", "in_parts_of"]


class Relative(NamedTuple):
    """A loss and a penalty, in parts of the mean weights of samples and outputs."""

    loss: Loss
    penalty: WeightDecay | None
    sample_unit: float = 1.0
    unit: float = 1.0

    @classmethod
    def of(cls, loss: Loss, penalty: WeightDecay | None, sample_unit: float | None) -> Relative:
        """Take weights relative to their mean, those of the outputs too; None leaves all as they are."""
        if sample_unit is None:
            return cls(loss, penalty)
        unit = sample_unit
        if type(loss) is Squares and loss.output_weights is not None:
            weights = np.array(loss.output_weights)
            output_unit = float(weights.mean())
            loss = Squares(tuple((weights / output_unit).tolist()))
            unit *= output_unit
        return cls(loss, in_parts_of(unit, penalty), sample_unit, unit)


def in_parts_of(unit: float, penalty: WeightDecay | None) -> WeightDecay | None:
    """Return a penalty in parts of a unit."""
    if penalty is None or unit == 1.0:
        return penalty
    alpha = penalty.alpha
    parts = tuple(each / unit for each in alpha) if isinstance(alpha, tuple) else alpha / unit
    return replace(penalty, alpha=parts)


def check_loss(graph: LayerGraph, loss: Loss) -> None:
    """Refuse a loss that does not go with the outputs."""
    link, activation = loss.link, graph.output.activation
    if link is not None and activation != link:
        raise ConfigurationError(
            f"The loss {loss.name} belongs to a {link} output layer, got {activation!r}. "
            f"Build the network with output_activation={link!r}, or use the loss 'squares'."
        )
    weights = getattr(loss, "output_weights", None)
    if weights is not None and len(weights) != graph.n_outputs:
        raise ConfigurationError(f"output_weights has {len(weights)} values, the network {graph.n_outputs} outputs.")
    scale = loss.scale if isinstance(loss, Robust) else None
    if isinstance(scale, tuple) and len(scale) != graph.n_outputs:
        raise ConfigurationError(
            f"The scale of the loss has {len(scale)} values, the network {graph.n_outputs} outputs."
        )


def check_probabilities(loss: Loss, target_scaling: Scaling, tables: Iterable[Array]) -> None:
    """Refuse targets, outputs × samples, that are no probabilities under a cross-entropy."""
    if target_scaling.offset.any() or (target_scaling.factor != 1.0).any():
        raise ConfigurationError(f"The loss {loss.name} takes targets as they are: use no target scaling.")
    for targets in tables:
        wrong = targets[(targets < 0.0) | (targets > 1.0)]
        if len(wrong):
            raise DataError(f"The loss {loss.name} takes targets from 0 to 1, got {wrong[0]}.")
        totals = targets.sum(axis=0)
        if loss.link == "softmax" and (np.abs(totals - 1.0) > 1e-9).any():
            raise DataError(
                f"The loss {loss.name} takes targets that add up to 1 in every row, got a row that adds up "
                f"to {totals[np.argmax(np.abs(totals - 1.0))]}."
            )


def check_weights_of_outputs(loss: Loss) -> None:
    """Refuse weights an output where the loss of a sample is of all its outputs together."""
    if loss.link == "softmax":
        raise ConfigurationError(
            f"The loss {loss.name} is of all outputs of a sample together, and takes one weight a sample: "
            f"sample_weight of shape (n_samples,)."
        )
