"""Which algorithm, from the sizes of a problem: what ``algorithm="auto"`` means.

Levenberg–Marquardt needs few epochs, but an epoch costs a pass for the normal equations and a Cholesky factorization
of n_weights³/3; BFGS needs many more, of a gradient and a few products with a matrix; L-BFGS more still, of a gradient
and a few vectors. Where one overtakes the other was measured (`benchmarks/crossovers.py`, docs/choose-an-algorithm.md)
and is kept here as limits on the number of weights. The order of the questions:

1. Are the residuals few, and at most half as many as the weights? Then Levenberg–Marquardt solves its normal equations
   in sample space, by a matrix of the residuals, and is first whatever the number of weights.
2. Is there room for matrices of n_weights × n_weights? If not: L-BFGS.
3. Is the weight decay to be chosen by its evidence? It is made of the normal equations: Levenberg–Marquardt.
4. Is the network small enough for Levenberg–Marquardt? If not: BFGS where its matrix costs less than a gradient, that
   is with many samples a weight, else L-BFGS.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from marquardt.objective import Facts, readable_bytes

__all__ = ["DAMPING", "Choice", "choose"]

LM_WEIGHTS = 4000
"""Weights up to which Levenberg–Marquardt was first to the goal, rounded up from the 3,501 that were measured."""
LM_RESIDUALS = 2000
"""Residuals up to which Levenberg–Marquardt in sample space was measured to be first: on 200 to 2,000 samples of ten
inputs and 1,441 to 24,001 weights, it took from a half to a fortieth of the time of L-BFGS."""
SAMPLES_A_WEIGHT = 10
"""Samples a weight from which the matrix of BFGS costs less than a gradient: a few passes over n_weights² numbers
against six multiplications a sample and weight."""
DAMPING: dict[str, Any] = {"mu_init": 0.03, "mu_relative": True, "damping": "fan"}
"""How Levenberg–Marquardt's μ begins and moves where it was chosen: what was best or near it on all problems of
`benchmarks/damping.py`. Where it is named, its defaults stay those that the field knows."""


class Choice(NamedTuple):
    """An algorithm, and why.

    Parameters
    ----------
    algorithm : str
        Its name.
    reason : str
        One sentence, with the numbers that decided.
    settings : mapping
        Its hyper-parameters, where they are not its defaults.
    """

    algorithm: str
    reason: str
    settings: Mapping[str, Any] = MappingProxyType({})


def choose(facts: Facts, memory: float, is_decay_weighed: bool = False) -> Choice:
    """Choose an algorithm.

    Parameters
    ----------
    facts : Facts
        Of the problem.
    memory : float
        Bytes that there are for matrices.
    is_decay_weighed : bool
        Whether the weight decay is chosen by its evidence.

    Returns
    -------
    Choice
        Name, reason and settings.

    Examples
    --------
    >>> choose(Facts(n_weights=31, n_outputs=1, n_samples=200, n_residuals=200.0), memory=1e9).algorithm
    'levenberg_marquardt'
    """
    n = facts.n_weights
    residuals = facts.n_samples * facts.n_outputs
    is_wide = n > LM_WEIGHTS and 2 * residuals <= n and residuals <= LM_RESIDUALS
    # The evidence is made of the matrix of the weights.
    if is_wide and facts.has_curvature and not is_decay_weighed and 3 * 8.0 * residuals**2 <= memory:
        return Choice(
            "levenberg_marquardt",
            f"{n:,} weights are many, but {residuals:,} residuals are few: in sample space, by a matrix of "
            f"{residuals:,} × {residuals:,}, Levenberg–Marquardt was first to its goal up to {LM_RESIDUALS:,}.",
            DAMPING,
        )
    matrix = 8.0 * n * n
    if 3 * matrix > memory:
        return Choice(
            "lbfgs",
            f"A matrix of {n:,} × {n:,} weights takes {readable_bytes(matrix)}, three of them more than the "
            f"{readable_bytes(memory)} there are: L-BFGS keeps vectors only.",
        )
    if not facts.has_curvature:
        return Choice("bfgs", f"The loss {facts.loss!r} has no curvature, which Levenberg–Marquardt needs.")
    if is_decay_weighed:
        return Choice(
            "levenberg_marquardt",
            "The evidence chooses the weight decay from the normal equations: they serve the steps, too.",
        )
    if n <= LM_WEIGHTS:
        return Choice(
            "levenberg_marquardt",
            f"{n:,} weights are few: up to {LM_WEIGHTS:,}, Levenberg–Marquardt was first to its goal.",
            DAMPING,
        )
    many = f"{n:,} weights are many for Levenberg–Marquardt, whose epoch costs their cube"
    if facts.n_samples >= SAMPLES_A_WEIGHT * n:
        return Choice("bfgs", f"{many}; beside {facts.n_samples:,} samples the matrix of BFGS costs little.")
    return Choice(
        "lbfgs",
        f"{many}, and a matrix for BFGS would cost more than the gradient of {facts.n_samples:,} samples.",
    )
