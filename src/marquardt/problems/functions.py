"""Functions and curves that networks are asked to learn."""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import non_negative, whole
from marquardt.networks import cascade_forward, feed_forward
from marquardt.problems.problem import Problem

__all__ = ["friedman", "rosenbrock", "sinc", "two_spirals"]


def two_spirals() -> Problem:
    """Two spirals: 194 points on two arms that turn three times around each other.

    Returns
    -------
    Problem
        The points of Lang and Witbrock (1988), scaled to [−1, 1], and their network with shortcuts, 2-5-5-5-1.
    """
    step = np.arange(97)
    angle, radius = step * np.pi / 16, (104 - step) / 104
    arm = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    return Problem(
        "two-spirals",
        cascade_forward(2, (5, 5, 5), 1, output_activation="tanh"),
        np.concatenate([arm, -arm]),
        np.repeat([1.0, -1.0], 97)[:, None],
        goal=0.01,
        max_epochs=1000,
        source="Lang and Witbrock (1988), 97 points an arm, computed; goal: every point clearly on its side.",
    )


def rosenbrock(n_samples: int = 1000, n_inputs: int = 10, seed: int = 0) -> Problem:
    """Rosenbrock's valley as a surface to learn: inputs uniform in [−1, 1].

    Parameters
    ----------
    n_samples : int
        Samples; 10,000 in the benchmark that made it known, a tenth here.
    n_inputs : int
        From 2 up.
    seed : int
        Of the samples.

    Returns
    -------
    Problem
        With a network n-10-1 and targets of variance 1.
    """
    whole(n_samples, "n_samples", minimum=2)
    whole(n_inputs, "n_inputs", minimum=2)
    whole(seed, "seed")
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, (n_samples, n_inputs))
    y = (100.0 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1.0 - x[:, :-1]) ** 2).sum(axis=1)
    return Problem(
        "rosenbrock",
        feed_forward(n_inputs, 10, 1),
        x,
        _standardized(y),
        goal=0.125,
        source=(
            "Computed from a seed, as in the precision benchmark of Neural Designer, which has 10,000 samples of 10 "
            "inputs. Goal: an eighth of the variance, about what ten units can do."
        ),
    )


def friedman(n_samples: int = 500, noise: float = 0.0, seed: int = 0) -> Problem:
    """Friedman's first function: five inputs matter, five do not.

    Parameters
    ----------
    n_samples : int
        Samples.
    noise : float
        Standard deviation of the noise on the targets, whose own is about 5.
    seed : int
        Of the samples.

    Returns
    -------
    Problem
        With a network 10-10-1, inputs scaled to [−1, 1] and targets to variance 1.
    """
    from sklearn.datasets import make_friedman1

    whole(n_samples, "n_samples", minimum=2)
    non_negative(noise, "noise")
    whole(seed, "seed")
    x, y = make_friedman1(n_samples, 10, noise=noise, random_state=seed)
    return Problem(
        "friedman-1",
        feed_forward(10, 10, 1),
        2.0 * x - 1.0,
        _standardized(y),
        goal=0.002,
        source="sklearn.datasets.make_friedman1 (Friedman 1991). Goal: a five-hundredth of the variance.",
    )


def sinc() -> Problem:
    """Sinc: sin x / x on [−10, 10] at 201 points.

    Returns
    -------
    Problem
        With a network 1-8-1 on the interval scaled to [−1, 1].
    """
    x = np.linspace(-1.0, 1.0, 201)[:, None]
    return Problem(
        "sinc",
        feed_forward(1, 8, 1),
        x,
        np.sinc(10.0 * x / np.pi),
        goal=1e-5,
        source="Computed. Goal: a root mean square of about 0.003.",
    )


def _standardized(y: Array) -> Array:
    scaled: Array = ((y - y.mean()) / y.std())[:, None]
    return scaled
