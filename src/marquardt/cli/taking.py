"""A command takes its options from the table, and gets them under their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from marquardt.errors import ConfigurationError
from marquardt.options import OPTIONS, READING, Option, options_of

if TYPE_CHECKING:
    from marquardt.cli.console import Console
    from marquardt.tables import Dialect


class Given:
    """What a command was given, by the names of its options.

    Where an option was not given, it is its default or None; of an option that the command does not take it is None.

    >>> given = Given("train", data="a.csv", epochs=5, stream=False)
    >>> given.epochs, given.missing, given.goal, given.names()
    (5, 'refuse', None, ['data', 'epochs', 'stream'])
    """

    def __init__(self, command: str, **values: Any) -> None:
        self._options = {name: option for name, (_, option) in options_of(command).items()}
        self.command = command
        for name in values:
            if name not in self._options:
                raise ConfigurationError(f"{command} does not take {name!r}. It takes {', '.join(self._options)}.")
        # A switch that is off was not given.
        self._values = {
            name: value
            for name, value in values.items()
            if value is not None and not (value is False and self._options[name].default is False)
        }

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in OPTIONS:
            raise AttributeError(name)
        if name in self._values:
            return self._values[name]
        return self._options[name].default if name in self._options else None

    def check(self) -> None:
        """Refuse values that can be refused by themselves."""
        for name, value in self._values.items():
            option = self._options[name]
            if option.check is not None:
                option.check(value, option.flag)

    def takes(self, name: str) -> bool:
        """Return whether the command has that option."""
        return name in self._options

    def names(self, among: Sequence[str] | None = None) -> list[str]:
        """Return which options were given."""
        return [name for name in self._values if among is None or name in among]

    def settings(self) -> dict[str, Any]:
        """Return what was given, or is the command's own default, by the names of the settings in Python."""
        own = {option.setting: getattr(self, name) for name, option in self._options.items() if option.setting}
        return {setting: value for setting, value in own.items() if value is not None}

    def dialect(self) -> Dialect:
        """Return what is known of the text of the data, checked."""
        from marquardt.tables import Dialect

        return Dialect(**{name: self._values[name] for name in self.names(READING)})

    def console(self, *, to_stderr: bool = False) -> Console:
        """Return what speaks to people; where standard output is for programs, or asked for, to standard error."""
        from marquardt.cli.console import Console

        return Console(quiet=bool(self.quiet), to_stderr=to_stderr or bool(self.json))


def takes_its_options(command: Callable[[Given], int]) -> Callable[..., Callable[[], int]]:
    """Give a command, by its name, the signature that the table has for it; called, it returns its work."""
    name = command.__name__
    parameters = [_parameter(heading, option) for heading, option in options_of(name).values()]

    def taking(**values: Any) -> Callable[[], int]:
        return lambda: command(Given(name, **values))

    taking.__name__, taking.__doc__, taking.__module__ = name, command.__doc__, command.__module__
    taking.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    taking.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return taking


def _parameter(heading: str, option: Option) -> inspect.Parameter:
    """Return it as the framework reads it."""
    text = f"{option.help} [default: {option.told}]" if option.told else option.help
    kind = list[str] if option.kind is list else option.kind
    is_switch = option.kind is bool and not option.off
    default: Any = inspect.Parameter.empty if option.is_required else False if is_switch else None
    if not option.is_required and not is_switch:
        # Optional and not "| None": what typer reads at run time must suit its oldest version.
        kind = Optional[kind]  # noqa: UP045
    told: Any
    if option.is_argument:
        told = typer.Argument(metavar=option.metavar, help=text, show_default=False)
    else:
        flags = f"{option.flag}/--no-{option.flag[2:]}" if option.off else option.flag
        names = (flags, option.short) if option.short else (flags,)
        told = typer.Option(
            *names, metavar=option.metavar or None, help=text, rich_help_panel=heading or None, show_default=False
        )
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, told]
    )
