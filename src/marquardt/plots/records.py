"""Pictures of a run: its errors, and what the algorithm did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.errors import DataError
from marquardt.plots.style import COLORS, GRAY, PARTS, axis_label, draw, grid, one, spans, whole_decades
from marquardt.training import Epoch, Record, gradient_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["performance", "training_state"]

# From this ratio of the largest to the smallest value on, a panel is logarithmic.
LOGARITHMIC_FROM = 20.0
FIELDS = Epoch.__dataclass_fields__
NAMES = {"validation_fails": "validation checks"}


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
    _require_epochs(record)
    ax = one(ax)
    for name, (label, color, style, _) in PARTS.items():
        values = record.column("performance" if name == "train" else name)
        if np.isfinite(values).any():
            draw(ax, record.epoch, values, style, color=color, label=label, linewidth=1.8)
    best = record.best
    compared = best.performance if np.isnan(best.validation) else best.validation
    ax.axvline(best.epoch, color=GRAY, linewidth=0.8, linestyle=(0, (1, 2)))
    ax.plot(
        [best.epoch], [compared], "o", color=GRAY, fillstyle="none", markersize=9, label=f"kept: epoch {best.epoch}"
    )
    # An error of exactly zero, as of a network that fits perfectly, has no place on a logarithmic axis.
    ax.set_yscale("log" if compared > 0 and best.performance > 0 else "linear")
    _against_epochs(ax, record)
    ax.set_ylabel(axis_label(record.metric))
    ax.legend(frameon=False)
    return ax


def training_state(record: Record, axes: Any = None) -> tuple[Axes, ...]:
    """Draw what the algorithm did against the epochs: gradient, damping or whatever it reports, validation checks.

    Parameters
    ----------
    record : Record
        Of a run, finished or not.
    axes : Axes or sequence of Axes, optional
        Where to draw, a panel each; on new ones when not given. There is a panel for the gradient, one for mu where
        the algorithm has it, one for each of the record's `columns` beyond the fields of an `Epoch` (a rate; alpha,
        beta and gamma), and one for the validation checks where there is a validation part.

    Returns
    -------
    tuple of matplotlib.axes.Axes
        A panel each, from top to bottom; logarithmic where the largest value is 20 times the smallest or more. There,
        a value of exactly zero leaves a gap.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    DataError
        If the record has no epoch.
    ConfigurationError
        If there are not as many axes as panels.

    Examples
    --------
    >>> from marquardt.networks import Network, feed_forward
    >>> from marquardt.training import train
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> result = train(Network(feed_forward(1, (), 1), [0.0, 0.0]), x, x**3)
    >>> [ax.get_ylabel() for ax in training_state(result.record)]
    ['mse gradient\\nnorm', 'mu']
    """
    _require_epochs(record)
    names = ["gradient", "mu", *(name for name in record.columns if name not in FIELDS)]
    names = [name for name in names if name == "gradient" or np.isfinite(record.column(name)).any()]
    if np.isfinite(record.column("validation")).any():
        names.append("validation_fails")
    titles_of = NAMES | {"gradient": f"{gradient_name(record.metric)} norm"}
    titles = [titles_of.get(name, name.replace("_", " ")) for name in names]
    panels = grid(titles, axes, n_columns=1, size=(6.4, 1.6), sharex=True)
    for number, (ax, name, title) in enumerate(zip(panels, names, titles, strict=True)):
        values = record.column(name)
        color = COLORS[number % len(COLORS)]
        if name == "validation_fails":
            ax.plot(record.epoch, values, "D", color=color, markersize=4)
            limit = record.settings.get("max_fail", 0)
            if limit:
                ax.axhline(limit, color=GRAY, linewidth=0.8, linestyle="--")
                ax.annotate(f"stop at {limit}", (0, limit), xytext=(0, -3), textcoords="offset points", va="top")
            ax.set_ylim(-0.5, max(1.0, values.max(), limit) + 0.5)
            ax.locator_params(axis="y", integer=True)
        else:
            is_logarithmic = spans(values, LOGARITHMIC_FROM)
            shown = np.where(values > 0, values, np.nan) if is_logarithmic else values
            draw(ax, record.epoch, shown, "-", color=color, linewidth=1.5)
            if is_logarithmic:
                whole_decades(ax.yaxis, shown)
        # A panel is too low for all words in a line.
        ax.set_ylabel(title.replace("validation ", "validation\n").replace(" norm", "\nnorm"))
        _against_epochs(ax, record, label=ax is panels[-1])
    return panels


def _require_epochs(record: Record) -> None:
    if not record.epochs:
        raise DataError("The record has no epoch yet: there is nothing to draw.")


def _against_epochs(ax: Any, record: Record, label: bool = True) -> None:
    last = max(1, record.num_epochs)
    ax.set_xlim(-0.02 * last, 1.02 * last)
    ax.locator_params(axis="x", integer=True)
    if label:
        ax.set_xlabel("epoch")
