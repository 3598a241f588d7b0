"""What a start must not pay for: heavy packages stay out until something needs them."""

import json
import subprocess
import sys

import pytest

HEAVY = ("sklearn", "pyarrow", "scipy", "rich", "typer", "matplotlib", "pandas")


def loaded_by(code: str) -> set[str]:
    """Return the top-level packages in memory of a fresh interpreter after the code has run."""
    report = (
        "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, timeout=120, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


HELP = """
import sys
sys.argv = ["marquardt", "--help"]
from marquardt.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.fixture(scope="module")
def loaded_by_import():
    return loaded_by("import marquardt")


@pytest.mark.parametrize("package", HEAVY)
def test_import_leaves_heavy_packages_out(package, loaded_by_import):
    assert package not in loaded_by_import


def test_help_leaves_the_numerical_packages_out():
    assert not loaded_by(HELP) & {"sklearn", "pyarrow", "scipy", "matplotlib", "pandas"}


def test_probe_sees_what_an_import_brings():
    assert "email" not in loaded_by("import sys")
    assert "email" in loaded_by("import email.message")
