"""`marquardt compare` from end to end."""

import json
import re
import signal
import time

import numpy as np
import pyarrow.feather
import pytest

from marquardt import plots
from marquardt.algorithms import ALGORITHMS
from marquardt.comparison import Comparison, compare
from marquardt.networks import Activation, register_activation
from marquardt.problems import PROBLEMS
from marquardt.tables import read_table

from .made import write

EASY = ("parity-3-bridged:2", "--starts", "3", "--epochs", "30")
HAS_PICTURES = all(hasattr(plots, name) for name in ("comparison_losses", "success_rates", "speed_against_memory"))


def test_it_says_who_met_the_goal_and_how_the_others_ended(call):
    answer = call("compare", *EASY, "--algorithms", "lm,gradient_descent(rate=1e-9)")
    assert answer.code == 0
    assert answer.err == ""
    assert "network 3-2-1 tanh, tanh, 14 weights, 8 samples, goal sse 0.01" in answer.out
    assert "2 algorithms from 3 starts, uniform, seed 0." in answer.out
    lines = {line.split()[0]: line for line in answer.out.splitlines() if " of 3 " in line}
    assert "0 of 3" in lines["gradient_descent(rate=1e-9)"]
    succeeded = compare(EASY[0], "lm", 3, max_epochs=30).summaries()[0]
    assert f"{succeeded.n_succeeded} of 3" in lines["lm"]
    assert f"{succeeded.epochs_mean:.4g} ±" in lines["lm"]
    assert "How the other runs of gradient_descent(rate=1e-9) ended: epochs 3." in answer.out
    assert "6 of 6 runs" in answer.out


def test_the_report_holds_every_run(call, tmp_path):
    answer = call("compare", *EASY, "-a", "lm", "-a", "lm(mu_init=1)", "--seed", "2", "-o", "report.json")
    assert answer.code == 0
    assert "Every run: report.json" in answer.out
    found = Comparison.from_dict(json.loads((tmp_path / "report.json").read_text()))
    assert found.algorithms == ("lm", "lm(mu_init=1)")
    expected = compare(EASY[0], "lm", 3, seed=2, max_epochs=30)
    for one, other in zip(found.runs_of("lm"), expected.runs, strict=True):
        assert np.array_equal(one.losses, other.losses)


def test_options_reach_the_comparison(call):
    options = "--goal 0.3 --goal-metric rmse --time 50 --min-grad 1e-4 --seed 4 --starts 2 --epochs 9"
    answer = call("compare", "sinc", "-a", "lm", *options.split(), "--json")
    assert answer.code == 0
    told = answer.json
    assert (told["goal"], told["metric"], told["seed"], told["starts"]) == (0.3, "rmse", 4, 2)
    settings = told["settings"]
    assert (settings["max_epochs"], settings["max_seconds"], settings["min_gradient"]) == (9, 50, 1e-4)
    assert told["complete"] is True
    assert told["algorithms"][0]["n_runs"] == 2
    assert "Runs that met the goal, rmse 0.3" in answer.err


def test_quiet_json_is_alone_and_has_null_for_what_is_not_a_number(call):
    answer = call("compare", *EASY, "-a", "gradient_descent(rate=1e-9)", "--quiet", "--json")
    assert answer.err == ""
    assert answer.json["algorithms"][0]["epochs_mean"] is None


def test_resuming_does_no_run_again(call, tmp_path):
    once = call("compare", *EASY, "-a", "lm", "--resume", "runs.jsonl", "-o", "one.json")
    assert once.code == 0
    before = (tmp_path / "runs.jsonl").read_bytes()
    assert call("compare", *EASY, "-a", "lm", "--resume", "runs.jsonl", "-o", "two.json").code == 0
    assert (tmp_path / "runs.jsonl").read_bytes() == before
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_table_is_a_problem(call, concrete_csv):
    options = "--target strength --ignore site --hidden 3 --goal 4 --goal-metric rmse --starts 2 --epochs 40"
    answer = call("compare", concrete_csv, "-a", "lm", *options.split(), "--json")
    assert answer.code == 0, answer.err
    assert answer.json["settings"]["n_samples"] == 80
    assert answer.json["settings"]["network"].startswith("6-3-1 ")
    assert answer.json["algorithms"][0]["n_succeeded"] == 2


