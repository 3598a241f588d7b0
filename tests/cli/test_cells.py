"""What a cell means is the same at training and at prediction, in memory and batch by batch, whatever the file."""

import csv
import io
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from marquardt import DataError, NetworkClassifier, NetworkRegressor
from marquardt.storage import load
from marquardt.tables import InputColumn, TableCoding

from .made import write

QUICK = ("--hidden", "3", "--epochs", "20", "--quiet", "--force")


def column_of(text, name):
    return [row[name] for row in csv.DictReader(io.StringIO(text))]


def colors(n_rows=120):
    """y = 2x, and 1 more where it is red."""
    rng = np.random.default_rng(0)
    x, color = rng.uniform(0, 10, n_rows), rng.choice(["red", "green", "blue"], n_rows)
    return [["x", "c", "y"], *([a, b, 2 * a + (b == "red")] for a, b in zip(x, color, strict=True))]


# -- a code that training never saw ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
@pytest.mark.parametrize("seed", range(3))
def test_an_unseen_word_is_predicted_between_the_words_of_the_training(call, tmp_path, seed, how):
    write(tmp_path / "t.csv", colors())
    words = ["mauve", "red", "green", "blue"]
    write(tmp_path / "new.csv", [["x", "c"], *([x, word] for x in (2, 5, 8) for word in words)])
    assert call("train", "t.csv", "-t", "y", "--epochs", "100", "-q", "--seed", seed, how, "-o", "n.m").code == 0
    answer = call("predict", "n.m", "new.csv", "--unknown", "ignore", how)
    assert "first 'mauve' in data row 1: such rows are predicted as the mean over the levels" in answer.err
    content = load("n.m")
    shares = dict(zip(*(content.coding["inputs"][1][key] for key in ("levels", "shares")), strict=True))
    assert sum(shares.values()) == pytest.approx(1)
    n_train = len(content.record.parts.train)
    counts = n_train * np.array(list(shares.values()))
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    predicted = np.array(column_of(answer.out, "y"), dtype=float).reshape(3, 4)
    np.testing.assert_allclose(predicted[:, 0], predicted[:, 1:] @ [shares[word] for word in words[1:]], rtol=1e-12)
    # y is 2 x, and 1 more for one of the words: no more can be meant
    assert (np.abs(predicted[:, 0] - [4.5, 10.5, 16.5]) < 0.5).all()


def test_an_unseen_word_gets_the_mean_of_the_probabilities(call, tmp_path):
    rows = [["x", "c", "class"], *([x, c, "high" if y > 10.5 else "low"] for x, c, y in colors()[1:])]
    write(tmp_path / "t.csv", rows)
    write(tmp_path / "new.csv", [["x", "c"], *([5, word] for word in ("mauve", "red", "green", "blue"))])
    assert call("train", "t.csv", "-t", "class", "--epochs", "20", "--alpha", "0.1", "-q", "-o", "n.m").code == 0
    answer = call("predict", "n.m", "new.csv", "--unknown", "ignore")
    of_words = load("n.m").coding["inputs"][1]
    shares = dict(zip(of_words["levels"], of_words["shares"], strict=True))
    unseen, *known = np.array(column_of(answer.out, "p(high)"), dtype=float)
    assert unseen == pytest.approx(np.dot(known, [shares[word] for word in ("red", "green", "blue")]), rel=1e-12)


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_a_level_outside_the_training_part_is_said_and_does_not_spoil_its_part(call, tmp_path, how):
    rows = colors()
    for place in (7, 40, 77, 100):
        rows[place][1] = f"rare {place}"
    write(tmp_path / "t.csv", rows)
    found = []
    for seed in range(3):
        arguments = ("--epochs", "100", "--force", "--seed", seed, how, "-o", "n.m")
        answer = call("train", "t.csv", "-t", "y", *arguments)
        coding = TableCoding.from_dict(load("n.m").coding)
        unlearned = coding.input_columns[1].unlearned
        found.extend(unlearned)
        for level in unlearned:
            assert f"{level!r}" in answer.out.partition("no row that trains has ")[2]
        report, other = load("n.m").report, call("predict", "n.m", "t.csv", how, "-o", "p.csv", "--force")
        assert ("of a level that no training row had" in other.out) == bool(unlearned)
        sse = sum(part["samples"] * part["targets"]["y"]["rmse"] ** 2 for part in report.values())
        predicted = np.array(column_of((tmp_path / "p.csv").read_text(), "y"), dtype=float)
        targets = np.array([row[2] for row in rows[1:]])
        assert sse == pytest.approx(((predicted - targets) ** 2).sum(), rel=1e-9)  # the parts saw the same codes
        levels = np.eye(len(coding.input_columns[1].levels))
        codes = coding.inputs(pa.table({"x": [1.0] * len(levels), "c": list(coding.input_columns[1].levels)}))[:, 1:]
        for level, code, own in zip(coding.input_columns[1].levels, codes, levels, strict=True):
            np.testing.assert_array_equal(code, coding.input_columns[1].shares if level in unlearned else own)
    assert found


