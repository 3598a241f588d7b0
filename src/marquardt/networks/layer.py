"""A layer of units, and where its weights lie among those of its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from marquardt.arrays import Array
from marquardt.checks import nearest, whole
from marquardt.errors import ConfigurationError
from marquardt.networks.activations import activation_named

__all__ = ["INPUTS", "TARGETS", "Layer", "LayerSpan"]

INPUTS = "inputs"
"""The name by which layers call the network's inputs."""

TARGETS = "targets"
"""The name by which layers of an open-loop network call the measured targets, delayed."""


@dataclass(frozen=True)
class Layer:
    """A layer of units that share their sources and their activation.

    Parameters
    ----------
    size : int
        Number of units, at least 1.
    activation : str
        One of `ACTIVATIONS`, alone or with a gain: ``"tanh(gain=0.5)"``.
    sources : tuple of str
        ``"inputs"`` or names of earlier layers, each once; with delays also ``"targets"`` and later layers.
    bias : bool
        Whether each unit has a bias.
    name : str
        Unique in its graph.
    delays : mapping of str to sequence of int, optional
        For every source that is taken with delays, which: ``{"inputs": (0, 1, 5)}``. They are kept ascending. A source
        that is not named is taken as it is now, with the delay 0 alone.

    Raises
    ------
    ConfigurationError
        For a size below 1, an unknown activation, no source, a source named twice, a name that is no text, or delays
        that are no different whole numbers from 0 up or are not of a source.

    Examples
    --------
    >>> Layer(10, "tanh", ("inputs",), name="hidden1").size
    10
    >>> Layer(10, "tanh", ("inputs", "output"), delays={"inputs": (0, 1), "output": (1,)}).taps
    (('inputs', (0, 1)), ('output', (1,)))
    """

    size: int
    activation: str = "tanh"
    sources: tuple[str, ...] = (INPUTS,)
    bias: bool = True
    name: str = "layer"
    delays: Mapping[str, Sequence[int]] | tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ConfigurationError(f"The name of a layer must be a text, got {self.name!r}.")
        # Plain numbers and truth values, so that descriptions go out to JSON and biases count as one.
        object.__setattr__(self, "size", whole(self.size, f"the size of layer {self.name!r}", minimum=1))
        object.__setattr__(self, "bias", bool(self.bias))
        object.__setattr__(self, "activation", activation_named(self.activation).name)
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
        object.__setattr__(self, "delays", self._checked_delays())

    def _checked_delays(self) -> tuple[tuple[int, ...], ...]:
        """One ascending tuple a source; nothing where no source has a delay, so that equal layers are equal."""
        given: Any = self.delays
        if not given:
            return ()
        if not isinstance(given, Mapping):
            if not isinstance(given, tuple | list) or len(given) != len(self.sources):
                raise ConfigurationError(
                    f"The delays of layer {self.name!r} must be given by source, got {given!r}. "
                    f"Example: {{{self.sources[0]!r}: (0, 1)}}."
                )
            given = dict(zip(self.sources, given, strict=True))
        for source in given:
            if source not in self.sources:
                raise ConfigurationError(
                    f"Layer {self.name!r} has delays for {source!r}, which is none of its sources "
                    f"({', '.join(self.sources)}).{nearest(source, self.sources)}"
                )
        delays = tuple(_ascending(given.get(source, (0,)), source, self.name) for source in self.sources)
        return () if all(each == (0,) for each in delays) else delays

    @property
    def taps(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Every source with its delays, in the order of the weights."""
        delays: Any = self.delays or ((0,),) * len(self.sources)
        return tuple(zip(self.sources, delays, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return the layer as plain JSON values."""
        description: dict[str, Any] = {
            "name": self.name,
            "size": self.size,
            "activation": self.activation,
            "sources": list(self.sources),
            "bias": self.bias,
        }
        return description | ({"delays": [list(delays) for _, delays in self.taps]} if self.delays else {})

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Layer:
        """Build a layer from what `to_dict` returned."""
        return cls(
            description["size"],
            description["activation"],
            tuple(description["sources"]),
            bool(description["bias"]),
            str(description["name"]),
            tuple(description.get("delays", ())),
        )


def _ascending(delays: Any, source: str, layer: str) -> tuple[int, ...]:
    """Delays of one source as a tuple in ascending order."""
    what = f"each delay of {source!r} in layer {layer!r}"
    if isinstance(delays, str) or not hasattr(delays, "__iter__"):
        raise ConfigurationError(
            f"The delays of {source!r} in layer {layer!r} must be a list of whole numbers, got {delays!r}. "
            f"Example: (0, 1, 2)."
        )
    ascending = tuple(sorted(whole(delay, what) for delay in delays))
    if not ascending or len(set(ascending)) < len(ascending):
        raise ConfigurationError(
            f"The delays of {source!r} in layer {layer!r} must be different whole numbers, at least one, "
            f"got {tuple(delays)}."
        )
    return ascending


@dataclass(frozen=True)
class LayerSpan:
    """Where a layer's connections lie among all, and where each source lies in its fan-in."""

    layer: Layer
    start: int  # ``connections[start:stop].reshape(layer.size, fan_in)`` is its matrix, bias last
    stop: int
    fan_in: int  # Width of the stacked sources, the bias included
    # For every source its name and its first and last-plus-one column, all its delays together
    columns: tuple[tuple[str, int, int], ...] = field(default=())
    # For every source and delay the source's name, the delay, and the first and last-plus-one column
    taps: tuple[tuple[str, int, int, int], ...] = field(default=())

    def matrix(self, weights: Array) -> Array:
        """Return the layer's matrix (size, fan_in), a view of the vector."""
        return weights[self.start : self.stop].reshape(self.layer.size, self.fan_in)

    def parts(self, connections: Array) -> dict[str, Array]:
        """Name the parts of the layer's matrix: a source, a source with its delay, the bias."""
        matrix, delays = self.matrix(connections), dict(self.layer.taps)
        parts = {
            source if delays[source] == (0,) else _at_delay(source, delay): matrix[:, first:last]
            for source, delay, first, last in self.taps
        }
        return parts | ({"bias": matrix[:, -1]} if self.layer.bias else {})


def _at_delay(source: str, delay: int) -> str:
    return f"{source}(t-{delay})" if delay else f"{source}(t)"