def test_a_table_of_classes_has_its_goal_in_the_loss(call, flowers_csv):
    options = "--target species --hidden 3 --goal 5 --starts 2 --epochs 40"
    answer = call("compare", flowers_csv, "-a", "lm", *options.split(), "--json")
    assert answer.code == 0, answer.err
    assert answer.json["metric"] == "loss"
    assert answer.json["settings"]["network"].startswith("2-3-3 ")
    assert answer.json["algorithms"][0]["n_succeeded"] > 0


def test_the_list_names_all_there_is(call):
    answer = call("compare", "--list")
    assert answer.code == 0
    names = {line.split()[0] for line in answer.out.splitlines() if line.strip()}
    assert {*PROBLEMS, "parity-N", "parity-N-bridged", "parity-N-cascade"} <= names
    assert {kind.name for kind in ALGORITHMS.values()} <= names
    told = call("compare", "--list", "--json").json
    assert set(PROBLEMS) < set(told["problems"])
    assert all(told["algorithms"].values())


@pytest.mark.slow
def test_without_names_every_algorithm_that_can_takes_part_and_the_others_are_told(call, concrete_csv):
    options = "--target strength --hidden 3 --goal 4 --goal-metric rmse --starts 1 --epochs 2 --activation bare_arctan"
    register_activation(Activation("bare_arctan", np.arctan, lambda net, a: 1 / (1 + net * net)), replace=True)
    answer = call("compare", concrete_csv, *options.split(), "--json")
    assert answer.code == 0, answer.err
    taking_part = {each["algorithm"] for each in answer.json["algorithms"]}
    own = {kind.name for kind in ALGORITHMS.values()}
    assert {"levenberg_marquardt", "steepest_descent"} <= taking_part < own
    for name in own - taking_part:
        assert f"Note: {name} is left out: " in answer.err
    assert "newton" in own - taking_part


@pytest.mark.skipif(not HAS_PICTURES, reason="there are no pictures of comparisons yet")
def test_pictures_go_to_a_folder(call, tmp_path):
    pytest.importorskip("matplotlib")
    answer = call("compare", *EASY, "-a", "lm,lm(mu_init=1)", "--plots", "pictures")
    assert answer.code == 0, answer.err
    written = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert written == ["losses-by-epochs.png", "losses-by-seconds.png", "speed-against-memory.png", "success-rates.png"]
    assert all((tmp_path / "pictures" / name).read_bytes().startswith(b"\x89PNG") for name in written)
    assert "Picture: pictures/success-rates.png" in answer.out


