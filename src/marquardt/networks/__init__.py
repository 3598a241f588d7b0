"""Networks: activations, the layer graph, weights and their starts, scalings, evaluation."""

from marquardt.networks.activations import (
    ACTIVATIONS,
    Activation,
    activation_named,
    name_and_gain,
    register_activation,
)
from marquardt.networks.builders import TOPOLOGIES, build, cascade_forward, feed_forward, hidden_sizes
from marquardt.networks.graph import INPUTS, TARGETS, Layer, LayerGraph, LayerSpan
from marquardt.networks.initialization import INITIALIZATIONS, initial_weights
from marquardt.networks.network import Network, forward
from marquardt.networks.scaling import SCALINGS, ColumnStatistics, Scaling
from marquardt.networks.weight_map import WeightMap

__all__ = [
    "ACTIVATIONS",
    "INITIALIZATIONS",
    "INPUTS",
    "SCALINGS",
    "TARGETS",
    "TOPOLOGIES",
    "Activation",
    "ColumnStatistics",
    "Layer",
    "LayerGraph",
    "LayerSpan",
    "Network",
    "Scaling",
    "WeightMap",
    "activation_named",
    "build",
    "cascade_forward",
    "feed_forward",
    "forward",
    "hidden_sizes",
    "initial_weights",
    "name_and_gain",
    "register_activation",
]
