"""No normal equations: the form of rules that ask for no more than a gradient, or for products with the Hessian."""

from __future__ import annotations

from marquardt.objective.compiled import pass_numbers, suits_passes
from marquardt.objective.cost import Work
from marquardt.objective.evaluation import Derivatives
from marquardt.objective.forms.form import SampleForm
from marquardt.objective.plan import LBFGS_VECTORS, PASSES, Job, Plan

__all__ = ["Gradient"]


class Gradient(SampleForm):
    """Values and gradients, block by block or in the compiled kernel."""

    name = "gradient"
    has_matrix = False

    def work(self, job: Job, size: int, *, keeps: bool = False, is_compiled: bool = False) -> Work:
        done = job.costs.value if job.most is Derivatives.VALUE else job.costs.gradient
        return done(job.n_samples, size, is_compiled=is_compiled)

    def step(self, job: Job, size: int) -> Work:
        if job.most is Derivatives.PRODUCT:
            return super().step(job, size)
        # An update of a matrix such as that of BFGS and its product with the gradient; or a dozen vectors.
        n_weights = job.graph.n_weights
        return Work(touched=4 * n_weights**2 if job.matrices else LBFGS_VECTORS * n_weights)

    def block(self, job: Job) -> tuple[int, int]:
        return PASSES * job.costs.units, job.graph.n_connections

    def of_rule(self, job: Job) -> int:
        is_without = not job.matrices and job.most is not Derivatives.VALUE
        return super().of_rule(job) + LBFGS_VECTORS * is_without * job.graph.n_weights

    def plan(self, job: Job) -> Plan:
        memory = job.data + 8 * (self.of_rule(job) + pass_numbers(job))
        if suits_passes(job, memory):
            return self.made(job, job.n_samples, 1, memory, is_compiled=True)
        return super().plan(job)
