"""A table that goes by is coded as the same table in memory, and refused in the same words."""

import datetime
import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from helpers.passing import Passing
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from marquardt.errors import ConfigurationError, DataError, FileError, MarquardtError
from marquardt.tables import CodedFiles, TableCoding, even_batches, open_rows, read_table, separated, table_bytes
from marquardt.tables.columns import Column
from marquardt.tables.surveying import Growing

N = 60
rng = np.random.default_rng(0)
PLAIN = {
    "area": rng.integers(20, 200, N).tolist(),
    "height": rng.uniform(2, 4, N).tolist(),
    "garden": (rng.random(N) < 0.5).tolist(),
    "street": rng.choice(["oak", "elm", "ash"], N).tolist(),
    "price": rng.uniform(1, 9, N).tolist(),
}


def made(**changed):
    return pa.table({name: values for name, values in (PLAIN | changed).items() if values is not None})


def gaps(values, *places):
    return [None if place in places else value for place, value in enumerate(values)]


def fitted(fit, table, options):
    """A coding, or the error that there is none."""
    try:
        return fit(table, **({"targets": "price"} | options))
    except MarquardtError as error:
        return error


def assert_equal_codings(passing, whole):
    if isinstance(whole, MarquardtError):
        assert (type(passing), str(passing)) == (type(whole), str(whole))
        return
    assert not isinstance(passing, MarquardtError), passing
    ours, theirs = passing.to_dict(), whole.to_dict()
    for one, other in zip(ours["inputs"], theirs["inputs"], strict=True):
        if isinstance(other["fill"], float):
            assert one.pop("fill") == pytest.approx(other.pop("fill"), rel=1e-13)  # a mean of means: some roundings
    assert ours == theirs


WORDS = [f"word {row}" for row in range(N)]
TABLES = {
    "plain": made(),
    "constant": made(area=[7] * N, street=["oak"] * N),
    "nothing varies": made(area=[7] * N, street=["oak"] * N, garden=[True] * N, height=[1.0] * N),
    "gaps": made(
        area=gaps(PLAIN["area"], 3, 30, 59), street=gaps(PLAIN["street"], 8, 9), garden=gaps(PLAIN["garden"], 50)
    ),
    "NaN": made(height=[np.nan, *PLAIN["height"][1:]]),
    "gap in the target": made(price=gaps(PLAIN["price"], 20)),
    "constant where complete": made(area=[1] * 50 + [2] * 10, street=gaps(PLAIN["street"], *range(50, 60))),
    "a constant costs no rows": made(area=gaps([5] * N, *range(40)), street=gaps(PLAIN["street"], 50)),
    "no row is complete": made(area=gaps(PLAIN["area"], *range(30)), height=gaps(PLAIN["height"], *range(30, 60))),
    "empty": made(area=pa.nulls(N)),
    "empty target": made(price=pa.nulls(N)),
    "infinite": made(height=[*PLAIN["height"][:40], np.inf, *PLAIN["height"][41:]]),
    "dates": made(area=[datetime.date(2020, 1, 1)] * N),
    "lists": made(area=[[1]] * N),
    "dates as words": made(street=[f"2020-01-{1 + row % 28}" for row in range(N)]),
    "numbers as words": made(street=[str(row % 9) for row in range(N)]),
    "mostly numbers": made(street=[*(str(row % 9) for row in range(N - 1)), "many"]),
    "half numbers": made(street=["1", "x", "2", "y"] * 15),
    "ends in numbers": made(street=["x"] * 40 + ["1", "2"] * 10),
    "too loose": made(street=[f"{row % 9} %" for row in range(N)]),
    "names": made(street=WORDS),
    "many words": made(street=[*WORDS[:-1], WORDS[0]]),
    "50 words": made(street=[f"word {row % 50}" for row in range(N)]),
    "51 words": made(street=[f"word {row % 51}" for row in range(N)]),
    "labels": made(street=pa.array(PLAIN["street"]).dictionary_encode()),
    "numbered labels": made(street=pa.array([row % 4 for row in range(N)]).dictionary_encode()),
    "class of words": made(price=[["cheap", "fair", "dear"][row % 3] for row in range(N)]),
    "yes and no": made(price=[row % 3 == 0 for row in range(N)]),
    "one class": made(price=["cheap"] * N),
    "a class a row": made(price=WORDS),
    "whole target": made(price=[row % 4 for row in range(N)]),
    "large whole target": made(price=[2**53 + row % 2 for row in range(N)]),
    "few values": made(price=[0.5 * (row % 4) for row in range(N)]),
    "constant target": made(price=[2.5] * N),
    "small types": made(area=pa.array(PLAIN["area"], pa.uint8()), price=pa.array(PLAIN["price"], pa.float32())),
}
OPTIONS = (
    {},
    {"missing": "drop"},
    {"missing": "mean"},
    {"task": "classification"},
    {"task": "regression"},
    {"inputs": ["street", "area"]},
    {"drop": ["street"], "missing": "drop"},
    {"targets": ["price", "garden"]},
    {"targets": "prize"},
    {"inputs": ["streets"]},
)
# What is known of many different values is less than of few; the place of infinity, but not how often.
OTHER_WORDS = {"infinite", "many words", "names", "51 words"}


