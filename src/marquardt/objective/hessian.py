"""The exact Hessian by pair products: second derivatives by units, then one matrix multiplication a pair of layers.

Let u be numbers added to the nets, all weights fixed. For one sample, to second order in changes dW of the weights,
the nets of a layer receive u = dW (z + ∂z/∂u u), so that

    H[(k,h,i), (ℓ,h′,j)] = Σ_samples  B[h,h′] z_k[i] z_ℓ[j] + δ_k[h] (∂z_k[i]/∂u_ℓ[h′]) z_ℓ[j],   k ≥ ℓ        (1)

where B = ∂²loss/∂u_k∂u_ℓ, and the second term is there only for a layer k above ℓ. Compare eq. (1) of `pairs`: C has
become B, which needs not be positive semidefinite. B and ∂z/∂u come from the rates of `second_order` along the units
of a layer instead of along its weights: as many directions as there are units.

    R{net_ℓ} = 1,   R{a} = f′ R{net},   R{net_k} = W_k R{z_k}   for k above ℓ,                                 (2)
    R{ε} = Σ_c W_cᵀ R{δ_c},   B = R{δ} = f′ R{ε} + f″ ε R{net}   down to ℓ                                     (3)

Where layer ℓ itself is a source of k, its part of ∂z_k/∂u_ℓ is diagonal, and the second term of (1) needs no pairs.
"""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array
from marquardt.numerics import Rows, add_pair_products
from marquardt.objective.forms.pairs import _pair_table
from marquardt.objective.passes import Wiring
from marquardt.objective.second_order import Curved, applied, output_rates, total_of

__all__ = ["HessianSums"]


