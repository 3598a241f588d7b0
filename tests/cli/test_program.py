"""The program around its commands: help, version, demo, exit codes, scores."""

import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics

from marquardt import __version__
from marquardt.cli import main
from marquardt.cli.progress import short
from marquardt.cli.scores import classification_scores, part_scores
from marquardt.networks import read_topology
from marquardt.numerics import describe_native
from marquardt.problems import TABLES
from marquardt.storage import load
from marquardt.tables import read_table

COMMANDS = ("demo", "data", "train", "predict", "forecast", "inspect", "compare", "version")


def test_version_is_told_in_both_ways(call):
    assert call("--version").out == f"marquardt {__version__}\n"
    # The command says more than the option: whether the compiled kernel is there.
    assert call("version").out == f"marquardt {__version__}\n{describe_native()}\n"


def test_without_a_command_it_says_which_there_are(call):
    answer = call()
    assert answer.code == 0
    assert all(f"  {command} " in answer.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, call):
    answer = call(command, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: marquardt {command}")


def test_options_of_train_stand_under_headings(call):
    out = call("train", "--help").out
    headings = ["Data:", "Division of the rows:", "Network:", "Training:", "When it stops:", "Output:"]
    places = [out.index(f"\n{heading}\n") for heading in headings]
    assert places == sorted(places)


def test_unknown_command_names_the_nearest(call):
    answer = call("trian")
    assert answer.code == 2
    assert "Did you mean 'train'? See: marquardt --help" in answer.err
    assert "Traceback" not in answer.err


def test_module_is_the_program(tmp_path):
    done = subprocess.run([sys.executable, "-m", "marquardt", "version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"marquardt {__version__}\n")


def test_mistake_of_the_program_is_exit_code_1_with_its_trace(call, monkeypatch):
    def fail(*_arguments, **_options):
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr("marquardt.cli.description.load", fail)
    answer = call("inspect", "a.marquardt")
    assert answer.code == 1
    assert "ZeroDivisionError: a mistake" in answer.err
    assert "Please report it" in answer.err


def test_interrupt_before_the_training_saves_nothing(call, monkeypatch, concrete_csv, tmp_path):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("marquardt.cli.training.read_table", interrupt)
    answer = call("train", concrete_csv, "--target", "strength")
    assert answer.code == 130
    assert answer.err.strip() == "Interrupted. Nothing is saved."
    assert [path.name for path in tmp_path.iterdir()] == ["concrete.csv"]


def test_interrupt_before_there_is_any_work_says_so(call, monkeypatch):
    # The framework turns a Ctrl-C of its own into the number.
    monkeypatch.setattr("marquardt.cli.app.app", lambda *_arguments, **_options: 130)
    answer = call("version")
    assert (answer.code, answer.err.strip()) == (130, "Interrupted. Nothing is saved.")


def test_second_interrupt_does_not_fall_into_the_end_of_the_process(monkeypatch, capsys):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("marquardt.cli.app.app", interrupt)
    monkeypatch.setattr(sys, "argv", ["marquardt", "version"])
    before = signal.getsignal(signal.SIGINT)
    try:
        assert main() == 130
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_interrupt_within_a_program_text_ends_the_module_by_code_and_not_by_signal(tmp_path):
    # As a Ctrl-C while a dataclass is imported does: Python would end `python -m` by the signal, although it is caught.
    (tmp_path / "interrupted.py").write_text(
        "import sys\n"
        "from marquardt.cli import app\n"
        "app.app = lambda *_arguments, **_options: exec('raise KeyboardInterrupt')\n"
        "sys.exit(app.main(['version']))\n"
    )
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": paths}
    command = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr.strip()) == (130, "Interrupted. Nothing is saved.")


def test_help_needs_neither_numpy_nor_rich():
    code = "import sys; from marquardt.cli import main; main(['train', '--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(re.findall(r"'([\w.]+)'", done.stdout.splitlines()[-1]))
    assert not loaded & {"numpy", "scipy", "sklearn", "pyarrow", "rich", "pandas", "matplotlib"}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="processor time of children is not told there")
def test_help_answers_in_a_third_of_a_second(tmp_path):
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}

    def seconds():
        # Of the processor: the clock also counts what others do on the machine.
        before = os.times()
        subprocess.run([sys.executable, "-m", "marquardt", "--help"], env=environment, capture_output=True, check=True)
        after = os.times()
        return after.children_user - before.children_user + after.children_system - before.children_system

    seconds()  # compiles
    # The best of several. A third of it is Python's own start.
    assert min(seconds() for _ in range(10)) < 0.33


