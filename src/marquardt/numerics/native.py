"""The compiled kernel, where the installation has one.

What a small network costs in Python is calls. The kernel does a pass over the data, a damped solve, or both for many
networks in one call; it is C, compiled when the package is installed, and optional: without it NumPy does the same in
more time. The numbers differ by rounding.

The knob is the environment variable ``MARQUARDT_NATIVE``, read when the package is imported: 0 does without the kernel.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Any

from marquardt.errors import ConfigurationError

__all__ = ["NATIVE_KNOB", "describe_native", "native_kernel"]

NATIVE_KNOB = "MARQUARDT_NATIVE"
INTERFACE = 4
"""What this version calls; a build that was left from another one may take other arguments."""


def _loaded(wanted: str) -> tuple[Any, str]:
    """The module or None, and a sentence about it."""
    if wanted not in ("", "0", "1"):
        raise ConfigurationError(f"The environment variable {NATIVE_KNOB} must be 0 or 1, got {wanted!r}.")
    if wanted == "0":
        return None, f"The compiled kernel is off: {NATIVE_KNOB} is 0."
    try:
        _kernel = import_module("marquardt.numerics._kernel")
    except ImportError:
        return None, "There is no compiled kernel: NumPy does its work. Install with a C compiler to have it."
    if getattr(_kernel, "INTERFACE", 1) != INTERFACE:
        return None, "The compiled kernel is that of another version: NumPy does its work. Install again to have it."
    return _kernel, f"The compiled kernel is in use ({_kernel.instructions()[0]})."


_MODULE, _SENTENCE = _loaded(os.environ.get(NATIVE_KNOB, "").strip())


def native_kernel() -> Any:
    """Return the compiled module, or None where there is none or it is switched off."""
    return _MODULE


def describe_native() -> str:
    """Return a sentence that says whether the kernel is in use, and why not."""
    module: ModuleType | None = _MODULE
    return _SENTENCE if module is not None or "kernel is in use" not in _SENTENCE else "The compiled kernel is off."