@pytest.mark.parametrize("target", ["y", "class"])
@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_rows_without_a_target_are_left_out_and_said(call, tmp_path, how, target):
    rows = [["x", "c", "y", "class"], *([x, c, y, "high" if y > 10.5 else "low"] for x, c, y in colors()[1:])]
    for place in (5, 60):
        rows[place][2:] = ["", ""]
    rows[5][:2] = ["", "a word of no other row"]
    names = ("--inputs", "x,c", "-t", target, "--epochs", "5", "--alpha", "0.1", how)
    write(tmp_path / "t.csv", rows)
    write(tmp_path / "whole.csv", [row for row in rows if row[2] != ""])
    answer = call("train", "t.csv", *names, "-o", "n.m")
    assert answer.code == 0, answer.err
    assert "2 rows are left out, of 120: no target is there." in answer.out
    assert call("train", "whole.csv", *names, "-o", "whole.m").code == 0
    one, other = load("n.m"), load("whole.m")
    assert one.coding["inputs"][1]["levels"] == ["blue", "green", "red"]
    assert sum(part["samples"] for part in one.report.values()) == 118
    if how == "--stream":  # divided by content, and so as without those rows
        np.testing.assert_allclose(one.network.weights, other.network.weights, rtol=1e-9)


# -- what one door saved the other one uses, by names ----------------------------------------------------------------


@pytest.mark.parametrize("frame", [pd.read_csv, pl.read_csv])
def test_a_network_of_the_command_line_finds_the_columns_of_a_frame_by_name(call, tmp_path, frame):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 80))
    write(tmp_path / "t.csv", [["a", "b", "y"], *zip(a, b, 500 + a + 40 * b, strict=True)])
    assert call("train", "t.csv", "-t", "y", *QUICK).code == 0
    expected = np.array(column_of(call("predict", "t.marquardt", "t.csv").out, "y"), dtype=float)
    model = NetworkRegressor.from_file("t.marquardt")
    assert model.feature_names_in_.tolist() == ["a", "b"]
    table = frame("t.csv")
    for names in (["a", "b"], ["b", "a"], ["b", "y", "a"]):
        np.testing.assert_array_equal(model.predict(table[names]), expected)
    with pytest.raises(ValueError, match="lacks 1 of the 2 input columns"):
        model.predict(table[["a"]])


