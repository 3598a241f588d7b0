"""Pure functions on arrays: damped solves, products, differences, and the hold on BLAS threads."""

from marquardt.numerics.damped import factor_damped, solve_damped
from marquardt.numerics.differences import central_difference
from marquardt.numerics.inverse import inverse_diagonal
from marquardt.numerics.krylov import truncated_solution
from marquardt.numerics.lanes import solve_damped_each
from marquardt.numerics.products import add_product
from marquardt.numerics.threads import hold_blas, is_held, usable_cpus

__all__ = [
    "add_product",
    "central_difference",
    "factor_damped",
    "hold_blas",
    "inverse_diagonal",
    "is_held",
    "solve_damped",
    "solve_damped_each",
    "truncated_solution",
    "usable_cpus",
]
