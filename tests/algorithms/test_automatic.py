"""The automatic choice: what decides, and that its sentence says so."""

from __future__ import annotations

import numpy as np
import pytest

from marquardt.algorithms import ALGORITHMS, LevenbergMarquardt, algorithm_named, choose
from marquardt.algorithms.automatic import (
    BLEND_WEIGHTS,
    DAMPING,
    DEAR_PRICE,
    LM_RESIDUALS,
    LM_WEIGHTS,
    SAMPLES_A_WEIGHT,
)
from marquardt.losses import Squares
from marquardt.networks import feed_forward
from marquardt.numerics import native, native_kernel
from marquardt.objective import Costs, Objective, ProblemInfo, estimated_costs
from marquardt.objective.cost import cost_model
from marquardt.training import Fitting, Limits, Settings

PLENTY = 1e12


def info(n_weights, **more):
    return ProblemInfo(n_weights, 1, 5000, 5000.0, **more)


def priced(n_weights, price, form="pairs", second=1.0, **more):
    """A gradient takes so many seconds, normal equations and step `price` times as much."""
    return info(n_weights, costs=lambda: Costs(second, 0.9 * price * second, 0.1 * price * second, form), **more)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        # Two gradients and a twentieth of the matrix, against all of it.
        (priced(30, 3.8), "levenberg_marquardt"),
        (priced(30, 4.2), "lm_bfgs"),
        # Passes so short that Python takes longer.
        (priced(30, 20.0, second=1e-5), "levenberg_marquardt"),
        (priced(30, 20.0, second=1e-3), "lm_bfgs"),
        (priced(30, 5.0, second=3e-4), "lm_bfgs"),
        (priced(30, 5.0, "compiled", second=3e-4), "levenberg_marquardt"),
        # The smallest part is nearly everything.
        (priced(30, DEAR_PRICE - 1)._replace(n_samples=300), "levenberg_marquardt"),
        (priced(30, DEAR_PRICE - 1)._replace(n_samples=3000), "lm_bfgs"),
        (priced(30, DEAR_PRICE + 1)._replace(n_samples=300), "lm_bfgs"),
        (priced(30, 1000.0, "samples")._replace(n_samples=LM_WEIGHTS), "levenberg_marquardt"),
        (priced(30, 1000.0, "samples")._replace(n_samples=LM_WEIGHTS + 1), "lm_bfgs"),
        (priced(BLEND_WEIGHTS, 1000.0), "lm_bfgs"),
        (priced(BLEND_WEIGHTS + 1, 1000.0), "lbfgs"),
        # Where passes are dear, such as over files, it is their number that counts.
        (info(1), "levenberg_marquardt"),
        (info(LM_WEIGHTS), "levenberg_marquardt"),
        (info(LM_WEIGHTS + 1), "lbfgs"),
        (info(10**6), "lbfgs"),
    ],
)
def test_weights_and_their_price_decide_and_are_said(made, expected):
    choice, n_weights = choose(made, PLENTY), made.n_weights
    assert choice.algorithm == expected
    assert choice.algorithm in ALGORITHMS
    assert f"{n_weights:,} weights" in choice.reason or f"{n_weights:,} × {n_weights:,}" in choice.reason


def test_many_samples_a_weight_pay_for_the_matrix_of_bfgs():
    n = LM_WEIGHTS + 1
    many = info(n)._replace(n_samples=SAMPLES_A_WEIGHT * n)
    assert choose(many, PLENTY).algorithm == "bfgs"
    assert f"{many.n_samples:,} samples" in choose(many, PLENTY).reason
    assert choose(many._replace(n_samples=many.n_samples - 1), PLENTY).algorithm == "lbfgs"


def test_the_price_is_said_in_gradients():
    assert "cost as much as 3 gradients," in choose(priced(30, 3.0), PLENTY).reason
    assert "3 gradients in the compiled kernel," in choose(priced(30, 3.0, "compiled"), PLENTY).reason
    assert "cost as much as 50 gradients: a few" in choose(priced(30, 50.0), PLENTY).reason


def test_four_matrices_must_have_room():
    assert choose(priced(100, 50.0), 4 * 8 * 100**2).algorithm == "lm_bfgs"
    # Three are enough for BFGS.
    assert choose(priced(100, 50.0), 4 * 8 * 100**2 - 1).algorithm == "bfgs"


def test_no_room_for_matrices_leaves_vectors():
    assert choose(info(100), 3 * 8 * 100**2).algorithm == "levenberg_marquardt"
    choice = choose(info(100), 3 * 8 * 100**2 - 1)
    assert choice.algorithm == "lbfgs"
    assert "100 × 100" in choice.reason


