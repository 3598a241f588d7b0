"""Cross-entropies, taken on the *net* of the output layer.

A cross-entropy and the activation it belongs to are derived together: of the pair only the differences
p − t remain, and nothing overflows. `link` names that activation; the network's output layer must have it.

    logistic   ρ = log(1 + e^net) − t net,      ρ′ = p − t,    ρ″ = p(1 − p)
    softmax    ρ = log Σ e^net_k − Σ t_k net_k,  ∇ = q − t,     Λ = diag(q) − q qᵀ = RᵀR,
               R = diag(√q) − √q qᵀ   (targets sum to 1)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marquardt.arrays import Array
from marquardt.networks import activation_named

__all__ = ["LogisticCrossEntropy", "SoftmaxCrossEntropy"]


@dataclass(frozen=True)
class LogisticCrossEntropy:
    """Cross-entropy of independent yes-or-no outputs, targets in [0, 1].

    Examples
    --------
    >>> LogisticCrossEntropy().value(np.array([[0.0]]), np.array([[1.0]])).round(4)
    array([[0.6931]])
    """

    name = "logistic_cross_entropy"
    metric = "cross_entropy"
    link = "logistic"

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return log(1 + e^net) − t net, of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs : ndarray of shape (n_outputs, n_samples)
            The net of the output layer.
        targets : ndarray of shape (n_outputs, n_samples)
            Between 0 and 1.
        """
        value: Array = np.logaddexp(0.0, outputs) - targets * outputs
        return value

    def slope(self, outputs: Array, targets: Array) -> Array:
        """Return p − t, of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs : ndarray of shape (n_outputs, n_samples)
            The net of the output layer.
        targets : ndarray of shape (n_outputs, n_samples)
            Between 0 and 1.
        """
        slope: Array = activation_named("logistic").value(outputs) - targets
        return slope

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return p(1 − p), of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            As for `value`.
        """
        logistic = activation_named("logistic")
        return logistic.slope(outputs, logistic.value(outputs))

    second = curvature  # exact as it is


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """Cross-entropy of one choice among the outputs; a sample's targets sum to 1.

    Examples
    --------
    >>> SoftmaxCrossEntropy().value(np.zeros((2, 1)), np.array([[1.0], [0.0]])).sum().round(4)
    np.float64(0.6931)
    """

    name = "softmax_cross_entropy"
    metric = "cross_entropy"
    link = "softmax"

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return t_k (log Σ e^net − net_k): the parts add up to the sample's loss.

        Parameters
        ----------
        outputs : ndarray of shape (n_outputs, n_samples)
            The net of the output layer.
        targets : ndarray of shape (n_outputs, n_samples)
            Every column sums to 1.

        Returns
        -------
        ndarray of shape (n_outputs, n_samples)
            Each output's part of the loss.
        """
        top = outputs.max(axis=0)
        total = top + np.log(np.exp(outputs - top).sum(axis=0))
        value: Array = targets * (total - outputs)
        return value

    def slope(self, outputs: Array, targets: Array) -> Array:
        """Return q − t, of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            As for `value`.
        """
        slope: Array = activation_named("softmax").value(outputs) - targets
        return slope

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return the factor R of Λ = RᵀR.

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            As for `value`.

        Returns
        -------
        ndarray of shape (n_outputs, n_outputs, n_samples)
            R[k, m] = √q_k ((k = m) − q_m), sample by sample.
        """
        q = activation_named("softmax").value(outputs)
        factor: Array = np.sqrt(q)[:, None, :] * (np.eye(len(q))[:, :, None] - q[None, :, :])
        return factor

    def second(self, outputs: Array, targets: Array) -> Array:
        """Return Λ = diag(q) − q qᵀ, of shape (n_outputs, n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            As for `value`.
        """
        q = activation_named("softmax").value(outputs)
        second: Array = q[:, None, :] * (np.eye(len(q))[:, :, None] - q[None, :, :])
        return second
