"""A table that is written reads back the same, and nothing is replaced or left behind unasked."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquardt.errors import ConfigurationError, DataError, FileError, ShapeError
from marquardt.tables import Written, check_table_suffix, read_table, write_table, writing_table

SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".CSV"])
def test_what_is_written_reads_back_the_same(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    columns = {
        "x": np.array([0.1, np.nan, 1e-300]),
        "n": np.array([2**60 + 1, 0, -3]),
        "wet": np.array([True, False, True]),
        "color, or so": np.array(["red", "a,b;\tc", 'say "no"\nor yes']),
        "late": [None, "x", None],
    }
    write_table(path, list(columns), list(columns.values()))
    assert read_table(path).to_pydict() == {
        "x": [0.1, None, 1e-300],
        "n": [2**60 + 1, 0, -3],
        "wet": [True, False, True],
        "color, or so": ["red", "a,b;\tc", 'say "no"\nor yes'],
        "late": [None, "x", None],
    }
    assert os.listdir(tmp_path) == [path.name]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_read_back_to_the_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.getbasetemp() / "bits.csv"
    write_table(path, ["x"], [np.array(numbers)], force=True)
    assert read_table(path).column("x").cast(pa.float64()).to_numpy().tobytes() == np.array(numbers).tobytes()


def test_csv_is_plain_where_it_can_be(tmp_path):
    write_table(tmp_path / "a.csv", ["color", "x"], [["red", None], [1.5, float("nan")]])
    assert (tmp_path / "a.csv").read_text() == "color,x\nred,1.5\n,\n"


def test_arrow_arrays_are_written_as_they_are(tmp_path):
    write_table(tmp_path / "a.parquet", ["a", "b"], [pa.array([1, 2]), pa.chunked_array([["x"], ["y"]])])
    assert read_table(tmp_path / "a.parquet").to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_existing_file_is_refused_without_force_and_replaced_with_it(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    path.write_text("old")
    with pytest.raises(FileError, match=r"exists already.*force=True"):
        write_table(path, ["x"], [[1.0]])
    assert path.read_text() == "old"
    write_table(path, ["x"], [[1.0]], force=True)
    assert read_table(path).to_pydict() == {"x": [1]} if suffix in (".csv", ".tsv") else {"x": [1.0]}
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_folder_is_refused(tmp_path, suffix):
    with pytest.raises(FileError, match="there is no folder"):
        write_table(tmp_path / "missing" / f"rows{suffix}", ["x"], [[1.0]])


def test_a_value_that_parquet_cannot_hold_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(self, table):
        raise KeyboardInterrupt

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", fail)
    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / "rows.parquet", ["x"], [[1.0]])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rows.xlsx", r"must end in \.csv, \.tsv, \.parquet, \.pq, got 'rows\.xlsx' with the suffix '\.xlsx'"),
        ("rows", "got 'rows' with no suffix"),
        ("rows.parqet", r"Did you mean '\.parquet'\?"),
    ],
)
def test_other_suffixes_are_refused(name, message):
    with pytest.raises(ConfigurationError, match=message):
        check_table_suffix(name)
    with pytest.raises(ConfigurationError, match=message):
        write_table(name, ["x"], [[1.0]])


@pytest.mark.parametrize(
    ("names", "columns", "error", "message"),
    [
        (["a", "b"], [[1]], ShapeError, "2 names and 1 columns"),
        ([], [], ShapeError, "at least one column"),
        (["a", "b"], [[1], [1, 2]], ShapeError, r"one length, got \[1, 2\]"),
        (["a"], [np.ones((2, 2))], ShapeError, r"'a' must have one dimension, got the shape \(2, 2\)"),
        (["a"], [[[1.0], [2.0]]], ShapeError, "'a' must have one dimension, got values of type list"),
        (["a", "a"], [[1], [2]], DataError, "different names, got 'a' twice"),
        (["a"], [[1, "x"]], DataError, "'a' cannot be written"),
    ],
)
def test_columns_that_make_no_table_are_refused(tmp_path, names, columns, error, message):
    with pytest.raises(error, match=message):
        write_table(tmp_path / "rows.csv", names, columns)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pieces_make_the_file_that_the_whole_makes(tmp_path, suffix):
    names, rng = ["x", "label", "n"], np.random.default_rng(0)
    columns = [rng.normal(size=20), [None, "a", "b,c", "d"] * 5, np.arange(20)]
    columns[0][7] = np.nan
    write_table(tmp_path / f"whole{suffix}", names, columns)
    with writing_table(tmp_path / f"pieces{suffix}") as writer:
        for first in range(0, 20, 4):
            writer.write(names, [column[first : first + 4] for column in columns])
    assert read_table(tmp_path / f"pieces{suffix}").equals(read_table(tmp_path / f"whole{suffix}"))
    if suffix in (".csv", ".tsv"):
        assert (tmp_path / f"pieces{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_piece_that_does_not_fit_leaves_nothing_behind(tmp_path, suffix):
    def write():
        with writing_table(tmp_path / f"rows{suffix}") as writer:
            writer.write(["x"], [[1.5]])
            writer.write(["x"], [["word"]])

    with pytest.raises(DataError, match="do not fit those before"):
        write()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_chunks_without_values_are_passed_over(tmp_path, suffix):
    words = pa.chunked_array([[], ["a", "b,c"], [], ["d"]], pa.string())
    write_table(tmp_path / f"rows{suffix}", ["word", "x"], [words, np.arange(3.0)])
    assert read_table(tmp_path / f"rows{suffix}").to_pydict() == {"word": ["a", "b,c", "d"], "x": [0, 1, 2]}


@pytest.mark.skipif(not hasattr(pa, "string_view"), reason="older versions of Arrow have no views")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("is_categorical", [False, True])
def test_text_as_polars_stores_it_is_written(tmp_path, suffix, is_categorical):
    words = pa.chunked_array([pa.array(["a", None]).cast(pa.string_view()), pa.array(["b,c"]).cast(pa.string_view())])
    if is_categorical:
        chunks = [chunk.cast(pa.string()).dictionary_encode() for chunk in words.chunks]
        made = [pa.DictionaryArray.from_arrays(each.indices, each.dictionary.cast(pa.string_view())) for each in chunks]
        words = pa.chunked_array(made)
    write_table(tmp_path / f"rows{suffix}", ["word", "x"], [words, np.arange(3.0)])
    assert read_table(tmp_path / f"rows{suffix}").to_pydict() == {"word": ["a", None, "b,c"], "x": [0, 1, 2]}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_labels_are_written_with_what_they_hold(tmp_path, suffix):
    labels = pa.array(["a", None, 'b,c\td "e"']).dictionary_encode()
    write_table(tmp_path / f"rows{suffix}", ["label", "x"], [labels, np.arange(3.0)])
    assert read_table(tmp_path / f"rows{suffix}").to_pydict() == {"label": ["a", None, 'b,c\td "e"'], "x": [0, 1, 2]}


@pytest.mark.parametrize("like", [Written(";", ","), Written(",", ","), Written("|", "."), Written("\t", ",")])
def test_a_table_written_like_a_file_reads_back_the_same(tmp_path, like):
    columns = {"a": [1.5, None, -2e-300], "b": [1, 2, None], "c": ["x;y", "1,5", "z|w"], "d": [True, False, None]}
    write_table(tmp_path / "rows.csv", list(columns), list(columns.values()), like=like)
    read = read_table(tmp_path / "rows.csv", text=["c"])
    assert read.to_pydict() == columns
    assert Written.of(read.schema) == like


def test_a_tsv_has_tabs_whatever_it_is_like(tmp_path):
    write_table(tmp_path / "rows.tsv", ["a", "b"], [[1.5], [2]], like=Written(";", ","))
    assert (tmp_path / "rows.tsv").read_text() == "a\tb\n1,5\t2\n"


def test_what_a_parquet_file_says_of_text_is_not_believed(tmp_path):
    (tmp_path / "rows.csv").write_text("A title\na;b\n1,5;2\n2,5;3\n")
    read = read_table(tmp_path / "rows.csv")
    assert Written.of(read.schema).notes
    pyarrow.parquet.write_table(read, tmp_path / "rows.parquet")
    assert Written.of(read_table(tmp_path / "rows.parquet").schema) == Written()
