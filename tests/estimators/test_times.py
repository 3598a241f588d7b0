"""Times beside series: where they are no numbers, and that a calendar comes back as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from marquardt import DataError, NetworkForecaster, NetworkRegressor
from marquardt.training import Fitting, Settings

QUICK = {"hidden_layer_sizes": (3,), "n_restarts": 1, "max_iter": 30, "alpha": 1e-3, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fit(y, X=None):
    return NetworkForecaster((1, 2), (0,), **QUICK).fit(y, X)


# ---------------------------------------------------------------- dates among numbers


DAY_VALUES = pd.date_range("2024-01-01", periods=20)
COLUMNS_OF_TIMES = {
    "datetime64": DAY_VALUES.to_numpy,
    "timedelta64": lambda: DAY_VALUES.to_numpy() - DAY_VALUES.to_numpy()[0],
    "list of datetime64": lambda: list(DAY_VALUES.to_numpy()),
    "pandas": lambda: pd.Series(DAY_VALUES),
    "pandas, zone": lambda: pd.Series(DAY_VALUES.tz_localize("UTC")),
    "pandas, differences": lambda: pd.Series(DAY_VALUES - DAY_VALUES[0]),
    "pandas, periods": lambda: pd.Series(DAY_VALUES.to_period("D")),
    "pandas, categories": lambda: pd.Series(DAY_VALUES).astype("category"),
    "pandas on Arrow": lambda: pd.Series(DAY_VALUES).astype("timestamp[us][pyarrow]"),
    "frame": lambda: pd.DataFrame({"ds": DAY_VALUES, "y": np.arange(20.0)}),
    "polars": lambda: pl.Series("ds", DAY_VALUES.to_list()),
    "polars, differences": lambda: pl.Series("ds", DAY_VALUES.to_list()).diff().drop_nulls(),
    "polars frame": lambda: pl.DataFrame({"ds": DAY_VALUES.to_list(), "y": np.arange(20.0)}),
    "Arrow": lambda: pa.chunked_array([DAY_VALUES.to_list()]),
    "Arrow table": lambda: pa.table({"ds": DAY_VALUES.to_list(), "y": np.arange(20.0)}),
}


@pytest.mark.parametrize("kind", COLUMNS_OF_TIMES)
def test_dates_are_no_numbers_whatever_holds_them(kind):
    given = COLUMNS_OF_TIMES[kind]()
    with pytest.raises(DataError, match=r"y must hold numbers, but .*dates or times.*Code words and dates as numbers"):
        fit(given)
    with pytest.raises(DataError, match=r"X must hold numbers, but .*dates or times"):
        fit(np.arange(float(len(given))), given)


def test_a_frame_with_dates_says_where_they_belong():
    with pytest.raises(DataError, match=r"column 'ds' holds dates.*set_index\('ds'\)"):
        fit(COLUMNS_OF_TIMES["frame"]())


@pytest.mark.parametrize("kind", ["datetime64", "timedelta64"])
def test_arrays_of_dates_are_no_numbers_to_any_estimator(kind):
    given, numbers = COLUMNS_OF_TIMES[kind](), np.arange(20.0)
    for attempt in (
        lambda: NetworkRegressor((2,), max_iter=2).fit(given[:, None], numbers),
        lambda: NetworkRegressor((2,), max_iter=2).fit(numbers[:, None], given),
        lambda: NetworkRegressor((2,), max_iter=2).fit(numbers[:, None], numbers, sample_weight=given),
        lambda: Fitting(given[:, None], numbers, Settings(), "regression"),
        lambda: Fitting(numbers[:, None], given, Settings(), "regression"),
        lambda: NetworkForecaster((1,), **QUICK).fit(numbers, sample_weight=given),
    ):
        with pytest.raises(DataError, match="must hold numbers, but holds dates or times"):
            attempt()
