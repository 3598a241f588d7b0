"""The compiled kernel: its functions against others' and every set of instructions that this machine has."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt.losses import WeightDecay
from marquardt.networks import ACTIVATIONS, COMPILED_ACTIVATIONS, Layer, LayerGraph, cascade_forward, feed_forward
from marquardt.numerics import describe_native, native, native_kernel, solve_damped
from marquardt.objective import Derivatives, Objective

needs_kernel = pytest.mark.skipif(native_kernel() is None, reason="There is no compiled kernel here.")
INSTRUCTIONS = [] if native_kernel() is None else native_kernel().instructions()
EDGES = [
    0.0,
    -0.0,
    5e-324,
    -1e-310,
    1e-20,
    19.0,
    19.1,
    20.0,
    -20.0,
    25.0,
    750.0,
    1e300,
    -1e308,
    np.inf,
    -np.inf,
    np.nan,
]
NETS = np.concatenate([np.linspace(-30.0, 30.0, 20_001), 10.0 ** np.linspace(-300, 2, 3001), EDGES])


@pytest.fixture(params=INSTRUCTIONS or [pytest.param("none", marks=needs_kernel)])
def kernel(request):
    """The kernel with each set of instructions."""
    module = native_kernel()
    module.use(request.param)
    yield module
    module.use(INSTRUCTIONS[0])


def activated(kernel, name, nets=NETS):
    values = np.empty_like(nets)
    kernel.activate(COMPILED_ACTIVATIONS[name].code, nets, values)
    return values


def test_tanh_is_right_to_a_few_ulp(kernel):
    values, expected = activated(kernel, "tanh"), np.tanh(NETS)
    # Two and a half ulp were found against 120 bits, one and a half for NumPy's.
    assert_allclose(values, expected, rtol=4 * np.finfo(float).eps, atol=5e-324)
    assert np.array_equal(np.signbit(values), np.signbit(expected))
    assert np.array_equal(activated(kernel, "tanh", -NETS), -values, equal_nan=True)


def test_tanh_agrees_with_a_series_of_whole_numbers():
    """NumPy's is no referee of itself: tanh 1/4 by its continued fraction in exact arithmetic."""
    from fractions import Fraction

    x = Fraction(1, 4)
    tail = Fraction(41)
    for odd in range(39, 0, -2):
        tail = odd + x * x / tail
    assert float(x / tail) == pytest.approx(math.tanh(0.25), rel=1e-15)
    if INSTRUCTIONS:
        assert activated(native_kernel(), "tanh", np.array([0.25]))[0] == pytest.approx(float(x / tail), rel=5e-16)


def test_the_bell_is_right_down_to_where_it_vanishes(kernel):
    with np.errstate(over="ignore", under="ignore"):
        expected = np.exp(-NETS * NETS)
    assert_allclose(activated(kernel, "radial_basis"), expected, rtol=4 * np.finfo(float).eps, atol=1e-323)


def test_logistic_keeps_the_absolute_error(kernel):
    assert_allclose(activated(kernel, "logistic"), 0.5 * np.tanh(0.5 * NETS) + 0.5, rtol=0, atol=4e-16)


@pytest.mark.parametrize("name", ["identity", "relu", "elliot", "saturating_linear"])
def test_the_others_are_the_same_to_the_last_bit(kernel, name):
    with np.errstate(invalid="ignore"):
        expected = ACTIVATIONS[name].value(NETS[None])[0]
    assert np.array_equal(activated(kernel, name), expected, equal_nan=True)


