"""The evidence for a weight decay: how probable it makes the data.

MacKay (1992), "A practical Bayesian framework for backpropagation networks", with the Gauss–Newton matrix as
Hessian as in Foresee and Hagan (1997). The loss is E = E_D + Σ_l λ_l ½|w_l|² over groups l of weights, λ_l = α_l s²
with s² = 1/β the variance of the noise in scaled units (1 for a cross-entropy, whose value is a log-likelihood
already: Laplace's approximation needs nothing else). With A = JᵀΛJ, H = A + diag(λ), K weights and N residuals,

    γ_l = Σ_{i∈l} (H⁻¹A)_ii                  weights of group l that the data determine                     (1)
    s²  = 2 E_D / (N − γ),                    γ = Σ_l γ_l + the rank of A in the weights without a decay     (2)
    α_l = γ_l / |w_l|²                                                                                      (3)
    ln p = −E/s² − ½ ln det(H/s²) + Σ_l ½ k_l ln α_l − ½ N ln 2πs²     (the last term for residuals only)    (4)

Where the residuals are at least as many as the weights, let B be A in units of √λ, with the weights without a decay
eliminated (Schur's complement); where they are fewer, let it be J diag(1/λ) Jᵀ, with the columns of those weights
projected out. Either way its eigenvalues Λ, other than 0, are the same, and

    Σ_l γ_l = Σ Λ / (1 + Λ),                  ln det H = ln det A_free + Σ_l k_l ln λ_l + Σ ln (1 + Λ).      (5)

By weights γ_l is the sum of 1 − (I + B)⁻¹ over the diagonal of group l; by residuals it is tr(B_l (I + B)⁻¹), where B_l
is the group's part of B. A Cholesky factor of I + B says that, while its condition leaves digits; else the eigenvalues
are taken one by one, and those that are rounding are 0. So γ is never above the rank of J.

Departures from the papers: 1. N − γ is at least N/10, as fewer residuals left than that mean interpolation, about
whose noise nothing is known. 2. α is held within bounds. 3. Weights that no group holds may have a broad prior in (1)
and (4), where H would be singular without. 4. For the robust losses (2) and (4) read E_D as if it were half a sum of
squares: the decay they lead to is useful, ln p is not a likelihood. Where the scale of such a loss was taken from the
residuals, E_D is that of `marquardt.objective.robust`, which no single target decides. 5. What free weights move
nothing is left out of ln det H: a constant that all can be raised by, as under softmax, says nothing about the decay.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, eigh, svd

from marquardt.arrays import Array, Indices
from marquardt.numerics import inverted
from marquardt.objective import Evaluation, ProblemInfo, SampleSystem

__all__ = ["Evidence", "weigh"]

ALPHA_RANGE = (1e-3, 1e8)
"""Bounds of α: weights of 30 and of 0.0001 in the root mean square."""

LIKELIHOOD_ALPHA_RANGE = (0.1, 1e8)
"""The same for a cross-entropy: separable classes would let the weights grow, and with them the certainty."""

BROAD_ALPHA = 0.01
"""α of the broad prior: such weights are of the order of 10 at most."""

NO_WEIGHTS = np.empty(0, dtype=np.intp)
FREE = -1.0
"""The label of weights without a decay."""


class Evidence(NamedTuple):
    """What a point says about the weight decay it was trained with."""

    logarithm: float  # ln p(data | λ), eq. (4); only differences mean anything. NaN where a λ is 0
    parameters: float  # γ, the effective number of weights and biases
    noise: float  # s², the variance of the noise in scaled units
    decay: tuple[float, ...]  # λ a group, for the next steps, in parts of the objective's unit


def weigh(
    current: Evaluation,
    info: ProblemInfo,
    decay: Sequence[float],
    groups: Sequence[Indices],
    broad: Indices = NO_WEIGHTS,
) -> Evidence | None:
    """Evaluate eqs. (1) to (4)."""
    unit = info.unit / info.counted_weight
    misfit = float(current.sums.sum()) * unit
    if current.misfit is not None:
        robust = current.misfit()
        current, misfit = current._replace(loss=current.loss - float(current.sums.sum()) + robust), robust * unit
    is_sampled = isinstance(current.system, SampleSystem)
    if (current.normal is None and not is_sampled) or not 0 < misfit < math.inf:
        return None
    # In parts of the weight of one sample: γ compares with how many there are.
    n_weights, n_residuals = info.n_weights, info.n_residuals * info.sample_unit / info.counted_weight
    # s² if no weight were determined; the broad prior is in parts of it.
    coarse = 1.0 if info.is_likelihood else 2.0 * misfit / n_residuals
    labels = np.full(n_weights, FREE)
    labels[broad] = len(groups)
    for number, (each, rows) in enumerate(zip(decay, groups, strict=True)):
        if each > 0.0:
            labels[rows] = number
    strengths = np.array([*decay, BROAD_ALPHA * coarse / unit])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if isinstance(current.system, SampleSystem):
            found = _by_residuals(current.system, labels, strengths)
        else:
            assert current.normal is not None
            found = _by_weights(current.normal, labels, strengths)
    if found is None:
        return None
    squares = np.array([float(current.weights[rows] @ current.weights[rows]) for rows in groups])
    counts = np.array([len(rows) for rows in groups])
    determined = found.determined[: len(groups)]
    determined = np.clip(
        [  # eq. (1)
            part if each > 0.0 else found.free[rows].sum()
            for part, each, rows in zip(determined, decay, groups, strict=True)
        ],
        0.0,
        counts,
    )
    parameters = float(found.determined.sum()) + found.rank
    # To rounding it is so already.
    parameters = min(max(parameters, 0.0), n_weights, info.n_samples * info.n_outputs)
    left = max(n_residuals - parameters, 0.1 * n_residuals)
    noise = 1.0 if info.is_likelihood else 2.0 * misfit / left  # eq. (2)
    bounds = LIKELIHOOD_ALPHA_RANGE if info.is_likelihood else ALPHA_RANGE
    alpha = np.clip(determined / np.maximum(squares, 1e-300), *bounds)  # eq. (3)
    # Eq. (4) with eq. (5), where the logarithms of λ cancel.
    logarithm = (
        math.nan
        if not all(decay)
        else -current.loss * unit / noise
        - 0.5 * found.log_determinant
        - 0.5 * (found.log_free + found.rank * math.log(unit / noise))
        - 0.5 * len(broad) * math.log(coarse / noise)
        - (0.0 if info.is_likelihood else 0.5 * n_residuals * math.log(2 * math.pi * noise))
    )
    return Evidence(logarithm, parameters, noise, tuple((alpha * noise / unit).tolist()))


class _Found(NamedTuple):
    """γ a label, ln det(I + B), and of the weights without a decay: what each is determined by, rank, ln det A_free."""

    determined: Array
    log_determinant: float
    free: Array
    rank: int
    log_free: float


def _by_weights(normal: Array, labels: Array, strengths: Array) -> _Found | None:
    """Eq. (5) by a matrix of the weights; the broad prior is not in the normal matrix yet."""
    kept, free = np.flatnonzero(labels != FREE), np.flatnonzero(labels == FREE)
    held = labels[kept].astype(np.intp)
    root = np.sqrt(strengths[held])
    inner = normal[kept[:, None], kept]
    inner /= root
    inner /= root[:, None]
    inner.ravel()[:: len(inner) + 1] += held == len(strengths) - 1
    rounding = _rounding(inner)
    found = _decomposed(normal[free[:, None], free])
    if found is None:
        return None
    sizes, vectors = found
    vectors = vectors[:, sizes > 0.0]
    sizes = sizes[sizes > 0.0]
    if len(sizes):
        across = (vectors / np.sqrt(sizes)).T @ normal[free[:, None], kept] / root
        inner -= across.T @ across
        rounding *= math.sqrt(sizes.max() / sizes.min())
    shares = np.zeros(len(labels))
    shares[free] = (vectors * vectors).sum(axis=1)
    of_free = shares, len(sizes), float(np.log(sizes).sum())
    inverse = inverted(inner, rounding)
    if inverse is not None:
        return _Found(_sum_by(held, 1.0 - inverse[0].diagonal(), strengths), inverse[1], *of_free)
    inner.ravel()[:: len(inner) + 1] -= 1.0
    found = _decomposed(inner, rounding)
    if found is None:
        return None
    rates, vectors = found
    each = np.einsum("ij,ij,j->i", vectors, vectors, rates / (1.0 + rates))
    return _Found(_sum_by(held, each, strengths), float(np.log1p(rates).sum()), *of_free)


def _by_residuals(system: SampleSystem, labels: Array, strengths: Array) -> _Found | None:
    """Eq. (5) by a matrix of the residuals."""
    grams = system.grams(labels)
    n_residuals = system.n_residuals
    split = _split_free(system, len(labels), np.flatnonzero(labels == FREE), grams.pop(FREE, None))
    if split is None:
        return None
    basis, sizes, shares = split
    of_free = shares, len(sizes), 2.0 * float(np.log(sizes).sum())
    inner = np.zeros((n_residuals, n_residuals))
    condition = float(sizes[0] / sizes[-1]) if len(sizes) else 1.0
    rounding = 0.0
    for label in grams:
        gram = grams[label]
        gram /= strengths[int(label)]
        rounding += condition * _rounding(gram)
        gram -= basis @ (basis.T @ gram)
        gram -= (gram @ basis) @ basis.T
        inner += gram
    determined = np.zeros(len(strengths))
    inner.ravel()[:: n_residuals + 1] += 1.0
    inverse = inverted(inner, rounding)
    if inverse is not None:
        for label, gram in grams.items():
            determined[int(label)] = _inner_product(gram, inverse[0])
        return _Found(determined, inverse[1], *of_free)
    inner.ravel()[:: n_residuals + 1] -= 1.0
    found = _decomposed(inner, rounding)
    if found is None:
        return None
    rates, vectors = found
    # Every group's part of every eigenvalue; their sum is it, but for rounding.
    parts = np.zeros((len(strengths), n_residuals))
    for label, gram in grams.items():
        parts[int(label)] = np.maximum(np.einsum("ij,ij->j", gram @ vectors, vectors), 0.0)
    whole = parts.sum(axis=0)
    ratios = np.divide(rates / (1.0 + rates), whole, out=np.zeros(n_residuals), where=(rates > 0.0) & (whole > 0.0))
    return _Found(parts @ ratios, float(np.log1p(rates).sum()), *of_free)


def _split_free(
    system: SampleSystem, n_weights: int, free: Indices, gram: Array | None
) -> tuple[Array, Array, Array] | None:
    """What J of the weights without a decay spans, its singular values, and what each weight is determined by.

    Few columns are written out. Where they are more than the residuals, their J Jᵀ tells the same.
    """
    n_residuals = system.n_residuals
    shares = np.zeros(n_weights)
    if len(free) > n_residuals and gram is not None:
        found = _decomposed(gram)
        if found is None:
            return None
        squares, basis = found
        basis, sizes = basis[:, squares > 0.0], np.sqrt(squares[squares > 0.0])
        for direction, size in zip(basis.T, sizes, strict=True):
            shares[free] += (system.transposed_times(direction)[free] / size) ** 2
        return basis, sizes, shares
    columns = [system.times(np.where(np.arange(len(shares)) == place, 1.0, 0.0)) for place in free]
    moved = np.array(columns).T if columns else np.zeros((n_residuals, 0))
    if not np.isfinite(moved).all():
        return None
    basis, sizes, vectors = svd(moved, full_matrices=False, check_finite=False)
    is_found = sizes**2 > len(free) * np.finfo(float).eps * np.max(sizes**2, initial=0.0)
    shares[free] = (vectors[is_found] ** 2).sum(axis=0)
    return basis[:, is_found], sizes[is_found], shares


def _rounding(matrix: Array) -> float:
    """What the eigenvalues of a positive semidefinite matrix are uncertain by."""
    return len(matrix) * np.finfo(float).eps * float(np.trace(matrix))


def _decomposed(matrix: Array, rounding: float = 0.0) -> tuple[Array, Array] | None:
    """Eigenvalues and eigenvectors of a positive semidefinite matrix, which is written over; rounding counts as 0."""
    if len(matrix) == 0:
        return np.zeros(0), np.zeros((0, 0))
    if not math.isfinite(float(matrix.sum())):
        return None
    if len(matrix) == 1:
        return np.maximum(matrix[0] if matrix[0, 0] > rounding else np.zeros(1), 0.0), np.ones((1, 1))
    try:
        # The faster driver "evr" gives up on some matrices that are mostly rounding.
        sizes, vectors = eigh(matrix.T, overwrite_a=True, check_finite=False, driver="evd")
    except LinAlgError:
        return None
    sizes[sizes <= max(rounding, len(sizes) * np.finfo(float).eps * sizes[-1])] = 0.0
    return sizes, vectors


def _inner_product(matrix: Array, upper: Array) -> float:
    """The sum of the products of two symmetric matrices, of the second of which the upper triangle is there."""
    total = sum(float(matrix[row, row:] @ upper[row, row:]) for row in range(len(matrix)))
    return 2.0 * total - float(matrix.diagonal() @ upper.diagonal())


def _sum_by(labels: Indices, shares: Array, strengths: Array) -> Array:
    summed: Array = np.bincount(labels, np.clip(shares, 0.0, 1.0), minlength=len(strengths)).astype(np.float64)
    return summed
