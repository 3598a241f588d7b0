"""The options of network and training under all their names, and what every command takes.

An option is one record here: its flag on the command line, the setting that it is in Python, what estimators and the
toolbox call that, its type and its help. The signatures of the commands, their help, the names in error messages, the
hand-over from estimators and commands to `Settings`, and tables of the documentation are made from it. Values are
checked, and have their defaults, where they are used: in `Settings`, `Limits` and the rules. `usual` tells a default in
help; a test compares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from marquardt.checks import fraction, one_of, positive, whole

__all__ = ["COMMANDS", "DAMPING", "FLAGS", "OPTIONS", "PARAMETERS", "READING", "Option", "options_of"]


@dataclass(frozen=True)
class Option:
    """One option of the command line, which may be a setting that has further names in Python and in the toolbox."""

    name: str
    """Under which a command gets what was given; the flag is made of it: ``max_fail`` is ``--max-fail``."""
    kind: Any
    """Type of a value: `bool` is a flag without one, and `list` several words."""
    metavar: str
    help: str
    usual: str = ""
    """What holds where it is not given, in words, where `default` does not say it."""
    default: Any = None
    """What a command gets where it is not given; None leaves that to whoever uses it."""
    short: str = ""
    """One letter for the same, such as ``-t``."""
    off: bool = False
    """Whether there is a flag for the contrary, such as ``--no-stream``."""
    is_argument: bool = False
    """Whether it has no flag, but a place."""
    is_required: bool = False
    check: Callable[[Any, str], object] | None = None
    """Refuses a value under the name of the flag. Settings are checked where they are fields."""
    setting: str = ""
    """In Python: a field of `Settings` or of `Limits`, or a setting of Levenberg–Marquardt."""
    parameter: str = ""
    """What estimators call the setting, if otherwise."""
    toolbox: str = ""
    """What ``net.trainParam`` calls it."""

    def __post_init__(self) -> None:
        if self.kind is bool and not self.off and self.default is None:
            object.__setattr__(self, "default", False)

    @property
    def told(self) -> str:
        """What help says of the default; nothing where there is nothing to say."""
        if self.usual or self.default is None or self.kind is bool:
            return self.usual
        return f"{self.default:g}" if self.kind is float else str(self.default)

    @property
    def flag(self) -> str:
        """As it is written, and as messages name it."""
        return self.metavar if self.is_argument else "--" + self.name.replace("_", "-")


def _words(*allowed: str) -> Callable[[Any, str], object]:
    return lambda value, what: one_of(value, allowed, what)


def _jobs(value: Any, what: str) -> None:
    if value != -1:
        whole(value, f"{what} (-1 for one a processor)", minimum=1)


_ONE_OR_MORE = partial(whole, minimum=1)
_DATA = "CSV, TSV or Excel file with a header, Parquet or Arrow file, folder of such, or pattern: 'rows/*.parquet'."

_TABLE = (
    # ------------------------------------------------------------ data
    Option("data", Path, "DATA", _DATA, is_argument=True, is_required=True),
    Option("target", list, "NAME", "Column to predict. Repeat for several.", short="-t"),
    Option("inputs", list, "A,B", "Columns to predict from.", "all others"),
    Option("ignore", list, "A,B", "Columns to leave out."),
    Option(
        "task",
        str,
        "TASK",
        "auto, regression or classification.",
        default="auto",
        check=_words("auto", "regression", "classification"),
    ),
    Option(
        "missing",
        str,
        "HOW",
        "Empty cells: refuse, drop, mean or median.",
        default="refuse",
        check=_words("refuse", "drop", "mean", "median"),
    ),
    Option(
        "keep_words",
        list,
        "A,B",
        "Words of a file that are no missing values, such as NA.",
        "empty, ?, NA, N/A, NaN and null are missing",
    ),
    Option(
        "stream",
        bool,
        "",
        "Read DATA batch by batch in every pass, or as a whole.",
        "by its size and the free memory",
        off=True,
    ),
    # ------------------------------------------------------------ the text of data: fields of `Dialect`
    Option("decimal", str, "MARK", "Before the decimals: . or ,"),
    Option("thousands", str, "MARK", "Between groups of three digits: . , ' space or none."),
    Option("encoding", str, "NAME", "Of the text: utf-8, windows-1252, utf-16 and others."),
    Option("skip_rows", str, "N[,M]", "Lines to leave out above the header, and rows below it, such as units."),
    Option("comment", str, "MARK", "Leave out lines that begin with it, such as #."),
    Option("sheet", str, "NAME", "Of a workbook (.xlsx and others).", "the first"),
    # ------------------------------------------------------------ division
    Option(
        "division",
        str,
        "KIND",
        "random, blocks, interleaved, indices (see --indices) or none (all rows train).",
        "random",
    ),
    Option("validation", float, "X", "Fraction of the rows that ends the training.", "0.15", check=fraction),
    Option("test", float, "X", "Fraction that only judges the result.", "0.15", check=fraction),
    Option(
        "indices",
        Path,
        "FILE",
        "Table with a column 'part' (train, validation or test, a row a data row), or JSON with three lists of row "
        "numbers from 0.",
    ),
    Option(
        "seed",
        int,
        "N",
        "Of the division and of the starting weights.",
        default=0,
        setting="seed",
        parameter="random_state",
    ),
    # ------------------------------------------------------------ network
    Option(
        "hidden",
        list,
        "N[,N]",
        "Units of each hidden layer; 'none' for a linear network.",
        "10",
        setting="hidden_layer_sizes",
    ),
    Option("preset", str, "NAME", "Settings that belong together: few_units. What else is given goes before.", "none"),
    Option("activation", str, "NAME", "Of the hidden layers.", "tanh", setting="activation"),
    Option(
        "topology",
        str,
        "NAME",
        "feed_forward, cascade_forward, bridged_multilayer, fully_connected_cascade, or a topology file.",
        "feed_forward",
        setting="topology",
    ),
    Option("init", str, "NAME", "Start: nguyen_widrow, uniform or glorot.", "nguyen_widrow", setting="initialization"),
    Option("scaling", str, "KIND", "Of the inputs: minmax, standard, robust, none.", "minmax", setting="input_scaling"),
    Option(
        "target_scaling",
        str,
        "KIND",
        "Of the targets, likewise.",
        "minmax; robust where a robust loss takes its scale from the residuals",
        setting="target_scaling",
    ),
    # ------------------------------------------------------------ training
    Option(
        "loss",
        str,
        "NAME",
        "squares, huber, cauchy, soft_l1 or cross_entropy.",
        "squares, for classes cross_entropy",
        setting="loss",
    ),
    Option(
        "loss_scale",
        float,
        "X",
        "Of huber, cauchy and soft_l1: where residuals start to count less, in scaled units.",
        "taken from the residuals",
        setting="loss_scale",
    ),
    Option("alpha", str, "X[,X]", "Weight decay: one, one a layer, or auto.", "0", setting="alpha"),
    Option(
        "restarts",
        int,
        "N",
        "Train from N starts and keep the best network.",
        "1",
        setting="restarts",
        parameter="n_restarts",
    ),
    Option(
        "algorithm",
        str,
        "NAME",
        "auto, or one of compare --list, alone or with settings: 'bfgs(line_search=\"brent\")'.",
        "auto: by the sizes of the problem, see explain",
        setting="algorithm",
    ),
    Option("mu", float, "X", "First damping.", "0.001; auto has its own", setting="mu_init", toolbox="mu"),
    Option("mu_inc", float, "X", "Its factor when a step fails.", "10", setting="mu_increase", toolbox="mu_inc"),
    Option("mu_dec", float, "X", "Its factor when a step succeeds.", "0.1", setting="mu_decrease", toolbox="mu_dec"),
    Option("threads", int, "N", "Of the computation.", "by the size", setting="threads", parameter="n_threads"),
    Option(
        "memory",
        str,
        "SIZE",
        "What training may take beyond the table, such as 500MB or 2GB.",
        "the machine's",
        setting="max_memory",
    ),
    Option(
        "jobs",
        int,
        "N",
        "Starts at a time, where they are long enough for it to pay; -1 for one a processor.",
        "-1; beside --threads 1",
        setting="jobs",
        parameter="n_jobs",
    ),
    # ------------------------------------------------------------ limits
    Option("epochs", int, "N", "Accepted steps.", "1000", setting="max_epochs", parameter="max_iter", toolbox="epochs"),
    Option(
        "time", float, "SECONDS", "Time.", "no limit", setting="max_seconds", parameter="time_limit", toolbox="time"
    ),
    Option("goal", float, "X", "Training error.", "0", setting="goal", toolbox="goal"),
    Option(
        "goal_metric",
        str,
        "NAME",
        "What the goal is given in: mse, rmse, sse (target's units) or loss.",
        "mse",
        setting="goal_metric",
    ),
    Option(
        "max_fail",
        int,
        "N",
        "Epochs in a row without a better validation error; 0: do not stop for that.",
        "6",
        setting="max_fail",
        toolbox="max_fail",
    ),
    Option(
        "min_grad",
        float,
        "X",
        "Norm of the gradient of the mean loss (squares: of the mse).",
        "1e-7",
        setting="min_gradient",
        parameter="min_grad",
        toolbox="min_grad",
    ),
    Option("mu_max", float, "X", "Damping: no step helps any more.", "1e10", setting="mu_max", toolbox="mu_max"),
    # ------------------------------------------------------------ output
    Option("output", Path, "FILE", "Network file.", "name of DATA with .marquardt, here", short="-o"),
    Option("force", bool, "", "Replace files that exist."),
    Option("record", Path, "FILE", "Also write every epoch's numbers: .json or .csv."),
    Option(
        "show",
        int,
        "N",
        "Show every N epochs as a line of its own.",
        "25; on a terminal one line, drawn over itself",
        check=_ONE_OR_MORE,
    ),
    Option("quiet", bool, "", "Show errors only.", short="-q"),
    Option("json", bool, "", "Print one summary for programs; all else goes to standard error."),
    # ------------------------------------------------------------ forecast
    Option(
        "lags",
        list,
        "A-B,C",
        "Rows back at which the targets are inputs: 1-12, or 1,2,12; 'none' for exogenous columns only.",
        "1-12",
    ),
    Option("exog", list, "A,B", "Columns that drive the target. Rows that follow hold their future."),
    Option("lags_exog", list, "A-B,C", "Their lags; 0 is the same row.", "0"),
    Option(
        "difference",
        list,
        "N[,N]",
        "Periods of differences taken first: 1 against a trend, 1,12 also against a yearly season of months.",
        "none",
    ),
    Option(
        "date",
        str,
        "NAME",
        "Column of the dates or row numbers, whose steps must be equal.",
        "the column of dates, if there is one",
    ),
    Option(
        "dayfirst",
        bool,
        "",
        "Whether 02/01/2024 is the second of January, or the first of February.",
        "what makes equal steps",
        off=True,
    ),
    Option("horizon", int, "N", "Rows to forecast.", "the last rows with an empty target, else 12", check=_ONE_OR_MORE),
    Option(
        "splits",
        int,
        "N",
        "Times to train on an earlier part and forecast what follows it; 0: no evaluation.",
        "5, fewer for short series",
        check=whole,
    ),
    Option(
        "season",
        int,
        "N",
        "Rows a season, for the comparison with the same season.",
        "by the dates: 12 for months, 4 for quarters, 7 for days, 24 for hours",
        check=_ONE_OR_MORE,
    ),
    Option("model", Path, "FILE", "Do not train: forecast what follows DATA with that forecaster."),
    Option("closed_loop", bool, "", "Train on after that, on the network's own past outputs."),
    Option("network", Path, "FILE", "Forecaster.", "name of DATA with .marquardt, here"),
    Option("plot", Path, "FILE", "Also draw the forecast: .png, .svg or .pdf."),
    # ------------------------------------------------------------ compare
    Option(
        "problem",
        str,
        "PROBLEM",
        "Name of a problem (see --list), a CSV, TSV, Parquet or Arrow file, or a pattern: 'rows/*.parquet'.",
        is_argument=True,
    ),
    Option("list", bool, "", "List problems and algorithms, and do nothing."),
    Option(
        "algorithms",
        list,
        "A,B",
        "Names, each with settings or without: lm,'lm(mu_init=1)'. Repeat, or put commas between.",
        "every one that can train it",
        short="-a",
    ),
    Option("starts", int, "N", "Runs of each.", default=100, check=_ONE_OR_MORE),
    Option("resume", Path, "FILE", "Write every finished run there, and do none again that it has."),
    Option("plots", Path, "FOLDER", "Also draw losses, success rates, and speed against memory."),
    # ------------------------------------------------------------ predict, data, demo
    Option("keep", bool, "", "Copy the columns of DATA, too."),
    Option(
        "unknown",
        str,
        "HOW",
        "Words the training never saw: refuse, or ignore (predict the mean over the known).",
        default="refuse",
        check=_words("refuse", "ignore"),
    ),
    Option("name", str, "[NAME]", "The table; without it all are listed.", is_argument=True),
    Option(
        "kind",
        str,
        "[KIND]",
        "classification (a diagnosis) or regression (prices of houses).",
        default="classification",
        is_argument=True,
    ),
    Option(
        "folder",
        Path,
        "FOLDER",
        "Where its files go; those of an earlier demo are replaced.",
        default=Path("marquardt-demo"),
    ),
)

OPTIONS = {option.name: option for option in _TABLE}
"""Every option by its name, as `train` takes it where several commands do."""

PARAMETERS = {option.setting: option.parameter or option.setting for option in _TABLE if option.setting}
"""What the estimators call the settings."""

FLAGS = {option.setting: option.flag for option in _TABLE if option.setting}
"""What the command line calls them."""

DAMPING = ("mu_init", "mu_increase", "mu_decrease", "mu_max")
"""Those that are settings of Levenberg–Marquardt."""

READING = ("decimal", "thousands", "encoding", "skip_rows", "comment", "sheet")
"""Of every command that reads a table, about how its file is written: fields of `marquardt.tables.Dialect`."""


def _but(name: str, **changes: Any) -> Option:
    """An option as one command has it."""
    return replace(OPTIONS[name], **changes)


_NETWORK_FILE = _but(
    "network",
    metavar="NETWORK",
    help="Network file, as written by train.",
    usual="",
    is_argument=True,
    is_required=True,
)
_TEXT = "Text of DATA, where it is not found by itself"
_TABLE_OF_DATA = ("target", "inputs", "ignore", "task", "missing", "keep_words", "stream")
_DIVISION = ("division", "validation", "test", "indices", "seed")
_NETWORK = ("hidden", "preset", "activation", "topology", "init", "scaling", "target_scaling")
_RULE = ("algorithm", "mu", "mu_inc", "mu_dec", "threads", "memory", "jobs")
_TRAINING = ("loss", "loss_scale", "alpha", "restarts", *_RULE)
_LIMITS = ("epochs", "time", "goal", "goal_metric", "max_fail", "min_grad", "mu_max")

COMMANDS: dict[str, dict[str, tuple[str | Option, ...]]] = {
    "demo": {"": ("kind", "folder")},
    "data": {
        "": (
            "name",
            _but("output", help="Where to.", usual="NAME.csv, here"),
            _but("force", help="Replace a file that exists."),
        )
    },
    "train": {
        "": ("data",),
        "Data": _TABLE_OF_DATA,
        _TEXT: READING,
        "Division of the rows": _DIVISION,
        "Network": _NETWORK,
        "Training": _TRAINING,
        "When it stops": _LIMITS,
        "Output": ("output", "force", "record", "show", "quiet", "json"),
    },
    "explain": {
        "": ("data",),
        "Data": _TABLE_OF_DATA,
        _TEXT: READING,
        "Division of the rows": _DIVISION,
        "Network": _NETWORK,
        "Training": _TRAINING,
        "Output": (_but("json", help="Print it for programs."),),
    },
    "predict": {
        "": (
            _NETWORK_FILE,
            _but("data", help=f"The inputs: {_DATA}"),
            _but("output", help="Where predictions go: .csv, .tsv or .parquet.", usual="standard output, as CSV"),
            _but("force", help="Replace a file that exists."),
            "keep",
            "unknown",
            _but("stream", help="Read DATA batch by batch, or as a whole."),
            "quiet",
        ),
        _TEXT: READING,
    },
    "forecast": {
        "": (_but("data", help="CSV, TSV, Excel or Parquet file with a header; oldest row first, or dated."),),
        "Data": (
            _but("target", help="Column to forecast. Repeat for several."),
            "lags",
            "exog",
            "lags_exog",
            "difference",
            "date",
            "dayfirst",
        ),
        _TEXT: READING,
        "Forecast and evaluation": ("horizon", "splits", "season", "model"),
        "Network": (
            _but("hidden", help="Units of each hidden layer; 'none' for a linear autoregression."),
            _but("scaling", usual="standard; robust where a robust loss takes its scale from the residuals"),
            _but("target_scaling", usual="as --scaling has it"),
            "activation",
            "topology",
            "init",
        ),
        "Training": (
            _but("loss", help="squares, huber, cauchy or soft_l1.", usual="squares"),
            _but("alpha", usual="auto"),
            _but("restarts", usual="4"),
            _but("validation", help="Fraction, the last rows, that ends the training.", usual="0"),
            "closed_loop",
            _but("seed", help="Of the starting weights."),
            "loss_scale",
            *_RULE,
        ),
        "When it stops": _LIMITS,
        "Output": (
            "record",
            _but("output", help="Also write the forecast: .csv, .tsv or .parquet.", usual=""),
            "network",
            "plot",
            "force",
            "show",
            "quiet",
            "json",
        ),
    },
    "inspect": {"": (_NETWORK_FILE, _but("json", help="Print it for programs."))},
    "compare": {
        "": ("problem",),
        "Problem": ("list",),
        "What is compared": (
            "algorithms",
            "starts",
            _but("seed", help="Of the starts."),
            _but(
                "jobs",
                help="Processes side by side, -1 for one a processor. They share it: times are longer.",
                usual="",
                default=1,
                check=_jobs,
                setting="",
            ),
        ),
        "When a run stops": (
            _but("goal", help="Error that a run has to reach.", usual="the problem's", check=positive),
            _but("goal_metric", help="What --goal is given in: mse, rmse, sse or loss."),
            _but("epochs", usual="the problem's, mostly 1000"),
            _but("time", help="Time of a run.", check=positive),
            _but("min_grad", help="Norm of the gradient of the mean loss: the run has failed.", usual="", default=0.0),
        ),
        "For a table: data and network": (
            *("target", "inputs", "ignore", "task", "missing", "keep_words"),
            _but("hidden", help="Units of each hidden layer, or 'none'."),
            *("activation", "topology", "init"),
        ),
        _TEXT: READING,
        "Output": (
            "resume",
            _but("output", help="Also write every run's numbers: .json.", usual=""),
            "plots",
            "force",
            "quiet",
            "json",
        ),
    },
}
"""What every command takes, by the headings of its help; as a record where the command has other words for it."""


def options_of(command: str) -> dict[str, tuple[str, Option]]:
    """Return the options of a command by their names, each behind its heading."""
    return {
        option.name: (heading, option)
        for heading, members in COMMANDS[command].items()
        for option in (OPTIONS[member] if isinstance(member, str) else member for member in members)
    }
