"""The objective of sequences: what an `Objective` is of samples, for networks with delays and feedback.

A network whose delays are all at its data, of inputs and of measured targets, sees at every step a row of lagged
values: it is the static network on these rows, and every form of the static engine serves it. Everything else goes
through time (`marquardt.objective.through_time`). `sequence_objective` chooses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, NamedTuple, NoReturn

import numpy as np

from marquardt.arrays import Array, Indices, checked_weight, counted_weight_of, require_finite
from marquardt.checks import one_of, whole
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.losses import Loss, Squares, WeightDecay
from marquardt.networks import INPUTS, TARGETS, Course, Layer, LayerGraph, Network, Prepared, Sequences, TimeWiring
from marquardt.objective.cost import Work, solution
from marquardt.objective.evaluation import Costs, Need
from marquardt.objective.forms import FORMS
from marquardt.objective.memory import Budget, MemoryLimit, readable_bytes, require_memory
from marquardt.objective.objective import Objective
from marquardt.objective.plan import Plan
from marquardt.objective.relative import Relative, check_loss, check_probabilities
from marquardt.objective.sensitivities import curvature_rows
from marquardt.objective.sums import Normal, Part
from marquardt.objective.through_time import (
    Backward,
    Forward,
    Layout,
    gradient_through_time,
    rows_as_cells,
    value_slopes,
)

__all__ = ["TIME_FORMS", "TimePlan", "TimeSums", "sequence_objective", "unrolled"]

TIME_FORMS = ("forward", "backward")
"""The forms of the Jacobian through time: forward sensitivities (RTRL), and backward (BPTT)."""

GROUP_BYTES = 64 << 20
"""What the passes of a group of sequences may take, where it is more than one sequence."""
BLOCK_BYTES = 4 << 20
"""What S and J of a block of steps may take."""
MOST_PADDING = 0.3
"""How much shorter than the longest of its group a sequence may be."""


@dataclass(frozen=True)
class TimePlan(Plan):
    """How a pass through time is done."""

    truncate: int | None = None  # Steps after which the look back is cut off; None where the derivatives are exact
    n_states: int = 0  # Units that are taken with a delay
    n_groups: int = 1  # Groups of sequences that are evaluated side by side


class Group(NamedTuple):
    """Sequences side by side, the longest first."""

    data: dict[str, Array]  # (max_delay + n_steps, n_sequences, size): inputs and targets with their history
    histories: dict[str, Array]  # (max_delay, n_sequences, size)
    targets: Array  # (n_outputs, n_steps · n_sequences): scaled; zero after the end of a sequence
    weight: Array  # (n_steps, n_sequences): zero after the end of a sequence
    counts: Indices | None  # (n_steps,): how many sequences go on at every step; None where it is all


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
    penalty: WeightDecay | None = None,
    form: str = "auto",
    truncate: int | None = None,
    block_size: int | None = None,
    threads: int | None = None,
    most: Need = Need.NORMAL,
    matrices: int = 3,
    systems: tuple[str, ...] = (),
    max_memory: Budget = None,
    is_relative: bool = False,
) -> Objective:
    """Return the objective of one or many sequences."""
    one_of(form, (*FORMS, *TIME_FORMS), "form")
    graph = network.graph
    if truncate is not None:
        whole(truncate, "truncate", minimum=1)
    if targets is None:
        raise ConfigurationError("There are no targets to train on.")
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
    through_time = form in TIME_FORMS or (twin is None and form == "auto")
    if truncate is not None and (form == "forward" or not through_time):
        raise ConfigurationError(
            f"truncate={truncate} cuts off the look back of form='backward', and "
            + ("form='forward' has none." if form == "forward" else "in this network no layer is taken with a delay.")
        )
    if through_time:
        return _through_time(
            network,
            sequences,
            weights,
            loss,
            penalty=penalty,
            form=form,
            truncate=truncate,
            block_size=block_size,
            most=most,
            matrices=matrices,
            max_memory=max_memory,
            is_relative=is_relative,
        )
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
        penalty=penalty,
        sample_weight=weight,
        target_scaling=network.target_scaling,
        form=form,
        block_size=block_size,
        threads=threads,
        most=most,
        matrices=matrices,
        systems=systems,
        max_memory=max_memory,
        is_relative=is_relative,
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
    *,
    penalty: WeightDecay | None,
    form: str,
    truncate: int | None,
    block_size: int | None,
    most: Need,
    matrices: int,
    max_memory: Budget,
    is_relative: bool,
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
    numbers, plan = _planned(wiring, layout, lengths, form, truncate, block_size, most, matrices, max_memory)
    if loss.link is not None:
        check_probabilities(loss, scaling, (table.T for table in sequences.targets or []))
    prepared = sequences.each()
    groups = [
        _group(
            graph,
            [_cut(prepared[n], lengths[n]) for n in members],
            None if weights is None else [weights[n] for n in members],
        )
        for members in numbers
    ]
    sums = TimeSums(wiring, layout, groups, plan, relative.loss, counted, total_weight / relative.sample_unit)
    return Objective.over(graph, sums, relative=relative, target_scaling=scaling, counted_weight=counted_weight)


class TimeSums:
    """Sums over sequences, with derivatives through time; there are no second ones. `sequence_objective` makes it."""

    plan: TimePlan
    lacking = "training through time"
    compiled = None

    def __init__(
        self,
        wiring: TimeWiring,
        layout: Layout,
        groups: list[Group],
        plan: TimePlan,
        loss: Loss,
        n_samples: int,
        total_weight: float,
    ) -> None:
        self.plan, self.loss = plan, loss
        self.n_samples, self.total_weight = n_samples, total_weight
        self.graph = wiring.graph
        self._n_outputs, self._n_weights = wiring.graph.n_outputs, wiring.graph.n_weights
        self._time, self._groups = wiring, groups
        # z of layers that see nothing but data is the same in every pass.
        self._kept = [self._kept_of(group) for group in groups]
        self._jacobians = Forward(wiring, layout) if plan.form == "forward" else Backward(wiring, layout, plan.truncate)
        self._last: tuple[bytes, Course] | None = None

    def _kept_of(self, group: Group) -> list[Array | None]:
        wiring, n_steps = self._time, len(group.weight)
        return [
            wiring.stacked(k, group.data, 0, n_steps)
            if all(source in (INPUTS, TARGETS) for source in span.layer.sources)
            else None
            for k, span in enumerate(wiring.spans)
        ]

    # ---------------------------------------------------------------- sums

    def value(self, weights: Array) -> Array:
        """Return each output's sum of the loss."""
        sums = np.zeros(self._n_outputs)
        for number, group in enumerate(self._groups):
            sums += self._group_sums(self._outputs(self._course(weights, number)), group)
        return sums

    def gradient(self, weights: Array) -> tuple[Array, Array]:
        """Return sums and gradient."""
        sums, gradient, _ = self._derived(weights, None)
        return sums, gradient

    def normal(self, weights: Array, is_single: bool = False) -> Normal:
        """Return sums, gradient and JᵀΛJ."""
        sums, gradient, normal = self._derived(weights, np.zeros((self._n_weights, self._n_weights)))
        assert normal is not None
        return sums, gradient, normal

    def _derived(self, weights: Array, normal: Array | None) -> tuple[Array, Array, Array | None]:
        sums = np.zeros(self._n_outputs)
        gradient = np.zeros(self.graph.n_connections)
        for number, group in enumerate(self._groups):
            course = self._course(weights, number)
            outputs = self._outputs(course)
            sums += self._group_sums(outputs, group)
            if not np.isfinite(sums).all():
                break
            slopes = value_slopes(self._time, course)
            if normal is not None:
                self._add_normal(normal, course, slopes, group, outputs)
            slope = self.loss.slope(outputs, group.targets) * group.weight.ravel()
            gradient += self._slope_back(course, slopes, group, slope)
        if not (np.isfinite(gradient).all() and (normal is None or np.isfinite(normal).all())):
            # Outputs may be bounded where sensitivities grow without bound: a point without derivatives is no point.
            sums = np.full(self._n_outputs, np.inf)
        weight_map = self.graph.weight_map
        return sums, gradient if weight_map is None else weight_map.contract(gradient), normal

    def normal_of(self, weights: Array, share: float) -> Array:
        """Return JᵀΛJ of all steps: a part of a sequence takes all of it before, and saves little."""
        return self.normal(weights)[2]

    def parts(self, weights: Array) -> Iterator[Part]:
        """Yield outputs, targets and weights, a group of sequences at a time; steps after an end have weight 0."""
        for number, group in enumerate(self._groups):
            yield self._outputs(self._course(weights, number)), group.targets, group.weight.ravel()

    def jacobian(self, weights: Array) -> Iterator[Array]:
        """Yield the rows of R ∂outputs/∂weights with the weights: step by step, within a step sequence by sequence."""
        for number, group in enumerate(self._groups):
            course = self._course(weights, number)
            rows = self._rows(group, self._outputs(course))
            slopes = value_slopes(self._time, course)
            for _, block in self._jacobians.blocks(course, slopes, rows, self.plan.block_size):
                yield self._by_weights(block)

    def whitened(self, weights: Array) -> Iterator[tuple[Array, Array, Array | None]]:
        """Yield all rows at once, with their residuals; none of a loss that is not squares."""
        if not isinstance(self.loss, Squares):
            return
        residuals = []
        for outputs, targets, weight in self.parts(weights):
            assert weight is not None
            root = np.sqrt(self.loss.curvature(outputs, targets))[:, None] * np.sqrt(weight)
            residuals.append(((outputs - targets) * root).T.ravel())
        yield np.concatenate(list(self.jacobian(weights))), np.concatenate(residuals), None

    def whitened_bytes(self) -> float:
        """What the whole Jacobian takes, with its copies."""
        cells = sum(group.weight.size for group in self._groups)
        return 8.0 * 4 * cells * self._n_outputs * self._n_weights

    def costs(self) -> Costs:
        """Return what passes and steps are estimated to take."""
        cells = sum(int(np.prod(group.weight.shape)) for group in self._groups)
        steps = sum(len(group.weight) for group in self._groups)
        passes = Work(3.0 * self.graph.n_connections * cells, calls=8.0 * len(self.graph.layers) * steps)
        return Costs(passes.seconds(), self.plan.seconds, solution(self._n_weights).seconds())

    def rescale(self, loss: Loss) -> None:
        """Go on with a loss of another scale."""
        self.loss = loss

    def close(self) -> None:
        """Forget the last evaluation."""
        self._last = None

    # ---------------------------------------------------------------- what there is not through time

    def require_second(self) -> NoReturn:
        """Refuse second derivatives."""
        raise ConfigurationError(
            "The exact Hessian through time is not there. Ask for Need.NORMAL: train with 'levenberg_marquardt' or "
            "'bfgs'."
        )

    def hessian(self, weights: Array) -> NoReturn:
        """Refuse it."""
        self.require_second()

    def hessian_times(self, weights: Array) -> NoReturn:
        """Refuse it."""
        self.require_second()

    def bend(self, weights: Array, direction: Array) -> NoReturn:
        """Refuse it."""
        self.require_second()

    def diagonal(self, weights: Array) -> NoReturn:
        """Refuse it: no plan through time is without a matrix."""
        raise ConfigurationError("Through time the normal equations have a matrix: use form='forward' or 'backward'.")

    def times(self, weights: Array, vector: Array) -> NoReturn:
        """Refuse it, as `diagonal`."""
        self.diagonal(weights)

    def in_sample_space(self, weights: Array, decay: Array) -> NoReturn:
        """Refuse it, as `diagonal`."""
        self.diagonal(weights)

    # ---------------------------------------------------------------- one group

    def _course(self, weights: Array, number: int) -> Course:
        """Evaluate a group; the last is kept where there is one group, as an accepted trial is evaluated again."""
        group = self._groups[number]
        key = weights.tobytes()
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        course = self._time.forward(weights, group.data, group.histories, group.counts, self._kept[number])
        if len(self._groups) == 1:
            self._last = (key, course)
        return course

    def _outputs(self, course: Course) -> Array:
        """What the loss sees, (n_outputs, n_steps · n_sequences)."""
        return course.outputs.reshape(-1, self._n_outputs).T

    def _group_sums(self, outputs: Array, group: Group) -> Array:
        sums: Array = (self.loss.value(outputs, group.targets) * group.weight.ravel()).sum(axis=1)
        return sums

    def _rows(self, group: Group, outputs: Array) -> Array:
        """R with the weights, (n_steps, n_sequences, n_rows, n_outputs)."""
        factor = curvature_rows(self.loss.curvature(outputs, group.targets), *outputs.shape)
        return rows_as_cells(factor * np.sqrt(group.weight.ravel()), *group.weight.shape)

    def _slope_back(self, course: Course, slopes: list[Array | None], group: Group, slope: Array) -> Array:
        """∂loss/∂connections from ∂loss/∂outputs, exact or truncated."""
        at_output = np.ascontiguousarray(slope.T).reshape(*group.weight.shape, self._n_outputs)
        if self.plan.truncate is None:
            return gradient_through_time(self._time, course, slopes, at_output)
        blocks = self._jacobians.blocks(course, slopes, at_output[:, :, None], self.plan.block_size)
        total = np.zeros(self.graph.n_connections)
        for _, block in blocks:
            total += block.sum(axis=(0, 1, 2))
        return total

    def _add_normal(
        self, normal: Array, course: Course, slopes: list[Array | None], group: Group, outputs: Array
    ) -> None:
        """Add JᵀΛJ of a group, block by block."""
        rows = self._rows(group, outputs)
        for _, block in self._jacobians.blocks(course, slopes, rows, self.plan.block_size):
            table = self._by_weights(block)
            normal += table.T @ table

    def _by_weights(self, block: Array) -> Array:
        """A block of J as a table with a column a weight."""
        table = block.reshape(-1, block.shape[-1])
        weight_map = self.graph.weight_map
        return table if weight_map is None else weight_map.contract(table, axis=1)


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


