"""Passes with BLAS held to one thread, and without NumPy's warnings: what overflows is looked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from marquardt.numerics import hold_blas, is_held

__all__ = ["quietly"]

T = TypeVar("T")


def quietly(work: Callable[..., T], *arguments: Any) -> T:
    """Call it."""
    held = contextlib.nullcontext() if is_held() else hold_blas()
    with held, np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return work(*arguments)
