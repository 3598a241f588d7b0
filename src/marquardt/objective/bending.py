"""How the outputs curve along a direction of the weights: what the geodesic acceleration needs.

Write x′ and x″ for the first and second derivative of x as the weights move along v, whose part for a layer is V.
With a = f(net), net = W z, sources read upward,

    net′ = V z + W z′,                    a′ = f′ net′                                                   (1)
    net″ = 2 V z′ + W z″,                 a″ = f″ net′² + f′ net″                                        (2)

and the bend is JᵀΛ outputs″: one forward pass with three values a unit instead of one, and one backward pass.
"""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array
from marquardt.objective.passes import Pass, Wiring

__all__ = ["bent_outputs"]


def bent_outputs(wiring: Wiring, done: Pass, slopes: list[Array | None], direction: Array) -> Array:
    """Return the second derivative of the outputs along a direction, by eqs. (1) and (2)."""
    n_samples = done.outputs.shape[1]
    direction = wiring.direction(direction)
    # None: the network's inputs, and the ones of the biases, do not move.
    firsts: list[Array] = []
    seconds: list[Array] = []
    for k, span in enumerate(wiring.spans):
        z, matrix, moved = done.stacked[k], done.matrices[k], span.matrix(direction)
        first = moved @ z
        second = np.zeros_like(first)
        column = 0
        for source in wiring.sources[k]:
            width = wiring.graph.n_inputs if source < 0 else wiring.spans[source].layer.size
            columns = slice(column, column + width)
            if source >= 0:
                first += matrix[:, columns] @ firsts[source]
                second += 2.0 * (moved[:, columns] @ firsts[source]) + matrix[:, columns] @ seconds[source]
            column += width
        activation, slope = wiring.activations[k], slopes[k]
        if wiring.is_linear[k]:
            pass
        elif slope is None:
            first, second = _through_softmax(done.values[k], first, second)
        else:
            assert activation.second is not None  # rules that need it are refused such an objective
            curved = activation.second(done.nets[k], done.values[k])
            second = curved * first * first + slope * second
            first = slope * first
        firsts.append(first)
        seconds.append(second)
    assert seconds[-1].shape == (wiring.graph.n_outputs, n_samples)
    return seconds[-1]


def _through_softmax(q: Array, first: Array, second: Array) -> tuple[Array, Array]:
    """Both derivatives of softmax, whose q′ = q ∘ (net′ − qᵀnet′)."""
    mean = (q * first).sum(axis=0)
    moved: Array = q * (first - mean)
    mean_moved = (moved * first + q * second).sum(axis=0)
    bent: Array = moved * (first - mean) + q * (second - mean_moved)
    return moved, bent
