"""The objective of sequences: what an `Objective` is of samples, for networks with delays and feedback.

A network whose delays are all at its data, of inputs and of measured targets, sees at every step a row of lagged
values: it is the static network on these rows, and every form of the static engine serves it. Everything else goes
through time (`marquardt.objective.through_time`). `sequence_objective` chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, Unpack

import numpy as np

from marquardt.arrays import Array, checked_weight, counted_weight_of, require_finite
from marquardt.checks import one_of, whole
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.losses import Loss, Squares, WeightDecay
from marquardt.networks import INPUTS, TARGETS, Layer, LayerGraph, Network, Prepared, Sequences, TimeWiring
from marquardt.objective.evaluation import Derivatives
from marquardt.objective.forms import FORMS, TIME_FORMS, time_forms
from marquardt.objective.forms.time_form import TimeJob
from marquardt.objective.memory import Budget, MemoryLimit
from marquardt.objective.objective import ModelOptions, Objective
from marquardt.objective.planning import plan_through_time
from marquardt.objective.relative import Relative, check_loss, check_probabilities
from marquardt.objective.through_time import Layout
from marquardt.objective.time_sums import Group, TimeSums

__all__ = ["sequence_objective", "unrolled"]


def unrolled(graph: LayerGraph) -> LayerGraph | None:
    """Return the static network that a network with delays at its data is on rows of lagged values."""
    taps = _data_taps(graph)
    if taps is None:
        return None
    layers = []
    for layer in graph.layers:
        sources: list[str] = []
        for source in layer.sources:
            name = INPUTS if source in (INPUTS, TARGETS) else source
            if name not in sources:
                sources.append(name)
        layers.append(Layer(layer.size, layer.activation, tuple(sources), layer.bias, layer.name))
    sizes = {INPUTS: graph.n_inputs, TARGETS: graph.n_outputs}
    return replace(graph, n_inputs=sum(sizes[source] * len(delays) for source, delays in taps), layers=tuple(layers))


def _data_taps(graph: LayerGraph) -> list[tuple[str, tuple[int, ...]]] | None:
    """What every layer that takes data takes of it; None where they differ, or layers take layers with delays."""
    found: list[tuple[str, tuple[int, ...]]] | None = None
    for layer in graph.layers:
        taps = [(source, delays) for source, delays in layer.taps if source in (INPUTS, TARGETS)]
        if any(delays != (0,) for source, delays in layer.taps if source not in (INPUTS, TARGETS)):
            return None
        if not taps:
            continue
        places = [place for place, source in enumerate(layer.sources) if source in (INPUTS, TARGETS)]
        if places != list(range(places[0], places[0] + len(places))) or found not in (None, taps):
            return None
        found = taps
    return found


def sequence_objective(
    network: Network,
    inputs: Any,
    targets: Any,
    loss: Loss | None = None,
    *,
    states: Any = "data",
    sample_weight: Any = None,
    truncate: int | None = None,
    **options: Unpack[ModelOptions],
) -> Objective:
    """Return the objective of one or many sequences."""
    form = options.get("form", "auto")
    one_of(form, (*FORMS, *TIME_FORMS), "form")
    graph = network.graph
    if truncate is not None:
        whole(truncate, "truncate", minimum=1)
    if targets is None:
        raise ConfigurationError("There are no targets to train on.")
    _refuse_targets_of_now(graph)
    sequences = Sequences.of(network, inputs, targets, states)
    assert sequences.targets is not None
    for number, (rows, answers) in enumerate(zip(sequences.inputs, sequences.targets, strict=True)):
        if len(rows) != len(answers):
            raise ShapeError(f"inputs and targets must have as many rows, got {len(rows)} and {len(answers)}.")
        which = "" if sequences.is_single else f" of sequence {number}"
        require_finite(rows, f"inputs{which}")
        require_finite(answers, f"targets{which}")
    weights = _weights(sequences, sample_weight)
    twin = unrolled(graph)
    asked = time_forms.get(form)
    through_time = asked is not None or (twin is None and form == "auto")
    if truncate is not None and not (through_time and (asked is None or asked.can_truncate)):
        raise ConfigurationError(
            f"truncate={truncate} cuts off the look back of form='backward', and "
            + (f"form={form!r} has none." if asked else "in this network no layer is taken with a delay.")
        )
    if through_time:
        return _through_time(network, sequences, weights, loss, truncate, **options)
    if twin is None:
        raise ConfigurationError(
            f"form={form!r} is of the static engine, and in {graph.describe()} a layer has a delay, or layers "
            f"take different delays of the data. Use form='forward', 'backward' or 'auto'."
        )
    lagged, answers, weight = _lagged(graph, sequences, weights)
    return Objective(
        twin,
        lagged,
        answers,
        loss,
        sample_weight=weight,
        target_scaling=network.target_scaling,
        **options,
    )


def _refuse_targets_of_now(graph: LayerGraph) -> None:
    """Refuse a network that would be trained to give what it has not been given yet, or was given already."""
    if graph.steps_ahead or any(0 in dict(layer.taps).get(TARGETS, ()) for layer in graph.layers):
        raise ConfigurationError(
            f"{graph.describe()} "
            + (
                f"gives at step t its output of step t+{graph.steps_ahead}, and the targets are of step t. "
                if graph.steps_ahead
                else "takes its own targets without delay, and would learn to copy them. "
            )
            + "Train the network with its delays, and use remove_delay after that."
        )


def _weights(sequences: Sequences, sample_weight: Any) -> list[Array] | None:
    """Weights of the steps that have an output, sequence by sequence."""
    if sample_weight is None:
        return None
    count = len(sequences.inputs)
    given = [sample_weight] if sequences.is_single else sample_weight
    if not hasattr(given, "__len__") or len(given) != count:
        raise ShapeError(f"There are {count} sequences: sample_weight must be a list of as many, one entry a sequence.")
    result = []
    for table, each in zip(sequences.inputs, given, strict=True):
        if not isinstance(each, Real) and np.shape(each) != (len(table),):
            raise ShapeError(
                f"The weights of a sequence are one number, or one a step: ({len(table)},), got {np.shape(each)}. "
                f"Weights of single outputs are taken where no sequence is: by NetworkRegressor, Training and train."
            )
        weight = checked_weight(np.full(len(table), each) if isinstance(each, Real) else each, len(table))
        result.append(weight[sequences.n_history :])
    if not any(weight.any() for weight in result):
        raise DataError("All sample weights are zero: there is nothing to train on or to compare with.")
    return result


def _lagged(graph: LayerGraph, sequences: Sequences, weights: list[Array] | None) -> tuple[Array, Array, Array | None]:
    """Rows of lagged values in scaled units, their targets in the user's, and weights; rows of weight zero left out."""
    taps = _data_taps(graph)
    assert taps is not None
    assert sequences.targets is not None
    depth = graph.max_delay
    rows, answers = [], []
    for number, one in enumerate(sequences.each()):
        columns = [
            one.data[source][depth - delay : depth - delay + one.n_steps, 0]
            for source, delays in taps
            for delay in delays
        ]
        table, answer = np.concatenate(columns, axis=1), sequences.targets[number][one.first :]
        if weights is not None:
            table, answer = table[weights[number] > 0], answer[weights[number] > 0]
        rows.append(table)
        answers.append(answer)
    weight = None if weights is None else np.concatenate([each[each > 0] for each in weights])
    return np.concatenate(rows), np.concatenate(answers), weight


