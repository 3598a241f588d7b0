"""A weight for every target of every sample: the laws that hold wherever weights are taken."""

from __future__ import annotations

import numpy as np
import pytest

from marquardt import NetworkRegressor
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.losses import Huber, LogisticCrossEntropy, SoftmaxCrossEntropy, Squares
from marquardt.networks import Network, Scaling, feed_forward, initial_weights
from marquardt.objective import Derivatives, Objective
from marquardt.training import Fitting, Limits, Settings, Training, split_by_content, train, train_many

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (60, 2))
Y = np.column_stack([np.sin(2 * X[:, 0]) + 0.1 * RNG.normal(size=60), 3.0 + X[:, 0] * X[:, 1]])
WEIGHT = RNG.uniform(0.2, 3.0, (60, 2))
COUNTS = RNG.integers(0, 3, (60, 2))
GRAPH = feed_forward(2, 4, 2)
START = Network(GRAPH, initial_weights(GRAPH, rng=0), target_scaling=Scaling.fit("minmax", Y))
FORMS = ("explicit", "pairs", "samples", "matrix_free", "neuron_by_neuron")


def trained(targets=Y, sample_weight=WEIGHT, inputs=X, form="auto", epochs=12, loss=None):
    run = Training(
        START, inputs, targets, loss, sample_weight=sample_weight, limits=Limits(max_epochs=epochs), form=form
    )
    list(run)
    return run


def weights_of(*arguments, **options):
    return trained(*arguments, **options).network.weights


def settings(**options):
    return Settings(hidden_layer_sizes=4, seed=0, limits=Limits(max_epochs=8), **options)


def fitted(targets=Y, sample_weight=WEIGHT, inputs=X, **options):
    fitting = Fitting(inputs, targets, settings(**options), "regression", sample_weight=sample_weight)
    list(fitting)
    return fitting


@pytest.mark.parametrize("form", FORMS)
def test_a_matrix_of_equal_columns_is_the_vector(form):
    both = np.stack([WEIGHT[:, 0]] * 2, axis=1)
    assert (
        weights_of(sample_weight=both, form=form).tobytes()
        == weights_of(sample_weight=WEIGHT[:, 0], form=form).tobytes()
    )
    assert (
        fitted(sample_weight=both).network.weights.tobytes()
        == fitted(sample_weight=WEIGHT[:, 0]).network.weights.tobytes()
    )


def test_a_column_of_its_own_is_a_weight_of_the_output():
    # To rounding: one is a vector times a number an output, the other a matrix, summed in other forms.
    matrix = WEIGHT[:, :1] * [1.0, 3.0]
    current = Objective(GRAPH, X, Y, sample_weight=matrix).at(START.weights, Derivatives.NORMAL)
    trial = Objective(GRAPH, X, Y, Squares((1.0, 3.0)), sample_weight=WEIGHT[:, 0]).at(
        START.weights, Derivatives.NORMAL
    )
    np.testing.assert_allclose(current.normal, trial.normal, rtol=0, atol=1e-12 * np.abs(trial.normal).max())
    assert current.loss == pytest.approx(trial.loss, rel=1e-13)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("absurd", [np.nan, np.inf, 1e300])
def test_a_target_of_weight_zero_has_no_influence(form, absurd):
    weight = WEIGHT * (RNG.random(Y.shape) > 0.3)
    other = np.where(weight == 0.0, absurd, Y)
    for loss in (None, Huber(0.5)):
        plain = trained(sample_weight=weight, form=form, loss=loss)
        changed = trained(other, weight, form=form, loss=loss)
        assert changed.network.weights.tobytes() == plain.network.weights.tobytes()
        assert changed.record.best_perf == plain.record.best_perf


def test_a_missing_target_with_a_weight_is_refused():
    other = Y.copy()
    other[7, 1] = np.nan
    for take in (trained, fitted):
        with pytest.raises(DataError, match="targets must be finite, got nan in row 7, column 1"):
            take(other)


