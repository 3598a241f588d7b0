"""What a forecast needs of a series, and a network file keeps of it: its last rows and their times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marquardt.arrays import AnyArray, Array
from marquardt.checks import require_extra, shown
from marquardt.errors import DataError
from marquardt.estimators.lagging import Lags
from marquardt.estimators.series import Series
from marquardt.estimators.timeline import Timeline

__all__ = ["History", "kept", "of_before", "to_keep"]


@dataclass(frozen=True, eq=False)
class History:
    """The last rows of a series, as many as its next value depends on; NaN where there have not been as many."""

    target: Series
    exog: Array | None  # None without exogenous columns

    @classmethod
    def of(cls, target: Series, exog: Array | None, lags: Lags) -> History:
        """Return what the forecast of the row after the last needs."""
        short = replace(target, values=_last_rows(target.values, lags.n_past), index=None)
        return cls(short, None if exog is None else _last_rows(exog, lags.n_past_exog))

    def extended(self, more: Series, more_exog: Array | None, lags: Lags) -> History:
        """Return the history after further rows, whose times must follow."""
        timeline = self.target.timeline
        if timeline is not None:
            if more.index is not None:
                if not timeline.continues(more.index):
                    raise DataError(
                        f"The new rows must go on at {timeline.after(1)[0]} in the same steps, got {more.index[0]} to "
                        f"{more.index[-1]}."
                    )
                timeline = timeline.ending(more.index[-1])
            else:
                timeline = timeline.moved(len(more))
        values = np.concatenate([self.target.values, more.values])
        exog = None if self.exog is None or more_exog is None else np.concatenate([self.exog, more_exog])
        return History.of(replace(self.target, values=values, timeline=timeline), exog, lags)


LOOKS = ("container", "names", "levels", "is_flat", "times")
"""What a file keeps of how a series came, beside its rows."""


def to_keep(histories: Sequence[History]) -> tuple[list[dict[str, Any]], dict[str, AnyArray]]:
    """Return how series came, each different way once, and arrays: the rows of all, and which way each came."""
    looks: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    look_of = []
    for target in (one.target for one in histories):
        look = {
            "container": target.container,
            "names": None if target.labels is None else [_kept_label(each) for each in target.labels],
            "levels": None if target.levels is None else [_kept_label(each) for each in target.levels],
            "is_flat": target.is_flat,
            "times": None if target.timeline is None else target.timeline.to_keep(),
        }
        if repr(look) not in numbers:
            numbers[repr(look)] = len(looks)
            looks.append(look)
        look_of.append(numbers[repr(look)])
    arrays: dict[str, AnyArray] = {
        "look_of_series": np.array(look_of),
        "last_targets": np.concatenate([one.target.values for one in histories]),
    }
    exog = [one.exog for one in histories if one.exog is not None]
    if exog:
        arrays["last_exog"] = np.concatenate(exog)
    return looks, arrays


def kept(looks: Any, arrays: Mapping[str, AnyArray], lags: Lags, n_targets: int, n_exog: int) -> list[History]:
    """Return the histories of `to_keep`, whatever a file says they are."""
    numbers, n_looks = arrays["look_of_series"], len(looks)
    if numbers.ndim != 1 or numbers.dtype.kind != "i" or not len(numbers) or not set(numbers) <= set(range(n_looks)):
        raise DataError("look_of_series must say of each series how it came")
    made = [_series(look, n_targets) for look in looks]
    targets = _parts(arrays, "last_targets", len(numbers), lags.n_past, n_targets)
    exog: Sequence[Array | None] = [None] * len(numbers)
    if n_exog:
        exog = _parts(arrays, "last_exog", len(numbers), lags.n_past_exog, n_exog)
    return [
        History(replace(made[number], values=values), beside)
        for number, values, beside in zip(numbers, targets, exog, strict=True)
    ]


def of_before(series: Any) -> tuple[Any, dict[str, AnyArray]]:
    """Return looks and arrays from the series that files of format 3 and before describe, their rows included."""
    arrays: dict[str, AnyArray] = {
        "look_of_series": np.arange(len(series)),
        "last_targets": np.concatenate([_rows(one["targets"]) for one in series]),
    }
    if series[0]["exog"] is not None:
        arrays["last_exog"] = np.concatenate([_rows(one["exog"]) for one in series])
    return [{"levels": None, **{name: one[name] for name in LOOKS if name in one}} for one in series], arrays


def _rows(values: Any) -> Array:
    """Rows that may be none, of which a description does not say how wide they are."""
    return np.array(values, dtype=np.float64).reshape(len(values), -1 if len(values) else 1)


def _parts(arrays: Mapping[str, AnyArray], name: str, n_series: int, n_rows: int, n_columns: int) -> list[Array]:
    """The rows of each series."""
    array = arrays[name]
    if n_rows == 0:
        array = array.reshape(0, n_columns)
    if array.shape != (n_series * n_rows, n_columns):
        raise DataError(f"{name} must be {n_series * n_rows} × {n_columns} numbers, got {array.shape}")
    return list(np.asarray(array, dtype=np.float64).reshape(n_series, n_rows, n_columns))


def _series(look: Any, n_targets: int) -> Series:
    """A series without a row that came in this way."""
    if set(look) != set(LOOKS):
        raise DataError(f"what is kept of a series must be {', '.join(LOOKS)}")
    names, levels, is_flat = look["names"], look["levels"], look["is_flat"]
    if look["container"] not in ("numpy", "pandas", "polars") or type(is_flat) is not bool:
        raise DataError(f"a series came as {shown(look['container'])}, flat or not: {shown(is_flat)}")
    if (is_flat and n_targets != 1) or (names is not None and len(names) != n_targets):
        raise DataError(f"the names {shown(names)} are not those of {n_targets} columns")
    return Series(
        np.empty((0, n_targets)),
        look["container"],
        None if names is None else tuple(map(_label, names)),
        is_flat,
        None if look["times"] is None else Timeline.kept(look["times"]),
        levels=None if levels is None else tuple(map(_label, levels)),
    )


def _last_rows(values: Array, count: int) -> Array:
    """The last rows, NaN before the first where there are not as many."""
    absent = np.full((max(0, count - len(values)), values.shape[1]), np.nan)
    return np.concatenate([absent, values[max(0, len(values) - count) :]])


def _kept_label(label: Any) -> Any:
    """The label of a column as a file keeps it: a tuple as a list, what JSON has no word for as a text."""
    if isinstance(label, tuple):
        return [_kept_label(part) for part in label]
    if isinstance(label, np.generic):
        label = label.item()
    if hasattr(label, "isoformat"):
        return {"date": label.isoformat()}
    return label if label is None or isinstance(label, str | bool | int | float) else str(label)


def _label(kept: Any) -> Any:
    """What `_kept_label` was given."""
    if isinstance(kept, dict):
        return require_extra("pandas", "pandas").Timestamp(kept["date"])
    return tuple(map(_label, kept)) if isinstance(kept, list) else kept
