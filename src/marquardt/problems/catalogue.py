"""The problems by their names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from marquardt.checks import nearest
from marquardt.errors import ConfigurationError
from marquardt.problems.functions import friedman, rosenbrock, sinc, two_spirals
from marquardt.problems.parity import parity
from marquardt.problems.problem import Problem
from marquardt.problems.teacher import teacher
from marquardt.problems.toolbox import cancer, cholesterol, diabetes, engine, sine, toolbox_parity
from marquardt.spelling import spelled

__all__ = ["PROBLEMS", "problem_named"]

PROBLEMS: dict[str, Callable[..., Problem]] = {
    "sin": sine,
    "parity": toolbox_parity,
    "engine": engine,
    "cancer": cancer,
    "cholesterol": cholesterol,
    "diabetes": diabetes,
    "two-spirals": two_spirals,
    "rosenbrock": rosenbrock,
    "friedman-1": friedman,
    "sinc": sinc,
    "teacher": teacher,
}
"""What makes every problem that has one name; parity-N, parity-N-bridged and parity-N-cascade come on top."""

PARITY = re.compile(r"parity-(\d{1,4})(?:-(bridged|cascade))?(?::(\d{1,4}))?")


def problem_named(name: str, **settings: Any) -> Problem:
    """Put a problem together.

    Parameters
    ----------
    name : str
        One of `PROBLEMS`, or ``"parity-N"``, ``"parity-N-bridged"`` or ``"parity-N-cascade"`` with any number of bits
        N; ``"parity-5:4"`` has four hidden units. Settings may stand in it: ``"rosenbrock(n_samples=10000)"``.
    **settings
        What the problem takes: ``hidden`` for parity-N; for others see `PROBLEMS`.

    Returns
    -------
    Problem
        The problem.

    Raises
    ------
    ConfigurationError
        For an unknown name, an unknown setting or one that cannot be.

    Examples
    --------
    >>> problem_named("parity-3-bridged").describe()
    'parity-3-bridged:1: 3-1-1 tanh, tanh, 9 weights, 8 samples, goal sse 0.01'
    """
    if not isinstance(name, str):
        raise ConfigurationError(f"A problem must be named by a text, or be a Problem, got {name!r}.")
    name, written = spelled(name, "The problem")
    for setting in written:
        if setting in settings:
            raise ConfigurationError(f"The problem {name!r} has the setting {setting!r} twice.")
    settings = {**written, **settings}
    found = PARITY.fullmatch(name)
    if found is not None:
        bits, wiring, hidden = found.groups()
        if hidden is not None and "hidden" in settings:
            raise ConfigurationError(f"The problem {name!r} has its hidden units twice.")
        known: dict[str, Any] = {"n_bits": int(bits), "wiring": wiring or "multilayer"}
        if hidden is not None:
            known["hidden"] = int(hidden)
        _check(parity, settings, name, taken=known)
        return parity(**known, **settings)
    if name not in PROBLEMS:
        names = [*PROBLEMS, "parity-3", "parity-3-bridged", "parity-3-cascade"]
        raise ConfigurationError(
            f"There is no problem {name!r}.{nearest(name, names)} There are {', '.join(PROBLEMS)}, and parity-N, "
            f"parity-N-bridged and parity-N-cascade with any number of bits N."
        )
    build = PROBLEMS[name]
    _check(build, settings, name)
    return build(**settings)


def _check(build: Callable[..., Problem], settings: dict[str, Any], name: str, taken: Any = ()) -> None:
    known = [setting for setting in inspect.signature(build).parameters if setting not in taken]
    for setting in settings:
        if setting not in known:
            raise ConfigurationError(f"{name} has no setting {setting!r}. It takes {', '.join(known) or 'none'}.")