class HessianSums:
    """The Hessian as sums over samples, block by block."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        spans = wiring.spans
        self._tables = [_pair_table(span.fan_in) for span in spans]
        self._within = [
            np.zeros((span.fan_in * (span.fan_in + 1) // 2, span.layer.size * (span.layer.size + 1) // 2))
            for span in spans
        ]
        self._between: dict[tuple[int, int], Array] = {}
        self._crossed: dict[tuple[int, int, int], Array] = {}
        reach = _reach(wiring)
        for k, above in enumerate(spans):
            for low, below in enumerate(spans[:k]):
                size = above.layer.size
                self._between[k, low] = np.zeros((above.fan_in * below.fan_in, size * below.layer.size))
                for source in wiring.sources[k]:
                    if source in reach[low]:
                        units = 1 if source == low else spans[source].layer.size
                        self._crossed[k, low, source] = np.zeros((size * below.fan_in, units * below.layer.size))

    def add(self, curved: Curved) -> None:
        """Fold one block in."""
        stacked = curved.done.stacked
        for low in range(len(self._wiring.spans)):
            rates, bent = _along_units(self._wiring, curved, low)
            self._add_within(low, stacked[low], bent[low])
            for k in range(low + 1, len(stacked)):
                self._add_between(k, low, stacked[k], stacked[low], bent[k])
            for (k, layer, source), total in self._crossed.items():
                if layer != low:
                    continue
                delta, z = curved.deltas[k], stacked[low]
                if source != low:
                    columns = rates[source].reshape(-1, z.shape[1])
                else:
                    inner = curved.slopes[low]
                    columns = np.ones((total.shape[1], z.shape[1])) if inner is None else inner
                add_pair_products(total, Rows(delta, z), Rows(columns), _new)

    def write(self, hessian: Array) -> None:
        """Spread the sums over the Hessian."""
        weight_map = self._wiring.weight_map
        if weight_map is None:
            self._write(hessian)
            return
        everything = np.empty((weight_map.n_connections,) * 2)
        self._write(everything)
        hessian[:] = weight_map.contract_matrix(everything)

    def _write(self, hessian: Array) -> None:
        """All connections, fixed and shared ones, too."""
        spans = self._wiring.spans
        for span, table, total in zip(spans, self._tables, self._within, strict=True):
            size, fan_in = span.layer.size, span.fan_in
            by_unit = total.T
            columns = slice(span.start, span.stop)
            for h, row in enumerate(_pair_table(size)):
                rows = slice(span.start + h * fan_in, span.start + (h + 1) * fan_in)
                part = by_unit[row][:, table]  # axes (h′, i, j), a unit at a time to save memory
                hessian[rows, columns] = part.transpose(1, 0, 2).reshape(fan_in, size * fan_in)
        for (k, low), total in self._between.items():
            above, below = spans[k], spans[low]
            sizes = above.layer.size, below.layer.size
            block = total.reshape(above.fan_in, below.fan_in, *sizes).transpose(2, 0, 3, 1).copy()  # (h, i, h′, j)
            for source, (_, first, stop) in zip(self._wiring.sources[k], above.columns, strict=True):
                crossed = self._crossed.get((k, low, source))
                if crossed is None:
                    continue
                if source == low:
                    units = np.arange(sizes[1])
                    block[:, first + units, units, :] += crossed.reshape(sizes[0], below.fan_in, sizes[1]).transpose(
                        0, 2, 1
                    )
                else:
                    part = crossed.reshape(sizes[0], below.fan_in, stop - first, sizes[1])
                    block[:, first:stop] += part.transpose(0, 2, 3, 1)
            flat = block.reshape(above.stop - above.start, below.stop - below.start)
            rows, columns = slice(above.start, above.stop), slice(below.start, below.stop)
            hessian[rows, columns] = flat
            hessian[columns, rows] = flat.T

    def _add_within(self, k: int, z: Array, bent: Array) -> None:
        """The pairs of a layer with itself: only h <= h′ and i <= j."""
        size, n_samples = len(bent), z.shape[1]
        units = np.empty((size * (size + 1) // 2, n_samples))
        row = 0
        for h in range(size):
            units[row : row + size - h] = bent[h, h:]
            row += size - h
        add_pair_products(self._within[k], Rows(z, is_within=True), Rows(units), _new)

    def _add_between(self, k: int, low: int, z_above: Array, z_below: Array, bent: Array) -> None:
        """The first term of eq. (1) between two layers."""
        units = Rows(bent.reshape(-1, z_below.shape[1]))
        add_pair_products(self._between[k, low], Rows(z_above, z_below), units, _new)


def _new(name: object, rows: int, columns: int) -> Array:
    """An array for pairs, which are there one part after the other."""
    return np.empty((rows, columns))


def _reach(wiring: Wiring) -> list[set[int]]:
    """The layers whose values depend on each layer, itself included."""
    reach: list[set[int]] = []
    for low in range(len(wiring.spans)):
        found = {low}
        for k in range(low + 1, len(wiring.spans)):
            if found & set(wiring.sources[k]):
                found.add(k)
        reach.append(found)
    return reach


def _along_units(wiring: Wiring, curved: Curved, low: int) -> tuple[dict[int, Array], dict[int, Array]]:
    """R{a} of the layers above `low` that it reaches, and B of `low` and all layers above it, eqs. (2) and (3)."""
    last = len(wiring.spans) - 1
    size, n_samples = wiring.spans[low].layer.size, curved.done.outputs.shape[1]
    current = np.arange(size)
    if low == last:
        unit = np.zeros((size, size, n_samples))
        unit[current, current] = 1.0
        inner = curved.slopes[last]
        return {}, {last: output_rates(wiring, curved, unit, unit if inner is None else unit * inner[:, None])}
    net_rates, rates = _rates_above(wiring, curved, low)
    bent = {last: output_rates(wiring, curved, net_rates[last], rates[last])}
    for k in range(last - 1, low - 1, -1):
        consumers = wiring.consumers[k]
        rate = total_of([applied(curved.done.matrices[c][:, first:stop].T, bent[c]) for c, first, stop in consumers])
        inner, bend = curved.slopes[k], curved.bends[k]
        if inner is not None:
            rate *= inner[:, None]
        if bend is not None and k == low:
            rate[current, current] += bend
        elif bend is not None and k in net_rates:
            rate += bend[:, None] * net_rates[k]
        bent[k] = rate
    return rates, bent


def _rates_above(wiring: Wiring, curved: Curved, low: int) -> tuple[dict[int, Array], dict[int, Array]]:
    """R{net} and R{a} of the layers above `low` that it reaches, eq. (2)."""
    size, n_samples = wiring.spans[low].layer.size, curved.done.outputs.shape[1]
    inner = curved.slopes[low]
    ones = np.ones((size, n_samples)) if inner is None else inner
    net_rates: dict[int, Array] = {}
    rates: dict[int, Array] = {}
    for k in range(low + 1, len(wiring.spans)):
        parts = []
        for source, (_, first, stop) in zip(wiring.sources[k], wiring.spans[k].columns, strict=True):
            matrix = curved.done.matrices[k][:, first:stop]
            if source == low:
                parts.append(matrix[:, :, None] * ones)
            elif source in rates:
                parts.append(applied(matrix, rates[source]))
        if parts:
            net_rates[k] = total_of(parts)
            slope = curved.slopes[k]
            rates[k] = net_rates[k] if slope is None else net_rates[k] * slope[:, None]
    return net_rates, rates
