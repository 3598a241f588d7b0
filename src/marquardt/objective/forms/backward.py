"""The Jacobian backward through time, eq. (3) of `marquardt.objective.through_time`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from marquardt.arrays import Array
from marquardt.networks import TimeWiring, Trajectory
from marquardt.objective.cost import Work
from marquardt.objective.forms.time_form import Pass, TimeForm, TimeJob, small_products
from marquardt.objective.through_time import Layout, Locals, Within, own_columns, write_stacked

__all__ = ["Backward"]


class BackwardJacobian:
    """The Jacobian by eq. (3), backward through time."""

    def __init__(self, wiring: TimeWiring, layout: Layout, truncate: int | None = None) -> None:
        self.wiring, self.layout, self.truncate = wiring, layout, truncate
        self._within = Within(wiring, layout)

    def blocks(
        self, course: Trajectory, slopes: list[Array | None], rows: Array, block_size: int
    ) -> Iterator[tuple[slice, Array]]:
        """Write J block by block."""
        wiring, within = self.wiring, self._within
        write_stacked(wiring, course)
        n_steps, n_sequences = rows.shape[:2]
        locals_ = self._state_locals(course, slopes, n_steps, n_sequences)
        everything = own_columns(wiring)
        for first in range(0, n_steps, block_size):
            steps = slice(first, min(first + block_size, n_steps))
            jacobian = np.zeros((steps.stop - first, n_sequences, rows.shape[2], wiring.graph.n_connections))
            local = within.of_outputs(course, slopes, steps, rows[steps])
            within.add_direct(jacobian, everything, local, course, steps)
            if self.layout.n_states:
                self._look_back(jacobian, local.before, locals_, course, steps)
            yield steps, jacobian

    def _state_locals(self, course: Trajectory, slopes: list[Array | None], n_steps: int, n_sequences: int) -> Locals:
        """Eq. (1) for all states at all steps."""
        layout = self.layout
        height = len(layout.delays) * layout.n_states
        before = np.empty((n_steps, n_sequences, layout.n_states, height))
        deltas = {
            k: np.zeros((n_steps, n_sequences, layout.n_states, self.wiring.spans[k].layer.size))
            for k in layout.columns
        }
        for k, place in layout.states.items():
            local = self._within.of_state(course, slopes, slice(0, n_steps), k)
            before[:, :, place] = local.before
            for m, delta in local.deltas.items():
                deltas[m][:, :, place] = delta
        return Locals(deltas, before)

    def _look_back(self, jacobian: Array, before: Array, state: Locals, course: Trajectory, steps: slice) -> None:
        """Add Σ_j Λ_j(t) D_s(t − j) for the steps of a block."""
        layout, spans = self.layout, self.wiring.spans
        n_states = layout.n_states
        # Λ_j by j, over the steps t of the block that are at least j; the last ones, as far as a delay reaches.
        earlier: dict[int, Array] = {}
        longest = layout.delays[0]
        for j in range(1, _window(self.layout, self.truncate, steps.stop) + 1):
            begin = max(steps.start, j)
            if begin >= steps.stop:
                break
            skip = begin - steps.start
            rate = np.zeros((steps.stop - begin, *before.shape[1:3], n_states))
            for tap, delay in enumerate(layout.delays):
                columns = slice(tap * n_states, (tap + 1) * n_states)
                if delay == j:
                    rate += before[skip:, :, :, columns]
                elif j - delay in earlier:
                    nearer = earlier[j - delay]
                    trial = slice(begin - j + delay, steps.stop - j + delay)
                    rate += nearer[len(nearer) - len(rate) :] @ state.before[trial, :, :, columns]
            earlier[j] = rate
            earlier.pop(j - longest, None)
            past = slice(begin - j, steps.stop - j)
            for k, delta in state.deltas.items():
                z = course.stacked[k]
                assert z is not None  # written by `write_stacked`
                flow = rate @ delta[past]
                part = jacobian[skip:, :, :, spans[k].start : spans[k].stop]
                part += (flow[..., None] * z[past][:, :, None, None]).reshape(part.shape)


class Backward(TimeForm):
    """Every output's row looked back from, through the steps before it."""

    name = "backward"
    can_truncate = True

    def jacobians(self, wiring: TimeWiring, layout: Layout, truncate: int | None) -> BackwardJacobian:
        return BackwardJacobian(wiring, layout, truncate)

    def rows(self, job: TimeJob, done: Pass) -> Work:
        layout, n_rows, n_layers = job.layout, job.graph.n_outputs, len(job.graph.layers)
        longest = max(job.lengths)
        window = _window(layout, job.truncate, longest)
        looks = window if window < longest / 2 else longest / 2
        # A look back multiplies, and writes what it found where the next one takes it.
        multiplied = n_rows * layout.n_states * (job.height + job.units)
        looked = small_products(multiplied) + Work(touched=multiplied + 3 * n_rows * layout.n_columns)
        rows = looks * looked + Work(touched=2 * n_rows * job.graph.n_connections)
        return rows * done.n_cells + Work(calls=done.n_blocks * (window + 1) * (2 + 2 * n_layers))

    def of_step(self, job: TimeJob) -> int:
        return job.graph.n_outputs * job.layout.n_states

    def of_cell(self, job: TimeJob) -> int:
        return job.layout.n_states * (job.height + job.units)


def _window(layout: Layout, truncate: int | None, n_steps: int) -> int:
    """How many steps back are looked at, at most."""
    return min(limit for limit in (n_steps - 1, truncate, layout.reach) if limit is not None)
