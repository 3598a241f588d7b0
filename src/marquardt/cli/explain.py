"""`marquardt explain`: what it takes, which is what `marquardt train` takes about data, network and algorithm."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from marquardt.cli.choices import Choices
from marquardt.cli.reading import gathered
from marquardt.cli.train import train

LEFT_OUT = (
    "epochs",
    "time",
    "goal",
    "goal_metric",
    "max_fail",
    "min_grad",
    "mu_max",
    "output",
    "force",
    "record",
    "quiet",
    "as_json",
)
"""Options of `train` that say when it stops and where things go."""


def explain(**given: Any) -> Callable[[], int]:
    """Say what a training would do, without doing it: which algorithm and why, time, memory.

    Takes the options of train.

    \b
    marquardt explain concrete.csv --target strength --hidden 100,50
    """
    as_json = bool(given.pop("as_json"))
    choices = Choices(**gathered(given), force=True)

    def work() -> int:
        from marquardt.cli.explanation import run
        from marquardt.cli.options import job_of
        from marquardt.cli.voice import Voice

        return run(job_of(choices), Voice(to_stderr=as_json), as_json=as_json)

    return work


def _as_train_takes_it() -> None:
    """Give `explain` the parameters of `train` that are left."""
    hints = get_type_hints(train, include_extras=True)
    parameters = [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(train).parameters.items()
        if name not in LEFT_OUT
    ]
    json = inspect.Parameter(
        "as_json",
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=False,
        annotation=Annotated[bool, typer.Option("--json", help="Print it for programs.", rich_help_panel="Output")],
    )
    parameters.append(json)
    explain.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    explain.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


_as_train_takes_it()
