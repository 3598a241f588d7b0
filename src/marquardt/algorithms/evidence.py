"""The evidence for a weight decay: how probable it makes the data.

MacKay (1992), "A practical Bayesian framework for backpropagation networks", with the Gauss–Newton matrix as
Hessian as in Foresee and Hagan (1997). The loss is E = E_D + Σ_l λ_l ½|w_l|² over groups l of weights, λ_l = α_l s²
with s² = 1/β the variance of the noise in scaled units (1 for a cross-entropy, whose value is a log-likelihood
already: Laplace's approximation needs nothing else). With H = JᵀΛJ + diag(λ), K weights and N residuals,

    γ_l = k_l − λ_l Σ_{i∈l} (H⁻¹)_ii         weights of group l that the data determine                     (1)
    s²  = 2 E_D / (N − γ),                    γ = K − Σ_l λ_l Σ_{i∈l} (H⁻¹)_ii                               (2)
    α_l = γ_l / |w_l|²                                                                                      (3)
    ln p = −E/s² − ½ ln det(H/s²) + Σ_l ½ k_l ln α_l − ½ N ln 2πs²     (the last term for residuals only)    (4)

Departures from the papers: 1. N − γ is at least N/10, as fewer residuals left than that mean interpolation, about
whose noise nothing is known. 2. α is held within bounds. 3. Weights that no group holds may have a broad prior in (1)
and (4), where H would be singular without. 4. For the robust losses (2) and (4) read E_D as if it were half a sum of
squares: the decay they lead to is useful, ln p is not a likelihood. Where the scale of such a loss was taken from the
residuals, E_D is that of `marquardt.objective.robust`, which no single target decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marquardt.arrays import Indices
from marquardt.numerics import inverse_diagonal
from marquardt.objective import Evaluation, Facts

__all__ = ["Evidence", "weigh"]

ALPHA_RANGE = (1e-3, 1e8)
"""Bounds of α: weights of 30 and of 0.0001 in the root mean square."""

LIKELIHOOD_ALPHA_RANGE = (0.1, 1e8)
"""The same for a cross-entropy: separable classes would let the weights grow, and with them the certainty."""

BROAD_ALPHA = 0.01
"""α of the broad prior: such weights are of the order of 10 at most."""

NO_WEIGHTS = np.empty(0, dtype=np.intp)


class Evidence(NamedTuple):
    """What a point says about the weight decay it was trained with.

    Parameters
    ----------
    logarithm : float
        ln p(data | λ), eq. (4); only differences mean anything. NaN where a λ is 0.
    parameters : float
        γ, the effective number of weights and biases.
    noise : float
        s², the variance of the noise in scaled units.
    decay : tuple of float
        λ a group, for the next steps, in parts of the objective's unit.
    """

    logarithm: float
    parameters: float
    noise: float
    decay: tuple[float, ...]


def weigh(
    here: Evaluation,
    facts: Facts,
    decay: Sequence[float],
    groups: Sequence[Indices],
    broad: Indices = NO_WEIGHTS,
) -> Evidence | None:
    """Evaluate eqs. (1) to (4).

    Parameters
    ----------
    here : Evaluation
        A point with its normal matrix and its loss, both with the decay.
    facts : Facts
        Of the objective.
    decay : sequence of float
        λ a group.
    groups : sequence of ndarray of int
        The weights of each group.
    broad : ndarray of int
        Weights with the broad prior.

    Returns
    -------
    Evidence or None
        None where nothing can be said: the data are fitted exactly, or the normal matrix is numerically singular.

    Examples
    --------
    >>> facts = Facts(n_weights=1, n_outputs=1, n_samples=5, n_residuals=5.0)
    >>> here = Evaluation(np.ones(1), 2.5, np.array([2.0]), np.zeros(1), np.array([[5.0]]))
    >>> weigh(here, facts, [1.0], [np.array([0])]).parameters
    0.8
    """
    unit = facts.unit / facts.counted_weight
    misfit = float(here.sums.sum()) * unit
    if here.misfit is not None:
        robust = here.misfit()
        here, misfit = here._replace(loss=here.loss - float(here.sums.sum()) + robust), robust * unit
    if here.normal is None or not 0 < misfit < math.inf:
        return None
    if unit != 1.0:
        # In parts of the weight of one sample: γ compares with how many there are.
        here = here._replace(loss=here.loss * unit, normal=here.normal * unit)
        decay = [each * unit for each in decay]
    assert here.normal is not None
    n_weights, n_residuals = facts.n_weights, facts.n_residuals * facts.sample_unit / facts.counted_weight
    prior = np.zeros(n_weights)
    prior[broad] = BROAD_ALPHA * (1.0 if facts.is_likelihood else 2.0 * misfit / n_residuals)
    inverted = inverse_diagonal(here.normal, prior)
    if inverted is None:
        return None
    inverse, log_determinant = inverted
    squares = np.array([float(here.weights[rows] @ here.weights[rows]) for rows in groups])
    counts = np.array([len(rows) for rows in groups])
    free = np.array([d * inverse[rows].sum() for d, rows in zip(decay, groups, strict=True)])
    determined = np.clip(counts - free, 0.0, counts)  # eq. (1)
    parameters = float(np.clip(n_weights - free.sum() - prior @ inverse, 0, n_weights))
    left = max(n_residuals - parameters, 0.1 * n_residuals)
    noise = 1.0 if facts.is_likelihood else 2.0 * misfit / left  # eq. (2)
    bounds = LIKELIHOOD_ALPHA_RANGE if facts.is_likelihood else ALPHA_RANGE
    alpha = np.clip(determined / np.maximum(squares, 1e-300), *bounds)  # eq. (3)
    given = np.asarray(decay)
    logarithm = (
        math.nan
        if not given.all()
        else -here.loss / noise
        - 0.5 * (log_determinant - n_weights * math.log(noise))
        + 0.5 * float(counts @ np.log(given / noise))
        + 0.5 * len(broad) * math.log(BROAD_ALPHA)
        - (0.0 if facts.is_likelihood else 0.5 * n_residuals * math.log(2 * math.pi * noise))
    )  # eq. (4)
    return Evidence(logarithm, parameters, noise, tuple((alpha * noise / unit).tolist()))
