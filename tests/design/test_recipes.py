"""What DEVELOPERS.md says to write for an activation, a loss, a rule, a form, a damping or an option is enough."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import typer

from marquardt.cli.job import job_of
from marquardt.cli.taking import takes_its_options
from marquardt.errors import ConfigurationError
from marquardt.options import COMMANDS, FLAGS, OPTIONS

from .documents import ROOT
from .markdown import fenced_blocks

RECIPES = {
    # What is asked for: the contracts, the words in the names of those that the new one runs, and how many there are
    "An activation": (("tests/contracts/test_activations.py",), "arctan", 10),
    "A loss": (("tests/contracts/test_losses.py", "tests/contracts/test_losses_train.py"), "LogCosh or log_cosh", 15),
    "A rule": (("tests/contracts/test_rules.py", "tests/contracts/test_topologies.py"), "HeavyBall or heavy_ball", 20),
    "A form of the normal equations": (("tests/contracts/test_forms.py",), "row_by_row", 14),
    "A damping": (("tests/algorithms/test_levenberg_marquardt_variants.py",), "patient", 2),
}


def module_of(recipe):
    """The block below a heading of DEVELOPERS.md."""
    page = (ROOT / "DEVELOPERS.md").read_text(encoding="utf-8")
    _, _, section = page.partition(f"\n### {recipe}\n")
    return fenced_blocks(section.partition("\n### ")[0], "python")[0].text


def run(module, folder, contracts, words):
    """Run contracts with a module that registers something of their kind."""
    (folder / "recipe_of_the_day.py").write_text(module, encoding="utf-8")
    path = os.pathsep.join([str(folder), str(ROOT / "tests")])
    options = ("-p", "recipe_of_the_day", "-n", "0", "-k", words, "-p", "no:cacheprovider", "--rootdir", str(ROOT))
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(str(ROOT / contract) for contract in contracts)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def passed(done):
    """How many passed."""
    found = re.search(r"(\d+) passed", done.stdout)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_recipe_is_enough_for_the_contracts(tmp_path, recipe):
    contracts, words, least = RECIPES[recipe]
    done = run(module_of(recipe), tmp_path, contracts, words)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert passed(done) >= least


def test_the_contracts_find_a_recipe_that_is_wrong(tmp_path):
    contracts, words, _ = RECIPES["An activation"]
    wrong = module_of("An activation").replace("1.0 / (1.0 + net**2)", "1.0 / (2.0 + net**2)", 1)
    done = run(wrong, tmp_path, contracts, words)
    assert done.returncode == 1
    assert "test_slope_is_the_derivative_of_value[arctan]" in done.stdout


def test_the_recipe_of_an_option_is_enough_for_the_command_line(monkeypatch):
    """A setting without a flag gets one: it is parsed, handed on, told in help, and refused by its flag."""
    written = {}
    exec(module_of("An option"), written)
    record = written["record"]
    monkeypatch.setitem(OPTIONS, record.name, record)
    monkeypatch.setitem(COMMANDS["train"], "Network", (*COMMANDS["train"]["Network"], record.name))
    monkeypatch.setitem(FLAGS, record.setting, record.flag)  # made of the table when it is read

    @takes_its_options
    def train(given):
        return job_of(given)

    app = typer.Typer()
    app.command()(train)
    assert app(["a.csv", "--spread", "0.5"], standalone_mode=False)().settings.spread == 0.5
    with pytest.raises(ConfigurationError, match=r"^--spread must be a number above 0"):
        app(["a.csv", "--spread", "-1"], standalone_mode=False)()
    assert "[default: 1]" in train.__annotations__["spread"].__metadata__[0].help
