"""A PyTorch network with the weights of a flat vector; for scripts that have PyTorch."""

from harness import layers_of


def network_of(torch, weights, sizes):
    """Linear layers with tanh between them."""
    parts = []
    for matrix, bias in layers_of(weights, sizes):
        layer = torch.nn.Linear(matrix.shape[1], matrix.shape[0])
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(matrix))
            layer.bias.copy_(torch.tensor(bias))
        parts += [layer, torch.nn.Tanh()]
    return torch.nn.Sequential(*parts[:-1])
