"""A column whose cells all have one unit, such as ``12.5 kg``, ``45 %`` or ``€ 1,200``, holds numbers in that unit.

Letters that stand right behind a number are one only where they are a usual unit: ``12a`` is a code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

__all__ = ["Unit", "first_units", "unit_notes", "unit_of"]

CURRENCY_SIGNS = "€$£¥₹₩₽₺₪₴"
CURRENCIES = "USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|TRY|RUB|BRL|MXN|ZAR|KRW|SGD|HKD"
LENGTHS = "(?:[dcmkµμn]?m|in|ft|yd|mi)[²³]?"
ATTACHED = (
    rf"(?:{LENGTHS}|t|k?g|mg|[µμ]g|lbs?|oz|[mcdh]?l|m?L|gal|[mµμ]?s|min|hr?s?|d|k?N|[kMG]?J|[kMG]?Wh?|[km]?V|m?Ah?|"
    r"[kMG]?Hz|[hkM]?Pa|m?bar|psi|K|cd|lx|dB|rpm|mph|km?ph|kmh|pp[mb]|k?cal|Nm|hp|PS|[kMGT]?B|kB|p[tx]|pcs|pct)"
)
"""Units that may stand right behind a number."""

SPACES = " \u00a0\u202f\u2009"
GAP = f"[{SPACES}]"
MARKS = f".,'\u2019{SPACES}"
NUMERAL = rf"[.,]?\d(?:[\d{MARKS}]*[\d.,])?(?:[eE][+-]?\d+)?"
BEFORE = rf"(?:[A-Z]{{0,3}}[{CURRENCY_SIGNS}]|(?:{CURRENCIES})\b)"
BEHIND = (
    rf"(?P<sign>[%‰°{CURRENCY_SIGNS}]\S{{0,11}})",
    rf"(?P<usual>{ATTACHED}(?:/{ATTACHED})?)",
    rf"{GAP}(?P<word>[^\W\d_]\S{{0,11}}(?: \S{{1,8}})?)",
)
_BEFORE = re.compile(rf"[+-]?(?P<unit>{BEFORE}){GAP}*[+-]?{NUMERAL}")
_BEHIND = re.compile(rf"[+-]?{NUMERAL}{GAP}*(?:{'|'.join(BEHIND)})")


@dataclass(frozen=True)
class Unit:
    """A unit, and on which side of the number it stands."""

    name: str
    is_before: bool

    @property
    def _pattern(self) -> str:
        name = re.escape(self.name).replace("\\ ", " ")
        if self.is_before:
            return rf"^([+-]?){name}{GAP}*([+-]?{NUMERAL})$"
        return rf"^([+-]?{NUMERAL}){GAP}*{name}$"

    def is_in_all(self, cells: Any) -> bool:
        """Whether all cells are a number with it; those that are missing do not count."""
        return pc.all(pc.match_substring_regex(cells, self._pattern)).as_py() is not False

    def without(self, cells: Any) -> Any:
        """Return cells that all have it as the text of their numbers alone."""
        if self.is_before or re.search(r"[\d.,'\u2019]", self.name):
            return pc.replace_substring_regex(cells, self._pattern, r"\1\2" if self.is_before else r"\1")
        return pc.utf8_rtrim(cells, characters=self.name + SPACES)


def unit_of(cell: str) -> Unit | None:
    """Return the unit of a number, if it has one.

    >>> unit_of("12.5 kg"), unit_of("€ 1,200")
    (Unit(name='kg', is_before=False), Unit(name='€', is_before=True))
    >>> unit_of("12a"), unit_of("12.5")
    (None, None)
    """
    found = _BEFORE.fullmatch(cell)
    if found:
        return Unit(found["unit"], True)
    found = _BEHIND.fullmatch(cell)
    return Unit(found["sign"] or found["usual"] or found["word"], False) if found else None


def first_units(cells: Iterable[str]) -> dict[str, int]:
    """Return where each unit is first, "" for none: nothing unless most cells are numbers with a unit.

    >>> first_units(["12 kg", "800 g", "13 kg", "unknown"])
    {'kg': 0, 'g': 1, '': 3}
    """
    first: dict[str, int] = {}
    n_cells = n_units = 0
    for place, cell in enumerate(cells):
        unit = unit_of(cell.strip())
        n_cells, n_units = n_cells + 1, n_units + (unit is not None)
        first.setdefault("" if unit is None else unit.name, place)
    return first if 2 * n_units > n_cells else {}


def unit_notes(units: Mapping[str, str]) -> list[str]:
    """Say in which units columns are."""
    if len(units) <= 3:
        return [f"Column {name!r}: read as numbers in {unit}." for name, unit in units.items()]
    shown = ", ".join(f"{name!r} in {unit}" for name, unit in list(units.items())[:12])
    return [f"{len(units)} columns are read as numbers in a unit: {shown}{' and others' if len(units) > 12 else ''}."]
