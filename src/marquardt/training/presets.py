"""Presets: settings that belong together, by a name.

``"few_units"`` is for networks of few saturating units that have to meet targets exactly: parity, spirals, truth
tables, rules. Each of its parts keeps units away from saturation, where their slopes vanish and they stay for good:

- units tanh(net/4), and starts uniform in (−1, 1) on inputs of mean 0 and deviation 1: nets begin in the middle of
  tanh, and identity damping holds the hidden units back more than it does the output;
- a first μ of 1: no Gauss–Newton step on a singular matrix at the start;
- shortcuts: every layer sees the inputs and all layers before it;
- no weight decay, which works against targets at the ends of the output's range.

For classes the loss is the cross-entropy, as it is without a preset: a sample that saturates on the wrong side keeps
its slope there, and loses it with squares. ``python -m benchmarks cascades`` measures what each part does.
"""

from __future__ import annotations

from typing import Any

from marquardt.checks import one_of
from marquardt.errors import ConfigurationError
from marquardt.spelling import spelled

__all__ = ["PRESETS", "preset"]

PRESETS: dict[str, dict[str, Any]] = {
    "few_units": {
        "activation": "tanh(gain=0.25)",
        "topology": "cascade_forward",
        "initialization": "uniform",
        "input_scaling": "standard",
        "alpha": 0.0,
        "algorithm": "lm(mu_init=1)",
    },
}
"""Settings by the names that `Settings` and the estimators have for them."""


def preset(name: str, **changes: Any) -> dict[str, Any]:
    """Return the settings of a preset, for the estimators and `Settings`.

    Parameters
    ----------
    name : str
        One of `PRESETS`.
    **changes
        Settings to have otherwise.

    Returns
    -------
    dict
        A new one.

    Raises
    ------
    ConfigurationError
        For an unknown name, or a change to a setting that the preset does not have.

    Examples
    --------
    >>> preset("few_units", algorithm="lm(mu_init=10)")["algorithm"]
    'lm(mu_init=10)'
    """
    settings = PRESETS[one_of(name, PRESETS, "preset")]
    for setting, value in changes.items():
        if setting not in settings:
            algorithm, own = spelled(settings["algorithm"], "The algorithm")
            way_out = f"Give {setting} beside the preset."
            if setting in own:
                way_out = f"It stands with the algorithm: algorithm='{algorithm}({setting}={value!r})'."
            raise ConfigurationError(
                f"The preset {name!r} has no {setting!r} to change, it has {', '.join(settings)}. {way_out}"
            )
    return {**settings, **changes}
