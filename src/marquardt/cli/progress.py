"""An epoch becomes a line: drawn over itself on a terminal, every 25 epochs elsewhere, or as often as is asked for."""

from __future__ import annotations

import math
import re
from types import TracebackType
from typing import TYPE_CHECKING, Self

from marquardt.cli.console import Console
from marquardt.training import Epoch, Limits, gradient_name

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

EVERY = 25
WIDTHS = (10, 17, 11, 14, 13, 7, 9)
LIVE_WIDTHS = (9, 13, 10, 13, 11, 6, 7)
"""Least widths, so that columns stand still; 75 characters with the blanks between."""
METRIC_NAMES = {"cross_entropy": "cross-entropy"}


def short(value: float, digits: int = 4) -> str:
    """Return a number in few characters.

    >>> short(0.000012345), short(1e10), short(2841.37), short(float("nan"))
    ('1.234e-5', '1e10', '2841', '-')
    """
    if math.isnan(value):
        return "-"
    text = f"{value:.{digits}g}"
    if "e" not in text and abs(value) >= 10**digits:
        text = f"{value:.0f}"
    return re.sub(r"e([+-])0*(\d)", lambda found: f"e{found[1].strip('+')}{found[2]}", text)


TINY = 1e-140
"""The square of it, times the smallest mean of squares in scaled units, is a number still."""


class Line:
    """Which quantities are shown, each beside its limit."""

    def __init__(self, limits: Limits, metric: str, n_values: int, spread: float = 1.0) -> None:
        self._limits = limits
        # The square of such a unit of the targets is no number: the loss is in scaled ones.
        self._is_beyond = metric == "mse" and not TINY < spread < 1.0 / TINY
        self._shows_loss = self._is_beyond or (limits.goal > 0 and limits.goal_metric == "loss")
        self._goal = limits.goal
        if limits.goal_metric == "rmse":
            self._goal = limits.goal**2
        elif limits.goal_metric == "sse":
            self._goal = limits.goal / n_values
        self.gradient = gradient_name(metric)
        self.metric = "loss" if self._shows_loss else METRIC_NAMES.get(metric, metric)

    @property
    def headings(self) -> tuple[str, ...]:
        """One for each cell."""
        return ("epoch", self.metric, "validation", self.gradient, "mu", "checks", "time")

    def cells(self, epoch: Epoch, mu_max: float, seconds: float | None = None) -> tuple[str, ...]:
        """Return each quantity as value/limit."""
        limits = self._limits
        error = epoch.loss if self._shows_loss else epoch.performance
        is_checked = not math.isnan(epoch.validation) and limits.max_fail > 0
        elapsed = epoch.seconds if seconds is None else seconds
        time_limit = "" if math.isinf(limits.max_seconds) else f"/{short(limits.max_seconds)}"
        return (
            f"{epoch.epoch}/{limits.max_epochs}",
            f"{short(error)}/{short(self._goal)}",
            "-" if self._is_beyond else short(epoch.validation),
            f"{short(epoch.gradient, 3)}/{short(limits.min_gradient, 3)}",
            "-" if math.isnan(epoch.mu) else f"{short(epoch.mu, 3)}/{short(mu_max, 3)}",
            f"{epoch.validation_fails}/{limits.max_fail}" if is_checked else "-",
            f"{elapsed:.1f}{time_limit} s",
        )


class Progress:
    """Shows epochs as they come; where it is said how often, every so many and the last are lines of their own."""

    def __init__(self, console: Console, line: Line, mu_max: float, restarts: int = 1, show: int | None = None) -> None:
        self._console, self._line, self._mu_max, self._restarts = console, line, mu_max, restarts
        self._every, self._is_live = show or EVERY, console.is_live and show is None
        self._epoch: Epoch | None = None
        self._restart = self._n_ended = 0
        self._has_shown_last = True
        self._live: Live | None = None
        self.is_stopping = False

    def __enter__(self) -> Self:
        if self._is_live:
            from rich.live import Live

            self._live = Live(console=self._console.rich, get_renderable=self._picture, refresh_per_second=8)
            self._live.start()
        elif not self._console.is_quiet:
            self._print(self._line.headings)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        else:
            self._print_last()

    def show(self, epoch: Epoch, restart: int, n_ended: int = 0) -> None:
        """Take an epoch in, of which start it is, and how many of them have ended."""
        if restart != self._restart or self._epoch is None:
            self._print_last()
            if self._restarts > 1 and self._live is None:
                self._console.say(f"Start {restart + 1} of {self._restarts}")
        self._epoch, self._restart, self._has_shown_last = epoch, restart, False
        self._n_ended = n_ended
        if self._live is None and epoch.epoch % self._every == 0:
            self._print_last()

    def _print_last(self) -> None:
        if self._live is None and self._epoch is not None and not self._has_shown_last:
            self._print(self._line.cells(self._epoch, self._mu_max))
            self._has_shown_last = True

    def _print(self, cells: tuple[str, ...]) -> None:
        # A blank between cells even where one is wider than its column.
        self._console.say(" ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip())

    def _picture(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        if self._epoch is None:
            return Text("Preparing …")
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
        for heading, width in zip(self._line.headings, LIVE_WIDTHS, strict=True):
            table.add_column(heading, no_wrap=True, min_width=width)
        table.add_row(*self._line.cells(self._epoch, self._mu_max))
        above = []
        if self._restarts > 1:
            # Several at a time: others may be further than the one that is shown.
            ended = f", {self._n_ended} have ended" if self._n_ended > self._restart + 1 else ""
            above.append(Text(f"Start {self._restart + 1} of {self._restarts}{ended}"))
        if self.is_stopping:
            above.append(
                Text("Stopping after this step. Ctrl-C again saves what there is and ends at once.", style="yellow")
            )
        return Group(*above, table)
