"""The two pictures that tell most about a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.arrays import ArrayLike
from marquardt.checks import require_extra
from marquardt.errors import DataError, ShapeError
from marquardt.training import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["performance", "regression"]

# Colors of Okabe and Ito, which differ for every kind of color vision; the lines differ in style, too.
STYLES = {
    "performance": ("training", "#0072B2", "-"),
    "validation": ("validation", "#009E73", "--"),
    "test": ("test", "#D55E00", ":"),
}
GRAY = "#555555"
METRICS = {"mse": "mean squared error", "cross_entropy": "cross-entropy"}


def performance(record: Record, ax: Axes | None = None) -> Axes:
    """Draw the error of the parts against the epochs, the kept epoch marked.

    Parameters
    ----------
    record : Record
        Of a run, finished or not.
    ax : matplotlib.axes.Axes, optional
        Where to draw; on new ones when not given.

    Returns
    -------
    matplotlib.axes.Axes
        With a logarithmic vertical axis.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    DataError
        If the record has no epoch.

    Examples
    --------
    >>> from marquardt.networks import Network, feed_forward
    >>> from marquardt.training import train
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> result = train(Network(feed_forward(1, (), 1), [0.0, 0.0]), x, x**3)
    >>> performance(result.record).get_xlabel()
    'epoch'
    """
    ax = _axes(ax)
    if not record.epochs:
        raise DataError("The record has no epoch yet: there is nothing to draw.")
    for name, (label, color, style) in STYLES.items():
        values = record.column(name)
        if np.isfinite(values).any():
            ax.plot(record.epoch, values, style, color=color, label=label, linewidth=1.8)
    best = record.best
    compared = best.performance if np.isnan(best.validation) else best.validation
    ax.axvline(best.epoch, color=GRAY, linewidth=0.8, linestyle=(0, (1, 2)))
    ax.plot(
        [best.epoch], [compared], "o", color=GRAY, fillstyle="none", markersize=9, label=f"kept: epoch {best.epoch}"
    )
    # An error of exactly zero, as of a network that fits perfectly, has no place on a logarithmic axis.
    ax.set_yscale("log" if compared > 0 and best.performance > 0 else "linear")
    ax.set_xlim(0, max(1, record.num_epochs))
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("epoch")
    ax.set_ylabel(METRICS.get(record.metric, record.metric))
    ax.legend(frameon=False)
    return ax


def regression(targets: ArrayLike, outputs: ArrayLike, ax: Axes | None = None) -> Axes:
    """Draw outputs against targets, with the line on which they agree.

    Parameters
    ----------
    targets : array-like of shape (n_samples,) or (n_samples, 1)
        What was measured.
    outputs : array-like of shape (n_samples,) or (n_samples, 1)
        What the network says.
    ax : matplotlib.axes.Axes, optional
        Where to draw; on new ones when not given.

    Returns
    -------
    matplotlib.axes.Axes
        Titled with R, the correlation of outputs and targets.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    ShapeError
        If the two differ in length or have several columns.
    DataError
        If there are none, or not all are finite.

    Examples
    --------
    >>> regression([1.0, 2.0, 3.0], [1.1, 1.9, 3.2]).get_title()
    'R = 0.9907'
    """
    ax = _axes(ax)
    wanted, found = _column(targets, "targets"), _column(outputs, "outputs")
    if len(wanted) != len(found):
        raise ShapeError(f"targets and outputs must have as many rows, got {len(wanted)} and {len(found)}.")
    if len(wanted) == 0 or not (np.isfinite(wanted).all() and np.isfinite(found).all()):
        raise DataError("targets and outputs must be finite numbers, at least one of each.")
    ends = [min(wanted.min(), found.min()), max(wanted.max(), found.max())]
    ax.plot(ends, ends, color=GRAY, linewidth=0.8, label="output = target")
    ax.plot(wanted, found, "o", color=STYLES["performance"][1], markersize=4, alpha=0.5, markeredgewidth=0)
    varies = np.ptp(wanted) > 0 and np.ptp(found) > 0
    ax.set_title(f"R = {np.corrcoef(wanted, found)[0, 1]:.4g}" if varies else "R is not defined")
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel("target")
    ax.set_ylabel("output")
    ax.legend(frameon=False)
    return ax


def _axes(ax: Axes | None) -> Any:
    if ax is not None:
        return ax
    pyplot = require_extra("matplotlib.pyplot", "plots")
    return pyplot.subplots(layout="constrained")[1]


def _column(values: ArrayLike, what: str) -> Any:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ShapeError(f"{what} must be of shape (n_samples,), got {array.shape}. Draw one target at a time.")
    return array
