"""What travels between a step rule and the loop."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from marquardt.arrays import Array
from marquardt.objective import Evaluation

__all__ = ["Outcome", "Step", "Trial", "Verdict"]


class Verdict(Enum):
    """What a rule says of a trial."""

    ACCEPT = "accept"
    """Move there."""
    REJECT = "reject"
    """Stay, try again."""
    PROBE = "probe"
    """It was only for looking."""
    STUCK = "stuck"
    """Stay; nothing is left to try."""
    SETTLED = "settled"
    """Move there; by the rule's own measure it is the end."""


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


class Outcome(NamedTuple):
    """Why a rule ended its run.

    Parameters
    ----------
    code : str
        ``"step"``, ``"mu"``, ``"evidence"`` or ``"diverged"``.
    sentence : str
        For people, with the numbers.
    succeeded : bool
        Whether it did what it was asked to.
    """

    code: str
    sentence: str
    succeeded: bool = True


class Trial(NamedTuple):
    """What one trial came to, or several of which at most the last was accepted."""

    epoch: int  # Accepted steps so far
    trial: int  # Attempted steps so far
    verdict: Verdict  # What became of this one; ACCEPT for the start
    current: Evaluation  # The accepted point after the trial, as the rule sees it
    report: dict[str, float]  # The rule's own quantities, such as mu
    merit: float  # What restarts are compared by; lower is better
    outcome: Outcome | None  # Why the rule ended the run; the last one has one
    state: Any  # The rule's state after the trial: with it and the point's weights, a run can be gone on with
