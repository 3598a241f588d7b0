"""The table of options: what it says is true, and what a command takes it uses."""

import inspect
import json
import math
import re
from dataclasses import fields
from pathlib import Path

import pytest

from marquardt.algorithms import LevenbergMarquardt
from marquardt.cli import main
from marquardt.cli.comparison import problem_of
from marquardt.cli.forecasting import forecaster_of
from marquardt.cli.job import job_of
from marquardt.cli.taking import Given
from marquardt.comparison import compare
from marquardt.errors import ConfigurationError
from marquardt.estimators import NetworkClassifier, NetworkForecaster, NetworkRegressor
from marquardt.options import COMMANDS, DAMPING, FLAGS, OPTIONS, PARAMETERS, options_of
from marquardt.training import Division, Limits, Settings

from .made import concrete, write

DOCS = Path(__file__).parents[2] / "docs"
VALUES = {
    "target": ["strength"],
    "inputs": ["age"],
    "ignore": ["water"],
    "task": "regression",
    "missing": "mean",
    "keep_words": ["NA"],
    "stream": False,
    "decimal": ".",
    "thousands": "none",
    "encoding": "utf-8",
    "skip_rows": "0",
    "comment": "#",
    "sheet": "Data",
    "division": "blocks",
    "validation": 0.2,
    "test": 0.2,
    "seed": 3,
    "hidden": ["3"],
    "preset": "few_units",
    "activation": "logistic",
    "topology": "cascade_forward",
    "init": "uniform",
    "scaling": "robust",
    "target_scaling": "robust",
    "loss": "huber",
    "loss_scale": 2.0,
    "alpha": "0.5",
    "restarts": 2,
    "algorithm": "lm",
    "mu": 0.5,
    "mu_inc": 5.0,
    "mu_dec": 0.5,
    "mu_max": 1e5,
    "threads": 2,
    "memory": "1GB",
    "jobs": 3,
    "epochs": 2,
    "time": 9.0,
    "goal": 5.0,
    "goal_metric": "rmse",
    "max_fail": 2,
    "min_grad": 1e-3,
    "output": Path("other.marquardt"),
    "force": True,
    "record": Path("record.csv"),
    "show": 5,
    "lags": ["1-2"],
    "lags_exog": ["0-1"],
    "difference": ["1"],
    "closed_loop": True,
}
"""Of every option one that is not its default."""
BESIDE = {"loss_scale": {"loss": "huber"}, "goal_metric": {"goal": 5.0}}
"""What some need to mean anything."""


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts.json").write_text(json.dumps({"train": list(range(60)), "validation": list(range(60, 80))}))
    return write(tmp_path / "concrete.csv", concrete())


def described(default):
    """A default as help tells it: up to the first mark."""
    return re.split(r"[;,:]", default)[0]


def is_told(value, words):
    told = described(words)
    if isinstance(value, tuple):
        return told == ("none" if value == () else ",".join(map(str, value)))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return told == "no limit" if math.isinf(value) else float(told) == value
    return told == value


# ---------------------------------------------------------------- what the table says is true


def usual_settings():
    rule, limits, settings = LevenbergMarquardt(), Limits(), Settings()
    found = {each.name: getattr(limits, each.name) for each in fields(Limits)}
    found |= {each.name: getattr(settings, each.name) for each in fields(Settings)}
    found |= {name: getattr(rule, name) for name in DAMPING}
    return {**found, "target_scaling": settings.scaling_of_targets(), "algorithm": "auto", "seed": 0}


SPOKEN = ("loss", "loss_scale", "threads", "max_memory", "jobs")
"""Settings whose default help tells in words."""


@pytest.mark.parametrize("setting", [name for name in PARAMETERS if name not in SPOKEN])
def test_help_tells_the_default_of_the_setting(setting):
    (option,) = [each for each in OPTIONS.values() if each.setting == setting]
    assert is_told(usual_settings()[setting], option.told), option.told


def test_help_of_forecast_tells_the_defaults_of_the_forecaster():
    parameters = inspect.signature(NetworkForecaster).parameters
    for _, option in options_of("forecast").values():
        told = {"input_scaling": "standard", "target_scaling": "as --scaling has it", "loss": "squares"}
        if option.setting and option.setting not in SPOKEN and option.setting not in (*DAMPING, "seed", "max_seconds"):
            default = told.get(option.setting, parameters[PARAMETERS[option.setting]].default)
            assert is_told(default, option.told), option.name
    assert parameters["lags"].default == range(1, 13)
    assert OPTIONS["lags"].usual == "1-12"
    assert is_told(parameters["exog_lags"].default, OPTIONS["lags_exog"].usual)


