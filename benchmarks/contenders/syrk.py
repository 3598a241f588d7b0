"""Not a contender: JᵀJ by SYRK from blocks of an explicit Jacobian. Making the blocks is not counted: the yardstick for
an epoch of Levenberg–Marquardt on many samples."""

import numpy as np
from harness import Plain, main

BLOCK, PASSES = 10_000, 4


def load():
    from scipy.linalg.blas import dsyrk

    def prepare(job):
        job.need_squares()
        plains = []
        for begin in range(0, len(job.inputs), BLOCK):
            part = job.shortened()
            part.inputs, part.targets = job.inputs[begin : begin + BLOCK], job.targets[begin : begin + BLOCK]
            plains.append(Plain(part))

        def run(weights, watch):
            watch.saw(sum(np.sum(plain.residual(weights) ** 2) for plain in plains) / job.n_residuals)
            normal = np.zeros((len(weights), len(weights)), order="F")
            for _ in range(PASSES):
                for plain in plains:
                    with watch.paused():
                        jacobian = plain.jacobian(weights)
                    normal = dsyrk(1.0, jacobian.T, 1.0, normal, overwrite_c=True)
                watch.iterated()
                watch.saw(watch.best)
            return "stopped: enough"

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "scipy"])
