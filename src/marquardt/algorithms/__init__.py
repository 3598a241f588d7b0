"""Algorithms: step rules, and the catalogue that names them."""

from __future__ import annotations

from typing import Any

from marquardt.algorithms.adam import Adam
from marquardt.algorithms.adaptive_gradient_descent import AdaptiveGradientDescent, AdaptiveGradientDescentMomentum
from marquardt.algorithms.automatic import Choice, choose
from marquardt.algorithms.bayesian_regularization import BayesianRegularization
from marquardt.algorithms.conjugate_gradient import (
    ConjugateGradient,
    FletcherReeves,
    HestenesStiefel,
    PolakRibiere,
    PowellBeale,
)
from marquardt.algorithms.gauss_newton import GaussNewton
from marquardt.algorithms.gradient_descent import GradientDescent, GradientDescentMomentum
from marquardt.algorithms.lbfgs import LBFGS
from marquardt.algorithms.levenberg_marquardt import GeodesicLevenbergMarquardt, LevenbergMarquardt, NeuronByNeuron
from marquardt.algorithms.lm_bfgs import LMBFGS
from marquardt.algorithms.loop import iterate
from marquardt.algorithms.newton import Newton
from marquardt.algorithms.quasi_newton import BFGS, DFP, OneStepSecant
from marquardt.algorithms.rprop import Rprop
from marquardt.algorithms.rule import StepRule
from marquardt.algorithms.scaled_conjugate_gradient import ScaledConjugateGradient
from marquardt.algorithms.steepest_descent import SteepestDescent
from marquardt.algorithms.trial import Outcome, Step, Trial, Verdict
from marquardt.algorithms.truncated_newton import TruncatedNewton
from marquardt.checks import nearest, require_settings
from marquardt.errors import ConfigurationError
from marquardt.spelling import spelled

__all__ = [
    "ALGORITHMS",
    "BFGS",
    "DFP",
    "LBFGS",
    "LMBFGS",
    "Adam",
    "AdaptiveGradientDescent",
    "AdaptiveGradientDescentMomentum",
    "BayesianRegularization",
    "Choice",
    "ConjugateGradient",
    "FletcherReeves",
    "GaussNewton",
    "GeodesicLevenbergMarquardt",
    "GradientDescent",
    "GradientDescentMomentum",
    "HestenesStiefel",
    "LevenbergMarquardt",
    "NeuronByNeuron",
    "Newton",
    "OneStepSecant",
    "Outcome",
    "PolakRibiere",
    "PowellBeale",
    "Rprop",
    "ScaledConjugateGradient",
    "SteepestDescent",
    "Step",
    "StepRule",
    "Trial",
    "TruncatedNewton",
    "Verdict",
    "algorithm_named",
    "choose",
    "iterate",
]

ALGORITHMS: dict[str, type[StepRule]] = {
    "levenberg_marquardt": LevenbergMarquardt,
    "lm": LevenbergMarquardt,
    "trainlm": LevenbergMarquardt,
    "neuron_by_neuron": NeuronByNeuron,
    "nbn": NeuronByNeuron,
    "geodesic_levenberg_marquardt": GeodesicLevenbergMarquardt,
    "lm_geodesic": GeodesicLevenbergMarquardt,
    "lm_bfgs": LMBFGS,
    "bayesian_regularization": BayesianRegularization,
    "trainbr": BayesianRegularization,
    "steepest_descent": SteepestDescent,
    "conjugate_gradient": ConjugateGradient,
    "fletcher_reeves": FletcherReeves,
    "traincgf": FletcherReeves,
    "polak_ribiere": PolakRibiere,
    "traincgp": PolakRibiere,
    "hestenes_stiefel": HestenesStiefel,
    "powell_beale": PowellBeale,
    "traincgb": PowellBeale,
    "scaled_conjugate_gradient": ScaledConjugateGradient,
    "scg": ScaledConjugateGradient,
    "trainscg": ScaledConjugateGradient,
    "gradient_descent": GradientDescent,
    "ebp": GradientDescent,
    "traingd": GradientDescent,
    "gradient_descent_momentum": GradientDescentMomentum,
    "traingdm": GradientDescentMomentum,
    "adaptive_gradient_descent": AdaptiveGradientDescent,
    "traingda": AdaptiveGradientDescent,
    "adaptive_gradient_descent_momentum": AdaptiveGradientDescentMomentum,
    "gdx": AdaptiveGradientDescentMomentum,
    "traingdx": AdaptiveGradientDescentMomentum,
    "rprop": Rprop,
    "trainrp": Rprop,
    "adam": Adam,
    "gauss_newton": GaussNewton,
    "newton": Newton,
    "truncated_newton": TruncatedNewton,
    "newton_cg": TruncatedNewton,
    "bfgs": BFGS,
    "trainbfg": BFGS,
    "dfp": DFP,
    "lbfgs": LBFGS,
    "l_bfgs": LBFGS,
    "one_step_secant": OneStepSecant,
    "oss": OneStepSecant,
    "trainoss": OneStepSecant,
}
"""Every algorithm by its names: its own, the short one, the toolbox's."""


def algorithm_named(name: str, **settings: Any) -> StepRule:
    """Put a step rule together.

    Parameters
    ----------
    name : str
        One of `ALGORITHMS`, alone or with settings in parentheses, such as ``"lm(mu_init=0.1)"``.
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
    >>> algorithm_named("lm", mu_init=0.01) == algorithm_named("lm(mu_init=0.01)")
    True
    """
    word, spelled_out = spelled(name, "The algorithm") if isinstance(name, str) else (name, {})
    if word not in ALGORITHMS:
        own = dict.fromkeys(kind.name for kind in ALGORITHMS.values())
        raise ConfigurationError(
            f"There is no algorithm {word!r}.{nearest(word, ALGORITHMS)} There are {', '.join(own)}."
        )
    kind = ALGORITHMS[word]
    twice = [setting for setting in settings if setting in spelled_out]
    if twice:
        raise ConfigurationError(
            f"{name} has {twice[0]} already, got {settings[twice[0]]!r} for it, too. Give one of them."
        )
    together = {**spelled_out, **settings}
    require_settings(kind, together, word)
    return kind(**together)
