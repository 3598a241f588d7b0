"""Routines without the interpreter's lock: the bits of SciPy's own functions, and other threads go on meanwhile."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from scipy.linalg.blas import dgemm

from marquardt.numerics import add_product, factor_damped, inverted, products, unlocked
from marquardt.numerics.unlocked import routine

RNG = np.random.default_rng(0)


def operands(rows=120, columns=100, n=130):
    return RNG.normal(size=(rows, columns)), RNG.normal(size=(rows, n)), RNG.normal(size=(columns, n))


def test_a_large_product_has_the_bits_of_scipys():
    total, left, right = operands()
    assert len(left) * len(right) * left.shape[1] > products.UNLOCKED
    expected = total.copy()
    dgemm(1.0, right.T, left.T, beta=1.0, c=expected.T, trans_a=1, overwrite_c=1)
    add_product(total, left, right)
    assert np.array_equal(total, expected)


def test_rows_of_larger_arrays_are_taken_as_they_are():
    _, left, right = operands(n=200)
    total = np.zeros((200, 160))[10:130, 20:120]
    expected = left[:, 30:190] @ right[:, 30:190].T
    add_product(total, left[:, 30:190], right[:, 30:190])
    np.testing.assert_allclose(total, expected, rtol=1e-12, atol=1e-12)
    assert not total.base[:10].any()
    assert not total.base[10:130, :20].any()


def test_a_column_order_that_blas_cannot_take_is_copied():
    total, left, right = operands()
    expected = total + left @ right.T
    add_product(total, np.asfortranarray(left), right)
    np.testing.assert_allclose(total, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n", [3, 400])
def test_a_total_that_is_not_contiguous_is_added_to_all_the_same(n):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(60, n)), rng.normal(size=(70, n))
    for total in (np.ones((60, 140))[:, ::2], np.ones((70, 60)).T, np.ones((60, 90))[:, :70]):
        add_product(total, left, right)
        np.testing.assert_allclose(total, 1.0 + left @ right.T, rtol=1e-12, atol=1e-12)


def test_another_build_of_scipy_gets_the_same_to_rounding(monkeypatch):
    monkeypatch.setattr(products, "routine", lambda *_: None)
    total, left, right = operands()
    expected = total + left @ right.T
    add_product(total, left, right)
    np.testing.assert_allclose(total, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shapes", [((120, 100), (120, 130), (100, 129)), ((120, 99), (120, 130), (100, 130))])
def test_arrays_that_do_not_fit_are_refused(shapes):
    with pytest.raises(Exception, match=r"dgemm|mismatch|dimension|shape|broadcast"):
        add_product(*(np.ones(shape) for shape in shapes))


def positive(size):
    rows = RNG.normal(size=(2 * size, size))
    return rows.T @ rows


@pytest.mark.parametrize("is_definite", [True, False])
def test_factors_and_inverses_have_the_bits_of_scipys(monkeypatch, is_definite):
    size = 450  # beyond the compiled kernel
    normal, right = positive(size), RNG.normal(size=size)
    if not is_definite:
        normal[7, 7] = -1e6
    found = factor_damped(normal, 0.1, right), inverted(normal + 0.1 * np.eye(size))
    for module in ("damped", "inverse"):
        monkeypatch.setattr(sys.modules[f"marquardt.numerics.{module}"], "UNLOCKED_UNKNOWNS", size + 1)
    expected = factor_damped(normal, 0.1, right), inverted(normal + 0.1 * np.eye(size))
    if not is_definite:
        assert found[0][0] is expected[0][0] is None
        assert found[1] is expected[1] is None
        return
    assert np.array_equal(found[0][0], expected[0][0])
    assert np.array_equal(found[0][1](normal[0]), expected[0][1](normal[0]))
    assert np.array_equal(np.triu(found[1][0]), np.triu(expected[1][0]))
    assert found[1][1] == expected[1][1]


def test_what_a_build_has_otherwise_is_not_called():
    assert routine("dgemm", "cciii") is None
    assert routine("no_such_routine", "d") is None
    assert routine("dgemm", "cciiiddididdi") is not None


def test_a_name_that_cython_writes_otherwise_is_not_taken(monkeypatch):
    monkeypatch.setattr(unlocked, "_name_of", lambda _: "void (char *, long *)")
    routine.cache_clear()
    assert routine("dposv", "ciididio") is None
    routine.cache_clear()


def is_let_go_by(work):
    """Whether another thread gets on while one works; a single success proves it, as threads never switch by time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000.0)
    try:
        done, began = [], threading.Event()

        def run():
            began.set()
            work()
            done.append(True)

        worker = threading.Thread(target=run)
        worker.start()
        began.wait()
        is_early = not done
        worker.join()
        return is_early
    finally:
        sys.setswitchinterval(before)


def test_other_threads_go_on_meanwhile():
    total, left, right = operands(900, 900, 900)
    # Not by way of `factor_damped`: NumPy lets go while it copies the matrix.
    factor, matrix = routine("dpotrf", "cidio"), positive(900)
    # On a busy machine the other thread may be late for once.
    assert any(is_let_go_by(lambda: add_product(total, left, right)) for _ in range(20))
    assert any(is_let_go_by(lambda: factor("L", 900, matrix, 900)) for _ in range(20))
    locked = RNG.normal(size=(900, 900))
    assert not any(is_let_go_by(lambda: dgemm(1.0, locked.T, locked.T)) for _ in range(3))
