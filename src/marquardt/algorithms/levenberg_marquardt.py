"""Levenberg–Marquardt.

Near a point the loss is replaced by its Gauss–Newton model, held in check by a damping μ:

    m(p) = loss + gᵀp + ½ pᵀ(A + μD)p,      A = JᵀΛJ + penalty                                          (1)
    (A + μD) p = −g                                                                                     (2)

with D = I, or Marquardt's D = diag(A). If the loss at w + p is lower, the step is taken and μ falls; if not, μ rises
and (2) is solved again: A and g belong to the point and stay. As μ → 0 this is Gauss–Newton, as μ → ∞ steepest
descent with rate 1/μ. The decrease that (1) without its damping term predicts is

    −gᵀp − ½ pᵀA p = ½ (μ pᵀDp − gᵀp).                                                                  (3)

p follows the geodesic of the fit to first order. With its acceleration the step is

    p + ½ a,      (A + μD) a = −JᵀΛ ∂²outputs/∂p²                                                       (4)

and counts as failed where 2|a| > `geodesic`·|p|: there the curve bends too fast for a step of that length.

Near a minimum the loss, a sum, says less than the gradient: it is flat to rounding where w is right to half the
digits, and (2) squares the condition number of J. So a run that no step lowers the loss of is finished by Gauss–Newton
steps from an orthogonal factorization J = QR, taken while the loss stays what it is to rounding and

    ‖QᵀΛ^½r‖ = √(gᵀA⁻¹g)                                                                                 (5)

falls to half or less: the gradient in a norm that no unit of the weights changes, measured in the residuals' space.
They count as one last epoch. Where J has not full rank there is no such step, and nothing changes.

Levenberg (1944); Marquardt (1963); Hagan and Menhaj (1994), "Training feedforward networks with the Marquardt
algorithm", whose schedule and identity damping are the defaults. Generalized to losses that are no sum of squares by
the Gauss–Newton matrix of Schraudolph (2002). (4): Transtrum and Sethna (2012), "Improvements to the
Levenberg–Marquardt algorithm for nonlinear least-squares minimization".

Departures from Hagan and Menhaj: 1. the loss is ½ Σ r², so that their JᵀJ and Jᵀe are A and g without factors.
2. A factorization that fails counts as a rejected trial. Departures from Marquardt: 3. an entry of D never falls
(Moré 1978), and is 1 where A has had nothing but 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from marquardt.algorithms.damping import DAMPINGS, MU_FLOOR, Damping, DampingRule, gain
from marquardt.algorithms.loop import evaluated_start, finished
from marquardt.algorithms.rule import StepRule
from marquardt.algorithms.trial import Outcome, Step, Trial, Verdict
from marquardt.arrays import Array
from marquardt.checks import non_negative, one_of, positive, whole
from marquardt.errors import ConfigurationError
from marquardt.objective import MATRIX_FREE_FORMS, CompiledTrials, Derivatives, Evaluation, Minimized, ProblemInfo
from marquardt.wording import called

__all__ = ["PLAIN_SETTINGS", "Damped", "GeodesicLevenbergMarquardt", "LevenbergMarquardt", "NeuronByNeuron"]

LARGEST = float(np.finfo(float).max)
USUAL_ENTRY = 1e4
"""The largest entry of A's diagonal up to which `mu_max` is what it says: scaled inputs and targets have entries of the
order of the number of samples."""
SINGLE_FROM = 1e-5
"""The part of the largest entry of A from which μ covers what single precision loses: 1e-7 of it."""
PLAIN_SETTINGS = ("mu_init", "mu_increase", "mu_decrease", "mu_max", "damping", "mu_relative", "precision")
"""What a plain rule may have otherwise than by default."""


class Damped(NamedTuple):
    """The state of Levenberg–Marquardt."""

    damping: Damping  # μ, and its factor
    fails: int = 0  # Failed trials from this point
    diagonal: Array | None = None  # (n_weights,): the largest entries that the diagonal of A has had; None for D = I
    largest: float = 0.0  # Where μ ended the run; 0 while it goes on


@dataclass(frozen=True)
class LevenbergMarquardt(StepRule):
    """Levenberg–Marquardt: the flagship.

    Parameters
    ----------
    mu_init : float
        The first μ; with `mu_relative` in parts of the largest entry of the diagonal of A at the start.
    mu_increase : float, optional
        What μ is multiplied with after a rejected trial; above 1. 10 when not given, 4 with Fan's damping, and 2 with
        Nielsen's, which doubles it with every further failure.
    mu_decrease : float, optional
        What μ is multiplied with after an accepted one; below 1. 0.1 when not given, ¼ with Fan's damping; Nielsen's
        has none.
    mu_max : float
        A μ above this ends the run: no step along the gradient lowers the loss any more. Where the largest entry of the
        diagonal of A is above 1e4, as it is in other units than scaled ones, the limit rises with it.
    damping : str
        How μ follows the steps: one of `algorithms.damping.DAMPINGS`, such as ``"factors"`` or ``"nielsen"``.
    scaling : str
        D: ``"identity"``, or ``"marquardt"`` for the diagonal of A, which makes the path independent of the units of
        the weights; μ is relative then.
    geodesic : float
        The largest 2|a|/|p| with which the geodesic acceleration a is added to a step, usually 0.75; 0 for none.
    rise_after : int
        After so many failed trials from one point the next is taken although the loss rises, as in Yu and
        Wilamowski (2011), who take 5; 0 for never.
    mu_relative : bool
        Whether `mu_init` is relative, as Nielsen recommends: then it means the same for ten samples and for a million.
    precision : str
        Of the products that A is summed from: ``"double"``, or ``"mixed"``, which lets the compiled kernel multiply in
        single precision as long as μ is above 1e-5 of A's largest entry, a hundred times what is lost. Loss and
        gradient are in double: only the steps differ, by some tenths of a percent at most.

    Raises
    ------
    ConfigurationError
        If a setting cannot be.

    Examples
    --------
    >>> LevenbergMarquardt(mu_init=0.01).mu_max
    10000000000.0
    """

    mu_init: float = 1e-3
    mu_increase: float | None = None
    mu_decrease: float | None = None
    mu_max: float = 1e10
    damping: str = "factors"
    scaling: str = "identity"
    geodesic: float = 0.0
    rise_after: int = 0
    mu_relative: bool = False
    precision: str = "double"

    name = "levenberg_marquardt"
    finishes = True
    point_need = Derivatives.NORMAL
    matrices = 3
    trial_need = Derivatives.VALUE

    def __post_init__(self) -> None:
        kind = DAMPINGS[one_of(self.damping, DAMPINGS, "damping")]
        if self.mu_increase is None:
            object.__setattr__(self, "mu_increase", kind.usual)
        if self.mu_decrease is not None and not kind.falls_by_a_factor:
            raise ConfigurationError(
                f"{kind.__name__}'s damping has no {called('mu_decrease')}, got {self.mu_decrease!r}: it takes a "
                f"function of the gain ratio. Leave it out, or take damping='factors'."
            )
        if self.mu_decrease is None and kind.falls_by_a_factor:
            object.__setattr__(self, "mu_decrease", 1.0 / kind.usual)
        for setting in ("mu_init", "mu_increase", "mu_max"):
            positive(getattr(self, setting), setting)
        if self.mu_decrease is not None:
            positive(self.mu_decrease, "mu_decrease")
        if not 1 < self.factors[0] < math.inf:
            raise ConfigurationError(
                f"{called('mu_increase')} must be above 1, got {self.mu_increase!r}. The usual value is 10."
            )
        if self.mu_decrease is not None and not self.mu_decrease < 1:
            raise ConfigurationError(
                f"{called('mu_decrease')} must be below 1, got {self.mu_decrease!r}. The usual value is 0.1."
            )
        if not self.mu_init <= self.mu_max < math.inf:
            raise ConfigurationError(
                f"{called('mu_max')} must be finite and not below {called('mu_init')}, got {self.mu_max!r} and "
                f"{self.mu_init!r}."
            )
        one_of(self.scaling, ("identity", "marquardt"), "scaling")
        one_of(self.precision, ("double", "mixed"), "precision")
        non_negative(self.geodesic, "geodesic")
        whole(self.rise_after, "rise_after")

    @property
    def factors(self) -> tuple[float, float]:
        """What μ rises and falls by; the second is 1 for Nielsen's damping, which has none."""
        return self.mu_increase or 1.0, self.mu_decrease or 1.0

    @cached_property
    def moves(self) -> DampingRule:
        """How μ moves."""
        return DAMPINGS[self.damping](*self.factors)

    @property
    def never_rises(self) -> bool:  # type: ignore[override]
        """Whether the loss never rises, but for rounding at the end: unless a rise is accepted."""
        return self.rise_after == 0

    @property
    def matrix_free_forms(self) -> tuple[str, ...]:  # type: ignore[override]
        """The forms without a matrix: all, but in sample space D must be I."""
        return tuple(form for form in MATRIX_FREE_FORMS if form != "samples" or self.scaling == "identity")

    def prepared_for(self, info: ProblemInfo) -> StepRule:
        """Refuse an objective that has not the derivatives needed."""
        self.require(info, Derivatives.PRODUCT if self.geodesic else Derivatives.NORMAL)
        return self

    def start(self, current: Evaluation) -> Damped:
        """Return the first μ."""
        mu = self.mu_init
        if self.mu_relative and self.scaling == "identity":
            mu = float(self.first_mu(current.diagonal))
        return Damped(self.moves.first(mu))

    def first_mu(self, diagonal: Array) -> Array:
        """Return the first μ where the diagonal of A is known.

        Parameters
        ----------
        diagonal : ndarray of shape (..., n_weights)
            Of one network or many.

        Returns
        -------
        ndarray of shape (...)
            Of each.
        """
        if not self.mu_relative:
            return np.full(diagonal.shape[:-1], float(self.mu_init))
        mu: Array = np.maximum(self.mu_init * diagonal.max(axis=-1), MU_FLOOR)
        return mu

    def largest_mu(self, diagonal: Array) -> Array:
        """Return the μ above which a run ends; it is in the units of A, which are those of the residuals.

        Parameters
        ----------
        diagonal : ndarray of shape (..., n_weights)
            Of A, of one network or many.

        Returns
        -------
        ndarray of shape (...)
            Of each.
        """
        if self.scaling == "marquardt":
            return np.full(diagonal.shape[:-1], float(self.mu_max))
        # Where the matrix overflows it is a number still, so that μ comes to be above it.
        with np.errstate(over="ignore"):
            largest: Array = np.fmin(self.mu_max * np.maximum(diagonal.max(axis=-1) / USUAL_ENTRY, 1.0), LARGEST)
        return largest

    def propose(self, current: Evaluation, state: Damped) -> tuple[Step, Damped]:
        """Solve eq. (2), and (4) if wanted."""
        mu = state.damping.mu
        added: float | Array = mu
        if self.scaling == "marquardt":
            if state.fails == 0:
                state = state._replace(diagonal=_grown(state.diagonal, current.diagonal))
            assert state.diagonal is not None
            added = mu * np.where(state.diagonal > 0, state.diagonal, 1.0)
        delta, solve = current.damped_step(added)
        if delta is None:
            return Step(None, 0.0), state
        assert current.gradient is not None
        predicted = 0.5 * float((added * delta) @ delta - current.gradient @ delta)  # eq. (3)
        if not self.geodesic:
            return Step(delta, predicted), state
        assert current.bend is not None
        acceleration = solve(-current.bend(delta))  # eq. (4)
        if acceleration is None or 4.0 * (acceleration @ acceleration) > self.geodesic**2 * (delta @ delta):
            return Step(None, 0.0), state
        return Step(delta + 0.5 * acceleration, predicted), state

    def judge(self, current: Evaluation, step: Step, trial: Evaluation, state: Damped) -> tuple[Verdict, Damped]:
        """Accept a lower loss; otherwise raise μ, and give up above `mu_max`."""
        now = state.damping
        if trial.loss < current.loss:
            ratio, fall = gain(current.loss, trial.loss, step.predicted_decrease)
            return Verdict.ACCEPT, Damped(self.moves.accepted(now.mu, ratio, fall), 0, state.diagonal)
        fails = state.fails + 1
        if fails > self.rise_after > 0 and math.isfinite(trial.loss):
            return Verdict.ACCEPT, Damped(now, 0, state.diagonal)
        raised = self.moves.rejected(now)
        if raised.mu > self.mu_max:
            largest = float(self.largest_mu(current.diagonal))
            if raised.mu > largest:
                return Verdict.STUCK, Damped(raised, fails, state.diagonal, largest)
        return Verdict.REJECT, Damped(raised, fails, state.diagonal)

    @property
    def single_from(self) -> float:
        """The part of the largest entry of A from which μ allows for single precision; inf for never.

        With D = diag(A) what is lost may be more than what is added to small entries.
        """
        return SINGLE_FROM if self.precision == "mixed" and self.scaling == "identity" else math.inf

    def allows_single(self, current: Evaluation, state: Damped) -> bool:
        """Return whether μ is so large that the rounding of single precision does not matter beside it."""
        if self.single_from == math.inf or current.normal is None:
            return False
        return state.damping.mu >= self.single_from * float(current.diagonal.max())

    @cached_property
    def is_plain(self) -> bool:
        """Whether compiled trials and batches do the same: D = I, and a damping that remembers nothing but μ."""
        if type(self) is not LevenbergMarquardt or self.moves.code is None:
            return False
        # Whatever else may be chosen is left at its default.
        return self == LevenbergMarquardt(**{name: getattr(self, name) for name in PLAIN_SETTINGS})

    def descent(self, objective: Minimized) -> CompiledTrials | None:
        """Return the trials as compiled code, where there is such code for these settings and the objective."""
        if not self.is_plain or self.moves.code is None:
            return None
        return objective.descent(*self.factors, MU_FLOOR, self.mu_max, self.moves.code, self.single_from)

    def trials(
        self, objective: Minimized, weights: Array, state: Any = None, *, at_once: int | None = None
    ) -> Iterator[Trial]:
        descent = None if at_once is None or state is not None else self.descent(objective)
        if descent is None or at_once is None:
            return super().trials(objective, weights, state)
        return self._compiled_trials(objective, descent, weights, at_once)

    def _compiled_trials(
        self, objective: Minimized, descent: CompiledTrials, weights: Array, at_once: int
    ) -> Iterator[Trial]:
        """Several trials in one call; gradient and matrix of a point are written over by the next."""
        current = evaluated_start(objective, weights, Derivatives.NORMAL)
        gradient, normal = current.gradient, current.normal
        assert gradient is not None
        assert normal is not None  # the kernel writes both
        mu, loss, sums = self.first_mu(current.diagonal[None]), np.array([current.loss]), current.sums.copy()
        counts, evaluations = np.zeros(3, dtype=np.int64), objective.evaluations
        epoch = n_trials = 0
        yield Trial(epoch, n_trials, Verdict.ACCEPT, current, {"mu": mu.item()}, current.loss, None, None)
        while True:
            trial = current.weights.copy()
            descent(at_once, trial, loss, sums, gradient, normal, mu, counts)
            trials, values, n_accepted = counts.tolist()
            n_trials += trials
            evaluations["value"] += values
            verdict, now = Verdict.REJECT, mu.item()
            if n_accepted:
                verdict = Verdict.ACCEPT
                epoch += 1
                evaluations["normal"] += 1
                current = Evaluation(trial, loss.item(), sums.copy(), gradient, normal)
            elif now > self.mu_max and now > (largest := self.largest_mu(current.diagonal).item()):
                state = Damped(self.moves.first(now), trials, largest=largest)
                current = current._replace(orthogonal=partial(objective.orthogonal_step, current.weights))
                last, tried = finished(objective, current)
                verdict = Verdict.STUCK
                if last is not current:
                    current, epoch, verdict = last, epoch + 1, Verdict.SETTLED
                outcome = self.outcome(state)
                yield Trial(epoch, n_trials + tried, verdict, current, self.report(state), current.loss, outcome, state)
                return
            yield Trial(epoch, n_trials, verdict, current, {"mu": now}, current.loss, None, None)

    def report(self, state: Damped) -> dict[str, float]:
        """Return ``{"mu": μ}``."""
        return {"mu": state.damping.mu}

    def outcome(self, state: Damped) -> Outcome:
        """Return that μ is above its limit."""
        largest = max(state.largest, self.mu_max)
        return Outcome("mu", f"No step lowers the loss any more: mu would have to be above {largest:.3g}.")


