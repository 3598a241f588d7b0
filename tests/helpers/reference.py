"""An independent implementation of network and losses, differentiated by autograd.

Written from the documentation, one sample a row, without a line of the library except its descriptions
(`LayerGraph`) and the order of the flat weight vector, which it walks on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np
from autograd import elementwise_grad, grad, hessian

ACTIVATIONS = {
    "tanh": anp.tanh,
    "logistic": lambda net: 1.0 / (1.0 + anp.exp(-net)),
    "identity": lambda net: net,
    "relu": lambda net: anp.where(net > 0, net, 0.0),
    "softplus": lambda net: anp.log(1.0 + anp.exp(net)),
    "elliot": lambda net: net / (1.0 + anp.abs(net)),
    "radial_basis": lambda net: anp.exp(-(net**2)),
    "saturating_linear": lambda net: anp.where(net > 1, 1.0, anp.where(net < -1, -1.0, net)),
    "sine": anp.sin,
    "softmax": lambda net: anp.exp(net) / anp.sum(anp.exp(net), axis=1, keepdims=True),
}


def activated(name, net):
    """f(gain · net), of a name with or without a gain."""
    plain, _, gain = name.rstrip(")").partition("(gain=")
    return ACTIVATIONS[plain](float(gain or 1.0) * net)


SMOOTH = ("tanh", "logistic", "identity", "softplus", "radial_basis", "sine")

LINKS = {"logistic_cross_entropy", "softmax_cross_entropy"}


def _squares(loss, residual, targets, outputs):
    return 0.5 * residual**2 * anp.array(loss.output_weights or np.ones(targets.shape[1]))


def _logistic_cross_entropy(loss, residual, targets, outputs):
    # −log p and −log(1 − p), each without a difference of nearly equal numbers, so that its Hessian is good too.
    return targets * anp.log(1 + anp.exp(-outputs)) + (1 - targets) * anp.log(1 + anp.exp(outputs))


def _softmax_cross_entropy(loss, residual, targets, outputs):
    return targets * (anp.log(anp.sum(anp.exp(outputs), axis=1, keepdims=True)) - outputs)


def _huber(loss, residual, targets, outputs):
    size, scale = anp.abs(residual), scale_of(loss)
    return anp.where(size <= scale, 0.5 * residual**2, scale * size - 0.5 * scale**2)


def _soft_l1(loss, residual, targets, outputs):
    scale = scale_of(loss)
    return scale**2 * (anp.sqrt(1 + (residual / scale) ** 2) - 1)


def _cauchy(loss, residual, targets, outputs):
    scale = scale_of(loss)
    return 0.5 * scale**2 * anp.log(1 + (residual / scale) ** 2)


LOSSES = {
    "squares": _squares,
    "logistic_cross_entropy": _logistic_cross_entropy,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "huber": _huber,
    "soft_l1": _soft_l1,
    "cauchy": _cauchy,
}


def scale_of(loss):
    """The scale of a robust loss; 1 where it is left to the training."""
    return 1.0 if loss.scale == "auto" else loss.scale


def loss_parts(loss, outputs, targets):
    """Each output's part of the loss, (n_samples, n_outputs); cross-entropies take the net of the output layer."""
    return LOSSES[loss.name](loss, outputs - targets, targets, outputs)


def curvatures(loss, outputs, targets):
    """Λ of every sample, (n_samples, n_outputs, n_outputs), by autograd; negative curvature is cut off."""
    if loss.name == "softmax_cross_entropy":
        one = hessian(lambda row, target: anp.sum(loss_parts(loss, row[None], target[None])))
        return np.array([one(row, target) for row, target in zip(outputs, targets, strict=True)])
    second = elementwise_grad(elementwise_grad(lambda out: loss_parts(loss, out, targets)))(outputs)
    return np.maximum(second, 0.0)[:, :, None] * np.eye(outputs.shape[1])


def connections_of(graph, weights):
    """The connections of weights, one after the other, (…, n_weights) to (…, n_connections)."""
    if graph.weight_map is None:
        return weights
    described = graph.weight_map.to_dict()
    fixed = iter(described["values"])
    columns = [
        anp.full(weights.shape[0], next(fixed)) if number < 0 else weights[:, number] for number in described["index"]
    ]
    return anp.stack(columns, axis=1)


