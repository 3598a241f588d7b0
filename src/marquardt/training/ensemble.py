"""A mean of networks that were each trained without one fold of the rows, and stopped by it: one network in the end.

The rows are dealt out to K folds. For every weight decay that is tried, network k trains on all folds but the k-th,
and keeps the weights at which its error on the k-th was lowest. So each row is predicted once by a network that did not
train on it, and these predictions tell how good a decay is. The networks of a decay are averaged, and so are the decays
and a linear network, with the shares that are best on the rows that did not train (`marquardt.training.stacking`): a
table that a straight line explains best gets the line, and one that nothing explains its mean.

Where there is hardly any noise, early stopping costs digits. If the mean explains more than nine tenths of what can
be explained, networks whose decay the evidence chooses (`EvidenceTraining`) join in. Their share is found on folds;
what is averaged is the best of those that train on all rows.

Networks with the same scalings that are averaged are one wider network (`marquardt.networks.averaged`).

D. K. Barrow and S. F. Crone (2016): Cross-validation aggregation for combining autoregressive neural network forecasts.
International Journal of Forecasting 32, 1120–1137. L. Breiman (1996): Stacked regressions. Machine Learning 24, 49–64.

Departures from the papers: 1. Networks of several kinds are averaged. 2. The shares are found on the folds that stopped
the networks, which is a little too kind to small decays. To leave a second fold out for the shares cost more than it
gained.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from marquardt.arrays import Array, ArrayLike, Indices
from marquardt.errors import ConfigurationError, DataError
from marquardt.losses import Loss, Robust
from marquardt.networks import Network, averaged
from marquardt.numerics import deviation_about
from marquardt.objective import Derivatives, Objective
from marquardt.training.data import ArrayData
from marquardt.training.division import Parts, content_keys, folds_by_content
from marquardt.training.fitting import Fitting
from marquardt.training.record import Epoch, Record
from marquardt.training.restarts import Restarts, RestartSummary, Run
from marquardt.training.settings import Settings
from marquardt.training.stacking import stacking_shares
from marquardt.training.stops import Stop

__all__ = ["FoldEnsemble"]

N_FOLDS, EVIDENCE_FOLDS = 10, 5
DECAYS = {"regression": (0.0, 1.0), "classification": (1.0,)}
"""The weight decays that are tried unless one is given. Without any, networks for separable classes grow too sure."""
FEWEST_ROWS = 20
"""Different rows at least, such as a truth table of few inputs has not: a cell that a fold hides cannot be learned."""
LINEAR, EVIDENCE = "linear", "evidence"
SMALLEST_SCALE = 1e-6
"""Of a robust loss, in scaled targets: more exact fits have no outliers to speak of."""
CLEAN = 0.9
"""Which part of the loss of no model at all must be explained for networks without early stopping to join in."""


@dataclass(frozen=True)
class _Member:
    """One training: of which kind of network, its number among those, and which fold does not train."""

    kind: str
    number: int
    fold: int | None = None  # None trains on all rows


class _Members(Restarts):
    """Trainings of which every network is kept, not the best alone."""

    def __init__(self, ensemble: FoldEnsemble, members: Sequence[_Member]) -> None:
        self.members = members
        self.networks: list[Network] = []
        self.decays: list[tuple[float, ...] | None] = []  # Of those that choose one
        self._jobs = ensemble.settings.jobs

        def make(number: int) -> Run:
            return ensemble.run_of(members[number])

        super().__init__(make(0), make, len(members))

    def networks_of(self, kind: str, *, on_folds: bool) -> list[Network]:
        """Those of a kind that have ended, in their order."""
        ended = zip(self.members, self.networks, strict=False)
        return [network for member, network in ended if member.kind == kind and (member.fold is not None) == on_folds]

    def _most_jobs(self) -> int:
        return self._jobs

    def _finish(self, number: int, run: Any) -> None:
        super()._finish(number, run)
        self.networks.append(run.network)
        self.decays.append(getattr(run, "decay", None))


class FoldEnsemble:
    """Trains networks on folds of the rows and averages them; iterating pulls the epochs of all.

    Parameters
    ----------
    inputs : array-like of shape (n_samples, n_inputs)
        Finite numbers in the user's units.
    targets : array-like of shape (n_samples, n_outputs), or (n_samples,) of class numbers
        For classification class numbers from 0.
    settings : Settings
        All choices. An `alpha` that is a number is the only decay that is tried; `restarts` are those of the networks
        without early stopping.
    task : str
        ``"regression"`` or ``"classification"``.
    n_classes : int
        Number of classes, for classification.
    sample_weight : array-like of shape (n_samples,) or, for regression, (n_samples, n_outputs), optional
        Not negative.
    counted_weight : float, optional
        The weight that counts as one sample, as in `Fitting`.
    n_folds : int
        How many.

    Attributes
    ----------
    shares : dict of str to float
        What every kind of network has in the mean, once it is known. What they lack to one is the model that is 0 in
        scaled targets.
    explained : float
        Which part of the loss of that model the mean takes away, on rows that did not train; NaN before it is known.

    Raises
    ------
    MarquardtError
        Whatever `Fitting` refuses, and data of fewer than 20 different rows.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> ensemble = FoldEnsemble(x, 2 * x + 1, Settings(hidden_layer_sizes=3, seed=0), "regression")
    >>> for epoch in ensemble:
    ...     pass
    >>> bool(abs(ensemble.network.outputs([[0.5]])[0, 0] - 2) < 1e-3)
    True
    """

    def __init__(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        settings: Settings,
        task: str,
        *,
        n_classes: int = 0,
        sample_weight: ArrayLike | None = None,
        counted_weight: float | None = None,
        n_folds: int = N_FOLDS,
    ) -> None:
        self.settings, self.task = settings, task
        self._given = inputs, targets
        self._more = {"n_classes": n_classes, "sample_weight": sample_weight, "counted_weight": counted_weight}
        self._drawn = self._fitting(replace(settings, alpha=0.0, restarts=1))  # refuses, scales, draws the starts
        if self._drawn.rule.weighs_decay:
            raise ConfigurationError(
                f"{self._drawn.rule.name} chooses the weight decay itself, and n_folds tries some of its own. Take "
                f"another algorithm, such as 'auto', or n_folds=0."
            )
        data = self._drawn.data
        assert isinstance(data, ArrayData)
        self._data = data
        self.loss, self.choice, self.rule = self._drawn.loss, self._drawn.choice, self._drawn.rule
        self._targets = self._drawn.network.target_scaling.apply(data.targets).T
        if data.weight is not None:
            self._targets = np.where(np.isnan(self._targets), 0.0, self._targets)  # of weight zero
        decays = DECAYS[task] if isinstance(settings.alpha, str) else (settings.alpha,)
        self._decays = {f"decay {np.mean(decay):g}": decay for decay in decays}
        classes = np.asarray(targets) if task == "classification" else None
        table = np.column_stack([data.inputs, data.targets])
        seed = int(np.random.SeedSequence(self._drawn.entropy).generate_state(1)[0])
        different = len(np.unique(content_keys(table, seed)))
        if different < FEWEST_ROWS:
            raise DataError(
                f"Folds of {different} different rows tell nothing: what a fold hides cannot be learned. Give at least "
                f"{FEWEST_ROWS}, or train a network of its own, n_folds=0."
            )
        self._folds = folds_by_content(table, n_folds, seed, classes)
        self._fewer_folds = folds_by_content(table, EVIDENCE_FOLDS, seed, classes)
        self._phases = [_Members(self, [_Member(LINEAR, 0)])]
        self._mean: Network | None = None
        self._is_cancelled = False
        self.shares: dict[str, float] = {}
        self.explained = math.nan

    # ---------------------------------------------------------------- what is trained

    def run_of(self, member: _Member) -> Run:
        """Return the training of a member, not begun."""
        alpha: Any
        none, settings = np.empty(0, dtype=np.intp), self.settings
        rows = np.arange(len(self._data.inputs))
        fold = none if member.fold is None else self._folds_of(member.kind)[member.fold]
        others = np.setdiff1d(rows, fold)
        if member.kind in self._decays:
            alpha = (np.asarray(self._decays[member.kind]) * self._data.counted_weight).tolist()
            start = self._drawn.start_of(self._number(member))
            return self._fitting(replace(settings, alpha=alpha, restarts=1), Parts(others, fold, none), start).training
        if member.kind == EVIDENCE and member.fold is None:
            return self._on_all_rows.run_of(member.number)
        settings = replace(settings, alpha="auto", restarts=1)
        if member.kind == LINEAR:
            # On folds with the decay that all rows chose.
            alpha = "auto" if member.fold is None else self._phases[0].decays[0] or 0.0
            settings = replace(settings, hidden_layer_sizes=(), topology="feed_forward", alpha=alpha)
        return self._fitting(settings, None if member.fold is None else Parts(others, none, none)).training

    @cached_property
    def _on_all_rows(self) -> Fitting:
        """What makes the networks whose decay the evidence chooses, where they join in."""
        return self._fitting(replace(self.settings, alpha="auto"))

    def _number(self, member: _Member) -> int:
        return list(self._decays).index(member.kind) * len(self._folds) + member.number

    def _fitting(self, settings: Settings, parts: Parts | None = None, start: Network | None = None) -> Fitting:
        inputs, targets = self._given
        return Fitting(inputs, targets, settings, self.task, parts=parts, start=start, **self._more)  # type: ignore[arg-type]

    def _folds_of(self, kind: str) -> list[Indices]:
        return self._fewer_folds if kind == EVIDENCE else self._folds

    def _members(self, kind: str) -> list[_Member]:
        return [_Member(kind, fold, fold) for fold in range(len(self._folds_of(kind)))]

    # ---------------------------------------------------------------- the run

    def __iter__(self) -> Iterator[Epoch]:
        """Train.

        Yields
        ------
        Epoch
            Of one network after the other.
        """
        kinds = [LINEAR, *self._decays]
        if not self._is_cancelled:
            yield from self._phases[0]
        yield from self._trained([member for kind in kinds for member in self._members(kind)], kinds)
        if self.task == "regression" and self.explained > CLEAN and isinstance(self.settings.alpha, str):
            on_all = [_Member(EVIDENCE, restart) for restart in range(self.settings.restarts)]
            yield from self._trained([*self._members(EVIDENCE), *on_all], [*kinds, EVIDENCE])

    def _trained(self, members: Sequence[_Member], kinds: Sequence[str]) -> Iterator[Epoch]:
        """Train some more, and average what is there then."""
        if not self._is_cancelled:
            self._phases.append(_Members(self, members))
            yield from self._phases[-1]
        if not self._is_cancelled:
            self._average(*kinds)

    def _networks(self, kind: str, *, on_folds: bool) -> list[Network]:
        return [each for phase in self._phases for each in phase.networks_of(kind, on_folds=on_folds)]

    def stop_by_user(self) -> None:
        """End the training; what has ended is averaged."""
        self._is_cancelled = True
        self._phases[-1].stop_by_user()

    @property
    def training(self) -> Run:
        """The training that is going on, or the last one."""
        return self._phases[-1].training

    @property
    def restart(self) -> int:
        """The number of the network whose epochs are pulled."""
        return sum(len(phase.members) for phase in self._phases[:-1]) + self._phases[-1].restart

    @property
    def n_members(self) -> int:
        """How many networks are trained, as far as it is known."""
        return sum(len(phase.members) for phase in self._phases)

    @property
    def seconds(self) -> float:
        """What the trainings took."""
        return sum(phase.seconds for phase in self._phases)

    def summaries_so_far(self) -> list[RestartSummary]:
        """Return every training in short: its error on what trained it and on its fold."""
        found = [summary for phase in self._phases for summary in phase.summaries_so_far()]
        return [replace(summary, restart=number) for number, summary in enumerate(found)]

    @property
    def network(self) -> Network:
        """The mean; before there is one, that of the stopped networks that have ended, or else the first one."""
        if self._mean is not None:
            return self._mean
        ended = [each for kind in self._decays for each in self._networks(kind, on_folds=True)]
        return averaged(ended) if ended else self._phases[0].network

    @property
    def decay(self) -> tuple[float, ...]:
        """The mean decay of each layer of the stopped networks, by their shares."""
        shares = [self.shares.get(kind, 0.0) for kind in self._decays]
        of_layers = [np.broadcast_to(decay, len(self._drawn.network.graph.layers)) for decay in self._decays.values()]
        mean = np.average(of_layers, axis=0, weights=shares if sum(shares) else None)
        return tuple((mean * self._data.counted_weight).tolist())

    @property
    def record(self) -> Record:
        """A row a network in place of an epoch, its fold in place of a validation part; the last row is the mean."""
        first = self._phases[0].record
        record = Record(first.algorithm, first.settings, first.metric, Parts.all_training(len(self._data.inputs)))
        took = 0.0
        for row in self.summaries_so_far():
            took += row.seconds
            record.epochs.append(_row(row.restart, row.performance, row.validation, took, row.epochs))
        if self._mean is not None:
            record.epochs.append(_row(len(record.epochs), *self._errors, took, 0))
            kinds = ", ".join(f"{kind} {share:.0%}" for kind, share in self.shares.items() if share)
            sentence = (
                f"{self.n_members} networks are trained, and averaged by their errors out of fold: {kinds or 'none'}."
            )
            record.stop = Stop("average", sentence, succeeded=True)
        elif self._is_cancelled and record.epochs:
            record.stop = Stop("user", "Stopped by the user.", succeeded=False)
        record.best_epoch = max(0, len(record.epochs) - 1)
        return record

    # ---------------------------------------------------------------- the mean

    def _average(self, *kinds: str) -> None:
        """Find the shares, and the network that they make."""
        predicted = np.stack([self._predicted(kind) for kind in kinds])
        is_in_fold = np.isfinite(predicted).all(axis=(0, 1))
        outputs, targets = predicted[:, :, is_in_fold], self._targets[:, is_in_fold]
        weight = 1.0 if self._data.weight is None else self._data.weight[is_in_fold].T
        loss = self._loss_with_scale(outputs.mean(axis=0) - targets)
        shares = stacking_shares(list(outputs), targets, loss, weight)
        self.shares = dict(zip(kinds, shares.tolist(), strict=True))
        nothing = np.sum(weight * loss.value(np.zeros_like(targets), targets))
        sums = np.sum(weight * loss.value(np.tensordot(shares, outputs, 1), targets), axis=1)
        self.explained = 1.0 - float(sums.sum() / nothing) if nothing > 0.0 else 1.0
        self._mean = self._averaged()
        self._errors = self._performances(loss, sums * self._targets.shape[1] / is_in_fold.sum())

    def _predicted(self, kind: str) -> Array:
        """Of every row by the network that left it out: what the loss takes, (n_outputs, n_samples)."""
        predicted = np.full(self._targets.shape, np.nan)
        for fold, network in zip(self._folds_of(kind), self._networks(kind, on_folds=True), strict=True):
            predicted[:, fold] = self._net_outputs(network, self._data.inputs[fold])
        return predicted

    def _net_outputs(self, network: Network, inputs: Array) -> Array:
        if self.loss.link is None:
            return self._drawn.network.target_scaling.apply(network.outputs(inputs)).T
        layers = network.graph.layers
        graph = replace(network.graph, layers=(*layers[:-1], replace(layers[-1], activation="identity")))
        return replace(network, graph=graph).outputs(inputs).T

    def _averaged(self) -> Network:
        networks: list[Network] = []
        weights: list[float] = []
        for kind, share in self.shares.items():
            if kind == EVIDENCE:
                members = [self._best_by_evidence()]
            else:
                members = self._networks(kind, on_folds=kind in self._decays)
            networks += members
            weights += [share / len(members)] * len(members)
        return averaged(networks, weights)

    def _best_by_evidence(self) -> Network:
        """Of those that train on all rows."""
        phase = self._phases[-1]
        ended = zip(phase.members, phase.summaries, phase.networks, strict=True)
        return min((each for each in ended if each[0].fold is None), key=lambda each: each[1].merit)[2]

    def _performances(self, loss: Loss, sums: Array) -> tuple[float, float]:
        """The mean's error on all rows, and out of fold by the sums of the loss a target, as every training has it."""
        assert self._mean is not None
        objective = Objective(
            self._mean.graph,
            self._data.inputs,
            self._data.targets,
            loss,
            sample_weight=self._data.weight,
            input_scaling=self._mean.input_scaling,
            target_scaling=self._mean.target_scaling,
            most=Derivatives.VALUE,
            matrices=0,
        )
        found = objective.at(self._mean.weights, Derivatives.VALUE)
        return objective.performance(found), objective.performance(found._replace(sums=sums))

    def _loss_with_scale(self, residuals: Array) -> Loss:
        """The loss; where it leaves its scale to the residuals, with that of these."""
        loss = self.loss
        if not isinstance(loss, Robust) or not loss.is_automatic:
            return loss
        noise = np.array([deviation_about(0.0, row) for row in residuals])
        return replace(loss, scale=tuple(np.maximum(loss.tuning * noise, SMALLEST_SCALE).tolist()))


def _row(number: int, performance: float, validation: float, seconds: float, epochs: int) -> Epoch:
    """A network as a row of a record."""
    nan = math.nan
    return Epoch(number, performance, validation, nan, nan, nan, 0, seconds, epochs, nan)
