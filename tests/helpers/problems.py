"""Random problems: any graph, loss, penalty and weights that the objective accepts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from marquardt.losses import Cauchy, Huber, LogisticCrossEntropy, SoftL1, SoftmaxCrossEntropy, Squares, WeightDecay
from marquardt.networks import (
    ACTIVATIONS,
    Layer,
    LayerGraph,
    Unit,
    WeightMap,
    cascade_forward,
    feed_forward,
    unit_graph,
)
from marquardt.objective import FORMS, MATRIX_FREE_FORMS, Derivatives, Objective

ELEMENTWISE = tuple(name for name, activation in ACTIVATIONS.items() if activation.elementwise)
SUMS = tuple(form for form in FORMS if form != "auto" and form not in MATRIX_FREE_FORMS)
"""The forms that the normal equations may be summed in."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What an `Objective` takes, and the point to look at."""

    graph: LayerGraph
    inputs: np.ndarray
    targets: np.ndarray
    loss: object
    weights: np.ndarray
    penalty: WeightDecay | None = None
    sample_weight: np.ndarray | None = None

    @property
    def weight_table(self) -> np.ndarray:
        """The weight of every target, (n_samples, n_outputs)."""
        weight = np.ones(len(self.inputs)) if self.sample_weight is None else self.sample_weight
        return np.broadcast_to(weight if weight.ndim == 2 else weight[:, None], self.targets.shape)

    def objective(self, **options) -> Objective:
        """The objective; options such as `form`, `block_size`, `threads`."""
        return Objective(
            self.graph,
            self.inputs,
            self.targets,
            self.loss,
            penalty=self.penalty,
            sample_weight=self.sample_weight,
            **options,
        )

    def at(self, need=Derivatives.NORMAL, **options):
        """The evaluation at the problem's weights."""
        objective = self.objective(**options)
        try:
            return objective.at(self.weights, need)
        finally:
            objective.close()

    def but(self, **changes) -> Problem:
        """The same problem with something changed."""
        return replace(self, **changes)


def random_targets(loss, rng, n_samples, n_outputs):
    """Targets that suit a loss."""
    if loss.name == "logistic_cross_entropy":
        return rng.uniform(0, 1, (n_samples, n_outputs)).round(1)
    if loss.name == "softmax_cross_entropy":
        return np.eye(n_outputs)[rng.integers(0, n_outputs, n_samples)]
    return rng.normal(size=(n_samples, n_outputs))


def activations(names):
    """One of the names, alone or with a gain."""
    gains = st.sampled_from(["", "", "(gain=0.5)", "(gain=1.3)"])
    return st.tuples(st.sampled_from(names), gains).map("".join)


@st.composite
def unit_lists(draw, names=ELEMENTWISE, n_outputs=None):
    """Inputs, units with sources of their own, and outputs, which may be inner units; all are used."""
    n_inputs, n_units = draw(st.integers(1, 3)), draw(st.integers(n_outputs or 1, 6))
    signals = list(range(n_inputs))
    units = []
    for number in range(n_units):
        wanted = draw(st.lists(st.sampled_from(signals), min_size=1, unique=True))
        activation = draw(activations(names))
        units.append(Unit(f"u{number}", tuple(wanted), activation, draw(st.booleans())))
        signals.append(f"u{number}")
    taken = {source for unit in units[:-1] for source in unit.sources}
    # The last unit takes whatever nobody took, but for the outputs.
    last = units[-1]
    free = [signal for signal in signals[:-1] if signal not in taken]
    loose = [signal for signal in free if isinstance(signal, str)]
    outputs = [name for name in loose if draw(st.booleans())] if n_outputs is None else []
    inner = [unit.name for unit in units[:-1] if unit.name not in outputs]
    outputs += [name for name in inner if n_outputs is None and draw(st.sampled_from([False, False, True]))]
    if n_outputs is not None:
        outputs = draw(st.permutations(inner))[: n_outputs - 1]
    sources = tuple(dict.fromkeys([*last.sources, *(signal for signal in free if signal not in outputs)]))
    units[-1] = Unit(last.name, sources, last.activation, last.bias)
    return n_inputs, units, draw(st.permutations([*outputs, last.name]))


