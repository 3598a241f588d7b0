"""A network that is asked to learn what another one, smaller and drawn from a seed, has computed."""

from __future__ import annotations

import numpy as np

from marquardt.checks import non_negative, whole
from marquardt.networks import feed_forward
from marquardt.problems.problem import Problem

__all__ = ["teacher"]


def teacher(
    n_samples: int = 10_000,
    n_inputs: int = 20,
    hidden: int = 30,
    n_outputs: int = 1,
    noise: float = 0.05,
    seed: int = 0,
    goal: float = 0.004,
) -> Problem:
    """Learn from a teacher: a tanh network with a third of the hidden units, and noise on what it says.

    The teacher's weights are normal, those of a hidden unit with variance 1/n_inputs; inputs are uniform in [−1, 1].

    Parameters
    ----------
    n_samples, n_inputs, hidden, n_outputs : int
        Sizes; the defaults, and (5000, 20, 30, 10) with noise 0.09 and goal 0.01, are problems of medium size on which
        L-BFGS takes about 200 and 100 iterations.
    noise : float
        Standard deviation of the noise, in parts of the standard deviation of the teacher's outputs.
    seed : int
        Of teacher, samples and noise.
    goal : float
        The mean squared error to reach; above noise² or it has to be learned by heart.

    Returns
    -------
    Problem
        With a network of one hidden layer and targets standardized, noise included.

    Raises
    ------
    ConfigurationError
        If a size is below 1, or the noise negative.

    Examples
    --------
    >>> teacher(500, 5, 9, 2).describe()
    'teacher: 5-9-2 tanh, identity, 74 weights, 500 samples, goal mse 0.004'
    """
    whole(n_samples, "n_samples", minimum=2)
    for what, size in (("n_inputs", n_inputs), ("hidden", hidden), ("n_outputs", n_outputs)):
        whole(size, what, minimum=1)
    non_negative(noise, "noise")
    whole(seed, "seed")
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, (n_samples, n_inputs))
    units = max(1, hidden // 3)
    into = rng.normal(0.0, 1.0 / np.sqrt(n_inputs), (n_inputs, units))
    biases = rng.normal(0.0, 0.5, units)
    y = np.tanh(x @ into + biases) @ rng.normal(size=(units, n_outputs))
    y = y / y.std(axis=0) + noise * rng.normal(size=y.shape)
    return Problem(
        "teacher",
        feed_forward(n_inputs, hidden, n_outputs),
        x,
        (y - y.mean(axis=0)) / y.std(axis=0),
        goal=goal,
        source=(
            f"A tanh network with {units} hidden units drawn from seed {seed}, with noise of {noise:g} times the "
            f"deviation of its outputs."
        ),
    )
