"""Unit sensitivities Δ = R ∂outputs/∂net of one block, in the cheapest form that holds.

R is the factor of the loss curvature, RᵀR = w Λ with w the sample weight. A layer's Δ has the axes
(k, h, sample): row of R, unit, sample. Three forms:

- *factored*, Δ[k,h,s] = U[k,h] S[h,s]: whenever there is one row (one output; then U is 1 and S is Δ
  itself), and for a linear output with constant Λ: there and in the layers that feed only the output, U is a
  matrix of weights and S the slope. S may have a single row that stands for all units.
- *diagonal*, Δ[k,h,s] = (k = h) d[h,s]: an output layer with several outputs and Λ diagonal.
- *full*.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marquardt.arrays import Array
from marquardt.objective.passes import Pass, Wiring

__all__ = ["Diagonal", "Factored", "Full", "Sensitivity", "forms", "sensitivities"]


@dataclass(eq=False, slots=True)
class Factored:
    """Δ[k,h,s] = U[k,h] S[h,s].

    Parameters
    ----------
    per_unit : ndarray of shape (n_rows, size), optional
        U; None means one row of ones.
    per_sample : ndarray of shape (size or 1, n_samples)
        S.
    size : int
        Number of units.
    is_plain : bool
        Whether S is 1 throughout.
    """

    per_unit: Array | None
    per_sample: Array
    size: int
    is_plain: bool = False

    def full(self) -> Array:
        """Return Δ with all three axes."""
        if self.per_unit is None:
            return self.per_sample[None]
        return self.per_unit[:, :, None] * self.per_sample[None]


@dataclass(eq=False, slots=True)
class Diagonal:
    """Δ[k,h,s] = (k = h) d[h,s].

    Parameters
    ----------
    entries : ndarray of shape (n_outputs, n_samples)
        d.
    """

    entries: Array

    def full(self) -> Array:
        """Return Δ with all three axes."""
        size, n_samples = self.entries.shape
        result = np.zeros((size, size, n_samples))
        result[np.arange(size), np.arange(size)] = self.entries
        return result


@dataclass(eq=False, slots=True)
class Full:
    """Δ with all three axes.

    Parameters
    ----------
    entries : ndarray of shape (n_rows, size, n_samples)
        Δ.
    """

    entries: Array

    def full(self) -> Array:
        """Return Δ."""
        return self.entries


Sensitivity = Factored | Diagonal | Full


def forms(wiring: Wiring, curvature_axes: int) -> list[type]:
    """Say which form each layer's Δ takes, before any data are seen.

    Parameters
    ----------
    wiring : Wiring
        The network.
    curvature_axes : int
        Number of axes of the loss's curvature: 1, 2 or 3.

    Returns
    -------
    list of type
        Factored, Diagonal or Full for every layer.
    """
    last = len(wiring.spans) - 1
    one_row = wiring.graph.n_outputs == 1
    elementwise = wiring.is_linear[last] or wiring.activations[last].elementwise
    is_constant = curvature_axes == 1 and wiring.is_linear[last]
    result: list[type] = []
    for k in range(last + 1):
        feeds_output_only = all(consumer == last for consumer, _, _ in wiring.consumers[k])
        if one_row or (is_constant and feeds_output_only):
            result.append(Factored)
        elif k == last and elementwise and curvature_axes < 3:
            result.append(Diagonal)
        else:
            result.append(Full)
    return result


def sensitivities(
    wiring: Wiring,
    weights: Array,
    done: Pass,
    slopes: list[Array | None],
    curvature: Array,
    sample_weight: Array | None,
) -> list[Sensitivity]:
    """Return every layer's Δ of one block.

    Parameters
    ----------
    wiring : Wiring
        The network.
    weights : ndarray of shape (n_weights,)
        The point.
    done : Pass
        A forward pass.
    slopes : list
        From `Wiring.slopes`.
    curvature : ndarray
        From the loss, in one of its three forms.
    sample_weight : ndarray of shape (n_samples,), optional
        w.

    Returns
    -------
    list of Factored, Diagonal or Full
        As `forms` says.
    """
    spans = wiring.spans
    last = len(spans) - 1
    n_outputs, n_samples = done.outputs.shape
    root = None if sample_weight is None else np.sqrt(sample_weight)
    if n_outputs == 1:
        return _one_row(wiring, weights, done, slopes, curvature, root)
    kinds = forms(wiring, curvature.ndim)
    result: list[Sensitivity | None] = [None] * len(spans)
    if curvature.ndim == 1 and wiring.is_linear[last]:
        scale = np.sqrt(curvature)
        shared = np.ones((1, n_samples)) if root is None else root[None]
        result[last] = Factored(np.diag(scale), shared, n_outputs, is_plain=root is None)
        top = spans[last].matrix(weights)
        for k, kind in enumerate(kinds[:last]):
            if kind is Factored:
                ((_, first, stop),) = wiring.consumers[k]
                slope = slopes[k]
                if slope is None:
                    sample = shared
                else:
                    sample = slope if root is None else slope * root
                plain = slope is None and root is None
                result[k] = Factored(scale[:, None] * top[:, first:stop], sample, spans[k].layer.size, plain)
        if Full not in kinds:
            return [entry for entry in result if entry is not None]
        at_output = result[last].full()  # type: ignore[union-attr]
        if at_output.shape[2] != n_samples:  # pragma: no cover - shared rows are broadcast by full()
            raise AssertionError("a full sensitivity covers every sample")
    else:
        factor = curvature if curvature.ndim == 3 else np.sqrt(curvature).reshape(n_outputs, -1)
        if root is not None:
            factor = factor * root
        if kinds[last] is Diagonal:
            entries = wiring.through_output(done, slopes, np.broadcast_to(factor, (n_outputs, n_samples)))
            result[last] = Diagonal(entries)
            at_output = result[last].full()  # type: ignore[union-attr]
        else:
            if factor.ndim == 2:
                factor = Diagonal(np.broadcast_to(factor, (n_outputs, n_samples))).full()
            at_output = wiring.through_output(done, slopes, factor)
            result[last] = Full(at_output)
    deltas = wiring.backward(weights, slopes, at_output)
    return [Full(delta) if entry is None else entry for entry, delta in zip(result, deltas, strict=True)]


def _one_row(
    wiring: Wiring,
    weights: Array,
    done: Pass,
    slopes: list[Array | None],
    curvature: Array,
    root: Array | None,
) -> list[Sensitivity]:
    """One output: R is one number a sample, and every layer's Δ one row."""
    factor = np.abs(curvature[0]) if curvature.ndim == 3 else np.sqrt(curvature).reshape(1, -1)
    if root is not None:
        factor = factor * root
    rows = np.broadcast_to(factor, done.outputs.shape)
    at_output = wiring.through_output(done, slopes, rows)
    is_plain = wiring.is_linear[-1] and curvature.ndim == 1 and curvature[0] == 1.0 and root is None
    deltas = wiring.backward(weights, slopes, at_output)
    return [
        Factored(None, delta, span.layer.size, is_plain and k == len(deltas) - 1)
        for k, (delta, span) in enumerate(zip(deltas, wiring.spans, strict=True))
    ]
