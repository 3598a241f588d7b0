"""A forecast is shown, written, drawn, and kept with the forecaster."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from marquardt._version import __version__
from marquardt.arrays import AnyArray, Array
from marquardt.checks import require_extra
from marquardt.cli.console import Console, hand_over
from marquardt.cli.dates import drawn
from marquardt.cli.plain import finite
from marquardt.cli.progress import short
from marquardt.cli.series_tables import Data
from marquardt.cli.tables import table
from marquardt.cli.taking import Given
from marquardt.estimators import NetworkForecaster
from marquardt.storage import NetworkFile
from marquardt.tables import write_table


def conclude(
    given: Given,
    forecaster: NetworkForecaster,
    data: Data,
    predicted: Array,
    report: Mapping[str, Any] | None,
    network: Path,
    console: Console,
    is_interrupted: bool,
) -> None:
    """Show and write the forecast."""
    heading, labels = _labels(data, len(predicted))
    rows = [[str(label), *(short(value, 6) for value in row)] for label, row in zip(labels, predicted, strict=True)]
    console.show(table("Forecast", [heading, *forecaster.target_names_], rows))
    console.say()
    if given.output is not None:
        write_table(
            given.output,
            [heading, *forecaster.target_names_],
            [labels.tolist() if labels.dtype.kind == "U" else labels, *predicted.T],
            force=given.force,
            like=data.written,
        )
        console.say(f"Forecast: {given.output}")
    if given.plot is not None:
        draw(given.plot, forecaster, data, predicted, labels, force=given.force)
        console.say(f"Picture: {given.plot}")
    if given.json:
        hand_over(
            json.dumps(
                finite(
                    {
                        "network": str(network),
                        "output": None if given.output is None else str(given.output),
                        "targets": forecaster.target_names_,
                        "lags": list(forecaster.lags_.targets),
                        "exog": forecaster.exog_names_,
                        "lags_exog": list(forecaster.lags_.exog),
                        "rows": data.n_known,
                        "times": [str(label) for label in labels],
                        "forecast": {
                            name: predicted[:, column].tolist() for column, name in enumerate(forecaster.target_names_)
                        },
                        "errors": report,
                        "interrupted": is_interrupted,
                    }
                )
            )
        )


def draw(
    path: Path, forecaster: NetworkForecaster, data: Data, predicted: Array, labels: AnyArray, *, force: bool
) -> None:
    """Draw history and forecast of every target, one below the other."""
    from marquardt import plots
    from marquardt.files import replacing

    pyplot: Any = require_extra("matplotlib.pyplot", "plots")
    count = len(forecaster.target_names_)
    figure, axes = pyplot.subplots(count, 1, figsize=(8, 3.2 * count), squeeze=False, layout="constrained")
    n_shown = min(data.n_known, max(5 * len(predicted), 60))
    times: Any = np.arange(1, data.n_known + 1)
    if data.times is not None and data.times.timeline is not None:
        times = drawn(data.times.index[: data.n_known])
        labels = drawn(data.times.after(data.n_known, len(predicted)))
    for column, name in enumerate(forecaster.target_names_):
        ax = axes[column, 0]
        plots.forecast(
            data.targets.values[-n_shown:, column],
            predicted[:, column],
            times=times[-n_shown:],
            future_times=labels,
            ax=ax,
        )
        ax.set_ylabel(name)
    with replacing(path, force=force) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower())
    pyplot.close(figure)


def _labels(data: Data, horizon: int) -> tuple[str, AnyArray]:
    """What the forecast rows are called: their times, or their numbers."""
    if data.times is None or data.times.timeline is None:
        return "row", np.arange(data.n_known + 1, data.n_known + horizon + 1)
    # Future rows have times of their own, which go in the same steps.
    return data.times.name, data.times.written(data.times.after(data.n_known, horizon))


def content_of(
    given: Given, forecaster: NetworkForecaster, data: Data, report: dict[str, Any] | None, seconds: float
) -> NetworkFile:
    """Return what goes into the file: the estimator's content, and where it is from."""
    content = forecaster.content()
    about = {
        **content.about,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "marquardt": __version__,
        "source": given.data.name,
        "rows": data.n_known,
        "seed": given.seed,
        "seconds": seconds,
    }
    return replace(content, report=report, about=about)
