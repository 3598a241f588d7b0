"""Stops: when a run ends, and the sentence that says why.

Each is a small frozen class: called with a `Status` it returns a `Stop`, or None to go on. When several hold at
once the first of the order in `Limits.stops` counts: goal, user, time, epochs, gradient, the rule's own (mu, step,
evidence), validation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from marquardt.algorithms import Outcome
from marquardt.checks import non_negative, one_of, whole
from marquardt.errors import ConfigurationError

__all__ = [
    "GOAL_METRICS",
    "TOOLBOX_TEXTS",
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
    """What stops look at."""

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


@dataclass(frozen=True)
class GoalStop:
    """Stop when the training error is at most the goal: metric <= goal, metric one of loss, sse, mse, rmse."""

    goal: float = 0.0  # The error to reach, in the target's units (their square for sse and mse)
    metric: str = "mse"  # One of `GOAL_METRICS`

    def __call__(self, status: Status) -> Stop | None:
        value = math.sqrt(status.mse) if self.metric == "rmse" else getattr(status, self.metric)
        if not self.is_met(value, status.loss):
            return None
        return Stop("goal", f"The goal is met: {self.metric} = {value:.6g} <= {self.goal:.6g}.", succeeded=True)

    def is_met(self, value: Any, loss: Any) -> Any:
        """Say whether an error, or each of several, is at most the goal.

        In the target's units a square may be too small for a number: an error of 0 counts where the loss is 0.
        """
        return (value <= self.goal) & ((value > 0.0) | (loss == 0.0))


@dataclass(frozen=True)
class UserStop:
    """Stop when the user asked to."""

    def __call__(self, status: Status) -> Stop | None:
        if not status.is_cancelled:
            return None
        return Stop("user", f"Stopped by the user after {status.epoch} epochs; the best weights are kept.", False)


@dataclass(frozen=True)
class TimeStop:
    """Stop when the time is up: seconds >= max_seconds."""

    max_seconds: float = math.inf  # The time allowed

    def __call__(self, status: Status) -> Stop | None:
        if status.seconds < self.max_seconds:
            return None
        return Stop("time", f"The time is up: {status.seconds:.3g} s >= {self.max_seconds:.3g} s.", False)


@dataclass(frozen=True)
class EpochStop:
    """Stop when the epochs are done: epoch >= max_epochs."""

    max_epochs: int = 1000  # Accepted steps allowed

    def __call__(self, status: Status) -> Stop | None:
        if status.epoch < self.max_epochs:
            return None
        return Stop("epochs", f"All epochs are done: {status.epoch} >= {self.max_epochs}.", succeeded=False)


@dataclass(frozen=True)
class GradientStop:
    """Stop when no weight can move the loss: ‖gradient of the mean loss‖ <= min_gradient."""

    min_gradient: float = 1e-7  # 0 switches this stop off, except for a gradient of exactly 0

    def __call__(self, status: Status) -> Stop | None:
        if not status.gradient <= self.min_gradient:
            return None
        sentence = f"The gradient of the mean loss has vanished: {status.gradient:.3g} <= {self.min_gradient:.3g}."
        return Stop("gradient", sentence, succeeded=True)


@dataclass(frozen=True)
class RuleStop:
    """Stop when the rule ends: no step lowers the loss any more, or its own measure has settled."""

    def __call__(self, status: Status) -> Stop | None:
        return None if status.outcome is None else Stop(*status.outcome)


@dataclass(frozen=True)
class ValidationStop:
    """Stop when validation has not improved for max_fail epochs in a row: fails >= max_fail."""

    max_fail: int = 6  # Failures allowed; 0 switches this stop off. An equal value counts as a failure

    def __call__(self, status: Status) -> Stop | None:
        if self.max_fail == 0 or status.validation_fails < self.max_fail:
            return None
        sentence = (
            f"Validation stop: no better validation error for {status.validation_fails} epochs "
            f"in a row (max_fail {self.max_fail})."
        )
        return Stop("validation", sentence, succeeded=True)


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
        whole(self.max_epochs, "the number of epochs", minimum=0)
        whole(self.max_fail, "max_fail", minimum=0)
        non_negative(self.max_seconds, "the time limit in seconds")
        non_negative(self.goal, "the goal")
        non_negative(self.min_gradient, "the minimum gradient")
        one_of(self.goal_metric, GOAL_METRICS, "goal_metric")

    @property
    def trials_at_once(self) -> int:
        """Trials between two looks at the stops: whoever watches the time wants to be asked after every one."""
        return MOST_TRIALS if math.isinf(self.max_seconds) else 1

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

    def stops(self) -> tuple[Callable[[Status], Stop | None], ...]:
        """Return the stops in the order in which they count.

        Returns
        -------
        tuple of callables
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
