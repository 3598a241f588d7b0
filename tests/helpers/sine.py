"""The sine problem: 200 samples of sin 4πx + x/2 on [0, 1], both columns standardized; a 1-10-1 network."""

from __future__ import annotations

import numpy as np

from marquardt.losses import Squares
from marquardt.networks import feed_forward, initial_weights
from marquardt.objective import Objective

GRAPH = feed_forward(1, (10,), 1)


def standardized(column):
    return ((column - column.mean()) / column.std())[:, None]


X = np.linspace(0.0, 1.0, 200)
INPUTS, TARGETS = standardized(X), standardized(np.sin(4 * np.pi * X) + X / 2)


def objective(**options):
    return Objective(GRAPH, INPUTS, TARGETS, Squares(), **options)


def start(seed):
    """A Nguyen–Widrow start for the range of the standardized inputs."""
    ends = np.array([[INPUTS.min(), INPUTS.max()]])
    return initial_weights(GRAPH, "nguyen_widrow", np.random.default_rng(seed), input_range=ends)
