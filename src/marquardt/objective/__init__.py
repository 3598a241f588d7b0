"""The objective: blocks of samples, evaluations, and the normal equations without a Jacobian."""

from marquardt.objective.batched import BatchedObjective
from marquardt.objective.blocks import ArraySource, Block, Blocks, PassEndedError, Source
from marquardt.objective.compiled import DESCENT_DAMPINGS, Descent, is_compiled
from marquardt.objective.evaluation import Evaluation, Facts, Need, System
from marquardt.objective.objective import Objective
from marquardt.objective.plan import FORMS, SYSTEM_FORMS, Plan, machine_memory, require_memory
from marquardt.objective.sequences import TIME_FORMS, TimeObjective, TimePlan, sequence_objective, unrolled

__all__ = [
    "DESCENT_DAMPINGS",
    "FORMS",
    "SYSTEM_FORMS",
    "TIME_FORMS",
    "ArraySource",
    "BatchedObjective",
    "Block",
    "Blocks",
    "Descent",
    "Evaluation",
    "Facts",
    "Need",
    "Objective",
    "PassEndedError",
    "Plan",
    "Source",
    "System",
    "TimeObjective",
    "TimePlan",
    "is_compiled",
    "machine_memory",
    "require_memory",
    "sequence_objective",
    "unrolled",
]
