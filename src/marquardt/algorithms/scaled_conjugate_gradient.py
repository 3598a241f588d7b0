"""Scaled conjugate gradients: no line search; the length comes from a curvature that is looked at and held in check.

With r = −g, a conjugate direction p and μ = pᵀr, the curvature along p is a difference of two gradients, raised by λ:

    σₖ = σ / ‖p‖,   s = (g(w + σₖ p) − g(w)) / σₖ,   δ = pᵀs + λ pᵀp                                     (1)
    δ ≤ 0:   λ̄ = 2 (λ − δ / pᵀp),   δ ← −δ + λ pᵀp,   λ ← λ̄                                              (2)
    α = μ / δ                                                                                           (3)
    Δ = 2 δ (loss(w) − loss(w + α p)) / μ²                                                              (4)

Δ compares the decrease with that of the quadratic with slope −μ and curvature δ; it is 1 where the loss is that
quadratic. With Δ ≥ 0 the step is taken, the next direction is

    p ← r + β p,   β = (rᵀr − rᵀr₋) / μ,                                                                 (5)

every n-th time p ← r, and λ ← λ/4 if Δ ≥ 0.75. With Δ < 0 the step is tried again with the raised λ, without another
look at the curvature. In both cases, if Δ < 0.25,

    λ ← λ + δ (1 − Δ) / pᵀp.                                                                             (6)

After a failure (6) makes α/(2 − Δ) of α: the minimum of the parabola through what was found. An epoch costs two
gradients, one at w + σₖ p and one at w + α p.

Møller (1993), "A scaled conjugate gradient algorithm for fast supervised learning", Neural Networks 6.

Departures from the paper: 1. p ← r after n accepted steps since the last time, not when the number of all trials is a
multiple of n, and whenever μ ≤ 0. 2. After an overflow Δ counts as −98, and as −10⁶ where it is below: the next trial
is a hundredth of the last, and never less than a millionth. 3. λ is held above 1e-30. 4. Where the rule would be stuck
it starts once more along r.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import NamedTuple

from marquardt.algorithms.rule import StepRule
from marquardt.algorithms.trial import Outcome, Step, Verdict
from marquardt.arrays import Array
from marquardt.checks import positive
from marquardt.errors import ConfigurationError
from marquardt.objective import Derivatives, Evaluation

__all__ = ["ScaledConjugateGradient", "ScaledState"]

LAMBDA_FLOOR = 1e-30
"""Below this λ matters to no curvature; it is held there so that δ cannot vanish with it."""

OVERFLOWED, WORST = -98.0, -1e6
"""Δ after an overflow, and the lowest that counts."""


class ScaledState(NamedTuple):
    """The state of scaled conjugate gradients."""

    direction: Array  # (n_weights,)
    decline: float  # μ = pᵀr
    scale: float
    raised: float = 0.0  # λ̄, the part of λ that is in `curvature` already
    curvature: float = math.nan  # δ; NaN until the curvature has been looked at
    length: float = math.nan  # α of the trial to come
    comparison: float = math.nan  # Δ of the last trial; NaN before the first
    n_steps: int = 0  # Accepted steps since p was r


@dataclass(frozen=True)
class ScaledConjugateGradient(StepRule):
    """Scaled conjugate gradients.

    Parameters
    ----------
    sigma : float
        How far the weights are moved to look at the curvature.
    lambda_init : float
        The first λ.
    lambda_max : float
        A λ above this ends the run.

    Raises
    ------
    ConfigurationError
        If a setting cannot be.

    Examples
    --------
    >>> ScaledConjugateGradient(sigma=1e-4).lambda_init
    5e-07
    """

    sigma: float = 5e-5
    lambda_init: float = 5e-7
    lambda_max: float = 1e20

    name = "scaled_conjugate_gradient"
    point_need = Derivatives.GRADIENT
    trial_need = Derivatives.GRADIENT
    never_rises = True

    def __post_init__(self) -> None:
        for setting in ("sigma", "lambda_init", "lambda_max"):
            positive(getattr(self, setting), setting)
        if math.isinf(self.sigma):
            raise ConfigurationError("sigma must be finite, got inf. The usual value is 5e-5.")
        if not self.lambda_init <= self.lambda_max < math.inf:
            raise ConfigurationError(
                f"lambda_max must be finite and not below lambda_init, got lambda_max={self.lambda_max!r}, "
                f"lambda_init={self.lambda_init!r}."
            )

    def start(self, current: Evaluation) -> ScaledState:
        """Return p = r and the first λ."""
        return _steepest(current, self.lambda_init)

    def propose(self, current: Evaluation, state: ScaledState) -> tuple[Step, ScaledState]:
        """Return σₖ p for a look at the curvature, or α p."""
        size = math.sqrt(_square(state.direction))
        if size == 0.0:
            return Step(None, 0.0), state
        if math.isnan(state.curvature):
            return Step(self.sigma / size * state.direction, self.sigma / size * state.decline), state
        return Step(state.length * state.direction, 0.5 * state.length * state.decline), state

    def judge(
        self, current: Evaluation, step: Step, trial: Evaluation, state: ScaledState
    ) -> tuple[Verdict, ScaledState]:
        """Note the curvature, or take the step or not by eq. (4)."""
        assert current.gradient is not None
        if step.delta is None:
            return Verdict.STUCK, state
        square = _square(state.direction)
        if math.isnan(state.curvature):
            change = 0.0 if trial.gradient is None else float(state.direction @ (trial.gradient - current.gradient))
            return Verdict.PROBE, _scaled(state._replace(curvature=change * math.sqrt(square) / self.sigma), square)
        comparison = 2.0 * state.curvature * ((current.loss - trial.loss) / state.decline) / state.decline  # eq. (4)
        comparison = max(comparison, WORST) if math.isfinite(trial.loss) else OVERFLOWED
        scale = state.scale
        if comparison >= 0.75:
            scale = max(0.25 * scale, LAMBDA_FLOOR)
        if comparison < 0.25:
            scale += state.curvature * (1.0 - comparison) / square  # eq. (6)
        if comparison >= 0 and trial.gradient is not None:
            return Verdict.ACCEPT, self._onward(current, trial, state)._replace(scale=scale, comparison=comparison)
        failed = _scaled(state._replace(scale=scale, raised=state.scale, comparison=comparison), square)
        if scale > self.lambda_max or _is_below_rounding(current, failed):
            return (Verdict.STUCK, failed) if state.n_steps == 0 else (Verdict.REJECT, self.start(current))
        return Verdict.REJECT, failed

    def report(self, state: ScaledState) -> dict[str, float]:
        """Return ``{"lambda": λ}``."""
        return {"lambda": state.scale}

    def outcome(self, state: ScaledState) -> Outcome:
        """Return that no step along the gradient lowers the loss."""
        reason = "its length is below rounding"
        if state.scale > self.lambda_max:
            reason = f"lambda = {state.scale:.3g} > {self.lambda_max:.3g}"
        return Outcome("step", f"No step along the gradient lowers the loss any more: {reason}.")

    def _onward(self, current: Evaluation, trial: Evaluation, state: ScaledState) -> ScaledState:
        """The state at an accepted point, with its direction by eq. (5)."""
        assert current.gradient is not None
        assert trial.gradient is not None
        fresh = _steepest(trial, state.scale)
        if state.n_steps + 1 >= trial.gradient.size:
            return fresh
        beta = float(trial.gradient @ (trial.gradient - current.gradient)) / state.decline
        direction = beta * state.direction - trial.gradient
        decline = -float(trial.gradient @ direction)
        if not (decline > 0 and math.isfinite(_square(direction))):
            return fresh
        return fresh._replace(direction=direction, decline=decline, n_steps=state.n_steps + 1)


def _square(vector: Array) -> float:
    return float(vector @ vector)


def _steepest(current: Evaluation, scale: float) -> ScaledState:
    assert current.gradient is not None
    return ScaledState(-current.gradient, _square(current.gradient), scale)


def _scaled(state: ScaledState, square: float) -> ScaledState:
    """Raise the curvature by what λ has been raised by, eqs. (1) and (2), and find the length, eq. (3)."""
    scale, raised = state.scale, state.raised
    curvature = state.curvature + (scale - raised) * square
    if curvature <= 0:
        raised = 2.0 * (scale - curvature / square)
        curvature = -curvature + scale * square
        scale = raised
    length = state.decline / curvature
    return state._replace(scale=scale, raised=raised, curvature=curvature, length=length)


def _is_below_rounding(current: Evaluation, state: ScaledState) -> bool:
    """Whether the step promises less than the last digit of the loss."""
    return not 0.5 * state.length * state.decline > 0.5 * sys.float_info.epsilon * abs(current.loss)
