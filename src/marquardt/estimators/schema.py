"""Series that come to a trained forecaster: they must look like those of its training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marquardt.arrays import Array
from marquardt.errors import DataError, ShapeError
from marquardt.estimators.history import History
from marquardt.estimators.lagging import Lags
from marquardt.estimators.series import Series, is_many, read_many, require_same_rows, rows_after, rows_beside
from marquardt.estimators.timeline import Timeline
from marquardt.wording import by_door

__all__ = ["SeriesSchema", "exog_beside", "names_of"]


@dataclass(frozen=True, eq=False)
class SeriesSchema:
    """What a forecaster was trained on: lags, columns and steps; it reads the series of every later call."""

    lags: Lags
    target_names: list[str]
    exog_names: list[str]
    timelines: list[Timeline]  # Of the series that have times

    def read(
        self,
        y: Any,
        X: Any,
        n_future: int = 0,
        *,
        least: int = 0,
        why: str = "at least {} are needed",
        needs_exog: bool = False,
    ) -> tuple[list[Series], list[Array] | None]:
        """Read series of at least so many rows, and the exogenous rows beside and after them.

        `needs_exog` says whether all rows are predicted, each from the exogenous values at its lags; what a forecast
        needs of those that are only noted is seen then.
        """
        targets = read_many(y, "y")
        for number, one in enumerate(targets):
            self._check(one, f"y[{number}]" if is_many(y) else "y", least, why)
        if not self.exog_names:
            self.refuse_exog(X)
            return targets, None
        if X is None:
            raise DataError(self._missing("at the times of y"))

        def needed(one: Series) -> slice:
            return self.lags.exog_of(self.lags.n_history, len(one)) if needs_exog else slice(0, 0)

        return targets, exog_beside(read_many(X, "X", may_miss=True), X, targets, needed, n_future, self.exog_names)

    def _check(self, one: Series, which: str, least: int, why: str) -> None:
        names, n_targets = self.target_names, len(self.target_names)
        if one.values.shape[1] != n_targets:
            raise ShapeError(f"{which} has {one.values.shape[1]} columns, and the forecaster {n_targets}.")
        if one.names is not None and not one.is_flat and list(one.names) != names and not _are_own(names, "y"):
            raise DataError(f"{which} has the columns {list(one.names)}, and the training {names}.")
        if len(one) < least:
            raise DataError(f"{which} has {len(one)} rows, and {why.format(least)} ({self.lags.reasons}).")
        if one.timeline is None or not self.timelines or any(each.goes_like(one.timeline) for each in self.timelines):
            return
        advice = by_door(
            "Give rows in such steps, train anew without --model, or leave that column out of the table.",
            "Resample the series, or leave its index out with reset_index(drop=True).",
        )
        raise DataError(
            f"{one.times or f'The index of {which}'} goes in steps of {one.timeline.step_in_words}, and the training "
            f"went in steps of {self.timelines[0].step_in_words}: the network knows what follows in these only. "
            f"{advice}"
        )

    def read_past(self, y: Any, X: Any, n_future: int) -> tuple[list[Series], list[tuple[History, Array | None]]]:
        """Read series to go on from, and what is known of each: its past, and the exogenous rows of its future."""
        if self.exog_names and X is None:
            raise DataError(self._missing("from the first row of y on"))
        targets, exog = self.read(y, X, n_future, least=self.lags.n_history, why="a forecast needs at least {}")
        if exog is None:
            return targets, [(History.of(one, None, self.lags), None) for one in targets]
        edges = [len(one) for one in targets]
        return targets, [
            (History.of(one, rows[:edge], self.lags), rows[edge:])
            for one, rows, edge in zip(targets, exog, edges, strict=True)
        ]

    def read_future(self, X: Any, histories: Sequence[History], n_future: int) -> list[Array | None]:
        """Read the exogenous rows that follow what is known."""
        if not self.exog_names:
            self.refuse_exog(X)
            return [None] * len(histories)
        if n_future == 0:
            return [np.empty((0, len(self.exog_names)))] * len(histories)
        if X is None:
            raise DataError(self._missing(f"for {n_future} future rows"))
        exog = [_ordered(one, self.exog_names) for one in read_many(X, "X", may_miss=True)]
        if len(exog) != len(histories):
            raise ShapeError(f"X must be as many series as the forecaster knows: {len(histories)}, got {len(exog)}.")
        return [
            rows_after(one, known.target.timeline, n_future, "X") for one, known in zip(exog, histories, strict=True)
        ]

    def require_past(self, exog: Array, last: int) -> None:
        """Refuse a forecast that needs exogenous values of the past which were not known."""
        n_past = self.lags.n_past_exog
        until = max(0, n_past + last - min(self.lags.exog, default=0))
        wrong = np.argwhere(~np.isfinite(exog[:until]))
        if len(wrong):
            row, column = wrong[0]
            raise DataError(
                f"A forecast with horizon {last} needs the exogenous column {self.exog_names[column]!r} "
                f"{n_past - row} rows before the first, where it is missing. Give y and X from their "
                f"beginning with it filled in, or a shorter horizon."
            )

    def refuse_exog(self, X: Any) -> None:
        """Refuse exogenous columns that no network takes."""
        if X is not None:
            raise DataError("X is given, and the forecaster was fitted without exogenous columns. Leave X out.")

    def _missing(self, when: str) -> str:
        return (
            f"The forecaster was fitted with the exogenous columns {self.exog_names} at the lags "
            f"{list(self.lags.exog)}: it needs X, {when}."
        )


def names_of(series: Sequence[Series], default: str) -> list[str]:
    """Return what columns are called: as they came, or by own names where they have none, or single ones others."""
    first = series[0]
    if first.names is not None and all(one.names == first.names for one in series):
        return list(first.names)
    count = first.values.shape[1]
    return [default] if count == 1 else [f"{default}{number}" for number in range(1, count + 1)]


def _are_own(names: Sequence[str], default: str) -> bool:
    """Whether these are the names that columns without names are given."""
    return list(names) == names_of([Series(np.empty((0, len(names))))], default)


def exog_beside(
    exog: Sequence[Series],
    given: Any,
    targets: Sequence[Series],
    needed: Callable[[Series], slice],
    n_future: int = 0,
    names: Sequence[str] | None = None,
) -> list[Array]:
    """Return exogenous rows of each series' times, and of some that follow; those that are needed must be there."""
    require_same_rows(targets, exog)
    if names is not None:
        exog = [_ordered(one, names) for one in exog]
    label = "X[{}]" if is_many(given) else "X"
    return [
        rows_beside(one, target, n_future, label.format(number), needed(target))
        for number, (one, target) in enumerate(zip(exog, targets, strict=True))
    ]


