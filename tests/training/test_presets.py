"""Presets are settings that everything takes, and `few_units` does what it is for."""

import inspect

import numpy as np
import pytest

from marquardt.algorithms import algorithm_named
from marquardt.errors import ConfigurationError
from marquardt.estimators import NetworkClassifier, NetworkRegressor
from marquardt.networks import build
from marquardt.problems import problem_named
from marquardt.training import PRESETS, Limits, Settings, Training, preset

every_preset = pytest.mark.parametrize("name", PRESETS)
STARTS = 20


@every_preset
@pytest.mark.parametrize("taker", [Settings, NetworkClassifier, NetworkRegressor])
def test_settings_and_estimators_take_every_preset(name, taker):
    assert set(PRESETS[name]) <= set(inspect.signature(taker).parameters)
    Settings(**preset(name))


@every_preset
def test_a_preset_is_a_copy_that_changes_nothing_but_itself(name):
    before = dict(PRESETS[name])
    mine = preset(name, alpha=0.5)
    mine["activation"] = "sine"
    assert PRESETS[name] == before
    assert preset(name, alpha=0.5) == {**before, "alpha": 0.5}


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("few_unit", {}, "Did you mean 'few_units'"),
        (
            "few_units",
            {"mu_init": 1.0},
            r"has no 'mu_init' to change, it has activation.*algorithm='lm\(mu_init=1\.0\)'",
        ),
        ("few_units", {"max_iter": 9}, r"has no 'max_iter' to change, it has activation.*Give max_iter beside"),
    ],
)
def test_refusal_names_what_there_is(name, changes, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        preset(name, **changes)


def rate(name, rule):
    """Starts of a problem that meet its goal, in parts of all."""
    problem = problem_named(name)
    limits = Limits(300, 60.0, problem.goal, problem.goal_metric, min_gradient=0.0, max_fail=0)

    def meets(start):
        network = problem.start(start)
        training = Training(network, problem.inputs, problem.targets, problem.loss, rule=rule, limits=limits)
        for _ in training:
            pass
        return training.record.stop.code == "goal"

    return sum(meets(start) for start in range(STARTS)) / STARTS


def test_few_units_is_what_the_cascades_of_the_benchmark_have():
    settings = preset("few_units")
    hidden = {"activation": settings["activation"], "output_activation": "logistic"}
    problem = problem_named("parity-7-cascade:7(gain=0.25, loss='cross_entropy')")
    assert problem.graph == build(settings["topology"], 7, (1,) * 7, 1, **hidden)
    assert problem.initialization == settings["initialization"]


def test_few_units_learns_parity_7_where_saturated_starts_with_squares_do_not():
    # A true rate of 0.8 would pass the first bound once in 14, one of 0.7 the second once in 20.
    assert rate("parity-7-cascade:7(gain=0.25, loss='cross_entropy')", algorithm_named("lm(mu_init=1)")) >= 0.95
    assert rate("parity-7-cascade:7(spread=2)", algorithm_named("lm")) <= 0.5


def test_few_units_fits_a_classifier_to_every_pattern():
    problem = problem_named("parity-5")
    odd = problem.targets[:, 0] > 0
    network = NetworkClassifier((1,) * 4, random_state=0, n_restarts=3, **preset("few_units"))
    assert np.array_equal(network.fit(problem.inputs, odd).predict(problem.inputs), odd)
