"""The cost model: its counts are those of the arithmetic, and its order is that of the sizes."""

from __future__ import annotations

import pytest

from marquardt.networks import build, feed_forward
from marquardt.objective.cost import KINDS, RATES, CostModel, Work, solution
from marquardt.objective.forms import form_named
from marquardt.objective.forms.pair_counts import hessian_work

NETWORKS = {
    "one output": feed_forward(3, 5, 1),
    "several": feed_forward(4, (6, 5), 3),
    "cascade": build("cascade_forward", 3, (4, 4), 2),
    "linear": feed_forward(3, (), 2),
}
MATRIX_FORMS = ("pairs", "explicit", "compiled", "neuron_by_neuron")


def graphs(function):
    return pytest.mark.parametrize("graph", NETWORKS.values(), ids=NETWORKS.keys())(function)


def test_one_hidden_layer_is_counted_by_hand():
    n_samples, n, h, m = 1000, 3, 5, 2
    costs = CostModel(feed_forward(n, h, m))
    forward = n_samples * (h * (n + 1) + m * (h + 1))
    assert costs.value(n_samples).products == forward
    # The outputs' weights once more for the derivatives of the hidden units, and every weight for the sum.
    assert costs.gradient(n_samples).products == 2 * forward + n_samples * m * h
    n_weights = costs.graph.n_weights
    jacobian = form_named("explicit").normal(costs, n_samples).products - forward
    assert jacobian == n_samples * m * n_weights * (n_weights + 3) / 2
    within = h * (h + 1) / 2 * (n + 1) * (n + 2) / 2
    between, outputs = h * (n + 1) * (h + 1), (h + 1) * (h + 2) / 2
    normal = form_named("pairs").normal(costs, n_samples)
    pairs = normal.products + normal.compiled - costs.gradient(n_samples).products
    assert pairs == n_samples * (within + between + outputs)


def test_a_solution_is_a_cholesky_factorization():
    assert solution(600).factored == 600**3 / 6
    assert form_named("samples").solution(CostModel(feed_forward(10, 300, 2)), 50).factored == 100**3 / 6


@graphs
@pytest.mark.parametrize("form", [*MATRIX_FORMS, "matrix_free"])
def test_twice_the_samples_cost_at_most_twice_and_more_than_before(graph, form):
    costs = CostModel(graph)
    once, twice = (form_named(form).normal(costs, n, 256).seconds() for n in (1024, 2048))
    assert once < twice <= 2 * once


@graphs
def test_more_derivatives_cost_more(graph):
    costs = CostModel(graph)
    passes = [costs.value(500), costs.gradient(500), form_named("pairs").normal(costs, 500), hessian_work(costs, 500)]
    seconds = [work.seconds() for work in passes]
    assert seconds == sorted(set(seconds))
    assert [work.flops for work in passes] == sorted({work.flops for work in passes})


@graphs
@pytest.mark.parametrize("form", [*MATRIX_FORMS, "samples", "matrix_free"])
def test_nothing_is_negative(graph, form):
    work = form_named(form).normal(CostModel(graph), 300, keeps=True, n_decays=2)
    assert all(getattr(work, kind) >= 0 for kind in KINDS)


def test_every_kind_has_a_rate_and_seconds_are_their_sum():
    assert set(RATES) == set(KINDS)
    one_of_each = Work(**dict.fromkeys(KINDS, 1e9))
    assert one_of_each.seconds() == pytest.approx(sum(RATES.values()))
    assert one_of_each.seconds(dict.fromkeys(KINDS, 2.0)) == pytest.approx(2 * len(KINDS))
