"""The series that come with the package, against what is printed about them elsewhere."""

import numpy as np
import pytest

from marquardt.errors import ConfigurationError
from marquardt.problems import SERIES, series_named


@pytest.mark.parametrize("name", SERIES)
def test_every_series_is_whole(name):
    series = series_named(name)
    assert len(series.times) == len(series.y)
    assert np.isfinite(series.y).all()
    assert (series.X is None) == (SERIES[name][1] is None)


def test_the_series_are_the_known_ones():
    air, spots, furnace = map(series_named, ("air_passengers", "sunspots", "gas_furnace"))
    # Sums and ends, as statistics texts and packages have them.
    assert (len(air.y), air.y.sum(), air.times[-1], air.y[-1]) == (144, 40363, "1960-12", 432)
    assert (len(spots.y), spots.times[0], spots.times[-1], spots.y.max()) == (309, "1700", "2008", 190.2)
    assert (len(furnace.y), furnace.y[0], furnace.X[0, 0]) == (296, 53.8, -0.109)
    assert furnace.y.mean() == pytest.approx(53.51, abs=0.005)
    assert furnace.X.mean() == pytest.approx(-0.0568, abs=0.0005)


def test_unknown_series_names_the_nearest():
    with pytest.raises(ConfigurationError, match="Did you mean 'sunspots'"):
        series_named("sunspot")
