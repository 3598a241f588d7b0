"""Comparison of algorithms: the same problem from the same starts, over and over."""

from marquardt.comparison.results import Comparison, Run, Summary

__all__ = ["Comparison", "Run", "Summary"]
