"""Every activation: its slope and its second derivative are the derivatives, and all keep their manners."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt.errors import ConfigurationError
from marquardt.networks import ACTIVATIONS, activation_named, name_and_gain
from marquardt.numerics import central_difference

GAINED = [
    activation_named(f"{activation.name}(gain={gain})")
    for activation, gain in zip(ACTIVATIONS.values(), itertools.cycle([0.5, 0.7]))
    if activation.elementwise
]
EVERY = [*ACTIVATIONS.values(), *GAINED]
ELEMENTWISE = [activation for activation in EVERY if activation.elementwise]
KINKS = {"relu": [0.0], "saturating_linear": [-1.0, 1.0], "elliot": [0.0]}
for activation in GAINED:
    plain, gain = name_and_gain(activation.name)
    KINKS[activation.name] = [kink / gain for kink in KINKS.get(plain, [])]
WIDTH = 1e-3


def name_of(activation):
    return activation.name


every_activation = pytest.mark.parametrize("activation", EVERY, ids=name_of)
every_elementwise_one = pytest.mark.parametrize("activation", ELEMENTWISE, ids=name_of)


@every_elementwise_one
def test_slope_is_the_derivative_of_value(activation):
    net = np.linspace(-6, 6, 1001)[None]
    for kink in KINKS.get(activation.name, []):
        net = net[np.abs(net - kink) > 4 * WIDTH][None]  # differences reach four widths to each side
    slope = activation.slope(net, activation.value(net))
    # Rounding of the values, |a| <= 6, over the width: 6 eps / 1e-3.
    assert_allclose(slope, central_difference(activation.value, net, WIDTH), rtol=0, atol=1e-11)


@every_elementwise_one
def test_second_is_the_derivative_of_slope(activation):
    net = np.linspace(-6, 6, 1001)[None]
    for kink in KINKS.get(activation.name, []):
        net = net[np.abs(net - kink) > 4 * WIDTH][None]

    def slope(at):
        return activation.slope(at, activation.value(at))

    value = activation.value(net)
    second = activation.second(net if activation.uses_net else value, value)
    # Rounding of the slopes, up to 12 for the radial basis's products, over the width.
    assert_allclose(second, central_difference(slope, net, WIDTH), rtol=0, atol=1e-11)


@every_activation
def test_shape_and_type_are_kept_and_the_argument_is_left_alone(activation):
    for shape in ((1, 1), (3, 5), (2, 0)):
        net = np.random.default_rng(0).normal(size=shape)
        before = net.copy()
        value = activation.value(net)
        results = [value]
        if activation.elementwise:
            kept = value.copy()
            results.append(activation.slope(net, value))
            results.append(activation.second(net, value))
            assert np.array_equal(value, kept)
        for result in results:
            assert result.shape == shape
            assert result.dtype == np.float64
            assert not np.shares_memory(result, net)
        assert np.array_equal(net, before)


@every_activation
@pytest.mark.filterwarnings("error")
def test_extreme_nets_give_finite_numbers_and_no_warning(activation):
    net = np.array([[-1e3, -800.0, -40.0, 0.0, 40.0, 800.0, 1e3], [1e3, 800.0, 40.0, 0.0, -40.0, -800.0, -1e3]])
    value = activation.value(net)
    assert np.isfinite(value).all()
    if activation.elementwise:
        assert np.isfinite(activation.slope(net, value)).all()
        assert np.isfinite(activation.second(net, value)).all()


@every_activation
def test_values_stay_in_the_output_range(activation):
    value = activation.value(np.linspace(-50, 50, 2001).reshape(3, -1))
    low, high = activation.output_range
    assert low <= value.min()
    assert value.max() <= high


@every_elementwise_one
def test_the_unit_moves_over_its_active_interval(activation):
    low, high = activation.active
    if np.isfinite(activation.active).all():
        net = np.linspace(low, high, 101)[None]
        value = activation.value(net)
        inside = np.ptp(value)
        beyond = (
            np.ptp(activation.value(np.linspace(-50, 50, 1001)[None]))
            if np.isfinite(activation.output_range).all()
            else inside
        )
        assert inside >= 0.5 * min(beyond, np.ptp(activation.output_range))


def test_softmax_is_a_distribution_that_ignores_a_common_shift():
    softmax = ACTIVATIONS["softmax"]
    net = np.random.default_rng(0).normal(size=(4, 50)) * 10
    assert_allclose(softmax.value(net).sum(axis=0), 1.0, rtol=4 * np.finfo(float).eps)
    assert_allclose(softmax.value(net + 500.0), softmax.value(net), rtol=1e-12)  # 500 eps in every exponent
    with pytest.raises(AssertionError, match="no elementwise slope"):
        softmax.slope(net, net)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tanh(gain=0)", "gain of 'tanh.gain=0.' must be a number above 0, got 0"),
        ("tanh(gain=-1)", "above 0, got -1"),
        ("tanh(gain=1e999)", r"must be from 1e-100 to 1e\+100"),
        ("tanh(gain=1e308)", r"must be from 1e-100 to 1e\+100"),
        ("logistic(gain=1e-200)", r"must be from 1e-100 to 1e\+100"),
        ("tanh(gain='2')", "number above 0, got '2'"),
        ("tanh(slope=2)", "tanh has no setting 'slope'. It takes gain"),
        ("tanh(2, 3)", "without a name"),
        ("tanh(2, gain=3)", "has the setting 'gain' twice"),
        ("tanhh(gain=2)", "Did you mean 'tanh'"),
        ("softmax(gain=2)", "softmax takes no gain"),
    ],
)
def test_a_gain_that_cannot_be_is_refused(text, message):
    with pytest.raises(ConfigurationError, match=message):
        activation_named(text)


def test_a_gain_has_one_spelling_and_none_is_one():
    assert activation_named("tanh(0.5)") is activation_named(" tanh ( gain = 0.5 ) ")
    assert activation_named("tanh(gain=1)") is ACTIVATIONS["tanh"]
    assert activation_named("tanh(2)").name == "tanh(gain=2.0)"
    net = np.linspace(-3, 3, 7)[None]
    bipolar = activation_named("tanh(0.5)")
    assert_allclose(bipolar.value(net), 2 / (1 + np.exp(-net)) - 1, rtol=1e-14, atol=1e-16)
