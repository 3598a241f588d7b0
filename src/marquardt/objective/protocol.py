"""What a training asks of what it minimizes."""

from __future__ import annotations

from typing import Protocol

from marquardt.arrays import Array
from marquardt.losses import Loss, WeightDecay
from marquardt.numerics import OrthogonalStep
from marquardt.objective.compiled import CompiledTrials
from marquardt.objective.evaluation import Derivatives, Evaluation, ProblemInfo
from marquardt.objective.plan import Plan

__all__ = ["Minimized"]


class Minimized(Protocol):
    """A function of a vector of weights, with the derivatives that rules ask for: an `Objective`, or anything else."""

    @property
    def loss(self) -> Loss:
        """Says how the performance is called (`Loss.metric`)."""

    @property
    def plan(self) -> Plan:
        """What it takes."""

    @property
    def n_outputs(self) -> int:
        """Residuals of a sample."""

    @property
    def n_samples(self) -> int:
        """Samples, or residuals where there are none."""

    @property
    def total_weight(self) -> float:
        """Sum of their weights."""

    @property
    def sample_unit(self) -> float:
        """What the weights are in parts of; 1 for weights as they are."""

    @property
    def unit(self) -> float:
        """What loss and derivatives are in parts of."""

    @property
    def counted_weight(self) -> float:
        """The weight that the evidence counts as one sample."""

    @property
    def evaluations(self) -> dict[str, int]:
        """Calls of `at`, by what was asked for."""

    @property
    def info(self) -> ProblemInfo:
        """What rules may know."""

    def at(self, weights: Array, need: Derivatives, is_single: bool = False) -> Evaluation:
        """Evaluate one point; with loss +inf, and nothing else, where anything overflows."""

    def performance(self, evaluation: Evaluation) -> float:
        """Return what is shown of a point."""

    def mean_loss(self, evaluation: Evaluation) -> float:
        """Return what epochs are compared by on a validation part."""

    def gradient_norm(self, evaluation: Evaluation) -> float:
        """Return what `min_gradient` is compared with; NaN without a gradient."""

    def normal(self, weights: Array) -> Array:
        """Write out the normal matrix, whatever the form."""

    def in_sample_space(self, weights: Array) -> Evaluation:
        """Evaluate one point with its normal equations in the residuals' dimension, whatever the form."""

    def descent(
        self, increase: float, decrease: float, lowest: float, largest: float, damping: int, single: float
    ) -> CompiledTrials | None:
        """Return compiled trials of Levenberg–Marquardt, where there are such."""

    def orthogonal_step(self, weights: Array) -> OrthogonalStep | None:
        """Return the undamped step by an orthogonal factorization; None where there is none."""

    def begin_again(self, penalty: WeightDecay | None) -> None:
        """Take another penalty for another run; asked only where runs share what they minimize."""

    # Asked only where the loss is a robust one whose scale is taken from the residuals.

    def noise(self, weights: Array) -> Array:
        """Return the standard deviation of the residuals as their median tells it, of shape (n_outputs,)."""

    def spread_of_targets(self, weights: Array) -> Array:
        """Return the same of the targets about their medians."""

    def robust_mean(self, weights: Array, noise: Array) -> float:
        """Return the mean of squared residuals, none of which counts for more than three standard deviations."""

    def take_scale(self, scale: Array) -> None:
        """Go on with another scale of the loss."""

    def close(self) -> None:
        """End what was started."""
