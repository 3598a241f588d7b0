"""Builders of common layer graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

from marquardt.checks import one_of, whole
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.networks.graph import INPUTS, Layer, LayerGraph

__all__ = [
    "TOPOLOGIES",
    "bridged_multilayer",
    "build",
    "cascade_forward",
    "feed_forward",
    "fully_connected_cascade",
    "hidden_sizes",
]


def hidden_sizes(sizes: int | Sequence[int]) -> tuple[int, ...]:
    """Check the sizes of the hidden layers."""
    given: Any = (sizes,) if isinstance(sizes, Integral) else sizes
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise ConfigurationError(
            f"hidden_layer_sizes must be whole numbers from 1 up, got {sizes!r}. Example: (20, 10)."
        )
    return tuple(whole(size, "each of hidden_layer_sizes", minimum=1) for size in given)


def _build(
    n_inputs: int,
    sizes: int | Sequence[int],
    n_outputs: int,
    activation: str,
    output_activation: str,
    sources_of: Callable[[list[str]], tuple[str, ...]],
    bias: bool,
) -> LayerGraph:
    earlier = [INPUTS]
    layers = []
    for number, size in enumerate(hidden_sizes(sizes), start=1):
        layers.append(Layer(size, activation, sources_of(earlier), bias, f"hidden{number}"))
        earlier.append(layers[-1].name)
    layers.append(Layer(n_outputs, output_activation, sources_of(earlier), bias, "output"))
    return LayerGraph(n_inputs, tuple(layers))


def feed_forward(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    activation: str = "tanh",
    output_activation: str = "identity",
    bias: bool = True,
) -> LayerGraph:
    """Build a feed-forward network: every layer takes the one before it.

    Parameters
    ----------
    n_inputs : int
        Number of inputs.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    n_outputs : int
        Number of outputs.
    activation, output_activation : str
        Activation of the hidden layers and of the output.
    bias : bool
        Whether units have biases.

    Returns
    -------
    LayerGraph
        Layers named hidden1, hidden2, …, output.

    Examples
    --------
    >>> feed_forward(8, (10,), 1).n_weights
    101
    """
    return _build(
        n_inputs, hidden_layer_sizes, n_outputs, activation, output_activation, lambda earlier: (earlier[-1],), bias
    )


def cascade_forward(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    activation: str = "tanh",
    output_activation: str = "identity",
    bias: bool = True,
) -> LayerGraph:
    """Build a cascade-forward network: every layer takes the inputs and all earlier layers.

    Parameters
    ----------
    n_inputs : int
        Number of inputs.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    n_outputs : int
        Number of outputs.
    activation, output_activation : str
        Activation of the hidden layers and of the output.
    bias : bool
        Whether units have biases.

    Returns
    -------
    LayerGraph
        Layers named hidden1, hidden2, …, output.

    Examples
    --------
    >>> cascade_forward(2, (3,), 1).layers[-1].sources
    ('inputs', 'hidden1')
    """
    return _build(n_inputs, hidden_layer_sizes, n_outputs, activation, output_activation, tuple, bias)


def bridged_multilayer(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    activation: str = "tanh",
    output_activation: str = "identity",
    bias: bool = True,
) -> LayerGraph:
    """Build a bridged multilayer perceptron (BMLP): another name for `cascade_forward`.

    Parameters
    ----------
    n_inputs : int
        Number of inputs.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    n_outputs : int
        Number of outputs.
    activation, output_activation : str
        Activation of the hidden layers and of the output.
    bias : bool
        Whether units have biases.

    Returns
    -------
    LayerGraph
        Every layer takes the inputs and all earlier layers.

    Examples
    --------
    >>> bridged_multilayer(3, 1, 1) == cascade_forward(3, 1, 1)
    True
    """
    return cascade_forward(n_inputs, hidden_layer_sizes, n_outputs, activation, output_activation, bias)


def fully_connected_cascade(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    activation: str = "tanh",
    output_activation: str = "identity",
    bias: bool = True,
) -> LayerGraph:
    """Build a fully connected cascade (FCC): single units, each with the inputs and all units before it.

    Parameters
    ----------
    n_inputs : int
        Number of inputs.
    hidden_layer_sizes : int or sequence of int
        How many units come before the outputs; of a sequence the sum.
    n_outputs : int
        Number of outputs, the last units. They take everything but each other; for outputs that do, use `unit_graph`.
    activation, output_activation : str
        Activation of the hidden layers and of the output.
    bias : bool
        Whether units have biases.

    Returns
    -------
    LayerGraph
        Layers of one unit, hidden1, hidden2, …, and output.

    Examples
    --------
    Three units for parity-7, of which the last is the output:

    >>> fully_connected_cascade(7, 2, 1).n_weights
    27
    """
    single = (1,) * sum(hidden_sizes(hidden_layer_sizes))
    return cascade_forward(n_inputs, single, n_outputs, activation, output_activation, bias)


TOPOLOGIES: dict[str, Callable[..., LayerGraph]] = {
    "feed_forward": feed_forward,
    "cascade_forward": cascade_forward,
    "bridged_multilayer": bridged_multilayer,
    "fully_connected_cascade": fully_connected_cascade,
}
"""Builders by the name that options give."""


def build(
    topology: str | LayerGraph,
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    activation: str = "tanh",
    output_activation: str = "identity",
    bias: bool = True,
) -> LayerGraph:
    """Build a graph by the name of its topology, or take one that is there."""
    if isinstance(topology, LayerGraph):
        if (topology.n_inputs, topology.n_outputs) != (n_inputs, n_outputs):
            raise ShapeError(
                f"The topology {topology.describe()} has {topology.n_inputs} inputs and {topology.n_outputs} outputs, "
                f"and the data need {n_inputs} and {n_outputs}."
            )
        return topology
    builder = TOPOLOGIES[one_of(topology, TOPOLOGIES, "topology")]
    return builder(n_inputs, hidden_layer_sizes, n_outputs, activation, output_activation, bias)
