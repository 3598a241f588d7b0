"""Many restarts of a small network go on side by side, and are told from restarts one after the other by nothing."""

from __future__ import annotations

import numpy as np
import pytest

from marquardt.numerics import native, native_kernel
from marquardt.training import Division, EvidenceTraining, Fitting, Limits, Settings, Training
from marquardt.training import fitting as fitting_module
from marquardt.training.restarts import BatchMember

X = np.random.default_rng(0).uniform(-1, 1, size=(60, 2))
Y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2
PARTS = Division("interleaved", 0.25, 0.15).split(60)
needs_kernel = pytest.mark.skipif(native_kernel() is None, reason="There is no compiled kernel here.")
SMALL = {"hidden_layer_sizes": 3, "seed": 1, "restarts": 20, "limits": Limits(max_epochs=8)}


def fitting(task="regression", targets=Y, parts=None, n_classes=0, **settings):
    return Fitting(X, targets, Settings(**{**SMALL, **settings}), task, parts=parts, n_classes=n_classes)


def pulled(**options):
    made = fitting(**options)
    return made, [(made.restart, epoch) for epoch in made]


def one_after_the_other(monkeypatch, **options):
    monkeypatch.setattr(fitting_module, "BATCH_FROM", 1000)
    return pulled(**options)


@needs_kernel
@pytest.mark.parametrize("parts", [PARTS, None], ids=["by validation", "by loss"])
@pytest.mark.parametrize("alpha", [0.0, 1e-3])
def test_they_are_the_restarts_one_after_the_other(monkeypatch, parts, alpha):
    together, epochs = pulled(parts=parts, alpha=alpha)
    assert isinstance(together.training, BatchMember)
    alone, expected = one_after_the_other(monkeypatch, parts=parts, alpha=alpha)
    assert isinstance(alone.training, Training)
    assert [(restart, epoch.epoch, epoch.trials) for restart, epoch in epochs] == [
        (restart, epoch.epoch, epoch.trials) for restart, epoch in expected
    ]
    # Rounding, grown in eight steps.
    np.testing.assert_allclose([e.loss for _, e in epochs], [e.loss for _, e in expected], rtol=1e-5)
    assert [(a.restart, a.epochs, a.stop) for a in together.summaries] == [
        (a.restart, a.epochs, a.stop) for a in alone.summaries
    ]
    numbers = [a.performance if parts is None else a.validation for a in together.summaries]
    best = together.record.best
    assert (best.performance if parts is None else best.validation) == min(numbers)
    np.testing.assert_allclose(together.network.outputs(X), alone.network.outputs(X), rtol=0, atol=1e-4)
    assert together.decay == alone.decay


@needs_kernel
def test_the_automatic_decay_beside_validation_is_taken(monkeypatch):
    together, epochs = pulled(alpha="auto", parts=PARTS)
    assert isinstance(together.training, BatchMember)
    assert together.decay == (fitting_module.VALIDATED_DECAY,) * 2
    _, expected = one_after_the_other(monkeypatch, alpha="auto", parts=PARTS)
    for (_, epoch), (_, other) in zip(epochs[:5], expected[:5], strict=True):
        assert epoch.loss == pytest.approx(other.loss, rel=1e-6)


@needs_kernel
def test_a_stop_by_the_user_ends_all_and_keeps_the_best_of_all():
    made = fitting()
    for epoch in made:
        if epoch.epoch == 3:
            made.stop_by_user()
    assert [a.restart for a in made.summaries] == list(range(20))
    assert {a.stop for a in made.summaries} == {"user"}
    assert made.record.best_perf == min(a.performance for a in made.summaries)
    assert made.restart == 0


@needs_kernel
def test_an_interrupt_keeps_the_best_of_all():
    made = fitting(parts=PARTS)

    def pull():
        for epoch in made:
            if made.restart == 2 and epoch.epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull()
    made.stop_by_user()
    assert len(made.summaries) == 20
    assert made.record.best_vperf == min(a.validation for a in made.summaries)
    error = made.network.outputs(X[PARTS.validation])[:, 0] - Y[PARTS.validation]
    assert np.mean(error**2) == pytest.approx(made.record.best_vperf, rel=1e-9)


def test_the_network_is_at_least_as_good_as_the_best_that_was_shown():
    made = fitting()
    lowest = np.inf
    for epoch in made:
        lowest = min(lowest, epoch.performance)
        assert made.record.best_perf <= lowest
        error = made.network.outputs(X)[:, 0] - Y
        assert np.mean(error**2) == pytest.approx(made.record.best_perf, rel=1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        {"restarts": 9},
        {"hidden_layer_sizes": 80},
        {"algorithm": "lm(damping='nielsen')"},
        {"algorithm": "bfgs"},
        {"form": "pairs"},
        {"threads": 2},
        {"activation": "sine"},
        {"loss": "huber", "loss_scale": 0.1},
        {"limits": Limits(max_epochs=8, max_seconds=1e3)},
    ],
    ids=str,
)
def test_others_are_trained_one_after_the_other(settings):
    assert isinstance(fitting(**settings).training, Training)


def test_without_the_kernel_there_is_no_batch(monkeypatch):
    monkeypatch.setattr(native, "_MODULE", None)
    assert isinstance(fitting().training, Training)


@needs_kernel
def test_with_several_processors_larger_ones_are_a_batch_too(monkeypatch):
    assert isinstance(fitting(restarts=10).training, BatchMember)
    assert isinstance(fitting(restarts=9).training, Training)
    assert isinstance(fitting(hidden_layer_sizes=20, threads=1).training, Training)
    for cpus, kind in ((1, Training), (4, BatchMember)):
        monkeypatch.setattr(fitting_module, "usable_cpus", lambda cpus=cpus: cpus)
        assert isinstance(fitting(hidden_layer_sizes=20).training, kind)


def test_softmax_and_the_evidence_are_trained_one_after_the_other():
    codes = np.arange(60) % 3
    assert isinstance(fitting(task="classification", targets=codes, n_classes=3).training, Training)
    assert isinstance(fitting(alpha="auto").training, EvidenceTraining)