GRAPHS = {
    "one hidden layer": feed_forward(3, 5, 1),
    "two hidden layers, two outputs": feed_forward(3, (6, 4), 2, output_activation="tanh"),
    "fully connected cascade": cascade_forward(3, (1, 1, 1, 1), 1),
    "no bias, skips": LayerGraph(
        3,
        (
            Layer(4, "logistic", ("inputs",), bias=False, name="a"),
            Layer(9, "radial_basis", ("a", "inputs"), name="b"),
            Layer(3, "identity", ("b", "inputs", "a"), bias=False, name="c"),
            Layer(2, "elliot", ("a", "c"), name="out"),
        ),
    ),
    "linear": feed_forward(3, (), 2),
    "many units, three outputs": feed_forward(3, 20, 3),
    "kinks": feed_forward(3, (4, 3), 1, activation="relu", output_activation="saturating_linear"),
    **{name: feed_forward(3, 9, 1, activation=name) for name in COMPILED_ACTIVATIONS},
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("n_samples", [1, 7, 8, 200, 777])
def test_a_pass_is_that_of_the_jacobian_written_out(kernel, name, n_samples):
    graph, rng = GRAPHS[name], np.random.default_rng(0)
    inputs, targets = rng.normal(size=(n_samples, 3)), rng.normal(size=(n_samples, graph.n_outputs))
    objective = Objective(graph, inputs, targets, form="explicit", sample_weight=rng.uniform(0.1, 2, n_samples))
    assert objective.is_compiled
    weights = rng.normal(size=graph.n_weights)
    current = objective.at(weights, Derivatives.NORMAL)
    jacobian, residual = objective.jacobian(weights), objective.residual(weights)
    # An ulp a summand.
    rounding = 4 * (n_samples + 20) * np.finfo(float).eps
    assert_allclose(current.loss, 0.5 * residual @ residual, rtol=rounding)
    normal, gradient = jacobian.T @ jacobian, jacobian.T @ residual
    assert_allclose(current.normal, normal, rtol=0, atol=rounding * np.abs(normal).max())
    bound = np.abs(jacobian).T @ np.abs(residual)
    assert (np.abs(current.gradient - gradient) <= rounding * bound).all()
    assert np.array_equal(current.normal, current.normal.T)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("n_samples", [1, 8, 777, 5000])
def test_a_gradient_is_that_of_numpy(kernel, name, n_samples):
    graph, rng = GRAPHS[name], np.random.default_rng(1)
    inputs, targets = rng.normal(size=(n_samples, 3)), rng.normal(size=(n_samples, graph.n_outputs))
    options = {"sample_weight": rng.uniform(0.1, 2, n_samples), "most": Derivatives.GRADIENT}
    weights = rng.normal(size=graph.n_weights)
    compiled, plain = (Objective(graph, inputs, targets, **options, **more) for more in ({}, {"block_size": 100}))
    assert (compiled.is_compiled, plain.is_compiled) == (True, False)
    rounding = 4 * (n_samples + 20) * np.finfo(float).eps
    for point in (weights, weights + 0.1):
        value, current, trial = (
            compiled.at(point, Derivatives.VALUE),
            compiled.at(point, Derivatives.GRADIENT),
            plain.at(point, Derivatives.GRADIENT),
        )
        again = compiled.at(point + 0.0, Derivatives.GRADIENT)
        assert value.loss == current.loss == pytest.approx(trial.loss, rel=rounding)
        assert np.array_equal(current.gradient, again.gradient)
        assert_allclose(current.gradient, trial.gradient, rtol=0, atol=rounding * np.abs(trial.gradient).max())
        at_once = compiled.at(point - 0.2, Derivatives.GRADIENT)
        assert_allclose(
            at_once.gradient, plain.at(point - 0.2, Derivatives.GRADIENT).gradient, rtol=1e-9, atol=1e-9 * n_samples
        )


def test_without_the_normal_matrix_it_cannot_be_asked_for(kernel):
    objective = Objective(GRAPHS["linear"], np.ones((4, 3)), np.ones((4, 2)), most=Derivatives.GRADIENT)
    with pytest.raises(ValueError, match="made without the normal matrix"):
        objective._sums.compiled.equations(np.zeros(8))
    assert objective.at(np.zeros(8), Derivatives.NORMAL).normal.shape == (8, 8)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("n_samples", [1, 8, 24, 777])
def test_in_single_precision_only_the_matrix_is_rounded(kernel, name, n_samples):
    graph, rng = GRAPHS[name], np.random.default_rng(2)
    inputs, targets = rng.normal(size=(n_samples, 3)), rng.normal(size=(n_samples, graph.n_outputs))
    options = {"sample_weight": rng.uniform(0.1, 2, n_samples), "penalty": WeightDecay(0.1)}
    weights = rng.normal(size=graph.n_weights)
    for form in ("explicit", "pairs"):
        objective = Objective(graph, inputs, targets, form=form, threads=1, **options)
        exact, single = (objective.at(weights, Derivatives.NORMAL, is_single) for is_single in (False, True))
        assert single.loss == exact.loss
        assert_allclose(single.gradient, exact.gradient, rtol=1e-12, atol=1e-12 * np.abs(exact.gradient).max())
        assert_allclose(single.normal, exact.normal, rtol=0, atol=1e-6 * np.abs(exact.normal).max())
        assert np.array_equal(single.normal, single.normal.T)
        if name == "many units, three outputs" and n_samples > 24:
            assert not np.array_equal(single.normal, exact.normal)
        assert np.array_equal(objective.at(weights + 0.0, Derivatives.NORMAL).normal, exact.normal)


def test_an_overflow_is_an_infinite_loss(kernel):
    objective = Objective(feed_forward(1, (), 1), [[1e200], [1.0]], [[0.0], [0.0]], form="explicit")
    for need in (Derivatives.VALUE, Derivatives.GRADIENT, Derivatives.NORMAL):
        current = objective.at(np.array([1e200, 0.0]), need)
        assert current.loss == np.inf
        assert current.gradient is None
    assert objective.at(np.array([1e-200, 0.0]), Derivatives.NORMAL).loss == pytest.approx(0.5)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 31, 64, 121, 130])
def test_solutions_are_those_of_numpy(kernel, size):
    rng = np.random.default_rng(size)
    jacobian, right = rng.normal(size=(size + 3, size)), rng.normal(size=size)
    damped = jacobian.T @ jacobian + 0.1 * np.eye(size)
    found = solve_damped(jacobian.T @ jacobian, right, 0.1)
    expected = -np.linalg.solve(damped, right)
    bound = 10 * size * np.finfo(float).eps * np.linalg.cond(damped) * np.abs(expected).max()
    assert_allclose(found, expected, rtol=0, atol=bound)


