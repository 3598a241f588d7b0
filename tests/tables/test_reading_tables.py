"""A table file is read as its author meant it, or refused with the place and a way out."""

import bz2
import datetime
import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquardt.errors import DataError, FileError
from marquardt.tables import MISSING_WORDS, open_rows, read_table

ROWS = {"age": [28, 7, 90], "color": ["red", "blue", "red"], "strength": [41.5, 12.25, 60.0]}


def file_of(folder, content, name="rows.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def separated(separator):
    lines = [ROWS.keys(), *zip(*ROWS.values(), strict=True)]
    return "".join(separator.join(map(str, line)) + "\n" for line in lines)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n"], ids=["plain", "bom", "blank-lines"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_any_separator_mark_and_line_end_reads_the_same(tmp_path, separator, start, line_end):
    content = (start + separated(separator)).replace("\n", line_end)
    assert read_table(file_of(tmp_path, content)).to_pydict() == ROWS


@pytest.mark.parametrize(
    ("name", "squeeze"), [("rows.csv.gz", gzip.compress), ("rows.csv.bz2", bz2.compress), ("rows", bytes)]
)
def test_compressed_and_unnamed_text_is_read(tmp_path, name, squeeze):
    path = file_of(tmp_path, squeeze(separated(",").encode()), name)
    assert read_table(path).to_pydict() == ROWS


@pytest.mark.parametrize("name", ["rows.tsv", "rows.TSV", "rows.tsv.gz"])
def test_a_tsv_file_is_split_at_tabs_alone(tmp_path, name):
    content = b"a, b\tc\n1\t2\n"
    content = gzip.compress(content) if name.endswith("gz") else content
    assert read_table(file_of(tmp_path, content, name)).to_pydict() == {"a, b": [1], "c": [2]}


@pytest.mark.parametrize("name", ["rows.parquet", "rows.PQ"])
def test_parquet_keeps_values_and_types(tmp_path, name):
    table = pa.table(ROWS | {"day": [datetime.date(2020, 1, 2)] * 3})
    pq.write_table(table, tmp_path / name)
    assert read_table(str(tmp_path / name)).equals(table)


def test_row_labels_of_pandas_are_no_column(tmp_path):
    pd.DataFrame({"age": [1, 2]}, index=["x", "y"]).to_parquet(tmp_path / "rows.parquet")
    assert read_table(tmp_path / "rows.parquet").column_names == ["age"]


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path):
    folder = tmp_path / "year=2020"
    folder.mkdir()
    pq.write_table(pa.table({"age": [1]}), folder / "rows.parquet")
    assert read_table(folder / "rows.parquet").column_names == ["age"]


@pytest.mark.parametrize("word", MISSING_WORDS)
@pytest.mark.parametrize("blank", ["", " "], ids=["bare", "in-blanks"])
def test_missing_words_are_missing_in_numbers_and_in_text(tmp_path, word, blank):
    cell = blank + word + blank
    table = read_table(file_of(tmp_path, f"age,color,n\n1.5,red,1\n{cell},{cell},2\n2.5,blue,3\n"))
    assert table.to_pydict() == {"age": [1.5, None, 2.5], "color": ["red", None, "blue"], "n": [1, 2, 3]}


def test_blanks_around_names_and_values_do_not_count(tmp_path):
    table = read_table(file_of(tmp_path, " age , color ,n\n 1 , red , 3\n 2 , NA , ?\n"))
    assert table.to_pydict() == {"age": [1, 2], "color": ["red", None], "n": [3, None]}


def test_quoted_separators_and_line_ends_belong_to_the_value(tmp_path):
    content = '"age, in years",note\n28,"wet; cold"\n7,"two\nlines, ""quoted"""\n'
    assert read_table(file_of(tmp_path, content)).to_pydict() == {
        "age, in years": [28, 7],
        "note": ["wet; cold", 'two\nlines, "quoted"'],
    }


def test_types_are_found(tmp_path):
    content = "n,x,b,t,d\n1,1.5,true,red,2020-01-02\n12345678901234567,1e3,False,TRUE,2020-01-03\n"
    types = read_table(file_of(tmp_path, content)).schema.types
    assert types == [pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.date32()]


def test_infinity_is_a_number(tmp_path):
    assert read_table(file_of(tmp_path, "x,y\n1,inf\n2,-inf\n")).column("y").to_pylist() == [np.inf, -np.inf]


def test_decimal_commas_between_semicolons_are_numbers(tmp_path):
    table = read_table(file_of(tmp_path, "a;b;c\n1,5;-0,25;x,y\n2;1,5e3;z\nNA;,5;z\n"))
    assert table.to_pydict() == {"a": [1.5, 2.0, None], "b": [-0.25, 1500.0, 0.5], "c": ["x,y", "z", "z"]}


