"""Every problem is what its name says, and somebody can reach its goal."""

import numpy as np
import pytest

from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.networks import feed_forward
from marquardt.problems import PROBLEMS, Problem, problem_named, spelled
from marquardt.training import Limits, Training

# Network as published or as its name says, and the samples.
SHAPES = {
    "sin": ("1-5-1", 41),
    "parity": ("3-10-10-1", 8),
    "engine": ("2-30-2", 1199),
    "cancer": ("9-5-5-2", 569),
    "cholesterol": ("21-15-3", 264),
    "diabetes": ("8-15-15-2", 768),
    "two-spirals": ("2-5-5-5-1", 194),
    "rosenbrock": ("10-10-1", 1000),
    "friedman-1": ("10-10-1", 500),
    "sinc": ("1-8-1", 201),
    "teacher": ("20-30-1", 10_000),
    "parity-3": ("3-2-1", 8),
    "parity-3-bridged": ("3-1-1", 8),
    "parity-3-cascade": ("3-1-1", 8),
    "parity-5:4": ("5-4-1", 32),
    "parity-4-bridged:3": ("4-3-1", 16),
    "parity-4-cascade:2": ("4-1-1-1", 16),
}
STARTS = 8
SLOW = {"teacher", "two-spirals", "diabetes", "engine"}


def test_every_problem_is_held_to_its_shape():
    assert set(PROBLEMS) <= set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_problem_has_the_shape_of_its_name(name):
    problem = problem_named(name)
    sizes, n_samples = SHAPES[name]
    assert problem.graph.describe().startswith(f"{sizes} ")
    assert problem.inputs.shape == (n_samples, problem.graph.n_inputs)
    assert problem.targets.shape == (n_samples, problem.graph.n_outputs)
    assert problem.source
    assert sizes in problem.describe()


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in SHAPES])
def test_levenberg_marquardt_reaches_the_goal_from_one_of_few_starts(name):
    problem = problem_named(name)
    limits = Limits(600, 60.0, problem.goal, problem.goal_metric, min_gradient=0.0, max_fail=0)

    def reaches(start):
        training = Training(problem.start(start), problem.inputs, problem.targets, limits=limits)
        for _ in training:
            pass
        return training.record.stop.code == "goal"

    assert any(reaches(start) for start in range(STARTS))


@pytest.mark.parametrize("name", SHAPES)
def test_data_are_the_same_every_time(name):
    one, other = problem_named(name), problem_named(name)
    assert np.array_equal(one.inputs, other.inputs)
    assert np.array_equal(one.targets, other.targets)


@pytest.mark.parametrize("n_bits", [2, 3, 5])
def test_parity_counts_ones(n_bits):
    problem = problem_named(f"parity-{n_bits}")
    ones = (problem.inputs == 1).sum(axis=1)
    assert np.array_equal(problem.targets[:, 0], np.where(ones % 2, 1.0, -1.0))
    assert len(np.unique(problem.inputs, axis=0)) == 2**n_bits


def test_bridged_output_sees_the_inputs_and_cascaded_units_each_other():
    assert problem_named("parity-3-bridged:2").graph.layers[-1].sources == ("inputs", "hidden1")
    cascade = problem_named("parity-3-cascade:2").graph
    assert [layer.size for layer in cascade.layers] == [1, 1, 1]
    assert cascade.layers[-1].sources == ("inputs", "hidden1", "hidden2")


def test_gain_makes_units_that_are_as_much_flatter():
    flat, plain = problem_named("parity-3-bridged:2(gain=0.5)"), problem_named("parity-3-bridged:2")
    start = flat.start(0)
    # tanh(net/2) with some weights is tanh(net) with half of them, in every layer.
    halved = plain.start(0).with_weights(0.5 * start.weights)
    assert np.allclose(start.outputs(flat.inputs), halved.outputs(plain.inputs), rtol=0, atol=1e-15)
    assert flat.name == "parity-3-bridged:2(gain=0.5)"
    assert problem_named(flat.name).graph == flat.graph


