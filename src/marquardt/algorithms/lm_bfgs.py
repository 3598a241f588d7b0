"""Levenberg–Marquardt with quasi-Newton steps in between: for networks whose normal equations cost many gradients.

Only the gradient decides where training ends; the matrix JᵀΛJ only decides how fast. So a factor of it that was paid
for serves more than one step. A cycle is one Levenberg–Marquardt step, and quasi-Newton steps from its factor:

    (A + μI) p = −g,      A = JᵀΛJ of a random part of the samples + penalty                             (1)
    d = −H g,             H = (A + μI)⁻¹ after a BFGS update with every pair (s, y) since (1)            (2)

A step of (1) costs a matrix and a factorization; one of (2), with the length from a line search, about a gradient, and
the pairs teach H what A lacks: what the samples left out say, what changed on the way, and the second derivatives that
Gauss–Newton leaves out, which near a minimum with residuals decide how fast it is reached.

A cycle ends when its last steps do less than it did on the whole: with the progress counted in ln(loss) and the effort
in estimated seconds, a new one begins when

    progress of the last 3 steps / their effort  <  patience · progress of the cycle / its effort,       (3)

the matrix counted, at the price it has for this network (`Costs`). This is Charnov's marginal value theorem: leave a
patch when it yields less than the average of patch and way. Where a matrix is dear cycles are long, and there
are few of them. The first cycle has no matrix: it begins with H = c I, as L-BFGS does, and its average says nothing of
cycles with one, as what is easy is trained first. It ends when its last steps do less than a matrix is expected to,

    progress of the last 3 steps / their effort  <  patience · 0.13 / effort of the first matrix.        (4)

A step of (2) begins with the length that the last one took: μ, and the samples left out, make H too small or too large
for a while.

The part of the samples doubles when the gain ratio of (1) is poor, or when it fails: up to all of them, which is
Levenberg–Marquardt as it is. The damping is Nielsen's, its first μ relative to the largest entry of A's diagonal.

(1) on a part: Byrd, Chin, Neveitt and Nocedal (2011), "On the use of stochastic Hessian information in optimization
methods for machine learning". (2): L-BFGS of Nocedal (1980) with the initial matrix of Jiang, Byrd, Eskow and Schnabel
(2004), "A preconditioned L-BFGS algorithm with application to molecular energy minimization". (3): Charnov (1976),
"Optimal foraging, the marginal value theorem". Nielsen (1999), "Damping parameter in Marquardt's method".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from marquardt.algorithms.damping import MU_FLOOR, Damping, Nielsen, gain
from marquardt.algorithms.descent import SearchDirection, SearchState
from marquardt.algorithms.quasi_newton import QuasiNewtonMemory, QuasiNewtonRule
from marquardt.algorithms.rule import StepRule
from marquardt.algorithms.trial import Outcome, Step, Verdict
from marquardt.arrays import Array
from marquardt.checks import positive, whole
from marquardt.errors import ConfigurationError
from marquardt.numerics import cholesky_damped, solve_cholesky
from marquardt.numerics.line_searches import LineSearch
from marquardt.numerics.quasi_newton import shanno_scale, two_loop
from marquardt.objective import Costs, Derivatives, Evaluation, ProblemInfo

__all__ = ["LMBFGS", "Cycle", "Preconditioned", "PreconditionedModel", "first_samples"]

FEWEST_SAMPLES = 256
"""Samples of the first part, at least; beyond these as many as give half a residual a weight. As many as weights did as
well up to 701 weights, and took half as long again with 6,301."""
MOVES = Nielsen(increase=2.0, decrease=1.0)
"""How μ moves."""
POOR_GAIN = 0.25
"""The gain ratio below which the part doubles: there Moré's (1978) quarter calls a model poor."""
LAST_STEPS = 3
"""Steps whose progress is compared with that of the cycle."""


FIRST_PROGRESS = 0.13
"""What a matrix is expected to lower ln(loss) by, eq. (4). With 0.13 to 0.17 the nine trainings it was chosen on, of
71 to 940 weights, took least or within a tenth of it; with 0.2 one of them took half as long again."""


class PreconditionedModel(NamedTuple):
    """What is known of the inverse Hessian."""

    # (n_weights, n_weights): the Cholesky factor of A + μI of eq. (1); None for a multiple of the identity
    factor: Array | None
    pairs: tuple[tuple[Array, Array], ...] = ()  # Since then, oldest first


