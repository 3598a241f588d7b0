"""Training through time: derivatives by the complex step, every algorithm, and what training must not depend on."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from helpers.sequences import dynamic_graphs, step_by_step
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from marquardt.algorithms import ALGORITHMS, LevenbergMarquardt, iterate
from marquardt.errors import ConfigurationError, ResourceError, ShapeError
from marquardt.losses import WeightDecay
from marquardt.networks import (
    INPUTS,
    TARGETS,
    Network,
    Scaling,
    close_loop,
    distributed_delay,
    layer_recurrent,
    nar,
    narx,
    simulate,
    time_delay,
)
from marquardt.objective import FORMS, Derivatives, Evaluation, sequence_objective
from marquardt.training import Division, Limits, Training, train_sequences

BUILT = {
    "time_delay": time_delay(2, 3, 1, (0, 1, 3)),
    "distributed_delay": distributed_delay(1, (3, 2), 2, [(0, 2), (1, 3), (0, 1)]),
    "narx, open": narx(1, 3, 1, (0, 1, 4), (1, 2)),
    "narx, closed": narx(2, 3, 2, (1,), (1, 2, 4), closed=True),
    "nar, open": nar((3, 2), 1, (1, 2)),
    "nar, closed": nar((3, 2), 1, (1, 3), closed=True),
    "layer_recurrent": layer_recurrent(2, (3, 2), 1, (1, 3)),
}

ANALYTIC = {"tanh": np.tanh, "identity": lambda net: net, "sine": np.sin}
"""Activations as functions of a complex number."""

DERIVED_TWICE = {"newton", "truncated_newton", "geodesic_levenberg_marquardt"}
METHODS = {rule: name for name, rule in reversed(ALGORITHMS.items())}


def data_for(graph, n_steps, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_steps, graph.n_inputs)), rng.normal(size=(n_steps, graph.n_outputs))


def complex_jacobian(graph, weights, inputs, targets):
    """∂outputs/∂connections of the definition, exact to rounding: Im f(w + ih)/h has no difference to cancel."""
    first = graph.history
    before = {INPUTS: inputs[:first], TARGETS: targets[:first], graph.output.name: targets[:first]}
    columns = [
        step_by_step(graph, weights + 1e-30j * unit, inputs[first:], targets[first:], before, ANALYTIC).imag.ravel()
        for unit in np.eye(len(weights))
    ]
    return np.stack(columns, axis=1) / 1e-30


def assert_derivatives(graph, connections, seed=1):
    inputs, targets = data_for(graph, graph.history + 6, seed)
    expected = complex_jacobian(graph, connections, inputs, targets)
    size = 1.0 + np.abs(expected).max()
    for form in ("forward", "backward"):
        objective = sequence_objective(Network(graph, connections), inputs, targets, form=form, block_size=4)
        got = objective.jacobian(connections)
        assert_allclose(got, expected, rtol=0, atol=1e-12 * size)
        current = objective.at(connections, Derivatives.NORMAL)
        residual = objective.residual(connections)
        assert_allclose(
            current.gradient, expected.T @ residual, rtol=0, atol=1e-11 * size * (1 + np.abs(residual).max())
        )
        assert_allclose(current.normal, expected.T @ expected, rtol=0, atol=1e-11 * size**2)


@pytest.mark.parametrize("name", BUILT)
def test_derivatives_of_every_builder_are_those_of_the_complex_step(name):
    graph = BUILT[name]
    assert_derivatives(graph, 0.5 * np.random.default_rng(0).normal(size=graph.n_weights))


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_derivatives_of_any_wiring_are_those_of_the_complex_step(data):
    graph = data.draw(dynamic_graphs(2, data.draw(st.sampled_from(["identity", "tanh"])), ("tanh", "sine")))
    seed = data.draw(st.integers(0, 2**32))
    assert_derivatives(graph, 0.4 * np.random.default_rng(seed).normal(size=graph.n_weights), seed)


@pytest.mark.parametrize("form", ["forward", "backward"])
@pytest.mark.parametrize("name", ["narx, closed", "layer_recurrent"])
def test_fixed_and_shared_weights_through_time(name, form):
    free = BUILT[name]
    places = Network(free, np.zeros(free.n_weights)).views()["hidden1"]
    loop = next(source for source in places if source not in (INPUTS, "bias"))
    shared = np.arange(places[loop].size).reshape(places[loop].shape) % 4
    graph = free.with_fixed({("hidden1", "bias"): 0.25}).with_shared({("hidden1", loop): shared})
    rng = np.random.default_rng(0)
    weights = 0.5 * rng.normal(size=graph.n_weights)
    # Connections are linear in the weights: their columns are what the basis vectors give.
    none = graph.connections(np.zeros(len(weights)))
    spread = np.stack([graph.connections(unit) - none for unit in np.eye(len(weights))], axis=1)
    inputs, targets = data_for(free, free.history + 6)
    expected = complex_jacobian(free, graph.connections(weights), inputs, targets) @ spread
    objective = sequence_objective(Network(graph, weights), inputs, targets, form=form)
    assert_allclose(objective.jacobian(weights), expected, rtol=1e-10, atol=1e-11)
    gradient = objective.at(weights, Derivatives.GRADIENT).gradient
    assert_allclose(gradient, expected.T @ objective.residual(weights), rtol=1e-10, atol=1e-10)
    result = train_sequences(Network(graph, weights), inputs, targets, form=form, limits=Limits(max_epochs=5))
    trained = result.network.views()["hidden1"]
    assert (trained["bias"] == 0.25).all()
    assert len(np.unique(trained[loop])) == len(np.unique(shared))


@pytest.mark.parametrize("name", ["time_delay", "narx, open", "nar, open"])
@pytest.mark.parametrize("form", sorted({*FORMS} - {"auto"}))
def test_delays_at_the_data_are_the_static_network_in_every_form(name, form):
    graph = BUILT[name]
    weights = 0.5 * np.random.default_rng(0).normal(size=graph.n_weights)
    tables = [data_for(graph, n, seed=n) for n in (12, 9)]
    inputs, targets = [each[0] for each in tables], [each[1] for each in tables]
    network = Network(graph, weights)
    static, through_time = (
        train_sequences(network, inputs, targets, form=each, limits=Limits(max_epochs=3), penalty=WeightDecay(0.01))
        for each in (form, "forward")
    )
    # Matrix-free steps are solved by iteration, to a tenth of the gradient at least: alike, not equal.
    if form == "matrix_free":
        assert_allclose(static.record.perf[0], through_time.record.perf[0], rtol=1e-12)
        assert_allclose(static.record.gradient[0], through_time.record.gradient[0], rtol=1e-10)
        assert static.record.best_perf < static.record.perf[0]
    else:
        assert_allclose(static.network.weights, through_time.network.weights, rtol=1e-6, atol=1e-8)


def plant(n_steps, seed=0, weights=(0.8, -0.4, 0.6, 0.1, 1.2, -0.3)):
    """A closed-loop NARX with one hidden unit, simulated by hand: what the network of these weights puts out."""
    a, b, c, bias, gain, offset = weights
    u, y = np.random.default_rng(seed).uniform(-1, 1, n_steps), np.zeros(n_steps)
    for t in range(2, n_steps):
        y[t] = gain * np.tanh(a * u[t - 1] + b * y[t - 2] + c * y[t - 1] + bias) + offset
    return u[:, None], y[:, None]


@pytest.mark.parametrize("rule", METHODS, ids=METHODS.get)
@pytest.mark.parametrize("name", ["elman", "narx, closed"])
def test_every_algorithm_trains_through_time_or_is_refused_by_name(rule, name):
    graph = layer_recurrent(1, 2, 1) if name == "elman" else narx(1, 2, 1, (1,), (1, 2), closed=True)
    inputs, targets = plant(40)
    network = Network(graph, 0.2 * np.random.default_rng(0).normal(size=graph.n_weights))
    options = {"rule": rule(), "limits": Limits(max_epochs=8)}
    if METHODS[rule] in DERIVED_TWICE or METHODS[rule] == "neuron_by_neuron":
        with pytest.raises(ConfigurationError, match=r"through time|form='neuron_by_neuron'.*a layer has a delay"):
            train_sequences(network, inputs, targets, **options)
        return
    losses = [each.loss for each in train_sequences(network, inputs, targets, **options).record.epochs]
    assert np.isfinite(losses).all()
    # Gauss–Newton without damping promises nothing far from the minimum.
    assert METHODS[rule] == "gauss_newton" or min(losses) < losses[0]


@pytest.mark.parametrize("form", ["forward", "backward"])
def test_closed_loop_training_finds_the_plant(form):
    inputs, targets = plant(150)
    # Sources in the order inputs, output; delays ascending: u(t-1), y(t-1), y(t-2), bias, gain, offset.
    found = np.array([0.8, 0.6, -0.4, 0.1, 1.2, -0.3])
    graph = narx(1, 1, 1, (1,), (1, 2), closed=True)
    start = Network(graph, found + 0.2 * np.random.default_rng(1).normal(size=6))
    result = train_sequences(start, inputs, targets, form=form, limits=Limits(max_epochs=100))
    assert_allclose(np.abs(result.network.weights), np.abs(found), rtol=1e-6)


@pytest.mark.parametrize("name", ["narx, closed", "layer_recurrent", "narx, open"])
def test_training_does_not_depend_on_the_units(name):
    graph = BUILT[name]
    inputs, targets = data_for(graph, 30)
    weights = 0.3 * np.random.default_rng(0).normal(size=graph.n_weights)

    def trained(input_unit, target_unit):
        columns = inputs * input_unit, (targets + 3.0) * target_unit
        network = Network(graph, weights, *(Scaling.fit("standard", each) for each in columns))
        return train_sequences(network, *columns, limits=Limits(max_epochs=4)).network.weights

    # Powers of two, which round nothing but the offset.
    assert_allclose(trained(1024.0, 1 / 64), trained(1.0, 1.0), rtol=1e-7, atol=1e-9)


def test_more_than_the_memory_is_refused_before_any_work():
    graph = layer_recurrent(1, 60000, 1)
    network = Network.__new__(Network)
    for name, value in (
        ("graph", graph),
        ("input_scaling", Scaling.none(1)),
        ("target_scaling", Scaling.none(1)),
    ):
        object.__setattr__(network, name, value)
    with pytest.raises(ResourceError, match=r"through time on 10 steps"):
        sequence_objective(network, np.zeros((10, 1)), np.zeros((10, 1)))


class Cliff:
    """½ w², whose value is everywhere and whose derivatives end at |w| < 1."""

    def __init__(self):
        self.evaluations = {}

    def at(self, weights, need):
        if need is Derivatives.VALUE:
            return Evaluation(weights, 0.5 * weights @ weights, np.zeros(1), None, None)
        if abs(weights[0]) < 1:
            return Evaluation.overflow(weights)
        return Evaluation(weights, 0.5 * weights @ weights, np.zeros(1), weights.copy(), np.eye(1))


def test_a_run_ends_where_the_derivatives_overflow_at_an_accepted_point():
    rows = list(iterate(Cliff(), LevenbergMarquardt(), np.array([3.0])))
    assert rows[-1].outcome.code == "diverged"
    assert not rows[-1].outcome.succeeded
    assert_allclose(rows[-1].current.weights, [3.0])


def test_a_penalty_is_added_once_however_many_sequences():
    network = Network(close_loop(Network(nar(2), np.full(9, 0.1))).graph, np.full(9, 0.1))
    targets = [np.ones((6, 1)), np.ones((5, 1))]
    losses = [
        sequence_objective(network, None, targets, penalty=penalty).at(network.weights, Derivatives.VALUE).loss
        for penalty in (None, WeightDecay(2.0))
    ]
    decay = WeightDecay(2.0).diagonal(network.graph)
    assert_allclose(losses[1] - losses[0], 0.5 * np.sum(decay * network.weights**2))


# ---------------------------------------------------------------- division, scalings, restarts


@pytest.mark.parametrize("name", BUILT)
def test_parts_are_blocks_and_begin_with_the_states_at_the_end_of_the_one_before(name):
    graph = BUILT[name]
    weights = 0.3 * np.random.default_rng(0).normal(size=graph.n_weights)
    tables = [data_for(graph, graph.history + n, seed=n) for n in (20, 10)]
    inputs, targets = [each[0] for each in tables], [each[1] for each in tables]
    result = train_sequences(
        Network(graph, weights),
        inputs,
        targets,
        division=Division("blocks", validation=0.3, test=0.2),
        limits=Limits(max_epochs=3),
    )
    h, record = graph.history, result.record
    second = len(inputs[0])
    assert record.parts.train.tolist() == [*range(h, h + 10), *range(second + h, second + h + 5)]
    assert record.parts.validation.tolist() == [*range(h + 10, h + 16), *range(second + h + 5, second + h + 8)]
    assert record.parts.test.tolist() == [*range(h + 16, h + 20), *range(second + h + 8, second + h + 10)]
    best = record.best
    for part, lengths in (("train", (10, 5)), ("validation", (6, 3)), ("test", (4, 2))):
        squares = []
        for u, y, n_train in zip(inputs, targets, (10, 5), strict=True):
            edges = {"train": (0, n_train), "validation": (n_train, n_train * 8 // 5)}
            first, last = edges.get(part, (n_train * 8 // 5, len(y) - h))
            if first == 0:
                got = simulate(result.network, u[: h + last], y[: h + last]).outputs
            else:
                states = simulate(result.network, u[: h + first], y[: h + first]).states
                got = simulate(result.network, u[h + first : h + last], y[h + first : h + last], states=states).outputs
            squares.append((got - y[h + first : h + last]) ** 2)
        assert [len(each) for each in squares] == list(lengths)
        expected = np.mean(np.concatenate(squares))
        assert_allclose({"train": best.performance}.get(part, getattr(best, part, None)), expected, rtol=1e-9)


def test_the_test_part_changes_nothing():
    graph = BUILT["narx, closed"]
    weights = 0.3 * np.random.default_rng(0).normal(size=graph.n_weights)
    inputs, targets = data_for(graph, 40)
    division = Division("blocks", validation=0.2, test=0.2)
    other_inputs, other_targets = inputs.copy(), targets.copy()
    other_inputs[-7:], other_targets[-7:] = 100.0, -100.0
    one, other = (
        train_sequences(Network(graph, weights), *data, division=division, scaling="standard")
        for data in ((inputs, targets), (other_inputs, other_targets))
    )
    assert_allclose(one.network.weights, other.network.weights, rtol=0, atol=0)
    assert one.record.best_tperf != other.record.best_tperf


def test_scalings_are_those_of_the_rows_up_to_the_last_that_trains():
    graph = BUILT["layer_recurrent"]
    inputs, targets = data_for(graph, 20)
    network = Network(graph, 0.1 * np.ones(graph.n_weights))
    result = train_sequences(
        network,
        [inputs, inputs + 1],
        [targets, targets - 1],
        division=Division("blocks", validation=0.25, test=0.25),
        scaling="minmax",
        limits=Limits(max_epochs=1),
    )
    shown = np.concatenate([inputs[:10], inputs[:10] + 1]), np.concatenate([targets[:10], targets[:10] - 1])
    assert_allclose(result.network.input_scaling.offset, Scaling.fit("minmax", shown[0]).offset)
    assert_allclose(result.network.target_scaling.factor, Scaling.fit("minmax", shown[1]).factor)
    with pytest.raises(ConfigurationError, match=r"has its own.*scaling='none'"):
        train_sequences(result.network, inputs, targets, scaling="standard")


def test_restarts_begin_from_the_network_and_keep_the_best():
    inputs, targets = plant(60)
    graph = narx(1, 2, 1, (1,), (1, 2), closed=True)
    network = Network(graph, np.zeros(graph.n_weights))
    options = {"division": Division("blocks"), "limits": Limits(max_epochs=15), "seed": 3}
    one, five, again = (train_sequences(network, inputs, targets, n_restarts=n, **options) for n in (1, 5, 5))
    # Of the run that is kept, not of all: the start, then one an epoch, but for the end by orthogonal steps.
    assert 0 <= five.record.evaluations["normal"] - five.record.num_epochs <= 12
    assert five.record.best_vperf < one.record.best_vperf
    assert (five.network.weights == again.network.weights).all()


@pytest.mark.parametrize("weight", [2.0, np.linspace(0, 1, 30)], ids=["one number", "one a step"])
def test_weights_act_within_the_parts(weight):
    graph = BUILT["narx, closed"]
    inputs, targets = data_for(graph, 30)
    network = Network(graph, 0.2 * np.random.default_rng(0).normal(size=graph.n_weights))
    by_parts = train_sequences(
        network, inputs, targets, sample_weight=weight, division=Division("blocks"), limits=Limits(max_epochs=0)
    ).record
    steps = np.broadcast_to(weight, 30)
    squares = (simulate(network, inputs, targets).outputs - targets[graph.history :]) ** 2
    for part, got in (
        ("train", by_parts.best_perf),
        ("validation", by_parts.best_vperf),
        ("test", by_parts.best_tperf),
    ):
        rows = getattr(by_parts.parts, part)
        expected = np.average(squares[rows - graph.history].mean(axis=1), weights=steps[rows])
        assert_allclose(got, expected, rtol=1e-10)


def test_what_is_no_blocks_is_refused_by_name():
    network = Network(BUILT["nar, open"], np.full(BUILT["nar, open"].n_weights, 0.1))
    series = np.ones((20, 1))
    with pytest.raises(ConfigurationError, match=r"blocks.*got the division 'random'.*Division\('blocks'\)"):
        train_sequences(network, None, series, division=Division("random"))
    with pytest.raises(ConfigurationError, match="exclude each other"):
        train_sequences(network, None, series, division=Division("blocks"), validation=(None, series))
    with pytest.raises(ShapeError, match=r"\(20,\), got \(3,\)"):
        train_sequences(network, None, series, division=Division("blocks"), sample_weight=np.ones(3))


def test_a_memory_budget_is_for_all_parts_and_is_kept():
    graph = layer_recurrent(2, 25, 1)
    inputs, targets = data_for(graph, 800)
    network = Network(graph, 0.1 * np.random.default_rng(0).normal(size=graph.n_weights))
    division, limits = Division("blocks", 0.2, 0.2), Limits(max_epochs=2)
    free = train_sequences(network, inputs, targets, division=division, limits=limits)
    peaks = []
    for budget in ("60MB", 30_000_000):
        tracemalloc.start()
        try:
            found = train_sequences(network, inputs, targets, division=division, limits=limits, max_memory=budget)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert_allclose(found.network.weights, free.network.weights, rtol=1e-6)
    assert peaks[0] < 60e6
    assert peaks[1] < 30e6
    with pytest.raises(ResourceError, match=r"through time on .* steps .*the budget is 1\.9 MiB \(2MB\)"):
        train_sequences(network, inputs, targets, division=division, limits=limits, max_memory="2MB")


@pytest.mark.parametrize("start", [0, 1])
def test_an_interrupt_keeps_the_best_of_the_starts_that_learned_something(monkeypatch, start):
    graph = narx(1, 1, 1, (1,), (1, 2), closed=True)
    network = Network(graph, np.full(6, 0.3))
    whole = train_sequences(network, *plant(60), limits=Limits(max_epochs=5))
    pulls, plain = [], Training.__iter__

    def pulled(self):
        pulls.append(None)
        if len(pulls) > start:
            raise KeyboardInterrupt
        yield from plain(self)

    monkeypatch.setattr(Training, "__iter__", pulled)
    if start == 0:
        with pytest.raises(KeyboardInterrupt):
            train_sequences(network, *plant(60), limits=Limits(max_epochs=5), n_restarts=3)
        return
    result = train_sequences(network, *plant(60), limits=Limits(max_epochs=5), n_restarts=3)
    assert len(pulls) == 2
    assert_allclose(result.network.weights, whole.network.weights, rtol=0)
