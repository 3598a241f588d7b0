"""Stops: when a run ends, and the sentence that says why.

Each is a small frozen class: called with a `Status` it returns a `Stop`, or None to go on; of a status of arrays, an
entry a run, `Check.holds` says which runs end. When several hold at once the first of the order in `Limits.stops`
counts: goal, user, time, epochs, gradient, the rule's own (mu, step, evidence), validation.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from marquardt.algorithms import Outcome
from marquardt.checks import non_negative, one_of, whole
from marquardt.errors import ConfigurationError

__all__ = [
    "GOAL_METRICS",
    "TOOLBOX_TEXTS",
    "Check",
    "EpochStop",
    "GoalStop",
    "GradientStop",
    "Limits",
    "RuleStop",
    "Status",
    "Stop",
    "TimeStop",
    "UserStop",
    "ValidationStop",
    "first_stop",
]

GOAL_METRICS = ("loss", "sse", "mse", "rmse")

MOST_TRIALS = 50
"""Trials in one call of compiled code: from the lowest μ to the largest it takes 31 with a factor of 10, 50 with 4."""

TOOLBOX_TEXTS = {
    "goal": "Performance goal met.",
    "user": "User stop.",
    "time": "Maximum time elapsed.",
    "epochs": "Maximum epoch reached.",
    "gradient": "Minimum gradient reached.",
    "mu": "Maximum MU reached.",
    "step": "Minimum step size reached.",
    "diverged": "Training diverged.",
    "validation": "Validation stop.",
    "evidence": "Evidence has settled.",
}
"""The toolbox's wording of every stop, by its code."""


@dataclass(frozen=True)
class Stop:
    """Why a run ended: an outcome, not an error.

    Parameters
    ----------
    code : str
        One of the keys of `TOOLBOX_TEXTS`.
    sentence : str
        For people, with both numbers.
    succeeded : bool
        Whether training did what it was asked to, rather than ran out of something.

    Examples
    --------
    >>> str(Stop("epochs", "1000 epochs are done (max 1000).", succeeded=False))
    '1000 epochs are done (max 1000).'
    """

    code: str
    sentence: str
    succeeded: bool

    def __str__(self) -> str:
        return self.sentence

    @property
    def toolbox_text(self) -> str:
        """The same in the toolbox's words, such as ``"Validation stop."``."""
        return TOOLBOX_TEXTS[self.code]


class Status(NamedTuple):
    """What stops look at: of one run, or of many, and then some are arrays."""

    epoch: int = 0  # Accepted and attempted steps
    trial: int = 0
    # The training loss as minimized; the sum and the mean of squared errors in the target's units, NaN for losses
    # that are not squares
    loss: float = math.inf
    sse: float = math.nan
    mse: float = math.nan
    gradient: float = math.inf  # Norm of the gradient of the mean loss
    validation_fails: int = 0  # Epochs in a row without a better validation performance
    seconds: float = 0.0  # Since the start
    outcome: Outcome | None = None  # Why the rule ended the run, if it did
    is_cancelled: bool = False  # Whether the user asked to stop


class Check(ABC):
    """One of the stops: when it holds, and what it says then."""

    @abstractmethod
    def holds(self, status: Status) -> Any:
        """Say whether it ends the run; of a status of arrays, which of many runs."""

    @abstractmethod
    def told(self, status: Status) -> Stop:
        """Say why the run ended."""

    def __call__(self, status: Status) -> Stop | None:
        """Return why the run ends, or None to go on."""
        return self.told(status) if self.holds(status) else None


@dataclass(frozen=True)
class GoalStop(Check):
    """Stop when the training error is at most the goal: metric <= goal, metric one of loss, sse, mse, rmse."""

    goal: float = 0.0  # The error to reach, in the target's units (their square for sse and mse)
    metric: str = "mse"  # One of `GOAL_METRICS`

    def holds(self, status: Status) -> Any:
        value = self._value(status)
        # In the target's units a square may be too small for a number: an error of 0 counts where the loss is 0.
        return (value <= self.goal) & ((value > 0.0) | (status.loss == 0.0))

    def told(self, status: Status) -> Stop:
        value = self._value(status)
        return Stop("goal", f"The goal is met: {self.metric} = {value:.6g} <= {self.goal:.6g}.", succeeded=True)

    def _value(self, status: Status) -> Any:
        return np.sqrt(status.mse) if self.metric == "rmse" else getattr(status, self.metric)


@dataclass(frozen=True)
class UserStop(Check):
    """Stop when the user asked to."""

    def holds(self, status: Status) -> bool:
        return status.is_cancelled

    def told(self, status: Status) -> Stop:
        return Stop("user", f"Stopped by the user after {status.epoch} epochs; the best weights are kept.", False)


@dataclass(frozen=True)
class TimeStop(Check):
    """Stop when the time is up: seconds >= max_seconds."""

    max_seconds: float = math.inf  # The time allowed

    def holds(self, status: Status) -> bool:
        return status.seconds >= self.max_seconds

    def told(self, status: Status) -> Stop:
        return Stop("time", f"The time is up: {status.seconds:.3g} s >= {self.max_seconds:.3g} s.", False)