def _planned(
    wiring: TimeWiring,
    layout: Layout,
    lengths: list[int],
    form: str,
    truncate: int | None,
    block_size: int | None,
    most: Need,
    matrices: int,
    max_memory: Budget,
) -> tuple[list[list[int]], TimePlan]:
    """Groups of sequences, and the plan: of the forms that fit, the one that is estimated to be faster."""
    limit = MemoryLimit.of(max_memory)
    forms = ["backward"] if truncate is not None else list(TIME_FORMS)
    made = {each: _planned_as(each, wiring, layout, lengths, truncate, block_size, most, matrices, limit)
            for each in forms}  # fmt: skip
    allowed = {form: made[form]} if form in made else made
    fitting = {each: pair for each, pair in allowed.items() if limit.allows(pair[1].memory)}
    if not fitting:
        least = min((pair[1] for pair in allowed.values()), key=lambda plan: plan.memory)
        other = [plan for _, plan in made.values() if limit.allows(plan.memory)]
        way_out = f"form={other[0].form!r} would take {readable_bytes(other[0].memory)}." if other else ""
        if not way_out and most in (Need.NORMAL, Need.CURVATURE):
            _, gradient = _planned_as(
                "backward", wiring, layout, lengths, truncate, block_size, Need.GRADIENT, 0, limit
            )
            if limit.allows(gradient.memory):
                way_out = f"The algorithm 'lbfgs' would take {readable_bytes(gradient.memory)}."
            else:
                way_out = limit.refusal_of_vectors(gradient.memory)
        on_what = f"through time on {sum(lengths):,} steps with form={least.form!r} "
        require_memory(wiring.graph, least.memory, on_what, limit=limit, way_out=way_out)
    groups, plan = min(fitting.values(), key=lambda pair: pair[1].seconds)
    others = tuple(other for _, other in made.values() if other is not plan)
    return groups, replace(plan, others=others)


