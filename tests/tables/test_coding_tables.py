"""A table is coded as its author meant it, the same at training and later, or refused with the place and a way out."""

import datetime
import decimal
import itertools
import json
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from marquardt.errors import ConfigurationError, DataError, FileError
from marquardt.networks import Network, feed_forward
from marquardt.tables import InputColumn, Remarks, TableCoding, as_table, read_table
from marquardt.wording import on_the_command_line

HOUSES = {
    "area": [50, 70, 90, 65, 80, 120],
    "garden": [True, False, True, True, False, True],
    "street": ["elm", "oak", "elm", "ash", "oak", "elm"],
    "price": [1.5, 2.0, 2.5, 1.75, 2.25, 4.0],
}
WAY_OUT = {"area": r"leave the column out with drop=\['area'\]", "price": "choose another target"}
CODED = [
    [50, 1, 0, 1, 0],
    [70, 0, 0, 0, 1],
    [90, 1, 0, 1, 0],
    [65, 1, 1, 0, 0],
    [80, 0, 0, 0, 1],
    [120, 1, 0, 1, 0],
]


def houses(**changed):
    """A table of six houses with some columns changed, or left out where None."""
    return pa.table({name: values for name, values in (HOUSES | changed).items() if values is not None})


def fit(*, targets="price", changed=None, **options):
    return TableCoding.fit(houses(**(changed or {})), targets, **options)


def remarks_of(coding, table, unknown="refuse"):
    remarks = Remarks(coding, table.column_names, unknown=unknown)
    remarks.add(table)
    return remarks.sentences()


def as_csv(table, folder):
    pd.DataFrame(table.to_pydict()).to_csv(folder / "houses.csv", index=False)
    return read_table(folder / "houses.csv")


