"""Levenberg–Marquardt as in a textbook, in NumPy: the Jacobian, JᵀJ + μI, μ over ten after a success, times ten after a
failure."""

import numpy as np
from harness import Plain, main


def load():
    from scipy.linalg import cho_factor, cho_solve

    def prepare(job):
        job.need_squares()
        job.need_jacobian()
        plain = Plain(job)

        def run(weights, watch):
            mu, residual = 1e-3, plain.residual(weights)
            sse = residual @ residual
            watch.saw(sse / len(residual))
            while True:
                jacobian = plain.jacobian(weights)
                normal, gradient = jacobian.T @ jacobian, jacobian.T @ residual
                diagonal = np.arange(len(weights))
                while True:
                    damped = normal.copy()
                    damped[diagonal, diagonal] += mu
                    try:
                        trial = weights - cho_solve(cho_factor(damped, check_finite=False), gradient)
                    except np.linalg.LinAlgError:
                        trial = None
                    if trial is not None:
                        there = plain.residual(trial)
                        if there @ there < sse:
                            break
                    mu *= 10
                    if mu > 1e10:
                        return "stopped: mu is above 1e10"
                mu /= 10
                weights, residual, sse = trial, there, there @ there
                watch.iterated()
                watch.saw(sse / len(residual))

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "scipy"])
