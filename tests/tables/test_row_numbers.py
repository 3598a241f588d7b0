"""A column that counts the rows is named, in memory and as it goes by."""

import numpy as np
import pyarrow as pa
import pytest
from helpers.passing import Passing

from marquardt.tables import TableCoding
from marquardt.wording import on_the_command_line

N = 40
OTHERS = {
    "area": np.random.default_rng(0).uniform(20, 200, N),
    "price": np.random.default_rng(1).uniform(1, 9, N),
}


def said(name, values, n_rows=N, **others):
    """Return what is said of row numbers, which must be the same in memory and of pieces."""
    table = pa.table({name: values, **{key: each[:n_rows] for key, each in OTHERS.items()}, **others})
    found = []
    for coding in (TableCoding.fit(table, "price"), TableCoding.fit_rows(Passing(table), "price")):
        found.append([note for note in coding.notes if "row number" in note])
        assert name in coding.input_names
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("kind", ["int64", "uint8", "float64"])
def test_column_that_counts_the_rows_is_named_whatever_it_is_called(first, kind):
    assert said("thing", np.arange(first, N + first).astype(kind)) == [
        f"Column 'thing' looks like a row number: it rises by one from {first}. What a network learns from it, new "
        f"rows do not have; leave it out with drop=['thing']."
    ]
    table = pa.table({"thing": np.arange(N), **OTHERS})
    with on_the_command_line():
        assert "--ignore thing." in TableCoding.fit(table, "price").notes[0]


@pytest.mark.parametrize("name", ["id", "ID", "customer_id", "customerId", "Nr", "sample no", "row", "index", "number"])
def test_integers_that_rise_are_named_where_the_column_is_called_like_a_key(name):
    rising = 1000 + np.cumsum(np.random.default_rng(2).integers(1, 9, N))
    assert "looks like a row number: it rises from row to row" in said(name, rising)[0]
    assert said(name, rising[::-1]) == []
    assert said(name, np.r_[rising[:7], rising[:7], rising[14:]]) == []  # as long as a piece
    assert said(name, rising + 0.5) == []
    assert said(f"{name}s of cars", rising) == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("grid", np.cumsum(np.random.default_rng(2).integers(1, 9, N))),
        ("thing", np.arange(2, N + 2)),
        ("thing", np.r_[0:20, 21 : N + 1]),
        ("thing", np.arange(N)[::-1]),
        ("thing", np.arange(N) / 2),
        ("id", np.arange(N) * 1e300),
        ("id", 2.0**53 + 2 * np.arange(N)),
        ("year", np.arange(N)),
        ("time", np.arange(N)),
        ("day_of_year", np.arange(1, N + 1)),
        ("step", np.arange(N)),
    ],
)
def test_columns_of_other_meaning_are_not_named(name, values):
    assert said(name, values) == []


def test_few_rows_tell_nothing():
    assert said("id", np.arange(9), n_rows=9) == []
    assert len(said("id", np.arange(10), n_rows=10)) == 1


def test_the_only_input_is_what_there_is():
    assert TableCoding.fit(pa.table({"x": np.arange(N), "price": OTHERS["price"]}), "price").notes == ()


def test_rows_that_are_left_out_are_counted():
    price = [None if row in (3, 17) else value for row, value in enumerate(OTHERS["price"])]
    assert len(said("thing", np.arange(N), price=price)) == 1
    assert said("thing", np.arange(N - 2).tolist() + [None] * 2, price=price[:-2] + [None] * 2)
