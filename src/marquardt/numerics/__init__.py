"""Pure functions on arrays: damped solves, products, differences, the compiled kernel, and the hold on BLAS threads."""

from marquardt.numerics.damped import COMPILED_UNKNOWNS, cholesky_damped, factor_damped, solve_cholesky, solve_damped
from marquardt.numerics.differences import central_difference
from marquardt.numerics.inverse import inverted
from marquardt.numerics.krylov import truncated_solution
from marquardt.numerics.medians import DEVIATION, Sample, deviation_about, weighted_median
from marquardt.numerics.native import describe_native, native_kernel
from marquardt.numerics.orthogonal import OrthogonalStep, SequentialRows
from marquardt.numerics.pair_products import CHUNK_ROWS, Rows, add_pair_products
from marquardt.numerics.products import add_product
from marquardt.numerics.threads import hold_blas, is_held, most_threads, threads_left, usable_cpus

__all__ = [
    "CHUNK_ROWS",
    "COMPILED_UNKNOWNS",
    "DEVIATION",
    "OrthogonalStep",
    "Rows",
    "Sample",
    "SequentialRows",
    "add_pair_products",
    "add_product",
    "central_difference",
    "cholesky_damped",
    "describe_native",
    "deviation_about",
    "factor_damped",
    "hold_blas",
    "inverted",
    "is_held",
    "most_threads",
    "native_kernel",
    "solve_cholesky",
    "solve_damped",
    "threads_left",
    "truncated_solution",
    "usable_cpus",
    "weighted_median",
]
