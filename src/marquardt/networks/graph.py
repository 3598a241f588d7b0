"""The one description of a network: a graph of layers.

The order of the flat weight vector is fixed and part of the file format: layer by layer; inside a layer unit
by unit; inside a unit the weights of its sources in the order of `Layer.sources`, then the bias if the layer
has one. So a layer's part of the vector, reshaped to (size, fan_in), is the matrix W of net = W z with z the
stacked sources and a 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from marquardt.arrays import Array
from marquardt.checks import nearest, whole
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.networks.activations import activation_named

__all__ = ["INPUTS", "Layer", "LayerGraph", "LayerSpan"]

INPUTS = "inputs"
"""The name by which layers call the network's inputs."""


@dataclass(frozen=True)
class Layer:
    """A layer of units that share their sources and their activation.

    Parameters
    ----------
    size : int
        Number of units, at least 1.
    activation : str
        One of `ACTIVATIONS`.
    sources : tuple of str
        ``"inputs"`` or names of earlier layers, each once.
    bias : bool
        Whether each unit has a bias.
    name : str
        Unique in its graph.

    Raises
    ------
    ConfigurationError
        For a size below 1, an unknown activation, no source, a source named twice, or a name that is no text.

    Examples
    --------
    >>> Layer(10, "tanh", ("inputs",), name="hidden1").size
    10
    """

    size: int
    activation: str = "tanh"
    sources: tuple[str, ...] = (INPUTS,)
    bias: bool = True
    name: str = "layer"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ConfigurationError(f"The name of a layer must be a text, got {self.name!r}.")
        # Plain numbers and truth values, so that descriptions go out to JSON and biases count as one.
        object.__setattr__(self, "size", whole(self.size, f"the size of layer {self.name!r}", minimum=1))
        object.__setattr__(self, "bias", bool(self.bias))
        activation_named(self.activation)
        sources: Any = self.sources
        if isinstance(sources, str) or not all(isinstance(source, str) for source in sources):
            raise ConfigurationError(
                f"The sources of layer {self.name!r} must be a tuple of names, got {self.sources!r}. "
                f"Example: ({INPUTS!r},)."
            )
        object.__setattr__(self, "sources", tuple(self.sources))
        if not self.sources:
            raise ConfigurationError(f"Layer {self.name!r} has no source. Give it {INPUTS!r} or an earlier layer.")
        if len(set(self.sources)) < len(self.sources):
            raise ConfigurationError(f"Layer {self.name!r} names a source twice: {', '.join(self.sources)}.")


@dataclass(frozen=True)
class LayerSpan:
    """Where a layer's weights lie in the flat vector, and where each source lies in its fan-in.

    Parameters
    ----------
    layer : Layer
        The layer.
    start, stop : int
        ``weights[start:stop].reshape(layer.size, fan_in)`` is its matrix, bias last.
    fan_in : int
        Width of the stacked sources, the bias included.
    columns : tuple of (str, int, int)
        For every source its name and its first and last-plus-one column.
    """

    layer: Layer
    start: int
    stop: int
    fan_in: int
    columns: tuple[tuple[str, int, int], ...] = field(default=())

    def matrix(self, weights: Array) -> Array:
        """Return the layer's matrix (size, fan_in), a view of the flat vector.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The network's weights.

        Returns
        -------
        ndarray of shape (size, fan_in)
            Bias in the last column if the layer has one.
        """
        return weights[self.start : self.stop].reshape(self.layer.size, self.fan_in)


