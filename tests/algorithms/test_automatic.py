"""The automatic choice: what decides, and that its sentence says so."""

from __future__ import annotations

import numpy as np
import pytest

from marquardt.algorithms import ALGORITHMS, LevenbergMarquardt, algorithm_named, choose
from marquardt.algorithms.automatic import DAMPING, LM_RESIDUALS, LM_WEIGHTS, SAMPLES_A_WEIGHT
from marquardt.objective import Facts
from marquardt.training import Fitting, Settings
from marquardt.training.loop import is_plain

PLENTY = 1e12


def facts(n_weights, **more):
    return Facts(n_weights, 1, 5000, 5000.0, **more)


@pytest.mark.parametrize(
    ("n_weights", "expected"),
    [
        (1, "levenberg_marquardt"),
        (LM_WEIGHTS, "levenberg_marquardt"),
        (LM_WEIGHTS + 1, "lbfgs"),
        (10**6, "lbfgs"),
    ],
)
def test_the_number_of_weights_decides_and_is_said(n_weights, expected):
    choice = choose(facts(n_weights), PLENTY)
    assert choice.algorithm == expected
    assert choice.algorithm in ALGORITHMS
    assert f"{n_weights:,} weights" in choice.reason or f"{n_weights:,} × {n_weights:,}" in choice.reason


def test_many_samples_a_weight_pay_for_the_matrix_of_bfgs():
    n = LM_WEIGHTS + 1
    many = facts(n)._replace(n_samples=SAMPLES_A_WEIGHT * n)
    assert choose(many, PLENTY).algorithm == "bfgs"
    assert f"{many.n_samples:,} samples" in choose(many, PLENTY).reason
    assert choose(many._replace(n_samples=many.n_samples - 1), PLENTY).algorithm == "lbfgs"


def test_no_room_for_matrices_leaves_vectors():
    assert choose(facts(100), 3 * 8 * 100**2).algorithm == "levenberg_marquardt"
    choice = choose(facts(100), 3 * 8 * 100**2 - 1)
    assert choice.algorithm == "lbfgs"
    assert "100 × 100" in choice.reason


@pytest.mark.parametrize("memory", [PLENTY, 3 * 8 * LM_RESIDUALS**2])
def test_few_residuals_take_sample_space_whatever_the_number_of_weights(memory):
    few = facts(10**6)._replace(n_samples=LM_RESIDUALS)
    choice = choose(few, memory)
    assert choice.algorithm == "levenberg_marquardt"
    assert "1,000,000 weights" in choice.reason
    assert f"{LM_RESIDUALS:,} × {LM_RESIDUALS:,}" in choice.reason
    for other in (
        few._replace(n_samples=LM_RESIDUALS + 1),
        few._replace(n_outputs=2),
        few._replace(n_weights=2 * LM_RESIDUALS - 1),
        few._replace(has_curvature=False),
    ):
        assert "sample space" not in choose(other, memory).reason
    assert "sample space" not in choose(few, memory, is_decay_weighed=True).reason
    assert choose(few, 3 * 8 * LM_RESIDUALS**2 - 1).algorithm == "lbfgs"


def test_a_decay_by_evidence_takes_the_normal_equations_whatever_the_size():
    choice = choose(facts(LM_WEIGHTS + 1), PLENTY, is_decay_weighed=True)
    assert choice.algorithm == "levenberg_marquardt"
    assert "evidence" in choice.reason
    assert choose(facts(LM_WEIGHTS), 0.0, is_decay_weighed=True).algorithm == "lbfgs"


def test_a_loss_without_curvature_takes_gradients():
    choice = choose(facts(10, loss="mine", has_curvature=False), PLENTY)
    assert choice.algorithm == "bfgs"
    assert "'mine'" in choice.reason


X = np.linspace(-1, 1, 30)[:, None]


def fitting(**settings):
    return Fitting(X, np.sin(3 * X), Settings(**{"hidden_layer_sizes": 3, "seed": 0, **settings}), "regression")


def test_fitting_takes_the_choice_and_keeps_its_reason():
    made = fitting(algorithm="auto")
    assert made.choice == choose(facts(10), PLENTY)
    assert made.rule.name == made.record.algorithm == "levenberg_marquardt"
    wide = fitting(algorithm="auto", hidden_layer_sizes=400)
    assert wide.record.algorithm == "levenberg_marquardt"
    assert wide.training.objective.plan.form == "samples"
    x = np.linspace(-1, 1, 2200)[:, None]
    large = Fitting(x, np.sin(3 * x), Settings(1400, algorithm="auto"), "regression")
    assert large.record.algorithm == "lbfgs"


def test_levenberg_marquardt_has_its_own_damping_where_it_was_chosen_and_the_fields_where_it_was_named():
    chosen = LevenbergMarquardt(**DAMPING)
    assert is_plain(chosen)  # or compiled trials and lanes would leave it to the plain loop
    assert fitting(algorithm="auto").rule == fitting(algorithm="auto", hidden_layer_sizes=400).rule == chosen
    assert fitting(algorithm="auto").record.settings["damping"] == "fan"
    for name in ("levenberg_marquardt", "lm", "trainlm"):
        assert fitting(algorithm=name).rule == algorithm_named(name) == LevenbergMarquardt()
    assert fitting(algorithm="auto", rule={"mu_max": 1e6}).rule == LevenbergMarquardt(mu_max=1e6)
    # Rounds between which the decay changes begin again and again: measured with the field's.
    assert fitting(algorithm="auto", alpha="auto").rule == LevenbergMarquardt()


def test_a_damping_that_is_given_means_levenberg_marquardt():
    made = fitting(algorithm="auto", hidden_layer_sizes=400, rule={"mu_init": 0.5})
    assert made.rule.mu_init == 0.5
    assert "mu_init is given" in made.choice.reason


def test_a_network_too_large_for_matrices_is_trained_without_them():
    made = fitting(algorithm="auto", alpha="auto", hidden_layer_sizes=(2000, 2000))  # four million weights
    assert made.record.algorithm == "lbfgs"
    assert made.decay == (1e-4,) * 3
    assert made.training.objective.plan.memory < 2e9


def test_what_was_asked_for_is_taken_with_its_settings():
    made = fitting(algorithm="bfgs(line_search='brent')")
    assert (made.rule.name, made.rule.line_search) == ("bfgs", "brent")
    assert made.choice.reason == "It was asked for."
