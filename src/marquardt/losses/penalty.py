"""Penalties on the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import non_negative
from marquardt.errors import ConfigurationError
from marquardt.networks import LayerGraph

__all__ = ["WeightDecay"]


@dataclass(frozen=True)
class WeightDecay:
    """½ Σ α w²: small weights are preferred, the more so the larger α.

    The loss is a sum over samples, so α has the meaning it has in scikit-learn's ``MLPRegressor``, on scaled
    targets: twice the data want twice the α for the same trade.

    Parameters
    ----------
    alpha : float or sequence of float
        α, one for all layers or one a layer, output last.
    include_biases : bool
        Whether biases are penalized too.

    Raises
    ------
    ConfigurationError
        If an α is negative or not finite, or the number of them is not the number of layers.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> WeightDecay(0.1).diagonal(feed_forward(1, 2, 1))
    array([0.1, 0. , 0.1, 0. , 0.1, 0.1, 0. ])
    """

    alpha: float | tuple[float, ...] = 1e-4
    include_biases: bool = False

    def __post_init__(self) -> None:
        is_by_layer = isinstance(self.alpha, Sequence | np.ndarray)
        values: Sequence[float] = self.alpha if is_by_layer else (self.alpha,)  # type: ignore[assignment]
        checked = tuple(non_negative(value, "alpha") for value in values)
        if not np.isfinite(checked).all():
            raise ConfigurationError(f"alpha must be finite, got {self.alpha!r}.")
        object.__setattr__(self, "alpha", checked if is_by_layer else checked[0])

    def diagonal(self, graph: LayerGraph) -> Array:
        """Return α for every weight: the diagonal of the penalty's Hessian.

        Parameters
        ----------
        graph : LayerGraph
            The network.

        Returns
        -------
        ndarray of shape (n_weights,)
            0 for biases unless they are included. A shared weight has the α of the layer that has it first.

        Raises
        ------
        ConfigurationError
            If α is given by layer and the number does not fit.
        """
        diagonal = np.empty(graph.n_connections)
        for span, (alpha, of_biases) in zip(graph.spans, self.by_layer(graph), strict=True):
            matrix = span.matrix(diagonal)
            matrix[:] = alpha
            if span.layer.bias:
                matrix[:, -1] = of_biases
        return diagonal if graph.weight_map is None else graph.weight_map.of_first(diagonal)

    def by_layer(self, graph: LayerGraph) -> list[tuple[float, float]]:
        """Return α of the weights and α of the biases, layer by layer.

        Parameters
        ----------
        graph : LayerGraph
            The network.

        Returns
        -------
        list of (float, float)
            The second is 0 unless biases are included.

        Raises
        ------
        ConfigurationError
            If α is given by layer and the number does not fit.
        """
        alphas = self.alpha if isinstance(self.alpha, tuple) else (self.alpha,) * len(graph.layers)
        if len(alphas) != len(graph.layers):
            raise ConfigurationError(
                f"alpha has {len(alphas)} values, the network {len(graph.layers)} layers "
                f"({', '.join(layer.name for layer in graph.layers)}). Give one number, or one a layer."
            )
        return [(alpha, alpha if self.include_biases else 0.0) for alpha in alphas]