@dataclass(frozen=True)
class GeodesicLevenbergMarquardt(LevenbergMarquardt):
    """Levenberg–Marquardt with Nielsen's damping and geodesic acceleration: fewer epochs in curved valleys.

    Parameters
    ----------
    mu_init, mu_increase, mu_decrease, mu_max, damping, scaling, geodesic, rise_after, mu_relative, precision
        As for `LevenbergMarquardt`, with other defaults: Nielsen's damping, and 0.75 for the acceleration.

    Raises
    ------
    ConfigurationError
        If a setting cannot be.

    Examples
    --------
    >>> GeodesicLevenbergMarquardt().damping
    'nielsen'
    """

    damping: str = "nielsen"
    geodesic: float = 0.75

    name = "geodesic_levenberg_marquardt"


@dataclass(frozen=True)
class NeuronByNeuron(LevenbergMarquardt):
    """Levenberg–Marquardt on normal equations that are accumulated neuron by neuron, as Wilamowski and Yu publish it.

    The steps are those of `LevenbergMarquardt`: the matrix is the same. Its sums run over samples and units in Python,
    so that it is for reading and for checking, not for speed.

    Parameters
    ----------
    mu_init, mu_increase, mu_decrease, mu_max, damping, scaling, geodesic, rise_after, mu_relative, precision
        As for `LevenbergMarquardt`.

    Raises
    ------
    ConfigurationError
        If a setting cannot be.

    Examples
    --------
    >>> NeuronByNeuron().form
    'neuron_by_neuron'
    """

    name = "neuron_by_neuron"
    form = "neuron_by_neuron"


def _grown(diagonal: Array | None, entries: Array) -> Array:
    """The largest entries so far."""
    return entries.copy() if diagonal is None else np.maximum(diagonal, entries)
