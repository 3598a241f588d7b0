"""Routines of BLAS and LAPACK that let go of the interpreter's lock while they work.

SciPy's functions hold it to the end of a call, so that threads take turns: two products of 465 × 231 over 256 samples
in two threads took 2.1 times as long as one by one. The addresses of the same routines are in SciPy's modules for
Cython, and a call of an address by ctypes lets go: the two took 1.06 times as long as one. Results are the same bits.
A call costs some microseconds more, so it is for matrices that take longer than that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ctypes import CFUNCTYPE, byref, c_char, c_char_p, c_double, c_int, c_void_p, py_object, pythonapi
from functools import cache
from types import ModuleType
from typing import Any

from scipy.linalg import cython_blas, cython_lapack

from marquardt.arrays import Array

__all__ = ["UNLOCKED_UNKNOWNS", "routine"]

UNLOCKED_UNKNOWNS = 200
"""Unknowns from which a factorization lets go of the lock: it takes 0.2 ms there, letting go 5 µs."""

_KINDS = {"c": "char", "i": "int", "d": "double"}


@cache
def routine(name: str, arguments: str) -> Callable[..., int] | None:
    """Return a routine of double precision, or None where SciPy's build does not have it as expected."""
    module: ModuleType = cython_lapack if arguments.endswith("o") else cython_blas
    capsule = getattr(module, "__pyx_capi__", {}).get(name)
    if capsule is None:
        return None
    signature = _name_of(capsule)
    # The type double has a name of Cython's own making. Where integers are longer, it is another routine.
    found = [
        re.sub(r".*_d$", "double", kind.strip(" *")) for kind in signature[signature.find("(") + 1 : -1].split(",")
    ]
    if found != [_KINDS[letter] for letter in arguments.replace("o", "i")]:
        return None
    call = CFUNCTYPE(None, *[c_void_p] * len(found))(_address_in(capsule, signature.encode()))
    is_lapack = arguments.endswith("o")
    convert = [_CONVERT[letter] for letter in arguments if letter != "o"]

    def called(*given: Any) -> int:
        values = [how(value) for how, value in zip(convert, given, strict=True)]
        info = c_int(0)
        if is_lapack:
            values.append(byref(info))
        call(*values)
        return info.value

    return called


def _char(value: str) -> Any:
    return byref(c_char(value.encode()))


def _int(value: int) -> Any:
    return byref(c_int(value))


def _double(value: float | Array) -> Any:
    return byref(c_double(value)) if isinstance(value, float) else c_void_p(value.ctypes.data)


_CONVERT: dict[str, Callable[[Any], Any]] = {"c": _char, "i": _int, "d": _double}


def _name_of(capsule: Any) -> str:
    of = pythonapi.PyCapsule_GetName
    of.restype, of.argtypes = c_char_p, [py_object]
    name: bytes = of(capsule)
    return name.decode()


def _address_in(capsule: Any, name: bytes) -> int:
    of = pythonapi.PyCapsule_GetPointer
    of.restype, of.argtypes = c_void_p, [py_object, c_char_p]
    address: int = of(capsule, name)
    return address
