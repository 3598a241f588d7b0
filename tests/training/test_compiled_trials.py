"""Trials in compiled code: the run that they make is the one that goes trial by trial."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.clock import FakeClock

from marquardt.algorithms import LevenbergMarquardt
from marquardt.algorithms.damping import COMPILED_DAMPINGS, DAMPINGS
from marquardt.losses import Squares, WeightDecay
from marquardt.networks import Network, cascade_forward, feed_forward, initial_weights
from marquardt.numerics import native, native_kernel
from marquardt.objective import Derivatives
from marquardt.training import Division, Limits, Training

pytestmark = pytest.mark.skipif(native_kernel() is None, reason="There is no compiled kernel here.")

X = np.random.default_rng(0).uniform(-1, 1, size=(60, 2))
Y = np.stack([np.sin(3 * X[:, 0]) + X[:, 1] ** 2, X[:, 0] * X[:, 1]], axis=1)
PARTS = Division("interleaved", 0.25, 0.15).split(60)
CASES = {
    "plain": (feed_forward(2, 4, 2), {}),
    "cascade with decay": (cascade_forward(2, (1, 1, 1), 2), {"penalty": WeightDecay(0.01)}),
    "validation": (feed_forward(2, 4, 2), {"parts": PARTS}),
    "weights": (feed_forward(2, (3, 2), 2), {"sample_weight": np.linspace(0, 2, 60), "loss": Squares((1.0, 3.0))}),
    "own factors": (feed_forward(2, 4, 2), {"rule": LevenbergMarquardt(0.1, mu_increase=3.0, mu_decrease=0.3)}),
    "relative": (feed_forward(2, 4, 2), {"rule": LevenbergMarquardt(0.1, mu_relative=True)}),
    "gain ratio": (feed_forward(2, 4, 2), {"rule": LevenbergMarquardt(1e-4, damping="gain_ratio", mu_increase=3.0)}),
    "fan": (feed_forward(2, 4, 2), {"rule": LevenbergMarquardt(1e-5, damping="fan", mu_relative=True)}),
    **{
        f"damping {name}": (feed_forward(2, 4, 2), {"rule": LevenbergMarquardt(1e-4, damping=name)})
        for name in COMPILED_DAMPINGS
    },
    "little room for mu": (feed_forward(2, 4, 2), {"rule": LevenbergMarquardt(1e-3, mu_max=1e-2)}),
}


def run_of(name, **limits):
    graph, options = CASES[name]
    start = Network(graph, initial_weights(graph, rng=1))
    options = {"limits": Limits(max_epochs=12, **limits), **options}
    return Training(start, X, Y, options.pop("loss", None), clock=FakeClock(step=0.0), **options)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("max_seconds", [math.inf, 1e9])
def test_the_run_is_that_of_trial_by_trial(monkeypatch, name, max_seconds):
    compiled = run_of(name, max_seconds=max_seconds)
    found = list(compiled)
    monkeypatch.setattr(native, "_MODULE", None)
    plain = run_of(name)
    expected = list(plain)
    assert compiled.objective.is_compiled
    assert not plain.objective.is_compiled
    for one, other in zip(found, expected, strict=True):
        assert (one.epoch, one.trials, one.validation_fails) == (other.epoch, other.trials, other.validation_fails)
        assert one.mu == pytest.approx(other.mu, rel=1e-12)
        # Rounding, grown in twelve steps.
        for field in ("performance", "validation", "test", "gradient", "loss"):
            assert getattr(one, field) == pytest.approx(getattr(other, field), rel=1e-6, nan_ok=True)
    assert compiled.record.stop.code == plain.record.stop.code
    assert compiled.record.best_epoch == plain.record.best_epoch
    assert compiled.record.evaluations == plain.record.evaluations
    np.testing.assert_allclose(compiled.network.outputs(X), plain.network.outputs(X), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["gain ratio", "fan"])
def test_the_cases_hold_steps_of_every_quarter(name):
    rule = CASES[name][1]["rule"]
    mus = np.array([epoch.mu for epoch in run_of(name)])
    losses = np.array([epoch.loss for epoch in run_of(name)])
    trials = np.array([epoch.trials for epoch in run_of(name)])
    increase, decrease = rule.factors
    moved = mus[1:] / mus[:-1] / increase ** (trials[1:] - 1)
    if name == "fan":
        moved /= np.sqrt(losses[1:] / losses[:-1])
    assert {round(float(factor), 6) for factor in moved} == {round(decrease, 6), 1.0, increase}


def test_a_mu_above_its_limit_is_told_as_ever(monkeypatch):
    sentence = str(_ended(run_of("little room for mu")))
    monkeypatch.setattr(native, "_MODULE", None)
    assert sentence == str(_ended(run_of("little room for mu")))
    assert "mu would have to be above" in sentence


def test_the_kernel_has_as_many_dampings_as_have_a_number():
    codes = sorted(DAMPINGS[name].code for name in COMPILED_DAMPINGS)
    assert codes == list(range(len(codes)))
    objective = run_of("plain").objective
    current = objective.at(initial_weights(CASES["plain"][0], rng=1), Derivatives.NORMAL)

    def tried(code):
        descent = objective.descent(10.0, 0.1, 1e-20, 1e10, code)
        counts = np.zeros(3, dtype=np.int64)
        arrays = (
            np.array([current.loss]),
            current.sums.copy(),
            current.gradient.copy(),
            current.normal.copy(),
            np.array([1.0]),
        )
        descent(1, current.weights.copy(), *arrays, counts)
        return counts[0]

    assert tried(codes[-1]) == 1
    with pytest.raises(ValueError, match="settings name no damping"):
        tried(len(codes))


def _ended(run):
    for _ in run:
        pass
    return run.record.stop
