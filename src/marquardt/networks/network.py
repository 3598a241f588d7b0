"""A network: description, weights and scalings together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from marquardt.arrays import Array, ArrayLike, as_array
from marquardt.checks import nearest
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.networks.activations import activation_named
from marquardt.networks.graph import INPUTS, LayerGraph
from marquardt.networks.scaling import Scaling

__all__ = ["Network", "forward"]

BLOCK_SIZE = 4096
"""Samples evaluated at a time by `Network.outputs`: the hidden layers of a block stay in the cache."""

BLOCK_BYTES = 64 * 10**6
"""What the layers of a block may take: of wide networks fewer samples are evaluated at a time."""


def forward(graph: LayerGraph, weights: Array, block: Array) -> Array:
    """Evaluate a graph on one block of scaled samples."""
    graph.require_static("Evaluation sample by sample")
    connections = graph.connections(weights)
    values = {INPUTS: block}
    for span in graph.spans:
        layer = span.layer
        matrix = span.matrix(connections)
        net: Array = matrix[:, -1:] if layer.bias else np.zeros((layer.size, 1))
        for source, first, last in span.columns:
            net = net + matrix[:, first:last] @ values[source]
        values[layer.name] = activation_named(layer.activation).value(net)
    return values[graph.output.name]


@dataclass(frozen=True, eq=False)
class Network:
    """A trained or untrained network. It never changes: `with_weights` makes another.

    Parameters
    ----------
    graph : LayerGraph
        The description.
    weights : array-like of shape (n_weights,)
        In the order documented in `marquardt.networks.graph`.
    input_scaling, target_scaling : Scaling, optional
        From and to the user's units; none by default.

    Raises
    ------
    ShapeError
        If weights or scalings do not fit the graph.
    DataError
        If a weight is not finite.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> linear = Network(feed_forward(1, (), 1), [2.0, 1.0])
    >>> linear.outputs([[3.0]])
    array([[7.]])
    """

    graph: LayerGraph
    weights: Array
    input_scaling: Scaling = None  # type: ignore[assignment]
    target_scaling: Scaling = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        weights = np.array(self.weights, dtype=np.float64)
        if weights.shape != (self.graph.n_weights,):
            raise ShapeError(f"{self.graph.describe()} has {self.graph.n_weights} weights, got shape {weights.shape}.")
        if not np.isfinite(weights).all():
            raise DataError(f"{np.count_nonzero(~np.isfinite(weights))} of {len(weights)} weights are not finite.")
        weights.setflags(write=False)
        object.__setattr__(self, "weights", weights)
        for name, width in (("input_scaling", self.graph.n_inputs), ("target_scaling", self.graph.n_outputs)):
            scaling = getattr(self, name)
            if scaling is None:
                object.__setattr__(self, name, Scaling.none(width))
            elif len(scaling.offset) != width:
                raise ShapeError(f"{name} must have {width} columns, got {len(scaling.offset)}.")

    @property
    def n_weights(self) -> int:
        """Weights and biases together."""
        return self.graph.n_weights

    @property
    def block_rows(self) -> int:
        """Samples that `outputs` evaluates at a time."""
        # Of every unit its sum and its output, and what the activation needs on the way.
        units = self.graph.n_inputs + sum(layer.size for layer in self.graph.layers)
        return max(1, min(BLOCK_SIZE, BLOCK_BYTES // (3 * 8 * units)))

    def outputs(self, inputs: ArrayLike) -> Array:
        """Evaluate the network.

        Parameters
        ----------
        inputs : array-like of shape (n_samples, n_inputs)
            In the user's units.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            In the target's units; probabilities where the output layer is logistic or softmax. A sample with
            a NaN input has NaN outputs, other samples are not touched by it.

        Raises
        ------
        ShapeError
            If the number of columns is not n_inputs.
        ConfigurationError
            If the network has delays or feedback: `simulate` takes sequences.
        """
        self.graph.require_static("Network.outputs")
        table = as_array(inputs, "inputs")
        if table.ndim != 2 or table.shape[1] != self.graph.n_inputs:
            raise ShapeError(
                f"This network takes inputs of shape (n_samples, {self.graph.n_inputs}), got {table.shape}."
                + (" For a single sample pass [[x1, x2, …]]." if table.ndim == 1 else "")
            )
        result = np.empty((len(table), self.graph.n_outputs))
        with np.errstate(over="ignore", invalid="ignore"):
            for first in range(0, len(table), self.block_rows):
                rows = slice(first, first + self.block_rows)
                block = np.ascontiguousarray(self.input_scaling.apply(table[rows]).T)
                result[rows] = self.target_scaling.invert(forward(self.graph, self.weights, block).T)
        return result

    def with_weights(self, weights: ArrayLike) -> Network:
        """Return the same network with other weights.

        Parameters
        ----------
        weights : array-like of shape (n_weights,)
            The new weights.

        Returns
        -------
        Network
            This one is left as it is.
        """
        return replace(self, weights=np.asarray(weights, dtype=np.float64))

    def views(self) -> dict[str, dict[str, Array]]:
        """Name the parts of the weight vector.

        Returns
        -------
        dict
            ``views["hidden1"]["inputs"]`` of shape (size, n_inputs), ``views["hidden1"]["bias"]`` of shape
            (size,), and so on; read-only, fixed and shared weights at every place where they are.
        """
        return self.graph.views(self.weights)

    def freeze(self, *parts: str | tuple[str, str]) -> Network:
        """Return the network with some weights fixed at what they are, to train the others.

        Parameters
        ----------
        *parts : str or (str, str)
            Names of layers, or of a layer and one of its sources (``"bias"`` for the biases).

        Returns
        -------
        Network
            With the same outputs and fewer weights. `with_graph` frees them again.

        Raises
        ------
        ConfigurationError
            If there are no such weights, or none is left to train.

        Examples
        --------
        >>> from marquardt.networks import feed_forward
        >>> network = Network(feed_forward(1, (2,), 1), [1.0, 0.5, 2.0, -0.5, 1.0, 1.0, 0.0])
        >>> network.freeze("hidden1").weights
        array([1., 1., 0.])
        >>> network.freeze("hidden1").with_graph(network.graph).n_weights
        7
        """
        views = self.views()
        fixed: dict[tuple[str, str], Array] = {}
        for part in parts:
            if isinstance(part, str):
                if part not in views:
                    raise ConfigurationError(
                        f"There is no layer {part!r}. There are {', '.join(map(repr, views))}.{nearest(part, views)}"
                    )
                fixed.update({(part, source): values for source, values in views[part].items()})
            else:
                # The graph refuses what is no part.
                fixed[part] = views.get(part[0], {}).get(part[1], np.zeros(0))
        return self.with_graph(self.graph.with_fixed(fixed))

    def with_graph(self, graph: LayerGraph) -> Network:
        """Return the network with the same connections on another graph, in which others are fixed or shared.

        Parameters
        ----------
        graph : LayerGraph
            With the same layers.

        Returns
        -------
        Network
            With the same outputs.

        Raises
        ------
        ConfigurationError
            If the layers are others, or the connections do not have the values that are fixed there, or are not equal
            where they are to be shared.
        """
        if (graph.n_inputs, graph.layers) != (self.graph.n_inputs, self.graph.layers):
            raise ConfigurationError(
                f"The layers must be those of this network, {self.graph.describe()}, got {graph.describe()}."
            )
        connections = self.graph.connections(self.weights)
        weights = connections if graph.weight_map is None else graph.weight_map.weights_of(connections)
        return replace(self, graph=graph, weights=weights)
