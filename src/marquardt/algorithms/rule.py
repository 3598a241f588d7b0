"""The contract of a step rule, and what travels between rule and loop.

A rule is frozen hyper-parameters; everything that changes is in the state it is handed and hands back. It sees
evaluations only, never data, networks or losses.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple, Protocol

from marquardt.arrays import Array
from marquardt.objective import Evaluation, Need

__all__ = ["Step", "StepRule", "Verdict"]


class Verdict(Enum):
    """What a rule says of a trial."""

    ACCEPT = "accept"
    """Move there."""
    REJECT = "reject"
    """Stay, try again."""
    PROBE = "probe"
    """It was only for looking."""
    STUCK = "stuck"
    """Nothing is left to try."""


class Step(NamedTuple):
    """A proposed step.

    Parameters
    ----------
    delta : ndarray of shape (n_weights,), optional
        The change of the weights; None where no step could be computed, which the loop treats as a trial of
        infinite loss.
    predicted_decrease : float
        What the rule's model expects the loss to fall by.
    """

    delta: Array | None
    predicted_decrease: float


class StepRule(Protocol):
    """What the loop needs from an algorithm."""

    @property
    def name(self) -> str:
        """What options and records call it by."""

    @property
    def point_need(self) -> Need:
        """What it needs at accepted points."""

    @property
    def trial_need(self) -> Need:
        """What it needs at trial points."""

    def start(self, here: Evaluation) -> Any:
        """Return the first state.

        Parameters
        ----------
        here : Evaluation
            The starting point, with `point_need`.
        """

    def propose(self, here: Evaluation, state: Any) -> tuple[Step, Any]:
        """Return a step to try, and the state.

        Parameters
        ----------
        here : Evaluation
            The accepted point.
        state : object
            The rule's own.
        """

    def judge(self, here: Evaluation, step: Step, there: Evaluation, state: Any) -> tuple[Verdict, Any]:
        """Return what becomes of a trial, and the state.

        Parameters
        ----------
        here, there : Evaluation
            The accepted point and the trial point.
        step : Step
            As proposed.
        state : object
            The rule's own.
        """

    def report(self, state: Any) -> dict[str, float]:
        """Return the quantities worth recording, such as ``{"mu": 0.001}``.

        Parameters
        ----------
        state : object
            The rule's own.
        """