def test_an_interrupt_reports_what_is_finished_and_the_rest_can_be_resumed(begin, tmp_path):
    command = ["compare", "parity-3-bridged:2", "-a", "lm", "--starts", "100000", "--resume", "runs.jsonl"]
    program = begin(*command, "-o", "report.json")
    runs = tmp_path / "runs.jsonl"
    until = time.monotonic() + 60
    while not (runs.exists() and runs.read_bytes().count(b"\n") > 5):
        assert time.monotonic() < until
        assert program.poll() is None, program.communicate()
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert "Traceback" not in err
    assert "of 100000 runs are finished. The same command goes on from there." in out
    found = Comparison.from_dict(json.loads((tmp_path / "report.json").read_text()))
    # A header and a line of memory; the run that the interrupt found between file and report may be in one only.
    assert runs.read_bytes().count(b"\n") - 2 - len(found.runs) in (-1, 0, 1)
    assert [run.start for run in found.runs] == list(range(len(found.runs)))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], r"Which problem\? .*--list"),
        (["parity3"], "There is no problem 'parity3'. Did you mean 'parity-3'"),
        (["sin", "-a", "ml"], "--algorithms: There is no algorithm 'ml'"),
        (["sin", "-a", "lm(mu=1)"], "--algorithms: lm has no setting 'mu'"),
        (["sin", "-a", "lm(mu_init=1"], "--algorithms: A parenthesis or a quote is not closed"),
        (["sin", "--starts", "0"], "--starts must be a whole number from 1 up, got 0"),
        (["sin", "--seed", "-1"], "--seed must be"),
        (["sin", "--jobs", "0"], "--jobs .* must be a whole number from 1 up"),
        (["sin", "--goal", "0"], "--goal must be a number above 0"),
        (["sin", "--goal-metric", "mse"], "--goal-metric says what a goal is given in"),
        (["sin", "--goal", "1", "--goal-metric", "mae"], "--goal-metric must be one of"),
        (["sin", "--time", "0"], "--time must be a number above 0"),
        (["sin", "--epochs", "-1"], "--epochs must be a whole number"),
        (["sin", "--min-grad", "-1"], "--min-grad must be"),
        (["sin", "--hidden", "3"], "--hidden belongs to a table, and 'sin' is the name of a problem"),
        (["sin", "-o", "report.txt"], r"--output must end in \.json"),
        (["sin", "-o", "no/report.json"], "there is no folder"),
        (["sin", "-o", "a.json", "--resume", "a.json"], "--resume would write over --output"),
        (["missing.csv", "--target", "y", "--goal", "1"], "missing.csv"),
        (["missing.csv", "--target", "y"], "A table has no goal of its own"),
        (["sin", "--starts", "many"], "Invalid value for '--starts'"),
    ],
)
def test_options_that_cannot_be_are_refused_by_their_names(refused, options, sentence):
    said = refused("compare", *options)
    assert re.search(sentence, said), said


def test_a_table_may_be_an_arrow_file_or_a_pattern_and_a_folder_is_told_so(call, refused, concrete_csv, tmp_path):
    options = ("--target", "strength", "--goal", 1e9, "--algorithms", "lm", "--starts", 1)
    (tmp_path / "rows").mkdir()
    pyarrow.feather.write_feather(read_table(concrete_csv), tmp_path / "rows" / "a.arrow")
    for table in ("rows/a.arrow", "rows/*.arrow"):
        answer = call("compare", table, *options)
        assert answer.code == 0, answer.err
        assert "1 of 1" in answer.out
    assert "rows is a folder. Name its files by a pattern: 'rows/*.parquet'." in refused("compare", "rows", *options)


def test_a_table_without_a_target_says_which_columns_there_are(refused, concrete_csv):
    said = refused("compare", concrete_csv, "--goal", "1")
    assert "Name it with --target" in said
    assert "strength" in said


def test_files_in_the_way_are_not_replaced(refused, call, tmp_path):
    (tmp_path / "report.json").write_text("mine")
    assert "exists already" in refused("compare", *EASY, "-a", "lm", "-o", "report.json")
    (tmp_path / "runs.jsonl").write_text("mine\n")
    assert "no file to resume" in refused("compare", *EASY, "-a", "lm", "--resume", "runs.jsonl")
    assert call("compare", *EASY, "-a", "lm", "-o", "report.json", "--force").code == 0


def test_numbers_of_a_table_are_classes_where_that_is_asked_for(call, tmp_path):
    cells = [["x", "y"], *([f"{row / 30:.3f}", f"0{row % 3}"] for row in range(30))]
    write(tmp_path / "codes.csv", cells)
    given = ("compare", "codes.csv", "-t", "y", "-a", "lm", "--starts", "1", "--epochs", "3", "--goal", "1.2")
    plain, asked = call(*given, "--json"), call(*given, "--task", "classification", "--json")
    assert (plain.json["metric"], asked.json["metric"]) == ("mse", "loss")
    assert asked.json["settings"]["network"] == "1-10-3 tanh, softmax"
