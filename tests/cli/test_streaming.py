"""`marquardt train` and `marquardt predict` on tables that are read batch by batch."""

import gzip
import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from marquardt.cli import open_table, prediction
from marquardt.cli.job import default_output
from marquardt.cli.scores import scores_of_parts
from marquardt.cli.training import COPIES
from marquardt.storage import load
from marquardt.streams import data as data_module
from marquardt.tables import TableCoding, read_table, separated
from marquardt.tables import surveying as surveying_module
from marquardt.training import HashedParts

N = 900
QUICK = ("--hidden", "4", "--epochs", "8")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """Streams throughout, in batches of a thousand rows and less."""
    monkeypatch.setattr(data_module, "KEPT_BYTES", 0)
    monkeypatch.setattr(data_module, "BATCH_BYTES", 0)
    monkeypatch.setattr(surveying_module, "SURVEY_ROWS", 100)
    monkeypatch.setattr(prediction, "PIECE_BYTES", 0)
    monkeypatch.setattr(separated, "PIECE_BYTES", 10_000)


def concrete(n_rows=N):
    rng = np.random.default_rng(0)
    age, water = rng.uniform(1, 90, n_rows), rng.uniform(120, 240, n_rows)
    kind, wet = rng.choice(["fly ash", "slag", "none"], n_rows), rng.random(n_rows) < 0.5
    strength = 10 * np.log(age) - 0.1 * water + 5 * (kind == "slag") + 2 * wet + rng.normal(0, 0.5, n_rows)
    grade = np.where(strength > 20, "good", np.where(strength < 10, "poor", "fair"))
    names = ("age", "water", "kind", "wet", "site", "strength", "grade")
    return pa.table(dict(zip(names, (age, water, kind, wet, ["here"] * n_rows, strength, grade), strict=True)))


@pytest.fixture
def data(tmp_path):
    """The same table as a file of each kind, and as a folder."""
    table = concrete()
    pq.write_table(table, tmp_path / "concrete.parquet", row_group_size=250)
    pyarrow.feather.write_feather(table, tmp_path / "concrete.arrow", chunksize=170)
    pyarrow.csv.write_csv(table, tmp_path / "concrete.csv")
    (tmp_path / "rows").mkdir()
    for number in range(3):
        pq.write_table(table.slice(300 * number, 300), tmp_path / "rows" / f"part-{number}.parquet")
    return table


SOURCES = ["concrete.parquet", "concrete.arrow", "concrete.csv", "rows", "rows/part-*.parquet", "rows/**/*.parquet"]


@pytest.mark.parametrize("source", ["concrete.arrow", "concrete.csv", "rows"])
def test_a_network_is_trained_and_judged_on_the_rows_as_they_pass(call, data, tmp_path, source):
    options = ("--target", "strength", "--ignore", "grade", *QUICK, "--stream", "-o", "made.marquardt")
    answer = call("train", source, *options)
    assert (answer.code, answer.err) == (0, "")
    assert "900 rows, 4 input columns (6 inputs), target 'strength' (regression)" in answer.out
    assert "Note: Column 'site' is left out: 'here' in every row." in answer.out
    assert "(by a hash of each row, seed 0)" in answer.out
    content = load(tmp_path / "made.marquardt")
    coding = TableCoding.from_dict(content.coding)
    whole = TableCoding.fit(data, "strength", drop=["grade"])
    # Shares of levels are those of the training rows.
    assert replace(coding, input_columns=[replace(column, shares=()) for column in coding.input_columns]) == replace(
        whole, input_columns=[replace(column, shares=()) for column in whole.input_columns]
    )
    # The report is that of the arrays, with the division that the hash says.
    coded = coding.code(data)
    numbers = HashedParts.numbers(np.column_stack([coded.inputs, coded.targets]).T.copy(), 0.15, 0.15, 0)
    parts = {name: np.flatnonzero(numbers == part) for part, name in enumerate(("train", "validation", "test"))}
    expected = scores_of_parts("regression", ["strength"], content.network.outputs(coded.inputs), coded.targets, parts)
    for name, of in expected.items():
        assert content.report[name]["samples"] == of["samples"]
        found = content.report[name]["targets"]["strength"]
        assert found == pytest.approx(of["targets"]["strength"], rel=1e-11)  # sums in another order
    assert content.report["test"]["targets"]["strength"]["r2"] > 0.9
    assert content.record.best_vperf == pytest.approx(
        expected["validation"]["targets"]["strength"]["rmse"] ** 2, rel=1e-9
    )


