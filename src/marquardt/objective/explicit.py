"""The plain twin: the Jacobian of a block, written out.

The fastest form for tiny networks, the reference that tests compare the pair form with, and what users get
who ask for a Jacobian.
"""

from __future__ import annotations

import numpy as np

from marquardt.arrays import Array
from marquardt.objective.passes import Scratch, Wiring
from marquardt.objective.sensitivities import Factored, Sensitivity

__all__ = ["explicit_jacobian"]


def explicit_jacobian(
    wiring: Wiring, deltas: list[Sensitivity], stacked: list[Array], scratch: Scratch | None = None
) -> Array:
    """Write out (R J)ᵀ of one block."""
    n_samples = stacked[0].shape[1]
    n_rows, weight_map = wiring.graph.n_outputs, wiring.weight_map
    if scratch is None:
        scratch = Scratch()
    transposed = scratch.take("jacobian", wiring.graph.n_connections, n_rows * n_samples)
    for span, delta, z in zip(wiring.spans, deltas, stacked, strict=True):
        size = span.layer.size
        here = transposed[span.start : span.stop]
        if n_rows > 1:
            part = here.reshape(size, span.fan_in, n_rows, n_samples)
            np.multiply(delta.full().transpose(1, 0, 2)[:, None], z[None, :, None], out=part)
        elif size == 1 and isinstance(delta, Factored) and delta.is_plain and delta.per_unit is not None:
            np.multiply(z, delta.per_unit[0, 0], out=here)
        else:
            if isinstance(delta, Factored) and delta.per_unit is not None:
                row = scratch.take("sensitivity", size, n_samples)
                np.multiply(delta.per_unit.T, delta.per_sample, out=row)
            else:
                row = delta.full()[0]
            np.multiply(row[:, None], z, out=here.reshape(size, span.fan_in, n_samples))
    if weight_map is not None:
        transposed = weight_map.contract(transposed)
    return transposed.reshape(-1, n_rows, n_samples)
