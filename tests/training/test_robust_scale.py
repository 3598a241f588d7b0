"""Robust losses take their scale from the residuals: how wrong the outliers are does not matter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import HuberRegressor

from marquardt import NetworkForecaster, NetworkRegressor
from marquardt.algorithms.evidence import weigh
from marquardt.errors import ConfigurationError
from marquardt.losses import ROBUST, Cauchy, Huber, SoftL1, WeightDecay, loss_named
from marquardt.networks import Network, Scaling, feed_forward, initial_weights, nar, simulate, time_delay
from marquardt.objective import Derivatives, Objective
from marquardt.streams import ArrayFiles, FileData
from marquardt.training import (
    BatchTraining,
    Division,
    Fitting,
    Settings,
    Training,
    spread_of,
    train,
    train_many,
    train_sequences,
)

SIZES = (50.0, 1e3, 1e6)
NOISE = 0.2


def line(size, n_rows=200, seed=0):
    """A noisy line of whose targets 5 % are wrong by `size`, and the line itself."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10, (n_rows, 1))
    clean = 3 * x[:, 0] + 2
    y = clean + NOISE * rng.normal(size=n_rows)
    y[rng.choice(n_rows, n_rows // 20, replace=False)] += size
    return x, y, clean


def rms(outputs, clean):
    return float(np.sqrt(np.mean((np.ravel(outputs) - clean) ** 2)))


def regressor(*hidden, **options):
    return NetworkRegressor(hidden, random_state=0, **options)


def by_lanes(x, y, loss):
    graph = feed_forward(1, (), 1)
    scaled = Network(graph, [0.0, 0.0], Scaling.fit("standard", x), Scaling.fit("robust", y[:, None]))
    results = train_many(
        scaled, [initial_weights(graph, rng=seed) for seed in range(4)], x, y[:, None], loss_named(loss)
    )
    return results[results.best].network.outputs(x)


def fitted(x, y, loss, **options):
    fitting = Fitting(x, y, Settings((), loss=loss, seed=0, **options), "regression")
    for _ in fitting:
        pass
    return fitting.network.outputs(x)


DOORS = {
    "no decay": lambda x, y, loss: regressor(loss=loss, alpha=0.0, n_restarts=1).fit(x, y).predict(x),
    "decay by evidence": lambda x, y, loss: regressor(loss=loss).fit(x, y).predict(x),
    "bayesian regularization": lambda x, y, loss: (
        regressor(loss=loss, alpha=0.0, algorithm="trainbr").fit(x, y).predict(x)
    ),
    "no matrix": lambda x, y, loss: regressor(loss=loss, alpha=0.0, algorithm="bfgs").fit(x, y).predict(x),
    "many restarts": lambda x, y, loss: fitted(x, y, loss, restarts=12),
    "train": lambda x, y, loss: train(feed_forward(1, (), 1), x, y[:, None], loss_named(loss)).network.outputs(x),
    "train_many": by_lanes,
    "standard scaling": lambda x, y, loss: (
        regressor(loss=loss, alpha=0.0, target_scaling="standard").fit(x, y).predict(x)
    ),
}


@pytest.mark.parametrize("loss", ROBUST)
@pytest.mark.parametrize("door", DOORS)
def test_error_does_not_grow_with_the_outliers(door, loss):
    errors = []
    for size in SIZES:
        x, y, clean = line(size)
        errors.append(rms(DOORS[door](x, y, loss), clean))
    # Where the limit falls, and where a run ends, differs a little: a few per cent of the error.
    assert_allclose(errors, errors[0], rtol=0.05)
    compared = rms(HuberRegressor(max_iter=1000).fit(x, y).predict(x), clean)
    assert errors[-1] < 1.2 * compared < 0.03


@pytest.mark.parametrize("alpha", [0.1, "auto"])
def test_a_network_of_hidden_units_learns_the_curve_beside_outliers(alpha):
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (300, 2))
    clean = np.sin(2 * x[:, 0]) * x[:, 1]
    good = clean + 0.1 * rng.normal(size=300)
    bad = rng.choice(300, 15, replace=False)
    errors = []
    for size in (0.0, *SIZES):
        y = good.copy()
        y[bad] += size
        model = regressor(8, loss="huber", alpha=alpha, max_iter=200, n_restarts=2).fit(x, y)
        errors.append(rms(model.predict(x), clean))
    # Without 5 % of the targets the fit is a little worse; the size of what is wrong with them makes no difference.
    assert max(errors) < 1.3 * errors[0] + 0.01
    assert_allclose(errors[1:], errors[1], rtol=0.1)


def test_outliers_do_not_steer_the_validation_stop():
    for size in SIZES:
        x, y, clean = line(size, n_rows=400)
        # The same rows validate whatever is in them.
        result = train(feed_forward(1, (3,), 1), x, y[:, None], Huber(), division="random", seed=1)
        assert rms(result.network.outputs(x), clean) < 0.06


@pytest.mark.parametrize("name", ROBUST)
def test_on_clean_data_the_scale_tells_the_noise(name):
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (4000, 1))
    targets = np.column_stack([x[:, 0] + 0.3 * rng.normal(size=4000), 50 * x[:, 0] + 7.0 * rng.normal(size=4000)])
    result = train(feed_forward(1, (), 2), x, targets, loss_named(name))
    noise = np.array(result.record.settings["loss_scale"]) / loss_named(name).tuning
    # σ̂ of N normal residuals has a deviation of 1.17 σ / √N; the last look may leave 3 %.
    assert_allclose(noise * result.network.target_scaling.spread, [0.3, 7.0], rtol=0.03 + 3 * 1.17 / np.sqrt(4000))


