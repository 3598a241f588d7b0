"""Builders of common layer graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

from marquardt.checks import one_of, whole
from marquardt.errors import ConfigurationError
from marquardt.networks.graph import INPUTS, Layer, LayerGraph

__all__ = ["TOPOLOGIES", "build", "cascade_forward", "feed_forward", "hidden_sizes"]


def hidden_sizes(sizes: int | Sequence[int]) -> tuple[int, ...]:
    """Check the sizes of the hidden layers.

    Parameters
    ----------
    sizes : int or sequence of int
        One number means one hidden layer; an empty sequence means none, a linear network.

    Returns
    -------
    tuple of int
        Every size at least 1.

    Raises
    ------
    ConfigurationError
        If a size is not a whole number from 1 up.

    Examples
    --------
    >>> hidden_sizes(10), hidden_sizes([20, 10])
    ((10,), (20, 10))
    """
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
) -> LayerGraph:
    earlier = [INPUTS]
    layers = []
    for number, size in enumerate(hidden_sizes(sizes), start=1):
        layers.append(Layer(size, activation, sources_of(earlier), name=f"hidden{number}"))
        earlier.append(layers[-1].name)
    layers.append(Layer(n_outputs, output_activation, sources_of(earlier), name="output"))
    return LayerGraph(n_inputs, tuple(layers))


def feed_forward(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    activation: str = "tanh",
    output_activation: str = "identity",
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
        n_inputs, hidden_layer_sizes, n_outputs, activation, output_activation, lambda earlier: (earlier[-1],)
    )


def cascade_forward(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    activation: str = "tanh",
    output_activation: str = "identity",
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

    Returns
    -------
    LayerGraph
        Layers named hidden1, hidden2, …, output.

    Examples
    --------
    >>> cascade_forward(2, (3,), 1).layers[-1].sources
    ('inputs', 'hidden1')
    """
    return _build(n_inputs, hidden_layer_sizes, n_outputs, activation, output_activation, tuple)


TOPOLOGIES: dict[str, Callable[..., LayerGraph]] = {
    "feed_forward": feed_forward,
    "cascade_forward": cascade_forward,
}
"""Builders by the name that options give."""


def build(topology: str, *args: object, **kwargs: object) -> LayerGraph:
    """Build a graph by the name of its topology.

    Parameters
    ----------
    topology : str
        One of `TOPOLOGIES`.
    *args, **kwargs
        What the builder takes.

    Returns
    -------
    LayerGraph
        The graph.

    Raises
    ------
    ConfigurationError
        If there is no such topology.
    """
    return TOPOLOGIES[one_of(topology, TOPOLOGIES, "topology")](*args, **kwargs)