@pytest.mark.parametrize("name", [name for name in TABLES if name not in OTHER_WORDS])
def test_a_table_that_goes_by_is_coded_as_in_memory(name):
    table = TABLES[name]
    for options in OPTIONS:
        whole = fitted(TableCoding.fit, table, options)
        assert_equal_codings(fitted(TableCoding.fit_rows, Passing(table), options), whole)


@given(
    columns=st.lists(
        st.one_of(
            st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=24, max_size=24),
            st.lists(st.sampled_from([None, True, False]), min_size=24, max_size=24),
            st.lists(st.sampled_from([None, 1, 2, 3]), min_size=24, max_size=24),
        ),
        min_size=2,
        max_size=4,
    ),
    missing=st.sampled_from(["refuse", "drop", "mean"]),
    length=st.integers(1, 24),
)
@settings(max_examples=60, deadline=None)
def test_any_small_table_is_coded_as_in_memory(columns, missing, length):
    table = pa.table({f"c{number}": values for number, values in enumerate(columns)})
    options = {"targets": "c0", "missing": missing}
    whole = fitted(TableCoding.fit, table, options)
    assert_equal_codings(fitted(TableCoding.fit_rows, Passing(table, length), options), whole)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("infinite", r"'height' holds infinity such as inf in data row 41\. Correct"),
        ("many words", r"'street' has more than 50 different values in 60 rows; at most 50.*drop=\['street'\]"),
        ("names", r"'street' has more than 50 different values in 60 rows"),
        ("51 words", r"'street' has more than 50 different values in 60 rows"),
    ],
)
def test_what_is_known_less_of_is_refused_all_the_same(name, message):
    with pytest.raises(DataError, match=message):
        TableCoding.fit_rows(Passing(TABLES[name]), "price")


def test_many_dates_and_numbers_in_words_are_told_from_words():
    dates = [str(datetime.date(2020, 1, 1) + datetime.timedelta(row)) for row in range(N)]
    with pytest.raises(DataError, match=r"'street' holds dates, such as '2020-01-02' in data row 2"):
        TableCoding.fit_rows(Passing(made(street=[None, *dates[1:]])), "price", missing="drop")
    with pytest.raises(DataError, match="'street' holds numbers stored as text"):
        TableCoding.fit_rows(Passing(made(street=[str(row) for row in range(N)])), "price")


