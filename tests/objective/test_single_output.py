"""The shortest way for one output and squares, beside the general one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt.losses import Squares, WeightDecay
from marquardt.networks import build
from marquardt.objective import Need, Objective

N_SAMPLES = 23


@pytest.mark.parametrize("topology", ["feed_forward", "cascade_forward"])
@pytest.mark.parametrize("hidden", [(), (3,), (1,), (3, 4), (3, 2, 3)], ids=str)
@pytest.mark.parametrize("activation", ["tanh", "identity", "softplus", "sine"])
@pytest.mark.parametrize("output", ["identity", "tanh"])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("output_weights", [None, (1.7,)])
def test_the_shortest_way_equals_pairs_at_every_need(topology, hidden, activation, output, is_weighted, output_weights):
    rng = np.random.default_rng(1)
    graph = build(topology, 3, hidden, 1, activation, output)
    inputs, targets = rng.normal(size=(N_SAMPLES, 3)), rng.uniform(0, 1, (N_SAMPLES, 1))
    options = {
        "penalty": WeightDecay(0.1),
        "sample_weight": rng.uniform(0, 2, N_SAMPLES) if is_weighted else None,
    }
    short = Objective(graph, inputs, targets, Squares(output_weights), form="explicit", **options)
    general = Objective(graph, inputs, targets, Squares(output_weights), form="pairs", block_size=8, **options)
    weights = rng.normal(size=graph.n_weights)
    # There and back, and at a value first: what is kept from the last point must not leak into the next.
    for point in (weights, 0.5 * weights, weights):
        there = general.at(point, Need.NORMAL)
        for need in (Need.VALUE, Need.GRADIENT, Need.NORMAL):
            here = short.at(point, need)
            assert_allclose(here.loss, there.loss, rtol=1e-13)
            assert_allclose(here.sums, there.sums, rtol=1e-13)
            for name in ("gradient", "normal"):
                found, expected = getattr(here, name), getattr(there, name)
                if found is not None:
                    assert_allclose(found, expected, rtol=0, atol=1e-13 * max(1.0, np.abs(expected).max()))
