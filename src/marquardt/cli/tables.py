"""The tables that are shown: errors of the parts, confusion counts, attempts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from marquardt.cli.console import clean
from marquardt.cli.progress import short

if TYPE_CHECKING:
    from rich.console import RenderableType

PART_NAMES = {"train": "training", "validation": "validation", "test": "test"}
MOST_CLASSES_WITH_PARTS = 4
MOST_CLASSES = 12
MOST_ATTEMPTS, FEW_ATTEMPTS = 20, 10


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], n_left: int = 1) -> RenderableType:
    """Return a plain table; the first `n_left` columns are set to the left, the others to the right.

    Without headings there is no line of them.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    made = Table(
        box=box.SIMPLE_HEAD if headings else None,
        show_header=bool(headings),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for number in range(len(rows[0]) if rows else len(headings)):
        heading = headings[number] if headings else ""
        justify: Any = "left" if number < n_left else "right"
        made.add_column(Text(clean(heading)), justify=justify, overflow="fold")
    for row in rows:
        made.add_row(*(Text(clean(cell)) for cell in row))
    return Group(Text(clean(title)), made) if title else made


def error_tables(task: str, report: Mapping[str, Any], classes: Sequence[Any] | None) -> list[RenderableType]:
    """Return what `scores_of_parts` found as tables."""
    parts = {PART_NAMES.get(name, name): scores for name, scores in report.items()}
    if task == "classification":
        rows = [
            [name, str(part["samples"]), f"{part['accuracy']:.2%}", short(part["cross_entropy"])]
            for name, part in parts.items()
        ]
        return [
            table("Errors", ["part", "rows", "accuracy", "cross-entropy"], rows),
            *confusion_tables(parts, [str(label) for label in classes or ()]),
        ]
    rows = [
        [target, name, str(part["samples"]), short(of["rmse"]), short(of["mae"]), short(of["r2"])]
        for target in next(iter(parts.values()))["targets"]
        for name, part in parts.items()
        for of in [part["targets"][target]]
    ]
    return [table("Errors, in the target's unit", ["target", "part", "rows", "RMSE", "MAE", "R²"], rows, n_left=2)]


def confusion_tables(parts: Mapping[str, Any], labels: Sequence[str]) -> list[RenderableType]:
    """Return the confusion counts: of all parts in one table where they fit, else of the last part."""
    if not labels or len(labels) > MOST_CLASSES:
        return []
    shown = dict(parts) if len(labels) <= MOST_CLASSES_WITH_PARTS else dict(list(parts.items())[-1:])
    counts = [part["confusion"] for part in shown.values()]
    rows = [
        [label, *("/".join(str(count[row][column]) for count in counts) for column in range(len(labels)))]
        for row, label in enumerate(labels)
    ]
    title = f"Counts ({'/'.join(shown)}): a row a true class, a column a predicted one"
    return [table(title, ["true class", *labels], rows)]


def attempts_table(attempts: Sequence[Mapping[str, Any]], best: int) -> RenderableType:
    """Return the restarts, the best one marked; of many only those with the lowest errors."""
    title, shown = "Starts", list(attempts)
    if len(shown) > MOST_ATTEMPTS:
        title = f"Starts, {FEW_ATTEMPTS} of {len(shown)}: the lowest errors, and the one that is kept"
        # The one that is kept comes first, whatever its error.
        shown.sort(key=lambda one: (one["restart"] != best, _error(one)))
        shown = sorted(shown[:FEW_ATTEMPTS], key=lambda one: int(one["restart"]))
    rows = [
        [
            f"{one['restart'] + 1}{' (kept)' if one['restart'] == best else ''}",
            one["stop"],
            str(one["epochs"]),
            short(one["performance"]),
            short(one["validation"]),
            f"{one['seconds']:.1f} s",
        ]
        for one in shown
    ]
    return table(title, ["start", "stopped by", "epochs", "training", "validation", "time"], rows, n_left=2)


def _error(attempt: Mapping[str, Any]) -> float:
    """The validation error, or that of training where there is none."""
    validation: float = attempt["validation"]
    return attempt["performance"] if math.isnan(validation) else validation
