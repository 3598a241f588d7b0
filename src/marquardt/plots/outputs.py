"""Pictures of outputs and targets: how well they agree, and how far they are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from marquardt.arrays import Array, ArrayLike
from marquardt.checks import whole
from marquardt.errors import DataError, ShapeError
from marquardt.plots.style import GRAY, PARTS, column, grid, ink, one
from marquardt.training import AnyParts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["error_histogram", "regression"]


@overload
def regression(targets: ArrayLike, outputs: ArrayLike, ax: Axes | None = None) -> Axes: ...


@overload
def regression(targets: ArrayLike, outputs: ArrayLike, ax: Any = None, *, parts: AnyParts) -> tuple[Axes, ...]: ...


def regression(
    targets: ArrayLike, outputs: ArrayLike, ax: Any = None, *, parts: AnyParts | None = None
) -> Axes | tuple[Axes, ...]:
    """Draw outputs against targets, with the line on which they agree.

    Parameters
    ----------
    targets : array-like of shape (n_samples,) or (n_samples, 1)
        What was measured.
    outputs : array-like of shape (n_samples,) or (n_samples, 1)
        What the network says.
    ax : matplotlib.axes.Axes, or sequence of such with `parts`, optional
        Where to draw; on new ones when not given.
    parts : Parts, optional
        The division, such as a record's ``parts``: a panel for each part that has samples, and one for all samples,
        those that are in no part included.

    Returns
    -------
    matplotlib.axes.Axes, or tuple of such with `parts`
        Titled with R, the correlation of outputs and targets.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    ShapeError
        If the two differ in length or have several columns.
    DataError
        If there are none, not all are finite, or a part has a row that they have not.
    ConfigurationError
        If there are not as many axes as panels.

    Examples
    --------
    >>> regression([1.0, 2.0, 3.0], [1.1, 1.9, 3.2]).get_title()
    'R = 0.9907'
    """
    wanted, found = _pair(targets, outputs)
    ends = [min(wanted.min(), found.min()), max(wanted.max(), found.max())]
    if parts is None:
        single: Axes = one(ax)
        _agreement(single, wanted, found, ends, PARTS["train"][1])
        single.set_aspect("equal", adjustable="datalim")
        single.set_xlabel("target")
        single.set_ylabel("output")
        single.legend(frameon=False)
        return single
    named = _named(parts, len(wanted))
    shown = [(*PARTS[name][:2], rows) for name, rows in named.items()] + [("all", GRAY, np.arange(len(wanted)))]
    margin = 0.05 * (ends[1] - ends[0]) or 1.0
    limits = (ends[0] - margin, ends[1] + margin)
    panels = grid([label for label, _, _ in shown], ax, 2, (3.4, 3.2), sharex=True, sharey=True)
    for number, (panel, (label, color, rows)) in enumerate(zip(panels, shown, strict=True)):
        _agreement(panel, wanted[rows], found[rows], ends, color)
        panel.set(xlim=limits, ylim=limits, aspect="equal")
        panel.set_title(f"{label} ({len(rows):,}): {panel.get_title()}")
        if ax is not None or number >= len(shown) - 2:
            panel.set_xlabel("target")
        if ax is not None or number % 2 == 0:
            panel.set_ylabel("output")
    panels[0].legend(frameon=False)
    return panels


def _agreement(ax: Any, wanted: Array, found: Array, ends: list[float], color: str) -> None:
    """Draw the points and the line between the ends on which they would agree, and note R."""
    ax.plot(ends, ends, color=ink(), linewidth=0.8, label="output = target")
    ax.plot(wanted, found, "o", color=color, markersize=4, alpha=0.65, markeredgewidth=0)
    varies = np.ptp(wanted) > 0 and np.ptp(found) > 0
    ax.set_title(f"R = {np.corrcoef(wanted, found)[0, 1]:.4g}" if varies else "R is not defined")


def error_histogram(
    targets: ArrayLike, outputs: ArrayLike, parts: AnyParts | None = None, bins: int = 20, ax: Axes | None = None
) -> Axes:
    """Draw how often which error occurs, the parts of the data stacked.

    Parameters
    ----------
    targets : array-like of shape (n_samples,) or (n_samples, 1)
        What was measured. The error is output − target.
    outputs : array-like of shape (n_samples,) or (n_samples, 1)
        What the network says.
    parts : Parts, optional
        The division, such as a record's ``parts``; samples in no part are left out. All samples are drawn as one
        when not given.
    bins : int
        Bars, all of one width, from the smallest error to the largest.
    ax : matplotlib.axes.Axes, optional
        Where to draw; on new ones when not given.

    Returns
    -------
    matplotlib.axes.Axes
        With a line where the error is zero.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    ShapeError
        If outputs and targets differ in length or have several columns.
    DataError
        If there are none, not all are finite, or a part has a row that they have not.
    ConfigurationError
        If `bins` is not a whole number from 1 up.

    Examples
    --------
    >>> ax = error_histogram([1.0, 2.5, 3.0], [1.0, 2.0, 3.5], bins=4)
    >>> [int(bar.get_height()) for bar in ax.patches]
    [1, 0, 1, 1]
    """
    whole(bins, "bins", minimum=1)
    wanted, found = _pair(targets, outputs)
    errors = found - wanted
    named = {} if parts is None else _named(parts, len(errors))
    shown = [errors[rows] for rows in named.values()] or [errors]
    looks = [PARTS[name] for name in named] or [PARTS["train"]]
    ax = one(ax)
    edges = np.histogram_bin_edges(np.concatenate(shown), bins)
    below = np.zeros(bins)
    for values, (label, color, _, hatch) in zip(shown, looks, strict=True):
        counts = np.histogram(values, edges)[0]
        ax.bar(
            edges[:-1],
            counts,
            np.diff(edges),
            below,
            align="edge",
            color=color,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.5,
            label=f"{label} ({len(values)})" if named else None,
        )
        below += counts
    ax.axvline(0.0, color=ink(), linewidth=1.2, label="zero error")
    ax.locator_params(axis="y", integer=True)
    ax.set_xlabel("output − target")
    ax.set_ylabel("samples")
    ax.legend(frameon=False)
    return ax


def _named(parts: AnyParts, n_samples: int) -> dict[str, Any]:
    """The rows of every part that has some, by its name, or a refusal."""
    named = parts.named()
    for name, rows in named.items():
        if rows.min() < 0 or rows.max() >= n_samples:
            raise DataError(
                f"The {name} part has rows from {rows.min()} to {rows.max()}, and there are {n_samples} samples. "
                f"Give the outputs and targets of all rows that were divided."
            )
    if not named:
        raise DataError("The division has no sample: there is nothing to draw.")
    return named


def _pair(targets: ArrayLike, outputs: ArrayLike) -> tuple[Array, Array]:
    """Both as flat arrays, or a refusal."""
    wanted, found = column(targets, "targets"), column(outputs, "outputs")
    if len(wanted) != len(found):
        raise ShapeError(f"targets and outputs must have as many rows, got {len(wanted)} and {len(found)}.")
    if len(wanted) == 0 or not (np.isfinite(wanted).all() and np.isfinite(found).all()):
        raise DataError("targets and outputs must be finite numbers, at least one of each.")
    return wanted, found
