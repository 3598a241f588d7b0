"""The explicit form in the compiled kernel: all samples in one call."""

from __future__ import annotations

from marquardt.objective.compiled import has_kernel, matrix_numbers
from marquardt.objective.cost import PAIRS_PAY, CostModel, Work
from marquardt.objective.evaluation import Derivatives
from marquardt.objective.forms.form import SampleForm
from marquardt.objective.plan import BLOCK_BYTES, Job, Plan

__all__ = ["COMPILED", "CompiledForm"]


class CompiledForm(SampleForm):
    """What the explicit form is where the kernel covers network and loss; the explicit form takes it by itself."""

    name = "explicit"

    def normal(
        self, costs: CostModel, n_samples: int, block_size: int = 512, *, n_decays: int = 1, keeps: bool = False
    ) -> Work:
        of_sample, of_pass = _counts(costs)
        return of_sample * n_samples + of_pass + Work(calls=6.0, fresh=costs.graph.n_weights**2)

    def suits(self, job: Job) -> bool:
        """Whether all samples are one block of the kernel, as nothing else was asked for."""
        if not has_kernel(job) or job.block_size is not None:
            return False
        if job.most is Derivatives.HESSIAN and 8 * job.costs.hessian_rows * job.n_samples > BLOCK_BYTES:
            return False
        is_serial = job.is_serial(self.normal(job.costs, job.n_samples))
        return is_serial and job.has_room(self.memory(job, job.n_samples, 1))

    def memory(self, job: Job, size: int, threads: int, kept: int | None = None) -> int:
        numbers = self.of_rule(job) + matrix_numbers(job)
        if job.most is Derivatives.HESSIAN and job.matrices:
            numbers += job.graph.n_connections**2 + job.costs.hessian_rows * job.n_samples
        return job.data + 8 * numbers

    def plan(self, job: Job) -> Plan:
        return self.made(job, job.n_samples, 1, self.memory(job, job.n_samples, 1))

    def made(
        self, job: Job, size: int, threads: int, memory: int, *, keeps: bool = False, is_compiled: bool = True
    ) -> Plan:
        return super().made(job, size, threads, memory, is_compiled=True)


COMPILED = CompiledForm()


def _counts(costs: CostModel) -> tuple[Work, Work]:
    """Work of a sample, and of a pass. The weights of one output move no other."""
    spans, n_rows = costs.graph.spans, costs.n_rows
    active = costs.graph.n_weights - (n_rows - 1) * spans[-1].fan_in
    products = n_rows * (active * (active + 1) / 2 + 4 * active)
    written = 0
    for span in spans[:-1]:
        size, fan_in = span.layer.size, span.fan_in
        own, pairs = size * fan_in, size * (size + 1) // 2 * (fan_in * (fan_in + 1) // 2)
        if pairs < PAIRS_PAY * n_rows * own * (own + 1) / 2:
            products += pairs - n_rows * own * (own + 1) / 2
            written += pairs
    return Work(compiled=products + costs.n_connections, activated=costs.units), Work(touched=2 * written)
