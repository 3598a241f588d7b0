"""`marquardt data`: what it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Optional

import typer


def data(
    name: Annotated[
        Optional[str],  # noqa: UP045 - what typer reads at run time must suit its oldest version
        typer.Argument(metavar="[NAME]", help="The table; without it all are listed."),
    ] = None,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", metavar="FILE", help="Where to. [default: NAME.csv, here]", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> Callable[[], int]:
    """Write a table of real data that comes with the installation, or list them.

    \b
    marquardt data houses
    marquardt train houses.csv --target price
    """

    def work() -> int:
        from marquardt.cli.shipped import run
        from marquardt.cli.voice import Voice

        return run(name, output, Voice(), force=force)

    return work
