"""The seam: an objective over sums that are made in several places trains as one over all samples does."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.shards import ShardedData
from numpy.testing import assert_allclose

from marquardt.training import Fitting, HashedParts, Limits, Parts, Settings

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (600, 4))
Y = np.column_stack([np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2], X[:, 3] ** 2]) + 0.05 * RNG.normal(size=(600, 2))
TABLE = np.column_stack([X, Y])


EPOCHS = 5
"""So few that rounding has not grown: steps of Newton's method grow it tenfold each."""


def shards(validation):
    """Four places: one has fewer rows than there are weights, and one none that trains."""
    numbers = HashedParts.numbers(np.ascontiguousarray(TABLE.T), validation, 0.0, 0)
    if not validation:
        return [TABLE[:130], TABLE[130:140], TABLE[140:400], TABLE[400:]]
    idle = numbers == 1
    idle[np.flatnonzero(idle)[20:]] = False
    rest = TABLE[~idle]
    return [rest[:130], rest[130:140], TABLE[idle], rest[140:]]


CASES = [
    (0.2, {"algorithm": "levenberg_marquardt"}),
    (0.0, {"algorithm": "levenberg_marquardt", "alpha": "auto"}),
    (0.0, {"algorithm": "trainbr"}),
    (0.2, {"algorithm": "lm_geodesic", "restarts": 2}),
    (0.2, {"algorithm": "levenberg_marquardt", "form": "matrix_free"}),
    (0.2, {"algorithm": "gauss_newton(line_search='backtracking')"}),
    (0.2, {"algorithm": "newton", "alpha": 1.0}),
    (0.2, {"algorithm": "truncated_newton"}),
    (0.2, {"algorithm": "scg"}),
    (0.2, {"algorithm": "bfgs", "restarts": 2}),
    (0.2, {"algorithm": "lbfgs"}),
    (0.2, {"algorithm": "rprop"}),
]


def trained(data, settings):
    fitting = Fitting.of(
        data, Settings(hidden_layer_sizes=(6,), seed=0, threads=1, limits=Limits(max_epochs=EPOCHS), **settings)
    )
    for _ in fitting:
        pass
    return fitting


@pytest.mark.parametrize(
    ("validation", "settings"), CASES, ids=lambda case: str(getattr(case, "get", str)("algorithm"))
)
def test_training_on_shards_is_training_on_one_array(validation, settings):
    data = shards(validation)
    of_shards = trained(ShardedData(data, 4, validation), settings)
    of_one = trained(ShardedData([np.concatenate(data)], 4, validation), settings)
    assert of_shards.record.num_epochs == of_one.record.num_epochs
    assert of_shards.record.best_epoch == of_one.record.best_epoch
    scale = np.abs(of_one.network.weights).max()
    assert_allclose(of_shards.network.weights, of_one.network.weights, rtol=0, atol=1e-10 * scale)
    assert of_shards.record.best_perf == pytest.approx(of_one.record.best_perf, rel=1e-10)


def test_random_parts_are_drawn_in_every_place():
    data = shards(0.2)
    settings = {"algorithm": "lm_bfgs"}
    of_shards = trained(ShardedData(data, 4, 0.2), settings)
    of_one = trained(ShardedData([np.concatenate(data)], 4, 0.2), settings)
    # Other samples, drawn alike: a few epochs come about as far.
    assert of_shards.record.best_perf == pytest.approx(of_one.record.best_perf, rel=0.3)


def test_one_of_the_places_has_no_row_that_trains_and_one_fewer_than_weights():
    counts = [(HashedParts.numbers(np.ascontiguousarray(table.T), 0.2, 0.0, 0) == 0).sum() for table in shards(0.2)]
    assert counts[2] == 0
    assert 0 < counts[1] < 44


def test_one_place_is_training_on_arrays():
    data = shards(0.2)
    whole = np.concatenate(data)
    numbers = HashedParts.numbers(np.ascontiguousarray(whole.T), 0.2, 0.0, 0)
    parts = Parts(np.flatnonzero(numbers == 0), np.flatnonzero(numbers == 1), np.flatnonzero(numbers == 2))
    settings = {"algorithm": "levenberg_marquardt"}
    of_shards = trained(ShardedData(data, 4, 0.2), settings)
    fitting = Fitting(
        whole[:, :4],
        whole[:, 4:],
        Settings(hidden_layer_sizes=(6,), seed=0, limits=Limits(max_epochs=EPOCHS), **settings),
        "regression",
        parts=parts,
    )
    for _ in fitting:
        pass
    scale = np.abs(fitting.network.weights).max()
    assert_allclose(of_shards.network.weights, fitting.network.weights, rtol=0, atol=1e-10 * scale)
