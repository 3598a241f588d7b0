"""Training on sequences: one call for networks with delays and feedback.

The parts of a division are blocks of steps. A network comes to the steps that validate or test through those before
them, with the weights it has then: they are gone through with weight zero, so that its states at the beginning of a
part are those at the end of the one before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from marquardt.algorithms import LevenbergMarquardt, StepRule
from marquardt.arrays import Array, as_weight
from marquardt.checks import one_of, whole
from marquardt.errors import ConfigurationError
from marquardt.losses import Loss, WeightDecay
from marquardt.networks import SCALINGS, Network, Scaling, Sequences, initial_weights
from marquardt.objective import MemoryLimit, Objective, sequence_objective
from marquardt.training.division import Division, Parts
from marquardt.training.objectives import Objectives
from marquardt.training.restarts import Restarts
from marquardt.training.stops import Limits
from marquardt.training.training import Training, TrainingResult

__all__ = ["train_sequences"]


def train_sequences(
    network: Network,
    inputs: Any,
    targets: Any,
    loss: Loss | None = None,
    *,
    states: Any = "data",
    sample_weight: Any = None,
    division: Division | None = None,
    validation: tuple[Any, Any] | None = None,
    penalty: WeightDecay | None = None,
    rule: StepRule | None = None,
    limits: Limits | None = None,
    scaling: str = "none",
    n_restarts: int = 1,
    seed: int = 0,
    form: str = "auto",
    truncate: int | None = None,
    max_memory: int | str | None = None,
) -> TrainingResult:
    """Train a network with delays or feedback on one or many sequences.

    Parameters
    ----------
    network : Network
        Start, scalings and description.
    inputs, targets
        Arrays of shape (n_steps, n_inputs) and (n_steps, n_outputs), or lists of them, one a sequence; inputs are None
        for a network without inputs.
    loss : Loss
        Squares when not given.
    states, sample_weight, penalty, form, truncate
        As for `sequence_objective`.
    max_memory : int or str, optional
        Bytes, or a text such as ``"500MB"``, that the objectives of all parts and a step may take; the machine's memory
        when not given.
    division : Division, optional
        Of the kind ``"blocks"`` or ``"none"``: of every sequence, history rows aside, the first steps train, the next
        validate and the last test. A part begins with the states that the network has at the end of the one before.
    validation : tuple of (inputs, targets), optional
        Sequences that stop the training, instead of a division.
    rule : StepRule
        Levenberg–Marquardt when not given.
    limits : Limits
        What ends each run.
    scaling : str
        ``"standard"``, ``"minmax"`` or ``"robust"`` fits the scalings of inputs and targets to the rows up to the last
        that trains, for a network that has none; the weights are then those of the scaled network. ``"none"`` leaves
        them.
    n_restarts : int
        Runs: the first from the network's weights, the others from drawn ones. The best is kept, by its validation
        error where there is one, else by its loss.
    seed : int
        Of the drawn weights.

    Returns
    -------
    TrainingResult
        Network and record. With a division its parts are row numbers, of all sequences one after the other.

    Raises
    ------
    ConfigurationError
        If the division is not of blocks, or is given beside `validation`; if the network has scalings already.
    MarquardtError
        Whatever `sequence_objective` or `Training` refuses.

    Examples
    --------
    >>> from marquardt.networks import nar
    >>> series = np.cos(0.3 * np.arange(60))[:, None]
    >>> graph = nar((), feedback_delays=(1, 2))
    >>> network = Network(graph, initial_weights(graph, rng=0))
    >>> result = train_sequences(network, None, series, division=Division("blocks", validation=0.2, test=0.2))
    >>> bool(result.record.best_tperf < 1e-10), result.record.parts.test[[0, -1]]
    (True, array([48, 59]))
    """
    whole(n_restarts, "n_restarts", minimum=1)
    whole(seed, "seed")
    one_of(scaling, SCALINGS, "scaling")
    _check_division(division, validation is not None)
    rule = LevenbergMarquardt() if rule is None else rule
    sequences = Sequences.of(network, inputs, targets, states)
    parts = None if division is None else _parts(sequences, division)
    if scaling != "none":
        network = _scaled(network, sequences, parts, scaling)

    def of_rows(rows: Any, **options: Any) -> Objective | None:
        if rows is not None and not len(rows):
            return None
        weight = sample_weight if rows is None else _masked(sequences, sample_weight, rows)
        return sequence_objective(network, inputs, targets, loss, states=states, sample_weight=weight, **options)

    limit = MemoryLimit(max_memory)
    watching: dict[str, Any] = {"matrices": 0, "max_memory": limit}
    stopping = tested = None
    if parts is not None:
        stopping, tested = of_rows(parts.validation, **watching), of_rows(parts.test, **watching)
    elif validation is not None:
        stopping = sequence_objective(network, *validation, loss, states=states, **watching)
    # What only looks on has no choice of forms: the part that trains gets what is left.
    trained = of_rows(
        None if parts is None else parts.train,
        penalty=penalty,
        truncate=truncate,
        max_memory=limit.without(sum(each.plan.memory for each in (stopping, tested) if each is not None)),
        is_relative=True,
        **rule.asks(form),
    )
    assert trained is not None  # a division leaves rows to train on
    objectives = Objectives(trained, stopping, tested)

    def run(restart: int) -> Training:
        start = network
        if restart:
            objectives.begin_again(penalty)
            drawn = np.random.default_rng([seed, restart])
            start = network.with_weights(initial_weights(network.graph, rng=drawn))
        return Training.of(start, trained, validation=stopping, test=tested, parts=parts, rule=rule, limits=limits)

    restarts = Restarts(run(0), run, n_restarts)
    restarts.pull()
    return TrainingResult(restarts.network, restarts.record)


def _check_division(division: Division | None, has_validation: bool) -> None:
    if division is not None and division.kind not in ("blocks", "none"):
        raise ConfigurationError(
            f"Sequences are divided into blocks, as every step needs those before it, got the division "
            f"{division.kind!r}. Use Division('blocks')."
        )
    if division is not None and has_validation:
        raise ConfigurationError("A division and validation sequences exclude each other. Give one of them.")


def _parts(sequences: Sequences, division: Division) -> Parts:
    """Blocks of every sequence, as rows of all sequences one after the other."""
    found: dict[str, list[Any]] = {"train": [], "validation": [], "test": []}
    first, n_history = 0, sequences.n_history
    for rows in sequences.inputs:
        split = division.split(len(rows) - n_history)
        for name, each in found.items():
            each.append(getattr(split, name) + first + n_history)
        first += len(rows)
    return Parts(**{name: np.concatenate(each) for name, each in found.items()})


def _masked(sequences: Sequences, sample_weight: Any, rows: Any) -> Any:
    """Weights that are zero outside of a part."""
    lengths = [len(table) for table in sequences.inputs]
    mask = np.zeros(sum(lengths))
    mask[rows] = 1.0
    masks = np.split(mask, np.cumsum(lengths)[:-1])
    if sample_weight is None:
        return masks[0] if sequences.is_single else masks
    given = [sample_weight] if sequences.is_single else sample_weight
    if (
        not hasattr(given, "__len__")
        or len(given) != len(masks)
        or any(np.shape(each) not in ((), mask.shape) for each, mask in zip(given, masks, strict=True))
    ):
        return sample_weight  # which the objective refuses
    masked = [np.where(mask, as_weight(each), 0) for each, mask in zip(given, masks, strict=True)]
    return masked[0] if sequences.is_single else masked


def _scaled(network: Network, sequences: Sequences, parts: Parts | None, kind: str) -> Network:
    """The network with scalings of the rows up to the last that trains, sequence by sequence."""
    for each in (network.input_scaling, network.target_scaling):
        if each.offset.any() or (each.factor != 1.0).any():
            raise ConfigurationError(
                f"scaling={kind!r} fits scalings, and the network has its own. Use scaling='none' to keep them."
            )
    assert sequences.targets is not None
    shown: list[list[Array]] = [[], []]
    first = 0
    for tables in zip(sequences.inputs, sequences.targets, strict=True):
        n_rows = len(tables[0])
        stop = first + n_rows
        until = stop if parts is None else parts.train[np.searchsorted(parts.train, stop) - 1] + 1
        for rows, table in zip(shown, tables, strict=True):
            rows.append(table[: until - first])
        first = stop
    inputs, targets = (np.concatenate(rows) for rows in shown)
    return replace(
        network,
        input_scaling=Scaling.fit(kind, inputs) if network.graph.n_inputs else network.input_scaling,
        target_scaling=Scaling.fit(kind, targets),
    )
