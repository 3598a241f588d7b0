import numpy as np
import pytest

from benchmarks import scaling


def test_exponent_is_that_of_the_upper_half():
    sizes = [1, 10, 100, 1000, 10_000, 100_000]
    # Overhead hides the power where sizes are small.
    assert scaling.exponent(sizes, [1 + 1e-3 * size**1.5 for size in sizes]) == pytest.approx(1.5, abs=0.02)


def test_every_study_spans_three_decades_of_what_it_varies():
    for name, (_, shapes) in scaling.STUDIES.items():
        smallest, largest = (scaling.Problem(sizes).at(name, sizes) for sizes in (shapes[0], shapes[-1]))
        assert largest / smallest >= 1000, name


def test_epochs_and_iterations_take_time():
    problem = scaling.Problem((50, 3, 2, 1))
    for taken in (scaling.epochs_of(problem, "trainlm"), scaling.iterations_of(problem)):
        assert len(taken) >= scaling.EPOCHS[0]
        assert np.min(taken) >= 0
