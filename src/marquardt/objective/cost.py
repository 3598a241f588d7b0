"""What a pass costs: operations of every form of every derivative, and the seconds they are estimated to take.

A computation is counted in operations of few kinds (`Work`), from the sizes of the network alone; what one of each kind
takes was measured (`RATES`; ``python -m benchmarks cost_model`` measures it again, and how far the estimates are off).
Everything that chooses between ways of doing the same asks here: the plan of an objective, and algorithms that weigh
one kind of epoch against another.

Counted are S samples in blocks. Per sample, with a layer of h units that each have i weights, and M outputs:

    forward                      Σ h i                              products, h activations
    gradient                     Σ h i, and Σ h i above the first   more products
    normal equations, pairs      Σ h (h+1)/2 · i (i+1)/2 within layers, Σ h h′ · i i′ between them
    normal equations, explicit   M n (n+1)/2, of n weights
    sample space                 (S M)² / 2 · Σ h + S² / 2 · Σ i, in all
    Cholesky                     n³ / 6, or (S M)³ / 6, in all

The pairs between layers of factored Δ are fewer: see `marquardt.objective.pairs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

from marquardt.networks import LayerGraph
from marquardt.numerics import CHUNK_ROWS, COMPILED_UNKNOWNS, native_kernel
from marquardt.objective.passes import Wiring
from marquardt.objective.second_order import kept_numbers
from marquardt.objective.sensitivities import Diagonal, Factored, Form, forms

__all__ = ["CG_PRODUCTS", "KINDS", "RATES", "CostModel", "Work", "cost_model", "solution"]

FLOPS = {
    "products": 2.0,
    "touched": 1.0,
    "paired": 1.0,
    "activated": 1.0,
    "factored": 2.0,
    "compiled": 2.0,
}
"""Floating-point operations of one of each kind; an activation counts as one, as it does in the literature."""

PAIRS_PAY = 0.7
"""Part of the products of a layer's own weights below which the kernel sums over pairs; as in numerics/kernel."""

CG_PRODUCTS = 20
"""Products of a step by conjugate gradients, for estimates: their truncation decides how many there are."""


@dataclass(frozen=True)
class Work:
    """Operations of a computation, by kind. Works add, and may be multiplied by a number."""

    products: float = 0.0  # Multiplications and additions in pairs, inside matrix products
    touched: float = 0.0  # Numbers that elementwise work writes, and that matrix products of few rows read and write
    # Numbers of pairs of rows, which are written and then read by a product that they are narrow for
    paired: float = 0.0
    fresh: float = 0.0  # Numbers in large new arrays, whose pages the system has to give first
    activated: float = 0.0  # Values of nonlinear units
    calls: float = 0.0
    factored: float = 0.0  # Multiplications and additions in pairs, inside a Cholesky factorization
    compiled: float = 0.0  # Multiplications and additions in pairs, inside the compiled kernel

    def __add__(self, other: Work) -> Work:
        """Both."""
        return Work(*(getattr(self, name) + getattr(other, name) for name in KINDS))

    def __mul__(self, times: float) -> Work:
        """The same several times."""
        return Work(*(getattr(self, name) * times for name in KINDS))

    __rmul__ = __mul__

    @property
    def flops(self) -> float:
        """Floating-point operations."""
        return float(sum(count * getattr(self, name) for name, count in FLOPS.items()))

    def seconds(self, rates: Mapping[str, float] | None = None) -> float:
        """Estimate the time on one thread."""
        rates = RATES if rates is None else rates
        return float(1e-9 * sum(getattr(self, name) * rate for name, rate in rates.items()))


KINDS = tuple(field.name for field in fields(Work))
"""The kinds of operations, in their order."""

RATES: dict[str, float] = {
    "products": 0.044,
    "touched": 0.22,
    "paired": 0.46,
    "fresh": 0.8,
    "activated": 1.0,
    "calls": 1000.0,
    "factored": 0.052,
    "compiled": 0.049,
}
"""Nanoseconds of one operation of each kind, on one core of a server; their ratios decide, and differ less."""


