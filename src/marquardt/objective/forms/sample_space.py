"""The normal equations in sample space: a matrix of residuals × residuals where those are fewer than the weights.

With M = penalty + μ, diagonal and positive, the damped step solves (JᵀJ + M) p = −g. Write the gradient as
g = Jᵀρ + q. Then, by the identity of Woodbury (1950) and by the push-through identity,

    p = −M⁻¹Jᵀ (I + K)⁻¹ ρ − M⁻¹ (q − Jᵀ (I + K)⁻¹ J M⁻¹ q),      K = J M⁻¹ Jᵀ.                          (1)

For squares ρ is the residual and q the penalty's part: the first term has no difference of nearly equal numbers,
however small μ. J here is R ∂outputs/∂weights, with the rows of R and the sample weights. Its rows
for layer ℓ are Δ_ℓ ⊗ z_ℓ, so that K needs no J:

    (J Jᵀ)[(k,s),(k′,s′)] = Σ_ℓ (Σ_h Δ_ℓ[k,h,s] Δ_ℓ[k′,h,s′]) (Σ_i z_ℓ[i,s] z_ℓ[i,s′])                    (2)

two Gram matrices a layer, of units and of inputs: residuals² × (units + inputs) multiplications instead of
residuals² × weights. A weight decay has one α for the weights of a layer and one for its biases. The terms of (2) are
summed apart for every α that occurs, K = Σ_α K_α / (α + μ): another μ costs no new sum.

Where weights are fixed or shared, the rows of J have no such factors. J is written out then, and K = J M⁻¹ Jᵀ is
one product for every α.

The residuals of a block of samples are ordered by row of R, then by sample; the blocks follow one another.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from marquardt.arrays import Array
from marquardt.networks import LayerGraph
from marquardt.numerics import factor_damped
from marquardt.objective.block_passes import BlockPasses
from marquardt.objective.cost import CostModel, Work, in_blocks, solution
from marquardt.objective.evaluation import Solve
from marquardt.objective.forms.explicit import explicit_jacobian
from marquardt.objective.forms.form import Equations, SampleForm
from marquardt.objective.passes import Wiring
from marquardt.objective.plan import SMALLEST_BLOCK, Job, Plan
from marquardt.objective.sensitivities import Sensitivity
from marquardt.objective.sums import Sums, total_each

__all__ = ["Rows", "SampleSpace", "SampleSystem", "WrittenSystem", "fitted_part", "sample_pass", "sample_space_bytes"]

RANGE = 1e-3
"""Roots of the curvature below this share of the largest are not divided by."""
PANEL = 2048
"""Residuals a block: a product of two blocks then takes 32 MB."""
SAMPLE_VECTORS = 14
"""Vectors of n_weights that steps in sample space and the evidence hold."""


class Rows(NamedTuple):
    """The rows of J of one block of samples, in factors, and what the gradient is made of."""

    deltas: list[Array]  # (size, n_rows · n_samples): every layer's Δ
    stacked: list[Array]  # (fan_in, n_samples): every layer's z
    fitted: Array  # (n_rows · n_samples,)

    @classmethod
    def of(cls, deltas: list[Sensitivity], stacked: list[Array], fitted: Array) -> Rows:
        """Return the rows of a block."""
        flat = [delta.full().transpose(1, 0, 2) for delta in deltas]
        return cls([np.ascontiguousarray(part).reshape(len(part), -1) for part in flat], stacked, fitted.ravel())


def fitted_part(slope: Array, curvature: Array) -> tuple[Array, Array | None]:
    """Split ∂loss/∂outputs into Rᵀρ and a rest."""
    if curvature.ndim == 3:
        return np.zeros_like(slope), slope
    root = np.sqrt(curvature if curvature.ndim == 2 else curvature[:, None])
    is_large = root > RANGE * root.max()
    if is_large.all():
        return slope / root, None
    fitted = np.divide(slope, root, out=np.zeros_like(slope), where=np.broadcast_to(is_large, slope.shape))
    return fitted, np.where(is_large, 0.0, slope)


class SampleSystem:
    """The normal equations of one point, solved by eq. (1)."""

    def __init__(self, wiring: Wiring, rows: list[Rows], rest: Array, penalty: Array) -> None:
        self._spans = wiring.spans
        self._rows = rows
        self._rest = rest
        self._penalty = penalty
        self._fitted = np.concatenate([part.fitted for part in rows])
        ends = np.cumsum([0, *(len(part.fitted) for part in rows)])
        self._places = [slice(first, last) for first, last in pairwise(ends)]

    @property
    def n_residuals(self) -> int:
        """Rows of J."""
        return len(self._fitted)

    @cached_property
    def _grams(self) -> dict[float, Array]:
        """K_α of eq. (2) for every α, before it is divided by α + μ."""
        return self.grams(self._penalty)

    def with_decay(self, decay: float, weights: Array) -> SampleSystem:
        """Return the system of A + decay · I, and of a gradient with the decay's part; it shares the sums."""
        other = copy(self)
        other._penalty = self._penalty + decay
        other._rest = self._rest + decay * weights
        other.__dict__["_grams"] = {alpha + decay: gram for alpha, gram in self._grams.items()}
        return other

    @property
    def diagonal(self) -> Array:
        """The diagonal of A, of shape (n_weights,)."""
        diagonal = np.zeros(len(self._rest))
        for part in self._rows:
            for span, delta, z in zip(self._spans, part.deltas, part.stacked, strict=True):
                squares = (delta * delta).reshape(len(delta), -1, z.shape[1]).sum(axis=1)
                span.matrix(diagonal)[:] += squares @ (z * z).T
        return diagonal + self._penalty

    def damped_step(self, added: float | Array) -> tuple[Array | None, Solve]:
        """Solve (A + μI) p = −gradient by eq. (1)."""
        if isinstance(added, np.ndarray):
            raise ValueError("In sample space the damping is one number; use another form for Marquardt's scaling.")
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._damped_step(added)

    def _damped_step(self, mu: float) -> tuple[Array | None, Solve]:
        smallest = min(self._grams) + mu
        if not smallest > 0:
            return None, _nothing
        # I + K as (smallest · I + Σ K_α smallest / (α + μ)) / smallest, which does not overflow for the smallest μ.
        total: Array | None = None
        for alpha, gram in self._grams.items():
            share = smallest / (alpha + mu)
            part = gram if share == 1.0 else share * gram
            total = part if total is None else total + part
        assert total is not None  # there is always a layer
        inner, solve_inner = factor_damped(total, smallest, self._fitted)
        if inner is None:
            return None, _nothing
        inverse = smallest / (self._penalty + mu)

        def solve(right: Array) -> Array | None:
            scaled = inverse * right
            middle = solve_inner(self.times(scaled))
            if middle is None:
                return None
            return _finite((scaled - inverse * self.transposed_times(middle)) / smallest)

        step = -inverse * self.transposed_times(inner)
        if self._rest.any():
            more = solve(-self._rest)
            if more is None:
                return None, _nothing
            step += more
        return _finite(step), solve

    def times(self, vector: Array) -> Array:
        """Return J v."""
        result = np.empty(len(self._fitted))
        for place, part in zip(self._places, self._rows, strict=True):
            n_samples = part.stacked[0].shape[1]
            total = np.zeros((len(part.fitted) // n_samples, n_samples))
            for span, delta, z in zip(self._spans, part.deltas, part.stacked, strict=True):
                moved = span.matrix(vector) @ z
                total += np.einsum("hks,hs->ks", delta.reshape(len(delta), -1, n_samples), moved)
            result[place] = total.ravel()
        return result

    def transposed_times(self, vector: Array) -> Array:
        """Return Jᵀu."""
        result = np.zeros(len(self._rest))
        for place, part in zip(self._places, self._rows, strict=True):
            n_samples = part.stacked[0].shape[1]
            pull = vector[place].reshape(-1, n_samples)
            for span, delta, z in zip(self._spans, part.deltas, part.stacked, strict=True):
                pulled = np.einsum("hks,ks->hs", delta.reshape(len(delta), -1, n_samples), pull)
                span.matrix(result)[:] += pulled @ z.T
        return result

    def grams(self, labels: Array) -> dict[float, Array]:
        """Return the sum of eq. (2) in parts: JJᵀ over the weights of one label."""
        n_residuals = len(self._fitted)
        by_layer = [(float(of[0, 0]), float(of[0, -1])) for of in (span.matrix(labels) for span in self._spans)]
        grams = {label: np.zeros((n_residuals, n_residuals)) for label in dict.fromkeys(chain(*by_layer))}
        for a, left in enumerate(self._rows):
            for b in range(a, len(self._rows)):
                right = self._rows[b]
                for number, span in enumerate(self._spans):
                    units = left.deltas[number].T @ right.deltas[number]
                    z_left, z_right = left.stacked[number], right.stacked[number]
                    of_weights, of_biases = by_layer[number]
                    if span.layer.bias and of_biases != of_weights:
                        grams[of_biases][self._places[a], self._places[b]] += units
                        z_left, z_right = z_left[:-1], z_right[:-1]
                    inputs = z_left.T @ z_right
                    cube = units.reshape(-1, inputs.shape[0], units.shape[1] // inputs.shape[1], inputs.shape[1])
                    cube *= inputs[None, :, None, :]
                    grams[of_weights][self._places[a], self._places[b]] += units
                    # Before the next layer's are made: each is as large as a block of the sum.
                    del units, inputs, cube
                if b > a:
                    for gram in grams.values():
                        gram[self._places[b], self._places[a]] = gram[self._places[a], self._places[b]].T
        return grams


class WrittenSystem(SampleSystem):
    """The normal equations of one point, solved by eq. (1) with a Jacobian that is written out."""

    def __init__(self, jacobians: list[Array], fitted: Array, rest: Array, penalty: Array) -> None:
        self._transposed = np.concatenate([block.reshape(len(block), -1) for block in jacobians], axis=1)
        self._rest = rest
        self._penalty = penalty
        self._fitted = fitted

    @property
    def diagonal(self) -> Array:
        squares: Array = np.einsum("wr,wr->w", self._transposed, self._transposed)
        return squares + self._penalty

    def times(self, vector: Array) -> Array:
        moved: Array = vector @ self._transposed
        return moved

    def transposed_times(self, vector: Array) -> Array:
        pulled: Array = self._transposed @ vector
        return pulled

    def grams(self, labels: Array) -> dict[float, Array]:
        """Return JJᵀ over the weights of one label."""
        grams = {}
        for label in dict.fromkeys(labels.tolist()):
            rows = self._transposed[labels == label]
            grams[label] = rows.T @ rows
        return grams


def _finite(array: Array) -> Array | None:
    return array if np.isfinite(array).all() else None


def _nothing(right: Array) -> Array | None:
    return None


class SampleSpace(SampleForm):
    """A matrix of residuals × residuals, on one thread; products of two blocks are no larger than the copy factored."""

    name = "samples"
    has_matrix = False

    def covers(self, graph: LayerGraph) -> bool:
        # Where weights are fixed or shared there are no factors: on request only.
        return graph.weight_map is None

    def at(self, sums: Sums, weights: Array, decay: Array | None, is_single: bool = False) -> Equations:
        added, gradient, system = sums.in_sample_space(weights, np.zeros(len(weights)) if decay is None else decay)
        return added, gradient, None, system

    def normal(
        self, costs: CostModel, n_samples: int, block_size: int = 512, *, n_decays: int = 1, keeps: bool = False
    ) -> Work:
        """Return the work of loss, gradient and JJᵀ: two Gram matrices a layer, their product and its sum."""
        n_rows, n_layers, mapped = costs.n_rows, len(costs.graph.layers), costs.graph.weight_map is not None
        n_residuals = n_rows * n_samples
        products = n_residuals**2 / 2 * costs.units + n_samples**2 / 2 * costs.fan_ins
        # Of a layer: a product in a new array, multiplied with another, and added for the weights and for the biases;
        # the arrays are too large for a cache.
        of_layer = (2 + (n_decays > 1)) * n_residuals**2
        fresh = n_layers * (of_layer + n_samples**2) + n_decays * n_residuals**2
        done = Work(products, touched=3 * costs.units * n_residuals, fresh=fresh, calls=40 + 20 * n_layers)
        if mapped:
            # The Jacobian of the weights is written out.
            written = 2 * n_residuals * costs.n_connections
            done += Work(n_residuals**2 * costs.graph.n_weights / 2, touched=written)
        around = costs.forward, costs.slopes, costs.sensitivities, costs.slope_back
        return done + in_blocks(n_samples, max(1, PANEL // n_rows), *around)

    def solution(self, costs: CostModel, n_samples: int = 0, block_size: int = 1024, *, n_decays: int = 1) -> Work:
        n_residuals = costs.n_rows * n_samples
        passes = Work(products=2 * costs.n_connections * n_samples, touched=2 * n_residuals * costs.units)
        squared, n_layers = n_decays * n_residuals**2, len(costs.graph.layers)
        return solution(n_residuals) + passes + Work(touched=squared, fresh=squared, calls=4 * n_layers)

    def memory(self, job: Job, size: int, threads: int, kept: int | None = None) -> int:
        return job.data + sample_space_bytes(job.graph, job.n_samples, job.n_decays, job.matrices > 0)

    def plan(self, job: Job) -> Plan:
        size = job.block_size or max(SMALLEST_BLOCK, PANEL // job.graph.n_outputs)
        return self.made(job, size, 1, self.memory(job, size, 1))


def sample_space_bytes(graph: LayerGraph, n_samples: int, n_decays: int, has_matrices: bool = True) -> int:
    """Return what the normal equations of residuals × residuals take beside the data: those of the evidence, too."""
    numbers = SAMPLE_VECTORS * graph.n_weights
    if has_matrices:
        n_residuals = graph.n_outputs * n_samples
        units = sum(layer.size for layer in graph.layers)
        held = units * n_residuals + sum(span.fan_in for span in graph.spans) * n_samples
        if graph.weight_map is not None:
            held = n_residuals * graph.n_connections
        # A sum a decay; theirs, what is added to it, and the damped copy. The evidence has one a layer, its sum, which
        # the eigenvectors take the place of, and two matrices to find them.
        numbers += (n_decays + 2 + (n_decays > 1)) * n_residuals**2 + 2 * held
    return 8 * numbers


def sample_pass(passes: BlockPasses, weights: Array, decay: Array) -> tuple[Array, Array, SampleSystem]:
    """Return sums, gradient and the system; `decay` is the diagonal of the penalty's Hessian."""
    wiring, rest = passes.wiring, decay * weights
    is_mapped = wiring.graph.weight_map is not None
    parts, rows, jacobians, residuals = [], [], [], []
    for block in passes.blocks:
        # Arrays of its own: the system solves after other points have been looked at.
        done = wiring.forward(weights, block.inputs)
        slopes, curvature, deltas = passes.deltas(done, block)
        parts.append((passes.sums(done, block), passes.gradient(done, slopes, block)))
        fitted, left = fitted_part(passes.loss.slope(done.outputs, block.targets), curvature)
        if left is not None:
            rest += wiring.gradient(done, slopes, left if block.weight is None else left * block.weight)
        if block.weight is not None:
            fitted = fitted * np.sqrt(block.weight)
        if is_mapped:
            jacobians.append(explicit_jacobian(wiring, deltas, done.stacked))
            residuals.append(fitted.ravel())
        else:
            rows.append(Rows.of(deltas, done.stacked, fitted))
    sums, gradient = total_each(parts)
    if not is_mapped:
        return sums, gradient, SampleSystem(wiring, rows, rest, decay)
    return sums, gradient, WrittenSystem(jacobians, np.concatenate(residuals), rest, decay)
