"""Neuron by neuron: quasi-Hessian and gradient accumulated sample by sample, forward only.

Number the units so that each takes only inputs and earlier units; then any network without a cycle is one list. For
a sample, going forward once, unit j has its value y_j and slope s_j = f′(net_j), and with them at once the gains
δ_jk = ∂y_j/∂net_k from every earlier unit k:

    δ_jj = s_j,        δ_jk = s_j Σ_{k ≤ i < j} w_ji δ_ik                                                (1)

w_ji the weight of unit j for unit i. Nothing is propagated back: when the outputs are reached, the row of the
Jacobian for output m is there, δ_mk y_i for the weight of unit k for source i, and

    Q ← Q + (R j)ᵀ(R j),        g ← g + jᵀ ∂loss/∂outputs                                                (2)

after which the row j is forgotten. R is the factor of the loss curvature; 1 for squares.

Wilamowski and Yu (2010), "Neural network learning without backpropagation"; "Improved computation for
Levenberg–Marquardt training". This is the method as published, a Python loop over samples and units: the plain twin
of the pair form, which is the same sum taken over blocks of samples and layers of units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marquardt.arrays import Array, Indices
from marquardt.networks import INPUTS, LayerGraph
from marquardt.objective.block_passes import BlockPasses
from marquardt.objective.cost import CostModel, Work
from marquardt.objective.forms.form import NormalPass, SampleForm
from marquardt.objective.passes import Wiring
from marquardt.objective.plan import Plan
from marquardt.objective.sensitivities import curvature_rows
from marquardt.objective.sums import Normal, total_each

__all__ = ["ByNeuron", "NeuronByNeuron"]


class Unit(NamedTuple):
    """A unit among all signals: the inputs first, then the units in order."""

    layer: int  # Number of its layer, whose activation it has
    signals: Indices  # Where its sources are among the signals
    start: int  # Its weights in the flat vector; the last is the bias, if it has one
    stop: int
    has_bias: bool  # Whether it has


def _units(graph: LayerGraph) -> list[Unit]:
    """Every unit of every layer, in the order of the weights."""
    first = {INPUTS: 0}
    sizes = {INPUTS: graph.n_inputs}
    n_signals = graph.n_inputs
    units = []
    for number, span in enumerate(graph.spans):
        layer = span.layer
        sources = [np.arange(first[name], first[name] + sizes[name]) for name in layer.sources]
        for k in range(layer.size):
            start = span.start + k * span.fan_in
            units.append(Unit(number, np.concatenate(sources), start, start + span.fan_in, layer.bias))
        first[layer.name], sizes[layer.name] = n_signals, layer.size
        n_signals += layer.size
    return units


class NeuronByNeuron:
    """The normal equations by eqs. (1) and (2)."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._units = _units(wiring.graph)

    def rows(self, weights: Array, sample: Array) -> Array:
        """Return the rows of the Jacobian of one sample, by one forward sweep."""
        wiring, units = self._wiring, self._units
        weight_map = wiring.weight_map
        if weight_map is not None:
            weights = weight_map.expand(weights)
        n_inputs, n_units = len(sample), len(units)
        signals = np.concatenate([sample, np.zeros(n_units)])
        # Rows of zeros for the inputs, which depend on no unit.
        gains = np.zeros((n_inputs + n_units, n_units))
        for j, unit in enumerate(units):
            own = weights[unit.start : unit.stop]
            source_weights = own[:-1] if unit.has_bias else own
            net = np.array([[source_weights @ signals[unit.signals] + (own[-1] if unit.has_bias else 0.0)]])
            if wiring.is_linear[unit.layer] or not wiring.activations[unit.layer].elementwise:
                value, slope = net, np.ones((1, 1))
            else:
                activation = wiring.activations[unit.layer]
                value = activation.value(net)
                slope = activation.slope(net, value)
            signals[n_inputs + j] = value.item()
            gains[n_inputs + j] = slope.item() * (source_weights @ gains[unit.signals])  # eq. (1)
            gains[n_inputs + j, j] = slope.item()
        n_outputs = wiring.graph.n_outputs
        last = gains[-n_outputs:]
        if not (wiring.is_linear[-1] or wiring.activations[-1].elementwise):
            # The units of a softmax layer depend on each other: its Jacobian diag(q) − q qᵀ comes on top.
            q = wiring.activations[-1].value(signals[-n_outputs:, None])
            last = q * (last - (q * last).sum(axis=0))
        jacobian = np.empty((n_outputs, len(weights)))
        for k, unit in enumerate(units):
            sources = signals[unit.signals]
            taken = np.append(sources, 1.0) if unit.has_bias else sources
            jacobian[:, unit.start : unit.stop] = np.outer(last[:, k], taken)
        return jacobian if weight_map is None else weight_map.contract(jacobian, axis=1)

    def equations(self, weights: Array, inputs: Array, slope: Array, factor: Array) -> tuple[Array, Array]:
        """Accumulate gradient and quasi-Hessian by eq. (2)."""
        gradient, normal = np.zeros(len(weights)), np.zeros((len(weights), len(weights)))
        for s in range(inputs.shape[1]):
            rows = self.rows(weights, inputs[:, s])
            gradient += rows.T @ slope[:, s]
            for whitened in factor[:, :, s] @ rows:
                normal += np.outer(whitened, whitened)
        return gradient, normal


class ByNeuron(SampleForm):
    """A sample and a unit at a time, in Python; for reading, so on request only."""

    name = "neuron_by_neuron"
    in_blocks = False  # threads would wait for each other

    def equations(self, passes: BlockPasses, plan: Plan) -> NormalPass:
        def normal(weights: Array, is_single: bool) -> Normal:
            neurons = NeuronByNeuron(passes.wiring)
            parts = []
            for block in passes.blocks:
                done, sums = passes.forward(weights, 0, block)
                slope = passes.loss.slope(done.outputs, block.targets)
                factor = curvature_rows(passes.loss.curvature(done.outputs, block.targets), *done.outputs.shape)
                if block.weight is not None:
                    slope = slope * block.weight
                    factor = factor * np.sqrt(block.weight)
                parts.append((sums, *neurons.equations(weights, block.inputs[:-1], slope, factor)))
            sums, gradient, matrix = total_each(parts)
            return sums, gradient, matrix

        return normal

    def normal(
        self, costs: CostModel, n_samples: int, block_size: int = 512, *, n_decays: int = 1, keeps: bool = False
    ) -> Work:
        n_weights, units, n_rows = costs.graph.n_weights, costs.units, costs.n_rows
        products = costs.n_connections * (1 + n_rows)
        products += sum(span.layer.size * span.fan_in * units for span in costs.graph.spans)
        touched = (2 * n_weights**2 + n_weights) * n_rows
        return Work(products, touched=touched, activated=units, calls=12 * units + 8) * n_samples
