"""jaxopt's LevenbergMarquardt with a stored Jacobian and Cholesky factors, driven by compiled updates."""

import jax_network
from harness import main


def load():
    import jax
    import jaxopt

    jax.config.update("jax_enable_x64", True)

    def prepare(job):
        job.need_squares()
        job.need_jacobian()
        solver = jaxopt.LevenbergMarquardt(
            jax_network.residual_of(jax, job), maxiter=10**9, tol=0.0, solver="cholesky", materialize_jac=True
        )
        shapes = jax.eval_shape(solver.update, job.starts[0], jax.eval_shape(solver.init_state, job.starts[0]))[1]

        @jax.jit
        def begin(weights):
            # An update turns some whole numbers of the first state into others.
            return jax.tree.map(lambda a, b: jax.numpy.asarray(a, b.dtype), solver.init_state(weights), shapes)

        def step(carried):
            weights, before = carried
            weights, state = solver.update(weights, before)
            state = jax.tree.map(lambda a, b: jax.numpy.asarray(a, b.dtype), state, shapes)
            return (weights, state), 2.0 * state.value, state.value < before.value

        drive = jax_network.driver(jax, job, step)

        def run(weights, watch):
            weights = jax.numpy.asarray(weights)
            drive(weights, (weights, begin(weights)), watch)

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "jax", "jaxopt"], compiles=True)
