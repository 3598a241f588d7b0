"""Comparison of algorithms: the same problem from the same starts, over and over."""

from marquardt.comparison.comparing import compare
from marquardt.comparison.contenders import contenders, split_names
from marquardt.comparison.results import Comparison, Run, Summary

__all__ = ["Comparison", "Run", "Summary", "compare", "contenders", "split_names"]
