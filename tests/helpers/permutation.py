"""Renaming hidden units."""

from __future__ import annotations

import numpy as np


def permuted_units(graph, layer_name, order):
    """Where every weight comes from when the units of a hidden layer are taken in another order.

    ``weights[permuted_units(…)]`` describes the same function.
    """
    places = np.arange(graph.n_weights)
    for name, parts in graph.views(places).items():
        for source, part in parts.items():
            if name == layer_name:
                part[:] = part[order]
            elif source == layer_name:
                part[:] = part[:, order]
    return places