@dataclass(frozen=True)
class Preconditioned(QuasiNewtonRule):
    """L-BFGS whose initial matrix may be the inverse of one that is at hand: the steps of eq. (2)."""

    history: int = 30  # Pairs that are kept
    line_search: LineSearch | str = "strong_wolfe"  # The search, or its name

    name = "preconditioned_lbfgs"

    def heading(self, current: Evaluation, memory: QuasiNewtonMemory | None, taken: float) -> SearchDirection:
        """Return −H g, and the length that the last step from the same matrix took."""
        heading = super().heading(current, memory, taken)
        model = heading.memory.model
        is_same = model is not None and model.factor is not None and math.isfinite(taken)
        return heading._replace(first=taken) if is_same else heading

    def learned(self, model: PreconditionedModel | None, step: Array, change: Array) -> PreconditionedModel:
        """Return the last pairs."""
        before = model or PreconditionedModel(None)
        return before._replace(pairs=(*before.pairs, (step, change))[-self.history :])

    def newton(self, model: PreconditionedModel, gradient: Array) -> Array:
        """Return H g of eq. (2); NaN where it overflows."""
        factor = model.factor
        if factor is None:
            return two_loop(gradient, model.pairs, shanno_scale(*model.pairs[-1]))

        def solved(vector: Array) -> Array:
            solution = solve_cholesky(factor, vector)
            return vector * math.nan if solution is None else solution

        return two_loop(gradient, model.pairs, solved)


def first_samples(n_weights: int, n_outputs: int) -> int:
    """Return how many samples the first matrix is summed over, where nothing else is said."""
    return max(FEWEST_SAMPLES, math.ceil(n_weights / n_outputs / 2))


class Cycle(NamedTuple):
    """The state: a cycle."""

    share: float  # The part of the samples that A is summed over
    # μ of the next Levenberg–Marquardt step, and its factor; None before the first matrix
    damping: Damping | None = None
    search: SearchState | None = None  # Of the quasi-Newton steps; None while a Levenberg–Marquardt step is tried
    # (n_weights, n_weights): A at the accepted point, and the factor of A + μI, while such a step is tried
    normal: Array | None = None
    factor: Array | None = None  # (n_weights, n_weights)
    fails: int = 0  # Levenberg–Marquardt trials from the accepted point that failed
    progress: float = 0.0  # Of the cycle: the decrease of ln(loss), and estimated seconds
    effort: float = 0.0
    last: tuple[tuple[float, float], ...] = ()  # Progress and effort of the last quasi-Newton steps
    taken: float = math.nan  # μ of the last matrix; NaN before the first


