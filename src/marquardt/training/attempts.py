"""Restarts in short: how each ended, and how far apart they came out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["NEAR", "Attempt", "Spread", "spread_of"]

NEAR = 0.01
"""A restart is near the best where its error is at most this share above."""


@dataclass(frozen=True)
class Attempt:
    """One of several restarts, in short.

    Parameters
    ----------
    restart : int
        From 0.
    epochs : int
        Accepted steps.
    performance, validation : float
        At its best epoch; validation is NaN without a validation part.
    stop : str
        Code of its stop.
    seconds : float
        How long it took.
    merit : float
        What restarts are compared by, lower is better: the mean loss of the validation part in scaled units; without
        one the loss with its penalty, or minus the logarithm of the evidence where that chooses the weight decay.
    """

    restart: int
    epochs: int
    performance: float
    validation: float
    stop: str
    seconds: float
    merit: float = math.nan


@dataclass(frozen=True)
class Spread:
    """How far apart restarts came out.

    Parameters
    ----------
    n : int
        Restarts.
    part : str
        ``"validation"`` or ``"training"``: whose errors these are.
    best, median, worst : float
        The lowest error of all, the one in the middle, the highest.
    kept : float
        The error of the one that is kept. It is the lowest unless something else decides, such as the evidence.
    n_near : int
        Others whose error is at most 1 % above the lowest. Few of many say that more restarts may find better.
    n_goal : int
        Those that reached the goal.

    Examples
    --------
    >>> print(Spread(12, "validation", 0.0031, 0.0044, 0.12, 0.0031, n_near=3, n_goal=0))
    12 restarts: best 0.0031, median 0.0044, worst 0.12 on the validation part; 3 others came within 1 % of the best.
    """

    n: int
    part: str
    best: float
    median: float
    worst: float
    kept: float
    n_near: int
    n_goal: int

    def __str__(self) -> str:
        if self.n == 1:
            return f"1 restart: {self.best:.4g} on the {self.part} part."
        numbers = f"best {self.best:.4g}, median {self.median:.4g}, worst {self.worst:.4g} on the {self.part} part"
        if self.n_goal:
            share = "all" if self.n_goal == self.n else f"{self.n_goal}"
            end = f"{share} reached the goal"
        else:
            who = {0: "no other", 1: "1 other"}.get(self.n_near, f"{self.n_near} others")
            end = f"{who} came within {NEAR:.0%} of the best".replace("%", " %")
        sentence = f"{self.n} restarts: {numbers}; {end}."
        return sentence if self.kept == self.best else f"{sentence} The one that is kept has {self.kept:.4g}."


def spread_of(attempts: Sequence[Attempt], kept: int = 0) -> Spread:
    """Return how far apart restarts came out.

    Parameters
    ----------
    attempts : sequence of Attempt
        At least one.
    kept : int
        The number of the one that is kept.

    Returns
    -------
    Spread
        Of the errors of the validation part where there is one, else of the training part.

    Examples
    --------
    >>> errors = [0.5, 0.1, 0.1005]
    >>> attempts = [Attempt(k, 10, error, math.nan, "epochs", 0.1) for k, error in enumerate(errors)]
    >>> print(spread_of(attempts, kept=1))
    3 restarts: best 0.1, median 0.1005, worst 0.5 on the training part; 1 other came within 1 % of the best.
    """
    has_validation = not any(math.isnan(attempt.validation) for attempt in attempts)
    errors = {one.restart: one.validation if has_validation else one.performance for one in attempts}
    lowest = min(errors.values())
    return Spread(
        len(errors),
        "validation" if has_validation else "training",
        lowest,
        statistics.median(errors.values()),
        max(errors.values()),
        errors.get(kept, lowest),
        sum(error <= lowest * (1 + NEAR) for error in errors.values()) - 1,
        sum(attempt.stop == "goal" for attempt in attempts),
    )
