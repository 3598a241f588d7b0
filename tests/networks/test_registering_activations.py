"""An activation of the user's own is checked once, and then works like any other."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.problems import SUMS, Problem

from marquardt.errors import ConfigurationError
from marquardt.losses import Squares
from marquardt.networks import ACTIVATIONS, Activation, Network, activation_named, feed_forward, register_activation
from marquardt.objective import Derivatives


@pytest.fixture(autouse=True)
def _catalogue():
    """Whatever a test registers is gone after it."""
    before = dict(ACTIVATIONS)
    yield
    ACTIVATIONS.clear()
    ACTIVATIONS.update(before)


def in_place(net):
    return np.tanh(net, out=net)


def spoils_the_value(net, a):
    a *= a
    return 1.0 - a


REFUSED = {
    "a wrong slope": (
        Activation("own", np.tanh, lambda net, a: 1.0 + a * a),
        r"slope of 'own' is not the derivative.*at net = .* it gives \d.*, differences give \d",
    ),
    "a slope of twice the size": (Activation("own", np.tanh, lambda net, a: 2 * (1 - a * a)), "not the derivative"),
    "a value of another shape": (Activation("own", lambda net: net.sum(axis=0), lambda net, a: a), "value .* shape"),
    "a slope of another shape": (Activation("own", np.tanh, lambda net, a: np.ones(3)), "slope .* shape"),
    "a number for a slope": (Activation("own", lambda net: 1.0 * net, lambda net, a: 1.0), "slope .* shape"),
    "a value that is not finite": (
        Activation("own", lambda net: np.where(net > 5, np.inf, net), lambda net, a: np.ones_like(net)),
        r"value of 'own' is not finite at net = 5",
    ),
    "a slope that is not finite": (
        Activation("own", np.cbrt, lambda net, a: np.where(np.abs(net) < 0.01, np.nan, 1.0)),
        "slope of 'own' is not finite at net = 0.00317",
    ),
    "a value of another type": (
        Activation("own", lambda net: np.tanh(net, dtype=np.float32), lambda net, a: a),
        "float64",
    ),
    "a value that overwrites its argument": (Activation("own", in_place, lambda net, a: 1.0 - a * a), "in place"),
    "a slope that overwrites the value": (Activation("own", np.tanh, spoils_the_value), "in place"),
    "a wrong second derivative": (
        Activation("own", np.tanh, lambda net, a: 1.0 - a * a, second=lambda net, a: 1.0 - a * a),
        r"second of 'own' is not the derivative of its slope.*at net = .* it gives \d.*, differences give",
    ),
    "a second derivative of another shape": (
        Activation("own", np.tanh, lambda net, a: 1.0 - a * a, second=lambda net, a: 0.0),
        "second .* shape",
    ),
    "a second derivative that needs a net that may be gone": (
        Activation("own", np.sin, lambda net, a: np.cos(net), second=lambda net, a: -np.sin(net), uses_net=False),
        "second of 'own' is not the derivative",
    ),
    "a taken name": (Activation("tanh", np.tanh, lambda net, a: 1.0 - a * a), "already.*replace=True"),
    "a name that is none": (Activation("my own", np.tanh, lambda net, a: 1.0 - a * a), "identifier, got 'my own'"),
    "units that mix": (Activation("own", np.tanh, lambda net, a: a, elementwise=False), "only softmax"),
    "an interval that goes down": (Activation("own", np.tanh, lambda net, a: 1.0 - a * a, active=(2, -2)), "go up"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_is(case):
    activation, message = REFUSED[case]
    before = dict(ACTIVATIONS)
    with pytest.raises(ConfigurationError, match=message):
        register_activation(activation)
    assert before == ACTIVATIONS


def test_a_kink_is_no_mistake():
    leaky = Activation("leaky", lambda net: np.maximum(0.1 * net, net), lambda net, a: np.where(net > 0, 1.0, 0.1))
    assert register_activation(leaky) is activation_named("leaky")


def test_a_second_derivative_of_ones_own_is_taken():
    arctan = Activation(
        "own", np.arctan, lambda net, a: 1 / (1 + net**2), second=lambda net, a: -2 * net / (1 + net**2) ** 2
    )
    assert register_activation(arctan) is activation_named("own")


def test_a_name_is_free_again_only_on_request():
    softsign = Activation("own", lambda net: net / (1 + np.abs(net)), lambda net, a: (1 - np.abs(a)) ** 2)
    register_activation(softsign)
    with pytest.raises(ConfigurationError, match="already"):
        register_activation(softsign)
    arctan = Activation("own", np.arctan, lambda net, a: 1 / (1 + net**2))
    assert register_activation(arctan, replace=True) is ACTIVATIONS["own"]


AWKWARD = {
    "a function of NumPy whose slope needs net": Activation("own", np.arctan, lambda net, a: 1 / (1 + net**2)),
    "a slope that is the value itself": Activation("own", np.exp, lambda net, a: a),
    "a value that is its argument": Activation("own", lambda net: net, lambda net, a: np.ones_like(net)),
    "a slope that is read-only": Activation(
        "own", lambda net: 2.0 * net, lambda net, a: np.broadcast_to(2.0, net.shape)
    ),
    "a slope that is net": Activation("own", lambda net: 0.5 * net**2, lambda net, a: net),
}


@pytest.mark.parametrize("form", SUMS)
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("sizes", [(3,), (3, 2)])
@pytest.mark.parametrize("case", AWKWARD)
def test_a_registered_activation_has_the_derivatives_of_any_other(case, sizes, n_outputs, form):
    register_activation(AWKWARD[case])
    rng = np.random.default_rng(0)
    for output in ("identity", "own"):
        graph = feed_forward(2, sizes, n_outputs, activation="own", output_activation=output)
        inputs, targets = rng.normal(size=(9, 2)), rng.normal(size=(9, n_outputs))
        weights = 0.3 * rng.normal(size=graph.n_weights)
        objective = Problem(graph, inputs, targets, Squares(), weights).objective(form=form)
        before = Network(graph, weights).outputs(inputs)

        def moved(value, k, graph=graph, weights=weights, inputs=inputs):
            there = weights.copy()
            there[k] = value
            return Network(graph, there).outputs(inputs)

        # Eighth-order differences of every output by every weight.
        jacobian = np.empty((9, n_outputs, graph.n_weights))
        for k in range(graph.n_weights):
            for step, factor in enumerate((4 / 5, -1 / 5, 4 / 105, -1 / 280), start=1):
                h = step * 1e-2
                part = factor * (moved(weights[k] + h, k) - moved(weights[k] - h, k)) / 1e-2
                jacobian[:, :, k] = part if step == 1 else jacobian[:, :, k] + part
        expected = jacobian.reshape(-1, graph.n_weights)
        objective.at(weights, Derivatives.VALUE)
        for _ in range(2):  # the second time from what the first one left
            here = objective.at(weights, Derivatives.NORMAL)
            np.testing.assert_allclose(here.gradient, expected.T @ (before - targets).ravel(), rtol=0, atol=1e-9)
            np.testing.assert_allclose(here.normal, expected.T @ expected, rtol=0, atol=1e-9)
            gradient = objective.at(weights, Derivatives.GRADIENT).gradient
            np.testing.assert_allclose(gradient, here.gradient, rtol=0, atol=1e-12)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(ConfigurationError, match="Did you mean 'tanh'"):
        activation_named("tahn")
