"""Data in parts of different sizes, each with sums of its own: what a cluster does, without one."""

from __future__ import annotations

from functools import partial

import numpy as np

from marquardt.networks import ColumnStatistics, Scaling
from marquardt.objective import ArraySource, LocalSums, Objective, Relative
from marquardt.objective.sums import total, total_each
from marquardt.training import HashedParts, Training


class AddedSums:
    """The sums of several places, added."""

    compiled = None

    def __init__(self, places, plan):
        self.places, self.plan, self.loss = places, plan, places[0].loss
        self.n_samples = sum(place.n_samples for place in places)
        self.total_weight = sum(place.total_weight for place in places)
        self.lacking = places[0].lacking

    def _added(self, name, *arguments):
        return total_each([getattr(place, name)(*arguments) for place in self.places])

    def value(self, weights):
        return total([place.value(weights) for place in self.places])

    def gradient(self, weights):
        return self._added("gradient", weights)

    def normal(self, weights, is_single=False):
        return self._added("normal", weights, is_single)

    def diagonal(self, weights):
        return self._added("diagonal", weights)

    def hessian(self, weights):
        return self._added("hessian", weights)

    def normal_of(self, weights, share):
        return total([place.normal_of(weights, share) for place in self.places])

    def times(self, weights, vector):
        return total([place.times(weights, vector) for place in self.places])

    def bend(self, weights, direction):
        return total([place.bend(weights, direction) for place in self.places])

    def hessian_times(self, weights):
        parts = [place.hessian_times(weights) for place in self.places]
        sums, gradient = total_each([part[:2] for part in parts])
        return sums, gradient, lambda columns: total([times(columns) for _, _, times in parts])

    def parts(self, weights):
        for place in self.places:
            yield from place.parts(weights)

    def jacobian(self, weights):
        for place in self.places:
            yield from place.jacobian(weights)

    def whitened(self, weights):
        for place in self.places:
            yield from place.whitened(weights)

    def whitened_bytes(self):
        return max(place.whitened_bytes() for place in self.places)

    def rescale(self, loss):
        self.loss = loss
        for place in self.places:
            place.rescale(loss)

    def costs(self):
        return self.places[0].costs()

    def require_second(self):
        self.places[0].require_second()

    def close(self):
        for place in self.places:
            place.close()


class ShardedData:
    """Tables in several places as training data; a row's content says which part it is of."""

    is_kept = False
    counted_weight = 1.0

    def __init__(self, tables, n_inputs, validation=0.0, seed=0):
        self.tables, self.n_inputs = tables, n_inputs
        self.n_outputs = tables[0].shape[1] - n_inputs
        numbered = [HashedParts.numbers(np.ascontiguousarray(table.T), validation, 0.0, seed) for table in tables]
        self._rows = [[np.flatnonzero(numbers == part) for numbers in numbered] for part in range(3)]
        self._inputs, self._targets = ColumnStatistics(n_inputs), ColumnStatistics(self.n_outputs)
        for table, rows in zip(tables, self._rows[0], strict=True):
            if len(rows):
                self._inputs.add(table[rows, :n_inputs].T)
                self._targets.add(table[rows, n_inputs:].T)
        counts = [sum(map(len, rows)) for rows in self._rows]
        self.parts = HashedParts(*counts, validation, 0.0, seed=seed)
        self.n_training = counts[0]

    def scaling(self, of, kind):
        return Scaling.of_statistics(kind, self._inputs if of == "inputs" else self._targets)

    def input_ends(self):
        return np.stack([self._inputs.low, self._inputs.high])

    def training(self, network, loss, penalty, rule, limits, **options):
        make = partial(self._objective, network, loss, options.pop("form", "auto"), rule)
        return Training.of(
            network,
            make(0, penalty),
            validation=make(1, None) if len(self.parts.validation) else None,
            parts=self.parts,
            rule=rule,
            limits=limits,
        )

    def _objective(self, network, loss, form, rule, part, penalty):
        relative = Relative.of(loss, penalty, 1.0)
        options = rule.asks(form, trains=part == 0)
        # Residuals of all places together are no sum.
        options["matrix_free_forms"] = tuple(each for each in options.get("matrix_free_forms", ()) if each != "samples")
        places = [
            LocalSums.of(
                network.graph,
                ArraySource(table[rows, : self.n_inputs], table[rows, self.n_inputs :]),
                relative,
                input_scaling=network.input_scaling,
                target_scaling=network.target_scaling,
                **options,
            )
            for table, rows in zip(self.tables, self._rows[part], strict=True)
            if len(rows)
        ]
        sums = AddedSums(places, places[0].plan)
        return Objective.over(network.graph, sums, relative=relative, target_scaling=network.target_scaling)
