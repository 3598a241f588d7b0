"""The objective: blocks of samples, evaluations, and the normal equations without a Jacobian."""

from marquardt.objective.batched import BatchedObjective
from marquardt.objective.blocks import ArraySource, Block, Blocks, PassEndedError, SharedSource, Source, require_width
from marquardt.objective.compiled import Descent, is_compiled
from marquardt.objective.cost import CostModel, Work
from marquardt.objective.evaluation import Costs, Evaluation, Facts, Need, System
from marquardt.objective.memory import Budget, MemoryLimit, machine_memory, readable_bytes, require_memory
from marquardt.objective.objective import Objective, estimated_costs
from marquardt.objective.plan import FORMS, SYSTEM_FORMS, Plan, readable_seconds, require_matrices
from marquardt.objective.sequences import TIME_FORMS, TimeObjective, TimePlan, sequence_objective, unrolled

__all__ = [
    "FORMS",
    "SYSTEM_FORMS",
    "TIME_FORMS",
    "ArraySource",
    "BatchedObjective",
    "Block",
    "Blocks",
    "Budget",
    "CostModel",
    "Costs",
    "Descent",
    "Evaluation",
    "Facts",
    "MemoryLimit",
    "Need",
    "Objective",
    "PassEndedError",
    "Plan",
    "SharedSource",
    "Source",
    "System",
    "TimeObjective",
    "TimePlan",
    "Work",
    "estimated_costs",
    "is_compiled",
    "machine_memory",
    "readable_bytes",
    "readable_seconds",
    "require_matrices",
    "require_memory",
    "require_width",
    "sequence_objective",
    "unrolled",
]
