"""A sheet of a workbook is read as the same table in CSV is."""

import datetime
import sys

import numpy as np
import pyarrow as pa
import pytest

from marquardt.errors import ConfigurationError, FileError, MissingExtraError, NoRowsError
from marquardt.tables import Dialect, Written, open_rows, read_table

from .made import workbook

ROWS = [
    ["n", "x", "word", "day", "at", "flag", "code"],
    [1, 25.548, 'a "b";\nc', datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 10, 30), True, "007"],
    [-3, 1e-300, "NA", datetime.date(2020, 1, 3), datetime.datetime(2020, 1, 3), False, "010"],
    [2**40, None, "d,e\x1ff", None, datetime.datetime(2020, 1, 3, 1, 2, 5), None, "007"],
]
READ = {
    "n": [1, -3, 2**40],
    "x": [25.548, 1e-300, None],
    "word": ['a "b";\nc', None, "d,e\x1ff"],
    "day": [datetime.date(2020, 1, 2), datetime.date(2020, 1, 3), None],
    "at": [row[4] for row in ROWS[1:]],
    "flag": [True, False, None],
    "code": ["007", "010", "007"],
}


def read(path, **known):
    table = read_table(path, dialect=Dialect(**known))
    rows = open_rows(path, dialect=Dialect(**known))
    assert pa.concat_tables(rows.batches(rows.column_names, 2)).combine_chunks().equals(table)
    return table


def test_cells_are_what_they_are(tmp_path):
    table = read(workbook(tmp_path / "rows.xlsx", {"Data": ROWS}))
    assert table.to_pydict() == READ
    assert Written.of(table.schema) == Written()


@pytest.mark.parametrize("known", [{"decimal": ","}, {"thousands": "."}])
def test_a_mark_is_that_of_cells_of_text(tmp_path, known):
    path = workbook(tmp_path / "rows.xlsx", {"Data": [["a", "b"], [25.548, "1.234,5"], [1.5, "3,25"]]})
    assert read(path, **known).to_pydict() == {"a": [25.548, 1.5], "b": [1234.5, 3.25]}
    assert read(path).to_pydict() == {"a": [25.548, 1.5], "b": ["1.234,5", "3,25"]}


def test_a_title_units_and_what_is_empty_are_left_out(tmp_path):
    rows = [["Cars"], [], ["km", None, "l"], ["[m]", None, "[l]"], [1.5, None, 2], [None, None, None], [3, None, 4]]
    table = read(workbook(tmp_path / "rows.xlsx", {"Data": [*rows, [5, None, 6], [None, "", None]]}))
    assert table.to_pydict() == {"km": [1.5, 3, 5], "l": [2, 4, 6]}
    assert Written.of(table.schema).notes == (
        "One line above the header left out, first 'Cars'.",
        "The row below the header is left out, as it holds units: '[m], [l]'.",
    )


def test_a_sheet_is_named_or_the_first_which_is_said(tmp_path):
    path = workbook(tmp_path / "rows.xlsx", {"One": [["a"], [1]], "Two": [["b"], [2]]})
    first = read(path)
    assert first.column_names == ["a"]
    assert Written.of(first.schema).notes == ("Of 2 sheets the first is read, 'One'; another one with sheet='Two'.",)
    second = read(path, sheet="Two")
    assert second.to_pydict() == {"b": [2]}
    assert Written.of(second.schema).notes == ()
    with pytest.raises(FileError, match=r"no sheet 'Twoo'. Did you mean 'Two'\? Its sheets are 'One', 'Two'"):
        read(path, sheet="Twoo")


def test_what_is_for_one_kind_of_file_is_refused_beside_another(tmp_path):
    path = workbook(tmp_path / "rows.xlsx", {"Data": ROWS})
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigurationError, match="encoding is for files of text"):
        read(path, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="sheet is for workbooks"):
        read(tmp_path / "rows.csv", sheet="Data")


def test_what_is_no_workbook_is_refused(tmp_path):
    (tmp_path / "rows.xlsx").write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(FileError, match=r"rows.xlsx cannot be read as a workbook: "):
        read_table(tmp_path / "rows.xlsx")
    (tmp_path / "text.xlsx").write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match=r"text.xlsx cannot be read as a workbook: "):
        read_table(tmp_path / "text.xlsx")
    workbook(tmp_path / "rows.csv", {"Data": ROWS})
    with pytest.raises(FileError, match=r"Give a workbook the suffix \.xlsx"):
        read_table(tmp_path / "rows.csv")


@pytest.mark.parametrize(("rows", "error"), [([], FileError), ([["a", "b"]], NoRowsError)])
def test_a_sheet_without_rows_is_refused(tmp_path, rows, error):
    with pytest.raises(error, match=r"is empty|no rows"):
        read_table(workbook(tmp_path / "rows.xlsx", {"Data": rows}))


def test_without_the_extra_its_name_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'marquardt\[excel\]'"):
        read_table(workbook(tmp_path / "rows.xlsx", {"Data": ROWS}))


def test_every_command_reads_a_workbook_as_the_same_csv(call, tmp_path):
    rng = np.random.default_rng(1)
    rows = [["x", "c", "y"]]
    rows += [[round(x, 3), "red" if x > 1 else "blue", round(2 * x, 3)] for x in rng.uniform(0, 2, 40).tolist()]
    workbook(tmp_path / "t.xlsx", {"Notes": [["nothing"]], "Rows": rows})
    (tmp_path / "t.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    sheet, found = ("--sheet", "Rows"), {}
    for name, options in (("t.xlsx", sheet), ("t.csv", ())):
        train = ("-t", "y", "--epochs", 5, "-q", "--force", "-o", f"{name}.m", *options)
        assert call("train", name, *train).code == 0
        assert call("explain", name, "-t", "y", *options).code == 0
        assert call("compare", name, "-t", "y", "--goal", 1, "--starts", 1, "-a", "lm", *options).code == 0
        series = ("--target", "y", "--lags", "1-2", "--splits", 0, "--epochs", 3, "--network", f"{name}.s")
        assert call("forecast", name, *series, *options).code == 0
        found[name] = call("predict", f"{name}.m", name, *options).out
    assert found["t.xlsx"] == found["t.csv"]
