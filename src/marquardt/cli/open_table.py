"""A table that fits into memory is read as a whole, a larger one batch by batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from marquardt.cli.console import Console
from marquardt.streams import free_memory, is_arrow_data
from marquardt.tables import Dialect, Rows, header_of, open_rows, table_bytes

SHARE = 0.5
"""Of the free memory that a table and what is made of it may take."""


def rows_to_stream(
    path: Path,
    stream: bool | None,
    console: Console | None,
    *,
    copies: int,
    text: Collection[str] = (),
    labels: Collection[str] = (),
    keep_words: Collection[str] = (),
    numbers: Collection[str] | None = (),
    dialect: Dialect | None = None,
    takes_passes: bool = True,
    check: Callable[[list[str]], object] = lambda names: None,
) -> WatchedRows | None:
    """Return the rows of a table that is to be read batch by batch, or None if it is to be read as a whole.

    `copies` is how often the table is in memory if it is read as a whole: itself, and what is made of it. What was
    decided is said where nobody asked for it; and what text costs, where many passes are to come. Text is gone through
    first; `check` may refuse the names of its columns before.
    """
    if stream is False:
        return None
    if stream is None:
        needed, free = copies * table_bytes(path), free_memory()
        if free is None or needed <= SHARE * free:
            return None
        if console is not None:
            console.say(
                f"{path} is read batch by batch: as a whole it would take about {_gib(needed)} of the {_gib(free)} of "
                f"memory that are free (--no-stream: as a whole)."
            )
    if is_arrow_data(path):
        return WatchedRows(open_rows(path, dialect=dialect))
    check(header_of(path, dialect=dialect))
    is_shown = console is not None and console.is_live
    with console.rich.status(f"Looking through {path} …") if console and is_shown else contextlib.nullcontext():
        rows = open_rows(path, text=text, labels=labels, keep_words=keep_words, numbers=numbers, dialect=dialect)
    if console is not None and takes_passes:
        console.say(
            "Text is parsed anew in every pass over the rows: where that is often, convert the file to Parquet, which "
            "is read in about a tenth of the time."
        )
    return WatchedRows(rows)


def _gib(number: float) -> str:
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{number / 2**20:.1f} MiB"


class WatchedRows:
    """Rows that go by under somebody's eyes."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.name, self.n_rows, self.n_bytes, self.column_names = (
            rows.name,
            rows.n_rows,
            rows.n_bytes,
            rows.column_names,
        )
        self.on_rows: Callable[[int], object] | None = None

    def no_rows(self, names: Sequence[str]) -> Any:
        """Return some columns without a row."""
        return self._rows.no_rows(names)

    def batches(self, names: Sequence[str], n_rows: int) -> Iterator[Any]:
        """Read some columns of all rows."""
        seen = 0
        for table in self._rows.batches(names, n_rows):
            seen += table.num_rows
            if self.on_rows is not None:
                self.on_rows(seen)
            yield table

    @contextlib.contextmanager
    def watched(self, console: Console | None, what: str) -> Iterator[None]:
        """Show on a terminal how far a pass over the rows has come."""
        if console is None or not console.is_live:
            yield
            return
        with console.rich.status(f"{what} …") as status:
            self.on_rows = lambda seen: status.update(f"{what}: {seen / self.n_rows:.0%} of {self.n_rows:,} rows")
            try:
                yield
            finally:
                self.on_rows = None
