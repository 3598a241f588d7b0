"""Losses that are a sum over outputs, each a function of the residual r = output − target alone.

| loss       | value ρ(r)             | slope ρ′      | curvature used         |
|------------|------------------------|---------------|------------------------|
| squares    | r²/2                   | r             | 1                      |
| Huber      | r²/2, or c|r| − c²/2   | r, or ±c      | 1, or 0                |
| soft L1    | c²(√(1+u) − 1)         | r/√(1+u)      | (1+u)^(−3/2)           |
| Cauchy     | c²/2 · log(1+u)        | r/(1+u)       | max((1−u)/(1+u)², 0)   |

with u = (r/c)² and c the scale. The curvature is the true ρ″ wherever that is not negative, so that the
generalized Gauss–Newton matrix is positive semidefinite; beyond its scale a residual pulls (by the gradient) but
does not stiffen the step. `second` is the true ρ″ everywhere; it differs for Cauchy's loss only, (1−u)/(1+u)².
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import positive
from marquardt.errors import ConfigurationError

__all__ = ["Cauchy", "Huber", "SoftL1", "Squares"]


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


@dataclass(frozen=True)
class _Robust:
    """What the robust losses share: a scale, in scaled-target units."""

    scale: float = 1.0

    metric = "loss"
    link = None

    def __post_init__(self) -> None:
        scale = positive(self.scale, "the scale of a robust loss")
        if not np.isfinite(scale):
            raise ConfigurationError(f"The scale of a robust loss must be finite, got {scale}. Use squares instead.")
        object.__setattr__(self, "scale", scale)

    def _ratio(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """r, and u = (r/c)²."""
        residual = outputs - targets
        return residual, (residual / self.scale) ** 2


@dataclass(frozen=True)
class Huber(_Robust):
    """Squares near zero, absolute values beyond the scale (Huber 1964).

    Parameters
    ----------
    scale : float
        Where the loss turns linear, in scaled-target units.

    Raises
    ------
    ConfigurationError
        If the scale is not a positive, finite number.

    Examples
    --------
    >>> Huber(scale=1.0).value(np.array([[3.0]]), np.array([[0.0]]))
    array([[2.5]])
    """

    name = "huber"

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return r²/2, or c|r| − c²/2 where |r| > c, of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        size = np.abs(outputs - targets)
        near = np.minimum(size, self.scale)
        value: Array = near * (size - 0.5 * near)
        return value

    def slope(self, outputs: Array, targets: Array) -> Array:
        """Return r, held to [−c, c], of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        return np.clip(outputs - targets, -self.scale, self.scale)

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return 1, or 0 where |r| > c, of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        return (np.abs(outputs - targets) <= self.scale).astype(np.float64)

    second = curvature  # exact as it is


@dataclass(frozen=True)
class SoftL1(_Robust):
    """A smooth passage from squares to absolute values, c²(√(1 + (r/c)²) − 1).

    Parameters
    ----------
    scale : float
        c, in scaled-target units.

    Raises
    ------
    ConfigurationError
        If the scale is not a positive, finite number.

    Examples
    --------
    >>> SoftL1().slope(np.array([[0.0]]), np.array([[0.0]]))
    array([[0.]])
    """

    name = "soft_l1"

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return c²(√(1+u) − 1), of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        _, ratio = self._ratio(outputs, targets)
        # u/(√(1+u) + 1) instead of √(1+u) − 1: no cancellation for small residuals.
        value: Array = self.scale**2 * ratio / (np.sqrt(1.0 + ratio) + 1.0)
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
class Cauchy(_Robust):
    """The Cauchy (Lorentzian) loss, c²/2 · log(1 + (r/c)²): far residuals hardly count.

    Parameters
    ----------
    scale : float
        c, in scaled-target units.

    Raises
    ------
    ConfigurationError
        If the scale is not a positive, finite number.

    Examples
    --------
    >>> Cauchy().slope(np.array([[1.0]]), np.array([[0.0]]))
    array([[0.5]])
    """

    name = "cauchy"

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return c²/2 · log(1+u), of shape (n_outputs, n_samples).

        Parameters
        ----------
        outputs, targets : ndarray of shape (n_outputs, n_samples)
            A column is a sample.
        """
        _, ratio = self._ratio(outputs, targets)
        value: Array = 0.5 * self.scale**2 * np.log1p(ratio)
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
