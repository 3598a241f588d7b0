"""Training: the loop, its stops, division and validation, the record, restarts."""

from marquardt.training.attempts import Attempt, Spread, spread_of
from marquardt.training.data import ArrayData, TrainingData
from marquardt.training.division import DIVISIONS, AnyParts, Division, HashedParts, Parts, column_keys, split_by_content
from marquardt.training.evidence import EvidenceTraining
from marquardt.training.fitting import Fitting, require_classes
from marquardt.training.lanes import Lanes, ManyResults, train_many
from marquardt.training.presets import PRESETS, preset
from marquardt.training.record import Epoch, Record, epoch_line, gradient_name
from marquardt.training.sequences import train_sequences
from marquardt.training.settings import Settings
from marquardt.training.stops import GOAL_METRICS, TOOLBOX_TEXTS, Limits, Status, Stop
from marquardt.training.training import Training, TrainingResult, train

__all__ = [
    "DIVISIONS",
    "GOAL_METRICS",
    "PRESETS",
    "TOOLBOX_TEXTS",
    "AnyParts",
    "ArrayData",
    "Attempt",
    "Division",
    "Epoch",
    "EvidenceTraining",
    "Fitting",
    "HashedParts",
    "Lanes",
    "Limits",
    "ManyResults",
    "Parts",
    "Record",
    "Settings",
    "Spread",
    "Status",
    "Stop",
    "Training",
    "TrainingData",
    "TrainingResult",
    "column_keys",
    "epoch_line",
    "gradient_name",
    "preset",
    "require_classes",
    "split_by_content",
    "spread_of",
    "train",
    "train_many",
    "train_sequences",
]
