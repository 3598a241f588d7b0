"""Parity: is the number of ones among N bits odd?"""

from __future__ import annotations

import itertools

import numpy as np

from marquardt.checks import one_of, positive, whole
from marquardt.errors import ConfigurationError
from marquardt.networks import LayerGraph, cascade_forward, feed_forward
from marquardt.problems.problem import Problem
from marquardt.problems.two_classes import two_classes, with_settings

__all__ = ["WIRINGS", "parity"]

WIRINGS = ("multilayer", "bridged", "cascade")

MOST_BITS = 16
"""65,536 samples."""


def parity(
    n_bits: int,
    wiring: str = "multilayer",
    hidden: int | None = None,
    gain: float = 1.0,
    loss: str = "squares",
    spread: float = 1.0,
) -> Problem:
    """Parity of N bits: all 2^N patterns of −1 and 1, tanh units, uniform starts."""
    n_bits = whole(n_bits, "the number of bits", minimum=2)
    if n_bits > MOST_BITS:
        raise ConfigurationError(
            f"The number of bits must be at most {MOST_BITS}, which are {2**MOST_BITS:,} samples, got {n_bits}."
        )
    one_of(wiring, WIRINGS, "wiring")
    if hidden is None:
        hidden = {"multilayer": max(2, n_bits - 1), "bridged": n_bits // 2, "cascade": n_bits.bit_length() - 1}[wiring]
    hidden = whole(hidden, "the number of hidden units", minimum=1)
    gain = positive(gain, "gain")
    inputs = np.array(list(itertools.product((-1.0, 1.0), repeat=n_bits)))
    # −(−1)^(ones): 1 where the number of ones is odd.
    targets = -np.prod(-inputs, axis=1, keepdims=True)
    suffix = "" if wiring == "multilayer" else f"-{wiring}"
    units = f"tanh(gain={gain!r})"
    targets, output, goal = two_classes(targets, loss, units)
    settings = with_settings(gain=(gain, 1), loss=(loss, "squares"), spread=(spread, 1))
    return Problem(
        f"parity-{n_bits}{suffix}:{hidden}{settings}",
        _graph(n_bits, wiring, hidden, units, output),
        inputs,
        targets,
        **goal,
        initialization="uniform",
        spread=spread,
        source="All patterns of the bits. The goal is the one of Yu and Wilamowski, 'Levenberg–Marquardt Training'.",
    )


def _graph(n_bits: int, wiring: str, hidden: int, units: str, output: str) -> LayerGraph:
    if wiring == "multilayer":
        return feed_forward(n_bits, hidden, 1, activation=units, output_activation=output)
    sizes = (hidden,) if wiring == "bridged" else (1,) * hidden
    return cascade_forward(n_bits, sizes, 1, activation=units, output_activation=output)
