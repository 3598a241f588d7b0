"""What a training with a robust loss takes from its residuals: their scale, a mean without outliers, the noise.

Of every output k, with sample weights w:

    σ̂_k = 1.4826 · median_w |r_k|                                                                           (1)
    τ²  = Σ w Σ_k min(r_k², (3 σ̂_k)²) / (K Σ w)                                                             (2)
    2E  = N Σ w Σ_k ρ′(r_k)² / Σ w Σ_k ρ″(r_k),    N = K Σ w                                                (3)

(1) is the scale of the loss but for a factor (see `marquardt.losses.elementwise`). (2) is the τ-scale of Yohai and
Zamar (1988), as Maronna and Zamar (2002) take it: it tells which of two fits is closer to most of the targets, and a
target that is wrong by 50 counts as one that is wrong by a million. (3) stands for the sum of squares in the evidence:
with it 2E/(N − γ) · (JᵀΛJ)⁻¹ is the asymptotic covariance of an M-estimate (Huber 1964), E ρ′² / (E ρ″)² · (JᵀJ)⁻¹, as
it is with squares, where (3) is Σ w r².
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from marquardt.arrays import Array
from marquardt.losses import Loss
from marquardt.numerics import Sample

__all__ = ["Part", "misfit_of", "noise_of", "robust_mean_of", "spread_of_targets"]

Part = tuple[Array, Array, Array | None]
"""Outputs and targets, (n_outputs, n_samples), and sample weights."""

FAR = 3.0
"""Standard deviations beyond which a residual counts no more in (2)."""


def noise_of(parts: Iterable[Part], n_outputs: int) -> Array:
    """Return σ̂ of every output, eq. (1), of shape (n_outputs,)."""
    samples = [Sample() for _ in range(n_outputs)]
    for outputs, targets, weight in parts:
        for sample, residual in zip(samples, outputs - targets, strict=True):
            sample.add(residual, weight)
    return np.array([sample.deviation_about(0.0) for sample in samples])


def spread_of_targets(parts: Iterable[Part], n_outputs: int) -> Array:
    """Return σ̂ of every output's targets about their median, of shape (n_outputs,)."""
    samples: list[Sample] = []
    for _, targets, weight in parts:
        samples = samples or [Sample(float(np.median(row))) for row in targets]
        for sample, row in zip(samples, targets, strict=True):
            sample.add(row, weight)
    return np.array([sample.deviation_about(sample.median) for sample in samples])


def robust_mean_of(parts: Iterable[Part], noise: Array) -> float:
    """Return τ², eq. (2), of the noise that is given."""
    total = count = 0.0
    for outputs, targets, weight in parts:
        squares = np.minimum(np.abs(outputs - targets), FAR * noise[:, None]) ** 2
        total += float(squares.sum() if weight is None else (squares @ weight).sum())
        count += float(squares.size if weight is None else weight.sum() * len(squares))
    return total / count


def misfit_of(parts: Iterable[Part], loss: Loss) -> float:
    """Return E of eq. (3)."""
    slopes = curvatures = count = 0.0
    for outputs, targets, weight in parts:
        weights = np.ones(outputs.shape[1]) if weight is None else weight
        slopes += float((loss.slope(outputs, targets) ** 2 @ weights).sum())
        curvatures += float((loss.curvature(outputs, targets) @ weights).sum())
        count += float(weights.sum()) * len(outputs)
    return 0.5 * count * slopes / curvatures if curvatures > 0.0 else np.inf
