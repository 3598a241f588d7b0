"""Which algorithm, from the sizes of a problem: what ``algorithm="auto"`` means.

Levenberg–Marquardt needs few epochs, but an epoch costs the normal equations and a Cholesky factorization. Where those
of a part of the samples, now and then, and quasi-Newton steps in between (`lm_bfgs`) cost a good deal less, they are
several times as fast; where they do not, as in small networks and in the compiled kernel, nothing is faster than
Levenberg–Marquardt itself. What they cost is estimated (`marquardt.objective.cost`); how much less it has to be was
measured (`benchmarks/crossovers.py`, docs/choose-an-algorithm.md). The order of the questions:

1. Are the residuals few, and at most half as many as the weights? Then Levenberg–Marquardt solves its normal equations
   in sample space, by a matrix of the residuals, and is first whatever the number of weights.
   The evidence for a weight decay is then made of the same matrix, whatever the number of weights.
2. Is there room for matrices of n_weights × n_weights? If not: L-BFGS.
3. Is the weight decay to be chosen by its evidence? It is made of the normal equations: Levenberg–Marquardt, unless
   they are very dear.
4. What do the normal equations cost? Where they are solved in sample space, or cost little: Levenberg–Marquardt. Where
   much: a part of the samples and quasi-Newton steps in between, up to a number of weights where a single
   factorization takes too long; beyond: BFGS where its matrix costs less than a gradient, that is with many samples a
   weight, else L-BFGS. Where every pass reads files, which costs the same whatever is computed, it is the number of
   passes that counts: Levenberg–Marquardt.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from marquardt.algorithms.lm_bfgs import first_samples
from marquardt.objective import Costs, ProblemInfo, readable_bytes

__all__ = ["DAMPING", "Choice", "choose"]

LM_WEIGHTS = 4000
"""Weights up to which a matrix is taken where there is no price, and residuals where it is theirs: rounded up from the
3,501 that were measured."""
BLEND_WEIGHTS = 10_000
"""Weights up to which a matrix now and then pays: its factorization takes some ten seconds there."""
EVIDENCE_MATRICES = 12
"""Matrices of residuals × residuals that Levenberg–Marquardt in sample space and the evidence take, of a few layers."""
EPOCH_SECONDS = 1e-4
"""What surrounds an epoch in Python; Levenberg–Marquardt in the compiled kernel goes without."""
STEPS_A_CYCLE, STEPS_A_FACTOR = 2.0, 4.0
"""Quasi-Newton steps for which a matrix of a part of the samples is made, and a factor of it, when `lm_bfgs` is weighed
against an epoch of Levenberg–Marquardt."""
ADVANTAGE = 1.75
"""How many times as much an epoch of Levenberg–Marquardt must take: with 1.6 it was level, with 2 first by half."""
DEAR_PRICE = 50.0
"""Gradients from which normal equations and a step are dear enough to be shared by many steps whatever the part of the
samples, and where the evidence chooses the weight decay, which takes the normal equations once a round anyway: at 25
gradients it made no difference (Friedman, 361 weights), at 140 (digits, 1,510) it was six times as fast."""
LM_RESIDUALS = 2000
"""Residuals up to which Levenberg–Marquardt in sample space was measured to be first: on 200 to 2,000 samples of ten
inputs and 1,441 to 24,001 weights, it took from a half to a fortieth of the time of L-BFGS."""
SAMPLES_A_WEIGHT = 10
"""Samples a weight from which the matrix of BFGS costs less than a gradient: a few passes over n_weights² numbers
against six multiplications a sample and weight."""
DAMPING: dict[str, Any] = {"mu_init": 0.03, "mu_relative": True, "damping": "fan", "precision": "mixed"}
"""Levenberg–Marquardt where it was chosen: μ begins and moves as was best or near it on all problems of
`benchmarks/damping.py`, and the matrix is in single precision while μ covers it. Where it is named, its defaults stay
those that the field knows."""


class Choice(NamedTuple):
    """An algorithm, and why."""

    algorithm: str
    reason: str  # One sentence, with the numbers that decided
    settings: Mapping[str, Any] = MappingProxyType({})  # Its hyper-parameters, where they are not its defaults


def choose(info: ProblemInfo, memory: float, is_decay_weighed: bool = False) -> Choice:
    """Choose an algorithm."""
    of_few = _for_few_residuals(info, memory, is_decay_weighed)
    if of_few is not None:
        return of_few
    n, matrix = info.n_weights, 8.0 * info.n_weights**2
    if 3 * matrix > memory:
        return Choice(
            "lbfgs",
            f"A matrix of {n:,} × {n:,} weights takes {readable_bytes(matrix)}, three of them more than the "
            f"{readable_bytes(memory)} there are: L-BFGS keeps vectors only.",
        )
    if not info.has_curvature:
        return Choice("bfgs", f"The loss {info.loss!r} has no curvature, which Levenberg–Marquardt needs.")
    costs = None if info.costs is None else info.costs()
    has_room = n <= BLEND_WEIGHTS and 4 * matrix <= memory
    if is_decay_weighed and not (has_room and _is_dear(costs) and not _is_sampled(info, costs)):
        return Choice(
            "levenberg_marquardt",
            "The evidence chooses the weight decay from the normal equations: they serve the steps, too.",
        )
    return _by_passes(info) if costs is None else _by_price(info, costs, has_room)


def _for_few_residuals(info: ProblemInfo, memory: float, is_decay_weighed: bool) -> Choice | None:
    """What solves the normal equations by a matrix of the residuals, where these are few beside the weights."""
    n, residuals = info.n_weights, info.n_samples * info.n_outputs
    if not info.has_curvature or 2 * residuals > n or residuals > LM_RESIDUALS:
        return None
    matrix = 8.0 * residuals**2
    if is_decay_weighed and EVIDENCE_MATRICES * matrix <= memory:
        return Choice(
            "levenberg_marquardt",
            f"The evidence chooses the weight decay from the normal equations, and {residuals:,} residuals are few "
            f"beside {n:,} weights: both are solved by a matrix of {residuals:,} × {residuals:,}.",
        )
    if not is_decay_weighed and n > LM_WEIGHTS and 3 * matrix <= memory:
        return Choice(
            "levenberg_marquardt",
            f"{n:,} weights are many, but {residuals:,} residuals are few: in sample space, by a matrix of "
            f"{residuals:,} × {residuals:,}, Levenberg–Marquardt was first to its goal up to {LM_RESIDUALS:,}.",
            DAMPING,
        )
    return None


def _is_sampled(info: ProblemInfo, costs: Costs | None) -> bool:
    """Whether the normal equations are solved in sample space."""
    return costs is not None and costs.form == "samples" and info.n_samples * info.n_outputs <= LM_WEIGHTS


def _is_dear(costs: Costs | None) -> bool:
    """Whether normal equations and a step are shared by many steps whatever the part of the samples."""
    return costs is not None and costs.price >= DEAR_PRICE


def _by_price(info: ProblemInfo, costs: Costs, has_room: bool) -> Choice:
    """What the price of the normal equations and a step says."""
    n, residuals = info.n_weights, info.n_samples * info.n_outputs
    if _is_sampled(info, costs):
        return Choice(
            "levenberg_marquardt",
            f"{residuals:,} residuals are few beside {n:,} weights: in sample space, by a matrix of "
            f"{residuals:,} × {residuals:,}, Levenberg–Marquardt was first to its goal.",
            DAMPING,
        )
    if not _is_dear(costs) and _advantage(costs, info) < ADVANTAGE:
        kernel = " in the compiled kernel" if costs.form == "compiled" else ""
        return Choice(
            "levenberg_marquardt",
            f"{n:,} weights are few: the normal equations and a step cost as much as {costs.price:.2g} gradients"
            f"{kernel}, and Levenberg–Marquardt needs fewest epochs.",
            DAMPING,
        )
    if has_room:
        return Choice(
            "lm_bfgs",
            f"With {n:,} weights the normal equations and a step cost as much as {costs.price:.2g} gradients: a few "
            f"Levenberg–Marquardt steps, and quasi-Newton steps in between.",
        )
    if n <= BLEND_WEIGHTS:
        return _without_normal_equations(info, f"There is no room for four matrices of {n:,} × {n:,} weights")
    return _without_normal_equations(info, _too_many(info))


def _by_passes(info: ProblemInfo) -> Choice:
    """Where every pass reads files: what needs fewest."""
    if info.n_weights <= LM_WEIGHTS:
        return Choice(
            "levenberg_marquardt",
            f"{info.n_weights:,} weights are few, and a pass over the samples is dear: Levenberg–Marquardt needs "
            f"fewest.",
            DAMPING,
        )
    return _without_normal_equations(info, _too_many(info))


def _too_many(info: ProblemInfo) -> str:
    n = info.n_weights
    return f"{n:,} weights are many for a matrix of the normal equations, whose factorization costs their cube"


def _without_normal_equations(info: ProblemInfo, reason: str) -> Choice:
    if info.n_samples >= SAMPLES_A_WEIGHT * info.n_weights:
        return Choice("bfgs", f"{reason}; beside {info.n_samples:,} samples the matrix of BFGS costs little.")
    return Choice(
        "lbfgs",
        f"{reason}, and a matrix for BFGS would cost more than the gradient of {info.n_samples:,} samples.",
    )


def _advantage(costs: Costs, info: ProblemInfo) -> float:
    """What an epoch of Levenberg–Marquardt takes over what of `lm_bfgs` stands beside it."""
    is_compiled = costs.form == "compiled"
    part = min(1.0, first_samples(info.n_weights, info.n_outputs) / info.n_samples)
    blended = part * costs.normal + costs.solution / STEPS_A_FACTOR
    blended += STEPS_A_CYCLE * (costs.gradient + EPOCH_SECONDS)
    return (costs.normal + costs.solution + EPOCH_SECONDS * (not is_compiled)) / blended
