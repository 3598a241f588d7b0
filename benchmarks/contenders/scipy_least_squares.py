"""SciPy's least_squares, `lm` (MINPACK) or `trf`, with the analytic Jacobian in plain NumPy.

Neither has a goal: the residual ends the run. Tolerances are as low as they may be.
"""

import numpy as np
from harness import Plain, Refused, main


def load():
    from scipy.optimize import least_squares

    def prepare(job):
        job.need_squares()
        job.need_jacobian()
        method = job.settings["method"]
        if method == "lm" and job.n_residuals < len(job.starts[0]):
            raise Refused("needs as many residuals as weights")
        plain = Plain(job)

        def run(weights, watch):
            def residual(w):
                r = plain.residual(w)
                watch.saw(r @ r / len(r))
                return r

            jacobians = []

            def jacobian(w):
                # An iteration is done when the next Jacobian is asked for.
                watch.counted(len(jacobians))
                jacobians.append(None)
                return plain.jacobian(w)

            lowest = np.finfo(float).eps
            tolerances = {"ftol": lowest, "xtol": lowest, "gtol": lowest}
            end = least_squares(residual, weights, jacobian, method=method, max_nfev=10**8, **tolerances)
            return f"stopped: {end.message}"

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "scipy"])