def test_words_and_gaps_of_a_frame_are_coded_as_the_command_line_coded_them(call, tmp_path):
    rows = colors()
    rows[5][0] = rows[9][1] = ""
    rows[0][2:] = ["kind"]
    for number, row in enumerate(rows[1:]):
        row[2] = "low" if row[0] and row[0] < 5 else "high"
        row.append(["true", "false"][number % 2])
    rows[0].append("wet")
    write(tmp_path / "t.csv", rows)
    assert call("train", "t.csv", "-t", "kind", "--missing", "mean", *QUICK).code == 0
    expected = call("predict", "t.marquardt", "t.csv").out
    model = NetworkClassifier.from_file("t.marquardt")
    frame = pd.read_csv("t.csv")[["wet", "c", "x"]]
    assert model.predict(frame).tolist() == column_of(expected, "kind")
    np.testing.assert_array_equal(model.predict_proba(frame)[:, 0], np.array(column_of(expected, "p(high)"), float))
    coded = pd.DataFrame(
        TableCoding.from_dict(load("t.marquardt").coding).inputs(frame), columns=model.feature_names_in_
    )
    assert model.predict(coded[coded.columns[::-1]]).tolist() == column_of(expected, "kind")
    model.save("again.marquardt")  # and back again
    assert call("predict", "again.marquardt", "t.csv").out == expected


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_the_command_line_predicts_with_what_an_estimator_saved(call, tmp_path, frame):
    rng = np.random.default_rng(0)
    data = frame({"a": rng.normal(size=80), "b": rng.normal(size=80)})
    number = NetworkRegressor(3, random_state=0, n_restarts=1).fit(data, data["a"] + 2 * data["b"])
    kind = NetworkClassifier(3, random_state=0, n_restarts=1, max_iter=20).fit(
        data, np.where(data["a"] > 0, "up", "down")
    )
    number.save(tmp_path / "number.marquardt")
    kind.save(tmp_path / "kind.marquardt")
    write(tmp_path / "new.csv", [["b", "n", "a"], *zip(data["b"], range(80), data["a"], strict=True)])
    predicted = column_of(call("predict", "number.marquardt", "new.csv").out, "prediction")
    np.testing.assert_array_equal(np.array(predicted, float), number.predict(data))
    assert column_of(call("predict", "kind.marquardt", "new.csv").out, "class") == kind.predict(data).tolist()


def test_a_new_fit_forgets_how_the_table_before_was_coded(call, tmp_path):
    write(tmp_path / "t.csv", colors())
    assert call("train", "t.csv", "-t", "y", *QUICK).code == 0
    model = NetworkRegressor.from_file("t.marquardt").set_params(n_restarts=1, max_iter=5)
    frame = pd.DataFrame({"p": np.arange(20.0), "q": np.arange(20.0) ** 2})
    answers = model.fit(frame, frame["q"]).predict(frame)
    model.save("new.marquardt")
    assert load("new.marquardt").coding is None
    np.testing.assert_array_equal(NetworkRegressor.from_file("new.marquardt").predict(frame), answers)


# -- one meaning of a cell, whatever the file ------------------------------------------------------------------------

WORDS = ["NA", "null", "?", "N/A", "nan", ""]


def written(tmp_path, frame, name="t"):
    """The same table as CSV and as Parquet; returns the names."""
    frame.to_csv(tmp_path / f"{name}.csv", index=False)
    frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
    return f"{name}.csv", f"{name}.parquet"


def with_words(*levels):
    rng = np.random.default_rng(3)
    x, c = rng.uniform(0, 10, 80), rng.choice([*levels, "EU", "AS"], 80)
    return pd.DataFrame({"x": x, "c": c, "y": 2 * x + 3 * (c == levels[0])})


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_level_is_a_level_in_whatever_file_it_comes(call, tmp_path, kind, word, how):
    text, parquet = written(tmp_path, with_words(word))
    given = text if kind == "csv" else parquet
    answer = call("train", given, "-t", "y", "--epochs", "20", how, "--keep-words", word, "-o", "n.m")
    assert f"Note: Column 'c': {word!r} is a level." in answer.out
    assert word in TableCoding.from_dict(load("n.m").coding).input_columns[1].levels
    predicted = [call("predict", "n.m", file, how).out for file in (text, parquet)]
    assert predicted[0] == predicted[1]
    assert "" not in column_of(predicted[0], "y")


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
@pytest.mark.parametrize("word", WORDS)
def test_a_word_for_what_is_missing_is_that_at_training_whatever_the_file(call, refused, tmp_path, word, how):
    text, parquet = written(tmp_path, with_words(word, "UK"))
    arguments = ("-t", "y", *QUICK, how, "--force", "-o", "n.m")
    said = [refused("train", file, *arguments) for file in (text, parquet)]
    assert all("Values are missing in 'c'" in each for each in said)
    assert said[0] == said[1] or not word
    assert f"--keep-words {shlex.quote(word)}" in said[1]
    codings = []
    for file in (text, parquet):
        assert call("train", file, "--missing", "mean", *arguments).code == 0
        codings.append(replace(TableCoding.from_dict(load("n.m").coding), notes=()))
    assert codings[0] == codings[1]
    assert word not in codings[0].input_columns[1].levels


