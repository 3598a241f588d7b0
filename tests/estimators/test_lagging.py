"""Lags against a plain double loop, differences against numpy.diff, closed loop against a loop written by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from marquardt import ConfigurationError
from marquardt.estimators.lagging import Lags, checked_lags

lists = st.lists(st.integers(1, 7), min_size=0, max_size=4, unique=True).map(lambda lags: tuple(sorted(lags)))
exog_lists = st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True).map(lambda lags: tuple(sorted(lags)))
periods = st.lists(st.integers(1, 4), max_size=2).map(tuple)


def by_hand(lags, targets, exog):
    """Every entry of equation (1) by itself."""
    taken = np.full_like(targets, np.nan)
    for t in range(len(targets)):
        if t >= sum(lags.differences):
            value = targets[t].copy()
            for k, factor in enumerate(lags.filter, start=1):
                value = value - factor * targets[t - k]
            taken[t] = value
    rows = []
    for t in range(lags.n_history, len(targets)):
        row = []
        for lag in lags.targets:
            for column in range(targets.shape[1]):
                row.append(taken[t - lag, column])
        for lag in lags.exog if exog is not None else ():
            for column in range(exog.shape[1]):
                row.append(exog[t - lag, column])
        rows.append(row)
    return np.array(rows)


@given(targets=lists, exog=exog_lists, differences=periods, n_targets=st.integers(1, 2), n_exog=st.integers(1, 2))
@settings(max_examples=40, deadline=None)
def test_lag_matrix_equals_a_plain_double_loop(targets, exog, differences, n_targets, n_exog):
    rng = np.random.default_rng(0)
    lags = Lags(targets, exog, differences)
    # Whole numbers, whose differences have no rounding.
    y, u = rng.integers(-9, 9, (30, n_targets)).astype(float), rng.integers(-9, 9, (30, n_exog)).astype(float)
    made = lags.matrix(y, u)
    assert_array_equal(made, by_hand(lags, y, u))
    assert made.shape[1] == len(lags.names(range(n_targets), range(n_exog)))


@pytest.mark.parametrize("differences", [(1,), (4,), (1, 1), (1, 4), (3, 2, 1)])
def test_differences_are_those_of_their_filter(differences):
    y = np.random.default_rng(1).integers(-9, 9, (20, 1)).astype(float)
    lags = Lags((1,), (), differences)
    n = sum(differences)
    wanted = [y[t] - sum(factor * y[t - k] for k, factor in enumerate(lags.filter, start=1)) for t in range(n, 20)]
    assert_array_equal(lags.differenced(y), wanted)
    if differences == (1, 1):
        assert_array_equal(lags.differenced(y), np.diff(y, 2, axis=0))


def drive(columns):
    """Some nonlinear map from rows to two targets."""
    return np.column_stack([np.tanh(columns.sum(axis=1)), np.sin(columns[:, 0]) - 0.3 * columns[:, -1]])


def step_by_step(lags, y, u, start, horizon):
    """Closed loop with nothing but lists and the rows of `by_hand`."""
    known = y[:start].copy()
    for step in range(horizon):
        extended = np.vstack([known, np.zeros((1, known.shape[1]))])
        row = by_hand(lags, extended, u[: start + step + 1])[-1:]
        value = drive(row)[0]
        for k, factor in enumerate(lags.filter, start=1):
            value = value + factor * known[-k]
        known = np.vstack([known, value])
    return known[start:]


@pytest.mark.parametrize("differences", [(), (1,), (1, 3)])
@pytest.mark.parametrize(("targets", "exog"), [((1, 2, 5), (0, 4)), ((2,), (3,)), ((), (0, 1))])
def test_closed_loop_equals_a_loop_written_by_hand(targets, exog, differences):
    rng = np.random.default_rng(2)
    lags = Lags(targets, exog, differences)
    y, u = rng.normal(size=(40, 2)), rng.normal(size=(40, 1))
    starts, horizon = [12, 20, 25], 9
    pasts = np.stack([y[start - lags.n_past : start] for start in starts])
    beside = np.stack([u[start - lags.n_past_exog : start + lags.n_future(horizon)] for start in starts])
    found = lags.simulate(drive, pasts, beside, horizon)
    wanted = np.stack([step_by_step(lags, y, u, start, horizon) for start in starts])
    # Sums of a handful of numbers of order ten, in another order, through nine steps.
    assert_allclose(found, wanted, rtol=0, atol=1e-11)


def test_horizon_below_the_smallest_exogenous_lag_needs_no_future():
    lags = Lags((1,), (3, 5))
    assert [lags.n_future(horizon) for horizon in (1, 3, 4, 6)] == [0, 0, 1, 3]
    path = lags.simulate(drive, np.zeros((1, 1, 2)), np.ones((1, 5, 1)), 3)
    assert path.shape == (1, 3, 2)


@pytest.mark.parametrize(
    ("given_lags", "message"),
    [
        (12, r"got the number 12.*from 1 to 12 write range\(1, 13\), for that one \[12\]"),
        ("1-12", "must be a list of whole numbers"),
        (None, "must be a list of whole numbers"),
        ([0, 1], "from 1 up, got 0"),
        ([1.5], "from 1 up, got 1.5"),
        ([True], "from 1 up, got True"),
        ([1, 2, 1], "has 1 twice"),
    ],
)
def test_lags_that_cannot_be_are_refused(given_lags, message):
    with pytest.raises(ConfigurationError, match=message):
        checked_lags(given_lags, "lags", 1)
