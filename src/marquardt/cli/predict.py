"""`marquardt predict`: what it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from marquardt.cli.reading import dialect_of, reads_tables
from marquardt.cli.train import DATA_HELP


@reads_tables
def predict(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="Network file, as written by train.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help=f"The inputs: {DATA_HELP}")],
    output: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads it at run time
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where predictions go: .csv, .tsv or .parquet. [default: standard output, as CSV]",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Copy the columns of DATA, too.")] = False,
    unknown: Annotated[
        str,
        typer.Option(
            "--unknown",
            metavar="HOW",
            help="Words the training never saw: refuse, or ignore (predict the mean over the known). [default: refuse]",
            show_default=False,
        ),
    ] = "refuse",
    stream: Annotated[
        Optional[bool],  # noqa: UP045 - typer reads it at run time
        typer.Option(
            "--stream/--no-stream",
            help="Read DATA batch by batch, or as a whole. [default: by its size and the free memory]",
            show_default=False,
        ),
    ] = None,
    reading: Any = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only.")] = False,
) -> Callable[[], int]:
    """Predict the rows of a table with a network.

    Columns are found by name; further columns do not matter. If DATA has the target column, too, the errors are
    shown.

    \b
    marquardt predict concrete.marquardt new.csv -o predicted.csv
    """

    def work() -> int:
        from marquardt.cli.prediction import run
        from marquardt.cli.voice import Voice

        voice = Voice(quiet=quiet, to_stderr=output is None)
        return run(
            network,
            data,
            voice,
            output=output,
            force=force,
            keep=keep,
            unknown=unknown,
            stream=stream,
            dialect=dialect_of(reading),
        )

    return work