@dataclass(frozen=True)
class LayerGraph:
    """Layers in order of evaluation; the last one is the output.

    Parameters
    ----------
    n_inputs : int
        Number of network inputs, at least 1.
    layers : sequence of Layer
        Each may take the inputs and layers before it as sources.

    Raises
    ------
    ConfigurationError
        For no layers, names used twice or reserved, a source that is not an earlier layer, a layer nobody
        uses, or softmax anywhere but at the output.

    Examples
    --------
    >>> graph = LayerGraph(2, (Layer(3, "tanh", name="hidden1"), Layer(1, "identity", ("hidden1",), name="output")))
    >>> graph.n_weights, graph.n_outputs
    (13, 1)
    """

    n_inputs: int
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_inputs", whole(self.n_inputs, "the number of inputs", minimum=1))
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise ConfigurationError("A network needs at least one layer, its output.")
        known = [INPUTS]
        used: set[str] = set()
        for layer in self.layers:
            if layer.name in known or layer.name == "bias":
                raise ConfigurationError(f"The layer name {layer.name!r} is taken. Give every layer a name of its own.")
            for source in layer.sources:
                if source not in known:
                    raise ConfigurationError(
                        f"Layer {layer.name!r} takes {source!r}, which is neither {INPUTS!r} nor an earlier "
                        f"layer.{nearest(source, known)}"
                    )
            used.update(layer.sources)
            known.append(layer.name)
        for layer in self.layers[:-1]:
            if layer.name not in used:
                raise ConfigurationError(f"No layer takes {layer.name!r} as a source. Connect it or leave it out.")
            if not activation_named(layer.activation).elementwise:
                raise ConfigurationError(
                    f"Layer {layer.name!r} is {layer.activation}, which only the output layer may be."
                )

    @property
    def output(self) -> Layer:
        """The last layer."""
        return self.layers[-1]

    @property
    def n_outputs(self) -> int:
        """Units of the last layer."""
        return self.output.size

    @cached_property
    def spans(self) -> tuple[LayerSpan, ...]:
        """Where each layer's weights lie in the flat vector."""
        sizes = {INPUTS: self.n_inputs}
        spans = []
        start = 0
        for layer in self.layers:
            columns = []
            width = 0
            for source in layer.sources:
                columns.append((source, width, width + sizes[source]))
                width += sizes[source]
            fan_in = width + layer.bias
            stop = start + layer.size * fan_in
            spans.append(LayerSpan(layer, start, stop, fan_in, tuple(columns)))
            sizes[layer.name] = layer.size
            start = stop
        return tuple(spans)

    @property
    def n_weights(self) -> int:
        """Weights and biases, all layers together."""
        return self.spans[-1].stop

    def views(self, weights: Array) -> dict[str, dict[str, Array]]:
        """Name the parts of a flat weight vector.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The vector. The result shares its memory.

        Returns
        -------
        dict
            ``views["hidden1"]["inputs"]`` of shape (size, n_inputs), ``views["hidden1"]["bias"]`` of shape (size,).

        Raises
        ------
        ShapeError
            If the vector is not of length n_weights.
        """
        if weights.shape != (self.n_weights,):
            raise ShapeError(f"This network has {self.n_weights} weights, got an array of shape {weights.shape}.")
        named: dict[str, dict[str, Array]] = {}
        for span in self.spans:
            matrix = span.matrix(weights)
            parts = {source: matrix[:, first:last] for source, first, last in span.columns}
            if span.layer.bias:
                parts["bias"] = matrix[:, -1]
            named[span.layer.name] = parts
        return named

    def describe(self) -> str:
        """Return a short text such as ``"8-10-1 tanh, identity"``.

        Returns
        -------
        str
            Sizes from inputs to output, and the activations of the layers.
        """
        sizes = "-".join(str(size) for size in (self.n_inputs, *(layer.size for layer in self.layers)))
        return f"{sizes} {', '.join(layer.activation for layer in self.layers)}"

    def to_dict(self) -> dict[str, Any]:
        """Return the description as plain JSON values.

        Returns
        -------
        dict
            What `from_dict` reads.
        """
        return {
            "n_inputs": self.n_inputs,
            "layers": [
                {
                    "name": la.name,
                    "size": la.size,
                    "activation": la.activation,
                    "sources": list(la.sources),
                    "bias": la.bias,
                }
                for la in self.layers
            ],
        }

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> LayerGraph:
        """Build a graph from what `to_dict` returned.

        Parameters
        ----------
        description : mapping
            Plain values; every one is checked.

        Returns
        -------
        LayerGraph
            Equal to the one described.

        Raises
        ------
        ConfigurationError
            If a key is missing or a value cannot be.
        """
        try:
            layers: Sequence[Mapping[str, Any]] = description["layers"]
            return cls(
                description["n_inputs"],
                tuple(
                    Layer(la["size"], la["activation"], tuple(la["sources"]), bool(la["bias"]), str(la["name"]))
                    for la in layers
                ),
            )
        except (KeyError, TypeError) as error:
            raise ConfigurationError(f"This does not describe a network: {type(error).__name__}: {error}.") from error
