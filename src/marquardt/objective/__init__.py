"""The objective: blocks of samples, evaluations, and the normal equations without a Jacobian."""

from marquardt.objective.evaluation import Evaluation, Facts, Need
from marquardt.objective.objective import Objective
from marquardt.objective.plan import FORMS, Plan, machine_memory, require_memory

__all__ = ["FORMS", "Evaluation", "Facts", "Need", "Objective", "Plan", "machine_memory", "require_memory"]
