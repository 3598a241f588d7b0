"""Tolerances that have a reason."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

EPS = np.finfo(float).eps


def assert_to_rounding(actual, expected, *, scale=None, summands=1, ulps=64):
    """Assert that two arrays differ by rounding: ulps of the largest summand, times their number.

    `scale` is the size of what was added up; the largest entry of `expected` when not given. Sums that cancel are
    smaller than their summands, so give the summands' size for them.
    """
    size = np.abs(expected).max(initial=0.0) if scale is None else scale
    assert_allclose(actual, expected, rtol=0, atol=ulps * summands * EPS * size)
