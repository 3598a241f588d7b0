"""Bayesian regularization: Levenberg–Marquardt on data and weight decay, and the evidence chooses the decay.

    F(w) = E_D(w) + λ ½|w|²,      (A + λI + μI) p = −(g + λw)                                            (1)

After every accepted step the evidence (`marquardt.algorithms.evidence`) of the new point gives γ, the number of
weights that the data determine, β = (N − γ) / 2E_D, α = γ / |w|², and λ = α/β for the next step. No validation set is
needed: what more weights would fit besides noise, γ does not count. The run has settled when γ, α and β stand still.

Foresee and Hagan (1997), "Gauss–Newton approximation to Bayesian learning"; MacKay (1992). For a cross-entropy β is 1
and A its Gauss–Newton matrix: Laplace's approximation.

Departures from Foresee and Hagan: 1. E_D and E_W are halves of sums, so that their 2βJᵀJ + 2αI is β(A + λI). 2. The
bounds of the evidence. 3. λ begins small and at most doubles a step: a fit that is still poor looks like noise, asks
for far too much decay, and nothing brings back the units that are lost to it. Of five starts on 40 noisy samples of a
sine, five gave up without these bounds, and none with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from marquardt.algorithms.evidence import Evidence, weigh
from marquardt.algorithms.levenberg_marquardt import Damped, LevenbergMarquardt
from marquardt.algorithms.rule import StepRule
from marquardt.algorithms.trial import Outcome, Step, Verdict
from marquardt.checks import positive, whole
from marquardt.objective import Derivatives, Evaluation, ProblemInfo, SampleSystem

__all__ = ["BayesianRegularization", "Regularized"]

FIRST = 1e-4
"""The λ that the first step away from 0 may double."""
RISE = 2.0
"""λ rises at most by this factor from one step to the next."""


class Regularized(NamedTuple):
    """The state of Bayesian regularization."""

    damped: Damped  # Of the Levenberg–Marquardt steps
    decay: float = 0.0
    evidence: Evidence | None = None  # Of the accepted point; None before the first step, and where nothing can be said
    is_weighed: bool = True  # Whether the evidence of this point has been taken
    still: int = 0  # Points in a row at which α, β and γ stood still


@dataclass(frozen=True)
class BayesianRegularization(StepRule):
    """Bayesian regularization (trainbr).

    Parameters
    ----------
    mu_init, mu_increase, mu_decrease, mu_max : float
        As for `LevenbergMarquardt`; the first μ is 0.005 here.
    settle : float
        The relative change of α, β and γ that counts as standing still.
    patience : int
        Steps in a row without a larger change that end the run.
    info : ProblemInfo, optional
        Of the objective; filled in by `prepared_for`.

    Raises
    ------
    ConfigurationError
        If a setting cannot be.

    Examples
    --------
    >>> BayesianRegularization().mu_init
    0.005
    """

    mu_init: float = 5e-3
    mu_increase: float = 10.0
    mu_decrease: float = 0.1
    mu_max: float = 1e10
    settle: float = 1e-3
    patience: int = 5
    info: ProblemInfo | None = field(default=None, repr=False)

    name = "bayesian_regularization"
    point_need = Derivatives.NORMAL
    matrices = 5
    matrix_free_forms = ("samples",)
    trial_need = Derivatives.VALUE
    keeps_last = True
    refuses_validation = True
    weighs_decay = True

    def __post_init__(self) -> None:
        positive(self.settle, "settle")
        whole(self.patience, "patience", minimum=1)
        self.inner  # noqa: B018  - it checks its settings

    @cached_property
    def inner(self) -> LevenbergMarquardt:
        """The rule of the steps."""
        return LevenbergMarquardt(self.mu_init, self.mu_increase, self.mu_decrease, self.mu_max)

    def prepared_for(self, info: ProblemInfo) -> StepRule:
        """Return the rule with the facts filled in."""
        self.require(info, Derivatives.NORMAL)
        return replace(self, info=info)

    def start(self, current: Evaluation) -> Regularized:
        """Return the first μ, and no decay: α = 0."""
        return Regularized(self.inner.start(current))

    def propose(self, current: Evaluation, state: Regularized) -> tuple[Step, Regularized]:
        """At a new point choose λ; then solve eq. (1)."""
        if not state.is_weighed:
            state = self._weighed(current, state)
        step, damped = self.inner.propose(self._with_decay(current, state), state.damped)
        return step, state._replace(damped=damped)

    def judge(
        self, current: Evaluation, step: Step, trial: Evaluation, state: Regularized
    ) -> tuple[Verdict, Regularized]:
        """Judge by F as Levenberg–Marquardt does; it is the end when the evidence stands still."""
        before, after = self.penalized(current, state), self.penalized(trial, state)
        verdict, damped = self.inner.judge(before, step, after, state.damped)
        state = state._replace(damped=damped)
        if verdict is not Verdict.ACCEPT:
            return verdict, state
        is_end = state.still >= self.patience
        return Verdict.SETTLED if is_end else verdict, state._replace(is_weighed=False)

    def report(self, state: Regularized) -> dict[str, float]:
        """Return μ, and α, β and γ where they are known."""
        mu = {"mu": state.damped.damping.mu}
        if state.evidence is None:
            return mu
        info = ProblemInfo(0, 0, 0, 0.0) if self.info is None else self.info
        noise = state.evidence.noise * info.counted_weight
        alpha = state.decay * info.unit / noise
        return {**mu, "alpha": alpha, "beta": 1.0 / noise, "gamma": state.evidence.parameters}

    def penalized(self, current: Evaluation, state: Regularized) -> Evaluation:
        """Return the point with the decay in its loss and gradient."""
        if not math.isfinite(current.loss):
            return current
        loss = current.loss + 0.5 * state.decay * float(current.weights @ current.weights)
        gradient = None if current.gradient is None else current.gradient + state.decay * current.weights
        return current._replace(loss=loss, gradient=gradient)

    def merit(self, current: Evaluation, state: Regularized) -> float:
        """Return −ln p, by which restarts are compared."""
        known = state.evidence is not None and not math.isnan(state.evidence.logarithm)
        return -state.evidence.logarithm if known and state.evidence is not None else math.inf

    def outcome(self, state: Regularized) -> Outcome:
        """Return that the evidence has settled, or that μ is above its limit."""
        if state.still < self.patience or state.evidence is None or self.info is None:
            return self.inner.outcome(state.damped)
        return Outcome(
            "evidence",
            f"The evidence has settled: the data determine {state.evidence.parameters:.1f} of "
            f"{self.info.n_weights} weights.",
        )

    def _with_decay(self, current: Evaluation, state: Regularized) -> Evaluation:
        """The point with the decay in its normal matrix, too."""
        if isinstance(current.system, SampleSystem):
            system = current.system.with_decay(state.decay, current.weights)
            return self.penalized(current, state)._replace(system=system)
        assert current.normal is not None
        normal = current.normal.copy()
        normal.reshape(-1)[:: len(normal) + 1] += state.decay
        return self.penalized(current, state)._replace(normal=normal)

    def _weighed(self, current: Evaluation, state: Regularized) -> Regularized:
        """Take the evidence of a new point, and the decay it asks for."""
        if self.info is None:
            raise ValueError("Bayesian regularization runs prepared for an objective: prepared_for(info).")
        found = weigh(self._with_decay(current, state), self.info, (state.decay,), (np.arange(len(current.weights)),))
        if found is None:
            return state._replace(is_weighed=True)
        still = state.still + 1 if self._stands_still(state, found) else 0
        decay = min(found.decay[0], RISE * max(state.decay, FIRST))
        return Regularized(state.damped, decay, found, is_weighed=True, still=still)

    def _stands_still(self, state: Regularized, found: Evidence) -> bool:
        before = state.evidence
        if before is None:
            return False
        pairs = zip((*before.decay, *before[1:3]), (*found.decay, *found[1:3]), strict=True)
        return all(abs(new - old) <= self.settle * abs(new) for old, new in pairs)