@needs_kernel
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.array([1, 1]),), ValueError, "no network"),
        ((np.array([1, 1, 3, 0, 1, 2, 1, 0, 1, -1, 0]),), ValueError, "no network"),
        ((np.array([1, 1, 2, 0, 1, 2, 1, 99, 1, -1, 0]),), ValueError, "no network"),
        ((np.array([1, 1, 2, 0, 1, 2, 1, 0, 1, 0, 0]),), ValueError, "no network"),
        ((np.array([1, 1, 2, 0, 1, 2, 1, 2**32, 1, -1, 0]),), ValueError, "no network"),
        ((np.array([1, 1, 2, 0, 1, 2, 1, 0, 2**32 + 1, -1, 0]),), ValueError, "no network"),
        ((np.array([2**62, 1, 2, 0, 1, 2, 1, 0, 1, -1, 0]),), ValueError, "no network"),
        ((np.array([2**62, 1, 2**62 + 1, 0, 1, 2**62 + 1, 1, 0, 1, -1, 0]),), ValueError, "no network"),
        ((np.array([1, 1, 0, 0, 2**63 - 1, 2, 1, 0, 1, -1, 0]),), ValueError, "no network"),
        ((np.array([1, 1, 2, 0, 2**62, 2**62, 1, 0, 1, -1, 0]),), ValueError, "no network"),
        ((np.array([1.0]),), TypeError, "int64"),
    ],
)
def test_a_description_that_cannot_be_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        native_kernel().Kernel(*arguments, np.zeros((1, 2)), np.zeros((1, 2)), None, np.ones(1), True)


@needs_kernel
def test_arrays_that_do_not_fit_are_refused():
    line = np.array([1, 1, 2, 0, 1, 2, 1, 0, 1, -1, 0])
    with pytest.raises(ValueError, match="targets must have 2 numbers, got 3"):
        native_kernel().Kernel(line, np.zeros((1, 2)), np.zeros((1, 3)), None, np.ones(1), True)
    kernel = native_kernel().Kernel(line, np.zeros((1, 2)), np.zeros((1, 2)), None, np.ones(1), True)
    with pytest.raises(ValueError, match="weights must have 2 numbers, got 3"):
        kernel.at(np.zeros(3), np.zeros(1))
    with pytest.raises(TypeError, match="takes 5 arguments, got 4"):
        kernel.at(np.zeros(2), np.zeros(1), np.zeros(2), np.zeros((2, 2)))
    with pytest.raises(TypeError, match="float64"):
        kernel.at(np.zeros(2, dtype=np.int64), np.zeros(1))
    with pytest.raises(ValueError, match="called pentium"):
        native_kernel().use("pentium")


@needs_kernel
def test_the_kernel_has_as_many_activations_as_have_a_number():
    codes = sorted(activation.code for activation in COMPILED_ACTIVATIONS.values())
    assert codes == list(range(len(codes)))

    def line(code):
        return np.array([1, 1, 2, 0, 1, 2, 1, code, 1, -1, 0])

    one = np.zeros((1, 2))
    native_kernel().Kernel(line(codes[-1]), one, one, None, np.ones(1), True)
    with pytest.raises(ValueError, match="description"):
        native_kernel().Kernel(line(len(codes)), one, one, None, np.ones(1), True)


COMPILER = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0])
SOURCE = Path(native.__file__).parent / "kernel" / "kernel.c"


@pytest.mark.skipif(COMPILER is None or os.name == "nt", reason="There is no C compiler here.")
@pytest.mark.skipif(not SOURCE.exists(), reason="The source is not beside the package.")
@pytest.mark.skipif(not Path(sysconfig.get_path("include"), "Python.h").exists(), reason="Python.h is not there.")
@pytest.mark.slow
def test_where_there_is_a_compiler_it_is_compiled_without_a_warning_and_loads(tmp_path):
    strict = ["-O1", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-Wno-psabi"]
    command = [COMPILER, *strict, "-shared", "-fPIC", f"-I{sysconfig.get_path('include')}", str(SOURCE)]
    subprocess.run([*command, "-o", str(tmp_path / "_kernel.abi3.so"), "-lm"], check=True)
    code = "import _kernel; print(_kernel.instructions()[-1])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "plain\n"


def asked(knob):
    code = "from marquardt.numerics import *; print(native_kernel() is None, describe_native())"
    environment = {**os.environ, "MARQUARDT_NATIVE": knob}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_the_knob_switches_it_off():
    assert asked("0").stdout == "True The compiled kernel is off: MARQUARDT_NATIVE is 0.\n"
    assert asked("1").stdout == asked("").stdout
    if native_kernel() is not None:
        assert asked("1").stdout == f"False {describe_native()}\n"
    assert "must be 0 or 1, got 'yes'" in asked("yes").stderr


@needs_kernel
def test_a_build_of_another_version_is_not_called(monkeypatch):
    assert native._loaded("")[0] is not None
    monkeypatch.setattr(native, "INTERFACE", native.INTERFACE + 1)
    module, sentence = native._loaded("")
    assert module is None
    assert "another version: NumPy does its work. Install again" in sentence
