"""One line an epoch, for ``verbose=True``."""

from __future__ import annotations

from marquardt.training import Epoch, Fitting, epoch_line

__all__ = ["describe"]


def describe(epoch: Epoch, fitting: Fitting) -> str:
    """Return an epoch as one line, each quantity as value/limit.

    Parameters
    ----------
    epoch : Epoch
        The epoch.
    fitting : Fitting
        Where it comes from.

    Returns
    -------
    str
        Such as ``epoch 12/1000  mse 0.0123/0  mse gradient 0.0012/1e-07  mu 0.001/1e+10``.
    """
    restarts = fitting.settings.restarts
    line = epoch_line(epoch, fitting.training.record, fitting.settings.limits)
    return line if restarts == 1 else f"start {fitting.restart + 1}/{restarts}  {line}"
