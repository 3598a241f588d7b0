"""optimistix's LevenbergMarquardt with Cholesky factors of the normal equations, driven by compiled steps.

Its step looks at a point and, if that is better, goes there and names the next; tolerances are zero.
"""

import jax_network
from harness import main


def load():
    import equinox
    import jax
    import lineax
    import optimistix

    jax.config.update("jax_enable_x64", True)

    def prepare(job):
        job.need_squares()
        job.need_jacobian()
        plain = jax_network.residual_of(jax, job)

        def residual(weights, _):
            return plain(weights), None

        solver = optimistix.LevenbergMarquardt(rtol=0.0, atol=0.0, linear_solver=lineax.Normal(lineax.Cholesky()))
        zeros = jax.numpy.zeros(len(job.starts[0]))
        tags = frozenset()
        # Its first state holds a traced program, which would be another one for every run, and compiled again.
        first = solver.init(residual, zeros, None, {}, jax.eval_shape(plain, zeros), None, tags)
        arrays, rest = equinox.partition(first, equinox.is_array)

        def step(carried):
            weights, arrays = carried
            before = equinox.combine(arrays, rest)
            weights, state, _ = solver.step(residual, weights, None, {}, before, tags)
            sse = jax.numpy.vdot(state.f_info.residual, state.f_info.residual)
            # Its first step only looks at the start.
            is_new = (state.num_accepted_steps > before.num_accepted_steps) & ~before.first_step
            return (weights, equinox.filter(state, equinox.is_array)), sse, is_new

        drive = jax_network.driver(jax, job, step)

        def run(weights, watch):
            weights = jax.numpy.asarray(weights)
            drive(weights, (weights, equinox.tree_at(lambda state: state.y_eval, arrays, weights)), watch)

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "jax", "optimistix"], compiles=True)
