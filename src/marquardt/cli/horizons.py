"""What a forecaster looks back at, in words, and its errors by horizon, as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.arrays import Array
from marquardt.cli.console import Console
from marquardt.cli.progress import short
from marquardt.cli.tables import table
from marquardt.tables.columns import listed

if TYPE_CHECKING:
    from marquardt.estimators import WalkForward

MOST_STEPS = 12
"""Rows of the table for one target; of a longer horizon some steps are shown."""


def sentence_of(
    targets: Sequence[str],
    exog: Sequence[str],
    lags: Sequence[int],
    exog_lags: Sequence[int],
    difference: Sequence[int],
) -> str:
    """Say what is forecast from what.

    >>> sentence_of(["co2"], ["gas"], (1, 2), (0, 1, 2, 3), ())
    "Forecasts 'co2' from its lags 1, 2 and 'gas' at lags 0-3."
    """
    parts = []
    if lags:
        parts.append(f"{'its' if len(targets) == 1 else 'their'} lags {ranges(lags)}")
    if exog_lags:
        parts.append(f"{listed(exog)} at lags {ranges(exog_lags)}")
    differences = f", after differences {', '.join(map(str, difference))}" if difference else ""
    return f"Forecasts {' and '.join(map(repr, targets))} from {' and '.join(parts)}{differences}."


def ranges(numbers: Sequence[int]) -> str:
    """Return numbers in short.

    >>> ranges((1, 2, 3, 12)), ranges((0, 1))
    ('1-3, 12', '0, 1')
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(words)


def report_of(found: WalkForward, targets: Sequence[str]) -> dict[str, Any]:
    """Return the errors by horizon as plain values."""

    def by_target(errors: Mapping[str, Array]) -> dict[str, Any]:
        return {
            name: {target: values[:, column].tolist() for column, target in enumerate(targets)}
            for name, values in errors.items()
        }

    return {
        "steps": list(found.steps),
        "forecasts": len(found.origins),
        "trainings": found.n_fits,
        "rmse": by_target(found.rmse()),
        "mae": by_target(found.mae()),
    }


def show_report(report: Mapping[str, Any], console: Console) -> None:
    """Show the errors by horizon; of a long horizon some steps."""
    steps = list(report["steps"])
    shown = list(range(len(steps)))
    if len(steps) > MOST_STEPS:
        wanted = np.unique(np.round(np.geomspace(1, len(steps), MOST_STEPS)).astype(int)) - 1
        shown = wanted.tolist()
    names = list(report["rmse"])
    targets = list(report["rmse"][names[0]])
    rows = []
    for target in targets:
        for place in shown:
            errors = [short(report["rmse"][name][target][place]) for name in names]
            rows.append([target, str(steps[place]), *errors])
        means = [short(math.sqrt(np.mean(np.square(report["rmse"][name][target])))) for name in names]
        rows.append([target, "all", *means])
    console.show(
        table(
            f"RMSE of {report['forecasts']} forecasts of the past, from {report['trainings']} trainings on what came "
            f"before",
            ["target", "step", *names],
            rows,
            n_left=1,
        )
    )
    console.say()
