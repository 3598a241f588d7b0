"""How a file of separated text is written, as far as somebody says it; what nobody says is found."""

from __future__ import annotations

import codecs
import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from marquardt.errors import ConfigurationError
from marquardt.wording import by_door

__all__ = ["Dialect", "said"]

NAMED_MARKS = {".": ".", ",": ",", "'": "'", " ": "space", "space": "space", "none": "none"}


def said(name: str, value: str) -> str:
    """Return how something is said of a file: as an option of the command line, or as a field of `Dialect`.

    Parameters
    ----------
    name : str
        The field.
    value : str
        What is said.

    Examples
    --------
    >>> said("skip_rows", "1")
    "skip_rows='1'"
    """
    quoted = shlex.quote(value) if value.strip(".,") else value
    return by_door(f"{_named(name)} {quoted}", f"{name}={value!r}")


def _named(name: str) -> str:
    return by_door(f"--{name.replace('_', '-')}", name)


@dataclass(frozen=True)
class Dialect:
    """What is known beforehand about a file of separated text; None is for what is to be found."""

    decimal: str | None = None  # The mark before the decimals
    thousands: str | None = None  # The mark between groups of three digits; a space may be a no-break or a narrow one
    # One of Python's names, such as ``"windows-1252"``. Without it UTF-8, or what a byte order mark says
    encoding: str | None = None
    # Lines to leave out above the header, ``"2"``; with a second number also rows below it, such as one with
    # units: ``"2,1"``
    skip_rows: str | None = None
    comment: str | None = None  # Lines that begin with it are left out
    sheet: str | None = None  # Of a workbook; without it the first

    def __post_init__(self) -> None:
        if self.decimal not in (None, ".", ","):
            raise ConfigurationError(f"{_named('decimal')} must be '.' or ',', got {self.decimal!r}.")
        if self.thousands is not None and self.thousands not in NAMED_MARKS:
            raise ConfigurationError(
                f"{_named('thousands')} must be '.', ',', an apostrophe, space or none, got {self.thousands!r}."
            )
        if self.decimal is not None and self.decimal == self.thousands:
            raise ConfigurationError(
                f"{_named('decimal')} and {_named('thousands')} are both {self.decimal!r}, and a mark has one meaning. "
                f"Change one of them."
            )
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                raise ConfigurationError(
                    f"{said('encoding', self.encoding)} is not known. Name one such as utf-8, windows-1252, latin-1 or "
                    f"utf-16."
                ) from None
        if self.comment is not None and not self.comment.strip():
            raise ConfigurationError(
                f"{_named('comment')} must be what lines to leave out begin with, such as '#', got nothing."
            )
        _ = self.skipped

    def of_workbook(self) -> Dialect:
        """Return the same with the mark that the numbers of a workbook's cells are written with."""
        return replace(self, decimal=self.decimal or ("," if self.thousands == "." else "."))

    def refuse_beside(self, path: str | os.PathLike[str]) -> None:
        """Refuse what is known of text where a file holds values of their own types."""
        self._refuse((each.name for each in fields(self)), path, "files of text")

    def refuse_for_text(self, path: str | os.PathLike[str]) -> None:
        """Refuse what is known of a workbook where a file is none."""
        self._refuse(("sheet",), path, "workbooks")

    def refuse_for_workbook(self, path: str | os.PathLike[str]) -> None:
        """Refuse what is known of the bytes of text where a file is a workbook."""
        self._refuse(("encoding",), path, "files of text")

    def _refuse(self, names: Iterable[str], path: str | os.PathLike[str], kind: str) -> None:
        given = [name for name in names if getattr(self, name) is not None]
        if given:
            raise ConfigurationError(f"{_named(given[0])} is for {kind}, and {os.fspath(path)} is none. Leave it out.")

    @property
    def skipped(self) -> tuple[int, int]:
        """How many lines are left out above the header, and how many rows below it."""
        parts = [part.strip() for part in (self.skip_rows or "0").split(",")]
        if len(parts) > 2 or not all(part.isascii() and part.isdecimal() for part in parts):
            raise ConfigurationError(
                f"{_named('skip_rows')} must be a number of lines above the header, or two numbers, the second of rows "
                f"below it such as units: 2 or 2,1. Got {self.skip_rows!r}."
            )
        return int(parts[0]), int(parts[1]) if len(parts) > 1 else 0
