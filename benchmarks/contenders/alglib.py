"""ALGLIB by way of xalglib: `minlm` with the analytic Jacobian, or `minlbfgs` with the analytic gradient.

Its network trainers draw their own starts and add a weight decay of 0.001 at least, so its optimizers run here, on the
gradient or Jacobian in plain NumPy; handing over lists of numbers, as its interface asks for, counts.
"""

from harness import Plain, main


def load():
    import numpy as np
    from xalglib import xalglib

    def least_squares(job):
        job.need_squares()
        job.need_jacobian(1e9)
        plain = Plain(job)

        def run(weights, watch):
            def residual(w, f, _):
                r = plain.residual(np.array(w))
                watch.saw(r @ r / len(r))
                f[:] = r.tolist()

            jacobians = []

            def jacobian(w, f, j, _):
                # An iteration is done when the next Jacobian is asked for.
                watch.counted(len(jacobians))
                jacobians.append(None)
                residual(w, f, None)
                j[:] = plain.jacobian(np.array(w)).tolist()

            state = xalglib.minlmcreatevj(job.n_residuals, weights.tolist())
            xalglib.minlmsetcond(state, 0.0, 10**9)
            xalglib.minlmoptimize_vj(state, residual, jacobian)
            return f"stopped: code {xalglib.minlmresults(state)[1].terminationtype}"

        return run

    def quasi_newton(job):
        plain = Plain(job)

        def run(weights, watch):
            def gradient(w, g, _):
                loss, g[:] = plain.gradient(np.array(w))
                watch.saw(loss)
                return float(loss)

            state = xalglib.minlbfgscreate(10, weights.tolist())
            xalglib.minlbfgssetcond(state, 0.0, 0.0, 0.0, 10**9)
            xalglib.minlbfgssetxrep(state, True)
            xalglib.minlbfgsoptimize_g(state, gradient, lambda *_: watch.iterated())
            return f"stopped: code {xalglib.minlbfgsresults(state)[1].terminationtype}"

        return run

    def prepare(job):
        return (least_squares if job.settings["method"] == "minlm" else quasi_newton)(job)

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "xalglib"])
