"""What all pictures share: colors, styles, names, new axes and checked columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.arrays import Array, ArrayLike, as_array
from marquardt.checks import require_extra
from marquardt.errors import ConfigurationError, ShapeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "COLORS",
    "GRAY",
    "MARKERS",
    "METRICS",
    "PARTS",
    "axis_label",
    "column",
    "draw",
    "grid",
    "ink",
    "one",
    "only_finite",
    "spans",
    "whole_decades",
]

# Colors of Okabe and Ito, which differ for every kind of color vision; what they tell apart differs in style, too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
MARKERS = ("o", "s", "^", "D", "v")
GRAY = "#777777"
"""As far from a white ground as from a black one."""

PARTS = {
    "train": ("training", "#0072B2", "-", ""),
    "validation": ("validation", "#009E73", "--", "////"),
    "test": ("test", "#D55E00", ":", "...."),
}
"""Of each part of the data: its name, color, line style and hatch."""

METRICS = {
    "mse": "mean squared error",
    "sse": "sum of squared errors",
    "rmse": "root mean squared error",
    "cross_entropy": "cross-entropy",
}


def axis_label(metric: str) -> str:
    """Return a metric's name for people."""
    return METRICS.get(metric, metric.replace("_", " "))


def ink() -> Any:
    """Return the color of the axes themselves: black on white, white where a style sheet is dark."""
    return require_extra("matplotlib", "plots").rcParams["axes.edgecolor"]


def one(ax: Axes | None, size: tuple[float, float] | None = None) -> Any:
    """Return the axes given, or those of a new figure."""
    if ax is not None:
        return ax
    return require_extra("matplotlib.pyplot", "plots").subplots(figsize=size, layout="constrained")[1]


def grid(
    names: Sequence[str], axes: Any, n_columns: int, size: tuple[float, float], **sharing: bool
) -> tuple[Any, ...]:
    """Return an Axes a panel: those given, or a new figure's."""
    count = len(names)
    if axes is not None:
        given = tuple(np.atleast_1d(np.asarray(axes, dtype=object)).ravel())
        if len(given) != count:
            raise ConfigurationError(
                f"This picture has {count} panel{'s' * (count != 1)} ({', '.join(names)}), got {len(given)} axes. "
                f"Give {count}, or none to have them made."
            )
        return given
    pyplot = require_extra("matplotlib.pyplot", "plots")
    n_columns = min(n_columns, count)
    n_rows = math.ceil(count / n_columns)
    figsize = (n_columns * size[0], n_rows * size[1])
    made = pyplot.subplots(n_rows, n_columns, squeeze=False, figsize=figsize, layout="constrained", **sharing)[
        1
    ].ravel()
    for ax in made[count:]:
        ax.remove()
    for ax in made[max(0, count - n_columns) : count]:
        # The last of its column: where a row is not full, that is not the bottom row.
        ax.tick_params(labelbottom=True)
    return tuple(made[:count])


def draw(ax: Any, x: Array, y: Array, style: str, **options: Any) -> Any:
    """Draw a line, with a dot on every value that has no neighbor to be joined with; return it."""
    y = only_finite(y)
    known = np.concatenate([[False], ~np.isnan(y), [False]])
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    dots = {"marker": "o", "markersize": 4, "markevery": alone.nonzero()[0].tolist()} if alone.any() else {}
    return ax.plot(x, y, style, **dots, **options)[0]


def only_finite(values: Array) -> Array:
    """Return the values, with NaN for infinity."""
    return np.where(np.isfinite(values), values, np.nan)


def spans(values: Array, factor: float) -> bool:
    """Say whether a logarithmic axis is apt: nothing negative, and largest over smallest positive >= factor."""
    known = values[np.isfinite(values)]
    positive = known[known > 0]
    return bool(len(positive) and known.min() >= 0 and positive.max() >= factor * positive.min())


def whole_decades(axis: Any, values: Array) -> None:
    """Make an axis logarithmic, from a power of ten to a power of ten, with no numbers in between."""
    ticker = require_extra("matplotlib.ticker", "plots")
    positive = values[np.isfinite(values) & (values > 0)]
    lowest = 10.0 ** math.floor(math.log10(positive.min() * 0.99))
    highest = 10.0 ** math.ceil(math.log10(positive.max() * 1.01))
    axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (lowest, highest)})
    axis.set_minor_formatter(ticker.NullFormatter())


def column(values: ArrayLike, what: str) -> Array:
    """Return one target or output of all samples as a flat array."""
    array = as_array(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ShapeError(f"{what} must be of shape (n_samples,), got {array.shape}. Draw one target at a time.")
    return array
