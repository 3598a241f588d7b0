"""`marquardt train` from end to end."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from marquardt.cli.job import job_of
from marquardt.cli.taking import Given
from marquardt.storage import load
from marquardt.tables import TableCoding, read_table
from marquardt.training import PRESETS, Record

from .made import concrete, write

QUICK = ("--hidden", "4", "--epochs", "20")


def test_regression_says_all_that_was_asked_for(call, concrete_csv, tmp_path):
    answer = call("train", concrete_csv, "--target", "strength", *QUICK)
    assert answer.code == 0
    assert answer.err == ""
    assert "80 rows, 4 input columns (6 inputs), target 'strength' (regression)" in answer.out
    assert "Note: Column 'site' is left out: 'here' in every row." in answer.out
    assert "Rows: 56 for training, 12 for validation, 12 for testing (random, seed 0)." in answer.out
    assert "Network 6-4-1 tanh, identity: 33 weights" in answer.out
    for heading in ("epoch", "mse", "validation", "mse gradient", "mu", "checks", "RMSE", "MAE", "R²"):
        assert heading in answer.out
    assert "0/20 " in answer.out
    content = load(tmp_path / "concrete.marquardt")
    assert content.record.stop.sentence in answer.out
    assert f"Kept: the weights of epoch {content.record.best_epoch} of {content.record.num_epochs}" in answer.out
    assert "Network: concrete.marquardt" in answer.out
    assert content.report["test"]["targets"]["strength"]["r2"] > 0.5
    assert content.about["source"] == "concrete.csv"
    assert TableCoding.from_dict(content.coding).target_columns == ("strength",)


def test_classification_is_detected_and_counted(call, flowers_csv, tmp_path):
    answer = call("train", flowers_csv, "--target", "species", *QUICK)
    assert answer.code == 0
    assert "target 'species' (3 classes)" in answer.out
    assert "cross-entropy" in answer.out
    assert "Counts (training/validation/test)" in answer.out
    content = load(tmp_path / "flowers.marquardt")
    assert content.classes == ("aa", "bb", "cc")
    assert content.report["test"]["accuracy"] > 0.8
    assert np.sum(content.report["train"]["confusion"]) == content.report["train"]["samples"]


def test_several_targets_from_parquet(call, engine_parquet, tmp_path):
    answer = call("train", engine_parquet, "--target", "torque", "--target", "consumption", *QUICK)
    assert answer.code == 0
    content = load(tmp_path / "engine.marquardt")
    assert content.network.graph.n_outputs == 2
    assert set(content.report["train"]["targets"]) == {"torque", "consumption"}


def test_same_seed_same_weights_another_seed_others(call, concrete_csv, tmp_path):
    weights = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        output = tmp_path / f"{name}.marquardt"
        assert call("train", concrete_csv, "--target", "strength", *QUICK, "--seed", seed, "-o", output).code == 0
        weights.append(load(output).network.weights)
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_json_is_alone_on_standard_output(call, concrete_csv):
    answer = call("train", concrete_csv, "--target", "strength", *QUICK, "--json")
    assert answer.code == 0
    summary = answer.json
    assert summary["network"] == "concrete.marquardt"
    assert summary["task"] == "regression"
    assert summary["rows"] == {"train": 56, "validation": 12, "test": 12}
    assert summary["errors"]["test"]["targets"]["strength"]["rmse"] > 0
    assert summary["stop"]["code"] in ("epochs", "validation")
    assert summary["interrupted"] is False
    assert "Kept: the weights" in answer.err


def test_json_has_null_for_what_is_not_a_number(call, tmp_path):
    data = write(tmp_path / "flat.csv", [["x", "y"], *([i, 3] for i in range(20))])
    answer = call("train", data, "--target", "y", "--json", "--epochs", "2", "--division", "none")
    assert answer.code == 0
    assert answer.json["errors"]["train"]["targets"]["y"]["r2"] is None
    assert "constant" in answer.json["notes"][0]


def test_quiet_is_silent(call, concrete_csv, tmp_path):
    answer = call("train", concrete_csv, "--target", "strength", *QUICK, "--quiet")
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert (tmp_path / "concrete.marquardt").exists()
    answer = call("train", concrete_csv, "--target", "strength", *QUICK, "--quiet", "--json", "--force")
    assert answer.err == ""
    assert answer.json["epochs"] > 0


def test_plain_output_has_a_line_every_25_epochs_and_the_last(call, concrete_csv):
    answer = call("train", concrete_csv, "--target", "strength", "--epochs", "60", "--max-fail", "0", "--min-grad", "0")
    shown = [line.split("/")[0] for line in answer.out.splitlines() if "/60 " in line]
    assert shown == ["0", "25", "50", "60"]
    shown = call("train", concrete_csv, "--target", "strength", "--epochs", "9", "--show", "4", "-o", "other.marquardt")
    assert re.findall(r"^(\d+)/9 ", shown.out, re.M) == ["0", "4", "8", "9"]


def test_options_reach_the_training(call, concrete_csv, tmp_path):
    options = (
        "--hidden 5 --hidden 3 --activation logistic(0.5) --topology cascade_forward --init glorot --scaling standard"
    )
    options += " --target-scaling standard --loss huber --loss-scale 0.5 --alpha 0.1,0.2,0.3 --epochs 7 --time 60"
    options += " --goal 0.001 --goal-metric loss --max-fail 9 --min-grad 1e-9 --mu 0.01 --mu-inc 5 --mu-dec 0.2"
    options += " --mu-max 1e8 --threads 1 --seed 3 --division blocks --validation 0.2 --test 0.1 --algorithm lm"
    answer = call("train", concrete_csv, "--target", "strength", *options.split())
    assert answer.code == 0, answer.err
    content = load(tmp_path / "concrete.marquardt")
    layers = content.network.graph.layers
    assert [layer.size for layer in layers] == [5, 3, 1]
    assert layers[0].activation == "logistic(gain=0.5)"
    assert layers[1].sources == ("inputs", "hidden1")
    assert content.network.input_scaling.kind == content.network.target_scaling.kind == "standard"
    record = content.record
    assert record.metric == "loss"
    wanted = {"max_epochs": 7, "max_seconds": 60, "goal": 0.001, "goal_metric": "loss", "max_fail": 9}
    wanted |= {"min_gradient": 1e-9, "mu_init": 0.01, "mu_increase": 5, "mu_decrease": 0.2, "mu_max": 1e8}
    assert wanted.items() <= record.settings.items()
    assert np.array_equal(record.parts.train, np.arange(56))
    assert np.array_equal(record.parts.test, np.arange(72, 80))
    assert content.about["settings"]["loss_scale"] == 0.5
    assert content.about["settings"]["alpha"] == [0.1, 0.2, 0.3]


def test_columns_are_chosen_and_left_out(call, concrete_csv, tmp_path):
    assert call("train", concrete_csv, "--target", "strength", *QUICK, "--inputs", "age, water", "-o", "a.m").code == 0
    assert TableCoding.from_dict(load(tmp_path / "a.m").coding).input_names == ("age", "water")
    ignored = ("--ignore", "kind,wet", "--ignore", "site", "-o", "b.m")
    assert call("train", concrete_csv, "--target", "strength", *QUICK, *ignored).code == 0
    assert TableCoding.from_dict(load(tmp_path / "b.m").coding).input_names == ("age", "water")


def test_column_whose_name_has_a_comma_can_be_named(call, tmp_path):
    rows = [["a,b", "c", "y"], *([i, i * i % 7, 2 * i] for i in range(30))]
    data = write(tmp_path / "t.csv", rows)
    assert call("train", data, "--target", "y", *QUICK, "--ignore", "a,b").code == 0
    assert TableCoding.from_dict(load(tmp_path / "t.marquardt").coding).input_names == ("c",)


def test_linear_network(call, concrete_csv, tmp_path):
    assert call("train", concrete_csv, "--target", "strength", "--hidden", "none").code == 0
    assert len(load(tmp_path / "concrete.marquardt").network.graph.layers) == 1


def test_indices_from_a_table_and_from_json(call, concrete_csv, tmp_path):
    words = ["train"] * 50 + ["validation"] * 10 + ["test"] * 15 + [""] * 5
    write(tmp_path / "parts.csv", [["part"], *([word] for word in words)])
    lists = {"train": list(range(50)), "validation": list(range(50, 60)), "test": list(range(60, 75))}
    (tmp_path / "parts.json").write_text(json.dumps(lists))
    for file in ("parts.csv", "parts.json"):
        answer = call("train", concrete_csv, "--target", "strength", *QUICK, "--indices", file, "--force")
        assert answer.code == 0, answer.err
        parts = load(tmp_path / "concrete.marquardt").record.parts
        assert [part.tolist() for part in (parts.train, parts.validation, parts.test)] == list(lists.values())


def test_indices_count_rows_of_the_file_also_when_some_are_dropped(call, tmp_path):
    rows = [["x", "y"], *([i, 3 * i % 11] for i in range(30))]
    rows[1][0] = ""
    write(tmp_path / "t.csv", rows)
    words = [["part"], *([["train"], ["validation"], ["test"]][i % 3] for i in range(30))]
    write(tmp_path / "parts.csv", words)
    answer = call("train", "t.csv", "--target", "y", *QUICK, "--missing", "drop", "--indices", "parts.csv")
    assert answer.code == 0, answer.err
    assert "1 of 30 rows are left out" in answer.out
    parts = load(tmp_path / "t.marquardt").record.parts
    # Row 0 of the file is dropped, so row n of the file is sample n - 1.
    assert parts.validation.tolist() == [n - 1 for n in range(1, 30, 3)]
    assert parts.train.tolist() == [n - 1 for n in range(3, 30, 3)]


def test_restarts_are_listed_and_the_best_is_kept(call, concrete_csv, tmp_path):
    answer = call("train", concrete_csv, "--target", "strength", *QUICK, "--restarts", "3")
    assert "Start 3 of 3" in answer.out
    content = load(tmp_path / "concrete.marquardt")
    attempts = content.about["attempts"]
    assert len(attempts) == 3
    best = min(attempts, key=lambda attempt: attempt["validation"])
    assert content.about["kept_attempt"] == best["restart"]
    assert content.record.best_vperf == best["validation"]
    assert f"{best['restart'] + 1} (kept)" in answer.out
    spread = content.about["spread"]
    assert (spread["n"], spread["part"], spread["best"]) == (3, "validation", best["validation"])
    assert f"3 restarts: best {best['validation']:.4g}, median" in answer.out
    inspected = call("inspect", "concrete.marquardt").out
    assert f"3 restarts: best {best['validation']:.4g}, median" in " ".join(inspected.split())


def test_starts_at_a_time_give_the_same_file(call, concrete_csv, tmp_path, monkeypatch):
    monkeypatch.setattr("marquardt.training.fitting.BESIDE_SECONDS", 0.0)
    options = ("--target", "strength", *QUICK, "--restarts", "4", "--force", "--json", "--output", "n.marquardt")
    told = {}
    for jobs in ("1", "3"):
        told[jobs] = json.loads(call("train", concrete_csv, *options, "--jobs", jobs).out)
        told[jobs].pop("seconds")
        shown = call("train", concrete_csv, *options[:-3], "--jobs", jobs).out
        assert (", 3 starts at a time: " in shown) == (jobs == "3")
        for attempt in told[jobs]["attempts"]:
            attempt.pop("seconds")
    assert told["1"] == told["3"]


def test_of_many_starts_the_best_are_listed(call, concrete_csv):
    answer = call("train", concrete_csv, "--target", "strength", *QUICK, "--restarts", "25", "--json")
    attempts = json.loads(answer.out)["attempts"]
    order = sorted(range(25), key=lambda number: attempts[number]["validation"])
    listed = answer.err.split("Starts, 10 of 25")[1].split("25 restarts:")[0].splitlines()
    shown = [int(line.split()[0]) - 1 for line in listed if line[:1].isdigit()]
    assert shown == sorted(order[:10])


def test_record_is_written_as_json_and_as_csv(call, concrete_csv, tmp_path):
    for name in ("r.json", "r.csv"):
        assert call("train", concrete_csv, "--target", "strength", *QUICK, "--record", name, "--force").code == 0
    record = Record.from_dict(json.loads((tmp_path / "r.json").read_text()))
    kept = load(tmp_path / "concrete.marquardt").record
    assert np.array_equal(record.perf, kept.perf)
    with open(tmp_path / "r.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["performance"]) for row in rows] == kept.perf.tolist()
    assert [int(row["epoch"]) for row in rows] == list(range(len(rows)))


def test_goal_in_rmse_ends_the_training(call, concrete_csv, tmp_path):
    options = ("--goal", "5", "--goal-metric", "rmse", "--division", "none")
    answer = call("train", concrete_csv, "--target", "strength", *options)
    content = load(tmp_path / "concrete.marquardt")
    assert content.record.stop.code == "goal"
    assert content.report["train"]["targets"]["strength"]["rmse"] <= 5
    assert "/25 " in answer.out  # the goal beside the mse


def test_more_weights_than_values_are_warned_of(call, tmp_path):
    data = write(tmp_path / "few.csv", concrete(20))
    answer = call("train", data, "--target", "strength", "--hidden", "10", "--epochs", "2")
    assert "Warning: There are more weights (81) than training values (14)" in answer.out


def test_class_without_a_training_row_is_refused(call, tmp_path):
    rows = [["x", "c"], *([i, "ab"[i % 2]] for i in range(30)), [31, "rare"]]
    data = write(tmp_path / "rare.csv", rows)
    answer = call("train", data, "--target", "c", *QUICK, "--division", "blocks")
    assert answer.code == 2
    assert "No row that trains has the class 'rare', so it cannot be learned" in answer.err
    for seed in range(4):
        answer = call("train", data, "--target", "c", *QUICK, "--seed", seed, "--force")
        assert answer.code == 0, "the only row of a class trains where the division is free"


@pytest.mark.parametrize("reading", ["--stream", "--no-stream"])
def test_no_class_of_a_truth_table_is_hidden(reading, call, tmp_path):
    cells = [[0, 0, "even"], [0, 1, "odd"], [1, 0, "odd"], [1, 1, "even"]]
    data = write(tmp_path / "xor.csv", [["a", "b", "y"], *(cells * 50)])
    for seed in range(3):
        report = json.loads(call("train", data, "-t", "y", reading, "--json", "--force", "--seed", seed).out)
        assert report["errors"]["train"]["accuracy"] == report["errors"]["test"]["accuracy"] == 1.0


def test_a_preset_stands_for_its_settings_and_whatever_is_given_goes_before(tmp_path):
    data = tmp_path / "d.csv"
    data.touch()
    settings = job_of(Given("train", data=data, preset="few_units")).settings
    assert {name: getattr(settings, name) for name in PRESETS["few_units"]} == PRESETS["few_units"]
    # The default of an option, too, when it is given.
    settings = job_of(Given("train", data=data, preset="few_units", activation="tanh", algorithm="auto")).settings
    assert (settings.activation, settings.algorithm) == ("tanh", "auto")
    assert settings.initialization == PRESETS["few_units"]["initialization"]
    # A setting of its algorithm, too, that has an option of its own.
    settings = job_of(Given("train", data=data, preset="few_units", mu=0.01)).settings
    assert (settings.algorithm, settings.rule) == ("lm", {"mu_init": 0.01})
    settings = job_of(Given("train", data=data, preset="few_units", mu_inc=5.0)).settings
    assert (settings.algorithm, settings.rule) == ("lm(mu_init=1)", {"mu_increase": 5.0})


def test_a_preset_trains_a_truth_table(call, tmp_path):
    rows = [f"{a},{b},{c},{'odd' if (a + b + c) % 2 else 'even'}" for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    (tmp_path / "parity.csv").write_text("\n".join(["a,b,c,parity", *rows]) + "\n")
    options = ("--hidden", "1,1", "--preset", "few_units", "--division", "none", "--restarts", "5")
    answer = call("train", tmp_path / "parity.csv", "--target", "parity", *options, "-o", tmp_path / "net.marquardt")
    assert answer.code == 0, answer.err
    content = load(tmp_path / "net.marquardt")
    assert content.report["train"]["accuracy"] == 1.0
    assert [layer.activation for layer in content.network.graph.layers] == ["tanh(gain=0.25)"] * 2 + ["logistic"]


def test_a_topology_may_be_a_file(call, refused, concrete_csv, tmp_path):
    n_inputs = 6  # columns after coding
    inputs = " ".join(str(number) for number in range(1, n_inputs + 1))
    text = f"n {n_inputs + 1} m {inputs}\nn {n_inputs + 2} l {inputs} {n_inputs + 1}\n.model m fun=bip, gain=0.5\n"
    (tmp_path / "net.txt").write_text(text + ".model l fun=lin\n")
    options = (*QUICK, "--topology", "net.txt", "--alpha", "0.1,0.2")
    answer = call("train", concrete_csv, "--target", "strength", *options)
    assert answer.code == 0, answer.err
    assert "a topology of its own" in answer.out
    layers = load(tmp_path / "concrete.marquardt").network.graph.layers
    assert [(layer.size, layer.activation) for layer in layers] == [(1, "tanh(gain=0.5)"), (1, "identity")]
    (tmp_path / "net.txt").write_text("n 2 m 1\n.model m fun=lin\n")
    assert "has 1 inputs and 1 outputs, and the data need" in refused(
        "train", concrete_csv, "--target", "strength", "--topology", "net.txt", "--force"
    )
    assert "Cannot read nothing.txt" in refused(
        "train", concrete_csv, "--target", "strength", "--topology", "nothing.txt"
    )
    of_layers = ("--hidden", "2", "--topology", "fully_connected_cascade", "--alpha")
    assert "one for each of the 3 layers" in refused("train", concrete_csv, "--target", "strength", *of_layers, "1,2")


REFUSED_OPTIONS = [
    (("--task", "regresion"), "--task must be one of .* Did you mean 'regression'"),
    (("--missing", "mea"), "--missing must be .* Did you mean 'mean'"),
    (("--division", "rand"), "--division must be .* Did you mean 'random'"),
    (("--division", "none", "--test", "0.2"), "--test has no meaning for --division none"),
    (("--division", "indices"), "needs a file"),
    (("--division", "blocks", "--indices", "a.csv"), "--indices belongs to --division indices"),
    (("--validation", "1.5"), "--validation must be a fraction"),
    (("--validation", "0.6", "--test", "0.4"), "leave no row to train on"),
    (("--seed", "-1"), "--seed must be a whole number from 0 up"),
    (("--hidden", "ten"), "--hidden must be whole numbers .* got 'ten'"),
    (("--hidden", "20,,10"), "--hidden must be whole numbers"),
    (("--hidden", "-3"), "--hidden must be whole numbers"),
    (("--preset", "few_unit"), "--preset must be .* Did you mean 'few_units'"),
    (("--algorithm", "lm(mu_init=1)", "--mu", "2"), r"lm.mu_init=1.: mu_init is given here and by --mu, too"),
    (("--algorithm", "trainbr", "--validation", "0.1"), "--algorithm trainbr needs no --validation, .* --max-fail 0"),
    (("--algorithm", "trainbr", "--alpha", "0.1"), "--algorithm trainbr chooses .* got --alpha 0.1. Leave it out"),
    (("--activation", "tanhh"), "--activation must be .* Did you mean 'tanh'"),
    (("--activation", "softmax"), "--activation must be"),
    (("--activation", "tanh(gain=0)"), "--activation tanh.gain=0.: the gain of .* above 0"),
    (("--topology", "cascade"), "--topology must be .* Did you mean 'cascade_forward'"),
    (("--init", "nguyen"), "--init must be .* Did you mean 'nguyen_widrow'"),
    (("--scaling", "max"), "--scaling must be .* Did you mean 'minmax'"),
    (("--target-scaling", "std"), "--target-scaling must be"),
    (("--loss", "square"), "--loss must be .* Did you mean 'squares'"),
    (("--loss-scale", "2"), "--loss-scale belongs to the losses 'huber'"),
    (("--loss", "huber", "--loss-scale", "0"), "--loss-scale must be a number above 0"),
    (("--alpha", "-1"), "--alpha must be"),
    (("--alpha", "a"), "--alpha must be"),
    (("--alpha", "1,2,3"), "one for each of the 2 layers"),
    (("--restarts", "0"), "--restarts must be a whole number from 1 up"),
    (("--jobs", "0"), "--jobs must be a whole number from 1 up, or -1 for one a processor, got 0"),
    (("--jobs", "-2"), "--jobs must be a whole number from 1 up, or -1 for one a processor, got -2"),
    (
        ("--algorithm", "levenberg"),
        "--algorithm levenberg: There is no algorithm .* Did you mean 'levenberg_marquardt'",
    ),
    (("--mu", "0"), "--mu must be a number above 0"),
    (("--mu-inc", "1"), "--mu-inc must be above 1"),
    (("--mu-dec", "1"), "--mu-dec must be below 1"),
    (("--mu", "10", "--mu-max", "1"), "--mu-max must be finite and not below --mu"),
    (("--threads", "0"), "--threads must be"),
    (("--memory", "2"), "--memory must be an amount of memory such as '500MB' or '2GB'"),
    (("--epochs", "-1"), "--epochs must be"),
    (("--epochs", "many"), "'--epochs'.*See: marquardt train --help"),
    (("--time", "-1"), "--time must be"),
    (("--goal", "nan"), "--goal must be"),
    (("--goal", "1", "--goal-metric", "mae"), "--goal-metric must be"),
    (("--goal-metric", "rmse"), "Give the goal, too"),
    (("--max-fail", "-1"), "--max-fail must be"),
    (("--min-grad", "-1"), "--min-grad must be"),
    (("--output", "no/such/folder/x.marquardt"), "there is no folder"),
    (("--output", "."), "is a folder"),
    (("--output", "concrete.csv", "--force"), "--output would write over DATA"),
    (("--record", "record.txt"), "--record must end in .json or .csv"),
    (("--record", "concrete.csv", "--force"), "--record would write over DATA"),
    (("--record", "a.csv", "--output", "a.csv"), "--record would write over --output"),
    (("--epoch", "3"), "No such option.*--epoch.*See: marquardt train --help"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED_OPTIONS, ids=[" ".join(o) for o, _ in REFUSED_OPTIONS])
def test_wrong_option_is_refused_by_its_name(options, message, refused, concrete_csv):
    sentence = refused("train", "concrete.csv", "--target", "strength", *options)
    assert_matches(sentence, message)


def test_options_are_refused_before_the_data_are_read(refused):
    assert "--task must be" in refused("train", "missing.csv", "--target", "y", "--task", "x")


def assert_matches(sentence, pattern):
    assert re.search(pattern, sentence, re.DOTALL), sentence


def table_of(columns, n_rows=30):
    rng = np.random.default_rng(0)
    columns = {"x": rng.normal(size=n_rows).round(3).tolist(), "y": rng.normal(size=n_rows).round(3).tolist()} | columns
    return [list(columns), *zip(*columns.values(), strict=True)]


def with_value(row, value, n_rows=30):
    column = [float(number) for number in range(n_rows)]
    column[row] = value
    return column


REFUSED_DATA = {
    "missing target column": (table_of({}), "--target z", "There is no target column 'z'"),
    "target with a slip": (table_of({"strength": with_value(0, 1.0)}), "--target strenght", "Did you mean 'strength'"),
    "no target": (table_of({}), "", "Name it with --target. bad.csv has 'x', 'y'"),
    "unknown input": (table_of({}), "--target y --inputs z", "There is no input column 'z'"),
    "target as input": (table_of({}), "--target y --inputs y", "both an input and a target"),
    "text in numbers": (table_of({"a": with_value(4, "tall")}), "--target y", "'a'.*'tall'.*row 5"),
    "empty cell": (table_of({"a": with_value(4, "")}), "--target y", r"'a' \(1, first in data row 5\).*--missing"),
    "NaN": (table_of({"a": with_value(4, "NaN")}), "--target y", r"'a' \(1, first in data row 5\)"),
    "infinity": (table_of({"a": with_value(4, "inf")}), "--target y", "'a'.*inf.*row 5"),
    "date": (table_of({"a": ["2020-01-02"] * 30}), "--target y", "'a'.*date"),
    "single class": (table_of({"c": ["red"] * 30}), "--target c", "single class"),
    "loss for the other task": (table_of({}), "--target y --loss cross_entropy", "'cross_entropy' is for classif"),
    "too few rows for the division": (table_of({}, 3), "--target y", "3 samples are too few"),
    "only a target": ([["y"], [1], [2]], "--target y", "No column is left to predict from"),
    "header only": ([["x", "y"]], "--target y", "no rows"),
    "memory": (table_of({}), "--target y --hidden 3000,3000 --algorithm bfgs", "needs .* GiB, this machine has"),
    "budget": (
        table_of({}),
        "--target y --hidden 300 --algorithm bfgs --memory 1MB",
        r"needs .* MiB, the budget is 976.6 KiB \(1MB\)\. The algorithm 'lbfgs' .* would take",
    ),
}


@pytest.mark.parametrize("kind", REFUSED_DATA)
def test_bad_data_are_refused_with_column_and_row(kind, refused, tmp_path):
    rows, options, message = REFUSED_DATA[kind]
    write(tmp_path / "bad.csv", rows)
    assert_matches(refused("train", "bad.csv", *options.split()), message)


REFUSED_FILES = {
    "missing": (None, "There is no file bad.csv"),
    "empty": (b"", "bad.csv is empty"),
    "binary": (b"\0\1\2\3" * 10, "not a text file"),
    "latin": ("größe,y\n1,2\n".encode("latin-1"), "not UTF-8"),
    "ragged": (b"x,y\n1,2\n1,2,3\n", "row 2 has 3 values"),
}


@pytest.mark.parametrize("kind", REFUSED_FILES)
def test_bad_file_is_refused(kind, refused, tmp_path):
    content, message = REFUSED_FILES[kind]
    if content is not None:
        (tmp_path / "bad.csv").write_bytes(content)
    assert_matches(refused("train", "bad.csv", "--target", "y"), message)


REFUSED_INDICES = {
    "no such file": ("p.csv", None, "There is no file"),
    "no column": ("p.csv", "parts\ntrain\n", "has no column 'part'. Did you mean 'parts'"),
    "another length": ("p.csv", "part\ntrain\n", "divides 1 rows, but the data have 80"),
    "another word": (
        "p.csv",
        "part\n" + "train\n" * 79 + "tset\n",
        "data row 80 has the part 'tset'. Did you mean 'test'",
    ),
    "no json": ("p.json", "{", "cannot be read as JSON"),
    "other keys": ("p.json", '{"training": [1]}', "must hold"),
    "no numbers": ("p.json", '{"train": ["a"]}', "list of whole numbers"),
    "out of range": ("p.json", '{"train": [0, 80]}', "index 80 is out of range"),
    "twice": ("p.json", '{"train": [0, 1], "test": [1]}', "named more than once"),
    "none to train on": ("p.json", '{"test": [1]}', "no sample to train on"),
}


@pytest.mark.parametrize("kind", REFUSED_INDICES)
def test_bad_indices_are_refused(kind, refused, concrete_csv, tmp_path):
    name, text, message = REFUSED_INDICES[kind]
    if text is not None:
        (tmp_path / name).write_text(text)
    assert_matches(refused("train", "concrete.csv", "--target", "strength", "--indices", name), message)


def test_existing_output_needs_force_and_is_refused_before_any_work(call, refused, concrete_csv, tmp_path):
    (tmp_path / "concrete.marquardt").write_text("precious")
    assert "exists already" in refused("train", "concrete.csv", "--target", "strength")
    assert "exists already" in refused("train", "missing.csv", "--target", "strength", "-o", "concrete.marquardt")
    assert call("train", "concrete.csv", "--target", "strength", *QUICK, "--force").code == 0
    assert load(tmp_path / "concrete.marquardt").task == "regression"


def test_error_in_json(call, concrete_csv):
    answer = call("train", concrete_csv, "--target", "strenght", "--json")
    assert answer.code == 2
    assert "Did you mean 'strength'" in answer.json["error"]
    assert "Did you mean 'strength'" in answer.err
    answer = call("train", concrete_csv, "--json", "--epochs", "x")
    assert answer.code == 2
    assert "--epochs" in answer.json["error"]


LONG = ("--epochs", "100000000", "--max-fail", "0", "--min-grad", "0", "--mu-max", "1e300")


def wait_for(process, text):
    seen = ""
    while text not in seen:
        line = process.stdout.readline()
        assert line, seen + process.stderr.read()
        seen += line
    return seen


@pytest.mark.skipif(os.name == "nt", reason="interrupts work otherwise there")
@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_ctrl_c_saves_the_best_network_and_says_so(begin, tmp_path, concrete_csv, number, code):
    process = begin("train", concrete_csv, "--target", "strength", *LONG)
    wait_for(process, "25/")
    process.send_signal(getattr(signal, number))
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Interrupted: the best network so far is kept and saved." in out
    assert err == ""
    content = load(tmp_path / "concrete.marquardt")
    assert content.record.stop.code == "user"
    assert content.about["interrupted"] is True
    best = np.nanmin(content.record.vperf)
    coding = TableCoding.from_dict(content.coding)
    coded = coding.code(read_table(tmp_path / "concrete.csv"))
    rows = content.record.parts.validation
    found = np.mean((content.network.outputs(coded.inputs[rows]) - coded.targets[rows]) ** 2)
    # The kept weights are those of the best epoch: summed in another order, hence not to the bit.
    assert found == pytest.approx(best, rel=1e-9)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="interrupts work otherwise there")
def test_second_ctrl_c_ends_at_once(begin, tmp_path):
    values = np.random.default_rng(0).normal(size=(15000, 21)).round(3).tolist()
    write(tmp_path / "wide.csv", [[*(f"x{i}" for i in range(20)), "y"], *values])
    # By name: the automatic choice for so many weights has short epochs.
    options = ["--target", "y", "--hidden", "60,60", "--algorithm", "lm"]
    process = begin("train", "wide.csv", *options)
    wait_for(process, "0/1000")
    time.sleep(0.5)  # into the first epoch, which takes many seconds
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == "Interrupted. Nothing is saved."
    assert not (tmp_path / "wide.marquardt").exists()


def test_closed_pipe_does_not_end_a_training(tmp_path):
    write(tmp_path / "concrete.csv", concrete())
    command = [sys.executable, "-m", "marquardt", "train", "concrete.csv", "--target", "strength", *QUICK]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=60) == 0
    assert err == b""
    assert (tmp_path / "concrete.marquardt").exists()


@pytest.mark.parametrize("options", [(), ("--division", "none", "--alpha", "auto"), ("--restarts", "12")], ids=str)
def test_a_robust_loss_learns_the_line_however_wrong_the_outliers_are(call, tmp_path, options):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, 300)
    clean = 3 * x + 2
    good = clean + 0.2 * rng.normal(size=300)
    for size in (50.0, 1e6):
        y = good.copy()
        y[::20] += size
        table = tmp_path / "line.csv"
        table.write_text("x,y\n" + "".join(f"{a!r},{b!r}\n" for a, b in zip(x.tolist(), y.tolist(), strict=True)))
        asked = ("train", table, "--target", "y", "--hidden", "none", "--loss", "huber", "--force", *options)
        answer = call(*asked)
        assert answer.code == 0, answer.err
        content = load(tmp_path / "line.marquardt")
        predicted = content.network.outputs(x[:, None])[:, 0]
        assert np.sqrt(np.mean((predicted - clean) ** 2)) < 0.06
        unit = content.network.target_scaling.spread[0]
        assert content.record.settings["loss_scale"][0] * unit == pytest.approx(1.345 * 0.2, rel=0.25)
        assert content.network.target_scaling.kind == "robust"
        told = call("inspect", tmp_path / "line.marquardt").out
        assert "count less, a limit taken from the residuals" in told
        assert "loss_scale" not in told


@pytest.mark.usefixtures("stuck")
def test_who_learned_nothing_is_told_even_quietly(call, concrete_csv):
    options = ("--hidden", 2, "--alpha", 0, "--quiet", "--algorithm", "lm(scaling='marquardt')")
    answer = call("train", concrete_csv, "--target", "strength", *options)
    assert answer.code == 0
    assert answer.err.startswith(
        "Warning: nothing was learned, the starting weights are saved. No step lowers the loss"
    )
