"""Draw the pictures of the documentation: `python docs/images/make.py` writes training.png beside this file.

The data are scikit-learn's diabetes, with its own names: one year of disease progression from ten measures.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot
from sklearn.datasets import load_diabetes

from marquardt.plots import performance, regression
from marquardt.training import Division, Fitting, Settings


def main() -> None:
    """Train once and draw both pictures side by side."""
    inputs, targets = load_diabetes(return_X_y=True)
    parts = Division(seed=2).split(len(inputs))
    fitting = Fitting(inputs, targets, Settings(hidden_layer_sizes=5, seed=2), "regression", parts=parts)
    for _ in fitting:
        pass
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    performance(fitting.record, left).set_title(fitting.record.stop.toolbox_text if fitting.record.stop else "")
    regression(targets, fitting.network.outputs(inputs), right)
    right.set_title(f"All rows: {right.get_title()}")
    figure.savefig(Path(__file__).with_name("training.png"), dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
