"""One line an epoch, for ``verbose=True``."""

from __future__ import annotations

import math

from marquardt.training import Epoch, Fitting

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
        Such as ``epoch 12/1000  mse 0.0123/0  gradient 0.0012/1e-07  mu 0.001/1e+10``.
    """
    settings = fitting.settings
    limits = settings.limits
    record = fitting.training.record
    goal = f"/{limits.goal:g}" if record.metric == limits.goal_metric else ""
    cells = [
        f"epoch {epoch.epoch}/{limits.max_epochs}",
        f"{record.metric} {epoch.performance:.4g}{goal}",
        f"gradient {epoch.gradient:.2g}/{limits.min_gradient:g}",
    ]
    if not math.isnan(epoch.mu):
        cells.append(f"mu {epoch.mu:.0e}/{record.settings['mu_max']:.0e}")
    if not math.isnan(epoch.validation):
        cells.append(f"validation {epoch.validation:.4g}")
        cells.append(f"checks {epoch.validation_fails}/{limits.max_fail}")
    if settings.restarts > 1:
        cells.insert(0, f"start {fitting.restart + 1}/{settings.restarts}")
    return "  ".join(cells)