@pytest.mark.parametrize("content", ['a,b\n1,"1,5"\n2,"2,5"\n', "a\tb\n1\t1,5\n2\t2,5\n"])
def test_decimal_commas_that_cannot_be_anything_else_are_numbers_elsewhere_too(tmp_path, content):
    assert read_table(file_of(tmp_path, content)).column("b").to_pylist() == [1.5, 2.5]


def test_columns_asked_for_as_text_stay_as_they_are_written(tmp_path):
    path = file_of(tmp_path, " code ,zip,flag,n\n01,007,true,1\n02,NA,True,2\n")
    assert read_table(path, text=["code", "zip", "flag", "absent"]).to_pydict() == {
        "code": ["01", "02"],
        "zip": ["007", None],
        "flag": ["true", "True"],
        "n": [1, 2],
    }


def test_lines_that_end_in_a_separator_add_no_column(tmp_path):
    assert read_table(file_of(tmp_path, "a,b,\n1,2,\n3,4,\n")).to_pydict() == {"a": [1, 3], "b": [2, 4]}


def test_an_empty_line_in_a_table_of_one_column_is_a_missing_value(tmp_path):
    assert read_table(file_of(tmp_path, "age\n1\n\n3\n")).to_pydict() == {"age": [1, None, 3]}


def test_empty_lines_among_several_columns_do_not_count(tmp_path):
    assert read_table(file_of(tmp_path, "a,b\n\n1,2\n\n3,4\n\n")).num_rows == 2


def test_a_column_of_missing_values_is_there(tmp_path):
    table = read_table(file_of(tmp_path, "a,b,c\n1,, ?\n2,NA,\n"))
    assert table.column_names == ["a", "b", "c"]
    assert table.column("c").null_count == 2


@given(n_rows=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_numbers_written_by_repr_read_back_to_the_bit(tmp_path_factory, n_rows, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal(n_rows) * 10.0 ** rng.integers(-300, 300, n_rows)
    content = "a,b\n" + "".join(f"1,{float(number)!r}\n" for number in numbers)
    read = read_table(file_of(tmp_path_factory.getbasetemp(), content, "numbers.csv")).column("b")
    assert read.cast(pa.float64()).to_pylist() == numbers.tolist()


def test_a_late_change_of_type_is_seen(tmp_path):
    n_rows = 700_000  # more than one block of the parser
    path = file_of(tmp_path, "a,b\n" + "123456,1\n" * n_rows + "7,red\n")
    assert path.stat().st_size < 9 << 20
    table = read_table(path)
    assert table.num_rows == n_rows + 1
    assert table.column("b")[n_rows].as_py() == "red"


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path):
    file_of(tmp_path, "a\n1\n", "concrete.csv")
    with pytest.raises(FileError, match=r"There is no file .*concret\.csv\. Did you mean 'concrete\.csv'\?"):
        read_table(tmp_path / "concret.csv")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileError, match=r"there is no folder .*nowhere"):
        read_table(tmp_path / "nowhere" / "rows.csv")


def test_a_folder_without_tables_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match=r"no Parquet or Arrow file in the folder.*Name a CSV file by itself"):
        read_table(tmp_path)


def test_a_device_is_refused():
    with pytest.raises(FileError, match="not an ordinary file"):
        read_table("/dev/null")


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "rows.tsv"])
def test_an_empty_file_is_refused(tmp_path, name):
    with pytest.raises(FileError, match="is empty: a table needs a header"):
        read_table(file_of(tmp_path, b"", name))


@pytest.mark.parametrize("content", [b"\n \n", b"\xef\xbb\xbf"])
def test_a_file_of_nothing_but_blanks_is_refused(tmp_path, content):
    with pytest.raises(FileError, match="is empty"):
        read_table(file_of(tmp_path, content))


@pytest.mark.parametrize("content", ["age,strength", "age,strength\n", "age\n", "age,strength\n\n\n"])
def test_a_header_without_rows_is_refused(tmp_path, content):
    with pytest.raises(DataError, match="has a header but no rows"):
        read_table(file_of(tmp_path, content))


def test_parquet_without_rows_is_refused(tmp_path):
    pq.write_table(pa.table({"age": pa.array([], pa.int64())}), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="no rows below it"):
        read_table(tmp_path / "rows.parquet")


