"""Lags: from series to the columns of a static network, and from its outputs to a path, step by step.

With lags a, b, … of the targets y and lags c, d, … of the exogenous columns u, the row of time t is

    [ y(t−a), y(t−b), …, u(t−c), u(t−d), … ]  →  y(t)                                                    (1)

where every y(·) and u(·) has all columns of its series. Differences with periods p, q, … replace y by

    z(t) = (1 − B^p)(1 − B^q) … y(t) = y(t) − Σ_k a_k y(t−k),     B y(t) = y(t−1)                          (2)

and are undone by y(t) = z(t) + Σ_k a_k y(t−k).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from marquardt.arrays import Array
from marquardt.errors import ConfigurationError

__all__ = ["Lags", "checked_differences", "checked_horizon", "checked_lags"]


def checked_lags(given: Any, what: str, minimum: int) -> tuple[int, ...]:
    """Return lags as a sorted tuple."""
    if not isinstance(given, bool) and isinstance(given, Integral) and given != minimum:
        raise ConfigurationError(
            f"{what} must be a list of lags, got the number {given}. For all lags from {minimum} to {given} write "
            f"range({minimum}, {int(given) + 1}), for that one [{given}]."
        )
    if not isinstance(given, bool) and isinstance(given, Integral):
        return (int(given),)
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigurationError(f"{what} must be a list of whole numbers such as range(1, 13), got {given!r}.")
    lags = list(given)
    seen: set[int] = set()
    for lag in lags:
        if isinstance(lag, bool) or not isinstance(lag, Integral) or lag < minimum:
            raise ConfigurationError(f"{what} must be whole numbers from {minimum} up, got {lag!r}.")
        if int(lag) in seen:
            raise ConfigurationError(f"{what} has {lag} twice. Name every lag once.")
        seen.add(int(lag))
    return tuple(sorted(seen))


def checked_differences(given: Any) -> tuple[int, ...]:
    """Return periods of differences; one may come twice."""
    message = f"difference must be periods from 1 up, such as 1 or (1, 12), got {given!r}."
    if not isinstance(given, bool) and isinstance(given, Integral):
        given = (given,)
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigurationError(message)
    periods = list(given)
    if any(isinstance(one, bool) or not isinstance(one, Integral) or one < 1 for one in periods):
        raise ConfigurationError(message)
    return tuple(int(one) for one in periods)


def checked_horizon(horizon: Any) -> tuple[int, ...]:
    """Return the steps that are asked for."""
    message = f"horizon must be a whole number from 1 up, or a list of such steps, got {horizon!r}."
    if not isinstance(horizon, bool) and isinstance(horizon, Integral):
        if horizon < 1:
            raise ConfigurationError(message)
        return tuple(range(1, int(horizon) + 1))
    steps = np.asarray(horizon)
    if steps.ndim != 1 or steps.size == 0 or steps.dtype.kind not in "iu" or steps.min() < 1:
        raise ConfigurationError(message)
    return tuple(steps.tolist())


@dataclass(frozen=True)
class Lags:
    """What a forecaster looks back at."""

    targets: tuple[int, ...]  # Lags of the targets, from 1 up
    exog: tuple[int, ...] = ()  # Lags of the exogenous columns, from 0 up; empty without any
    differences: tuple[int, ...] = ()  # Periods of the differences that are taken of the targets first

    @classmethod
    def checked(cls, lags: Any, exog_lags: Any, difference: Any) -> Lags:
        """Return the lags that were asked for, or refuse them; `exog_lags` is None without exogenous columns."""
        return cls(
            checked_lags(lags, "lags", 1),
            () if exog_lags is None else checked_lags(exog_lags, "exog_lags", 0),
            checked_differences(difference),
        )

    @property
    def filter(self) -> Array:
        """The a_k of equation (2), k from 1, shape (sum of the periods,)."""
        polynomial = np.ones(1)
        for period in self.differences:
            factor = np.zeros(period + 1)
            factor[0], factor[-1] = 1.0, -1.0
            polynomial = np.convolve(polynomial, factor)
        taken: Array = -polynomial[1:]
        return taken

    @property
    def n_past(self) -> int:
        """Observations of the targets that a prediction needs."""
        return max(self.targets, default=0) + sum(self.differences)

    @property
    def n_past_exog(self) -> int:
        """Observations of the exogenous columns before the predicted time that a prediction needs."""
        return max(self.exog, default=0)

    @property
    def n_history(self) -> int:
        """Rows of a series before the first that can be predicted."""
        return max(self.n_past, self.n_past_exog)

    @property
    def reasons(self) -> str:
        """Say what asks for the past."""
        parts = []
        if self.targets:
            parts.append(f"largest lag {max(self.targets)}")
        if self.differences:
            parts.append(f"difference {list(self.differences)}")
        if self.exog:
            parts.append(f"largest exogenous lag {max(self.exog)}")
        return ", ".join(parts)

    def exog_of(self, first: int, until: int) -> slice:
        """Return which exogenous rows the predictions of some rows need."""
        if not self.exog or until <= first:
            return slice(0, 0)
        return slice(first - max(self.exog), max(0, until - min(self.exog)))

    def n_future(self, horizon: int) -> int:
        """Return how many future rows of the exogenous columns a forecast needs."""
        return max(0, horizon - min(self.exog)) if self.exog else 0

    def differenced(self, values: Array) -> Array:
        """Return z of equation (2)."""
        for period in self.differences:
            values = values[..., period:, :] - values[..., :-period, :]
        return values

    def matrix(self, targets: Array, exog: Array | None = None) -> Array:
        """Return the rows of equation (1) for every time that has all its lags."""
        n_rows = len(targets)
        taken = self.differenced(targets)
        first = self.n_history
        offset = n_rows - len(taken)
        columns = [taken[first - offset - lag : n_rows - offset - lag] for lag in self.targets]
        if exog is not None:
            columns += [exog[first - lag : n_rows - lag] for lag in self.exog]
        return np.concatenate(columns, axis=1)

    def simulate(self, outputs: Callable[[Array], Array], targets: Array, exog: Array | None, horizon: int) -> Array:
        """Predict several steps ahead in closed loop: what is predicted becomes a lag of what follows."""
        n_paths, _, n_targets = targets.shape
        n_known = max(self.targets, default=0)
        known = targets[:, targets.shape[1] - self.n_past :]
        path = np.empty((n_paths, n_known + horizon, n_targets))
        path[:, :n_known] = self.differenced(known)
        for step in range(horizon):
            columns = [path[:, n_known + step - lag] for lag in self.targets]
            if exog is not None:
                columns += [exog[:, self.n_past_exog + step - lag] for lag in self.exog]
            path[:, n_known + step] = outputs(np.concatenate(columns, axis=1))
        if not self.differences:
            return path[:, n_known:]
        taken = self.filter
        whole = np.concatenate([known, path[:, n_known:]], axis=1)
        for row in range(self.n_past, self.n_past + horizon):
            # Newest first: a_1 belongs to the row before.
            whole[:, row] += np.einsum("k,pkt->pt", taken, whole[:, row - len(taken) : row][:, ::-1])
        return whole[:, self.n_past :]

    def names(self, targets: Sequence[str], exog: Sequence[str]) -> list[str]:
        """Return a name for every column of `matrix`."""
        pairs = [(name, lag) for lag in self.targets for name in targets]
        pairs += [(name, lag) for lag in self.exog for name in exog]
        return [f"{name}(t-{lag})" if lag else f"{name}(t)" for name, lag in pairs]