def test_help_tells_the_shares_of_a_division_and_the_starts_of_a_comparison():
    assert is_told(Division.validation, OPTIONS["validation"].usual)
    assert is_told(Division.test, OPTIONS["test"].usual)
    takes = inspect.signature(compare).parameters
    of_compare = {name: option for name, (_, option) in options_of("compare").items()}
    assert takes["n_starts"].default == of_compare["starts"].default
    assert takes["min_gradient"].default == of_compare["min_grad"].default
    assert takes["n_jobs"].default == of_compare["jobs"].default


def test_every_setting_is_an_option_or_is_for_programs():
    settings = {each.name for kind in (Settings, Limits) for each in fields(kind)} | set(DAMPING)
    assert settings - set(PARAMETERS) == {"spread", "rule", "limits", "form"}
    assert set(PARAMETERS) <= settings


@pytest.mark.parametrize("estimator", [NetworkRegressor, NetworkClassifier, NetworkForecaster])
def test_estimators_take_every_setting_under_its_name_and_with_its_default(estimator):
    own = {"target_scaling", "loss_scale"} if estimator is NetworkClassifier else set()
    parameters = inspect.signature(estimator).parameters
    assert {parameter for setting, parameter in PARAMETERS.items() if setting not in own} <= set(parameters)
    for setting in (each.name for each in fields(Limits)):
        default = parameters[PARAMETERS[setting]].default
        of_its_own = {"max_seconds": None} | ({"goal_metric": "loss"} if estimator is NetworkClassifier else {})
        assert default == of_its_own.get(setting, getattr(Limits, setting))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_two_options_of_a_command_share_a_letter(command):
    letters = [option.short for _, option in options_of(command).values() if option.short]
    assert len(letters) == len(set(letters))


def test_what_a_setting_refuses_it_calls_by_the_name_of_the_door():
    for values, flag, parameter in (
        ({"epochs": -1}, "--epochs", "max_iter"),
        ({"time": -1.0}, "--time", "time_limit"),
        ({"min_grad": -1.0}, "--min-grad", "min_grad"),
        ({"restarts": 0}, "--restarts", "n_restarts"),
        ({"threads": 0}, "--threads", "n_threads"),
        ({"mu_inc": 1.0}, "--mu-inc", "mu_increase"),
    ):
        with pytest.raises(ConfigurationError, match=f"^{flag} must"):
            job_of(Given("train", data=Path("a.csv"), **values))
        (value,) = values.values()
        with pytest.raises(ConfigurationError, match=f"^{parameter} must"):
            NetworkRegressor(**{parameter: value}).fit([[0.0], [1.0]], [0.0, 1.0])


# ---------------------------------------------------------------- what a command takes it uses


def options_to_try(command, without=()):
    left_out = {"data", "model", "quiet", "json", "indices", *without}
    return [(command, name) for name in options_of(command) if name not in left_out]


@pytest.mark.parametrize(("command", "name"), [*options_to_try("train"), *options_to_try("explain")])
def test_every_option_changes_the_job(data, command, name):
    beside = BESIDE.get(name, {})
    plain = job_of(Given(command, data=data, **beside))
    assert job_of(Given(command, data=data, **beside, **{name: VALUES[name]})) != plain


OF_THE_FORECASTER = [
    name
    for name, (_, option) in options_of("forecast").items()
    if option.setting or name in ("lags", "lags_exog", "difference", "closed_loop", "validation")
]


@pytest.mark.parametrize("name", OF_THE_FORECASTER)
def test_every_option_about_the_training_changes_the_forecaster(data, name):
    beside = {**BESIDE.get(name, {}), "exog": ["age"]}
    plain = forecaster_of(Given("forecast", data=data, **beside))
    changed = forecaster_of(Given("forecast", data=data, **beside, **{name: VALUES[name]}))
    assert changed.get_params(deep=False) != plain.get_params(deep=False)


@pytest.mark.parametrize("name", ["hidden", "activation", "topology", "init", "target", "inputs", "ignore"])
def test_every_option_about_a_table_changes_the_problem(data, name):
    def made(**given):
        problem, _ = problem_of(Given("compare", problem=str(data), goal=1.0, **{"target": ["age"], **given}))
        return problem.graph, problem.initialization, problem.inputs.tolist(), problem.targets.tolist()

    assert made(**{name: {**VALUES, "inputs": ["water"]}[name]}) != made()