class Stream:
    """A table of which only the Arrow stream is known."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


KINDS_OF_TABLE = {
    "any stream": Stream,
    "pyarrow": lambda table: table,
    "pandas": lambda table: pd.DataFrame(table.to_pydict()),
    "pandas with an index": lambda table: pd.DataFrame(table.to_pydict(), index=list("uvwxyz")),
    "pandas categorical": lambda table: pd.DataFrame(table.to_pydict()).astype({"street": "category"}),
    "pandas of Arrow types": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda table: pl.DataFrame(table.to_pydict()),
    "polars categorical": lambda table: pl.DataFrame(table.to_pydict()).with_columns(
        pl.col("street").cast(pl.Categorical)
    ),
    "small types": lambda table: table.set_column(0, "area", table["area"].cast(pa.uint8())).set_column(
        3, "price", table["price"].cast(pa.float32())
    ),
    "many chunks": lambda table: pa.concat_tables([table.slice(0, 1), table.slice(1, 0), table.slice(1)]),
}


# -- what is coded ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS_OF_TABLE)
def test_every_kind_of_table_is_coded_alike(kind):
    table = KINDS_OF_TABLE[kind](houses())
    coding = TableCoding.fit(table, "price")
    assert coding == fit()
    coded = coding.code(table)
    assert_array_equal(coded.inputs, CODED)
    assert_array_equal(coded.targets, np.array(HOUSES["price"])[:, None])
    assert_array_equal(coded.rows, np.arange(6))
    assert coded.inputs.dtype == coded.targets.dtype == np.float64


def test_a_csv_file_is_coded_like_the_table_it_came_from(tmp_path):
    coding = TableCoding.fit(as_csv(houses(), tmp_path), "price")
    assert coding == fit()
    assert_array_equal(coding.inputs(as_csv(houses(), tmp_path)), CODED)


def test_columns_keep_their_order_and_say_what_they_are():
    coding = fit()
    assert coding.task == "regression"
    assert coding.classes == ()
    assert coding.target_columns == ("price",)
    assert coding.input_columns == (
        InputColumn("area", "number"),
        InputColumn("garden", "boolean"),
        InputColumn("street", "category", ("ash", "elm", "oak"), shares=(1 / 6, 3 / 6, 2 / 6)),
    )
    assert coding.input_names == ("area", "garden", "street=ash", "street=elm", "street=oak")
    assert coding.text_columns == ("street",)


def test_inputs_asked_for_come_in_the_order_of_the_table():
    assert fit(inputs=["street", "area"]).input_names == ("area", "street=ash", "street=elm", "street=oak")
    assert fit(inputs="area").input_names == ("area",)


def test_dropped_columns_are_no_inputs():
    assert fit(drop=["street", "garden"]).input_names == ("area",)


def test_two_levels_are_two_inputs():
    coding = fit(changed={"street": ["elm", "oak"] * 3})
    assert coding.input_names[2:] == ("street=elm", "street=oak")
    assert_array_equal(coding.inputs(houses(street=["elm", "oak"] * 3))[:, 2:], [[1, 0], [0, 1]] * 3)


@given(
    levels=st.lists(st.sampled_from(["ash", "elm", "oak", "ä", "7a"]), min_size=7, max_size=40).filter(
        lambda levels: len(set(levels)) > 1
    )
)
def test_every_row_has_a_single_one_among_its_levels(levels):
    table = pa.table({"street": levels, "price": np.arange(len(levels)) / 2})
    coding = TableCoding.fit(table, "price")
    inputs = coding.inputs(table)
    assert_array_equal(inputs.sum(axis=1), 1)
    assert [coding.input_columns[0].levels[row] for row in inputs.argmax(axis=1)] == levels


def test_several_numeric_targets_are_columns_in_the_order_asked():
    coding = fit(targets=["price", "area"])
    assert coding.task == "regression"
    assert_array_equal(coding.targets(houses()), np.column_stack([HOUSES["price"], HOUSES["area"]]))


def test_decimals_and_integers_beyond_exact_floats_are_numbers():
    big = [2**60 + step for step in (0, 512, 1024, 2048, 4096, 8192)]
    money = [decimal.Decimal(f"{step}.25") for step in range(6)]
    coding = fit(changed={"area": big, "price": money})
    assert coding.inputs(houses(area=big))[:, 0].tolist() == [float(value) for value in big]
    assert coding.targets(houses(price=money))[:, 0].tolist() == [float(value) for value in money]


# -- which task ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "task", "classes"),
    [
        (["no", "yes", "no", "no", "yes", "no"], "auto", ("no", "yes")),
        ([True, False, True, True, True, True], "auto", (False, True)),
        ([2, 10, 10, 2, 3, 2], "classification", (2, 3, 10)),
        ([2.5, 10.0, 10.0, 2.5, 3.0, 3.0], "classification", (2.5, 3.0, 10.0)),
        (["7", "8", "7", "7", "8", "x"], "classification", ("7", "8", "x")),
        ([2**60, 2**60 + 1] * 3, "classification", (2**60, 2**60 + 1)),
    ],
)
def test_classes_keep_type_and_order_and_code_to_their_positions(target, task, classes):
    table = houses(price=target)
    coding = TableCoding.fit(table, "price", task=task)
    assert coding.task == "classification"
    assert coding.classes == classes
    assert [type(label) for label in coding.classes] == [type(label) for label in classes]
    codes = coding.targets(table)
    assert codes.dtype == np.int64
    assert [classes[code] for code in codes] == target
    again = TableCoding.from_dict(json.loads(json.dumps(coding.to_dict())))
    assert [type(label) for label in again.classes] == [type(label) for label in classes]
    assert_array_equal(again.targets(table), codes)


def test_text_classes_are_read_as_text_later():
    assert fit(changed={"price": list("aabbab")}).text_columns == ("street", "price")


def test_true_and_false_are_numbers_if_a_regression_is_asked_for():
    coding = fit(targets="garden", task="regression")
    assert_array_equal(coding.targets(houses())[:, 0], [1, 0, 1, 1, 0, 1])


@pytest.mark.parametrize("kind", [int, float])
def test_a_few_whole_numbers_are_a_regression_with_a_note(kind):
    coding = fit(changed={"price": [kind(value) for value in (0, 1, 0, 1, 1, 0)]})
    assert coding.task == "regression"
    assert re.search("only 2 different whole numbers.*task='classification'", coding.notes[0])


@pytest.mark.parametrize("options", [{"task": "regression"}, {"targets": ["price", "area"]}])
def test_no_note_on_whole_numbers_where_the_task_is_clear(options):
    assert fit(changed={"price": [0, 1, 0, 1, 1, 0]}, **options).notes == ()


@pytest.mark.parametrize("target", [[1, 2, 3, 4, 5, 6], [0.5, 1.5] * 3])
def test_no_note_on_other_numbers(target):
    assert fit(changed={"price": target}).notes == ()


def test_a_constant_target_is_a_note():
    coding = fit(changed={"price": [3.5] * 6})
    assert coding.task == "regression"
    assert coding.notes == ("Target 'price' is constant (3.5 in every row): the network can only learn that number.",)


@pytest.mark.parametrize("target", [[True] * 6, ["a"] * 6])
def test_a_single_class_is_refused(target):
    with pytest.raises(DataError, match=r"'price' has a single class, .* in all 6 rows"):
        fit(changed={"price": target})


def test_a_class_in_every_row_is_refused():
    with pytest.raises(DataError, match="'price' has a class of its own in each of the 6 rows"):
        fit(changed={"price": list("abcdef")})
    with pytest.raises(DataError, match="ask for task='regression'"):
        fit(task="classification")


def test_text_is_no_target_of_a_regression():
    with pytest.raises(DataError, match=r"'street' must be numbers.*got 'elm' in data row 1.*'classification'"):
        fit(targets="street", task="regression")


def test_several_targets_are_all_numbers():
    with pytest.raises(DataError, match=r"'street' must be numbers for a regression of several targets.*alone"):
        fit(targets=["price", "street"])


def test_a_classification_has_one_target():
    with pytest.raises(DataError, match="A classification has one target, got 'price', 'area'"):
        fit(targets=["price", "area"], task="classification")


# -- which columns ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": "pryce"}, r"no target column 'pryce'\. Did you mean 'price'\?.*'area', 'garden', 'street'"),
        ({"targets": ["price", "price"]}, "target column 'price' is named twice"),
        ({"targets": []}, "at least one target"),
        ({"inputs": ["aera"]}, r"no input column 'aera'\. Did you mean 'area'\?"),
        ({"inputs": ["area", "area"]}, "input column 'area' is named twice"),
        ({"inputs": ["area", "price"]}, "'price' is both an input and a target"),
        ({"inputs": ["area"], "drop": ["area"]}, "'area' is both an input and ignored"),
        ({"drop": ["price"]}, "'price' is both a target and ignored"),
        ({"drop": ["stret"]}, r"no ignored column 'stret'\. Did you mean 'street'\?"),
        ({"inputs": []}, "No column is left to predict from"),
        ({"drop": ["area", "garden", "street"]}, "No column is left to predict from"),
    ],
)
def test_names_that_do_not_fit_the_table_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        fit(**options)


@pytest.mark.parametrize("option", [{"task": "regresion"}, {"missing": "dropp"}])
def test_unknown_words_are_refused_with_the_nearest(option):
    with pytest.raises(ConfigurationError, match=r"Did you mean 'regression'|Did you mean 'drop'"):
        fit(**option)


def test_a_table_without_rows_is_refused():
    with pytest.raises(DataError, match="no rows"):
        TableCoding.fit(houses().slice(0, 0), "price")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[1, 2]], "must be a pyarrow.Table or a pandas or polars DataFrame, got list"),
        (pd.Series([1, 2]), "DataFrame, got Series"),
        (pl.Series([1, 2]), "DataFrame, got Series"),
        (pl.LazyFrame({"a": [1]}), "DataFrame, got LazyFrame"),
        ({"a": [1]}, "DataFrame, got dict"),
        (pd.DataFrame({"a": [1, "x"]}), "column a with type object.*values of one type"),
        (pa.table([[1], [2]], names=["a", "a"]), "more than one column of the name 'a'"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a"),
    ],
)
def test_what_is_no_table_is_refused(table, message):
    with pytest.raises(DataError, match=message):
        as_table(table)


@pytest.mark.parametrize(
    ("changed", "name", "why"),
    [
        ({"area": [7] * 6}, "area", "7.0 in every row"),
        ({"garden": [True] * 6}, "garden", "True in every row"),
        ({"street": ["elm"] * 6}, "street", "'elm' in every row"),
    ],
)
def test_a_constant_column_is_left_out_and_said_so(changed, name, why):
    coding = fit(changed=changed)
    assert coding.dropped == {name: why}
    assert coding.notes == (f"Column {name!r} is left out: {why}.",)
    assert name not in [column.name for column in coding.input_columns]
    assert coding.inputs(houses(**changed)).shape[1] == len(coding.input_names)


def test_several_constant_columns_are_one_note():
    assert fit(changed={"area": [7] * 6, "garden": [True] * 6}).notes == (
        "2 constant columns are left out: 'area', 'garden'.",
    )


def test_nothing_but_constants_is_refused():
    with pytest.raises(DataError, match="No column is left to predict from: 'area', 'street' are constant"):
        fit(changed={"area": [7] * 6, "street": ["elm"] * 6}, drop=["garden"])


@pytest.mark.parametrize(
    "values",
    [
        [datetime.date(2020, 1, day) for day in range(1, 7)],
        [datetime.datetime(2020, 1, day, tzinfo=datetime.UTC) for day in range(1, 7)],
        [datetime.time(hour) for hour in range(6)],
        [datetime.timedelta(hour) for hour in range(6)],
        ["31.12.2020", "1.1.2021", "2.1.2021", "3.1.2021", "soon", "4.1.2021"],
        ["12/31/20", "1/1/21", "1/2/21", "1/3/21", "1/4/21", "1/4/21"],
        ["2020-01-01T12:00 MEZ", "2020-01-02T12:00 MEZ"] * 3,
    ],
)
@pytest.mark.parametrize("name", ["area", "price"])
def test_dates_are_refused_with_a_hint(name, values):
    with pytest.raises(DataError, match=rf"'{name}' holds dates.*days since a start.*{WAY_OUT[name]}"):
        fit(changed={name: values})


@pytest.mark.parametrize("values", [[[1], [2]] * 3, [b"a", b"b"] * 3])
def test_values_that_are_neither_numbers_nor_text_are_refused(values):
    with pytest.raises(DataError, match=r"'area' holds values of type .*; numbers, true/false and text"):
        fit(changed={"area": values})


@pytest.mark.parametrize("name", ["area", "price"])
def test_numbers_with_a_word_among_them_are_refused_with_row_and_word(name):
    values = ["1.5", "2", None, "unknown", "-3e2", "4"]
    with pytest.raises(
        DataError,
        match=rf"'{name}' is mostly numbers, but 1 of its 5 values .* first 'unknown' in data row 4.*{WAY_OUT[name]}",
    ):
        fit(changed={name: values}, missing="drop")


def test_half_numbers_are_a_category():
    assert fit(changed={"street": ["1", "2", "x", "y", "1", "x"]}).input_columns[2].kind == "category"


def test_a_hint_speaks_the_words_of_the_door_and_quotes_names_for_the_shell():
    table = houses().rename_columns(["living area", "garden", "street", "price"])
    table = table.set_column(0, "living area", pa.array(["1", "2", "3", "4", "x", "5"]))
    with pytest.raises(DataError, match=r"leave the column out with drop=\['living area'\]\.$"):
        TableCoding.fit(table, "price")
    with on_the_command_line(), pytest.raises(DataError, match=r"leave the column out with --ignore 'living area'\.$"):
        TableCoding.fit(table, "price")


def test_numbers_stored_as_text_are_refused():
    with pytest.raises(DataError, match="'area' holds numbers stored as text, such as '1' in data row 1"):
        fit(changed={"area": ["1", "2", "3", "1", "2", "3"]})


def test_numbers_declared_to_be_labels_are_levels():
    for values in (["1", "2", "10"] * 2, [1, 2, 10] * 2):
        labels = pa.array(values).dictionary_encode()
        coding = fit(changed={"street": labels})
        assert coding.input_columns[2].levels == ("1", "10", "2")
        assert_array_equal(coding.inputs(houses(street=[1, 2, 10] * 2))[:, 2:], [[1, 0, 0], [0, 0, 1], [0, 1, 0]] * 2)


@pytest.mark.parametrize("values", [["1,5", "2,5", "3", "1,5", "x", "2,5"], ["1.234,5"] * 5 + ["1"], ["5 %", "6%"] * 3])
def test_numbers_written_otherwise_are_refused_with_a_hint(values):
    with pytest.raises(
        DataError, match=r"'area' holds numbers written .*such as '[\d.,]+ ?%?' in data row 1.*like 1234\.5"
    ):
        fit(changed={"area": values})


def test_too_many_levels_are_refused():
    for n_levels in (50, 51):
        table = pa.table({"id": [f"level {row % n_levels}" for row in range(200)], "y": np.arange(200.0)})
        if n_levels == 50:
            assert len(TableCoding.fit(table, "y").input_names) == 50
        else:
            with pytest.raises(DataError, match=r"'id' has 51 different values in 200 rows; at most 50.*drop=\['id'\]"):
                TableCoding.fit(table, "y")


def test_a_level_in_every_row_is_refused():
    with pytest.raises(DataError, match=r"'street' has 6 different values in 6 rows; it only names the rows.*drop="):
        fit(changed={"street": list("abcdef")})


# -- infinity and missing values -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["area", "price"])
@pytest.mark.parametrize("missing", ["refuse", "drop", "mean", "median"])
def test_infinity_is_always_refused_with_count_and_place(name, missing):
    values = [1.0, 2.0, -np.inf, 3.0, np.inf, 4.0]
    with pytest.raises(DataError, match=rf"'{name}' holds infinity in 2 of 6 rows, first -inf in data row 3"):
        fit(changed={name: values}, missing=missing)
    with pytest.raises(DataError, match="infinity"):
        fit(missing=missing).code(houses(**{name: values}))


GAPS = {
    "area": [50, None, 90, 65, None, 120],
    "garden": [True, False, True, None, False, True],
    "street": ["elm", "oak", "elm", "elm", "oak", None],
}


@pytest.mark.parametrize("name", GAPS)
@pytest.mark.parametrize("nan", [False, True])
def test_missing_inputs_are_refused_with_count_and_place(name, nan):
    values = [np.nan if value is None and nan and name == "area" else value for value in GAPS[name]]
    place = GAPS[name].index(None) + 1
    message = rf"missing in '{name}' \({values.count(None) or 2}, first in data row {place}\).*missing='drop', 'mean'"
    with pytest.raises(DataError, match=message):
        fit(changed={name: values})
    with pytest.raises(DataError, match=message):
        fit().inputs(houses(**{name: values}))


def test_all_columns_with_missing_values_are_named_at_once():
    with pytest.raises(DataError, match=r"'area' \(2, .*row 2\), 'garden' \(1, .*row 4\), 'street' \(1, .*row 6\)"):
        fit(changed=GAPS)


@pytest.mark.parametrize("missing", ["refuse", "mean", "median"])
@pytest.mark.parametrize("target", [[1.5, np.nan, 2.0, None, 3.0, 4.0], ["a", None, "b", None, "a", "b"]])
def test_rows_without_a_target_are_left_out_whatever_is_done_about_inputs(missing, target):
    # What stands beside a missing target does not matter: a gap, a word of no other row.
    changed = {"area": [50, None, 90, 65, 80, 120], "street": ["elm", "once", "oak", "twice", "oak", "elm"]}
    table = houses(**changed, price=pa.array(target))
    coding, there = TableCoding.fit(table, "price", missing=missing), [0, 2, 4, 5]
    assert "2 rows are left out, of 6: no target is there." in coding.notes
    alone = TableCoding.fit(table.take(there), "price", missing=missing)
    assert coding.input_columns == alone.input_columns
    coded, same = coding.code(table), alone.code(table.take(there))
    assert_array_equal(coded.rows, there)
    assert_array_equal(coded.inputs, same.inputs)
    assert_array_equal(coded.targets, same.targets)


def test_gaps_beside_a_target_are_refused_by_their_place_where_rows_without_one_are_left_out():
    gaps = {"price": [None, 2.0, 2.5, None, 2.25, 4.0], "area": [None, 70, None, 65, 80, 120]}
    with pytest.raises(DataError, match=r"missing in 'area' \(1, first in data row 3\)"):
        fit(changed=gaps)
    with pytest.raises(DataError, match="No row has all of the targets 'garden', 'price'"):
        fit(changed=gaps | {"garden": [True, None, None, True, None, None]}, targets=["garden", "price"])


@pytest.mark.parametrize("missing", ["refuse", "drop", "mean", "median"])
@pytest.mark.parametrize("values", [pa.nulls(6), pa.nulls(6, pa.string()), [np.nan] * 6])
@pytest.mark.parametrize("name", ["area", "price"])
def test_a_column_without_values_is_refused(name, values, missing):
    with pytest.raises(DataError, match=rf"'{name}' is missing in all 6 rows.*{WAY_OUT[name]}"):
        fit(changed={name: values}, missing=missing)


def test_dropping_rows_is_training_on_the_complete_ones():
    changed = GAPS | {"price": [1.5, 2.0, None, 1.75, 2.25, 4.0]}
    table = pa.concat_tables([houses(**changed), houses()])
    complete = pa.concat_tables([houses(**changed).slice(0, 1), houses()])
    coding = TableCoding.fit(table, "price", missing="drop")
    coded, expected = coding.code(table), TableCoding.fit(complete, "price").code(complete)
    assert_array_equal(coded.rows, [0, 6, 7, 8, 9, 10, 11])
    assert_array_equal(coded.inputs, expected.inputs)
    assert_array_equal(coded.targets, expected.targets)
    assert "5 of 12 rows are left out: they have missing values." in coding.notes


def test_dropped_rows_have_no_prediction_and_the_others_their_own():
    coding = fit(missing="drop")
    inputs, complete = coding.inputs(houses(**GAPS)), coding.complete_rows(houses(**GAPS))
    assert_array_equal(complete, [True, False, True, False, False, False])
    assert_array_equal(np.isfinite(inputs).all(axis=1), complete)
    assert_array_equal(inputs[0], CODED[0])
    assert np.isnan(inputs[5, 2:]).all()
    assert_array_equal(inputs[5, :2], [120, 1])


def test_a_missing_target_costs_no_prediction():
    assert fit(missing="drop").complete_rows(houses(price=[None] * 6)).all()


def test_levels_and_classes_come_from_the_rows_that_stay():
    table = pa.table(
        {
            "x": [1, None, 3, 4, 5],
            "street": ["elm", "ash", "oak", "elm", "oak"],
            "y": ["a", "c", "b", "a", "b"],
        }
    )
    coding = TableCoding.fit(table, "y", missing="drop")
    assert coding.classes == ("a", "b")
    assert coding.input_columns[1].levels == ("elm", "oak")
    assert_array_equal(coding.code(table).rows, [0, 2, 3, 4])


def test_a_constant_column_costs_no_rows():
    coding = fit(changed={"area": [7, None, 7, 7, None, 7]}, missing="drop")
    assert coding.dropped == {"area": "7.0 in every row"}
    assert len(coding.code(houses(area=[7, None, 7, 7, None, 7])).rows) == 6


def test_a_column_made_constant_by_dropped_rows_is_left_out_and_costs_none():
    # Rows 1 and 2 lack x; without them z is constant, and so z's own gap in row 5 costs nothing.
    changed = {"area": [None, None, 3, 4, 5, 6], "garden": None, "street": ["elm", "oak", "oak", "oak", None, "oak"]}
    coding = fit(changed=changed, missing="drop")
    assert list(coding.dropped) == ["street"]
    assert_array_equal(coding.code(houses(**changed)).rows, [2, 3, 4, 5])


def test_no_row_left_is_refused():
    with pytest.raises(DataError, match="No row is left: each of the 6 rows has a missing value"):
        fit(changed={"area": [1, None, 2, None, 3, None], "garden": [None, 1, None, 2, None, 3]}, missing="drop")


@pytest.mark.parametrize(("missing", "middle"), [("mean", np.mean), ("median", np.median)])
def test_missing_values_are_filled_as_at_training(missing, middle):
    coding = fit(changed=GAPS, missing=missing)
    fill = float(middle([50, 90, 65, 120]))
    assert coding.input_columns[0].fill == fill
    assert coding.input_columns[1].fill == float(middle([1, 0, 1, 0, 1]))
    assert coding.input_columns[2].fill == "elm"
    inputs = coding.code(houses(**GAPS)).inputs
    assert_array_equal(inputs[:, 0], [50, fill, 90, 65, fill, 120])
    assert_array_equal(inputs[5, 2:], [1, 0])
    later = pa.table({"area": [None, 1.0], "garden": [None, None], "street": pa.nulls(2)})
    assert_array_equal(coding.inputs(later), [[fill, inputs[3, 1], 1, 0], [1, inputs[3, 1], 1, 0]])
    assert coding.complete_rows(later).all()
    assert f"Column 'area': 2 missing values are filled with the {missing} {fill:.6g}." in coding.notes
    assert "Column 'street': 1 missing value is filled with its most frequent level 'elm'." in coding.notes


def test_a_fill_is_kept_also_where_training_had_nothing_missing():
    assert fit(missing="median").inputs(houses(area=[None] * 6))[:, 0].tolist() == [75.0] * 6


def test_the_mean_of_large_numbers_is_finite():
    values = [1.5e308, 1.6e308, 1.7e308, 1.5e308, None, 1.7e308]
    for missing in ("mean", "median"):
        fill = fit(changed={"area": values}, missing=missing).input_columns[0].fill
        assert fill == pytest.approx(1.6e308, rel=1e-15)


def test_of_equally_frequent_levels_the_first_fills():
    coding = fit(changed={"street": ["oak", "elm", "oak", "elm", None, None]}, missing="mean")
    assert coding.input_columns[2].fill == "elm"


# -- tables that come later ------------------------------------------------------------------------------------------


@given(order=st.permutations(["area", "garden", "street", "price", "extra"]))
def test_columns_are_found_by_name(order):
    table = houses(extra=list("uvwxyz")).select(order)
    assert_array_equal(fit().inputs(table), CODED)


@given(rows=st.lists(st.integers(0, 5), max_size=8))
def test_rows_are_coded_one_by_one(rows):
    assert_array_equal(
        fit().inputs(houses().take(pa.array(rows, pa.int64()))), np.reshape([CODED[row] for row in rows], (-1, 5))
    )


def test_targets_and_constant_columns_need_not_be_there():
    coding = fit(changed={"garden": [True] * 6})
    table = houses(garden=None, price=None)
    assert_array_equal(coding.inputs(table), np.delete(CODED, 1, axis=1))


def test_missing_columns_are_refused_all_at_once_with_the_nearest():
    table = houses(garden=None, price=None).rename_columns(["Aera ", "street"])
    with pytest.raises(
        DataError, match=r"lacks 2 of the 3 input columns .*: 'area' \(did you mean 'Aera'\?\), 'garden'.*Its columns"
    ):
        fit().inputs(table)
    with pytest.raises(DataError, match=r"lacks 1 of the 1 target columns.*: 'price'\."):
        fit().targets(table)


def test_an_unseen_level_is_refused_and_named():
    table = houses(street=["elm", "aok", "elm", "elm", "aok", "elm"])
    with pytest.raises(
        DataError,
        match=r"'street' has the level 'aok' in data row 2.*\(2 such values\)\. Did you mean 'oak'\?.*unknown='ignore'",
    ):
        fit().inputs(table)


def test_an_unseen_level_is_coded_as_the_mean_of_the_training_rows():
    table = houses(street=["elm", "yew", "oak", "fir", "elm", "elm"])
    inputs = fit().inputs(table, unknown="ignore")
    mean = np.array(CODED)[:, 2:].mean(axis=0)
    assert_array_equal(inputs[:, 2:], [[0, 1, 0], mean, [0, 0, 1], mean, [0, 1, 0], [0, 1, 0]])
    assert remarks_of(fit(), table, unknown="ignore") == (
        "Column 'street': 2 values are not among the levels of training, first 'yew' in data row 2: such rows are "
        "predicted as the mean over the levels of the training rows.",
    )


def test_a_file_of_an_older_version_codes_an_unseen_level_between_all_it_knows():
    description = fit().to_dict()
    for column in description["inputs"]:
        del column["shares"]
    again = TableCoding.from_dict(description)
    assert_array_equal(again.inputs(houses()), CODED)
    assert_array_equal(again.inputs(houses(street=["yew"] * 6), unknown="ignore")[:, 2:], np.full((6, 3), 1 / 3))


def test_a_level_that_no_row_has_that_trains_is_coded_as_the_mean_of_those_that_do():
    coding = fit()
    inputs = coding.code(houses()).inputs
    train = [0, 1, 2, 4, 5]  # without the only 'ash'
    coding = coding.trained_on(inputs[train].mean(axis=0))
    assert "no row that trains has 'ash', which is predicted as the mean over their levels" in coding.notes[-1]
    coding.recode(inputs.T)
    expected = np.array(CODED, dtype=float)
    expected[3, 2:] = expected[train, 2:].mean(axis=0)
    assert_array_equal(inputs, expected)
    assert_array_equal(coding.inputs(houses()), expected)
    assert_array_equal(TableCoding.from_dict(coding.to_dict()).inputs(houses()), expected)
    assert remarks_of(coding, houses()) == (
        "Column 'street': 1 value is of a level that no training row had ('ash'): such rows are predicted as "
        "the mean over the levels of the training rows.",
    )


def words(n_columns, n_levels, n_rows=400):
    """A table of words, its coding, and a network on it that is anything but linear."""
    rng = np.random.default_rng(0)
    columns = {f"c{k}": [f"w{v}" for v in rng.integers(0, n_levels, n_rows) ** 2 // n_levels] for k in range(n_columns)}
    table = pa.table({"x": rng.normal(size=n_rows), **columns, "y": rng.normal(size=n_rows)})
    coding = TableCoding.fit(table, "y")
    graph = feed_forward(len(coding.input_names), (5,), 1)
    return coding, Network(graph, rng.normal(size=graph.n_weights)), table


def test_two_unseen_levels_get_the_mean_over_all_pairs():
    coding, network, table = words(2, 4)
    levels = [dict(zip(column.levels, column.shares, strict=True)) for column in coding.input_columns[1:]]
    new = pa.table({"x": [0.3, 0.3, -1.0], "c0": ["new", "w0", "new"], "c1": ["other", "other", "w0"]})
    found = coding.outputs(network, coding.inputs(new, unknown="ignore"))[:, 0]

    def mean(x, first, second):
        pairs = list(itertools.product(first, second))
        known = pa.table({"x": [x] * len(pairs), "c0": [a for a, _ in pairs], "c1": [b for _, b in pairs]})
        return network.outputs(coding.inputs(known))[:, 0] @ [first[a] * second[b] for a, b in pairs]

    expected = [mean(0.3, *levels), mean(0.3, {"w0": 1.0}, levels[1]), mean(-1.0, levels[0], {"w0": 1.0})]
    assert_allclose(found, expected, rtol=1e-12)
    same = coding.inputs(table)
    assert_array_equal(coding.outputs(network, same), network.outputs(same))


def test_many_unseen_levels_take_a_bounded_number_of_evaluations_and_come_near_the_mean():
    coding, network, _ = words(3, 20)
    new = pa.table({"x": [0.5], "c0": ["a"], "c1": ["b"], "c2": ["c"]})
    inputs = coding.inputs(new, unknown="ignore")
    calls = []

    class Counting:
        def outputs(self, given):
            calls.append(len(given))
            return network.outputs(given)

    found = coding.outputs(Counting(), inputs)[0, 0]
    assert sum(calls) <= 1 + 64
    columns = [dict(zip(column.levels, column.shares, strict=True)) for column in coding.input_columns[1:]]
    each = list(itertools.product(*columns))
    known = pa.table({"x": [0.5] * len(each), **{f"c{k}": [one[k] for one in each] for k in range(3)}})
    outputs = network.outputs(coding.inputs(known))[:, 0]
    mean = outputs @ [np.prod([column[word] for column, word in zip(columns, one, strict=True)]) for one in each]
    assert abs(found - mean) < 3 * outputs.std() / np.sqrt(64)  # as near as 64 drawn at random


def test_a_row_with_a_gap_and_an_unseen_level_has_no_output():
    coding, network, _ = words(2, 4)
    inputs = coding.inputs(
        pa.table({"x": [None, 1.0], "c0": ["new", "new"], "c1": ["w0", "w0"]}), "ignore", missing="keep"
    )
    assert_array_equal(np.isnan(coding.outputs(network, inputs))[:, 0], [True, False])


@pytest.mark.parametrize("shares", [[0.5], [0.5, 0.5, 1.5], [None] * 3, "abc", [float("nan")] * 3])
def test_damaged_shares_are_refused(shares):
    description = fit().to_dict()
    description["inputs"][2]["shares"] = shares
    with pytest.raises(FileError, match="shares of the levels"):
        TableCoding.from_dict(description)


def test_unknown_is_one_of_two_words():
    with pytest.raises(ConfigurationError, match="Did you mean 'ignore'"):
        fit().inputs(houses(), unknown="ignor")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"area": ["50", "7o", "90", "6s", "80", "1"]},
            "'area' must hold numbers, as in training, got '7o' in data row 2",
        ),
        ({"area": ["50", "70", "90", "6", "80", "1"]}, "got '50' in data row 1, a number stored as text"),
        ({"area": [True, False] * 3}, "'area' must hold numbers, as in training, got true/false"),
        ({"area": [datetime.date(2020, 1, 1)] * 6}, "'area' must hold numbers, .*date32"),
        ({"garden": ["yes", "no"] * 3}, "'garden' must hold true or false, as in training, got 'yes' in data row 1"),
        ({"garden": [1, 0, 1, 2, 0, 1]}, r"'garden' must hold true or false \(or 1 and 0\).*got 2 in data row 4"),
        ({"street": [datetime.date(2020, 1, 1)] * 6}, "'street' must hold text, .*date32"),
    ],
)
def test_values_of_another_kind_are_refused_with_row_and_word(changed, message):
    with pytest.raises(DataError, match=message):
        fit().inputs(houses(**changed))


def test_ones_and_zeros_stand_for_true_and_false():
    assert_array_equal(fit().inputs(houses(garden=[1, 0, 1, 1, 0, 1])), CODED)


def test_levels_that_look_like_numbers_are_found_in_a_column_of_numbers(tmp_path):
    coding = fit(changed={"street": ["2", "x", "2", "x", "y", "y"]})
    (tmp_path / "new.csv").write_text("area,garden,street\n1,true,2\n2,false,2\n")
    for text in ((), coding.text_columns):
        assert_array_equal(coding.inputs(read_table(tmp_path / "new.csv", text=text))[:, 2:], [[1, 0, 0], [1, 0, 0]])


def test_levels_that_are_no_plain_numbers_are_found_if_read_as_text(tmp_path):
    coding = fit(changed={"street": ["02", "x", "02", "x", "y", "y"]})
    (tmp_path / "new.csv").write_text("area,garden,street\n1,true,02\n2,false,02\n")
    table = read_table(tmp_path / "new.csv", text=coding.text_columns)
    assert_array_equal(coding.inputs(table)[:, 2:], [[1, 0, 0], [1, 0, 0]])


def test_what_is_not_used_is_said():
    coding = fit(changed={"garden": [True] * 6}, drop=["area"])
    assert remarks_of(coding, houses()) == ("Not used, as it was not used in training: 'area'.",)
    assert remarks_of(coding, houses(extra=[1] * 6))[0].endswith("they were not used in training: 'area', 'extra'.")
    assert remarks_of(coding, houses(area=None, price=None)) == ()


def test_what_is_missing_is_said():
    assert remarks_of(fit(missing="drop"), houses(**GAPS)) == (
        "4 of 6 rows have missing values and get no prediction, as in training.",
    )
    assert remarks_of(fit(missing="median"), houses(area=GAPS["area"])) == (
        "Column 'area': 2 missing values are filled with the median 75.",
    )


@pytest.mark.parametrize("missing", ["refuse", "drop"])
def test_missing_targets_are_kept_or_refused_as_asked(missing):
    gaps = [1.5, None, 2.0, np.nan, 3.0, 4.0]
    coding = fit(missing=missing)
    with pytest.raises(DataError, match=r"'price' is missing in 2 of 6 rows.*with missing='keep'"):
        coding.targets(houses(price=gaps), missing="refuse")
    assert_array_equal(coding.targets(houses(price=gaps), missing="keep")[:, 0], [1.5, np.nan, 2, np.nan, 3, 4])
    labels = fit(changed={"price": list("aabbab")}, missing=missing)
    assert_array_equal(
        labels.targets(houses(price=["a", None, "b", "b", None, "a"]), missing="keep"), [0, -1, 1, 1, -1, 0]
    )


def test_without_a_word_missing_targets_are_treated_as_at_training():
    gaps = houses(price=[1.5, None, 2.0, 2.0, 3.0, 4.0])
    assert np.isnan(fit(missing="drop").targets(gaps)[1, 0])
    with pytest.raises(DataError, match="'price' is missing"):
        fit(missing="mean").targets(gaps)
    with pytest.raises(ConfigurationError, match="missing must be one of 'refuse', 'keep'"):
        fit().targets(gaps, missing="drop")


@pytest.mark.parametrize(
    ("trained", "came", "expected"),
    [
        ([1, 2] * 3, [1.0, 2.0] * 3, [0, 1] * 3),
        ([1.0, 2.5] * 3, [1] * 6, [0] * 6),
        ([True, False] * 3, [1, 0] * 3, [1, 0] * 3),
        (["1", "x"] * 3, [1] * 6, [0] * 6),
        (["1", "x"] * 3, pa.array(["x", "1"] * 3).dictionary_encode(), [1, 0] * 3),
    ],
)
def test_classes_are_found_whatever_type_a_reader_gave_them(trained, came, expected):
    coding = fit(changed={"price": trained}, task="classification")
    assert_array_equal(coding.targets(houses(price=came)), expected)


@pytest.mark.parametrize(
    ("trained", "came", "message"),
    [
        (list("aabbab"), list("aabbac"), "'price' has the class 'c' in data row 6.*Known are 'a', 'b'"),
        ([1, 2] * 3, [1, 2, 3, 1, 2, 3], "has the class 3 in data row 3"),
        ([1, 2] * 3, [1.5, 2.0] * 3, "has the class 1.5 in data row 1"),
        ([1, 2] * 3, list("aabbab"), "must hold numbers, as in training, got 'a' in data row 1"),
        ([True, False] * 3, ["yes", "no"] * 3, "must hold true or false, as in training, got 'yes'"),
    ],
)
def test_other_classes_are_refused(trained, came, message):
    coding = fit(changed={"price": trained}, task="classification")
    with pytest.raises(DataError, match=message):
        coding.targets(houses(price=came))


def test_a_regression_target_that_comes_as_text_is_refused():
    with pytest.raises(DataError, match="'price' must hold numbers, as in training, got 'dear' in data row 1"):
        fit().targets(houses(price=["dear"] * 6))


# -- to a dictionary and back ----------------------------------------------------------------------------------------

CODINGS = {
    "plain": fit,
    "constant": lambda: fit(changed={"garden": [True] * 6}),
    "mean": lambda: fit(changed=GAPS | {"area": [0.1, None, 1 / 3, 2.0, 1e300, -5.0]}, missing="mean"),
    "median": lambda: fit(changed=GAPS, missing="median"),
    "drop": lambda: fit(missing="drop", drop=["street"]),
    "several": lambda: fit(targets=["price", "area"]),
    "classes": lambda: fit(targets="street", drop=["area"]),
}


@pytest.mark.parametrize("name", CODINGS)
def test_the_way_through_json_changes_nothing(name):
    coding = CODINGS[name]()
    assert TableCoding.from_dict(json.loads(json.dumps(coding.to_dict(), allow_nan=False))) == coding


def damaged(**changes):
    return fit(missing="mean").to_dict() | changes


COLUMN = {"name": "area", "kind": "number", "levels": [], "fill": 1.0}
LEVELS = {"name": "street", "kind": "category", "levels": ["elm", "oak"], "fill": "elm"}


@pytest.mark.parametrize(
    "description",
    [
        None,
        [],
        {},
        damaged(more=1),
        {key: value for key, value in damaged().items() if key != "notes"},
        damaged(task="guess"),
        damaged(task=["regression"]),
        damaged(missing="guess"),
        damaged(inputs=[]),
        damaged(inputs={"area": COLUMN}),
        damaged(inputs=[None]),
        damaged(inputs=[COLUMN, COLUMN]),
        damaged(inputs=[COLUMN | {"name": "price"}]),
        damaged(inputs=[COLUMN | {"name": 3}]),
        damaged(inputs=[COLUMN | {"kind": "date"}]),
        damaged(inputs=[COLUMN | {"kind": {}}]),
        damaged(inputs=[COLUMN | {"levels": ["a"]}]),
        damaged(inputs=[COLUMN | {"levels": None}]),
        damaged(inputs=[COLUMN | {"fill": None}]),
        damaged(inputs=[COLUMN | {"fill": float("nan")}]),
        damaged(inputs=[COLUMN | {"fill": "elm"}]),
        damaged(missing="drop", inputs=[COLUMN]),
        damaged(inputs=[LEVELS | {"levels": []}]),
        damaged(inputs=[LEVELS | {"levels": ["elm", "elm"]}]),
        damaged(inputs=[LEVELS | {"levels": ["elm", 1]}]),
        damaged(inputs=[LEVELS | {"fill": "yew"}]),
        damaged(inputs=[LEVELS | {"fill": {}}]),
        damaged(targets=[]),
        damaged(targets="price"),
        damaged(targets=["price", "price"]),
        damaged(classes=["a", "b"]),
        damaged(classes=None),
        damaged(task="classification"),
        damaged(task="classification", classes=["a", "b"], targets=["price", "prize"]),
        damaged(task="classification", classes=["a"]),
        damaged(task="classification", classes=["a", "a"]),
        damaged(task="classification", classes=["a", 1]),
        damaged(task="classification", classes=[True, 1]),
        damaged(task="classification", classes=[1.0, float("inf")]),
        damaged(task="classification", classes=[[1], [2]]),
        damaged(task="classification", classes="ab"),
        damaged(dropped=[]),
        damaged(dropped={"area": 1}),
        damaged(notes="a"),
        damaged(notes=[1]),
    ],
)
def test_a_damaged_description_is_a_file_error(description):
    with pytest.raises(FileError, match="The table coding is damaged"):
        TableCoding.from_dict(description)


def test_the_pieces_of_the_damaged_descriptions_are_right_themselves():
    whole = TableCoding.from_dict(damaged(inputs=[COLUMN, LEVELS], task="classification", classes=[1, 2]))
    assert whole.input_names == ("area", "street=elm", "street=oak")


def test_a_row_that_was_taken_for_the_header_is_thought_of():
    headless = pa.table({"354.8": [1.0], "a": ["b"], "43.5": [2.0]})
    with pytest.raises(DataError, match=r"'43\.5'\. If that is a row of the data, put a line with the column names"):
        TableCoding.fit(headless, targets=["strength"])
    with pytest.raises(DataError, match=r"'b'\.$"):
        TableCoding.fit(pa.table({"1": [1.0], "b": [2.0]}), targets=["strength"])