def _through_time(
    network: Network,
    sequences: Sequences,
    weights: list[Array] | None,
    loss: Loss | None,
    truncate: int | None,
    *,
    penalty: WeightDecay | None = None,
    is_relative: bool = False,
    form: str = "auto",
    block_size: int | None = None,
    threads: int | None = None,  # there is one, and no system
    most: Derivatives = Derivatives.NORMAL,
    matrices: int = 3,
    matrix_free_forms: Sequence[str] = (),
    max_memory: Budget = None,
) -> Objective:
    """The objective of sequences through time."""
    if block_size is not None:
        whole(block_size, "block_size", minimum=1)
    graph, scaling = network.graph, network.target_scaling
    loss = Squares() if loss is None else loss
    check_loss(graph, loss)
    wiring = TimeWiring(graph, loss.link is not None)
    layout = Layout.of(wiring)
    lengths, counted = _lengths(sequences, weights)
    total_weight = float(counted) if weights is None else float(sum(each.sum() for each in weights))
    mean = 1.0 if weights is None else total_weight / int(sum(map(np.count_nonzero, weights)))
    relative = Relative.of(loss, penalty, mean if is_relative else None)
    counted_weight = 1.0
    if is_relative:
        counted_weight = counted_weight_of(None if weights is None else np.concatenate(weights))
    if weights is not None and relative.sample_unit != 1.0:
        weights = [each / relative.sample_unit for each in weights]
    limit = MemoryLimit.of(max_memory)
    plan = plan_through_time(TimeJob(wiring, layout, lengths, truncate, block_size, most, matrices, limit), form)
    if loss.link is not None:
        check_probabilities(loss, scaling, (table.T for table in sequences.targets or []))
    prepared = sequences.each()
    groups = [
        _group(
            graph,
            [_cut(prepared[n], lengths[n]) for n in members],
            None if weights is None else [weights[n] for n in members],
        )
        for members in plan.groups
    ]
    sums = TimeSums(wiring, layout, groups, plan, relative.loss, counted, total_weight / relative.sample_unit)
    return Objective.over(graph, sums, relative=relative, target_scaling=scaling, counted_weight=counted_weight)


