"""Checks of single options, each with one sentence that says what was asked, what came and a way out.

A setting has the name in it that the user knows it by (see `marquardt.wording.under_names`).
"""

from __future__ import annotations

import difflib
import importlib
import math
import re
from collections.abc import Iterable
from numbers import Integral, Real
from types import ModuleType
from typing import Any

from marquardt.errors import ConfigurationError, MissingExtraError
from marquardt.wording import called

__all__ = [
    "fraction",
    "memory_size",
    "nearest",
    "non_negative",
    "one_of",
    "positive",
    "require_extra",
    "require_kind",
    "require_settings",
    "shown",
    "whole",
    "whole_of",
]

MEMORY_UNITS = {"B": 1} | {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate("KMGT", start=1)
    for suffix, base in (("", 1000), ("B", 1000), ("IB", 1024))
}
"""What a unit of memory is in bytes, in capitals: powers of 1000, and with an i of 1024."""

LONGEST = 60
"""Characters of a value that a message shows whole."""


MOST_DIGITS = 18
"""Digits of a whole number that is written out; a longer one is no count of anything."""


def shown(value: object) -> str:
    """Return a value as messages show it: a long one is cut, so that the sentence around it can be read.

    >>> shown("ab"), len(shown("a" * 100_000)), shown(10**5000)
    ("'ab'", 62, 'a number of more than 18 digits')
    """
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST else value[: LONGEST - 1] + "…")
    if isinstance(value, int) and abs(value) >= 10 ** (2 * MOST_DIGITS):
        return f"a number of more than {MOST_DIGITS} digits"
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def whole_of(word: str) -> int | None:
    """Return the whole number from 0 up that a text of at most 18 digits is; None where it is none.

    >>> whole_of("12"), whole_of("-1"), whole_of("9" * 5000)
    (12, None, None)
    """
    is_whole = word.isdecimal() and (len(word) <= MOST_DIGITS or len(word.lstrip("0")) <= MOST_DIGITS)
    return int(word[-MOST_DIGITS:]) if is_whole else None


def nearest(value: object, allowed: Iterable[str]) -> str:
    """Return " Did you mean …?" with the allowed word closest to `value`, or nothing when none is close.

    >>> nearest("tanhh", ["tanh", "relu"])
    " Did you mean 'tanh'?"
    """
    if not isinstance(value, str) or len(value) > LONGEST:
        return ""
    folded = {word.lower(): word for word in allowed}
    close = difflib.get_close_matches(value.lower(), folded, n=1, cutoff=0.5)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""


def one_of(value: Any, allowed: Iterable[str], what: str) -> str:
    """Return `value` if it is one of the allowed words."""
    words = list(allowed)
    if isinstance(value, str) and value in words:
        return value
    raise ConfigurationError(
        f"{called(what)} must be one of {', '.join(map(repr, words))}, got {shown(value)}.{nearest(value, words)}"
    )


def _real(value: Any, what: str, law: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
    except OverflowError:
        raise ConfigurationError(f"{called(what)} must be {law} and at most 1e308, got {shown(value)}.") from None
    if math.isnan(number):
        raise ConfigurationError(f"{called(what)} must be {law}, got {shown(value)}.")
    return number


def positive(value: Any, what: str) -> float:
    """Return `value` as a float if it is a number above 0 (infinity is allowed)."""
    number = _real(value, what, "a number above 0")
    if number <= 0:
        raise ConfigurationError(f"{called(what)} must be a number above 0, got {value!r}.")
    return number


def non_negative(value: Any, what: str) -> float:
    """Return `value` as a float if it is a number from 0 up (infinity is allowed)."""
    number = _real(value, what, "a number from 0 up")
    if number < 0:
        raise ConfigurationError(f"{called(what)} must be a number from 0 up, got {value!r}.")
    return number


def fraction(value: Any, what: str) -> float:
    """Return `value` as a float if 0 <= value < 1."""
    number = _real(value, what, "a fraction from 0 up to, not including, 1")
    if not 0 <= number < 1:
        raise ConfigurationError(f"{called(what)} must be a fraction from 0 up to, not including, 1, got {value!r}.")
    return number


def whole(value: Any, what: str, minimum: int = 0) -> int:
    """Return `value` as an int if it is a whole number not below `minimum`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        raise ConfigurationError(f"{called(what)} must be a whole number from {minimum} up, got {shown(value)}.")
    return int(value)


def require_kind(value: object, kind: type, what: str, way_out: str) -> None:
    """Refuse what is of another kind."""
    if not isinstance(value, kind):
        got = repr(value)
        got = got if len(got) <= LONGEST else f"a {type(value).__name__}"
        raise ConfigurationError(f"{called(what)} must be a {kind.__name__}, got {got}. {way_out}")


def memory_size(value: Any, what: str) -> int:
    """Return an amount of memory in bytes, of a number of bytes or of a text such as ``"2GB"`` or ``"500 MiB"``.

    >>> memory_size("1.5 GB", "max_memory"), memory_size("2KiB", "max_memory")
    (1500000000, 2048)
    """
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([a-zA-Z]+)\s*", value) if isinstance(value, str) else None
    law = "an amount of memory such as '500MB' or '2GB' (in Python also a number of bytes)"
    if found is not None:
        number = float(found[1]) * MEMORY_UNITS.get(found[2].upper(), math.nan)
    else:
        number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else _real(value, what, law)
    if not 1 <= number < math.inf:
        raise ConfigurationError(f"{called(what)} must be {law}, got {shown(value)}.")
    return int(number)


def require_settings(kind: type, settings: Iterable[str], name: str) -> None:
    """Refuse a setting that a dataclass does not have; fields that are not shown are no settings."""
    known = [name for name, field in getattr(kind, "__dataclass_fields__", {}).items() if field.repr]
    for setting in settings:
        if setting not in known:
            raise ConfigurationError(f"{name} has no setting {setting!r}. It takes {', '.join(known) or 'none'}.")


def require_extra(module: str, extra: str) -> ModuleType:
    """Import and return an optional module."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"This needs {module.partition('.')[0]}, which is not installed. "
            f"Install it with: pip install 'marquardt[{extra}]'"
        ) from error
