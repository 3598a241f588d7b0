"""The scale of a robust loss, taken from the residuals of a run as it goes on.

It only falls, as the loss does then. Where it has fallen the algorithm begins anew: its state belongs to another loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from marquardt.algorithms import StepRule, Trial, Verdict
from marquardt.arrays import Array
from marquardt.losses import Robust
from marquardt.training.objectives import Objectives
from marquardt.training.stops import Stop

__all__ = ["OwnScale"]

RENEW = 5
"""Epochs between two looks at the scale."""

FALL, LAST_FALL = 0.9, 0.97
"""What share of itself the scale must fall below to be renewed on the way, and where the run would end."""

SMALLEST = 1e-4
"""The smallest scale, in parts of the spread of the targets: of an exact fit it would fall without end."""

_FINAL = ("goal", "user", "time", "epochs")
"""Stops that a smaller scale does not put off."""

_MOVES = (Verdict.ACCEPT, Verdict.SETTLED)


class OwnScale:
    """Looks at the residuals at first, every few epochs and before the end, and hands on a scale that has fallen."""

    def __init__(self, objectives: Objectives, taken: Callable[[Array], None]) -> None:
        self._objectives, self._taken = objectives, taken
        self._scale: Array | None = None
        self._smallest = np.zeros(objectives.trained.n_outputs)
        self._again_from: Array | None = None
        # The mean of squared residuals, none of which counts for more than three standard deviations, at the last look
        self.robust_mean = math.inf

    def trials(self, rule: StepRule, weights: Array) -> Iterator[Trial]:
        """Yield a rule's trials, which begin anew where the scale has fallen."""
        epoch, trial, is_begun = 0, 0, False
        self._look(weights, FALL)
        while True:
            for each in rule.trials(self._objectives.trained, weights):
                if each.trial == 0 and is_begun:
                    continue  # where the last scale ended
                is_begun = True
                numbered = each._replace(epoch=epoch + each.epoch, trial=trial + each.trial)
                yield numbered
                if self._again_from is not None:
                    weights, self._again_from = self._again_from, None
                    break
                is_due = each.verdict in _MOVES and each.epoch > 0 and each.epoch % RENEW == 0
                if is_due and self._look(each.current.weights, FALL):
                    weights = each.current.weights
                    break
            else:
                return
            epoch, trial = numbered.epoch, numbered.trial

    def puts_off(self, stop: Stop, best: Array) -> bool:
        """Say whether the run goes on from the best weights, as the scale has fallen there once more."""
        if not self._look(best, 0.0 if stop.code in _FINAL else LAST_FALL):
            return False
        self._again_from = best
        return True

    def _look(self, weights: Array, share: float) -> bool:
        """Look at the residuals, and whether the scale has fallen to that share of itself; take it then."""
        objective, validation, _ = self._objectives
        loss = objective.loss
        assert isinstance(loss, Robust)
        noise = objective.noise(weights)
        is_finite = bool(np.isfinite(noise).all())
        compared = objective if validation is None else validation
        self.robust_mean = compared.robust_mean(weights, noise) if is_finite else math.inf
        if not is_finite:
            return False
        if self._scale is None:
            spread = objective.spread_of_targets(weights)
            self._smallest = SMALLEST * loss.tuning * np.where(spread > 0, spread, 1.0)
            self._scale = np.maximum(loss.tuning * noise, self._smallest)
        else:
            scale = np.clip(loss.tuning * noise, self._smallest, self._scale)
            if not (scale < share * self._scale).any():
                return False
            self._scale = scale
        for each in self._objectives.all:
            each.take_scale(self._scale)
        self._taken(self._scale)
        return True
