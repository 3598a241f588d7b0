import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt.numerics import central_difference


@pytest.mark.parametrize("degree", range(9))
def test_polynomials_up_to_degree_eight_are_exact(degree):
    at = np.linspace(0.5, 1.5, 11)
    slope = central_difference(lambda x: x**degree, at, width=0.01)
    # Rounding of the values, up to 1.5**8 = 26, over the width.
    assert_allclose(slope, degree * at ** max(degree - 1, 0), rtol=0, atol=10 * 26 * 2.3e-16 / 0.01)


def test_error_falls_with_the_eighth_power_of_the_width():
    at = np.array([0.3])
    errors = [abs(central_difference(np.exp, at, width)[0] - np.exp(0.3)) for width in (0.5, 0.25)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(8, abs=0.2)


def test_shape_is_kept():
    assert central_difference(np.sin, np.zeros((2, 3))).shape == (2, 3)