def test_every_source_gives_the_same_network(call, data, tmp_path):
    weights = []
    for source in SOURCES:
        options = ("--target", "strength", "--ignore", "grade", "--epochs", "3", "-o", "made.marquardt", "--force")
        assert call("train", source, *options, "--stream", "--threads", "1", "--quiet").code == 0
        weights.append(load(tmp_path / "made.marquardt").network.weights)
    # Blocks begin at other rows: the same sums in another order.
    for other in weights[1:]:
        np.testing.assert_allclose(other, weights[0], rtol=1e-6)


@pytest.mark.parametrize(("target", "n_classes"), [("grade", 3), ("wet", 2)])
def test_classes_are_learned_and_counted_as_they_pass(call, data, tmp_path, target, n_classes):
    left = "strength" if target == "grade" else "grade"
    answer = call("train", "rows", "--target", target, "--ignore", left, *QUICK, "--stream", "--json")
    assert answer.code == 0
    assert answer.json["task"] == "classification"
    content = load(tmp_path / "rows.marquardt")
    assert len(content.classes) == n_classes
    assert sum(part["samples"] for part in content.report.values()) == N
    assert np.sum([part["confusion"] for part in content.report.values()]) == N
    coding = TableCoding.from_dict(content.coding)
    coded = coding.code(data)
    chances = content.network.outputs(coded.inputs)
    codes = chances.argmax(axis=1) if n_classes > 2 else (chances[:, 0] > 0.5).astype(int)
    right = sum(np.trace(part["confusion"]) for part in content.report.values())
    assert right == np.count_nonzero(codes == coded.targets)


def test_a_network_trained_on_passing_rows_predicts_and_is_inspected(call, data):
    assert call("train", "rows", "--target", "strength", "--ignore", "grade", *QUICK, "--stream", "-q").code == 0
    answer = call("predict", "rows.marquardt", "concrete.parquet", "-o", "predicted.parquet")
    assert answer.code == 0
    content = load("rows.marquardt")
    outputs = content.network.outputs(TableCoding.from_dict(content.coding).inputs(data))
    assert np.array_equal(read_table("predicted.parquet")["strength"].to_numpy(), outputs[:, 0])
    shown = call("inspect", "rows.marquardt").out
    assert "trained on  rows, 900 rows" in shown
    assert "by a hash of each row, seed 0" in shown
    assert call("inspect", "rows.marquardt", "--json").json["record"]["parts"]["hashed"]["n_train"] > 500


def test_a_table_that_would_not_fit_is_read_batch_by_batch_and_it_says_so(call, data, monkeypatch):
    monkeypatch.setattr(open_table, "free_memory", lambda: 100_000)
    options = ("--target", "strength", "--ignore", "grade", *QUICK, "--force")
    answer = call("train", "concrete.parquet", *options)
    assert answer.code == 0
    needed = COPIES * N * (8 + 8 + 24 + 1 + 24 + 8 + 24)
    assert (
        f"concrete.parquet is read batch by batch: as a whole it would take about {needed / 2**20:.1f} MiB of the "
        f"0.1 MiB of memory that are free (--no-stream: as a whole)."
    ) in answer.out
    assert "by a hash of each row" in answer.out
    answer = call("train", "concrete.parquet", *options, "--no-stream")
    assert "random, seed 0" in answer.out
    monkeypatch.setattr(open_table, "free_memory", lambda: 10 * needed)
    assert "random, seed 0" in call("train", "concrete.parquet", *options).out
    monkeypatch.setattr(open_table, "free_memory", lambda: None)
    assert "random, seed 0" in call("train", "rows", *options).out


