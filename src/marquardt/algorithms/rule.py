"""The contract of a step rule.

A rule is frozen hyper-parameters; everything that changes is in the state it is handed and hands back. It sees
evaluations only, never data, networks or losses; the few facts about them that a rule may depend on it is told once,
before a run, by `StepRule.prepared_for`. A state is plain data: it can be copied, pickled and gone on from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

import numpy as np

from marquardt.algorithms.loop import iterate
from marquardt.algorithms.trial import Outcome, Step, Trial, Verdict
from marquardt.arrays import Array
from marquardt.errors import ConfigurationError
from marquardt.objective import MATRIX_FREE_FORMS, Derivatives, Evaluation, Minimized, ProblemInfo

__all__ = ["StepRule"]


class StepRule(ABC):
    """What the loop needs from an algorithm. Rules are frozen dataclasses of their hyper-parameters.

    Attributes
    ----------
    name : str
        What options and records call it by.
    point_need, trial_need : Derivatives
        What it needs at accepted points and at trial points.
    never_rises : bool
        Whether the loss that it sees never rises from one accepted point to the next.
    keeps_last : bool
        Whether the last point is the result, and not the one of the lowest loss: where losses of different epochs
        cannot be compared.
    refuses_validation : bool
        Whether a validation stop would contradict it.
    weighs_decay : bool
        Whether it chooses a weight decay of its own.
    finishes : bool
        Whether a run that no step lowers the loss of is finished by orthogonal steps, where the gradient still shows
        them.
    matrices : int
        How many matrices of n_weights × n_weights it and the objective hold at once.
    form : str
        The form of the normal equations that it is about; ``"auto"`` for all but one.
    matrix_free_forms : tuple of str
        The forms of `MATRIX_FREE_FORMS`, which solve the normal equations without their matrix, that are enough for it.
    """

    name: ClassVar[str]
    point_need: Derivatives
    trial_need: Derivatives
    never_rises: ClassVar[bool] = False
    keeps_last: ClassVar[bool] = False
    refuses_validation: ClassVar[bool] = False
    weighs_decay: ClassVar[bool] = False
    finishes: ClassVar[bool] = False
    matrices: ClassVar[int] = 0
    form: ClassVar[str] = "auto"
    matrix_free_forms: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether networks can be trained by it side by side, as they can by Levenberg–Marquardt as published."""
        return False

    @classmethod
    @cache
    def setting_names(cls) -> tuple[str, ...]:
        """Return the names of the hyper-parameters."""
        fields: dict[str, Any] = getattr(cls, "__dataclass_fields__", {})
        return tuple(name for name, field in fields.items() if field.repr)

    @property
    def settings(self) -> dict[str, Any]:
        """The hyper-parameters as plain values, without those that are None."""
        values = {name: getattr(self, name) for name in self.setting_names()}
        return {name: _plain(value) for name, value in values.items() if value is not None}

    def asks(self, form: str = "auto", trains: bool = True) -> dict[str, Any]:
        """Return what an objective is made with for this rule.

        Parameters
        ----------
        form : str
            The user's choice; ``"auto"`` leaves it to the rule, and to the plan.
        trains : bool
            Whether the objective is that of the training part; of others only values are asked for.

        Returns
        -------
        dict
            ``form``, ``most``, ``matrices`` and ``matrix_free_forms``, as for `Objective`.
        """
        solves = trains and self.matrices > 0
        most = max(self.point_need, self.trial_need)
        if not trains and most in (Derivatives.GRADIENT, Derivatives.PRODUCT):
            most = Derivatives.VALUE
        return {
            "form": self.form if form == "auto" else form,
            "most": most,
            "matrices": self.matrices if trains else 0,
            "matrix_free_forms": self.matrix_free_forms if solves else (),
        }

    def prepared_for(self, info: ProblemInfo) -> StepRule:
        """Return the rule as it is run on an objective, or refuse the objective.

        Parameters
        ----------
        info : ProblemInfo
            Of the objective.

        Returns
        -------
        StepRule
            This one, or one with what it has to know filled in.

        Raises
        ------
        ConfigurationError
            If the rule needs a derivative that loss or network do not have.
        """
        self.require(info, max(self.point_need, self.trial_need))
        return self

    def require(self, info: ProblemInfo, need: Derivatives) -> None:
        """Refuse an objective that has not the derivatives needed, or not in the form needed.

        Parameters
        ----------
        info : ProblemInfo
            Of the objective.
        need : Derivatives
            What is going to be asked of it.

        Raises
        ------
        ConfigurationError
            With what is missing and a way out.
        """
        if need >= Derivatives.CURVATURE and not info.has_curvature:
            raise ConfigurationError(
                f"{self.name} needs the curvature of the loss, and {info.loss!r} has no function 'curvature'. "
                f"Give it one, or train with 'bfgs', which needs the slope only."
            )
        is_without = info.form in MATRIX_FREE_FORMS and info.form not in self.matrix_free_forms
        if is_without and {Derivatives.NORMAL, Derivatives.CURVATURE} & {self.point_need, self.trial_need}:
            raise ConfigurationError(
                f"{self.name} with these settings needs entries of the normal matrix, which form={info.form!r} never "
                f"writes down. Leave the form out, or train with 'levenberg_marquardt' and scaling='identity'."
            )
        if need >= Derivatives.PRODUCT and info.lacks_second_derivative is not None:
            raise ConfigurationError(
                f"{self.name} needs second derivatives, and {info.lacks_second_derivative} has none. "
                f"Train with 'levenberg_marquardt' or 'bfgs'."
            )

    def trials(
        self, objective: Minimized, weights: Array, state: Any = None, *, at_once: int | None = None
    ) -> Iterator[Trial]:
        """Train, without end unless the rule ends it.

        Parameters
        ----------
        objective : Minimized
            As `prepared_for` knows it.
        weights : ndarray of shape (n_weights,)
            Where to begin.
        state : object, optional
            To go on with, from an earlier run; a new one when not given.
        at_once : int, optional
            Up to how many trials may be done in one call where there is compiled code for them, until one is accepted;
            rejected ones are then not told, nor states. Not given: one by one.

        Yields
        ------
        Trial
            The start, then what every trial came to.

        Raises
        ------
        DataError
            If the loss overflows at the start.
        """
        return iterate(objective, self, weights, state)

    @abstractmethod
    def start(self, current: Evaluation) -> Any:
        """Return the first state.

        Parameters
        ----------
        current : Evaluation
            The starting point, with `point_need`.
        """

    @abstractmethod
    def propose(self, current: Evaluation, state: Any) -> tuple[Step, Any]:
        """Return a step to try, and the state.

        Parameters
        ----------
        current : Evaluation
            The accepted point.
        state : object
            The rule's own.
        """

    @abstractmethod
    def judge(self, current: Evaluation, step: Step, trial: Evaluation, state: Any) -> tuple[Verdict, Any]:
        """Return what becomes of a trial, and the state.

        Parameters
        ----------
        current, trial : Evaluation
            The accepted point and the trial point.
        step : Step
            As proposed.
        state : object
            The rule's own.
        """

    def allows_single(self, current: Evaluation, state: Any) -> bool:
        """Return whether the normal matrix of the next point may be summed in single precision.

        Parameters
        ----------
        current : Evaluation
            The point that a step was accepted from.
        state : object
            The state after that step was judged.
        """
        return False

    def report(self, state: Any) -> dict[str, float]:
        """Return the quantities worth recording, such as ``{"mu": 0.001}``.

        Parameters
        ----------
        state : object
            The rule's own.
        """
        return {}

    def penalized(self, current: Evaluation, state: Any) -> Evaluation:
        """Return the accepted point as the rule sees it: with the penalty that is its own, if it has one.

        Parameters
        ----------
        current : Evaluation
            The accepted point.
        state : object
            The rule's own.
        """
        return current

    def merit(self, current: Evaluation, state: Any) -> float:
        """Return what restarts are compared by where there is no validation; lower is better.

        Parameters
        ----------
        current : Evaluation
            The accepted point.
        state : object
            The rule's own.
        """
        return current.loss

    def outcome(self, state: Any) -> Outcome:
        """Return why the run ended, after STUCK or SETTLED.

        Parameters
        ----------
        state : object
            The rule's own.
        """
        return Outcome("step", "No step lowers the loss any more.")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, str | int | float | bool) else repr(value)