def test_labels_of_a_categorical_column_are_what_they_are(call, tmp_path):
    frame = with_words("NA", "UK").astype({"c": "category"})
    _, parquet = written(tmp_path, frame)
    assert call("train", parquet, "-t", "y", *QUICK, "-o", "n.m").code == 0
    assert "NA" in TableCoding.from_dict(load("n.m").coding).input_columns[1].levels


# -- numbers with a unit, and codes ----------------------------------------------------------------------------------


def weights(n_rows=40, unit="kg"):
    rng = np.random.default_rng(2)
    numbers = rng.uniform(1, 20, n_rows).round(3)
    return [["w", "y"], *([f"{w} {unit}", f"{2 * w:.3f}"] for w in numbers)]


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_numbers_with_a_unit_are_numbers_at_training_and_at_prediction(call, refused, tmp_path, how):
    write(tmp_path / "t.csv", weights())
    answer = call("train", "t.csv", "-t", "y", "--hidden", "none", how, "--epochs", "20", "-o", "n.m")
    assert "Note: Column 'w': read as numbers in kg." in " ".join(answer.out.split())
    assert TableCoding.from_dict(load("n.m").coding).input_columns == (InputColumn("w", "number", unit="kg"),)
    write(tmp_path / "kg.csv", [["w"], ["5 kg"], ["7.5 kg"]])
    write(tmp_path / "plain.csv", [["w"], ["5"], ["7.5"]])
    answers = [call("predict", "n.m", name, how) for name in ("kg.csv", "plain.csv")]
    assert answers[0].out == answers[1].out
    np.testing.assert_allclose(np.array(column_of(answers[0].out, "y"), float), [10, 15], atol=1e-3)
    assert "read as numbers in kg" in answers[0].err
    write(tmp_path / "lb.csv", [["w"], ["5 lb"], ["7.5 lb"]])
    assert "Column 'w' is in lb, and was in kg at training" in refused("predict", "n.m", "lb.csv", how)


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_a_target_with_a_unit_is_a_regression(call, tmp_path, how):
    write(tmp_path / "t.csv", [[y, w] for w, y in weights(unit="€")])
    answer = call("train", "t.csv", "-t", "w", "--hidden", "none", how, "--epochs", "20", "-o", "n.m")
    assert "target 'w' (regression)" in answer.out
    assert "Note: Column 'w': read as numbers in €." in " ".join(answer.out.split())


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["800 g", "12.5 kg"], "numbers in several units, such as '800 g' in data row 1 and '12.5 kg' in data row 2"),
        (["13", "12.5 kg"], "numbers with a unit, but not in all cells"),
        (["unknown", "12.5 kg"], "not in all cells, such as 'unknown' in data row 1 and '12.5 kg' in data row 2"),
    ],
)
def test_what_has_not_one_unit_is_refused_for_that_reason(refused, tmp_path, cells, reason, how):
    header, *rows = weights(120)
    write(tmp_path / "t.csv", [header, *([cell, "1.5"] for cell in cells), *rows])
    assert reason in refused("train", "t.csv", "-t", "y", how, "-o", "n.m")


def test_numbers_with_a_unit_stored_as_text_are_refused_for_that_reason(refused, tmp_path):
    header, *rows = weights()
    frame = pd.DataFrame(rows, columns=header).astype({"y": float})
    _, parquet = written(tmp_path, frame)
    assert "numbers with a unit that are stored as text" in refused("train", parquet, "-t", "y", "-o", "n.m")


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_codes_with_zeros_in_front_are_levels_and_keep_their_zeros(call, tmp_path, kind, how):
    rows = [[f"{k % 4 * 7:03d}", f"{k:03d}", f"{k % 4 * 7 % 5 + k / 100}"] for k in range(60)]
    write(tmp_path / "t.csv", [["shop", "n", "y"], *rows])
    pd.DataFrame(rows, columns=["shop", "n", "y"]).astype({"n": int, "y": float}).to_parquet(tmp_path / "t.parquet")
    answer = call("train", f"t.{kind}", "-t", "y", "--epochs", "20", how, "-o", "n.m")
    assert "Note: Column 'shop': values such as '000' are codes, each of which is a level." in " ".join(
        answer.out.split()
    )
    shop, n = TableCoding.from_dict(load("n.m").coding).input_columns
    assert (shop.kind, shop.levels, n.kind) == ("category", ("000", "007", "014", "021"), "number")
    write(tmp_path / "new.csv", [["shop", "n"], ["007", "003"], ["014", "003"], ["007", "004"]])
    assert call("predict", "n.m", "new.csv", how).code == 0


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_numbers_of_the_training_and_targets_are_no_codes(call, tmp_path, how):
    write(tmp_path / "t.csv", [["x", "y"], *([f"{k}", f"{k % 7:02d}"] for k in range(60))])
    assert call("train", "t.csv", "-t", "y", *QUICK, how, "-o", "n.m").code == 0
    coding = TableCoding.from_dict(load("n.m").coding)
    assert (coding.task, coding.input_columns[0].kind) == ("regression", "number")
    write(tmp_path / "new.csv", [["x"], ["01"], ["02"], ["01"]])
    write(tmp_path / "same.csv", [["x"], ["1"], ["2"], ["1"]])
    assert call("predict", "n.m", "new.csv", how).out == call("predict", "n.m", "same.csv", how).out


