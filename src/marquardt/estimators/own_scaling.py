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
    """Return the scaling of a series by its own rows.

    Parameters
    ----------
    kind : str
        ``"standard"`` or ``"minmax"``.
    values : ndarray of shape (n_rows, n_targets)
        What is known of it.
    lags : Lags
        Whose differences are taken first.

    Returns
    -------
    Scaling
        Never with a factor of 0: what does not vary is scaled by its size, or by 1 where it is 0 throughout.

    Examples
    --------
    >>> own_scaling("minmax", np.array([[10.0, 4.0], [30.0, 4.0]]), Lags((1,))).factor
    array([0.1 , 0.25])
    """
    taken = lags.differenced(values)
    size = np.abs(values).mean(axis=0)
    found = Scaling.fit(kind, taken if len(taken) else np.zeros((1, values.shape[1])))
    with np.errstate(divide="ignore", over="ignore"):
        instead = 1.0 / size
    instead[~np.isfinite(instead)] = 1.0
    return replace(found, factor=np.where(found.factor == 0, instead, found.factor))


def lagged_scaling(own: Scaling, lags: Lags, n_exog: int) -> Scaling:
    """Return the scaling of the lagged columns of a series; exogenous columns stay as they are.

    Parameters
    ----------
    own : Scaling
        Of its targets.
    lags : Lags
        Of the columns.
    n_exog : int
        Exogenous columns.
    """
    return tiled(own, Scaling.none(n_exog), lags)


def within(network: Network, own: Scaling, lags: Lags, n_exog: int) -> Network:
    """Return the network for a series in the units of the series: equation (1).

    Parameters
    ----------
    network : Network
        On lagged columns of scaled series.
    own : Scaling
        Of the series' targets.
    lags : Lags
        Of the columns.
    n_exog : int
        Exogenous columns.

    Returns
    -------
    Network
        With the same weights.
    """
    before = lagged_scaling(own, lags, n_exog)
    return replace(
        network,
        input_scaling=_after(before, network.input_scaling),
        target_scaling=_after(own, network.target_scaling),
    )


def _after(own: Scaling, then: Scaling) -> Scaling:
    return replace(then, offset=own.offset + then.offset / own.factor, factor=own.factor * then.factor)