def test_text_that_is_parsed_in_every_pass_is_trained_on_and_it_says_so(call, data):
    answer = call("train", "concrete.csv", "--target", "grade", "--ignore", "strength", *QUICK, "--stream")
    assert answer.code == 0
    assert (
        "Text is parsed anew in every pass over the rows: where that is often, convert the file to Parquet"
        in answer.out
    )
    assert "(by a hash of each row, seed 0)" in answer.out
    assert "Text is parsed" not in call("predict", "concrete.marquardt", "concrete.csv", "-o", "p.csv", "--stream").out


def test_missing_values_are_dropped_or_filled_as_they_pass(call, data, tmp_path):
    gaps = [None if row % 10 == 3 else value for row, value in enumerate(data["age"].to_pylist())]
    pq.write_table(data.set_column(0, "age", pa.array(gaps)), tmp_path / "gaps.parquet")
    options = ("--target", "strength", "--ignore", "grade", *QUICK, "--stream", "--force")
    answer = call("train", "gaps.parquet", *options, "--missing", "drop")
    assert "90 of 900 rows are left out: they have missing values." in answer.out
    assert sum(part["samples"] for part in load("gaps.marquardt").report.values()) == 810
    answer = call("train", "gaps.parquet", *options, "--missing", "mean")
    assert "Column 'age': 90 missing values are filled with the mean" in answer.out
    assert sum(part["samples"] for part in load("gaps.marquardt").report.values()) == 900


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rows",), r"Which column is to be predicted? Name it with --target. rows has 'age'"),
        (("rows", "--target", "strenght"), "There is no target column 'strenght'. Did you mean 'strength'?"),
        (("rows", "--target", "strength", "--inputs", "agee"), "There is no input column 'agee'"),
        (("rows", "--target", "strength", "--division", "blocks"), "--division blocks goes by the numbers of the rows"),
        (("rows", "--target", "strength", "--missing", "median"), "A median needs all values at once"),
        (("rowss", "--target", "strength"), "rowss"),
        (("empty", "--target", "strength"), "no Parquet or Arrow file in the folder empty"),
        (("*.feather", "--target", "strength"), "No file has a name of the pattern *.feather"),
        (("rows", "--target", "strength", "--validation", "0.9999", "--test", "0"), "training part"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(refused, data, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    assert message in refused("train", *arguments, "--stream")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("train", "long.csv", "--target", "strenght"), "There is no target column 'strenght'"),
        (("train", "long.csv", "--target", "b", "--ignore", "d"), "There is no ignored column 'd'"),
        (("train", "long.csv", "--target", "b", "--division", "blocks"), "--division blocks goes by the numbers"),
        (("predict", "concrete.marquardt", "long.csv"), "lacks 5 of the 5 input columns"),
    ],
)
def test_names_of_columns_are_checked_before_text_is_gone_through(call, refused, data, tmp_path, command, message):
    (tmp_path / "long.csv").write_text("a,b\n1,2\n1,2,3\n")  # its last row is refused when it comes
    call("train", "rows", "--target", "strength", "--epochs", 0, "-o", "concrete.marquardt")
    assert message in refused(*command, "--stream")


@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
def test_a_file_that_cannot_be_read_is_refused_without_a_trace(refused, data, tmp_path, stream):
    text = "a,b\n" + "".join(f"{row},{row * row % 97}\n" for row in range(300_000))
    whole = gzip.compress(text.encode(), compresslevel=1)
    for name, length in (("short.csv.gz", 500), ("long.csv.gz", len(whole) - 100)):
        (tmp_path / name).write_bytes(whole[:length])
        assert re.search(f"Cannot read {name}|{name} cannot be read", refused("train", name, "--target", "b", stream))
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    assert "There is no file loop.csv" in refused("train", "loop.csv", "--target", "b", stream)


