"""Pictures of a training: Axes in, Axes out; nothing is shown by itself. Needs the extra ``plots``."""

from marquardt.plots.pictures import performance, regression

__all__ = ["performance", "regression"]