def test_more_classes_than_are_told_apart_are_refused():
    table = pa.table({"x": np.arange(3000.0), "y": np.arange(3000) // 2})
    with pytest.raises(DataError, match=r"'y' has too many classes .* in 3000 rows; ask for task='regression'"):
        TableCoding.fit_rows(Passing(table), "y", task="classification")
    assert TableCoding.fit_rows(Passing(table), "y").notes == ()


def test_a_median_is_refused_with_a_way_out():
    with pytest.raises(ConfigurationError, match=r"the table is read batch by batch.*missing='mean'.*read_table"):
        TableCoding.fit_rows(Passing(made()), "price", missing="median")


# -- coded ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "gaps", "class of words", "yes and no", "labels", "small types"])
@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_pieces_are_coded_as_the_whole(name, missing):
    table = TABLES[name]
    coding = TableCoding.fit(table, "price", missing=missing)
    files = CodedFiles(Passing(table), coding)
    columns = np.concatenate(list(files.batches(7)), axis=1)
    assert len(columns) == len(files.input_names) + len(files.target_names)
    coded = coding.code(table)
    complete = columns[:, coded.rows]
    assert np.isnan(np.delete(columns, coded.rows, axis=1)).any(axis=0).all()
    assert_array_equal(complete[: len(files.input_names)].T, coded.inputs)
    targets = complete[len(files.input_names) :].T
    if coding.classes:
        wanted = np.eye(len(coding.classes))[coded.targets]
        assert_array_equal(targets, wanted if len(coding.classes) > 2 else wanted[:, 1:])
    else:
        assert_array_equal(targets, coded.targets)


def test_a_message_about_a_piece_names_the_row_of_the_whole():
    coding = TableCoding.fit(made(), "price")
    later = made(street=[*PLAIN["street"][:33], "yew", *PLAIN["street"][34:]])
    with pytest.raises(DataError, match=r"'street' has the level 'yew' in data row 34"):
        list(CodedFiles(Passing(later), coding).batches(7))


@given(lengths=st.lists(st.integers(0, 9), max_size=8), n_rows=st.integers(1, 12))
def test_even_batches_are_the_same_rows_in_equal_pieces(lengths, n_rows):
    edges = np.cumsum([0, *lengths])
    pieces = [pa.table({"a": np.arange(*pair)}) for pair in pairwise(edges)]
    found = [batch["a"].to_pylist() for batch in even_batches(iter(pieces), n_rows)]
    assert [value for batch in found for value in batch] == list(range(edges[-1]))
    assert all(len(batch) == n_rows for batch in found[:-1])
    assert not found or 0 < len(found[-1]) <= n_rows


# -- files -----------------------------------------------------------------------------------------------------------


def folder_of(path):
    for number, place in enumerate(("site=north", "site=south%20west")):
        (path / "rows" / place).mkdir(parents=True)
        pq.write_table(made().slice(30 * number, 30), path / "rows" / place / f"part-{number}.parquet")
    return path / "rows"


@pytest.mark.parametrize("kind", ["folder", "pattern", "arrow", "parquet"])
def test_rows_of_files_are_those_of_the_table(tmp_path, kind):
    folder = folder_of(tmp_path)
    path = {
        "folder": folder,
        "pattern": f"{folder}/*/part-*.parquet",
        "arrow": tmp_path / "rows.arrow",
        "parquet": tmp_path / "one.parquet",
    }[kind]
    pyarrow.feather.write_feather(made(), tmp_path / "rows.arrow", chunksize=9)
    pq.write_table(made(), tmp_path / "one.parquet", row_group_size=11)
    rows = open_rows(path)
    names = [name for name in rows.column_names if name != "site"]
    table = pa.concat_tables(rows.batches(names, 8))
    assert rows.n_rows == N
    assert table.combine_chunks().equals(made())
    assert rows.n_bytes >= N * (8 + 8 + 1 + 8 + 8)
    whole = read_table(path)
    assert whole.select(names).combine_chunks().equals(made())
    if kind in ("folder", "pattern"):
        assert whole["site"].to_pylist() == ["north"] * 30 + ["south west"] * 30
    coding = TableCoding.fit_rows(rows, "price")
    assert_equal_codings(coding, TableCoding.fit(whole, "price"))


def test_files_are_read_as_types_that_hold_all_their_values(tmp_path):
    pq.write_table(pa.table({"a": [1, 2], "y": [1.0, 2.0]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [0.5, 2.5], "y": pa.array([1, 2], pa.int8())}), tmp_path / "2.parquet")
    assert read_table(tmp_path).to_pydict() == {"a": [1.0, 2.0, 0.5, 2.5], "y": [1.0, 2.0, 1.0, 2.0]}
    pq.write_table(pa.table({"a": ["x", "2"], "y": [1.0, 2.0]}), tmp_path / "3.parquet")
    with pytest.raises(DataError, match=r"'a' holds values of type double in .*2\.parquet and string in .*3\.parquet"):
        read_table(tmp_path)


def test_words_and_numbers_in_names_of_folders(tmp_path):
    for name in ("year=2023", "year=2024", "year=__HIVE_DEFAULT_PARTITION__"):
        (tmp_path / name).mkdir()
        pq.write_table(pa.table({"a": [1]}), tmp_path / name / "rows.parquet")
    table = read_table(tmp_path)
    assert table.schema.field("year").type == pa.int64()
    assert sorted(table["year"].to_pylist(), key=str) == [2023, 2024, None]
    assert read_table(tmp_path / "year=2024").column_names == ["a"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("rows/*.parquet", r"No file has a name of the pattern .*rows/\*\.parquet"),
        ("none.arrow", r"There is no file .*none\.arrow\. Did you mean 'one\.arrow'\?"),
        ("empty", "There is no Parquet or Arrow file in the folder .*empty"),
        ("broken.arrow", r"broken\.arrow cannot be read"),
        ("*.csv", r"rows\.csv, of the pattern .*\*\.csv, is no Parquet .* Name a CSV file by itself, or convert"),
    ],
)
def test_files_that_cannot_be_are_refused(tmp_path, path, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "one.arrow").write_text("")
    (tmp_path / "broken.arrow").write_text("no table")
    (tmp_path / "rows.csv").write_text("a,y\n1,2\n")
    for read in (open_rows, read_table):
        with pytest.raises(FileError, match=message):
            read(tmp_path / path)


def test_a_column_that_one_file_lacks_is_missed_when_it_is_used(tmp_path):
    pq.write_table(made(), tmp_path / "1.parquet")
    pq.write_table(made(street=None), tmp_path / "2.parquet")
    rows = open_rows(tmp_path)
    assert TableCoding.fit_rows(rows, "price", drop=["street"]).input_names == ("area", "height", "garden")
    with pytest.raises(DataError, match=re.escape("2.parquet has no column 'street'")):
        TableCoding.fit_rows(rows, "price")


# -- separated text --------------------------------------------------------------------------------------------------

SHORT_PIECE = 64
"""Bytes of a piece: a few rows."""

COLUMNS = {
    "whole": [str(3 * row) for row in range(40)],
    "float": [f"{row / 8}" for row in range(40)],
    "whole, then float": [str(row) if row < 35 else f"{row}.5" for row in range(40)],
    "float, then missing": [f"{row / 8}" if row < 20 else "NA" for row in range(40)],
    "missing, then whole": ["" if row < 20 else str(row) for row in range(40)],
    "missing": ["" if row % 2 else "NaN" for row in range(40)],
    "exponents": [f"{row}e-3" for row in range(40)],
    "blanks around": [f" {row} " for row in range(40)],
    "blanks around what is missing": [f" {row} " if row % 7 else " NA " for row in range(40)],
    "true": [["true", "False", "", "TRUE"][row % 4] for row in range(40)],
    "ones, then true": ["1" if row < 35 else "true" for row in range(40)],
    "numbers, then true": ["7" if row < 35 else "true" for row in range(40)],
    "words": [["elm", "oak", " ash ", "?"][row % 4] for row in range(40)],
    "numbers, then a word": [str(row) if row < 39 else "many" for row in range(40)],
    "words in quotes": [['"a,b"', '"say ""no"""', '"two\nlines"', "c"][row % 4] for row in range(40)],
    "dates": [f"2024-02-{1 + row % 28:02}" for row in range(40)],
    "times": [f"2024-02-{1 + row % 28:02} 12:30:00" for row in range(40)],
    "times to the nanosecond": [f"2024-02-01T00:00:00.{row:09}" for row in range(40)],
    "times of a zone": [f"2024-02-{1 + row % 28:02}T00:00:00Z" for row in range(40)],
    "blanks around true": [["true", " true"][row % 2] for row in range(40)],
    "blanks around dates": [f" 2024-02-{1 + row % 28:02}" for row in range(40)],
    "blanks around times": [f"2024-02-{1 + row % 28:02} 12:30:00 " for row in range(40)],
    "dates, then missing in blanks": ["2024-02-01" if row < 39 else " NA " for row in range(40)],
    "missing in blanks, then dates": [" NA " if row < 20 else "2024-02-01" for row in range(40)],
    "missing in blanks, then true": [" NA " if row < 20 else "true" for row in range(40)],
    "missing in blanks, then whole": [" NA " if row < 20 else str(row) for row in range(40)],
    "times of day": [f"{row % 24:02}:30" for row in range(40)],
    "blanks around times of day": [f" {row % 24:02}:30:59 " for row in range(40)],
    "times of day that are none": ["25:61" if row == 39 else "12:30" for row in range(40)],
    "dates, then a word": ["2024-02-01" if row < 39 else "never" for row in range(40)],
    "large whole": [str(2**62 + row) for row in range(40)],
    "too large whole": [str(2**62 + row) if row else str(2**70) for row in range(40)],
    "labels with a zero": [f"0{row % 3}" for row in range(40)],
    "letters": [["ä", "ß", "語", "x"][row % 4] for row in range(40)],
    "infinite": ["inf" if row == 30 else str(row) for row in range(40)],
}


@pytest.fixture
def short_pieces(monkeypatch):
    monkeypatch.setattr(separated, "PIECE_BYTES", SHORT_PIECE)


def assert_reads_as_in_memory(path, **options):
    whole = read_table(path, **options)
    rows = open_rows(path, **options)
    assert rows.column_names == whole.column_names
    assert rows.n_rows == whole.num_rows
    assert rows.no_rows(rows.column_names).schema.equals(whole.schema)
    pieces = list(rows.batches(rows.column_names, 3))
    assert all(0 < piece.num_rows <= 3 for piece in pieces)
    assert pa.concat_tables(pieces).combine_chunks().equals(whole.combine_chunks())
    some = rows.column_names[::-2]
    assert pa.concat_tables(rows.batches(some, 100)).combine_chunks().equals(whole.select(some).combine_chunks())
    return whole


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("suffix", [".tsv", ".csv.gz"])
def test_a_column_of_text_is_of_the_type_that_it_has_in_memory(tmp_path, short_pieces, name, suffix):
    separator = "\t" if suffix == ".tsv" else ","
    cells = [f"{row}{separator}{cell}{separator}x" for row, cell in enumerate(COLUMNS[name])]
    lines = [separator.join(("row", " value ", "last")), *cells]
    path = tmp_path / f"rows{suffix}"
    with pa.output_stream(str(path), compression="detect") as file:
        file.write(("\n".join(lines) + "\n").encode())
    assert_reads_as_in_memory(path)
    assert_reads_as_in_memory(path, text=["value"])


def test_decimal_commas_lone_columns_and_open_ends_are_read_as_in_memory(tmp_path, short_pieces):
    commas = [f"{row},5;{row},25e1;{row};{'1.5' if row else '1,5'};" for row in range(30)]
    (tmp_path / "commas.csv").write_text("a;b;c;d;\n" + "\n".join(commas) + "\n")
    assert assert_reads_as_in_memory(tmp_path / "commas.csv").column_names == ["a", "b", "c", "d"]
    (tmp_path / "lone.csv").write_text("a\n1\n\n3\n" + "4\n" * 30)
    assert assert_reads_as_in_memory(tmp_path / "lone.csv").num_rows == 33
    (tmp_path / "marked.csv").write_bytes("\ufeffa,b\r\n".encode() + b"1,x\r\n\r\n" * 30)
    assert assert_reads_as_in_memory(tmp_path / "marked.csv").column_names == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", FileError, "is empty"),
        ("a,b\n", DataError, "has a header but no rows"),
        ("1,2\n3,4\n", DataError, "has no header"),
        ("a,a\n3,4\n", DataError, "has 2 columns of the name 'a'"),
        ("a,\n3,4\n", DataError, "column 2 has no name"),
        ("a,b\n" + "3,4\n" * 90 + "5,6,7\n", DataError, r"data row 91 has 3 values, but the header names 2 columns"),
        ("a,b\n" + "3,4\n" * 9 + "5,\xff\n", FileError, "is not UTF-8 text"),
    ],
)
def test_text_that_cannot_be_read_is_refused_before_any_work(tmp_path, short_pieces, content, error, message):
    (tmp_path / "rows.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(error, match=message):
        open_rows(tmp_path / "rows.csv")


def test_text_that_is_not_utf8_further_down_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"a,b\n" + b"3,4\n" * 400_000 + b"5,\xff\n")
    with pytest.raises(FileError, match="is not UTF-8 text"):
        open_rows(tmp_path / "rows.csv")


def test_text_that_is_not_there_or_changes_is_told(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match=r"There is no file .*row\.csv\. Did you mean 'rows\.csv'"):
        open_rows(tmp_path / "row.csv")
    rows = open_rows(tmp_path / "rows.csv")
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(FileError, match="was changed while it was in use"):
        list(rows.batches(["a"], 10))


def test_what_text_takes_is_told_by_its_size(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    assert table_bytes(tmp_path / "rows.csv") == 8
    (tmp_path / "rows.csv.gz").write_bytes(b"12345")
    assert table_bytes(tmp_path / "rows.csv.gz") == 20


def test_ends_of_a_column_are_kept_with_the_rows_where_they_stand_first():
    values = [3.0, None, 5.0, 1.0, 9.0, 1.0, 9.0, 2.0]
    growing = Growing("x", 3, is_target=False)
    for first in range(0, len(values), 3):
        growing.add(Column.of(pa.table({"x": values[first : first + 3]}), "x", first))
    sketch = growing.sketch()
    found = {sketch.values[k].as_py(): sketch.place(k) for k in range(len(sketch.values))}
    assert found == {1.0: "data row 4", 9.0: "data row 5"}
