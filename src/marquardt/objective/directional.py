"""How outputs move and curve along a direction of the weights: J v, and what the geodesic acceleration needs.

Write x′ and x″ for the first and second derivative of x as the weights move along v, whose part for a layer is V.
With a = f(net), net = W z, sources read upward,

    net′ = V z + W z′,                    a′ = f′ net′                                                   (1)
    net″ = 2 V z′ + W z″,                 a″ = f″ net′² + f′ net″                                        (2)

J v is outputs′ and the second directional derivative outputs″: one forward pass with two or three values a unit.
"""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array
from marquardt.objective.passes import Pass, Wiring

__all__ = ["first_derivative", "second_derivative"]


def first_derivative(wiring: Wiring, done: Pass, slopes: list[Array | None], direction: Array) -> Array:
    """Return J v of one block, before R, by eq. (1)."""
    return _derivatives(wiring, done, slopes, direction, False)[0]


def second_derivative(wiring: Wiring, done: Pass, slopes: list[Array | None], direction: Array) -> Array:
    """Return the second derivative of the outputs along a direction, by eqs. (1) and (2)."""
    return _derivatives(wiring, done, slopes, direction, True)[1]


def _derivatives(
    wiring: Wiring, done: Pass, slopes: list[Array | None], direction: Array, has_second: bool
) -> tuple[Array, Array]:
    """outputs′ and, where it is asked for, outputs″."""
    direction = wiring.direction(direction)
    # Of layers: the network's inputs, and the ones of the biases, do not move.
    firsts: list[Array] = []
    seconds: list[Array] = []
    for k, span in enumerate(wiring.spans):
        matrix, moved = done.matrices[k], span.matrix(direction)
        first = moved @ done.stacked[k]
        second = np.zeros_like(first) if has_second else first
        for source, (_, start, stop) in zip(wiring.sources[k], span.columns, strict=True):
            if source < 0:
                continue
            first += matrix[:, start:stop] @ firsts[source]
            if has_second:
                second += 2.0 * (moved[:, start:stop] @ firsts[source]) + matrix[:, start:stop] @ seconds[source]
        slope, value = slopes[k], done.values[k]
        if slope is not None:
            if has_second:
                function = wiring.activations[k].second
                assert function is not None  # rules that need it are refused such an objective
                second = function(done.nets[k], value) * first * first + slope * second
            first = slope * first
        elif not wiring.is_linear[k]:
            first, second = _through_softmax(value, first, second)
        firsts.append(first)
        seconds.append(second)
    return firsts[-1], seconds[-1]


def _through_softmax(q: Array, first: Array, second: Array) -> tuple[Array, Array]:
    """Both derivatives of softmax, whose q′ = q ∘ (net′ − qᵀnet′)."""
    mean = (q * first).sum(axis=0)
    moved: Array = q * (first - mean)
    mean_moved = (moved * first + q * second).sum(axis=0)
    curved: Array = moved * (first - mean) + q * (second - mean_moved)
    return moved, curved
