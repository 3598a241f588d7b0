"""One pass for the normal equations, against the explicit Jacobian and its symmetric product."""

from __future__ import annotations

import numpy as np

from benchmarks.measuring import in_turn, table, write
from marquardt.networks import feed_forward, initial_weights
from marquardt.numerics import hold_blas
from marquardt.objective import Derivatives, Objective


def problem(n_samples: int, n_inputs: int, n_hidden: int, n_outputs: int):
    """Random data, a network and its start."""
    rng = np.random.default_rng(0)
    graph = feed_forward(n_inputs, n_hidden, n_outputs)
    inputs = rng.uniform(-1, 1, (n_samples, n_inputs))
    targets = rng.normal(size=(n_samples, n_outputs))
    return graph, inputs, targets, initial_weights(graph, rng=0)


def plain_jacobian(graph, inputs, weights) -> np.ndarray:
    """The Jacobian of a network with one hidden tanh layer and linear outputs, as one writes it in NumPy.

    Rows are sample by sample, outputs within a sample.
    """
    hidden, output = (span.matrix(weights) for span in graph.spans)
    n_samples, (n_hidden, fan_in), n_outputs = len(inputs), hidden.shape, len(output)
    augmented = np.concatenate([inputs, np.ones((n_samples, 1))], axis=1)
    values = np.tanh(augmented @ hidden.T)
    slopes = 1.0 - values * values
    top = np.concatenate([values, np.ones((n_samples, 1))], axis=1)
    jacobian = np.zeros((n_samples, n_outputs, graph.n_weights))
    width = n_hidden * fan_in
    for k in range(n_outputs):
        part = jacobian[:, k, :width].reshape(n_samples, n_hidden, fan_in)
        np.multiply((slopes * output[k, :-1])[:, :, None], augmented[:, None, :], out=part)
        start = width + k * (n_hidden + 1)
        jacobian[:, k, start : start + n_hidden + 1] = top
    return jacobian.reshape(n_samples * n_outputs, -1)


def main() -> None:
    """Measure the three cases of the engine."""
    rows, data = [], {}
    with hold_blas():
        graph, inputs, targets, weights = problem(5000, 20, 30, 10)
        pairs = Objective(graph, inputs, targets, form="pairs", threads=1)
        jacobian = plain_jacobian(graph, inputs, weights)
        reference = jacobian.T @ jacobian
        assert np.allclose(pairs.at(weights, Derivatives.NORMAL).normal, reference, rtol=0, atol=1e-9 * reference.max())
        case = in_turn(lambda: pairs.at(weights, Derivatives.NORMAL), lambda: jacobian.T @ jacobian, 7, 2)
        data["5,000 × 20-30-10 against SYRK alone"] = case | {"must": 10, "reach": 20}

        graph, inputs, targets, weights = problem(10000, 20, 30, 1)
        pairs = Objective(graph, inputs, targets, form="pairs", threads=1)

        def explicit() -> np.ndarray:
            jacobian = plain_jacobian(graph, inputs, weights)
            return jacobian.T @ jacobian

        reference = explicit()
        assert np.allclose(pairs.at(weights, Derivatives.NORMAL).normal, reference, rtol=0, atol=1e-9 * reference.max())
        case = in_turn(lambda: pairs.at(weights, Derivatives.NORMAL), explicit, 15, 5)
        data["10,000 × 20-30-1 against Jacobian and SYRK"] = case | {"must": 1.6, "reach": 2.5}

        both = Objective(graph, inputs, targets, form="pairs", threads=2)
        case = in_turn(
            lambda: both.at(weights, Derivatives.NORMAL), lambda: pairs.at(weights, Derivatives.NORMAL), 15, 5
        )
        both.close()
        data["10,000 × 20-30-1, two threads against one"] = case | {"must": 1.6, "reach": 1.9}
    for name, case in data.items():
        first, second = f"{1e3 * case['first']:.0f} ms", f"{1e3 * case['second']:.0f} ms"
        spread = f"{case['lowest']:.2f}–{case['highest']:.2f}"
        rows.append([name, first, second, f"{case['ratio']:.2f}×", spread, f"{case['must']}×", f"{case['reach']}×"])
    header = ["case", "pair products", "the other", "faster", "spread", "must", "reach for"]
    text = "One pass for loss, gradient and normal equations; one BLAS thread; medians of turns of some passes.\n\n"
    write("engine", "Normal equations without a Jacobian", text + table(header, rows), data)


if __name__ == "__main__":
    main()
