"""`marquardt predict` and `marquardt inspect` on what `train` wrote."""

import csv
import io
import re
import subprocess
import sys

import numpy as np
import pytest

from marquardt import NetworkRegressor
from marquardt.networks import Network, feed_forward
from marquardt.storage import NetworkFile, load, save
from marquardt.tables import TableCoding, read_table

from .made import concrete, flowers, write

QUICK = ("--hidden", "4", "--epochs", "20", "--quiet")


@pytest.fixture
def strength(call, concrete_csv):
    """A trained regression."""
    assert call("train", concrete_csv, "--target", "strength", *QUICK).code == 0
    return "concrete.marquardt"


@pytest.fixture
def species(call, flowers_csv):
    """A trained classification."""
    assert call("train", flowers_csv, "--target", "species", *QUICK).code == 0
    return "flowers.marquardt"


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def outputs_of(network, table):
    content = load(network)
    return content.network.outputs(TableCoding.from_dict(content.coding).inputs(read_table(table)))


def test_predictions_are_the_outputs_of_the_network(call, strength):
    answer = call("predict", strength, "concrete.csv", "-o", "predicted.csv")
    assert answer.code == 0
    assert "Predicted 80 rows: predicted.csv" in answer.out
    with open("predicted.csv") as file:
        predicted = [float(row["strength"]) for row in csv.DictReader(file)]
    assert predicted == outputs_of(strength, "concrete.csv")[:, 0].tolist()


def test_without_output_the_table_goes_to_standard_output_alone(call, strength):
    answer = call("predict", strength, "concrete.csv")
    assert answer.code == 0
    assert [float(row["strength"]) for row in rows_of(answer.out)] == outputs_of(strength, "concrete.csv")[
        :, 0
    ].tolist()
    assert "The table has the target, too" in answer.err


def test_errors_are_those_of_training_when_the_table_is(call, strength):
    content = load(strength)
    answer = call("predict", strength, "concrete.csv", "-o", "p.csv")
    outputs = outputs_of(strength, "concrete.csv")[:, 0]
    targets = np.array([float(row[-1]) for row in concrete()[1:]])
    rmse = np.sqrt(np.mean((outputs - targets) ** 2))
    assert re.search(rf"strength\s+these rows\s+80\s+{rmse:.4g}\s", answer.out)
    assert content.report["train"]["samples"] == 56


def test_classes_have_label_and_probabilities(call, species):
    answer = call("predict", species, "flowers.csv", "-o", "p.parquet")
    assert answer.code == 0
    table = read_table("p.parquet").to_pydict()
    assert list(table) == ["species", "p(aa)", "p(bb)", "p(cc)"]
    chances = np.column_stack([table[name] for name in list(table)[1:]])
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, rtol=1e-14)  # a few roundings
    assert table["species"] == [("aa", "bb", "cc")[code] for code in chances.argmax(axis=1)]
    assert np.mean([label == row[-1] for label, row in zip(table["species"], flowers()[1:], strict=True)]) > 0.8


def test_columns_may_come_in_another_order_and_with_others(call, strength, tmp_path):
    plain = call("predict", strength, "concrete.csv").out
    header, *rows = concrete()
    order = [3, 0, 2, 1]
    mixed = [[header[k] for k in order] + ["note"], *([row[k] for k in order] + ["x"] for row in rows)]
    write(tmp_path / "mixed.csv", mixed)
    answer = call("predict", strength, "mixed.csv")
    assert answer.code == 0
    assert answer.out == plain
    assert "Note: Not used, as it was not used in training: 'note'." in answer.err
    assert "has the target" not in answer.err


def test_missing_column_is_refused_with_the_nearest(call, refused, strength, tmp_path):
    rows = concrete()
    rows[0][0] = "Age"
    write(tmp_path / "new.csv", rows)
    sentence = refused("predict", strength, "new.csv", "-o", "p.csv")
    assert re.search(r"lacks 1 of the 4 input columns .* 'age' \(did you mean 'Age'\?\)", sentence)


def test_unknown_level_is_refused_or_ignored(call, refused, strength, tmp_path):
    rows = concrete(3)
    rows[2][2] = "silica"
    write(tmp_path / "new.csv", rows)
    assert "has the level 'silica' in data row 2" in refused("predict", strength, "new.csv")
    answer = call("predict", strength, "new.csv", "--unknown", "ignore")
    assert answer.code == 0
    assert len(rows_of(answer.out)) == 3
    assert "first 'silica' in data row 2: such rows are predicted as the mean over the levels" in answer.err
    assert "Did you mean 'ignore'" in refused("predict", strength, "new.csv", "--unknown", "ignor")


def test_rows_with_gaps_have_no_prediction_if_training_dropped_them(call, tmp_path):
    rows = [["x", "c"], *([i, "ab"[i % 2]] for i in range(40))]
    rows[3][0] = ""
    write(tmp_path / "t.csv", rows)
    assert call("train", "t.csv", "--target", "c", "--missing", "drop", *QUICK).code == 0
    answer = call("predict", "t.marquardt", "t.csv")
    assert answer.code == 0
    assert rows_of(answer.out)[2] == {"c": "", "p(a)": "", "p(b)": ""}
    assert all(row["c"] in ("a", "b") for row in rows_of(answer.out)[3:])
    assert "1 of 40 rows have missing values and get no prediction" in answer.err
    assert re.search(r"these rows\s+39\s", answer.err)


def test_keep_copies_the_columns(call, strength):
    answer = call("predict", strength, "concrete.csv", "--keep")
    row = rows_of(answer.out)[0]
    assert list(row) == ["age", "water", "kind", "wet", "site", "strength", "predicted strength"]
    assert float(row["predicted strength"]) == outputs_of(strength, "concrete.csv")[0, 0]


