"""What the quasi-Newton methods share: they learn the inverse Hessian H from the steps themselves.

    s = w − w_before,     y = g − g_before,     H y = s          (the secant equation)                  (1)
    d = −H g,             w ← w + t d,          t from a line search, t = 1 looked at first             (2)

A matrix learned from pairs with yᵀs > 0 is positive definite, so d goes downhill. The strong Wolfe conditions grant
yᵀs > 0; after another search, or where rounding is all that is left of y, it may fail: such a pair is skipped, and H
stays. Before the first pair, and after a search that failed, there is no H: d = −g, with a length that moves the
weights by at most 1.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np

from marquardt.algorithms.descent import DirectionRule, Heading, steepest_length
from marquardt.arrays import Array
from marquardt.checks import positive
from marquardt.errors import ConfigurationError
from marquardt.numerics.quasi_newton import is_curved, shanno_scale
from marquardt.objective import Evaluation

__all__ = ["MatrixRule", "QuasiNewtonMemory", "QuasiNewtonRule"]


class QuasiNewtonMemory(NamedTuple):
    """What a quasi-Newton method remembers.

    Parameters
    ----------
    weights, gradient : ndarray of shape (n_weights,)
        Of the last accepted point.
    model : object
        What was learned of the inverse Hessian: a matrix, or pairs (s, y); None before the first pair.
    """

    weights: Array
    gradient: Array
    model: Any


class QuasiNewtonRule(DirectionRule):
    """A rule that searches along −H g, H learned from its own steps."""

    @abstractmethod
    def learned(self, model: Any, step: Array, change: Array) -> Any:
        """Return the model with one more pair.

        Parameters
        ----------
        model : object
            So far; None at first. It is not changed.
        step, change : ndarray of shape (n_weights,)
            s and y of eq. (1), with yᵀs > 0.

        Returns
        -------
        object
            A new one.
        """

    @abstractmethod
    def newton(self, model: Any, gradient: Array) -> Array:
        """Return H g.

        Parameters
        ----------
        model : object
            As `learned` returned it.
        gradient : ndarray of shape (n_weights,)
            g.

        Returns
        -------
        ndarray of shape (n_weights,)
            The step of Newton's method with H for the inverse Hessian, but for its sign.
        """

    def heading(self, here: Evaluation, memory: QuasiNewtonMemory | None, taken: float) -> Heading:
        """Learn from the last step, and return −H g.

        Parameters
        ----------
        here : Evaluation
            The accepted point.
        memory : QuasiNewtonMemory, optional
            Of the point before.
        taken : float
            Length of the last step.
        """
        assert here.gradient is not None
        model = None
        if memory is not None:
            step, change = here.weights - memory.weights, here.gradient - memory.gradient
            model = self.learned(memory.model, step, change) if is_curved(step, change) else memory.model
        remembered = QuasiNewtonMemory(here.weights, here.gradient, model)
        if model is None:
            return Heading(-here.gradient, steepest_length(here.gradient), remembered)
        return Heading(-self.newton(model, here.gradient), 1.0, remembered)


class MatrixRule(QuasiNewtonRule):
    """A quasi-Newton rule whose H is a matrix.

    Attributes
    ----------
    first_scale : float
        H before the first update, in parts of (yᵀs/yᵀy) I; a field of the rules that derive from this.
    """

    first_scale: float
    matrices = 3

    def check_scale(self) -> None:
        """Refuse a scale that cannot be."""
        if positive(self.first_scale, "first_scale") == math.inf:
            raise ConfigurationError(f"first_scale must be finite, got {self.first_scale!r}. The usual value is 10.")

    @abstractmethod
    def updated(self, inverse: Array, step: Array, change: Array) -> Array:
        """Return a new H that satisfies the secant equation.

        Parameters
        ----------
        inverse : ndarray of shape (n_weights, n_weights)
            H.
        step, change : ndarray of shape (n_weights,)
            s and y.

        Returns
        -------
        ndarray of shape (n_weights, n_weights)
            Symmetric and positive definite.
        """

    def learned(self, model: Array | None, step: Array, change: Array) -> Array:
        """Return H after one more pair.

        Parameters
        ----------
        model : ndarray of shape (n_weights, n_weights), optional
            H; before the first pair None.
        step, change : ndarray of shape (n_weights,)
            s and y.
        """
        if model is None:
            model = self.first_scale * shanno_scale(step, change) * np.eye(len(step))
        return self.updated(model, step, change)

    def newton(self, model: Array, gradient: Array) -> Array:
        """Return H g.

        Parameters
        ----------
        model : ndarray of shape (n_weights, n_weights)
            H.
        gradient : ndarray of shape (n_weights,)
            g.
        """
        product: Array = model @ gradient
        return product