def test_demo_runs_twice_and_its_advice_works(call, tmp_path):
    for _ in range(2):
        answer = call("demo")
        assert answer.code == 0, answer.err
    assert "569 rows, 30 input columns, target 'diagnosis' (2 classes)" in answer.out
    assert "by a linear model" in answer.out
    content = load(tmp_path / "marquardt-demo" / "breast_cancer.marquardt")
    assert content.report["test"]["accuracy"] > 0.9
    advice = re.findall(r"^    marquardt (inspect|predict) (.*)$", answer.out, re.MULTILINE)
    assert [command for command, _ in advice] == ["inspect", "predict"]
    for command, rest in advice:
        assert call(command, *rest.split()).code == 0


def test_demo_does_what_it_says_train_does(call, tmp_path):
    shown = re.search(
        r"^    marquardt train (\S+breast_cancer.csv --target diagnosis)$", call("demo").out, re.MULTILINE
    )
    assert call("train", *shown[1].split(), "-o", "again.marquardt").code == 0
    demo = load(tmp_path / "marquardt-demo" / "breast_cancer.marquardt")
    assert np.array_equal(load(tmp_path / "again.marquardt").network.weights, demo.network.weights)


def test_demo_of_a_regression_does_what_it_says(call, refused, tmp_path):
    answer = call("demo", "regression")
    assert answer.code == 0, answer.err
    (command,) = re.findall(r"^    marquardt train (\S+houses.csv --target price)$", answer.out, re.MULTILINE)
    assert call("train", *command.split(), "-o", "again.marquardt").code == 0
    demo = load(tmp_path / "marquardt-demo" / "houses.marquardt")
    assert np.array_equal(load(tmp_path / "again.marquardt").network.weights, demo.network.weights)
    # What the demo tells of itself, a linear model and the mean comes in this order.
    errors = [float(found) for found in re.findall(r"^ +([\d.]+)  by ", answer.out, re.MULTILINE)]
    assert len(errors) == 3
    assert errors == sorted(errors)
    assert "Did you mean 'regression'" in refused("demo", "regresion")


def test_data_lists_and_writes_every_table(call, refused, tmp_path):
    listed = call("data").out
    for name, (target, _) in TABLES.items():
        assert name in listed
        answer = call("data", name)
        assert answer.code == 0
        table = read_table(tmp_path / f"{name}.csv")
        assert target in table.column_names
        assert f"{table.num_rows} rows" in answer.out
        assert f" {name}.csv --target {target}" in answer.out
    assert call("data", "houses", "-o", "other.csv").code == 0
    assert (tmp_path / "other.csv").read_bytes() == (tmp_path / "houses.csv").read_bytes()
    assert "exists already" in refused("data", "houses")
    assert "Name one: houses" in refused("data", "-o", "some.csv")
    assert "Did you mean 'houses'" in refused("data", "house")


def test_demo_whose_folder_cannot_be_is_refused(refused, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "Cannot make the folder" in refused("demo", "--folder", "file")


def test_regression_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=50), rng.normal(size=50)
    expected = {
        "rmse": metrics.root_mean_squared_error(targets, outputs),
        "mae": metrics.mean_absolute_error(targets, outputs),
        "r2": metrics.r2_score(targets, outputs),
    }
    scores = part_scores("regression", ["y"], outputs[:, None], targets[:, None])
    assert scores["targets"]["y"] == pytest.approx(expected, rel=1e-13)  # sums in another order


