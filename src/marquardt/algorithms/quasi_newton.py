"""Quasi-Newton methods: they learn the inverse Hessian H from the steps themselves.

    s = w − w_before,     y = g − g_before,     H y = s          (the secant equation)                  (1)
    d = −H g,             w ← w + t d,          t from a line search, t = 1 looked at first             (2)

A matrix learned from pairs with yᵀs > 0 is positive definite, so d goes downhill. The strong Wolfe conditions grant
yᵀs > 0; after another search, or where rounding is all that is left of y, it may fail: a pair with yᵀs ≤ √eps ‖y‖‖s‖ is
skipped, and H stays. Before the first pair, and after a search that failed, there is no H: d = −g, with a length that
moves the weights by at most 1.

**BFGS.** Of all symmetric matrices that satisfy (1), the one closest to the last:

    H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ,     ρ = 1/yᵀs                                             (3)

Before the first update H is first_scale · (yᵀs/yᵀy) I. yᵀs/yᵀy alone (Shanno and Phua 1978) is the inverse of the
largest curvature that the first step met, and networks have curvatures over many orders: BFGS shortens an H that is too
large in a direction at once, and lengthens one that is too small little by little. On a quadratic with exact searches,
n steps end at the minimum and H is the inverse Hessian.

Broyden, Fletcher, Goldfarb and Shanno (1970, independently). Departure from textbooks (Nocedal and Wright 2006,
algorithm 6.1): their first_scale is 1. Median loss at 1, 10, 30, 100: sine problem, 1000 evaluations, 2.6e-5, 1.9e-6,
1.8e-6, 6.2e-7; Friedman's function 5-10-1, 600 evaluations, 0.154, 0.126, 0.067, 0.069. More than 10 throws units into
saturation: parity-3 by 3-2-1, solved from 40, 29, 20 of 100 starts at 1, 10, 30.

**DFP**, the first of them, is (3) for the Hessian itself, with s and y exchanged:

    H ← H + s sᵀ/yᵀs − H y yᵀ H/yᵀHy                                                                    (4)

With exact searches both take the same path; with rough ones DFP recovers slowly from an H that is off, BFGS quickly. So
its search is a closer one: sine problem, 9 starts, 1000 evaluations, first_scale 1, median loss 0.039 with bisection
and cubics, 0.28 with strong Wolfe at c₂ = 0.9, where BFGS comes to 3e-5. A first_scale of 30 makes it 0.0026. Davidon
(1959); Fletcher and Powell (1963), "A rapidly convergent descent method for minimization".

**One-step secant** is BFGS that forgets everything but the last step, from c I:

    d = −H g = −c g + A s + B y,     B = c ρ sᵀg,     A = c ρ yᵀg − (1 + c ρ yᵀy) ρ sᵀg                  (5)

Between conjugate gradients and BFGS: no matrix, four products of vectors; with exact searches sᵀg = 0 and (5) is a
direction of conjugate gradients. Battiti (1992), "First- and second-order methods for learning: between steepest
descent and Newton's method". Departures: c = yᵀs/yᵀy, in the paper 1: the length 1 then fits, whatever the scale of the
loss, and it is L-BFGS with a history of 1 (sine problem, 9 starts, 1000 evaluations, strong Wolfe: median loss 0.040
against 0.094). The search is a closer one, for there is little memory to make up for a bad length: 0.008 with
Charalambous's.

Memory and work of BFGS and DFP are O(n_weights²) an epoch, beside the pass over the data. L-BFGS keeps pairs instead
(`marquardt.algorithms.lbfgs`).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from marquardt.algorithms.descent import DirectionRule, SearchDirection, steepest_length
from marquardt.arrays import Array
from marquardt.checks import positive
from marquardt.errors import ConfigurationError
from marquardt.numerics.line_searches import LineSearch
from marquardt.numerics.quasi_newton import bfgs_inverse, dfp_inverse, is_curved, one_step_secant, shanno_scale
from marquardt.objective import Evaluation

__all__ = ["BFGS", "DFP", "MatrixRule", "OneStepSecant", "QuasiNewtonMemory", "QuasiNewtonRule"]

Pair = tuple[Array, Array]


class QuasiNewtonMemory(NamedTuple):
    """What a quasi-Newton method remembers."""

    weights: Array  # (n_weights,): of the last accepted point
    gradient: Array  # (n_weights,)
    model: Any  # What was learned of the inverse Hessian: a matrix, or pairs (s, y); None before the first pair


class QuasiNewtonRule(DirectionRule):
    """A rule that searches along −H g, H learned from its own steps."""

    @abstractmethod
    def learned(self, model: Any, step: Array, change: Array) -> Any:
        """Return the model with one more pair."""

    @abstractmethod
    def newton(self, model: Any, gradient: Array) -> Array:
        """Return H g."""

    def heading(self, current: Evaluation, memory: QuasiNewtonMemory | None, taken: float) -> SearchDirection:
        """Learn from the last step, and return −H g."""
        assert current.gradient is not None
        model = None
        if memory is not None:
            step, change = current.weights - memory.weights, current.gradient - memory.gradient
            model = self.learned(memory.model, step, change) if is_curved(step, change) else memory.model
        remembered = QuasiNewtonMemory(current.weights, current.gradient, model)
        if model is None:
            return SearchDirection(-current.gradient, steepest_length(current.gradient), remembered)
        return SearchDirection(-self.newton(model, current.gradient), 1.0, remembered)


class MatrixRule(QuasiNewtonRule):
    """A quasi-Newton rule whose H is a matrix."""

    first_scale: float  # H before the first update, in parts of (yᵀs/yᵀy) I; a field of the rules that derive from this
    matrices = 3

    def __post_init__(self) -> None:
        self.check_search()
        if positive(self.first_scale, "first_scale") == math.inf:
            raise ConfigurationError(f"first_scale must be finite, got {self.first_scale!r}. The usual value is 10.")

    @abstractmethod
    def updated(self, inverse: Array, step: Array, change: Array) -> Array:
        """Return a new H that satisfies the secant equation."""

    def learned(self, model: Array | None, step: Array, change: Array) -> Array:
        """Return H after one more pair."""
        if model is None:
            model = self.first_scale * shanno_scale(step, change) * np.eye(len(step))
        return self.updated(model, step, change)

    def newton(self, model: Array, gradient: Array) -> Array:
        product: Array = model @ gradient
        return product


@dataclass(frozen=True)
class BFGS(MatrixRule):
    """BFGS with the inverse Hessian as a matrix.

    Parameters
    ----------
    line_search : LineSearch or str, optional
        The search, or its name; None steps at a fixed rate, as textbooks print it.
    first_scale : float
        The first matrix, in parts of (yᵀs/yᵀy) I; above 0.
    rate : float
        Without a search, the length of every step in parts of the search's first length.

    Raises
    ------
    ConfigurationError
        If there is no such line search, or the scale cannot be.

    Examples
    --------
    >>> BFGS().search.name
    'strong_wolfe'
    """

    line_search: LineSearch | str | None = "strong_wolfe"
    first_scale: float = 10.0
    rate: float = 1.0

    name = "bfgs"

    def updated(self, inverse: Array, step: Array, change: Array) -> Array:
        """Return eq. (3)."""
        return bfgs_inverse(inverse, step, change)


@dataclass(frozen=True)
class DFP(MatrixRule):
    """The method of Davidon, Fletcher and Powell.

    Parameters
    ----------
    line_search : LineSearch or str, optional
        The search, or its name; None steps at a fixed rate, as textbooks print it.
    first_scale : float
        The first matrix, in parts of (yᵀs/yᵀy) I; above 0.
    rate : float
        Without a search, the length of every step in parts of the search's first length.

    Raises
    ------
    ConfigurationError
        If there is no such line search, or the scale cannot be.

    Examples
    --------
    >>> DFP().search.name
    'hybrid_bisection_cubic'
    """

    line_search: LineSearch | str | None = "hybrid_bisection_cubic"
    first_scale: float = 10.0
    rate: float = 1.0

    name = "dfp"

    def updated(self, inverse: Array, step: Array, change: Array) -> Array:
        """Return eq. (4)."""
        return dfp_inverse(inverse, step, change)


@dataclass(frozen=True)
class OneStepSecant(QuasiNewtonRule):
    """BFGS from the last step alone.

    Parameters
    ----------
    line_search : LineSearch or str, optional
        The search, or its name; None steps at a fixed rate, as textbooks print it.
    rate : float
        Without a search, the length of every step in parts of the search's first length.

    Raises
    ------
    ConfigurationError
        If there is no such line search.

    Examples
    --------
    >>> OneStepSecant().search.name
    'charalambous'
    """

    line_search: LineSearch | str | None = "charalambous"
    rate: float = 1.0

    name = "one_step_secant"

    def __post_init__(self) -> None:
        self.check_search()

    def learned(self, model: Pair | None, step: Array, change: Array) -> Pair:
        """Return the last pair."""
        return step, change

    def newton(self, model: Pair, gradient: Array) -> Array:
        """Return H g of eq. (5)."""
        return one_step_secant(gradient, *model, shanno_scale(*model))
