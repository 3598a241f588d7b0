"""Starts: the weights that training begins with.

Nguyen and Widrow (1990), "Improving the learning speed of 2-layer neural networks by choosing initial values
of the adaptive weights": a hidden unit is active in a slab of the input space; the slabs are spread over the
whole of it. For n sources in [−1, 1] and H units,

    |w_h| = 0.7 H^(1/n),   the direction random,   b_h evenly spread over (−|w_h|, |w_h|).             (1)

Departures from the paper: 1. w and b are stretched from (−1, 1) to the activation's own active interval.
2. The formula is for sources in [−1, 1]; other ranges are mapped there first. 3. Sources that do not vary get
the weight 0 and are not counted in n. 4. b takes the sign of the unit's first weight, so that the centers −b/w
of units that face opposite ways are spread too, instead of falling on each other: with one input and ten units
20 of 20 starts reach an error that 8 of 20 reach with signs drawn apart. 5. Layers whose activation has no bounded
active interval start uniform with variance 1/fan_in (2/fan_in for ReLU), the output layer with a fifth of that
deviation: nearly silent outputs leave the first steps to the data. 6. A source with delays counts once a delay; what is
fed back from an unbounded output is taken to be in [−1, 1], where scaled targets are, so that a network starts alike
with its loop open and closed.
"""

from __future__ import annotations

import numpy as np

from marquardt.arrays import AnyArray, Array
from marquardt.checks import one_of, positive
from marquardt.errors import ShapeError
from marquardt.networks.activations import activation_named, name_and_gain
from marquardt.networks.graph import INPUTS, TARGETS, LayerGraph

__all__ = ["INITIALIZATIONS", "initial_weights"]

INITIALIZATIONS = ("nguyen_widrow", "uniform", "glorot")


def initial_weights(
    graph: LayerGraph,
    kind: str = "nguyen_widrow",
    rng: np.random.Generator | int | None = None,
    *,
    spread: float = 1.0,
    input_range: Array | None = None,
) -> Array:
    """Draw the weights that training begins with.

    Parameters
    ----------
    graph : LayerGraph
        The network.
    kind : str
        ``"nguyen_widrow"``; ``"uniform"`` in (−spread, spread); ``"glorot"``, uniform with variance
        2 / (fan_in + size) and biases of 0.
    rng : numpy.random.Generator, int or None
        Where the numbers come from; an int seeds a new generator.
    spread : float
        Half width of ``"uniform"``.
    input_range : ndarray of shape (n_inputs, 2), optional
        Lowest and highest value of each scaled input; [−1, 1] when not given. An input whose two are equal
        gets the weight 0. A unit's sources whose weights are fixed at 0 are not counted among them.

    Returns
    -------
    ndarray of shape (n_weights,)
        In the order of the flat weight vector.

    Raises
    ------
    ConfigurationError
        For an unknown kind or a spread that is not positive.
    ShapeError
        If input_range does not fit.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> initial_weights(feed_forward(1, 2, 1), rng=0).shape
    (7,)
    """
    one_of(kind, INITIALIZATIONS, "initialization")
    positive(spread, "spread")
    rng = np.random.default_rng(rng)
    if kind == "uniform":
        return rng.uniform(-spread, spread, graph.n_weights)
    if input_range is None:
        input_range = np.tile([-1.0, 1.0], (graph.n_inputs, 1))
    if input_range.shape != (graph.n_inputs, 2):
        raise ShapeError(f"input_range must be of shape {(graph.n_inputs, 2)}, got {input_range.shape}.")
    ranges = {INPUTS: input_range, TARGETS: np.tile([-1.0, 1.0], (graph.n_outputs, 1))}
    for layer in graph.layers:
        output_range = activation_named(layer.activation).output_range
        is_fed_back = layer is graph.output and not np.isfinite(output_range).all()
        ranges[layer.name] = np.tile((-1.0, 1.0) if is_fed_back else output_range, (layer.size, 1))
    weights = np.empty(graph.n_connections)
    is_absent = _absent(graph)
    for span in graph.spans:
        layer = span.layer
        activation = activation_named(layer.activation)
        matrix = span.matrix(weights)
        source_range = np.concatenate([ranges[source] for source, _, _, _ in span.taps])
        if kind == "glorot":
            _uniform(matrix, rng, 2.0 / (span.fan_in + layer.size), layer.bias)
        elif layer is graph.output:
            _uniform(matrix, rng, 0.04 / span.fan_in, layer.bias)
        elif not np.isfinite(activation.active).all() or not np.isfinite(source_range).all():
            _uniform(
                matrix, rng, (2.0 if name_and_gain(layer.activation)[0] == "relu" else 1.0) / span.fan_in, layer.bias
            )
        else:
            absent = None if is_absent is None else span.matrix(is_absent)[:, : len(source_range)]
            _nguyen_widrow(matrix, rng, source_range, activation.active, layer.bias, absent)
    return weights if graph.weight_map is None else graph.weight_map.of_first(weights)


def _absent(graph: LayerGraph) -> AnyArray | None:
    """Which connections are fixed at 0, that is, are not there; None where none can be."""
    if graph.weight_map is None:
        return None
    absent: AnyArray = (graph.weight_map.index < 0) & (graph.weight_map.values == 0.0)
    return absent


def _uniform(matrix: Array, rng: np.random.Generator, variance: float, has_bias: bool) -> None:
    """Fill with numbers of the given variance; biases are 0."""
    half_width = np.sqrt(3.0 * variance)
    matrix[:] = rng.uniform(-half_width, half_width, matrix.shape)
    if has_bias:
        matrix[:, -1] = 0.0


def _nguyen_widrow(
    matrix: Array,
    rng: np.random.Generator,
    source_range: Array,
    active: tuple[float, float],
    has_bias: bool,
    absent: AnyArray | None = None,
) -> None:
    """Fill one layer by eq. (1) and the departures."""
    size = len(matrix)
    low, high = source_range[:, 0], source_range[:, 1]
    varies = np.tile(high > low, (size, 1))
    if absent is not None:
        varies &= ~absent
    # Drawn for every source, so that one constant column does not change the others' start.
    direction = rng.uniform(-1.0, 1.0, varies.shape) * varies
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    magnitude = 0.7 * size ** (1.0 / np.maximum(1, varies.sum(axis=1)))
    direction *= magnitude[:, None] / np.where(length > 0, length, 1.0)
    # A single unit is centered; several are spread evenly, each on the side that its first weight faces.
    side = np.sign(direction[np.arange(size), np.argmax(varies, axis=1)])
    bias = magnitude * (np.linspace(-1.0, 1.0, size) if size > 1 else np.zeros(1)) * side
    half, center = 0.5 * (active[1] - active[0]), 0.5 * (active[0] + active[1])
    direction *= half
    bias = bias * half + center
    # From sources in [low, high] to [-1, 1]: x' = (2x - low - high) / (high - low).
    width = np.where(high > low, high - low, 1.0)
    matrix[:, : len(width)] = direction * (2.0 / width)
    if has_bias:
        matrix[:, -1] = bias - direction @ ((low + high) / width * (high > low))
