"""Compiled trials of a batch beside the rule's own, from the same points."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt.algorithms import LevenbergMarquardt
from marquardt.algorithms.damping import COMPILED_DAMPINGS
from marquardt.losses import Squares, WeightDecay
from marquardt.networks import feed_forward
from marquardt.numerics import native_kernel
from marquardt.objective import ArraySource, BatchedObjective
from marquardt.training.restarts.batch_trials import RuleTrials

needs_kernel = pytest.mark.skipif(native_kernel() is None, reason="There is no compiled kernel here.")
RNG = np.random.default_rng(4)
INPUTS, TARGETS = RNG.normal(size=(30, 2)), RNG.normal(size=(30, 2))
GRAPH = feed_forward(2, 4, 2)
STARTS = RNG.normal(size=(6, GRAPH.n_weights))


def arrays_of(objective, mu):
    sums, losses, gradient, normal = objective.equations(STARTS)
    return STARTS.copy(), losses, sums, gradient, normal, np.full(6, mu), np.zeros((6, 3), dtype=np.int64)


@needs_kernel
@pytest.mark.parametrize("damping", COMPILED_DAMPINGS)
@pytest.mark.parametrize("penalty", [None, WeightDecay(0.1)], ids=["", "decay"])
# The last is above the largest: there is one trial all the same.
@pytest.mark.parametrize("mu", [1e-8, 1.0, 2e10])
@pytest.mark.parametrize("most", [1, 50])
def test_the_rule_does_what_the_kernel_does(damping, penalty, mu, most):
    rule = LevenbergMarquardt(damping=damping)
    objective = BatchedObjective.of(
        GRAPH, ArraySource(INPUTS, TARGETS), Squares(), penalty=penalty, form="explicit", block_size=30, threads=1
    )
    compiled, own = rule.descent(objective), RuleTrials(objective, rule)
    done, expected = arrays_of(objective, mu), arrays_of(objective, mu)
    for _ in range(3):
        compiled(most, *done)
        own(most, *expected)
        weights, losses, sums, gradient, normal, moved, counts = zip(done, expected, strict=True)
        assert (counts[0] == counts[1]).all()
        # Solves of systems whose condition is up to 1e8 from the smallest μ on.
        for found, wanted in (weights, losses, sums, moved):
            assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
        lower = np.tril_indices(GRAPH.n_weights)
        for k in range(6):
            assert_allclose(gradient[0][k], gradient[1][k], rtol=0, atol=1e-6 * np.abs(normal[1][k]).max())
            assert_allclose(normal[0][k][lower], normal[1][k][lower], rtol=0, atol=1e-6 * np.abs(normal[1][k]).max())
