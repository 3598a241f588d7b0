"""The program: its commands, and what becomes of errors and interrupts."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import textwrap
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from marquardt._version import __version__
from marquardt.checks import shown
from marquardt.cli import commands
from marquardt.cli.console import clean, hand_over, silence, unwritable, warn
from marquardt.cli.grouped import GroupedCommand
from marquardt.cli.interrupts import endings, what_is_saved
from marquardt.errors import MarquardtError
from marquardt.files import new_journal
from marquardt.wording import on_the_command_line

DONE, UNEXPECTED, REFUSED, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
KINDS = {"int": "a whole number", "float": "a number"}

# Plain help: Rich's takes longer to import than the help may take, and GroupedCommand orders the options.
app = typer.Typer(
    name="marquardt",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Train neural networks with Levenberg-Marquardt, from tables.

    Start with: marquardt demo
    """
    if version:
        hand_over(f"marquardt {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        hand_over(context.get_help())


for command in (
    commands.demo,
    commands.data,
    commands.train,
    commands.explain,
    commands.predict,
    commands.forecast,
    commands.inspect,
    commands.compare,
):
    app.command(cls=GroupedCommand)(command)


@app.command()
def version() -> None:
    """Print the version, and whether the compiled kernel is there."""
    from marquardt.numerics import describe_native

    hand_over(f"marquardt {__version__}\n{describe_native()}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    is_process = arguments is None
    if is_process:
        _open_standard_streams()
        # What overflows is looked for where it matters; NumPy's lines name ours, and say nothing to who reads them.
        warnings.filterwarnings(
            "ignore", r"(overflow|underflow|invalid value|divide by zero) encountered", RuntimeWarning
        )
    with on_the_command_line(), new_journal(), endings():
        return _run(arguments, is_process)


def _run(arguments: Sequence[str] | None, is_process: bool) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a character shows "?" instead of ending the program.
            stream.reconfigure(errors="replace")
    try:
        # A command only returns its work: done here, its errors and interrupts are ours and not the framework's.
        work = _begun(arguments)
        # A number is from the framework, and 130 of its own is a Ctrl-C before there was any work.
        code = work() if callable(work) else _interrupted(INTERRUPTED) if work == INTERRUPTED else work
        _flush()
    except MarquardtError as error:
        code = _refuse(str(error), "--json" in arguments)
    except MemoryError as error:
        # Of Python's own there are no words.
        reason = f": {error}" if str(error) else ""
        way_out = "Take a smaller network, fewer rows or a shorter horizon."
        code = _refuse(f"There is not enough memory{reason}. {way_out}", "--json" in arguments)
    except BrokenPipeError:
        silence(sys.stdout)
        code = PIPE_CLOSED
    except KeyboardInterrupt as error:
        if is_process:
            # An impatient second one may not fall into the end.
            import signal

            signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = _interrupted(getattr(error, "code", INTERRUPTED))
    except Exception as error:
        code = _failed(error, "--json" in arguments)
    return code if isinstance(code, int) else DONE


def _failed(error: Exception, as_json: bool) -> int:
    """Refuse what the framework or the file system refuses; what is left is our mistake."""
    if hasattr(error, "format_message"):
        return _refuse(_usage(error), as_json)
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return _refuse(f"The name of a file is too long: {shown(error.filename)}.", as_json)
    import traceback

    traceback.print_exception(error)
    _complain("This is a mistake in marquardt, not in your data. Please report it with the lines above.")
    return UNEXPECTED


def _open_standard_streams() -> None:
    """Give a process that began without a standard stream (``>&-``) one that refuses to be written to, and its number
    to nothing, so that no file that is opened later gets it.
    """
    from marquardt.cli.console import Closed

    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(number)
    sys.stdout = Closed() if sys.stdout is None else sys.stdout
    sys.stderr = Closed() if sys.stderr is None else sys.stderr


def _begun(arguments: Sequence[str]) -> Any:
    """What the framework makes of the arguments: the work, or a number once the help is printed."""
    try:
        return app(arguments, prog_name="marquardt", standalone_mode=False)
    except (BrokenPipeError, MarquardtError):
        raise
    except OSError as error:
        silence(sys.stdout)
        raise unwritable(error) from error


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        silence(sys.stdout)
        raise unwritable(error) from error


def _usage(error: Any) -> str:
    """The framework's sentence about an option, and where to read more."""
    message = str(error.format_message()).strip()
    cause = error.__cause__
    if hasattr(cause, "errors"):  # of a value that cannot be read; the framework's sentence leaves it out
        found = cause.errors()[0]
        kind = KINDS.get(found["type"].partition("_")[0])
        if kind is not None:
            message = f"{message.partition(': ')[0]}: it must be {kind}, got {shown(found['input'])}"
    context = getattr(error, "ctx", None)
    path = "marquardt" if context is None else context.command_path
    end = "" if message.endswith(("?", "?.")) else "."
    return f"{message.rstrip('.')}{end} See: {path} --help"


def _refuse(message: str, as_json: bool) -> int:
    if as_json:
        with contextlib.suppress(OSError, MarquardtError):
            hand_over(json.dumps({"error": message}))
    _complain(f"Error: {message}")
    return REFUSED


def _interrupted(code: int) -> int:
    # Python notes when a Ctrl-C leaves a program text, as the import of a dataclass runs one, and `python -m` ends by
    # the signal for it, though it was caught since. Running a text anew takes the note back.
    exec("")
    _complain(what_is_saved())
    return code


def _complain(message: str) -> None:
    """Write to standard error; lines are broken between words on a terminal only."""
    message = clean(message)
    if sys.stderr.isatty():
        import shutil

        width = shutil.get_terminal_size().columns
        message = "\n".join(
            textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in message.split("\n")
        )
    warn(message)
