"""SciPy's L-BFGS-B on a gradient in plain NumPy. Tolerances are zero: only the watch ends it, or its line search."""

from harness import Plain, main


def load():
    from scipy.optimize import minimize

    def prepare(job):
        plain = Plain(job)

        def run(weights, watch):
            def value(w):
                loss, gradient = plain.gradient(w)
                watch.saw(loss)
                return loss, gradient

            options = {"maxiter": 10**9, "maxfun": 10**9, "ftol": 0.0, "gtol": 0.0}
            end = minimize(
                value, weights, jac=True, method="L-BFGS-B", callback=lambda _: watch.iterated(), options=options
            )
            return f"stopped: {end.message}"

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "scipy"])