@st.composite
def graphs(draw, n_outputs, output_activation, hidden=ELEMENTWISE):
    """A feed-forward, a cascade or a hand-built graph with skip connections and layers without bias."""
    n_inputs = draw(st.integers(1, 3))
    sizes = draw(st.lists(st.integers(1, 4), max_size=3))
    kind = draw(st.sampled_from(["feed_forward", "cascade_forward", "hand_built", "units"]))
    if kind == "units" and output_activation == "identity":
        return unit_graph(*draw(unit_lists(hidden, n_outputs)))
    if kind in ("feed_forward", "cascade_forward"):
        builder = {"feed_forward": feed_forward, "cascade_forward": cascade_forward}[kind]
        return draw(mapped(builder(n_inputs, sizes, n_outputs, draw(activations(hidden)), output_activation)))
    names = ["inputs"]
    layers = []
    unused = set()
    for number, size in enumerate([*sizes, n_outputs]):
        is_last = number == len(sizes)
        wanted = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        # The output takes whatever nobody took, so that the graph has no loose end.
        sources = tuple(dict.fromkeys([*wanted, *(sorted(unused) if is_last else [])]))
        unused -= set(sources)
        activation = output_activation if is_last else draw(activations(hidden))
        layers.append(Layer(size, activation, sources, draw(st.booleans()), f"layer{number}"))
        names.append(f"layer{number}")
        unused.add(f"layer{number}")
    return draw(mapped(LayerGraph(n_inputs, tuple(layers))))


@st.composite
def mapped(draw, graph):
    """The graph as it is, or with weights fixed, shared or both, in any layers."""
    kind = draw(st.sampled_from(["free", "free", "free", "fixed", "shared", "both"]))
    if kind == "free":
        return graph
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = np.arange(graph.n_connections)
    if kind != "fixed":
        labels = rng.integers(0, max(2, graph.n_connections // 2), graph.n_connections)
    if kind != "shared":
        labels[rng.random(graph.n_connections) < 0.4] = -1
    labels[rng.integers(graph.n_connections)] = graph.n_connections  # one is left to train
    values = np.where(rng.random(graph.n_connections) < 0.5, 0.0, rng.normal(size=graph.n_connections))
    return LayerGraph(graph.n_inputs, graph.layers, WeightMap.numbered(labels, values))


@st.composite
def losses(draw, n_outputs):
    """Any loss, with its settings."""
    scale = draw(st.sampled_from([0.3, 1.0, 2.0]))
    weights = tuple(draw(st.sampled_from([0.5, 1.0, 3.0])) for _ in range(n_outputs))
    return draw(
        st.sampled_from(
            [
                Squares(),
                Squares(weights),
                LogisticCrossEntropy(),
                SoftmaxCrossEntropy(),
                Huber(scale),
                Cauchy(scale),
                SoftL1(scale),
            ]
        )
    )


@st.composite
def problems(draw, *, hidden=ELEMENTWISE, max_samples=8, only_smooth=False, only_squares=False):
    """Any problem, small."""
    n_outputs = draw(st.integers(1, 4))
    loss = draw(losses(n_outputs))
    if only_squares and loss.name != "squares":
        loss = Squares()
    if only_smooth and loss.name == "huber":
        loss = SoftL1(loss.scale)
    output_activation = loss.link or draw(st.sampled_from(["identity", "identity", "softmax"]) | activations(hidden))
    graph = draw(graphs(n_outputs, output_activation, hidden))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_samples = draw(st.integers(1, max_samples))
    penalty = draw(
        st.sampled_from(
            [
                None,
                WeightDecay(0.3),
                WeightDecay(0.3, include_biases=True),
                WeightDecay(tuple(rng.uniform(0, 1, len(graph.layers)))),
            ]
        )
    )
    weighted = draw(st.sampled_from(["", "samples", "targets"]))
    sample_weight = rng.uniform(0.1, 3.0, n_samples) if weighted else None
    if weighted == "targets" and loss.name != "softmax_cross_entropy":
        sample_weight = rng.uniform(0.1, 3.0, (n_samples, n_outputs)) * (rng.random((n_samples, n_outputs)) > 0.2)
        sample_weight[0, 0] = 1.0  # one counts
    return Problem(
        graph,
        rng.uniform(-1, 1, (n_samples, graph.n_inputs)),
        random_targets(loss, rng, n_samples, n_outputs),
        loss,
        rng.normal(size=graph.n_weights),
        penalty,
        sample_weight,
    )