@pytest.mark.parametrize("content", ["1,2.5\n3,4\n", "1\n2\n"])
def test_a_first_line_of_numbers_is_no_header(tmp_path, content):
    with pytest.raises(DataError, match=r"has no header: its first line holds only numbers \(1"):
        read_table(file_of(tmp_path, content))


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"has 2 columns of the name 'age' \(columns 1, 3\)"):
        read_table(file_of(tmp_path, "age,water, age\n1,2,3\n"))


def test_two_parquet_columns_of_one_name_are_refused(tmp_path):
    pq.write_table(pa.table([[1], [2]], names=["age", "age"]), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="2 columns of the name 'age'"):
        read_table(tmp_path / "rows.parquet")


@pytest.mark.parametrize("content", [",age\n1,2\n", '"","age"\n"1",2\n', "age,,water\n1,,2\n", "age,\n1,2\n"])
def test_a_column_without_a_name_is_refused(tmp_path, content):
    with pytest.raises(DataError, match=r"column \d has no name in the header.*index=False"):
        read_table(file_of(tmp_path, content))


@pytest.mark.parametrize(
    ("row", "count"), [("3,4,5", 3), ("3", 1), ("1,5,2,5", 4)], ids=["long", "short", "decimal-commas"]
)
@pytest.mark.parametrize("before", [0, 1, 5])
def test_a_row_of_another_length_is_refused_with_its_number(tmp_path, row, count, before):
    content = "age,strength\n\n" + "1,2\n" * before + row + "\n1,2\n" * 3
    with pytest.raises(
        DataError, match=rf"data row {before + 1} has {count} values, but the header names 2 columns: '{row}'"
    ):
        read_table(file_of(tmp_path, content))


def test_a_row_of_another_length_far_down_is_refused_with_its_number(tmp_path):
    content = "age,strength\n" + "123456,123456\n" * 700_000 + "1,2,3\n"
    with pytest.raises(DataError, match=r"data row 700001 has 3 values.*must stand in double quotes"):
        read_table(file_of(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("age,größe\n1,2\n".encode("latin-1"), "line 1 of the file"),
        ("age,color\n1,red\n2,grün\n".encode("latin-1"), "line 3 of the file"),
        (b"age,color\n" + b"1,red\n" * 200_000 + b"2,gr\xfcn\n", "line 200002 of the file"),
    ],
    ids=["header", "sample", "late"],
)
def test_other_encodings_are_refused_with_the_place(tmp_path, content, place):
    with pytest.raises(FileError, match=rf"is not UTF-8 text: {place}.*Save it as CSV \(UTF-8\)"):
        read_table(file_of(tmp_path, content))


def test_other_encodings_are_refused_in_columns_read_as_text(tmp_path):
    path = file_of(tmp_path, b"age,color\n" + b"1,red\n" * 200_000 + b"2,gr\xfcn\n")
    with pytest.raises(FileError, match="is not UTF-8 text"):
        read_table(path, text=["color"])


def test_letters_cut_by_the_end_of_the_sample_are_no_error(tmp_path):
    for shift in range(3):
        content = "a,b\n" + "x" * shift + "€" * 400_000 + ",1\n"
        assert read_table(file_of(tmp_path, content)).column("b").to_pylist() == [1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("age,strength\n1,2\n".encode("utf-16-le"), "is not a text file"),
        (b"PK\x03\x04 and more", "zip archive or an Excel workbook"),
        (b"PAR1 and more", r"is a Parquet file.*suffix \.parquet"),
        (b"ARROW1\0\0", "is not a text file"),
    ],
)
def test_foreign_files_are_refused_with_a_way_out(tmp_path, content, message):
    with pytest.raises(FileError, match=message):
        read_table(file_of(tmp_path, content))


@pytest.mark.parametrize("cut", [5, -5])
def test_a_broken_parquet_file_is_refused(tmp_path, cut):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(ROWS), path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FileError, match=r"rows\.parquet cannot be read as a Parquet file"):
        read_table(path)


def test_a_broken_compressed_file_is_refused(tmp_path):
    path = file_of(tmp_path, gzip.compress(separated(",").encode())[:20], "rows.csv.gz")
    with pytest.raises(FileError, match=r"rows\.csv\.gz"):
        read_table(path)


@pytest.mark.parametrize(
    "first", ["-1.5,-2", ".1,.2", "+1,-.5", "-1e3,-7", "-inf,-2", "-inf,-inf", "inf,+Infinity", "-1.5,"]
)
def test_a_first_row_of_numbers_is_no_row_of_units(tmp_path, first):
    path = tmp_path / "t.csv"
    path.write_text(f"a,b\n{first}\n1,2\n3,4\n5,6\n")
    assert read_table(path).num_rows == 4
    assert open_rows(path).n_rows == 4