def test_a_series_of_digits_with_zeros_in_front_is_numbers(call, tmp_path):
    write(tmp_path / "t.csv", [["y"], *([f"{k % 7:02d}"] for k in range(60))])
    arguments = ("--target", "y", "--lags", "1-7", "--splits", 0, "--epochs", 5, "--horizon", 3)
    assert call("forecast", "t.csv", *arguments).code == 0


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_was_missing_is_missing_in_whatever_file_it_comes(call, tmp_path, word, how):
    text, parquet = written(tmp_path, with_words(word))
    assert call("train", text, "-t", "y", "--missing", "mean", *QUICK, how, "-o", "n.m").code == 0
    assert TableCoding.from_dict(load("n.m").coding).input_columns[1].levels == ("AS", "EU")
    answers = [call("predict", "n.m", file, how) for file in (text, parquet)]
    assert answers[0].out == answers[1].out
    assert all("missing values are filled with its most frequent level" in answer.err for answer in answers)


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_a_kept_word_is_a_level_and_means_that_a_number_is_missing(call, tmp_path, how):
    frame = with_words("NA")
    frame["n"] = [None if row % 9 == 0 else row * row % 31 for row in range(80)]
    text, _ = written(tmp_path, frame)
    (tmp_path / "t.csv").write_text((tmp_path / "t.csv").read_text().replace(",\n", ",NA\n"))
    options = ("-t", "y", "--missing", "mean", "--keep-words", "NA", *QUICK, how, "-o", "n.m")
    assert call("train", text, *options).code == 0
    columns = TableCoding.from_dict(load("n.m").coding).input_columns
    assert columns[1].levels == ("AS", "EU", "NA")
    assert (columns[2].kind, columns[2].fill) == ("number", pytest.approx(frame["n"].mean()))
    assert "9 missing values are filled with the mean" in call("predict", "n.m", text, how).err


def test_a_word_that_was_read_as_missing_is_named_with_a_way_to_keep_it(call, refused, tmp_path):
    text, _ = written(tmp_path, with_words("NA"))
    assert "'NA' was read as missing; where it is a word like others, keep it with --keep-words NA" in refused(
        "train", text, "-t", "y"
    )
    out = call("train", text, "-t", "y", "--missing", "drop", "--epochs", "5").out
    assert "Note: Column 'c': 'NA' was read as missing" in out
    for words, wrong in (("NAN,Na", "Na"), ("EU", "EU"), ("NA,", "")):
        assert f"got {wrong!r}" in refused("train", text, "-t", "y", "--keep-words", words, "--force")


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_blanks_around_words_and_names_mean_nothing_in_any_file(call, tmp_path, how):
    frame = with_words(" AF ", "AF").rename(columns={"c": " c "})
    text, parquet = written(tmp_path, frame)
    for file in (text, parquet):
        assert call("train", file, "-t", "y", "--ignore", "x", *QUICK, how, "-o", f"{file}.m").code == 0
        assert load(f"{file}.m").coding["inputs"][0]["levels"] == ["AF", "AS", "EU"]
    assert len({call("predict", "t.csv.m", file, how).out for file in (text, parquet)}) == 1


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_classes_keep_their_zeros(call, tmp_path, how):
    rng = np.random.default_rng(0)
    x = rng.normal(size=90)
    for labels in (["00", "01", "02"], ["10", "11", "12"], ["007", "7", "12"]):
        rows = [["x", "code"], *([value + 4 * k, labels[k]] for value in x[:30] for k in range(3))]
        write(tmp_path / "t.csv", rows)
        assert call("train", "t.csv", "-t", "code", "--task", "classification", *QUICK, how).code == 0
        predicted = column_of(call("predict", "t.marquardt", "t.csv", how).out, "code")
        assert set(predicted) == set(labels)
        kind = int if labels[0] == "10" else str
        assert {type(label) for label in load("t.marquardt").classes} == {kind}


