"""One line an epoch, or every how many, for ``verbose``."""

from __future__ import annotations

import numpy as np

from marquardt.checks import whole
from marquardt.training import Epoch, Fitting, epoch_line
from marquardt.training.ensemble import FoldEnsemble

__all__ = ["Lines", "every"]


def every(verbose: bool | int) -> int:
    """Return every how many epochs there is a line, 0 for none."""
    return int(verbose) if isinstance(verbose, bool | np.bool_) else whole(verbose, "verbose")


class Lines:
    """Prints every how many epochs, and the last one of every start; nothing where that is 0."""

    def __init__(self, verbose: bool | int) -> None:
        self._every = every(verbose)
        self._restart, self._left = 0, ""

    def take(self, epoch: Epoch, fitting: Fitting | FoldEnsemble) -> None:
        """Print an epoch, or keep it until it is the last one."""
        if not self._every:
            return
        if fitting.restart != self._restart:
            self.end()
        self._restart, self._left = fitting.restart, _line(epoch, fitting)
        if epoch.epoch % self._every == 0:
            self.end()

    def end(self) -> None:
        """Print the last one."""
        if self._left:
            print(self._left)
            self._left = ""


def _line(epoch: Epoch, fitting: Fitting | FoldEnsemble) -> str:
    """Return an epoch as one line, each quantity as value/limit."""
    restarts = fitting.n_members if isinstance(fitting, FoldEnsemble) else fitting.settings.restarts
    line = epoch_line(epoch, fitting.training.record, fitting.settings.limits)
    return line if restarts == 1 else f"start {fitting.restart + 1}/{restarts}  {line}"
