"""Closing and opening the loop of a trained network, and taking a delay out: the weights stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from marquardt.checks import whole
from marquardt.errors import ConfigurationError
from marquardt.networks.graph import INPUTS, TARGETS, Layer
from marquardt.networks.network import Network

__all__ = ["close_loop", "open_loop", "remove_delay"]


def close_loop(network: Network) -> Network:
    """Feed a network its own past outputs instead of the measured ones (the toolbox's closeloop).

    Parameters
    ----------
    network : Network
        With the source ``"targets"``, such as `narx` and `nar` build it.

    Returns
    -------
    Network
        With the same weights and scalings.

    Raises
    ------
    ConfigurationError
        If no layer takes the targets, one takes them without delay, or one takes the output already.

    Examples
    --------
    >>> from marquardt.networks import nar
    >>> close_loop(Network(nar((), feedback_delays=(1,)), [0.5, 0.0])).graph.describe()
    '0-1 identity, output takes output 1'
    """
    graph = network.graph
    if not any(TARGETS in layer.sources for layer in graph.layers):
        raise ConfigurationError(f"There is no loop to close: no layer of {graph.describe()} takes {TARGETS!r}.")
    for layer in graph.layers:
        if 0 in dict(layer.taps).get(TARGETS, ()):
            raise ConfigurationError(
                f"Layer {layer.name!r} takes {TARGETS!r} with the delay 0, which its own outputs cannot have. "
                f"Close the loop before remove_delay."
            )
    return _renamed(network, TARGETS, graph.output.name)


def open_loop(network: Network) -> Network:
    """Feed a network the measured past outputs instead of its own (the toolbox's openloop).

    Parameters
    ----------
    network : Network
        In which a layer takes the output layer with delays.

    Returns
    -------
    Network
        With the same weights and scalings.

    Raises
    ------
    ConfigurationError
        If no layer takes the output, or one takes the targets already.

    Examples
    --------
    >>> from marquardt.networks import nar
    >>> open_loop(Network(nar((), feedback_delays=(1,), closed=True), [0.5, 0.0])).graph.describe()
    '0-1 identity, output takes targets 1'
    """
    graph = network.graph
    if not any(graph.output.name in layer.sources for layer in graph.layers):
        raise ConfigurationError(f"There is no loop to open: no layer of {graph.describe()} takes its output.")
    return _renamed(network, graph.output.name, TARGETS)


def remove_delay(network: Network, steps: int = 1) -> Network:
    """Let a network give its outputs earlier, by taking delays out of its inputs (the toolbox's removedelay).

    Every delay of inputs and measured targets becomes shorter; delays between layers stay. So a network that predicts
    y(t) from x(t−1) and y(t−1) says y(t+1) as soon as x(t) and y(t) are there: its output at step t is the old one's at
    step t + steps.

    Parameters
    ----------
    network : Network
        Whose inputs and targets all have a delay of at least `steps`.
    steps : int
        How many, at least 1.

    Returns
    -------
    Network
        With the same weights and scalings.

    Raises
    ------
    ConfigurationError
        If a delay is too short, or the network takes nothing from outside.

    Examples
    --------
    >>> from marquardt.networks import nar
    >>> remove_delay(Network(nar((), feedback_delays=(1, 3)), [0.5, 0.0, 0.0])).graph.describe()
    '0-1 identity, output takes targets 0,2'
    """
    whole(steps, "the steps to remove", minimum=1)
    graph = network.graph
    data = [taps for layer in graph.layers for taps in layer.taps if taps[0] in (INPUTS, TARGETS)]
    if not data:
        raise ConfigurationError(f"{graph.describe()} takes nothing from outside: there is no delay to remove.")
    for source, delays in data:
        if delays[0] < steps:
            raise ConfigurationError(
                f"{steps} steps cannot be removed: {source!r} is taken with the delay {delays[0]}. "
                f"What the network needs is not there any earlier."
            )

    def earlier(source: str, delays: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        return source, tuple(delay - steps for delay in delays) if source in (INPUTS, TARGETS) else delays

    return _with_taps(network, earlier)


def _renamed(network: Network, old: str, new: str) -> Network:
    for layer in network.graph.layers:
        if old in layer.sources and new in layer.sources:
            raise ConfigurationError(
                f"Layer {layer.name!r} takes both {old!r} and {new!r}: they would become one source with each delay "
                f"twice. Build the network with one of them."
            )
    return _with_taps(network, lambda source, delays: (new if source == old else source, delays))


def _with_taps(network: Network, changed: Callable[[str, tuple[int, ...]], tuple[str, tuple[int, ...]]]) -> Network:
    """The network with every source and its delays changed; the order of the weights stays."""

    def layer_with(layer: Layer) -> Layer:
        taps = dict(changed(source, delays) for source, delays in layer.taps)
        return replace(layer, sources=tuple(taps), delays=taps)

    graph = network.graph
    return replace(network, graph=replace(graph, layers=tuple(layer_with(layer) for layer in graph.layers)))
