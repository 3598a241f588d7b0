"""Losses that are a sum over outputs, each a function of the residual r = output − target alone.

| loss       | value ρ(r)             | slope ρ′      | curvature used         |
|------------|------------------------|---------------|------------------------|
| squares    | r²/2                   | r             | 1                      |
| Huber      | r²/2, or c|r| − c²/2   | r, or ±c      | 1, or 0                |
| soft L1    | c²(√(1+u) − 1)         | r/√(1+u)      | (1+u)^(−3/2)           |
| Cauchy     | c²/2 · log(1+u)        | r/(1+u)       | max((1−u)/(1+u)², 0)   |

with u = (r/c)² and c the scale: a number for all outputs or one an output, in scaled-target units, or "auto". Then
whoever trains takes it from the residuals, each output by itself,

    c = k σ̂,    σ̂ = 1.4826 · median |r|                                                                       (1)

where σ̂ is the standard deviation of normal r whatever fewer than half of them are (Hampel 1974), and k such that with
nothing but normal noise the estimate has 95 % of the efficiency of least squares, (E ρ″)² / E ρ′² = 0.95: 1.345 for
Huber's loss, 2.385 for Cauchy's (Holland and Welsch 1977), and by the same equation 1.287 for soft L1. An objective by
itself, which trains nothing, takes 1 for "auto".

The curvature is the true ρ″ wherever that is not negative, so that the
generalized Gauss–Newton matrix is positive semidefinite; beyond its scale a residual pulls (by the gradient) but
does not stiffen the step. `second` is the true ρ″ everywhere; it differs for Cauchy's loss only, (1−u)/(1+u)².
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import positive
from marquardt.errors import ConfigurationError

__all__ = ["Cauchy", "Huber", "Robust", "SoftL1", "Squares", "takes_scale"]

AUTO = "auto"
"""The scale that whoever trains takes from the residuals."""


@dataclass(frozen=True)
class Squares:
    """Half the sum of squared residuals, ½ Σ v_k r_k².

    Parameters
    ----------
    output_weights : sequence of float, optional
        v, one positive weight an output; all 1 when not given.

    Raises
    ------
    ConfigurationError
        If a weight is not a positive, finite number.

    Examples
    --------
    >>> Squares().value(np.array([[3.0]]), np.array([[1.0]]))
    array([[2.]])
    """

    output_weights: tuple[float, ...] | None = None

    name = "squares"
    metric = "mse"
    link = None

    def __post_init__(self) -> None:
        if self.output_weights is not None:
            if not np.iterable(self.output_weights):
                raise ConfigurationError(f"output_weights must be one number an output, got {self.output_weights!r}.")
            weights = tuple(positive(value, "each of output_weights") for value in self.output_weights)
            if not weights or not np.isfinite(weights).all():
                raise ConfigurationError(f"output_weights must be finite and not empty, got {self.output_weights!r}.")
            object.__setattr__(self, "output_weights", weights)

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return v r²/2.

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.

        Returns
        -------
        ndarray of shape (n_outputs, n_samples)
            Each output's part of the loss.
        """
        residual = outputs - targets
        residual *= residual
        residual *= self._half_weights()
        return residual

    def slope(self, outputs: Array, targets: Array) -> Array:
        """Return v r.

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.

        Returns
        -------
        ndarray of shape (n_outputs, n_samples)
            ∂loss/∂output.
        """
        residual = outputs - targets
        if self.output_weights is not None:
            residual *= np.array(self.output_weights)[:, None]
        return residual

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return v, the same for every sample.

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.

        Returns
        -------
        ndarray of shape (n_outputs,)
            The diagonal of ∂²loss/∂output².
        """
        return np.ones(len(outputs)) if self.output_weights is None else np.array(self.output_weights)

    second = curvature  # exact as it is

    def _half_weights(self) -> float | Array:
        return 0.5 if self.output_weights is None else 0.5 * np.array(self.output_weights)[:, None]


def takes_scale(loss: object) -> bool:
    """Return whether a loss is robust and leaves its scale to whoever trains."""
    return isinstance(loss, Robust) and loss.is_automatic


def _scale(value: object) -> float:
    """One scale, checked."""
    scale = positive(value, "the scale of a robust loss")
    if not np.isfinite(scale):
        raise ConfigurationError(f"The scale of a robust loss must be finite, got {scale}. Use squares instead.")
    return scale


@dataclass(frozen=True)
class Robust:
    """What the robust losses share."""

    # In scaled-target units, one number or one an output; by default training takes it from the residuals
    scale: float | tuple[float, ...] | str = AUTO

    metric = "loss"
    link = None
    tuning = 1.0
    """k of eq. (1): the scale in standard deviations of the noise."""

    def __post_init__(self) -> None:
        scale = self.scale
        if isinstance(scale, str) and scale == AUTO:
            return
        if isinstance(scale, str) or not np.iterable(scale):
            object.__setattr__(self, "scale", _scale(scale))
            return
        each = tuple(_scale(value) for value in scale)
        if not each:
            raise ConfigurationError("The scale of a robust loss must be one number, or one an output; got none.")
        object.__setattr__(self, "scale", each)

    @property
    def is_automatic(self) -> bool:
        """Whether the scale is left to whoever trains."""
        return isinstance(self.scale, str)

    @property
    def _c(self) -> Any:
        """The scale as it is reckoned with: a number, or a column of one an output."""
        if isinstance(self.scale, tuple):
            return np.array(self.scale)[:, None]
        return 1.0 if isinstance(self.scale, str) else self.scale

    def _ratio(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """r, and u = (r/c)²."""
        residual = outputs - targets
        return residual, (residual / self._c) ** 2


@dataclass(frozen=True)
class Huber(Robust):
    """Squares near zero, absolute values beyond the scale (Huber 1964).

    Parameters
    ----------
    scale : float, sequence of float or "auto"
        Where the loss turns linear, in scaled-target units: one number, or one an output. By default training takes it
        from the residuals, 1.345 standard deviations of the noise.

    Raises
    ------
    ConfigurationError
        If a scale is not a positive, finite number.

    Examples
    --------
    >>> Huber(scale=1.0).value(np.array([[3.0]]), np.array([[0.0]]))
    array([[2.5]])
    """

    name = "huber"
    tuning = 1.345

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return r²/2, or c|r| − c²/2 where |r| > c, of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        size = np.abs(outputs - targets)
        near = np.minimum(size, self._c)
        value: Array = near * (size - 0.5 * near)
        return value

    def slope(self, outputs: Array, targets: Array) -> Array:
        """Return r, held to [−c, c], of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        slope: Array = np.clip(outputs - targets, -self._c, self._c)
        return slope

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return 1, or 0 where |r| > c, of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        curvature: Array = (np.abs(outputs - targets) <= self._c).astype(np.float64)
        return curvature

    second = curvature  # exact as it is


