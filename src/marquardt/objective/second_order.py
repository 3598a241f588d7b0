"""The exact Hessian: its products with vectors, and the whole matrix.

The gradient is written once, as a forward and a backward pass, and then differentiated along a direction v by hand
(Pearlmutter 1994, "Fast exact multiplication by the Hessian"). Write R{x} for the rate at which x changes when the
weights move along v, whose part for a layer is V. With a = f(net), net = W z, and with ε = ∂loss/∂a and
δ = ∂loss/∂net = f′ ε of the backward pass, sources read upward and consumers c downward:

    R{net} = V z + W R{z},                         R{a} = f′ R{net}                                      (1)
    R{ε}   = Σ_c V_cᵀ δ_c + W_cᵀ R{δ_c},           R{δ} = f′ R{ε} + f″ ε R{net}                          (2)
    Hv     = R{δ} zᵀ + δ R{z}ᵀ,                    summed over samples                                    (3)

At the outputs R{ε} = Λ R{a}, with the true second derivative Λ of the loss, sample weights included. A softmax output
under a loss that is not fused with it has δ = q ∘ (ε − qᵀε), whose rate follows by the product rule.

All rates have the axes (unit, direction, sample), so that every product above is one matrix multiplication over all
directions of a chunk.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marquardt.arrays import Array
from marquardt.objective.passes import Pass, Wiring

__all__ = [
    "Curved",
    "applied",
    "curved_pass",
    "gradient_of",
    "hessian_times",
    "kept_numbers",
    "output_rates",
    "total_of",
]

CHUNK_BYTES = 4 << 20
"""What the rates of a chunk of directions may take."""


class Curved(NamedTuple):
    """A forward and a backward pass over one block, with all that their rates need."""

    done: Pass  # The forward pass
    slopes: list[Array | None]  # (size, n_samples): f′ of every layer, as of `Wiring.slopes`
    bends: list[Array | None]  # (size, n_samples): f″ ε of every layer; None where it is 0
    deltas: list[Array]  # (size, n_samples): δ of every layer
    at_output: Array  # (n_outputs, n_samples): ε of the output layer: ∂loss/∂output
    second: Array  # Λ in one of the three forms of `Loss.second`, sample weights included


def curved_pass(wiring: Wiring, done: Pass, slope: Array, second: Array, sample_weight: Array | None) -> Curved:
    """Go back through a block, and keep what the rates need."""
    if sample_weight is not None:
        slope = slope * sample_weight
        second = (second[:, None] if second.ndim == 1 else second) * sample_weight
    slopes = wiring.slopes(done)
    last = len(wiring.spans) - 1
    deltas: list[Array] = [slope] * (last + 1)
    bends: list[Array | None] = [None] * (last + 1)
    deltas[last] = wiring.through_output(done, slopes, slope)
    error = slope
    for k in range(last, -1, -1):
        inner = slopes[k]
        if k < last:
            error = total_of([done.matrices[c][:, first:stop].T @ deltas[c] for c, first, stop in wiring.consumers[k]])
            deltas[k] = error if inner is None else inner * error
        function = wiring.activations[k].second
        if inner is not None and function is not None:
            bends[k] = function(done.nets[k], done.values[k]) * error
    return Curved(done, slopes, bends, deltas, slope, second)


def gradient_of(wiring: Wiring, curved: Curved) -> Array:
    """Return ∂loss/∂weights of one block."""
    return wiring.gradient_of(curved.deltas, curved.done.stacked)


def hessian_times(wiring: Wiring, curved: Curved, vectors: Array) -> Array:
    """Multiply the Hessian of one block with vectors, eqs. (1) to (3)."""
    result = np.empty(vectors.shape)
    n_units = sum(span.layer.size for span in wiring.spans)
    step = max(1, CHUNK_BYTES // (8 * 3 * n_units * curved.done.outputs.shape[1]))  # R{net}, R{a} and R{δ}
    for first in range(0, vectors.shape[1], step):
        result[:, first : first + step] = _chunk_times(wiring, curved, vectors[:, first : first + step])
    return result


def kept_numbers(wiring: Wiring) -> int:
    """Return how many numbers a sample `Curved` holds."""
    units = sum(5 * span.layer.size + span.fan_in for span in wiring.spans)
    return units + wiring.graph.n_outputs**2


def _chunk_times(wiring: Wiring, curved: Curved, vectors: Array) -> Array:
    """The product with a few directions."""
    done = curved.done
    n_samples, n_directions = done.outputs.shape[1], vectors.shape[1]
    vectors = wiring.direction(vectors)
    # V with the axes (unit, direction, column).
    moves = [
        vectors[span.start : span.stop].reshape(span.layer.size, span.fan_in, n_directions).transpose(0, 2, 1)
        for span in wiring.spans
    ]
    net_rates: list[Array] = []
    rates: list[Array] = []
    for k, (span, move) in enumerate(zip(wiring.spans, moves, strict=True)):
        size = span.layer.size
        rate = _flat(move) @ done.stacked[k]
        rate = rate.reshape(size, n_directions, n_samples)
        for source, (_, first, stop) in zip(wiring.sources[k], span.columns, strict=True):
            if source >= 0:
                rate += applied(done.matrices[k][:, first:stop], rates[source])
        net_rates.append(rate)
        inner = curved.slopes[k]
        rates.append(rate if inner is None else rate * inner[:, None])
    delta_rates = _backward_rates(wiring, curved, net_rates, rates, moves)
    result = np.empty(vectors.shape)
    for k, span in enumerate(wiring.spans):
        size = span.layer.size
        part = (_flat(delta_rates[k]) @ done.stacked[k].T).reshape(size, n_directions, span.fan_in)
        for source, (_, first, stop) in zip(wiring.sources[k], span.columns, strict=True):
            if source >= 0:
                crossed = (_flat(rates[source]) @ curved.deltas[k].T).reshape(stop - first, n_directions, size)
                part[:, :, first:stop] += crossed.transpose(2, 1, 0)
        result[span.start : span.stop].reshape(size, span.fan_in, n_directions)[:] = part.transpose(0, 2, 1)
    return result if wiring.weight_map is None else wiring.weight_map.contract(result)


def output_rates(wiring: Wiring, curved: Curved, net_rate: Array, rate: Array) -> Array:
    """Return R{δ} of the output layer."""
    inner, bend = curved.slopes[-1], curved.bends[-1]
    if inner is None and not wiring.is_linear[-1]:
        return _softmax_rates(curved, net_rate)
    result = _bent(curved.second, rate)
    if inner is not None:
        result = result * inner[:, None]
    if bend is not None:
        result = result + bend[:, None] * net_rate
    return result


def _backward_rates(
    wiring: Wiring, curved: Curved, net_rates: list[Array], rates: list[Array], moves: list[Array]
) -> list[Array]:
    """R{δ} of every layer, eq. (2)."""
    last = len(wiring.spans) - 1
    delta_rates: list[Array] = [rates[last]] * (last + 1)
    for k in range(last, -1, -1):
        if k == last:
            delta_rates[k] = output_rates(wiring, curved, net_rates[k], rates[k])
            continue
        parts = []
        for c, first, stop in wiring.consumers[k]:
            move = moves[c][:, :, first:stop]
            size, n_directions, width = move.shape
            part = move.transpose(2, 1, 0).reshape(width * n_directions, size) @ curved.deltas[c]
            part = part.reshape(width, n_directions, -1)
            part += applied(curved.done.matrices[c][:, first:stop].T, delta_rates[c])
            parts.append(part)
        rate = total_of(parts)
        inner, bend = curved.slopes[k], curved.bends[k]
        if inner is not None:
            rate = rate * inner[:, None]
        if bend is not None:
            rate = rate + bend[:, None] * net_rates[k]
        delta_rates[k] = rate
    return delta_rates


def _softmax_rates(curved: Curved, net_rate: Array) -> Array:
    """R{δ} of a softmax output: the rate of q ∘ (ε − qᵀε)."""
    q, error = curved.done.values[-1][:, None], curved.at_output[:, None]
    rate = q * (net_rate - (q * net_rate).sum(axis=0))  # R{q}
    error_rate = _bent(curved.second, rate)
    mean = (q * error).sum(axis=0)
    mean_rate = (rate * error + q * error_rate).sum(axis=0)
    result: Array = rate * (error - mean) + q * (error_rate - mean_rate)
    return result


def _bent(second: Array, rate: Array) -> Array:
    """Λ R{output}, of shape (n_outputs, n_directions, n_samples)."""
    if second.ndim == 3:
        bent: Array = np.einsum("kms,mds->kds", second, rate)
        return bent
    return rate * (second[:, None, None] if second.ndim == 1 else second[:, None])


def _flat(array: Array) -> Array:
    """Axes (unit, direction, …) as (unit · direction, …)."""
    return array.reshape(-1, array.shape[2])


def applied(matrix: Array, rates: Array) -> Array:
    """Return the product of a matrix with rates, over their units."""
    units, n_directions, n_samples = rates.shape
    product: Array = (matrix @ rates.reshape(units, n_directions * n_samples)).reshape(-1, n_directions, n_samples)
    return product


def total_of(arrays: list[Array]) -> Array:
    """Return the sum of one or more arrays."""
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return total
