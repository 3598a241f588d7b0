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
        If no layer takes the targets, one takes them no later than the outputs come, or one takes the output already.

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
        if dict(layer.taps).get(TARGETS, (1,))[0] + graph.steps_ahead == 0:
            raise ConfigurationError(
                f"Layer {layer.name!r} takes {TARGETS!r} with the delay 0, which its own outputs cannot have. "
                f"Give it delays of at least 1."
            )
    # An output that comes early is that much older when it is the measured value's turn.
    return _renamed(network, TARGETS, graph.output.name, graph.steps_ahead)


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
        If no layer takes the output, one takes it before it is measured, or one takes the targets already.

    Examples
    --------
    >>> from marquardt.networks import nar
    >>> open_loop(Network(nar((), feedback_delays=(1,), closed=True), [0.5, 0.0])).graph.describe()
    '0-1 identity, output takes targets 1'
    """
    graph = network.graph
    if not any(graph.output.name in layer.sources for layer in graph.layers):
        raise ConfigurationError(f"There is no loop to open: no layer of {graph.describe()} takes its output.")
    first = min(dict(layer.taps).get(graph.output.name, (graph.steps_ahead,))[0] for layer in graph.layers)
    if first < graph.steps_ahead:
        raise ConfigurationError(
            f"{graph.describe()} takes its output with the delay {first}, and that output is of a time that is not "
            f"measured yet. Leave the loop closed, or remove fewer steps."
        )
    return _renamed(network, graph.output.name, TARGETS, -graph.steps_ahead)


def remove_delay(network: Network, steps: int = 1) -> Network:
    """Let a network give its outputs earlier, by taking delays out of its inputs (the toolbox's removedelay).

    Every delay of inputs and measured targets becomes shorter; delays between layers stay. So a network that predicts
    y(t) from x(t−1) and y(t−1) says y(t+1) as soon as x(t) and y(t) are there: its output at step t is the old one's at
    step t + steps, which its graph keeps as `LayerGraph.steps_ahead`. Where it is fed back it is of that time,
    too; closing the loop before or after is the same. It is trained before, as after it targets are of other steps.

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
    '0-1 identity, output takes targets 0,2, 1 step ahead'
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

    removed = _with_taps(network, earlier)
    return replace(removed, graph=replace(removed.graph, steps_ahead=graph.steps_ahead + steps))


def _renamed(network: Network, old: str, new: str, later: int) -> Network:
    """The network with one source in place of another, taken so many steps later."""
    for layer in network.graph.layers:
        if old in layer.sources and new in layer.sources:
            raise ConfigurationError(
                f"Layer {layer.name!r} takes both {old!r} and {new!r}: they would become one source with each delay "
                f"twice. Build the network with one of them."
            )

    def renamed(source: str, delays: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        return (new, tuple(delay + later for delay in delays)) if source == old else (source, delays)

    return _with_taps(network, renamed)


def _with_taps(network: Network, changed: Callable[[str, tuple[int, ...]], tuple[str, tuple[int, ...]]]) -> Network:
    """The network with every source and its delays changed; the order of the weights stays."""

    def layer_with(layer: Layer) -> Layer:
        taps = dict(changed(source, delays) for source, delays in layer.taps)
        return replace(layer, sources=tuple(taps), delays=taps)

    graph = network.graph
    return replace(network, graph=replace(graph, layers=tuple(layer_with(layer) for layer in graph.layers)))
