"""Who holds BLAS, and to how many threads."""

from __future__ import annotations

import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from marquardt.errors import ConfigurationError
from marquardt.numerics import hold_blas, usable_cpus
from marquardt.numerics.threads import KNOB


def blas_threads():
    """The numbers of threads of all BLAS libraries that are loaded."""
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch):
    """BLAS has two threads to begin with, and the knob is not turned."""
    monkeypatch.delenv(KNOB, raising=False)
    with threadpool_limits(limits=2, user_api="blas"):
        assert blas_threads() == {2}
        yield


def test_one_thread_inside_and_as_before_outside():
    with hold_blas():
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_an_error_inside_gives_the_threads_back():
    with pytest.raises(KeyError), hold_blas():
        raise KeyError
    assert blas_threads() == {2}


@pytest.mark.parametrize("first_out", [0, 1])
def test_contexts_that_overlap_restore_once_the_last_is_left(first_out):
    holds = [hold_blas(), hold_blas()]
    for hold in holds:
        hold.__enter__()
    holds.pop(first_out).__exit__(None, None, None)
    assert blas_threads() == {1}
    holds.pop().__exit__(None, None, None)
    assert blas_threads() == {2}


@pytest.mark.parametrize("first", ["this thread", "another thread"])
def test_contexts_in_several_threads_overlap_too(first):
    entered, leave = threading.Event(), threading.Event()
    current = hold_blas()

    def hold():
        with hold_blas():
            entered.set()
            leave.wait(5)

    other = threading.Thread(target=hold)
    if first == "this thread":
        current.__enter__()
    other.start()
    assert entered.wait(5)
    if first == "another thread":
        current.__enter__()
    current.__exit__(None, None, None)
    assert blas_threads() == {1}
    leave.set()
    other.join()
    # threadpoolctl heeds one thread at a time; the last to leave may be another than the first to enter.
    assert blas_threads() == {2}


def test_knob_sets_another_number(monkeypatch):
    monkeypatch.setenv(KNOB, " 2 ")
    with threadpool_limits(limits=1, user_api="blas"):
        with hold_blas():
            assert blas_threads() == {2}
        assert blas_threads() == {1}


def test_knob_at_zero_leaves_blas_alone(monkeypatch):
    monkeypatch.setenv(KNOB, "0")
    with hold_blas():
        assert blas_threads() == {2}
    assert blas_threads() == {2}


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5", "²"])
def test_knob_turned_wrongly_is_refused_and_holds_nothing(monkeypatch, text):
    monkeypatch.setenv(KNOB, text)
    with pytest.raises(ConfigurationError, match=f"{KNOB} must be a number of BLAS threads.*got '{text}'"), hold_blas():
        pass
    monkeypatch.delenv(KNOB)
    with hold_blas():
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_there_is_a_processor():
    assert usable_cpus() >= 1