# -- a prediction needs what it uses, and no more --------------------------------------------------------------------


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
@pytest.mark.parametrize("bad", ["tbd", "2020-01-02", "inf"])
def test_no_target_is_an_obstacle_to_a_prediction(call, tmp_path, bad, how):
    rows = colors()
    write(tmp_path / "t.csv", rows)
    assert call("train", "t.csv", "-t", "y", *QUICK, "-o", "n.m").code == 0
    plain = call("predict", "n.m", "t.csv", how)
    assert "compared with it" in plain.err
    rows[100][2] = bad
    write(tmp_path / "bad.csv", rows)
    answer = call("predict", "n.m", "bad.csv", how)
    assert answer.code == 0
    assert answer.out == plain.out
    assert "Not compared with the target that the table has, too: Column 'y' " in answer.err
    assert "compared with it" not in answer.err


def test_a_class_that_training_did_not_see_is_no_obstacle(call, tmp_path):
    rows = [row[:2] for row in colors()]
    write(tmp_path / "t.csv", rows)
    assert call("train", "t.csv", "-t", "c", *QUICK, "-o", "n.m").code == 0
    plain = call("predict", "n.m", "t.csv").out
    rows[5][1] = "mauve"
    write(tmp_path / "new.csv", rows)
    answer = call("predict", "n.m", "new.csv")
    assert answer.out == plain
    assert "Target 'c' has the class 'mauve' in data row 5" in answer.err


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
@pytest.mark.parametrize("column", [0, 1])
def test_an_empty_cell_costs_its_own_row_only(call, tmp_path, how, column):
    rows = colors()
    write(tmp_path / "t.csv", rows)
    assert call("train", "t.csv", "-t", "y", *QUICK, "-o", "n.m").code == 0
    plain = column_of(call("predict", "n.m", "t.csv", how).out, "y")
    rows[3][column] = ""
    write(tmp_path / "gap.csv", rows)
    answer = call("predict", "n.m", "gap.csv", how)
    assert answer.code == 0
    assert column_of(answer.out, "y") == [*plain[:2], "", *plain[3:]]
    assert "Note: 1 of 120 rows have missing values and get no prediction." in answer.err


def test_kept_columns_keep_their_names_beside_predictions(call, tmp_path):
    rows = colors()
    write(tmp_path / "t.csv", rows)
    assert call("train", "t.csv", "-t", "y", *QUICK, "-o", "n.m").code == 0
    assert call("predict", "n.m", "t.csv", "--keep", "-o", "p.csv").code == 0
    answer = call("predict", "n.m", "p.csv", "--keep")
    assert next(csv.reader(io.StringIO(answer.out))) == ["x", "c", "y", "predicted y", "predicted y 2"]
    assert column_of(answer.out, "predicted y") == column_of(answer.out, "predicted y 2")


# -- true and false --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_true_and_false_are_1_and_0_whoever_trained_and_whoever_predicts(call, tmp_path, suffix):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "b": rng.random(60) > 0.5})
    frame["y"] = frame["a"] + 2 * frame["b"]
    numbers = frame.assign(b=frame["b"].astype(int))
    NetworkRegressor((), random_state=0, alpha=0.0).fit(frame[["a", "b"]], frame["y"]).save(tmp_path / "estimator.m")
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert call("train", "t.csv", "-t", "y", "--hidden", "none", "--epochs", "20", "-o", "command.m").code == 0
    for name in ("estimator.m", "command.m"):
        found = [NetworkRegressor.from_file(tmp_path / name).predict(each[["a", "b"]]) for each in (frame, numbers)]
        for each in (frame, numbers):
            each.to_csv(tmp_path / "n.csv", index=False)
            each.to_parquet(tmp_path / "n.parquet")
            answer = call("predict", name, f"n.{suffix}")
            assert answer.code == 0, answer.err
            found.append(np.array(column_of(answer.out, "y" if name == "command.m" else "prediction"), dtype=float))
        for one in found:
            np.testing.assert_allclose(one, frame["y"], atol=1e-4)


