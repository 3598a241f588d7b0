import numpy as np
import pytest

from helpers import sine


def test_columns_are_standardized():
    for column in (sine.INPUTS, sine.TARGETS):
        assert column.shape == (200, 1)
        assert column.mean() == pytest.approx(0.0, abs=1e-14)
        assert column.std() == pytest.approx(1.0)


def test_starts_differ_and_can_be_repeated():
    assert np.array_equal(sine.start(1), sine.start(1))
    assert not np.array_equal(sine.start(1), sine.start(2))
