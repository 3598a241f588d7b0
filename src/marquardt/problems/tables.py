"""Tables that come with the package, by name; the series are among them."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from marquardt.checks import one_of
from marquardt.errors import FileError
from marquardt.problems.series import SERIES

__all__ = ["TABLES", "ShippedTable", "table_named"]

MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)
# Mean over the cells of the image, standard error of that mean, mean of the three largest.
CELLS = [f"{kind}_{measure}" for kind in ("mean", "error", "worst") for measure in MEASURES]

TABLES: dict[str, tuple[str, str]] = {
    "houses": (
        "price",
        "414 sales of houses in Sindian, New Taipei City, 2012 and 2013: the date as a year with fraction, the "
        "house's age in years, meters to the nearest underground station, convenience stores in walking distance, "
        "latitude, longitude, and the price of an area of 3.3 m² (a ping), in 10,000 New Taiwan dollars. I-Cheng "
        "Yeh, Real Estate Valuation, UCI Machine Learning Repository 2018, doi.org/10.24432/C5J30W, license CC BY "
        "4.0; the running number is left out and the columns are named shorter.",
    ),
    "breast_cancer": (
        "diagnosis",
        "569 patients: 30 measures of the cell nuclei in a microscope image of each, and whether the tumor was "
        "benign or malignant. W. H. Wolberg, W. N. Street and O. L. Mangasarian, 1995, UCI Machine Learning "
        "Repository, doi.org/10.24432/C5DW2B, license CC BY 4.0; the copy of scikit-learn.",
    ),
    **{name: (target, text) for name, (target, _, _, text) in SERIES.items()},
}
"""Of every table: the column that is predicted, and what it is."""


@dataclass(frozen=True)
class ShippedTable:
    """A table of real data."""

    name: str
    target: str  # The column that is predicted or forecast
    text: str  # What it is, where it is from, under which license
    header: tuple[str, ...]  # Names of the columns
    rows: tuple[tuple[str, ...], ...]  # As they are written in the file


def table_named(name: str) -> ShippedTable:
    """Read a table that comes with the package.

    Parameters
    ----------
    name : str
        ``"houses"`` (regression), ``"breast_cancer"`` (two classes), or one of the series: ``"air_passengers"``,
        ``"sunspots"``, ``"gas_furnace"``.

    Returns
    -------
    ShippedTable
        Its columns as text.

    Raises
    ------
    ConfigurationError
        If there is no such table.

    Examples
    --------
    >>> houses = table_named("houses")
    >>> len(houses.rows), houses.header[-1], houses.rows[0][-1]
    (414, 'price', '37.9')
    """
    target, text = TABLES[one_of(name, TABLES, "the table")]
    if name == "breast_cancer":
        return ShippedTable(name, target, text, (*CELLS, target), tuple(_breast_cancer()))
    with (files("marquardt.problems") / "data" / f"{name}.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return ShippedTable(name, target, text, tuple(header), tuple(map(tuple, rows)))


def _breast_cancer() -> Iterator[tuple[str, ...]]:
    """The rows of scikit-learn's copy, without importing scikit-learn, which takes seconds."""
    found = importlib.util.find_spec("sklearn")
    places = [] if found is None else list(found.submodule_search_locations or ())
    for place in places:
        source = Path(place) / "datasets" / "data" / "breast_cancer.csv"
        if source.is_file():
            with open(source, encoding="utf-8", newline="") as file:
                reader = csv.reader(file)
                labels = next(reader)[2:]
                for row in reader:
                    yield (*row[:-1], labels[int(row[-1])])
            return
    raise FileError("The data are not where scikit-learn keeps them. Install it again: pip install scikit-learn")
