"""Activation functions: value, slope and second derivative side by side.

An activation takes `net`, of shape (n_units, n_samples), and returns an array of the same shape. Its derivatives
get both `net` and the value `a`, because most are cheapest from the value: 1 − a² for the slope of tanh.

Every elementwise activation has a gain, f(gain · net), named as ``"tanh(gain=0.5)"`` or ``"tanh(0.5)"``. The bipolar
sigmoid 2 / (1 + exp(−net)) − 1 of many textbooks is ``"tanh(gain=0.5)"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from marquardt.arrays import AnyArray, Array
from marquardt.checks import one_of, positive
from marquardt.errors import ConfigurationError
from marquardt.numerics import central_difference
from marquardt.spelling import spelled

__all__ = [
    "ACTIVATIONS",
    "COMPILED_ACTIVATIONS",
    "Activation",
    "activation_named",
    "name_and_gain",
    "register_activation",
]

LARGEST_GAIN = 1e100
"""Derivatives have the gain as a factor, their products its square."""


@dataclass(frozen=True)
class Activation:
    """An activation function a = f(net) with its slope f′.

    Parameters
    ----------
    name : str
        What layers call it by.
    value : callable
        net ↦ a, arrays of shape (n_units, n_samples).
    slope : callable
        (net, a) ↦ f′(net); for softmax, which is not elementwise, it is not called.
    active : tuple of two floats
        The interval of net in which the unit is neither saturated nor flat, for the Nguyen–Widrow start;
        infinite where there is no such interval.
    output_range : tuple of two floats
        The range of a, for the start of the layers above; infinite where unbounded.
    elementwise : bool
        Whether a unit's value depends on its own net alone.
    uses_net : bool
        Whether `slope` or `second` look at net; where they need only the value, the engine may write the value over
        net.
    second : callable, optional
        (net, a) ↦ f″(net), for the methods that use the exact Hessian; the others do without.
    code : int, optional
        Its number in the compiled kernel, of the library's own that it has.

    Examples
    --------
    >>> square = Activation("square", lambda net: net * net, lambda net, a: 2.0 * net, active=(-1.0, 1.0))
    >>> square.value(np.array([[3.0]]))
    array([[9.]])
    """

    name: str
    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    active: tuple[float, float] = (-2.0, 2.0)
    output_range: tuple[float, float] = (-1.0, 1.0)
    elementwise: bool = True
    uses_net: bool = True
    second: Callable[[Array, Array], Array] | None = None
    code: int | None = field(default=None, repr=False)


def _logistic(net: Array) -> Array:
    # By way of tanh: no overflow on either side, and exact at the tails to rounding.
    value: Array = 0.5 * np.tanh(0.5 * net) + 0.5
    return value


def _softplus(net: Array) -> Array:
    value: Array = np.logaddexp(0.0, net)
    return value


def _elliot(net: Array) -> Array:
    value: Array = net / (1.0 + np.abs(net))
    return value


def _softmax(net: Array) -> Array:
    powers = np.exp(net - net.max(axis=0))
    value: Array = powers / powers.sum(axis=0)
    return value


def _no_slope(net: Array, a: Array) -> Array:
    raise AssertionError("softmax has no elementwise slope; its Jacobian is diag(a) - a aᵀ")


UNBOUNDED = (-np.inf, np.inf)


def _identity(net: Array) -> Array:
    return net.copy()


def _relu(net: Array) -> Array:
    return np.maximum(net, 0.0)


def _bell(net: Array) -> Array:
    value: Array = np.exp(-net * net)
    return value


def _clipped(net: Array) -> Array:
    return np.clip(net, -1.0, 1.0)


def _flat(net: Array, a: Array) -> Array:
    """The second derivative of what is linear piece by piece."""
    return np.zeros_like(a)


def _logistic_second(net: Array, a: Array) -> Array:
    value: Array = a * (1.0 - a) * (1.0 - 2.0 * a)
    return value


def _softplus_second(net: Array, a: Array) -> Array:
    p = _logistic(net)
    value: Array = p * (1.0 - p)
    return value


def _elliot_second(net: Array, a: Array) -> Array:
    value: Array = -2.0 * np.sign(a) * (1.0 - np.abs(a)) ** 3
    return value


def _step(condition: AnyArray) -> Array:
    """The slope of a piecewise linear function: 1 where the condition holds."""
    return condition.astype(np.float64)


ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation(
            "tanh",
            np.tanh,
            lambda net, a: 1.0 - a * a,
            uses_net=False,
            second=lambda net, a: -2.0 * a * (1.0 - a * a),
            code=1,
        ),
        Activation(
            "logistic",
            _logistic,
            lambda net, a: a * (1.0 - a),
            (-4.0, 4.0),
            (0.0, 1.0),
            second=_logistic_second,
            code=2,
        ),
        Activation("identity", _identity, lambda net, a: np.ones_like(net), UNBOUNDED, UNBOUNDED, second=_flat, code=0),
        Activation("relu", _relu, lambda net, a: _step(net > 0), UNBOUNDED, UNBOUNDED, second=_flat, code=3),
        Activation(
            "softplus", _softplus, lambda net, a: _logistic(net), (-4.0, 4.0), (0.0, np.inf), second=_softplus_second
        ),
        # 1/(1+|net|) = 1-|a|, hence the square.
        Activation(
            "elliot", _elliot, lambda net, a: (1.0 - np.abs(a)) ** 2, (-4.0, 4.0), second=_elliot_second, code=4
        ),
        Activation(
            "radial_basis",
            _bell,
            lambda net, a: -2.0 * net * a,
            (-2.0, 2.0),
            (0.0, 1.0),
            second=lambda net, a: (4.0 * net * net - 2.0) * a,
            code=5,
        ),
        Activation(
            "saturating_linear", _clipped, lambda net, a: _step(np.abs(net) < 1), (-1.0, 1.0), second=_flat, code=6
        ),
        Activation("sine", np.sin, lambda net, a: np.cos(net), (-np.pi / 2, np.pi / 2), second=lambda net, a: -a),
        Activation("softmax", _softmax, _no_slope, UNBOUNDED, (0.0, 1.0), elementwise=False),
    )
}
"""Every activation that layers may name."""

COMPILED_ACTIVATIONS = {name: activation for name, activation in ACTIVATIONS.items() if activation.code is not None}
"""Those that the compiled kernel has; one that is replaced under the same name is another."""


def activation_named(name: str) -> Activation:
    """Return a registered activation, with its gain if the name says one."""
    known = ACTIVATIONS.get(name) if isinstance(name, str) else None
    if known is not None:
        return known
    plain, gain = name_and_gain(name)
    return ACTIVATIONS[plain] if gain == 1 else _with_gain(ACTIVATIONS[plain], gain)


def name_and_gain(name: str) -> tuple[str, float]:
    """Return the registered name of an activation, and its gain."""
    if not isinstance(name, str) or "(" not in name:
        return one_of(name, ACTIVATIONS, "activation"), 1.0
    plain, settings = spelled(name, "The activation", first="gain")
    one_of(plain, ACTIVATIONS, "activation")
    for setting in settings:
        if setting != "gain":
            raise ConfigurationError(f"The activation {plain} has no setting {setting!r}. It takes gain.")
    gain = positive(settings.get("gain", 1.0), f"the gain of {name!r}")
    if not 1.0 / LARGEST_GAIN <= gain <= LARGEST_GAIN:
        raise ConfigurationError(
            f"The gain of {name!r} must be from {1.0 / LARGEST_GAIN:g} to {LARGEST_GAIN:g}, or its derivatives "
            f"overflow. The usual gain is 1; scale the inputs instead."
        )
    if gain != 1 and not ACTIVATIONS[plain].elementwise:
        raise ConfigurationError(f"The activation {plain} takes no gain, got {name!r}.")
    return plain, gain


@lru_cache(maxsize=256)
def _with_gain(activation: Activation, gain: float) -> Activation:
    """f(gain · net), with its slope gain · f′ and its second derivative gain² · f″."""
    inner_value, inner_slope, inner_second = activation.value, activation.slope, activation.second
    uses_net = activation.uses_net

    def value(net: Array) -> Array:
        return inner_value(gain * net)

    # Where net is not used, it may have been written over.
    def slope(net: Array, a: Array) -> Array:
        return gain * inner_slope(gain * net if uses_net else net, a)

    def second(net: Array, a: Array) -> Array:
        assert inner_second is not None
        return gain**2 * inner_second(gain * net if uses_net else net, a)

    return Activation(
        f"{activation.name}(gain={gain!r})",
        value,
        slope,
        (activation.active[0] / gain, activation.active[1] / gain),
        activation.output_range,
        uses_net=uses_net,
        second=None if inner_second is None else second,
    )


def register_activation(activation: Activation, *, replace: bool = False) -> Activation:
    """Check an activation of your own and make it usable by its name.

    The check compares `slope` with differences of `value`, and `second`, if there is one, with differences of
    `slope`, on 401 points of [−8, 8]. It allows a few of them to disagree, since a kink is no mistake. All functions
    must keep the shape, leave their arguments alone and stay finite there.

    Parameters
    ----------
    activation : Activation
        With elementwise `value` and `slope`, and maybe `second`.
    replace : bool
        Whether an activation of that name may be replaced.

    Returns
    -------
    Activation
        The same.

    Raises
    ------
    ConfigurationError
        If the name is taken or no identifier, if a shape changes, a value is not finite, or a
        derivative is none.

    Examples
    --------
    >>> arctan = Activation("arctan", np.arctan, lambda net, a: 1 / (1 + net**2))
    >>> register_activation(arctan, replace=True).name
    'arctan'
    """
    name = activation.name
    if not isinstance(name, str) or not name.isidentifier():
        raise ConfigurationError(f"An activation's name must be a Python identifier, got {name!r}.")
    if name in ACTIVATIONS and not replace:
        raise ConfigurationError(f"There is an activation {name!r} already. Choose another name, or pass replace=True.")
    if not activation.elementwise:
        raise ConfigurationError(f"Activation {name!r} must be elementwise: only softmax may mix units.")
    low, high = activation.active
    if not low < high:
        raise ConfigurationError(f"The active interval of {name!r} must go up, got {activation.active!r}.")
    # An irregular offset keeps kinks at round numbers off the grid.
    net = np.linspace(-8.0, 8.0, 401).reshape(1, -1) + 0.00317
    arrays = _required_arrays(activation, net)
    _require_derivative(name, "slope", "value", arrays["slope"], activation.value, net)
    if activation.second is not None:

        def slope_at(at: Array) -> Array:
            return activation.slope(at, activation.value(at))

        _require_derivative(name, "second", "slope", arrays["second"], slope_at, net)
    ACTIVATIONS[name] = activation
    return activation


def _required_arrays(activation: Activation, net: Array) -> dict[str, Array]:
    """Value, slope and second derivative; refuses what changes shape, type or its arguments, or is not finite."""
    name, before = activation.name, net.copy()
    value = np.asarray(activation.value(net))
    value_before = value.copy()
    arrays = {"value": value, "slope": np.asarray(activation.slope(net, value))}
    if activation.second is not None:
        # As the engine calls it: where net is not used, it may be gone.
        arrays["second"] = np.asarray(activation.second(net if activation.uses_net else value_before.copy(), value))
    for what, array in arrays.items():
        if array.shape != net.shape:
            raise ConfigurationError(f"The {what} of {name!r} must keep the shape {net.shape}, got {array.shape}.")
        if array.dtype != np.float64:
            raise ConfigurationError(f"The {what} of {name!r} must be float64, got {array.dtype}.")
        if not np.isfinite(array).all():
            raise ConfigurationError(
                f"The {what} of {name!r} is not finite at net = {net[~np.isfinite(array)][0]:.3g}."
            )
    if not (np.array_equal(net, before) and np.array_equal(value, value_before)):
        raise ConfigurationError(f"Activation {name!r} changes its argument in place; return a new array instead.")
    return arrays


def _require_derivative(
    name: str, what: str, of_what: str, given: Array, function: Callable[[Array], Array], net: Array
) -> None:
    """Refuse what differs from the differences of a function on more than a few points."""
    expected = central_difference(function, net)
    wrong = np.abs(given - expected) > 1e-6 * (1.0 + np.abs(expected))
    if wrong.sum() > 4:
        worst = np.argmax(np.abs(given - expected))
        raise ConfigurationError(
            f"The {what} of {name!r} is not the derivative of its {of_what}: at net = {net.flat[worst]:.3g} it gives "
            f"{given.flat[worst]:.6g}, differences give {expected.flat[worst]:.6g}."
        )
