"""A step of pandas' calendars as plain values, and back: what a network file keeps of one, without pickle."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from marquardt.checks import require_extra
from marquardt.errors import DataError

__all__ = ["offset_of", "plain_offset", "plain_zone", "zone_of"]


def plain_offset(step: Any) -> dict[str, Any] | None:
    """Return what rebuilds an offset: its class, how many, and its arguments."""
    kind = type(step).__name__
    found: dict[str, Any] = {"kind": kind, "n": int(step.n)}
    if step.normalize:
        found["normalize"] = True
    try:
        for name, value in sorted(step.kwds.items()):
            if name != "calendar":  # made of the holidays and the week's days
                found[name] = _plain(value)
        return found if offset_of(found) == step else None
    except (TypeError, ValueError, DataError):
        return None


def offset_of(kept: Any) -> Any:
    """Return the offset that `plain_offset` described, or that pandas spells by a text."""
    pandas: Any = require_extra("pandas", "dates")
    try:
        if isinstance(kept, str):
            return pandas.tseries.frequencies.to_offset(kept)
        kind = getattr(pandas.offsets, kept["kind"], None)
        # The calendars of pandas and nothing else that a name may lead to.
        if not (isinstance(kind, type) and issubclass(kind, pandas.offsets.BaseOffset)):
            raise DataError(f"The file's times go in steps of {kept['kind']!r}, which this version does not know.")
        return kind(**{name: _back(name, value) for name, value in kept.items() if name != "kind"})
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"The file's times go in steps that cannot be read: {str(error)[:100]}. Train again."
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime.timedelta):
        return value / datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.time):
        return value.strftime("%H:%M")
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} is no plain value")


def _back(name: str, value: Any) -> Any:
    if name == "offset":
        return datetime.timedelta(microseconds=value)
    return tuple(value) if isinstance(value, list) else value


def plain_zone(zone: Any) -> str | None:
    """Return the text that rebuilds a time zone: a name such as "Europe/Berlin", or an offset such as "+02:00"."""
    fixed = zone.utcoffset(None)
    if fixed is None:
        name = getattr(zone, "key", None) or getattr(zone, "zone", None)
        return None if name is None else str(name)
    if str(zone) == "UTC":
        return "UTC"
    minutes, rest = divmod(int(fixed.total_seconds()), 60)
    sign = "-" if minutes < 0 else "+"
    return None if rest else f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def zone_of(kept: str) -> Any:
    """Return the time zone of a text of `plain_zone`."""
    pandas: Any = require_extra("pandas", "dates")
    text = kept.removeprefix("UTC") or "UTC"
    try:
        return pandas.Timestamp("2000-01-01", tz=text).tz
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"The time zone {kept!r} of the file's times is not known here. Install the zones: pip install tzdata"
        ) from error
