"""The unit of the weights is nothing that a training sees: a common factor of all of them changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from marquardt import NetworkRegressor
from marquardt.algorithms import ALGORITHMS, LevenbergMarquardt, algorithm_named
from marquardt.losses import Cauchy, Squares, WeightDecay
from marquardt.networks import Network, feed_forward, initial_weights, nar
from marquardt.numerics import native
from marquardt.training import ArrayData, Fitting, Limits, Parts, Settings, Training, train, train_many, train_sequences

WITHOUT_EVIDENCE = [name for name in sorted(ALGORITHMS) if not algorithm_named(name).weighs_decay]
RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (40, 2))
Y = np.column_stack([np.sin(2 * X[:, 0]) + 0.1 * RNG.normal(size=40), X[:, 0] * X[:, 1]])
WEIGHT = RNG.uniform(0.2, 3.0, 40)
GRAPH = feed_forward(2, 4, 2)
START = Network(GRAPH, initial_weights(GRAPH, rng=0))
POWERS = (2.0**-100, 2.0**100)
"""Factors that change no digit: whatever does not see the unit gives the same bits."""


def trained(algorithm, sample_weight, loss=None, epochs=12, **options):
    rule = algorithm_named(algorithm) if isinstance(algorithm, str) else algorithm
    limits = Limits(max_epochs=epochs)
    run = Training(START, X, Y, loss, sample_weight=sample_weight, rule=rule, limits=limits, **options)
    epochs = list(run)
    return run, epochs


@pytest.mark.parametrize("factor", POWERS)
@pytest.mark.parametrize("algorithm", WITHOUT_EVIDENCE)
def test_factor_that_is_a_power_of_two_changes_no_bit(algorithm, factor):
    before, _ = trained(algorithm, WEIGHT)
    after, _ = trained(algorithm, factor * WEIGHT)
    assert before.record.num_epochs > 0
    assert before.network.weights.tobytes() == after.network.weights.tobytes()
    assert before.record.stop == after.record.stop


@pytest.mark.parametrize("factor", [1e-30, 1e10, 1e30])
@pytest.mark.parametrize("algorithm", WITHOUT_EVIDENCE)
def test_any_factor_changes_rounding_only(algorithm, factor):
    before, _ = trained(algorithm, WEIGHT, epochs=4)
    after, _ = trained(algorithm, factor * WEIGHT, epochs=4)
    # Few epochs, in which rounding has not grown: 1e-16 a sum, times what ill-conditioned solves make of it.
    np.testing.assert_allclose(after.network.weights, before.network.weights, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("form", ["explicit", "pairs", "samples", "matrix_free"])
def test_no_form_sees_the_unit(form):
    before, _ = trained("lm", WEIGHT, form=form)
    for factor in POWERS:
        after, _ = trained("lm", factor * WEIGHT, form=form)
        assert before.network.weights.tobytes() == after.network.weights.tobytes()


def test_no_loss_sees_the_unit():
    before, _ = trained("lm", WEIGHT, Cauchy())
    after, _ = trained("lm", POWERS[1] * WEIGHT, Cauchy())
    assert before.network.weights.tobytes() == after.network.weights.tobytes()


@pytest.mark.parametrize("factor", POWERS)
def test_weights_of_the_outputs_have_no_unit_either(factor):
    before, _ = trained("lm", None, Squares((1.0, 3.0)))
    after, _ = trained("lm", None, Squares((factor, 3.0 * factor)))
    assert before.record.num_epochs > 5
    assert before.network.weights.tobytes() == after.network.weights.tobytes()


def test_what_is_reported_is_in_the_units_given():
    _, plain = trained("lm", WEIGHT)
    _, scaled = trained("lm", 1024.0 * WEIGHT)
    for one, other in zip(plain, scaled, strict=True):
        assert other.loss == 1024.0 * one.loss
        assert (other.performance, other.gradient) == (one.performance, one.gradient)
    assert plain[0].loss == pytest.approx(0.5 * WEIGHT @ ((START.outputs(X) - Y) ** 2).sum(axis=1))


def test_goal_in_sums_is_in_the_units_given():
    weighted = Limits(goal=1024.0, goal_metric="sse")
    run = Training(START, X, Y, sample_weight=1024.0 * WEIGHT, limits=weighted)
    list(run)
    same = Training(START, X, Y, sample_weight=WEIGHT, limits=Limits(goal=1.0, goal_metric="sse"))
    list(same)
    assert run.record.stop.code == same.record.stop.code == "goal"
    assert run.record.num_epochs == same.record.num_epochs


def test_decay_keeps_its_meaning_beside_a_sum():
    """Twice the weights want twice the α for the same trade."""

    def end(weight, alpha):
        run = Training(START, X, Y, sample_weight=weight, penalty=WeightDecay(alpha), limits=Limits(max_epochs=20))
        list(run)
        return run.network.weights

    assert end(WEIGHT, 0.1).tobytes() == end(2.0 * WEIGHT, 0.2).tobytes()
    assert np.abs(end(WEIGHT, 0.1) - end(2.0 * WEIGHT, 0.1)).max() > 1e-3


class InOtherUnits(Squares):
    """Squares of residuals in a unit that makes them 1e8 times as large."""

    def value(self, outputs, targets):
        return 1e16 * super().value(outputs, targets)

    def slope(self, outputs, targets):
        return 1e16 * super().slope(outputs, targets)

    def curvature(self, outputs, targets):
        return 1e16 * super().curvature(outputs, targets)


@pytest.mark.parametrize("damping", ["factors", "nielsen"])
def test_residuals_in_other_units_train_as_far(damping):
    """The matrix is in the units of the residuals, and the largest μ with it: in absolute numbers 1e10 ended it."""
    run, _ = trained(LevenbergMarquardt(damping=damping, mu_init=1e10), None, InOtherUnits(), epochs=60)
    same, _ = trained(LevenbergMarquardt(damping=damping, mu_init=1e-6), None, Squares(), epochs=60)
    assert run.record.num_epochs == same.record.num_epochs == 60
    np.testing.assert_allclose(((run.network.outputs(X) - Y) ** 2).mean(), same.record.best_perf, rtol=0.1)


@pytest.mark.parametrize("is_native", [True, False])
def test_end_of_mu_is_told_without_contradiction(monkeypatch, is_native):
    if not is_native:
        monkeypatch.setattr(native, "_MODULE", None)
    graph = feed_forward(2, (), 1)
    limits = Limits(min_gradient=0.0)
    run = Training(Network(graph, [0.0, 0.0, 0.0]), X, Y[:, :1], limits=limits)
    list(run)
    assert run.record.stop.code == "mu"
    assert run.record.stop.sentence == "No step lowers the loss any more: mu would have to be above 1e+10."
    lanes = train_many(run.network, [[0.0, 0.0, 0.0]], X, Y[:, :1], limits=limits)
    assert lanes.stops[0] == run.record.stop


def test_networks_side_by_side_do_not_see_the_unit():
    starts = [initial_weights(GRAPH, rng=seed) for seed in range(3)]
    limits = Limits(max_epochs=10)
    before = train_many(START, starts, X, Y, sample_weight=WEIGHT, limits=limits)
    after = train_many(START, starts, X, Y, sample_weight=POWERS[1] * WEIGHT, limits=limits)
    assert before.weights.tobytes() == after.weights.tobytes()
    alone = Training(START.with_weights(starts[2]), X, Y, sample_weight=POWERS[1] * WEIGHT, limits=limits)
    epochs = list(alone)
    assert after[2].record.epochs[-1].loss == pytest.approx(epochs[-1].loss, rel=1e-9)
    assert after[2].record.epochs[0].loss == pytest.approx(epochs[0].loss, rel=1e-12)


def test_sequences_do_not_see_the_unit():
    series = np.cos(0.3 * np.arange(50))[:, None] + 0.1 * RNG.normal(size=(50, 1))
    for closed in (False, True):
        graph = nar((3,), feedback_delays=(1, 2), closed=closed)
        network = Network(graph, initial_weights(graph, rng=0))
        weight = RNG.uniform(0.5, 2.0, 50)
        one, other = (
            train_sequences(network, None, series, sample_weight=factor * weight, limits=Limits(max_epochs=8))
            for factor in (1.0, POWERS[0])
        )
        assert one.network.weights.tobytes() == other.network.weights.tobytes()
        assert one.record.num_epochs > 0


def of_training(weight, **_):
    run = Training(START, X, Y, sample_weight=weight, rule=algorithm_named("trainbr"), limits=Limits(max_epochs=12))
    list(run)
    return run.network.weights, run.record


def of_train(weight, **_):
    limits = Limits(max_epochs=12)
    result = train(START, X, Y, sample_weight=weight, algorithm="trainbr", limits=limits)
    return result.network.weights, result.record


def of_sequences(weight, closed=False):
    graph = nar((3,), n_outputs=2, feedback_delays=(1, 2), closed=closed)
    network = Network(graph, initial_weights(graph, rng=0))
    rule, limits = algorithm_named("trainbr"), Limits(max_epochs=25)
    result = train_sequences(network, None, Y, sample_weight=weight, rule=rule, limits=limits)
    return result.network.weights, result.record


def of_closed_sequences(weight):
    return of_sequences(weight, closed=True)


def of_fitting(weight, **choices):
    settings = Settings(4, alpha="auto", seed=0, limits=Limits(max_epochs=60), **choices)
    fitting = Fitting(X, Y, settings, "regression", sample_weight=weight)
    list(fitting)
    return fitting.network.weights, fitting.record


def of_fitted_classes(weight):
    settings = Settings(4, alpha="auto", seed=0, limits=Limits(max_epochs=60))
    fitting = Fitting(X, (Y[:, 0] > 0).astype(int), settings, "classification", n_classes=2, sample_weight=weight)
    list(fitting)
    return fitting.network.weights, fitting.record


def of_bfgs(weight):
    return of_fitting(weight, algorithm="bfgs")


def of_data(weight):
    fitting = Fitting.of(ArrayData(X, Y, weight), Settings(4, alpha="auto", seed=0, limits=Limits(max_epochs=60)))
    list(fitting)
    return fitting.network.weights, fitting.record


def of_validated(weight):
    parts = Parts(np.arange(30), np.arange(30, 40), np.empty(0, dtype=np.intp))
    settings = Settings(4, alpha="auto", seed=0, limits=Limits(max_epochs=30))
    fitting = Fitting(X, Y, settings, "regression", parts=parts, sample_weight=weight)
    list(fitting)
    return fitting.network.weights, fitting.record


def of_validated_lanes(weight):
    parts = Parts(np.arange(30), np.arange(30, 40), np.empty(0, dtype=np.intp))
    settings = Settings(3, alpha="auto", seed=0, restarts=20, limits=Limits(max_epochs=10))
    fitting = Fitting(X, Y[:, :1], settings, "regression", parts=parts, sample_weight=weight)
    list(fitting)
    return fitting.network.weights, fitting.record


DOORS = [
    of_training,
    of_train,
    of_sequences,
    of_closed_sequences,
    of_fitting,
    of_fitted_classes,
    of_bfgs,
    of_data,
    of_validated,
    of_validated_lanes,
]


@pytest.mark.parametrize("factor", POWERS)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_where_the_data_choose_the_decay_weights_are_ratios(door, factor):
    (before, record), (after, other) = door(WEIGHT), door(factor * WEIGHT)
    assert record.num_epochs > 5
    assert before.tobytes() == after.tobytes()
    assert record.stop == other.stop


@pytest.mark.parametrize("door", DOORS[:-2], ids=lambda door: door.__name__)
def test_where_the_data_choose_the_decay_integers_are_counts(door):
    """Five copies of every row say more than one: less decay, and another network."""
    once, _ = door(np.ones(40, dtype=int))
    copies, _ = door(np.full(40, 5))
    ratios, _ = door(np.full(40, 4.0))
    assert once.tobytes() == ratios.tobytes()
    assert np.abs(once - copies).max() > 1e-6


def test_decay_that_was_chosen_is_the_one_that_trains_the_same():
    """In the unit of the weights: what is found with them is what they ask for when it is given."""
    weight = WEIGHT / 200
    settings = Settings(4, alpha="auto", seed=0, limits=Limits(max_epochs=300))
    fitting = Fitting(X, Y, settings, "regression", sample_weight=weight)
    list(fitting)
    assert all(type(each) is float for each in fitting.decay)
    penalty = WeightDecay(fitting.decay)
    run = Training(fitting.network, X, Y, penalty=penalty, sample_weight=weight, limits=Limits(max_epochs=100))
    list(run)
    np.testing.assert_allclose(run.network.outputs(X), fitting.network.outputs(X), atol=0.02)


def test_rows_that_come_twice_count_as_two_with_any_weights():
    """The estimators merge equal rows, and their mean weight is that of the rows as they came."""
    table, answers = np.repeat(X, 2, axis=0), np.repeat(Y, 2, axis=0)
    options = {"hidden_layer_sizes": 4, "n_restarts": 1, "random_state": 0, "max_iter": 300}
    plain, weighted = (
        NetworkRegressor(**options).fit(table, answers, sample_weight=each) for each in (None, np.full(80, 0.25))
    )
    np.testing.assert_array_equal(plain.predict(X), weighted.predict(X))
    assert weighted.alpha_ == tuple(each / 4 for each in plain.alpha_)
    assert all(type(each) is float for each in weighted.alpha_)
