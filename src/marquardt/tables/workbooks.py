"""A sheet of a workbook as separated text, so that all that is known of text holds for it, too."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from marquardt.checks import nearest, require_extra
from marquardt.errors import FileError, first_line
from marquardt.tables.dialect import Dialect, said

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
SEPARATOR = "\x1f"
"""The unit separator, which nobody types into a cell; a cell that has it is quoted."""


def is_workbook(path: Path) -> bool:
    """Return whether a file is read as a workbook, by its suffix."""
    return path.suffix.lower() in WORKBOOKS


def sheet_of(path: Path, dialect: Dialect) -> tuple[bytes, tuple[str, ...]]:
    """Return a sheet as UTF-8 text, and what there is to say about the choice.

    Numbers have the decimal mark of the dialect, and dates are ISO's. Rows and columns without a value are left out.
    """
    calamine: Any = require_extra("python_calamine", "excel")
    try:
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            names: list[str] = book.sheet_names
            name = names[0] if dialect.sheet is None and names else dialect.sheet
            if name not in names:
                present = ", ".join(map(repr, names))
                raise FileError(f"{path} has no sheet {name!r}.{nearest(name, names)} Its sheets are {present}.")
            rows: list[list[Any]] = book.get_sheet_by_name(name).to_python()
    except (calamine.CalamineError, OSError) as error:
        raise FileError(f"{path} cannot be read as a workbook: {first_line(error)}") from error
    text = _without_empty([_cell(value, dialect.decimal or ".") for value in row] for row in rows)
    lines = io.StringIO(newline="")
    csv.writer(lines, delimiter=SEPARATOR, lineterminator="\n").writerows(text)
    notes: tuple[str, ...] = ()
    if dialect.sheet is None and len(names) > 1:
        notes = (f"Of {len(names)} sheets the first is read, {name!r}; another one with {said('sheet', names[1])}.",)
    return lines.getvalue().encode("utf-8"), notes


def _cell(value: Any, decimal: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # A workbook has no whole numbers of their own.
        written = str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        return written.replace(".", decimal)
    return value.isoformat(" ") if isinstance(value, datetime.datetime) else str(value)


def _without_empty(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    """Leave out rows and columns in which no cell has anything."""
    present = [row for row in rows if any(cell.strip() for cell in row)]
    keep = [k for k in range(max(map(len, present), default=0)) if any(row[k].strip() for row in present)]
    return [[row[k] for k in keep] for row in present]
