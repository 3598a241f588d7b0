"""Pictures of forecasts show the numbers they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from numpy.testing import assert_array_equal

from marquardt import plots
from marquardt.errors import ConfigurationError, ShapeError


def test_forecast_goes_on_from_the_last_known_value():
    ax = plots.forecast([1.0, 3.0, 2.0], [4.0, 5.0], truth=[[4.5], [5.5]])
    known, ahead, came = ax.lines[:3]
    assert_array_equal(known.get_xydata(), [[1, 1], [2, 3], [3, 2]])
    assert_array_equal(ahead.get_xydata(), [[3, 2], [4, 4], [5, 5]])
    assert_array_equal(came.get_ydata(), [2, 4.5, 5.5])
    assert_array_equal(ax.lines[3].get_xdata(), [3, 3])


@pytest.mark.parametrize("index", [pd.date_range("2024-01-31", periods=5, freq="ME"), pd.RangeIndex(1700, 1705)])
def test_series_bring_their_times(index):
    whole = pd.Series(np.arange(5.0), index=index)
    ax = plots.forecast(whole[:3], whole[3:])
    assert list(ax.lines[1].get_xdata()) == list(np.asarray(index[2:]))


def test_periods_are_drawn_as_dates():
    whole = pd.Series(np.arange(5.0), index=pd.period_range("2024-01", periods=5, freq="M"))
    ax = plots.forecast(whole[:3], whole[3:], ax=pyplot.subplots()[1])
    assert ax.lines[0].get_xdata()[0] == np.datetime64("2024-01-01")


def test_errors_by_horizon_are_drawn_a_line_a_forecast():
    ax = plots.errors_by_horizon({"network": [[1.0], [2.0]], "last value": [2.0, 3.0]}, steps=[1, 12])
    assert_array_equal(ax.lines[0].get_xydata(), [[1, 1], [12, 2]])
    assert ax.get_ylim()[0] == 0


def test_lengths_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="truth must be as long as the forecast: 2, got 1"):
        plots.forecast([1.0], [1.0, 2.0], truth=[1.0])
    with pytest.raises(ShapeError, match="future_times must have one entry a value: 2, got 3"):
        plots.forecast([1.0], [1.0, 2.0], future_times=[1, 2, 3])
    with pytest.raises(ShapeError, match="one target at a time"):
        plots.forecast([[1.0, 2.0]], [1.0])
    with pytest.raises(ShapeError, match="an entry a step"):
        plots.errors_by_horizon({"a": [1.0], "b": [1.0, 2.0]})
    with pytest.raises(ConfigurationError, match="no forecast"):
        plots.errors_by_horizon({})
