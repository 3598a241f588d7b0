"""Errors of targets from sums that go by, whatever the unit of the targets."""

import math

import numpy as np
import pytest

from marquardt.streams import RegressionErrors

RNG = np.random.default_rng(0)
TARGETS = RNG.normal(size=(60, 2)) * [1.0, 1e3] + [5.0, 0.0]
OUTPUTS = TARGETS + 0.1 * RNG.normal(size=(60, 2))


def told(factor):
    targets, outputs = factor * TARGETS, factor * OUTPUTS
    sums = RegressionErrors(["a", "b"], targets.mean(axis=0))
    sums.add(outputs, targets)
    return sums.report()["targets"]


@pytest.mark.parametrize("power", [-680, 0, 680])
def test_errors_are_those_of_the_definition_in_any_unit(power):
    factor = 2.0**power  # changes no digit; its square is no number
    for k, name in enumerate("ab"):
        residual, around = OUTPUTS[:, k] - TARGETS[:, k], TARGETS[:, k] - TARGETS[:, k].mean()
        found = told(factor)[name]
        assert found["rmse"] == pytest.approx(factor * math.sqrt((residual**2).mean()), rel=1e-12)
        assert found["mae"] == pytest.approx(factor * np.abs(residual).mean(), rel=1e-12)
        assert found["r2"] == pytest.approx(1 - (residual**2).sum() / (around**2).sum(), rel=1e-12)


def test_batches_of_growing_numbers_are_summed_alike():
    order = np.argsort(np.abs(TARGETS[:, 0]))
    targets, outputs = 1e180 * TARGETS[order] ** 5, 1e180 * OUTPUTS[order] ** 5
    whole, parts = (RegressionErrors(["a", "b"], targets.mean(axis=0)) for _ in range(2))
    whole.add(outputs, targets)
    for first in range(0, 60, 7):
        parts.add(outputs[first : first + 7], targets[first : first + 7])
    for name in "ab":
        assert parts.report()["targets"][name] == pytest.approx(whole.report()["targets"][name], rel=1e-12)


def test_an_exact_fit_and_a_target_that_does_not_vary():
    sums = RegressionErrors(["a"], [3.0])
    sums.add(np.full((4, 1), 3.0), np.full((4, 1), 3.0))
    found = sums.report()["targets"]["a"]
    assert (found["rmse"], found["mae"]) == (0.0, 0.0)
    assert math.isnan(found["r2"])
