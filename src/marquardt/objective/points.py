"""Evaluations of points: sums with a penalty, and with nothing else where anything overflows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from marquardt.arrays import Array
from marquardt.numerics import OrthogonalStep, SequentialRows
from marquardt.objective.evaluation import Derivatives, Evaluation, System
from marquardt.objective.forms import form_named, sample_forms
from marquardt.objective.quiet import quietly
from marquardt.objective.robust import misfit_of
from marquardt.objective.sums import Part, Sums

__all__ = ["Points"]

COUNTED = {need: need.counted_as for need in Derivatives}

ORTHOGONAL_BYTES = 32 << 20
"""What the rows of an orthogonal factorization may take where the plan has less for the normal equations."""


class Points:
    """Adds the penalty to sums over samples, counts what is asked for, and looks for overflow."""

    def __init__(self, sums: Sums, n_outputs: int) -> None:
        self.sums, self.n_outputs, self._form = sums, n_outputs, form_named(sums.plan.form)
        self.decay: Array | None = None
        """The diagonal of the penalty's Hessian; None where there is no penalty."""
        self.has_own_scale = False
        """Whether the scale of a robust loss was taken from residuals."""
        self.reset()

    def reset(self) -> None:
        """Count anew."""
        self.evaluations = dict.fromkeys(COUNTED.values(), 0)

    def count(self, need: Derivatives) -> None:
        """Count an evaluation."""
        self.evaluations[COUNTED[need]] += 1

    def at(self, weights: Array, need: Derivatives, is_single: bool) -> Evaluation:
        """Evaluate one point."""
        sums = self.sums
        if need >= Derivatives.PRODUCT:
            sums.require_second()
        if need == Derivatives.VALUE:
            return self._evaluation(weights, sums.value(weights))
        if need == Derivatives.GRADIENT:
            return self._evaluation(weights, *sums.gradient(weights))
        if need == Derivatives.NORMAL:
            return self._evaluation(weights, *self._form.at(sums, weights, self.decay, is_single))
        if need == Derivatives.CURVATURE:
            current = self._evaluation(weights, *sums.gradient(weights))
            on_demand = partial(self._normal_of, weights)
            return current if current.gradient is None else current._replace(normal_of=on_demand)
        if need == Derivatives.PRODUCT:
            added, gradient, product = sums.hessian_times(weights)
            current = self._evaluation(weights, added, gradient)
            return current if current.gradient is None else current._replace(times=partial(self._times, product))
        added, gradient, hessian = sums.hessian(weights)
        current = self._evaluation(weights, added, gradient)
        return current if current.gradient is None else current._replace(hessian=self.with_penalty(hessian))

    def in_sample_space(self, weights: Array) -> Evaluation:
        """Evaluate one point with its normal equations in sample space, whatever the form."""
        return self._evaluation(weights, *sample_forms["samples"].at(self.sums, weights, self.decay))

    def looked_at(self, weights: Array) -> Iterator[Part]:
        """Return outputs, targets and weights of the samples, a block at a time: an evaluation for its values."""
        self.count(Derivatives.VALUE)
        return self.sums.parts(weights)

    def with_penalty(self, matrix: Array) -> Array:
        """Add the penalty's Hessian in place."""
        if self.decay is not None:
            matrix.ravel()[:: len(matrix) + 1] += self.decay
        return matrix

    def orthogonal_step(self, weights: Array) -> OrthogonalStep | None:
        """Return the Gauss–Newton step by an orthogonal factorization; see `Objective.orthogonal_step`."""
        sums, decay, n_weights = self.sums, self.decay, len(weights)
        n_rows = sums.n_samples * self.n_outputs + (0 if decay is None else int(np.count_nonzero(decay)))
        room = max(sums.plan.memory, ORTHOGONAL_BYTES)
        if not hasattr(sums.loss, "curvature") or n_rows < n_weights or sums.whitened_bytes() > room:
            return None
        return quietly(self._folded, weights)

    def _folded(self, weights: Array) -> OrthogonalStep | None:
        """Fold in the whitened rows, and those of the penalty."""
        rows, rest = SequentialRows(len(weights)), np.zeros(len(weights))
        for jacobian, fitted, left in self.sums.whitened(weights):
            rows.add(jacobian, fitted)
            if left is not None:
                rest += left
        if self.decay is not None:
            root, is_decayed = np.sqrt(self.decay), self.decay > 0
            rows.add(np.diag(root)[is_decayed], (root * weights)[is_decayed])
        return rows.solve(rest)

    def _normal_of(self, weights: Array, share: float = 1.0) -> Array:
        """The normal matrix of a part of the samples, scaled to all of them, plus the penalty's Hessian."""
        self.count(Derivatives.NORMAL)
        return self.with_penalty(quietly(self.sums.normal_of, weights, share))

    def _bend(self, weights: Array, direction: Array) -> Array:
        """JᵀΛ ∂²outputs/∂direction²."""
        return quietly(self.sums.bend, weights, direction)

    def _misfit(self, weights: Array) -> float:
        """What stands for the loss in the evidence."""
        return quietly(misfit_of, self.looked_at(weights), self.sums.loss)

    def _times(self, product: Callable[[Array], Array], vectors: Array) -> Array:
        """(Hessian + penalty) times vectors."""
        columns = vectors.reshape(len(vectors), -1)
        found = quietly(product, columns)
        if self.decay is not None:
            found += self.decay[:, None] * columns
        return found.reshape(vectors.shape)

    def _evaluation(
        self,
        weights: Array,
        sums: Array,
        gradient: Array | None = None,
        normal: Array | None = None,
        system: System | None = None,
    ) -> Evaluation:
        """Add the penalty, and turn what is not finite into an overflow."""
        loss = sums.item() if len(sums) == 1 else float(np.add.reduce(sums))
        decay = self.decay
        if decay is not None:
            loss += 0.5 * float(decay @ (weights * weights))
        if not math.isfinite(loss):
            return Evaluation.overflow(weights)
        if gradient is not None:
            gradient = gradient if decay is None else gradient + decay * weights
            if not math.isfinite(float(np.add.reduce(gradient))):
                return Evaluation.overflow(weights)
        misfit = partial(self._misfit, weights) if self.has_own_scale else None
        if normal is None and system is None:
            return Evaluation(weights, loss, sums, gradient, misfit=misfit)
        orthogonal = None if normal is None else partial(self.orthogonal_step, weights)
        normal = None if normal is None else self.with_penalty(normal)
        bend = partial(self._bend, weights)
        return Evaluation(
            weights, loss, sums, gradient, normal, bend=bend, system=system, orthogonal=orthogonal, misfit=misfit
        )
