"""The plain twin: the Jacobian of a block, written out.

The fastest form for tiny networks, the reference that tests compare the pair form with, and what users get
who ask for a Jacobian.
"""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array
from marquardt.objective.passes import Wiring
from marquardt.objective.sensitivities import Sensitivity

__all__ = ["explicit_jacobian"]


def explicit_jacobian(wiring: Wiring, deltas: list[Sensitivity], stacked: list[Array]) -> Array:
    """Write out (R J)ᵀ of one block.

    Parameters
    ----------
    wiring : Wiring
        The network.
    deltas : list of sensitivities
        Every layer's Δ.
    stacked : list of ndarray of shape (fan_in, n_samples)
        Every layer's z.

    Returns
    -------
    ndarray of shape (n_weights, n_rows, n_samples)
        Row w is ∂(R output)_k/∂weights[w] for every row k of R and every sample. Its product with its own
        transpose, over rows and samples, is JᵀΛJ.
    """
    n_samples = stacked[0].shape[1]
    first = deltas[0].full()
    n_rows = first.shape[0]
    transposed = np.empty((wiring.graph.n_weights, n_rows, n_samples))
    for span, delta, z in zip(wiring.spans, deltas, stacked, strict=True):
        size = span.layer.size
        part = transposed[span.start : span.stop].reshape(size, span.fan_in, n_rows, n_samples)
        full = delta.full()
        if n_rows == 1:
            np.multiply(full[0][:, None], z[None], out=part[:, :, 0])
        else:
            np.multiply(full.transpose(1, 0, 2)[:, None], z[None, :, None], out=part)
    return transposed