@dataclass(frozen=True)
class EpochStop(Check):
    """Stop when the epochs are done: epoch >= max_epochs."""

    max_epochs: int = 1000  # Accepted steps allowed

    def holds(self, status: Status) -> Any:
        return status.epoch >= self.max_epochs

    def told(self, status: Status) -> Stop:
        return Stop("epochs", f"All epochs are done: {status.epoch} >= {self.max_epochs}.", succeeded=False)


@dataclass(frozen=True)
class GradientStop(Check):
    """Stop when no weight can move the loss: ‖gradient of the mean loss‖ <= min_gradient."""

    min_gradient: float = 1e-7  # 0 switches this stop off, except for a gradient of exactly 0

    def holds(self, status: Status) -> Any:
        return status.gradient <= self.min_gradient

    def told(self, status: Status) -> Stop:
        sentence = f"The gradient of the mean loss has vanished: {status.gradient:.3g} <= {self.min_gradient:.3g}."
        return Stop("gradient", sentence, succeeded=True)


@dataclass(frozen=True)
class RuleStop(Check):
    """Stop when the rule ends: no step lowers the loss any more, or its own measure has settled."""

    def holds(self, status: Status) -> bool:
        return status.outcome is not None

    def told(self, status: Status) -> Stop:
        assert status.outcome is not None
        return Stop(*status.outcome)


@dataclass(frozen=True)
class ValidationStop(Check):
    """Stop when validation has not improved for max_fail epochs in a row: fails >= max_fail."""

    max_fail: int = 6  # Failures allowed; 0 switches this stop off. An equal value counts as a failure

    def holds(self, status: Status) -> Any:
        return (self.max_fail > 0) & (status.validation_fails >= self.max_fail)

    def told(self, status: Status) -> Stop:
        sentence = (
            f"Validation stop: no better validation error for {status.validation_fails} epochs "
            f"in a row (max_fail {self.max_fail})."
        )
        return Stop("validation", sentence, succeeded=True)


def first_stop(stops: Sequence[Check], status: Status) -> Stop | None:
    """Return what the first of the stops that hold says, or None to go on."""
    for stop in stops:
        if stop.holds(status):
            return stop.told(status)
    return None


@dataclass(frozen=True)
class Limits:
    """What ends a run, with the defaults the field knows.

    Parameters
    ----------
    max_epochs : int
        Accepted steps.
    max_seconds : float
        Wall-clock time.
    goal : float
        Training error to reach.
    goal_metric : str
        What the goal is given in: ``"loss"``, ``"sse"``, ``"mse"`` or ``"rmse"``; the last three in the target's
        units, for a loss of squares only.
    min_gradient : float
        Norm of the gradient of the mean loss.
    max_fail : int
        Epochs in a row without a better validation error; 0 switches validation stops off.

    Raises
    ------
    ConfigurationError
        If a limit cannot be.

    Examples
    --------
    >>> Limits(max_epochs=10, goal=1e-3).goal_metric
    'mse'
    """

    max_epochs: int = 1000
    max_seconds: float = math.inf
    goal: float = 0.0
    goal_metric: str = "mse"
    min_gradient: float = 1e-7
    max_fail: int = 6

    def __post_init__(self) -> None:
        whole(self.max_epochs, "max_epochs", minimum=0)
        whole(self.max_fail, "max_fail", minimum=0)
        non_negative(self.max_seconds, "max_seconds")
        non_negative(self.goal, "goal")
        non_negative(self.min_gradient, "min_gradient")
        one_of(self.goal_metric, GOAL_METRICS, "goal_metric")

    @property
    def trials_at_once(self) -> int:
        """Trials between two looks at the stops: whoever watches the time wants to be asked after every one."""
        return MOST_TRIALS if math.isinf(self.max_seconds) else 1

    def of_round(self, max_epochs: int, max_seconds: float) -> Limits:
        """Return the same for a part of a run, unchecked."""
        limits = copy(self)
        object.__setattr__(limits, "max_epochs", max_epochs)
        object.__setattr__(limits, "max_seconds", max_seconds)
        return limits

    def check_metric(self, metric: str) -> None:
        """Refuse a goal that the loss cannot be measured in.

        Parameters
        ----------
        metric : str
            The loss's metric.

        Raises
        ------
        ConfigurationError
            If the goal is a squared error and the loss is not squares.
        """
        if self.goal > 0 and self.goal_metric != "loss" and metric != "mse":
            raise ConfigurationError(
                f"A goal in {self.goal_metric} needs the loss 'squares', got one measured in {metric}. "
                f"Give the goal in 'loss'."
            )

    def stops(self) -> tuple[Check, ...]:
        """Return the stops in the order in which they count.

        Returns
        -------
        tuple of Check
            Goal, user, time, epochs, gradient, the rule's own, validation.
        """
        return (
            GoalStop(self.goal, self.goal_metric),
            UserStop(),
            TimeStop(self.max_seconds),
            EpochStop(self.max_epochs),
            GradientStop(self.min_gradient),
            RuleStop(),
            ValidationStop(self.max_fail),
        )
