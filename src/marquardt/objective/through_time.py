"""Exact derivatives through time: backward for the gradient, forward or backward for the Jacobian.

Write s(t) for all units that some layer takes with a delay, the *state*, and d for the delays that occur. Within a
step the network is a feed-forward network of the data and of the states before, so the static backward pass, for all
steps at once, gives for the rows of R ∂outputs and of ∂s

    D(t) = ∂/∂w with the states before held fixed,         A_d(t) = ∂/∂s(t − d)                           (1)

as products with unit sensitivities Δ: D = Δ ⊗ z, A_d = Δ W_d. Then, with D_s, A_d the rows of the state and D_o, B_d
those of the outputs,

    S(t) = D_s(t) + Σ_d A_d(t) S(t − d),                   J(t) = D_o(t) + Σ_d B_d(t) S(t − d)            (2)

forward (real-time recurrent learning, Williams and Zipser 1989): S is carried along, of size states × weights. Or, with
Λ_j(t) = R ∂outputs(t)/∂s(t − j),

    Λ_j(t) = [j is a delay] B_j(t) + Σ_d Λ_{j−d}(t) A_d(t − j + d),      J(t) = D_o(t) + Σ_j Λ_j(t) D_s(t − j)    (3)

backward (Werbos 1990), for all steps t of a block at once, one look further back a turn. Where the delays form no loop
Λ_j ends by itself; `truncate` ends it after that many steps, and the Jacobian is then that of the truncated sum.

The gradient alone is one backward pass for a single row, step by step only in the loops.

Departures from the papers: 1. Only units that are taken with delays are states: a NARX network of one output has one.
2. Sequences lie side by side, those that have ended take part no more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marquardt.arrays import Array
from marquardt.networks import TimeWiring, Trajectory

__all__ = [
    "Layout",
    "Locals",
    "Within",
    "gradient_through_time",
    "own_columns",
    "rows_as_cells",
    "through_value",
    "value_slopes",
    "write_stacked",
]


class Layout(NamedTuple):
    """What is a state, and which weights it depends on."""

    states: dict[int, slice]  # Layers that are taken with a delay, and where their units lie in the state
    n_states: int  # Units of them all
    delays: tuple[int, ...]  # Every delay that occurs between layers, descending
    columns: dict[int, slice]  # Layers that a state depends on, and where their weights lie among those of S
    n_columns: int  # Weights of them all
    reach: int | None  # How many steps back an output depends on a state; None where there is a loop

    @classmethod
    def of(cls, wiring: TimeWiring) -> Layout:
        """Return the layout of a network."""
        number, spans = wiring.number, wiring.spans
        taps = [
            (k, number[source], delay) for k, span in enumerate(spans) for source, delay, _, _ in span.taps
            if source in number
        ]  # fmt: skip
        delayed = sorted({source for _, source, delay in taps if delay})
        states, at = {}, 0
        for k in delayed:
            states[k] = slice(at, at + spans[k].layer.size)
            at = states[k].stop
        needed, todo = set(delayed), list(delayed)
        while todo:
            k = todo.pop()
            for consumer, source, _ in taps:
                if consumer == k and source not in needed:
                    needed.add(source)
                    todo.append(source)
        columns, width = {}, 0
        for k in sorted(needed):
            columns[k] = slice(width, width + spans[k].stop - spans[k].start)
            width = columns[k].stop
        reach: int | None = None
        if not any(wiring.is_loop):
            back = {len(spans) - 1: 0}
            for part in reversed(wiring.parts):
                for consumer, source, delay in taps:
                    if consumer == part[0] and consumer in back:
                        back[source] = max(back.get(source, 0), back[consumer] + delay)
            reach = max((back.get(k, 0) for k in range(len(spans))), default=0)
        delays = tuple(sorted({delay for _, _, delay in taps if delay}, reverse=True))
        return cls(states, at, delays, columns, width, reach)


def value_slopes(wiring: TimeWiring, course: Trajectory) -> list[Array | None]:
    """Return f′ of every layer's value, also of an output layer that is fused with its loss."""
    slopes = wiring.slopes(course)
    last = len(slopes) - 1
    activation = wiring.activations[last]
    if wiring.is_fused and activation.elementwise and wiring.spans[last].layer.activation != "identity":
        slopes[last] = activation.slope(course.nets[last], course.values[wiring.names[last]][wiring.depth :])
    return slopes


def through_value(wiring: TimeWiring, k: int, slope: Array | None, value: Array, rows: Array) -> Array:
    """Take derivatives with respect to a layer's value back to its net."""
    if not wiring.activations[k].elementwise:
        mixed: Array = value * (rows - (rows * value).sum(axis=-1, keepdims=True))
        return mixed
    return rows if slope is None else rows * slope


