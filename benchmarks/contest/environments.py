"""Environments of the contenders: one for every requirements file, made when first needed, outside of the project.

They lie in the directory that MARQUARDT_BENCHMARKS names, or in the user's cache. An environment is named after its
requirements and the Python that made it, so a changed file makes a new one. One that could not be made is remembered
with the reason, and tried again with ``--fresh``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CONTENDERS = Path(__file__).parents[1] / "contenders"
VARIABLE = "MARQUARDT_BENCHMARKS"
PATIENCE = 1200.0
"""Seconds that an installation may take."""


class CannotInstall(Exception):
    """Why there is no environment, in a sentence."""


def cache() -> Path:
    """Where environments and finished cells are kept."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "marquardt-benchmarks"


def environment(requirements: str, is_fresh: bool = False) -> Path:
    """The Python of an environment with the requirements installed.

    Parameters
    ----------
    requirements : str
        Name of a file in benchmarks/contenders, without its suffix.
    is_fresh : bool
        Whether to try again what failed before.

    Raises
    ------
    CannotInstall
        If it cannot be made.
    """
    wanted = CONTENDERS / f"{requirements}.txt"
    text = wanted.read_text(encoding="utf-8") + sys.version
    place = cache() / "environments" / f"{requirements}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    python, failure = place / "bin" / "python", place / "failed.txt"
    if failure.exists() and not is_fresh:
        raise CannotInstall(failure.read_text(encoding="utf-8"))
    if (place / "complete").exists():
        return python
    print(f"  installing {requirements} …", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    steps = [
        [sys.executable, "-m", "venv", str(place)],
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(wanted)],
    ]
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, check=False, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            reason = f"does not install within {PATIENCE:.0f} s"
        else:
            if done.returncode == 0:
                continue
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
            reason = f"does not install: {lines[-1] if lines else 'pip says nothing'}"
        failure.write_text(reason[:300], encoding="utf-8")
        raise CannotInstall(reason[:300])
    (place / "complete").touch()
    return python
