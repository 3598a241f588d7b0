"""The error surface of two weights, and the way of an algorithm over it, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marquardt.algorithms import StepRule, Verdict, iterate
from marquardt.arrays import Array, ArrayLike
from marquardt.checks import whole
from marquardt.errors import ConfigurationError
from marquardt.numerics import hold_blas
from marquardt.objective import Derivatives, Objective

__all__ = ["Surface", "path", "surface"]

Limits = tuple[tuple[float, float], tuple[float, float]]


class Surface(NamedTuple):
    """The loss on a grid of two weights.

    Parameters
    ----------
    first, second : ndarray of shape (resolution,)
        Values of the two weights.
    losses : ndarray of shape (resolution, resolution)
        A row a value of the second weight, a column one of the first; +inf where the loss overflows.
    """

    first: Array
    second: Array
    losses: Array


def surface(
    objective: Objective,
    weights: ArrayLike,
    directions: tuple[int, int] = (0, 1),
    *,
    limits: Sequence[Sequence[float]] = ((-1.0, 1.0), (-1.0, 1.0)),
    resolution: int = 60,
) -> Surface:
    """Evaluate the loss on a grid of two weights, the others held where they are.

    Parameters
    ----------
    objective : Objective
        It counts resolution² evaluations of its value.
    weights : array-like of shape (n_weights,)
        Where the other weights are held.
    directions : tuple of int
        Numbers of the two weights, from 0.
    limits : two pairs of float
        Lowest and highest value of the first and of the second weight.
    resolution : int
        Values of each of the two weights.

    Returns
    -------
    Surface
        The grid and its losses.

    Raises
    ------
    ConfigurationError
        If the two weights are not two of the network's, the limits no ranges, or the resolution below 2.
    ShapeError
        If there are not as many weights as the network has.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> line = Objective(feed_forward(1, (), 1), [[0.0], [1.0]], [[1.0], [3.0]])
    >>> surface(line, [0.0, 0.0], limits=((0, 2), (0, 1)), resolution=2).losses
    array([[5., 1.],
           [2., 0.]])
    """
    first, second = two_weights(directions, objective.n_weights)
    whole(resolution, "resolution", minimum=2)
    values = [np.linspace(*pair, resolution) for pair in checked_limits(limits)]
    losses = np.empty((resolution, resolution))
    with hold_blas():
        for row, trial in enumerate(values[1]):
            for column, current in enumerate(values[0]):
                # The objective keeps the point that it is given: each has an array of its own.
                point = np.array(weights, dtype=np.float64)
                point[[first, second]] = current, trial
                losses[row, column] = objective.at(point, Derivatives.VALUE).loss
    return Surface(values[0], values[1], losses)


def path(objective: Objective, rule: StepRule, weights: ArrayLike, epochs: int = 100) -> Array:
    """Train without stops but the rule's own, and return all accepted points.

    Parameters
    ----------
    objective : Objective
        What is minimized.
    rule : StepRule
        How.
    weights : array-like of shape (n_weights,)
        The start.
    epochs : int
        Accepted steps, at most.

    Returns
    -------
    ndarray of shape (n_steps + 1, n_weights)
        The start first.

    Raises
    ------
    ConfigurationError
        If `epochs` is not a whole number from 0 up, or the rule refuses the objective.
    ShapeError
        If there are not as many weights as the network has.
    DataError
        If the loss overflows at the start.

    Examples
    --------
    >>> from marquardt.algorithms import LevenbergMarquardt
    >>> from marquardt.networks import feed_forward
    >>> line = Objective(feed_forward(1, (), 1), [[0.0], [1.0]], [[1.0], [3.0]])
    >>> path(line, LevenbergMarquardt(), [0.0, 0.0], epochs=2).round(3)
    array([[0.   , 0.   ],
           [1.997, 1.001],
           [2.   , 1.   ]])
    """
    whole(epochs, "epochs", minimum=0)
    points: list[Array] = []
    with hold_blas():
        start = np.array(weights, dtype=np.float64)
        for row in iterate(objective, rule.prepared_for(objective.info), start):
            if row.verdict in (Verdict.ACCEPT, Verdict.SETTLED):
                points.append(row.current.weights)
            if row.epoch >= epochs:
                break
    return np.array(points)


def two_weights(directions: tuple[int, int], n_weights: int) -> tuple[int, int]:
    """Return the numbers of two weights, or refuse them."""
    try:
        first, second = (whole(number, "The number of a weight") for number in directions)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"directions must be the numbers of two weights, got {directions!r}.") from error
    if first == second or max(first, second) >= n_weights:
        raise ConfigurationError(
            f"directions must be two different numbers of weights from 0 to {n_weights - 1}, got {directions!r}."
        )
    return first, second


def checked_limits(limits: Sequence[Sequence[float]]) -> Limits:
    """Return two ranges, or refuse them."""
    given = np.asarray(limits, dtype=np.float64) if np.shape(limits) == (2, 2) else None
    if given is None or not np.isfinite(given).all() or not (given[:, 0] < given[:, 1]).all():
        raise ConfigurationError(
            f"limits must be two pairs of numbers, lowest and highest, got {limits!r}. Example: ((-2, 2), (0, 5))."
        )
    (left, right), (bottom, top) = given.tolist()
    return (left, right), (bottom, top)