@pytest.mark.parametrize("name", ROBUST)
def test_tuning_gives_95_percent_of_the_efficiency_of_least_squares(name):
    residual = np.linspace(-10, 10, 200_001)[None]
    density = np.exp(-(residual**2) / 2) / np.sqrt(2 * np.pi) * 1e-4
    loss = loss_named(name, scale=loss_named(name).tuning)
    zero = np.zeros_like(residual)
    slope, second = loss.slope(residual, zero), loss.second(residual, zero)
    assert (second * density).sum() ** 2 / (slope**2 * density).sum() == pytest.approx(0.95, abs=2e-4)


@pytest.mark.parametrize("alpha", [0.0, "auto"])
def test_targets_in_another_unit_are_predicted_in_that_unit(alpha):
    x, y, _ = line(1e3)
    plain = regressor(loss="huber", alpha=alpha).fit(x, y).predict(x)
    for factor in (2.0**40, 2.0**-40):  # powers of two, so that not a bit of the scaled targets differs
        other = regressor(loss="huber", alpha=alpha).fit(x, factor * y).predict(x)
        assert_allclose(other / factor, plain, rtol=1e-9)


def test_every_output_has_a_scale_of_its_own():
    x, y, clean = line(1e6)
    both = regressor(loss="huber", alpha=0.0).fit(x, np.column_stack([y, 1000 * clean]))
    alone = regressor(loss="huber", alpha=0.0).fit(x, y)
    assert_allclose(both.predict(x)[:, 0], alone.predict(x), rtol=1e-3)
    assert_allclose(both.predict(x)[:, 1], 1000 * clean, rtol=1e-3)
    scale = both.record_.settings["loss_scale"]
    assert scale[1] < 0.1 * scale[0]


@pytest.mark.parametrize("name", ROBUST)
def test_the_loss_never_rises_while_the_scale_falls(name):
    x, y, _ = line(1e3)
    epochs = train(feed_forward(1, (4,), 1), x, y[:, None], loss_named(name)).record.epochs
    rounding = 1e-12 * epochs[0].loss
    assert all(later.loss <= earlier.loss + rounding for earlier, later in pairwise(epochs))
    assert [epoch.epoch for epoch in epochs] == list(range(len(epochs)))


@pytest.mark.parametrize("name", ROBUST)
def test_an_exact_fit_has_a_scale_above_zero(name):
    x = np.linspace(-1, 1, 60)[:, None]
    y = 5 * x
    y[::20] += 1e3
    result = train(feed_forward(1, (), 1), x, y, loss_named(name))
    assert 0 < result.record.settings["loss_scale"][0] < 0.01
    assert_allclose(result.network.outputs(x), 5 * x, atol=1e-2)
    constant = train(feed_forward(1, (), 1), x, np.full((60, 1), 4.0), loss_named(name))
    assert_allclose(constant.network.outputs(x), 4.0)


# ---------------------------------------------------------------- what is given stays


