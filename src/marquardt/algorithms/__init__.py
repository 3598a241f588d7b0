"""Algorithms: step rules, and the catalogue that names them."""

from __future__ import annotations

from marquardt.algorithms.levenberg_marquardt import LevenbergMarquardt
from marquardt.algorithms.rule import Step, StepRule, Verdict
from marquardt.checks import one_of, require_settings

__all__ = ["ALGORITHMS", "LevenbergMarquardt", "Step", "StepRule", "Verdict", "algorithm_named"]

ALGORITHMS: dict[str, type] = {
    "levenberg_marquardt": LevenbergMarquardt,
    "lm": LevenbergMarquardt,
    "trainlm": LevenbergMarquardt,
}
"""Every algorithm by its names: its own, the short one, the toolbox's."""


def algorithm_named(name: str, **settings: float) -> StepRule:
    """Put a step rule together.

    Parameters
    ----------
    name : str
        One of `ALGORITHMS`.
    **settings
        The rule's hyper-parameters.

    Returns
    -------
    StepRule
        The rule.

    Raises
    ------
    ConfigurationError
        For an unknown name, an unknown setting or one that cannot be.

    Examples
    --------
    >>> algorithm_named("lm", mu_init=0.01)
    LevenbergMarquardt(mu_init=0.01, mu_increase=10.0, mu_decrease=0.1, mu_max=10000000000.0)
    """
    kind = ALGORITHMS[one_of(name, ALGORITHMS, "algorithm")]
    require_settings(kind, settings, name)
    rule: StepRule = kind(**settings)
    return rule
