"""What problems of two classes share: a loss that can be chosen, and a goal that means the same with either."""

from __future__ import annotations

from typing import Any

from marquardt.arrays import Array
from marquardt.checks import one_of
from marquardt.losses import LogisticCrossEntropy, Loss

__all__ = ["CLASS_GOAL", "TWO_CLASS_LOSSES", "two_classes", "with_settings"]

TWO_CLASS_LOSSES = ("squares", "cross_entropy")

CLASS_GOAL = 0.05
"""A cross-entropy Σ −log(1 − e) below it means Σ (2e)² <= 4 (Σ e)² <= 0.01 for the outputs as −1 to 1, 2p − 1."""


def two_classes(targets: Array, loss: str, units: str) -> tuple[Array, str, dict[str, Any]]:
    """Return targets, output activation, and loss and goal of a problem of two classes."""
    if one_of(loss, TWO_CLASS_LOSSES, "loss") == "squares":
        return targets, units, {"goal": 0.01, "goal_metric": "sse"}
    entropy: Loss = LogisticCrossEntropy()
    return 0.5 * (targets + 1.0), "logistic", {"loss": entropy, "goal": CLASS_GOAL, "goal_metric": "loss"}


def with_settings(**settings: tuple[Any, Any]) -> str:
    """Return what a name says of its settings: those that differ from their defaults, or nothing."""
    changed = ", ".join(f"{name}={value!r}" for name, (value, usual) in settings.items() if value != usual)
    return f"({changed})" if changed else ""