# ---------------------------------------------------------------- the gradient


def gradient_through_time(wiring: TimeWiring, course: Trajectory, slopes: list[Array | None], slope: Array) -> Array:
    """Return ∂loss/∂connections of a group of sequences, by one pass backward through time."""
    n_steps, n_sequences = slope.shape[:2]
    depth, last = wiring.depth, len(wiring.spans) - 1
    # With the history in front, so that what flows back before the first step needs no special case.
    errors = [np.zeros((depth + n_steps, n_sequences, span.layer.size)) for span in wiring.spans]
    direct = slope
    if not wiring.is_fused:
        direct = through_value(wiring, last, slopes[last], course.values[wiring.names[last]][depth:], slope)
    gradient = np.empty(wiring.graph.n_connections)
    for part, is_loop in zip(reversed(wiring.parts), reversed(wiring.is_loop), strict=True):
        deltas = _deltas_of_loop if is_loop else _deltas_at_once
        for k, delta in deltas(wiring, course, slopes, errors, direct, part).items():
            span = wiring.spans[k]
            inside = {wiring.names[m] for m in part} if is_loop else set()
            for source, delay, first, stop in span.taps:
                if source in wiring.number and source not in inside:
                    errors[wiring.number[source]][depth - delay : depth - delay + n_steps] += (
                        delta @ course.matrices[k][:, first:stop]
                    )
            z = course.stacked[k]
            if z is None:
                z = course.stacked[k] = wiring.stacked(k, course.values, 0, n_steps)
            span.matrix(gradient)[:] = delta.reshape(-1, span.layer.size).T @ z.reshape(-1, span.fan_in)
    return gradient


def _deltas_at_once(
    wiring: TimeWiring,
    course: Trajectory,
    slopes: list[Array | None],
    errors: list[Array],
    direct: Array,
    part: tuple[int, ...],
) -> dict[int, Array]:
    """δ of a layer that is in no loop, all steps at once."""
    (k,) = part
    value = course.values[wiring.names[k]][wiring.depth :]
    if k == len(wiring.spans) - 1:
        # Nothing but a loop takes the output where it is an output layer's value; then it has errors, too.
        return {k: direct + through_value(wiring, k, slopes[k], value, errors[k][wiring.depth :])}
    return {k: through_value(wiring, k, slopes[k], value, errors[k][wiring.depth :])}


def _taps_inside(
    wiring: TimeWiring, course: Trajectory, errors: list[Array], k: int, inside: set[str]
) -> list[tuple[Array, int, int, Array]]:
    """What layer k takes of a loop: whose errors it adds to, in which steps before, by which block of its matrix.

    Of a single sequence, neighboring delays of one source are one block.
    """
    n_sequences = errors[k].shape[1]
    taps: list[tuple[Array, int, int, Array]] = []
    for source, delay, first, stop in wiring.spans[k].taps:
        if source not in inside:
            continue
        into, begin, block = errors[wiring.number[source]], wiring.depth - delay, course.matrices[k][:, first:stop]
        before = taps[-1] if taps else None
        if n_sequences == 1 and before is not None and before[0] is into and before[1] == begin + 1:
            taps[-1] = (into, begin, before[2], np.concatenate([block, before[3]], axis=1))
        else:
            taps.append((into, begin, begin + 1, block))
    return taps


def _deltas_of_loop(
    wiring: TimeWiring,
    course: Trajectory,
    slopes: list[Array | None],
    errors: list[Array],
    direct: Array,
    part: tuple[int, ...],
) -> dict[int, Array]:
    """δ of the layers of a loop, step by step from the last."""
    depth, last = wiring.depth, len(wiring.spans) - 1
    n_steps, n_sequences = direct.shape[:2]
    inside = {wiring.names[k] for k in part}
    deltas = {k: np.empty((n_steps, n_sequences, wiring.spans[k].layer.size)) for k in part}
    ready = []
    for k in reversed(part):
        taps = _taps_inside(wiring, course, errors, k, inside)
        is_plain = wiring.activations[k].elementwise
        value = course.values[wiring.names[k]][depth:]
        ready.append((k, deltas[k], errors[k][depth:], slopes[k], value, taps, is_plain))
    for t in range(n_steps - 1, -1, -1):
        for k, delta, error, slope, value, taps, is_plain in ready:
            row = delta[t]
            if not is_plain:
                row[:] = through_value(wiring, k, None, value[t], error[t])
            elif slope is None:
                row[:] = error[t]
            else:
                np.multiply(error[t], slope[t], row)
            if k == last:
                row += direct[t]
            for into, a, b, block in taps:
                trial = into[t + a : t + b]
                trial += (row @ block).reshape(trial.shape)
    return deltas


# ---------------------------------------------------------------- within a step


