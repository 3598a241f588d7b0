"""Networks on folds, averaged into one."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from marquardt import Limits, Settings
from marquardt.networks import averaged
from marquardt.training.ensemble import EVIDENCE, LINEAR, FoldEnsemble


def settings(**more):
    given = {"hidden_layer_sizes": 5, "algorithm": "auto", "alpha": "auto", "seed": 0, "limits": Limits(max_epochs=200)}
    return Settings(**{**given, "input_scaling": "standard", "target_scaling": "standard", **more})


def trained(inputs, targets, task="regression", of=None, **more):
    ensemble = FoldEnsemble(inputs, targets, of or settings(), task, **more)
    for _ in ensemble:
        pass
    return ensemble


def noisy(n=120, n_inputs=3, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, n_inputs))
    return x, np.sin(3 * x[:, 0]) + x[:, 1] ** 2 + noise * rng.normal(size=n)


def test_the_network_is_the_mean_of_its_members_by_their_shares():
    x, y = noisy()
    ensemble = trained(x, y)
    mean = np.zeros((120, 1))
    rest = 1.0 - sum(ensemble.shares.values())
    for kind, share in ensemble.shares.items():
        members = ensemble._networks(kind, on_folds=kind != LINEAR)
        mean += share * np.mean([network.outputs(x) for network in members], axis=0)
    mean += rest * ensemble.network.target_scaling.offset
    assert_allclose(ensemble.network.outputs(x), mean, rtol=0, atol=1e-12)
    assert set(ensemble.shares) == {"linear", "decay 0", "decay 1"}


def test_every_row_is_predicted_by_a_network_that_did_not_train_on_it():
    x, y = noisy()
    ensemble = trained(x, y)
    base = [ensemble._predicted(kind) for kind in ensemble.shares]
    z = ensemble.network.target_scaling.apply(y[:, None]).T
    mean = np.tensordot(list(ensemble.shares.values()), np.stack(base), 1)
    assert ensemble.explained == pytest.approx(1 - np.sum((mean - z) ** 2) / np.sum(z**2))
    # The last row of the record says the same in the user's units.
    error = np.mean((mean - z) ** 2) / ensemble.network.target_scaling.factor[0] ** 2
    assert ensemble.record.epochs[-1].validation == pytest.approx(error)
    assert ensemble.record.best_perf == pytest.approx(np.mean((ensemble.network.outputs(x)[:, 0] - y) ** 2))
    for fold, network in zip(ensemble._folds, ensemble._networks("decay 0", on_folds=True), strict=True):
        scaled = ensemble.network.target_scaling.apply(network.outputs(x[fold])).T
        assert_array_equal(base[1][:, fold], scaled)


def test_a_straight_line_gets_the_linear_network():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 4))
    y = x @ [1.0, -2.0, 0.5, 0.0] + 3.0 + 0.5 * rng.normal(size=80)
    ensemble = trained(x, y)
    new = rng.normal(size=(500, 4))
    truth = new @ [1.0, -2.0, 0.5, 0.0] + 3.0
    line = np.linalg.lstsq(np.column_stack([x, np.ones(80)]), y, rcond=None)[0]
    of_line = np.sqrt(np.mean((np.column_stack([new, np.ones(500)]) @ line - truth) ** 2))
    of_ensemble = np.sqrt(np.mean((ensemble.network.outputs(new)[:, 0] - truth) ** 2))
    assert of_ensemble < 2 * of_line


def test_noise_gets_the_mean():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(100, 5)), rng.normal(size=100)
    ensemble = trained(x, y)
    assert np.std(ensemble.network.outputs(rng.normal(size=(500, 5)))) < 0.3  # of noise of 1


def test_without_noise_the_evidence_joins_in():
    x, y = noisy(n=80, n_inputs=2, noise=0.0)
    ensemble = trained(x, y, of=settings(restarts=2))
    assert ensemble.shares[EVIDENCE] > 0.3
    new, truth = noisy(n=400, n_inputs=2, noise=0.0, seed=5)
    assert np.sqrt(np.mean((ensemble.network.outputs(new)[:, 0] - truth) ** 2)) < 0.02
    assert EVIDENCE not in trained(*noisy()).shares


def test_a_decay_of_ones_own_is_the_only_one():
    ensemble = trained(*noisy(), of=settings(alpha=0.3))
    assert set(ensemble.shares) == {"linear", "decay 0.3"}
    assert ensemble.decay == (0.3, 0.3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes(n_classes):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(150, 2))
    score = x[:, 0] * x[:, 1] + 0.3 * rng.normal(size=150)
    codes = np.digitize(score, [0.0] if n_classes == 2 else [-0.3, 0.3])
    ensemble = trained(x, codes, "classification", of=settings(hidden_layer_sizes=8), n_classes=n_classes)
    assert set(ensemble.shares) == {"linear", "decay 1"}
    assert ensemble.shares["decay 1"] > 0.7
    outputs = ensemble.network.outputs(x)
    found = (outputs[:, 0] > 0.5).astype(int) if n_classes == 2 else outputs.argmax(axis=1)
    assert np.mean(found == codes) > (0.8 if n_classes == 2 else 0.7)


def test_a_class_of_one_row_always_trains():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(61, 2))
    codes = np.append(np.arange(60) % 2, 2)
    ensemble = trained(x, codes, "classification", n_classes=3)
    assert 60 not in np.concatenate(ensemble._folds)
    assert np.isfinite(ensemble.network.outputs(x)).all()


def test_what_does_not_join_in_is_not_made(monkeypatch):
    made = []
    fit = FoldEnsemble._fitting
    monkeypatch.setattr(FoldEnsemble, "_fitting", lambda *given: made.append(given[1].alpha) or fit(*given))
    trained(*noisy())
    assert made.count("auto") == 1  # the linear network on all rows


def test_several_targets_robust_losses_and_weights():
    x, y = noisy()
    both = np.column_stack([y, -2 * y + x[:, 2]])
    assert trained(x, both).network.outputs(x).shape == (120, 2)
    wild = y.copy()
    wild[::20] += 1e3
    robust = trained(x, wild, of=settings(loss="huber", target_scaling="robust"))
    assert np.median(np.abs(robust.network.outputs(x)[:, 0] - y)) < 0.5
    weight = np.ones(120)
    weight[::20] = 0.0
    left_out = trained(x, wild, sample_weight=weight)
    assert np.sqrt(np.mean((left_out.network.outputs(x)[:, 0] - y) ** 2)) < 0.6


def test_the_unit_of_weights_does_not_matter():
    x, y = noisy()
    one = trained(x, y, sample_weight=np.full(120, 1.0))
    tiny = trained(x, y, sample_weight=np.full(120, 2.0**-40))
    assert_allclose(tiny.network.outputs(x), one.network.outputs(x), rtol=1e-6)


def test_the_number_of_jobs_does_not_change_a_bit():
    x, y = noisy(n=60)
    one, two = (trained(x, y, of=settings(jobs=jobs)).network for jobs in (1, 2))
    assert_array_equal(one.weights, two.weights)


@pytest.mark.parametrize("n_pulled", [1, 30, 200])
def test_a_stop_keeps_the_mean_of_what_has_ended(n_pulled):
    x, y = noisy()
    ensemble = FoldEnsemble(x, y, settings(), "regression")
    for _ in itertools.islice(ensemble, n_pulled):
        pass
    ensemble.stop_by_user()
    assert np.isfinite(ensemble.network.outputs(x)).all()
    assert ensemble.record.epochs
    ended = [each for kind in ("decay 0", "decay 1") for each in ensemble._networks(kind, on_folds=True)]
    if ended:
        assert_array_equal(ensemble.network.weights, averaged(ended).weights)
    assert list(ensemble) == []
