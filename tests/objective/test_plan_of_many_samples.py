"""However many samples there are, a plan takes little memory beyond the scaled data."""

from __future__ import annotations

import numpy as np
import pytest

from marquardt.networks import feed_forward
from marquardt.objective import Objective


@pytest.mark.parametrize("n_samples", [1000, 50_000, 400_000])
@pytest.mark.parametrize("threads", [1, 2])
def test_memory_beyond_the_data_does_not_grow_with_the_samples(n_samples, threads):
    graph = feed_forward(3, (8,), 1)
    objective = Objective(graph, np.zeros((n_samples, 3)), np.zeros((n_samples, 1)), threads=threads)
    data = 8 * n_samples * (graph.n_inputs + 1 + graph.n_outputs)
    # The compiled kernel keeps at most 32 MB, scratch arrays and kept pairs a part of that a thread.
    assert objective.plan.memory - data < 64 << 20
