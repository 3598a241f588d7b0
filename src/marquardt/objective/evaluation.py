"""What travels between objective and algorithm: one frozen evaluation."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from marquardt.arrays import Array

__all__ = ["Evaluation", "Need"]


class Need(IntEnum):
    """How much an algorithm asks of a point. Each includes the ones before it."""

    VALUE = 0
    GRADIENT = 1
    NORMAL = 2


class Evaluation(NamedTuple):
    """The objective at one point, as far as it was asked for.

    Parameters
    ----------
    weights : ndarray of shape (n_weights,)
        The point.
    loss : float
        Data loss plus penalty, a sum over samples; +inf where anything overflowed.
    sums : ndarray of shape (n_outputs,)
        Each output's part of the data loss, without the penalty.
    gradient : ndarray of shape (n_weights,), optional
        ∂loss/∂weights.
    normal : ndarray of shape (n_weights, n_weights), optional
        JᵀΛJ plus the penalty's Hessian; symmetric, C-contiguous.
    """

    weights: Array
    loss: float
    sums: Array
    gradient: Array | None = None
    normal: Array | None = None

    @classmethod
    def overflow(cls, weights: Array) -> Evaluation:
        """Return the evaluation of a point that cannot be: loss +inf.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.

        Returns
        -------
        Evaluation
            Worse than any other, so that comparisons stay honest.
        """
        return cls(weights, np.inf, np.array([np.inf]))
