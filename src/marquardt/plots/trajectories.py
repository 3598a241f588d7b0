"""The picture of search trajectories over the error surface of two weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.arrays import Array, ArrayLike
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.objective import Objective
from marquardt.plots.style import COLORS, MARKERS, one
from marquardt.plots.surface import Surface, checked_limits, surface, two_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["trajectories"]

LEVELS = 16
# What is lower than this part of the highest loss is drawn as if it were as high: a point of the grid that happens
# to lie in the very minimum would take all colors for itself.
FLOOR = 1e-8
STYLES = ("-", "--", "-.", ":")
DOTS = 40


def trajectories(
    objective: Objective,
    runs: Mapping[str, ArrayLike],
    weights: ArrayLike | None = None,
    directions: tuple[int, int] = (0, 1),
    ax: Axes | None = None,
    *,
    limits: Sequence[Sequence[float]] | None = None,
    resolution: int = 60,
) -> Axes:
    """Draw where algorithms went, over the error surface of two weights.

    The surface is a slice through all others. Over a network of more than two weights, the trajectories are seen
    from above: their other weights differ from those of the slice.

    Parameters
    ----------
    objective : Objective
        What was minimized.
    runs : mapping of str to array-like of shape (n_points, n_weights)
        The accepted points of every run by its label, as `path` returns them.
    weights : array-like of shape (n_weights,), optional
        Where the other weights are held; where the first run ended when not given.
    directions : tuple of int
        Numbers of the two weights, from 0.
    ax : matplotlib.axes.Axes, optional
        Where to draw; on new ones when not given.
    limits : two pairs of float, optional
        Lowest and highest value of the first and of the second weight; what holds all points when not given. A run
        that diverges needs them.
    resolution : int
        Values of each of the two weights at which the surface is evaluated.

    Returns
    -------
    matplotlib.axes.Axes
        Dark where the loss is low, logarithmically. A ring marks the start of a run, a star its end.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    ConfigurationError
        If the two weights are not two of the network's, the limits no ranges, the resolution below 2, or there is
        neither a run nor a limit.
    ShapeError
        If a run is not made of points of the network.

    Examples
    --------
    >>> from marquardt.algorithms import LevenbergMarquardt
    >>> from marquardt.networks import feed_forward
    >>> from marquardt.plots import path
    >>> line = Objective(feed_forward(1, (), 1), [[0.0], [1.0]], [[1.0], [3.0]])
    >>> points = path(line, LevenbergMarquardt(), [0.0, 0.0], epochs=3)
    >>> ax = trajectories(line, {"LM": points}, resolution=10)
    >>> ax.get_legend().get_texts()[0].get_text()
    'LM (3 steps)'
    """
    first, second = two_weights(directions, objective.n_weights)
    points = {label: _points(label, run, objective.n_weights) for label, run in runs.items()}
    if not points and (limits is None or weights is None):
        raise ConfigurationError("There is no run: give limits and weights to draw the surface alone.")
    around = checked_limits(_around(points, first, second) if limits is None else limits)
    held = next(iter(points.values()))[-1] if weights is None else weights
    found = surface(objective, held, directions, limits=around, resolution=resolution)
    ax = one(ax)
    _draw_surface(ax, found)
    for number, (label, run) in enumerate(points.items()):
        color, style = COLORS[number % len(COLORS)], STYLES[number % len(STYLES)]
        x, y, steps = run[:, first], run[:, second], len(run) - 1
        ax.plot(
            x,
            y,
            style,
            color=color,
            linewidth=1.4,
            marker=MARKERS[number % len(MARKERS)],
            markersize=3.5,
            markevery=max(1, len(run) // DOTS),
            label=f"{label} ({steps} step{'s' * (steps != 1)})",
        )
        ax.plot(x[:1], y[:1], "o", color=color, markersize=9, markerfacecolor="white", markeredgewidth=1.5)
        ax.plot(x[-1:], y[-1:], "*", color=color, markersize=13, markeredgecolor="white", markeredgewidth=0.8)
    ax.set_xlim(*around[0])
    ax.set_ylim(*around[1])
    ax.set_xlabel(f"weight {first}")
    ax.set_ylabel(f"weight {second}")
    if points:
        ax.legend(loc="best", fontsize="small")
    return ax


def _points(label: str, run: ArrayLike, n_weights: int) -> Array:
    points = np.asarray(run, dtype=np.float64)
    if points.ndim != 2 or len(points) == 0 or points.shape[1] != n_weights:
        raise ShapeError(f"The run {label!r} must be of shape (n_points, {n_weights}), got {points.shape}.")
    return points


def _around(points: Mapping[str, Array], first: int, second: int) -> list[tuple[float, float]]:
    """The box of all points, with a margin."""
    every = np.concatenate([run[:, [first, second]] for run in points.values()])
    lowest, highest = every.min(axis=0), every.max(axis=0)
    margin = np.where(highest > lowest, 0.15 * (highest - lowest), 1.0)
    return [(float(low), float(high)) for low, high in zip(lowest - margin, highest + margin, strict=True)]


def _draw_surface(ax: Any, found: Surface) -> None:
    known = found.losses[np.isfinite(found.losses) & (found.losses > 0)]
    if not len(known):
        return
    highest = known.max()
    lowest = max(known.min(), FLOOR * highest)
    if not lowest < highest * (1 - 1e-9):  # a plain
        return
    shown = np.where(np.isfinite(found.losses), np.clip(found.losses, lowest, highest), np.nan)
    levels = np.linspace(np.log10(lowest), np.log10(highest), LEVELS)
    # Grays, from which every color of a trajectory stands out.
    grays = [str(gray) for gray in np.linspace(0.4, 0.97, LEVELS - 1)]
    ax.contourf(found.first, found.second, np.log10(shown), levels, colors=grays)
    ax.contour(found.first, found.second, np.log10(shown), levels, colors="white", linewidths=0.4, linestyles="-")
