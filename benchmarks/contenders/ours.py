"""marquardt, with the algorithm that the job names; making the objective counts."""

from harness import main


def load():
    from marquardt.networks import Network, feed_forward
    from marquardt.training import Fitting, Limits, Settings

    def prepare(job):
        is_squares = job.loss == "squares"
        graph = feed_forward(
            job.sizes[0], job.sizes[1:-1], job.sizes[-1], output_activation="identity" if is_squares else "softmax"
        )
        if is_squares:
            task, targets, kind = "regression", job.targets, {}
        else:
            task, targets = "classification", job.targets.argmax(axis=1)
            kind = {"n_classes": job.sizes[-1]}

        def run(weights, watch):
            has_goal = is_squares and watch.goals and not watch.fixed
            limits = Limits(
                max_epochs=10**9,
                min_gradient=0.0,
                max_fail=0,
                goal=watch.goals[-1] if has_goal else 0.0,
                max_seconds=10.0 * max(watch.limit, watch.fixed),
            )
            settings = Settings(
                hidden_layer_sizes=job.sizes[1:-1],
                loss="squares" if is_squares else "cross_entropy",
                algorithm=job.settings["algorithm"],
                input_scaling="none",
                target_scaling="none",
                limits=limits,
                threads=job.settings.get("threads", 1),
            )
            fitting = Fitting(job.inputs, targets, settings, task, start=Network(graph, weights), **kind)
            for epoch in fitting:
                if epoch.epoch:
                    watch.iterated()
                watch.saw(epoch.performance)
            return f"stopped: {fitting.training.record.stop.sentence}"

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "scipy"])
