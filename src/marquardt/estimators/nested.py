"""The settings of an algorithm as parameters of the estimator: ``algorithm__mu_init`` for ``"lm(mu_init=0.1)"``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field
from typing import Any

import numpy as np

from marquardt.algorithms import ALGORITHMS
from marquardt.checks import require_settings, shown
from marquardt.errors import ConfigurationError
from marquardt.spelling import spelled

__all__ = ["PREFIX", "settings_within", "with_settings"]

PREFIX = "algorithm__"


def settings_within(algorithm: Any) -> dict[str, Any]:
    """Return all settings of a named algorithm, with their defaults; none of what names no algorithm by itself.

    >>> settings_within("rprop(first_step=0.2)")["first_step"], settings_within("auto")
    (0.2, {})
    """
    try:
        name, own = spelled(algorithm, "The algorithm") if isinstance(algorithm, str) else ("", {})
    except ConfigurationError:
        return {}
    return {**_defaults(name), **own} if name in ALGORITHMS else {}


def with_settings(algorithm: Any, changes: Mapping[str, Any]) -> str:
    """Return an algorithm with other settings; those that are defaults are left out.

    >>> with_settings("lm(mu_init=0.1)", {"mu_init": 0.5, "damping": "nielsen"})
    "lm(mu_init=0.5, damping='nielsen')"
    """
    name, own = spelled(algorithm, "The algorithm") if isinstance(algorithm, str) else ("", {})
    if name not in ALGORITHMS:
        raise ConfigurationError(
            f"{PREFIX}{next(iter(changes))} is a setting of an algorithm that is named, such as algorithm='lm', and "
            f"the algorithm is {shown(algorithm)}. Name one."
        )
    require_settings(ALGORITHMS[name], changes, name)
    usual = _defaults(name)
    together = {**own, **{setting: _plain(value) for setting, value in changes.items()}}
    kept = [f"{setting}={value!r}" for setting, value in together.items() if value != usual.get(setting, MISSING)]
    return f"{name}({', '.join(kept)})" if kept else name


def _defaults(name: str) -> dict[str, Any]:
    fields: dict[str, Field[Any]] = getattr(ALGORITHMS.get(name), "__dataclass_fields__", {})
    return {setting: field.default for setting, field in fields.items() if field.repr and field.default is not MISSING}


def _plain(value: Any) -> Any:
    """A number of NumPy, as searches draw them, as one of Python, which can be read again."""
    return value.item() if isinstance(value, np.generic) else value
