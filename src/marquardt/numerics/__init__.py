"""Pure functions on arrays: damped solves, differences, and the hold on BLAS threads."""

from marquardt.numerics.damped import solve_damped
from marquardt.numerics.differences import central_difference
from marquardt.numerics.threads import hold_blas, usable_cpus

__all__ = ["central_difference", "hold_blas", "solve_damped", "usable_cpus"]
