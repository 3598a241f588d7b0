"""The weighted mean of several networks as one network: their hidden layers side by side, their output weights scaled.

With identity outputs the sum Σ v_k f_k of networks f_k with the same scalings is linear in their output layers, so that

    net = Σ_k v_k (W_k z_k + b_k) = [v_1 W_1, v_2 W_2, …] [z_1; z_2; …] + Σ_k v_k b_k                         (1)

is the output layer of one wider network. With a logistic or softmax output (1) averages the logarithms of the odds; the
probabilities are then the normalized geometric mean. What the weights lack to one is a share of the model that is zero
in scaled targets: with standard scaling their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from marquardt.arrays import Array, ArrayLike, as_array
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.networks.graph import INPUTS, Layer, LayerGraph
from marquardt.networks.network import Network
from marquardt.networks.scaling import Scaling

__all__ = ["averaged"]


def averaged(networks: Sequence[Network], weights: ArrayLike | None = None) -> Network:
    """Return one network that gives the weighted mean of the outputs of several.

    Parameters
    ----------
    networks : sequence of Network
        Without delays, with the same inputs, scalings and output activation. Their hidden layers may differ, or be
        absent.
    weights : array-like of shape (n_networks,), optional
        Of each network; equal weights that sum to one when not given. Those of weight 0 are left out. Where the sum is
        less than one, the rest is the network that is 0 in scaled targets.

    Returns
    -------
    Network
        With an identity output its outputs are the weighted mean of theirs; with a logistic or softmax output its
        log-odds are. Fixed and shared weights are ordinary ones in it.

    Raises
    ------
    ConfigurationError
        If the networks do not fit together.
    ShapeError
        If there are not as many weights as networks.

    Examples
    --------
    >>> from marquardt import averaged, feed_forward
    >>> one = Network(feed_forward(1, (), 1), [2.0, 1.0])
    >>> other = Network(feed_forward(1, (1,), 1), [1.0, 0.0, 4.0, 0.0])
    >>> both = averaged([one, other])
    >>> bool(np.allclose(both.outputs([[0.5]]), (one.outputs([[0.5]]) + other.outputs([[0.5]])) / 2))
    True
    """
    shares = np.full(len(networks), 1 / max(len(networks), 1)) if weights is None else as_array(weights, "weights")
    if shares.shape != (len(networks),) or not len(networks):
        raise ShapeError(
            f"There must be as many weights as networks, at least one, got weights of shape {shares.shape} for "
            f"{len(networks)} networks."
        )
    _require_alike(networks)
    kept = [(network, share) for network, share in zip(networks, shares.tolist(), strict=True) if share] or [
        (networks[0], 0.0)
    ]
    graph, connections = _joined(kept)
    return Network(graph, connections, networks[0].input_scaling, networks[0].target_scaling)


def _require_alike(networks: Sequence[Network]) -> None:
    first = networks[0]
    for number, network in enumerate(networks):
        network.graph.require_static("averaged")
        differs = None
        if network.graph.n_inputs != first.graph.n_inputs:
            differs = f"{network.graph.n_inputs} inputs and not {first.graph.n_inputs}"
        elif network.graph.n_outputs != first.graph.n_outputs:
            differs = f"{network.graph.n_outputs} outputs and not {first.graph.n_outputs}"
        elif network.graph.output.activation != first.graph.output.activation:
            differs = f"{network.graph.output.activation} outputs and not {first.graph.output.activation}"
        elif not (
            _are_equal(network.input_scaling, first.input_scaling)
            and _are_equal(network.target_scaling, first.target_scaling)
        ):
            differs = "other scalings"
        if differs:
            raise ConfigurationError(
                f"Networks that are averaged must agree in inputs, outputs and scalings: network {number} has "
                f"{differs}{'' if ' not ' in differs else ' than network 0'}. Train them all from the same scalings."
            )


def _are_equal(one: Scaling, other: Scaling) -> bool:
    return np.array_equal(one.offset, other.offset) and np.array_equal(one.factor, other.factor)


def _joined(members: Sequence[tuple[Network, float]]) -> tuple[LayerGraph, Array]:
    """The wider graph and its connections: first layers that only the output takes become one, others stay apart."""
    side_by_side: dict[tuple[str, bool], str] = {}  # their names by activation and bias
    matrices: dict[str, list[Array]] = {}
    layers: dict[str, Layer] = {}
    to_output: dict[str, list[Array]] = {}  # columns of the output layer by source
    bias = np.zeros((members[0][0].graph.n_outputs, 1))
    for number, (network, share) in enumerate(members, start=1):
        graph, connections = network.graph, network.graph.connections(network.weights)
        taken = {source for layer in graph.layers[:-1] for source in layer.sources}
        names = {INPUTS: INPUTS}
        for span in graph.spans[:-1]:
            layer = span.layer
            name = f"{layer.name}_of_{number}"
            if layer.sources == (INPUTS,) and layer.name not in taken:
                name = side_by_side.setdefault((layer.activation, layer.bias), f"hidden{len(side_by_side) + 1}")
            names[layer.name] = name
            matrices.setdefault(name, []).append(span.matrix(connections))
            layers[name] = replace(layer, sources=tuple(names[source] for source in layer.sources), name=name)
        output = graph.spans[-1]
        matrix = share * output.matrix(connections)
        for source, first, last in output.columns:
            to_output.setdefault(names[source], []).append(matrix[:, first:last])
        if graph.output.bias:
            bias += matrix[:, -1:]
    if INPUTS in to_output:
        to_output[INPUTS] = [np.sum(to_output[INPUTS], axis=0)]
    wide = [replace(layers[name], size=sum(map(len, each))) for name, each in matrices.items()]
    ending = replace(members[0][0].graph.output, sources=tuple(to_output), bias=True, name="output")
    last_matrix = np.hstack([*(np.hstack(columns) for columns in to_output.values()), bias])
    parts = [np.vstack(each).ravel() for each in matrices.values()]
    return LayerGraph(members[0][0].graph.n_inputs, (*wide, ending)), np.concatenate([*parts, last_matrix.ravel()])
