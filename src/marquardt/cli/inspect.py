"""`marquardt inspect`: what it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer


def inspect(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="Network file, as written by train.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
) -> Callable[[], int]:
    """Say what a network is, how it was trained and how good it is.

    \b
    marquardt inspect concrete.marquardt
    """

    def work() -> int:
        from marquardt.cli.description import run
        from marquardt.cli.voice import Voice

        return run(network, Voice(to_stderr=as_json), as_json=as_json)

    return work
