"""The objective: blocks of samples, evaluations, and the normal equations without a Jacobian."""

from marquardt.objective.batched import BatchedObjective
from marquardt.objective.blocks import ArraySource, Block, Blocks, PassEndedError, SharedSource, Source, require_width
from marquardt.objective.compiled import Descent, is_compiled
from marquardt.objective.cost import CostModel, Work
from marquardt.objective.evaluation import Costs, Evaluation, Facts, Need, System
from marquardt.objective.forms import FORMS, SYSTEM_FORMS, TIME_FORMS, form_named
from marquardt.objective.forms.sample_space import SampleSystem, sample_space_bytes
from marquardt.objective.forms.time_form import TimePlan
from marquardt.objective.local import LocalSums
from marquardt.objective.memory import Budget, MemoryLimit, machine_memory, readable_bytes, require_memory
from marquardt.objective.objective import Objective
from marquardt.objective.plan import Plan, readable_seconds
from marquardt.objective.planning import estimated_costs, evidence_work, require_matrices
from marquardt.objective.protocol import Minimized
from marquardt.objective.relative import Relative
from marquardt.objective.sequences import sequence_objective, unrolled
from marquardt.objective.sums import Sums
from marquardt.objective.time_sums import TimeSums

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
    "LocalSums",
    "MemoryLimit",
    "Minimized",
    "Need",
    "Objective",
    "PassEndedError",
    "Plan",
    "Relative",
    "SampleSystem",
    "SharedSource",
    "Source",
    "Sums",
    "System",
    "TimePlan",
    "TimeSums",
    "Work",
    "estimated_costs",
    "evidence_work",
    "form_named",
    "is_compiled",
    "machine_memory",
    "readable_bytes",
    "readable_seconds",
    "require_matrices",
    "require_memory",
    "require_width",
    "sample_space_bytes",
    "sequence_objective",
    "unrolled",
]