def _planned_as(
    form: str,
    wiring: TimeWiring,
    layout: Layout,
    lengths: list[int],
    truncate: int | None,
    block_size: int | None,
    most: Need,
    matrices: int,
    limit: MemoryLimit,
) -> tuple[list[list[int]], TimePlan]:
    """Groups and plan of one form; smaller groups and blocks where memory is short."""
    graph = wiring.graph
    units = sum(layer.size for layer in graph.layers)
    fan_ins = sum(span.fan_in for span in wiring.spans)
    n_rows, n_weights = graph.n_outputs, graph.n_connections
    height = layout.n_states * len(layout.delays)
    of_pass = 5 * units + fan_ins + graph.n_inputs + 3 * graph.n_outputs
    longest = max(lengths)
    is_forward = form == "forward"
    sensitivity = layout.n_states * layout.n_columns
    numbers_a_step = n_rows * n_weights * 2 + (sensitivity if is_forward else n_rows * layout.n_states)
    held_a_cell = of_pass + (0 if is_forward else layout.n_states * (height + units))
    group_bytes = min(GROUP_BYTES, limit.limit / 4)
    groups = _groups(lengths, max(1, BLOCK_BYTES // (8 * numbers_a_step)), int(group_bytes / (8 * held_a_cell)))
    width = max(len(group) for group in groups)
    cells = [len(group) * lengths[group[0]] for group in groups]
    is_normal = most in (Need.NORMAL, Need.CURVATURE) and matrices > 0  # else values are all that is asked for

    def memory(size: int) -> int:
        numbers = matrices * graph.n_weights**2 + sum(cells) * (graph.n_inputs + 3 * graph.n_outputs + fan_ins)
        if not is_normal:
            return 8 * (numbers + max(cells) * of_pass)
        carried = layout.delays[0] * sensitivity * width if layout.delays and is_forward else 0
        numbers += max(cells) * held_a_cell + carried + 2 * size * width * numbers_a_step
        return 8 * (numbers + size * width * (layout.n_states + n_rows) * (height + units))

    size = block_size or max(1, min(longest, BLOCK_BYTES // (8 * numbers_a_step * width)))
    while block_size is None and size > 1 and not limit.allows(memory(size)):
        size //= 2
    n_blocks = sum(-(-lengths[group[0]] // size) for group in groups)
    window = min(value for value in (longest - 1, truncate, layout.reach) if value is not None)
    looks = window if window < longest / 2 else longest / 2
    n_layers, n_cells = len(graph.layers), sum(cells)
    # A step of the longest is a turn in Python, where there is a loop in the network.
    turns = sum(lengths[group[0]] for group in groups)
    passes = turns if any(wiring.is_loop) else len(groups)
    # Of a cell, that is a step of a sequence; forward and loss first.
    passed = Work(products=n_weights, touched=of_pass, activated=units) * n_cells + Work(calls=passes * 3 * n_layers)
    work = passed + Work(products=2 * n_weights, touched=of_pass) * n_cells + Work(calls=passes * 2 * n_layers)
    if is_normal and is_forward:
        carried_on = sensitivity * len(layout.delays) * layout.n_states + n_rows * height * layout.n_columns
        rows = _small_products(carried_on) + Work(touched=3 * sensitivity + 2 * n_rows * n_weights)
        work += rows * n_cells + Work(calls=turns * (2 + 2 * n_layers))
    elif is_normal:
        # A look back multiplies, and writes what it found where the next one takes it.
        multiplied = n_rows * layout.n_states * (height + units)
        looked = _small_products(multiplied) + Work(touched=multiplied + 3 * n_rows * layout.n_columns)
        rows = looks * looked + Work(touched=2 * n_rows * n_weights)
        work += rows * n_cells + Work(calls=n_blocks * (window + 1) * (2 + 2 * n_layers))
    if is_normal:
        work += Work(products=n_weights**2 / 2 * n_rows, touched=n_rows * n_weights) * n_cells
        work += Work(touched=n_weights**2 * n_blocks)
    epoch = work
    if is_normal:
        epoch = epoch + solution(graph.n_weights) + (passed if len(groups) > 1 else Work())
    plan = TimePlan(
        form,
        size,
        n_blocks,
        1,
        work.seconds(),
        memory(size),
        flops=epoch.flops,
        epoch_seconds=epoch.seconds(),
        truncate=truncate,
        n_states=layout.n_states,
        n_groups=len(groups),
    )
    return groups, plan


def _small_products(number: float) -> Work:
    """Multiplications in products of small matrices, which touch about as many numbers as they multiply."""
    return Work(products=number, touched=number)


def _groups(lengths: list[int], most: int, most_cells: int) -> list[list[int]]:
    """Sequences by falling length, in groups of little padding; those without a step left out."""
    groups: list[list[int]] = []
    for number in sorted((n for n, length in enumerate(lengths) if length), key=lambda n: -lengths[n]):
        group = groups[-1] if groups else []
        longest = lengths[group[0]] if group else 0
        fits = len(group) < most and (len(group) + 1) * longest <= most_cells
        if group and fits and lengths[number] >= (1 - MOST_PADDING) * longest:
            group.append(number)
        else:
            groups.append([number])
    return groups