def test_quiet_prediction_prints_the_table_only(call, strength):
    answer = call("predict", strength, "concrete.csv", "--quiet")
    assert answer.err == ""
    assert len(rows_of(answer.out)) == 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.marquardt", "concrete.csv"), "There is no file missing.marquardt"),
        (("concret.marquardt", "concrete.csv"), "Did you mean 'concrete.marquardt'"),
        (("concrete.csv", "concrete.csv"), "concrete.csv is not a network file"),
        (("concrete.marquardt", "missing.csv"), "There is no file missing.csv"),
        (("concrete.marquardt", "concrete.csv", "-o", "p.txt"), "must end in .csv, .tsv, .parquet"),
        (("concrete.marquardt", "concrete.csv", "-o", "concrete.csv"), "exists already"),
        (("concrete.marquardt", "concrete.csv", "-o", "concrete.csv", "--force"), "would write over DATA"),
        (("concrete.marquardt", "concrete.csv", "-o", "no/p.csv"), "there is no folder"),
        (("concrete.marquardt",), "Missing argument.*DATA"),
    ],
)
def test_prediction_that_cannot_be_is_refused(arguments, message, refused, strength):
    assert re.search(message, refused("predict", *arguments))


def test_damaged_network_is_refused(refused, strength, tmp_path):
    whole = (tmp_path / strength).read_bytes()
    (tmp_path / strength).write_bytes(whole[: len(whole) // 2])
    assert "is damaged" in refused("predict", strength, "concrete.csv")
    assert "is damaged" in refused("inspect", strength)


def test_network_trained_on_arrays_predicts_by_its_feature_names(call, refused, tmp_path):
    network = Network(feed_forward(2, (), 1), [2.0, 3.0, 1.0])
    save(tmp_path / "a.m", NetworkFile(network, "regression"))
    write(tmp_path / "t.csv", [["b", "a"], [1, 10], [2, 20]])
    assert "does not know the names of its 2 inputs" in refused("predict", "a.m", "t.csv")
    save(tmp_path / "b.m", NetworkFile(network, "regression", about={"feature_names": ["a", "b"]}))
    assert call("predict", "b.m", "t.csv").out == "prediction\n24\n47\n"
    assert call("inspect", "b.m").code == 0


def test_closed_pipe_is_no_traceback(tmp_path, call, strength):
    write(tmp_path / "long.csv", [concrete()[0], *concrete()[1:] * 400])
    command = [sys.executable, "-m", "marquardt", "predict", strength, "long.csv"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"strength\n"
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=60) == 141
    assert err == b""


def test_inspect_tells_what_how_and_how_good(call, strength):
    out = call("inspect", strength).out
    content = load(strength)
    assert "concrete.marquardt: a network for regression" in out
    assert re.search(r"hidden1\s+tanh\s+inputs\s+4\s+28", out)
    assert "kind: one of fly_ash, none, slag" in out
    assert "true/false, as 1/0: wet" in out
    assert "left out: site, 'here' in every row" in out
    assert "Target: strength." in out
    assert "56 train, 12 validation, 12 test, random, seed 0" in out
    assert " ".join(content.record.stop.sentence.split()) in " ".join(out.split())
    assert re.search(r"strength\s+test\s+12\s", out)
    assert "by marquardt" in out


def test_inspect_of_classes_shows_the_counts(call, species):
    out = call("inspect", species).out
    assert "Target: species, one of aa, bb, cc." in out
    assert "Counts (training/validation/test)" in out


def test_inspect_tells_the_decay_and_its_evidence(call, strength, tmp_path):
    model = NetworkRegressor.from_file(strength)
    assert len(model.alpha_) == len(model.network_.graph.layers)
    x = np.linspace(-1, 1, 40)[:, None]
    noisy = np.sin(3 * x.ravel()) + 0.2 * np.random.default_rng(0).normal(size=40)
    model = NetworkRegressor((3,), random_state=0).fit(x, noisy)
    model.save("weighed.marquardt")
    out = call("inspect", "weighed.marquardt").out
    assert re.search(r"\bdecay\s+\S+, \S+ by layer", out)
    assert re.search(r"evidence\s+-?\d", out)
    told = call("inspect", "weighed.marquardt", "--json").json
    assert told["decay"] == list(model.alpha_)
    assert told["evidence"] == -min(attempt.merit for attempt in model.attempts_)
    NetworkRegressor((3,), alpha=0.5, random_state=0).fit(x, noisy).save("given.marquardt")
    told = call("inspect", "given.marquardt", "--json").json
    assert (told["decay"], told["evidence"]) == ([0.5, 0.5], None)
    assert not re.search(r"evidence\s+-?\d", call("inspect", "given.marquardt").out)


def test_inspect_in_json(call, strength):
    told = call("inspect", strength, "--json").json
    content = load(strength)
    assert told["graph"] == content.network.graph.to_dict()
    assert told["errors"] == content.report
    assert told["record"]["best_epoch"] == content.record.best_epoch
    assert told["about"]["seed"] == 0


def test_inspect_shows_no_control_characters_and_believes_nothing(call, tmp_path):
    network = Network(feed_forward(1, (), 1), [2.0, 1.0])
    about = {
        "source": "\x1b[31mred.csv",
        "settings": [1],
        "attempts": [1, 2],
        "division": "x",
        "seed": [2],
        "spread": {"n": "\x1b"},
    }
    save(tmp_path / "odd.m", NetworkFile(network, "regression", coding={"a": 1}, report={"test": 3}, about=about))
    answer = call("inspect", "odd.m")
    assert answer.code == 0
    assert "\x1b" not in answer.out
    assert "\\x1b[31mred.csv" in answer.out
    assert "Errors: {" in answer.out
