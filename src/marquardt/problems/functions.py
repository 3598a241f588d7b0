"""Functions and curves that networks are asked to learn."""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import non_negative, positive, whole
from marquardt.networks import cascade_forward, feed_forward
from marquardt.problems.problem import Problem
from marquardt.problems.two_classes import two_classes, with_settings

__all__ = ["friedman", "rosenbrock", "sinc", "two_spirals"]


def two_spirals(
    hidden: int | None = None,
    gain: float = 1.0,
    loss: str = "squares",
    initialization: str = "nguyen_widrow",
    spread: float = 1.0,
    radius: float = 1.0,
    input_scaling: str = "none",
) -> Problem:
    """Two spirals: 194 points on two arms that turn three times around each other."""
    sizes = (5, 5, 5) if hidden is None else (1,) * whole(hidden, "the number of hidden units", minimum=1)
    positive(gain, "gain")
    positive(radius, "radius")
    units = f"tanh(gain={gain!r})"
    step = np.arange(97)
    angle, distance = step * np.pi / 16, radius * (104 - step) / 104
    arm = np.stack([distance * np.sin(angle), distance * np.cos(angle)], axis=1)
    targets, output, goal = two_classes(np.repeat([1.0, -1.0], 97)[:, None], loss, units)
    settings = with_settings(
        hidden=(hidden, None),
        gain=(gain, 1),
        loss=(loss, "squares"),
        initialization=(initialization, "nguyen_widrow"),
        spread=(spread, 1),
        radius=(radius, 1),
        input_scaling=(input_scaling, "none"),
    )
    return Problem(
        f"two-spirals{settings}",
        cascade_forward(2, sizes, 1, activation=units, output_activation=output),
        np.concatenate([arm, -arm]),
        targets,
        **goal,
        initialization=initialization,
        spread=spread,
        input_scaling=input_scaling,
        max_epochs=1000,
        source="Lang and Witbrock (1988), 97 points an arm, computed; goal: every point clearly on its side.",
    )


def rosenbrock(n_samples: int = 1000, n_inputs: int = 10, seed: int = 0) -> Problem:
    """Rosenbrock's valley as a surface to learn: inputs uniform in [−1, 1]."""
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
    """Friedman's first function: five inputs matter, five do not."""
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
    """Sinc: sin x / x on [−10, 10] at 201 points."""
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
