"""Pictures of a comparison: every run, who met the goal how often, and speed against memory."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import one_of, require_extra
from marquardt.comparison import Comparison, Run
from marquardt.errors import DataError
from marquardt.plots.labels import place_labels
from marquardt.plots.style import COLORS, GRAY, MARKERS, axis_label, grid, ink, one, only_finite

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["comparison_losses", "speed_against_memory", "success_rates", "wilson_interval"]

AGAINST = {"epochs": "epoch", "seconds": "seconds"}
MET = {"label": "goal met", "color": COLORS[0], "linestyle": "-", "marker": "o", "markersize": 4}
MISSED = {"label": "goal missed", "color": COLORS[1], "linestyle": (0, (4, 1.5)), "marker": "x", "markersize": 5}

# Where the longest run of one algorithm is so many times longer than that of another, a common linear axis would show
# one of them alone.
LOGARITHMIC_FROM = 20.0
# A run that diverges may reach 1e300: what is higher than the highest start by this factor is cut off.
ROOM_ABOVE = 10.0
TITLE_WIDTH = 38  # what fits above a panel, in characters
NORMAL_QUANTILE = 1.959963984540054  # of 97.5 %
STRIP = 0.86


def comparison_losses(comparison: Comparison, against: str = "epochs", axes: Any = None) -> tuple[Axes, ...]:
    """Draw the error of every run, a panel an algorithm, with the goal.

    Parameters
    ----------
    comparison : Comparison
        Complete or not.
    against : str
        ``"epochs"`` or ``"seconds"``.
    axes : Axes or sequence of Axes, optional
        Where to draw, a panel each; on new ones when not given.

    Returns
    -------
    tuple of matplotlib.axes.Axes
        A panel each, in the order of the comparison's algorithms, all with the same scales. Runs that met the goal
        are solid and end in a dot, the others are dashed and end in a cross. Where algorithms differ much in length,
        the horizontal axis is logarithmic from its first step on. An error of exactly zero is drawn on the lower edge.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    ConfigurationError
        If `against` is neither, or there are not as many axes as algorithms.
    DataError
        If there is no run.

    Examples
    --------
    >>> from marquardt.comparison import Run
    >>> run = Run("lm", 0, True, "goal", 1, 0.5, np.array([1.0, 0.001]), np.array([0.0, 0.5]))
    >>> panels = comparison_losses(Comparison("mine", "mse", 0.01, (run,)))
    >>> print(panels[0].get_title())
    lm
    1 of 1
    """
    one_of(against, AGAINST, "against")
    _require_runs(comparison)
    algorithms = comparison.algorithms
    panels = grid(algorithms, axes, n_columns=_columns(len(algorithms)), size=(3.0, 2.4), sharex=True, sharey=True)
    losses = np.concatenate([run.losses for run in comparison.runs])
    bounds = _loss_bounds(losses, np.array([run.losses[0] for run in comparison.runs]), comparison.goal)
    lengths = [max((_end(run, against) for run in comparison.runs_of(name)), default=0.0) for name in algorithms]
    steps = np.concatenate([_against(run, against) for run in comparison.runs])
    handles: dict[str, Any] = {}
    label = f"goal: {comparison.metric} = {comparison.goal:.3g}"
    for number, (ax, name) in enumerate(zip(panels, algorithms, strict=True)):
        runs = comparison.runs_of(name)
        # Those that met the goal last, on top.
        for look, group in ((MISSED, [r for r in runs if not r.succeeded]), (MET, [r for r in runs if r.succeeded])):
            if group:
                handles[str(look["label"])] = _draw_runs(
                    ax, group, against, look, None if bounds is None else bounds[0]
                )
        if comparison.goal > 0:
            handles[label] = ax.axhline(comparison.goal, color=ink(), linewidth=1.0, linestyle=":", label=label)
        count = f"{sum(run.succeeded for run in runs)} of {len(runs)}"
        ax.set_title(f"{textwrap.fill(name, TITLE_WIDTH)}\n{count}", fontsize="small")
        if bounds is not None:
            ax.set_yscale("log")
            ax.set_ylim(*bounds)
        _scale_length(ax, lengths, steps, is_whole=against == "epochs")
        spec = ax.get_subplotspec()
        if axes is not None or spec is None or spec.is_first_col():
            ax.set_ylabel(axis_label(comparison.metric))
        if axes is not None or number >= len(panels) - spec.get_gridspec().ncols:
            ax.set_xlabel(AGAINST[against])
    named = [handles[label] for label in sorted(handles, key=[MET["label"], MISSED["label"], label].index)]
    if axes is None:
        legend = panels[0].figure.legend(handles=named, loc="outside upper center", ncols=3, frameon=False)
    else:
        legend = panels[0].legend(handles=named, fontsize="small")
    for handle in legend.legend_handles:
        handle.set_alpha(1.0)
    return panels


def success_rates(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw how many runs of every algorithm met the goal, with Wilson's 95 % interval.

    Parameters
    ----------
    comparison : Comparison
        Complete or not.
    ax : matplotlib.axes.Axes, optional
        Where to draw; on new ones when not given.

    Returns
    -------
    matplotlib.axes.Axes
        A bar an algorithm, in the order of the comparison from the top, with the counts on the right.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    DataError
        If there is no run.

    Examples
    --------
    >>> from marquardt.comparison import Run
    >>> run = Run("lm", 0, True, "goal", 1, 0.5, np.array([1.0, 0.001]), np.array([0.0, 0.5]))
    >>> ax = success_rates(Comparison("mine", "mse", 0.01, (run,)))
    >>> [text.get_text() for text in ax.texts]
    ['1 / 1']
    """
    _require_runs(comparison)
    summaries = comparison.summaries()
    ticker = require_extra("matplotlib.ticker", "plots")
    ax = one(ax, (6.4, 1.3 + 0.32 * len(summaries)))
    for place, summary in enumerate(summaries):
        if summary.n_runs:
            rate, (low, high) = summary.success_rate, wilson_interval(summary.n_succeeded, summary.n_runs)
            ax.barh(place, rate, height=0.62, color=COLORS[0], alpha=0.7)
            # Rounding may put an end a hair's breadth on the wrong side of the rate.
            errors = [[max(0.0, rate - low)], [max(0.0, high - rate)]]
            ax.errorbar(rate, place, xerr=errors, color=ink(), linewidth=1.2, capsize=3.5)
        count = f"{summary.n_succeeded} / {summary.n_runs}" if summary.n_runs else "no run"
        ax.annotate(count, (1.02, place), xycoords=("axes fraction", "data"), va="center")
    ax.set_yticks(range(len(summaries)), [summary.algorithm for summary in summaries])
    ax.set_ylim(len(summaries) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(ticker.PercentFormatter(1.0))
    ax.set_xlabel(f"runs with {comparison.metric} ≤ {comparison.goal:.3g} (lines: 95 % interval)")
    return ax


def speed_against_memory(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw the median time of the successful runs against the peak memory, a point an algorithm.

    Parameters
    ----------
    comparison : Comparison
        With the memory measured.
    ax : matplotlib.axes.Axes, optional
        Where to draw; on new ones when not given.

    Returns
    -------
    matplotlib.axes.Axes
        Logarithmic both ways; best is lower left. Algorithms without a success have no time: they are crosses in a
        strip of their own. Labels are placed for the size that the figure has.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.
    DataError
        If there is no run, or no memory was measured.

    Examples
    --------
    >>> from marquardt.comparison import Run
    >>> run = Run("lm", 0, True, "goal", 1, 0.5, np.array([1.0, 0.001]), np.array([0.0, 0.5]))
    >>> ax = speed_against_memory(Comparison("mine", "mse", 0.01, (run,), memory={"lm": 40_000}))
    >>> [text.get_text() for text in ax.texts]
    ['lm']
    """
    _require_runs(comparison)
    summaries = [summary for summary in comparison.summaries() if summary.memory > 0]
    if not summaries:
        raise DataError("The comparison has no memory: it was not measured for any of its algorithms.")
    timed = [summary for summary in summaries if summary.seconds_median > 0]
    untimed = [summary for summary in summaries if not summary.seconds_median > 0]
    ax = one(ax, (7.2, 4.8))
    ax.set_xscale("log")
    ax.set_yscale("log")
    bottom, top = _room([summary.memory for summary in summaries])
    ax.set_ylim(bottom, top)
    left, right = _room([summary.seconds_median for summary in timed] or [1.0])
    strip = right  # where the strip begins
    if untimed:
        strip, right = (right, left * (right / left) ** (1 / STRIP)) if timed else (left, right)
    ax.set_xlim(left, right)
    _tick_plainly(ax.xaxis, "s", left, strip)
    _tick_plainly(ax.yaxis, "B", bottom, top)
    ax.grid(color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    anchors = []
    for number, summary in enumerate(timed):
        color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
        ax.plot([summary.seconds_median], [summary.memory], marker, color=color, markersize=8)
        anchors.append((summary.seconds_median, summary.memory))
    if untimed:
        middle = math.sqrt(strip * right)
        ax.axvspan(strip, right, color=GRAY, alpha=0.12, linewidth=0, zorder=0.5)
        for summary in untimed:
            ax.plot([middle], [summary.memory], "x", color=GRAY, markersize=8, markeredgewidth=2)
            anchors.append((middle, summary.memory))
        ax.annotate(
            "no success", (middle, 1.01), xycoords=ax.get_xaxis_transform(), ha="center", va="bottom", color=GRAY
        )
    ax.set_xlabel("median time of the successful runs")
    ax.set_ylabel("peak memory")
    colors = [ink()] * len(timed) + [GRAY] * len(untimed)
    place_labels(ax, anchors, [summary.algorithm for summary in (*timed, *untimed)], colors)
    return ax


def wilson_interval(n_succeeded: int, n_runs: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a success rate, which is sensible for no and for all successes, too."""
    square = NORMAL_QUANTILE**2
    center = (n_succeeded + square / 2) / (n_runs + square)
    half = NORMAL_QUANTILE / (n_runs + square) * math.sqrt(n_succeeded * (n_runs - n_succeeded) / n_runs + square / 4)
    return max(0.0, center - half) if n_succeeded else 0.0, min(1.0, center + half) if n_succeeded < n_runs else 1.0


def _require_runs(comparison: Comparison) -> None:
    if not comparison.runs:
        raise DataError("The comparison has no run yet: there is nothing to draw.")


def _against(run: Run, against: str) -> Array:
    return run.times if against == "seconds" else np.arange(len(run.losses), dtype=np.float64)


def _end(run: Run, against: str) -> float:
    return float(_against(run, against)[-1])


def _loss_bounds(losses: Array, starts: Array, goal: float) -> tuple[float, float] | None:
    """The ends of a logarithmic axis; None where there is nothing to put on one."""
    positive = losses[np.isfinite(losses) & (losses > 0)]
    if not len(positive):
        return None
    starts = starts[np.isfinite(starts) & (starts > 0)]
    highest = min(positive.max(), ROOM_ABOVE * starts.max()) if len(starts) else positive.max()
    lowest = min(positive.min(), goal) if goal > 0 else positive.min()
    return float(lowest) / 2, 2 * max(float(highest), goal)


def _columns(count: int) -> int:
    """Panels side by side: three or four, whichever leaves fewer places empty."""
    if count <= 4:
        return 2 if count == 4 else max(1, count)
    return 3 if -count % 3 < -count % 4 else 4


def _draw_runs(ax: Any, runs: Sequence[Run], against: str, look: dict[str, Any], bottom: float | None) -> Any:
    """Draw runs as one line with gaps, which is fast for hundreds of runs, and mark every end."""
    x: list[Any] = []
    y: list[Any] = []
    ends: list[int] = []
    length = 0
    for run in runs:
        losses = only_finite(run.losses)
        known = np.flatnonzero(~np.isnan(losses))
        if len(known):
            ends.append(length + int(known[-1]))
        x += [_against(run, against), [np.nan]]
        y += [losses if bottom is None else np.where(losses <= 0, bottom, losses), [np.nan]]
        length += len(losses) + 1
    alpha = float(np.clip(8 / len(runs), 0.4, 0.8))
    return ax.plot(np.concatenate(x), np.concatenate(y), linewidth=1.0, alpha=alpha, markevery=ends, **look)[0]


def _scale_length(ax: Any, lengths: Sequence[float], steps: Array, is_whole: bool) -> None:
    """The same horizontal scale for all panels: logarithmic from the first step on where that is needed."""
    longest = max(lengths)
    shown = [length for length in lengths if length > 0]
    if shown and longest >= LOGARITHMIC_FROM * min(shown):
        ax.set_xscale("symlog", linthresh=float(steps[steps > 0].min()), linscale=1.0)
        ax.set_xlim(0, longest * 1.5)
    else:
        ax.set_xlim(0, longest * 1.04 if longest > 0 else 1.0)
        ax.locator_params(axis="x", integer=is_whole)


def _room(values: Sequence[float]) -> tuple[float, float]:
    """The ends of a logarithmic axis with room for labels around the values."""
    lowest, highest = min(values), max(values)
    margin = max(2.5, (highest / lowest) ** 0.18)
    return lowest / margin, highest * margin


def _tick_plainly(axis: Any, unit: str, lowest: float, highest: float) -> None:
    """Ticks from the lowest to the highest as 10 ms or 2 MB; at 2 and 5, too, where there are few powers of ten."""
    ticker = require_extra("matplotlib.ticker", "plots")
    every = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    digits = (1, 2, 5) if highest < 300 * lowest else (1,)
    for chosen, is_minor in ((digits, False), (range(2, 10), True)):
        ticks = [digit * 10.0**power for power in every for digit in chosen]
        axis.set_ticks([tick for tick in ticks if lowest <= tick <= highest], minor=is_minor)
    axis.set_major_formatter(ticker.EngFormatter(unit))
    axis.set_minor_formatter(ticker.NullFormatter())
