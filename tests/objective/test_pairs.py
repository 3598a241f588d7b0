"""The pair form with the compiled kernel's products and with NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt.losses import Huber, SoftmaxCrossEntropy, Squares
from marquardt.networks import build, feed_forward
from marquardt.numerics import native_kernel, pair_products
from marquardt.objective import Derivatives, Objective
from marquardt.objective.forms import pairs

GRAPHS = {
    "one output": (feed_forward(4, 6, 1), Squares()),
    "several outputs": (feed_forward(4, 6, 3), Squares()),
    "two hidden layers": (feed_forward(4, (6, 5), 3), Huber()),
    "classes": (feed_forward(4, (5, 7), 3, output_activation="softmax"), SoftmaxCrossEntropy()),
    "every layer sees all": (build("cascade_forward", 4, (5, 6), 2, activation="logistic"), Squares()),
}


@pytest.mark.skipif(native_kernel() is None, reason="There is no compiled kernel here.")
@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("need", [Derivatives.NORMAL, Derivatives.HESSIAN])
def test_the_kernels_products_are_numpys(name, need, monkeypatch):
    graph, loss = GRAPHS[name]
    rng, n = np.random.default_rng(0), 1500
    inputs, targets = rng.normal(size=(n, 4)), rng.normal(size=(n, graph.n_outputs))
    if graph.output.activation == "softmax":
        targets = np.eye(3)[rng.integers(3, size=n)]
    weights, found = rng.normal(size=graph.n_weights), []
    for kernel in (native_kernel(), None):
        for room in (pair_products, pairs):
            monkeypatch.setattr(room, "native_kernel", lambda kernel=kernel: kernel)
        objective = Objective(graph, inputs, targets, loss, form="pairs", most=need)
        current = objective.at(weights, need)
        found.append(current.normal if need is Derivatives.NORMAL else current.hessian)
    assert_allclose(found[0], found[1], rtol=0, atol=1e-12 * np.abs(found[1]).max())