@pytest.mark.parametrize("name", ["parity-4-cascade:3", "two-spirals"])
def test_a_goal_in_cross_entropy_is_no_easier_than_the_one_in_squares(name):
    squares, entropy = problem_named(name), problem_named(f"{name}(loss='cross_entropy')")
    assert np.array_equal(2 * entropy.targets - 1, squares.targets)
    assert entropy.graph.layers[-1].activation == "logistic"
    # All of the cross-entropy that the goal allows is spent on one sample, where its sum of squares is largest.
    error = -np.expm1(-entropy.goal)
    assert (2 * error) ** 2 <= squares.goal


def test_spirals_can_be_learned_by_a_cascade_of_single_units():
    problem = problem_named("two-spirals(hidden=3, gain=0.5, loss='cross_entropy', radius=6.5)")
    assert [layer.size for layer in problem.graph.layers] == [1, 1, 1, 1]
    assert problem.graph.layers[0].activation == "tanh(gain=0.5)"
    assert np.hypot(*problem.inputs.T).max() == pytest.approx(6.5)
    assert np.allclose(problem.inputs, 6.5 * problem_named("two-spirals").inputs, rtol=1e-15, atol=0)


def test_a_name_says_which_settings_are_not_the_usual_ones():
    given = "parity-3-cascade:2(gain=0.25, loss='cross_entropy', spread=0.5)"
    assert problem_named(given).name == given
    assert problem_named("parity-3-cascade:2(gain=1, loss='squares', spread=1)").name == "parity-3-cascade:2"
    assert problem_named("two-spirals(hidden=3)").name == "two-spirals(hidden=3)"


def test_rosenbrock_can_have_the_size_of_the_benchmark():
    problem = problem_named("rosenbrock(n_samples=10000)")
    assert problem.inputs.shape == (10000, 10)
    assert abs(problem.inputs).max() <= 1
    x, y = problem.inputs, problem.targets[:, 0]
    valley = sum(100 * (x[:, i + 1] - x[:, i] ** 2) ** 2 + (1 - x[:, i]) ** 2 for i in range(9))
    assert np.corrcoef(valley, y)[0, 1] == pytest.approx(1.0)


def test_spirals_turn_three_times_and_mirror_each_other():
    problem = problem_named("two-spirals")
    one, other = problem.inputs[:97], problem.inputs[97:]
    assert np.array_equal(one, -other)
    turned = np.unwrap(np.arctan2(one[:, 0], one[:, 1]))
    assert turned[-1] - turned[0] == pytest.approx(6 * np.pi)


def test_a_start_depends_on_its_number_and_the_seed_alone():
    problem = problem_named("sin")
    weights = problem.start(3, seed=1).weights
    assert np.array_equal(weights, problem_named("sin").start(3, seed=1).weights)
    assert not np.array_equal(weights, problem.start(4, seed=1).weights)
    assert not np.array_equal(weights, problem.start(3, seed=2).weights)


