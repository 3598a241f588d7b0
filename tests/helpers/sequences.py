"""Random networks with delays and feedback, and sequences for them."""

from __future__ import annotations

from hypothesis import strategies as st

from marquardt.networks import INPUTS, TARGETS, Layer, LayerGraph


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
