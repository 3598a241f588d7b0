"""The fenced blocks of a Markdown page, with the line each starts on.

Also a command, so that `.ci/run` runs what the README says instead of a copy of it::

    python tests/design/markdown.py README.md bash 1
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^(?P<indent> {0,3})(?P<marks>`{3,}|:{3,}|~{3,})(?P<info>.*)$")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and the line of its first line of text (from 1)."""

    language: str
    text: str
    line: int


def fenced_blocks(page: str, language: str | None = None) -> list[Block]:
    """Return the blocks fenced by backticks or tildes, of one language or of all.

    Colon fences are containers (admonitions): blocks inside them count.
    """
    blocks: list[Block] = []
    opening: re.Match[str] | None = None
    first, lines = 0, []
    for number, line in enumerate(page.splitlines(), start=1):
        fence = FENCE.match(line)
        if opening is None:
            if fence and not fence["marks"].startswith(":"):
                opening, first, lines = fence, number + 1, []
        elif fence and fence["marks"].startswith(opening["marks"]) and not fence["info"].strip():
            words = opening["info"].split()
            blocks.append(Block(words[0] if words else "", "".join(lines), first))
            opening = None
        else:
            lines.append(line.removeprefix(opening["indent"]) + "\n")
    if opening is not None:
        raise ValueError(f"The block that starts on line {first - 1} is never closed.")
    return [block for block in blocks if language in (None, block.language)]


def main(path: str, language: str, position: str) -> int:
    """Print the block of a language at a position, counted from 1."""
    blocks = fenced_blocks(Path(path).read_text(encoding="utf-8"), language)
    if not 1 <= int(position) <= len(blocks):
        print(f"{path} has {len(blocks)} blocks of {language}, block {position} was asked for.", file=sys.stderr)
        return 1
    print(blocks[int(position) - 1].text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
