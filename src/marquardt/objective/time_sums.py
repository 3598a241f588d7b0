"""Sums over sequences, with derivatives through time (`marquardt.objective.through_time`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

import numpy as np

from marquardt.arrays import Array, Indices
from marquardt.errors import ConfigurationError
from marquardt.losses import Loss, Squares
from marquardt.networks import INPUTS, TARGETS, TimeWiring, Trajectory
from marquardt.objective.cost import Work, solution
from marquardt.objective.evaluation import Costs
from marquardt.objective.forms import time_forms
from marquardt.objective.forms.time_form import TimePlan
from marquardt.objective.sensitivities import curvature_rows
from marquardt.objective.sums import Normal, Part
from marquardt.objective.through_time import Layout, gradient_through_time, rows_as_cells, value_slopes

__all__ = ["Group", "TimeSums"]


class Group(NamedTuple):
    """Sequences side by side, the longest first."""

    data: dict[str, Array]  # (max_delay + n_steps, n_sequences, size): inputs and targets with their history
    histories: dict[str, Array]  # (max_delay, n_sequences, size)
    targets: Array  # (n_outputs, n_steps · n_sequences): scaled; zero after the end of a sequence
    weight: Array  # (n_steps, n_sequences): zero after the end of a sequence
    counts: Indices | None  # (n_steps,): how many sequences go on at every step; None where it is all


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
        self._jacobians = time_forms[plan.form].jacobians(wiring, layout, plan.truncate)
        self._last: tuple[bytes, Trajectory] | None = None

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
            "The exact Hessian through time is not there. Ask for Derivatives.NORMAL: train with "
            "'levenberg_marquardt' or 'bfgs'."
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

    def _course(self, weights: Array, number: int) -> Trajectory:
        """Evaluate a group; the last is kept where there is one group, as an accepted trial is evaluated again."""
        group = self._groups[number]
        key = weights.tobytes()
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        course = self._time.forward(weights, group.data, group.histories, group.counts, self._kept[number])
        if len(self._groups) == 1:
            self._last = (key, course)
        return course

    def _outputs(self, course: Trajectory) -> Array:
        """What the loss sees, (n_outputs, n_steps · n_sequences)."""
        return course.outputs.reshape(-1, self._n_outputs).T

    def _group_sums(self, outputs: Array, group: Group) -> Array:
        sums: Array = (self.loss.value(outputs, group.targets) * group.weight.ravel()).sum(axis=1)
        return sums

    def _rows(self, group: Group, outputs: Array) -> Array:
        """R with the weights, (n_steps, n_sequences, n_rows, n_outputs)."""
        factor = curvature_rows(self.loss.curvature(outputs, group.targets), *outputs.shape)
        return rows_as_cells(factor * np.sqrt(group.weight.ravel()), *group.weight.shape)

    def _slope_back(self, course: Trajectory, slopes: list[Array | None], group: Group, slope: Array) -> Array:
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
        self, normal: Array, course: Trajectory, slopes: list[Array | None], group: Group, outputs: Array
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
