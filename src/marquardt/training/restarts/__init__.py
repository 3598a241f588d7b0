"""Several runs from different starts: one after the other, in threads, or as a batch; and how they came out."""

from marquardt.training.restarts.batch import BatchMember, BatchTraining
from marquardt.training.restarts.many import ManyResults, train_many
from marquardt.training.restarts.pool import FinishedRun, RestartPool, Run
from marquardt.training.restarts.restarts import Restarts
from marquardt.training.restarts.summary import RestartSpread, RestartSummary, kept_of, outcome, spread_of

__all__ = [
    "BatchMember",
    "BatchTraining",
    "FinishedRun",
    "ManyResults",
    "RestartPool",
    "RestartSpread",
    "RestartSummary",
    "Restarts",
    "Run",
    "kept_of",
    "outcome",
    "spread_of",
    "train_many",
]
