"""Truncated Newton: Newton's method whose system is solved as far as it is worth, by conjugate gradients.

    H d = −g   to   ‖H d + g‖ <= η ‖g‖,      η = min(½, √‖g‖);      w ← w + t d,   t = 1 first           (1)

Conjugate gradients need no matrix but its products Hv, each of which costs about as much as two gradients: memory is
a few vectors, however many weights there are. As g vanishes η does, so convergence is faster than linear at the end
and little is spent at the beginning. With z = 0, r = g, p = −g:

    α = rᵀr / pᵀHp,      z ← z + αp,      r₊ = r + αHp,      p ← −r₊ + (r₊ᵀr₊ / rᵀr) p                   (2)

Where a product shows that the curvature pᵀHp is not positive the iteration ends, with the z found so far, which is a
direction of descent. If it is the first product, there is none, and −g is taken.

Dembo and Steihaug (1983), "Truncated-Newton algorithms for large-scale unconstrained optimization"; Nocedal and
Wright (2006), algorithm 7.1; the products are Pearlmutter's (1994).

Departures from the book: 1. The number of products for one step is bounded, as rounding may keep (1) from being met.
2. Where −g is taken, the first length moves the weights by at most 1 in the sum of absolute values, because −g has
no natural length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marquardt.algorithms.descent import DirectionRule, SearchDirection, SearchState, steepest_length
from marquardt.arrays import Array
from marquardt.checks import whole
from marquardt.numerics.line_searches import LineSearch
from marquardt.objective import Derivatives, Evaluation

__all__ = ["TruncatedNewton"]

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class TruncatedNewton(DirectionRule):
    """Newton's method by conjugate gradients on products with the exact Hessian.

    Parameters
    ----------
    max_products : int, optional
        Products for one step; as many as there are weights when not given.
    line_search : LineSearch or str, optional
        The search, or its name; None steps at a fixed rate, as textbooks print it. Its first length is 1.
    rate : float
        Without a search, the length of every step in parts of the search's first length.

    Raises
    ------
    ConfigurationError
        If there is no such line search, or max_products is below 1.

    Examples
    --------
    >>> TruncatedNewton(max_products=20).search.name
    'backtracking'
    """

    max_products: int | None = None
    line_search: LineSearch | str | None = "backtracking"
    rate: float = 1.0

    name = "truncated_newton"
    point_need = Derivatives.PRODUCT

    def __post_init__(self) -> None:
        if self.max_products is not None:
            whole(self.max_products, "max_products", minimum=1)
        self.check_search()

    def heading(self, current: Evaluation, memory: int | None, taken: float) -> SearchDirection:
        """Solve eq. (1) as far as it is worth."""
        if current.times is None or current.gradient is None:
            raise ValueError("Truncated Newton needs products with the Hessian at accepted points.")
        with np.errstate(over="ignore", invalid="ignore"):
            direction, products = _truncated_solution(current.times, current.gradient, self.max_products)
        if direction is None:
            return SearchDirection(-current.gradient, steepest_length(current.gradient), products)
        return SearchDirection(direction, 1.0, products)

    def report(self, state: SearchState) -> dict[str, float]:
        """Return the rate, and the number of products that the last step took."""
        return super().report(state) | {"products": math.nan if state.memory is None else state.memory}


def _truncated_solution(
    times: Callable[[Array], Array], gradient: Array, max_products: int | None
) -> tuple[Array | None, int]:
    """The conjugate gradients of eq. (2), and how many products they took; None where the first one ended them."""
    solution = np.zeros_like(gradient)
    residual = gradient
    direction = -gradient
    square = float(gradient @ gradient)
    norm = math.sqrt(square)
    wanted = min(0.5, math.sqrt(norm)) * norm
    steepest = 0.0
    limit = len(gradient) if max_products is None else max_products
    for number in range(1, limit + 1):
        product = times(direction)
        length = float(direction @ direction)
        curvature = float(direction @ product)
        steepest = max(steepest, abs(curvature) / length if length > 0 else 0.0)
        # Below that it is rounding, of either sign. The comparison is false for NaN too.
        if not curvature > EPS * steepest * length:
            return (None if number == 1 else solution), number
        alpha = square / curvature
        solution = solution + alpha * direction
        residual = residual + alpha * product
        before, square = square, float(residual @ residual)
        if math.sqrt(square) <= wanted:
            return solution, number
        direction = -residual + (square / before) * direction
    return solution, limit
