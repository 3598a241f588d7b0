"""nlls-gram's LevenbergMarquardt with its defaults (Cholesky, geodesic acceleration), driven by compiled updates."""

import jax_network
from harness import main


def load():
    import jax
    from nlls_gram import LevenbergMarquardt

    jax.config.update("jax_enable_x64", True)

    def prepare(job):
        job.need_squares()
        job.need_jacobian()
        solver = LevenbergMarquardt(jax_network.residual_of(jax, job))
        begin = jax.jit(solver.init)

        def step(carried):
            weights, state, info = solver.update(*carried)
            return (weights, state), info.loss, info.accepted

        drive = jax_network.driver(jax, job, step)

        def run(weights, watch):
            weights = jax.numpy.asarray(weights)
            drive(weights, (weights, begin(weights)), watch)

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "jax", "nlls-gram"], compiles=True)
