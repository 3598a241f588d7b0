"""Several series, each with a target scaling of its own: the network sees all of them alike.

A series is scaled by s = (z − o) f, z being its differenced targets, before the network's own scaling
n = (s − o') f' of a lagged column. One after the other they are the scaling

    n = (z − (o + o' / f)) f f',                                                                          (1)

so that for each series the network is one on its own units.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from marquardt.arrays import Array
from marquardt.estimators.closing import tiled
from marquardt.estimators.lagging import Lags
from marquardt.networks import Network, Scaling

__all__ = ["lagged_scaling", "own_scaling", "within"]


def own_scaling(kind: str, values: Array, lags: Lags) -> Scaling:
    """Return the scaling of a series by its own rows."""
    taken = lags.differenced(values)
    size = np.abs(values).mean(axis=0)
    found = Scaling.fit(kind, taken if len(taken) else np.zeros((1, values.shape[1])))
    with np.errstate(divide="ignore", over="ignore"):
        instead = 1.0 / size
    instead[~np.isfinite(instead)] = 1.0
    return replace(found, factor=np.where(found.factor == 0, instead, found.factor))


def lagged_scaling(own: Scaling, lags: Lags, n_exog: int) -> Scaling:
    """Return the scaling of the lagged columns of a series; exogenous columns stay as they are."""
    return tiled(own, Scaling.none(n_exog), lags)


def within(network: Network, own: Scaling, lags: Lags, n_exog: int) -> Network:
    """Return the network for a series in the units of the series: equation (1)."""
    before = lagged_scaling(own, lags, n_exog)
    return replace(
        network,
        input_scaling=_after(before, network.input_scaling),
        target_scaling=_after(own, network.target_scaling),
    )


def _after(own: Scaling, then: Scaling) -> Scaling:
    return replace(then, offset=own.offset + then.offset / own.factor, factor=own.factor * then.factor)
