"""Networks: activations, the layer graph, weights and their starts, scalings, evaluation."""

from marquardt.networks.activations import (
    ACTIVATIONS,
    COMPILED_ACTIVATIONS,
    Activation,
    activation_named,
    name_and_gain,
    register_activation,
)
from marquardt.networks.builders import TOPOLOGIES, build, cascade_forward, feed_forward, hidden_sizes
from marquardt.networks.dynamic import distributed_delay, layer_recurrent, nar, narx, time_delay
from marquardt.networks.graph import INPUTS, TARGETS, Layer, LayerGraph, LayerSpan
from marquardt.networks.initialization import INITIALIZATIONS, initial_weights
from marquardt.networks.loops import close_loop, open_loop, remove_delay
from marquardt.networks.network import Network, forward
from marquardt.networks.scaling import SCALINGS, ColumnStatistics, Scaling
from marquardt.networks.simulation import DelayStates, Prepared, Sequences, Simulation, delays_of, simulate
from marquardt.networks.through_time import Course, TimeWiring
from marquardt.networks.weight_map import WeightMap

__all__ = [
    "ACTIVATIONS",
    "COMPILED_ACTIVATIONS",
    "INITIALIZATIONS",
    "INPUTS",
    "SCALINGS",
    "TARGETS",
    "TOPOLOGIES",
    "Activation",
    "ColumnStatistics",
    "Course",
    "DelayStates",
    "Layer",
    "LayerGraph",
    "LayerSpan",
    "Network",
    "Prepared",
    "Scaling",
    "Sequences",
    "Simulation",
    "TimeWiring",
    "WeightMap",
    "activation_named",
    "build",
    "cascade_forward",
    "close_loop",
    "delays_of",
    "distributed_delay",
    "feed_forward",
    "forward",
    "hidden_sizes",
    "initial_weights",
    "layer_recurrent",
    "name_and_gain",
    "nar",
    "narx",
    "open_loop",
    "register_activation",
    "remove_delay",
    "simulate",
    "time_delay",
]
