"""Pictures of trainings: Axes in, Axes out; nothing is shown by itself. Needs the extra ``plots``."""

from marquardt.plots.outputs import error_histogram, regression
from marquardt.plots.records import performance, training_state

__all__ = ["error_histogram", "performance", "regression", "training_state"]