class Locals(NamedTuple):
    """Eq. (1) for some rows over a run of steps: Δ of every layer, and A by delay, descending as in the layout."""

    deltas: dict[int, Array]
    before: Array


class Within:
    """The backward pass within a step, for all steps at once."""

    def __init__(self, wiring: TimeWiring, layout: Layout) -> None:
        self.wiring, self.layout = wiring, layout
        # Zero-delay taps by consumer, and delayed ones: (source, where among the taps of A, columns).
        self.now: list[list[tuple[int, int, int]]] = []
        self.later: list[list[tuple[int, int, int, int]]] = []
        for span in wiring.spans:
            inner = [tap for tap in span.taps if tap[0] in wiring.number]
            self.now.append([(wiring.number[s], first, stop) for s, delay, first, stop in inner if not delay])
            self.later.append(
                [
                    (wiring.number[s], layout.delays.index(delay), first, stop)
                    for s, delay, first, stop in inner
                    if delay
                ]
            )

    def back(self, course: Trajectory, slopes: list[Array | None], steps: slice, k: int, delta: Array) -> Locals:
        """From rows at the net of layer k, (n_steps, n_sequences, n_rows, size), to all layers and states before."""
        layout = self.layout
        deltas = {k: delta}
        errors: dict[int, Array] = {}
        before = np.zeros((*delta.shape[:3], len(layout.delays), layout.n_states))
        for m in range(k, -1, -1):
            if m in errors:
                slope = slopes[m]
                deltas[m] = errors[m] if slope is None else errors[m] * slope[steps][:, :, None]
            if m not in deltas:
                continue
            matrix, current = course.matrices[m], deltas[m]
            for source, first, stop in self.now[m]:
                part = current @ matrix[:, first:stop]
                errors[source] = errors[source] + part if source in errors else part
            for source, tap, first, stop in self.later[m]:
                before[..., tap, layout.states[source]] += current @ matrix[:, first:stop]
        return Locals(deltas, before.reshape(*delta.shape[:3], -1))

    def of_outputs(self, course: Trajectory, slopes: list[Array | None], steps: slice, rows: Array) -> Locals:
        """The rows of R ∂outputs; `rows` is R, (n_steps, n_sequences, n_rows, n_outputs)."""
        wiring, last = self.wiring, len(self.wiring.spans) - 1
        if not wiring.is_fused:
            value = course.values[wiring.names[last]][wiring.depth :][steps][:, :, None]
            slope = slopes[last]
            rows = through_value(wiring, last, None if slope is None else slope[steps][:, :, None], value, rows)
        return self.back(course, slopes, steps, last, rows)

    def of_state(self, course: Trajectory, slopes: list[Array | None], steps: slice, k: int) -> Locals:
        """The rows of ∂s that are layer k."""
        wiring, size = self.wiring, self.wiring.spans[k].layer.size
        value = course.values[wiring.names[k]][wiring.depth :][steps]
        slope = slopes[k]
        ones = np.broadcast_to(np.eye(size), (*value.shape[:2], size, size))
        # Of an elementwise layer the rows are its slopes on the diagonal.
        delta = through_value(
            wiring, k, None if slope is None else slope[steps][:, :, None], value[:, :, None], ones
        )  # fmt: skip
        return self.back(course, slopes, steps, k, delta)

    def add_direct(
        self, into: Array, columns: dict[int, slice], local: Locals, course: Trajectory, steps: slice
    ) -> None:
        """Add D = Δ ⊗ z to rows of (n_steps, n_sequences, n_rows, n_columns)."""
        for m, delta in local.deltas.items():
            if m not in columns:
                continue
            span = self.wiring.spans[m]
            z = course.stacked[m]
            assert z is not None  # written by `write_stacked`
            part = into[..., columns[m]].reshape(*delta.shape, span.fan_in)
            part += delta[..., None] * z[steps][:, :, None, None]


def own_columns(wiring: TimeWiring) -> dict[int, slice]:
    """Where the weights of every layer lie among all connections."""
    return {k: slice(span.start, span.stop) for k, span in enumerate(wiring.spans)}


def write_stacked(wiring: TimeWiring, course: Trajectory) -> None:
    """Write z of every layer."""
    n_steps = len(course.outputs)
    for k, z in enumerate(course.stacked):
        if z is None:
            course.stacked[k] = wiring.stacked(k, course.values, 0, n_steps)


def rows_as_cells(rows: Array, n_steps: int, n_sequences: int) -> Array:
    """Return R of (n_rows, n_outputs, n_cells) as (n_steps, n_sequences, n_rows, n_outputs)."""
    return np.ascontiguousarray(rows.transpose(2, 0, 1)).reshape(n_steps, n_sequences, *rows.shape[:2])
