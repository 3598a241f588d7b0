"""Networks: activations, the layer graph, weights and their starts, scalings, evaluation."""

from marquardt.networks.activations import (
    ACTIVATIONS,
    COMPILED_ACTIVATIONS,
    Activation,
    activation_named,
    name_and_gain,
    register_activation,
)
from marquardt.networks.averaging import averaged
from marquardt.networks.builders import (
    TOPOLOGIES,
    bridged_multilayer,
    build,
    cascade_forward,
    feed_forward,
    fully_connected_cascade,
    hidden_sizes,
)
from marquardt.networks.dynamic import distributed_delay, layer_recurrent, nar, narx, time_delay
from marquardt.networks.graph import INPUTS, TARGETS, Layer, LayerGraph, LayerSpan
from marquardt.networks.initialization import INITIALIZATIONS, initial_weights
from marquardt.networks.loops import close_loop, open_loop, remove_delay
from marquardt.networks.network import Network, forward
from marquardt.networks.scaling import SCALINGS, ColumnStatistics, Scaling
from marquardt.networks.simulation import DelayStates, Prepared, Sequences, Simulation, delays_of, simulate
from marquardt.networks.text_form import TopologyFile, read_patterns, read_topology, write_topology
from marquardt.networks.through_time import TimeWiring, Trajectory
from marquardt.networks.units import Unit, unit_graph, units_of
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
    "TopologyFile",
    "Trajectory",
    "Unit",
    "WeightMap",
    "activation_named",
    "averaged",
    "bridged_multilayer",
    "build",
    "cascade_forward",
    "close_loop",
    "delays_of",
    "distributed_delay",
    "feed_forward",
    "forward",
    "fully_connected_cascade",
    "hidden_sizes",
    "initial_weights",
    "layer_recurrent",
    "name_and_gain",
    "nar",
    "narx",
    "open_loop",
    "read_patterns",
    "read_topology",
    "register_activation",
    "remove_delay",
    "simulate",
    "time_delay",
    "unit_graph",
    "units_of",
    "write_topology",
]
