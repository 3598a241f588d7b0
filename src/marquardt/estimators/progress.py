"""One line an epoch, for ``verbose=True``."""

from __future__ import annotations

from marquardt.training import Epoch, Fitting, epoch_line

__all__ = ["describe"]


def describe(epoch: Epoch, fitting: Fitting) -> str:
    """Return an epoch as one line, each quantity as value/limit."""
    restarts = fitting.settings.restarts
    line = epoch_line(epoch, fitting.training.record, fitting.settings.limits)
    return line if restarts == 1 else f"start {fitting.restart + 1}/{restarts}  {line}"
