"""From a network on lagged columns to a NARX network, and back.

The lagged columns are ordered as a layer with delays orders its sources: lag by lag, in a lag column by column, the
targets before the exogenous columns. What differs are the scalings, one a lagged column there, s = (y − o) f, and one a
target or exogenous column here, s' = (y − o') f'. With s = (f / f') s' + (o' − o) f a layer's sum Σ w s + b is

    Σ w (f / f') s' + [ b + Σ w (o' − o) f ]                                                               (1)
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from marquardt.arrays import Array
from marquardt.errors import ConfigurationError
from marquardt.estimators.lagging import Lags
from marquardt.networks import INPUTS, Layer, LayerSpan, Network, Scaling, simulate
from marquardt.training import Record, train_sequences

__all__ = ["close_loop", "dynamic_of", "lagged_of", "tiled"]


def dynamic_of(network: Network, lags: Lags, n_exog: int) -> Network:
    """Return a network on lagged columns as one with delays, its loop closed."""
    graph = network.graph
    if lags.differences:
        raise ConfigurationError(
            f"A network with delays takes no differences, got difference={list(lags.differences)}: its loop would be "
            f"closed over the differenced series. Use difference=()."
        )
    if graph.weight_map is not None:
        raise ConfigurationError(
            "Equation (1) of closing changes weights, and in this network some are fixed or shared. Use a topology in "
            "which all are free."
        )
    n_targets, before = graph.n_outputs, network.input_scaling
    n_lagged = n_targets * len(lags.targets)
    own = network.target_scaling
    scaling = Scaling.none(n_exog if lags.exog else 0)
    if lags.exog:
        scaling = replace(
            before,
            offset=before.offset[n_lagged : n_lagged + n_exog].copy(),
            factor=before.factor[n_lagged : n_lagged + n_exog].copy(),
        )
    after = tiled(own, scaling, lags)
    lost = (after.factor == 0) & (before.factor != 0)
    if lost.any():
        raise ConfigurationError("A column is constant where it is scaled and changes as a lag. Leave it out.")
    ratio = np.divide(before.factor, after.factor, out=np.zeros_like(before.factor), where=after.factor != 0)
    shift = (after.offset - before.offset) * before.factor
    sources = [*([graph.output.name] if lags.targets else []), *([INPUTS] if lags.exog else [])]
    delays = {graph.output.name: lags.targets, INPUTS: lags.exog}
    weights = network.weights.copy()
    for span in graph.spans:
        _rescale(span, span.matrix(weights), ratio, shift)
    layers = tuple(_delayed(layer, sources, delays) for layer in graph.layers)
    dynamic = replace(graph, n_inputs=len(scaling.offset), layers=layers)
    return Network(dynamic, weights, scaling, own)


def _rescale(span: LayerSpan, matrix: Array, ratio: Array, shift: Array) -> None:
    """Write the weights of equation (1) into the matrix of a layer."""
    for source, first, last in span.columns:
        if source != INPUTS:
            continue
        moved = matrix[:, first:last] @ shift
        if span.layer.bias:
            matrix[:, -1] += moved
        elif moved.any():
            raise ConfigurationError(
                f"Layer {span.layer.name!r} has no bias, which another scaling of its inputs needs. Use a topology "
                f"with biases, or input_scaling='none' and target_scaling='none'."
            )
        matrix[:, first:last] *= ratio


def _delayed(layer: Layer, sources: list[str], delays: dict[str, tuple[int, ...]]) -> Layer:
    """The layer with delays of the targets and exogenous columns in the place of the lagged columns."""
    if INPUTS not in layer.sources:
        return layer
    place = layer.sources.index(INPUTS)
    return replace(
        layer,
        sources=(*layer.sources[:place], *sources, *layer.sources[place + 1 :]),
        delays={source: delays[source] for source in sources},
    )


def lagged_of(dynamic: Network, network: Network, lags: Lags) -> Network:
    """Return the network on lagged columns that a network with delays is."""
    scaling = tiled(dynamic.target_scaling, dynamic.input_scaling, lags)
    return Network(network.graph, dynamic.weights, scaling, dynamic.target_scaling)


def tiled(targets: Scaling, exog: Scaling, lags: Lags) -> Scaling:
    """Return the scaling of lagged columns that is that of the columns at every lag."""

    def lagged(name: str) -> Array:
        parts = np.tile(getattr(targets, name), len(lags.targets)), np.tile(getattr(exog, name), len(lags.exog))
        return np.concatenate(parts)

    return Scaling(lagged("offset"), lagged("factor"), targets.kind)


def close_loop(
    network: Network,
    lags: Lags,
    targets: list[Array],
    exog: list[Array] | None,
    loss: Any,
    **how: Any,
) -> tuple[Network, Record] | None:
    """Train a network on lagged columns on in closed loop, as `train_sequences` does; None where its path diverges."""
    start = dynamic_of(network, lags, 0 if exog is None else exog[0].shape[1])
    inputs = exog if lags.exog else None
    outputs = simulate(start, inputs, targets).outputs
    if not all(np.isfinite(each).all() for each in outputs):
        warnings.warn(
            "The network grows without bound in closed loop, and was not trained there. Use other lags or more alpha.",
            ConvergenceWarning,
            stacklevel=4,
        )
        return None
    result = train_sequences(start, inputs, targets, loss, **how)
    return lagged_of(result.network, network, lags), result.record
