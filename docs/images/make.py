"""Draw the pictures of the documentation: `python docs/images/make.py` writes them beside this file, in a minute.

With names, such as `python docs/images/make.py training trajectories`, only those. The data of the trainings are
scikit-learn's diabetes, with its own names: one year of disease progression from ten measures.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes

from marquardt import plots
from marquardt.algorithms import algorithm_named
from marquardt.comparison import Comparison, compare
from marquardt.networks import feed_forward
from marquardt.objective import Objective
from marquardt.training import Division, Fitting, Settings

DPI = 90
ALGORITHMS = ("lm", "gauss_newton", "bfgs", "scg", "rprop", "gradient_descent(rate=0.1)")


@cache
def trained() -> Fitting:
    """Train once, for all pictures of a training."""
    inputs, targets = load_diabetes(return_X_y=True)
    parts = Division(seed=2).split(len(inputs))
    fitting = Fitting(inputs, targets, Settings(hidden_layer_sizes=5, seed=2), "regression", parts=parts)
    for _ in fitting:
        pass
    return fitting


@cache
def compared() -> Comparison:
    """Compare once, for all pictures of a comparison."""
    return compare("parity-3", ALGORITHMS, n_starts=50, max_epochs=1000)


def training() -> Figure:
    """Draw errors and regression side by side."""
    fitting = trained()
    inputs, targets = load_diabetes(return_X_y=True)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    plots.performance(fitting.record, left).set_title(fitting.record.stop.toolbox_text if fitting.record.stop else "")
    plots.regression(targets, fitting.network.outputs(inputs), right)
    right.set_title(f"All rows: {right.get_title()}")
    return figure


def regression() -> Figure:
    """Draw outputs against targets, part by part."""
    fitting = trained()
    inputs, targets = load_diabetes(return_X_y=True)
    return plots.regression(targets, fitting.network.outputs(inputs), parts=fitting.record.parts)[0].figure


def training_state() -> Figure:
    """Draw gradient, mu and validation checks."""
    return plots.training_state(trained().record)[0].figure


def error_histogram() -> Figure:
    """Draw the errors of the three parts."""
    fitting = trained()
    inputs, targets = load_diabetes(return_X_y=True)
    return plots.error_histogram(targets, fitting.network.outputs(inputs), fitting.record.parts).figure


def comparison_losses() -> Figure:
    """Draw every run of six algorithms."""
    return plots.comparison_losses(compared())[0].figure


def success_rates() -> Figure:
    """Draw who met the goal how often."""
    return plots.success_rates(compared()).figure


def speed_against_memory() -> Figure:
    """Draw time against memory."""
    algorithms = ("lm", "bfgs", "lbfgs", "scg", "rprop", "gradient_descent")
    found = compare("cholesterol", algorithms, n_starts=20, goal=0.06, goal_metric="mse", max_epochs=500)
    return plots.speed_against_memory(found).figure


def trajectories() -> Figure:
    """Draw four ways over the error surface of one unit tanh(w x + b), as in figure 12.1 of Yu and Wilamowski."""
    inputs = np.linspace(0, 3, 21)[:, None]
    objective = Objective(feed_forward(1, (), 1, output_activation="tanh"), inputs, np.tanh(1.2 * inputs - 0.6))
    rules = {
        "Steepest descent, rate 0.02": algorithm_named("gradient_descent", rate=0.02),
        "Steepest descent, rate 0.4": algorithm_named("gradient_descent", rate=0.4),
        "Gauss–Newton": algorithm_named("gauss_newton"),
        "Levenberg–Marquardt": algorithm_named("levenberg_marquardt"),
    }
    figure, axes = pyplot.subplots(2, 2, figsize=(8, 6.4), layout="constrained", sharex=True, sharey=True)
    for ax, (label, rule) in zip(axes.flat, rules.items(), strict=True):
        points = plots.path(objective, rule, [0.0, 1.5], epochs=40)
        plots.trajectories(objective, {label: points}, limits=((-1, 3.5), (-3, 2.5)), ax=ax)
        ax.label_outer()
    return figure


PICTURES = (
    training,
    regression,
    training_state,
    error_histogram,
    comparison_losses,
    success_rates,
    speed_against_memory,
    trajectories,
)


def main(names: list[str]) -> None:
    """Draw the pictures named, or all."""
    for picture in PICTURES:
        if not names or picture.__name__ in names:
            path = Path(__file__).with_name(f"{picture.__name__.replace('_', '-')}.png")
            dpi = 110 if picture is training else DPI
            picture().savefig(path, dpi=dpi, metadata={"Software": None})


if __name__ == "__main__":
    main(sys.argv[1:])
