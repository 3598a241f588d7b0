"""`marquardt forecast`: what it takes; about network and training, what `marquardt train` takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from marquardt.cli.choices import ForecastChoices
from marquardt.cli.reading import reads_tables
from marquardt.cli.train import (
    ALGORITHM,
    DATA,
    NETWORK,
    OUTPUT,
    File,
    Flag,
    Number,
    Whole,
    Word,
    Words,
    _flag,
    _option,
    train,
)

FORECAST = "Forecast and evaluation"

OF_TRAIN = (
    "activation",
    "topology",
    "init",
    "loss_scale",
    "algorithm",
    "mu",
    "mu_inc",
    "mu_dec",
    "threads",
    "memory",
    "jobs",
    "epochs",
    "time",
    "goal",
    "goal_metric",
    "max_fail",
    "min_grad",
    "mu_max",
    "record",
)
"""Options that are taken over from `train`."""


@reads_tables
def forecast(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="CSV, TSV or Parquet file with a header; oldest row first, or dated.")
    ],
    target: Annotated[
        Words, _option(DATA, "--target", "-t", metavar="NAME", help="Column to forecast. Repeat for several.")
    ] = None,
    lags: Annotated[
        Words,
        _option(
            DATA,
            "--lags",
            metavar="A-B,C",
            help="Rows back at which the targets are inputs: 1-12, or 1,2,12; 'none' for exogenous columns only.",
            default="1-12",
        ),
    ] = None,
    exog: Annotated[
        Words,
        _option(
            DATA, "--exog", metavar="A,B", help="Columns that drive the target. Rows that follow hold their future."
        ),
    ] = None,
    lags_exog: Annotated[
        Words, _option(DATA, "--lags-exog", metavar="A-B,C", help="Their lags; 0 is the same row.", default="0")
    ] = None,
    difference: Annotated[
        Words,
        _option(
            DATA,
            "--difference",
            metavar="N[,N]",
            help="Periods of differences taken first: 1 against a trend, 1,12 also against a yearly season of months.",
            default="none",
        ),
    ] = None,
    date: Annotated[
        Word,
        _option(
            DATA,
            "--date",
            metavar="NAME",
            help="Column of the dates or row numbers, whose steps must be equal.",
            default="the column of dates, if there is one",
        ),
    ] = None,
    dayfirst: Annotated[
        Flag,
        _option(
            DATA,
            "--dayfirst/--no-dayfirst",
            metavar="",
            help="Whether 02/01/2024 is the second of January, or the first of February.",
            default="what makes equal steps",
        ),
    ] = None,
    reading: Any = None,
    horizon: Annotated[
        Whole,
        _option(
            FORECAST,
            "--horizon",
            metavar="N",
            help="Rows to forecast.",
            default="the last rows with an empty target, else 12",
        ),
    ] = None,
    splits: Annotated[
        Whole,
        _option(
            FORECAST,
            "--splits",
            metavar="N",
            help="Times to train on an earlier part and forecast what follows it; 0: no evaluation.",
            default="5, fewer for short series",
        ),
    ] = None,
    season: Annotated[
        Whole,
        _option(
            FORECAST,
            "--season",
            metavar="N",
            help="Rows a season, for the comparison with the same season.",
            default="by the dates: 12 for months, 4 for quarters, 7 for days, 24 for hours",
        ),
    ] = None,
    model: Annotated[
        File,
        _option(
            FORECAST, "--model", metavar="FILE", help="Do not train: forecast what follows DATA with that forecaster."
        ),
    ] = None,
    hidden: Annotated[
        Words,
        _option(
            NETWORK,
            "--hidden",
            metavar="N[,N]",
            help="Units of each hidden layer; 'none' for a linear autoregression.",
            default="10",
        ),
    ] = None,
    scaling: Annotated[
        Word,
        _option(
            NETWORK,
            "--scaling",
            metavar="KIND",
            help="Of the inputs: minmax, standard, robust, none.",
            default="standard; robust where a robust loss takes its scale from the residuals",
        ),
    ] = None,
    target_scaling: Annotated[
        Word,
        _option(
            NETWORK, "--target-scaling", metavar="KIND", help="Of the targets, likewise.", default="as --scaling has it"
        ),
    ] = None,
    loss: Annotated[
        Word,
        _option(ALGORITHM, "--loss", metavar="NAME", help="squares, huber, cauchy or soft_l1.", default="squares"),
    ] = None,
    alpha: Annotated[
        Word,
        _option(ALGORITHM, "--alpha", metavar="X[,X]", help="Weight decay: one, one a layer, or auto.", default="auto"),
    ] = None,
    restarts: Annotated[
        Whole,
        _option(
            ALGORITHM, "--restarts", metavar="N", help="Train from N starts and keep the best network.", default="4"
        ),
    ] = None,
    validation: Annotated[
        Number,
        _option(
            ALGORITHM, "--validation", metavar="X", help="Fraction, the last rows, that ends the training.", default="0"
        ),
    ] = None,
    closed_loop: Annotated[
        bool, _flag(ALGORITHM, "--closed-loop", help="Train on after that, on the network's own past outputs.")
    ] = False,
    seed: Annotated[int, _option(ALGORITHM, "--seed", metavar="N", help="Of the starting weights.", default="0")] = 0,
    output: Annotated[
        File,
        _option(OUTPUT, "--output", "-o", metavar="FILE", help="Also write the forecast: .csv, .tsv or .parquet."),
    ] = None,
    network: Annotated[
        File,
        _option(OUTPUT, "--network", metavar="FILE", help="Forecaster.", default="name of DATA with .marquardt, here"),
    ] = None,
    plot: Annotated[
        File, _option(OUTPUT, "--plot", metavar="FILE", help="Also draw the forecast: .png, .svg or .pdf.")
    ] = None,
    force: Annotated[bool, _flag(OUTPUT, "--force", help="Replace files that exist.")] = False,
    quiet: Annotated[bool, _flag(OUTPUT, "--quiet", "-q", help="Show errors only.")] = False,
    as_json: Annotated[
        bool, _flag(OUTPUT, "--json", help="Print one summary for programs; all else goes to standard error.")
    ] = False,
    **of_train: Any,
) -> Callable[[], int]:
    """Forecast a series from its past, and say how good such forecasts were.

    Trains a network on lagged values, writes it, tells the errors of forecasts of the known past beside those of
    naive ones, and forecasts. Ctrl-C ends the training and keeps the best network so far.

    \b
    marquardt forecast passengers.csv --target passengers --lags 1-12 --difference 1,12 --horizon 24
    marquardt forecast furnace.csv --target co2 --exog gas --lags-exog 0-3 --output forecast.csv
    marquardt forecast newer.csv --model passengers.marquardt --horizon 24
    """
    given = dict(locals())
    choices = ForecastChoices(**given)

    def work() -> int:
        from marquardt.cli.forecasting import run
        from marquardt.cli.voice import Voice

        return run(choices, Voice(quiet=quiet, to_stderr=as_json))

    return work


def _with_options_of_train() -> None:
    """Give `forecast` those parameters of `train` in place of its keywords, before the output."""
    hints = {name: get_type_hints(kind, include_extras=True) for name, kind in (("own", forecast), ("train", train))}
    own = [
        parameter.replace(annotation=hints["own"][name])
        for name, parameter in inspect.signature(forecast).parameters.items()
        if name != "of_train"
    ]
    taken = [
        parameter.replace(annotation=hints["train"][name])
        for name, parameter in inspect.signature(train).parameters.items()
        if name in OF_TRAIN
    ]
    place = [parameter.name for parameter in own].index("output")
    parameters = [*own[:place], *taken, *own[place:]]
    forecast.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    forecast.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


_with_options_of_train()
