"""Problems to compare algorithms on: a network, its data, a goal and how to start."""

from marquardt.problems.catalogue import PROBLEMS, problem_named
from marquardt.problems.problem import Problem
from marquardt.problems.series import SERIES, MeasuredSeries, series_named
from marquardt.problems.tables import TABLES, ShippedTable, table_named
from marquardt.problems.teacher import teacher
from marquardt.spelling import spelled

__all__ = [
    "PROBLEMS",
    "SERIES",
    "TABLES",
    "MeasuredSeries",
    "Problem",
    "ShippedTable",
    "problem_named",
    "series_named",
    "spelled",
    "table_named",
    "teacher",
]
