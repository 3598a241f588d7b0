"""What a pass costs: operations of every form of every derivative, and the seconds they are estimated to take.

A computation is counted in operations of few kinds (`Work`), from the sizes of the network alone; what one of each kind
takes was measured (`RATES`; ``python -m benchmarks cost_model`` measures it again, and how far the estimates are off).
Everything that chooses between ways of doing the same asks here: the plan of an objective, and algorithms that weigh
one kind of epoch against another. What is a form's alone stands with the form (`marquardt.objective.forms`).

Counted are S samples in blocks. Per sample, with a layer of h units that each have i weights, and M outputs:

    forward                      Σ h i                              products, h activations
    gradient                     Σ h i, and Σ h i above the first   more products
    normal equations, pairs      Σ h (h+1)/2 · i (i+1)/2 within layers, Σ h h′ · i i′ between them
    normal equations, explicit   M n (n+1)/2, of n weights
    sample space                 (S M)² / 2 · Σ h + S² / 2 · Σ i, in all
    Cholesky                     n³ / 6, or (S M)³ / 6, in all

The pairs between layers of factored Δ are fewer: see `marquardt.objective.forms.pairs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

from marquardt.networks import LayerGraph
from marquardt.numerics import CHUNK_ROWS, COMPILED_UNKNOWNS, native_kernel
from marquardt.objective.passes import Wiring
from marquardt.objective.second_order import kept_numbers
from marquardt.objective.sensitivities import Form, forms

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
    """What passes over samples cost for one network: those that every form shares, and the parts that forms add up."""

    def __init__(self, graph: LayerGraph, layout: Sequence[Form] | None = None) -> None:
        self.graph = graph
        self.wiring = Wiring(graph, False)
        self.layout = tuple(forms(self.wiring, 1) if layout is None else layout)
        self.n_rows = graph.n_outputs
        self.n_connections = graph.n_connections
        self.units = sum(layer.size for layer in graph.layers)
        self.fan_ins = sum(span.fan_in for span in graph.spans)

    # ---------------------------------------------------------------- passes

    def value(self, n_samples: int, block_size: int = 1024, *, is_compiled: bool = False) -> Work:
        """Return the work of the loss alone."""
        if is_compiled:
            return Work(compiled=self.n_connections, activated=self.units) * n_samples + Work(calls=4.0)
        return in_blocks(n_samples, block_size, self.forward)

    def gradient(self, n_samples: int, block_size: int = 1024, *, is_compiled: bool = False) -> Work:
        """Return the work of loss and gradient."""
        if is_compiled:
            # Counted as two more passes forward: the sum, and the way back with its slopes.
            backward = Work(compiled=2 * self.n_connections, touched=2 * self.units) * n_samples
            return self.value(n_samples, is_compiled=True) + backward + Work(calls=2.0)
        return in_blocks(n_samples, block_size, self.forward, self.slopes, self.slope_back)

    def product(self, n_samples: int, block_size: int = 1024) -> Work:
        """Return the work of one product of the normal matrix with a vector: about two gradients."""
        three = (self.forward,) * 3
        return in_blocks(n_samples, block_size, *three, self.slopes, self.slope_back)

    # ---------------------------------------------------------------- what a block is made of: a sample, and the block

    @cached_property
    def forward(self) -> tuple[Work, Work]:
        """Work of a sample, and of a block, forward to the loss."""
        products = touched = activated = calls = 0.0
        for k, span in enumerate(self.graph.spans):
            products += span.layer.size * span.fan_in
            touched += span.layer.size + span.fan_in
            several = len(self.wiring.sources[k]) > 1
            touched += span.fan_in * several
            activated += span.layer.size * (not self.wiring.is_linear[k])
            calls += 3 + several + (not self.wiring.is_linear[k])
        return Work(products, touched + 2 * self.n_rows, activated=activated), Work(calls=calls + 6)

    @cached_property
    def slopes(self) -> tuple[Work, Work]:
        bent = [
            span.layer.size
            for span, is_linear in zip(self.graph.spans, self.wiring.is_linear, strict=True)
            if not is_linear
        ]
        return Work(touched=2 * sum(bent)), Work(calls=2 * len(bent))

    def _back(self, n_rows: int) -> tuple[Work, Work]:
        """Rows of derivatives from the net of the output layer to all nets."""
        products = touched = calls = 0.0
        for k, span in enumerate(self.graph.spans):
            for consumer, _, _ in self.wiring.consumers[k]:
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
    def slope_back(self) -> tuple[Work, Work]:
        """From the slope of the loss to the gradient."""
        products = Work(products=self.n_connections, touched=self.units + self.fan_ins + self.n_rows)
        block = Work(touched=2 * self.n_connections, calls=2 * len(self.graph.layers) + 4)
        return summed(self._back(1), (products, block))

    @cached_property
    def sensitivities(self) -> tuple[Work, Work]:
        """Every layer's Δ, of as many rows as there are outputs."""
        if all(form.at_top for form in self.layout):
            return Work(), Work(calls=2 * len(self.layout))
        return summed(self._back(self.n_rows), (Work(touched=2 * self.n_rows**2), Work(calls=6)))

    @cached_property
    def kept_rows(self) -> int:
        """Numbers a sample of a pass that products with the Hessian are made from."""
        return kept_numbers(self.wiring)

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


@lru_cache(maxsize=256)
def cost_model(graph: LayerGraph, layout: tuple[Form, ...]) -> CostModel:
    """Return the cost model of a network; the same one again while it is remembered."""
    return CostModel(graph, layout)


def in_blocks(n_samples: int, block_size: int, *parts: tuple[Work, Work]) -> Work:
    """Return the work of a pass whose parts are counted a sample and a block."""
    of_sample, of_block = summed(*parts) if len(parts) > 1 else parts[0]
    return of_sample * n_samples + of_block * -(-n_samples // max(1, block_size))


def summed(*parts: tuple[Work, Work]) -> tuple[Work, Work]:
    """Works of a sample and of a block, one after the other."""
    of_sample, of_block = Work(), Work()
    for sample, block in parts:
        of_sample, of_block = of_sample + sample, of_block + block
    return of_sample, of_block


def solution(n: int) -> Work:
    """Return the work of solving a symmetric system: a damped copy, factored, and two triangular solutions."""
    is_compiled = native_kernel() is not None and n <= COMPILED_UNKNOWNS
    return Work(products=n**2, fresh=n**2, calls=1 if is_compiled else 8, factored=n**3 / 6)
