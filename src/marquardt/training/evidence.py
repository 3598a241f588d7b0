"""Weight decay chosen by the data: training in rounds, each with the α that the last one makes most probable.

MacKay (1992), "A practical Bayesian framework for backpropagation networks", with the Gauss–Newton matrix as
Hessian as in Foresee and Hagan (1997). The loss is E = E_D + Σ_l λ_l ½|w_l|² over the layers l, λ_l = α_l s² with
s² the variance of the noise in scaled units (1 for a cross-entropy, whose value is a log-likelihood already). At
its minimum, with H = JᵀΛJ + diag(λ), K weights and N residuals,

    γ_l = k_l − λ_l Σ_{i∈l} (H⁻¹)_ii         weights of layer l that the data determine                     (1)
    s²  = 2 E_D / (N − γ),                    γ = K − Σ_l λ_l Σ_{i∈l} (H⁻¹)_ii                               (2)
    α_l = γ_l / |w_l|²                                                                                      (3)
    ln p = −E/s² − ½ ln det(H/s²) + Σ_l ½ k_l ln α_l − ½ N ln 2πs²     (the last term for residuals only)    (4)

(3) and (2) give the next λ. A layer has its own α because weights of different layers have different units:
with one α for all of them, noisy tables with many columns are fitted far too closely.

Departures from the papers: 1. Biases are not penalized; in (1) and (4) those of hidden units have a broad prior. 2.
A round is a few epochs, not a search for the minimum, nor a single epoch: (1) to (3) move slowly, and a
factorization is wasted on a point that moves away. 3. The run ends when ln p rises no more, not when every α stands
still: where the hidden units stay in their linear range only the product of the layers is determined, and single α
drift for ever. 4. α is held within bounds for the same reason. 5. Restarts begin with different λ: from most starts
(1) to (3) end in the nearest of many fixed points.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from marquardt.arrays import Array
from marquardt.losses import WeightDecay
from marquardt.networks import Network
from marquardt.numerics import hold_blas
from marquardt.objective import Evaluation, Need, Objective
from marquardt.training.record import Epoch, Record
from marquardt.training.stops import EpochStop, Limits, Status, Stop, TimeStop, UserStop
from marquardt.training.training import Training

__all__ = ["Evidence", "EvidenceTraining", "weigh"]

ROUND = 5
"""Epochs between two choices of λ."""

LONG_ROUND = 20
"""Epochs before the first choice from a small λ: a fit that is still poor looks like noise, and asks for far too
much decay."""

STARTS = ((0.003, LONG_ROUND), (10.0, ROUND), (3.0, ROUND), (0.003, LONG_ROUND))
"""λ and epochs of the first round, restart by restart. From a small λ the hidden units keep their curvature, as a
wiggly function needs; from a large one the network begins nearly linear, as noisy data need. ln p tells which."""

LIKELIHOOD_START = (0.1, LONG_ROUND)
"""The same for a cross-entropy, whatever the restart: (4) is a poor judge between its flat and its steep minima,
and from a large λ whole classes are lost."""

RISE = 3.0
"""λ rises at most by this factor from one round to the next; nothing brings back a unit that was lost."""

PATIENCE = 4
"""Rounds without a better evidence that end the run."""

GAIN = 1e-3
"""The rise of ln p, per residual, that counts as better."""

ALPHA_RANGE = (1e-3, 1e8)
"""Bounds of α: weights of 30 and of 0.0001 in the root mean square."""

LIKELIHOOD_ALPHA_RANGE = (0.1, 1e8)
"""The same for a cross-entropy: separable classes would let the weights grow, and with them the certainty."""


BIAS_ALPHA = 0.01
"""α of the hidden biases in (1) and (4), where H would be singular without: they are of the order of 10 at most."""


@dataclass(frozen=True)
class Evidence:
    """What a point says about the weight decay it was trained with.

    Parameters
    ----------
    logarithm : float
        ln p(data | λ), eq. (4); only differences mean anything.
    parameters : float
        γ, the effective number of weights and biases.
    noise : float
        s², the variance of the noise in scaled units.
    decay : tuple of float
        λ a layer for the next round.
    """

    logarithm: float
    parameters: float
    noise: float
    decay: tuple[float, ...]


def weigh(objective: Objective, here: Evaluation, decay: tuple[float, ...]) -> Evidence | None:
    """Evaluate eqs. (1) to (4).

    Parameters
    ----------
    objective : Objective
        With the penalty `decay`.
    here : Evaluation
        A point with its normal matrix.
    decay : tuple of float
        λ a layer.

    Returns
    -------
    Evidence or None
        None where nothing can be said: the data are fitted exactly, or the normal matrix is numerically singular.
    """
    misfit = float(here.sums.sum())
    if here.normal is None or not 0 < misfit < math.inf:
        return None
    n_residuals = objective.total_weight * objective.n_outputs
    is_likelihood = objective.loss.link is not None
    layers = objective.facts.decayed
    # Where a hidden unit is lost its bias moves nothing, and det H vanishes with it: a network that has given up would
    # look more probable than any other. The biases' own broad prior says what a free bias is worth: nothing.
    broad = np.full(len(here.weights), BIAS_ALPHA * (1.0 if is_likelihood else 2.0 * misfit / n_residuals))
    broad[np.concatenate(layers)] = 0.0
    broad[objective.graph.spans[-1].start :] = 0.0  # the output's biases are always determined
    inverted = _inverse_diagonal(here.normal, broad)
    if inverted is None:
        return None
    inverse, log_determinant = inverted
    squares = np.array([float(here.weights[rows] @ here.weights[rows]) for rows in layers])
    counts = np.array([len(rows) for rows in layers])
    free = np.array([d * inverse[rows].sum() for d, rows in zip(decay, layers, strict=True)])
    determined = np.clip(counts - free, 0.0, counts)  # eq. (1)
    n_weights = len(here.weights)
    parameters = float(np.clip(n_weights - free.sum() - broad @ inverse, 0, n_weights))
    # Fewer residuals left than a tenth of them means interpolation, about whose noise nothing is known.
    noise = 1.0 if is_likelihood else 2.0 * misfit / max(n_residuals - parameters, 0.1 * n_residuals)  # eq. (2)
    bounds = LIKELIHOOD_ALPHA_RANGE if is_likelihood else ALPHA_RANGE
    alpha = np.clip(determined / np.maximum(squares, 1e-300), *bounds)  # eq. (3)
    logarithm = (
        -here.loss / noise
        - 0.5 * (log_determinant - n_weights * math.log(noise))
        + 0.5 * float(counts @ np.log(np.asarray(decay) / noise))
        + 0.5 * np.count_nonzero(broad) * math.log(BIAS_ALPHA)
        - (0.0 if is_likelihood else 0.5 * n_residuals * math.log(2 * math.pi * noise))
    )  # eq. (4)
    return Evidence(logarithm, parameters, noise, tuple((alpha * noise).tolist()))


class EvidenceTraining:
    """A run like `Training` whose weight decay is chosen on the way.

    Parameters
    ----------
    make : callable
        ``make(network, penalty, limits)`` returns the `Training` of one round.
    network : Network
        The start.
    limits : Limits
        Of all rounds together.
    restart : int
        From 0; says which of `STARTS` is the first round.
    is_trained : bool
        Whether the start has been trained before: then its own weights choose the first λ.
    clock : callable
        Returns seconds; for tests.

    Attributes
    ----------
    record : Record
        Of all rounds, as if they were one run; the loss of an epoch includes the penalty of its own round.
    decay : tuple of float
        λ a layer of the current round.
    evidence : Evidence or None
        At the end of the last round.

    Examples
    --------
    >>> from marquardt.networks import feed_forward, initial_weights
    >>> x = np.linspace(-1, 1, 40)[:, None]
    >>> noisy = x + 0.3 * np.random.default_rng(0).normal(size=(40, 1))
    >>> graph = feed_forward(1, 10, 1)
    >>> def make(network, penalty, limits):
    ...     return Training(network, x, noisy, penalty=penalty, limits=limits)
    >>> run = EvidenceTraining(make, Network(graph, initial_weights(graph, rng=0)), Limits(), restart=1)
    >>> for epoch in run:
    ...     pass
    >>> run.evidence.parameters < 16 < graph.n_weights
    True
    """

    def __init__(
        self,
        make: Callable[[Network, WeightDecay, Limits], Training],
        network: Network,
        limits: Limits,
        restart: int = 0,
        is_trained: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._make = make
        self._limits = limits
        self._clock = clock
        self.evidence: Evidence | None = None
        self._round = make(network, WeightDecay(0.0), limits)
        is_likelihood = self._round.objective.loss.link is not None
        decay, self._first_round = LIKELIHOOD_START if is_likelihood else STARTS[restart % len(STARTS)]
        self.decay = (decay,) * len(network.graph.layers)
        self._is_trained = is_trained
        self._is_cancelled = False
        first = self._round.record
        self.record = Record(first.algorithm, first.settings, first.metric, first.parts)

    @property
    def network(self) -> Network:
        """The network of the last accepted step: losses of different rounds cannot be compared."""
        return self._round.network

    @property
    def merit(self) -> float:
        """What restarts are compared by; lower is better."""
        if self.record.stop is not None and self.record.stop.code == "goal":
            return -math.inf
        return math.inf if self.evidence is None else -self.evidence.logarithm

    def stop_by_user(self) -> None:
        """Ask the run to end: the next pull does, and the record says so."""
        self._is_cancelled = True
        self._round.stop_by_user()
        if self.record.epochs and self.record.stop is None:
            self.record.stop = UserStop()(Status(epoch=self.record.num_epochs, is_cancelled=True))

    def __iter__(self) -> Iterator[Epoch]:
        """Train.

        Yields
        ------
        Epoch
            The start, then one an accepted step, numbered through all rounds.
        """
        with hold_blas():
            yield from self._epochs()

    def _epochs(self) -> Iterator[Epoch]:
        record, limits = self.record, self._limits
        started = self._clock()
        best, rounds_since = -math.inf, 0
        if self._is_trained:
            self._begin_round(limits)
            evidence = self._weigh()
            self.decay = self.decay if evidence is None else evidence.decay
        while True:
            done = record.num_epochs
            left = limits.max_seconds - (self._clock() - started)
            length = min(ROUND if done else self._first_round, limits.max_epochs - done)
            self._begin_round(replace(limits, max_epochs=length, max_seconds=max(left, 0.0)))
            for epoch in self._round:
                if epoch.epoch == 0 and record.epochs:
                    continue  # the end of the last round
                record.best_epoch = len(record.epochs)
                numbered = replace(epoch, epoch=done + epoch.epoch, seconds=self._clock() - started)
                record.epochs.append(numbered)
                yield numbered
                if self._is_cancelled:
                    return
            evidence = self._weigh()
            rounds_since += 1
            if evidence is not None:
                self.evidence = evidence
                gain = GAIN * self._round.objective.total_weight * self._round.objective.n_outputs
                if evidence.logarithm > best + gain:
                    rounds_since = 0
                best = max(best, evidence.logarithm)
            record.stop = self._stop(self._clock() - started, rounds_since)
            if record.stop is not None:
                return
            if evidence is not None:
                self.decay = tuple(min(new, RISE * old) for new, old in zip(evidence.decay, self.decay, strict=True))

    def _begin_round(self, limits: Limits) -> None:
        self._round = self._make(self.network, WeightDecay(self.decay), limits)

    def _weigh(self) -> Evidence | None:
        objective = self._round.objective
        evidence = weigh(objective, objective.at(self.network.weights, Need.NORMAL), self.decay)
        objective.close()
        return evidence

    def _stop(self, seconds: float, rounds_since: int) -> Stop | None:
        """What ends the whole run at the end of a round."""
        last, limits = self._round.record.stop, self._limits
        if last is not None and last.code == "goal":
            return last
        status = Status(epoch=self.record.num_epochs, seconds=seconds)
        stop = TimeStop(limits.max_seconds)(status) or EpochStop(limits.max_epochs)(status)
        if stop is not None or rounds_since < PATIENCE:
            return stop
        if self.evidence is None:
            return last
        sentence = (
            f"The weight decay has settled: its evidence rises no more, and the data determine "
            f"{self.evidence.parameters:.1f} of {self.network.n_weights} weights."
        )
        return Stop("evidence", sentence, succeeded=True)


def _inverse_diagonal(normal: Array, added: Array) -> tuple[Array, float] | None:
    """Diagonal of the inverse, and logarithm of the determinant, of the matrix with something added to its diagonal."""
    diagonal = normal.diagonal() + added
    jitter = np.finfo(float).eps * len(normal) * float(diagonal.max())
    for attempt in range(3):
        matrix = normal.copy()
        matrix.ravel()[:: len(matrix) + 1] += added + jitter * 100.0**attempt
        factor, info = dpotrf(matrix.T, lower=1, overwrite_a=1)
        if info == 0:
            log_determinant = 2.0 * float(np.log(factor.diagonal()).sum())
            inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
            return inverse.diagonal().copy(), log_determinant
    return None
