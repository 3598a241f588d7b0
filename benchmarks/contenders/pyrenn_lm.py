"""pyrenn's train_LM. It has a goal, but no limit on time: the errors that it computes are looked at on their way.

It would divide the data by their largest values; they are standardized, and it is told that it has done so.
"""

import contextlib
import io

import numpy as np
from harness import layers_of, main


def pyrenn_vector(weights, sizes):
    """pyrenn's order: layer by layer the matrix column by column, then the biases."""
    return np.concatenate([part for matrix, bias in layers_of(weights, sizes) for part in (matrix.ravel("F"), bias)])


def load():
    import pyrenn

    error_of, derivatives_of = pyrenn.calc_error, pyrenn.RTRL

    def prepare(job):
        job.need_squares()
        job.need_jacobian()

        def run(weights, watch):
            def watched_error(net, data):
                error = error_of(net, data)
                watch.saw(error / job.n_residuals)
                return error

            def watched_derivatives(net, data):
                answer = derivatives_of(net, data)
                if watch.first is None:
                    watch.saw(answer[1] / job.n_residuals)
                else:
                    watch.iterated()
                return answer

            pyrenn.calc_error, pyrenn.RTRL = watched_error, watched_derivatives
            net = pyrenn.CreateNN(list(job.sizes))
            net["w"] = pyrenn_vector(weights, job.sizes)
            net["normP"], net["normY"] = np.ones(job.sizes[0]), np.ones(job.sizes[-1])
            with contextlib.redirect_stdout(io.StringIO()):
                pyrenn.train_LM(job.inputs.T, job.targets.T, net, k_max=10**6, E_stop=0.0)
            return "stopped: by its own criterion"

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "pyrenn"])