def test_an_unusable_column_is_named_with_a_way_out(refused, data, tmp_path):
    pq.write_table(data.append_column("when", pa.array([0] * N, pa.date32())), tmp_path / "dated.parquet")
    assert "Column 'when' holds dates or times" in refused("train", "dated.parquet", "--target", "strength", "--stream")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/b.csv", "b"),
        ("a/b.csv.gz", "b"),
        ("a/rows", "rows"),
        ("a/part-*.parquet", "part"),
        ("a/*.parquet", "a"),
        ("a/**/x=?/*.parquet", "a"),
    ],
)
def test_the_network_is_called_after_the_data(source, name):
    assert str(default_output(Path(source))) == f"{name}.marquardt"


@pytest.mark.skipif(os.name == "nt", reason="interrupts work otherwise there")
def test_ctrl_c_keeps_the_best_network_of_passing_rows(begin, data, tmp_path):
    command = ["train", "rows", "--target", "strength", "--ignore", "grade"]
    command += ["--stream", "--epochs", "100000000", "--max-fail", "0", "--min-grad", "0", "--mu-max", "1e300"]
    process = begin(*command)
    seen = ""
    while "25/" not in seen:
        line = process.stdout.readline()
        assert line, seen + process.stderr.read()
        seen += line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "Interrupted: the best network so far is kept and saved." in out
    content = load(tmp_path / "rows.marquardt")
    assert content.record.stop.code == "user"
    validation = content.report["validation"]["targets"]["strength"]["rmse"] ** 2
    assert validation == pytest.approx(np.nanmin(content.record.vperf), rel=1e-9)  # sums in another order


# -- predictions -----------------------------------------------------------------------------------------------------

MANY = 10_000
"""More rows than two pieces."""


TRAININGS = {
    "numbers.m": ("--target", "strength", "--ignore", "grade"),
    "classes.m": ("--target", "grade", "--ignore", "strength"),
    "gaps.m": ("--target", "strength", "--ignore", "grade", "--missing", "drop"),
}


def train(call, network):
    pq.write_table(concrete(), "concrete.parquet")
    options = ("--hidden", "4", "--epochs", "2", "-q", "-o", network)
    assert call("train", "concrete.parquet", *TRAININGS[network], *options).code == 0


@pytest.fixture
def many(call, tmp_path):
    """A network, and a larger table, with gaps and a new word, as files of each kind."""
    train(call, "numbers.m")
    table = concrete(MANY)
    table = table.set_column(2, "kind", pa.array([*table["kind"].to_pylist()[:-1], "lime, slaked"]))
    pq.write_table(table, tmp_path / "many.parquet", row_group_size=3000)
    pyarrow.feather.write_feather(table, tmp_path / "many.arrow", chunksize=1700)
    pyarrow.csv.write_csv(table, tmp_path / "many.csv")
    gaps = [None if row % 7 == 5 else value for row, value in enumerate(table["age"].to_pylist())]
    pq.write_table(table.set_column(0, "age", pa.array(gaps)), tmp_path / "gaps.parquet")
    pq.write_table(table.drop_columns(["strength", "grade"]), tmp_path / "inputs.parquet")
    return table


