"""PyTorch's L-BFGS with its strong-Wolfe search and a history of 10, in float64; other settings are its defaults, but
for the tolerances, which are zero. The closure's loss ends the run."""

from harness import main
from torch_network import network_of


def load():
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)

    def prepare(job):
        inputs = torch.tensor(job.inputs)
        is_squares = job.loss == "squares"
        if is_squares:
            targets, loss_of = torch.tensor(job.targets), torch.nn.functional.mse_loss
        else:
            targets, loss_of = torch.tensor(job.targets.argmax(axis=1)), torch.nn.functional.cross_entropy

        def run(weights, watch):
            network = network_of(torch, weights, job.sizes)
            optimizer = torch.optim.LBFGS(
                network.parameters(),
                history_size=10,
                line_search_fn="strong_wolfe",
                tolerance_grad=0.0,
                tolerance_change=0.0,
            )

            def closure():
                optimizer.zero_grad()
                loss = loss_of(network(inputs), targets)
                watch.saw(loss.item())
                loss.backward()
                return loss

            try:
                while True:
                    optimizer.step(closure)
            finally:
                watch.counted(optimizer.state[optimizer.param_groups[0]["params"][0]]["n_iter"])

        return run

    return prepare


if __name__ == "__main__":
    main(load, ["numpy", "torch"])
