"""The one description of a network: a graph of layers.

The order of the flat weight vector is fixed and part of the file format: layer by layer; inside a layer unit
by unit; inside a unit the weights of its sources in the order of `Layer.sources`, inside a source by its delays,
ascending, and inside a delay by its units; then the bias if the layer has one. So a layer's part of the vector,
reshaped to (size, fan_in), is the matrix W of net = W z with z the stacked sources and a 1.

Where weights are fixed or shared, that is the order of all connections, and the flat weight vector has those that are
trained, each at the place of its first connection: see `WeightMap`.

A source with delays is a tapped delay line: at step t the layer takes what the source was at t − delay, for every one
of its delays. With delays of at least 1 a source may be any layer, itself too; that is feedback.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from marquardt.arrays import AnyArray, Array, ArrayLike
from marquardt.checks import nearest, whole
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.networks.activations import activation_named
from marquardt.networks.layer import INPUTS, TARGETS, Layer, LayerSpan
from marquardt.networks.weight_map import FIXED, WeightMap

__all__ = ["INPUTS", "TARGETS", "Layer", "LayerGraph", "LayerSpan"]


@dataclass(frozen=True)
class LayerGraph:
    """Layers in order of evaluation; the last one is the output.

    Parameters
    ----------
    n_inputs : int
        Number of network inputs, at least 1; 0 where no layer takes them, as in a network of its own past alone.
    layers : sequence of Layer
        Each may take the inputs and layers before it as sources; the measured targets; and, with delays of at least 1,
        any layer.
    weight_map : WeightMap, optional
        Which weights are fixed or shared; none when not given. `with_fixed` and `with_shared` make it.
    steps_ahead : int
        How many steps early the outputs come: at step t they are of step t + `steps_ahead`. `remove_delay` sets it.

    Raises
    ------
    ConfigurationError
        For no layers, names used twice or reserved, a source without delay that is not an earlier layer, a layer that
        does not reach the output, or softmax anywhere but at the output.
    ShapeError
        If the map is of another number of connections.

    Examples
    --------
    >>> graph = LayerGraph(2, (Layer(3, "tanh", name="hidden1"), Layer(1, "identity", ("hidden1",), name="output")))
    >>> graph.n_weights, graph.n_outputs
    (13, 1)
    """

    n_inputs: int
    layers: tuple[Layer, ...]
    weight_map: WeightMap | None = None
    steps_ahead: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "steps_ahead", whole(self.steps_ahead, "steps_ahead"))
        if not self.layers:
            raise ConfigurationError("A network needs at least one layer, its output.")
        takes_inputs = any(INPUTS in layer.sources for layer in self.layers)
        object.__setattr__(self, "n_inputs", whole(self.n_inputs, "the number of inputs", minimum=int(takes_inputs)))
        known = dict.fromkeys((INPUTS, TARGETS))  # in their order, and found at once
        for layer in self.layers:
            if layer.name in known or layer.name == "bias":
                raise ConfigurationError(f"The layer name {layer.name!r} is taken. Give every layer a name of its own.")
            known[layer.name] = None
        earlier = {INPUTS, TARGETS}
        for layer in self.layers:
            for source, delays in layer.taps:
                _check_tap(layer, source, delays, earlier, known)
            earlier.add(layer.name)
        reached = self._reaching_output()
        for layer in self.layers[:-1]:
            if layer.name not in reached:
                raise ConfigurationError(f"No layer takes {layer.name!r} as a source. Connect it or leave it out.")
            if not activation_named(layer.activation).elementwise:
                raise ConfigurationError(
                    f"Layer {layer.name!r} is {layer.activation}, which only the output layer may be."
                )
        if self.weight_map is not None and self.weight_map.n_connections != self.n_connections:
            raise ShapeError(
                f"{self.describe()} has {self.n_connections} connections, the map of its weights "
                f"{self.weight_map.n_connections}."
            )

    def _reaching_output(self) -> set[str]:
        """Names of the layers that the output depends on, and its own."""
        sources = {layer.name: layer.sources for layer in self.layers}
        reached, todo = {self.output.name}, [self.output.name]
        while todo:
            for source in sources[todo.pop()]:
                if source in sources and source not in reached:
                    reached.add(source)
                    todo.append(source)
        return reached

    @property
    def is_dynamic(self) -> bool:
        """Whether a row depends on earlier rows: delays, feedback, or measured targets among the sources."""
        return any(layer.delays or TARGETS in layer.sources for layer in self.layers) or self.n_inputs == 0

    @property
    def max_delay(self) -> int:
        """The longest delay; 0 in a static network."""
        return max(delays[-1] for layer in self.layers for _, delays in layer.taps)

    @property
    def history(self) -> int:
        """Steps of data that come before the first output: the longest delay of inputs, targets and output.

        Where outputs that come early are fed back, the last of them before the first step are made from data, too.
        """
        data = (INPUTS, TARGETS, self.output.name)
        taps = [(source, delays[-1]) for layer in self.layers for source, delays in layer.taps]
        made = self.steps_ahead if any(source == self.output.name for source, _ in taps) else 0
        return made + max((delay for source, delay in taps if source in data), default=0)

    def require_static(self, what: str) -> None:
        """Refuse a network whose rows depend on each other, where they are taken as samples of their own.

        Parameters
        ----------
        what : str
            What would take them so; begins the message.

        Raises
        ------
        ConfigurationError
            If there are delays or feedback; the message names what takes sequences.
        """
        if self.is_dynamic:
            raise ConfigurationError(
                f"{what} takes every row as a sample of its own, and in {self.describe()} rows depend on earlier ones. "
                f"Use simulate for its outputs and train_sequences to train it."
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
        sizes = {INPUTS: self.n_inputs, TARGETS: self.n_outputs} | {layer.name: layer.size for layer in self.layers}
        spans = []
        start = 0
        for layer in self.layers:
            columns = []
            taps = []
            width = 0
            for source, delays in layer.taps:
                columns.append((source, width, width + sizes[source] * len(delays)))
                for delay in delays:
                    taps.append((source, delay, width, width + sizes[source]))
                    width += sizes[source]
            fan_in = width + layer.bias
            stop = start + layer.size * fan_in
            spans.append(LayerSpan(layer, start, stop, fan_in, tuple(columns), tuple(taps)))
            start = stop
        return tuple(spans)

    @property
    def n_connections(self) -> int:
        """Connections and biases, all layers together."""
        return self.spans[-1].stop

    @property
    def n_weights(self) -> int:
        """Weights and biases that are trained, all layers together: those of all connections but the fixed, and those
        that are shared once."""
        return self.n_connections if self.weight_map is None else self.weight_map.n_weights

    def connections(self, weights: Array) -> Array:
        """Return the weight of every connection, the fixed ones included.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            What is trained.

        Returns
        -------
        ndarray of shape (n_connections,)
            The weights themselves where none is fixed or shared.
        """
        return weights if self.weight_map is None else self.weight_map.expand(weights)

    def with_fixed(self, values: Mapping[tuple[str, str], ArrayLike]) -> LayerGraph:
        """Return the graph with more weights fixed.

        Parameters
        ----------
        values : mapping of (layer, source) to array-like
            For ``("hidden1", "inputs")`` or ``("hidden1", "bias")`` one number for all of these weights, or an array of
            the shape that `views` gives them, with NaN where they stay as they are.

        Returns
        -------
        LayerGraph
            With fewer weights. Where one of several connections that share a weight is fixed, all are.

        Raises
        ------
        ConfigurationError
            If there are no such weights, they are fixed at another value already, or none is left to train.
        ShapeError
            If an array is of another shape.

        Examples
        --------
        The first hidden unit sees the first input only:

        >>> graph = LayerGraph(2, (Layer(2, name="hidden1"), Layer(1, "identity", ("hidden1",), name="output")))
        >>> graph = graph.with_fixed({("hidden1", "inputs"): [[np.nan, 0.0], [np.nan, np.nan]]})
        >>> graph.n_connections, graph.n_weights
        (9, 8)
        """
        labels, fixed = self._labels()
        for place, there in self._places(values):
            given = np.asarray(values[place], dtype=np.float64)
            if given.ndim and given.shape != there.shape:
                raise ShapeError(f"The weights {place} are of shape {there.shape}, got values of shape {given.shape}.")
            given = np.broadcast_to(given, there.shape)
            is_given = ~np.isnan(given)
            connections, wanted = there[is_given], given[is_given]
            numbers = labels[connections]
            # The value of every weight that is going to be fixed.
            of_weight = np.full(self.n_connections, np.nan)
            of_weight[numbers[numbers != FIXED]] = wanted[numbers != FIXED]
            has = np.where(numbers == FIXED, fixed[connections], of_weight[numbers])
            wrong = np.flatnonzero(has != wanted)
            if len(wrong):
                raise ConfigurationError(
                    f"A weight of {place} is fixed at {has[wrong[0]]:g} already, got {wanted[wrong[0]]:g}."
                )
            is_fixed = (labels != FIXED) & ~np.isnan(of_weight[labels])
            fixed[is_fixed] = of_weight[labels[is_fixed]]
            labels[is_fixed] = FIXED
        return LayerGraph(self.n_inputs, self.layers, WeightMap.numbered(labels, fixed))

    def with_shared(self, labels: Mapping[tuple[str, str], ArrayLike]) -> LayerGraph:
        """Return the graph with weights that are shared.

        Parameters
        ----------
        labels : mapping of (layer, source) to array-like of int
            For ``("hidden1", "inputs")`` or ``("hidden1", "bias")`` an array of the shape that `views` gives them:
            where numbers are equal, in one array or in two, the weight is one; −1 where a weight stays as it is.

        Returns
        -------
        LayerGraph
            With fewer weights. A decay acts on a shared weight once, with the α of the layer that has it first.

        Raises
        ------
        ConfigurationError
            If there are no such weights, labels are no whole numbers, or weights to be shared are fixed.
        ShapeError
            If an array is of another shape.

        Examples
        --------
        Two units that see both inputs with the same weight:

        >>> graph = LayerGraph(2, (Layer(2, name="hidden1"), Layer(1, "identity", ("hidden1",), name="output")))
        >>> graph = graph.with_shared({("hidden1", "inputs"): [[0, 0], [1, 1]]})
        >>> graph.n_connections, graph.n_weights
        (9, 7)
        """
        numbers, fixed = self._labels()
        taken: dict[int, int] = {}
        for place, there in self._places(labels):
            given = np.asarray(labels[place])
            if given.dtype.kind not in "iu":
                raise ConfigurationError(f"The labels of {place} must be whole numbers, got {given.dtype}.")
            if given.shape != there.shape:
                raise ShapeError(f"The weights {place} are of shape {there.shape}, got labels of shape {given.shape}.")
            for connection, label in zip(there.ravel().tolist(), given.ravel().tolist(), strict=True):
                if label < 0:
                    continue
                if numbers[connection] == FIXED:
                    raise ConfigurationError(f"A weight of {place} is fixed, so it cannot be shared. Label it -1.")
                number = taken.setdefault(label, int(numbers[connection]))
                numbers[numbers == numbers[connection]] = number
        return LayerGraph(self.n_inputs, self.layers, WeightMap.numbered(numbers, fixed))

    def _labels(self) -> tuple[AnyArray, Array]:
        """The index of every connection and the fixed values, to be changed."""
        if self.weight_map is None:
            return np.arange(self.n_connections), np.zeros(self.n_connections)
        return self.weight_map.index.copy(), self.weight_map.values.copy()

    def _places(self, named: Mapping[tuple[str, str], Any]) -> list[tuple[tuple[str, str], AnyArray]]:
        """The connections of every (layer, source), or an error that says which is none."""
        everything = self._named_parts(np.arange(self.n_connections, dtype=np.float64))
        places = [(layer, source) for layer, parts in everything.items() for source in parts]
        found = []
        for place in named:
            if place not in places:
                raise ConfigurationError(
                    f"There are no weights {place!r}. There are {', '.join(map(repr, places[:12]))}"
                    f"{' and more' if len(places) > 12 else ''}."
                )
            found.append((place, everything[place[0]][place[1]].astype(np.intp)))
        return found

    def views(self, weights: Array) -> dict[str, dict[str, Array]]:
        """Name the parts of a flat weight vector.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The vector. The result shares its memory; where weights are fixed or shared it is a copy, read-only.

        Returns
        -------
        dict
            ``views["hidden1"]["inputs"]`` of shape (size, n_inputs), ``views["hidden1"]["bias"]`` of shape (size,).
            A delay has a part of its own: ``views["hidden1"]["inputs(t-1)"]``, and ``"inputs(t)"`` for the delay 0 of
            a source with others.

        Raises
        ------
        ShapeError
            If the vector is not of length n_weights.
        """
        if weights.shape != (self.n_weights,):
            raise ShapeError(f"This network has {self.n_weights} weights, got an array of shape {weights.shape}.")
        if self.weight_map is None:
            return self._named_parts(weights)
        connections = self.weight_map.expand(weights)
        connections.setflags(write=False)
        return self._named_parts(connections)

    def _named_parts(self, connections: Array) -> dict[str, dict[str, Array]]:
        return {span.layer.name: span.parts(connections) for span in self.spans}

    def describe(self) -> str:
        """Return a short text such as ``"8-10-1 tanh, identity"``.

        Returns
        -------
        str
            Sizes from inputs to output, and the activations of the layers; then the delays, layer by layer, as in
            ``"1-10-1 tanh, identity, hidden1 takes inputs 0-2 and output 1,5"``.
        """
        sizes = "-".join(str(size) for size in (self.n_inputs, *(layer.size for layer in self.layers)))
        text = f"{sizes} {', '.join(layer.activation for layer in self.layers)}"
        for layer in self.layers:
            delayed = [f"{source} {_runs(delays)}" for source, delays in layer.taps if delays != (0,)]
            if delayed:
                text += f", {layer.name} takes {' and '.join(delayed)}"
        if self.steps_ahead:
            text += f", {self.steps_ahead} step{'s' if self.steps_ahead > 1 else ''} ahead"
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return the description as plain JSON values.

        Returns
        -------
        dict
            What `from_dict` reads.
        """
        description = {"n_inputs": self.n_inputs, "layers": [layer.to_dict() for layer in self.layers]}
        if self.weight_map is not None:
            description["weight_map"] = self.weight_map.to_dict()
        if self.steps_ahead:
            description["steps_ahead"] = self.steps_ahead
        return description

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
            weight_map = description.get("weight_map")
            return cls(
                description["n_inputs"],
                tuple(Layer.from_dict(layer) for layer in description["layers"]),
                None if weight_map is None else WeightMap.from_dict(weight_map),
                description.get("steps_ahead", 0),
            )
        except (AttributeError, KeyError, OverflowError, TypeError) as error:
            raise ConfigurationError(f"This does not describe a network: {type(error).__name__}: {error}.") from error


def _runs(delays: tuple[int, ...]) -> str:
    """Ascending delays as a text: 0-2,5."""
    runs: list[list[int]] = []
    for delay in delays:
        if runs and delay == runs[-1][-1] + 1:
            runs[-1].append(delay)
        else:
            runs.append([delay])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _check_tap(layer: Layer, source: str, delays: tuple[int, ...], earlier: set[str], known: dict[str, None]) -> None:
    """Refuse a source that is not there, or not there yet."""
    if source not in known or (source not in earlier and not layer.delays):
        names = [name for name in known if name == INPUTS or name in earlier]
        later = f" With delays of at least 1 it may be a source: delays={{{source!r}: (1,)}}."
        raise ConfigurationError(
            f"Layer {layer.name!r} takes {source!r}, which is neither {INPUTS!r} nor an earlier "
            f"layer.{later if source in known else nearest(source, names)}"
        )
    if source not in earlier and delays[0] == 0:
        raise ConfigurationError(
            f"Layer {layer.name!r} takes {source!r} with the delay 0, before it is there. Give it delays of at "
            f"least 1, or put {source!r} before {layer.name!r}."
        )
