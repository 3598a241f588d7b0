"""The shortest way for one output and squares, beside the general one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.losses import LogisticCrossEntropy, SoftmaxCrossEntropy, Squares, WeightDecay
from marquardt.networks import Activation, Scaling, build, register_activation
from marquardt.objective import Derivatives, Objective

pytestmark = pytest.mark.usefixtures("with_and_without_kernel")

N_SAMPLES = 23


@pytest.mark.parametrize("topology", ["feed_forward", "cascade_forward"])
@pytest.mark.parametrize("hidden", [(), (3,), (1,), (3, 4), (3, 2, 3)], ids=str)
@pytest.mark.parametrize("activation", ["tanh", "identity", "softplus", "sine"])
@pytest.mark.parametrize("output", ["identity", "tanh"])
@pytest.mark.parametrize("mapped", ["", "fixed", "shared"])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("output_weights", [None, (1.7,)])
def test_the_shortest_way_equals_pairs_at_every_need(
    topology, hidden, activation, output, mapped, is_weighted, output_weights
):
    rng = np.random.default_rng(1)
    graph = build(topology, 3, hidden, 1, activation, output)
    first = graph.layers[0]
    if mapped == "fixed":
        graph = graph.with_fixed({(first.name, "inputs"): np.where(rng.random((first.size, 3)) < 0.5, 0.5, np.nan)})
    elif mapped:
        graph = graph.with_shared({(first.name, "inputs"): rng.integers(0, 3, (first.size, 3))})
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
        trial = general.at(point, Derivatives.NORMAL)
        for need in (Derivatives.VALUE, Derivatives.GRADIENT, Derivatives.NORMAL):
            current = short.at(point, need)
            assert_allclose(current.loss, trial.loss, rtol=1e-13)
            assert_allclose(current.sums, trial.sums, rtol=1e-13)
            for name in ("gradient", "normal"):
                found, expected = getattr(current, name), getattr(trial, name)
                if found is not None:
                    assert_allclose(found, expected, rtol=0, atol=1e-13 * max(1.0, np.abs(expected).max()))


def test_an_activation_that_hands_back_its_value_as_slope_is_left_alone():
    name = "own_exponential"
    register_activation(Activation(name, np.exp, lambda net, a: a), replace=True)
    rng = np.random.default_rng(0)
    graph = build("feed_forward", 2, (3,), 1, name)
    inputs, targets = rng.normal(size=(9, 2)), rng.normal(size=(9, 1))
    weights = 0.3 * rng.normal(size=graph.n_weights)
    short, general = (
        Objective(graph, inputs, targets, form=form).at(weights, Derivatives.NORMAL) for form in ("explicit", "pairs")
    )
    assert_allclose(short.gradient, general.gradient, rtol=1e-12)
    assert_allclose(short.normal, general.normal, rtol=1e-12)


class Halved(Squares):
    """Squares with a value of its own."""

    def value(self, outputs, targets):
        return 0.5 * super().value(outputs, targets)


def test_a_subclass_of_squares_keeps_its_own_value():
    graph = build("feed_forward", 1, (), 1)
    own = Objective(graph, [[1.0]], [[3.0]], Halved(), form="explicit").at(np.zeros(2), Derivatives.VALUE).loss
    assert own == 0.5 * Objective(graph, [[1.0]], [[3.0]], form="explicit").at(np.zeros(2), Derivatives.VALUE).loss


@pytest.mark.parametrize(
    "weights", [[0.0, 0.0], np.zeros(3), np.zeros((1, 2)), np.zeros(2, dtype=np.float32)], ids=repr
)
def test_weights_of_another_shape_or_type_are_refused(weights):
    objective = Objective(build("feed_forward", 1, (), 1), [[1.0]], [[3.0]])
    with pytest.raises(ShapeError, match=r"float64 array of shape \(2,\), got"):
        objective.at(weights, Derivatives.VALUE)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rows": [0, 1]}, DataError, "rows must be from 0 to 0, got 0 to 1"),
        ({"rows": [-1]}, DataError, "rows must be from 0 to 0, got -1 to -1"),
        ({"block_size": 0}, ConfigurationError, "block_size must be a whole number from 1 up, got 0"),
    ],
)
def test_rows_and_blocks_that_cannot_be_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        Objective(build("feed_forward", 1, (), 1), [[1.0]], [[3.0]], **options)


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        (LogisticCrossEntropy(), [[5.0]], "targets from 0 to 1, got 5.0"),
        (SoftmaxCrossEntropy(), [[0.5, 0.2]], "add up to 1 in every row, got a row that adds up to 0.7"),
    ],
)
def test_targets_that_are_no_probabilities_are_refused(loss, targets, message):
    graph = build("feed_forward", 1, (), len(targets[0]), output_activation=loss.link)
    with pytest.raises(DataError, match=message):
        Objective(graph, [[1.0]], targets, loss)


def test_a_target_scaling_is_refused_beside_a_cross_entropy():
    graph = build("feed_forward", 1, (), 1, output_activation="logistic")
    scaling = Scaling([0.0], [2.0], "minmax")
    with pytest.raises(ConfigurationError, match="use no target scaling"):
        Objective(graph, [[1.0]], [[1.0]], LogisticCrossEntropy(), target_scaling=scaling)
