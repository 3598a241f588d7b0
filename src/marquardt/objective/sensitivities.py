"""Unit sensitivities Δ = R ∂outputs/∂net of one block, in the cheapest form that holds.

R is the factor of the loss curvature, RᵀR = w Λ with w the sample weight. A layer's Δ has the axes
(k, h, sample): row of R, unit, sample. Three forms:

- *factored*, Δ[k,h,s] = U[k,h] S[h,s]: for a linear output with constant Λ; there U is √Λ and S is √w, and in the
  layers that feed only the output U is a matrix of weights and S the slope. Also whenever there is one row, that
  is one output; then U is 1 and S is Δ itself. S may have a single row that stands for all units.
- *diagonal*, Δ[k,h,s] = (k = h) d[h,s]: an output layer with several outputs and Λ diagonal.
- *full*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from marquardt.arrays import Array
from marquardt.objective.passes import Pass, Wiring

__all__ = ["Diagonal", "Factored", "Form", "Full", "Sensitivity", "curvature_rows", "forms", "sensitivities"]


@dataclass(eq=False, slots=True)
class Factored:
    """Δ[k,h,s] = U[k,h] S[h,s]."""

    per_unit: Array | None  # (n_rows, size): U; None means one row of ones
    per_sample: Array  # (size or 1, n_samples)
    size: int  # Number of units
    is_plain: bool = False  # Whether S is 1 throughout

    def full(self) -> Array:
        """Return Δ with all three axes."""
        if self.per_unit is None:
            return self.per_sample[None]
        return self.per_unit[:, :, None] * self.per_sample[None]


@dataclass(eq=False, slots=True)
class Diagonal:
    """Δ[k,h,s] = (k = h) d[h,s]."""

    entries: Array  # (n_outputs, n_samples)

    def full(self) -> Array:
        """Return Δ with all three axes."""
        size, n_samples = self.entries.shape
        result = np.zeros((size, size, n_samples))
        result[np.arange(size), np.arange(size)] = self.entries
        return result


@dataclass(eq=False, slots=True)
class Full:
    """Δ with all three axes."""

    entries: Array  # (n_rows, size, n_samples)

    def full(self) -> Array:
        """Return Δ."""
        return self.entries


Sensitivity = Factored | Diagonal | Full


class Form(NamedTuple):
    """The form of a layer's Δ, known before any data are seen."""

    kind: type  # Factored, Diagonal or Full
    is_shared: bool = False  # Whether S has one row that stands for all units
    at_top: bool = False  # Whether U is made of the output layer's weights


def forms(wiring: Wiring, curvature_axes: int) -> list[Form]:
    """Say which form each layer's Δ takes."""
    last = len(wiring.spans) - 1
    one_row = wiring.graph.n_outputs == 1
    is_constant = curvature_axes == 1 and wiring.is_linear[last]
    is_diagonal = curvature_axes < 3 and (wiring.is_linear[last] or wiring.activations[last].elementwise)
    result = []
    for k, span in enumerate(wiring.spans):
        if is_constant and all(consumer == last for consumer, _, _ in wiring.consumers[k]):
            result.append(Form(Factored, is_shared=wiring.is_linear[k], at_top=True))
        elif one_row:
            result.append(Form(Factored, is_shared=span.layer.size == 1))
        else:
            result.append(Form(Diagonal if k == last and is_diagonal else Full))
    return result


def sensitivities(
    wiring: Wiring,
    layout: list[Form],
    done: Pass,
    slopes: list[Array | None],
    curvature: Array,
    sample_weight: Array | None,
) -> list[Sensitivity]:
    """Return every layer's Δ of one block."""
    root = None if sample_weight is None else np.sqrt(sample_weight)
    found: dict[int, Sensitivity] = {}
    if layout[-1].at_top:
        found = _at_top(wiring, layout, done, slopes, np.sqrt(curvature), root)
        if len(found) == len(layout):
            return [found[k] for k in range(len(layout))]
    at_output = _at_output(wiring, done, slopes, curvature, root)
    if layout[-1].kind is Diagonal:
        found[len(layout) - 1] = Diagonal(at_output.diagonal(axis1=0, axis2=1).T)
    deltas = wiring.backward(done, slopes, at_output)
    for k, (form, delta) in enumerate(zip(layout, deltas, strict=True)):
        if k not in found:
            found[k] = Factored(None, delta[0], wiring.spans[k].layer.size) if form.kind is Factored else Full(delta)
    return [found[k] for k in range(len(layout))]


def _at_top(
    wiring: Wiring,
    layout: list[Form],
    done: Pass,
    slopes: list[Array | None],
    scale: Array,
    root: Array | None,
) -> dict[int, Sensitivity]:
    """The layers whose U is made of weights: a linear output with constant Λ, and those that feed only it."""
    last = len(layout) - 1
    shared = wiring.ones(done.outputs.shape[1]) if root is None else root[None]
    top = scale[None] if len(scale) == 1 else np.diag(scale)
    found: dict[int, Sensitivity] = {last: Factored(top, shared, len(scale), is_plain=root is None)}
    for k, form in enumerate(layout[:last]):
        if not form.at_top:
            continue
        ((_, first, stop),) = wiring.consumers[k]
        per_unit = scale[:, None] * done.matrices[last][:, first:stop]
        slope = slopes[k]
        if slope is None:
            found[k] = Factored(per_unit, shared, stop - first, is_plain=root is None)
        else:
            found[k] = Factored(per_unit, slope if root is None else slope * root, stop - first)
    return found


def _at_output(wiring: Wiring, done: Pass, slopes: list[Array | None], curvature: Array, root: Array | None) -> Array:
    """Δ of the output layer with all three axes: R, with the sample weights, taken back through its activation."""
    rows = curvature_rows(curvature, *done.outputs.shape)
    if root is not None:
        rows = rows * root
    return wiring.through_output(done, slopes, rows)


def curvature_rows(curvature: Array, n_outputs: int, n_samples: int) -> Array:
    """Return the factor R of the loss curvature, written out from any of its three forms."""
    if curvature.ndim == 3:
        return curvature
    entries = np.sqrt(curvature if curvature.ndim == 2 else curvature[:, None])
    return Diagonal(np.broadcast_to(entries, (n_outputs, n_samples))).full()
