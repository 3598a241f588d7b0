"""How much of each model goes into a mean of them: the shares that are best on rows which did not train it.

Let f_k be the net outputs of model k on rows that its training did not see. The shares minimize

    Σ_samples w_s ρ(Σ_k v_k f_k, t),    v_k ≥ 0,  Σ_k v_k ≤ 1.                                               (1)

What the shares lack to one goes to the model that is 0 everywhere: in standardized targets their mean. Shares that may
not be negative need no further penalty, however much alike the models are: of models that agree they take the ones
that correct each other, and leave out the others.

Breiman, L. (1996): Stacked regressions. Machine Learning 24, 49–64.

Departures from the paper: 1. Any convex loss, in place of squares. 2. A model that knows nothing is always among them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marquardt.arrays import Array
from marquardt.losses import Loss

__all__ = ["stacking_shares"]

PRECISION = 1e-10
"""Of the mean loss at the shares, relative to that of the model that is 0."""
LEAST_SHARE = 1e-3
"""Smaller shares are none: a network would be larger by units that change nothing."""


def stacking_shares(outputs: Sequence[Array], targets: Array, loss: Loss, weight: Array | float = 1.0) -> Array:
    """Return the shares of eq. (1).

    Parameters
    ----------
    outputs : sequence of ndarray of shape (n_outputs, n_samples)
        Of each model, as the loss takes them, on rows that did not train it.
    targets : ndarray of shape (n_outputs, n_samples)
        In the same units.
    loss : Loss
        Convex, its scale given.
    weight : ndarray of shape (n_samples,) or (n_outputs, n_samples), optional
        Of each row, or of each target.

    Returns
    -------
    ndarray of shape (n_models,)
        Not negative, with a sum of at most one.
    """
    from scipy.optimize import minimize

    models = np.array(outputs)
    nothing = float(np.sum(weight * loss.value(np.zeros_like(targets), targets)))
    unit = nothing if nothing > 0.0 else 1.0

    def criterion(shares: Array) -> tuple[float, Array]:
        mean = np.tensordot(shares, models, 1)
        slope = weight * loss.slope(mean, targets)
        return float(np.sum(weight * loss.value(mean, targets))) / unit, np.tensordot(models, slope, 2) / unit

    found = minimize(
        criterion,
        np.full(len(models), 1.0 / len(models)),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(models),
        constraints=[
            {"type": "ineq", "fun": lambda shares: 1.0 - shares.sum(), "jac": lambda shares: -np.ones(len(shares))}
        ],
        options={"ftol": PRECISION, "maxiter": 500},
    )
    shares: Array = np.clip(found.x, 0.0, 1.0)
    shares[shares < LEAST_SHARE] = 0.0
    shares /= max(1.0, shares.sum())
    return shares
