"""Names that have changed work for one version more, and say what they are called now."""

from __future__ import annotations

import numpy as np
import pytest

import marquardt
from marquardt.networks import Network, feed_forward
from marquardt.training import BatchTraining, Fitting, Limits, Settings

X = np.linspace(-1.0, 1.0, 12)[:, None]


def test_lanes_are_a_batch():
    with pytest.warns(FutureWarning, match=r"marquardt\.Lanes is called BatchTraining now"):
        lanes = marquardt.Lanes
    assert lanes is BatchTraining
    graph = feed_forward(1, 2, 1)
    batch = lanes(Network(graph, np.zeros(7)), np.eye(3, 7), X, X**2, limits=Limits(max_epochs=1))
    with pytest.warns(FutureWarning, match="n_members"):
        assert batch.n_lanes == batch.n_members == 3


def test_attempts_are_summaries():
    fitting = Fitting(X, X**2, Settings(hidden_layer_sizes=2, seed=0, limits=Limits(max_epochs=2)), "regression")
    list(fitting)
    with pytest.warns(FutureWarning, match="called summaries now"):
        assert fitting.attempts is fitting.summaries
    with pytest.warns(FutureWarning, match="summaries_so_far"):
        assert fitting.attempts_so_far() == fitting.summaries_so_far()