def test_uniform_starts_fill_their_spread():
    problem = Problem("mine", feed_forward(1, 9, 1), [[0.0]], [[1.0]], 0.1, initialization="uniform", spread=3.0)
    weights = np.concatenate([problem.start(number).weights for number in range(100)])
    assert 2.9 < abs(weights).max() < 3.0


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("two-spiral", r"There is no problem 'two-spiral'\. Did you mean 'two-spirals'\?"),
        ("parity-1", "number of bits must be a whole number from 2 up, got 1"),
        ("parity-17", "number of bits must be at most 16, which are 65,536 samples, got 17"),
        ("parity-3:0", "number of hidden units must be a whole number from 1 up, got 0"),
        ("parity-3(gain=0)", "gain must be a number above 0, got 0"),
        ("parity-3(loss='huber')", "loss must be .*squares.*got 'huber'"),
        ("parity-3(spread=0)", "spread must be a number above 0, got 0"),
        ("two-spirals(hidden=0)", "number of hidden units must be a whole number from 1 up, got 0"),
        ("two-spirals(radius=-1)", "radius must be a number above 0, got -1"),
        ("parity-3:2(hidden=3)", "has its hidden units twice"),
        ("parity-3(n_bits=4)", r"no setting 'n_bits'\. It takes .*hidden"),
        ("sinc(noise=1)", r"sinc has no setting 'noise'\. It takes none"),
        ("rosenbrock(n_samples=0)", "n_samples must be a whole number from 2 up, got 0"),
        (3, "must be named by a text"),
    ],
)
def test_a_problem_that_cannot_be_is_refused(name, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        problem_named(name)


@pytest.mark.parametrize(
    ("changed", "error", "sentence"),
    [
        ({"goal": 0}, ConfigurationError, "goal of a problem must be a number above 0"),
        ({"targets": [[1.0], [2.0]]}, ShapeError, "as many rows, got 1 and 2"),
        ({"inputs": [[1.0, 2.0]]}, ShapeError, r"inputs must be of shape \(n_samples, 1\)"),
        ({"inputs": [[np.nan]]}, DataError, "inputs must be finite"),
        ({"initialization": "ones"}, ConfigurationError, "initialization must be one of"),
        ({"input_scaling": "log"}, ConfigurationError, "input_scaling must be one of"),
    ],
)
def test_a_problem_of_ones_own_is_checked(changed, error, sentence):
    good = {"name": "mine", "graph": feed_forward(1, 2, 1), "inputs": [[0.0]], "targets": [[1.0]], "goal": 0.1}
    assert Problem(**good).n_samples == 1
    with pytest.raises(error, match=sentence):
        Problem(**{**good, **changed})


def test_names_are_read_with_their_settings():
    assert spelled(" lm ", "It") == ("lm", {})
    assert spelled("a-b:2(x=-1.5, y='word', z=(1, [2]), w=None)", "It") == (
        "a-b:2",
        {"x": -1.5, "y": "word", "z": (1, [2]), "w": None},
    )
    assert spelled("lm()", "It") == ("lm", {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be a name"),
        ("lm=3", "must be a name"),
        ("lm(rate=", r"cannot be read: .*Write it as name\(setting"),
        ("lm(3)", "has the value 3 without a name"),
        ("lm(rate=1, rate=2)", "has the setting 'rate' twice"),
        ("lm(**{'rate': 1})", "without a name"),
        ("lm(rate=open('x'))", r"rate must be a plain value, such as 0\.1 or 'word', got open\('x'\)"),
        ("lm(rate=1)(2)", "has the value 2 without a name|goes on behind"),
        ("lm(rate=1) + 2", "goes on behind its parentheses"),
    ],
)
def test_what_is_no_name_with_settings_is_refused(text, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        spelled(text, "It")


def test_a_teacher_is_drawn_from_its_seed_and_its_noise_is_what_it_says():
    quiet, loud = problem_named("teacher(n_samples=4000, noise=0)"), problem_named("teacher(n_samples=4000, noise=0.3)")
    assert np.array_equal(loud.targets, problem_named("teacher(n_samples=4000, noise=0.3)").targets)
    assert not np.array_equal(loud.inputs, problem_named("teacher(n_samples=4000, seed=1)").inputs)
    # Standardized targets correlate by 1/√(1 + noise²); three standard errors of a correlation.
    correlation = float(np.mean(quiet.targets * loud.targets))
    assert abs(correlation - 1 / np.sqrt(1 + 0.3**2)) < 3 / np.sqrt(4000)


@pytest.mark.parametrize(
    "wrong", ["n_samples=1", "n_inputs=0", "hidden=0", "n_outputs=0", "noise=-1", "seed=-1", "goal=0"]
)
def test_a_teacher_that_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=wrong.split("=")[0]):
        problem_named(f"teacher({wrong})")
