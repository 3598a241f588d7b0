"""The objective: blocks of samples, evaluations, and the normal equations without a Jacobian."""

import warnings
from typing import Any

from marquardt.objective.batched import BatchedObjective
from marquardt.objective.blocks import ArraySource, Block, Blocks, PassEndedError, SharedSource, Source, require_width
from marquardt.objective.compiled import CompiledTrials, is_compiled
from marquardt.objective.cost import CostModel, Work
from marquardt.objective.evaluation import Costs, Derivatives, Evaluation, ProblemInfo, System
from marquardt.objective.forms import FORMS, MATRIX_FREE_FORMS, TIME_FORMS, form_named
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
    "MATRIX_FREE_FORMS",
    "TIME_FORMS",
    "ArraySource",
    "BatchedObjective",
    "Block",
    "Blocks",
    "Budget",
    "CompiledTrials",
    "CostModel",
    "Costs",
    "Derivatives",
    "Evaluation",
    "LocalSums",
    "MemoryLimit",
    "Minimized",
    "Objective",
    "PassEndedError",
    "Plan",
    "ProblemInfo",
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

_RENAMED = {"Need": "Derivatives", "Facts": "ProblemInfo"}
"""Old names, which work for one version more."""


def __getattr__(name: str) -> Any:
    if name not in _RENAMED:
        raise AttributeError(f"module 'marquardt.objective' has no attribute {name!r}")
    warnings.warn(f"marquardt.objective.{name} is called {_RENAMED[name]} now.", FutureWarning, stacklevel=2)
    return globals()[_RENAMED[name]]
