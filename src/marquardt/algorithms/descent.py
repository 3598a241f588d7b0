"""Descent along a direction, with any line search: what steepest descent, conjugate gradients, quasi-Newton and
Newton's method share.

At an accepted point a `DirectionRule` names a direction d with gᵀd < 0 and a first length; the line search does the
rest, a trial a look. When a search fails, what the rule remembers is dropped and the search is done once more along
−g; when that fails too, the rule is stuck.

Some of these rules also step without a search, as textbooks print them: w ← w + rate · t d, t the first length (1 for
Newton's direction). Every such step is taken, whatever the loss does, until one overflows.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from marquardt.algorithms.gradient_descent import LOSS_CEILING, finite_rate
from marquardt.algorithms.rule import StepRule
from marquardt.algorithms.trial import Outcome, Step, Verdict
from marquardt.arrays import Array
from marquardt.errors import ConfigurationError
from marquardt.numerics.line_searches import LinePoint, LineSearch, line_search_named, next_move
from marquardt.objective import Derivatives, Evaluation

__all__ = ["DirectionRule", "SearchDirection", "SearchState"]


class SearchDirection(NamedTuple):
    """Where to go from an accepted point."""

    direction: Array  # (n_weights,)
    first: float  # The first length to look at
    memory: Any  # What the rule wants to have at the next point


class SearchState(NamedTuple):
    """The state of a rule that searches."""

    memory: Any  # The rule's own, as its last heading left it
    heading: SearchDirection | None = None  # The direction searched now; None at a new point
    start: LinePoint | None = None  # Value and slope at the accepted point
    looks: tuple[LinePoint, ...] = ()  # What the search has found so far
    length: float = math.nan  # The length to look at next
    is_decided: bool = False  # Whether the search has decided for that length, which it had looked at before others
    is_steepest: bool = False  # Whether the direction is −g after a failure
    taken: float = math.nan  # The length of the last accepted step; NaN before the first
    failure: str = ""  # Why a step without a search could not be taken


class DirectionRule(StepRule):
    """A rule that names directions and leaves the length to a line search."""

    # The search, or its name; a field of the rules that derive from this. None steps at a fixed rate
    line_search: LineSearch | str | None
    # Without a search, the length of a step in parts of the first length. A field of the rules that can go
    # without a search; None for the others
    rate: float | None = None
    point_need = Derivatives.GRADIENT

    def check_search(self) -> None:
        """Refuse a line search that there is not, and a rate that nothing would use."""
        if self.line_search is None:
            if self.rate is None:
                raise ConfigurationError(
                    f"{self.name} does not work without a line search. Name one, or take 'gradient_descent', which "
                    f"has a fixed rate."
                )
            finite_rate(self.rate)
            return
        if self.rate not in (None, 1.0):
            raise ConfigurationError(
                f"rate is the length of a step without a line search, and line_search is {self.line_search!r}. Give "
                f"line_search=None beside rate={self.rate!r}, or leave the rate out."
            )
        if not isinstance(self.line_search, LineSearch):
            line_search_named(self.line_search)

    @cached_property
    def search(self) -> LineSearch:
        """The line search, put together."""
        given = self.line_search
        assert given is not None
        return line_search_named(given) if isinstance(given, str) else given

    @property
    def never_rises(self) -> bool:  # type: ignore[override]
        """True of every search; a fixed rate takes every step."""
        return self.line_search is not None

    @property
    def trial_need(self) -> Derivatives:  # type: ignore[override]
        """Values, or gradients where the search needs slopes; at a fixed rate what the next point needs."""
        if self.line_search is None:
            return self.point_need
        return Derivatives.GRADIENT if self.search.needs_slope else Derivatives.VALUE

    @abstractmethod
    def heading(self, current: Evaluation, memory: Any, taken: float) -> SearchDirection:
        """Name the direction at a new point."""

    def start(self, current: Evaluation) -> SearchState:
        """Return a state without a memory."""
        return SearchState(None)

    def propose(self, current: Evaluation, state: SearchState) -> tuple[Step, SearchState]:
        """Return the next look of the search, begun at a new point; without a search the step."""
        if self.line_search is None:
            return self._step_at_fixed_rate(current, state)
        if state.heading is None:
            state = self._begin(current, state)
        assert state.heading is not None
        assert state.start is not None
        delta = state.length * state.heading.direction
        return Step(delta, -state.length * state.start.slope), state

    def judge(
        self, current: Evaluation, step: Step, trial: Evaluation, state: SearchState
    ) -> tuple[Verdict, SearchState]:
        """Hand the look to the search, and do what it says; without a search take the step."""
        heading, start = state.heading, state.start
        if self.line_search is None:
            return self._judge_at_fixed_rate(current, step, trial, state)
        assert heading is not None
        assert start is not None
        if state.is_decided:
            return self._arrive(current, trial, state)
        slope = math.nan if trial.gradient is None else float(trial.gradient @ heading.direction)
        looks = (*state.looks, LinePoint(state.length, trial.loss, slope))
        length, is_decided = next_move(self.search, start, heading.first, looks)
        state = state._replace(looks=looks)
        if length is None:
            return self._fail(current, state)
        if is_decided and length == state.length:
            return self._arrive(current, trial, state)
        return Verdict.PROBE, state._replace(length=length, is_decided=is_decided)

    def report(self, state: SearchState) -> dict[str, float]:
        """Return ``{"rate": length of the last step along its direction}``."""
        return {"rate": state.taken}

    def outcome(self, state: SearchState) -> Outcome:
        """Return that the search found no lower loss, or why there is no step at a fixed rate."""
        if self.line_search is None:
            return Outcome("diverged", f"{state.failure} {self.way_out}", succeeded=False)
        shortest = min((look.length for look in state.looks), default=math.nan)
        # Along −g the slope is −gᵀg.
        norm = math.nan if state.start is None else math.sqrt(abs(state.start.slope))
        return Outcome(
            "step",
            f"No step lowers the loss any more: the {self.search.name} search found none along the gradient, whose "
            f"norm is {norm:.3g}, down to a rate of {shortest:.3g}.",
        )

    @property
    def way_out(self) -> str:
        """What helps where a fixed rate has failed."""
        return "Take a smaller rate, or a line search."

    def failed_step(self, current: Evaluation) -> str:
        """Return why there is no direction at a point."""
        return "There is no step: the direction is not finite."

    def _step_at_fixed_rate(self, current: Evaluation, state: SearchState) -> tuple[Step, SearchState]:
        assert current.gradient is not None
        assert self.rate is not None
        with np.errstate(over="ignore", invalid="ignore"):  # a step that overflows is a trial that does
            heading = self.heading(current, state.memory, state.taken)
            state = SearchState(heading.memory, taken=self.rate * heading.first)
            delta = state.taken * heading.direction
            if not math.isfinite(delta.sum()):
                return Step(None, 0.0), state
            # The fall of the quadratic model whose minimum the direction leads to.
            return Step(delta, (0.5 * state.taken - 1.0) * float(current.gradient @ delta)), state

    def _judge_at_fixed_rate(
        self, current: Evaluation, step: Step, trial: Evaluation, state: SearchState
    ) -> tuple[Verdict, SearchState]:
        if step.delta is None:
            return Verdict.STUCK, state._replace(failure=self.failed_step(current))
        if not trial.loss < LOSS_CEILING:
            length = math.hypot(*step.delta.tolist())  # a norm of 1e200 and more does not overflow
            return Verdict.STUCK, state._replace(
                failure=f"The loss overflowed after a full step of length {length:.3g}."
            )
        return Verdict.ACCEPT, state

    def _begin(self, current: Evaluation, state: SearchState) -> SearchState:
        """Begin a search at a new point, or along −g after a failure."""
        assert current.gradient is not None
        heading = self.heading(current, state.memory, state.taken)
        slope = float(current.gradient @ heading.direction)
        is_steepest = state.is_steepest
        if is_steepest or not (slope < 0 and math.isfinite(slope)):
            heading = SearchDirection(-current.gradient, steepest_length(current.gradient), heading.memory)
            slope = -float(current.gradient @ current.gradient)
        elif not 0 < heading.first < math.inf:
            heading = heading._replace(first=steepest_length(heading.direction))  # a guess over- or underflowed
        return state._replace(
            memory=heading.memory,
            heading=heading,
            start=LinePoint(0.0, current.loss, slope),
            looks=(),
            length=heading.first,
        )

    def _arrive(self, current: Evaluation, trial: Evaluation, state: SearchState) -> tuple[Verdict, SearchState]:
        if not trial.loss < current.loss:
            return self._fail(current, state)
        return Verdict.ACCEPT, SearchState(state.memory, taken=state.length)

    def _fail(self, current: Evaluation, state: SearchState) -> tuple[Verdict, SearchState]:
        """Once more along −g, or the end."""
        if state.is_steepest:
            return Verdict.STUCK, state
        return Verdict.REJECT, SearchState(None, is_steepest=True, taken=math.nan)


def steepest_length(gradient: Array) -> float:
    """Return a first length along −gradient that moves the weights by at most 1 in the sum of absolute values."""
    total = float(abs(gradient).sum())
    return 1.0 / total if total > 1.0 else 1.0