@pytest.mark.parametrize("n_classes", [2, 4])
def test_classification_scores_are_those_of_scikit_learn(n_classes):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, n_classes, 60)
    chances = rng.dirichlet(np.ones(n_classes), 60)
    chances[0] = np.eye(n_classes)[codes[0]]
    outputs = chances[:, 1:] if n_classes == 2 else chances
    scores = classification_scores(outputs, codes)
    assert scores["accuracy"] == metrics.accuracy_score(codes, chances.argmax(axis=1))
    assert scores["cross_entropy"] == pytest.approx(metrics.log_loss(codes, chances), rel=1e-12)
    assert scores["confusion"] == metrics.confusion_matrix(codes, chances.argmax(axis=1)).tolist()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1e10, "1e10"),
        (1e-7, "1e-7"),
        (2841.371, "2841"),
        (123456.0, "1.235e5"),
        (0.001, "0.001"),
        (-0.25, "-0.25"),
        (float("inf"), "inf"),
        (float("nan"), "-"),
    ],
)
def test_numbers_are_short(value, text):
    assert short(value) == text


LONG = {
    "units": (["train", "--hidden", "9" * 5000], "--hidden must be whole numbers"),
    "lag": (["forecast", "--lags", "9" * 5000], "--lags must be whole numbers"),
    "last lag": (["forecast", "--lags", "3-" + "9" * 5000], "--lags must be whole numbers"),
    "many lags": (["forecast", "--lags", "1-1000000000000"], "100,000 are the most"),
    "neuron": (["train", "--topology", "neuron.txt"], "must be a whole number from 1 up"),
    "seed": (["train", "--seed", "9" * 5000], "must be a whole number"),
    "number of 400 digits": (["train", "--algorithm", f"lm(mu_init={'9' * 400})"], "a number above 0"),
    "number of 5000 digits": (["train", "--algorithm", f"lm(mu_init={'9' * 5000})"], "2,000 are the most"),
    "signs": (["train", "--algorithm", f"lm(mu_init={'-' * 1500}1)"], "nested too deeply"),
    "many signs": (["train", "--algorithm", f"lm(mu_init={'-' * 20_000}1)"], "2,000 are the most"),
    "sum": (["train", "--algorithm", f"lm(mu_init={'1+' * 2000}1)"], "2,000 are the most"),
    "topology": (["train", "--topology", "a" * 5000], "--topology must be one of"),
    "name of a file": (["train", "--indices", "a" * 5000], "is too long"),
}


@pytest.mark.parametrize("kind", LONG)
def test_what_is_far_too_long_is_refused_in_a_short_sentence(kind, refused, concrete_csv, tmp_path):
    (tmp_path / "neuron.txt").write_text(f"n 2 mbip {'9' * 5000}\n.model mbip fun=bip")
    (command, *options), message = LONG[kind]
    answer = refused(command, concrete_csv, "--target", "strength", *options)
    assert message in answer
    assert len(answer) < 500


def test_topology_file_may_name_data_of_any_name(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text(f"n 2 mbip 1\n.model mbip fun=bip\ndatafile={'a' * 5000}")
    assert read_topology(path).graph.n_inputs == 1


@pytest.mark.parametrize(("words", "shown"), [((), "memory. Take"), (("Unable to allocate 9 GiB",), "memory: Unable")])
def test_lack_of_memory_is_refused_with_its_reason_where_there_is_one(call, monkeypatch, words, shown):
    def fail(arguments):
        raise MemoryError(*words)

    monkeypatch.setattr("marquardt.cli.app._begun", fail)
    answer = call("train", "a.csv", "--json")
    assert answer.code == 2
    assert answer.err.startswith(f"Error: There is not enough {shown}")
    assert answer.json["error"] in answer.err