@pytest.mark.parametrize("factor", [2.0**-100, 2.0**100])
def test_a_common_factor_changes_no_bit(factor):
    assert weights_of(sample_weight=factor * WEIGHT).tobytes() == weights_of().tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_integers_are_numbers_of_copies(form):
    # A row once for each target: the other one has no weight there.
    rows, columns = np.nonzero(COUNTS)
    times = COUNTS[rows, columns]
    rows, columns = np.repeat(rows, times), np.repeat(columns, times)
    copied = np.where(np.arange(2) == columns[:, None], Y[rows], np.nan)
    weight = (np.arange(2) == columns[:, None]).astype(float)
    current, trial = (
        Objective(GRAPH, *data, sample_weight=weights, form=form).at(START.weights, Derivatives.NORMAL)
        for data, weights in (((X, Y), COUNTS), ((X[rows], copied), weight))
    )
    assert trial.loss == pytest.approx(current.loss, rel=1e-13)
    for one, other in ((trial.gradient, current.gradient), (trial.damped_step(0.1)[0], current.damped_step(0.1)[0])):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10 * np.abs(other).max())


def test_performance_is_the_weighted_mean_of_squared_errors():
    run = trained()
    expected = (WEIGHT * (run.network.outputs(X) - Y) ** 2).sum() / WEIGHT.sum()
    assert run.record.best_perf == pytest.approx(expected, rel=1e-10)


def test_the_evidence_counts_targets_with_a_weight():
    weight = WEIGHT * (RNG.random(Y.shape) > 0.3)
    info = Objective(GRAPH, X, Y, sample_weight=weight, is_relative=True).info
    assert info.n_residuals == pytest.approx(np.count_nonzero(weight), rel=1e-13)


def test_a_part_of_the_samples_takes_its_weights():
    objective = Objective(GRAPH, X, Y, sample_weight=WEIGHT, form="pairs")
    found = objective.at(START.weights, Derivatives.CURVATURE).normal_of(0.5)
    rows = np.sort(np.random.default_rng(0).permutation(60)[:30])
    part = Objective(GRAPH, X[rows], Y[rows], sample_weight=WEIGHT[rows], form="pairs")
    expected = part.at(START.weights, Derivatives.NORMAL).normal * (WEIGHT.sum() / WEIGHT[rows].sum())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_restarts_side_by_side_equal_one_after_the_other():
    starts = [initial_weights(GRAPH, rng=seed) for seed in range(4)]
    many = train_many(START, starts, X, Y, sample_weight=WEIGHT, limits=Limits(max_epochs=5))
    for start, result in zip(starts, many, strict=True):
        alone = Training(START.with_weights(start), X, Y, sample_weight=WEIGHT, limits=Limits(max_epochs=5))
        list(alone)
        np.testing.assert_allclose(result.network.weights, alone.network.weights, rtol=1e-7, atol=1e-9)


def test_train_scales_each_target_by_the_rows_that_it_has():
    weight = np.ones_like(Y)
    weight[:30, 0] = 0.0
    missing = np.where(weight == 0.0, np.nan, Y)
    network = train(GRAPH, X, missing, sample_weight=weight, limits=Limits(max_epochs=3)).network
    np.testing.assert_allclose(network.target_scaling.offset[0], (Y[30:, 0].min() + Y[30:, 0].max()) / 2)
    np.testing.assert_allclose(network.target_scaling.offset[1], (Y[:, 1].min() + Y[:, 1].max()) / 2)


def test_logistic_cross_entropy_takes_a_weight_a_target():
    graph = feed_forward(2, 3, 2, output_activation="logistic")
    labels = (Y.mean(axis=0) < Y).astype(float)
    weights = initial_weights(graph, rng=0)
    current = Objective(graph, X, labels, LogisticCrossEntropy(), sample_weight=COUNTS).at(
        weights, Derivatives.GRADIENT
    )
    each = [
        Objective(graph, X, labels, LogisticCrossEntropy(), sample_weight=COUNTS * (np.arange(2) == k))
        for k in range(2)
    ]
    np.testing.assert_allclose(
        current.gradient, sum(one.at(weights, Derivatives.GRADIENT).gradient for one in each), atol=1e-12
    )


def test_softmax_cross_entropy_says_that_it_takes_one_a_sample():
    graph = feed_forward(2, 3, 2, output_activation="softmax")
    labels = np.eye(2)[(Y[:, 0] > 0).astype(int)]
    with pytest.raises(ConfigurationError, match=r"softmax_cross_entropy .* one weight a sample"):
        Objective(graph, X, labels, SoftmaxCrossEntropy(), sample_weight=WEIGHT)
    with pytest.raises(ShapeError, match=r"of shape \(60,\), got \(60, 2\)"):
        Fitting(X, (Y[:, 0] > 0).astype(int), settings(), "classification", n_classes=2, sample_weight=WEIGHT)


