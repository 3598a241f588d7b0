"""`marquardt demo`: what it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer


def demo(
    kind: Annotated[
        str, typer.Argument(metavar="[KIND]", help="classification (a diagnosis) or regression (prices of houses).")
    ] = "classification",
    folder: Annotated[
        Path,
        typer.Option(
            "--folder",
            metavar="FOLDER",
            help="Where its files go; those of an earlier demo are replaced. [default: marquardt-demo]",
            show_default=False,
        ),
    ] = Path("marquardt-demo"),
) -> Callable[[], int]:
    """Train on real data and explain what is seen. Start here.

    The data come with the installation; nothing is fetched.
    """

    def work() -> int:
        from marquardt.cli.demonstration import run
        from marquardt.cli.voice import Voice

        return run(kind, folder, Voice())

    return work
