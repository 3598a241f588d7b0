"""Pictures of forecasts: the past, what is forecast, what came; and errors by horizon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.arrays import ArrayLike
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.plots.style import COLORS, GRAY, MARKERS, column, draw, ink, one

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["errors_by_horizon", "forecast"]


def forecast(
    history: ArrayLike,
    forecast: ArrayLike,
    truth: ArrayLike | None = None,
    *,
    times: Any = None,
    future_times: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a forecast after the past that it is made from, and beside what came, if that is known.

    Parameters
    ----------
    history : array-like of shape (n_known,)
        The past; a pandas Series brings its times.
    forecast : array-like of shape (n_steps,)
        What follows it.
    truth : array-like of shape (n_steps,), optional
        What came.
    times, future_times : array-like of shape (n_known,) and (n_steps,), optional
        Dates or numbers. Rows are counted from 1 when not given.
    ax : matplotlib.axes.Axes, optional
        Where to draw; on new ones when not given.

    Returns
    -------
    matplotlib.axes.Axes
        With a line where the forecast begins.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    ShapeError
        If there are several columns, or lengths differ.

    Examples
    --------
    >>> ax = forecast([1.0, 2.0, 3.0], [4.0, 5.0], truth=[4.2, 4.9])
    >>> [line.get_label() for line in ax.lines][:3]
    ['known', 'forecast', 'what came']
    """
    known, ahead = column(_plain(history), "history"), column(_plain(forecast), "forecast")
    before = _times(times, history, np.arange(1, len(known) + 1))
    after = _times(future_times, forecast, np.arange(len(known) + 1, len(known) + len(ahead) + 1))
    came = None if truth is None else column(_plain(truth), "truth")
    for values, places, what in ((known, before, "times"), (ahead, after, "future_times")):
        if len(values) != len(places):
            raise ShapeError(f"{what} must have one entry a value: {len(values)}, got {len(places)}.")
    if came is not None and len(came) != len(ahead):
        raise ShapeError(f"truth must be as long as the forecast: {len(ahead)}, got {len(came)}.")
    ax = one(ax, (8.0, 3.2))
    draw(ax, before, known, "-", color=GRAY, linewidth=1.2, label="known")
    # Joined to the last known value, so that the eye sees one path.
    places = np.concatenate([before[-1:], after])
    draw(ax, places, np.concatenate([known[-1:], ahead]), "-", color=COLORS[1], linewidth=1.6, label="forecast")
    if came is not None:
        draw(ax, places, np.concatenate([known[-1:], came]), "--", color=ink(), linewidth=1.0, label="what came")
    if len(before):
        ax.axvline(before[-1], color=GRAY, linewidth=0.8, linestyle=":")
    ax.legend(frameon=False)
    return ax


def errors_by_horizon(errors: Mapping[str, ArrayLike], steps: ArrayLike | None = None, ax: Axes | None = None) -> Axes:
    """Draw how errors grow with the number of steps ahead.

    Parameters
    ----------
    errors : dict of str to array-like of shape (n_steps,) or (n_steps, 1)
        Such as ``walk_forward(…).rmse()``: by the name of the forecast.
    steps : array-like of int, shape (n_steps,), optional
        Which steps; from 1 on when not given.
    ax : matplotlib.axes.Axes, optional
        Where to draw; on new ones when not given.

    Returns
    -------
    matplotlib.axes.Axes
        A line a forecast.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    ConfigurationError
        If there is no forecast.
    ShapeError
        If lengths differ or there are several targets.

    Examples
    --------
    >>> ax = errors_by_horizon({"network": [1.0, 1.5], "last value": [2.0, 3.0]})
    >>> [line.get_label() for line in ax.lines]
    ['network', 'last value']
    """
    if not errors:
        raise ConfigurationError("There is no forecast to draw the errors of.")
    columns = {name: column(values, f"the errors of {name!r}") for name, values in errors.items()}
    lengths = {len(values) for values in columns.values()}
    places = np.arange(1, max(lengths) + 1) if steps is None else np.asarray(steps)
    if lengths != {len(places)}:
        raise ShapeError(f"All errors must have an entry a step: {len(places)} steps, got {sorted(lengths)} entries.")
    ax = one(ax)
    for number, (name, values) in enumerate(columns.items()):
        marker = MARKERS[number % len(MARKERS)] if len(places) <= 40 else None
        ax.plot(
            places,
            values,
            ("-", "--", ":", "-.")[number % 4],
            color=COLORS[number % len(COLORS)],
            marker=marker,
            markersize=4,
            label=name,
        )
    # Room above the curves for a line of the legend each.
    ax.set_ylim(0, max(float(values.max()) for values in columns.values()) * (1.1 + 0.2 * len(columns)) or 1.0)
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("steps ahead")
    ax.set_ylabel("error (RMSE)")
    ax.legend(frameon=False, loc="upper left")
    return ax


def _plain(values: Any) -> Any:
    return values.to_numpy() if hasattr(values, "to_numpy") else values


def _times(given: Any, values: Any, default: Any) -> Any:
    if given is not None:
        return np.asarray(given)
    index = getattr(values, "index", None)
    if index is None or callable(index):
        return default
    # Matplotlib draws dates and numbers, and no periods.
    return np.asarray(index.to_timestamp() if hasattr(index, "to_timestamp") else index)
