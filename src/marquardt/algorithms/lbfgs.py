"""L-BFGS: BFGS from the last few pairs, without a matrix.

The matrix of BFGS after k updates is a product of the pairs (s, y), so H g can be had from the pairs alone by two loops
over them, 4 k n_weights multiplications. Keeping the last `history` pairs only forgets what is old:

    H = (I − ρ s yᵀ) … c I … (I − ρ y sᵀ) + …     over the last pairs,     c = yᵀs/yᵀy of the last      (1)
    d = −H g                                                                                            (2)

Memory and work beside the pass over the data are O(history · n_weights): for networks whose n_weights² does not fit.

Nocedal (1980), "Updating quasi-Newton matrices with limited storage"; Liu and Nocedal (1989). Departures: as in
`marquardt.algorithms.quasi_newton`.
"""

from __future__ import annotations

from dataclasses import dataclass

from marquardt.algorithms.quasi_newton import QuasiNewtonRule
from marquardt.arrays import Array
from marquardt.checks import whole
from marquardt.numerics.line_searches import LineSearch
from marquardt.numerics.quasi_newton import shanno_scale, two_loop

__all__ = ["LBFGS"]

Pairs = tuple[tuple[Array, Array], ...]


@dataclass(frozen=True)
class LBFGS(QuasiNewtonRule):
    """BFGS from the last few steps.

    Parameters
    ----------
    history : int
        Pairs that are kept; 5 to 30 are usual.
    line_search : LineSearch or str, optional
        The search, or its name; None steps at a fixed rate, as textbooks print it.
    rate : float
        Without a search, the length of every step in parts of the search's first length.

    Raises
    ------
    ConfigurationError
        If the history is not a whole number from 1 up, or there is no such line search.

    Examples
    --------
    >>> LBFGS(history=5).search.name
    'strong_wolfe'
    """

    history: int = 10
    line_search: LineSearch | str | None = "strong_wolfe"
    rate: float = 1.0

    name = "lbfgs"

    def __post_init__(self) -> None:
        whole(self.history, "history", minimum=1)
        self.check_search()

    def learned(self, model: Pairs | None, step: Array, change: Array) -> Pairs:
        """Return the last pairs."""
        return (*(model or ()), (step, change))[-self.history :]

    def newton(self, model: Pairs, gradient: Array) -> Array:
        """Return H g of eq. (1)."""
        return two_loop(gradient, model, shanno_scale(*model[-1]))
