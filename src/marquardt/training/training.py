"""One run: the loop with stops, validation and record around it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from marquardt.algorithms import LevenbergMarquardt, StepRule, Trial, Verdict, algorithm_named
from marquardt.arrays import Array, ArrayLike, as_array, checked_targets, checked_weight, of_samples, require_finite
from marquardt.checks import require_kind, whole
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.losses import Loss, Robust, Squares, WeightDecay, takes_scale
from marquardt.networks import LayerGraph, Network, Scaling, initial_weights
from marquardt.numerics import hold_blas
from marquardt.objective import Budget, Evaluation, Minimized, Need, require_width
from marquardt.training.division import AnyParts, Division, Parts
from marquardt.training.objectives import Objectives, sources_of
from marquardt.training.record import Epoch, Record, epoch_line
from marquardt.training.stops import Limits, Status, Stop, UserStop, first_stop
from marquardt.wording import by_door

__all__ = ["Training", "TrainingResult", "train"]


RENEW = 5
"""Epochs between two looks at the scale of a robust loss."""

FALL, LAST_FALL = 0.9, 0.97
"""What share of itself the scale must fall below to be renewed on the way, and where the run would end."""

SMALLEST = 1e-4
"""The smallest scale, in parts of the spread of the targets: of an exact fit it would fall without end."""

_FINAL = ("goal", "user", "time", "epochs")
"""Stops that a smaller scale does not put off."""

_GOES_ON = (Verdict.REJECT, Verdict.PROBE)
_MOVES = (Verdict.ACCEPT, Verdict.SETTLED)


class Training:
    """A run that is pulled, epoch by epoch.

    Iterating yields an `Epoch` for the start and after every accepted step, and ends when a stop holds. Between
    two epochs, and after an interrupt, `network` and `record` are valid: they hold the best so far. While the
    iteration is open, BLAS is held to one thread (see `marquardt.numerics.hold_blas`).

    Parameters
    ----------
    network : Network
        Start, scalings and description.
    inputs : array-like of shape (n_samples, n_inputs)
        In the user's units.
    targets : array-like of shape (n_samples, n_outputs)
        In the user's units.
    loss : Loss
        Squares when not given. Of a robust loss with the scale ``"auto"`` the scale is taken from the residuals, at
        first and every few epochs, each output's by itself. It only falls, as the loss does then; where it falls by
        more than a tenth the algorithm begins anew, and before the run ends it is looked at once more.
    penalty : WeightDecay, optional
        On the weights.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
        Not negative. A target of weight 0 is not looked at, and may be missing.
    parts : Parts, optional
        The division; all samples train when not given.
    rule : StepRule
        Levenberg–Marquardt when not given.
    limits : Limits
        What ends the run.
    form, block_size, threads
        As for `Objective`.
    max_memory : int or str, optional
        Bytes, or a text such as ``"500MB"``, that the objectives of all parts and a step may take beyond the data; the
        machine's memory when not given.
    clock : callable
        Returns seconds; for tests.

    Attributes
    ----------
    objective : Objective
        Of the training part.
    rule : StepRule
        As it runs.
    record : Record
        What happened so far.
    best_value : float
        What epochs and restarts are compared by, of the best epoch: the mean loss of the validation part in scaled
        units, or the loss with its penalty where there is no such part.

    Raises
    ------
    MarquardtError
        Whatever `Objective` refuses, or a goal in squared errors for another loss.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> run = Training(Network(feed_forward(1, (), 1), [0.0, 0.0]), [[0.0], [1.0]], [[1.0], [3.0]])
    >>> epochs = [epoch.epoch for epoch in run]
    >>> run.network.outputs([[2.0]]).round(6), run.record.stop.code
    (array([[5.]]), 'gradient')
    """

    def __init__(
        self,
        network: Network,
        inputs: ArrayLike,
        targets: ArrayLike,
        loss: Loss | None = None,
        *,
        penalty: WeightDecay | None = None,
        sample_weight: ArrayLike | None = None,
        parts: Parts | None = None,
        rule: StepRule | None = None,
        limits: Limits | None = None,
        form: str = "auto",
        block_size: int | None = None,
        threads: int | None = None,
        max_memory: Budget = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        rule = LevenbergMarquardt() if rule is None else rule
        limits = Limits() if limits is None else limits
        loss = Squares() if loss is None else loss
        require_pieces(network, loss, rule, limits)
        limits.check_metric(loss.metric)
        self._check_validation(rule, limits, parts is not None and len(parts.validation) > 0)
        objectives = Objectives.of(
            network,
            sources_of(network, inputs, targets, sample_weight, parts),
            loss,
            penalty,
            rule,
            form=form,
            max_memory=max_memory,
            block_size=block_size,
            threads=threads,
        )
        self._begin(network, objectives, parts, rule.prepared_for(objectives.trained.facts), limits, clock)

    @classmethod
    def of(
        cls,
        network: Network,
        objective: Minimized,
        *,
        validation: Minimized | None = None,
        test: Minimized | None = None,
        parts: AnyParts | None = None,
        rule: StepRule | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> Training:
        """Return a run on objectives that are there already, such as those of data that are no arrays.

        Parameters
        ----------
        network : Network
            Start, scalings and description.
        objective : Minimized
            Of the samples that train; its penalty is the run's. An `Objective`, or a function of your own.
        validation, test : Minimized, optional
            Of the other parts.
        parts : Parts or HashedParts, optional
            The division, for the record; all samples train when not given.
        rule, limits, clock
            As for `Training`.

        Returns
        -------
        Training
            Not begun.

        Raises
        ------
        ConfigurationError
            For a goal in squared errors and another loss, or a rule that refuses the validation part.

        Examples
        --------
        >>> from marquardt.networks import feed_forward
        >>> from marquardt.objective import Objective
        >>> line = Network(feed_forward(1, (), 1), [0.0, 0.0])
        >>> run = Training.of(line, Objective(line.graph, [[0.0], [1.0]], [[1.0], [3.0]]))
        >>> [epoch.epoch for epoch in run][-1] > 0
        True
        """
        rule = LevenbergMarquardt() if rule is None else rule
        limits = Limits() if limits is None else limits
        limits.check_metric(objective.loss.metric)
        cls._check_validation(rule, limits, validation is not None)
        run = cls.__new__(cls)
        objectives = Objectives(objective, validation, test)
        run._begin(network, objectives, parts, rule.prepared_for(objective.facts), limits, clock)
        return run

    @staticmethod
    def _check_validation(rule: StepRule, limits: Limits, has_validation: bool) -> None:
        if rule.refuses_validation and has_validation and limits.max_fail > 0:
            raise ConfigurationError(
                f"{rule.name} needs no validation, and a validation stop would end it before it has settled. "
                f"Let all samples train, or take {by_door('--max-fail 0', 'max_fail=0')}."
            )

    def _begin(
        self,
        network: Network,
        objectives: Objectives,
        parts: AnyParts | None,
        rule: StepRule,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._start = network
        self._limits = limits
        self._clock = clock
        self._objectives, self.rule = objectives, rule
        objective, self._validation, self._test = objectives
        self.objective = objective
        self.record = Record(
            self.rule.name,
            {**vars(limits), **self.rule.settings},
            objective.loss.metric,
            Parts.all_training(objective.n_samples) if parts is None else parts,
        )
        self._best_weights = network.weights
        self.best_value = math.inf
        self._is_cancelled = False
        self._is_started = False
        self._is_squares = isinstance(objective.loss, Squares)
        self._takes_scale = takes_scale(objective.loss)
        self._scale: Array | None = None
        self._smallest = np.zeros(objective.n_outputs)
        self._has_less = False
        self._robust_mean = math.inf

    @property
    def network(self) -> Network:
        """The best network so far: of the best validation epoch, or of the lowest loss without validation."""
        return self._start.with_weights(self._best_weights)

    @property
    def weights(self) -> Array:
        """Those of `network`."""
        return self._best_weights

    @property
    def memory(self) -> int:
        """Bytes that it needs beyond the caller's data, as planned for all parts."""
        return self._objectives.memory

    @property
    def merit(self) -> float:
        """What restarts are compared by; lower is better.

        Losses whose scale was taken from the residuals are of different scales: there it is the mean of squared
        residuals, none of which counts for more than three standard deviations (`Objective.robust_mean`), of the
        validation part or else of the training part, at the last look at the scale.
        """
        return self._robust_mean if self._takes_scale and not self.rule.weighs_decay else self.best_value

    def again(self, network: Network, penalty: WeightDecay, limits: Limits) -> Training:
        """Return another run of the same rule, on the same objectives with another penalty: this one is over.

        Parameters
        ----------
        network : Network
            Where it starts; its scalings are those of this one.
        penalty : WeightDecay
            On the weights.
        limits : Limits
            What ends it.

        Returns
        -------
        Training
            Not begun.
        """
        self._objectives.begin_again(penalty)
        run = Training.__new__(Training)
        run._begin(network, self._objectives, self.record.parts, self.rule, limits, self._clock)
        return run

    def stop_by_user(self) -> None:
        """Ask the run to end: the next pull does, and the record says so.

        After an interrupt broke the iteration itself, this closes the record.
        """
        self._is_cancelled = True
        if self.record.stop is None and self.record.epochs:
            status = Status(epoch=self.record.num_epochs, is_cancelled=True)
            self.record.stop = first_stop(self._limits.stops(), status)

    def __iter__(self) -> Iterator[Epoch]:
        """Train.

        Yields
        ------
        Epoch
            The start, then one an accepted step.

        Raises
        ------
        ConfigurationError
            If the run has been iterated before: its damping is gone and its record is closed.
        """
        if self._is_started:
            raise ConfigurationError("A run can be iterated once. To go on, make a new Training from its network.")
        self._is_started = True
        with hold_blas():
            try:
                yield from self._epochs()
            finally:
                self._objectives.close()

    def _trials(self) -> Iterator[Trial]:
        """The loop; where the rule has compiled code for it, without the rejected trials."""
        if self._takes_scale:
            return self._rescaled_trials()
        return self.rule.trials(self.objective, self._best_weights, at_once=self._limits.trials_at_once)

    def _rescaled_trials(self) -> Iterator[Trial]:
        """The loop, which begins anew where the scale of the loss has fallen."""
        weights, epoch, trial, is_begun = self._best_weights, 0, 0, False
        self._look(weights, FALL)
        while True:
            for row in self.rule.trials(self.objective, weights):
                if row.trial == 0 and is_begun:
                    continue  # where the last scale ended
                is_begun = True
                numbered = row._replace(epoch=epoch + row.epoch, trial=trial + row.trial)
                yield numbered
                if self._has_less:
                    weights = self._best_weights
                    break
                is_due = row.verdict in _MOVES and row.epoch > 0 and row.epoch % RENEW == 0
                if is_due and self._look(row.here.weights, FALL):
                    weights = row.here.weights
                    break
            else:
                return
            self._has_less = False
            epoch, trial = numbered.epoch, numbered.trial

    def _look(self, weights: Array, share: float) -> bool:
        """Look at the residuals, and whether the scale has fallen to that share of itself; take it then."""
        objective, loss = self.objective, self.objective.loss
        assert isinstance(loss, Robust)
        noise = objective.noise(weights)
        is_finite = bool(np.isfinite(noise).all())
        self._robust_mean = self._compared.robust_mean(weights, noise) if is_finite else math.inf
        if not is_finite:
            return False
        if self._scale is None:
            spread = objective.spread_of_targets(weights)
            self._smallest = SMALLEST * loss.tuning * np.where(spread > 0, spread, 1.0)
            self._scale = np.maximum(loss.tuning * noise, self._smallest)
        else:
            scale = np.clip(loss.tuning * noise, self._smallest, self._scale)
            if not (scale < share * self._scale).any():
                return False
            self._scale = scale
        for each in self._objectives.all:
            each.take_scale(self._scale)
        self.record.settings["loss_scale"] = self._scale.tolist()
        if self.record.epochs:
            self.best_value = self._value_of(self._best_weights)
        return True

    def _value_of(self, weights: Array) -> float:
        """What epochs are compared by, with the scale of now."""
        if self._validation is not None:
            return self._validation.mean_loss(self._validation.at(weights, Need.VALUE))
        return math.inf if self.rule.weighs_decay else self.objective.at(weights, Need.VALUE).loss

    @property
    def _compared(self) -> Minimized:
        """The part that restarts are compared on."""
        return self.objective if self._validation is None else self._validation

    def _epochs(self) -> Iterator[Epoch]:
        record, stops = self.record, self._limits.stops()
        started = self._clock()
        fails = trials_before = 0
        for trial in self._trials():
            seconds = self._clock() - started
            if trial.verdict in _GOES_ON and not self._is_cancelled and seconds < self._limits.max_seconds:
                continue  # a rejected trial changes nothing else that a stop looks at
            epoch: Epoch | None = None
            if trial.verdict in _MOVES:
                epoch = last = self._recorded(trial, fails, seconds, trial.trial - trials_before)
                fails, trials_before = epoch.validation_fails, trial.trial
            status = self._status(trial, last, fails, seconds)
            stop = first_stop(stops, status)
            if stop is not None and self._is_put_off(stop):
                stop, fails = None, 0
            if stop is not None:
                record.stop = stop
                record.evaluations = dict(self.objective.evaluations)
            if epoch is not None:
                yield epoch
            if self._is_cancelled and record.stop is None:
                record.stop = UserStop().told(status)
            if record.stop is not None:
                return

    def _recorded(self, trial: Trial, fails: int, seconds: float, trials: int) -> Epoch:
        """Put an accepted point into the record, and keep its weights if it is the best."""
        record, objective, here = self.record, self.objective, trial.here
        performance, gradient = objective.performance(here), objective.gradient_norm(here)
        validation, compared = math.nan, trial.merit
        if self._validation is not None:
            there = self._validation.at(here.weights, Need.VALUE)
            validation = self._validation.performance(there)
            # In scaled units, as the loss: in their own the target of the largest numbers would decide alone.
            compared = self._validation.mean_loss(there)
        # Equal counts as a failure; NaN, which is never smaller, too.
        is_best = compared < self.best_value or trial.epoch == 0
        fails = 0 if is_best or self._validation is None else fails + 1
        # The last point of a run that is finished is the nearer one, though rounding hides it from the loss.
        is_finished = trial.verdict is Verdict.SETTLED and self._validation is None
        is_best = is_best or self.rule.keeps_last or is_finished
        epoch = Epoch(
            trial.epoch,
            performance,
            validation,
            _performance(self._test, here),
            gradient,
            trial.report.get("mu", math.nan),
            fails,
            seconds,
            trials,
            here.loss * objective.unit,
            {name: value for name, value in trial.report.items() if name != "mu"},
        )
        record.evaluations = dict(objective.evaluations)
        record.epochs.append(epoch)
        if is_best:
            # Only now: an interrupt must not leave a best epoch that is not in the record. The weights first:
            # whoever looks on from another thread finds them as good as the value says, or better.
            self._best_weights, record.best_epoch = here.weights, trial.epoch
            self.best_value = compared
        return epoch

    def _status(self, trial: Trial, last: Epoch, fails: int, seconds: float) -> Status:
        """What stops look at after a trial and the last epoch."""
        objective, mse = self.objective, last.performance if self._is_squares else math.nan
        return Status(
            trial.epoch,
            trial.trial,
            trial.here.loss * objective.unit,
            mse * objective.total_weight * objective.n_outputs * objective.sample_unit,
            mse,
            last.gradient,
            fails,
            seconds,
            trial.outcome,
            self._is_cancelled,
        )

    def _is_put_off(self, stop: Stop) -> bool:
        """Whether the run goes on, as the scale of the loss has fallen once more."""
        if not self._takes_scale:
            return False
        share = 0.0 if stop.code in _FINAL else LAST_FALL
        self._has_less = self._look(self._best_weights, share)
        return self._has_less


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What `train` returns.

    Parameters
    ----------
    network : Network
        The best one found.
    record : Record
        How.
    """

    network: Network
    record: Record


def train(
    network: Network | LayerGraph,
    inputs: ArrayLike,
    targets: ArrayLike,
    loss: Loss | None = None,
    *,
    algorithm: str | None = None,
    division: Division | str = "none",
    seed: int = 0,
    verbose: bool | int = False,
    limits: Limits | None = None,
    penalty: WeightDecay | None = None,
    sample_weight: ArrayLike | None = None,
    parts: Parts | None = None,
    rule: StepRule | None = None,
    form: str = "auto",
    block_size: int | None = None,
    threads: int | None = None,
    max_memory: Budget = None,
) -> TrainingResult:
    """Train a network to the end; an interrupt (Ctrl-C) ends it early and keeps the best weights.

    Parameters
    ----------
    network : Network or LayerGraph
        Start, scalings and description. Of a graph alone the start is drawn (Nguyen–Widrow, from `seed`), and inputs
        and targets of the training part are scaled to [−1, 1], targets of a cross-entropy left as they are, those of a
        robust loss with the scale ``"auto"`` scaled by their median.
    inputs : array-like of shape (n_samples, n_inputs)
        In the user's units.
    targets : array-like of shape (n_samples, n_outputs)
        In the user's units.
    loss : Loss
        Squares when not given.
    algorithm : str, optional
        Levenberg–Marquardt when not given; a name, alone or with settings: ``"trainbr"``, ``"bfgs"``,
        ``"lm(mu_init=0.01)"``.
    division : str or Division
        ``"none"``: all samples train. ``"random"`` sets 15 % aside for validation, which stops the training, and 15 %
        for a test, classes divided one by one; ``"blocks"`` and ``"interleaved"`` likewise, by the order of the rows.
        Or a `Division` with fractions of its own.
    seed : int
        Of the division and of the drawn start.
    verbose : bool or int
        Whether to print a line an epoch, or every how many.
    limits : Limits
        What ends the training: epochs, goal, gradient, validation failures, seconds.
    penalty : WeightDecay, optional
        On the weights.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
        Error weights, not negative: one a sample, or one a sample and output. Only their ratios matter. A target of
        weight 0 is not looked at, and may be missing.
    parts : Parts, optional
        A division that is made already, instead of `division`.
    rule : StepRule, optional
        The algorithm as an object, instead of its name.
    form, block_size, threads, max_memory
        As for `Training`.

    Returns
    -------
    TrainingResult
        Network and record.

    Raises
    ------
    ConfigurationError
        If the algorithm is given twice, or the division is.
    MarquardtError
        Whatever `Training` refuses.

    Examples
    --------
    >>> import numpy as np
    >>> from marquardt.networks import feed_forward
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> result = train(feed_forward(1, (5,), 1), x, np.sin(3 * x), division="random")
    >>> len(result.record.valInd), bool(result.record.best_perf < 1e-6)
    (8, True)
    """
    if rule is not None and algorithm is not None:
        raise ConfigurationError(f"The algorithm is given twice, as {algorithm!r} and as {rule!r}. Give one of them.")
    if algorithm is not None:
        rule = algorithm_named(algorithm)
    loss = Squares() if loss is None else loss
    _require_loss(loss)
    if parts is None:
        parts = _divided(division, targets, loss, seed)
    elif not isinstance(division, str) or division != "none":
        raise ConfigurationError("The division is given twice, as parts and as division. Give one of them.")
    if isinstance(network, LayerGraph):
        network = _network_for(network, inputs, targets, loss, parts, seed, sample_weight)
    every = int(verbose) if isinstance(verbose, bool) else whole(verbose, "verbose")
    run = Training(
        network,
        inputs,
        targets,
        loss,
        penalty=penalty,
        sample_weight=sample_weight,
        parts=parts,
        rule=rule,
        limits=limits,
        form=form,
        block_size=block_size,
        threads=threads,
        max_memory=max_memory,
    )
    try:
        for epoch in run:
            if every and (epoch.epoch % every == 0 or run.record.stop is not None):
                print(epoch_line(epoch, run.record, Limits() if limits is None else limits))
    except KeyboardInterrupt:
        run.stop_by_user()
    if every and run.record.stop is not None:
        print(run.record.stop.sentence)
    return TrainingResult(run.network, run.record)


def _divided(division: Division | str, targets: ArrayLike, loss: Loss, seed: int) -> Parts | None:
    """The parts; of targets that are classes class by class."""
    if isinstance(division, str):
        division = Division(division, seed=seed)
    require_kind(division, Division, "division", "Make one: Division('random', validation=0.2, test=0.2).")
    if division.kind == "none":
        return None
    answers = np.asarray(targets)
    if loss.name not in ("logistic_cross_entropy", "softmax_cross_entropy") or answers.ndim != 2:
        return division.split(len(answers))
    single = answers.shape[1] == 1
    return division.split(len(answers), answers[:, 0] > 0.5 if single else answers.argmax(axis=1))


def _network_for(
    graph: LayerGraph,
    inputs: ArrayLike,
    targets: ArrayLike,
    loss: Loss,
    parts: Parts | None,
    seed: int,
    sample_weight: ArrayLike | None,
) -> Network:
    """A start for a graph, scaled by what trains."""
    columns, answers = as_array(inputs, "inputs"), as_array(targets, "targets")
    require_width(columns, graph.n_inputs, "inputs")
    require_width(answers, graph.n_outputs, "targets")
    require_finite(columns, "inputs")
    if len(columns) != len(answers):
        raise ShapeError(f"inputs and targets must have as many rows, got {len(columns)} and {len(answers)}.")
    weight = None if sample_weight is None else checked_weight(sample_weight, len(answers), graph.n_outputs)
    answers = checked_targets(answers, weight)
    rows = slice(None) if parts is None else parts.train
    scaled = loss.link is None
    kind = "robust" if takes_scale(loss) else "minmax"
    weight = None if weight is None else weight[rows]
    return Network(
        graph,
        initial_weights(graph, rng=seed),
        Scaling.fit("minmax", columns[rows], None if weight is None else of_samples(weight)),
        Scaling.fit(kind, answers[rows], weight) if scaled else Scaling.none(graph.n_outputs),
    )


def require_pieces(network: Network, loss: Loss, rule: StepRule, limits: Limits) -> None:
    """Refuse names and other things where a training takes the pieces themselves."""
    require_kind(network, Network, "network", "Make one: Network(graph, weights).")
    _require_loss(loss)
    require_kind(rule, StepRule, "rule", "Make one: algorithm_named('lm').")
    require_kind(limits, Limits, "limits", "Make one: Limits(max_epochs=100).")


def _require_loss(loss: Loss) -> None:
    if isinstance(loss, str):
        raise ConfigurationError(f"loss must be a loss and not its name, got {loss!r}. Take loss_named({loss!r}).")


def _performance(objective: Minimized | None, here: Evaluation) -> float:
    return math.nan if objective is None else objective.performance(objective.at(here.weights, Need.VALUE))
