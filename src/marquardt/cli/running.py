"""Pulls a training: shows its epochs, and ends it at the first signal."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator

from marquardt.cli.console import Console
from marquardt.cli.interrupts import ALL, ENDINGS, Interrupts
from marquardt.cli.progress import Line, Progress
from marquardt.training import Fitting


class Asked:
    """Lets who watches a training know that it is stopping; there may be nobody who does."""

    progress: Progress | None = None

    def stop(self) -> None:
        """Show it."""
        if self.progress is not None:
            self.progress.is_stopping = True


@contextlib.contextmanager
def interrupts_of(console: Console) -> Iterator[tuple[Interrupts, Asked]]:
    """Within the block, from the first epoch until all is written and said, the first signal loses nothing."""
    asked = Asked()
    with Interrupts(asked.stop, lambda: console.rich.show_cursor(True)) as interrupts:
        yield interrupts, asked


def pull(
    fitting: Fitting,
    console: Console,
    interrupts: Interrupts,
    asked: Asked,
    *,
    show: int | None = None,
    pause: float = 0.0,
    is_broken_off: bool = False,
) -> bool:
    """Train with progress; returns whether it was interrupted.

    `show` is every how many epochs there is a line, by default as `Progress` has it; `pause` is waited for after every
    epoch, in seconds. SIGTERM and SIGHUP, which a kill may follow, break an epoch off; Ctrl-C does where
    `is_broken_off` says that a pass may take minutes, as over rows that are read anew.
    """
    record = fitting.training.record
    n_values = len(record.parts.train) * fitting.network.graph.n_outputs
    spread = float(fitting.network.target_scaling.spread.max()) or 1.0  # 0 of targets that do not vary
    line = Line(fitting.settings.limits, record.metric, n_values, spread)
    mu_max = float(record.settings.get("mu_max", math.nan))
    asked.progress = progress = Progress(console, line, mu_max, fitting.settings.restarts, show)
    with progress:
        try:
            with interrupts.breaking(by=ALL if is_broken_off else ENDINGS):
                for epoch in fitting:
                    progress.show(epoch, fitting.restart, fitting.n_ended)
                    if pause:
                        time.sleep(pause)
                    if interrupts.is_asked:
                        fitting.stop_by_user()
        except KeyboardInterrupt:
            fitting.stop_by_user()
    return interrupts.is_asked