def _ordered(exog: Series, names: Sequence[str]) -> Series:
    """The exogenous columns in the order of the training; of equal names the first is the first."""
    if exog.values.shape[1] != len(names) and (exog.names is None or exog.is_flat):
        raise ShapeError(f"X has {exog.values.shape[1]} columns, and the training had {list(names)}.")
    if exog.names is None:
        return exog
    there: dict[str, list[int]] = {}
    for place, name in enumerate(exog.names):
        there.setdefault(name, []).append(place)
    missing = [name for name in names if name not in there]
    if len(missing) == len(names) == len(exog.names) and _are_own(names, "x"):
        # The training had no names but those that it gave itself.
        return exog
    if missing:
        wayout = f" Call it so: X.rename({names[0]!r})." if exog.is_flat else ""
        raise DataError(
            f"X has no column {missing[0]!r}; it has {list(exog.names)}, and the training {list(names)}.{wayout}"
        )
    for name in names:
        if len(there[name]) != list(names).count(name):
            raise DataError(
                f"X has {len(there[name])} columns of the name {name!r}, and the training had "
                f"{list(names).count(name)}: which is which? Give every column a name of its own."
            )
    places = [there[name][list(names[:number]).count(name)] for number, name in enumerate(names)]
    return replace(exog, values=exog.values[:, places], labels=tuple(names), is_flat=False)
