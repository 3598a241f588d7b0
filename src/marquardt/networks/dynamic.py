"""Builders of networks with delays and feedback.

| builder | what it is | equation of a one-layer example |
|---|---|---|
| `time_delay` | a tapped delay line at the input | y(t) = f(x(t), x(t−1), x(t−2)) |
| `distributed_delay` | a tapped delay line at every layer | h(t) = g(x(t), x(t−1)), y(t) = f(h(t), h(t−1)) |
| `narx` | past inputs and past outputs | y(t) = f(x(t−1), x(t−2), y(t−1), y(t−2)) |
| `nar` | past outputs only | y(t) = f(y(t−1), y(t−2)) |
| `layer_recurrent` | every hidden layer remembers itself (Elman 1990) | h(t) = g(x(t), h(t−1)), y(t) = f(h(t)) |

A NARX network is trained with its loop open (series-parallel): the past outputs are the measured ones, the source
`TARGETS`. With its loop closed (parallel) they are its own. `close_loop` and `open_loop` go from one to the other and
leave the weights as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from marquardt.checks import whole
from marquardt.errors import ConfigurationError
from marquardt.networks.builders import hidden_sizes
from marquardt.networks.graph import INPUTS, TARGETS, Layer, LayerGraph

__all__ = ["distributed_delay", "layer_recurrent", "nar", "narx", "time_delay"]

OUTPUT = "output"


def time_delay(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    delays: Sequence[int] = (0, 1, 2),
    *,
    activation: str = "tanh",
    output_activation: str = "identity",
) -> LayerGraph:
    """Build a time delay network (the toolbox's timedelaynet): a tapped delay line at the input.

    Parameters
    ----------
    n_inputs : int
        Number of inputs.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    n_outputs : int
        Number of outputs.
    delays : sequence of int
        Of the inputs, such as (0, 1, 5, 12).
    activation, output_activation : str
        Activation of the hidden layers and of the output.

    Returns
    -------
    LayerGraph
        Layers named hidden1, hidden2, …, output.

    Raises
    ------
    ConfigurationError
        If sizes or delays cannot be.

    Examples
    --------
    >>> time_delay(1, 10, 1, (0, 1, 5, 12)).describe()
    '1-10-1 tanh, identity, hidden1 takes inputs 0-1,5,12'
    """
    sizes = hidden_sizes(hidden_layer_sizes)
    return distributed_delay(
        n_inputs,
        sizes,
        n_outputs,
        (delays, *((0,) for _ in sizes)),
        activation=activation,
        output_activation=output_activation,
    )


def distributed_delay(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    delays: Sequence[Sequence[int]],
    *,
    activation: str = "tanh",
    output_activation: str = "identity",
) -> LayerGraph:
    """Build a distributed delay network (the toolbox's distdelaynet): a tapped delay line at every layer.

    Parameters
    ----------
    n_inputs : int
        Number of inputs.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    n_outputs : int
        Number of outputs.
    delays : sequence of sequence of int
        For every layer, the output included, the delays at which it takes the one before it.
    activation, output_activation : str
        Activation of the hidden layers and of the output.

    Returns
    -------
    LayerGraph
        Layers named hidden1, hidden2, …, output.

    Raises
    ------
    ConfigurationError
        If sizes or delays cannot be, or there are not as many lists of delays as layers.

    Examples
    --------
    >>> distributed_delay(1, 5, 1, [(0, 1), (0, 1, 2)]).describe()
    '1-5-1 tanh, identity, hidden1 takes inputs 0-1, output takes hidden1 0-2'
    """
    names, all_sizes = _layers(hidden_layer_sizes, n_outputs)
    if not hasattr(delays, "__len__") or len(delays) != len(names):
        raise ConfigurationError(
            f"delays must be one list for each of the {len(names)} layers ({', '.join(names)}), got {delays!r}. "
            f"Example: {[(0, 1)] * len(names)}."
        )
    layers = [
        Layer(
            size,
            output_activation if name == OUTPUT else activation,
            (source,),
            name=name,
            delays={source: each},
        )
        for name, size, source, each in zip(names, all_sizes, (INPUTS, *names), delays, strict=False)
    ]
    return LayerGraph(n_inputs, tuple(layers))


def narx(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int = 1,
    input_delays: Sequence[int] = (1, 2),
    feedback_delays: Sequence[int] = (1, 2),
    *,
    closed: bool = False,
    activation: str = "tanh",
    output_activation: str = "identity",
) -> LayerGraph:
    """Build a NARX network (the toolbox's narxnet): the first hidden layer takes past inputs and past outputs.

    Parameters
    ----------
    n_inputs : int
        Number of external inputs.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    n_outputs : int
        Number of outputs.
    input_delays : sequence of int
        Of the inputs; 0 is the present.
    feedback_delays : sequence of int
        Of the outputs, at least 1.
    closed : bool
        Whether the past outputs are the network's own (parallel) instead of the measured ones (series-parallel).
    activation, output_activation : str
        Activation of the hidden layers and of the output.

    Returns
    -------
    LayerGraph
        Layers named hidden1, hidden2, …, output.

    Raises
    ------
    ConfigurationError
        If sizes or delays cannot be.

    Examples
    --------
    >>> narx(1, 10, 1, (0, 1), (1, 2)).describe()
    '1-10-1 tanh, identity, hidden1 takes inputs 0-1 and targets 1-2'
    >>> narx(1, 10, 1, (0, 1), (1, 2), closed=True).describe()
    '1-10-1 tanh, identity, hidden1 takes inputs 0-1 and output 1-2'
    """
    whole(n_inputs, "the number of external inputs of a NARX network (nar has none)", minimum=1)
    return _narx(
        n_inputs, hidden_layer_sizes, n_outputs, input_delays, feedback_delays, closed, activation, output_activation
    )


def nar(
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int = 1,
    feedback_delays: Sequence[int] = (1, 2),
    *,
    closed: bool = False,
    activation: str = "tanh",
    output_activation: str = "identity",
) -> LayerGraph:
    """Build an autoregressive network (the toolbox's narnet): it takes past outputs only, and has no inputs.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    n_outputs : int
        Number of outputs.
    feedback_delays : sequence of int
        Of the outputs, at least 1.
    closed : bool
        Whether the past outputs are the network's own instead of the measured ones.
    activation, output_activation : str
        Activation of the hidden layers and of the output.

    Returns
    -------
    LayerGraph
        Layers named hidden1, hidden2, …, output; no inputs.

    Raises
    ------
    ConfigurationError
        If sizes or delays cannot be.

    Examples
    --------
    >>> nar(10, feedback_delays=range(1, 13)).describe()
    '0-10-1 tanh, identity, hidden1 takes targets 1-12'
    """
    return _narx(0, hidden_layer_sizes, n_outputs, (), feedback_delays, closed, activation, output_activation)


def layer_recurrent(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    delays: Sequence[int] = (1,),
    *,
    activation: str = "tanh",
    output_activation: str = "identity",
) -> LayerGraph:
    """Build a layer recurrent network (the toolbox's layrecnet; Elman's): every hidden layer feeds itself.

    Parameters
    ----------
    n_inputs : int
        Number of inputs.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer, at least one layer.
    n_outputs : int
        Number of outputs.
    delays : sequence of int
        At which every hidden layer takes itself, at least 1.
    activation, output_activation : str
        Activation of the hidden layers and of the output.

    Returns
    -------
    LayerGraph
        Layers named hidden1, hidden2, …, output.

    Raises
    ------
    ConfigurationError
        If sizes or delays cannot be, or there is no hidden layer.

    Examples
    --------
    >>> layer_recurrent(1, 8, 1).describe()
    '1-8-1 tanh, identity, hidden1 takes hidden1 1'
    """
    names, sizes = _layers(hidden_layer_sizes, n_outputs)
    if len(names) == 1:
        raise ConfigurationError("A layer recurrent network needs a hidden layer, got none. Example: (10,).")
    layers = [
        Layer(size, activation, (source, name), name=name, delays={name: delays})
        for name, size, source in zip(names[:-1], sizes, (INPUTS, *names), strict=False)
    ]
    return LayerGraph(n_inputs, (*layers, Layer(n_outputs, output_activation, (names[-2],), name=OUTPUT)))


def _layers(hidden_layer_sizes: int | Sequence[int], n_outputs: int) -> tuple[list[str], list[int]]:
    """Names and sizes of all layers."""
    sizes = hidden_sizes(hidden_layer_sizes)
    return [*(f"hidden{number}" for number in range(1, len(sizes) + 1)), OUTPUT], [*sizes, n_outputs]


def _narx(
    n_inputs: int,
    hidden_layer_sizes: int | Sequence[int],
    n_outputs: int,
    input_delays: Sequence[int],
    feedback_delays: Sequence[int],
    closed: bool,
    activation: str,
    output_activation: str,
) -> LayerGraph:
    names, sizes = _layers(hidden_layer_sizes, n_outputs)
    past = OUTPUT if closed else TARGETS
    for delay in feedback_delays:
        whole(delay, "each of feedback_delays", minimum=1)
    delays = {past: feedback_delays} | ({INPUTS: input_delays} if n_inputs else {})
    layers = []
    for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
        sources = (names[number - 1],) if number else ((INPUTS, past) if n_inputs else (past,))
        is_last = name == OUTPUT
        layers.append(
            Layer(
                size,
                output_activation if is_last else activation,
                sources,
                name=name,
                delays=None if number else delays,
            )
        )
    return LayerGraph(n_inputs, tuple(layers))