def test_what_does_not_fit_is_refused_with_both_shapes():
    with pytest.raises(ShapeError, match=r"\(60,\), or \(60, 2\) for one an output, got \(60, 3\)"):
        trained(sample_weight=np.ones((60, 3)))
    with pytest.raises(DataError, match="No target of output 1 that trains has a weight"):
        fitted(sample_weight=np.ones((60, 2)) * [1.0, 0.0])


# ---------------------------------------------------------------- the regressor

pytestmark = pytest.mark.filterwarnings("ignore:Training ended before it converged")


def regressor(**options):
    return NetworkRegressor(hidden_layer_sizes=4, max_iter=40, random_state=0, **options)


def test_a_regressor_learns_from_targets_that_are_partly_missing():
    weight = (RNG.random(Y.shape) > 0.3).astype(int)
    weight[5] = 0
    missing = np.where(weight == 0, np.nan, Y)
    inputs = X.copy()
    inputs[5] = np.nan  # a row without any weight
    model = regressor().fit(inputs, missing, sample_weight=weight)
    twin = regressor().fit(X, np.where(weight == 0, 1e6, Y), sample_weight=weight)
    assert model.network_.weights.tobytes() == twin.network_.weights.tobytes()
    assert model.score(X, missing, weight) > 0.8
    expected = np.mean([regressor_score(Y[:, k], model.predict(X)[:, k], weight[:, k].astype(float)) for k in range(2)])
    assert model.score(X, missing, weight) == pytest.approx(expected, rel=1e-12)


def regressor_score(true, found, weight):
    mean = np.average(true, weights=weight)
    return 1.0 - weight @ (true - found) ** 2 / (weight @ (true - mean) ** 2)


@pytest.mark.parametrize("alpha", ["auto", 0.01])
def test_a_regressor_takes_copies_for_counts(alpha):
    model = regressor(alpha=alpha).fit(X, Y, sample_weight=COUNTS + 2)
    copies = np.concatenate([np.ones_like(COUNTS), COUNTS + 1])
    twin = regressor(alpha=alpha).fit(np.concatenate([X, X]), np.concatenate([Y, Y]), sample_weight=copies)
    np.testing.assert_allclose(twin.predict(X), model.predict(X), rtol=1e-7)


def test_the_data_choose_the_decay_without_a_look_at_the_unit():
    one, other = (regressor(alpha="auto").fit(X, Y, sample_weight=factor * WEIGHT) for factor in (1.0, 1024.0))
    assert one.network_.weights.tobytes() == other.network_.weights.tobytes()
    # The decay is in the unit of the weights.
    np.testing.assert_allclose(other.alpha_, np.multiply(one.alpha_, 1024.0), rtol=1e-12)


def test_rows_without_a_weight_may_miss_anything_whatever_holds_them():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    weight = np.ones(60)
    weight[3] = 0.0
    broken_x, broken_y = X.copy(), Y[:, 0].copy()
    broken_x[3, 1] = broken_y[3] = np.nan
    expected = regressor().fit(np.delete(X, 3, axis=0), np.delete(Y[:, 0], 3)).predict(X)
    for make in (np.asarray, lambda a: pd.DataFrame(a, columns=["a", "b"]), lambda a: pl.DataFrame(a, ["a", "b"])):
        model = regressor().fit(make(broken_x), broken_y, sample_weight=weight)
        np.testing.assert_allclose(model.predict(make(X)), expected, rtol=1e-7)


def test_the_validation_part_is_the_same_for_a_matrix_of_equal_columns():
    model = regressor(early_stopping=True)
    one = model.fit(X, Y, sample_weight=WEIGHT[:, 0]).predict(X)
    both = model.fit(X, Y, sample_weight=np.stack([WEIGHT[:, 0]] * 2, axis=1)).predict(X)
    assert one.tobytes() == both.tobytes()
    assert np.isfinite(model.fit(X, Y, sample_weight=WEIGHT).predict(X)).all()
    table = np.column_stack([X, Y])
    aside = split_by_content(table, 0.1, model.random_state, WEIGHT.mean(axis=1))[1]
    assert 0 < len(aside) < 20
