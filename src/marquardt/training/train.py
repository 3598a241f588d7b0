"""Training in one call."""

from __future__ import annotations

import numpy as np

from marquardt.algorithms import StepRule, algorithm_named
from marquardt.arrays import ArrayLike, as_array, checked_targets, checked_weight, of_samples, require_finite
from marquardt.checks import require_kind, whole
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.losses import Loss, Squares, WeightDecay, takes_scale
from marquardt.networks import LayerGraph, Network, Scaling, initial_weights
from marquardt.objective import Budget, require_width
from marquardt.training.division import Division, Parts
from marquardt.training.record import epoch_line
from marquardt.training.stops import Limits
from marquardt.training.training import Training, TrainingResult, require_loss

__all__ = ["train"]


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
    require_loss(loss)
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