@pytest.mark.parametrize("memory", [PLENTY, 3 * 8 * LM_RESIDUALS**2])
def test_few_residuals_take_sample_space_whatever_the_number_of_weights(memory):
    few = info(10**6)._replace(n_samples=LM_RESIDUALS)
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
    choice = choose(info(LM_WEIGHTS + 1), PLENTY, is_decay_weighed=True)
    assert choice.algorithm == "levenberg_marquardt"
    assert "evidence" in choice.reason
    assert choose(info(LM_WEIGHTS), 0.0, is_decay_weighed=True).algorithm == "lbfgs"


def test_a_decay_by_evidence_goes_with_quasi_newton_steps_where_a_matrix_is_very_dear():
    assert choose(priced(1500, DEAR_PRICE - 1), PLENTY, is_decay_weighed=True).algorithm == "levenberg_marquardt"
    assert choose(priced(1500, DEAR_PRICE + 1), PLENTY, is_decay_weighed=True).algorithm == "lm_bfgs"
    in_samples = priced(1500, DEAR_PRICE + 1, "samples")._replace(n_samples=700)
    assert choose(in_samples, PLENTY, is_decay_weighed=True).algorithm == "levenberg_marquardt"
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 20))
    y = np.argmax(x[:, :5], axis=1)
    settings = Settings(40, algorithm="auto", loss="cross_entropy", alpha="auto", seed=0, limits=Limits(40))
    made = Fitting(x, y, settings, "classification", n_classes=5)
    assert made.rule.name == "lm_bfgs"
    list(made)
    assert made.record.epochs[-1].loss < made.record.epochs[0].loss
    assert all(alpha > 0 for alpha in made.decay)


def test_a_loss_without_curvature_takes_gradients():
    choice = choose(info(10, loss="mine", has_curvature=False), PLENTY)
    assert choice.algorithm == "bfgs"
    assert "'mine'" in choice.reason


X = np.linspace(-1, 1, 30)[:, None]


def fitting(**settings):
    return Fitting(X, np.sin(3 * X), Settings(**{"hidden_layer_sizes": 3, "seed": 0, **settings}), "regression")


def test_fitting_takes_the_choice_and_keeps_its_reason():
    made = fitting(algorithm="auto")
    assert "weights are few: the normal equations and a step cost as much as" in made.choice.reason
    assert made.rule.name == made.record.algorithm == "levenberg_marquardt"
    wide = fitting(algorithm="auto", hidden_layer_sizes=400)
    assert wide.record.algorithm == "levenberg_marquardt"
    assert wide.training.objective.plan.form == "samples"
    x = np.linspace(-1, 1, 6000)[:, None]
    middle = Fitting(x, np.sin(3 * x), Settings(300, algorithm="auto"), "regression")
    assert middle.record.algorithm == "lm_bfgs"
    x = np.linspace(-1, 1, 12_000)[:, None]
    large = Fitting(x, np.sin(3 * x), Settings(3400, algorithm="auto"), "regression")
    assert large.record.algorithm == "lbfgs"


def test_what_the_kernel_does_is_cheaper(monkeypatch):
    x = np.random.default_rng(0).uniform(-1, 1, (1000, 5))
    y = x[:, :1] ** 2
    everything = Settings(30, algorithm="auto")
    if native_kernel() is not None:
        assert Fitting(x, y, everything, "regression").rule.name == "levenberg_marquardt"
    cost_model.cache_clear()
    monkeypatch.setattr(native, "_MODULE", None)
    assert native_kernel() is None
    assert Fitting(x, y, everything, "regression").rule.name == "lm_bfgs"
    cost_model.cache_clear()


def test_the_estimate_is_that_of_the_objective():
    graph = feed_forward(5, 30, 2)
    made = Objective(graph, np.ones((700, 5)), np.ones((700, 2)), threads=1)
    assert estimated_costs(graph, Squares(), 700) == made.info.costs()


def test_levenberg_marquardt_has_its_own_damping_where_it_was_chosen_and_the_fields_where_it_was_named():
    chosen = LevenbergMarquardt(**DAMPING)
    assert chosen.is_plain  # or compiled trials and lanes would leave it to the plain loop
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
    assert (
        made.record.algorithm == "levenberg_marquardt"
    )  # evidence and steps by a matrix of the residuals, which are few
    assert made.training.objective.plan.form == "samples"
    assert made.training.objective.plan.memory < 2e9
    many = ProblemInfo(n_weights=4_000_000, n_outputs=1, n_samples=100_000, n_residuals=1e5)
    assert choose(many, 1e9, is_decay_weighed=True).algorithm == "lbfgs"


def test_what_was_asked_for_is_taken_with_its_settings():
    made = fitting(algorithm="bfgs(line_search='brent')")
    assert (made.rule.name, made.rule.line_search) == ("bfgs", "brent")
    assert made.choice.reason == "It was asked for."
