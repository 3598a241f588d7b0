"""Medians with weights, in memory and of numbers that go by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from marquardt.numerics import DEVIATION, Sample, deviation_about, weighted_median


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 4)), min_size=1).filter(lambda p: any(w for _, w in p)))
def test_a_whole_weight_is_as_many_copies(pairs):
    values, weight = (np.array(each, dtype=float) for each in zip(*pairs, strict=True))
    assert weighted_median(values, weight) == np.median(np.repeat(values, weight.astype(int)))


@pytest.mark.parametrize("unit", [1.0, 1e-30, 1 / 3, 1e30])
def test_a_common_factor_of_the_weights_changes_nothing(unit):
    values = np.random.default_rng(0).normal(size=1000)
    assert weighted_median(values, np.full(1000, unit)) == np.median(values)


def test_the_deviation_of_normal_numbers_is_theirs():
    values = 5 + 2 * np.random.default_rng(0).normal(size=100_000)
    values[:20_000] = 1e9  # of fewer than half, no size matters; that they are there does
    assert 2.0 < deviation_about(5.0, values) < 3.0
    # 1.17 σ / √N is the deviation of the estimate.
    assert deviation_about(5.0, values[20_000:]) == pytest.approx(2.0, abs=3 * 2 * 1.17 / np.sqrt(80_000))


def test_of_mostly_equal_numbers_the_others_tell_the_deviation():
    assert deviation_about(0.0, np.array([0.0, 0.0, 0.0, 3.0, -3.0])) == 3.0 * DEVIATION
    assert deviation_about(1.0, np.ones(4)) == 0.0


@pytest.mark.parametrize("origin", [0.0, 1e6])
def test_a_sample_that_goes_by_is_rounded_and_no_more(origin):
    rng = np.random.default_rng(0)
    values, weight = origin + rng.standard_t(2, size=600_000), rng.uniform(0, 2, 600_000)
    sample = Sample(origin)
    for first in range(0, len(values), 7000):
        sample.add(values[first : first + 7000], weight[first : first + 7000])
    middle = weighted_median(values, weight)
    # Half a unit of the eleventh binary digit, 2.4e-4, of the distance from the origin.
    assert_allclose(sample.median - origin, middle - origin, atol=1e-5)
    assert_allclose(sample.deviation_about(middle), deviation_about(middle, values, weight), rtol=5e-4)


def test_a_small_sample_is_exact_in_any_batches():
    values = np.random.default_rng(0).normal(size=501)
    sample = Sample()
    for first in range(0, 501, 13):
        sample.add(values[first : first + 13])
    assert sample.median == np.median(values)
