"""Restarts in short: how each ended, and how far apart they came out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from marquardt.training.record import Record

__all__ = ["NEAR", "RestartSpread", "RestartSummary", "kept_of", "outcome", "spread_of", "summary_of"]

NEAR = 0.01
"""A restart is near the best where its error is at most this share above."""

REASONS = {
    "validation": "with the lowest validation loss in scaled units",
    "loss": "with the lowest loss, weight decay included",
    "evidence": "with the highest evidence",
    "robust": "with the lowest robust mean of squared residuals",
}
"""What can decide which restart is kept, in words."""


@dataclass(frozen=True)
class RestartSummary:
    """One of several restarts, in short."""

    restart: int
    epochs: int
    performance: float  # At its best epoch; validation is NaN without a validation part
    validation: float
    stop: str  # Code of its stop
    seconds: float  # How long it took
    # What restarts are compared by, lower is better: the mean loss of the validation part in scaled units;
    # without one the loss with its penalty, or minus the logarithm of the evidence where that chooses the weight
    # decay
    merit: float = math.nan


@dataclass(frozen=True)
class RestartSpread:
    """How far apart restarts came out."""

    n: int
    part: str  # ``"validation"`` or ``"training"``: whose errors these are
    best: float  # The lowest error of all, the one in the middle, the highest
    median: float
    worst: float
    # The error of the one that is kept. It is the lowest unless something else decides, such as the evidence
    kept: float
    # Others whose error is at most 1 % above the lowest. Few of many say that more restarts may find better
    n_near: int
    n_goal: int  # Those that reached the goal
    # What restarts were ranked by: ``"validation"``, ``"loss"``, ``"evidence"`` or ``"robust"``; empty where it
    # is not known
    criterion: str = ""

    def __str__(self) -> str:
        if self.n == 1:
            return f"1 restart: {self.best:.4g} on the {self.part} part."
        # Of restarts that are ranked by something else, the one of the lowest error need not be the best.
        is_ranked_by_error = self.criterion != "evidence" or self.kept == self.best
        low, high, lowest = ("best", "worst", "best") if is_ranked_by_error else ("lowest error", "highest", "lowest")
        numbers = f"{low} {self.best:.4g}, median {self.median:.4g}, {high} {self.worst:.4g} on the {self.part} part"
        if self.n_goal:
            share = "all" if self.n_goal == self.n else f"{self.n_goal}"
            end = f"{share} reached the goal"
        else:
            who = {0: "no other", 1: "1 other"}.get(self.n_near, f"{self.n_near} others")
            end = f"{who} came within {NEAR:.0%} of the {lowest}".replace("%", " %")
        sentence = f"{self.n} restarts: {numbers}; {end}."
        if self.kept == self.best:
            return sentence
        reason = REASONS.get(self.criterion)
        if self.criterion == "evidence" and self.n_goal:
            reason = "that reached the goal first"
        if reason is None:
            return f"{sentence} The one that is kept has {self.kept:.4g}."
        return f"{sentence} The one {reason} is kept; its error is {self.kept:.4g}."


def summary_of(number: int, record: Record, merit: float) -> RestartSummary:
    """Return a restart in short, from its record; one that goes on counts as stopped by the user."""
    stop = "user" if record.stop is None else record.stop.code
    return RestartSummary(number, record.num_epochs, record.best_perf, record.best_vperf, stop, record.seconds, merit)


def kept_of(summaries: Sequence[RestartSummary]) -> int:
    """Return the number of the restart that is kept: the first of the lowest merit."""
    return min(summaries, key=lambda each: each.merit).restart


def outcome(summaries: Sequence[RestartSummary], spread: RestartSpread, decay: Sequence[float]) -> dict[str, Any]:
    """Return what a network file says of the restarts, as plain values."""
    kept = kept_of(summaries)
    merit = next(each.merit for each in summaries if each.restart == kept)
    return {
        "attempts": [asdict(each) for each in summaries],
        "kept_attempt": kept,
        "spread": asdict(spread),
        "decay": list(decay),
        "evidence": -merit if spread.criterion == "evidence" and math.isfinite(merit) else None,
    }


def spread_of(summaries: Sequence[RestartSummary], kept: int = 0, criterion: str = "") -> RestartSpread:
    """Return how far apart restarts came out."""
    has_validation = not any(math.isnan(each.validation) for each in summaries)
    errors = {one.restart: one.validation if has_validation else one.performance for one in summaries}
    if criterion == "robust":
        # Their losses are of different scales.
        errors = {one.restart: one.merit for one in summaries}
    lowest = min(errors.values())
    return RestartSpread(
        len(errors),
        "validation" if has_validation else "training",
        lowest,
        statistics.median(errors.values()),
        max(errors.values()),
        errors.get(kept, lowest),
        sum(error <= lowest * (1 + NEAR) for error in errors.values()) - 1,
        sum(each.stop == "goal" for each in summaries),
        criterion,
    )