class CostModel:
    """What passes over samples cost for one network, form by form."""

    def __init__(self, graph: LayerGraph, layout: Sequence[Form] | None = None) -> None:
        self.graph = graph
        self._wiring = Wiring(graph, False)
        self.layout = tuple(forms(self._wiring, 1) if layout is None else layout)
        self._n_rows = graph.n_outputs

    # ---------------------------------------------------------------- passes

    def value(self, n_samples: int, block_size: int = 1024, *, is_compiled: bool = False) -> Work:
        """Return the work of the loss alone."""
        if is_compiled:
            return Work(compiled=self._n_connections, activated=self._units) * n_samples + Work(calls=4.0)
        return self._blocked(self._forward, n_samples, block_size)

    def gradient(self, n_samples: int, block_size: int = 1024, *, is_compiled: bool = False) -> Work:
        """Return the work of loss and gradient."""
        if is_compiled:
            # Counted as two more passes forward: the sum, and the way back with its slopes.
            backward = Work(compiled=2 * self._n_connections, touched=2 * self._units) * n_samples
            return self.value(n_samples, is_compiled=True) + backward + Work(calls=2.0)
        return self._blocked(_sum(self._forward, self._slopes, self._slope_back), n_samples, block_size)

    def normal(
        self,
        n_samples: int,
        block_size: int = 512,
        form: str = "pairs",
        *,
        keeps_pairs: bool = False,
        n_decays: int = 1,
    ) -> Work:
        """Return the work of loss, gradient and normal equations."""
        if form == "compiled":
            of_sample, of_pass = self._compiled
            return of_sample * n_samples + of_pass + Work(calls=6.0, fresh=self.graph.n_weights**2)
        if form == "neuron_by_neuron":
            return self._neuron_by_neuron * n_samples
        if form == "samples":
            return self._in_sample_space(n_samples, n_decays)
        if form == "matrix_free":
            more = _sum(self._sensitivities, self._squares)
            return self.gradient(n_samples, block_size) + self._blocked(more, n_samples, block_size)
        if form == "explicit":
            done = _sum(self._forward, self._slopes, self._sensitivities, self._jacobian)
            return self._blocked(done, n_samples, block_size)
        done = _sum(self._forward, self._slopes, self._sensitivities, self._slope_back, self._pairs[:2])
        total = self._blocked(done, n_samples, block_size) + self._spread
        if keeps_pairs and native_kernel() is None:
            return total + Work(paired=-self._input_pairs * n_samples)
        return total

    def hessian(self, n_samples: int, block_size: int = 512) -> Work:
        """Return the work of loss, gradient and exact Hessian: about that of two passes for the normal equations."""
        return 2 * self.normal(n_samples, block_size)

    def product(self, n_samples: int, block_size: int = 1024) -> Work:
        """Return the work of one product of the normal matrix with a vector: about two gradients."""
        done = _sum(self._forward, self._forward, self._forward, self._slopes, self._slope_back)
        return self._blocked(done, n_samples, block_size)

    def solve(self, n_samples: int = 0, form: str = "pairs", *, block_size: int = 1024, n_decays: int = 1) -> Work:
        """Return the work of one damped step."""
        if form == "matrix_free":
            return self.product(n_samples, block_size) * CG_PRODUCTS
        if form == "samples":
            n_residuals = self._n_rows * n_samples
            n_layers = len(self.graph.layers)
            passes = Work(products=2 * self._n_connections * n_samples, touched=2 * n_residuals * self._units)
            return (
                solution(n_residuals)
                + passes
                + Work(touched=n_decays * n_residuals**2, fresh=n_decays * n_residuals**2, calls=4 * n_layers)
            )
        return solution(self.graph.n_weights)

    def evidence(self, n_samples: int, form: str, block_size: int) -> Work:
        """Return the work of the evidence at one point, by the rows of J or by the weights, whichever are fewer."""
        n_residuals, n_weights = self._n_rows * n_samples, self.graph.n_weights
        if n_residuals < n_weights:
            # Eigenvalues, as the condition of such a matrix asks for them more often than not; after a try without.
            n_sums = len(self.graph.layers) + 2
            return self._in_sample_space(n_samples, n_sums) + Work(factored=3 * n_residuals**3, calls=100)
        summed = form if form in ("pairs", "explicit", "compiled") else "pairs"
        return self.normal(n_samples, block_size, summed) + Work(
            fresh=4 * n_weights**2, factored=n_weights**3 / 2, calls=100
        )

    # ---------------------------------------------------------------- what a block is made of

    @cached_property
    def _units(self) -> int:
        return sum(layer.size for layer in self.graph.layers)

    @cached_property
    def _fan_ins(self) -> int:
        return sum(span.fan_in for span in self.graph.spans)

    @cached_property
    def _n_connections(self) -> int:
        return self.graph.n_connections

    @property
    def _input_pairs(self) -> int:
        """Numbers a sample that are not made anew where the pairs of inputs are kept."""
        return sum(
            span.fan_in * (span.fan_in + 1) // 2
            for k, span in enumerate(self.graph.spans)
            if self._wiring.sources[k] == (-1,) and span.layer.bias and not self.layout[k].is_shared
        )

    @staticmethod
    def _blocked(block: tuple[Work, Work], n_samples: int, block_size: int) -> Work:
        of_sample, of_block = block
        return of_sample * n_samples + of_block * -(-n_samples // max(1, block_size))

    @cached_property
    def _forward(self) -> tuple[Work, Work]:
        """Work of a sample, and of a block, forward to the loss."""
        products = touched = activated = calls = 0.0
        for k, span in enumerate(self.graph.spans):
            products += span.layer.size * span.fan_in
            touched += span.layer.size + span.fan_in
            several = len(self._wiring.sources[k]) > 1
            touched += span.fan_in * several
            activated += span.layer.size * (not self._wiring.is_linear[k])
            calls += 3 + several + (not self._wiring.is_linear[k])
        return Work(products, touched + 2 * self._n_rows, activated=activated), Work(calls=calls + 6)

    @cached_property
    def _slopes(self) -> tuple[Work, Work]:
        bent = [
            span.layer.size
            for span, is_linear in zip(self.graph.spans, self._wiring.is_linear, strict=True)
            if not is_linear
        ]
        return Work(touched=2 * sum(bent)), Work(calls=2 * len(bent))

    def _back(self, n_rows: int) -> tuple[Work, Work]:
        """Rows of derivatives from the net of the output layer to all nets."""
        products = touched = calls = 0.0
        for k, span in enumerate(self.graph.spans):
            for consumer, _, _ in self._wiring.consumers[k]:
                above = self.graph.spans[consumer].layer.size
                if above == 1:
                    touched += n_rows * span.layer.size
                else:
                    products += n_rows * above * span.layer.size
                    touched += n_rows * (above + span.layer.size)
                calls += 2
            touched += n_rows * span.layer.size
            calls += 1
        return Work(products, touched), Work(calls=calls)

    @cached_property
    def _slope_back(self) -> tuple[Work, Work]:
        """From the slope of the loss to the gradient."""
        products = Work(products=self._n_connections, touched=self._units + self._fan_ins + self._n_rows)
        block = Work(touched=2 * self._n_connections, calls=2 * len(self.graph.layers) + 4)
        return _sum(self._back(1), (products, block))

    @cached_property
    def _sensitivities(self) -> tuple[Work, Work]:
        """Every layer's Δ, of as many rows as there are outputs."""
        if all(form.at_top for form in self.layout):
            return Work(), Work(calls=2 * len(self.layout))
        return _sum(self._back(self._n_rows), (Work(touched=2 * self._n_rows**2), Work(calls=6)))

    @cached_property
    def _squares(self) -> tuple[Work, Work]:
        """The diagonal of the normal matrix, from Δ."""
        done = Work(self._n_connections, (self._n_rows + 1) * self._units + 2 * self._fan_ins)
        return done, Work(touched=2 * self._n_connections, calls=4 * len(self.layout))

    @cached_property
    def _jacobian(self) -> tuple[Work, Work]:
        """J written out from Δ, and its products."""
        n_weights, n_rows = self.graph.n_weights, self._n_rows
        rows = self._n_connections * n_rows * (1 if self.graph.weight_map is None else 2)
        # The symmetric product computes one triangle, and writes both.
        products = n_weights * (n_weights + 3) / 2 * n_rows
        of_units = sum(
            n_rows * span.layer.size
            for span, form in zip(self.graph.spans, self.layout, strict=True)
            if form.kind is not Factored or form.at_top
        )
        done = Work(products, 3 * n_weights * n_rows + rows + of_units)
        return done, Work(fresh=n_weights**2, calls=4 * len(self.layout) + 6)

    @cached_property
    def pair_rows(self) -> int:
        """Numbers a sample that the pair form writes, which is what its blocks have to have room for."""
        return self._pairs[2]

    @cached_property
    def pair_sums(self) -> int:
        """Numbers that the sums of the pair form hold."""
        return int(self._pairs[1].touched)

    @cached_property
    def kept_rows(self) -> int:
        """Numbers a sample of a pass that products with the Hessian are made from."""
        return kept_numbers(self._wiring)

    @cached_property
    def hessian_rows(self) -> int:
        """Numbers a sample that the exact Hessian writes: rates along the units of a layer, and their products."""
        most = 0
        spans = self.graph.spans
        for low, below in enumerate(spans):
            above = [span.layer.size for span in spans[low:]]
            # Of nets, of values and back, and the parts that are summed for the widest.
            rates = below.layer.size * (3 * sum(above) + 2 * max(above))
            crossed = max((size * below.fan_in for size in above[1:]), default=0)
            most = max(most, rates + max(crossed, below.layer.size**2 // 2 + CHUNK_ROWS))
        return most + self.kept_rows

    @cached_property
    def _pairs(self) -> tuple[Work, Work, int]:
        """Pairs from Δ and z, and their products; a block adds to sums as large as half of the matrix."""
        products = symmetric = touched = scratch = held = calls = 0.0
        spans, n_rows = self.graph.spans, self._n_rows
        is_compiled = native_kernel() is not None
        for a, left in enumerate(spans):
            of_left = self.layout[a]
            for b in range(a, len(spans)):
                right, of_right = spans[b], self.layout[b]
                is_factored = of_left.kind is Factored and of_right.kind is Factored
                # Rows of Δ that are there before any pair is, rows of pairs, and how often pairs of units are read.
                full = chunks = 0
                if a == b and of_left.is_shared:
                    rows, columns = left.fan_in, (left.fan_in + 1) / 2
                    symmetric += rows * columns
                    held += rows * columns
                    touched += 2 * left.fan_in
                    calls += 2
                    continue
                if a == b:
                    size, is_diagonal = left.layer.size, of_left.kind is Diagonal
                    rows = size if is_diagonal else size * (size + 1) // 2
                    columns = left.fan_in * (left.fan_in + 1) // 2
                    chunks = -(-columns // CHUNK_ROWS)
                    full = 0 if is_factored or is_diagonal else n_rows * size
                    written = rows * (1 if is_factored or is_diagonal else n_rows) + columns
                    new_calls = (1 if is_diagonal else size) + left.fan_in + 2 * chunks
                elif is_factored:
                    rows = left.fan_in * (1 if of_left.is_shared else left.layer.size)
                    columns = right.fan_in * (1 if of_right.is_shared else right.layer.size)
                    chunks = 1
                    written = rows * (not of_left.is_shared) + columns * (not of_right.is_shared)
                    new_calls = 4
                else:
                    rows, columns = left.layer.size * right.layer.size, left.fan_in * right.fan_in
                    chunks = -(-left.fan_in // max(1, CHUNK_ROWS // right.fan_in))
                    full = n_rows * left.layer.size if of_left.kind is Factored else 0
                    written = rows * (1 if of_right.kind is Diagonal else n_rows) + columns + full
                    new_calls = 3 * chunks + 4
                products += rows * columns
                held += rows * columns
                if is_compiled:
                    # Pairs are made where they are read, those of the right a panel at a time.
                    touched += full + rows * n_rows / 4
                    scratch += full
                    calls += 3
                else:
                    touched += chunks * rows + columns
                    scratch += written
                    calls += new_calls
        if is_compiled:
            done = Work(symmetric, touched, compiled=products)
        else:
            done = Work(products + symmetric, paired=touched + scratch)
        return done, Work(touched=held, calls=calls), int(scratch)

    @cached_property
    def _spread(self) -> Work:
        """The sums, cleared and spread over the normal matrix; once a pass."""
        mapped = 0 if self.graph.weight_map is None else 2 * self._n_connections**2
        n_layers = len(self.graph.layers)
        # A Kronecker product of a layer's own, a loop over its units, and a transposed copy for every two layers.
        calls = 6 * n_layers * (n_layers - 1) // 2
        for span, form in zip(self.graph.spans, self.layout, strict=True):
            calls += 25 if form.is_shared else 5 * span.layer.size
        return Work(touched=self._n_connections**2 + mapped, fresh=2 * self.graph.n_weights**2, calls=calls)

    @cached_property
    def _compiled(self) -> tuple[Work, Work]:
        """Work of a sample in the compiled kernel, and of a pass. The weights of one output move no other."""
        spans, n_rows = self.graph.spans, self._n_rows
        active = self.graph.n_weights - (n_rows - 1) * spans[-1].fan_in
        products = n_rows * (active * (active + 1) / 2 + 4 * active)
        spread = 0
        for span in spans[:-1]:
            size, fan_in = span.layer.size, span.fan_in
            own, pairs = size * fan_in, size * (size + 1) // 2 * (fan_in * (fan_in + 1) // 2)
            if pairs < PAIRS_PAY * n_rows * own * (own + 1) / 2:
                products += pairs - n_rows * own * (own + 1) / 2
                spread += pairs
        return Work(compiled=products + self._n_connections, activated=self._units), Work(touched=2 * spread)

    @cached_property
    def _neuron_by_neuron(self) -> Work:
        """A sample, a unit at a time in Python."""
        n_weights, units = self.graph.n_weights, self._units
        products = self._n_connections * (1 + self._n_rows) + sum(
            span.layer.size * span.fan_in * units for span in self.graph.spans
        )
        touched = (2 * n_weights**2 + n_weights) * self._n_rows
        return Work(products, touched=touched, activated=units, calls=12 * units + 8)

    def _in_sample_space(self, n_samples: int, n_decays: int) -> Work:
        """Loss, gradient and JJᵀ: two Gram matrices a layer, their product and its sum."""
        n_rows, n_layers = self._n_rows, len(self.graph.layers)
        n_residuals = n_rows * n_samples
        products = n_residuals**2 / 2 * self._units + n_samples**2 / 2 * self._fan_ins
        # Of a layer: a product in a new array, multiplied with another, and added for the weights and for the biases;
        # the arrays are too large for a cache.
        of_layer = (2 + (n_decays > 1)) * n_residuals**2
        fresh = n_layers * (of_layer + n_samples**2) + n_decays * n_residuals**2
        done = Work(products, touched=3 * self._units * n_residuals, fresh=fresh, calls=40 + 20 * n_layers)
        if self.graph.weight_map is not None:
            # The Jacobian of the weights is written out.
            done += Work(n_residuals**2 * self.graph.n_weights / 2, touched=2 * n_residuals * self._n_connections)
        around = _sum(self._forward, self._slopes, self._sensitivities, self._slope_back)
        return done + self._blocked(around, n_samples, max(1, 2048 // n_rows))


@lru_cache(maxsize=256)
def cost_model(graph: LayerGraph, layout: tuple[Form, ...]) -> CostModel:
    """Return the cost model of a network; the same one again while it is remembered."""
    return CostModel(graph, layout)


def _sum(*parts: tuple[Work, Work]) -> tuple[Work, Work]:
    """Works of a sample and of a block, one after the other."""
    of_sample, of_block = Work(), Work()
    for sample, block in parts:
        of_sample, of_block = of_sample + sample, of_block + block
    return of_sample, of_block


def solution(n: int) -> Work:
    """Return the work of solving a symmetric system: a damped copy, factored, and two triangular solutions."""
    is_compiled = native_kernel() is not None and n <= COMPILED_UNKNOWNS
    return Work(products=n**2, fresh=n**2, calls=1 if is_compiled else 8, factored=n**3 / 6)