@dataclass(frozen=True)
class LMBFGS(StepRule):
    """Levenberg–Marquardt steps, and quasi-Newton steps from their factors in between.

    Parameters
    ----------
    mu_init : float
        The first μ, in parts of the largest entry of A's diagonal.
    mu_max : float
        A μ above this ends the run, and above so many times the largest entry of A's diagonal where that is above 1:
        no step along the gradient lowers the loss any more.
    patience : float
        When a cycle ends, eq. (3) and (4): at 1 when its last steps yield less than its average, above 1 sooner.
    samples : int, optional
        Samples of the first part that A is summed over; 256, or as many as give half a residual a weight, when not
        given.
    history : int
        Pairs that are kept, at most, in a cycle.
    line_search : LineSearch or str
        The search of the quasi-Newton steps, or its name.
    share : float
        The first part of the samples; filled in for an objective.
    costs : Costs
        What a gradient, a matrix and a solution take; filled in for an objective.

    Raises
    ------
    ConfigurationError
        If a setting cannot be.

    Examples
    --------
    >>> LMBFGS(mu_init=0.1).patience
    1.5
    """

    mu_init: float = 1e-2
    mu_max: float = 1e10
    patience: float = 1.5
    samples: int | None = None
    history: int = 30
    line_search: LineSearch | str = "strong_wolfe"
    share: float = field(default=1.0, repr=False)
    costs: Costs = field(default=Costs(1.0, 10.0, 10.0), repr=False)

    name = "lm_bfgs"
    point_need = Derivatives.CURVATURE
    trial_need = Derivatives.CURVATURE
    never_rises = True
    matrices = 4

    def __post_init__(self) -> None:
        for setting in ("mu_init", "mu_max", "patience"):
            positive(getattr(self, setting), setting)
        if not math.isfinite(self.mu_max):
            raise ConfigurationError(f"mu_max must be finite, got {self.mu_max!r}. The usual value is 1e10.")
        if self.samples is not None:
            whole(self.samples, "samples", minimum=1)
        whole(self.history, "history", minimum=1)
        self.inner.check_search()

    @cached_property
    def inner(self) -> Preconditioned:
        """The rule of the quasi-Newton steps."""
        return Preconditioned(self.history, self.line_search)

    def prepared_for(self, info: ProblemInfo) -> StepRule:
        """Fill in what a matrix costs, and the first part of the samples."""
        self.require(info, Derivatives.CURVATURE)
        samples = self.samples or first_samples(info.n_weights, info.n_outputs)
        costs = self.costs if info.costs is None else info.costs()
        return replace(self, share=min(1.0, samples / info.n_samples), costs=costs)

    def start(self, current: Evaluation) -> Cycle:
        """Return the first cycle, without a matrix."""
        return Cycle(self.share, search=SearchState(None))

    def propose(self, current: Evaluation, state: Cycle) -> tuple[Step, Cycle]:
        """Go on with the line search along eq. (2), or solve eq. (1)."""
        if state.search is not None:
            step, search = self.inner.propose(current, state.search)
            return step, state._replace(search=search)
        effort = state.effort + self.costs.solution
        normal = state.normal
        if normal is None:
            assert current.normal_of is not None
            normal = current.normal_of(state.share)
            effort += self.costs.normal * state.share
        damping = state.damping
        if damping is None:
            damping = MOVES.first(max(self.mu_init * float(normal.diagonal().max()), MU_FLOOR))
        factor = cholesky_damped(normal, damping.mu) if math.isfinite(damping.mu) else None
        state = state._replace(normal=normal, factor=factor, damping=damping, effort=effort, taken=damping.mu)
        assert current.gradient is not None
        delta = None if factor is None else solve_cholesky(factor, -current.gradient)
        if delta is None:
            return Step(None, 0.0), state
        return Step(delta, 0.5 * float((damping.mu * delta - current.gradient) @ delta)), state

    def judge(self, current: Evaluation, step: Step, trial: Evaluation, state: Cycle) -> tuple[Verdict, Cycle]:
        """Accept a lower loss, and ask eq. (3) whether the cycle ends."""
        if step.delta is not None:
            state = state._replace(effort=state.effort + self.costs.gradient)
        if state.search is not None:
            return self._judge_search(current, step, trial, state)
        assert state.damping is not None
        mu = state.damping.mu
        if trial.loss < current.loss:
            ratio, fall = gain(current.loss, trial.loss, step.predicted_decrease)
            falling = MOVES.accepted(mu, ratio, fall)
            share = min(1.0, 2.0 * state.share) if ratio < POOR_GAIN else state.share
            assert current.gradient is not None
            memory = QuasiNewtonMemory(current.weights, current.gradient, PreconditionedModel(state.factor))
            progress = progress_between(current.loss, trial.loss)
            return Verdict.ACCEPT, Cycle(
                share, falling, SearchState(memory), progress=progress, effort=state.effort, taken=mu
            )
        raised = MOVES.rejected(state.damping)
        if not raised.mu < self._largest_mu(state):  # NaN, too: a matrix that overflowed
            return Verdict.STUCK, state._replace(damping=raised)
        if state.fails == 0 and state.share < 1.0:
            # Is it the part that misleads? A larger one contains it.
            state = state._replace(share=min(1.0, 2.0 * state.share), normal=None)
        return Verdict.REJECT, state._replace(damping=raised, factor=None, fails=state.fails + 1)

    def report(self, state: Cycle) -> dict[str, float]:
        """Return ``{"mu": μ of the last matrix}``; NaN before the first."""
        return {"mu": state.taken}

    def outcome(self, state: Cycle) -> Outcome:
        """Return that μ is above its limit, or that there is no matrix to damp."""
        mu = math.nan if state.damping is None else state.damping.mu
        if not math.isfinite(mu):
            return Outcome("mu", "The normal matrix overflows here, and the quasi-Newton steps lower the loss no more.")
        return Outcome(
            "mu", f"No step lowers the loss any more: mu would have to be above {self._largest_mu(state):.3g}."
        )

    def _largest_mu(self, state: Cycle) -> float:
        """Where μ ends the run; it is in the units of A, which are those of the data."""
        largest = 1.0 if state.normal is None else float(state.normal.diagonal().max())
        return self.mu_max * max(1.0, largest)

    def _judge_search(self, current: Evaluation, step: Step, trial: Evaluation, state: Cycle) -> tuple[Verdict, Cycle]:
        """A look of a line search."""
        assert state.search is not None
        looks = len(state.search.looks) + 1
        verdict, search = self.inner.judge(current, step, trial, state.search)
        if verdict is Verdict.PROBE:
            return verdict, state._replace(search=search)
        if verdict is not Verdict.ACCEPT:
            # There is nothing to be learned along this direction: what is known of the curvature is worn out.
            return Verdict.REJECT, _ended(state)
        made = progress_between(current.loss, trial.loss)
        last = (*state.last, (made, looks * self.costs.gradient))[-LAST_STEPS:]
        state = state._replace(search=search, last=last, progress=state.progress + made)
        return verdict, _ended(state) if self._is_worn_out(state) else state

    def _is_worn_out(self, state: Cycle) -> bool:
        """Eq. (3), and before the first matrix (4)."""
        if len(state.last) < LAST_STEPS:
            return False
        progress, effort = state.progress, state.effort
        if state.damping is None:
            progress, effort = FIRST_PROGRESS, self.costs.normal * self.share + self.costs.solution
        lately = sum(made for made, _ in state.last) / sum(spent for _, spent in state.last)
        return lately < self.patience * progress / effort


def progress_between(before: float, after: float) -> float:
    """Return the decrease of ln(loss), or of the loss in parts of itself where a loss is not positive."""
    if after > 0:
        return math.log(before / after)
    return (before - after) / abs(before) if before else 1.0


def _ended(state: Cycle) -> Cycle:
    """The next cycle: it begins with a Levenberg–Marquardt step."""
    return Cycle(state.share, state.damping, taken=state.taken)
