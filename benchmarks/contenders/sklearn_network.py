"""scikit-learn's MLPRegressor or MLPClassifier, `lbfgs` or `adam`, without weight decay.

The start is given by overriding how the weights are drawn. `lbfgs` has no callback: the loss that it computes anyway is
looked at on its way, and ends the run; its evaluations are told as iterations. `adam` is driven epoch by epoch with
``partial_fit``, in its own batches of 200; the loss over all samples is computed apart, and its time not counted.
"""

from harness import Plain, flat, layers_of, main


def load():
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    warnings.simplefilter("ignore", ConvergenceWarning)

    def prepare(job):
        is_squares = job.loss == "squares"
        solver = job.settings["solver"]
        targets = (
            (job.targets[:, 0] if job.sizes[-1] == 1 else job.targets) if is_squares else job.targets.argmax(axis=1)
        )

        class Watched(MLPRegressor if is_squares else MLPClassifier):
            def _init_coef(self, fan_in, fan_out, dtype):
                matrix, bias = self.pending.pop(0)
                return matrix.T.copy(), bias.copy()

            def _loss_grad_lbfgs(self, *arguments):
                loss, gradient = super()._loss_grad_lbfgs(*arguments)
                self.watch.iterated()
                self.watch.saw(2.0 * loss if is_squares else loss)
                return loss, gradient

        def run(weights, watch):
            model = Watched(
                hidden_layer_sizes=job.sizes[1:-1],
                activation="tanh",
                solver=solver,
                alpha=0.0,
                max_iter=10**6,
                random_state=0,
            )
            model.pending, model.watch = layers_of(weights, job.sizes), watch
            if solver == "lbfgs":
                model.fit(job.inputs, targets)
                return "stopped: its own tolerance"
            plain = Plain(job)
            with watch.paused():
                loss = plain.value_and_slope(weights)[0]
            watch.saw(loss)
            classes = {} if is_squares else {"classes": list(range(job.sizes[-1]))}
            while True:
                model.partial_fit(job.inputs, targets, **classes)
                classes = {}
                with watch.paused():
                    reached = flat_of(model)
                    loss = plain.value_and_slope(reached)[0]
                watch.iterated()
                watch.saw(loss)

        return run

    return prepare


def flat_of(model):
    """The flat vector of a scikit-learn network."""
    return flat([(matrix.T, bias) for matrix, bias in zip(model.coefs_, model.intercepts_, strict=True)])


if __name__ == "__main__":
    main(load, ["numpy", "scikit-learn"])
