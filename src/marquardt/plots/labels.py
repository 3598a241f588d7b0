"""Labels beside points, placed so that they cover neither each other nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = ["place_labels"]

# Right, left, above, below, and between: what is read first is tried first.
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
DISTANCES = (8, 18, 30, 44, 60, 80)  # in points; from the second on, a line leads from the label to its point
POINT = 6.0  # half the width that a marker takes, in points
OUTSIDE = 10.0  # how much worse it is to leave the axes than to cover a label
ALIGNED = {1: ("left", "bottom"), 0: ("center", "center"), -1: ("right", "top")}


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def common(self, other: Box) -> float:
        """Return the area that two rectangles have in common."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, width) * max(0.0, height)


def place_labels(
    ax: Any, anchors: Sequence[tuple[float, float]], labels: Sequence[str], colors: Sequence[str]
) -> list[Any]:
    """Write a label beside each point, for the size that the figure has now."""
    figure = ax.figure.figure
    figure.draw_without_rendering()  # only then a constrained layout has given the axes their place
    scale = figure.dpi / 72
    whole = Box(*ax.bbox.extents)
    points = [tuple(ax.transData.transform(anchor)) for anchor in anchors]
    taken = [Box(x - POINT * scale, y - POINT * scale, x + POINT * scale, y + POINT * scale) for x, y in points]
    written = []
    for anchor, (x, y), label, color in zip(anchors, points, labels, colors, strict=True):
        text = ax.annotate(label, anchor, (0, 0), textcoords="offset points", fontsize="small", color=color)
        text.set_in_layout(False)
        extent = text.get_window_extent()
        width, height = extent.width, extent.height
        best = None
        for distance in DISTANCES:
            for along, up in DIRECTIONS:
                # As far in a diagonal as along an axis.
                reach = distance * scale * (0.75 if along and up else 1.0)
                left = x + along * reach - width * (1 - along) / 2
                bottom = y + up * reach - height * (1 - up) / 2
                box = Box(left, bottom, left + width, bottom + height)
                outside = width * height - box.common(whole)
                leader = _leader((x, y), (x + along * reach, y + up * reach)) if distance > DISTANCES[0] else []
                cost = sum(part.common(other) for other in taken for part in (box, *leader)) + OUTSIDE * outside
                if best is None or cost < best[0]:
                    best = cost, [box, *leader], (along * reach / scale, up * reach / scale), (along, up), distance
            if best is not None and best[0] <= 0:
                break
        assert best is not None
        _, boxes, offset, (along, up), distance = best
        taken += boxes
        text.set_position(offset)
        text.set_ha(ALIGNED[along][0])
        text.set_va(ALIGNED[up][1])
        written.append(text)
        if distance > DISTANCES[0]:
            ax.annotate(
                "", anchor, offset, textcoords="offset points", arrowprops={"arrowstyle": "-", "color": "0.6"}
            ).set_in_layout(False)
    return written


def _leader(point: tuple[float, float], end: tuple[float, float]) -> list[Box]:
    """The line from a point to its label, as a row of small boxes; without the part over the point itself."""
    row = []
    for part in (0.5, 0.6, 0.7, 0.8, 0.9):
        x, y = (a + part * (b - a) for a, b in zip(point, end, strict=True))
        row.append(Box(x - 2, y - 2, x + 2, y + 2))
    return row
