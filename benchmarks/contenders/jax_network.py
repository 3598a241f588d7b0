"""The network for JAX, in float64 on one thread, and how its optimizers are driven; for scripts that have JAX.

A call of a compiled function from Python costs as much as an iteration on a small problem. So the steps of small
problems are taken in bunches inside one compiled loop, which ends at the goal.
"""

import itertools
import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

BUNCH = 16
"""Steps in one call where a step is small."""
SMALL = 200_000
"""Numbers in a Jacobian, up to which it is."""


def residual_of(jax, job):
    """A function of the flat weights, compiled with the data as constants."""
    jnp = jax.numpy
    sizes, inputs, targets = job.sizes, jnp.asarray(job.inputs), jnp.asarray(job.targets)

    def residual(weights):
        values, at = inputs, 0
        for number, (fan_in, units) in enumerate(itertools.pairwise(sizes)):
            block = weights[at : at + units * (fan_in + 1)].reshape(units, fan_in + 1)
            at += units * (fan_in + 1)
            values = values @ block[:, :-1].T + block[:, -1]
            if number < len(sizes) - 2:
                values = jnp.tanh(values)
        return (values - targets).ravel()

    return residual


def driver(jax, job, step):
    """What runs an optimizer.

    Parameters
    ----------
    jax : module
    job : Job
    step : callable
        Takes what an optimizer carries, returns it, the sum of squares where it now is, and whether that is new.

    Returns
    -------
    callable
        Takes what is carried at the start and a watch, and runs until the watch ends it.
    """
    jnp = jax.numpy
    bunch = BUNCH if job.n_residuals * len(job.starts[0]) <= SMALL else 1
    residual = jax.jit(residual_of(jax, job))

    @jax.jit
    def several(carried, sse, goal):
        def goes_on(state):
            _, sse, steps, _ = state
            return (steps < bunch) & (sse > goal)

        def one(state):
            carried, _, steps, moves = state
            carried, sse, is_new = step(carried)
            return carried, sse, steps + 1, moves + jnp.where(is_new, 1, 0)

        return jax.lax.while_loop(goes_on, one, (carried, sse, 0, 0))

    def drive(weights, carried, watch):
        with watch.paused():
            at = residual(weights)
            sse = jnp.vdot(at, at)
        watch.saw(float(sse) / job.n_residuals)
        while True:
            carried, sse, _, moves = several(carried, sse, watch.next_goal * job.n_residuals)
            now = float(sse) / job.n_residuals
            watch.counted(watch.iterations + int(moves))
            watch.saw(now)

    return drive
