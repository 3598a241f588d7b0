"""Random networks with delays and feedback, and sequences for them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from marquardt.networks import ACTIVATIONS, INPUTS, TARGETS, Layer, LayerGraph


@st.composite
def dynamic_graphs(draw, n_outputs, output_activation, hidden, max_delay=3):
    """Any layers with any delays: of inputs, measured targets, earlier and later layers; maybe without inputs."""
    sizes = [*draw(st.lists(st.integers(1, 3), max_size=2)), n_outputs]
    names = [f"layer{number}" for number in range(len(sizes))]
    n_inputs = draw(st.integers(0, 2))
    now = st.lists(st.integers(0, max_delay), min_size=1, max_size=3, unique=True)
    later = st.lists(st.integers(1, max_delay), min_size=1, max_size=3, unique=True)
    layers = []
    for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
        first = [names[number - 1]] if number else [INPUTS if n_inputs else TARGETS]
        others = [source for source in (*([INPUTS] if n_inputs else []), TARGETS, *names) if source not in first]
        extra = draw(st.lists(st.sampled_from(others), max_size=2, unique=True))
        sources = tuple(draw(st.permutations([*first, *extra])))
        earlier = {INPUTS, *names[:number]}
        delays = {source: draw(now if source in earlier else later) for source in sources}
        activation = output_activation if name == names[-1] else draw(st.sampled_from(hidden))
        layers.append(Layer(size, activation, sources, draw(st.booleans()), name, delays))
    return LayerGraph(n_inputs, tuple(layers))


def step_by_step(graph, weights, inputs, targets, histories=None, activations=None, xp=np, is_fused=False):
    """Outputs of one scaled sequence, written from the definition: a dict of past values, one step after the other.

    The first rows that lie before the sequence are `histories`, a dict of source to rows of which the last is the step
    before the first; zero where there is none. `xp` and `activations` may be autograd's.
    """
    activations = {name: ACTIVATIONS[name].value for name in ACTIVATIONS} if activations is None else activations
    sizes = {INPUTS: graph.n_inputs, TARGETS: graph.n_outputs} | {layer.name: layer.size for layer in graph.layers}
    n_steps = len(inputs)
    past = {}
    for source in sizes:
        rows = [] if histories is None else list(histories.get(source, []))
        past[source] = dict(enumerate(rows, start=-len(rows)))
    for t in range(n_steps):
        past[INPUTS][t] = inputs[t]
        past[TARGETS][t] = None if targets is None else targets[t]
    outputs = []
    for t in range(n_steps):
        start = 0
        for layer in graph.layers:
            taken = [
                past[source].get(t - delay, np.zeros(sizes[source]))
                for source, delays in layer.taps
                for delay in delays
            ]
            z = xp.concatenate([*taken, *([np.ones(1)] if layer.bias else [])])
            stop = start + layer.size * len(z)
            net = xp.dot(xp.reshape(weights[start:stop], (layer.size, len(z))), z)
            start = stop
            past[layer.name][t] = activations[layer.activation](net)
        outputs.append(net if is_fused else past[graph.layers[-1].name][t])
    return xp.stack(outputs) if n_steps else np.empty((0, graph.n_outputs))
