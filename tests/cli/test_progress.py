"""What is drawn while a training goes on."""

from __future__ import annotations

import io
import math

import pytest
from rich.console import Console as RichConsole

from marquardt.cli.console import Console
from marquardt.cli.progress import Line, Progress
from marquardt.training import Epoch, Limits


@pytest.mark.parametrize("is_terminal", [False, True])
def test_lines_of_their_own_come_every_so_many_epochs_and_at_the_last(is_terminal):
    console = Console()
    console.rich = RichConsole(file=io.StringIO(), width=100, force_terminal=is_terminal, no_color=True)
    with Progress(console, Line(Limits(), "mse", 10), 1e10, show=4) as progress:
        for number in range(7):
            progress.show(Epoch(number, 0.5, math.nan, math.nan, 0.1, 1e-3, 0, 0.2, 1, 5.0), 0)
    lines = console.rich.file.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["epoch", "0/1000", "4/1000", "6/1000"]


@pytest.mark.parametrize(
    ("restart", "n_ended", "words"),
    [(0, 0, "Start 1 of 5"), (2, 2, "Start 3 of 5"), (2, 3, "Start 3 of 5"), (0, 3, "Start 1 of 5, 3 have ended")],
)
def test_where_others_are_further_it_says_how_many_have_ended(restart, n_ended, words):
    progress = Progress(Console(quiet=True), Line(Limits(), "mse", 10), 1e10, restarts=5)
    progress.show(Epoch(3, 0.5, math.nan, math.nan, 0.1, 1e-3, 0, 0.2, 1, 5.0), restart, n_ended)
    console = RichConsole(file=io.StringIO(), width=100)
    console.print(progress._picture())
    assert console.file.getvalue().splitlines()[0].strip() == words