# -- a table without rows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow"])
@pytest.mark.parametrize("target", ["y", "class"])
def test_an_empty_table_is_predicted_as_an_empty_table(call, tmp_path, target, kind, how, keep):
    rows = [["x", "c", "y", "class"], *([x, c, y, "high" if y > 10.5 else "low"] for x, c, y in colors()[1:])]
    write(tmp_path / "t.csv", rows)
    assert call("train", "t.csv", "--inputs", "x,c", "-t", target, "--epochs", "3", "-o", "n.m").code == 0
    table = pyarrow.csv.read_csv(tmp_path / "t.csv").slice(0, 0)
    if kind == "csv":
        (tmp_path / "new.csv").write_text("x,c,y,class\n")
    elif kind == "parquet":
        pyarrow.parquet.write_table(table, tmp_path / "new.parquet")
    else:
        with pa.ipc.new_file(tmp_path / "new.arrow", table.schema) as file:
            file.write_table(table)
    given = ("predict", "n.m", f"new.{kind}", how, *(["--keep"] if keep else []))
    names = ["y"] if target == "y" else ["class", "p(high)", "p(low)"]
    if keep:
        names = ["x", "c", "y", "class", *(f"predicted {name}" if name == target else name for name in names)]
    answer = call(*given)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines() == [",".join(names)]
    assert "no rows" in answer.err
    assert call(*given, "-o", "p.parquet").code == 0
    predicted = pyarrow.parquet.read_table(tmp_path / "p.parquet")
    assert predicted.num_rows == 0
    assert predicted.column_names == names


def test_an_empty_table_without_the_inputs_is_refused_and_none_is_trained_on(call, refused, tmp_path):
    write(tmp_path / "t.csv", colors())
    assert call("train", "t.csv", "-t", "y", "--epochs", "3", "-o", "n.m").code == 0
    (tmp_path / "new.csv").write_text("x,d\n")
    assert "lacks 1 of the 2 input columns" in refused("predict", "n.m", "new.csv")
    assert "no rows" in refused("train", "new.csv", "-t", "x")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_comparison_does_with_gaps_and_words_what_a_training_does(call, refused, tmp_path, kind):
    frame = with_words("NA", "UK")
    frame.loc[::9, "x"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    compare = ("compare", f"t.{kind}", "-t", "y", "--goal", 1, "--starts", 1, "--epochs", 2, "-a", "lm")
    said = refused(*compare)
    assert "--missing drop, mean or median" in said
    assert "--keep-words NA" in said
    dropped, kept = (
        " ".join((answer.out + answer.err).split())
        for answer in (
            call(*compare, "--missing", "drop"),
            call(*compare, "--missing", "mean", "--keep-words", "NA"),
        )
    )
    assert "rows are left out: they have missing values" in dropped
    assert "9 missing values are filled with the mean" in kept
    assert "Column 'c': 'NA' is a level" in kept
    assert "--missing belongs to a table" in refused("compare", "parity-2", "--missing", "drop")


def test_an_unknown_level_is_refused_with_what_each_door_has(call, refused, tmp_path):
    rows = [["c", "x", "y"], *(["ab"[n % 2], n, n] for n in range(40))]
    new = [["c", "x"], ["d", 3]]
    write(tmp_path / "t.csv", rows)
    write(tmp_path / "new.csv", new)
    assert call("train", "t.csv", "-t", "y", "--hidden", "none", "--epochs", "3").code == 0
    assert "mean over these with --unknown ignore." in " ".join(refused("predict", "t.marquardt", "new.csv").split())
    with pytest.raises(DataError, match=r"has the level 'd' .* with `marquardt predict … --unknown ignore`, as an est"):
        NetworkRegressor.from_file("t.marquardt").predict(pd.DataFrame(new[1:], columns=new[0]))
