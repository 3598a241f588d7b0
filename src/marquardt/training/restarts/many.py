"""One network trained from many starts, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from marquardt.arrays import ArrayLike
from marquardt.losses import Loss, takes_scale
from marquardt.networks import Network
from marquardt.training.restarts.batch import BatchTraining, checked_starts
from marquardt.training.training import Training, TrainingResult

__all__ = ["ManyResults", "train_many"]


class ManyResults(Sequence[TrainingResult]):
    """What `train_many` returns: a sequence of results, one a start, and the same as arrays.

    Parameters
    ----------
    batch : BatchTraining
        As they ended.

    Attributes
    ----------
    weights : ndarray of shape (n_starts, n_weights)
        Of each one's best epoch.
    performance, validation : ndarray of shape (n_starts,)
        There; validation is NaN without a validation part.
    epochs : ndarray of int of shape (n_starts,)
        Accepted steps.
    stops : list of Stop
        Why each ended.
    best : int
        The one with the lowest mean loss on the validation part, or with the lowest loss where there is none.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> network = Network(feed_forward(1, (), 1), [0.0, 0.0])
    >>> results = train_many(network, [[0.0, 0.0], [1.0, 1.0]], [[0.0], [1.0]], [[1.0], [3.0]])
    >>> results.weights.round(6)
    array([[2., 1.],
           [2., 1.]])
    >>> results[1].record.stop.code
    'goal'
    """

    def __init__(self, batch: BatchTraining) -> None:
        self._batch = batch
        best = batch.best
        self.weights, self.performance, self.validation = best.weights, best.performance, best.validation
        self.epochs = batch.epochs
        self.stops = [stop for stop in batch.stops if stop is not None]
        self.best = int(np.argmin(best.value))

    def __len__(self) -> int:
        return self._batch.n_members

    @overload
    def __getitem__(self, number: int) -> TrainingResult: ...

    @overload
    def __getitem__(self, number: slice) -> list[TrainingResult]: ...

    def __getitem__(self, number: int | slice) -> TrainingResult | list[TrainingResult]:
        if isinstance(number, slice):
            return [self[k] for k in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        return TrainingResult(self._batch.network.with_weights(self.weights[number]), self._batch.record(number))


def train_many(
    network: Network,
    starts: ArrayLike,
    inputs: ArrayLike,
    targets: ArrayLike,
    loss: Loss | None = None,
    **options: Any,
) -> ManyResults:
    """Train a network from many starts, as a batch; an interrupt (Ctrl-C) ends all and keeps their best weights.

    Network by network it does what `train` does, and takes a fraction of the time where the compiled kernel covers it.

    Parameters
    ----------
    network : Network
        Description and scalings; its own weights do not matter.
    starts : array-like of shape (n_starts, n_weights)
        A row is a start.
    inputs : array-like of shape (n_samples, n_inputs)
        In the user's units.
    targets : array-like of shape (n_samples, n_outputs)
        In the user's units.
    loss : Loss
        Squares when not given. Of a robust loss with the scale ``"auto"`` a run from
        the first start takes the scale from its residuals, and all members have that one.
    **options
        As for `BatchTraining`.

    Returns
    -------
    ManyResults
        A network and a record a start.

    Raises
    ------
    MarquardtError
        Whatever `BatchTraining` refuses.

    Examples
    --------
    >>> from marquardt.networks import feed_forward, initial_weights
    >>> from marquardt.training import Limits
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> graph = feed_forward(1, 5, 1)
    >>> starts = [initial_weights(graph, rng=seed) for seed in range(20)]
    >>> results = train_many(Network(graph, starts[0]), starts, x, np.sin(3 * x), limits=Limits(max_epochs=100))
    >>> bool(results[results.best].record.best_perf < 1e-6)
    True
    """
    is_interrupted = False
    if takes_scale(loss):
        first = network.with_weights(checked_starts(starts, network.graph.n_weights)[0])
        run = Training(first, inputs, targets, loss, **options)
        try:
            for _ in run:
                pass
        except KeyboardInterrupt:
            if takes_scale(run.objective.loss):
                raise  # before the first epoch: there is nothing to keep
            is_interrupted = True
        loss = run.objective.loss
    batch = BatchTraining(network, starts, inputs, targets, loss, **options)
    if is_interrupted:
        batch.stop_by_user()
    try:
        for _ in batch:
            pass
    except KeyboardInterrupt:
        batch.stop_by_user()
    return ManyResults(batch)