RUNS = {
    "train": [
        ("concrete.csv", "-t", "strength", "--epochs", "2"),
        ("concrete.csv", "-t", "strength", "--epochs", "2", "--indices", "parts.json", "--force"),
    ],
    "explain": [("concrete.csv", "-t", "strength"), ("concrete.csv", "-t", "strength", "--indices", "parts.json")],
    "compare": [
        ("concrete.csv", "-t", "strength", "--goal", "9", "--starts", "1", "--output", "runs.json"),
        ("--list",),
    ],
    "forecast": [
        ("concrete.csv", "-t", "strength", "--epochs", "2", "--splits", "1", "--horizon", "2", "--lags", "1"),
        ("concrete.csv", "--model", "concrete.marquardt", "--force"),
    ],
    "predict": [("concrete.marquardt", "concrete.csv")],
    "inspect": [("concrete.marquardt",)],
    "data": [("houses",)],
    "demo": [("regression",)],
}


@pytest.mark.parametrize(
    "command", [pytest.param(each, marks=pytest.mark.slow) if each == "compare" else each for each in RUNS]
)
def test_every_option_is_read_by_its_command(data, command, monkeypatch):
    """Those of the tests above included: what is read on the way to a job is not forgotten on the way from there."""
    if command in ("predict", "inspect"):
        assert main(["train", "concrete.csv", "-t", "strength", "--epochs", "2", "--quiet"]) == 0
    read = set()
    plain, names = Given.__getattr__, Given.names

    def noting(self, name):
        if not name.startswith("_"):
            read.add(name)
        return plain(self, name)

    def noting_names(self, among=None):
        read.update(among or ())
        return names(self, among)

    monkeypatch.setattr(Given, "__getattr__", noting)
    monkeypatch.setattr(Given, "names", noting_names)
    for arguments in RUNS[command]:
        assert main([command, *arguments]) == 0
    by_setting = {name for name, (_, option) in options_of(command).items() if option.setting}
    assert set(options_of(command)) - by_setting <= read


# ---------------------------------------------------------------- the documents have the table's words


def in_python(option):
    """What an option of the toolbox is in Python."""
    if option.setting in DAMPING:
        return f"`LevenbergMarquardt({option.setting}=…)`"
    return f"`Limits({option.setting}=…)`"


def names_at_every_door():
    """The table in docs/command-line.md."""
    yield "| option | default | in `Settings`, `Limits` or the rule | of the estimators | in `trainParam` |"
    yield "|---|---|---|---|---|"
    for option in OPTIONS.values():
        if option.setting:
            toolbox = f"`{option.toolbox}`" if option.toolbox else ""
            cells = f"`{option.flag}`", option.told, f"`{option.setting}`", f"`{PARAMETERS[option.setting]}`", toolbox
            yield f"| {' | '.join(cells)} |".replace("|  |", "| |")


def names_in_the_toolbox():
    """The table in docs/coming-from-the-toolbox.md."""
    yield "| `net.trainParam.` | default | Python | command line |"
    yield "|---|---|---|---|"
    for option in sorted(OPTIONS.values(), key=lambda option: option.name.startswith("mu")):
        if option.toolbox:
            default = "inf" if option.setting == "max_seconds" else described(option.told)
            yield f"| `{option.toolbox}` | {default} | {in_python(option)} | `{option.flag}` |"


@pytest.mark.parametrize(
    ("page", "wanted"),
    [("command-line.md", names_at_every_door), ("coming-from-the-toolbox.md", names_in_the_toolbox)],
)
def test_tables_of_the_documents_are_those_of_the_options(page, wanted):
    block = "\n".join(wanted())
    assert block in (DOCS / page).read_text(encoding="utf-8"), f"Put this into docs/{page}:\n{block}"


def test_defaults_in_the_documents_are_those_of_the_options():
    rows = re.findall(r"^\| `--([a-z-]+)`(?:, `--[a-z-]+`)? \| (.+?) \|", (DOCS / "command-line.md").read_text(), re.M)
    assert len(rows) > 10
    for flag, default in rows:
        told = OPTIONS[flag.replace("-", "_")].told.replace("`", "")
        assert described(default.replace("`", "")) == described(told), flag
    assert set(FLAGS.values()) <= {f"--{flag}" for flag, _ in rows}
