"""What every command takes that reads a table, about how its file is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Optional, get_type_hints

import typer

if TYPE_CHECKING:
    from marquardt.tables import Dialect

HEADING = "Text of DATA, where it is not found by itself"


def _option(name: str, metavar: str, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, metavar=metavar, help=help, rich_help_panel=HEADING, show_default=False
    )
    return option


# Optional and not "| None": what typer reads at run time must suit its oldest version.
def _options(
    decimal: Annotated[Optional[str], _option("--decimal", "MARK", "Before the decimals: . or ,")] = None,  # noqa: UP045
    thousands: Annotated[
        Optional[str],  # noqa: UP045
        _option("--thousands", "MARK", "Between groups of three digits: . , ' space or none."),
    ] = None,
    encoding: Annotated[
        Optional[str],  # noqa: UP045
        _option("--encoding", "NAME", "Of the text: utf-8, windows-1252, utf-16 and others."),
    ] = None,
    skip_rows: Annotated[
        Optional[str],  # noqa: UP045
        _option("--skip-rows", "N[,M]", "Lines to leave out above the header, and rows below it, such as units."),
    ] = None,
    comment: Annotated[
        Optional[str],  # noqa: UP045
        _option("--comment", "MARK", "Leave out lines that begin with it, such as #."),
    ] = None,
    sheet: Annotated[
        Optional[str],  # noqa: UP045
        _option("--sheet", "NAME", "Of a workbook (.xlsx and others). [default: the first]"),
    ] = None,
) -> None: ...


HINTS = get_type_hints(_options, include_extras=True)
NAMES = tuple(HINTS)[:-1]
"""Names of the options, as they are fields of `marquardt.tables.Dialect`."""


def gathered(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a command was given, these options as a dictionary of those that were given, under `reading`."""
    reading = {name: given[name] for name in NAMES if given.get(name) is not None}
    return {**{name: value for name, value in given.items() if name not in NAMES}, "reading": reading}


def reads_tables(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options in place of its parameter `reading`."""
    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name == "reading":
            options = inspect.signature(_options).parameters
            parameters += [options[each].replace(annotation=HINTS[each]) for each in NAMES]
        else:
            parameters.append(parameter.replace(annotation=hints[name]))

    def taking(**given: Any) -> Any:
        return command(**gathered(given))

    taking.__name__, taking.__doc__, taking.__module__ = command.__name__, command.__doc__, command.__module__
    taking.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    taking.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return taking


def dialect_of(reading: Mapping[str, Any]) -> Dialect:
    """Return what is known of the file, checked."""
    from marquardt.tables import Dialect

    return Dialect(**reading)
