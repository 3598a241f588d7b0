"""Any float64 vector is a point, however it lies in memory; and what cannot be pickled says so."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from marquardt.networks import feed_forward
from marquardt.objective import Derivatives, Objective
from marquardt.training import Fitting, Settings

X = np.linspace(-1, 1, 30)[:, None]
W = np.random.default_rng(0).normal(size=10)


def strided():
    wide = np.zeros(20)
    wide[::2] = W
    return wide[::2]


def read_only():
    fixed = W.copy()
    fixed.flags.writeable = False
    return fixed


VECTORS = {
    "strided": strided,
    "reversed": lambda: W[::-1].copy()[::-1],
    "read-only": read_only,
    "unaligned": lambda: np.frombuffer(b"\0" + W.tobytes(), dtype=np.uint8)[1:].view(np.float64),
    "byte-swapped": lambda: W.astype(W.dtype.newbyteorder()),
}


@pytest.mark.parametrize("need", list(Derivatives))
@pytest.mark.parametrize("form", ["explicit", "pairs"])
@pytest.mark.parametrize("name", VECTORS)
def test_any_vector_of_doubles_is_a_point(name, form, need):
    objective = Objective(feed_forward(1, 3, 1), X, np.sin(3 * X), form=form)
    expected, found = objective.at(W, need), objective.at(VECTORS[name](), need)
    assert found.loss == expected.loss
    for one, other in ((expected.gradient, found.gradient), (expected.normal, found.normal)):
        assert (one is None and other is None) or np.array_equal(one, other)


@pytest.mark.parametrize(
    "make",
    [lambda: Objective(feed_forward(1, 3, 1), X, X), lambda: Fitting(X, X, Settings(), "regression")],
    ids=["Objective", "Fitting"],
)
def test_what_cannot_be_pickled_says_why(make):
    with pytest.raises(TypeError, match=r"cannot be pickled: it holds .*threads"):
        pickle.dumps(make())
