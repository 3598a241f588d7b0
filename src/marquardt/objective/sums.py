"""What a place that holds samples can do, and how the results of several places are added.

Everything that runs over samples is a sum: values, gradients, matrices, and their products with vectors. The penalty,
units, counting and overflow are not: those are the objective's (`marquardt.objective.objective`). So whoever can give
these sums can be trained on: blocks in memory, sequences, files, parts of the data elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from marquardt.arrays import Array
from marquardt.losses import Loss
from marquardt.objective.evaluation import Costs, System
from marquardt.objective.robust import Part

if TYPE_CHECKING:
    from marquardt.objective.compiled import Compiled
    from marquardt.objective.plan import Plan

__all__ = ["Normal", "Part", "Sums", "running_total", "total", "total_each"]

Normal = tuple[Array, Array, Array]
"""Each output's sum of the loss, (n_outputs,), the gradient and the normal matrix JᵀΛJ."""


class Sums(Protocol):
    """Sums over samples, without the penalty; where anything overflows the sums are not finite."""

    @property
    def plan(self) -> Plan:
        """How they are made, and what objective and rule need."""

    @property
    def loss(self) -> Loss:
        """What is summed."""

    @property
    def n_samples(self) -> int:
        """Samples that have a weight."""

    @property
    def total_weight(self) -> float:
        """Sum of their weights."""

    @property
    def lacking(self) -> str | None:
        """What has no second derivative; None where everything has one."""

    @property
    def compiled(self) -> Compiled | None:
        """The kernel on all samples, where it does the passes."""

    def value(self, weights: Array) -> Array:
        """Return each output's sum of the loss, of shape (n_outputs,)."""

    def gradient(self, weights: Array) -> tuple[Array, Array]:
        """Return sums and gradient."""

    def normal(self, weights: Array, is_single: bool = False) -> Normal:
        """Return sums, gradient and JᵀΛJ, whose products may be in single precision."""

    def normal_of(self, weights: Array, share: float) -> Array:
        """Return JᵀΛJ of a random part of the samples, scaled to all of them."""

    def diagonal(self, weights: Array) -> Normal:
        """Return sums, gradient and the diagonal of JᵀΛJ."""

    def times(self, weights: Array, vector: Array) -> Array:
        """Return JᵀΛJ v."""

    def bend(self, weights: Array, direction: Array) -> Array:
        """Return JᵀΛ ∂²outputs/∂direction²."""

    def hessian(self, weights: Array) -> Normal:
        """Return sums, gradient and Hessian."""

    def hessian_times(self, weights: Array) -> tuple[Array, Array, Callable[[Array], Array]]:
        """Return sums, gradient and a function that multiplies the Hessian by (n_weights, n_vectors)."""

    def in_sample_space(self, weights: Array, decay: Array) -> tuple[Array, Array, System]:
        """Return sums, gradient and the system of the residuals' dimension; `decay` is the penalty's Hessian."""

    def parts(self, weights: Array) -> Iterator[Part]:
        """Yield outputs, targets and weights of all samples."""

    def jacobian(self, weights: Array) -> Iterator[Array]:
        """Yield the rows of R ∂outputs/∂weights, Λ = RᵀR, some samples at a time."""

    def whitened(self, weights: Array) -> Iterator[tuple[Array, Array, Array | None]]:
        """Yield the same rows, the residuals that belong to them, and the rest of the gradient."""

    def whitened_bytes(self) -> float:
        """Return what an orthogonal factorization of these rows takes."""

    def rescale(self, loss: Loss) -> None:
        """Go on with a robust loss of another scale."""

    def costs(self) -> Costs:
        """Return what is estimated that passes and steps take."""

    def require_second(self) -> None:
        """Refuse second derivatives where there are none."""

    def close(self) -> None:
        """End threads and reading, if any were started."""


def total(arrays: Sequence[Array]) -> Array:
    """Return the sum of one or more arrays, in their order."""
    added = arrays[0]
    for array in arrays[1:]:
        added = added + array
    return added


def total_each(parts: Sequence[tuple[Array, ...]]) -> Sequence[Array]:
    """Sum tuples of arrays place by place."""
    return parts[0] if len(parts) == 1 else [total(place) for place in zip(*parts, strict=True)]


def running_total(parts: Iterable[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Sum pairs as they come: many blocks of a large network would not leave room for a gradient each."""
    added: tuple[Array, Array] | None = None
    for first, second in parts:
        added = (first, second) if added is None else (added[0] + first, added[1] + second)
    assert added is not None  # every thread has a block
    return added