@dataclass(frozen=True)
class SoftL1(Robust):
    """A smooth passage from squares to absolute values, c²(√(1 + (r/c)²) − 1).

    Parameters
    ----------
    scale : float, sequence of float or "auto"
        c, in scaled-target units: one number, or one an output. By default training takes it from the residuals,
        1.287 standard deviations of the noise.

    Raises
    ------
    ConfigurationError
        If a scale is not a positive, finite number.

    Examples
    --------
    >>> SoftL1().slope(np.array([[0.0]]), np.array([[0.0]]))
    array([[0.]])
    """

    name = "soft_l1"
    tuning = 1.287

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return c²(√(1+u) − 1), of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        _, ratio = self._ratio(outputs, targets)
        # u/(√(1+u) + 1) instead of √(1+u) − 1: no cancellation for small residuals.
        value: Array = self._c**2 * ratio / (np.sqrt(1.0 + ratio) + 1.0)
        return value

    def slope(self, outputs: Array, targets: Array) -> Array:
        """Return r/√(1+u), of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        residual, ratio = self._ratio(outputs, targets)
        slope: Array = residual / np.sqrt(1.0 + ratio)
        return slope

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return (1+u)^(−3/2), of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        _, ratio = self._ratio(outputs, targets)
        curvature: Array = (1.0 + ratio) ** -1.5
        return curvature

    second = curvature  # exact as it is


@dataclass(frozen=True)
class Cauchy(Robust):
    """The Cauchy (Lorentzian) loss, c²/2 · log(1 + (r/c)²): far residuals hardly count.

    Parameters
    ----------
    scale : float, sequence of float or "auto"
        c, in scaled-target units: one number, or one an output. By default training takes it from the residuals,
        2.385 standard deviations of the noise.

    Raises
    ------
    ConfigurationError
        If a scale is not a positive, finite number.

    Examples
    --------
    >>> Cauchy().slope(np.array([[1.0]]), np.array([[0.0]]))
    array([[0.5]])
    """

    name = "cauchy"
    tuning = 2.385

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return c²/2 · log(1+u), of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        _, ratio = self._ratio(outputs, targets)
        value: Array = 0.5 * self._c**2 * np.log1p(ratio)
        return value

    def slope(self, outputs: Array, targets: Array) -> Array:
        """Return r/(1+u), of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        residual, ratio = self._ratio(outputs, targets)
        slope: Array = residual / (1.0 + ratio)
        return slope

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return max((1−u)/(1+u)², 0), of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        _, ratio = self._ratio(outputs, targets)
        curvature: Array = np.maximum(1.0 - ratio, 0.0) / (1.0 + ratio) ** 2
        return curvature

    def second(self, outputs: Array, targets: Array) -> Array:
        """Return (1−u)/(1+u)², of shape (n_outputs, n_samples): negative beyond the scale.

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        _, ratio = self._ratio(outputs, targets)
        second: Array = (1.0 - ratio) / (1.0 + ratio) ** 2
        return second
