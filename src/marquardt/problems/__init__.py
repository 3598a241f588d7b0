"""Problems to compare algorithms on: a network, its data, a goal and how to start."""

from marquardt.problems.catalogue import PROBLEMS, problem_named
from marquardt.problems.problem import Problem
from marquardt.problems.teacher import teacher
from marquardt.spelling import spelled

__all__ = ["PROBLEMS", "Problem", "problem_named", "spelled", "teacher"]
