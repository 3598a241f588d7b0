"""What a run minimizes, and what it only looks at: one objective a part of the division."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from marquardt.algorithms import StepRule
from marquardt.arrays import ArrayLike
from marquardt.losses import Loss, WeightDecay
from marquardt.networks import Network
from marquardt.objective import ArraySource, Budget, MemoryLimit, Minimized, Objective, Source, require_width
from marquardt.training.division import Parts

__all__ = ["Objectives", "sources_of"]


class Objectives(NamedTuple):
    """The objectives of the parts that train, validate and test; of the last two there may be none."""

    trained: Minimized
    validation: Minimized | None = None
    test: Minimized | None = None

    @classmethod
    def of(
        cls,
        network: Network,
        sources: Sequence[Source | None],
        loss: Loss,
        penalty: WeightDecay | None,
        rule: StepRule,
        *,
        form: str = "auto",
        max_memory: Budget = None,
        kind: type[Objective] = Objective,
        **options: Any,
    ) -> Objectives:
        """Make them of sources, as the rule asks; further options are those of `Objective`."""
        limit = MemoryLimit.of(max_memory)
        made: list[Objective | None] = [None, None, None]
        # What only looks on has no choice of forms: the part that trains gets what is left.
        for part in (1, 2, 0):
            source = sources[part]
            if source is None:
                continue
            made[part] = objective = kind.of(
                network.graph,
                source,
                loss,
                penalty=None if part else penalty,
                input_scaling=network.input_scaling,
                target_scaling=network.target_scaling,
                max_memory=limit,
                is_relative=part == 0,
                **options,
                **rule.asks(form, trains=part == 0),
            )
            limit = limit.without(objective.plan.memory)
        trained, validation, test = made
        assert trained is not None  # there is always a part that trains
        return cls(trained, validation, test)

    @property
    def all(self) -> list[Minimized]:
        """Those that there are, the one that trains first."""
        return [objective for objective in self if objective is not None]

    @property
    def memory(self) -> int:
        """Bytes that they need beyond the caller's data, as planned."""
        return sum(objective.plan.memory for objective in self.all)

    def begin_again(self, penalty: WeightDecay | None) -> None:
        """Go on for another run with another penalty."""
        self.trained.begin_again(penalty)
        for other in self.all[1:]:
            other.begin_again(None)

    def close(self) -> None:
        """End the threads and the reading, if any were started."""
        for objective in self.all:
            objective.close()


def sources_of(
    network: Network, inputs: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None, parts: Parts | None
) -> list[Source | None]:
    """Return the parts of arrays, which must fit the network."""
    require_width(inputs, network.graph.n_inputs, "inputs")
    require_width(targets, network.graph.n_outputs, "targets")
    if parts is None:
        return [ArraySource(inputs, targets, sample_weight), None, None]
    rows = (parts.train, parts.validation, parts.test)
    return [
        None if part and len(each) == 0 else ArraySource(inputs, targets, sample_weight, each)
        for part, each in enumerate(rows)
    ]
