"""Runs what the documents show: Python blocks in full, commands as far as their options go."""

from __future__ import annotations

import doctest
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from .markdown import Block, fenced_blocks

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
SHELL_WORDS = ("|", "||", "&&", ";", ">", ">>", "<", "&")


@dataclass(frozen=True)
class Command:
    """One `marquardt` command of a page: the arguments after the program's name, and its line."""

    arguments: tuple[str, ...]
    line: int


def pages() -> list[Path]:
    """Return the documents that are held to what they show: README and everything under docs/."""
    written = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
    return [README, *written]


def name_of(page: Path) -> str:
    """Return the page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def run_page(text: str, name: str) -> list[str]:
    """Run the Python blocks of a page in one namespace and return a sentence for the first failure.

    A block that starts with ``>>>`` is a dialogue: what it prints is compared. Any other is a program.
    The rest of a page that failed is not run: its names may be missing.
    """
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in fenced_blocks(text, "python"):
        failure = (_talk if block.text.lstrip().startswith(">>>") else _run)(block, name, namespace)
        if failure:
            return [failure]
    return []


def _run(block: Block, name: str, namespace: dict[str, object]) -> str:
    try:
        # Empty lines in front give the traceback the page's own line numbers.
        exec(compile("\n" * (block.line - 1) + block.text, name, "exec"), namespace)
    except Exception as error:
        if isinstance(error, SyntaxError) and error.filename == name:
            line = error.lineno
        else:
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
            line = lines[-1] if lines else block.line
        return f"{name}:{line}: {type(error).__name__}: {error}"
    return ""


def _talk(block: Block, name: str, namespace: dict[str, object]) -> str:
    examples = doctest.DocTestParser().get_doctest(block.text, namespace, name, name, block.line - 1)
    examples.globs = namespace
    report: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(examples, out=report.append, clear_globs=False)
    return "".join(report)


def commands(text: str) -> Iterator[Command]:
    """Yield the `marquardt` commands in the bash blocks of a page, up to a pipe or a redirection.

    Lines that end with a backslash are joined with the next; a leading "$ " is a prompt.
    """
    for block in fenced_blocks(text, "bash"):
        pending, first = "", block.line
        for offset, line in enumerate(block.text.splitlines()):
            if not pending:
                first = block.line + offset
            if line.endswith("\\"):
                pending += line[:-1] + " "
                continue
            for words in _split(pending + line):
                if words[0] == "marquardt":
                    yield Command(tuple(words[1:]), first)
            pending = ""


def _split(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(re.sub(r"^\$ ", "", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    target_follows = False
    for word in lexer:
        if target_follows:
            target_follows = False
        elif word in SHELL_WORDS:
            target_follows = word in (">", ">>", "<")
            if not target_follows and words:
                yield words
                words = []
        else:
            words.append(word)
    if words:
        yield words


def help_answers(main: Callable[[], object], command: Command, monkeypatch: pytest.MonkeyPatch) -> object:
    """Call the program with the command and ``--help``: 0 if the subcommand and all its options exist."""
    monkeypatch.setattr(sys, "argv", ["marquardt", *command.arguments, "--help"])
    try:
        return main() or 0
    except SystemExit as end:
        return end.code or 0


INLINE = re.compile(r"`(marquardt [a-z][^`]*)`")
TAKES_A_TABLE = {"train": 0, "explain": 0, "forecast": 0, "compare": 0, "predict": 1}


def tables_without_origin(text: str, shipped: Iterable[str]) -> list[str]:
    """Return the tables that the `marquardt` lines of a page take, in blocks or in the text, and that nobody can have.

    A table is there if `marquardt data` writes it, an earlier command of the page does, or a Python block does, where
    its name, or that of its folder, stands in quotes.
    """
    python = "\n".join(block.text for block in fenced_blocks(text, "python"))
    trial = {f"{name}.csv" for name in shipped} | set(re.findall(r"""["']([\w.-]+?)/?["']""", python))
    missing = []
    found = [(command.line, command.arguments) for command in commands(text)]
    for number, line in enumerate(text.splitlines(), start=1):
        found += [(number, tuple(words[1:])) for span in INLINE.findall(line) for words in _split(span)]
    for line, (name, *arguments) in sorted(found):
        positional = arguments[: _first_option(arguments)]
        place = TAKES_A_TABLE.get(name)
        if place is not None and len(positional) > place and _is_table(positional[place]):
            table = positional[place]
            if table not in trial and table.split("/")[0] not in trial:
                missing.append(f"line {line}: {table}")
        trial.update(word for option, word in pairwise(arguments) if option in ("-o", "--output"))
    return missing


def _first_option(arguments: list[str]) -> int:
    return next((place for place, word in enumerate(arguments) if word.startswith("-")), len(arguments))


def _is_table(word: str) -> bool:
    """Whether a word is a file or a folder, and no problem's name or placeholder."""
    return "/" in word or re.search(r"\.(csv|tsv|parquet|arrow)\b", word) is not None
