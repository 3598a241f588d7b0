"""Training: the loop, its stops, division and validation, the record, restarts."""

from marquardt.training.data import ArrayData, TrainingData
from marquardt.training.division import DIVISIONS, AnyParts, Division, HashedParts, Parts, column_keys, split_by_content
from marquardt.training.evidence import EvidenceTraining
from marquardt.training.fitting import Fitting, require_classes
from marquardt.training.objectives import Objectives
from marquardt.training.presets import PRESETS, preset
from marquardt.training.record import Epoch, Record, epoch_line, gradient_name
from marquardt.training.restarts import (
    BatchTraining,
    FinishedRun,
    ManyResults,
    Restarts,
    RestartSpread,
    RestartSummary,
    kept_of,
    outcome,
    spread_of,
    train_many,
)
from marquardt.training.sequences import train_sequences
from marquardt.training.settings import Settings
from marquardt.training.stops import GOAL_METRICS, TOOLBOX_TEXTS, Limits, Status, Stop
from marquardt.training.train import train
from marquardt.training.training import Training, TrainingResult

__all__ = [
    "DIVISIONS",
    "GOAL_METRICS",
    "PRESETS",
    "TOOLBOX_TEXTS",
    "AnyParts",
    "ArrayData",
    "BatchTraining",
    "Division",
    "Epoch",
    "EvidenceTraining",
    "FinishedRun",
    "Fitting",
    "HashedParts",
    "Limits",
    "ManyResults",
    "Objectives",
    "Parts",
    "Record",
    "RestartSpread",
    "RestartSummary",
    "Restarts",
    "Settings",
    "Status",
    "Stop",
    "Training",
    "TrainingData",
    "TrainingResult",
    "column_keys",
    "epoch_line",
    "gradient_name",
    "kept_of",
    "outcome",
    "preset",
    "require_classes",
    "split_by_content",
    "spread_of",
    "train",
    "train_many",
    "train_sequences",
]
