"""DFP, the first quasi-Newton method.

    H ← H + s sᵀ/yᵀs − H y yᵀ H/yᵀHy                                                                    (1)
    d = −H g                                                                                            (2)

(1) is BFGS's update of the Hessian itself, with s and y exchanged. With exact searches both take the same path; with
rough ones DFP recovers slowly from an H that is off, and BFGS quickly. So the default search is a closer one than that
of BFGS: sine problem, 9 starts, 1000 evaluations, first_scale 1, median loss 0.039 with bisection and cubics, 0.28 with
strong Wolfe at c₂ = 0.9, where BFGS comes to 3e-5. A first_scale of 30 makes it 0.0026.

Davidon (1959); Fletcher and Powell (1963), "A rapidly convergent descent method for minimization". Departures: as in
`marquardt.algorithms.bfgs`, the first H included.
"""

from __future__ import annotations

from dataclasses import dataclass

from marquardt.algorithms.quasi_newton import MatrixRule
from marquardt.arrays import Array
from marquardt.numerics.line_searches import LineSearch
from marquardt.numerics.quasi_newton import dfp_inverse

__all__ = ["DFP"]


@dataclass(frozen=True)
class DFP(MatrixRule):
    """The method of Davidon, Fletcher and Powell.

    Parameters
    ----------
    line_search : LineSearch or str, optional
        The search, or its name; None steps at a fixed rate, as textbooks print it.
    first_scale : float
        The first matrix, in parts of (yᵀs/yᵀy) I; above 0.
    rate : float
        Without a search, the length of every step in parts of the search's first length.

    Raises
    ------
    ConfigurationError
        If there is no such line search, or the scale cannot be.

    Examples
    --------
    >>> DFP().search.name
    'hybrid_bisection_cubic'
    """

    line_search: LineSearch | str | None = "hybrid_bisection_cubic"
    first_scale: float = 10.0
    rate: float = 1.0

    name = "dfp"

    def __post_init__(self) -> None:
        self.check_search()
        self.check_scale()

    def updated(self, inverse: Array, step: Array, change: Array) -> Array:
        """Return eq. (1).

        Parameters
        ----------
        inverse : ndarray of shape (n_weights, n_weights)
            H.
        step, change : ndarray of shape (n_weights,)
            s and y.
        """
        return dfp_inverse(inverse, step, change)