@pytest.mark.parametrize("loss", [Huber(0.5), SoftL1(0.5), Cauchy(0.5)], ids=repr)
def test_a_scale_that_is_given_stays(loss):
    x, y, _ = line(50.0)
    run = Training(Network(feed_forward(1, (), 1), [0.0, 0.0]), x, y[:, None], loss)
    for _ in run:
        pass
    assert run.objective.loss == loss
    assert "loss_scale" not in run.record.settings
    assert run.merit == run.best_value
    options = {"loss": loss.name, "loss_scale": 0.5, "n_restarts": 2}
    as_before = regressor(**options, target_scaling="standard").fit(x, y)
    assert regressor(**options).fit(x, y).predict(x).tolist() == as_before.predict(x).tolist()


def test_lanes_by_themselves_want_a_scale():
    network = Network(feed_forward(1, (), 1), [0.0, 0.0])
    with pytest.raises(ConfigurationError, match=r"train_many.*Huber\(scale=0.1\)"):
        BatchTraining(network, [[0.0, 0.0]], [[0.0], [1.0]], [[0.0], [1.0]], Huber())


@pytest.mark.parametrize("scale", [(), (1.0, 0.0), (1.0, "auto"), "atuo"])
def test_scales_are_positive_numbers(scale):
    with pytest.raises(ConfigurationError, match="scale of a robust loss"):
        Huber(scale)


def test_there_is_a_scale_an_output():
    loss = Huber((0.5, 2.0))
    assert loss.slope(np.full((2, 1), 9.0), np.zeros((2, 1))).tolist() == [[0.5], [2.0]]
    with pytest.raises(ConfigurationError, match="scale of the loss has 2 values, the network 1 outputs"):
        Objective(feed_forward(1, (), 1), [[0.0]], [[0.0]], loss)


# ---------------------------------------------------------------- evidence and restarts


def test_the_evidence_reads_squares_where_no_residual_is_far():
    x, y, _ = line(0.0)
    graph = feed_forward(1, (), 1)
    scaled = {"input_scaling": Scaling.fit("standard", x), "target_scaling": Scaling.fit("standard", y[:, None])}
    weights, decay = np.array([0.9, 0.1]), WeightDecay(0.1)
    found = []
    for loss in (Huber(), None):
        objective = Objective(graph, x, y[:, None], loss, penalty=decay, **scaled)
        if loss is not None:
            objective.take_scale(np.array([1e6]))
        current = objective.at(weights, Derivatives.NORMAL)
        found.append(weigh(current, objective.info, [0.1], objective.info.decayed))
    assert_allclose(found[0][:3], found[1][:3], rtol=1e-9)
    assert_allclose(found[0].decay, found[1].decay, rtol=1e-9)


def test_the_evidence_does_not_see_how_far_an_outlier_is():
    graph = feed_forward(1, (), 1)
    noises = []
    for size in SIZES:
        x, y, _ = line(size)
        objective = Objective(graph, x, y[:, None], Huber())
        objective.take_scale(np.array([1.345 * NOISE]))
        current = objective.at(np.array([3.0, 2.0]), Derivatives.NORMAL)
        noises.append(weigh(current, objective.info, [1e-3], objective.info.decayed).noise)
    assert_allclose(noises, noises[0], rtol=1e-6)
    assert 0.8 * NOISE < np.sqrt(noises[0]) < 1.5 * NOISE


def test_the_restart_nearest_to_most_targets_is_kept():
    x, y, _ = line(1e6)
    settings = Settings((3,), loss="huber", restarts=4, seed=0)
    fitting = Fitting(x, y, settings, "regression")
    for _ in fitting:
        pass
    merits = [attempt.merit for attempt in fitting.summaries]
    assert fitting.kept == int(np.argmin(merits))
    network = fitting.network
    residual = (network.outputs(x)[:, 0] - y) / network.target_scaling.spread
    noise = 1.482602218505602 * np.median(np.abs(residual))
    assert min(merits) == pytest.approx(np.mean(np.minimum(np.abs(residual), 3 * noise) ** 2), rel=1e-9)
    assert fitting.spread == spread_of(fitting.summaries, fitting.kept, "robust")
    assert fitting.spread.best == min(merits)


