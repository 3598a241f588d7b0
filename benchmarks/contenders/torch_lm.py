"""torch-levenberg-marquardt, driven step by step, with the fastest of its solvers (`cholesky`)."""

from harness import main
from torch_network import network_of


def load():
    import torch
    from torch_levenberg_marquardt.training import LevenbergMarquardtModule

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)

    def prepare(job):
        job.need_squares()
        job.need_jacobian()
        inputs, targets = torch.tensor(job.inputs), torch.tensor(job.targets)

        def run(weights, watch):
            network = network_of(torch, weights, job.sizes)
            with watch.paused(), torch.no_grad():
                loss = torch.nn.functional.mse_loss(network(inputs), targets).item()
            watch.saw(loss)
            module = LevenbergMarquardtModule(network, solve_method="cholesky")
            while True:
                _, loss, stops, _ = module.training_step(inputs, targets)
                watch.iterated()
                watch.saw(loss.item())
                if stops:
                    return "stopped: by its own criterion"

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "torch", "torch-levenberg-marquardt"])
