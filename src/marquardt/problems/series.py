"""Measured series that come with the package, by name."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import one_of

__all__ = ["SERIES", "MeasuredSeries", "series_named"]

SERIES: dict[str, tuple[str, str | None, int | None, str]] = {
    "air_passengers": (
        "passengers",
        None,
        12,
        "International airline passengers, thousands a month, 1949 to 1960 (Box and Jenkins 1970, Series G).",
    ),
    "sunspots": (
        "sunspots",
        None,
        11,
        "Yearly mean sunspot numbers, 1700 to 2008 (NOAA National Geophysical Data Center, public domain).",
    ),
    "gas_furnace": (
        "co2",
        "gas_rate",
        None,
        "A gas furnace, every 9 seconds: feed rate of methane (cubic feet a minute, about its mean) and percent of "
        "carbon dioxide in the outlet (Box and Jenkins 1970, Series J).",
    ),
}
"""Of every series: the column that is forecast, the one that drives it, rows a season, and what it is."""


@dataclass(frozen=True, eq=False)
class MeasuredSeries:
    """A measured series."""

    name: str
    times: tuple[str, ...]  # Of the rows: months, years or seconds, as they were written down
    y: Array  # (n_rows,): what is forecast
    X: Array | None  # (n_rows, 1): what drives it
    season: int | None  # Rows a season; for the sunspots about
    text: str  # What it is, and where it is from


def series_named(name: str) -> MeasuredSeries:
    """Read a series that comes with the package.

    Parameters
    ----------
    name : str
        ``"air_passengers"`` (144 months), ``"sunspots"`` (309 years) or ``"gas_furnace"`` (296 rows, with an input).

    Returns
    -------
    MeasuredSeries
        Its times and values.

    Raises
    ------
    ConfigurationError
        If there is no such series.

    Examples
    --------
    >>> air = series_named("air_passengers")
    >>> air.times[0], air.y[:3]
    ('1949-01', array([112., 118., 132.]))
    """
    target, driver, season, text = SERIES[one_of(name, SERIES, "the series")]
    with (files("marquardt.problems") / "data" / f"{name}.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    X = None if driver is None else np.array(columns[driver], dtype=np.float64)[:, None]
    return MeasuredSeries(name, columns[header[0]], np.array(columns[target], dtype=np.float64), X, season, text)
