"""Descent along a direction, with any line search: what steepest descent, conjugate gradients, quasi-Newton and
Newton's method share.

At an accepted point a `DirectionRule` names a direction d with gᵀd < 0 and a first length; the line search does the
rest, a trial a look. When a search fails, what the rule remembers is dropped and the search is done once more along
−g; when that fails too, the rule is stuck.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property
from typing import Any, NamedTuple

from marquardt.algorithms.rule import Outcome, Step, StepRule, Verdict
from marquardt.arrays import Array
from marquardt.numerics.line_searches import LineSearch, Look, line_search_named, next_move
from marquardt.objective import Evaluation, Need

__all__ = ["DirectionRule", "Heading", "SearchState"]


class Heading(NamedTuple):
    """Where to go from an accepted point.

    Parameters
    ----------
    direction : ndarray of shape (n_weights,)
        d.
    first : float
        The first length to look at.
    memory : object
        What the rule wants to have at the next point.
    """

    direction: Array
    first: float
    memory: Any


class SearchState(NamedTuple):
    """The state of a rule that searches.

    Parameters
    ----------
    memory : object
        The rule's own, as its last heading left it.
    heading : Heading, optional
        The direction searched now; None at a new point.
    start : Look, optional
        Value and slope at the accepted point.
    looks : tuple of Look
        What the search has found so far.
    length : float
        The length to look at next.
    is_decided : bool
        Whether the search has decided for that length, which it had looked at before others.
    is_steepest : bool
        Whether the direction is −g after a failure.
    taken : float
        The length of the last accepted step; NaN before the first.
    """

    memory: Any
    heading: Heading | None = None
    start: Look | None = None
    looks: tuple[Look, ...] = ()
    length: float = math.nan
    is_decided: bool = False
    is_steepest: bool = False
    taken: float = math.nan


class DirectionRule(StepRule):
    """A rule that names directions and leaves the length to a line search.

    Attributes
    ----------
    line_search : LineSearch or str
        The search, or its name; a field of the rules that derive from this.
    """

    line_search: LineSearch | str
    point_need = Need.GRADIENT
    never_rises = True

    def check_search(self) -> None:
        """Refuse a line search that there is not."""
        if not isinstance(self.line_search, LineSearch):
            line_search_named(self.line_search)

    @cached_property
    def search(self) -> LineSearch:
        """The line search, put together."""
        given = self.line_search
        return line_search_named(given) if isinstance(given, str) else given

    @property
    def trial_need(self) -> Need:  # type: ignore[override]
        """Values, or gradients where the search needs slopes."""
        return Need.GRADIENT if self.search.needs_slope else Need.VALUE

    @abstractmethod
    def heading(self, here: Evaluation, memory: Any, taken: float) -> Heading:
        """Name the direction at a new point.

        Parameters
        ----------
        here : Evaluation
            The accepted point, with `point_need`.
        memory : object
            What the last heading left; None at the start, and after a failed search.
        taken : float
            The length of the last accepted step along its direction; NaN at the start.

        Returns
        -------
        Heading
            With a direction of descent. A direction that is none is searched along −g instead.
        """

    def start(self, here: Evaluation) -> SearchState:
        """Return a state without a memory.

        Parameters
        ----------
        here : Evaluation
            The starting point.
        """
        return SearchState(None)

    def propose(self, here: Evaluation, state: SearchState) -> tuple[Step, SearchState]:
        """Return the next look of the search; at a new point begin one.

        Parameters
        ----------
        here : Evaluation
            The accepted point.
        state : SearchState
            The search so far.
        """
        if state.heading is None:
            state = self._begin(here, state)
        assert state.heading is not None
        assert state.start is not None
        delta = state.length * state.heading.direction
        return Step(delta, -state.length * state.start.slope), state

    def judge(self, here: Evaluation, step: Step, there: Evaluation, state: SearchState) -> tuple[Verdict, SearchState]:
        """Hand the look to the search, and do what it says.

        Parameters
        ----------
        here, there : Evaluation
            The accepted point and the trial point.
        step : Step
            As proposed.
        state : SearchState
            The search so far.
        """
        heading, start = state.heading, state.start
        assert heading is not None
        assert start is not None
        if state.is_decided:
            return self._arrive(here, there, state)
        slope = math.nan if there.gradient is None else float(there.gradient @ heading.direction)
        looks = (*state.looks, Look(state.length, there.loss, slope))
        length, is_decided = next_move(self.search, start, heading.first, looks)
        state = state._replace(looks=looks)
        if length is None:
            return self._fail(here, state)
        if is_decided and length == state.length:
            return self._arrive(here, there, state)
        return Verdict.PROBE, state._replace(length=length, is_decided=is_decided)

    def report(self, state: SearchState) -> dict[str, float]:
        """Return ``{"rate": length of the last step along its direction}``.

        Parameters
        ----------
        state : SearchState
            The search so far.
        """
        return {"rate": state.taken}

    def outcome(self, state: SearchState) -> Outcome:
        """Return that the search found no lower loss.

        Parameters
        ----------
        state : SearchState
            The search so far.
        """
        shortest = min((look.length for look in state.looks), default=math.nan)
        # Along −g the slope is −gᵀg.
        norm = math.nan if state.start is None else math.sqrt(abs(state.start.slope))
        return Outcome(
            "step",
            f"No step lowers the loss any more: the {self.search.name} search found none along the gradient, whose "
            f"norm is {norm:.3g}, down to a rate of {shortest:.3g}.",
        )

    def _begin(self, here: Evaluation, state: SearchState) -> SearchState:
        """Begin a search at a new point, or along −g after a failure."""
        assert here.gradient is not None
        heading = self.heading(here, state.memory, state.taken)
        slope = float(here.gradient @ heading.direction)
        is_steepest = state.is_steepest
        if is_steepest or not (slope < 0 and math.isfinite(slope)):
            heading = Heading(-here.gradient, steepest_length(here.gradient), heading.memory)
            slope = -float(here.gradient @ here.gradient)
        elif not 0 < heading.first < math.inf:
            heading = heading._replace(first=steepest_length(heading.direction))  # a guess over- or underflowed
        return state._replace(
            memory=heading.memory, heading=heading, start=Look(0.0, here.loss, slope), looks=(), length=heading.first
        )

    def _arrive(self, here: Evaluation, there: Evaluation, state: SearchState) -> tuple[Verdict, SearchState]:
        if not there.loss < here.loss:
            return self._fail(here, state)
        return Verdict.ACCEPT, SearchState(state.memory, taken=state.length)

    def _fail(self, here: Evaluation, state: SearchState) -> tuple[Verdict, SearchState]:
        """Once more along −g, or the end."""
        if state.is_steepest:
            return Verdict.STUCK, state
        return Verdict.REJECT, SearchState(None, is_steepest=True, taken=math.nan)


def steepest_length(gradient: Array) -> float:
    """Return a first length along −gradient that moves the weights by at most 1 in the sum of absolute values.

    Parameters
    ----------
    gradient : ndarray of shape (n_weights,)
        g.

    Returns
    -------
    float
        min(1, 1/‖g‖₁); 1 for a gradient of 0.
    """
    total = float(abs(gradient).sum())
    return 1.0 / total if total > 1.0 else 1.0
