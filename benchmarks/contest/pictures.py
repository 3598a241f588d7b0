"""The pictures of a contest: seconds to the goals, losses against seconds, and what starting and memory cost."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot, ticker
from matplotlib.figure import Figure

from benchmarks.contest.field import FIELD
from benchmarks.contest.report import ENOUGH, goal_name, goal_times
from marquardt.plots.style import COLORS, GRAY

__all__ = ["draw"]

OURS, OTHERS = COLORS[0], COLORS[1]
SQUARES_ONLY = "sums of squares only"
LEAST_SPAN = 8.0
"""What an axis of seconds spans at least."""
STYLES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (4, 1.2, 1, 1.2)))
"""With the colors, what tells the lines of the losses apart."""


def draw(results: list[dict[str, Any]], output: Path) -> None:
    """Write contest-seconds, contest-losses and contest-costs, as SVG.

    Parameters
    ----------
    results : list of dict
        Of `measure`.
    output : Path
        The directory.
    """
    # The same picture is the same file.
    with mpl.rc_context({"svg.hashsalt": "marquardt", "svg.fonttype": "none", "font.size": 9}):
        for name, picture in (("seconds", seconds), ("losses", losses), ("costs", costs)):
            figure = picture(results)
            if figure is not None:
                figure.savefig(output / f"contest-{name}.svg", metadata={"Date": None})
                pyplot.close(figure)


def seconds(results: list[dict[str, Any]]) -> Figure | None:
    """A panel a goal; a row a contender with a dot a start and a bar at the median."""
    goals = [(problem, goal) for problem in results for goal in range(len(problem["goals"][0]))]
    if not goals:
        return None
    heights = [0.9 + 0.185 * max(len(shown_cells(problem)) for problem, _ in pair) for pair in batched(goals, 2)]
    figure, axes = pyplot.subplots(
        len(heights),
        2,
        figsize=(11.0, sum(heights) + 0.3),
        height_ratios=heights,
        layout="constrained",
        squeeze=False,
    )
    for ax, (problem, goal) in zip(axes.flat, goals, strict=False):
        _panel(ax, problem, goal)
    for ax in axes.flat[len(goals) :]:
        ax.set_axis_off()
    handles = [
        pyplot.Line2D([], [], color=OURS, marker="o", linestyle="", markersize=4, label="marquardt, a start"),
        pyplot.Line2D([], [], color=OTHERS, marker="o", linestyle="", markersize=4, label="another package, a start"),
        pyplot.Line2D([], [], color="black", marker="|", linestyle="", markersize=10, mew=2, label="median"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False)
    return figure


def _panel(ax: Any, problem: dict[str, Any], goal: int) -> None:
    cells = shown_cells(problem)

    def place(key: str) -> tuple[bool, float]:
        times = goal_times(cells[key], goal)
        is_few = not times or len(times) < ENOUGH * len(cells[key]["runs"])
        return is_few, statistics.median(times.values()) if times else float("inf")

    order = sorted(cells, key=place)
    for row, key in enumerate(order):
        times = list(goal_times(cells[key], goal).values())
        color = OURS if FIELD[key].is_ours else OTHERS
        if times:
            ax.plot(times, [row] * len(times), "o", color=color, markersize=4, alpha=0.6, markeredgewidth=0)
            ax.plot([statistics.median(times)], [row], "|", color="black", markersize=10, markeredgewidth=2)
        told = f"{len(times)} of {len(cells[key]['runs'])}" if cells[key]["runs"] else "cannot"
        is_full = bool(times) and len(times) == len(cells[key]["runs"])
        ax.annotate(
            told,
            (1.01, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize="x-small",
            color=GRAY if is_full else "black",
        )
    ax.set_yticks(range(len(order)), [FIELD[key].name for key in order], fontsize="x-small")
    for label, key in zip(ax.get_yticklabels(), order, strict=True):
        if FIELD[key].is_ours:
            label.set_color(OURS)
            label.set_fontweight("bold")
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_xscale("log")
    left, right = ax.get_xlim()
    if right < LEAST_SPAN * left:
        margin = (LEAST_SPAN * left / right) ** 0.5
        ax.set_xlim(left / margin, right * margin)
    in_seconds(ax.xaxis)
    ax.grid(axis="x", color="0.9", linewidth=0.6)
    ax.grid(axis="y", color="0.94", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_title(f"{problem['title']}, {goal_name(problem, goal)}", fontsize="small")
    ax.set_xlabel("processor time to the goal", fontsize="small")


def shown_cells(problem: dict[str, Any]) -> dict[str, Any]:
    """All that could have reached a goal."""
    return {
        key: cell
        for key, cell in problem["cells"].items()
        if FIELD[key].script != "syrk" and cell["reason"] != SQUARES_ONLY
    }


def batched(values: list[Any], size: int) -> list[list[Any]]:
    """In parts of a size, the last one shorter."""
    return [values[begin : begin + size] for begin in range(0, len(values), size)]


def in_seconds(axis: Any) -> None:
    """Ticks of a logarithmic axis as 2 ms or 10 s: at 1, 2 and 5 where it spans less than two decades and a half."""
    lowest, highest = sorted(axis.get_view_interval())
    subs = (1.0, 2.0, 5.0) if highest < 300 * lowest else (1.0,)
    axis.set_major_locator(ticker.LogLocator(subs=subs, numticks=20))
    axis.set_major_formatter(ticker.EngFormatter("s"))
    axis.set_minor_formatter(ticker.NullFormatter())


def losses(results: list[dict[str, Any]]) -> Figure | None:
    """A panel a problem: the best loss so far of the first start against the seconds."""
    shown = [problem for problem in results if any(cell["runs"] for cell in problem["cells"].values())]
    if not shown:
        return None
    keys = [key for key in FIELD if FIELD[key].script != "syrk" and any(key in p["cells"] for p in shown)]
    looks = {
        key: {
            "color": OURS if key == "marquardt-auto" else COLORS[1 + number % (len(COLORS) - 1)],
            "linestyle": "-" if key == "marquardt-auto" else STYLES[number // (len(COLORS) - 1) % len(STYLES)],
            "linewidth": 2.4 if key == "marquardt-auto" else 1.2,
            "zorder": 3 if key == "marquardt-auto" else 2,
            "label": FIELD[key].name,
        }
        for number, key in enumerate(key for key in ("marquardt-auto", *keys) if key in keys)
    }
    rows = -(-len(shown) // 2)
    figure, axes = pyplot.subplots(rows, 2, figsize=(11.0, 3.1 * rows + 0.9), layout="constrained", squeeze=False)
    handles: dict[str, Any] = {}
    for ax, problem in zip(axes.flat, shown, strict=False):
        earliest = [
            cell["runs"][0]["trace"][1][0]
            for cell in problem["cells"].values()
            if cell["runs"] and len(cell["runs"][0]["trace"]) > 1
        ]
        left = max(min(earliest, default=1e-4) / 2, 1e-5)
        for key in keys:
            runs = problem["cells"].get(key, {}).get("runs")
            if not runs or not runs[0]["trace"]:
                continue
            at, loss = zip(*runs[0]["trace"], strict=True)
            # The start has no place on a logarithmic axis: it is put on the left edge.
            at = [max(each, left) for each in at] + [runs[0]["seconds"]]
            handles[key] = ax.plot(at, [*loss, loss[-1]], drawstyle="steps-post", **looks[key])[0]
        for goal in problem["goals"][0]:
            ax.axhline(goal, color="black", linewidth=0.8, linestyle=":")
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlim(left=left)
        in_seconds(ax.xaxis)
        ax.grid(color="0.92", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.set_title(problem["title"], fontsize="small")
        ax.set_xlabel("processor time, first start", fontsize="small")
        ax.set_ylabel("mean squared error" if problem["loss"] == "squares" else "mean cross-entropy", fontsize="small")
        if problem["goals"][0]:
            lowest = min(problem["goals"][0])
            ax.set_ylim(bottom=max(ax.get_ylim()[0], lowest / 100))
    for ax in axes.flat[len(shown) :]:
        ax.set_axis_off()
    ordered = [handles[key] for key in looks if key in handles]
    ordered.append(pyplot.Line2D([], [], color="black", linewidth=0.8, linestyle=":", label="goal"))
    figure.legend(handles=ordered, loc="outside upper center", ncols=5, frameon=False, fontsize="x-small")
    return figure


def costs(results: list[dict[str, Any]]) -> Figure | None:
    """Import and compilation, and memory on the largest problem that each took part in."""
    keys = [key for key in FIELD if FIELD[key].script != "syrk" and any(key in p["cells"] for p in results)]
    starts, compiles = {}, {}
    for key in keys:
        ready = [p["cells"][key]["ready"] for p in results if key in p["cells"] and p["cells"][key]["ready"]]
        if ready:
            starts[key] = statistics.median(each["imports"] for each in ready)
            compiles[key] = statistics.median(each["compiles"] for each in ready)
    if not starts:
        return None
    order = sorted(starts, key=lambda key: starts[key] + compiles[key])
    sized = [p for p in results if p["key"] in ("one-output", "million")] or results[-1:]
    figure, axes = pyplot.subplots(
        1, 1 + len(sized), figsize=(4.2 + 3.4 * len(sized), 1.2 + 0.24 * len(order)), layout="constrained", sharey=True
    )
    first = axes[0]
    first.barh(order, [starts[key] for key in order], color=COLORS[0], label="import", height=0.65)
    first.barh(
        order,
        [compiles[key] for key in order],
        left=[starts[key] for key in order],
        color=COLORS[4],
        label="compilation",
        height=0.65,
    )
    # A bar of no compilation has an edge that margins stop at.
    first.set_xlim(0.0, 1.06 * max(starts[key] + compiles[key] for key in order))
    first.set_xlabel("processor time before training, s")
    first.legend(fontsize="small", frameon=False)
    for ax, problem in zip(axes[1:], sized, strict=True):
        for row, key in enumerate(order):
            runs = problem["cells"].get(key, {}).get("runs") or []
            known = [run["memory"] for run in runs if run["memory"] is not None]
            if known:
                ax.barh(row, max(known), color=OURS if FIELD[key].is_ours else OTHERS, height=0.65)
                ax.annotate(f" {max(known):.0f}", (max(known), row), va="center", fontsize="x-small")
            else:
                ax.annotate(" no run", (0, row), va="center", fontsize="x-small", color=GRAY)
        ax.set_xlabel("memory beyond data and imports, MB")
        ax.set_title(problem["title"], fontsize="small")
        ax.margins(x=0.15)
    first.set_yticks(range(len(order)), [FIELD[key].name for key in order])
    first.set_ylim(len(order) - 0.5, -0.5)
    for ax in axes:
        ax.grid(axis="x", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
    return figure