@pytest.mark.parametrize(
    ("network", "source", "keep", "suffix"),
    [
        ("numbers.m", "many.parquet", False, ".csv"),
        ("numbers.m", "many.parquet", True, ".parquet"),
        ("numbers.m", "many.arrow", True, ".csv"),
        ("numbers.m", "many.csv", False, ".csv"),
        ("numbers.m", "many.csv", True, ".parquet"),
        ("numbers.m", "inputs.parquet", False, ".parquet"),
        ("classes.m", "many.parquet", False, ".csv"),
        ("classes.m", "many.parquet", True, ".parquet"),
        ("gaps.m", "gaps.parquet", False, ".csv"),
        ("gaps.m", "gaps.parquet", True, ".parquet"),
    ],
)
def test_predictions_batch_by_batch_are_those_in_memory_to_the_bit(call, many, network, source, keep, suffix):
    if network != "numbers.m":
        train(call, network)
    options = ("--unknown", "ignore", *(("--keep",) if keep else ()))
    said = []
    for stream in ("--stream", "--no-stream"):
        answer = call("predict", network, source, "-o", f"{stream[2:]}{suffix}", *options, stream)
        assert (answer.code, answer.err) == (0, "")
        said.append(answer.out.replace(stream[2:], ""))
    assert said[0] == said[1]
    assert "1 value is not among the levels of training, first 'lime, slaked' in data row 10000" in said[0]
    assert ("compared with it" in said[0]) == (source != "inputs.parquet")
    ours, theirs = read_table(f"stream{suffix}"), read_table(f"no-stream{suffix}")
    assert ours.num_rows == MANY
    assert ours.combine_chunks().equals(theirs.combine_chunks())
    # A word with a comma has all words of its piece in quotes.
    if suffix == ".csv" and not keep:
        assert Path("stream.csv").read_bytes() == Path("no-stream.csv").read_bytes()


def test_predictions_batch_by_batch_go_to_standard_output(call, many):
    streamed = call("predict", "numbers.m", "many.parquet", "--unknown", "ignore", "--stream")
    whole = call("predict", "numbers.m", "many.parquet", "--unknown", "ignore", "--no-stream")
    assert (streamed.out, streamed.err) == (whole.out, whole.err)
    assert len(streamed.out.splitlines()) == MANY + 1


def test_a_table_too_large_is_predicted_batch_by_batch_and_it_says_so(call, many, monkeypatch):
    monkeypatch.setattr(open_table, "free_memory", lambda: 100_000)
    answer = call("predict", "numbers.m", "many.parquet", "--unknown", "ignore", "-o", "p.parquet")
    assert "many.parquet is read batch by batch: as a whole it would take about" in answer.out
    assert "Predicted 10,000 rows: p.parquet" in answer.out


def test_predictions_that_fail_in_a_later_batch_leave_no_file(refused, many):
    for stream in ("--stream", "--no-stream"):
        message = refused("predict", "numbers.m", "many.parquet", "-o", "p.csv", stream)
        assert "'kind' has the level 'lime, slaked' in data row 10000" in message
        assert ("(1 such values)" in message) == (stream == "--no-stream")


def test_a_table_without_the_inputs_is_refused_before_it_is_read(refused, many, tmp_path):
    pq.write_table(many.drop_columns(["age"]), tmp_path / "other.parquet")
    message = refused("predict", "numbers.m", "other.parquet", "-o", "p.csv", "--stream")
    assert "lacks 1 of the 4 input columns that the network was trained with: 'age'" in message


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("rows", "rows/p.parquet"),
        ("rows/*.parquet", "rows/a.parquet"),
        ("rows/*.parquet", "rows/new.parquet"),
        ("ro?s/**/*.parquet", "rows/new.parquet"),
    ],
)
def test_predictions_do_not_become_part_of_the_data(refused, many, tmp_path, source, output):
    (tmp_path / "rows").mkdir()
    pq.write_table(many, tmp_path / "rows" / "a.parquet")
    message = refused("predict", "numbers.m", source, "-o", output, "--force", "--stream")
    assert f"would be one of the files of {source}" in message


def test_a_gap_in_a_later_batch_gets_an_empty_prediction_and_a_note(call, many):
    answer = call("predict", "numbers.m", "gaps.parquet", "-o", "p.csv", "--stream", "--unknown", "ignore")
    assert "1428 of 10000 rows have missing values and get no prediction." in answer.out + answer.err
    rows = Path("p.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(rows) == 10_000
    assert sum(row.strip('"') == "" for row in rows) == 1428
