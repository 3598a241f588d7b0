"""`marquardt train`: what it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from marquardt.cli.choices import Choices
from marquardt.cli.reading import reads_tables

DATA, DIVISION, NETWORK, ALGORITHM, LIMITS, OUTPUT = (
    "Data",
    "Division of the rows",
    "Network",
    "Training",
    "When it stops",
    "Output",
)


DATA_HELP = "CSV, TSV or Excel file with a header, Parquet or Arrow file, folder of such, or pattern: 'rows/*.parquet'."


def _option(heading: str, *names: str, metavar: str, help: str, default: str = "") -> typer.models.OptionInfo:
    """An option; `default` says what holds without it where the signature does not."""
    text = f"{help} [default: {default}]" if default else help
    option: typer.models.OptionInfo = typer.Option(
        *names, metavar=metavar, help=text, rich_help_panel=heading, show_default=False
    )
    return option


def _flag(heading: str, *names: str, help: str) -> typer.models.OptionInfo:
    flag: typer.models.OptionInfo = typer.Option(*names, help=help, rich_help_panel=heading)
    return flag


# Optional and not "| None": what typer reads at run time must suit its oldest version.
Words = Optional[list[str]]  # noqa: UP045
Word = Optional[str]  # noqa: UP045
Number = Optional[float]  # noqa: UP045
Whole = Optional[int]  # noqa: UP045
File = Optional[Path]  # noqa: UP045
Flag = Optional[bool]  # noqa: UP045


@reads_tables
def train(
    data: Annotated[Path, typer.Argument(metavar="DATA", help=DATA_HELP)],
    target: Annotated[
        Words, _option(DATA, "--target", "-t", metavar="NAME", help="Column to predict. Repeat for several.")
    ] = None,
    inputs: Annotated[
        Words,
        _option(DATA, "--inputs", metavar="A,B", help="Columns to predict from.", default="all others"),
    ] = None,
    ignore: Annotated[Words, _option(DATA, "--ignore", metavar="A,B", help="Columns to leave out.")] = None,
    task: Annotated[
        str,
        _option(DATA, "--task", metavar="TASK", help="auto, regression or classification.", default="auto"),
    ] = "auto",
    missing: Annotated[
        str,
        _option(DATA, "--missing", metavar="HOW", help="Empty cells: refuse, drop, mean or median.", default="refuse"),
    ] = "refuse",
    keep_words: Annotated[
        Words,
        _option(
            DATA,
            "--keep-words",
            metavar="A,B",
            help="Words of a text file that are no missing values, such as NA.",
            default="empty, ?, NA, N/A, NaN and null are missing",
        ),
    ] = None,
    stream: Annotated[
        Flag,
        _option(
            DATA,
            "--stream/--no-stream",
            metavar="",
            help="Read DATA batch by batch in every pass, or as a whole.",
            default="by its size and the free memory",
        ),
    ] = None,
    reading: Any = None,
    division: Annotated[
        Word,
        _option(
            DIVISION,
            "--division",
            metavar="KIND",
            help="random, blocks, interleaved, indices (see --indices) or none (all rows train).",
            default="random",
        ),
    ] = None,
    validation: Annotated[
        Number,
        _option(
            DIVISION, "--validation", metavar="X", help="Fraction of the rows that ends the training.", default="0.15"
        ),
    ] = None,
    test: Annotated[
        Number,
        _option(DIVISION, "--test", metavar="X", help="Fraction that only judges the result.", default="0.15"),
    ] = None,
    indices: Annotated[
        File,
        _option(
            DIVISION,
            "--indices",
            metavar="FILE",
            help="Table with a column 'part' (train, validation or test, a row a data row), or JSON with three "
            "lists of row numbers from 0.",
        ),
    ] = None,
    seed: Annotated[
        int,
        _option(DIVISION, "--seed", metavar="N", help="Of the division and of the starting weights.", default="0"),
    ] = 0,
    hidden: Annotated[
        Words,
        _option(
            NETWORK,
            "--hidden",
            metavar="N[,N]",
            help="Units of each hidden layer; 'none' for a linear network.",
            default="10",
        ),
    ] = None,
    preset: Annotated[
        Word,
        _option(
            NETWORK,
            "--preset",
            metavar="NAME",
            help="Settings that belong together: few_units. What else is given goes before.",
            default="none",
        ),
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
    scaling: Annotated[
        Word,
        _option(
            NETWORK,
            "--scaling",
            metavar="KIND",
            help="Of the inputs: minmax, standard, robust, none.",
            default="minmax",
        ),
    ] = None,
    target_scaling: Annotated[
        str,
        _option(
            NETWORK,
            "--target-scaling",
            metavar="KIND",
            help="Of the targets, likewise.",
            default="minmax; robust where a robust loss takes its scale from the residuals",
        ),
    ] = "auto",
    loss: Annotated[
        str,
        _option(
            ALGORITHM,
            "--loss",
            metavar="NAME",
            help="squares, huber, cauchy, soft_l1 or cross_entropy.",
            default="squares, for classes cross_entropy",
        ),
    ] = "auto",
    loss_scale: Annotated[
        Number,
        _option(
            ALGORITHM,
            "--loss-scale",
            metavar="X",
            help="Of huber, cauchy and soft_l1: where residuals start to count less, in scaled units.",
            default="taken from the residuals",
        ),
    ] = None,
    alpha: Annotated[
        Word,
        _option(ALGORITHM, "--alpha", metavar="X[,X]", help="Weight decay: one, one a layer, or auto.", default="0"),
    ] = None,
    restarts: Annotated[
        int,
        _option(
            ALGORITHM, "--restarts", metavar="N", help="Train from N starts and keep the best network.", default="1"
        ),
    ] = 1,
    algorithm: Annotated[
        Word,
        _option(
            ALGORITHM,
            "--algorithm",
            metavar="NAME",
            help="auto, or one of compare --list, alone or with settings: 'bfgs(line_search=\"brent\")'.",
            default="auto: by the sizes of the problem, see explain",
        ),
    ] = None,
    mu: Annotated[
        Number, _option(ALGORITHM, "--mu", metavar="X", help="First damping.", default="0.001; auto has its own")
    ] = None,
    mu_inc: Annotated[
        Number,
        _option(ALGORITHM, "--mu-inc", metavar="X", help="Its factor when a step fails.", default="10"),
    ] = None,
    mu_dec: Annotated[
        Number,
        _option(ALGORITHM, "--mu-dec", metavar="X", help="Its factor when a step succeeds.", default="0.1"),
    ] = None,
    threads: Annotated[
        Whole, _option(ALGORITHM, "--threads", metavar="N", help="Of the computation.", default="by the size")
    ] = None,
    memory: Annotated[
        Word,
        _option(
            ALGORITHM,
            "--memory",
            metavar="SIZE",
            help="What training may take beyond the table, such as 500MB or 2GB.",
            default="the machine's",
        ),
    ] = None,
    jobs: Annotated[
        Whole,
        _option(
            ALGORITHM,
            "--jobs",
            metavar="N",
            help="Starts at a time, where they are long enough for it to pay; -1 for one a processor.",
            default="-1; beside --threads 1",
        ),
    ] = None,
    epochs: Annotated[int, _option(LIMITS, "--epochs", metavar="N", help="Accepted steps.", default="1000")] = 1000,
    time: Annotated[Number, _option(LIMITS, "--time", metavar="SECONDS", help="Time.", default="no limit")] = None,
    goal: Annotated[float, _option(LIMITS, "--goal", metavar="X", help="Training error.", default="0")] = 0.0,
    goal_metric: Annotated[
        Word,
        _option(
            LIMITS,
            "--goal-metric",
            metavar="NAME",
            help="What the goal is given in: mse, rmse, sse (target's units) or loss.",
            default="mse",
        ),
    ] = None,
    max_fail: Annotated[
        int,
        _option(
            LIMITS,
            "--max-fail",
            metavar="N",
            help="Epochs in a row without a better validation error; 0: do not stop for that.",
            default="6",
        ),
    ] = 6,
    min_grad: Annotated[
        float,
        _option(
            LIMITS,
            "--min-grad",
            metavar="X",
            help="Norm of the gradient of the mean loss (squares: of the mse).",
            default="1e-7",
        ),
    ] = 1e-7,
    mu_max: Annotated[
        Number, _option(LIMITS, "--mu-max", metavar="X", help="Damping: no step helps any more.", default="1e10")
    ] = None,
    output: Annotated[
        File,
        _option(
            OUTPUT,
            "--output",
            "-o",
            metavar="FILE",
            help="Network file.",
            default="name of DATA with .marquardt, here",
        ),
    ] = None,
    force: Annotated[bool, _flag(OUTPUT, "--force", help="Replace files that exist.")] = False,
    record: Annotated[
        File,
        _option(OUTPUT, "--record", metavar="FILE", help="Also write every epoch's numbers: .json or .csv."),
    ] = None,
    quiet: Annotated[bool, _flag(OUTPUT, "--quiet", "-q", help="Show errors only.")] = False,
    as_json: Annotated[
        bool, _flag(OUTPUT, "--json", help="Print one summary for programs; all else goes to standard error.")
    ] = False,
) -> Callable[[], int]:
    """Train a network from a table and write it to a file.

    Ctrl-C ends the training and keeps the best network so far.

    \b
    marquardt train houses.csv --target price
    marquardt train houses.csv --target price --hidden 20,10 --restarts 5
    """
    choices = Choices(**locals())

    def work() -> int:
        from marquardt.cli.options import job_of
        from marquardt.cli.training import run
        from marquardt.cli.voice import Voice

        return run(job_of(choices), Voice(quiet=quiet, to_stderr=as_json), as_json=as_json)

    return work