def test_a_weight_of_two_is_the_same_row_twice():
    x, y, _ = line(50.0)
    weight = np.random.default_rng(0).integers(0, 4, len(x))
    graph, at = feed_forward(1, (), 1), np.array([2.0, 1.0])
    weighted = Objective(graph, x, y[:, None], Huber(), sample_weight=weight.astype(float))
    copied = Objective(graph, np.repeat(x, weight, axis=0), np.repeat(y, weight)[:, None], Huber())
    noise = copied.noise(at)
    assert_allclose(weighted.noise(at), noise, rtol=1e-14)
    assert_allclose(weighted.robust_mean(at, noise), copied.robust_mean(at, noise), rtol=1e-12)


# ---------------------------------------------------------------- series, sequences, files


def series(size):
    rng = np.random.default_rng(1)
    clean = np.full(400, 10.0)
    for t in range(2, 400):
        clean[t] = 10 + 1.2 * (clean[t - 1] - 10) - 0.6 * (clean[t - 2] - 10) + 0.1 * rng.normal()
    wrong = clean.copy()
    wrong[rng.choice(300, 12, replace=False)] += size
    return clean, wrong


def test_a_forecast_does_not_see_how_wrong_the_outliers_were():
    errors = []
    for size in SIZES:
        clean, wrong = series(size)
        model = NetworkForecaster((1, 2), hidden_layer_sizes=(4,), loss="huber", random_state=0).fit(wrong)
        forecasts = [model.predict(1, y=clean[:k])[0] for k in range(320, 400)]
        errors.append(rms(forecasts, clean[320:]))
    assert_allclose(errors, errors[0], rtol=0.1)
    assert max(errors) < 0.12  # the noise itself is 0.1


@pytest.mark.parametrize("n_restarts", [1, 3])
def test_sequences_take_their_scale_from_the_residuals(n_restarts):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 1))
    clean = np.convolve(x[:, 0], [0.8, 0.5])[:400]
    good = clean + 0.1 * rng.normal(size=400)
    bad = rng.choice(400, 20, replace=False)
    graph = time_delay(1, (), 1, delays=(0, 1))
    start = Network(graph, initial_weights(graph, rng=0))
    for size in SIZES:
        targets = good.copy()
        targets[bad] += size
        options = {"scaling": "robust", "n_restarts": n_restarts}
        result = train_sequences(start, x, targets[:, None], Huber(), **options)
        scale = result.record.settings["loss_scale"][0] * result.network.target_scaling.spread[0]
        # 5 % wrong targets move the median of the sizes up by some 7 %, and it has a deviation of 6 % of itself.
        assert scale == pytest.approx(1.345 * 0.1, rel=0.2)
        assert rms(simulate(result.network, x)[0], clean[1:]) < 0.02


def test_rows_that_go_by_have_the_scale_of_rows_in_memory(tmp_path):
    x, y, clean = line(1e6, n_rows=5000)
    np.save(tmp_path / "rows.npy", np.column_stack([x, y]))
    data = FileData(ArrayFiles(tmp_path / "rows.npy", target_columns=[1]), validation=0.0, test=0.0)
    assert_allclose(data.scaling("targets", "robust").factor, Scaling.fit("robust", y[:, None]).factor, rtol=1e-3)
    fitting = Fitting.of(data, Settings((), loss="huber", seed=0))
    for _ in fitting:
        pass
    assert rms(fitting.network.outputs(x), clean) < 0.03
    assert_allclose(fitting.network.outputs(x)[:, 0], fitted(x, y, "huber")[:, 0], rtol=1e-3)


def test_a_division_of_sequences_validates_with_the_same_scale():
    clean, _ = series(0.0)
    graph = nar((), feedback_delays=(1, 2))
    start = Network(graph, initial_weights(graph, rng=0))
    result = train_sequences(
        start, None, clean[:, None], Huber(), scaling="robust", division=Division("blocks", validation=0.2, test=0.2)
    )
    assert np.isfinite(result.record.best_vperf)
    assert result.record.settings["loss_scale"][0] > 0


def test_a_loaded_estimator_has_the_scale_that_was_found(tmp_path):
    x, y, _ = line(1e3)
    model = regressor(loss="huber").fit(x, y)
    model.save(tmp_path / "model.marquardt")
    loaded = NetworkRegressor.from_file(tmp_path / "model.marquardt")
    assert loaded.record_.settings["loss_scale"] == model.record_.settings["loss_scale"]
    assert len(loaded.record_.settings["loss_scale"]) == 1
    assert loaded.network_.target_scaling.kind == "robust"