def _lengths(sequences: Sequences, weights: list[Array] | None) -> tuple[list[int], int]:
    """Steps up to the last with a weight, sequence by sequence, and how many have one."""
    steps = [len(rows) - sequences.n_history for rows in sequences.inputs]
    if weights is None:
        return steps, sum(steps)
    lengths = [int(np.flatnonzero(each)[-1]) + 1 if each.any() else 0 for each in weights]
    return lengths, sum(int(np.count_nonzero(each)) for each in weights)


def _cut(one: Prepared, n_steps: int) -> Prepared:
    """A sequence up to a step."""
    excess = one.n_steps - n_steps
    if not excess:
        return one
    return one._replace(data={k: rows[: len(rows) - excess] for k, rows in one.data.items()}, n_steps=n_steps)


def _group(graph: LayerGraph, members: list[Prepared], weights: list[Array] | None) -> Group:
    """Put sequences side by side; the first is the longest."""
    n_steps, depth = members[0].n_steps, graph.max_delay
    weight = np.zeros((n_steps, len(members)))
    counts = np.zeros(n_steps, dtype=np.intp)
    data: dict[str, Array] = {}
    histories: dict[str, Array] = {}
    for b, one in enumerate(members):
        weight[: one.n_steps, b] = 1.0 if weights is None else weights[b][: one.n_steps]
        counts[: one.n_steps] += 1
        for source, rows in one.data.items():
            if source not in data:
                data[source] = np.zeros((depth + n_steps, len(members), rows.shape[2]))
            data[source][: len(rows), b] = rows[:, 0]
        for name, rows in one.histories.items():
            if name not in histories:
                histories[name] = np.zeros((depth, len(members), rows.shape[2]))
            histories[name][:, b] = rows[:, 0]
    targets = data[TARGETS][depth:].reshape(-1, graph.n_outputs)
    is_full = bool((counts == len(members)).all())
    return Group(data, histories, np.ascontiguousarray(targets.T), weight, None if is_full else counts)
