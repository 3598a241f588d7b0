"""`marquardt data`: what it does."""

from __future__ import annotations

import csv
from pathlib import Path

from marquardt.cli.tables import table
from marquardt.cli.taking import Given
from marquardt.errors import ConfigurationError
from marquardt.files import replacing
from marquardt.problems import SERIES, TABLES, ShippedTable, table_named


def run(given: Given) -> int:
    """Write one table, or list all; returns the exit code."""
    name, output, console = given.name, given.output, given.console()
    if name is None:
        if output is not None:
            raise ConfigurationError(f"Which table is to be written to {output}? Name one: {', '.join(TABLES)}.")
        rows = [[each, target, text] for each, (target, text) in TABLES.items()]
        console.show(table("", ["name", "target", "what it is"], rows, n_left=3))
        return 0
    found = table_named(name)
    path = Path(f"{name}.csv") if output is None else output
    write(found, path, force=given.force)
    console.say(f"{path}: {len(found.rows):,} rows, {len(found.header)} columns. {found.text}")
    console.say("Next:")
    what = f"forecast {path} --target {found.target} --lags 1-12" if name in SERIES else None
    console.say(f"    marquardt {what or f'train {path} --target {found.target}'}", style="cyan")
    return 0


def write(found: ShippedTable, path: Path, *, force: bool) -> None:
    """Write a table as a CSV file."""
    with replacing(path, force=force) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(found.header)
        writer.writerows(found.rows)
