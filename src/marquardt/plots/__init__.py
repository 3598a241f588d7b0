"""Pictures of trainings: Axes in, Axes out; nothing is shown by itself. Needs the extra ``plots``."""

from marquardt.plots.outputs import error_histogram, regression
from marquardt.plots.records import performance, training_state
from marquardt.plots.surface import Surface, path, surface
from marquardt.plots.trajectories import trajectories

__all__ = [
    "Surface",
    "error_histogram",
    "path",
    "performance",
    "regression",
    "surface",
    "training_state",
    "trajectories",
]
