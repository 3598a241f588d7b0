"""The Jacobian forward through time: real-time recurrent learning, eq. (2) of `marquardt.objective.through_time`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from marquardt.arrays import Array
from marquardt.networks import TimeWiring, Trajectory
from marquardt.objective.cost import Work
from marquardt.objective.forms.time_form import Pass, TimeForm, TimeJob, small_products
from marquardt.objective.through_time import Layout, Within, own_columns, write_stacked

__all__ = ["Forward"]


class ForwardJacobian:
    """The Jacobian by eq. (2), forward through time."""

    def __init__(self, wiring: TimeWiring, layout: Layout) -> None:
        self.wiring, self.layout = wiring, layout
        self._within = Within(wiring, layout)

    def blocks(
        self, course: Trajectory, slopes: list[Array | None], rows: Array, block_size: int
    ) -> Iterator[tuple[slice, Array]]:
        """Write J block by block."""
        wiring, layout, within = self.wiring, self.layout, self._within
        write_stacked(wiring, course)
        n_steps, n_sequences = rows.shape[:2]
        longest = layout.delays[0] if layout.delays else 0
        carried = np.zeros((n_sequences, longest, layout.n_states, layout.n_columns))
        everything = own_columns(wiring)
        for first in range(0, n_steps, block_size):
            steps = slice(first, min(first + block_size, n_steps))
            count = steps.stop - first
            jacobian = np.zeros((count, n_sequences, rows.shape[2], wiring.graph.n_connections))
            local = within.of_outputs(course, slopes, steps, rows[steps])
            within.add_direct(jacobian, everything, local, course, steps)
            if layout.n_states:
                sensitivity = np.zeros((n_sequences, longest + count, layout.n_states, layout.n_columns))
                sensitivity[:, :longest] = carried
                self._go_forward(sensitivity, course, slopes, steps)
                self._add_states(jacobian, sensitivity, local.before)
                carried = sensitivity[:, count:].copy()
            yield steps, jacobian

    def _go_forward(self, sensitivity: Array, course: Trajectory, slopes: list[Array | None], steps: slice) -> None:
        """Carry S over the steps of a block."""
        layout, within = self.layout, self._within
        longest, count = layout.delays[0], steps.stop - steps.start
        n_sequences = len(sensitivity)
        new = sensitivity[:, longest:].transpose(1, 0, 2, 3)
        before = np.empty((count, n_sequences, layout.n_states, len(layout.delays) * layout.n_states))
        for k, place in layout.states.items():
            local = within.of_state(course, slopes, steps, k)
            before[:, :, place] = local.before
            within.add_direct(new[:, :, place], layout.columns, local, course, steps)
        is_run = layout.delays == tuple(range(longest, 0, -1))
        offsets = np.array([longest - delay for delay in layout.delays])
        height = len(layout.delays) * layout.n_states
        for i in range(count):
            n = n_sequences if course.counts is None else int(course.counts[steps.start + i])
            taps = sensitivity[:n, i : i + longest] if is_run else sensitivity[:n, i + offsets]
            sensitivity[:n, longest + i] += before[i, :n] @ taps.reshape(n, height, layout.n_columns)

    def _add_states(self, jacobian: Array, sensitivity: Array, before: Array) -> None:
        """Add Σ_d B_d(t) S(t − d)."""
        layout = self.layout
        longest, count = layout.delays[0], len(jacobian)
        spans = self.wiring.spans
        for tap, delay in enumerate(layout.delays):
            factor = before[..., tap * layout.n_states : (tap + 1) * layout.n_states]
            past = sensitivity[:, longest - delay : longest - delay + count].transpose(1, 0, 2, 3)
            for k, columns in layout.columns.items():
                jacobian[..., spans[k].start : spans[k].stop] += factor @ past[..., columns]


class Forward(TimeForm):
    """Sensitivities of the states, carried from step to step."""

    name = "forward"

    def jacobians(self, wiring: TimeWiring, layout: Layout, truncate: int | None) -> ForwardJacobian:
        return ForwardJacobian(wiring, layout)

    def rows(self, job: TimeJob, done: Pass) -> Work:
        layout, n_rows, n_layers = job.layout, job.graph.n_outputs, len(job.graph.layers)
        carried_on = job.sensitivity * len(layout.delays) * layout.n_states + n_rows * job.height * layout.n_columns
        rows = small_products(carried_on) + Work(touched=3 * job.sensitivity + 2 * n_rows * job.graph.n_connections)
        return rows * done.n_cells + Work(calls=done.turns * (2 + 2 * n_layers))

    def of_step(self, job: TimeJob) -> int:
        return job.sensitivity

    def carried(self, job: TimeJob, width: int) -> int:
        return job.layout.delays[0] * job.sensitivity * width if job.layout.delays else 0
