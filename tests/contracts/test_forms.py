"""What holds for every form over blocks of samples: the same equations as the explicit one, and an honest plan."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.problems import Problem
from numpy.testing import assert_allclose

from marquardt.losses import SoftL1, SoftmaxCrossEntropy, Squares, WeightDecay
from marquardt.networks import cascade_forward, feed_forward
from marquardt.objective import CostModel, Derivatives, form_named
from marquardt.objective.cost import KINDS
from marquardt.objective.forms import sample_forms

RNG = np.random.default_rng(0)


def problem(graph, loss, n_samples=30):
    targets = RNG.normal(size=(n_samples, graph.n_outputs))
    if loss.link is not None:
        targets = np.eye(graph.n_outputs)[RNG.integers(0, graph.n_outputs, n_samples)]
    inputs, weight = RNG.uniform(-1, 1, (n_samples, graph.n_inputs)), RNG.uniform(0.1, 2.0, n_samples)
    return Problem(graph, inputs, targets, loss, RNG.normal(size=graph.n_weights), WeightDecay(0.1), weight)


PROBLEMS = {
    "one output": problem(feed_forward(3, 4, 1), Squares()),
    "several": problem(feed_forward(2, (4, 3), 3), Squares((1.0, 2.0, 0.5))),
    "cascade": problem(cascade_forward(2, (3,), 2), SoftL1(0.7)),
    "classes": problem(feed_forward(2, 4, 3, output_activation="softmax"), SoftmaxCrossEntropy()),
}
FORMS = pytest.mark.parametrize("form", sample_forms)


@FORMS
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("block_size", [None, 7])
def test_the_equations_are_those_of_the_explicit_form(form, name, block_size):
    case = PROBLEMS[name]
    expected = case.at(form="explicit", block_size=11)
    current = case.at(form=form, block_size=block_size)
    size = np.abs(expected.normal).max()
    assert current.loss == pytest.approx(expected.loss, rel=1e-12)
    assert_allclose(current.gradient, expected.gradient, rtol=0, atol=1e-11 * size)
    assert_allclose(current.diagonal, expected.diagonal, rtol=0, atol=1e-11 * size)
    if current.normal is not None:
        assert_allclose(current.normal, expected.normal, rtol=0, atol=1e-11 * size)
    if not sample_forms[form].is_last_resort:  # whose steps are truncated
        assert_allclose(current.damped_step(1.0)[0], expected.damped_step(1.0)[0], rtol=1e-8, atol=1e-10)


@FORMS
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_plan_is_of_the_form_and_counts_what_it_takes(form, name):
    plan = PROBLEMS[name].objective(form=form).plan
    assert (plan.form, plan.others) == (form, ())
    assert 0 < plan.seconds <= plan.epoch_seconds
    assert plan.flops > 0
    assert plan.memory > 0


@FORMS
def test_work_grows_with_the_samples_and_nothing_of_it_is_negative(form):
    costs = CostModel(feed_forward(3, 4, 2))
    once, twice = (form_named(form).normal(costs, n, 256, keeps=True) for n in (1024, 2048))
    assert once.seconds() < twice.seconds()
    assert all(getattr(once, kind) >= 0 for kind in KINDS)


@FORMS
def test_forms_that_may_be_taken_are_planned_unasked(form):
    made = sample_forms[form]
    plan = PROBLEMS["several"].objective(matrix_free_forms=() if made.has_matrix else (form,)).plan
    candidates = {plan.form, *(each.form for each in plan.others)}
    assert (form in candidates) == (made.is_usual or not made.has_matrix)


@FORMS
def test_every_other_need_is_served_too(form):
    case = PROBLEMS["one output"]
    objective = case.objective(form=form)
    expected = case.objective(form="explicit", block_size=11)
    for need in Derivatives:
        current, trial = objective.at(case.weights, need), expected.at(case.weights, need)
        assert current.loss == pytest.approx(trial.loss, rel=1e-12)
        if need is Derivatives.CURVATURE:
            assert_allclose(current.normal_of(1.0), trial.normal_of(1.0), rtol=1e-9, atol=1e-9)
