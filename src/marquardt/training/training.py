"""One run: the loop with stops, validation and record around it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from marquardt.algorithms import LevenbergMarquardt, StepRule, Trial, Verdict
from marquardt.algorithms.loop import finished
from marquardt.arrays import Array, ArrayLike
from marquardt.checks import require_kind
from marquardt.errors import ConfigurationError
from marquardt.losses import Loss, Squares, WeightDecay, takes_scale
from marquardt.networks import Network
from marquardt.numerics import hold_blas
from marquardt.objective import Budget, Derivatives, Evaluation, Minimized
from marquardt.training.division import AnyParts, Parts
from marquardt.training.objectives import Objectives, sources_of
from marquardt.training.own_scale import OwnScale
from marquardt.training.record import Epoch, Record
from marquardt.training.stops import Limits, Status, Stop, UserStop, first_stop
from marquardt.wording import by_door

__all__ = ["Training", "TrainingResult", "require_loss", "require_pieces"]


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
    (array([[5.]]), 'goal')
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
        self._begin(network, objectives, parts, rule.prepared_for(objectives.trained.info), limits, clock)

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
        run._begin(network, objectives, parts, rule.prepared_for(objective.info), limits, clock)
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
        self._stops = limits.stops()
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
        is_newton = self.rule.point_need is Derivatives.NORMAL and not self.rule.weighs_decay
        self._is_linear = is_newton and self._validation is None and objective.info.is_linear
        own = takes_scale(objective.loss)
        self._scale: OwnScale | None = OwnScale(objectives, self._scale_taken) if own else None
        self._fails = self._trials_before = 0
        self._last: Epoch | None = None

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
        return self.best_value if self._scale is None or self.rule.weighs_decay else self._scale.robust_mean

    def again(self, weights: Array, penalty: WeightDecay, limits: Limits) -> Training:
        """Return another run of the same rule, on the same objectives with another penalty: this one is over.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            Where it starts.
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
        run._begin(self._start, self._objectives, self.record.parts, self.rule, limits, self._clock)
        run._best_weights = weights
        return run

    def stop_by_user(self) -> None:
        """Ask the run to end: the next pull does, and the record says so.

        After an interrupt broke the iteration itself, this closes the record.
        """
        self._is_cancelled = True
        if self.record.stop is None and self.record.epochs:
            status = Status(epoch=self.record.num_epochs, is_cancelled=True)
            self.record.stop = first_stop(self._stops, status)

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
        record, limits, clock, started = self.record, self._limits, self._clock, self._clock()
        with hold_blas(), closing(self._objectives):
            if self._scale is not None:
                trials = self._scale.trials(self.rule, self._best_weights)
            else:
                trials = self.rule.trials(self.objective, self._best_weights, at_once=limits.trials_at_once)
            for trial in trials:
                seconds = clock() - started
                if trial.verdict in _GOES_ON and not self._is_cancelled and seconds < limits.max_seconds:
                    continue  # a rejected trial changes nothing else that a stop looks at
                epoch, ended = None, trial
                if trial.verdict in _MOVES:
                    ended = self._solved(trial)
                    epoch = self._recorded(ended, seconds)
                record.stop = self._ended(ended, seconds)
                if epoch is not None:
                    yield epoch
                if self._is_cancelled and record.stop is None:
                    record.stop = UserStop().told(Status(epoch=trial.epoch))
                if record.stop is not None:
                    return

    def _solved(self, trial: Trial) -> Trial:
        """The trial; where it ends a linear least-squares problem by its gradient, at the solution itself.

        A gradient as small as that leaves weights of ill-conditioned inputs without a right digit.
        """
        current, objective = trial.current, self.objective
        if not self._is_linear or trial.epoch == 0 or objective.gradient_norm(current) > self._limits.min_gradient:
            return trial
        current = current._replace(orthogonal=partial(objective.orthogonal_step, current.weights))
        last, tried = finished(objective, current)
        if last is current:
            return trial
        return trial._replace(current=last, merit=last.loss, trial=trial.trial + tried, verdict=Verdict.SETTLED)

    def _ended(self, trial: Trial, seconds: float) -> Stop | None:
        """Why the run ends after a trial, if it does."""
        objective, last = self.objective, self._last
        assert last is not None  # the first trial is the start
        mse = last.performance if self._is_squares else math.nan
        status = Status(
            trial.epoch,
            trial.trial,
            trial.current.loss * objective.unit,
            mse * objective.total_weight * objective.n_outputs * objective.sample_unit,
            mse,
            last.gradient,
            self._fails,
            seconds,
            trial.outcome,
            self._is_cancelled,
        )
        stop = first_stop(self._stops, status)
        if stop is not None and self._scale is not None and self._scale.puts_off(stop, self._best_weights):
            self._fails = 0
            return None
        self.record.evaluations = dict(objective.evaluations)
        return stop

    def _recorded(self, trial: Trial, seconds: float) -> Epoch:
        """Put an accepted point into the record, and keep its weights if it is the best."""
        record, objective, current = self.record, self.objective, trial.current
        performance, gradient = objective.performance(current), objective.gradient_norm(current)
        validation, compared = math.nan, trial.merit
        if self._validation is not None:
            there = self._validation.at(current.weights, Derivatives.VALUE)
            validation = self._validation.performance(there)
            # In scaled units, as the loss: in their own the target of the largest numbers would decide alone.
            compared = self._validation.mean_loss(there)
        # Equal counts as a failure; NaN, which is never smaller, too.
        is_best = compared < self.best_value or trial.epoch == 0
        self._fails = 0 if is_best or self._validation is None else self._fails + 1
        # The last point of a run that is finished is the nearer one, though rounding hides it from the loss.
        is_finished = trial.verdict is Verdict.SETTLED and self._validation is None
        is_best = is_best or self.rule.keeps_last or is_finished
        epoch = Epoch(
            trial.epoch,
            performance,
            validation,
            _performance(self._test, current),
            gradient,
            trial.report.get("mu", math.nan),
            self._fails,
            seconds,
            trial.trial - self._trials_before,
            current.loss * objective.unit,
            {name: value for name, value in trial.report.items() if name != "mu"},
        )
        self._last, self._trials_before = epoch, trial.trial
        record.evaluations = dict(objective.evaluations)
        record.epochs.append(epoch)
        if is_best:
            # Only now: an interrupt must not leave a best epoch that is not in the record. The weights first:
            # whoever looks on from another thread finds them as good as the value says, or better.
            self._best_weights, record.best_epoch = current.weights, trial.epoch
            self.best_value = compared
        return epoch

    def _scale_taken(self, scale: Array) -> None:
        """Go on with another scale of the loss."""
        self.record.settings["loss_scale"] = scale.tolist()
        if self.record.epochs:
            self.best_value = self._value_of(self._best_weights)

    def _value_of(self, weights: Array) -> float:
        """What epochs are compared by, with the scale of now."""
        if self._validation is not None:
            return self._validation.mean_loss(self._validation.at(weights, Derivatives.VALUE))
        return math.inf if self.rule.weighs_decay else self.objective.at(weights, Derivatives.VALUE).loss


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


def require_pieces(network: Network, loss: Loss, rule: StepRule, limits: Limits) -> None:
    """Refuse names and other things where a training takes the pieces themselves."""
    require_kind(network, Network, "network", "Make one: Network(graph, weights).")
    require_loss(loss)
    require_kind(rule, StepRule, "rule", "Make one: algorithm_named('lm').")
    require_kind(limits, Limits, "limits", "Make one: Limits(max_epochs=100).")


def require_loss(loss: Loss) -> None:
    """Refuse the name of a loss."""
    if isinstance(loss, str):
        raise ConfigurationError(f"loss must be a loss and not its name, got {loss!r}. Take loss_named({loss!r}).")


def _performance(objective: Minimized | None, current: Evaluation) -> float:
    return math.nan if objective is None else objective.performance(objective.at(current.weights, Derivatives.VALUE))
