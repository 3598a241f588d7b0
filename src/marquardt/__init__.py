"""Train small and medium neural networks with Levenberg–Marquardt, to machine precision.

Everything that a user needs is here, and is imported on first use (PEP 562), so that ``import marquardt`` costs
nothing. Type checkers read the same names from ``__init__.pyi``; a test holds the two together.
"""

from importlib import import_module as _import_module
from typing import Any
from warnings import warn as _warn

from marquardt._version import __version__

_HOMES = {
    "algorithms": ("LevenbergMarquardt", "algorithm_named"),
    "comparison": ("Comparison", "compare"),
    "errors": (
        "ConfigurationError",
        "DataError",
        "FileError",
        "MarquardtError",
        "MissingExtraError",
        "ResourceError",
        "ShapeError",
    ),
    "estimators": ("NetworkClassifier", "NetworkForecaster", "NetworkRegressor", "walk_forward"),
    "losses": (
        "Cauchy",
        "Huber",
        "LogisticCrossEntropy",
        "SoftL1",
        "SoftmaxCrossEntropy",
        "Squares",
        "WeightDecay",
    ),
    "networks": (
        "Activation",
        "DelayStates",
        "Layer",
        "LayerGraph",
        "Network",
        "Scaling",
        "Unit",
        "averaged",
        "bridged_multilayer",
        "cascade_forward",
        "close_loop",
        "distributed_delay",
        "feed_forward",
        "fully_connected_cascade",
        "initial_weights",
        "layer_recurrent",
        "nar",
        "narx",
        "open_loop",
        "read_topology",
        "register_activation",
        "remove_delay",
        "simulate",
        "time_delay",
        "unit_graph",
        "write_topology",
    ),
    "objective": ("Evaluation", "Derivatives", "Objective"),
    "problems": ("Problem", "problem_named"),
    "storage": ("NetworkFile", "load", "save"),
    "streams": ("ArrayFiles", "FileTrainingResult", "TableFiles", "train_on_files"),
    "training": (
        "BatchTraining",
        "Division",
        "Epoch",
        "Limits",
        "ManyResults",
        "Parts",
        "Record",
        "Settings",
        "Stop",
        "Training",
        "TrainingResult",
        "train",
        "train_many",
        "preset",
        "train_sequences",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]  # noqa: PLE0604  - names, resolved on use


_RENAMED = {"Need": ("objective", "Derivatives"), "Lanes": ("training", "BatchTraining")}
"""Old names, which work for one version more."""


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        home, new = _RENAMED[name]
        _warn(f"marquardt.{name} is called {new} now.", FutureWarning, stacklevel=2)
        return getattr(_import_module(f"marquardt.{home}"), new)
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'marquardt' has no attribute {name!r}")
    value = getattr(_import_module(f"marquardt.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
