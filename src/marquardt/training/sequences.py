"""Training on sequences: one call for networks with delays and feedback."""

from __future__ import annotations

from typing import Any

from marquardt.algorithms import LevenbergMarquardt, StepRule
from marquardt.losses import Loss, WeightDecay
from marquardt.networks import Network
from marquardt.objective import sequence_objective
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
    validation: tuple[Any, Any] | None = None,
    penalty: WeightDecay | None = None,
    rule: StepRule | None = None,
    limits: Limits | None = None,
    form: str = "auto",
    truncate: int | None = None,
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
    validation : tuple of (inputs, targets), optional
        Sequences that stop the training, such as a later part of the series.
    rule : StepRule
        Levenberg–Marquardt when not given.
    limits : Limits
        What ends the run.

    Returns
    -------
    TrainingResult
        Network and record.

    Raises
    ------
    MarquardtError
        Whatever `sequence_objective` or `Training` refuses.

    Examples
    --------
    >>> from marquardt.networks import initial_weights, nar
    >>> series = np.cos(0.3 * np.arange(60))[:, None]
    >>> graph = nar((), feedback_delays=(1, 2))
    >>> result = train_sequences(Network(graph, initial_weights(graph, rng=0)), None, series)
    >>> bool(result.record.best_perf < 1e-12)
    True
    """
    rule = LevenbergMarquardt() if rule is None else rule
    objective = sequence_objective(
        network,
        inputs,
        targets,
        loss,
        states=states,
        sample_weight=sample_weight,
        penalty=penalty,
        form=rule.form if form == "auto" else form,
        truncate=truncate,
        most=max(rule.point_need, rule.trial_need),
        matrices=rule.matrices,
        systems=rule.systems,
    )
    stopping = None
    if validation is not None:
        stopping = sequence_objective(network, *validation, loss, states=states, form="auto", matrices=0)
    run = Training.of(network, objective, validation=stopping, rule=rule, limits=limits)
    try:
        for _ in run:
            pass
    except KeyboardInterrupt:
        run.stop_by_user()
    return TrainingResult(run.network, run.record)
