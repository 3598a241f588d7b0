"""A residual function of a vector as something to minimize: no network, no data, no samples."""

from __future__ import annotations

import math
from functools import partial
from types import SimpleNamespace

import numpy as np

from marquardt.losses import Squares
from marquardt.objective import Derivatives, Evaluation, ProblemInfo
from marquardt.objective.evaluation import Costs
from marquardt.objective.forms.matrix_free import ProductSystem
from marquardt.objective.forms.sample_space import WrittenSystem


class Vector:
    """What a training asks of a network: weights, and another one with others."""

    def __init__(self, weights):
        self.weights = np.array(weights, dtype=np.float64)

    def with_weights(self, weights):
        return Vector(weights)


class Residuals:
    """½ Σ r(w)², with the Jacobian of r, and its second derivative along a direction."""

    n_outputs = 1
    sample_unit = unit = counted_weight = 1.0

    def __init__(self, residual, jacobian, bend, n_weights, form="explicit"):
        self._residual, self._jacobian, self._second = residual, jacobian, bend
        self.n_weights, self.form = n_weights, form
        self.n_samples = len(residual(np.zeros(n_weights)))
        self.total_weight = float(self.n_samples)
        self.loss = Squares()
        self.evaluations = dict.fromkeys((need.counted_as for need in Derivatives), 0)
        self.plan = SimpleNamespace(memory=0)

    @property
    def info(self):
        return ProblemInfo(
            self.n_weights,
            1,
            self.n_samples,
            self.total_weight,
            decayed=(np.arange(self.n_weights),),
            form=self.form,
            costs=lambda: Costs(1.0, 5.0, 1.0),
        )

    def performance(self, current):
        return 2.0 * float(current.sums.sum()) / self.n_samples if math.isfinite(current.loss) else math.inf

    mean_loss = performance

    def gradient_norm(self, current):
        return math.nan if current.gradient is None else 2.0 * float(np.linalg.norm(current.gradient)) / self.n_samples

    def descent(self, *_):
        return None

    def orthogonal_step(self, weights):
        return None

    def close(self):
        pass

    def normal(self, weights):
        jacobian = self._jacobian(weights)
        return jacobian.T @ jacobian

    def at(self, weights, need, is_single=False):
        self.evaluations[need.counted_as] += 1
        with np.errstate(all="ignore"):
            residual = self._residual(weights)
            loss = 0.5 * float(residual @ residual)
            if not math.isfinite(loss):
                return Evaluation.overflow(weights)
            current = Evaluation(weights, loss, np.array([loss]))
            if need is Derivatives.VALUE:
                return current
            jacobian = self._jacobian(weights)
        current = current._replace(gradient=jacobian.T @ residual)
        if need is Derivatives.CURVATURE:
            return current._replace(normal_of=lambda share=1.0: self.normal(weights))
        if need is not Derivatives.NORMAL:
            return current
        current = current._replace(bend=partial(self._bend, weights))
        if self.form == "samples":
            rest = np.zeros(self.n_weights)
            return current._replace(system=WrittenSystem([jacobian.T[:, None, :]], residual, rest, rest))
        if self.form == "matrix_free":
            times = lambda vector: jacobian.T @ (jacobian @ vector)  # noqa: E731
            return current._replace(system=ProductSystem(times, current.gradient, (jacobian**2).sum(axis=0)))
        return current._replace(normal=np.ascontiguousarray(jacobian.T @ jacobian))

    def _bend(self, weights, direction):
        return self._jacobian(weights).T @ self._second(weights, direction)
