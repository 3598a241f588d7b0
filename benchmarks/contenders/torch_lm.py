"""torch-levenberg-marquardt on a network with one hidden tanh layer; a job on standard input, times on standard output.

Needs ``pip install torch torch-levenberg-marquardt`` in an environment of its own.
"""

import json
import sys
import time

import torch
from torch_levenberg_marquardt.training import LevenbergMarquardtModule

EPOCHS = 400
"""More than this no start needs that gets there at all."""

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def model_from(weights):
    """A 1-10-1 network with the weights of marquardt's flat vector."""
    w = torch.tensor(weights)
    hidden, output = torch.nn.Linear(1, 10), torch.nn.Linear(10, 1)
    with torch.no_grad():
        hidden.weight[:, 0], hidden.bias[:] = w[0:20:2], w[1:20:2]
        output.weight[0], output.bias[0] = w[20:30], w[30]
    return torch.nn.Sequential(hidden, torch.nn.Tanh(), output)


def run(weights, inputs, targets, goal, solver):
    """Seconds to the goal, and whether it was reached."""
    module = LevenbergMarquardtModule(model_from(weights), solve_method=solver)
    begun = time.perf_counter()
    for _ in range(EPOCHS):
        _, loss, stop, _ = module.training_step(inputs, targets)
        if loss <= goal:
            return time.perf_counter() - begun, True
        if stop:
            break
    return time.perf_counter() - begun, False


def main():
    """Do the job, with the faster of its two solvers that suit small systems."""
    job = json.load(sys.stdin)
    inputs, targets = torch.tensor(job["inputs"]), torch.tensor(job["targets"])
    run(job["starts"][0], inputs, targets, job["goal"], "cholesky")
    results = []
    for weights in job["starts"]:
        runs = [run(weights, inputs, targets, job["goal"], solver) for solver in ("qr", "cholesky")]
        results.append(min(runs, key=lambda result: (not result[1], result[0])))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
