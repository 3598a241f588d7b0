"""What travels between objective and algorithm: one frozen evaluation, and a few facts told beforehand."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np

from marquardt.arrays import Array, Indices
from marquardt.numerics import OrthogonalStep, factor_damped

__all__ = ["Costs", "Derivatives", "Evaluation", "ProblemInfo", "System"]

Solve = Callable[[Array], Array | None]
"""Takes a right-hand side to its solution, None where that overflows."""


class Derivatives(IntEnum):
    """How much an algorithm asks of a point. Each includes value and gradient, the last four not each other."""

    VALUE = 0
    GRADIENT = 1
    CURVATURE = 2
    """The generalized Gauss–Newton matrix JᵀΛJ on demand, of all samples or of a random part of them."""
    NORMAL = 3
    """The generalized Gauss–Newton matrix JᵀΛJ, or a `System` that solves with it."""
    PRODUCT = 4
    """Products of the exact Hessian with vectors, on demand."""
    HESSIAN = 5
    """The exact Hessian."""

    @property
    def counted_as(self) -> str:
        """What an evaluation is counted as: a matrix on demand is one of the gradient, until it is demanded."""
        return "gradient" if self is Derivatives.CURVATURE else self.name.lower()


class Costs(NamedTuple):
    """What is estimated that computations take on one thread, in seconds: for rules that weigh one against another."""

    gradient: float  # Loss and gradient of all samples
    normal: float  # The normal equations of all samples
    solution: float  # One damped solution
    form: str = "pairs"  # How the last two are done: one of `FORMS`, or ``"compiled"``

    @property
    def price(self) -> float:
        """What the normal equations and a step cost, in gradients."""
        return (self.normal + self.solution) / self.gradient


class ProblemInfo(NamedTuple):
    """What a rule may know of an objective before a run."""

    n_weights: int
    n_outputs: int
    n_samples: int
    # What the data loss is a sum of: total weight of the samples, times outputs for a loss of residuals
    n_residuals: float
    loss: str = "squares"
    # Whether the loss is a negative log-likelihood as it stands, a cross-entropy: no noise to estimate
    is_likelihood: bool = False
    # Whether residuals are linear in the weights and the loss is that of squares: the minimum is one linear solution
    is_linear: bool = False
    has_curvature: bool = True  # Whether the loss has a curvature, which the normal equations need
    # The activation or loss without a second derivative, which the exact Hessian needs; None where all have one
    lacks_second_derivative: str | None = None
    decayed: tuple[Indices, ...] = ()  # The weights without the biases, a layer at a time: what a weight decay acts on
    hidden_biases: Indices = np.empty(0, dtype=np.intp)  # The biases of all layers but the output
    form: str = "pairs"  # How the normal equations are summed or solved, as planned
    costs: Callable[[], Costs] | None = None  # ``costs()`` is what a pass and a step are estimated to take
    sample_unit: float = 1.0  # What the sample weights, and what loss and derivatives are in parts of
    unit: float = 1.0
    counted_weight: float = 1.0  # The sample weight that counts as one sample, by `counted_weight_of`


class System(Protocol):
    """The normal equations of one point without their matrix: what stands in for `Evaluation.normal`."""

    @property
    def diagonal(self) -> Array:
        """The diagonal of A, of shape (n_weights,)."""

    def damped_step(self, added: float | Array) -> tuple[Array | None, Solve]:
        """Solve (A + M) p = −gradient, and return p with a function that solves for other right-hand sides."""


class Evaluation(NamedTuple):
    """The objective at one point, as far as it was asked for.

    Parameters
    ----------
    weights : ndarray of shape (n_weights,)
        The point.
    loss : float
        Data loss plus penalty, a sum over samples; +inf where anything overflowed.
    sums : ndarray of shape (n_outputs,)
        Each output's part of the data loss, without the penalty.
    gradient : ndarray of shape (n_weights,), optional
        ∂loss/∂weights.
    normal : ndarray of shape (n_weights, n_weights), optional
        JᵀΛJ plus the penalty's Hessian; symmetric, C-contiguous.
    hessian : ndarray of shape (n_weights, n_weights), optional
        ∂²loss/∂weights², exact; symmetric, C-contiguous.
    times : callable, optional
        ``times(vectors)`` is the exact Hessian's product with an array of shape (n_weights,) or (n_weights, k), of
        the same shape.
    bend : callable, optional
        ``bend(direction)`` is JᵀΛ ∂²outputs/∂direction², of shape (n_weights,): how the outputs curve along it.
    system : System, optional
        What solves with A = JᵀΛJ + penalty, in the forms that never write A down; `normal` is None then.
    normal_of : callable, optional
        ``normal_of(share)`` is the normal matrix of a random part of the samples, of that share of them, scaled to all,
        plus the penalty's Hessian: a new array of shape (n_weights, n_weights). With a share of 1 it is that of all
        samples. A part is drawn once: a larger one contains the smaller.
    orthogonal : callable, optional
        ``orthogonal()`` is the undamped step −A⁻¹ gradient by an orthogonal factorization of J, or None: see
        `Objective.orthogonal_step`.
    misfit : callable, optional
        ``misfit()`` is what stands for the data loss in the evidence: of robust losses whose scale was taken from the
        residuals, where a few targets would decide the sum.
    """

    weights: Array
    loss: float
    sums: Array
    gradient: Array | None = None
    normal: Array | None = None
    hessian: Array | None = None
    times: Callable[[Array], Array] | None = None
    bend: Callable[[Array], Array] | None = None
    system: System | None = None
    normal_of: Callable[[float], Array] | None = None
    orthogonal: Callable[[], OrthogonalStep | None] | None = None
    misfit: Callable[[], float] | None = None

    @property
    def diagonal(self) -> Array:
        """The diagonal of the normal matrix A, of shape (n_weights,), in any form."""
        if self.normal is not None:
            return self.normal.diagonal()
        assert self.system is not None  # asked for after the normal equations only
        return self.system.diagonal

    def damped_step(self, added: float | Array) -> tuple[Array | None, Solve]:
        """Solve the damped normal equations (A + M) p = −gradient, in any form.

        Parameters
        ----------
        added : float or ndarray of shape (n_weights,)
            μ, or the entries of M.

        Returns
        -------
        step : ndarray of shape (n_weights,) or None
            p; None where A + M is not positive definite to working precision, or where p overflows.
        solve : callable
            Does the same for another right-hand side; only where the step is not None.

        Raises
        ------
        ValueError
            If the normal equations were not asked for.
        """
        if self.normal is not None and self.gradient is not None:
            return factor_damped(self.normal, added, -self.gradient)
        if self.system is None:
            raise ValueError("A damped step needs the normal equations: ask for Derivatives.NORMAL at accepted points.")
        return self.system.damped_step(added)

    @classmethod
    def overflow(cls, weights: Array) -> Evaluation:
        """Return the evaluation of a point that cannot be: loss +inf.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.

        Returns
        -------
        Evaluation
            Worse than any other, so that comparisons stay honest.
        """
        return cls(weights, np.inf, np.array([np.inf]))
