"""Scalings: what they do to columns of every size, and what weights mean."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.networks import SCALINGS, ColumnStatistics, Scaling

EPS = np.finfo(float).eps
every_kind = pytest.mark.parametrize("kind", SCALINGS)
tables = arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.floats(-1e6, 1e6, width=32))


def test_minmax_reaches_from_minus_one_to_one():
    scaled = Scaling.fit("minmax", [[1.0, -3.0], [5.0, 0.0], [2.0, 9.0]]).apply(
        np.array([[1.0, -3.0], [5.0, 9.0], [3.0, 3.0]])
    )
    assert_allclose(scaled, [[-1, -1], [1, 1], [0, 0]], atol=2 * EPS)


def test_standard_has_mean_zero_and_deviation_one():
    columns = np.random.default_rng(0).normal([5.0, -100.0], [0.1, 20.0], (200, 2))
    scaled = Scaling.fit("standard", columns).apply(columns)
    assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-12)
    assert_allclose(scaled.std(axis=0), 1.0, rtol=1e-12)


def test_none_changes_nothing():
    columns = np.random.default_rng(0).normal(size=(9, 2))
    for scaling in (Scaling.fit("none", columns), Scaling.none(2)):
        assert np.array_equal(scaling.apply(columns), columns)
        assert np.array_equal(scaling.invert(columns), columns)


@every_kind
@settings(max_examples=60)
@given(columns=tables)
def test_inverting_takes_back_what_was_applied(kind, columns):
    scaling = Scaling.fit(kind, columns)
    # A constant column comes back too: its scaled value is 0, and 0 scales back to the constant.
    error = 8 * EPS * np.abs(columns).max(axis=0) + 1e-300
    back = scaling.invert(scaling.apply(columns))
    assert (np.abs(back - columns) <= error).all()


@every_kind
@pytest.mark.parametrize("constant", [0.0, 7.0, -1e300, 1e-310, 0.1])
def test_a_constant_column_scales_to_zero_and_back_to_itself(kind, constant):
    columns = np.stack([np.full(5, constant), np.arange(5.0)], axis=1)
    scaling = Scaling.fit(kind, columns, np.array([0.1, 0.2, 0.3, 0.4, 0.7]))
    assert scaling.factor[0] == 0.0
    assert scaling.spread[0] == 0.0
    assert not scaling.apply(columns + 1.0)[:, 0].any()
    assert (scaling.invert(np.ones((1, 2)))[0, 0]) == constant


@pytest.mark.parametrize("kind", ["minmax", "standard"])
def test_a_tiny_spread_far_from_zero_is_kept(kind):
    pattern = np.linspace(-1, 1, 101)[:, None]
    columns = 1e8 + 1e-3 * pattern
    scaled = Scaling.fit(kind, columns).apply(columns)
    # The column itself has rounding of eps · 1e8 / 1e-3 in scaled units.
    expected = pattern if kind == "minmax" else pattern / pattern.std()
    assert_allclose(scaled, expected, rtol=0, atol=2 * EPS * 1e8 / 1e-3)


@pytest.mark.parametrize("kind", ["minmax", "standard"])
def test_rounding_around_a_constant_is_no_spread(kind):
    columns = np.array([[0.1 + 0.2], [0.3], [0.3]])
    assert Scaling.fit(kind, columns).factor[0] == 0.0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e300, 1e-300, 1.5e308])
@pytest.mark.parametrize("kind", ["minmax", "standard"])
@pytest.mark.parametrize("weight", [None, np.ones(21)], ids=["plain", "weighted"])
def test_values_of_any_size_do_not_overflow(kind, size, weight):
    pattern = np.linspace(-1, 1, 21)[:, None]
    scaling = Scaling.fit(kind, size * pattern, weight)
    expected = pattern if kind == "minmax" else pattern / pattern.std()
    # 1 / 1.5e308 is subnormal and has lost some bits.
    assert_allclose(scaling.apply(size * pattern), expected, rtol=0, atol=1e-12)
    assert_allclose(scaling.invert(scaling.apply(size * pattern)), size * pattern, rtol=1e-12, atol=1e-15 * size)


@every_kind
@settings(max_examples=40)
@given(columns=tables, seed=st.integers(0, 99))
def test_a_weight_equals_repetition_and_zero_equals_removal(kind, columns, seed):
    counts = np.random.default_rng(seed).integers(0, 4, len(columns))
    counts[0] = 1
    weighted = Scaling.fit(kind, columns, counts.astype(float))
    repeated = Scaling.fit(kind, np.repeat(columns, counts, axis=0))
    size = np.abs(columns).max() + 1e-300
    assert_allclose(weighted.offset, repeated.offset, rtol=0, atol=20 * EPS * size)
    assert_allclose(weighted.spread, repeated.spread, rtol=0, atol=1e-7 * size)
    assert np.array_equal(weighted.factor == 0, repeated.factor == 0)


@every_kind
def test_out_to_json_and_back_is_exact(kind):
    scaling = Scaling.fit(kind, np.random.default_rng(0).normal(size=(9, 3)) * 1e-7)
    again = Scaling.from_dict(json.loads(json.dumps(scaling.to_dict())))
    assert again.kind == kind
    assert np.array_equal(again.offset, scaling.offset)
    assert np.array_equal(again.factor, scaling.factor)


def test_arrays_are_its_own_and_read_only():
    offset = np.zeros(1)
    scaling = Scaling(offset, [1.0])
    offset[0] = 9.0
    assert scaling.offset[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        scaling.factor[0] = 2.0


REFUSALS = {
    "an unknown kind": (lambda: Scaling.fit("min-max", [[1.0]]), ConfigurationError, "Did you mean 'minmax'"),
    "vectors that differ": (lambda: Scaling([0.0], [1.0, 2.0]), ShapeError, "two vectors alike"),
    "a factor that is not finite": (lambda: Scaling([0.0], [np.inf]), ConfigurationError, "must be finite"),
    "one column without its axis": (
        lambda: Scaling.fit("minmax", [1.0, 2.0]),
        ShapeError,
        r"columns must be of shape \(n_samples, n_columns\), got \(2,\)",
    ),
    "no row": (lambda: Scaling.fit("minmax", np.empty((0, 2))), DataError, "no row to scale by"),
    "weights that are all zero": (lambda: Scaling.fit("standard", [[1.0]], [0.0]), DataError, "no row to scale by"),
    "weights of another length": (
        lambda: Scaling.fit("none", [[1.0], [2.0]], [1.0]),
        ShapeError,
        r"sample_weight must be of shape \(2,\), got \(1,\)",
    ),
    "a value that is not finite": (
        lambda: Scaling.fit("standard", [[1.0, 2.0], [1.0, np.inf]]),
        DataError,
        "must be finite, got inf in row 1, column 1",
    ),
    "a description without kind": (
        lambda: Scaling.from_dict({"offset": [0.0], "factor": [1.0]}),
        ConfigurationError,
        "does not describe a scaling: KeyError",
    ),
    "a description with text": (
        lambda: Scaling.from_dict({"offset": ["a"], "factor": [1.0], "kind": "none"}),
        ConfigurationError,
        "does not describe a scaling",
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", REFUSALS)
def test_refused_is(case):
    attempt, error, message = REFUSALS[case]
    with pytest.raises(error, match=message):
        attempt()


@pytest.mark.parametrize("kind", [kind for kind in SCALINGS if kind != "robust"])  # medians take a pass of their own
@pytest.mark.parametrize("batch", [1, 7, 40, 1000])
@pytest.mark.parametrize(("offset", "unit"), [(0.0, 1.0), (1e9, 1.0), (-3.0, 1e-9), (0.0, 1e150)])
def test_statistics_of_batches_give_the_scaling_of_the_whole(kind, batch, offset, unit):
    rng = np.random.default_rng(0)
    data = offset + unit * np.column_stack([rng.normal(size=137), rng.exponential(size=137), np.full(137, 2.0)])
    statistics = ColumnStatistics(3)
    for first in range(0, len(data), batch):
        statistics.add(data[first : first + batch].T)
    whole, streamed = Scaling.fit(kind, data), Scaling.of_statistics(kind, statistics)
    # A rounding a batch, in units of the data; what is far from zero has that many digits fewer.
    rounding = 137 * EPS * (1 + abs(offset) / unit)
    assert_allclose(streamed.offset / unit, whole.offset / unit, rtol=0, atol=10 * rounding)
    assert_allclose(streamed.factor * unit, whole.factor * unit, rtol=10 * rounding)
    assert statistics.count == 137


def test_no_rows_have_no_scaling():
    with pytest.raises(DataError, match="no row to scale by"):
        Scaling.of_statistics("minmax", ColumnStatistics(2))
