"""`marquardt compare`: what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from marquardt.cli.choices import CompareChoices
from marquardt.cli.reading import reads_tables
from marquardt.cli.train import File, Number, Whole, Word, Words, _flag, _option

PROBLEM, NETWORK, RUNS, LIMITS, OUTPUT = (
    "Problem",
    "For a table: data and network",
    "What is compared",
    "When a run stops",
    "Output",
)


@reads_tables
def compare(
    problem: Annotated[
        Word,
        typer.Argument(
            metavar="PROBLEM",
            help="Name of a problem (see --list), a CSV, TSV, Parquet or Arrow file, or a pattern: 'rows/*.parquet'.",
        ),
    ] = None,
    shows_list: Annotated[bool, _flag(PROBLEM, "--list", help="List problems and algorithms, and do nothing.")] = False,
    algorithms: Annotated[
        Words,
        _option(
            RUNS,
            "--algorithms",
            "-a",
            metavar="A,B",
            help="Names, each with settings or without: lm,'lm(mu_init=1)'. Repeat, or put commas between.",
            default="every one that can train it",
        ),
    ] = None,
    starts: Annotated[int, _option(RUNS, "--starts", metavar="N", help="Runs of each.", default="100")] = 100,
    seed: Annotated[int, _option(RUNS, "--seed", metavar="N", help="Of the starts.", default="0")] = 0,
    jobs: Annotated[
        int,
        _option(
            RUNS,
            "--jobs",
            metavar="N",
            help="Processes side by side, -1 for one a processor. They share it: times are longer.",
            default="1",
        ),
    ] = 1,
    goal: Annotated[
        Number, _option(LIMITS, "--goal", metavar="X", help="Error that a run has to reach.", default="the problem's")
    ] = None,
    goal_metric: Annotated[
        Word,
        _option(
            LIMITS,
            "--goal-metric",
            metavar="NAME",
            help="What --goal is given in: mse, rmse, sse or loss.",
            default="mse",
        ),
    ] = None,
    epochs: Annotated[
        Whole,
        _option(LIMITS, "--epochs", metavar="N", help="Accepted steps.", default="the problem's, mostly 1000"),
    ] = None,
    time: Annotated[
        Number, _option(LIMITS, "--time", metavar="SECONDS", help="Time of a run.", default="no limit")
    ] = None,
    min_grad: Annotated[
        float,
        _option(
            LIMITS,
            "--min-grad",
            metavar="X",
            help="Norm of the gradient of the mean loss: the run has failed.",
            default="0",
        ),
    ] = 0.0,
    target: Annotated[
        Words, _option(NETWORK, "--target", "-t", metavar="NAME", help="Column to predict. Repeat for several.")
    ] = None,
    inputs: Annotated[
        Words, _option(NETWORK, "--inputs", metavar="A,B", help="Columns to predict from.", default="all others")
    ] = None,
    ignore: Annotated[Words, _option(NETWORK, "--ignore", metavar="A,B", help="Columns to leave out.")] = None,
    reading: Any = None,
    hidden: Annotated[
        Words,
        _option(NETWORK, "--hidden", metavar="N[,N]", help="Units of each hidden layer, or 'none'.", default="10"),
    ] = None,
    activation: Annotated[
        Word, _option(NETWORK, "--activation", metavar="NAME", help="Of the hidden layers.", default="tanh")
    ] = None,
    topology: Annotated[
        Word,
        _option(
            NETWORK,
            "--topology",
            metavar="NAME",
            help="feed_forward, cascade_forward, bridged_multilayer, fully_connected_cascade, or a topology file.",
            default="feed_forward",
        ),
    ] = None,
    init: Annotated[
        Word,
        _option(
            NETWORK, "--init", metavar="NAME", help="Start: nguyen_widrow, uniform or glorot.", default="nguyen_widrow"
        ),
    ] = None,
    resume: Annotated[
        File,
        _option(
            OUTPUT, "--resume", metavar="FILE", help="Write every finished run there, and do none again that it has."
        ),
    ] = None,
    output: Annotated[
        File, _option(OUTPUT, "--output", "-o", metavar="FILE", help="Also write every run's numbers: .json.")
    ] = None,
    plots: Annotated[
        File,
        _option(OUTPUT, "--plots", metavar="FOLDER", help="Also draw losses, success rates, and speed against memory."),
    ] = None,
    force: Annotated[bool, _flag(OUTPUT, "--force", help="Replace files that exist.")] = False,
    quiet: Annotated[bool, _flag(OUTPUT, "--quiet", "-q", help="Show errors only.")] = False,
    as_json: Annotated[
        bool, _flag(OUTPUT, "--json", help="Print one summary for programs; all else goes to standard error.")
    ] = False,
) -> Callable[[], int]:
    """Compare algorithms on one problem, all from the same starts.

    Ctrl-C ends the comparison and reports what is finished.

    \b
    marquardt compare parity-3 --algorithms lm,bfgs --starts 20
    marquardt compare concrete.csv --target strength --hidden 10 --goal 30
    """
    choices = CompareChoices(**locals())

    def work() -> int:
        from marquardt.cli.comparison import run
        from marquardt.cli.voice import Voice

        return run(choices, Voice(quiet=quiet, to_stderr=as_json))

    return work
