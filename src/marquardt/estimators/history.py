"""What a forecast needs of a series, and a network file keeps of it: its last rows and their times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import require_extra
from marquardt.errors import DataError
from marquardt.estimators.lagging import Lags
from marquardt.estimators.series import Series
from marquardt.estimators.timeline import Timeline

__all__ = ["History"]


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

    def to_keep(self) -> dict[str, Any]:
        """Return plain values from which `kept` makes the history again."""
        target = self.target
        return {
            "container": target.container,
            "names": None if target.labels is None else [_kept_label(each) for each in target.labels],
            "levels": None if target.levels is None else [_kept_label(each) for each in target.levels],
            "is_flat": target.is_flat,
            "times": None if target.timeline is None else target.timeline.to_keep(),
            "targets": target.values.tolist(),
            "exog": None if self.exog is None else self.exog.tolist(),
        }

    @classmethod
    def kept(cls, values: dict[str, Any], n_targets: int, n_exog: int) -> History:
        """Return the history of `to_keep`."""
        names, levels, times, exog = (values.get(key) for key in ("names", "levels", "times", "exog"))
        target = Series(
            np.array(values["targets"], dtype=np.float64).reshape(-1, n_targets),
            values["container"],
            None if names is None else tuple(map(_label, names)),
            values["is_flat"],
            None if times is None else Timeline.kept(times),
            levels=None if levels is None else tuple(map(_label, levels)),
        )
        return cls(target, None if exog is None else np.array(exog, dtype=np.float64).reshape(-1, n_exog))


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