def outputs_of(graph, weights, inputs, is_fused=False):
    """What the loss sees, (n_samples, n_outputs): outputs, or the output layer's net.

    `weights` may be one vector, or one a sample, (n_samples, n_weights): the derivative of a sum over samples with
    respect to those is the Jacobian of all samples at once.
    """
    weights = connections_of(graph, anp.atleast_2d(weights))
    values = {"inputs": inputs}
    start = 0
    for layer in graph.layers:
        width = sum(values[source].shape[1] for source in layer.sources) + layer.bias
        units = []
        for _ in range(layer.size):
            row = weights[:, start : start + width]
            start += width
            net, column = (row[:, -1] if layer.bias else 0.0), 0
            for source in layer.sources:
                value = values[source]
                net = net + anp.sum(value * row[:, column : column + value.shape[1]], axis=1)
                column += value.shape[1]
            units.append(net)
        net = anp.stack(units, axis=1)
        is_last = layer is graph.layers[-1]
        values[layer.name] = net if is_last and is_fused else activated(layer.activation, net)
    return values[graph.layers[-1].name]


def penalty_diagonal(graph, alphas, include_biases):
    """α of every weight, walked weight by weight."""
    sizes = {"inputs": graph.n_inputs} | {layer.name: layer.size for layer in graph.layers}
    diagonal = []
    for layer, alpha in zip(graph.layers, alphas, strict=True):
        n_sources = sum(sizes[source] for source in layer.sources)
        unit = [alpha] * n_sources + ([alpha if include_biases else 0.0] if layer.bias else [])
        diagonal += unit * layer.size
    if graph.weight_map is None:
        return np.array(diagonal)
    # A shared weight once, as its first connection has it.
    of_weight = {}
    for number, entry in zip(graph.weight_map.to_dict()["index"], diagonal, strict=True):
        of_weight.setdefault(number, entry)
    return np.array([of_weight[number] for number in range(graph.n_weights)])


@dataclass
class Reference:
    """Loss, gradient and normal matrix of a problem, with the sizes of their summands."""

    loss: float
    gradient: np.ndarray
    normal: np.ndarray
    jacobian: np.ndarray
    outputs: np.ndarray
    loss_scale: float
    gradient_scale: float
    normal_scale: float


def reference(problem) -> Reference:
    """Evaluate a `helpers.problems.Problem` at its weights."""
    graph, loss, weights = problem.graph, problem.loss, problem.weights
    is_fused = loss.name in LINKS
    weight = problem.weight_table
    if problem.penalty is None:
        diagonal = np.zeros(graph.n_weights)
    else:
        alpha = problem.penalty.alpha
        alphas = alpha if isinstance(alpha, tuple) else (alpha,) * len(graph.layers)
        diagonal = penalty_diagonal(graph, alphas, problem.penalty.include_biases)

    def forward(w):
        return outputs_of(graph, w, problem.inputs, is_fused)

    def data_loss(w):
        return anp.sum(loss_parts(loss, forward(w), problem.targets) * weight)

    outputs = forward(weights)
    each = np.tile(weights, (len(problem.inputs), 1))
    # (n_samples, n_outputs, n_weights)
    jac = np.stack([grad(lambda w, k=k: anp.sum(forward(w)[:, k]))(each) for k in range(graph.n_outputs)], axis=1)
    slope = elementwise_grad(lambda out: anp.sum(loss_parts(loss, out, problem.targets), axis=1))(outputs)
    curvature = curvatures(loss, outputs, problem.targets) * weight[:, :, None]
    size = np.abs(jac) * weight[:, :, None]
    return Reference(
        loss=float(data_loss(weights) + 0.5 * np.sum(diagonal * weights**2)),
        gradient=grad(data_loss)(weights) + diagonal * weights,
        normal=np.einsum("sma,smk,skb->ab", jac, curvature, jac, optimize=True) + np.diag(diagonal),
        jacobian=jac,
        outputs=outputs,
        loss_scale=float(np.sum(np.abs(loss_parts(loss, outputs, problem.targets)) * weight)) + float(np.sum(weight)),
        gradient_scale=float(np.max(np.einsum("smw,sm->w", size, np.abs(slope) + 1.0))) + 1.0,
        normal_scale=float(np.max(np.einsum("sma,sma->a", size, np.abs(jac))))
        * max(getattr(loss, "output_weights", None) or (1.0,))
        + float(np.sum(weight))
        + diagonal.max(),
    )
