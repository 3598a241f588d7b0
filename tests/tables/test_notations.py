"""Which mark the decimals have is decided for a file, in memory and batch by batch alike."""

import gzip

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquardt.errors import ConfigurationError, DataError, FileError
from marquardt.tables import Dialect, open_rows, read_table, table_bytes
from marquardt.tables.columns import Column
from marquardt.wording import on_the_command_line


def read(folder, content, name="rows.csv", **known):
    """Read a file both ways; both decide the same, or refuse with the same sentence."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = []
    for read_it in (lambda: read_table(path, dialect=Dialect(**known)), lambda: _gone_by(path, known)):
        try:
            found.append(read_it())
        except DataError as error:
            found.append(str(error))
    assert type(found[0]) is type(found[1])
    if isinstance(found[0], str):
        assert found[0] == found[1]
        raise DataError(found[0])
    assert found[0].equals(found[1])
    return found[0].to_pydict()


def _gone_by(path, known):
    rows = open_rows(path, dialect=Dialect(**known))
    pieces = list(rows.batches(rows.column_names, 3))
    return pa.concat_tables(pieces).combine_chunks()


@pytest.mark.parametrize(
    ("content", "km"),
    [
        ("km;price\n25.548;9769,91\n692;12247,2\n", [25548, 692]),
        ("km;l\n25,548;5.94\n692;4.82\n", [25548, 692]),
        ("km;l\n25.548;5.94\n692;4.82\n", [25.548, 692]),
        ("km;l\n25,548;5,94\n692;4,82\n", [25.548, 692]),
        ('km,l\n"25,548",5.94\n692,4.82\n', [25548, 692]),
        ("km,l\n25.548,5\n692.125,4\n", [25.548, 692.125]),
        ("km\tl\n25.548\t5,94\n692\t4,82\n", [25548, 692]),
        ("km;l\n1.234.567;1\n25.548;2\n", [1234567, 25548]),
        ("km;l\n25.548;1\n0.692;2\n", [25.548, 0.692]),
        ("km;l\n25.548;1.234,5\n692;2\n", [25548, 692]),
        ("km;l\n25'548;1\n692;2\n", [25548, 692]),
        ("km;l\n25 548;1\n692;2\n", [25548, 692]),
        ("km;l\n25\u202f548;1\n1\u00a0692;2\n", [25548, 1692]),
        ("km;l\n25\u2019548.5;1\n692;2\n", [25548.5, 692]),
        ("km;l\n-25.548;-9769,91\nNA;?\n", [-25548, None]),
    ],
)
def test_a_column_with_one_reading_decides_for_those_that_have_two(tmp_path, content, km):
    assert read(tmp_path, content)["km"] == km


@pytest.mark.parametrize(
    "content",
    ["km;l\n25.548;1\n692;2\n", "km;l\n25,548;1\n", "km\n25.548\n", "km\tl\n25.548\t1\n", 'km,l\n"25,548",1\n'],
)
def test_what_nothing_tells_is_refused_with_both_readings_and_the_option(tmp_path, content):
    with pytest.raises(DataError, match=r"column 'km', data row 1, is .*25.?548 .*decimal='\.' or decimal=','"):
        read(tmp_path, content)


def test_what_is_contradicted_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"'25.548' in column 'km', data row 2.* 25.548 .* 25548 .*both marks"):
        read(tmp_path, "km;a;b\n;5.94;4,82\n25.548;5.94;4,82\n")


def test_columns_that_contradict_each_other_without_a_doubt_are_read_each_by_itself(tmp_path):
    assert read(tmp_path, "a;b\n5.94;4,82\n1.5;2,25\n") == {"a": [5.94, 1.5], "b": [4.82, 2.25]}


@pytest.mark.parametrize(
    ("known", "km"),
    [
        ({"decimal": "."}, 25.548),
        ({"decimal": ","}, 25548),
        ({"thousands": "."}, 25548),
        ({"thousands": ","}, 25.548),
        ({"thousands": "none"}, 25.548),
        ({"decimal": ",", "thousands": "."}, 25548),
        ({"decimal": ".", "thousands": "none"}, 25.548),
    ],
)
def test_an_option_settles_it(tmp_path, known, km):
    assert read(tmp_path, "km;l\n25.548;1\n", **known)["km"] == [km]


def test_an_option_goes_before_what_the_file_tells(tmp_path):
    table = read(tmp_path, "km;l\n25.548;5,94\n", decimal=".")
    assert table == {"km": [25.548], "l": ["5,94"]}


@pytest.mark.parametrize(
    "known",
    [{"decimal": "x"}, {"thousands": "x"}, {"decimal": ".", "thousands": "."}, {"encoding": "x"}, {"skip_rows": "x"}],
)
def test_a_dialect_that_cannot_be_is_refused(known):
    name = list(known)[-1]
    with pytest.raises(ConfigurationError, match=rf"\b{name}\b"):
        Dialect(**known)
    with on_the_command_line(), pytest.raises(ConfigurationError, match=f"--{name.replace('_', '-')} "):
        Dialect(**known)


def test_a_telling_cell_far_down_tells_for_the_rows_above(tmp_path):
    content = "a;km\n" + "1;25.548\n" * 300_000 + "1;2.5\n"
    assert read(tmp_path, content)["km"][:2] == [25.548, 25.548]


@given(
    numbers=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8),
    marks=st.sampled_from([(".", ","), (",", "."), (".", "'"), (",", " ")]),
    n_decimals=st.integers(1, 4),
)
def test_numbers_written_with_any_marks_read_back(tmp_path_factory, numbers, marks, n_decimals):
    decimal, thousands = marks
    values = [number / 10**n_decimals for number in numbers]
    cells = [f"{v:,.{n_decimals}f}".translate(str.maketrans({",": thousands, ".": decimal})) for v in values]
    content = "a;tells\n" + "".join(f"{cell};0{decimal}5\n" for cell in cells)
    path = tmp_path_factory.getbasetemp() / "marks.csv"
    path.write_text(content)
    np.testing.assert_array_equal(read_table(path).column("a").to_numpy(), values)


@pytest.mark.parametrize(
    ("content", "values", "unit"),
    [
        ("w;y\n12.5 kg;1\n13.25 kg;2\n", [12.5, 13.25], "kg"),
        ("w;y\n45 %;1\n5%;2\nNA;3\n", [45, 5, None], "%"),
        ('w,y\n"€ 1,200",1.5\n"€ 13",2.5\n', [1200, 13], "€"),
        ("w;y\n1.200,50 €;1\n3 €;2\n", [1200.5, 3], "€"),
        ("w;y\n$1200;1\n-$5;2\n$-6;3\n", [1200, -5, -6], "$"),
        ("w;y\nUSD 12;1\nUSD13;2\n", [12, 13], "USD"),
        ("w;y\n12kg;1\n13 kg ;2\n", [12, 13], "kg"),
        ("w,y\n1200 sq ft,3\n1300 sq ft,4\n", [1200, 1300], "sq ft"),
        ("w;y\n5\u00a0m²;1\n1e3 m²;2\n", [5, 1000], "m²"),
        ("w;y\n1 200 km/h;1\n.5 km/h;2\n", [1200, 0.5], "km/h"),
        ("w;y\n12a;1\n13a;2\n", ["12a", "13a"], ""),
        ("w;y\n12 kg;1\n800 g;2\n", ["12 kg", "800 g"], ""),
        ("w;y\n12 kg;1\n13;2\n", ["12 kg", "13"], ""),
        ("w;y\n13;1\n12 kg;2\n", ["13", "12 kg"], ""),
        ("w;y\n10:30 h;1\n11:30 h;2\n", ["10:30 h", "11:30 h"], ""),
        ("w;y\nv. 1;1\nv. 2;2\n", ["v. 1", "v. 2"], ""),
        ("w;y\ntrue kg;1\nfalse kg;2\n", ["true kg", "false kg"], ""),
    ],
)
def test_numbers_that_all_have_one_unit_are_numbers(tmp_path, content, values, unit):
    assert read(tmp_path, content)["w"] == values
    for rows in (read_table(tmp_path / "rows.csv"), open_rows(tmp_path / "rows.csv").no_rows(["w"])):
        assert Column.of(rows, "w").unit == unit


def test_a_unit_does_not_settle_what_has_two_readings(tmp_path):
    with pytest.raises(DataError, match=r"'1,200' in column 'w', data row 1, is 1200 .* and 1.200 "):
        read(tmp_path, "w;y\n1,200 kg;1\n1,300 kg;2\n")
    assert read(tmp_path, "w;y\n1,200 kg;1\n1,300 kg;2\n", decimal=".")["w"] == [1200, 1300]


@pytest.mark.parametrize("late", ["13", "13 g", "x"])
def test_a_cell_far_down_without_the_unit_makes_the_column_words(tmp_path, late):
    content = "a;w\n" + "1;12 kg\n" * 300_000 + f"1;{late}\n"
    assert read(tmp_path, content)["w"][-2:] == ["12 kg", late]


@pytest.mark.parametrize(
    ("cells", "are_codes"),
    [
        (["007", "010", "007"], True),
        (["100", "999", "010", "010"], True),
        (["007", "NA", "", "007"], True),
        ([" 07 ", "07", "12"], True),
        (["007", "010", "011"], False),
        (["007", "10", "007"], False),
        (["107", "110", "107"], False),
        (["0", "1", "1"], False),
        (["-07", "-07", "-08"], False),
        (["00.5", "00.5", "01.5"], False),
        ([f"{k:03d}" for k in range(51)] * 2, False),
        ([f"{k:03d}" for k in range(50)] * 2, True),
        (["5"] * 60 + ["07", "08"], False),
        (["55"] * 60 + ["07", "08"], True),
    ],
)
def test_digits_of_one_width_with_zeros_in_front_are_codes(tmp_path, cells, are_codes):
    content = "code;y\n" + "".join(f"{cell};1\n" for cell in cells)
    found = read(tmp_path, content)["code"]
    stripped = [cell.strip() if cell.strip() not in ("", "NA") else None for cell in cells]
    assert found == (stripped if are_codes else [None if cell is None else float(cell) for cell in stripped])
    for numbers in (["code"], None):
        assert not pa.types.is_string(read_table(tmp_path / "rows.csv", numbers=numbers).schema.field("code").type)


def test_a_late_code_makes_the_column_codes(tmp_path):
    found = read(tmp_path, "a;code\n" + "1;107\n" * 300_000 + "1;007\n")["code"]
    assert found[-2:] == ["107", "007"]


WORDS = ["", "NA", " nan", "-nan", "true", "2020-01-02", "10:30", "2020-01-02 10:30", "a b"]
NUMBERS = [
    "007",
    "+5",
    "0x1F",
    "1",
    "0",
    "1.234e2",
    "25.548",
    "25,548",
    "5.94",
    "5,94",
    " 7 ",
    "12345678901234567890",
    "5 kg",
    "7,5 kg",
]
NUMBERS += ["5 kg", "7,5 kg"]
CELLS = st.one_of(
    st.sampled_from(WORDS), st.sampled_from(NUMBERS), st.from_regex(r"[1-9][0-9]{0,2}\.[0-9]{3}", fullmatch=True)
)


@given(columns=st.lists(st.lists(CELLS, min_size=4, max_size=4), min_size=1, max_size=3))
def test_reading_by_arrows_types_gives_what_reading_all_as_text_gives(tmp_path_factory, columns):
    """The file that goes by is the plain twin: every cell of it is looked at as text."""
    names = ["n", *(f"c{k}" for k in range(len(columns)))]
    lines = [";".join(names), *(";".join(["x", *row]) for row in zip(*columns, strict=True))]
    folder = tmp_path_factory.mktemp("twins")
    try:
        read(folder, "\n".join(lines) + "\n")
    except DataError as error:
        assert "decimal='.' or decimal=','" in str(error)  # noqa: PT017 - most files are none


@pytest.mark.parametrize("reads", [read_table, open_rows, table_bytes])
@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "part-*.parquet"])
def test_an_address_is_refused_as_one(reads, name):
    with pytest.raises(FileError, match=r"s3://bucket/.* is an address.*Download it first"):
        reads(f"s3://bucket/{name}")


def test_an_archive_is_refused_with_a_way_that_there_is(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(FileError, match=r"Give a workbook the suffix .xlsx, and unpack an archive first"):
        read_table(tmp_path / "rows.csv")


PLAIN = "km;l\n25548;5.5\n692;7.25\n700;8\n"


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\n" + PLAIN,
        "Prices of cars\n\n" + PLAIN,
        PLAIN.replace("km;l\n", "km;l\n[m];[l]\n"),
        PLAIN.encode("utf-16"),
        gzip.compress(PLAIN.encode()),
    ],
    ids=["sep", "title", "units", "utf-16", "gzip"],
)
def test_files_are_read_as_they_come(tmp_path, content):
    assert read(tmp_path, content) == {"km": [25548, 692, 700], "l": [5.5, 7.25, 8.0]}
