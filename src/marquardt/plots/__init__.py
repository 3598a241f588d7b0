"""Pictures of trainings: Axes in, Axes out; nothing is shown by itself. Needs the extra ``plots``."""

from marquardt.plots.comparisons import comparison_losses, speed_against_memory, success_rates
from marquardt.plots.forecasts import errors_by_horizon, forecast
from marquardt.plots.outputs import error_histogram, regression
from marquardt.plots.records import performance, training_state
from marquardt.plots.surface import Surface, path, surface
from marquardt.plots.trajectories import trajectories

__all__ = [
    "Surface",
    "comparison_losses",
    "error_histogram",
    "errors_by_horizon",
    "forecast",
    "path",
    "performance",
    "regression",
    "speed_against_memory",
    "success_rates",
    "surface",
    "training_state",
    "trajectories",
]
