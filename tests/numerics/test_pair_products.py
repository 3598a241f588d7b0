"""Products of rows that are not written down: the kernel's against NumPy's, and both against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt.numerics import Rows, add_pair_products, native_kernel, pair_products

INSTRUCTIONS = [] if native_kernel() is None else native_kernel().instructions()


@pytest.fixture(params=["NumPy", *INSTRUCTIONS])
def way(request, monkeypatch):
    """NumPy, and the kernel with each set of instructions."""
    if request.param == "NumPy":
        monkeypatch.setattr(pair_products, "native_kernel", lambda: None)
        yield request.param
    else:
        native_kernel().use(request.param)
        yield request.param
        native_kernel().use(INSTRUCTIONS[0])


def new(name, rows, columns):
    return np.empty((rows, columns))


def defined(rows):
    """By the definition, an index at a time."""
    first = np.atleast_3d(rows.first.T).T
    if rows.is_within:
        pairs = [(first[:, a], first[:, b]) for a in range(first.shape[1]) for b in range(a, first.shape[1])]
    elif rows.second is None:
        return rows.first
    else:
        second = np.atleast_3d(rows.second.T).T
        pairs = [(first[:, a], second[:, b]) for a in range(first.shape[1]) for b in range(second.shape[1])]
    return np.array([sum(x * y for x, y in zip(*pair, strict=True)) for pair in pairs])


def sides(n_samples, seed=0):
    """Rows of every kind, by name."""
    rng = np.random.default_rng(seed)
    few, some, many = (rng.normal(size=(n, n_samples)) for n in (1, 6, 17))
    cube, other = rng.normal(size=(3, 5, n_samples)), rng.normal(size=(3, 2, n_samples))
    wide = rng.normal(size=(9, 3 * n_samples))[:, n_samples : 2 * n_samples]
    return {
        "one": Rows(few),
        "alone": Rows(many),
        "a part of longer rows": Rows(wide),
        "within": Rows(some, is_within=True),
        "within, more than a panel": Rows(many, is_within=True),
        "within, one": Rows(few, is_within=True),
        "between": Rows(some, many),
        "between, of the same": Rows(some, some),
        "between, one": Rows(few, some),
        "within, terms": Rows(cube, is_within=True),
        "between, terms": Rows(cube, other),
    }


@pytest.mark.parametrize("n_samples", [1, 7, 256, 300, 1031])
@pytest.mark.parametrize("left", sides(1))
@pytest.mark.parametrize("right", ["alone", "within, more than a panel", "between", "between, terms"])
def test_sums_are_those_of_the_definition(way, left, right, n_samples):
    a, b = sides(n_samples)[left], sides(n_samples, 1)[right]
    x, y = defined(a), defined(b)
    assert (len(a), len(b)) == (len(x), len(y))
    start = np.random.default_rng(2).normal(size=(len(x), len(y)))
    total = start.copy()
    add_pair_products(total, a, b, new)
    rounding = (n_samples + 4) * np.finfo(float).eps
    assert (np.abs(total - start - x @ y.T) <= rounding * (np.abs(x) @ np.abs(y).T + np.abs(start))).all()


@pytest.mark.parametrize("n_samples", [1, 7, 256, 513, 2000])
@pytest.mark.parametrize("left", sides(1))
def test_in_single_precision_rows_are_rounded_and_sums_are_not(way, left, n_samples):
    a, b = sides(n_samples)[left], sides(n_samples, 1)["between, terms"]
    x, y = defined(a), defined(b)
    total = np.full((len(x), len(y)), 1e9)
    add_pair_products(total, a, b, new, is_single=True)
    # Two rows and their product are rounded, and some sums of a slice of 512: nothing of what was there before.
    rounding = 20 * float(np.finfo(np.float32).eps) * (np.abs(x) @ np.abs(y).T) + 1e9 * 10 * np.finfo(float).eps
    assert (np.abs(total - 1e9 - x @ y.T) <= rounding).all()


def test_no_samples_and_no_rows_add_nothing(way):
    total = np.ones((3, 2))
    empty = np.ones((2, 0))
    add_pair_products(total, Rows(empty, is_within=True), Rows(empty), new)
    add_pair_products(total[:0], Rows(np.ones((0, 4)), is_within=True), Rows(np.ones((2, 4))), new)
    assert np.array_equal(total, np.ones((3, 2)))


def test_numpy_writes_groups_that_together_are_all_rows():
    rows = sides(5)["within, more than a panel"]
    for most in (1, 20, 60, 10_000):
        groups = list(rows.groups(most))
        assert [count for _, _, count in groups] == [
            len(rows.written(np.empty((17 * 9, 5)), a, b)[:n]) for a, b, n in groups
        ]
        written = np.concatenate([rows.written(np.empty((n, 5)), a, b) for a, b, n in groups])
        assert np.array_equal(written, defined(rows))
        assert all(count <= most or stop == start + 1 for start, stop, count in groups)


def test_rows_that_are_not_side_by_side_are_numpys_work(way):
    rng = np.random.default_rng(3)
    strange = rng.normal(size=(40, 6)).T
    total = np.zeros((21, 6))
    add_pair_products(total, Rows(strange, is_within=True), Rows(strange), new)
    assert_allclose(total, defined(Rows(strange, is_within=True)) @ strange.T, rtol=0, atol=1e-13)


@pytest.mark.skipif(native_kernel() is None, reason="There is no compiled kernel here.")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones((2, 3)), None, np.ones((2, 4)), None), ValueError, "right must have as many samples"),
        ((np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 3)), None), ValueError, "left_with must have as many samples"),
        ((np.ones((2, 2, 3)), None, np.ones((2, 3)), None), ValueError, "the terms"),
        ((np.ones((2, 2, 3)), np.ones((2, 3)), np.ones((2, 3)), None), ValueError, "the terms"),
        ((np.ones(3), None, np.ones((2, 3)), None), TypeError, "two or three axes"),
        ((np.ones((2, 3), dtype=np.float32), None, np.ones((2, 3)), None), TypeError, "float64"),
        ((np.ones((3, 2)).T, None, np.ones((2, 3)), None), TypeError, "contiguous"),
        ((np.ones((3, 3)), None, np.ones((2, 3)), None), ValueError, "matrix must have 6 numbers, got 4"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        native_kernel().add_pairs(np.zeros((2, 2)), *arguments, False)


@pytest.mark.parametrize("factored", [False, True])
@pytest.mark.parametrize(("size", "fan_in"), [(1, 1), (1, 4), (5, 1), (6, 7)])
def test_sums_over_pairs_are_spread_over_a_block(way, factored, size, fan_in):
    if way == "NumPy":
        pytest.skip("NumPy's is in the pair form.")
    rng, start = np.random.default_rng(0), 3
    units, inputs = np.triu_indices(size), np.triu_indices(fan_in)
    sums = rng.normal(size=(len(inputs[0]), len(units[0])))
    factors = rng.normal(size=(size, size)) if factored else None
    normal = np.zeros((start + size * fan_in + 2,) * 2)
    native_kernel().spread_pairs(normal, start, size, fan_in, sums, factors)
    expected = np.zeros_like(normal)
    for pair, (h, u) in enumerate(zip(*units, strict=True)):
        for row, (i, j) in enumerate(zip(*inputs, strict=True)):
            value = sums[row, pair] * (1.0 if factors is None else factors[h, u])
            for a, b in ((i, j), (j, i)):
                current, trial = start + h * fan_in + a, start + u * fan_in + b
                expected[current, trial] = expected[trial, current] = value
    assert np.array_equal(normal, expected)


@pytest.mark.skipif(native_kernel() is None, reason="There is no compiled kernel here.")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((4, 4)), 0, 2, 3, np.zeros((6, 3)), None), "a place for the layer's weights"),
        ((np.zeros((6, 6)), -1, 2, 3, np.zeros((6, 3)), None), "a place for the layer's weights"),
        ((np.zeros((6, 5)), 0, 2, 3, np.zeros((6, 3)), None), "must be square"),
        ((np.zeros((6, 6)), 0, 2**62, 4, np.zeros((6, 3)), None), "a place for the layer's weights"),
        ((np.zeros((6, 6)), 0, 2**32, 2**32, np.zeros((6, 3)), None), "a place for the layer's weights"),
        ((np.zeros((6, 6)), 2**63 - 4, 2, 3, np.zeros((6, 3)), None), "a place for the layer's weights"),
        ((np.zeros((6, 6)), 0, 2, 3, np.zeros((6, 2)), None), "sums must have 18 numbers, got 12"),
        ((np.zeros((6, 6)), 0, 2, 3, np.zeros((6, 3)), np.zeros(3)), "factors must have 4 numbers, got 3"),
    ],
)
def test_a_block_that_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        native_kernel().spread_pairs(*arguments)
