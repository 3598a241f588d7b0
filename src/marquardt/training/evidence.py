"""Weight decay chosen by the data: training in rounds, each with the α that the last one makes most probable.

The evidence and its equations are in `marquardt.algorithms.evidence`. Here every layer has an α of its own, because
weights of different layers have different units: with one α for all of them, noisy tables with many columns are
fitted far too closely. Eqs. (3) and (2) there give the next λ.

Departures from the papers: 1. Biases are not penalized; those of hidden units have the broad prior. 2. A round is a
few epochs, not a search for the minimum, nor a single epoch: (1) to (3) move slowly, and a factorization is wasted on
a point that moves away. 3. The run ends when ln p rises no more, not when every α stands still: where the hidden
units stay in their linear range only the product of the layers is determined, and single α drift for ever; α is held
within bounds for the same reason. 4. Restarts begin with different λ: from most starts (1) to (3) end in the nearest
of many fixed points.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from marquardt.algorithms.evidence import Evidence, weigh
from marquardt.losses import WeightDecay
from marquardt.networks import Network
from marquardt.numerics import hold_blas
from marquardt.objective import MATRIX_FREE_FORMS, CostModel, Derivatives, Minimized, evidence_work, sample_space_bytes
from marquardt.training.record import Epoch, Record
from marquardt.training.stops import EpochStop, Limits, Status, Stop, TimeStop, UserStop
from marquardt.training.training import Training

__all__ = ["EvidenceTraining", "decay_of_any_kind"]

ROUND = 5
"""Epochs between two choices of λ."""

SLOW = 10
"""How many times longer a round is for rules that do not solve the normal equations."""

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


EVIDENCE_MATRICES = 4
"""Matrices of weights × weights that the evidence takes where it does not work by residuals: the normal matrix, what
becomes of it, and two to find eigenvectors; of an inverse one less."""


def decay_of_any_kind(n_layers: int) -> WeightDecay:
    """Return a decay that differs from layer to layer: what an objective is planned with that rounds go on with."""
    return WeightDecay(tuple(float(layer + 1) for layer in range(n_layers)))


class EvidenceTraining:
    """A run like `Training` whose weight decay is chosen on the way."""

    def __init__(
        self,
        run: Training,
        limits: Limits,
        restart: int = 0,
        is_trained: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        network = run.network
        self._start, self._weights = network, network.weights
        self._limits = limits
        self._clock = clock
        self.evidence: Evidence | None = None
        self._round = run  # Not begun: the rounds go on with its objectives
        is_likelihood = self._round.objective.loss.link is not None
        decay, self._first_round = LIKELIHOOD_START if is_likelihood else STARTS[restart % len(STARTS)]
        self.decay = (decay * self._round.objective.counted_weight,) * len(network.graph.layers)
        # Other rules make less of an epoch, and forget what they learned when a round begins.
        is_slow = self._round.rule.point_need is not Derivatives.NORMAL
        self.round_length = SLOW * ROUND if is_slow else ROUND
        self._first_round *= SLOW if is_slow else 1
        self._is_trained = is_trained
        self._is_cancelled = False
        self._best, self._rounds_since = -math.inf, 0  # The highest evidence, and rounds without a better one
        first = self._round.record
        self.record = Record(first.algorithm, first.settings, first.metric, first.parts)

    @property
    def network(self) -> Network:
        """The network of the last accepted step: losses of different rounds cannot be compared."""
        return self._start.with_weights(self._weights)

    @property
    def objective(self) -> Minimized:
        """That of the current round."""
        return self._round.objective

    @property
    def memory(self) -> int:
        """Bytes that a round and its evidence need beyond the caller's data, as planned."""
        return self._round.memory + self.memory_beside

    @property
    def memory_beside(self) -> int:
        """Bytes that the evidence takes beyond what the plan of the rounds has for matrices."""
        plan, rule, graph = self.objective.plan, self._round.rule, self._start.graph
        if plan.form == "samples":
            return 0  # the same matrices, and it has a decay a layer
        planned = 0 if plan.form in MATRIX_FREE_FORMS else 8 * rule.matrices * graph.n_weights**2
        if self._is_by_residuals:
            needed = sample_space_bytes(graph, self.objective.n_samples, len(graph.layers) + 1)
        else:
            needed = 8 * EVIDENCE_MATRICES * graph.n_weights**2
        return max(0, needed - planned)

    @property
    def evidence_seconds(self) -> float:
        """Estimated time of the evidence of a point, on one thread."""
        objective = self.objective
        plan = objective.plan
        form = "compiled" if plan.is_compiled and plan.form == "explicit" else plan.form
        return evidence_work(CostModel(self._start.graph), objective.n_samples, form, plan.block_size).seconds()

    @property
    def _is_by_residuals(self) -> bool:
        """Whether the residuals are fewer than the weights, so that the evidence works in their dimension."""
        return self.objective.n_samples * self.objective.n_outputs < self._start.n_weights

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
        """Train."""
        record, limits, clock, started = self.record, self._limits, self._clock, self._clock()
        with hold_blas():
            if self._is_trained:
                self._begin_round(limits)
                evidence = self._weigh()
                self.decay = self.decay if evidence is None else evidence.decay
            while record.stop is None:
                done = record.num_epochs
                left = limits.max_seconds - (clock() - started)
                length = min(self.round_length if done else self._first_round, limits.max_epochs - done)
                self._begin_round(limits.of_round(length, max(left, 0.0)))
                for epoch in self._round:
                    if epoch.epoch == 0 and record.epochs:
                        continue  # the end of the last round
                    numbered = epoch.at(done + epoch.epoch, clock() - started)
                    record.epochs.append(numbered)
                    # Only now: an interrupt must not leave a network that is not in the record.
                    self._weights, record.best_epoch = self._round.weights, len(record.epochs) - 1
                    if "loss_scale" in self._round.record.settings:
                        record.settings["loss_scale"] = self._round.record.settings["loss_scale"]
                    yield numbered
                    if self._is_cancelled:
                        return
                self._end_round(clock() - started)

    def _end_round(self, seconds: float) -> None:
        """Weigh the evidence; it ends the run, or says the decay of the next round."""
        record, objective = self.record, self._round.objective
        for name, count in self._round.record.evaluations.items():
            record.evaluations[name] = record.evaluations.get(name, 0) + count
        evidence = self._weigh()
        self._rounds_since += 1
        if evidence is not None:
            self.evidence = evidence
            info = objective.info
            gain = GAIN * info.n_residuals * info.sample_unit / info.counted_weight
            if evidence.logarithm > self._best + gain:
                self._rounds_since = 0
            self._best = max(self._best, evidence.logarithm)
        record.stop = self._stop(seconds)
        if evidence is not None and record.stop is None:
            self.decay = tuple(min(new, RISE * old) for new, old in zip(evidence.decay, self.decay, strict=True))

    def _begin_round(self, limits: Limits) -> None:
        self._round = self._round.again(self._weights, WeightDecay(self.decay), limits)

    def _weigh(self) -> Evidence | None:
        objective = self._round.objective
        info = objective.info
        # Where a hidden unit is lost its bias moves nothing, and det H vanishes with it: a network that has given up
        # would look more probable than any other. The broad prior says what a free bias is worth: nothing.
        if self._is_by_residuals:
            current = objective.in_sample_space(self._weights)
        else:
            current = objective.at(self._weights, Derivatives.NORMAL)
            if current.normal is None and current.gradient is not None:
                current = current._replace(normal=objective.normal(current.weights))  # of a form that steps without it
        decay = [each / info.unit for each in self.decay]
        evidence = weigh(current, info, decay, info.decayed, broad=info.hidden_biases)
        objective.close()
        return evidence and evidence._replace(decay=tuple(each * info.unit for each in evidence.decay))

    def _stop(self, seconds: float) -> Stop | None:
        """What ends the whole run at the end of a round."""
        last, limits = self._round.record.stop, self._limits
        if last is not None and last.code == "goal":
            return last
        status = Status(epoch=self.record.num_epochs, seconds=seconds)
        stop = TimeStop(limits.max_seconds)(status) or EpochStop(limits.max_epochs)(status)
        if stop is not None or self._rounds_since < PATIENCE:
            return stop
        if self.evidence is None:
            return last
        sentence = (
            f"The weight decay has settled: its evidence rises no more, and the data determine "
            f"{self.evidence.parameters:.1f} of {self.network.n_weights} weights."
        )
        return Stop("evidence", sentence, succeeded=True)
